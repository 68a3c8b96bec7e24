//! The kernels against their obvious twins, and against what must not matter.
use super::*;
use crate::geo::affine::Affine;
use crate::geo::crs::Crs;
use crate::grid::geobox::{GeoBox, Shape};
use crate::warp::map::WarpMap;
use crate::warp::placement::{Placement, place, source_window};
use proptest::prelude::*;

const TABLE: fn() -> Vec<f32> =
    || (0..256).map(|dn| if dn == 0 { f32::NAN } else { dn as f32 * 0.676 - 0.676 }).collect();

/// Numbers with some missing ones, alone and in a block.
fn image(ny: usize, nx: usize, seed: u32) -> Vec<u8> {
    let mut state = seed | 1;
    (0..ny * nx)
        .map(|i| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            let (r, c) = (i / nx, i % nx);
            if (state >> 8).is_multiple_of(31) || c < r / 5 { 0 } else { 1 + (state >> 24).min(250) as u8 }
        })
        .collect()
}

/// The definition, tap by tap in double precision.
fn obvious(method: Resampling, data: &[u8], shape: Shape, table: &[f32], x: f64, y: f64) -> f32 {
    let get = |i: f64, j: f64| {
        let inside = i >= 0.0 && j >= 0.0 && i < shape.nx as f64 && j < shape.ny as f64;
        if inside { table[usize::from(data[j as usize * shape.nx + i as usize])] } else { f32::NAN }
    };
    let nearest = get((x + 1e-10).floor(), (y + 1e-10).floor());
    if nearest.is_nan() || method == Resampling::Nearest {
        return nearest;
    }
    let (kernel, radius): (fn(f64) -> f64, i32) = match method {
        Resampling::Cubic => (wide::catmull_rom, 2),
        _ => (wide::triangle, 1),
    };
    let (u, v) = (x - 0.5, y - 0.5);
    let (mut sum, mut weights, mut whole) = (0.0, 0.0, true);
    for dj in 1 - radius..=radius {
        for di in 1 - radius..=radius {
            let (i, j) = (u.floor() + f64::from(di), v.floor() + f64::from(dj));
            let (value, weight) = (get(i, j), kernel(i - u) * kernel(j - v));
            if value.is_nan() {
                whole = false;
            } else {
                sum += weight * f64::from(value);
                weights += weight;
            }
        }
    }
    if method == Resampling::Cubic && !whole {
        return obvious(Resampling::Bilinear, data, shape, table, x, y);
    }
    if weights < 1e-5 { f32::NAN } else { (sum / weights) as f32 }
}

fn same(a: f32, b: f32) -> bool {
    a.to_bits() == b.to_bits() || a.is_nan() && b.is_nan()
}

