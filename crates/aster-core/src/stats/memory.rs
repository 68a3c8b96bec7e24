//! The cube as arrays in memory, for callers that asked for values and have room for them.
use crate::cube::record::StepRecord;
use crate::cube::sink::{ChunkKey, ChunkSink, CubeLayout, EncodedChunk};
use crate::error::{Error, Result};
use crate::grid::geobox::Shape;
use ndarray::Array3;
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};

/// One array per variable, dimensions (time, y, x), NaN where missing.
pub struct MemorySink {
    layout: CubeLayout,
    arrays: Mutex<Vec<Vec<f32>>>,
}

impl MemorySink {
    /// Allocates the whole cube; the plan has checked that it fits the budget.
    pub fn new(layout: CubeLayout) -> Self {
        let pixels = layout.grid.shape.ny * layout.grid.shape.nx * layout.time_steps;
        let arrays = layout.variables.iter().map(|_| vec![f32::NAN; pixels]).collect();
        Self { layout, arrays: Mutex::new(arrays) }
    }
    /// The arrays, cut to the time steps that came.
    pub fn take(&self, time_steps: usize) -> Result<Vec<Array3<f32>>> {
        let arrays = std::mem::take(&mut *self.arrays.lock().unwrap_or_else(PoisonError::into_inner));
        let Shape { ny, nx } = self.layout.grid.shape;
        let shaped = |mut values: Vec<f32>| {
            values.truncate(time_steps * ny * nx);
            Array3::from_shape_vec((time_steps, ny, nx), values)
        };
        let failed = |e| Error::internal(format!("an array lost its shape: {e}"));
        arrays.into_iter().map(|values| shaped(values).map_err(failed)).collect()
    }
}

impl ChunkSink for MemorySink {
    fn encode(&self, key: ChunkKey, values: &[f32]) -> Result<EncodedChunk> {
        let valid = values.iter().filter(|v| !v.is_nan()).count() as u64;
        Ok(EncodedChunk { key, bytes: values.iter().flat_map(|v| v.to_le_bytes()).collect(), valid })
    }
    fn store(&self, chunk: EncodedChunk) -> Result<u64> {
        let (shape, side) = (self.layout.grid.shape, self.layout.chunk);
        let key = chunk.key;
        let (row0, column0) = (key.row * side.ny, key.column * side.nx);
        let columns = side.nx.min(shape.nx.saturating_sub(column0));
        let mut arrays = self.arrays.lock().unwrap_or_else(PoisonError::into_inner);
        let array = arrays.get_mut(key.variable).ok_or_else(|| Error::internal("a chunk has no variable"))?;
        for (y, row) in chunk.bytes.chunks_exact(4 * side.nx).take(shape.ny.saturating_sub(row0)).enumerate()
        {
            let at = (key.time * shape.ny + row0 + y) * shape.nx + column0;
            let out = array
                .get_mut(at..at + columns)
                .ok_or_else(|| Error::internal("a chunk lies outside the cube"))?;
            for (o, b) in out.iter_mut().zip(row.chunks_exact(4)) {
                *o = f32::from_le_bytes([b[0], b[1], b[2], b[3]]);
            }
        }
        Ok(chunk.bytes.len() as u64)
    }
    fn rewind(&self, time_steps: usize) -> Result<()> {
        let pixels = self.layout.grid.shape.ny * self.layout.grid.shape.nx;
        let mut arrays = self.arrays.lock().unwrap_or_else(PoisonError::into_inner);
        arrays.iter_mut().for_each(|a| a.iter_mut().skip(pixels * time_steps).for_each(|v| *v = f32::NAN));
        Ok(())
    }
    fn finish(self: Box<Self>, _steps: &[StepRecord]) -> Result<Vec<PathBuf>> {
        Ok(Vec::new())
    }
}
