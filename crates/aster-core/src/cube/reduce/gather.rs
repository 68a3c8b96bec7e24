//! Statistics that need all values of a pixel at once: median and percentiles, by selection.
use super::fold::Fold;
use super::{Statistic, same_length};
use crate::error::{Error, Result};

/// Values of a tile: 256 KiB, so that its columns stay in the second-level cache while they are selected in.
const TILE_VALUES: usize = 1 << 16;
/// Pixels that a cache line holds: a narrower tile would read every line of a step more than once.
const LINE_PIXELS: usize = 16;

/// Bytes that [`gather_reduce`] holds besides what it is given, for median and percentiles.
pub fn gather_bytes(steps: usize) -> u64 {
    4 * (TILE_VALUES.max(LINE_PIXELS * steps) + TILE_VALUES) as u64
}

/// A statistic over `steps[time][pixel]`, in time order, for every pixel. Median and percentiles are selected,
/// not sorted for; what [`Fold`] can do is left to it.
///
/// # Errors
/// `INTERNAL` when lengths differ, and for the medoid, which takes all variables.
pub fn gather_reduce(steps: &[&[f32]], statistic: Statistic, out: &mut [f32]) -> Result<()> {
    same_length(steps.iter().map(|s| s.len()), out.len())?;
    let percentile = match statistic {
        Statistic::Median => 50.0,
        Statistic::Percentile(p) => p,
        Statistic::Medoid => return Err(Error::internal("the medoid of a single variable was asked for")),
        _ => {
            let mut fold = Fold::new(&[statistic], out.len());
            steps.iter().try_for_each(|values| fold.add(values))?;
            return fold.finish(statistic, out);
        }
    };
    if steps.is_empty() {
        out.fill(f32::NAN);
        return Ok(());
    }
    // Reading step after step and writing column after column: the tile is the transposed, without the NaN.
    let width = (TILE_VALUES / steps.len()).clamp(LINE_PIXELS, TILE_VALUES).min(out.len().max(1));
    let mut columns = vec![0_i32; width * steps.len()];
    let mut counts = vec![0_usize; width];
    for (tile, out) in out.chunks_mut(width).enumerate() {
        counts.fill(0);
        for values in steps {
            let values = &values[tile * width..][..out.len()];
            for ((column, n), v) in columns.chunks_exact_mut(steps.len()).zip(&mut counts).zip(values) {
                // Written in any case, and kept by counting it: a branch would be missed too often.
                column[*n] = order_key(*v);
                *n += usize::from(!v.is_nan());
            }
        }
        for ((column, n), out) in columns.chunks_exact_mut(steps.len()).zip(&counts).zip(out) {
            *out = select(&mut column[..*n], percentile);
        }
    }
    Ok(())
}

/// The percentile of some keys, whose order it changes; NaN of none.
fn select(keys: &mut [i32], percentile: f64) -> f32 {
    percentiles(keys, [percentile])[0] as f32
}

/// Percentiles, in ascending order, of the numbers behind some keys ([`order_key`]), whose order it changes;
/// NaN of none. Selected, not sorted for; interpolated linearly in float64.
pub fn percentiles<const N: usize>(keys: &mut [i32], ascending: [f64; N]) -> [f64; N] {
    let Some(last) = keys.len().checked_sub(1) else { return [f64::NAN; N] };
    // Keys before this one are below all that is left to find.
    let mut passed = 0;
    ascending.map(|percentile| {
        let position = last as f64 * (percentile / 100.0);
        let below = (position as usize).clamp(passed, last);
        let fraction = position - below as f64;
        let (_, lower, above) = keys[passed..].select_nth_unstable(below - passed);
        passed = below;
        let lower = f64::from(of_key(*lower));
        // The next larger is the smallest of those above.
        match above.iter().min() {
            Some(upper) if fraction > 0.0 => {
                let upper = f64::from(of_key(*upper));
                // From the nearer end, as numpy does.
                let step = upper - lower;
                if fraction < 0.5 { lower + step * fraction } else { upper - step * (1.0 - fraction) }
            }
            _ => lower,
        }
    })
}

/// An integer in the same order as the number: integers compare in one instruction. Not for NaN.
#[inline]
pub fn order_key(value: f32) -> i32 {
    let bits = value.to_bits() as i32;
    bits ^ (((bits >> 31) as u32) >> 1) as i32
}

#[inline]
fn of_key(key: i32) -> f32 {
    f32::from_bits((key ^ (((key >> 31) as u32) >> 1) as i32) as u32)
}