proptest! {
    #[test]
    fn quick_is_obvious(
        ny in 1..40usize, nx in 1..90usize, seed: u32, x0 in -3.0..50.0f64, y0 in -3.0..40.0f64,
        dx in -1.0..1.0f64, dy in -0.3..0.3f64, n in 1..200usize,
    ) {
        let (data, table, shape) = (image(ny, nx, seed), TABLE(), Shape { ny, nx });
        let source = SourceWindow::new(&data, PixelRect::whole(shape), &table).unwrap();
        let xs: Vec<f64> = (0..n).map(|i| x0 + i as f64 * dx).collect();
        let ys: Vec<f64> = (0..n).map(|i| y0 + i as f64 * dy).collect();
        let mut out = vec![7.0; n];
        for method in [Resampling::Nearest, Resampling::Bilinear, Resampling::Cubic] {
            sample_row(method, &source, &xs, &ys, Scale::ONE, &mut out);
            for i in 0..n {
                let want = obvious(method, &data, shape, &table, xs[i], ys[i]);
                let close = (out[i] - want).abs() < 1e-3 || out[i].is_nan() && want.is_nan();
                prop_assert!(close, "{method} at {} {}: {} for {want}", xs[i], ys[i], out[i]);
            }
        }
    }

    /// At pixel centres every method gives the pixel.
    #[test]
    fn identity(ny in 1..30usize, nx in 1..200usize, seed: u32) {
        let (data, table, shape) = (image(ny, nx, seed), TABLE(), Shape { ny, nx });
        let grid = GeoBox {
            crs: Crs::Utm { zone: 50, south: false },
            transform: Affine::upright(676_642.5, 4_500_022.5, 15.0, 15.0),
            shape,
        };
        let map = WarpMap::new(&grid, PixelRect::whole(shape), &grid, 0.05).unwrap();
        let source = SourceWindow::new(&data, PixelRect::whole(shape), &table).unwrap();
        let (mut xs, mut ys, mut out) = (vec![0.0; nx], vec![0.0; nx], vec![0.0; nx]);
        for method in Resampling::ALL {
            for row in 0..ny {
                map.row(row, 0, &mut xs, &mut ys);
                sample_row(method, &source, &xs, &ys, map.scale(), &mut out);
                for (out, dn) in out.iter().zip(&data[row * nx..]) {
                    prop_assert!(same(*out, table[usize::from(*dn)]), "{method}");
                }
            }
        }
    }

    /// A window with the pixels within reach, and any division of the row, change no bit.
    #[test]
    fn windows_and_chunks_do_not_matter(
        seed: u32, angle in -0.1..0.1f64, size in 8.0..70.0f64, row in 0..60usize, from in 0..150usize,
        length in 1..100usize,
    ) {
        let (data, table, shape) = (image(90, 160, seed), TABLE(), Shape { ny: 90, nx: 160 });
        let crs = Crs::Utm { zone: 50, south: false };
        let (s, c) = (size * angle.sin(), size * angle.cos());
        let grid = GeoBox { crs: crs.clone(), transform: Affine::upright(0.0, 0.0, 15.0, 15.0), shape };
        let target = GeoBox {
            crs,
            transform: Affine { x0: -40.0, dx: c, rx: s, y0: 35.0, ry: s, dy: -c },
            shape: Shape { ny: 60, nx: 250 },
        };
        let map = WarpMap::new(&target, PixelRect::whole(target.shape), &grid, 0.05).unwrap();
        let whole = SourceWindow::new(&data, PixelRect::whole(shape), &table).unwrap();
        let (mut xs, mut ys) = (vec![0.0; 250], vec![0.0; 250]);
        map.row(row, 0, &mut xs, &mut ys);
        for method in Resampling::ALL {
            let mut want = vec![0.0; 250];
            sample_row(method, &whole, &xs, &ys, map.scale(), &mut want);
            let rect = PixelRect { row, column: from, rows: 1, columns: length };
            let window = source_window(Placement::Warp, Some(&map), rect, shape, method.radius(map.scale()));
            let mut got = vec![f32::NAN; length];
            if let Some(w) = window {
                let part: Vec<u8> =
                    (w.row..w.row + w.rows).flat_map(|r| &data[r * 160 + w.column..][..w.columns]).copied().collect();
                let part = SourceWindow::new(&part, w, &table).unwrap();
                let range = from..from + length;
                sample_row(method, &part, &xs[range.clone()], &ys[range], map.scale(), &mut got);
            }
            for (k, got) in got.iter().enumerate() {
                prop_assert!(same(*got, want[from + k]), "{method} at {k}: {got} for {}", want[from + k]);
            }
        }
    }

    /// On one lattice, copying is nearest resampling.
    #[test]
    fn a_shift_is_a_nearest_warp(seed: u32, down in -60..60i64, right in -60..60i64) {
        let (data, table, shape) = (image(40, 50, seed), TABLE(), Shape { ny: 40, nx: 50 });
        let crs = Crs::Utm { zone: 50, south: false };
        let source = GeoBox { crs, transform: Affine::upright(676_642.5, 4_500_022.5, 15.0, 15.0), shape };
        let mut target = source.clone();
        target.transform.x0 += right as f64 * 15.0;
        target.transform.y0 -= down as f64 * 15.0;
        let placement = Placement::Shift { row_offset: down, column_offset: right };
        prop_assert_eq!(place(&target, &source), placement);
        let map = WarpMap::new(&target, PixelRect::whole(shape), &source, 0.05).unwrap();
        let window = SourceWindow::new(&data, PixelRect::whole(shape), &table).unwrap();
        let (mut xs, mut ys, mut warped, mut copied) = ([0.0; 50], [0.0; 50], [0.0; 50], [0.0; 50]);
        for row in 0..40 {
            map.row(row, 0, &mut xs, &mut ys);
            sample_row(Resampling::Nearest, &window, &xs, &ys, Scale::ONE, &mut warped);
            copy_row(&window, row as i64 + down, right, &mut copied);
            prop_assert!(copied.iter().zip(&warped).all(|(a, b)| same(*a, *b)));
        }
    }
}

#[test]
fn signed_numbers_index_by_their_bits() {
    let mut table = vec![f32::NAN; 65536];
    table[65535] = -1.0;
    table[5] = 5.0;
    let data = [-1_i16, 5, -9999];
    let source =
        SourceWindow::new(&data, PixelRect { row: 0, column: 0, rows: 1, columns: 3 }, &table).unwrap();
    let mut out = [0.0; 5];
    copy_row(&source, 0, -1, &mut out);
    assert_eq!(out.map(|v| if v.is_nan() { 9.0 } else { v }), [9.0, -1.0, 5.0, 9.0, 9.0]);
    copy_row(&source, i64::MAX, i64::MIN, &mut out);
    assert!(out.iter().all(|v| v.is_nan()));
    assert!(SourceWindow::new(&data, source.rect(), &table[1..]).is_err());
    assert!(SourceWindow::new(&data[1..], source.rect(), &table).is_err());
}

#[test]
fn mode_takes_the_first_of_equals() {
    let data = [3_u8, 7, 7, 3, 0, 0, 9, 0];
    let table = TABLE();
    let source =
        SourceWindow::new(&data, PixelRect { row: 0, column: 0, rows: 2, columns: 4 }, &table).unwrap();
    let mut out = [0.0; 3];
    let scale = Scale { x: 4.0, y: 2.0 };
    sample_row(Resampling::Mode, &source, &[2.0, 6.0, f64::NAN], &[1.0, 1.0, 1.0], scale, &mut out);
    assert_eq!(out[0], table[7]);
    assert!(out[1].is_nan() && out[2].is_nan());
    sample_row(Resampling::Average, &source, &[2.0, 4.0, 9.0], &[1.0, 1.0, 1.0], scale, &mut out);
    assert_eq!(out[0], (2.0 * table[3] + 2.0 * table[7] + table[9]) / 5.0);
    assert_eq!(out[1], (table[3] + table[7] + table[9]) / 3.0);
    assert!(out[2].is_nan());
}

#[test]
fn names_are_read_back() {
    for method in Resampling::ALL {
        assert_eq!(method.to_string().parse::<Resampling>().unwrap(), method);
    }
    assert!("lanczos".parse::<Resampling>().unwrap_err().hint_text().unwrap().contains("bilinear"));
}
