//! Target pixel to source pixel, cell by cell: a polynomial where the map is smooth, else exact nodes and bilinear
//! between them, within a measured error.
mod runs;
mod smooth;

use crate::error::{Error, ErrorCode, Result};
use crate::geo::affine::{Affine, Xy};
use crate::geo::bbox::Bounds;
use crate::geo::transform::Transformer;
use crate::grid::geobox::{GeoBox, PixelRect, Shape};
use crate::warp::kernel::Scale;
use crate::warp::placement::{compose, in_plane_of, unwrap_longitude};
pub use runs::NearestRow;
pub(in crate::warp) use runs::{Pixels, Run};
use smooth::{SMOOTH_PX, Smooth};

/// Error bound when nobody asks for another, source pixels.
pub const DEFAULT_MAX_ERROR_PX: f64 = 0.05;
/// Errors above this are refined away even where more is allowed, source pixels as measured: it costs half a
/// nanosecond a pixel, and nearest resampling then picks the exact map's pixel in 9999 cases of 10000.
const GOAL_PX: f64 = 0.002;
/// No bound above this is accepted, source pixels; GDAL's own default.
pub const LARGEST_MAX_ERROR_PX: f64 = 0.125;

/// Side of a cell, target pixels. Cells lie on multiples of it in the target grid, whatever rectangle a map
/// is made for: two maps agree bit by bit where they overlap, so chunks can be computed in any order.
const CELL: usize = 256;
/// A cell of level n has 2^n x 2^n sub-cells; at level 8 every pixel is a node.
const LAST_LEVEL: u32 = CELL.ilog2();
/// The error is measured two levels coarser than the nodes that are kept: of every 5 x 5 nodes, the corners
/// must predict the others within the bound. What is left between the nodes is about a sixteenth of that.
const TEST_LEVELS: u32 = 2;
/// Sub-cells along a side that are tested together.
const TESTS: usize = 1 << TEST_LEVELS;
/// Nodes of one map at most (64 MiB): more are needed only when the target is torn apart, as by a
/// projection's limit that crosses hundreds of cells.
const MAX_NODES: usize = 4 << 20;

/// Target pixel centres to continuous source pixel coordinates ((0, 0) is the source's outer corner).
#[derive(Debug, Clone)]
pub struct WarpMap {
    rect: PixelRect,
    source_shape: Shape,
    scale: Scale,
    max_error_px: f64,
    kind: Kind,
}

#[derive(Debug, Clone)]
enum Kind {
    /// One plane: exact.
    Affine(Affine),
    Cells(Cells),
}

#[derive(Debug, Clone)]
struct Cells {
    /// Cell row and column of the first cell.
    first: (usize, usize),
    /// Cells per row.
    across: usize,
    cells: Vec<Cell>,
    smooth: Vec<Smooth>,
    /// Source x and y; a cell's own, row by row.
    nodes: Vec<[f64; 2]>,
}

#[derive(Debug, Clone, Copy)]
enum Cell {
    /// Number of its polynomial.
    Smooth(usize),
    Lattice(Lattice),
}

#[derive(Debug, Clone, Copy)]
struct Lattice {
    level: u32,
    /// First of its nodes.
    start: usize,
}

/// From target pixels to source pixels, without approximation.
struct Exact<'a> {
    target: &'a GeoBox,
    source: &'a GeoBox,
    transformer: Transformer,
    /// World to source pixel; origin subtracted separately, for its digits.
    to_pixel: Affine,
    middle: Xy,
}

impl<'a> Exact<'a> {
    fn new(target: &'a GeoBox, source: &'a GeoBox) -> Result<Self> {
        let to_pixel = Affine { x0: 0.0, y0: 0.0, ..source.transform }.inverse()?;
        let middle = Xy { x: source.shape.nx as f64 / 2.0, y: source.shape.ny as f64 / 2.0 };
        Ok(Self {
            target,
            source,
            transformer: Transformer::new(&target.crs, &source.crs)?,
            to_pixel,
            middle: source.transform.apply(middle),
        })
    }

