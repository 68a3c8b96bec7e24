//! UTM against PROJ, resampling against GDAL: recorded by tests/warp_oracle.py.
#[rustfmt::skip]
#[cfg_attr(not(feature = "gdal"), allow(dead_code))]
#[path = "warp_oracle/vectors.rs"]
mod vectors;

use aster_core::geo::affine::Affine;
use aster_core::geo::crs::Crs;
use aster_core::geo::transform::Transformer;
use aster_core::grid::geobox::{GeoBox, PixelRect, Shape};
use aster_core::warp::kernel::{Resampling, Scale, SourceWindow, sample_row, take_row};
use aster_core::warp::map::{NearestRow, WarpMap};
use vectors::{UTM, WARPS};

#[test]
fn utm_is_proj_to_a_micrometre() {
    for &(zone, south, lon, lat, easting, northing) in UTM {
        let utm = Crs::Utm { zone, south };
        let (mut xs, mut ys) = ([lon], [lat]);
        Transformer::new(&Crs::Geographic, &utm).unwrap().forward(&mut xs, &mut ys).unwrap();
        let off = (xs[0] - easting).hypot(ys[0] - northing);
        assert!(off < 1e-6, "zone {zone} {lon} {lat}: {off} m");
        let (mut xs, mut ys) = ([easting], [northing]);
        Transformer::new(&utm, &Crs::Geographic).unwrap().forward(&mut xs, &mut ys).unwrap();
        // Longitudes shrink towards the poles; there, and around the globe, only the distance counts.
        let off_lon = ((xs[0] - lon + 180.0).rem_euclid(360.0) - 180.0) * lat.to_radians().cos();
        let off = off_lon.hypot(ys[0] - lat);
        // Easting and northing are recorded to 1e-7 m, 1e-12 degrees.
        assert!(off < 1e-11, "zone {zone} {easting} {northing}: {off} degrees");
    }
}

#[cfg(feature = "gdal")]
#[test]
fn other_systems_have_x_first() {
    for &(definition, lon, lat, x, y) in vectors::OTHER {
        let crs = Crs::parse(definition).unwrap();
        let (mut xs, mut ys) = ([lon], [lat]);
        Transformer::new(&Crs::Geographic, &crs).unwrap().forward(&mut xs, &mut ys).unwrap();
        assert!((xs[0] - x).abs() < 1e-3 && (ys[0] - y).abs() < 1e-3, "{definition}: {xs:?} {ys:?}");
        Transformer::new(&crs, &Crs::Geographic).unwrap().forward(&mut xs, &mut ys).unwrap();
        // Older PROJ inverts equal-area latitudes to a millimetre only.
        assert!((xs[0] - lon).abs() < 2e-8 && (ys[0] - lat).abs() < 2e-8, "{definition}: {xs:?} {ys:?}");
    }
}

const ROWS: usize = 128;
const COLUMNS: usize = 144;

/// The same image as in the script.
fn source_image() -> Vec<u8> {
    let mut state: u64 = 12345;
    let mut out = Vec::new();
    for r in 0..ROWS as i64 {
        for c in 0..COLUMNS as i64 {
            state = (state * 1_103_515_245 + 12345) & 0x7FFF_FFFF;
            let value = 20 + (r * r / 7 + c * 3) % 160 + ((state >> 16) % 40) as i64;
            let missing =
                (r - 40).pow(2) + (c - 60).pow(2) < 150 || (state >> 8).is_multiple_of(97) || c < 5 + r / 8;
            out.push(if missing { 0 } else { value as u8 });
        }
    }
    out
}

#[test]
fn resampling_is_gdals() {
    let data = source_image();
    let source = GeoBox {
        crs: Crs::Utm { zone: 50, south: false },
        transform: Affine::upright(676_642.5, 4_500_022.5, 15.0, 15.0),
        shape: Shape { ny: ROWS, nx: COLUMNS },
    };
    let table: Vec<f32> = (0..256).map(|dn| if dn == 0 { f32::NAN } else { dn as f32 }).collect();
    let window = SourceWindow::new(&data, PixelRect::whole(source.shape), &table).unwrap();
    for warp in WARPS {
        let method: Resampling = warp.method.parse().unwrap();
        let (ny, nx) = warp.shape;
        let target = GeoBox {
            crs: Crs::parse(&format!("EPSG:{}", warp.epsg)).unwrap(),
            transform: Affine::from_gdal(warp.geotransform),
            shape: Shape { ny, nx },
        };
        let map = WarpMap::new(&target, PixelRect::whole(target.shape), &source, 1e-6).unwrap();
        assert!((map.scale().x / warp.scale - 1.0).abs() < 0.1, "{} {:?}", warp.name, map.scale());
        let scale = Scale { x: warp.scale, y: warp.scale };
        let mut pixels = vec![0.0; ny * nx];
        let (mut xs, mut ys) = (vec![0.0; nx], vec![0.0; nx]);
        for (row, out) in pixels.chunks_mut(nx).enumerate() {
            map.row(row, 0, &mut xs, &mut ys);
            sample_row(method, &window, &xs, &ys, scale, out);
        }
        // GDAL's footprint under average and mode is the box around two opposite corners of the target pixel,
        // ours an upright square: the same only while the grids are not turned against each other.
        let turned = warp.epsg != 32650;
        let mean = matches!(method, Resampling::Average | Resampling::Mode);
        let (mut mask, mut differ) = (0, 0);
        for (ours, gdal) in pixels.iter().step_by(23).zip(warp.pixels) {
            if ours.is_nan() != (*gdal == -9999.0) {
                mask += 1;
            } else if !ours.is_nan() {
                // Recorded with seven digits.
                differ += usize::from((ours - gdal).abs() > 1e-3);
            }
        }
        let valid: Vec<f64> = pixels.iter().filter(|v| !v.is_nan()).map(|v| f64::from(*v)).collect();
        let (count, sum) = (valid.len() as f64 - warp.valid as f64, valid.iter().sum::<f64>() - warp.sum);
        let off = sum / warp.valid as f64;
        let case =
            format!("{} {method}: mask {mask}, {differ} differ, {count:+} valid, {off:+} mean", warp.name);
        match (mean, turned) {
            (false, _) => assert!(mask == 0 && differ == 0 && count == 0.0 && off.abs() < 1e-4, "{case}"),
            // One pixel at the border, where GDAL gives a cut-off pixel more than its area.
            (true, false) => assert!(mask == 0 && differ <= 1 && count == 0.0 && off.abs() < 1e-3, "{case}"),
            (true, true) if method == Resampling::Average => {
                assert!(mask <= 1 && count.abs() <= 1.0 && off.abs() < 0.1, "{case}");
            }
            (true, true) => {
                assert!(mask <= 1 && count.abs() <= 1.0 && differ * 8 < warp.pixels.len(), "{case}")
            }
        }
    }
}

