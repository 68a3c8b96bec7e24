//! Tests of the map: the bound on its error, the edge of its domain, equality of parts and wholes.
use super::*;
use crate::geo::crs::Crs;
use crate::warp::kernel::{SourceWindow, take_dn_row};

fn grid(crs: Crs, x0: f64, y0: f64, pixel: f64, ny: usize, nx: usize) -> GeoBox {
    GeoBox { crs, transform: Affine::upright(x0, y0, pixel, pixel), shape: Shape { ny, nx } }
}

fn exact_row(target: &GeoBox, source: &GeoBox, row: usize, columns: usize) -> Vec<[f64; 2]> {
    let exact = Exact::new(target, source).unwrap();
    exact.carry((0..columns).map(|c| Xy { x: c as f64 + 0.5, y: row as f64 + 0.5 })).unwrap()
}

fn worst_error(target: &GeoBox, source: &GeoBox, bound: f64) -> (f64, WarpMap) {
    let (ny, nx) = (target.shape.ny, target.shape.nx);
    let map = WarpMap::new(target, PixelRect::whole(target.shape), source, bound).unwrap();
    let (mut xs, mut ys) = (vec![0.0; nx], vec![0.0; nx]);
    let mut worst: f64 = 0.0;
    for row in (0..ny).step_by(3) {
        map.row(row, 0, &mut xs, &mut ys);
        for (column, truth) in exact_row(target, source, row, nx).into_iter().enumerate() {
            assert_eq!(truth[0].is_nan(), xs[column].is_nan(), "row {row} column {column}");
            if !truth[0].is_nan() {
                worst = worst.max((truth[0] - xs[column]).hypot(truth[1] - ys[column]));
            }
        }
    }
    (worst, map)
}

#[test]
fn the_bound_holds_everywhere() {
    let zone = |zone| Crs::Utm { zone, south: false };
    let source = grid(zone(50), 676_642.5, 4_500_022.5, 15.0, 1200, 1400);
    let (worst, map) = worst_error(&grid(zone(51), 168_000.0, 4_505_000.0, 15.0, 1200, 1300), &source, 0.05);
    assert!(worst <= 0.05 && map.measured_error_px() <= 0.05, "{worst}");
    let degrees = grid(Crs::Geographic, 119.0, 40.7, 0.00015, 1300, 1500);
    for bound in [0.05, 0.001] {
        let (worst, map) = worst_error(&degrees, &source, bound);
        assert!(worst <= bound, "{worst} above {bound}, measured {}", map.measured_error_px());
    }
    // At 80 degrees north, meridians turn fast.
    let polar = grid(zone(33), 400_000.0, 8_900_000.0, 15.0, 900, 900);
    let (worst, _) = worst_error(&grid(zone(36), 200_000.0, 8_950_000.0, 90.0, 400, 500), &polar, 0.05);
    assert!(worst <= 0.05, "{worst}");
}

#[test]
fn beyond_the_domain_is_nan_to_the_pixel() {
    // North of 90 degrees there is nothing.
    let target = grid(Crs::Geographic, 10.0, 90.5, 0.01, 300, 300);
    let source = grid(Crs::Utm { zone: 33, south: false }, 300_000.0, 9_990_000.0, 500.0, 400, 800);
    let (worst, map) = worst_error(&target, &source, 0.125);
    assert!(worst <= 0.125);
    assert!(map.at(49, 7).x.is_nan() && map.at(50, 7).x.is_finite());
}

#[test]
fn maps_of_parts_agree_bit_by_bit() {
    let source = grid(Crs::Utm { zone: 50, south: false }, 676_642.5, 4_500_022.5, 15.0, 900, 900);
    let target = grid(Crs::Geographic, 119.0, 40.7, 0.0002, 1000, 1000);
    let whole = WarpMap::new(&target, PixelRect::whole(target.shape), &source, 0.05).unwrap();
    let rect = PixelRect { row: 300, column: 411, rows: 77, columns: 300 };
    let part = WarpMap::new(&target, rect, &source, 0.05).unwrap();
    assert_eq!(whole.scale(), part.scale());
    for row in 300..377 {
        for column in 411..711 {
            let (a, b) = (whole.at(row, column), part.at(row, column));
            assert_eq!((a.x.to_bits(), a.y.to_bits()), (b.x.to_bits(), b.y.to_bits()));
        }
    }
}

#[test]
fn one_plane_is_exact() {
    let crs = Crs::Utm { zone: 50, south: false };
    let source = grid(crs.clone(), 676_642.5, 4_500_022.5, 15.0, 100, 100);
    let same = WarpMap::new(&source, PixelRect::whole(source.shape), &source, 0.05).unwrap();
    assert_eq!(same.at(99, 7), Xy { x: 7.5, y: 99.5 });
    assert_eq!(same.scale(), Scale { x: 1.0, y: 1.0 });
    assert_eq!(same.measured_error_px(), 0.0);
    let mut turned = source.clone();
    turned.transform = Affine { x0: 676_000.0, dx: 12.0, rx: 9.0, y0: 4_500_900.0, ry: 9.0, dy: -12.0 };
    let map = WarpMap::new(&source, PixelRect::whole(source.shape), &turned, 0.05).unwrap();
    let p = map.at(3, 5);
    let world = turned.transform.apply(p);
    let want = source.centre_of(3, 5);
    assert!((world.x - want.x).abs() < 1e-6 && (world.y - want.y).abs() < 1e-6);
    assert!((map.scale().x - 1.0).abs() < 1e-12);
}

