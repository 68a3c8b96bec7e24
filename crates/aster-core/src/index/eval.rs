//! Evaluates an index over rows of band values.
use crate::index::spectral_index::SpectralIndex;

/// More inputs than any index has.
const MAX_INPUTS: usize = 8;

/// Writes the index of `inputs` (one slice per band, in the index's order) into `out`, all of one length.
/// Missing inputs, zero denominators and overflow give NaN.
pub fn eval_row(index: &SpectralIndex, inputs: &[&[f32]], out: &mut [f32]) {
    // Two-band indices are nearly all of the work and vectorise when the formula is visible.
    if let (Some(kernel), [a, b]) = (two_band_kernel(index), inputs) {
        for ((o, &a), &b) in out.iter_mut().zip(*a).zip(*b) {
            *o = match kernel {
                TwoBand::Ratio => finite(a / b),
                TwoBand::Normalised => finite((a - b) / (a + b)),
            };
        }
        return;
    }
    let mut values = [0f32; MAX_INPUTS];
    for (i, o) in out.iter_mut().enumerate() {
        for (v, input) in values.iter_mut().zip(inputs) {
            *v = input[i];
        }
        *o = finite((index.eval)(&values[..inputs.len().min(MAX_INPUTS)]));
    }
}

#[derive(Clone, Copy)]
enum TwoBand {
    Ratio,
    Normalised,
}

/// The two-band family of an index, found from its formula so that the table stays the only truth.
fn two_band_kernel(index: &SpectralIndex) -> Option<TwoBand> {
    let [a, b] = index.bands else { return None };
    let (a, b) = (format!("b{}", a.name().to_lowercase()), format!("b{}", b.name().to_lowercase()));
    if index.formula == format!("{a} / {b}") {
        Some(TwoBand::Ratio)
    } else if index.formula == format!("({a} - {b}) / ({a} + {b})") {
        Some(TwoBand::Normalised)
    } else {
        None
    }
}

#[inline(always)]
fn finite(v: f32) -> f32 {
    if v.is_finite() { v } else { f32::NAN }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::index::spectral_index::INDICES;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn rows_equal_the_formula(values in prop::collection::vec(0.001f32..2.0, 32)) {
            for index in INDICES {
                let n = 32 / MAX_INPUTS;
                let inputs: Vec<&[f32]> = (0..index.bands.len()).map(|k| &values[k * n..(k + 1) * n]).collect();
                let mut out = vec![0.0; n];
                eval_row(index, &inputs, &mut out);
                for i in 0..n {
                    let v: Vec<f32> = inputs.iter().map(|r| r[i]).collect();
                    let expected = (index.eval)(&v);
                    prop_assert!(out[i] == expected || (out[i].is_nan() && !expected.is_finite()), "{}", index.name);
                }
            }
        }
    }

    #[test]
    fn missing_and_zero_give_nan() {
        let ndvi = SpectralIndex::named("ndvi").unwrap();
        let mut out = [0.0f32; 3];
        eval_row(ndvi, &[&[f32::NAN, 0.0, 0.3], &[0.1, 0.0, 0.1]], &mut out);
        assert!(out[0].is_nan() && out[1].is_nan());
        assert!((out[2] - 0.5).abs() < 1e-6);
    }
}
