//! How a source lies on the target grid: an integer shift or a warp; which pixels of either side are needed.
use crate::error::Result;
use crate::geo::affine::{Affine, Xy};
use crate::geo::crs::Crs;
use crate::geo::transform::Transformer;
use crate::geo::utm::FALSE_NORTHING_SOUTH;
use crate::grid::geobox::{GeoBox, PixelRect, Shape};
use crate::warp::map::WarpMap;

/// How source pixels reach the target grid.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Placement {
    /// Target pixel (row, column) IS source pixel (row + row_offset, column + column_offset).
    Shift {
        /// Rows to add to a target row.
        row_offset: i64,
        /// Columns to add to a target column.
        column_offset: i64,
    },
    /// Resampling through a [`WarpMap`].
    Warp,
}

impl Placement {
    /// Word for records and reports.
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Shift { .. } => "shift",
            Self::Warp => "warp",
        }
    }
}

/// Largest distance between two lattices that count as one, pixels.
const LATTICE_TOLERANCE_PX: f64 = 1e-3;

/// A shift when both grids are upright in one plane, of one pixel size, and their lattices agree within a
/// thousandth of a pixel at all corners of the source; else a warp.
pub fn place(target: &GeoBox, source: &GeoBox) -> Placement {
    shift(target, source).unwrap_or(Placement::Warp)
}

fn shift(target: &GeoBox, source: &GeoBox) -> Option<Placement> {
    let plane = in_plane_of(&target.crs, source)?;
    if !target.transform.is_upright() || !plane.is_upright() {
        return None;
    }
    // Source pixel to target pixel, at every corner of the source: a tiny difference of pixel size adds up.
    let map = compose(&plane, &target.transform)?;
    let (dx, dy) = (map.x0.round(), map.y0.round());
    let (nx, ny) = (source.shape.nx as f64, source.shape.ny as f64);
    for (x, y) in [(0.0, 0.0), (nx, 0.0), (nx, ny), (0.0, ny)] {
        let p = map.apply(Xy { x, y });
        // Written so that NaN fails.
        if !((p.x - x - dx).abs() <= LATTICE_TOLERANCE_PX && (p.y - y - dy).abs() <= LATTICE_TOLERANCE_PX) {
            return None;
        }
    }
    // Far apart beyond any grid: a warp that finds no overlap.
    let whole = |v: f64| (v.abs() < 1e15).then_some(v as i64);
    Some(Placement::Shift { row_offset: -whole(dy)?, column_offset: -whole(dx)? })
}

/// The source's affine map in the plane of `crs`, when the two share one: same CRS, or the two hemispheres of
/// a UTM zone, which differ by the false northing only.
pub(crate) fn in_plane_of(crs: &Crs, source: &GeoBox) -> Option<Affine> {
    match (crs, &source.crs) {
        (a, b) if a == b => Some(source.transform),
        (Crs::Utm { zone: a, south }, Crs::Utm { zone: b, .. }) if a == b => {
            let shift = if *south { FALSE_NORTHING_SOUTH } else { -FALSE_NORTHING_SOUTH };
            Some(Affine { y0: source.transform.y0 + shift, ..source.transform })
        }
        _ => None,
    }
}

/// Pixels of `from` to pixels of `to`, both maps of one plane. Origins are subtracted before anything is
/// divided, so that coordinates of millions of metres cost no digits; none when `to` is singular.
pub(crate) fn compose(from: &Affine, to: &Affine) -> Option<Affine> {
    let (x, y) = (from.x0 - to.x0, from.y0 - to.y0);
    if to.rx == 0.0 && to.ry == 0.0 {
        // Division, not multiplication by an inverse: equal pixels give exactly 1, whole offsets exact
        // integers.
        let map = Affine {
            x0: x / to.dx,
            dx: from.dx / to.dx,
            rx: from.rx / to.dx,
            y0: y / to.dy,
            ry: from.ry / to.dy,
            dy: from.dy / to.dy,
        };
        return map.to_gdal().iter().all(|v| v.is_finite()).then_some(map);
    }
    let inverse = Affine { x0: 0.0, y0: 0.0, ..*to }.inverse().ok()?;
    let apply = |x: f64, y: f64| inverse.apply(Xy { x, y });
    let (origin, column, row) = (apply(x, y), apply(from.dx, from.ry), apply(from.rx, from.dy));
    Some(Affine { x0: origin.x, dx: column.x, rx: row.x, y0: origin.y, ry: column.y, dy: row.y })
}

