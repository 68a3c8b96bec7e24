//! A polygon on a grid: which pixels are inside, as runs per row.
use crate::error::{Error, ErrorCode, Result};
use crate::geo::affine::Xy;
use crate::geo::polygon::MultiPolygon;
use crate::grid::geobox::{GeoBox, PixelRect, Shape};
use crate::grid::pixel_rings::pixel_rings;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::ops::Range;
use std::str::FromStr;

/// When a pixel belongs to a polygon.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ClipRule {
    /// Its centre is inside: areas are kept on average.
    #[default]
    Centre,
    /// The polygon covers any part of it; sharing a side or a corner is not enough.
    Touch,
}

impl ClipRule {
    /// Name in requests.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Centre => "centre",
            Self::Touch => "touch",
        }
    }
}

impl fmt::Display for ClipRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for ClipRule {
    type Err = Error;
    /// Reads `centre` (or `center`) and `touch`, in any case.
    ///
    /// # Errors
    /// `USAGE` for another word.
    fn from_str(text: &str) -> Result<Self> {
        match text.trim().to_ascii_lowercase().as_str() {
            "centre" | "center" => Ok(Self::Centre),
            "touch" => Ok(Self::Touch),
            _ => Err(Error::usage(format!("unknown clip rule {text:?}")).hint("choose centre or touch")),
        }
    }
}

/// How much of a rectangle is inside.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cover {
    /// Nothing.
    None,
    /// A part.
    Some,
    /// Everything.
    All,
}

/// Columns from `start` to before `end` of a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Run {
    start: u32,
    end: u32,
}

/// The pixels of a grid that are inside a polygon.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Clip {
    shape: Shape,
    /// Row `r` has the runs from `first[r]` to before `first[r + 1]`.
    first: Vec<usize>,
    /// In order, apart from each other.
    runs: Vec<Run>,
}

impl Clip {
    /// Finds the pixels inside. It takes, until it is done, 12 bytes for each run of each polygon and 16 for
    /// each point and for each time that an edge crosses a row.
    ///
    /// # Errors
    /// Those of [`pixel_rings`], and `LIMIT` when there are too many runs.
    pub fn new(polygon: &MultiPolygon, grid: &GeoBox, rule: ClipRule) -> Result<Self> {
        let mut found = Found { shape: grid.shape, runs: Vec::new() };
        for rings in pixel_rings(polygon, grid)? {
            found.centres(&rings)?;
            if rule == ClipRule::Touch {
                found.edges(&rings)?;
            }
        }
        Ok(found.into_clip())
    }

    /// The pixels that are inside of another polygon on the same grid as well.
    #[must_use]
    pub fn and(&self, other: &Self) -> Self {
        let mut both = Found { shape: self.shape, runs: Vec::new() };
        for row in 0..self.shape.ny {
            let (mut a, mut b) = (self.row(row), other.row(row));
            while let ([one, rest_of_a @ ..], [two, rest_of_b @ ..]) = (a, b) {
                let run = Run { start: one.start.max(two.start), end: one.end.min(two.end) };
                if run.start < run.end {
                    both.runs.push((row as u32, run));
                }
                // The one that ends first meets nothing more.
                if one.end <= two.end {
                    a = rest_of_a;
                } else {
                    b = rest_of_b;
                }
            }
        }
        both.into_clip()
    }

    /// Rows and columns of the grid.
    pub fn shape(&self) -> Shape {
        self.shape
    }

    /// The runs of a row; none beyond the grid.
    pub fn runs(&self, row: usize) -> impl Iterator<Item = Range<usize>> + '_ {
        self.row(row).iter().map(|run| run.start as usize..run.end as usize)
    }

    fn row(&self, row: usize) -> &[Run] {
        let ends = self.first.get(row).zip(self.first.get(row + 1));
        ends.and_then(|(a, b)| self.runs.get(*a..*b)).unwrap_or(&[])
    }

    /// Sets to NaN what is outside. `values` holds the pixels of `rect` row by row, `chunk_nx` to a row; what
    /// is beyond `rect.columns` is left alone.
    pub fn apply(&self, rect: PixelRect, chunk_nx: usize, values: &mut [f32]) {
        for (y, values) in values.chunks_mut(chunk_nx.max(1)).take(rect.rows).enumerate() {
            let columns = rect.columns.min(values.len());
            let mut outside = 0;
            for run in self.runs(rect.row + y) {
                let start = run.start.saturating_sub(rect.column).min(columns);
                let end = run.end.saturating_sub(rect.column).min(columns);
                values[outside.min(start)..start].fill(f32::NAN);
                outside = outside.max(end);
            }
            values[outside..columns].fill(f32::NAN);
        }
    }

    /// How much of a rectangle is inside; a search per row, no look at pixels.
    pub fn covers(&self, rect: PixelRect) -> Cover {
        if rect.is_empty() {
            return Cover::None;
        }
        let (mut all, mut none) = (true, true);
        let (start, end) = (rect.column as u64, (rect.column + rect.columns) as u64);
        for row in rect.row..rect.row + rect.rows {
            let runs = self.row(row);
            // The first run that ends behind the left side.
            let run = runs.get(runs.partition_point(|run| u64::from(run.end) <= start));
            let meets = run.is_some_and(|run| u64::from(run.start) < end);
            let fills = run.is_some_and(|run| u64::from(run.start) <= start && u64::from(run.end) >= end);
            (all, none) = (all && fills, none && !meets);
            if !all && !none {
                return Cover::Some;
            }
        }
        match none {
            true => Cover::None,
            false => Cover::All,
        }
    }

    /// Pixels inside.
    pub fn pixels(&self) -> u64 {
        self.runs.iter().map(|run| u64::from(run.end - run.start)).sum()
    }

    /// Bytes it holds: 8 for every row and every run.
    pub fn bytes(&self) -> u64 {
        (self.first.capacity() * size_of::<usize>() + self.runs.capacity() * size_of::<Run>()) as u64
    }
}

