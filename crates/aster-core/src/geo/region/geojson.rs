//! Features of GeoJSON (RFC 7946), and of its predecessor, which could name another CRS.
use super::shape::{Flaw, Rings};
use super::{Feature, Source};
use crate::error::{Error, ErrorCode, Result};
use crate::geo::affine::Xy;
use crate::geo::crs::Crs;
use serde_json::{Map, Value};

/// Geometry collections within one another.
const MAX_DEPTH: usize = 8;
const KINDS: [&str; 9] = [
    "FeatureCollection",
    "Feature",
    "GeometryCollection",
    "Polygon",
    "MultiPolygon",
    "Point",
    "MultiPoint",
    "LineString",
    "MultiLineString",
];

pub(super) struct GeoJson {
    root: Value,
    columns: Vec<String>,
}

impl GeoJson {
    /// Reads the text; nothing when it is JSON of another kind.
    pub(super) fn parse(text: &[u8]) -> Result<Option<Self>> {
        let text = text.strip_prefix(b"\xef\xbb\xbf").unwrap_or(text);
        let root: Value = match serde_json::from_slice(text) {
            Ok(root) => root,
            // One feature to a line.
            Err(e) if e.line() > 1 && e.is_syntax() && starts_with_whole_line(text) => return Ok(None),
            Err(e) => return Err(Error::new(ErrorCode::Corrupt, format!("not a whole JSON text: {e}"))),
        };
        if !KINDS.contains(&kind(&root)) {
            return Ok(None);
        }
        let mut columns: Vec<String> = Vec::new();
        let mut known = std::collections::HashSet::new();
        for feature in features(&root) {
            for name in properties(feature).into_iter().flat_map(Map::keys) {
                if known.insert(name.as_str()) {
                    columns.push(name.clone());
                }
            }
        }
        Ok(Some(Self { columns, root }))
    }
}

fn starts_with_whole_line(text: &[u8]) -> bool {
    let line = text.split(|b| *b == b'\n').next().unwrap_or(text);
    serde_json::from_slice::<Value>(line).is_ok()
}

fn kind(value: &Value) -> &str {
    value.get("type").and_then(Value::as_str).unwrap_or("")
}

/// The features of a collection, or the one feature or geometry there is.
fn features(root: &Value) -> &[Value] {
    match root.get("features").and_then(Value::as_array) {
        Some(list) if kind(root) == "FeatureCollection" => list,
        None if kind(root) == "FeatureCollection" => &[],
        _ => std::slice::from_ref(root),
    }
}

fn properties(feature: &Value) -> Option<&Map<String, Value>> {
    feature.get("properties").and_then(Value::as_object)
}

impl Source for GeoJson {
    fn columns(&self) -> &[String] {
        &self.columns
    }

    fn crs(&self) -> Result<Crs> {
        match self.root.pointer("/crs/properties/name").and_then(Value::as_str) {
            None => Ok(Crs::Geographic),
            Some(name) if name.ends_with("CRS84") => Ok(Crs::Geographic),
            Some(name) => Crs::parse(name),
        }
    }

    fn each(&mut self, _: bool, work: &mut dyn FnMut(&dyn Feature) -> Result<()>) -> Result<()> {
        for (i, value) in features(&self.root).iter().enumerate() {
            work(&JsonFeature { number: i + 1, value, columns: &self.columns })?;
        }
        Ok(())
    }
}

struct JsonFeature<'a> {
    number: usize,
    value: &'a Value,
    columns: &'a [String],
}

impl Feature for JsonFeature<'_> {
    fn number(&self) -> usize {
        self.number
    }

    fn value(&self, column: usize) -> Option<String> {
        match properties(self.value)?.get(self.columns.get(column)?)? {
            Value::String(text) => Some(text.trim().to_string()),
            Value::Number(number) => Some(number.to_string()),
            Value::Bool(yes) => Some(yes.to_string()),
            _ => None,
        }
    }

    fn polygons(&self, room: usize) -> std::result::Result<Vec<Rings>, Flaw> {
        let geometry = match kind(self.value) {
            "Feature" => self.value.get("geometry").filter(|g| !g.is_null()),
            _ => Some(self.value),
        };
        let mut reader = Reader { room, out: Vec::new() };
        reader.geometry(geometry.ok_or_else(|| Flaw::new("has no geometry"))?, 0)?;
        if reader.out.is_empty() { Err(Flaw::new("has an empty geometry")) } else { Ok(reader.out) }
    }
}

struct Reader {
    room: usize,
    out: Vec<Rings>,
}

impl Reader {
    fn geometry(&mut self, geometry: &Value, depth: usize) -> std::result::Result<(), Flaw> {
        let list = |key: &str| {
            let list = geometry.get(key).and_then(Value::as_array);
            list.ok_or_else(|| Flaw::new(format!("has a geometry without {key}")))
        };
        match kind(geometry) {
            "Polygon" => self.polygon(list("coordinates")?),
            "MultiPolygon" => {
                list("coordinates")?.iter().try_for_each(|polygon| self.polygon(array(polygon)?))
            }
            "GeometryCollection" if depth < MAX_DEPTH => {
                list("geometries")?.iter().try_for_each(|part| self.geometry(part, depth + 1))
            }
            // A word from outside, kept short.
            other => {
                let word: String = other.chars().take(40).collect();
                Err(Flaw::new(format!(
                    "is a {}, expected a polygon",
                    if word.is_empty() { "nothing" } else { &word }
                )))
            }
        }
    }

    fn polygon(&mut self, rings: &[Value]) -> std::result::Result<(), Flaw> {
        let mut out: Rings = Vec::with_capacity(rings.len());
        for ring in rings {
            let points = array(ring)?;
            self.room = self.room.checked_sub(points.len()).ok_or_else(Flaw::too_many)?;
            let mut ring = Vec::with_capacity(points.len());
            for (i, value) in points.iter().enumerate() {
                let number = |at: usize| value.get(at).and_then(Value::as_f64);
                let (Some(x), Some(y)) = (number(0), number(1)) else {
                    return Err(Flaw::new(format!(
                        "has no [x, y] at point {} of ring {}",
                        i + 1,
                        out.len() + 1
                    )));
                };
                ring.push(Xy { x, y });
            }
            if ring.len() > 1 && ring.first() == ring.last() {
                ring.pop();
            }
            out.push(ring);
        }
        if !out.is_empty() {
            self.out.push(out);
        }
        Ok(())
    }
}

fn array(value: &Value) -> std::result::Result<&[Value], Flaw> {
    value
        .as_array()
        .map(Vec::as_slice)
        .ok_or_else(|| Flaw::new("has coordinates that are no list of rings of points"))
}
