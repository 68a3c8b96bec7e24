//! What a file says about itself and its bands, as text. Names are those of the NetCDF output where it has them.
use crate::cube::record::{BandRecord, SceneRecord, StepRecord};
use crate::cube::sink::{AttributeValue, CubeLayout, ValueType, VariableSpec};
use crate::write::geotiff::pixels::Numbers;
use crate::write::step_table::{agreed, band_names, joined};

/// Names and values, in order.
pub(super) type Items = Vec<(String, String)>;

/// One band.
#[derive(Debug, PartialEq)]
pub(super) struct BandTags {
    pub(super) name: String,
    pub(super) units: String,
    /// Value = stored x scale + offset.
    pub(super) scale_offset: Option<(f64, f64)>,
    pub(super) items: Items,
}

/// Items of the file of a time step.
pub(super) fn of_file(layout: &CubeLayout, step: &StepRecord) -> Items {
    let scenes = || step.scenes.iter();
    let mut items = Items::new();
    let mut add = |name: &str, value: String| {
        if !value.is_empty() {
            items.push((name.to_string(), printable(&value)));
        }
    };
    add("AREA_OR_POINT", "Area".to_string());
    // TIFF 6.0: no time zone; ours is UTC.
    add("TIFFTAG_DATETIME", step.time.strftime("%Y:%m:%d %H:%M:%S").to_string());
    add("TIFFTAG_SOFTWARE", format!("aster-timeseries {}", env!("CARGO_PKG_VERSION")));
    add("TIFFTAG_IMAGEDESCRIPTION", layout.title.clone());
    add("time", step.time.to_string());
    if let Some((start, end)) = step.period {
        add("period_start", start.to_string());
        add("period_end", end.to_string());
    }
    add("granule_id", joined(scenes().map(|s| s.id.as_str())));
    add("product", joined(scenes().map(|s| s.product.as_str())));
    add("product_version", joined(scenes().map(|s| s.version.as_str())));
    add("radiometric_db_version", joined(scenes().map(|s| s.radiometric_db_version.as_str())));
    add("placement", joined(scenes().map(|s| s.placement.as_str())));
    let of_scenes = |of: fn(&SceneRecord) -> f64| number(agreed(scenes().map(of)));
    add("solar_azimuth", of_scenes(|s| s.solar_azimuth_deg));
    add("solar_elevation", of_scenes(|s| s.solar_elevation_deg));
    add("cloud_cover", of_scenes(|s| s.cloud_cover_percent));
    add("earth_sun_distance", of_scenes(|s| s.earth_sun_distance_au));
    if step.scenes.len() > 1 {
        add("scene_count", step.scenes.len().to_string());
    }
    for band in band_names(std::slice::from_ref(step)) {
        let records: Vec<&BandRecord> =
            scenes().flat_map(|s| &s.bands).filter(|b| b.variable == band).collect();
        add(&format!("{band}_gain"), joined(records.iter().map(|r| r.gain.as_str())));
        let one = |of: fn(&crate::radiometry::gain::UnitConversion) -> f64| {
            let each = records.iter().map(|r| r.conversion.as_ref().map_or(f64::NAN, of));
            number(agreed(each))
        };
        add(&format!("{band}_ucc"), one(|c| c.ucc));
        add(&format!("{band}_radiance_offset"), one(|c| c.offset));
        if records.iter().all(|r| r.saturated_pixels.is_some()) {
            let sum: u64 = records.iter().filter_map(|r| r.saturated_pixels).sum();
            add(&format!("{band}_saturated_pixels"), sum.to_string());
        }
    }
    add("history", layout.history.clone());
    add("aster_request", layout.request_json.clone());
    items
}

/// A band of the file; `valid_pixels` where counted.
pub(super) fn of_band(spec: &VariableSpec, numbers: Numbers, valid_pixels: Option<u64>) -> BandTags {
    let mut items = Items::new();
    let mut add = |name: &str, value: &str| {
        if !value.is_empty() {
            items.push((name.to_string(), printable(value)));
        }
    };
    add("long_name", &spec.long_name);
    add("standard_name", spec.standard_name.as_deref().unwrap_or_default());
    add("units", &spec.units);
    for (name, value) in &spec.attributes {
        match value {
            AttributeValue::Text(text) => add(name, text),
            AttributeValue::Float(list) => {
                add(name, &list.iter().map(f64::to_string).collect::<Vec<_>>().join(" "))
            }
        }
    }
    if let Some(pixels) = valid_pixels {
        add("valid_pixels", &pixels.to_string());
    }
    let scale_offset = match spec.value_type {
        ValueType::Packed(packing) if numbers == Numbers::Packed => Some((packing.scale, packing.offset)),
        _ => None,
    };
    BandTags { name: spec.name.clone(), units: spec.units.clone(), scale_offset, items }
}

/// The shortest text that reads back as the same number; none for NaN.
fn number(value: f64) -> String {
    if value.is_nan() { String::new() } else { value.to_string() }
}

/// Tags are XML inside of the file, which has no control characters.
fn printable(text: &str) -> String {
    text.chars().map(|c| if c.is_control() && c != '\n' && c != '\t' { ' ' } else { c }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scenes_that_differ_say_nothing_together() {
        assert_eq!(joined(["a", "b", "a"].into_iter()), "a b");
        assert_eq!(number(agreed([1.5, 1.5].into_iter())), "1.5");
        assert_eq!(number(agreed([1.5, 2.5].into_iter())), "");
        assert_eq!(printable("a\0b\u{1b}[1m\n"), "a b [1m\n");
    }
}
