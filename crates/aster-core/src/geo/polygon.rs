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
        Self::of(reader.polygons)
    }

    fn of(polygons: Vec<Vec<Vec<Xy>>>) -> Result<Self> {
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
mod tests {
    use super::*;

    const SQUARE: &str = "[[137.0,-31.0],[138.0,-31.0],[138.0,-30.0],[137.0,-30.0],[137.0,-31.0]]";
    const HOLE: &str = "[[137.2,-30.8],[137.4,-30.8],[137.4,-30.6]]";

    #[test]
    fn every_form_is_one_polygon() {
        let polygon = format!(r#"{{"type":"Polygon","coordinates":[{SQUARE},{HOLE}]}}"#);
        let feature = format!(r#"{{"type":"Feature","properties":{{"a":1}},"geometry":{polygon}}}"#);
        let forms = [
            polygon.clone(),
            format!("\u{feff}{polygon}"),
            format!(r#"{{"type":"MultiPolygon","coordinates":[[{SQUARE},{HOLE}]]}}"#),
            feature.clone(),
            format!(r#"{{"type":"FeatureCollection","features":[{feature}]}}"#),
            polygon.replace("[137.0,-31.0],[138.0", "[137.0,-31.0,250.5],[138.0"),
            polygon.replace(
                "{\"type\"",
                r#"{"crs":{"type":"name","properties":{"name":"urn:ogc:def:crs:OGC:1.3:CRS84"}},"type""#,
            ),
        ];
        for text in &forms {
            let read = MultiPolygon::from_geojson(text).unwrap();
            assert_eq!(read, MultiPolygon::from_geojson(&polygon).unwrap(), "{text}");
            assert_eq!(read.bounds(), Area::new(137.0, -31.0, 138.0, -30.0).unwrap());
            assert_eq!(read.points(), 7);
            let written = serde_json::to_string(&read).unwrap();
            assert!(written.contains(SQUARE) && written.contains(r#""type":"MultiPolygon""#), "{written}");
            assert_eq!(serde_json::from_str::<MultiPolygon>(&written).unwrap(), read);
        }
        let two = format!(r#"{{"type":"FeatureCollection","features":[{feature},{feature}]}}"#);
        assert_eq!(MultiPolygon::from_geojson(&two).unwrap().polygons().count(), 2);
    }

    #[test]
    fn what_is_wrong_is_named() {
        let collection = |geometry: &str| {
            let good =
                format!(r#"{{"type":"Feature","geometry":{{"type":"Polygon","coordinates":[{SQUARE}]}}}}"#);
            format!(
                r#"{{"type":"FeatureCollection","features":[{good},{{"type":"Feature","geometry":{geometry}}}]}}"#
            )
        };
        let polygon =
            |ring: &str| collection(&format!(r#"{{"type":"Polygon","coordinates":[{SQUARE},{ring}]}}"#));
        for (text, message) in [
            ("{", "no JSON"),
            ("[]", "the geometry has no type"),
            (r#"{"type":"FeatureCollection"}"#, "has no features"),
            (r#"{"type":"FeatureCollection","features":[]}"#, "no polygon"),
            (r#"{"type":"Polygon","coordinates":[]}"#, "no list of coordinates"),
            (r#"{"type":"MultiPolygon","coordinates":[[]]}"#, "polygon 1 has no list of rings"),
            (&collection("null"), "feature 2 has no geometry"),
            (&collection(r#"{"type":"LineString","coordinates":[]}"#), "feature 2 is a LineString"),
            (&polygon("[]"), "feature 2, ring 2 has no list of points"),
            (&polygon("[[1,1],[2,2],[1,1]]"), "feature 2, ring 2 has fewer than three"),
            (&polygon("[[1,1],[1,1],[2,2],[2,2]]"), "fewer than three"),
            (&polygon("[[1,1],[2,2],[300000,4500000]]"), "ring 2, point 3: longitude is 300000"),
            (&polygon("[[1,1],[2,-91],[3,3]]"), "point 2: latitude is -91"),
            (&polygon("[[1,1],[2],[3,3]]"), "point 2: expected [longitude, latitude]"),
            (&polygon(r#"[[1,1],["2",2],[3,3]]"#), "point 2: expected"),
            (&polygon("[[1,1],[2,null],[3,3]]"), "point 2: expected"),
            (&polygon("[[179,1],[179,2],[-179,2]]"), "ring 2, point 2: the next edge spans more than 180"),
            (&polygon("[[179,1],[178,2],[-179,2],[-100,1],[0,0]]"), "point 2: the next edge"),
            (r#"{"type":"Polygon","coordinates":[[[1,1],[2,1],[3,1]]]}"#, "covers no area"),
            (
                r#"{"type":"Polygon","crs":{"properties":{"name":"urn:ogc:def:crs:EPSG::32654"}}}"#,
                "urn:ogc:def:crs:EPSG::32654",
            ),
        ] {
            let error = MultiPolygon::from_geojson(text).unwrap_err();
            assert_eq!(error.code(), ErrorCode::Usage, "{text}");
            assert!(error.message().contains(message), "{text}: {error}");
        }
    }

    #[test]
    fn points_are_limited() {
        let ring = vec![json!([1.0, 2.0]); MAX_POINTS + 1];
        let error = MultiPolygon::from_value(&json!({"type": "Polygon", "coordinates": [ring]})).unwrap_err();
        assert_eq!(error.code(), ErrorCode::Limit);
        assert!(error.hint_text().unwrap().contains("simplify"));
    }
}
