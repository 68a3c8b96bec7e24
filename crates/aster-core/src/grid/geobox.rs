//! A grid: CRS, affine map and shape. Pixel (0, 0) is the outer corner of the upper-left pixel; centres at +0.5.
use crate::error::{Error, Result};
use crate::geo::affine::{Affine, Xy};
use crate::geo::bbox::{Area, Bounds};
use crate::geo::crs::Crs;
use crate::geo::transform::Transformer;

/// Rows and columns; never a bare tuple.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Shape {
    /// Rows.
    pub ny: usize,
    /// Columns.
    pub nx: usize,
}

/// A rectangle of pixels.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct PixelRect {
    /// First row.
    pub row: usize,
    /// First column.
    pub column: usize,
    /// Number of rows.
    pub rows: usize,
    /// Number of columns.
    pub columns: usize,
}

impl PixelRect {
    /// The whole of a shape.
    pub fn whole(shape: Shape) -> Self {
        Self { row: 0, column: 0, rows: shape.ny, columns: shape.nx }
    }
    /// Pixels.
    pub fn len(&self) -> usize {
        self.rows * self.columns
    }
    /// Whether it holds no pixel.
    pub fn is_empty(&self) -> bool {
        self.rows == 0 || self.columns == 0
    }
    /// The pixels in both; empty when there are none.
    #[must_use]
    pub fn intersection(&self, other: &Self) -> Self {
        let (row, column) = (self.row.max(other.row), self.column.max(other.column));
        let rows = (self.row + self.rows).min(other.row + other.rows).saturating_sub(row);
        let columns = (self.column + self.columns).min(other.column + other.columns).saturating_sub(column);
        Self { row, column, rows, columns }
    }
    /// Whether some pixel is in both.
    pub fn intersects(&self, other: &Self) -> bool {
        !self.intersection(other).is_empty()
    }
    /// The smallest rectangle that holds both.
    #[must_use]
    pub fn union(&self, other: &Self) -> Self {
        if self.is_empty() {
            return *other;
        }
        if other.is_empty() {
            return *self;
        }
        let (row, column) = (self.row.min(other.row), self.column.min(other.column));
        let (end_row, end_column) = (
            (self.row + self.rows).max(other.row + other.rows),
            (self.column + self.columns).max(other.column + other.columns),
        );
        Self { row, column, rows: end_row - row, columns: end_column - column }
    }
}

/// A grid with a place on Earth.
#[derive(Debug, Clone, PartialEq)]
pub struct GeoBox {
    /// Coordinate reference system of the affine map.
    pub crs: Crs,
    /// Pixel to world.
    pub transform: Affine,
    /// Rows and columns.
    pub shape: Shape,
}

/// Corner points per edge used when a box is carried to another CRS: straight edges bend.
const EDGE_POINTS: usize = 21;

