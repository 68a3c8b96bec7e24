//! Attributes of a cube and of its data variables, and what no format can hold; the same for every format of cubes.
use crate::cube::record::StepRecord;
use crate::cube::sink::{AttributeValue, CubeLayout, ValueType, VariableSpec};
use crate::error::{Error, Result};
use crate::write::coordinates::GRID_MAPPING;
use crate::write::values::value_bytes;
use jiff::Timestamp;

/// Where a reader finds what the numbers mean.
const REFERENCES: &str = "Abrams, M., Hook, S., Ramachandran, B.: ASTER User Handbook, version 2, \
    Jet Propulsion Laboratory, 2002; https://lpdaac.usgs.gov/";
/// Largest chunk: HDF5's lengths are 32-bit, and so are those of many decoders.
const MAX_CHUNK_BYTES: usize = u32::MAX as usize / 2;
/// CF wants these in the type of the variable they belong to.
pub(super) const IN_VARIABLES_TYPE: &[&str] =
    &["valid_min", "valid_max", "valid_range", "actual_range", "missing_value", "flag_values", "flag_masks"];

/// Attributes in their order. Writers leave out empty ones.
pub(super) type Attributes = Vec<(String, AttributeValue)>;

/// A text attribute.
pub(super) fn text(name: &str, value: impl Into<String>) -> (String, AttributeValue) {
    (name.to_string(), AttributeValue::Text(value.into()))
}

/// An attribute of one number.
pub(super) fn number(name: &str, value: f64) -> (String, AttributeValue) {
    (name.to_string(), AttributeValue::Float(vec![value]))
}

/// Attributes of the whole cube that are known before the first scene.
pub(super) fn globals(layout: &CubeLayout) -> Attributes {
    // The history begins with the moment of the run: one clock, and the same request gives the same bytes.
    let started = layout.history.split_whitespace().next().and_then(|t| t.trim_end_matches(':').parse().ok());
    let created: Timestamp = started.unwrap_or_else(Timestamp::now);
    let mut attributes = vec![
        text("Conventions", "CF-1.11"),
        text("title", &layout.title),
        text("history", &layout.history),
        text("references", REFERENCES),
        text("software", "aster-timeseries"),
        text("software_version", env!("CARGO_PKG_VERSION")),
        text("date_created", created.to_string()),
    ];
    if let Ok(area) = layout.grid.area() {
        attributes.push(number("geospatial_lat_min", area.south));
        attributes.push(number("geospatial_lat_max", area.north));
        attributes.push(number("geospatial_lon_min", area.west));
        attributes.push(number("geospatial_lon_max", area.east));
    }
    attributes.push(text("aster_request", &layout.request_json));
    attributes
}

/// Attributes of the whole cube that the scenes decide.
pub(super) fn globals_of_steps(steps: &[StepRecord]) -> Attributes {
    let scenes = || steps.iter().flat_map(|s| &s.scenes);
    let mut products: Vec<String> = Vec::new();
    for scene in scenes() {
        let product = format!("{} version {}", scene.product, scene.version);
        if !products.contains(&product) {
            products.push(product);
        }
    }
    let mut attributes = vec![text("source", format!("ASTER on Terra: {}", products.join(", ")))];
    let (first, last) = (scenes().map(|s| s.time).min(), scenes().map(|s| s.time).max());
    attributes.extend(first.map(|t| text("time_coverage_start", t.to_string())));
    attributes.extend(last.map(|t| text("time_coverage_end", t.to_string())));
    attributes
}

/// The global attribute `scenes`, a whole number: scenes of all steps.
pub(super) fn scene_count(steps: &[StepRecord]) -> i32 {
    i32::try_from(steps.iter().map(|s| s.scenes.len()).sum::<usize>()).unwrap_or(i32::MAX)
}

/// Attributes of a data variable, but for those that name other variables along time.
pub(super) fn variable(spec: &VariableSpec) -> Attributes {
    let mut attributes = Vec::new();
    attributes.extend(spec.standard_name.as_ref().map(|name| text("standard_name", name)));
    attributes.push(text("long_name", &spec.long_name));
    attributes.push(text("units", &spec.units));
    attributes.push(text("grid_mapping", GRID_MAPPING));
    if let ValueType::Packed(packing) = spec.value_type {
        attributes.push(number("scale_factor", packing.scale));
        attributes.push(number("add_offset", packing.offset));
    }
    attributes.extend(spec.attributes.iter().cloned());
    attributes
}

/// Refuses what cannot become a cube on disk, before anything is created.
///
/// # Errors
/// `USAGE` for names and levels that cannot be, and for chunks that are too large.
pub(super) fn check_layout(layout: &CubeLayout, level: u8) -> Result<()> {
    if level > 9 {
        return Err(Error::usage(format!("compression level is {level}, expected 0 to 9")));
    }
    let (grid, chunk) = (layout.grid.shape, layout.chunk);
    if grid.ny == 0 || grid.nx == 0 || chunk.ny == 0 || chunk.nx == 0 || layout.chunk_steps == 0 {
        return Err(Error::internal("a cube without pixels cannot be written"));
    }
    for (i, spec) in layout.variables.iter().enumerate() {
        let values = chunk.ny.checked_mul(chunk.nx).and_then(|n| n.checked_mul(layout.chunk_steps));
        let bytes = values.and_then(|n| n.checked_mul(value_bytes(spec.value_type)));
        if bytes.is_none_or(|n| n > MAX_CHUNK_BYTES) {
            return Err(Error::usage(format!("chunks of {} x {} pixels are too large", chunk.ny, chunk.nx)));
        }
        let name = spec.name.as_str();
        let letters = name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
        if !letters || !name.starts_with(|c: char| c.is_ascii_alphabetic()) {
            return Err(Error::usage(format!("{name} is no name for a variable"))
                .hint("use letters, digits and _, a letter first"));
        }
        let reserved = ["time", "time_bnds", "y", "x", "lat", "lon", "nv", GRID_MAPPING];
        if reserved.contains(&name) || layout.variables[..i].iter().any(|v| v.name == name) {
            return Err(Error::usage(format!("the variable name {name} is used twice")));
        }
    }
    Ok(())
}