    /// Continuous target coordinates to continuous source coordinates, NaN without an image.
    fn carry(&self, points: impl Iterator<Item = Xy>) -> Result<Vec<[f64; 2]>> {
        let (mut xs, mut ys): (Vec<f64>, Vec<f64>) =
            points.map(|p| self.target.transform.apply(p)).map(|p| (p.x, p.y)).unzip();
        self.transformer.forward(&mut xs, &mut ys)?;
        let origin = self.source.transform;
        let carry_one = |(x, y): (f64, f64)| {
            let x = unwrap_longitude(x, &self.source.crs, self.middle.x);
            let p = self.to_pixel.apply(Xy { x: x - origin.x0, y: y - origin.y0 });
            if p.x.is_finite() && p.y.is_finite() { [p.x, p.y] } else { [f64::NAN; 2] }
        };
        Ok(xs.into_iter().zip(ys).map(carry_one).collect())
    }

    /// Source pixels per target pixel in the middle of the source, where every map of the pair finds the
    /// same.
    fn scale(&self) -> Result<Scale> {
        let (mut xs, mut ys) = ([self.middle.x], [self.middle.y]);
        Transformer::new(&self.source.crs, &self.target.crs)?.forward(&mut xs, &mut ys)?;
        let to_target = self.target.transform.inverse()?;
        let p = to_target.apply(Xy { x: xs[0], y: ys[0] });
        let around = [(0.5, 0.0), (-0.5, 0.0), (0.0, 0.5), (0.0, -0.5)];
        let q = self.carry(around.iter().map(|(dx, dy)| Xy { x: p.x + dx, y: p.y + dy }))?;
        let along = |i: usize| ((q[0][i] - q[1][i]).hypot(q[2][i] - q[3][i])).max(f64::MIN_POSITIVE);
        Ok(Scale { x: along(0), y: along(1) }.or_one())
    }
}

impl WarpMap {
    /// The map for the pixels of `rect` of the target. Where both grids share a plane it is exact. Else each cell is
    /// a polynomial if that is good to 1e-5 source pixels; if not, nodes are added until every fourth of them
    /// predicts those between within `max_error_px` source pixels; the map itself is then about sixteen times
    /// closer. Pixels outside the domain of a projection map to NaN.
    ///
    /// # Errors `USAGE` for a bound outside 0 to 0.125, `CORRUPT` for a singular geotransform, `LIMIT` when
    /// the target is torn into too many pieces, and as [`Transformer::new`].
    pub fn new(target: &GeoBox, rect: PixelRect, source: &GeoBox, max_error_px: f64) -> Result<Self> {
        if !(max_error_px > 0.0 && max_error_px <= LARGEST_MAX_ERROR_PX) {
            return Err(Error::usage(format!("the warp error is {max_error_px} pixels"))
                .hint(format!("choose more than 0 and at most {LARGEST_MAX_ERROR_PX}")));
        }
        let inside =
            |start: usize, length: usize, n: usize| start.checked_add(length).is_some_and(|end| end <= n);
        if !inside(rect.row, rect.rows, target.shape.ny)
            || !inside(rect.column, rect.columns, target.shape.nx)
        {
            return Err(Error::internal(format!("{rect:?} is not inside {:?}", target.shape)));
        }
        let source_shape = source.shape;
        if let Some(plane) = in_plane_of(&target.crs, source) {
            let map = compose(&target.transform, &plane)
                .ok_or_else(|| Error::new(ErrorCode::Corrupt, "the geotransform cannot be inverted"))?;
            let scale = Scale { x: map.dx.hypot(map.rx), y: map.ry.hypot(map.dy) }.or_one();
            return Ok(Self { rect, source_shape, scale, max_error_px: 0.0, kind: Kind::Affine(map) });
        }
        let exact = Exact::new(target, source)?;
        let scale = exact.scale()?;
        let mut worst: f64 = 0.0;
        let first = (rect.row / CELL, rect.column / CELL);
        let mut out = Cells { first, across: 0, cells: Vec::new(), smooth: Vec::new(), nodes: Vec::new() };
        if !rect.is_empty() {
            let last = ((rect.row + rect.rows - 1) / CELL, (rect.column + rect.columns - 1) / CELL);
            out.across = last.1 - first.1 + 1;
            for row in first.0..=last.0 {
                for column in first.1..=last.1 {
                    let bound = max_error_px.min(GOAL_PX);
                    worst = worst.max(out.add(&exact, (row * CELL, column * CELL), bound)?);
                }
            }
        }
        Ok(Self { rect, source_shape, scale, max_error_px: worst, kind: Kind::Cells(out) })
    }

