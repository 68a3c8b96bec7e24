//! Statistics of every variable at every time step, over the grid or the part of it inside a polygon.
use crate::cube::record::StepRecord;
use crate::cube::reduce::gather::{order_key, percentiles};
use crate::cube::sink::{ChunkKey, ChunkSink, CubeLayout, EncodedChunk};
use crate::error::{Error, Result};
use crate::grid::clip::Clip;
use crate::grid::geobox::Shape;
use crate::grid::pixel_area::PixelArea;
use crate::stats::moments::{MOMENTS_BYTES, Moments};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

/// Which percentiles are found.
pub const PERCENTILES: [f64; 5] = [5.0, 25.0, 50.0, 75.0, 95.0];

/// Statistics of one variable at one time step. Without a valid pixel the numbers are NaN.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct AreaStatistics {
    /// Pixels with a value.
    pub count: u64,
    /// Those over the pixels inside of the polygon, or of the grid; 0 to 1.
    pub valid_fraction: f64,
    /// Mean, each pixel weighted by its true area.
    pub mean: f64,
    /// Population standard deviation, weighted likewise.
    pub std: f64,
    /// Smallest value.
    pub min: f64,
    /// Largest value.
    pub max: f64,
    /// [`PERCENTILES`] of the values, each pixel counting once; exact, interpolated linearly as numpy does.
    pub percentiles: [f64; 5],
}

/// What is known of one variable at one time step.
#[derive(Debug, Clone)]
struct Cell {
    moments: Moments,
    /// Values of the chunks that came, float32, until the percentiles are found.
    held: Vec<Vec<u8>>,
    percentiles: [f64; 5],
}

impl Cell {
    fn empty() -> Self {
        Self { moments: Moments::default(), held: Vec::new(), percentiles: [f64::NAN; 5] }
    }
}

#[derive(Debug)]
struct State {
    /// `[time][variable]`.
    cells: Vec<Vec<Cell>>,
    /// Time steps before this one are complete and hold no values.
    complete: usize,
}

/// Collects [`AreaStatistics`] per time step and variable. Percentiles take all values of a time step, which
/// are held until a chunk of a later one comes, or until the end.
pub struct StatisticsSink {
    layout: CubeLayout,
    area: PixelArea,
    clip: Option<Arc<Clip>>,
    interleaved: bool,
    state: Mutex<State>,
}

impl StatisticsSink {
    /// Empty statistics of a cube, whose chunks come one time step after another. `clip` is of the cube's grid.
    pub fn new(layout: CubeLayout, area: PixelArea, clip: Option<Arc<Clip>>) -> Self {
        let cells = vec![vec![Cell::empty(); layout.variables.len()]; layout.time_steps];
        Self { layout, area, clip, interleaved: false, state: Mutex::new(State { cells, complete: 0 }) }
    }
    /// As [`StatisticsSink::new`], for chunks whose time steps come in any order: holds all values to the end.
    #[must_use]
    pub fn interleaved(self) -> Self {
        Self { interleaved: true, ..self }
    }
    /// Bytes of values held at most, for `pixels` inside of the polygon or the grid: one time step of
    /// `variables`, and one variable in the order of its values. Of an interleaved cube, `variables` is the
    /// product of its variables and time steps.
    pub fn held_bytes_bound(pixels: u64, variables: usize) -> u64 {
        pixels.saturating_mul(4).saturating_mul(variables as u64 + 1)
    }

    /// `[time][variable]`, for as many time steps as were planned. Nothing can be added afterwards.
    pub fn statistics(&self) -> Vec<Vec<AreaStatistics>> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let all = state.cells.len();
        state.complete_before(all);
        let pixels = self.pixels();
        let of = |cell: &Cell| {
            let m = cell.moments;
            let some = |v: f64| if m.count > 0 { v } else { f64::NAN };
            AreaStatistics {
                count: m.count,
                valid_fraction: if pixels > 0 { m.count as f64 / pixels as f64 } else { 0.0 },
                mean: some(m.mean),
                std: some(m.std()),
                min: some(m.min),
                max: some(m.max),
                percentiles: cell.percentiles,
            }
        };
        state.cells.iter().map(|row| row.iter().map(of).collect()).collect()
    }

    /// Pixels that may have a value.
    fn pixels(&self) -> u64 {
        let Shape { ny, nx } = self.layout.grid.shape;
        self.clip.as_ref().map_or(ny as u64 * nx as u64, |clip| clip.pixels())
    }
}

