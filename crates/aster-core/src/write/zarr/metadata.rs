//! `zarr.json` of arrays and of the group, after the Zarr v3 core specification; consolidated as zarr-python 3 does.
use crate::cube::record::StepRecord;
use crate::cube::sink::{AttributeValue, CubeLayout, ValueType, VariableSpec};
use crate::error::{Error, Result};
use crate::write::coordinates::{GRID_MAPPING, Horizontal, time_attributes};
use crate::write::describe::{self, Attributes, IN_VARIABLES_TYPE, text};
use crate::write::step_table::{Column, StepTable};
use crate::write::values::{I16_FILL, PACKED_FILL, value_bytes};
use crate::write::zarr::array::{Gzip, vlen_utf8};
use serde::Serialize;
use serde::ser::{SerializeMap, Serializer};
use serde_json::{Value, json};

/// NaN as xarray writes the attribute `_FillValue` of floats in Zarr v3: base64 of eight little-endian bytes.
const NAN_BASE64: &str = "AAAAAAAA+H8=";

/// An array of the store.
#[derive(Debug)]
pub(super) struct Array {
    /// Name.
    pub(super) name: String,
    /// What its `zarr.json` says.
    pub(super) metadata: ArrayMetadata,
    /// Its only chunk, encoded; none for data variables, which come chunk by chunk.
    pub(super) only_chunk: Option<Vec<u8>>,
}

/// `zarr.json` of an array.
#[derive(Debug, Serialize)]
pub(super) struct ArrayMetadata {
    shape: Vec<usize>,
    data_type: &'static str,
    chunk_grid: Value,
    chunk_key_encoding: Value,
    fill_value: Value,
    codecs: Vec<Value>,
    attributes: Ordered,
    dimension_names: Vec<String>,
    zarr_format: u8,
    node_type: &'static str,
    storage_transformers: [u8; 0],
}

impl ArrayMetadata {
    /// File of the chunk at the origin.
    pub(super) fn first_chunk_file(&self) -> String {
        format!("c{}", "/0".repeat(self.shape.len()))
    }
}

/// `zarr.json` of the group.
#[derive(Debug, Serialize)]
pub(super) struct GroupMetadata<'a> {
    attributes: Ordered,
    zarr_format: u8,
    consolidated_metadata: Consolidated<'a>,
    node_type: &'static str,
}

#[derive(Debug, Serialize)]
struct Consolidated<'a> {
    kind: &'static str,
    must_understand: bool,
    metadata: Ordered<&'a ArrayMetadata>,
}

/// A JSON object in the order given.
#[derive(Debug)]
struct Ordered<T = Value>(Vec<(String, T)>);

impl<T: Serialize> Serialize for Ordered<T> {
    fn serialize<S: Serializer>(&self, to: S) -> std::result::Result<S::Ok, S::Error> {
        let mut map = to.serialize_map(Some(self.0.len()))?;
        for (name, value) in &self.0 {
            map.serialize_entry(name, value)?;
        }
        map.end()
    }
}

/// The text of a `zarr.json`.
pub(super) fn json(metadata: &impl Serialize) -> Result<Vec<u8>> {
    serde_json::to_vec_pretty(metadata)
        .map_err(|e| Error::internal(format!("metadata have no JSON form: {e}")))
}

/// The group with the metadata of all its arrays.
pub(super) fn consolidated<'a>(
    layout: &CubeLayout,
    steps: &[StepRecord],
    arrays: &'a [Array],
) -> GroupMetadata<'a> {
    let mut attributes = describe::globals(layout);
    attributes.extend(describe::globals_of_steps(steps));
    let mut attributes = ordered(&attributes, None);
    attributes.0.push(("scenes".to_string(), json!(describe::scene_count(steps))));
    // xarray's way to make the grid mapping a coordinate of every variable, which is where rioxarray looks for it.
    attributes.0.push(("coordinates".to_string(), json!(GRID_MAPPING)));
    let metadata = Ordered(arrays.iter().map(|a| (a.name.clone(), &a.metadata)).collect());
    GroupMetadata {
        attributes,
        zarr_format: 3,
        consolidated_metadata: Consolidated { kind: "inline", must_understand: false, metadata },
        node_type: "group",
    }
}