/// Runs, and crossings of rows, that may be found: 200 MB.
const MAX_RUNS: usize = 1 << 24;

/// Runs as they are found, in any order and over one another.
struct Found {
    shape: Shape,
    runs: Vec<(u32, Run)>,
}

impl Found {
    fn push(&mut self, row: usize, start: f64, end: f64) -> Result<()> {
        // `as` cuts to the range of u32, and NaN to 0.
        let nx = self.shape.nx as f64;
        let (start, end) = (start.clamp(0.0, nx) as u32, end.clamp(0.0, nx) as u32);
        if start < end {
            if self.runs.len() == MAX_RUNS {
                return Err(too_many());
            }
            self.runs.push((row as u32, Run { start, end }));
        }
        Ok(())
    }

    /// Rows from `low` to before `high` that the grid has.
    fn rows(&self, low: f64, high: f64) -> Range<usize> {
        let ny = self.shape.ny as f64;
        low.clamp(0.0, ny) as usize..high.clamp(0.0, ny) as usize
    }

    /// Pixels whose centre is inside the rings of one polygon, by even and odd. A centre on an edge counts
    /// where the inside is below or to the left of the edge, as in GDAL.
    fn centres(&mut self, rings: &[Vec<Xy>]) -> Result<()> {
        let mut crossings: Vec<(usize, f64)> = Vec::new();
        for (a, b) in edges(rings) {
            let (top, bottom) = if a.y <= b.y { (a, b) } else { (b, a) };
            for row in self.rows((top.y - 0.5).ceil(), (bottom.y - 0.5).ceil()) {
                if crossings.len() == MAX_RUNS {
                    return Err(too_many());
                }
                let x = top.x + (row as f64 + 0.5 - top.y) * (bottom.x - top.x) / (bottom.y - top.y);
                crossings.push((row, x));
            }
        }
        crossings.sort_unstable_by(|a, b| a.0.cmp(&b.0).then(a.1.total_cmp(&b.1)));
        for pair in crossings.chunks_exact(2) {
            if let [(row, enters), (_, leaves)] = pair {
                self.push(*row, (enters + 0.5).floor(), (leaves + 0.5).floor())?;
            }
        }
        Ok(())
    }

    /// Pixels that an edge passes through. Together with those whose centre is inside they are all that the
    /// polygon covers a part of: where no edge passes, a pixel is inside or outside as a whole.
    fn edges(&mut self, rings: &[Vec<Xy>]) -> Result<()> {
        /// An edge on a pixel's side belongs to neither pixel, and coordinates are rounded.
        const SIDE_PX: f64 = 1e-6;
        let (low, high) = (|v: f64| (v + SIDE_PX).floor(), |v: f64| (v - SIDE_PX).ceil());
        for (a, b) in edges(rings) {
            let (top, bottom) = if a.y <= b.y { (a, b) } else { (b, a) };
            let x_at = |y: f64| {
                let x = top.x + (y - top.y) * (bottom.x - top.x) / (bottom.y - top.y);
                // Rounding must not carry a steep edge beyond its ends.
                x.clamp(top.x.min(bottom.x), top.x.max(bottom.x))
            };
            for row in self.rows(low(top.y), high(bottom.y)) {
                let (enters, leaves) = (row as f64, row as f64 + 1.0);
                let from = if top.y >= enters { top.x } else { x_at(enters) };
                let to = if bottom.y <= leaves { bottom.x } else { x_at(leaves) };
                self.push(row, low(from.min(to)), high(from.max(to)))?;
            }
        }
        Ok(())
    }

    fn into_clip(mut self) -> Clip {
        self.runs.sort_unstable();
        let mut first = Vec::with_capacity(self.shape.ny + 1);
        let mut runs: Vec<Run> = Vec::new();
        let mut found = self.runs.iter().peekable();
        for row in 0..self.shape.ny {
            let begin = runs.len();
            first.push(begin);
            while let Some((_, run)) = found.next_if(|(r, _)| *r as usize == row) {
                match runs[begin..].last_mut() {
                    Some(last) if run.start <= last.end => last.end = last.end.max(run.end),
                    _ => runs.push(*run),
                }
            }
        }
        first.push(runs.len());
        runs.shrink_to_fit();
        Clip { shape: self.shape, first, runs }
    }
}

fn edges(rings: &[Vec<Xy>]) -> impl Iterator<Item = (Xy, Xy)> {
    rings.iter().flat_map(|ring| ring.iter().copied().zip(ring.iter().copied().cycle().skip(1)))
}

fn too_many() -> Error {
    Error::new(ErrorCode::Limit, format!("the polygon crosses rows of the grid more than {MAX_RUNS} times"))
        .hint("simplify the polygon (ogr2ogr -simplify), or choose a coarser --resolution")
}

#[cfg(test)]
mod tests;
