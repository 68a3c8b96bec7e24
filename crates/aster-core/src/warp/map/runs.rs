//! Nearest source pixels of a row of the map, run by run: where both grids turn little against each other, tens of target
//! pixels fall into consecutive pixels of one source row, and only the ends of such runs have to be computed.
use super::smooth::Parabola;
use super::{CELL, Cell, Cells, Kind, WarpMap, step};
use crate::grid::geobox::PixelRect;
use crate::warp::kernel::{EDGE, MAGIC, nearest_places};

/// Where the nearest source pixels of consecutive target pixels lie in a window; what it has none for lies outside.
#[derive(Debug, Clone, Default)]
pub struct NearestRow {
    /// In order.
    pub(in crate::warp) runs: Vec<Run>,
    /// Of runs whose pixels do not follow on each other; `u32::MAX` outside.
    pub(in crate::warp) places: Vec<u32>,
}

/// Target pixels that are taken together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::warp) struct Run {
    /// First of them, counted from the first one asked for.
    pub(in crate::warp) start: usize,
    pub(in crate::warp) length: usize,
    pub(in crate::warp) pixels: Pixels,
}

/// Where a run's source pixels are, counted row by row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::warp) enum Pixels {
    /// One after another from here on.
    Along(usize),
    /// Where the places from this number on say.
    Places(usize),
}

/// Source pixels per target pixel by which an axis may depart from the run, at most: beyond it runs are short.
const STEEP: f64 = 0.25;
/// Departures below this a pixel are too near to the last digits of positions.
const FLAT: f64 = 1e-7;
/// Ends of runs of an axis in a cell.
const MOST: usize = (STEEP * CELL as f64) as usize + 2;

impl WarpMap {
    /// The pixels of `window` that `columns` pixels of target row `row` from `column0` on fall into. As
    /// [`crate::warp::kernel::Resampling::Nearest`] of the positions of [`WarpMap::row`].
    pub fn nearest_row(
        &self,
        row: usize,
        column0: usize,
        columns: usize,
        window: PixelRect,
        nearest: &mut NearestRow,
    ) {
        nearest.runs.clear();
        nearest.places.clear();
        let mut out = Collector { window, row: nearest };
        match &self.kind {
            Kind::Affine(map) => {
                let y = row as f64 + 0.5;
                for start in (0..columns).step_by(CELL) {
                    out.one_by_one(start, CELL.min(columns - start), |xs, ys| {
                        let first = (column0 + start) as f64 + 0.5;
                        step(xs, map.x0 + y * map.rx, first, map.dx);
                        step(ys, map.y0 + y * map.dy, first, map.ry);
                    });
                }
            }
            Kind::Cells(cells) => cells.nearest_row(row, column0, columns, &mut out),
        }
    }
}

impl Cells {
    fn nearest_row(&self, row: usize, column0: usize, columns: usize, out: &mut Collector<'_>) {
        let mut done = 0;
        while done < columns {
            let column = column0 + done;
            // To the end of this cell.
            let here = (CELL - column % CELL).min(columns - done);
            let (in_row, in_column) = (row % CELL, column % CELL);
            match self.cell(row, column) {
                Some(Cell::Smooth(number)) => {
                    let surface = &self.smooth[number];
                    let found = surface
                        .parabolas(in_row)
                        .is_some_and(|axes| out.between_ends(axes, in_column, here, done));
                    if !found {
                        out.one_by_one(done, here, |xs, ys| surface.row(in_row, in_column, xs, ys));
                    }
                }
                Some(Cell::Lattice(cell)) => {
                    out.one_by_one(done, here, |xs, ys| self.lattice_row(cell, in_row, in_column, xs, ys));
                }
                None => {}
            }
            done += here;
        }
    }
}

/// Takes runs of a band and keeps what lies in the window.
struct Collector<'r> {
    window: PixelRect,
    row: &'r mut NearestRow,
}