/// Every array: coordinates, data variables, variables along time.
pub(super) fn arrays(
    layout: &CubeLayout,
    horizontal: &Horizontal,
    table: &StepTable,
    gzip: Option<&Gzip>,
) -> Result<Vec<Array>> {
    let steps = table.times.len();
    let small = |name: &str, dimensions: &[&str], shape: Vec<usize>, values: Values, attributes: Ordered| {
        small_array(name, dimensions, shape, values, attributes, gzip)
    };
    let mut arrays = vec![small(
        "time",
        &["time"],
        vec![steps],
        Values::Float(&table.times),
        ordered(&time_attributes(), None),
    )?];
    for axis in [&horizontal.y, &horizontal.x] {
        let (values, attributes) = (Values::Float(&axis.values), ordered(&axis.attributes, None));
        arrays.push(small(axis.name, &[axis.name], vec![axis.values.len()], values, attributes)?);
    }
    let mapping = ordered(&horizontal.grid_mapping, None);
    arrays.push(small(GRID_MAPPING, &[], vec![], Values::Count(&[0]), mapping)?);
    let (y, x) = (horizontal.y.name, horizontal.x.name);
    for (spec, ancillary) in layout.variables.iter().zip(&table.ancillary) {
        arrays.push(data_variable(layout, spec, steps, [y, x], &table.coordinates, ancillary, gzip));
    }
    let bounds = Values::Float(table.bounds.as_flattened());
    arrays.push(small("time_bnds", &["time", "nv"], vec![steps, 2], bounds, Ordered(Vec::new()))?);
    for variable in &table.variables {
        let mut attributes = ordered(&variable.attributes(), None);
        let values = match &variable.column {
            Column::Text(values) => Values::Text(values),
            Column::Count(values) => Values::Count(values),
            Column::Float(values) => {
                if values.iter().any(|v| v.is_nan()) {
                    attributes.0.insert(0, ("_FillValue".to_string(), json!(NAN_BASE64)));
                }
                Values::Float(values)
            }
        };
        arrays.push(small(&variable.name, &["time"], vec![steps], values, attributes)?);
    }
    Ok(arrays)
}

fn data_variable(
    layout: &CubeLayout,
    spec: &VariableSpec,
    steps: usize,
    [y, x]: [&str; 2],
    coordinates: &str,
    ancillary: &str,
    gzip: Option<&Gzip>,
) -> Array {
    // The fill value of the array is what missing chunks hold; the attribute says that it is a missing value.
    let (data_type, fill_value, missing) = match spec.value_type {
        ValueType::F32 => ("float32", json!("NaN"), Some(json!(NAN_BASE64))),
        ValueType::U8 => ("uint8", json!(0), Some(json!(0))),
        ValueType::U16 => ("uint16", json!(0), Some(json!(0))),
        ValueType::I16 => ("int16", json!(I16_FILL), Some(json!(I16_FILL))),
        ValueType::U32 => ("uint32", json!(0), None),
        ValueType::Packed(_) => ("int16", json!(PACKED_FILL), Some(json!(PACKED_FILL))),
    };
    let mut attributes: Vec<(String, Value)> =
        missing.into_iter().map(|value| ("_FillValue".to_string(), value)).collect();
    attributes.extend(ordered(&describe::variable(spec), Some(spec.value_type)).0);
    let references = [text("coordinates", coordinates), text("ancillary_variables", ancillary)];
    attributes.extend(ordered(&references.to_vec(), None).0);
    let (grid, chunk) = (layout.grid.shape, layout.chunk);
    let metadata = ArrayMetadata {
        fill_value,
        codecs: codecs(bytes_codec(value_bytes(spec.value_type)), gzip),
        attributes: Ordered(attributes),
        ..array_metadata(
            &["time", y, x],
            vec![steps, grid.ny, grid.nx],
            &[layout.chunk_steps, chunk.ny, chunk.nx],
            data_type,
        )
    };
    Array { name: spec.name.clone(), metadata, only_chunk: None }
}