impl GeoBox {
    /// Outer bounds in the CRS (of the corners, also when rotated).
    pub fn bounds(&self) -> Bounds {
        let (nx, ny) = (self.shape.nx as f64, self.shape.ny as f64);
        bounds_of(
            [(0.0, 0.0), (nx, 0.0), (nx, ny), (0.0, ny)].map(|(x, y)| self.transform.apply(Xy { x, y })),
        )
    }
    /// World position of a pixel's centre.
    pub fn centre_of(&self, row: usize, column: usize) -> Xy {
        self.transform.apply(Xy { x: column as f64 + 0.5, y: row as f64 + 0.5 })
    }
    /// The outline in longitude and latitude, closed, clockwise from the upper left.
    pub fn outline_lon_lat(&self) -> Result<Vec<Xy>> {
        let (nx, ny) = (self.shape.nx as f64, self.shape.ny as f64);
        let (mut xs, mut ys) = (Vec::new(), Vec::new());
        for (x, y) in [(0.0, 0.0), (nx, 0.0), (nx, ny), (0.0, ny), (0.0, 0.0)] {
            let p = self.transform.apply(Xy { x, y });
            xs.push(p.x);
            ys.push(p.y);
        }
        Transformer::new(&self.crs, &Crs::Geographic)?.forward(&mut xs, &mut ys)?;
        Ok(xs.into_iter().zip(ys).map(|(x, y)| Xy { x, y }).collect())
    }
    /// Box in degrees around the grid.
    pub fn area(&self) -> Result<Area> {
        let edge = edge_fractions();
        let (nx, ny) = (self.shape.nx as f64, self.shape.ny as f64);
        let points: Vec<Xy> =
            edge.iter().map(|&(u, v)| self.transform.apply(Xy { x: u * nx, y: v * ny })).collect();
        let b = carry(&points, &self.crs, &Crs::Geographic)?;
        Area::new(b.min_x.max(-180.0), b.min_y.max(-90.0), b.max_x.min(180.0), b.max_y.min(90.0))
    }
    /// The grid that covers `area` in `crs` with square pixels on the lattice through `anchor` (a pixel's
    /// outer corner): every pixel that the area touches is inside.
    pub fn covering(area: &Area, crs: &Crs, pixel: f64, anchor: Xy) -> Result<Self> {
        if !(pixel.is_finite() && pixel > 0.0) {
            return Err(Error::usage(format!("resolution is {pixel}, expected a positive number")));
        }
        let points: Vec<Xy> = edge_fractions()
            .iter()
            .map(|&(u, v)| Xy {
                x: area.west + u * (area.east - area.west),
                y: area.south + v * (area.north - area.south),
            })
            .collect();
        Self::around(&carry(&points, &Crs::Geographic, crs)?, crs, pixel, anchor)
    }
    /// As [`GeoBox::covering`], from bounds in `crs`.
    pub fn around(bounds: &Bounds, crs: &Crs, pixel: f64, anchor: Xy) -> Result<Self> {
        // A micro-pixel of slack keeps rounding in the projection from adding an empty row.
        let slack = 1e-6;
        let floor = |v: f64, a: f64| ((v - a) / pixel + slack).floor();
        let ceil = |v: f64, a: f64| ((v - a) / pixel - slack).ceil();
        Self::of_rows_and_columns(
            (floor(bounds.min_x, anchor.x), ceil(bounds.max_x, anchor.x)),
            (floor(bounds.min_y, anchor.y), ceil(bounds.max_y, anchor.y)),
            (crs, pixel, anchor),
        )
    }
    /// The grid of the pixels whose centre lies in `bounds`, where the greatest x and y are not part of
    /// them: of two bounds side by side each pixel is in one.
    ///
    /// # Errors
    /// `USAGE` when there is no such pixel, or too many.
    pub fn of_centres_in(bounds: &Bounds, crs: &Crs, pixel: f64, anchor: Xy) -> Result<Self> {
        let first = |v: f64, a: f64| {
            let at = (v - a) / pixel - 0.5;
            // A centre on an edge lies there whatever rounding says.
            if (at - at.round()).abs() < 1e-6 { at.round() } else { at.ceil() }
        };
        let columns = (first(bounds.min_x, anchor.x), first(bounds.max_x, anchor.x));
        let rows = (first(bounds.min_y, anchor.y), first(bounds.max_y, anchor.y));
        if columns.0 >= columns.1 || rows.0 >= rows.1 {
            return Err(Error::usage(format!("no pixel of {pixel} has its centre in the extent"))
                .hint("choose a larger extent or a finer --resolution"));
        }
        Self::of_rows_and_columns(columns, rows, (crs, pixel, anchor))
    }
    /// Columns from the left and rows from below, each from the first to before the last, counted from the
    /// anchor.
    fn of_rows_and_columns(
        (c0, c1): (f64, f64),
        (r0, r1): (f64, f64),
        (crs, pixel, anchor): (&Crs, f64, Xy),
    ) -> Result<Self> {
        let (nx, ny) = ((c1 - c0).max(1.0), (r1 - r0).max(1.0));
        // NetCDF and the chunk numbering hold more, but no screen or disk holds a grid beyond this.
        const MAX_SIDE: f64 = 20_000_000.0;
        if !(nx.is_finite() && ny.is_finite()) || nx > MAX_SIDE || ny > MAX_SIDE {
            return Err(Error::usage(format!("a grid of {nx:.0} x {ny:.0} pixels is too large"))
                .hint("choose a smaller area or a coarser --resolution"));
        }
        Ok(Self {
            crs: crs.clone(),
            transform: Affine::upright(anchor.x + c0 * pixel, anchor.y + (r0 + ny) * pixel, pixel, pixel),
            shape: Shape { ny: ny as usize, nx: nx as usize },
        })
    }
}

