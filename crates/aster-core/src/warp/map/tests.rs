//! Tests of the map: the bound on its error, the edge of its domain, equality of parts and wholes.
use super::*;
use crate::geo::crs::Crs;

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
