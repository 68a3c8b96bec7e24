//! Polygons in longitude and latitude, from GeoJSON and back.
use crate::error::{Error, ErrorCode, Result};
use crate::geo::affine::Xy;
use crate::geo::bbox::Area;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// Points that the rings of a polygon may have together; parsing takes some 150 bytes for each.
pub const MAX_POINTS: usize = 1_000_000;

/// Polygons with holes, degrees, WGS84. A place is inside when it is inside any of the polygons; within one
/// polygon the rings count by even and odd, so that what lies in a hole is outside and their direction does
/// not matter. Read from GeoJSON (RFC 7946), as text or inside other JSON; written as a `MultiPolygon`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Value", into = "Value")]
pub struct MultiPolygon {
    /// `[polygon][ring][point]`, without the repeated first point.
    polygons: Vec<Vec<Vec<Xy>>>,
    bounds: Area,
}

impl MultiPolygon {
    /// Reads the text of a `Polygon`, a `MultiPolygon`, a `Feature` or a `FeatureCollection` of those. Rings
    /// that are not closed are closed; heights are passed over.
    ///
    /// # Errors
    /// `USAGE` naming the feature, ring and point, counted from 1, and what is wrong with it. `LIMIT` beyond
    /// [`MAX_POINTS`].
    pub fn from_geojson(text: &str) -> Result<Self> {
        // A point takes four bytes at the least, and the longest usual ones sixty.
        if text.len() > 64 * MAX_POINTS {
            return Err(too_many(&format!("{} bytes of GeoJSON", text.len())));
        }
        // Windows editors begin a file with a byte order mark.
        let value: Value = serde_json::from_str(text.trim_start_matches('\u{feff}'))
            .map_err(|e| Error::usage(format!("the polygon is no JSON: {e}")).hint(EXPECTED))?;
        Self::from_value(&value)
    }

    /// As [`MultiPolygon::from_geojson`], from JSON that is parsed already.
    ///
    /// # Errors
    /// The same.
    pub fn from_value(value: &Value) -> Result<Self> {
        check_crs(value)?;
        let mut reader = Reader { polygons: Vec::new(), points: 0 };
        match kind(value) {
            "FeatureCollection" => {
                let features = value.get("features").and_then(Value::as_array);
                let features = features
                    .ok_or_else(|| Error::usage("the FeatureCollection has no features").hint(EXPECTED))?;
                for (i, feature) in features.iter().enumerate() {
                    reader.feature(feature, &format!("feature {}", i + 1))?;
                }
            }
            "Feature" => reader.feature(value, "the feature")?,
            _ => reader.geometry(value, "the geometry")?,
        }
        Self::from_rings(reader.polygons)
    }

    /// Of rings that were checked: longitudes from -180 to 180, no point repeated at the end.
    pub(crate) fn from_rings(polygons: Vec<Vec<Vec<Xy>>>) -> Result<Self> {
        let points = || polygons.iter().flatten().flatten();
        if points().next().is_none() {
            return Err(Error::usage("the GeoJSON holds no polygon").hint(EXPECTED));
        }
        let least = |f: fn(&Xy) -> f64| points().map(f).fold(f64::INFINITY, f64::min);
        let most = |f: fn(&Xy) -> f64| points().map(f).fold(f64::NEG_INFINITY, f64::max);
        let bounds = Area::new(least(|p| p.x), least(|p| p.y), most(|p| p.x), most(|p| p.y))
            .map_err(|_| Error::usage("the polygon is a line: it covers no area"))?;
        Ok(Self { polygons, bounds })
    }

    /// Rings of every polygon, without the repeated first point; the direction is as it was.
    pub fn polygons(&self) -> impl Iterator<Item = &[Vec<Xy>]> {
        self.polygons.iter().map(Vec::as_slice)
    }
    /// The box around all of it.
    pub fn bounds(&self) -> Area {
        self.bounds
    }
    /// Points of all rings.
    pub fn points(&self) -> usize {
        self.polygons.iter().flatten().map(Vec::len).sum()
    }
}

impl TryFrom<Value> for MultiPolygon {
    type Error = Error;
    fn try_from(value: Value) -> Result<Self> {
        Self::from_value(&value)
    }
}

impl From<MultiPolygon> for Value {
    fn from(polygon: MultiPolygon) -> Self {
        let ring = |ring: &Vec<Xy>| -> Value {
            ring.iter().chain(ring.first()).map(|p| json!([p.x, p.y])).collect::<Vec<_>>().into()
        };
        let polygons = polygon.polygons.iter().map(|rings| rings.iter().map(ring).collect::<Vec<_>>());
        json!({ "type": "MultiPolygon", "coordinates": polygons.collect::<Vec<_>>() })
    }
}

const EXPECTED: &str =
    "expected GeoJSON: a Polygon, a MultiPolygon, a Feature or a FeatureCollection of those, in degrees";

fn kind(value: &Value) -> &str {
    value.get("type").and_then(Value::as_str).unwrap_or("")
}