impl State {
    /// Finds the percentiles of the time steps before this one, and lets go of their values.
    fn complete_before(&mut self, time: usize) {
        let mut keys: Vec<i32> = Vec::new();
        for cell in self.cells.iter_mut().take(time).skip(self.complete).flatten() {
            keys.clear();
            keys.reserve_exact(cell.held.iter().map(|bytes| bytes.len() / 4).sum());
            for bytes in cell.held.drain(..) {
                let floats = bytes.chunks_exact(4).map(|b| f32::from_le_bytes([b[0], b[1], b[2], b[3]]));
                keys.extend(floats.map(order_key));
            }
            cell.percentiles = percentiles(&mut keys, PERCENTILES);
        }
        self.complete = self.complete.max(time);
    }
}

impl ChunkSink for StatisticsSink {
    /// The values inside that are valid, one after another, and then their moments.
    fn encode(&self, key: ChunkKey, values: &[f32]) -> Result<EncodedChunk> {
        let (shape, side) = (self.layout.grid.shape, self.layout.chunk);
        let (row0, column0) = (key.row * side.ny, key.column * side.nx);
        let columns = side.nx.min(shape.nx.saturating_sub(column0));
        let mut moments = Moments::default();
        let mut bytes = Vec::with_capacity(4 * values.iter().filter(|v| !v.is_nan()).count() + MOMENTS_BYTES);
        let mut areas = vec![0.0; columns];
        let rows = values.chunks_exact(side.nx).take(shape.ny.saturating_sub(row0));
        for (y, row) in rows.enumerate() {
            let mut add = |start: usize, end: usize| {
                let (values, areas) = (&row[start..end], &mut areas[start..end]);
                self.area.row_m2(row0 + y, column0 + start, areas);
                moments.merge(&Moments::of(values, areas));
                let valid = values.iter().zip(areas).filter(|(v, area)| !v.is_nan() && **area > 0.0);
                bytes.extend(valid.flat_map(|(v, _)| v.to_le_bytes()));
            };
            match &self.clip {
                None => add(0, columns),
                Some(clip) => {
                    for run in clip.runs(row0 + y) {
                        let in_chunk = |column: usize| column.saturating_sub(column0).min(columns);
                        if in_chunk(run.start) < in_chunk(run.end) {
                            add(in_chunk(run.start), in_chunk(run.end));
                        }
                    }
                }
            }
        }
        bytes.extend(moments.to_bytes());
        Ok(EncodedChunk { key, bytes, valid: moments.count })
    }

    fn store(&self, chunk: EncodedChunk) -> Result<u64> {
        let EncodedChunk { key, mut bytes, .. } = chunk;
        let tail = bytes.split_off(bytes.len().saturating_sub(MOMENTS_BYTES));
        let moments =
            Moments::from_bytes(&tail).ok_or_else(|| Error::internal("statistics lost their form"))?;
        if moments.count == 0 {
            return Ok(0);
        }
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if !self.interleaved {
            state.complete_before(key.time.min(self.layout.time_steps));
        }
        if key.time < state.complete {
            return Err(Error::internal("a chunk came after its time step was complete"));
        }
        let cell = state.cells.get_mut(key.time).and_then(|t| t.get_mut(key.variable));
        let cell = cell.ok_or_else(|| Error::internal("a chunk lies outside the cube"))?;
        cell.moments.merge(&moments);
        bytes.shrink_to_fit();
        cell.held.push(bytes);
        Ok(0)
    }

    fn rewind(&self, time_steps: usize) -> Result<()> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.cells.iter_mut().skip(time_steps).flatten().for_each(|cell| *cell = Cell::empty());
        state.complete = state.complete.min(time_steps);
        Ok(())
    }

    fn finish(self: Box<Self>, _steps: &[StepRecord]) -> Result<Vec<PathBuf>> {
        Ok(Vec::new())
    }
}

#[cfg(test)]
mod tests;