/// Fractions along the four edges of a box.
fn edge_fractions() -> Vec<(f64, f64)> {
    let step = |i: usize| i as f64 / (EDGE_POINTS - 1) as f64;
    (0..EDGE_POINTS).flat_map(|i| [(step(i), 0.0), (step(i), 1.0), (0.0, step(i)), (1.0, step(i))]).collect()
}

fn carry(points: &[Xy], from: &Crs, to: &Crs) -> Result<Bounds> {
    let (mut xs, mut ys): (Vec<f64>, Vec<f64>) = points.iter().map(|p| (p.x, p.y)).unzip();
    Transformer::new(from, to)?.forward(&mut xs, &mut ys)?;
    let bounds = bounds_of(xs.into_iter().zip(ys).map(|(x, y)| Xy { x, y }));
    if [bounds.min_x, bounds.min_y, bounds.max_x, bounds.max_y].iter().all(|v| v.is_finite()) {
        Ok(bounds)
    } else {
        Err(Error::usage(format!("the area has no place in {to}")))
    }
}

fn bounds_of(points: impl IntoIterator<Item = Xy>) -> Bounds {
    let start = Bounds {
        min_x: f64::INFINITY,
        min_y: f64::INFINITY,
        max_x: f64::NEG_INFINITY,
        max_y: f64::NEG_INFINITY,
    };
    points.into_iter().fold(start, |b, p| {
        // NaN must not vanish in min and max.
        if p.x.is_nan() || p.y.is_nan() {
            return Bounds { min_x: f64::NAN, ..b };
        }
        Bounds {
            min_x: if b.min_x.is_nan() { b.min_x } else { b.min_x.min(p.x) },
            min_y: b.min_y.min(p.y),
            max_x: b.max_x.max(p.x),
            max_y: b.max_y.max(p.y),
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn extents_side_by_side_share_no_pixel() {
        let crs = Crs::Utm { zone: 54, south: true };
        // Centres on multiples of the pixel lie on the edges of such extents.
        for anchor in [7.5, 0.0, 3.2] {
            let anchor = Xy { x: anchor, y: anchor };
            let of = |min_x: f64, max_x: f64| {
                let bounds = Bounds { min_x, min_y: 6_500_000.0, max_x, max_y: 6_500_300.0 };
                GeoBox::of_centres_in(&bounds, &crs, 15.0, anchor).unwrap()
            };
            let (left, right) = (of(300_000.0, 400_000.0), of(400_000.0, 500_000.0));
            let both = of(300_000.0, 500_000.0);
            assert_eq!(left.bounds().max_x, right.bounds().min_x);
            assert_eq!(left.shape.nx + right.shape.nx, both.shape.nx);
            let first = left.bounds().min_x + 7.5;
            assert!((300_000.0..300_015.0).contains(&first), "{first}");
            assert_eq!(both.shape.ny, 20);
        }
        let thin = Bounds { min_x: 1.0, min_y: 0.0, max_x: 2.0, max_y: 100.0 };
        let error = GeoBox::of_centres_in(&thin, &crs, 15.0, Xy { x: 0.0, y: 0.0 }).unwrap_err();
        assert!(error.message().contains("no pixel of 15"));
    }
}
