//! Count, mean, standard deviation, minimum and maximum of each variable in each scene.
use crate::cube::record::StepRecord;
use crate::cube::sink::{ChunkKey, ChunkSink, CubeLayout, EncodedChunk};
use crate::error::{Error, Result};
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};

/// Statistics of one variable in one scene.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Moments {
    /// Pixels with a value.
    pub count: u64,
    /// Sum of weights: pixels on projected grids, their relative area on geographic ones.
    pub weight: f64,
    /// Weighted mean.
    pub mean: f64,
    /// Weighted sum of squared differences from the mean.
    pub m2: f64,
    /// Smallest.
    pub min: f64,
    /// Largest.
    pub max: f64,
}

impl Default for Moments {
    fn default() -> Self {
        Self { count: 0, weight: 0.0, mean: 0.0, m2: 0.0, min: f64::INFINITY, max: f64::NEG_INFINITY }
    }
}

impl Moments {
    fn add(&mut self, value: f64, weight: f64) {
        self.count += 1;
        self.weight += weight;
        let delta = value - self.mean;
        self.mean += delta * weight / self.weight;
        self.m2 += weight * delta * (value - self.mean);
        self.min = self.min.min(value);
        self.max = self.max.max(value);
    }
    /// Chan's rule: the moments of two sets together.
    fn merge(&mut self, other: &Self) {
        if other.count == 0 {
            return;
        }
        let weight = self.weight + other.weight;
        let delta = other.mean - self.mean;
        self.m2 += other.m2 + delta * delta * self.weight * other.weight / weight;
        self.mean += delta * other.weight / weight;
        self.weight = weight;
        self.count += other.count;
        self.min = self.min.min(other.min);
        self.max = self.max.max(other.max);
    }
    /// Population standard deviation.
    pub fn std(&self) -> f64 {
        (self.m2 / self.weight).max(0.0).sqrt()
    }
    fn to_bytes(self) -> Vec<u8> {
        let numbers = [self.count as f64, self.weight, self.mean, self.m2, self.min, self.max];
        numbers.iter().flat_map(|v| v.to_le_bytes()).collect()
    }
    fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let v: Vec<f64> =
            bytes.chunks_exact(8).filter_map(|c| Some(f64::from_le_bytes(c.try_into().ok()?))).collect();
        let [count, weight, mean, m2, min, max] = v.try_into().ok()?;
        Some(Self { count: count as u64, weight, mean, m2, min, max })
    }
}

/// Collects [`Moments`] per time step and variable.
pub struct StatisticsSink {
    layout: CubeLayout,
    /// `[time][variable]`.
    moments: Mutex<Vec<Vec<Moments>>>,
}

impl StatisticsSink {
    /// Empty statistics of a cube.
    pub fn new(layout: CubeLayout) -> Self {
        let moments = vec![vec![Moments::default(); layout.variables.len()]; layout.time_steps];
        Self { layout, moments: Mutex::new(moments) }
    }
    /// `[time][variable]`, for the time steps that came.
    pub fn moments(&self) -> Vec<Vec<Moments>> {
        self.moments.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl ChunkSink for StatisticsSink {
    fn encode(&self, key: ChunkKey, values: &[f32]) -> Result<EncodedChunk> {
        let mut moments = Moments::default();
        for (y, row) in values.chunks(self.layout.chunk.nx).enumerate() {
            let weight = row_weight(&self.layout, key.row * self.layout.chunk.ny + y);
            row.iter().filter(|v| !v.is_nan()).for_each(|v| moments.add(f64::from(*v), weight));
        }
        Ok(EncodedChunk { key, bytes: moments.to_bytes(), valid: moments.count })
    }
    fn store(&self, chunk: EncodedChunk) -> Result<u64> {
        let moments =
            Moments::from_bytes(&chunk.bytes).ok_or_else(|| Error::internal("statistics lost their form"))?;
        let mut all = self.moments.lock().unwrap_or_else(PoisonError::into_inner);
        let cell = all.get_mut(chunk.key.time).and_then(|t| t.get_mut(chunk.key.variable));
        cell.ok_or_else(|| Error::internal("a chunk lies outside the cube"))?.merge(&moments);
        Ok(0)
    }
    fn rewind(&self, time_steps: usize) -> Result<()> {
        let mut all = self.moments.lock().unwrap_or_else(PoisonError::into_inner);
        all.iter_mut().skip(time_steps).flatten().for_each(|m| *m = Moments::default());
        Ok(())
    }
    fn finish(self: Box<Self>, _steps: &[StepRecord]) -> Result<Vec<PathBuf>> {
        Ok(Vec::new())
    }
}

/// Relative area of a pixel: 1 on projected grids, the cosine of the latitude on geographic ones.
fn row_weight(layout: &CubeLayout, row: usize) -> f64 {
    match layout.grid.crs.is_geographic() {
        true => layout.grid.centre_of(row, 0).y.to_radians().cos().max(0.0),
        false => 1.0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn merging_parts_is_the_whole(values in prop::collection::vec(-1e3f64..1e3, 2..200), cut in 0usize..200) {
            let cut = cut.min(values.len());
            let of = |v: &[f64]| { let mut m = Moments::default(); v.iter().for_each(|x| m.add(*x, 1.0)); m };
            let (mut a, b, all) = (of(&values[..cut]), of(&values[cut..]), of(&values));
            a.merge(&b);
            let n = values.len() as f64;
            let mean = values.iter().sum::<f64>() / n;
            let std = (values.iter().map(|v| (v - mean) * (v - mean)).sum::<f64>() / n).sqrt();
            for m in [a, all] {
                prop_assert!((m.mean - mean).abs() < 1e-9 && (m.std() - std).abs() < 1e-9);
                prop_assert_eq!(m.count, values.len() as u64);
            }
            prop_assert_eq!(Moments::from_bytes(&a.to_bytes()), Some(a));
        }
    }
}
