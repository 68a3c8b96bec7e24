//! Just enough XML for flat metadata records: elements by name, their attributes and text.
//!
//! No nesting of an element in itself, no namespaces, no entities of a document's own: neither GDAL's metadata
//! nor the ECS records of ASTER have any. Comments are not skipped.

/// One element, as slices of the document.
#[derive(Debug, Clone, Copy)]
pub(super) struct Element<'a> {
    /// Between the tag's name and its `>`.
    attributes: &'a str,
    /// Between the opening and the closing tag, entities as they stand.
    pub(super) inner: &'a str,
}

/// The elements called `name`, in the document's order.
pub(super) fn elements<'a>(document: &'a str, name: &'a str) -> impl Iterator<Item = Element<'a>> {
    let mut rest = document;
    std::iter::from_fn(move || {
        loop {
            let start = rest.find('<')?;
            let tag = &rest[start + 1..];
            let Some(after) =
                tag.strip_prefix(name).filter(|a| a.starts_with([' ', '>', '/', '\t', '\r', '\n']))
            else {
                rest = tag;
                continue;
            };
            let end = after.find('>')?;
            let attributes = &after[..end];
            let body = &after[end + 1..];
            if let Some(attributes) = attributes.strip_suffix('/') {
                rest = body;
                return Some(Element { attributes, inner: "" });
            }
            let close = find_close(body, name)?;
            rest = &body[close..];
            return Some(Element { attributes, inner: &body[..close] });
        }
    })
}

fn find_close(body: &str, name: &str) -> Option<usize> {
    body.match_indices("</")
        .map(|(i, _)| i)
        .find(|&i| body[i + 2..].strip_prefix(name).is_some_and(|rest| rest.trim_start().starts_with('>')))
}

/// Text of the first element called `name`.
pub(super) fn text_of(document: &str, name: &str) -> Option<String> {
    elements(document, name).next().map(|e| e.text())
}

impl Element<'_> {
    /// Text with the five predefined entities and surrounding blanks resolved.
    pub(super) fn text(&self) -> String {
        unescape(self.inner.trim())
    }
    /// Value of an attribute.
    pub(super) fn attribute(&self, name: &str) -> Option<String> {
        let mut rest = self.attributes;
        loop {
            let (key, after) = rest.split_once('=')?;
            let after = after.trim_start();
            let quote = after.chars().next().filter(|c| matches!(c, '"' | '\''))?;
            let (value, next) = after[1..].split_once(quote)?;
            if key.trim() == name {
                return Some(unescape(value));
            }
            rest = next;
        }
    }
}

/// The five predefined entities resolved, once.
pub(super) fn unescape(text: &str) -> String {
    if !text.contains('&') {
        return text.to_string();
    }
    // The ampersand last, or "&amp;lt;" would be resolved twice.
    [("&lt;", "<"), ("&gt;", ">"), ("&quot;", "\""), ("&apos;", "'"), ("&amp;", "&")]
        .iter()
        .fold(text.to_string(), |t, (entity, plain)| t.replace(entity, plain))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_whole_names() {
        let doc = "<PSAs><PSA a='1'><PSAName>x &amp;lt; y</PSAName></PSA>\n<PSA/><PSA\tb = \"2\" c=''>z</PSA ></PSAs>";
        let all: Vec<_> = elements(doc, "PSA").collect();
        assert_eq!(all.len(), 3);
        assert_eq!(text_of(all[0].inner, "PSAName").as_deref(), Some("x &lt; y"));
        assert_eq!(all[0].attribute("a").as_deref(), Some("1"));
        assert_eq!(
            (all[2].attribute("b").as_deref(), all[2].attribute("c").as_deref()),
            (Some("2"), Some(""))
        );
        assert_eq!((all[2].text().as_str(), all[2].attribute("d")), ("z", None));
    }

    #[test]
    fn damaged_documents_end_quietly() {
        for doc in ["", "<", "<PSA", "<PSA>", "<PSA>x</PSB>", "<PSA a=>x</PSA>", "<PSA a=\"1>x</PSA>", "é<é"]
        {
            assert!(elements(doc, "PSA").all(|e| e.attribute("a").is_none()), "{doc}");
        }
    }
}
