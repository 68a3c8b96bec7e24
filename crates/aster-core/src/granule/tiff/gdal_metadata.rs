//! The XML that GDAL keeps in tag 42112: band descriptions and named items.
use crate::granule::xml;
use std::collections::HashMap;

/// Items by sample (`None`: of the file) and name, and descriptions by sample.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct GdalMetadata {
    descriptions: HashMap<usize, String>,
    items: HashMap<(Option<usize>, String), String>,
}

impl GdalMetadata {
    /// Reads `<Item name=".." sample=".." role="..">text</Item>`; whatever else is there is left out.
    pub(super) fn parse(text: &str) -> Self {
        let mut all = Self::default();
        for element in xml::elements(text, "Item") {
            let Some(name) = element.attribute("name") else { continue };
            let sample = element.attribute("sample").map(|s| s.parse::<usize>());
            let sample = match sample {
                None => None,
                Some(Ok(s)) => Some(s),
                Some(Err(_)) => continue,
            };
            // GDAL escapes values by itself before the XML writer does.
            let value = xml::unescape(&element.text());
            match (element.attribute("role").as_deref(), sample) {
                (Some("description"), Some(s)) => {
                    all.descriptions.insert(s, value);
                }
                _ => {
                    all.items.insert((sample, name), value);
                }
            }
        }
        all
    }
    pub(super) fn description(&self, sample: usize) -> Option<&str> {
        self.descriptions.get(&sample).map(String::as_str)
    }
    pub(super) fn item(&self, sample: Option<usize>, name: &str) -> Option<&str> {
        self.items.get(&(sample, name.to_string())).map(String::as_str)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn descriptions_and_items_are_told_apart() {
        let text = "<GDALMetadata>\n  <Item name=\"CLOUD_PERCENT\">12</Item>\n\
            <Item name=\"RADIANCE_GAIN\" sample=\"1\">0.708</Item>\n\
            <Item name=\"DESCRIPTION\" sample=\"0\" role=\"description\">ImageData1 &amp;lt;VNIR&amp;gt;</Item>\
            <Item name=\"EMPTY\" sample=\"1\"/><Item sample=\"x\" name=\"bad\">1</Item></GDALMetadata>";
        let m = GdalMetadata::parse(text);
        assert_eq!(m.description(0), Some("ImageData1 <VNIR>"));
        assert_eq!(m.item(None, "CLOUD_PERCENT"), Some("12"));
        assert_eq!(m.item(Some(1), "RADIANCE_GAIN"), Some("0.708"));
        assert_eq!((m.item(Some(0), "RADIANCE_GAIN"), m.description(1)), (None, None));
        assert_eq!(m.item(Some(1), "EMPTY"), Some(""));
    }
}