impl Collector<'_> {
    /// From the positions of `length` pixels of a cell or less.
    fn one_by_one(&mut self, start: usize, length: usize, positions: impl FnOnce(&mut [f64], &mut [f64])) {
        let (mut xs, mut ys, mut places) = ([0.0; CELL], [0.0; CELL], [0; CELL]);
        let (xs, ys, places) = (&mut xs[..length], &mut ys[..length], &mut places[..length]);
        positions(xs, ys);
        nearest_places(self.window, xs, ys, places);
        let row = &mut *self.row;
        row.runs.push(Run { start, length, pixels: Pixels::Places(row.places.len()) });
        row.places.extend_from_slice(places);
    }

    /// Runs of `length` pixels from `column` of a cell on; false, and nothing, where they would be short or uncertain.
    fn between_ends(&mut self, [x, y]: [Parabola; 2], column: usize, length: usize, start: usize) -> bool {
        let (Some(across), Some(down)) = (Ends::of(x, 1.0, column, length), Ends::of(y, 0.0, column, length))
        else {
            return false;
        };
        let (mut i, mut j) = (across.first, down.first);
        let (mut across_ends, mut down_ends) =
            (across.at.iter().take(across.count), down.at.iter().take(down.count));
        let (mut next_i, mut next_j) = (across_ends.next(), down_ends.next());
        let mut from = 0;
        loop {
            let to = next_i.unwrap_or(&length).min(next_j.unwrap_or(&length));
            self.push(start + from, to - from, i + (column + from) as i64, j);
            if *to == length {
                return true;
            }
            if next_i == Some(to) {
                (i, next_i) = (i + across.step, across_ends.next());
            }
            if next_j == Some(to) {
                (j, next_j) = (j + down.step, down_ends.next());
            }
            from = *to;
        }
    }

    /// Pixels that fall into those of row `j` of the band from column `i` on.
    #[inline]
    fn push(&mut self, start: usize, length: usize, i: i64, j: i64) {
        let window = self.window;
        let (i, j) = (i - window.column as i64, j - window.row as i64);
        let skip = (-i).clamp(0, length as i64);
        let end = (window.columns as i64 - i).clamp(skip, length as i64);
        if end > skip && j >= 0 && j < window.rows as i64 {
            let place = j as usize * window.columns + (i + skip) as usize;
            let (start, length) = (start + skip as usize, (end - skip) as usize);
            self.row.runs.push(Run { start, length, pixels: Pixels::Along(place) });
        }
    }
}

/// Where one axis leaves a run.
struct Ends {
    /// Source pixel that the first position falls into, less its column in the cell for the axis along the row.
    first: i64,
    /// What is added to it at each end: 1 or -1.
    step: i64,
    count: usize,
    /// Pixels at which the next run begins, counted from the first.
    at: [usize; MOST],
}

impl Ends {
    /// Of `length` pixels from `column` on, on which source pixels advance by `drift`.
    #[inline]
    fn of(axis: Parabola, drift: f64, column: usize, length: usize) -> Option<Self> {
        let last = column + length - 1;
        let value = |column: usize| axis.at(column);
        let whole = |column: usize| floor(value(column)) - drift * column as f64;
        // Departure from the run a pixel, at both ends; within a parabola it lies between them.
        let (slope, other) = (axis.slope(column) - drift, axis.slope(last) - drift);
        let (least, most) = (slope.abs().min(other.abs()), slope.abs().max(other.abs()));
        // Written so that NaN fails.
        if !(slope * other > 0.0 && least > FLAT && most < STEEP) {
            return None;
        }
        let (first, end) = (whole(column), whole(last));
        let count = (end - first).abs() as usize;
        let mut ends =
            Self { first: first as i64, step: if slope > 0.0 { 1 } else { -1 }, count, at: [0; MOST] };
        let sign = ends.step as f64;
        let start = value(column) - drift * column as f64;
        let bend = 4.0 * axis.bend();
        for (passed, at) in (1..).zip(ends.at.get_mut(..count)?) {
            // The edge that is crossed: the pixel's own from below, the one before it from above.
            let rise = first + sign * f64::from(passed) + if sign > 0.0 { 0.0 } else { 1.0 } - EDGE - start;
            let estimate = 2.0 * rise / (slope + sign * (slope * slope + bend * rise).max(0.0).sqrt());
            // The estimate may be one off, and is not a number if it is nonsense: positions decide.
            let mut pixel = column + ceil(estimate).clamp(1, length - 1);
            let is_past = |column: usize| (whole(column) - first) * sign >= f64::from(passed);
            while pixel > column + 1 && is_past(pixel - 1) {
                pixel -= 1;
            }
            while pixel < last && !is_past(pixel) {
                pixel += 1;
            }
            *at = pixel - column;
        }
        Some(ends)
    }
}

/// Of a positive number, else 0. Without a call of the mathematical library; casts saturate, and NaN becomes 0.
#[inline(always)]
fn ceil(v: f64) -> usize {
    let down = v as i32;
    (down + i32::from(f64::from(down) < v)).max(0) as usize
}

/// As the kernels do it: up to their [`EDGE`].
#[inline(always)]
fn floor(v: f64) -> f64 {
    (v - (0.5 - EDGE)) + MAGIC - MAGIC
}
