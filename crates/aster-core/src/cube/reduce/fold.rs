//! Statistics that take one time step after another and keep a few numbers per pixel.
use super::{Statistic, same_length};
use crate::error::{Error, Result};

/// What the statistics asked for have to keep, per pixel.
#[derive(Debug, Clone, Copy)]
struct Kept {
    count: bool,
    /// Sum of the values, less the first value where squares are kept too.
    sum: bool,
    squares: bool,
    min: bool,
    max: bool,
    first: bool,
    last: bool,
}

impl Kept {
    fn of(statistics: &[Statistic]) -> Self {
        let has = |s| statistics.contains(&s);
        let squares = has(Statistic::Std);
        let sum = squares || has(Statistic::Mean);
        Self {
            count: sum || has(Statistic::Count),
            sum,
            squares,
            min: has(Statistic::Min),
            max: has(Statistic::Max),
            first: squares || has(Statistic::First),
            last: has(Statistic::Last),
        }
    }
}

/// Running statistics of one chunk of one variable.
///
/// Sums are float64. Standard deviations sum the differences from each pixel's first value and their squares:
/// a value of the sample is at most `sqrt(n - 1)` standard deviations from the mean, so that cancellation
/// costs at most a factor n and the relative error of the variance stays below about n^2 * 1.1e-16 (1e-10 for
/// a thousand time steps). It takes no division per value, unlike Welford's rule, and a constant has a
/// deviation of exactly 0. (Chan, Golub & LeVeque 1983, doi:10.1080/00031305.1983.10483115: shifted data.)
#[derive(Debug)]
pub struct Fold {
    pixels: usize,
    squared: bool,
    // Each is empty unless it is kept.
    count: Vec<u32>,
    sum: Vec<f64>,
    squares: Vec<f64>,
    min: Vec<f32>,
    max: Vec<f32>,
    first: Vec<f32>,
    last: Vec<f32>,
}

impl Fold {
    /// A fold of `pixels` pixels that has seen nothing. Statistics that are not streaming are passed over.
    pub fn new(statistics: &[Statistic], pixels: usize) -> Self {
        let kept = Kept::of(statistics);
        let doubles = |kept: bool| vec![0.0_f64; if kept { pixels } else { 0 }];
        let floats = |kept: bool| vec![f32::NAN; if kept { pixels } else { 0 }];
        Self {
            pixels,
            squared: kept.squares,
            count: vec![0; if kept.count { pixels } else { 0 }],
            sum: doubles(kept.sum),
            squares: doubles(kept.squares),
            min: floats(kept.min),
            max: floats(kept.max),
            first: floats(kept.first),
            last: floats(kept.last),
        }
    }

    /// Bytes that a fold of these statistics holds for every pixel: 24 at most for mean and std together.
    pub fn bytes_per_pixel(statistics: &[Statistic]) -> u64 {
        let kept = Kept::of(statistics);
        let four = [kept.count, kept.min, kept.max, kept.first, kept.last].map(u64::from);
        let eight = [kept.sum, kept.squares].map(u64::from);
        4 * four.iter().sum::<u64>() + 8 * eight.iter().sum::<u64>()
    }

    /// Adds a time step: one value per pixel, NaN where missing. Steps come in time order.
    ///
    /// # Errors
    /// `INTERNAL` when the step has another number of pixels; nothing is added then.
    pub fn add(&mut self, values: &[f32]) -> Result<()> {
        same_length([values.len()], self.pixels)?;
        // One plain loop per number kept: selections instead of branches, so that they become vector code.
        // Zipped with what is not kept, which is empty, they do nothing.
        for (n, v) in self.count.iter_mut().zip(values) {
            *n += u32::from(!v.is_nan());
        }
        for (first, v) in self.first.iter_mut().zip(values) {
            *first = if first.is_nan() { *v } else { *first };
        }
        if self.squared {
            let sums = self.sum.iter_mut().zip(&mut self.squares);
            for (((sum, squares), v), first) in sums.zip(values).zip(&self.first) {
                let difference = if v.is_nan() { 0.0 } else { f64::from(*v) - f64::from(*first) };
                *sum += difference;
                *squares += difference * difference;
            }
        } else {
            for (sum, v) in self.sum.iter_mut().zip(values) {
                *sum += if v.is_nan() { 0.0 } else { f64::from(*v) };
            }
        }
        for (last, v) in self.last.iter_mut().zip(values) {
            *last = if v.is_nan() { *last } else { *v };
        }
        // A comparison with NaN is false: what is missing never wins, and any value beats nothing.
        for (min, v) in self.min.iter_mut().zip(values) {
            *min = if *v < *min || min.is_nan() { *v } else { *min };
        }
        for (max, v) in self.max.iter_mut().zip(values) {
            *max = if *v > *max || max.is_nan() { *v } else { *max };
        }
        Ok(())
    }

    /// One of the statistics of what was added so far, one value per pixel.
    ///
    /// # Errors
    /// `INTERNAL` for a statistic that was not asked for, or another number of pixels.
    pub fn finish(&self, statistic: Statistic, out: &mut [f32]) -> Result<()> {
        same_length([out.len()], self.pixels)?;
        let copied = match statistic {
            Statistic::Min => &self.min,
            Statistic::Max => &self.max,
            Statistic::First => &self.first,
            Statistic::Last => &self.last,
            _ => return self.finish_sums(statistic, out),
        };
        if copied.len() != out.len() {
            return Err(not_kept(statistic));
        }
        out.copy_from_slice(copied);
        Ok(())
    }

    fn finish_sums(&self, statistic: Statistic, out: &mut [f32]) -> Result<()> {
        let held = match statistic {
            Statistic::Count => self.count.len(),
            Statistic::Mean => self.sum.len(),
            Statistic::Std => self.squares.len(),
            _ => return Err(not_kept(statistic)),
        };
        if held != out.len() {
            return Err(not_kept(statistic));
        }
        // 0 / 0 is NaN: a pixel without a value needs no case of its own.
        match statistic {
            Statistic::Count => out.iter_mut().zip(&self.count).for_each(|(o, n)| *o = *n as f32),
            Statistic::Mean if self.squared => {
                let sums = self.count.iter().zip(&self.sum).zip(&self.first);
                for (o, ((n, sum), first)) in out.iter_mut().zip(sums) {
                    *o = (f64::from(*first) + sum / f64::from(*n)) as f32;
                }
            }
            Statistic::Mean => {
                for (o, (n, sum)) in out.iter_mut().zip(self.count.iter().zip(&self.sum)) {
                    *o = (sum / f64::from(*n)) as f32;
                }
            }
            _ => {
                let sums = self.count.iter().zip(&self.sum).zip(&self.squares);
                for (o, ((n, sum), squares)) in out.iter_mut().zip(sums) {
                    let n = f64::from(*n);
                    let mean = sum / n;
                    let variance = squares / n - mean * mean;
                    // Rounding may leave a tiny negative number; `max` would turn NaN into 0.
                    *o = if variance < 0.0 { 0.0 } else { variance.sqrt() } as f32;
                }
            }
        }
        Ok(())
    }
}

fn not_kept(statistic: Statistic) -> Error {
    Error::internal(format!("a fold that does not keep {statistic} was asked for it"))
}
