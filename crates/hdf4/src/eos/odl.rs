//! The text language of HDF-EOS metadata: nested groups and objects of `KEY = value` lines.
#![forbid(unsafe_code)]

use crate::error::{Error, Result};

const MAX_GROUPS: usize = 64;
const MAX_LISTS: usize = 8;

/// A value of a key.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// A whole number.
    Integer(i64),
    /// A number with a point or exponent.
    Real(f64),
    /// A quoted string, or a bare word such as `DFNT_UINT8` or a date.
    Text(String),
    /// A parenthesised list.
    List(Vec<Value>),
}

/// A group: its keys and what it contains, each in stored order.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Group {
    /// Name; empty for the root.
    pub name: String,
    /// Keys and values; repeated keys are kept.
    pub attributes: Vec<(String, Value)>,
    /// Groups inside.
    pub groups: Vec<Group>,
    /// Objects inside; names may repeat and then differ by class.
    pub objects: Vec<Object>,
}

/// An object: a named entry, usually with `NUM_VAL` and `VALUE`, sometimes holding further objects.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Object {
    /// Name.
    pub name: String,
    /// Keys and values; repeated keys are kept.
    pub attributes: Vec<(String, Value)>,
    /// Groups inside.
    pub groups: Vec<Group>,
    /// Objects inside.
    pub objects: Vec<Object>,
}

impl Value {
    /// Text of a string or word, or of a list's only string.
    pub fn as_text(&self) -> Option<&str> {
        match self {
            Value::Text(text) => Some(text),
            Value::List(list) => match &list[..] {
                [only] => only.as_text(),
                _ => None,
            },
            _ => None,
        }
    }

    /// A whole number, also if it was written as text or as a real without fraction.
    pub fn as_i64(&self) -> Option<i64> {
        match self {
            Value::Integer(i) => Some(*i),
            Value::Real(r) if r.fract() == 0.0 && r.abs() < 9e15 => Some(*r as i64),
            Value::Text(text) => text.trim().parse().ok(),
            _ => None,
        }
    }

    /// A number, also if it was written as text.
    pub fn as_f64(&self) -> Option<f64> {
        match self {
            Value::Integer(i) => Some(*i as f64),
            Value::Real(r) => Some(*r),
            Value::Text(text) => text.trim().parse().ok(),
            Value::List(_) => None,
        }
    }

    /// The values of a list, or the value itself.
    pub fn items(&self) -> &[Value] {
        match self {
            Value::List(list) => list,
            other => std::slice::from_ref(other),
        }
    }

    /// All numbers of a list, or the only number.
    pub fn numbers(&self) -> Vec<f64> {
        self.items().iter().filter_map(Value::as_f64).collect()
    }

    /// All strings of a list, or the only string.
    pub fn texts(&self) -> Vec<String> {
        self.items().iter().filter_map(|v| v.as_text().map(str::to_owned)).collect()
    }
}

fn key<'a>(attributes: &'a [(String, Value)], name: &str) -> Option<&'a Value> {
    attributes.iter().find(|(k, _)| k.eq_ignore_ascii_case(name)).map(|(_, v)| v)
}

/// Depth first, in stored order except that objects come before groups.
fn collect<'a>(groups: &'a [Group], objects: &'a [Object], name: &str, found: &mut Vec<&'a Object>) {
    for object in objects {
        if object.name.eq_ignore_ascii_case(name) {
            found.push(object);
        }
        collect(&object.groups, &object.objects, name, found);
    }
    for group in groups {
        collect(&group.groups, &group.objects, name, found);
    }
}

impl Group {
    /// The value of a key of this group.
    pub fn attribute(&self, name: &str) -> Option<&Value> {
        key(&self.attributes, name)
    }

    /// All objects of that name, at any depth; case does not matter.
    pub fn find_all(&self, name: &str) -> Vec<&Object> {
        let mut found = Vec::new();
        collect(&self.groups, &self.objects, name, &mut found);
        found
    }

    /// The first object of that name, at any depth.
    pub fn find(&self, name: &str) -> Option<&Object> {
        self.find_all(name).into_iter().next()
    }