    /// Source coordinates of the pixels of target row `row` from column `column0` on, one per element of `xs`
    /// and `ys` (of one length); NaN outside the rectangle the map was made for and where nothing maps.
    pub fn row(&self, row: usize, column0: usize, xs: &mut [f64], ys: &mut [f64]) {
        let n = xs.len().min(ys.len());
        let (xs, ys) = (&mut xs[..n], &mut ys[..n]);
        match &self.kind {
            Kind::Affine(map) => {
                let y = row as f64 + 0.5;
                step(xs, map.x0 + y * map.rx, column0 as f64 + 0.5, map.dx);
                step(ys, map.y0 + y * map.dy, column0 as f64 + 0.5, map.ry);
            }
            Kind::Cells(cells) => cells.row(row, column0, xs, ys),
        }
    }

    /// Source coordinates of one target pixel.
    pub fn at(&self, row: usize, column: usize) -> Xy {
        let (mut x, mut y) = ([0.0], [0.0]);
        self.row(row, column, &mut x, &mut y);
        Xy { x: x[0], y: y[0] }
    }

    /// Bounds of the source coordinates of a rectangle's pixel centres; none when nothing maps.
    pub fn bounds_of(&self, target: PixelRect) -> Option<Bounds> {
        let mut b = Bounds {
            min_x: f64::INFINITY,
            min_y: f64::INFINITY,
            max_x: f64::NEG_INFINITY,
            max_y: f64::NEG_INFINITY,
        };
        // Within a sub-cell the map is bilinear: its extremes are at the corners. A part of a smooth cell bends by less
        // than the pixel that windows have to spare.
        let mut corners = |rows: (usize, usize), columns: (usize, usize)| {
            for (row, column) in [
                (rows.0, columns.0),
                (rows.0, columns.1 - 1),
                (rows.1 - 1, columns.0),
                (rows.1 - 1, columns.1 - 1),
            ] {
                let p = self.at(row, column);
                // min and max pass over NaN.
                b.min_x = b.min_x.min(p.x);
                b.max_x = b.max_x.max(p.x);
                b.min_y = b.min_y.min(p.y);
                b.max_y = b.max_y.max(p.y);
            }
        };
        let rows =
            (target.row.max(self.rect.row), (target.row + target.rows).min(self.rect.row + self.rect.rows));
        let columns = (
            target.column.max(self.rect.column),
            (target.column + target.columns).min(self.rect.column + self.rect.columns),
        );
        if rows.0 >= rows.1 || columns.0 >= columns.1 {
            return None;
        }
        match &self.kind {
            Kind::Affine(_) => corners(rows, columns),
            Kind::Cells(cells) => cells.for_each_part(rows, columns, corners),
        }
        (b.min_x <= b.max_x && b.min_y <= b.max_y).then_some(b)
    }

    /// [`WarpMap::bounds_of`] everything.
    pub fn source_bounds(&self) -> Option<Bounds> {
        self.bounds_of(self.rect)
    }

    /// Target pixels the map was made for.
    pub fn rect(&self) -> PixelRect {
        self.rect
    }

