//! Clips against GDAL and GEOS (recorded by tests/clip_gdal.py), and against a look at every pixel.
use super::*;
use crate::geo::affine::Affine;
use crate::geo::crs::Crs;
use proptest::prelude::*;
use serde::Deserialize;
use std::collections::HashSet;

/// Masks as row, first column, end column; pixels as row, column.
#[derive(Deserialize)]
#[cfg_attr(not(feature = "gdal"), allow(dead_code))]
struct Recorded {
    name: String,
    crs: String,
    geotransform: [f64; 6],
    shape: (usize, usize),
    geojson: MultiPolygon,
    /// GDAL: centres inside.
    centre: Vec<usize>,
    /// Pixels whose centre lies within 2e-3 px of an edge, 2e-6 px on the grid in degrees.
    near: Vec<usize>,
    /// GEOS: pixels that the polygon covers a part of, also when they are shrunk by as much.
    touch: Vec<usize>,
    /// Pixels that it covers a part of only when they are enlarged by as much.
    slight: Vec<usize>,
    /// GDAL with all_touched.
    gdal_touch: Vec<usize>,
}

type Pixels = HashSet<(usize, usize)>;

fn of_runs(runs: &[usize]) -> Pixels {
    runs.chunks_exact(3).flat_map(|r| (r[1]..r[2]).map(move |column| (r[0], column))).collect()
}

fn of_clip(clip: &Clip) -> Pixels {
    (0..clip.shape().ny).flat_map(|row| clip.runs(row).flatten().map(move |column| (row, column))).collect()
}

fn grid(crs: &str, geotransform: [f64; 6], ny: usize, nx: usize) -> GeoBox {
    GeoBox {
        crs: Crs::parse(crs).unwrap(),
        transform: Affine::from_gdal(geotransform),
        shape: Shape { ny, nx },
    }
}

#[test]
fn masks_are_gdals() {
    #[derive(Deserialize)]
    struct File {
        cases: Vec<Recorded>,
    }
    let file: File = serde_json::from_str(include_str!("../../../tests/data/clips.json")).unwrap();
    assert!(file.cases.len() >= 30);
    let (mut touched, mut gdal_differs) = (0, 0);
    for case in &file.cases {
        #[cfg(not(feature = "gdal"))]
        if case.crs == "EPSG:3577" {
            continue;
        }
        let grid = grid(&case.crs, case.geotransform, case.shape.0, case.shape.1);
        let pairs = |list: &[usize]| list.chunks_exact(2).map(|p| (p[0], p[1])).collect::<Pixels>();
        let centre = of_clip(&Clip::new(&case.geojson, &grid, ClipRule::Centre).unwrap());
        let near = pairs(&case.near);
        for pixel in centre.symmetric_difference(&of_runs(&case.centre)) {
            assert!(near.contains(pixel), "{}: centre of {pixel:?}", case.name);
        }
        let touch = of_clip(&Clip::new(&case.geojson, &grid, ClipRule::Touch).unwrap());
        let slight = pairs(&case.slight);
        for pixel in touch.symmetric_difference(&of_runs(&case.touch)) {
            assert!(slight.contains(pixel), "{}: touch of {pixel:?}", case.name);
        }
        assert!(centre.is_subset(&touch), "{}", case.name);
        touched += touch.len();
        gdal_differs += touch.symmetric_difference(&of_runs(&case.gdal_touch)).count();
    }
    // GDAL passes over some corners that an edge cuts off.
    assert!(touched > 100_000 && gdal_differs < 20, "{gdal_differs} of {touched} differ from all_touched");
}

/// A polygon on a grid of one degree: pixel coordinates are easy to write.
fn on_degrees(rings: &[Vec<(f64, f64)>], ny: usize, nx: usize, rule: ClipRule) -> Clip {
    let grid = grid("EPSG:4326", [10.0, 1.0, 0.0, 50.0, 0.0, -1.0], ny, nx);
    let rings: Vec<Vec<[f64; 2]>> =
        rings.iter().map(|ring| ring.iter().map(|(x, y)| [10.0 + x, 50.0 - y]).collect()).collect();
    let json = serde_json::json!({ "type": "Polygon", "coordinates": rings });
    Clip::new(&MultiPolygon::from_value(&json).unwrap(), &grid, rule).unwrap()
}

fn square(x0: f64, y0: f64, x1: f64, y1: f64) -> Vec<(f64, f64)> {
    vec![(x0, y0), (x1, y0), (x1, y1), (x0, y1)]
}