    /// The first group of that name, at any depth.
    pub fn group(&self, name: &str) -> Option<&Group> {
        self.groups.iter().find(|g| g.name.eq_ignore_ascii_case(name)).or_else(|| {
            let inside = self.objects.iter().flat_map(|o| &o.groups);
            self.groups.iter().chain(inside).find_map(|g| g.group(name))
        })
    }
}

impl Object {
    /// The value of a key of this object.
    pub fn attribute(&self, name: &str) -> Option<&Value> {
        key(&self.attributes, name)
    }

    /// `CLASS`, which tells objects of one name apart.
    pub fn class(&self) -> Option<&str> {
        self.attribute("CLASS").and_then(Value::as_text)
    }

    /// `VALUE`.
    pub fn value(&self) -> Option<&Value> {
        self.attribute("VALUE")
    }

    /// `NUM_VAL`.
    pub fn num_val(&self) -> Option<i64> {
        self.attribute("NUM_VAL").and_then(Value::as_i64)
    }

    /// All objects of that name inside this one, at any depth.
    pub fn find_all(&self, name: &str) -> Vec<&Object> {
        let mut found = Vec::new();
        collect(&self.groups, &self.objects, name, &mut found);
        found
    }
}

/// Parses metadata text. A missing end of a group, list or string is taken to be the end of the text.
pub fn parse(text: &str) -> Result<Group> {
    let mut scanner = Scanner { text, at: 0 };
    let mut root = Object::default();
    scanner.body(&mut root, 0)?;
    Ok(Group { name: root.name, attributes: root.attributes, groups: root.groups, objects: root.objects })
}

struct Scanner<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Scanner<'a> {
    fn rest(&self) -> &'a str {
        self.text.get(self.at..).unwrap_or_default()
    }

    fn fault(&self, what: &'static str) -> Error {
        Error::corrupt(self.at as u64, format!("metadata text: {what}"))
    }

    /// Skips blanks, line ends, stray separators and comments.
    fn skip(&mut self) {
        loop {
            let rest = self.rest();
            let trimmed = rest.trim_start_matches(|c: char| c.is_whitespace() || c == ';' || c == '\0');
            self.at += rest.len() - trimmed.len();
            if !trimmed.starts_with("/*") {
                return;
            }
            self.at += trimmed.find("*/").map_or(trimmed.len(), |end| end + 2);
        }
    }

    fn eat(&mut self, c: char) -> bool {
        self.skip();
        let found = self.rest().starts_with(c);
        if found {
            self.at += c.len_utf8();
        }
        found
    }

    /// A run of characters up to a separator.
    fn word(&mut self) -> &'a str {
        self.skip();
        let rest = self.rest();
        let end = rest
            .find(|c: char| c.is_whitespace() || matches!(c, '=' | '(' | ')' | ',' | '"' | ';' | '\0'))
            .unwrap_or(rest.len());
        self.at += end;
        &rest[..end]
    }

    /// Keys, groups and objects up to the matching end.
    fn body(&mut self, into: &mut Object, depth: usize) -> Result<()> {
        if depth > MAX_GROUPS {
            return Err(self.fault("groups are nested too deeply"));
        }
        loop {
            let name = self.word();
            if name.is_empty() {
                let Some(stray) = self.rest().chars().next() else { return Ok(()) };
                self.at += stray.len_utf8();
                continue;
            }
            let group = name.eq_ignore_ascii_case("GROUP");
            let object = name.eq_ignore_ascii_case("OBJECT");
            if name.eq_ignore_ascii_case("END_GROUP") || name.eq_ignore_ascii_case("END_OBJECT") {
                if self.eat('=') {
                    self.value(0)?;
                }
                return Ok(());
            }
            if !self.eat('=') {
                if name.eq_ignore_ascii_case("END") {
                    self.at = self.text.len();
                    return Ok(());
                }
                continue;
            }
            if group || object {
                let mut inner = Object { name: self.name(), ..Object::default() };
                self.body(&mut inner, depth + 1)?;
                if object {
                    into.objects.push(inner);
                } else {
                    let Object { name, attributes, groups, objects } = inner;
                    into.groups.push(Group { name, attributes, groups, objects });
                }
            } else {
                let value = self.value(0)?;
                into.attributes.push((name.to_owned(), value));
            }
        }
    }

    fn name(&mut self) -> String {
        self.skip();
        if self.rest().starts_with('"') { self.quoted() } else { self.word().to_owned() }
    }

    fn quoted(&mut self) -> String {
        let rest = &self.rest()[1..];
        let end = rest.find('"').unwrap_or(rest.len());
        self.at += (end + 2).min(self.rest().len());
        rest[..end].to_owned()
    }

    fn value(&mut self, lists: usize) -> Result<Value> {
        self.skip();
        if self.rest().starts_with('"') {
            return Ok(Value::Text(self.quoted()));
        }
        if !self.eat('(') {
            let value = scalar(self.word());
            self.unit();
            return Ok(value);
        }
        if lists >= MAX_LISTS {
            return Err(self.fault("lists are nested too deeply"));
        }
        let mut list = Vec::new();
        loop {
            if self.eat(')') || self.rest().is_empty() {
                return Ok(Value::List(list));
            }
            if self.eat(',') {
                continue;
            }
            let before = self.at;
            let value = self.value(lists + 1)?;
            if self.at == before {
                return Err(self.fault("a list holds something that is not a value"));
            }
            list.push(value);
        }
    }

    /// Skips a unit in angle brackets after a number.
    fn unit(&mut self) {
        let rest = self.rest().trim_start_matches([' ', '\t']);
        if rest.starts_with('<')
            && let Some(end) = rest.bytes().take(64).position(|b| b == b'>')
        {
            self.at = self.text.len() - rest.len() + end + 1;
        }
    }
}