#[test]
fn bad_bounds_are_refused() {
    let source = grid(Crs::Geographic, 0.0, 1.0, 0.1, 10, 10);
    for bound in [0.0, -1.0, 0.126, f64::NAN] {
        assert!(WarpMap::new(&source, PixelRect::whole(source.shape), &source, bound).is_err());
    }
    let beyond = PixelRect { row: 5, column: 0, rows: 6, columns: 1 };
    assert!(WarpMap::new(&source, beyond, &source, 0.05).is_err());
}

/// The runs of a map are what its positions say, in windows that hold all, a part or nothing of the source.
fn runs_are_positions(target: &GeoBox, source: &GeoBox) -> (usize, usize) {
    let map = WarpMap::new(target, PixelRect::whole(target.shape), source, 0.05).unwrap();
    let table = vec![1.0; 65_536];
    let (ny, nx) = (source.shape.ny, source.shape.nx);
    let (mut along, mut runs) = (0, 0);
    for window in [
        PixelRect::whole(source.shape),
        PixelRect { row: ny / 3, column: nx / 4, rows: ny / 4, columns: nx / 2 },
        PixelRect { row: ny - 2, column: nx - 3, rows: 1, columns: 2 },
    ] {
        let numbers: Vec<u16> = (1..).take(window.len()).collect();
        let pixels = SourceWindow::new(&numbers, window, &table).unwrap();
        for row in (0..target.shape.ny).step_by(7) {
            for (column, columns) in [(0, target.shape.nx), (row % 300, 77), (255, 2)] {
                let (mut xs, mut ys) = (vec![0.0; columns], vec![0.0; columns]);
                map.row(row, column, &mut xs, &mut ys);
                let mut nearest = NearestRow::default();
                map.nearest_row(row, column, columns, window, &mut nearest);
                let mut got = vec![9; columns];
                take_dn_row(&pixels, &nearest, &mut got);
                for (k, (x, y)) in xs.iter().zip(&ys).enumerate() {
                    let (i, j) =
                        ((x + 1e-10).floor() - window.column as f64, (y + 1e-10).floor() - window.row as f64);
                    let inside = i >= 0.0 && j >= 0.0 && i < window.columns as f64 && j < window.rows as f64;
                    let want = if inside { numbers[j as usize * window.columns + i as usize] } else { 0 };
                    assert_eq!(got[k], want, "row {row}, column {}: {x} {y} in {window:?}", column + k);
                }
                for run in nearest.runs.iter().filter(|run| matches!(run.pixels, Pixels::Along(_))) {
                    (along, runs) = (along + run.length, runs + 1);
                }
            }
        }
    }
    (along, runs)
}

#[test]
fn runs_of_nearest_pixels_are_those_of_positions() {
    let zone = |zone| Crs::Utm { zone, south: false };
    let at = |crs: Crs, x0: f64, y0: f64, pixel: f64| grid(crs, x0, y0, pixel, 900, 1000);
    let source = at(zone(50), 676_642.5, 4_500_022.5, 15.0);
    // Rows fall and rise, east of the source's zone and west of it, north and south of the equator.
    for (target, source, ends) in [
        (at(zone(51), 168_000.0, 4_505_000.0, 15.0), source.clone(), true),
        (at(zone(49), 1_180_000.0, 4_530_000.0, 15.0), source.clone(), true),
        (at(zone(51), 168_100.0, 1_700_000.0, 15.0), at(zone(50), 818_000.0, 1_702_000.0, 15.0), true),
        (
            at(Crs::Utm { zone: 51, south: true }, 168_100.0, 8_300_000.0, 15.0),
            at(Crs::Utm { zone: 50, south: true }, 812_000.0, 8_303_000.0, 15.0),
            true,
        ),
        // Near the middle of a zone rows turn round; other sizes of pixels have no runs.
        (at(Crs::Geographic, 116.95, 40.7, 0.000_15), at(zone(50), 497_000.0, 4_506_000.0, 15.0), false),
        (at(zone(51), 168_000.0, 4_505_000.0, 30.0), source.clone(), false),
        (at(zone(51), 168_000.0, 4_505_000.0, 15.0), at(zone(50), 676_642.5, 4_500_022.5, 90.0), false),
    ] {
        let (along, runs) = runs_are_positions(&target, &source);
        assert!(!ends || along > 8 * runs && runs > 1000, "{along} pixels in {runs} runs");
    }
    let mut turned = source.clone();
    turned.transform = Affine { x0: 676_000.0, dx: 12.0, rx: 9.0, y0: 4_500_900.0, ry: 9.0, dy: -12.0 };
    runs_are_positions(&source, &turned);
}