#[test]
fn a_square_on_pixel_sides_is_its_pixels() {
    for rule in [ClipRule::Centre, ClipRule::Touch] {
        let clip = on_degrees(&[square(2.0, 1.0, 5.0, 4.0), square(3.0, 2.0, 4.0, 3.0)], 6, 7, rule);
        let want: Pixels =
            (1..4).flat_map(|r| (2..5).map(move |c| (r, c))).filter(|p| *p != (2, 3)).collect();
        assert_eq!(of_clip(&clip), want, "{rule}");
        assert_eq!(clip.pixels(), 8);
        assert!(clip.bytes() < 200);
    }
    let smaller = [square(2.1, 1.1, 4.9, 3.9)];
    assert_eq!(on_degrees(&smaller, 6, 7, ClipRule::Centre).pixels(), 9);
    let larger = [square(1.9, 0.9, 5.1, 4.1)];
    assert_eq!(on_degrees(&larger, 6, 7, ClipRule::Centre).pixels(), 9);
    assert_eq!(on_degrees(&larger, 6, 7, ClipRule::Touch).pixels(), 25);
    // Within a single pixel, beside its centre.
    let dot = [square(2.1, 1.1, 2.2, 1.3)];
    assert_eq!(on_degrees(&dot, 6, 7, ClipRule::Centre).pixels(), 0);
    assert_eq!(on_degrees(&dot, 6, 7, ClipRule::Touch).pixels(), 1);
}

#[test]
fn outside_is_nothing_and_around_is_all() {
    let away = on_degrees(&[square(20.0, 20.0, 30.0, 30.0)], 6, 7, ClipRule::Touch);
    assert_eq!((away.pixels(), away.covers(PixelRect::whole(away.shape()))), (0, Cover::None));
    let around = on_degrees(&[square(-9.0, -9.0, 30.0, 30.0)], 6, 7, ClipRule::Centre);
    assert_eq!((around.pixels(), around.covers(PixelRect::whole(around.shape()))), (42, Cover::All));
    // A hole that holds the grid.
    let hole = [square(-9.0, -9.0, 30.0, 30.0), square(-5.0, -5.0, 20.0, 20.0)];
    assert_eq!(on_degrees(&hole, 6, 7, ClipRule::Touch).pixels(), 0);
}

#[test]
fn polygons_far_beyond_a_projection_are_cut_first() {
    let grid = grid("EPSG:32754", [215_000.0, 15.0, 0.0, 6_557_000.0, 0.0, -15.0], 100, 100);
    let json = serde_json::json!({ "type": "Polygon", "coordinates": [[[-90.0, -80.0], [90.0, -80.0],
        [179.0, -80.0], [179.0, 80.0], [0.0, 80.0], [-90.0, 80.0]]] });
    let world = MultiPolygon::from_value(&json).unwrap();
    assert_eq!(Clip::new(&world, &grid, ClipRule::Centre).unwrap().pixels(), 10_000);
}

#[cfg(feature = "gdal")]
#[test]
fn a_pole_may_be_inside() {
    let grid = grid("EPSG:3413", [-50_000.0, 1000.0, 0.0, 50_000.0, 0.0, -1000.0], 100, 100);
    let cap = |south: f64| {
        let ring: Vec<[f64; 2]> =
            vec![[-180.0, south], [0.0, south], [180.0, south], [180.0, 90.0], [-180.0, 90.0]];
        // From 180 to -180 is an edge of 360 degrees, along the pole: two more points make it two.
        let mut ring = ring;
        ring.insert(4, [0.0, 90.0]);
        let json = serde_json::json!({ "type": "Polygon", "coordinates": [ring] });
        Clip::new(&MultiPolygon::from_value(&json).unwrap(), &grid, ClipRule::Centre).unwrap().pixels() as f64
    };
    assert_eq!(cap(80.0), 10_000.0);
    // A cap of 0.2 degrees: 22.3 km; the map's scale at the pole is 0.97.
    let radius_km = 0.2 * 111.69 * 0.9698;
    assert!((cap(89.8) / (std::f64::consts::PI * radius_km * radius_km) - 1.0).abs() < 0.01, "{}", cap(89.8));
}

#[test]
fn rules_have_names() {
    for (text, rule) in
        [("centre", ClipRule::Centre), ("Center", ClipRule::Centre), ("touch", ClipRule::Touch)]
    {
        assert_eq!(text.parse::<ClipRule>().unwrap(), rule);
        assert_eq!(serde_json::to_value(rule).unwrap(), rule.as_str());
    }
    assert!("all".parse::<ClipRule>().unwrap_err().hint_text().is_some());
}

