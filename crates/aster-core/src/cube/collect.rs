//! What the looks of a time step, or the time steps of a chunk, become together: running statistics, or all
//! values side by side until the last has come.
use crate::cube::plan::CubePlan;
use crate::cube::reduce::Statistic;
use crate::cube::reduce::fold::Fold;
use crate::cube::reduce::gather::gather_reduce;
use crate::cube::reduce::medoid::{medoid_index, take_steps};
use crate::error::Result;

/// The state of one chunk position while looks come in.
pub(super) struct Collected {
    pixels: usize,
    /// Per wanted variable; empty where no statistic streams.
    folds: Vec<Fold>,
    /// `[look][variable]`; kept only when some statistic needs all values, or for chunks along time.
    gathered: Vec<(usize, Vec<Vec<f32>>)>,
    gathers: bool,
}

/// Bytes that the state takes per pixel of the grid, when up to `looks` looks come.
pub(super) fn bytes_per_pixel(statistics: Option<&[Statistic]>, looks: usize, variables: usize) -> u64 {
    let gathered = 4 * (looks * variables) as u64;
    match statistics {
        None => gathered,
        Some(list) => {
            let streaming = Fold::bytes_per_pixel(list) * variables as u64;
            streaming + if gathers(list) { gathered } else { 0 }
        }
    }
}

fn gathers(statistics: &[Statistic]) -> bool {
    statistics.iter().any(|s| !s.is_streaming())
}

impl Collected {
    pub(super) fn new(plan: &CubePlan) -> Self {
        let pixels = plan.chunk.ny * plan.chunk.nx;
        let statistics = plan.wanted.reduction.as_ref().map(|r| r.statistics.as_slice());
        let streams = statistics.is_some_and(|list| list.iter().any(|s| s.is_streaming()));
        let folds = match (statistics, streams) {
            (Some(list), true) => plan.wanted.variables.iter().map(|_| Fold::new(list, pixels)).collect(),
            _ => Vec::new(),
        };
        Self { pixels, folds, gathered: Vec::new(), gathers: statistics.is_none_or(gathers) }
    }

    /// Takes the values of a look, `[variable][pixel]`; `place` is its time step within a chunk along time.
    pub(super) fn add(&mut self, place: usize, values: Vec<Vec<f32>>) -> Result<()> {
        for (fold, values) in self.folds.iter_mut().zip(&values) {
            fold.add(values)?;
        }
        if self.gathers {
            self.gathered.push((place, values));
        }
        Ok(())
    }

    /// Hands `emit` the values of every variable of the output, by its index.
    ///
    /// # Errors
    /// Those of `emit`.
    pub(super) fn finish(
        self,
        plan: &CubePlan,
        mut emit: impl FnMut(usize, &mut [f32]) -> Result<()>,
    ) -> Result<()> {
        let Some(reduction) = &plan.wanted.reduction else { return self.side_by_side(plan, emit) };
        let medoid = match reduction.statistics.contains(&Statistic::Medoid) {
            true => Some(self.medoid()?),
            false => None,
        };
        let mut out = vec![f32::NAN; self.pixels];
        let mut number = 0;
        for variable in 0..plan.wanted.variables.len() {
            let looks: Vec<&[f32]> =
                self.gathered.iter().filter_map(|(_, v)| Some(v.get(variable)?.as_slice())).collect();
            for &statistic in &reduction.statistics {
                match (self.folds.get(variable), &medoid) {
                    (Some(fold), _) if statistic.is_streaming() => fold.finish(statistic, &mut out)?,
                    (_, Some(index)) if statistic == Statistic::Medoid => {
                        take_steps(&looks, index, &mut out)?
                    }
                    _ => gather_reduce(&looks, statistic, &mut out)?,
                }
                emit(number, &mut out)?;
                number += 1;
            }
        }
        Ok(())
    }

    fn medoid(&self) -> Result<Vec<u32>> {
        let looks: Vec<Vec<&[f32]>> =
            self.gathered.iter().map(|(_, v)| v.iter().map(Vec::as_slice).collect()).collect();
        let mut index = vec![0; self.pixels];
        medoid_index(&looks, &mut index)?;
        Ok(index)
    }

    /// All time steps of a chunk after one another.
    fn side_by_side(
        self,
        plan: &CubePlan,
        mut emit: impl FnMut(usize, &mut [f32]) -> Result<()>,
    ) -> Result<()> {
        let mut out = vec![f32::NAN; plan.chunk_steps * self.pixels];
        for variable in 0..plan.wanted.variables.len() {
            out.fill(f32::NAN);
            for (place, values) in &self.gathered {
                let to = out.get_mut(place * self.pixels..(place + 1) * self.pixels);
                if let (Some(to), Some(values)) = (to, values.get(variable)) {
                    to.copy_from_slice(values);
                }
            }
            emit(variable, &mut out)?;
        }
        Ok(())
    }
}
