//! Undoing a stretched geotransform of AST_L1T version 003.
//!
//! The corners in the HDF metadata are CENTRES of corner pixels. Some converters took them for outer edges and
//! spread N pixels over the N-1 intervals between them, so that a pixel is `n (N-1)/N` instead of `n` = 15, 30
//! or 90 m. The right map has pixels of exactly `n` and its outer corner half a pixel outside of the centre.
//!
//! A crop of such a file keeps the stretched pixel, from which N of the whole scene follows, and starts at
//! `UL + c n (N-1)/N` for some whole column c. Corner centres are multiples of 90 m in the plain UTM of the
//! scene, so the origin's distance from the pixel lattice, `c n/N`, gives c, and the crop is put where its
//! pixels lie in the whole scene.
use crate::geo::affine::Affine;
use crate::geo::crs::Crs;
use crate::grid::geobox::GeoBox;

/// What was found.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Stretch {
    /// Pixels of the nominal size, or nothing that looks like a stretch.
    None,
    /// The right map, and the first column and row of the whole scene that the file holds.
    Repaired { transform: Affine, first_column: usize, first_row: usize },
    /// Stretched, but where the file lies in its scene cannot be told.
    Unclear,
}

/// Common lattice of the corner centres of all telescopes, metres.
const LATTICE_M: f64 = 90.0;
/// Coordinates went through degrees and back: off by up to 0.15 mm in the seven files seen at middle latitudes
/// (0.9 mm at 77 degrees south). One column of a VNIR crop is 2.7 mm.
const NOISE_M: f64 = 0.0004;
/// Pixels along a side of a whole scene: real ones have 824 to 5600.
const SCENE_PIXELS: (f64, f64) = (500.0, 10_000.0);
const FALSE_NORTHING_M: f64 = 10_000_000.0;

/// Looks at a map whose pixels should be `nominal_m` wide and high.
pub(super) fn examine(geobox: &GeoBox, nominal_m: f64) -> Stretch {
    let t = &geobox.transform;
    let is = |pixel: f64, count: usize| scene_pixels(pixel, nominal_m, count).is_some();
    if !t.is_upright() || !is(t.dx, geobox.shape.nx) || !is(-t.dy, geobox.shape.ny) {
        return Stretch::None;
    }
    // North of the equator's false northing the lattice starts at 0; south of it at 10 000 km, unless the
    // converter kept negative northings.
    let anchors: &[f64] = match geobox.crs {
        Crs::Utm { south: true, .. } => &[FALSE_NORTHING_M, 0.0],
        _ => &[0.0],
    };
    let x = axis(t.x0, t.dx, geobox.shape.nx, nominal_m, &[0.0]);
    // Northings fall with the rows: the same arithmetic with the sign turned.
    let turned: Vec<f64> = anchors.iter().map(|a| -a).collect();
    let y = axis(-t.y0, -t.dy, geobox.shape.ny, nominal_m, &turned);
    match (x, y) {
        (Some((x0, first_column)), Some((y0, first_row))) => Stretch::Repaired {
            transform: Affine::upright(x0, -y0, nominal_m, nominal_m),
            first_column,
            first_row,
        },
        _ => Stretch::Unclear,
    }
}

/// N of the whole scene, if `pixel` is `n (N-1)/N`. When N is the file's own count it is the whole scene,
/// however small; else it must be a size that scenes have.
fn scene_pixels(pixel: f64, n: f64, count: usize) -> Option<f64> {
    let pixels = n / (n - pixel);
    // The pixel carries the noise of the corners over N; N is then off by N x noise / n, far below 0.1.
    let whole = pixels.round();
    let known = whole == count as f64 || (SCENE_PIXELS.0..=SCENE_PIXELS.1).contains(&whole);
    (pixels.is_finite() && whole >= 2.0 && known && (pixels - whole).abs() < 0.1).then_some(whole)
}

/// Outer edge of the first pixel and its index in the whole scene, along an axis that grows.
fn axis(origin: f64, pixel: f64, count: usize, n: f64, anchors: &[f64]) -> Option<(f64, usize)> {
    let scene = scene_pixels(pixel, n, count)?;
    let count = count as f64;
    if count > scene {
        return None;
    }
    if count == scene {
        // The whole scene: no lattice needed, it only takes the noise away.
        let centre = anchors.iter().find_map(|&a| snap(origin, n, a, 0.01)).unwrap_or(origin);
        return Some((centre - n / 2.0, 0));
    }
    let mut found = anchors.iter().filter_map(|&anchor| {
        let lag = (anchor - origin).rem_euclid(n);
        let first = (lag * scene / n).round();
        let first = if first >= scene { 0.0 } else { first };
        let centre = snap(origin - first * pixel, LATTICE_M, anchor, NOISE_M)?;
        (first + count <= scene).then_some((centre - n / 2.0 + first * n, first as usize))
    });
    let only = found.next()?;
    found.next().is_none().then_some(only)
}

