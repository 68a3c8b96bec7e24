//! The medoid: the observation of a pixel that lies nearest to all its others, over all variables at once.
//!
//! Flood 2013, "Seasonal composite Landsat TM/ETM+ images using the medoid", doi:10.3390/rs5126481. What it
//! gives was really observed, in all variables at the same time. Distances are Euclidean and nothing is
//! normalised: variables of another unit or range weigh as much as their numbers are large.
use super::same_length;
use crate::error::{Error, Result};

/// Index of a pixel without a medoid.
pub const NO_STEP: u32 = u32::MAX;

/// Pixels worked on at once: their sums and values stay in the cache, and they fill vector registers.
const TILE_PIXELS: usize = 64;

/// Bytes that [`medoid_index`] holds besides what it is given.
pub fn medoid_bytes(steps: usize) -> u64 {
    (steps * TILE_PIXELS * 8 + TILE_PIXELS * 16) as u64
}

/// For every pixel the step, of `steps[time][variable][pixel]`, whose distances to all other steps have the
/// least sum; the earliest of equals. Steps in which any variable is NaN take no part; [`NO_STEP`] where none
/// is left. The time it takes grows with the square of the number of steps: about five nanoseconds for each
/// pair of steps, per pixel of three variables.
///
/// # Errors
/// `INTERNAL` when lengths or numbers of variables differ.
pub fn medoid_index(steps: &[Vec<&[f32]>], out: &mut [u32]) -> Result<()> {
    let variables = steps.first().map_or(0, Vec::len);
    if steps.iter().any(|step| step.len() != variables) {
        return Err(Error::internal("time steps differ in their number of variables"));
    }
    same_length(steps.iter().flatten().map(|values| values.len()), out.len())?;
    let mut sums = vec![[0.0_f64; TILE_PIXELS]; steps.len()];
    for (tile, out) in out.chunks_mut(TILE_PIXELS).enumerate() {
        let pixels = tile * TILE_PIXELS..tile * TILE_PIXELS + out.len();
        sums.fill([0.0; TILE_PIXELS]);
        for (i, a) in steps.iter().enumerate() {
            for (j, b) in steps.iter().enumerate().skip(i + 1) {
                let mut squares = [0.0_f64; TILE_PIXELS];
                for (a, b) in a.iter().zip(b) {
                    let pairs = a[pixels.clone()].iter().zip(&b[pixels.clone()]);
                    for (square, (a, b)) in squares.iter_mut().zip(pairs) {
                        // float64, where differences of float32 are exact: equal sums stay equal.
                        let difference = f64::from(*a) - f64::from(*b);
                        *square += difference * difference;
                    }
                }
                // Whatever is missing in either makes the distance NaN.
                let distances = squares.map(|s| if s.is_nan() { 0.0 } else { s.sqrt() });
                for k in [i, j] {
                    sums[k].iter_mut().zip(&distances).for_each(|(sum, d)| *sum += d);
                }
            }
        }
        let mut least = [f64::INFINITY; TILE_PIXELS];
        out.fill(NO_STEP);
        for (k, (step, sums)) in steps.iter().zip(&sums).enumerate() {
            for (p, out) in out.iter_mut().enumerate() {
                let valid = step.iter().all(|values| !values[pixels.start + p].is_nan());
                if valid && variables > 0 && (sums[p] < least[p] || *out == NO_STEP) {
                    (least[p], *out) = (sums[p], u32::try_from(k).unwrap_or(NO_STEP));
                }
            }
        }
    }
    Ok(())
}

/// The values of one variable, `steps[time][pixel]`, at the step of each pixel; NaN for [`NO_STEP`].
///
/// # Errors
/// `INTERNAL` when lengths differ.
pub fn take_steps(steps: &[&[f32]], index: &[u32], out: &mut [f32]) -> Result<()> {
    same_length(steps.iter().map(|s| s.len()).chain([index.len()]), out.len())?;
    for (p, (out, k)) in out.iter_mut().zip(index).enumerate() {
        *out = steps.get(*k as usize).map_or(f32::NAN, |values| values[p]);
    }
    Ok(())
}
