//! Count, weighted mean and deviation, minimum and maximum of a set of values, that can be put together.

/// Moments of a set of values.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Moments {
    /// Pixels with a value.
    pub count: u64,
    /// Sum of weights: their area, square metres.
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

/// Bytes of [`Moments::to_bytes`].
pub const MOMENTS_BYTES: usize = 48;

impl Default for Moments {
    fn default() -> Self {
        Self { count: 0, weight: 0.0, mean: 0.0, m2: 0.0, min: f64::INFINITY, max: f64::NEG_INFINITY }
    }
}

impl Moments {
    /// Moments of values, NaN where missing, with their weights; what weighs nothing counts as missing.
    pub fn of(values: &[f32], weights: &[f64]) -> Self {
        let weighed = || {
            let pairs = values.iter().zip(weights).filter(|(v, w)| !v.is_nan() && **w > 0.0);
            pairs.map(|(v, w)| (f64::from(*v), *w))
        };
        let mut moments = Self::default();
        let mut sum = 0.0;
        for (value, weight) in weighed() {
            moments.count += 1;
            moments.weight += weight;
            sum += weight * value;
            moments.min = moments.min.min(value);
            moments.max = moments.max.max(value);
        }
        if moments.count > 0 {
            moments.mean = sum / moments.weight;
            moments.m2 = weighed().map(|(v, w)| w * (v - moments.mean) * (v - moments.mean)).sum();
        }
        moments
    }
    /// Chan's rule: the moments of two sets together.
    pub fn merge(&mut self, other: &Self) {
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
    /// As bytes, [`MOMENTS_BYTES`] of them.
    pub fn to_bytes(self) -> [u8; MOMENTS_BYTES] {
        let numbers = [self.count as f64, self.weight, self.mean, self.m2, self.min, self.max];
        let mut bytes = [0; MOMENTS_BYTES];
        for (to, v) in bytes.chunks_exact_mut(8).zip(numbers) {
            to.copy_from_slice(&v.to_le_bytes());
        }
        bytes
    }
    /// From [`Moments::to_bytes`].
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let v: Vec<f64> =
            bytes.chunks_exact(8).filter_map(|c| Some(f64::from_le_bytes(c.try_into().ok()?))).collect();
        let [count, weight, mean, m2, min, max] = v.try_into().ok()?;
        Some(Self { count: count as u64, weight, mean, m2, min, max })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn merging_parts_is_the_whole(
            pairs in prop::collection::vec((-1e3f32..1e3, 0.5f64..300.0), 2..200), cut in 0usize..200,
        ) {
            let cut = cut.min(pairs.len());
            let (values, weights): (Vec<f32>, Vec<f64>) = pairs.iter().copied().unzip();
            let of = |a: usize, b: usize| Moments::of(&values[a..b], &weights[a..b]);
            let (mut a, b, all) = (of(0, cut), of(cut, pairs.len()), of(0, pairs.len()));
            a.merge(&b);
            let total: f64 = weights.iter().sum();
            let weighed = |f: &dyn Fn(f64) -> f64| pairs.iter().map(|(v, w)| w * f(f64::from(*v))).sum::<f64>() / total;
            let mean = weighed(&|v| v);
            let std = weighed(&|v| (v - mean) * (v - mean)).sqrt();
            for m in [a, all] {
                prop_assert!((m.mean - mean).abs() < 1e-9 && (m.std() - std).abs() < 1e-9);
                prop_assert!((m.weight / total - 1.0).abs() < 1e-12);
                prop_assert_eq!(m.count, values.len() as u64);
            }
            prop_assert_eq!(Moments::from_bytes(&a.to_bytes()), Some(a));
        }
    }

    #[test]
    fn what_is_missing_or_weighs_nothing_is_left_out() {
        let m = Moments::of(&[1.0, f32::NAN, 3.0, 100.0], &[2.0, 5.0, 2.0, 0.0]);
        assert_eq!((m.count, m.mean, m.std(), m.min, m.max), (2, 2.0, 1.0, 1.0, 3.0));
        assert_eq!(Moments::of(&[f32::NAN], &[1.0]), Moments::default());
    }
}