    /// Shape of the source.
    pub fn source_shape(&self) -> Shape {
        self.source_shape
    }

    /// Source pixels per target pixel, in the middle of the source; the same for every rectangle.
    pub fn scale(&self) -> Scale {
        self.scale
    }

    /// Largest error measured (an upper bound, see [`WarpMap::new`]), source pixels; 0 when exact.
    pub fn measured_error_px(&self) -> f64 {
        self.max_error_px
    }
}

/// `start + (first + i) * slope`.
#[inline]
fn step(out: &mut [f64], start: f64, first: f64, slope: f64) {
    for (i, v) in out.iter_mut().enumerate() {
        *v = start + (first + i as u32 as f64) * slope;
    }
}

impl Cells {
    /// Adds the cell whose first pixel is `origin` (row, column); returns the error measured in it.
    fn add(&mut self, exact: &Exact, origin: (usize, usize), max_error_px: f64) -> Result<f64> {
        let points = |rows: &[f64], columns: &[f64]| {
            let at = |r: f64, c: f64| Xy { x: origin.1 as f64 + 0.5 + c, y: origin.0 as f64 + 0.5 + r };
            let all = rows.iter().flat_map(|&r| columns.iter().map(move |&c| at(r, c)));
            exact.carry(all)
        };
        let (fitted, tested) = (smooth::fitted(), smooth::tested());
        if SMOOTH_PX <= max_error_px
            && let Some((surface, error)) =
                Smooth::through(&points(&fitted, &fitted)?, &points(&tested, &tested)?)
        {
            self.cells.push(Cell::Smooth(self.smooth.len()));
            self.smooth.push(surface);
            return Ok(error);
        }
        let start = self.nodes.len();
        for level in TEST_LEVELS..=LAST_LEVEL {
            let parts = 1_usize << level;
            let spacing = (CELL / parts) as f64;
            let n = parts + 1;
            let nodes = exact.carry((0..n * n).map(|i| Xy {
                x: origin.1 as f64 + 0.5 + (i % n) as f64 * spacing,
                y: origin.0 as f64 + 0.5 + (i / n) as f64 * spacing,
            }))?;
            let error = if level == LAST_LEVEL { 0.0 } else { lattice_error(&nodes, n) };
            if error <= max_error_px {
                if start + nodes.len() > MAX_NODES {
                    return Err(Error::new(
                        ErrorCode::Limit,
                        "the target bends or breaks too often for a warp",
                    )
                    .hint("choose a projection made for the area, or a smaller area"));
                }
                self.nodes.extend(nodes);
                self.cells.push(Cell::Lattice(Lattice { level, start }));
                return Ok(error);
            }
        }
        Err(Error::internal("a warp cell found no level"))
    }

    /// The cell that holds a pixel.
    fn cell(&self, row: usize, column: usize) -> Option<Cell> {
        let (i, j) = ((row / CELL).checked_sub(self.first.0)?, (column / CELL).checked_sub(self.first.1)?);
        if j >= self.across { None } else { self.cells.get(i * self.across + j).copied() }
    }

    fn row(&self, row: usize, column0: usize, xs: &mut [f64], ys: &mut [f64]) {
        let mut done = 0;
        while done < xs.len() {
            let column = column0 + done;
            // To the end of this cell.
            let here = (CELL - column % CELL).min(xs.len() - done);
            let (xs, ys) = (&mut xs[done..done + here], &mut ys[done..done + here]);
            match self.cell(row, column) {
                Some(Cell::Smooth(number)) => self.smooth[number].row(row % CELL, column % CELL, xs, ys),
                Some(Cell::Lattice(cell)) => self.lattice_row(cell, row % CELL, column % CELL, xs, ys),
                None => {
                    xs.fill(f64::NAN);
                    ys.fill(f64::NAN);
                }
            }
            done += here;
        }
    }