/// CPU time of this thread; 0 where the system does not tell.
fn cpu_seconds() -> f64 {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    text.split_whitespace().next().and_then(|ns| ns.parse::<f64>().ok()).unwrap_or(0.0) * 1e-9
}

/// One band of a whole scene into the next zone, one thread:
/// `cargo test --release -p aster-core --test warp_oracle -- --ignored --nocapture speed`
#[test]
#[ignore = "a measurement"]
#[allow(clippy::print_stdout)]
fn speed() {
    let (ny, nx) = (5200, 5320);
    let data: Vec<u8> = (0..ny * nx)
        .map(|i| {
            let (r, c) = (i / nx, i % nx);
            // The tilted frame of a real scene: a quarter of its box is fill.
            let left = r / 6;
            if c < left || c > left + 4400 { 0 } else { 20 + ((r * 7 + c * 13 + (r * c) % 31) % 200) as u8 }
        })
        .collect();
    let source = GeoBox {
        crs: Crs::Utm { zone: 50, south: false },
        transform: Affine::upright(676_642.5, 4_500_022.5, 15.0, 15.0),
        shape: Shape { ny, nx },
    };
    let target = GeoBox {
        crs: Crs::Utm { zone: 51, south: false },
        transform: Affine::upright(165_000.0, 4_508_000.0, 15.0, 15.0),
        shape: source.shape,
    };
    let table: Vec<f32> = (0..256).map(|dn| if dn == 0 { f32::NAN } else { dn as f32 * 0.676 }).collect();
    let table16: Vec<f32> =
        (0..65536).map(|dn| if dn == 0 { f32::NAN } else { dn as f32 * 0.0068 }).collect();
    let data16: Vec<u16> = data.iter().map(|dn| u16::from(*dn) * 20).collect();
    let rect = PixelRect::whole(source.shape);
    let window = SourceWindow::new(&data, rect, &table).unwrap();
    let window16 = SourceWindow::new(&data16, rect, &table16).unwrap();
    let pixels = (ny * nx) as f64;
    let (mut xs, mut ys, mut out) = (vec![0.0; nx], vec![0.0; nx], vec![0.0_f32; nx]);
    let mut nearest = NearestRow::default();
    let start = cpu_seconds();
    let map = WarpMap::new(&target, rect, &source, 0.05).unwrap();
    println!("map made in {:.2} ms, error {:.4} px", (cpu_seconds() - start) * 1e3, map.measured_error_px());
    for method in [None, Some(Resampling::Nearest), Some(Resampling::Bilinear), Some(Resampling::Cubic)] {
        for wide in [false, true] {
            let mut best = f64::INFINITY;
            let mut valid = 0;
            for _ in 0..3 {
                let start = cpu_seconds();
                valid = 0;
                for row in 0..ny {
                    if method == Some(Resampling::Nearest) {
                        map.nearest_row(row, 0, nx, rect, &mut nearest);
                    } else {
                        map.row(row, 0, &mut xs, &mut ys);
                    }
                    match method {
                        Some(Resampling::Nearest) if wide => take_row(&window16, &nearest, &mut out),
                        Some(Resampling::Nearest) => take_row(&window, &nearest, &mut out),
                        Some(method) if wide => {
                            sample_row(method, &window16, &xs, &ys, map.scale(), &mut out)
                        }
                        Some(method) => sample_row(method, &window, &xs, &ys, map.scale(), &mut out),
                        None => {}
                    }
                    valid += usize::from(!out[row].is_nan());
                }
                best = best.min(cpu_seconds() - start);
            }
            let name = method.map_or("map only", Resampling::as_str);
            let bits = if wide { 16 } else { 8 };
            println!("{name:9} {bits:2} bit {:6.2} ns/pixel {best:.3} s ({valid})", best / pixels * 1e9);
        }
    }
}
