//! GeoJSON regions, with and without GDAL: choices, flaws, antimeridian, poles.
use super::*;
use crate::geo::affine::Xy;
use std::path::PathBuf;

fn written(text: &str) -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("states.geojson");
    std::fs::write(&path, text).unwrap();
    (folder, path)
}

fn collection(features: &[(&str, &str)]) -> String {
    let features: Vec<String> = features
        .iter()
        .map(|(name, ring)| {
            let geometry = format!(r#"{{"type":"Polygon","coordinates":[{ring}]}}"#);
            format!(r#"{{"type":"Feature","properties":{{"NAME":"{name}","n":1}},"geometry":{geometry}}}"#)
        })
        .collect();
    format!(r#"{{"type":"FeatureCollection","features":[{}]}}"#, features.join(","))
}

fn choice(column: Option<&str>, name: Option<&str>) -> RegionChoice {
    RegionChoice { name_column: column.map(Into::into), region_name: name.map(Into::into) }
}

const WEST: &str = "[[0,0],[1,0],[1,1],[0,1],[0,0]]";
const EAST: &str = "[[5,0],[6,0],[6,1],[5,1],[5,0]]";

#[test]
fn features_of_one_name_are_one_region() {
    let text = collection(&[("Twin", WEST), ("Other", "[[20,20],[21,20],[21,21]]"), ("Twin", EAST)]);
    let (_keep, path) = written(&text);
    let twin = load(&path, &choice(Some("name"), Some("Twin"))).unwrap();
    assert_eq!((twin.features, twin.polygon.polygons().count(), twin.crs.as_str()), (2, 2, "EPSG:4326"));
    assert_eq!(load(&path, &choice(None, Some("twin"))).unwrap(), twin);
    assert_eq!(load(&path, &RegionChoice::default()).unwrap().features, 3);
}

#[test]
fn what_the_file_does_not_offer_is_said_with_what_it_does() {
    let (_keep, path) = written(&collection(&[("Tasmania", WEST), ("Victoria", EAST), ("victoria", EAST)]));
    for (column, name, message, hint) in [
        (Some("STATE"), Some("Victoria"), "there is no column \"STATE\"", "columns: NAME, n"),
        (
            Some("NAME"),
            Some("Tasmaina"),
            "no feature is called \"Tasmaina\" in column NAME",
            "did you mean Tasmania?",
        ),
        (None, Some("zzzzzzzz"), "in any column", "names: 1, Tasmania, Victoria, victoria"),
        (None, Some("VICTORIA"), "may mean \"Victoria\" in NAME or \"victoria\" in NAME", "name the column"),
        (Some("NAME"), None, "no region in it", "name one of its regions: Tasmania, Victoria"),
    ] {
        let error = load(&path, &choice(column, name)).unwrap_err();
        assert_eq!(error.code(), ErrorCode::Usage);
        assert!(error.message().contains(message), "{error}");
        assert!(error.message().contains("states.geojson"), "{error}");
        assert!(error.hint_text().unwrap().contains(hint), "{:?}", error.hint_text());
    }
}

#[test]
fn flaws_name_their_feature() {
    for (ring, message) in [
        ("[[0,0],[2,2],[2,0],[0,2]]", "feature 2 (Bad) crosses itself at 1, 1"),
        ("[[0,0],[1,0],[0,0]]", "feature 2 (Bad) has fewer than three different points in its outline"),
        ("[[0,0],[1,0],[2,0]]", "feature 2 (Bad) covers no area in its outline"),
        ("[[0,0],[1,0],[500000,6200000]]", "feature 2 (Bad) lies outside of the Earth at point 3"),
        ("[[0,0],[1,0],[1,null]]", "feature 2 (Bad) has no [x, y] at point 3 of ring 1"),
        ("[[179,0],[-179,0],[-179,1],[179,1]]", "feature 2 (Bad) has an edge of more than 180 degrees"),
        ("7", "feature 2 (Bad) has coordinates that are no list"),
    ] {
        let (_keep, path) = written(&collection(&[("Good", WEST), ("Bad", ring)]));
        let error = load(&path, &RegionChoice::default()).unwrap_err();
        assert!(error.message().contains(message), "{error}");
        // What is not chosen does no harm.
        load(&path, &choice(None, Some("Good"))).unwrap();
    }
    for (geometry, message) in [
        ("null", "feature 1 has no geometry"),
        (
            r#"{"type":"LineString","coordinates":[[0,0],[1,1]]}"#,
            "feature 1 is a LineString, expected a polygon",
        ),
        (r#"{"type":"MultiPolygon","coordinates":[]}"#, "feature 1 has an empty geometry"),
        (r#"{"type":"Polygon"}"#, "feature 1 has a geometry without coordinates"),
    ] {
        let (_keep, path) =
            written(&format!(r#"{{"type":"Feature","properties":null,"geometry":{geometry}}}"#));
        let error = load(&path, &RegionChoice::default()).unwrap_err();
        assert!(error.message().contains(message), "{error}");
    }
    let (_keep, path) = written(&collection(&[("Half", WEST)])[..90]);
    assert_eq!(load(&path, &RegionChoice::default()).unwrap_err().code(), ErrorCode::Corrupt);
    let (_keep, path) = written(r#"{"type":"FeatureCollection","features":[]}"#);
    assert!(load(&path, &RegionChoice::default()).unwrap_err().message().contains("no features"));
    let missing = load(Path::new("nowhere.geojson"), &RegionChoice::default()).unwrap_err();
    assert_eq!(missing.code(), ErrorCode::NotFound);
}

#[test]
fn longitudes_that_run_on_are_cut_at_180() {
    let (_keep, path) = written(&collection(&[("Fiji", "[[177,-20],[182,-20],[182,-15],[177,-15]]")]));
    let fiji = load(&path, &RegionChoice::default()).unwrap().polygon;
    assert_eq!(fiji.polygons().count(), 2);
    assert_eq!((fiji.bounds().west, fiji.bounds().east), (-180.0, 180.0));
    // A world box: no edge of the result is long enough to be taken for the short way.
    let (_keep, path) = written(&collection(&[("World", "[[-180,-90],[180,-90],[180,90],[-180,90]]")]));
    let world = load(&path, &RegionChoice::default()).unwrap().polygon;
    assert!((area(&world) - 64_800.0).abs() < 1e-6);
}

fn area(polygon: &MultiPolygon) -> f64 {
    polygon.polygons().flatten().map(|ring| antimeridian::signed_area(ring) / 2.0).sum()
}

#[cfg(feature = "gdal")]
mod with_gdal {
    use super::*;
    use std::fmt::Write;

    fn in_crs(crs: &str, rings: &[Vec<Xy>]) -> MultiPolygon {
        let mut text = String::new();
        for ring in rings {
            let points: Vec<String> = ring.iter().map(|p| format!("[{},{}]", p.x, p.y)).collect();
            write!(text, "{}[{}]", if text.is_empty() { "" } else { "," }, points.join(",")).unwrap();
        }
        let crs = format!(r#""crs":{{"type":"name","properties":{{"name":"urn:ogc:def:crs:{crs}"}}}}"#);
        let (_keep, path) = written(&format!(r#"{{"type":"Polygon",{crs},"coordinates":[{text}]}}"#));
        load(&path, &RegionChoice::default()).unwrap().polygon
    }

    fn square(x: f64, y: f64, size: f64) -> Vec<Xy> {
        [(x, y), (x + size, y), (x + size, y + size), (x, y + size)].map(|(x, y)| Xy { x, y }).to_vec()
    }

    #[test]
    fn around_between_and_beside_the_south_pole() {
        // Squares of 2000 km around the pole, with a corner in it, with a side through it, and a ring
        // around it, which is closed along the pole twice.
        let hole = square(-500_000.0, -500_000.0, 1e6);
        for (rings, polygons, holds_pole) in [
            (vec![square(-1e6, -1e6, 2e6)], 1, true),
            (vec![square(0.0, 0.0, 2e6)], 1, true),
            (vec![square(-1e6, 0.0, 2e6)], 2, true),
            (vec![square(-1e6, -1e6, 2e6), hole], 1, true),
            (vec![square(-1e6, 5e5, 1e6)], 1, false),
        ] {
            let name = format!("{rings:?}");
            let region = in_crs("EPSG::3031", &rings);
            assert!(region.points() < 20_000, "{}", region.points());
            assert_eq!(region.bounds().south <= -90.0, holds_pole, "{name}");
            let there = Carrier::new(&Crs::Geographic, &Crs::parse("EPSG:3031").unwrap(), 1.0).unwrap();
            let mut size = 0.0;
            for ring in region.polygons().flatten() {
                let (back, _) = there.ring(ring, 1_000_000).unwrap().unwrap();
                size += antimeridian::signed_area(&back) / 2.0;
            }
            let wanted: f64 = rings
                .iter()
                .enumerate()
                .map(|(i, r)| antimeridian::signed_area(r).abs() / 2.0 * if i == 0 { 1.0 } else { -1.0 })
                .sum();
            assert!((size - wanted).abs() < 2.0 * 8e6, "{name}: {size} for {wanted}, {polygons}");
        }
    }

    use crate::geo::carry::Carrier;

    #[test]
    fn across_180_in_metres() {
        // NZTM: the Chatham Islands lie beyond 180 degrees.
        let region = in_crs("EPSG::2193", &[square(1_900_000.0, 5_000_000.0, 600_000.0)]);
        assert_eq!(region.polygons().count(), 2);
    }

    #[test]
    fn what_has_no_place_on_earth_is_refused() {
        let (_keep, path) = written(
            r#"{"type":"Polygon","crs":{"properties":{"name":"EPSG:3035"}},
            "coordinates":[[[1e12,0],[1e12,1e6],[2e12,1e6]]]}"#,
        );
        let error = load(&path, &RegionChoice::default()).unwrap_err();
        assert!(error.message().contains("has no longitude and latitude at"), "{error}");
    }
}