proptest! {
    #[test]
    fn both_is_a_look_at_every_pixel(
        a in prop::collection::vec((-1.0f64..9.0, -1.0f64..9.0), 3..12),
        b in prop::collection::vec((-1.0f64..9.0, -1.0f64..9.0), 3..12),
    ) {
        let a = on_degrees(&[a], 8, 8, ClipRule::Touch);
        let b = on_degrees(&[b], 8, 8, ClipRule::Centre);
        let both = a.and(&b);
        prop_assert_eq!(of_clip(&both), &of_clip(&a) & &of_clip(&b));
        prop_assert_eq!(&both, &b.and(&a));
        prop_assert_eq!(&a.and(&a), &a);
    }

    #[test]
    fn runs_are_a_look_at_every_pixel(
        points in prop::collection::vec((-3.0..15.0f64, -3.0..15.0f64), 3..12),
        hole in prop::collection::vec((2.0..9.0f64, 2.0..9.0f64), 3..6),
        at in (0usize..12, 0usize..12), size in (0usize..12, 0usize..12),
    ) {
        let (ny, nx) = (11, 12);
        // A little apart from each other: a ring of equal points is refused.
        let apart = |ring: Vec<(f64, f64)>| -> Vec<(f64, f64)> {
            ring.iter().zip([0.0, 1e-3, 3e-3].iter().cycle()).map(|((x, y), d)| (x + d, y + 2.0 * d * d)).collect()
        };
        let rings = [apart(points), apart(hole)];
        let clip = on_degrees(&rings, ny, nx, ClipRule::Centre);
        let got = of_clip(&clip);
        // A ray to the left of every centre, over all rings; any ring may cross itself.
        let is_inside = |row: usize, column: usize| {
            let (x, y) = (column as f64 + 0.5, row as f64 + 0.5);
            let crossed = rings.iter().flat_map(|ring| ring.iter().zip(ring.iter().cycle().skip(1)))
                .filter(|(a, b)| (a.1 > y) != (b.1 > y) && x > a.0 + (y - a.1) * (b.0 - a.0) / (b.1 - a.1))
                .count();
            crossed % 2 == 1
        };
        for row in 0..ny {
            for column in 0..nx {
                prop_assert_eq!(got.contains(&(row, column)), is_inside(row, column), "{} {}", row, column);
            }
        }
        prop_assert_eq!(clip.pixels(), got.len() as u64);
        let rect = PixelRect {
            row: at.0.min(ny), column: at.1.min(nx), rows: size.0.min(ny - at.0.min(ny)), columns: size.1.min(nx - at.1.min(nx)),
        };
        let stride = rect.columns + 3;
        let mut values = vec![1.0_f32; stride * (rect.rows + 2)];
        clip.apply(rect, stride, &mut values);
        let mut inside = 0;
        for (i, v) in values.iter().enumerate() {
            let (r, c) = (i / stride, i % stride);
            let is_pixel = r < rect.rows && c < rect.columns;
            let kept = !is_pixel || got.contains(&(rect.row + r, rect.column + c));
            inside += usize::from(is_pixel && kept);
            prop_assert_eq!(!v.is_nan(), kept, "{} {}", r, c);
        }
        let cover = match inside { 0 => Cover::None, n if n == rect.len() => Cover::All, _ => Cover::Some };
        prop_assert_eq!(clip.covers(rect), cover);
    }
}

/// A coast of 200 000 points on a scene, one thread:
/// `cargo test --release -p aster-core --lib grid::clip::tests::speed -- --ignored --nocapture`
#[test]
#[ignore = "a measurement"]
#[allow(clippy::print_stdout)]
fn speed() {
    let grid = grid("EPSG:32754", [215_000.0, 15.0, 0.0, 6_557_000.0, 0.0, -15.0], 5000, 5000);
    let centre = grid.area().unwrap().centre();
    let ring: Vec<[f64; 2]> = (0..200_000)
        .map(|i| {
            let angle = f64::from(i) / 200_000.0 * std::f64::consts::TAU;
            let radius = 0.3 + 0.02 * (angle * 40.0).sin() + 0.002 * (angle * 3000.0).sin();
            [centre.0 + radius * angle.cos(), centre.1 + radius * angle.sin()]
        })
        .collect();
    let json = serde_json::json!({ "type": "Polygon", "coordinates": [ring] }).to_string();
    let start = std::time::Instant::now();
    let polygon = MultiPolygon::from_geojson(&json).unwrap();
    println!("{} points parsed in {:?}", polygon.points(), start.elapsed());
    for rule in [ClipRule::Centre, ClipRule::Touch] {
        let start = std::time::Instant::now();
        let clip = Clip::new(&polygon, &grid, rule).unwrap();
        println!("{rule}: {} pixels, {} bytes in {:?}", clip.pixels(), clip.bytes(), start.elapsed());
        let start = std::time::Instant::now();
        let covers = (0..100).map(|i| {
            let rect = PixelRect { row: i / 10 * 500, column: i % 10 * 500, rows: 500, columns: 500 };
            clip.covers(rect)
        });
        println!(
            "{rule}: {} of 100 chunks cut, in {:?}",
            covers.filter(|c| *c == Cover::Some).count(),
            start.elapsed()
        );
    }
}