/// Points per edge of a source's outline carried to the target; each half as many again measure the bend.
const EDGE_POINTS: usize = 33;

/// A rectangle of target pixels outside of which the source has nothing; none when the two do not meet.
/// Exact for a shift, generous for a warp.
///
/// # Errors
/// As [`Transformer::new`].
pub fn overlap(target: &GeoBox, source: &GeoBox, placement: Placement) -> Result<Option<PixelRect>> {
    let (nx, ny) = (source.shape.nx as f64, source.shape.ny as f64);
    if target.shape.nx == 0 || target.shape.ny == 0 || source.shape.nx == 0 || source.shape.ny == 0 {
        return Ok(None);
    }
    let whole = PixelRect::whole(target.shape);
    if let Placement::Shift { row_offset, column_offset } = placement {
        return Ok(shifted_window(-row_offset, -column_offset, PixelRect::whole(source.shape), target.shape));
    }
    // Around the outline, corners included: even points are vertices, odd ones show how far edges bend.
    let mut points = Vec::with_capacity(4 * EDGE_POINTS);
    for (from, to) in
        [((0.0, 0.0), (nx, 0.0)), ((nx, 0.0), (nx, ny)), ((nx, ny), (0.0, ny)), ((0.0, ny), (0.0, 0.0))]
    {
        for i in 0..EDGE_POINTS {
            let t = i as f64 / (EDGE_POINTS - 1) as f64;
            points.push(Xy { x: from.0 + t * (to.0 - from.0), y: from.1 + t * (to.1 - from.1) });
        }
    }
    let (mut xs, mut ys): (Vec<f64>, Vec<f64>) =
        points.iter().map(|p| source.transform.apply(*p)).map(|p| (p.x, p.y)).unzip();
    Transformer::new(&source.crs, &target.crs)?.forward(&mut xs, &mut ys)?;
    let Some(to_pixel) = compose(&Affine::upright(0.0, 0.0, 1.0, -1.0), &target.transform) else {
        return Ok(None);
    };
    let middle =
        target.transform.apply(Xy { x: target.shape.nx as f64 / 2.0, y: target.shape.ny as f64 / 2.0 });
    let outline: Vec<Xy> = xs
        .into_iter()
        .zip(ys)
        .map(|(x, y)| Xy { x: unwrap_longitude(x, &target.crs, middle.x), y })
        .map(|p| to_pixel.apply(p))
        .collect();
    let finite = outline.iter().filter(|p| p.x.is_finite() && p.y.is_finite()).count();
    if finite == 0 {
        return Ok(None);
    }
    if finite < outline.len() {
        // Part of the source has no place in the target's CRS: no bound can be trusted.
        return Ok(Some(whole));
    }
    let bend = outline
        .chunks(EDGE_POINTS)
        .flat_map(|edge| edge.windows(3).step_by(2))
        .map(|w| ((w[0].x + w[2].x) / 2.0 - w[1].x).hypot((w[0].y + w[2].y) / 2.0 - w[1].y))
        .fold(0.0, f64::max);
    let pad = 2.0 + 2.0 * bend;
    let low = |f: fn(&Xy) -> f64| outline.iter().map(f).fold(f64::INFINITY, f64::min) - pad;
    let high = |f: fn(&Xy) -> f64| outline.iter().map(f).fold(f64::NEG_INFINITY, f64::max) + pad;
    Ok(clip((low(|p| p.y), high(|p| p.y)), (low(|p| p.x), high(|p| p.x)), target.shape))
}

/// A longitude within half a turn of `middle`; other coordinates as they are.
pub(crate) fn unwrap_longitude(x: f64, crs: &Crs, middle: f64) -> f64 {
    if crs.is_geographic() && crs.units() == "degrees" {
        x - 360.0 * ((x - middle) / 360.0).round()
    } else {
        x
    }
}

/// Pixels that the continuous ranges of rows and columns touch, within a shape.
fn clip(rows: (f64, f64), columns: (f64, f64), shape: Shape) -> Option<PixelRect> {
    let range = |(low, high): (f64, f64), n: usize| {
        // The conversion saturates: what lies outside stays outside.
        let (from, to) = (low.floor().max(0.0) as usize, high.ceil().clamp(0.0, n as f64) as usize);
        (from < to).then_some((from, to - from))
    };
    let ((row, rows), (column, columns)) = (range(rows, shape.ny)?, range(columns, shape.nx)?);
    Some(PixelRect { row, column, rows, columns })
}