    /// Within one cell; row and column count from its first pixel.
    fn lattice_row(&self, cell: Lattice, row: usize, column: usize, xs: &mut [f64], ys: &mut [f64]) {
        let parts = 1 << cell.level;
        let side = CELL / parts;
        let i = row / side;
        let above = &self.nodes[cell.start + i * (parts + 1)..][..parts + 1];
        if side == 1 {
            for ((x, y), node) in xs.iter_mut().zip(ys).zip(&above[column..]) {
                (*x, *y) = (node[0], node[1]);
            }
            return;
        }
        let below = &self.nodes[cell.start + (i + 1) * (parts + 1)..][..parts + 1];
        let t = (row - i * side) as f64 / side as f64;
        let edge = |j: usize| {
            let (a, b) = (above[j], below[j]);
            [a[0] + t * (b[0] - a[0]), a[1] + t * (b[1] - a[1])]
        };
        let mut done = 0;
        while done < xs.len() {
            let at = column + done;
            let j = at / side;
            let within = at - j * side;
            let here = (side - within).min(xs.len() - done);
            let (left, right) = (edge(j), edge(j + 1));
            let per_pixel = 1.0 / side as f64;
            step(&mut xs[done..done + here], left[0], within as f64, (right[0] - left[0]) * per_pixel);
            step(&mut ys[done..done + here], left[1], within as f64, (right[1] - left[1]) * per_pixel);
            done += here;
        }
    }

    /// Calls `f` with the rows and columns (end excluded) of every part of the ranges that one sub-cell, or an
    /// eighth of a smooth cell each way, holds.
    fn for_each_part(
        &self,
        rows: (usize, usize),
        columns: (usize, usize),
        mut f: impl FnMut((usize, usize), (usize, usize)),
    ) {
        let pieces = |(from, to): (usize, usize), size: usize| {
            (from / size..to.div_ceil(size)).map(move |i| ((i * size).max(from), ((i + 1) * size).min(to)))
        };
        for cell_rows in pieces(rows, CELL) {
            for cell_columns in pieces(columns, CELL) {
                let Some(cell) = self.cell(cell_rows.0, cell_columns.0) else { continue };
                let side = match cell {
                    Cell::Smooth(_) => CELL / 8,
                    Cell::Lattice(cell) => CELL >> cell.level,
                };
                for part_rows in pieces(cell_rows, side) {
                    for part_columns in pieces(cell_columns, side) {
                        f(part_rows, part_columns);
                    }
                }
            }
        }
    }
}

/// Largest distance between an n x n lattice of exact points and the bilinear surfaces through every fourth
/// of them; infinite where a sub-cell is partly without an image.
fn lattice_error(exact: &[[f64; 2]], n: usize) -> f64 {
    let parts = (n - 1) / TESTS;
    let mut worst: f64 = 0.0;
    for i in 0..parts * parts {
        let corner = (i / parts * n + i % parts) * TESTS;
        let node = |di: usize, dj: usize| exact[corner + (di * n + dj) * TESTS];
        let nodes = [node(0, 0), node(0, 1), node(1, 0), node(1, 1)];
        for test in 0..(TESTS + 1) * (TESTS + 1) {
            let (row, column) = (test / (TESTS + 1), test % (TESTS + 1));
            let (t, u) = (row as f64 / TESTS as f64, column as f64 / TESTS as f64);
            let between = |k: usize| {
                let top = nodes[0][k] + u * (nodes[1][k] - nodes[0][k]);
                let bottom = nodes[2][k] + u * (nodes[3][k] - nodes[2][k]);
                top + t * (bottom - top)
            };
            let truth = exact[corner + row * n + column];
            let error = (between(0) - truth[0]).hypot(between(1) - truth[1]);
            if !error.is_nan() {
                worst = worst.max(error);
            } else if !(truth[0].is_nan() && nodes.iter().all(|p| p[0].is_nan())) {
                return f64::INFINITY;
            }
        }
    }
    worst
}

#[cfg(test)]
mod tests;
