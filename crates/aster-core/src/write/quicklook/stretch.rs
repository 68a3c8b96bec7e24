//! From values to shares of a colour scale, and numbers for its ticks.

/// Share of the values cut off at either end.
const TAIL: f64 = 0.02;

/// Land reaches about this much farther above the median than below it.
const LAND_SPREAD: f32 = 2.0;

/// A linear stretch.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Stretch {
    pub(super) low: f32,
    pub(super) high: f32,
}

impl Stretch {
    /// From the 2nd to the 98th percentile; something sensible for no or equal values.
    pub(super) fn of(values: impl Iterator<Item = f32>) -> Self {
        let mut values: Vec<f32> = values.collect();
        if values.is_empty() {
            return Self { low: 0.0, high: 1.0 };
        }
        let last = values.len() - 1;
        let mut percentile = |share: f64| {
            let at = (share * last as f64).round() as usize;
            *values.select_nth_unstable_by(at, f32::total_cmp).1
        };
        let (low, high) = (percentile(TAIL), percentile(1.0 - TAIL));
        if high > low {
            return Self { low, high };
        }
        let half = (low.abs() * 0.05).max(0.5);
        Self { low: low - half, high: high + half }
    }

    /// As [`Stretch::of`], with the high end brought down to where land is when clouds fill the high tail.
    pub(super) fn of_land(values: impl Iterator<Item = f32>) -> Self {
        let mut values: Vec<f32> = values.collect();
        let all = Self::of(values.iter().copied());
        if values.is_empty() {
            return all;
        }
        let middle = values.len() / 2;
        let median = *values.select_nth_unstable_by(middle, f32::total_cmp).1;
        let land = median + LAND_SPREAD * (median - all.low);
        if land > all.low { Self { high: all.high.min(land), ..all } } else { all }
    }

    /// 0 at the low end, 1 at the high end.
    pub(super) fn share(&self, value: f32) -> f32 {
        ((value - self.low) / (self.high - self.low)).clamp(0.0, 1.0)
    }

    /// Round numbers within the stretch, about `count` of them, with their text.
    pub(super) fn ticks(&self, count: usize) -> Vec<(f32, String)> {
        let (low, high) = (f64::from(self.low), f64::from(self.high));
        let step = round_step((high - low) / count.max(1) as f64);
        let decimals = (-step.log10().floor()).clamp(0.0, 9.0) as usize;
        // 2.5 and its like need one digit more than their power of ten.
        let decimals = decimals + usize::from((step * 10f64.powi(decimals as i32)).fract() > 1e-6);
        let first = (low / step).ceil() as i64;
        let last = (high / step).floor() as i64;
        (first..=last.min(first.saturating_add(20)))
            .map(|i| {
                let value = i as f64 * step;
                (value as f32, format!("{value:.decimals$}").replace('-', "\u{2212}"))
            })
            .collect()
    }
}

/// The next of 1, 2, 2.5, 5 times a power of ten that is not below `step`.
pub(super) fn round_step(step: f64) -> f64 {
    let power = 10f64.powf(step.max(f64::MIN_POSITIVE).log10().floor());
    [1.0, 2.0, 2.5, 5.0, 10.0]
        .into_iter()
        .map(|m| m * power)
        .find(|s| *s >= step * (1.0 - 1e-9))
        .unwrap_or(step)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tails_are_cut_and_ticks_are_round() {
        let stretch = Stretch::of((0..=1000).map(|i| i as f32 / 1000.0));
        assert_eq!((stretch.low, stretch.high), (0.02, 0.98));
        let texts: Vec<String> = stretch.ticks(5).into_iter().map(|(_, t)| t).collect();
        assert_eq!(texts, ["0.2", "0.4", "0.6", "0.8"]);
        let texts: Vec<String> =
            Stretch { low: -3.1, high: 7.0 }.ticks(5).into_iter().map(|(_, t)| t).collect();
        assert_eq!(texts, ["\u{2212}2.5", "0.0", "2.5", "5.0"]);
        let texts: Vec<String> =
            Stretch { low: 281.0, high: 322.0 }.ticks(5).into_iter().map(|(_, t)| t).collect();
        assert_eq!(texts, ["290", "300", "310", "320"]);
        assert_eq!(Stretch::of(std::iter::empty()), Stretch { low: 0.0, high: 1.0 });
        assert!(Stretch::of([3.0, 3.0].into_iter()).share(3.0) == 0.5);
        // A tenth of cloud at 200 does not darken land between 10 and 30.
        let scene = (0..900).map(|i| 10.0 + i as f32 / 45.0).chain((0..100).map(|_| 200.0));
        let land = Stretch::of_land(scene);
        assert!(land.low < 11.0 && (40.0..50.0).contains(&land.high), "{land:?}");
    }

    #[test]
    fn steps_are_round() {
        assert_eq!(round_step(0.21), 0.25);
        assert_eq!(round_step(1.0), 1.0);
        assert_eq!(round_step(7.0), 10.0);
        assert_eq!(round_step(2300.0), 2500.0);
    }
}