/// The multiple of `step` from `anchor` within `noise` of `value`.
fn snap(value: f64, step: f64, anchor: f64, noise: f64) -> Option<f64> {
    let nearest = anchor + ((value - anchor) / step).round() * step;
    ((value - nearest).abs() <= noise).then_some(nearest)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::grid::geobox::Shape;

    fn north(transform: [f64; 6], nx: usize, ny: usize) -> GeoBox {
        let crs = Crs::Utm { zone: 48, south: false };
        GeoBox { crs, transform: Affine::from_gdal(transform), shape: Shape { ny, nx } }
    }

    fn repaired(geobox: &GeoBox, nominal: f64) -> ([f64; 6], usize, usize) {
        match examine(geobox, nominal) {
            Stretch::Repaired { transform, first_column, first_row } => {
                (transform.to_gdal(), first_column, first_row)
            }
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn whole_files_of_the_planetary_computer() {
        // gdalinfo of AST_L1T_00305032000040446_20150409135350_78838.{VNIR,SWIR,TIR}
        let (x, y) = (251_999.999_978_985_4, 1_744_559.999_999_640_7);
        for (dx, dy, nx, ny, n) in [
            (14.997318079730448, 14.996966632976713, 5593, 4945, 15.0),
            (29.989274229507473, 29.987868985066658, 2797, 2473, 30.0),
            (89.90353699885573, 89.89090909099376, 933, 825, 90.0),
        ] {
            let expected = [252_000.0 - n / 2.0, n, 0.0, 1_744_560.0 + n / 2.0, 0.0, -n];
            assert_eq!(repaired(&north([x, dx, 0.0, y, 0.0, -dy], nx, ny), n), (expected, 0, 0));
        }
    }

    #[test]
    fn crops_anywhere_in_a_scene_find_their_place() {
        for (n, nx, ny) in [(15.0, 5593_usize, 4945_usize), (30.0, 2797, 2473), (90.0, 933, 825)] {
            for (south, ul_y) in [(false, 1_744_560.0), (true, 10_000_000.0 - 3_000_060.0), (true, -900.0)] {
                let (px, py) = (n * (nx - 1) as f64 / nx as f64, n * (ny - 1) as f64 / ny as f64);
                for (c, r) in [(0, 0), (0, 17), (360, 12), (nx - 100, ny - 50), (1, 1)] {
                    let noise = 0.0001;
                    let map =
                        [252_000.0 + c as f64 * px + noise, px, 0.0, ul_y - r as f64 * py - noise, 0.0, -py];
                    let mut geobox = north(map, 100, 50);
                    geobox.crs = Crs::Utm { zone: 48, south };
                    let x0 = 252_000.0 - n / 2.0 + c as f64 * n;
                    let y0 = ul_y + n / 2.0 - r as f64 * n;
                    assert_eq!(
                        repaired(&geobox, n),
                        ([x0, n, 0.0, y0, 0.0, -n], c, r),
                        "{n} {south} {c} {r}"
                    );
                }
            }
        }
    }

    #[test]
    fn what_is_not_stretched_is_left_alone() {
        let as_is = |t: [f64; 6]| examine(&north(t, 700, 333), 30.0);
        assert_eq!(as_is([572_490.0, 30.0, 0.0, 4_289_130.0, 0.0, -30.0]), Stretch::None);
        assert_eq!(as_is([572_490.0, 29.9, 1.0, 4_289_130.0, 1.0, -29.9]), Stretch::None);
        assert_eq!(as_is([0.0, 20.0, 0.0, 0.0, 0.0, -20.0]), Stretch::None);
        // Stretched, but off the lattice by half a pixel.
        let p = 30.0 * 2796.0 / 2797.0;
        assert_eq!(as_is([252_007.5, p, 0.0, 1_744_560.0, 0.0, -p]), Stretch::Unclear);
        // More pixels than the stretch allows.
        let p = 30.0 * 599.0 / 600.0;
        assert_eq!(as_is([252_000.0, p, 0.0, 1_744_560.0, 0.0, -p]), Stretch::Unclear);
    }
}