fn too_many(what: &str) -> Error {
    Error::new(ErrorCode::Limit, format!("{what}: polygons may have up to {MAX_POINTS} points"))
        .hint("simplify the polygon to about the size of a pixel (ogr2ogr -simplify)")
}

/// GeoJSON before 2016 could name another system; RFC 7946 has longitude and latitude only.
fn check_crs(value: &Value) -> Result<()> {
    let name = value.pointer("/crs/properties/name").and_then(Value::as_str);
    let known = |name: &str| name.ends_with("CRS84") || name.ends_with(":4326");
    match name {
        Some(name) if !known(name) => {
            Err(Error::usage(format!("the polygon is in {name}, expected longitude and latitude"))
                .hint("ogr2ogr -t_srs EPSG:4326 -lco RFC7946=YES out.geojson in.geojson"))
        }
        _ => Ok(()),
    }
}

struct Reader {
    polygons: Vec<Vec<Vec<Xy>>>,
    points: usize,
}

impl Reader {
    fn feature(&mut self, value: &Value, place: &str) -> Result<()> {
        if kind(value) != "Feature" {
            return Err(Error::usage(format!("{place} is no Feature")).hint(EXPECTED));
        }
        match value.get("geometry") {
            Some(geometry) if !geometry.is_null() => self.geometry(geometry, place),
            _ => Err(Error::usage(format!("{place} has no geometry")).hint(EXPECTED)),
        }
    }

    fn geometry(&mut self, value: &Value, place: &str) -> Result<()> {
        let kind = kind(value);
        let coordinates = || array(value.get("coordinates"), place, "coordinates");
        match kind {
            "Polygon" => self.polygon(coordinates()?, place),
            "MultiPolygon" => {
                for (i, polygon) in coordinates()?.iter().enumerate() {
                    let place = format!("{place}, polygon {}", i + 1);
                    self.polygon(array(Some(polygon), &place, "rings")?, &place)?;
                }
                Ok(())
            }
            "" => Err(Error::usage(format!("{place} has no type")).hint(EXPECTED)),
            // A word from outside, kept short.
            other => Err(Error::usage(format!(
                "{place} is a {}, expected a Polygon or a MultiPolygon",
                other.chars().take(40).collect::<String>()
            ))
            .hint(EXPECTED)),
        }
    }

    fn polygon(&mut self, rings: &[Value], place: &str) -> Result<()> {
        let mut polygon = Vec::with_capacity(rings.len());
        for (i, ring) in rings.iter().enumerate() {
            let place = format!("{place}, ring {}", i + 1);
            polygon.push(self.ring(array(Some(ring), &place, "points")?, &place)?);
        }
        self.polygons.push(polygon);
        Ok(())
    }

    fn ring(&mut self, points: &[Value], place: &str) -> Result<Vec<Xy>> {
        self.points += points.len();
        if self.points > MAX_POINTS {
            return Err(too_many(&format!("{place} is point {} and more", self.points)));
        }
        let at = |i: usize| format!("{place}, point {}", i + 1);
        let mut ring = Vec::with_capacity(points.len());
        for (i, value) in points.iter().enumerate() {
            ring.push(point(value).map_err(|why| Error::usage(format!("{}: {why}", at(i))).hint(EXPECTED))?);
        }
        if ring.len() > 1 && ring.first() == ring.last() {
            ring.pop();
        }
        let first = ring.first();
        let second = ring.iter().find(|p| Some(*p) != first);
        if !ring.iter().any(|p| Some(p) != first && Some(p) != second) {
            return Err(Error::usage(format!("{place} has fewer than three different points")));
        }
        let next = ring.iter().cycle().skip(1);
        if let Some(i) = ring.iter().zip(next).position(|(a, b)| (a.x - b.x).abs() > 180.0) {
            return Err(Error::usage(format!("{}: the next edge spans more than 180 degrees", at(i))).hint(
                "a polygon across 180 degrees is written as two, one on either side (RFC 7946, section 3.1.9)",
            ));
        }
        Ok(ring)
    }
}

fn array<'a>(value: Option<&'a Value>, place: &str, what: &str) -> Result<&'a [Value]> {
    value
        .and_then(Value::as_array)
        .filter(|list| !list.is_empty())
        .map(Vec::as_slice)
        .ok_or_else(|| Error::usage(format!("{place} has no list of {what}")).hint(EXPECTED))
}

fn point(value: &Value) -> std::result::Result<Xy, String> {
    let number = |i: usize| value.get(i).and_then(Value::as_f64);
    let (Some(x), Some(y)) = (number(0), number(1)) else {
        return Err("expected [longitude, latitude]".to_string());
    };
    for (name, value, limit) in [("longitude", x, 180.0), ("latitude", y, 90.0)] {
        if !value.is_finite() || value.abs() > limit {
            return Err(format!("{name} is {value}, expected -{limit} to {limit} degrees"));
        }
    }
    Ok(Xy { x, y })
}

#[cfg(test)]
mod tests;