fn scalar(word: &str) -> Value {
    let numeric = word.bytes().next().is_some_and(|b| b.is_ascii_digit() || matches!(b, b'+' | b'-' | b'.'));
    if numeric {
        if let Ok(whole) = word.parse() {
            return Value::Integer(whole);
        }
        if let Ok(real) = word.parse() {
            return Value::Real(real);
        }
    }
    Value::Text(word.to_owned())
}

#[cfg(test)]
mod tests {
    use super::{Value, parse};

    #[test]
    fn repeated_objects_keep_their_class() {
        let text = r#"
            GROUP = INVENTORYMETADATA
              GROUPTYPE = MASTERGROUP
              OBJECT = SENSORCONTAINER
                CLASS = "1"
                OBJECT = NAME
                  CLASS = "1"
                  NUM_VAL = 1
                  VALUE = "VNIR"
                END_OBJECT = NAME
              END_OBJECT = SENSORCONTAINER
              OBJECT = NAME
                CLASS = "2"
                VALUE = (1, 2.5, "a
b", DFNT_UINT8,
                  -3E2 <m>)
              END_OBJECT
            END_GROUP = INVENTORYMETADATA
            END
            OBJECT = IGNORED"#;
        let tree = parse(text).unwrap();
        let names = tree.find_all("name");
        assert_eq!(names.iter().map(|n| n.class().unwrap()).collect::<Vec<_>>(), ["1", "2"]);
        assert_eq!(names[0].num_val(), Some(1));
        assert_eq!(names[0].value().unwrap().as_text(), Some("VNIR"));
        let expected = [
            Value::Integer(1),
            Value::Real(2.5),
            Value::Text("a\nb".into()),
            Value::Text("DFNT_UINT8".into()),
            Value::Real(-300.0),
        ];
        assert_eq!(names[1].value().unwrap().items(), expected);
        assert!(tree.find("IGNORED").is_none());
        assert!(tree.group("INVENTORYMETADATA").unwrap().attribute("grouptype").is_some());
    }

    #[test]
    fn unfinished_text_ends_quietly() {
        assert_eq!(parse("A = (1, \"x").unwrap().attribute("A").unwrap().items().len(), 2);
        assert!(parse(&"GROUP=A\n".repeat(100)).is_err());
        assert!(parse(&format!("A={}", "(".repeat(100))).is_err());
        assert!(parse("").unwrap().groups.is_empty());
    }
}
