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
    /// Of the cell at hand, along the row and across.
    ends: [Ends; 2],
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
    /// The pixels of `window` that `columns` pixels of target row `row` from `column0` on fall into. As [`crate::warp::kernel::Resampling::Nearest`] of the positions of
    /// [`WarpMap::row`].
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
        let NearestRow { runs, ends: [across, down], .. } = &mut *self.row;
        if !across.find(x, 1.0, column, length) || !down.find(y, 0.0, column, length) {
            return false;
        }
        // Most rows of a cell stay in step along the row, or leave it once.
        let end = column + length;
        let (mut i, mut j) = (across.first as i64, down.first as i64);
        let (mut from, mut passed) = (column, 0);
        for to in across.columns().chain([end]) {
            for next in down.columns().skip(passed) {
                if next > to {
                    break;
                }
                runs.extend(clipped(self.window, start + from - column, next - from, i + from as i64, j));
                j += down.step as i64;
                (from, passed) = (next, passed + 1);
            }
            runs.extend(clipped(self.window, start + from - column, to - from, i + from as i64, j));
            i += across.step as i64;
            from = to;
        }
        true
    }
}

/// The run of pixels that fall into those of row `j` of the band from column `i` on, as far as they are in the window.
#[inline(always)]
fn clipped(window: PixelRect, start: usize, length: usize, i: i64, j: i64) -> Option<Run> {
    let (i, j) = (i - window.column as i64, j - window.row as i64);
    let skip = (-i).clamp(0, length as i64);
    let end = (window.columns as i64 - i).clamp(skip, length as i64);
    let inside = end > skip && j >= 0 && j < window.rows as i64;
    inside.then(|| Run {
        start: start + skip as usize,
        length: (end - skip) as usize,
        pixels: Pixels::Along(j as usize * window.columns + (i + skip) as usize),
    })
}

/// Where one axis leaves its run, within a cell.
#[derive(Debug, Clone)]
struct Ends {
    /// Source pixel that the first position falls into; for the axis along the row less its column in the cell.
    first: f64,
    /// What is added to it at each end: 1 or -1.
    step: f64,
    count: usize,
    /// Columns at which the next run begins.
    at: [f64; MOST],
}

impl Default for Ends {
    fn default() -> Self {
        Self { first: 0.0, step: 0.0, count: 0, at: [0.0; MOST] }
    }
}

impl Ends {
    fn columns(&self) -> impl Iterator<Item = usize> {
        self.at.iter().take(self.count).map(|column| *column as i32 as usize)
    }

    /// Of `length` pixels from `column` on, on which source pixels advance by `drift`; false where this is not certain. In
    /// the widest lanes the machine has: the same operations, and so the same results, in all of them.
    fn find(&mut self, axis: Parabola, drift: f64, column: usize, length: usize) -> bool {
        #[cfg(target_arch = "x86_64")]
        if std::arch::is_x86_feature_detected!("avx2") {
            // SAFETY: the feature was just detected.
            #[allow(unsafe_code)]
            return unsafe { self.find_avx2(axis, drift, column, length) };
        }
        self.find_anywhere(axis, drift, column, length)
    }

    #[cfg(target_arch = "x86_64")]
    #[target_feature(enable = "avx2")]
    fn find_avx2(&mut self, axis: Parabola, drift: f64, column: usize, length: usize) -> bool {
        self.find_anywhere(axis, drift, column, length)
    }

    #[inline(always)]
    fn find_anywhere(&mut self, axis: Parabola, drift: f64, column: usize, length: usize) -> bool {
        let (from, to) = (column as f64, (column + length) as f64 - 1.0);
        let whole = |column: f64| floor(axis.at(column)) - drift * column;
        // Departure from the run a pixel, at both ends; in a parabola it lies between them.
        let (slope, other) = (axis.slope(from) - drift, axis.slope(to) - drift);
        let (least, most) = (slope.abs().min(other.abs()), slope.abs().max(other.abs()));
        // Written so that NaN fails.
        if !(slope * other > 0.0 && least > FLAT && most < STEEP) {
            return false;
        }
        let sign = if slope > 0.0 { 1.0 } else { -1.0 };
        let first = whole(from);
        let count = ((whole(to) - first) * sign) as usize;
        let Some(at) = self.at.get_mut(..count) else { return false };
        (self.first, self.step, self.count) = (first, sign, count);
        // From the first position to the first edge that is crossed, less one pixel: the pixel's own edge from below, the
        // one before it from above.
        let edge = if sign > 0.0 { 0.0 } else { 1.0 } - EDGE;
        let rise = first + edge - (axis.at(from) - drift * from);
        let (square, bend) = (slope * slope, 4.0 * axis.bend());
        for (passed, at) in (1..).zip(&mut *at) {
            let rise = rise + sign * f64::from(passed);
            let beyond = 2.0 * rise / (slope + sign * (square + bend * rise).sqrt());
            // Up to the next whole one.
            *at = (from + beyond + 0.5) + MAGIC - MAGIC;
        }
        // Positions decide: before the end as before, from it on one farther. Between two ends they cannot turn.
        let mut certain = true;
        for (passed, &at) in (1..).zip(&*at) {
            let here = first + sign * f64::from(passed);
            certain &= (at > from) & (at <= to) & (whole(at) == here) & (whole(at - 1.0) == here - sign);
        }
        certain
    }
}

/// As the kernels do it: up to their [`EDGE`].
#[inline(always)]
fn floor(v: f64) -> f64 {
    (v - (0.5 - EDGE)) + MAGIC - MAGIC
}