/// Source pixels that `target` pixels are copied from, within the source.
pub fn shifted_window(
    row_offset: i64,
    column_offset: i64,
    target: PixelRect,
    source: Shape,
) -> Option<PixelRect> {
    let range = |start: usize, length: usize, offset: i64, limit: usize| {
        let from = i128::try_from(start).ok()? + i128::from(offset);
        let to = from + i128::try_from(length).ok()?;
        let (from, to) = (from.max(0), to.min(i128::try_from(limit).ok()?));
        (from < to).then_some((usize::try_from(from).ok()?, usize::try_from(to - from).ok()?))
    };
    let (row, rows) = range(target.row, target.rows, row_offset, source.ny)?;
    let (column, columns) = range(target.column, target.columns, column_offset, source.nx)?;
    Some(PixelRect { row, column, rows, columns })
}

/// Source pixels that warping `target` pixels may touch with a kernel of `radius` source pixels
/// ([`crate::warp::kernel::Resampling::radius`]), within the source.
pub fn warped_window(map: &WarpMap, target: PixelRect, radius: f64) -> Option<PixelRect> {
    let b = map.bounds_of(target)?;
    // One pixel more costs nothing and covers rounding.
    let r = radius + 1.0;
    clip((b.min_y - r, b.max_y + r), (b.min_x - r, b.max_x + r), map.source_shape())
}

