//! GeoJSON in all its forms, and what is wrong with some.
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