/// Values of an array of one chunk.
enum Values<'a> {
    Float(&'a [f64]),
    Count(&'a [i64]),
    Text(&'a [String]),
}

fn small_array(
    name: &str,
    dimensions: &[&str],
    shape: Vec<usize>,
    values: Values<'_>,
    attributes: Ordered,
    gzip: Option<&Gzip>,
) -> Result<Array> {
    let little_endian = bytes_codec(8);
    let (data_type, fill_value, codec, bytes) = match values {
        Values::Float(v) => {
            ("float64", json!("NaN"), little_endian, v.iter().flat_map(|v| v.to_le_bytes()).collect())
        }
        Values::Count(v) => {
            ("int64", json!(0), little_endian, v.iter().flat_map(|v| v.to_le_bytes()).collect())
        }
        Values::Text(v) => {
            ("string", json!(""), json!({"name": "vlen-utf8", "configuration": {}}), vlen_utf8(v)?)
        }
    };
    let bytes = match gzip {
        Some(gzip) => gzip.encode(&bytes)?,
        None => bytes,
    };
    let chunk = shape.clone();
    let metadata = ArrayMetadata {
        fill_value,
        codecs: codecs(codec, gzip),
        attributes,
        ..array_metadata(dimensions, shape, &chunk, data_type)
    };
    Ok(Array { name: name.to_string(), metadata, only_chunk: Some(bytes) })
}

fn array_metadata(
    dimensions: &[&str],
    shape: Vec<usize>,
    chunk: &[usize],
    data_type: &'static str,
) -> ArrayMetadata {
    ArrayMetadata {
        shape,
        data_type,
        chunk_grid: json!({"name": "regular", "configuration": {"chunk_shape": chunk}}),
        chunk_key_encoding: json!({"name": "default", "configuration": {"separator": "/"}}),
        fill_value: Value::Null,
        codecs: Vec::new(),
        attributes: Ordered(Vec::new()),
        dimension_names: dimensions.iter().map(|d| (*d).to_string()).collect(),
        zarr_format: 3,
        node_type: "array",
        storage_transformers: [],
    }
}

/// Plain values; single bytes have no order.
fn bytes_codec(value_bytes: usize) -> Value {
    match value_bytes {
        1 => json!({"name": "bytes"}),
        _ => json!({"name": "bytes", "configuration": {"endian": "little"}}),
    }
}

fn codecs(first: Value, gzip: Option<&Gzip>) -> Vec<Value> {
    let mut codecs = vec![first];
    codecs.extend(gzip.map(|gzip| json!({"name": "gzip", "configuration": {"level": gzip.level()}})));
    codecs
}

/// Attributes as JSON, empty ones left out; whole numbers where CF wants the type of an integer variable.
fn ordered(attributes: &Attributes, value_type: Option<ValueType>) -> Ordered {
    let whole =
        |name: &str| !matches!(value_type, None | Some(ValueType::F32)) && IN_VARIABLES_TYPE.contains(&name);
    let value = |name: &str, v: f64| if whole(name) { json!(v as i64) } else { number(v) };
    let of = |(name, attribute): &(String, AttributeValue)| {
        let value = match attribute {
            AttributeValue::Text(value) if value.is_empty() => return None,
            AttributeValue::Text(value) => json!(value),
            AttributeValue::Float(values) => match values.as_slice() {
                [] => return None,
                [one] => value(name, *one),
                several => several.iter().map(|&v| value(name, v)).collect(),
            },
        };
        Some((name.clone(), value))
    };
    Ordered(attributes.iter().filter_map(of).collect())
}

/// JSON has no NaN and no infinity; Zarr has names for them.
fn number(value: f64) -> Value {
    match value {
        v if v.is_finite() => json!(v),
        v if v.is_nan() => json!("NaN"),
        v if v > 0.0 => json!("Infinity"),
        _ => json!("-Infinity"),
    }
}
