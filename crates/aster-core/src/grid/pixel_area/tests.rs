//! Areas against geodesics, and against a look at single pixels.
use super::*;
use serde::Deserialize;

/// Sums over blocks of pixels by geodesics; recorded by tests/pixel_area_geod.py.
#[derive(Deserialize)]
struct Recorded {
    crs: String,
    geotransform: [f64; 6],
    shape: (usize, usize),
    /// Row, column, rows, columns, square metres.
    blocks: Vec<(usize, usize, usize, usize, f64)>,
}

fn grid(crs: &str, geotransform: [f64; 6], ny: usize, nx: usize) -> GeoBox {
    GeoBox {
        crs: Crs::parse(crs).unwrap(),
        transform: Affine::from_gdal(geotransform),
        shape: Shape { ny, nx },
    }
}

#[test]
fn areas_are_geodesic() {
    let all: Vec<Recorded> =
        serde_json::from_str(include_str!("../../../tests/data/pixel_areas.json")).unwrap();
    for case in &all {
        #[cfg(not(feature = "gdal"))]
        if !case.crs.starts_with("EPSG:32") && case.crs != "EPSG:4326" {
            continue;
        }
        let area = PixelArea::of(&grid(&case.crs, case.geotransform, case.shape.0, case.shape.1)).unwrap();
        assert!(area.measured_error() <= MAX_RELATIVE_ERROR / 4.0);
        for &(row, column, rows, columns, want) in &case.blocks {
            let mut line = vec![0.0; columns];
            let mut sum = 0.0;
            for r in row..row + rows {
                area.row_m2(r, column, &mut line);
                sum += line.iter().sum::<f64>();
            }
            let off = sum / want - 1.0;
            assert!(off.abs() < 1e-6, "{} at {row}, {column}: {off:e}", case.crs);
        }
    }
}

#[test]
fn rows_may_begin_anywhere() {
    let utm = grid("EPSG:32654", [300_000.0, 15.0, 0.0, 6_557_000.0, 0.0, -15.0], 3000, 5000);
    let area = PixelArea::of(&utm).unwrap();
    let mut whole = vec![0.0; 5000];
    for row in [0, 1, 1499, 1500, 2999] {
        area.row_m2(row, 0, &mut whole);
        // A pixel by itself, without a lattice: the rounding of 15 metres shows.
        let measure = Measure { reach_px: 0.5, ..Measure::of(&utm).unwrap() };
        for (first, n) in [(0, 1), (1, 700), (311, 2000), (4999, 1), (2500, 2500)] {
            let mut part = vec![0.0; n];
            area.row_m2(row, first, &mut part);
            for (k, v) in part.iter().enumerate().step_by(97) {
                assert!((v / whole[first + k] - 1.0).abs() < 1e-13);
                let centre = Xy { x: (first + k) as f64 + 0.5, y: row as f64 + 0.5 };
                assert!((v / measure.areas(&[centre]).unwrap()[0] - 1.0).abs() < 1e-6);
            }
        }
    }
}

#[test]
fn the_whole_earth() {
    // WGS84 has 510 065 621.724 square kilometres.
    let area = PixelArea::of(&grid("EPSG:4326", [-180.0, 1.0, 0.0, 90.0, 0.0, -1.0], 180, 360)).unwrap();
    let mut line = [0.0; 360];
    let sum: f64 = (0..180)
        .map(|r| {
            area.row_m2(r, 0, &mut line);
            line.iter().sum::<f64>()
        })
        .sum();
    assert!((sum / 510_065_621_724_088.4 - 1.0).abs() < 1e-12, "{sum}");
}

#[cfg(feature = "gdal")]
#[test]
fn beyond_the_earth_there_is_no_area() {
    let oval = grid("ESRI:54009", [-18e6, 1e5, 0.0, 9e6, 0.0, -1e5], 180, 360);
    let error = PixelArea::of(&oval).unwrap_err();
    assert!(
        error.code() == ErrorCode::Unsupported && error.message().contains("leaves the Earth"),
        "{error}"
    );
}

/// `cargo test --release -p aster-core --lib pixel_area::tests::speed -- --ignored --nocapture`
#[test]
#[ignore = "a measurement"]
#[allow(clippy::print_stdout)]
fn speed() {
    for crs in ["EPSG:32654", "EPSG:3577"] {
        let grid = grid(crs, [300_000.0, 15.0, 0.0, -3_000_000.0, 0.0, -15.0], 5000, 5000);
        let start = std::time::Instant::now();
        let area = PixelArea::of(&grid).unwrap();
        println!(
            "{crs}: made in {:?}, {} bytes, error {:e}",
            start.elapsed(),
            area.bytes(),
            area.measured_error()
        );
        let (start, mut row) = (std::time::Instant::now(), vec![0.0; 5000]);
        (0..5000).for_each(|r| area.row_m2(r, 0, &mut row));
        println!("{crs}: {:?} a row", start.elapsed() / 5000);
    }
}