/// [`shifted_window`] or [`warped_window`], whichever the placement asks for; a warp without its map touches
/// nothing.
pub fn source_window(
    placement: Placement,
    map: Option<&WarpMap>,
    target: PixelRect,
    source: Shape,
    radius: f64,
) -> Option<PixelRect> {
    match placement {
        Placement::Shift { row_offset, column_offset } => {
            shifted_window(row_offset, column_offset, target, source)
        }
        Placement::Warp => warped_window(map?, target, radius),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn utm(zone: u8, x0: f64, y0: f64, pixel: f64, ny: usize, nx: usize) -> GeoBox {
        GeoBox {
            crs: Crs::Utm { zone, south: false },
            transform: Affine::upright(x0, y0, pixel, pixel),
            shape: Shape { ny, nx },
        }
    }

    #[test]
    fn one_lattice_is_a_shift() {
        let source = utm(50, 676_642.5, 4_500_022.5, 15.0, 4200, 4980);
        let target = utm(50, 676_642.5 + 15.0 * 100.0, 4_500_022.5 - 15.0 * 50.0, 15.0, 1000, 2000);
        let placement = place(&target, &source);
        assert_eq!(placement, Placement::Shift { row_offset: 50, column_offset: 100 });
        let rect = overlap(&target, &source, placement).unwrap().unwrap();
        assert_eq!(rect, PixelRect::whole(target.shape));
        let window = source_window(placement, None, rect, source.shape, 0.0).unwrap();
        assert_eq!(window, PixelRect { row: 50, column: 100, rows: 1000, columns: 2000 });
    }

    #[test]
    fn anything_else_is_a_warp() {
        let target = utm(50, 0.0, 0.0, 15.0, 100, 100);
        assert_eq!(place(&target, &utm(51, 0.0, 0.0, 15.0, 100, 100)), Placement::Warp);
        assert_eq!(place(&target, &utm(50, 0.0, 0.0, 30.0, 100, 100)), Placement::Warp);
        assert_eq!(place(&target, &utm(50, 0.03, 0.0, 15.0, 100, 100)), Placement::Warp);
        // A thousandth of a pixel is reached after 5000 columns only.
        assert_ne!(place(&target, &utm(50, 0.0, 0.0, 15.000_004, 100, 100)), Placement::Warp);
        assert_eq!(place(&target, &utm(50, 0.0, 0.0, 15.000_004, 100, 5000)), Placement::Warp);
        let mut rotated = utm(50, 0.0, 0.0, 15.0, 100, 100);
        rotated.transform.rx = 0.1;
        rotated.transform.ry = 0.1;
        assert_eq!(place(&target, &rotated), Placement::Warp);
        rotated.transform.x0 = f64::NAN;
        assert_eq!(place(&target, &rotated), Placement::Warp);
    }

    #[test]
    fn hemispheres_of_a_zone_share_a_plane_but_not_every_lattice() {
        let north = utm(50, 0.0, 1000.0, 10.0, 100, 100);
        let mut south = GeoBox { crs: Crs::Utm { zone: 50, south: true }, ..north.clone() };
        south.transform.y0 += FALSE_NORTHING_SOUTH;
        assert_eq!(place(&north, &south), Placement::Shift { row_offset: 0, column_offset: 0 });
        // Ten thousand kilometres are no whole number of 15 m pixels.
        let fifteen = utm(50, 0.0, 0.0, 15.0, 100, 100);
        let other = GeoBox { crs: Crs::Utm { zone: 50, south: true }, ..fifteen.clone() };
        assert_eq!(place(&fifteen, &other), Placement::Warp);
    }

    #[test]
    fn apart_is_no_overlap() {
        let target = utm(50, 300_000.0, 4_000_000.0, 15.0, 1000, 1000);
        for source in [
            utm(50, 300_000.0 + 15_000.0, 4_000_000.0, 15.0, 10, 10),
            utm(50, 0.0, 0.0, 30.0, 10, 10),
            utm(51, 300_000.0, 4_000_000.0, 15.0, 100, 100),
            utm(20, 300_000.0, 4_000_000.0, 15.0, 100, 100),
        ] {
            assert_eq!(overlap(&target, &source, place(&target, &source)).unwrap(), None);
        }
    }

    #[test]
    fn the_date_line_is_no_edge() {
        // Zone 1 begins at 180 degrees; a target in degrees that runs on to 181 must find it.
        let source = utm(1, 280_000.0, 2_000_000.0, 15.0, 1000, 1000);
        let target = GeoBox {
            crs: Crs::Geographic,
            transform: Affine::upright(179.0, 18.2, 0.001, 0.001),
            shape: Shape { ny: 400, nx: 2000 },
        };
        let rect = overlap(&target, &source, Placement::Warp).unwrap().unwrap();
        assert!(rect.column > 900 && rect.columns < 300, "{rect:?}");
    }

    proptest! {
        /// Every target pixel whose centre falls into the source lies in the overlap, and its source pixel in
        /// the window.
        #[test]
        fn nothing_is_left_out(
            east in -4000.0..4000.0f64, north in -4000.0..4000.0f64, px in 5.0..80.0f64,
            angle in -0.2..0.2f64, zone in 49..52u8, ny in 1..80usize, nx in 1..80usize,
        ) {
            let (s, c) = angle.sin_cos();
            let target = utm(50, 680_000.0, 4_500_000.0, 30.0, 150, 120);
            let mut at = ([target.centre_of(75, 60).x], [target.centre_of(75, 60).y]);
            Transformer::new(&target.crs, &Crs::Utm { zone, south: false }).unwrap()
                .forward(&mut at.0, &mut at.1).unwrap();
            let source = GeoBox {
                crs: Crs::Utm { zone, south: false },
                transform: Affine {
                    x0: at.0[0] + east, dx: px * c, rx: px * s, y0: at.1[0] + north, ry: px * s, dy: -px * c,
                },
                shape: Shape { ny, nx },
            };
            let placement = place(&target, &source);
            let rect = overlap(&target, &source, placement).unwrap();
            let map = WarpMap::new(&target, PixelRect::whole(target.shape), &source, 0.05).unwrap();
            let (mut xs, mut ys) = ([0.0; 120], [0.0; 120]);
            for row in 0..150 {
                map.row(row, 0, &mut xs, &mut ys);
                for column in 0..120 {
                    let (x, y) = (xs[column], ys[column]);
                    if x < 0.0 || y < 0.0 || x >= nx as f64 || y >= ny as f64 {
                        continue;
                    }
                    let r = rect.expect("a pixel falls into the source");
                    prop_assert!((r.row..r.row + r.rows).contains(&row));
                    prop_assert!((r.column..r.column + r.columns).contains(&column));
                    let one = PixelRect { row, column, rows: 1, columns: 1 };
                    let w = warped_window(&map, one, 0.0).expect("a pixel falls into the source");
                    prop_assert!((w.row..w.row + w.rows).contains(&(y as usize)));
                    prop_assert!((w.column..w.column + w.columns).contains(&(x as usize)));
                }
            }
        }
    }
}
