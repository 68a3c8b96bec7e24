//! Statistics along time, pixel by pixel: which there are, how they are written, and what they mean.
//!
//! NaN is a missing value and takes no part. A pixel without any value is NaN, and 0 in a count. The numbers
//! are those of numpy's `nanmean`, `nanmedian`, `nanpercentile` and `nanstd` on float64, rounded to float32.
pub mod fold;
pub mod gather;
pub mod medoid;

use crate::error::{Error, Result};
use crate::near_names::nearest_names;
use std::fmt;
use std::str::FromStr;

/// A statistic of the values that a pixel has over time.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Statistic {
    /// Arithmetic mean.
    Mean,
    /// The middle value, or the mean of the two in the middle.
    Median,
    /// Smallest value.
    Min,
    /// Largest value.
    Max,
    /// The earliest value.
    First,
    /// The latest value.
    Last,
    /// How many values there are; 0 where the pixel was never observed.
    Count,
    /// Population standard deviation (`ddof=0`, the default of numpy and xarray).
    Std,
    /// Percentile, 0 to 100, interpolated linearly between the two nearest values: numpy's default, type 7 of
    /// Hyndman & Fan 1996, doi:10.1080/00031305.1996.10473566.
    Percentile(f64),
    /// The observation nearest to all others, over all variables at once: [`medoid`].
    Medoid,
}

/// Statistics that have a plain name.
const NAMED: [(&str, Statistic); 9] = [
    ("mean", Statistic::Mean),
    ("median", Statistic::Median),
    ("min", Statistic::Min),
    ("max", Statistic::Max),
    ("first", Statistic::First),
    ("last", Statistic::Last),
    ("count", Statistic::Count),
    ("std", Statistic::Std),
    ("medoid", Statistic::Medoid),
];

impl Statistic {
    /// Ending of a variable's name, made of letters, digits and `_`: `mean`, `p10`, `p2_5`.
    pub fn name_suffix(self) -> String {
        self.to_string().replace('.', "_")
    }
    /// Whether one time step after another can be added and forgotten ([`fold::Fold`]). The others need all
    /// values of a pixel at once.
    pub fn is_streaming(self) -> bool {
        !matches!(self, Self::Median | Self::Percentile(_) | Self::Medoid)
    }
    /// The attribute `cell_methods`, in the words of CF-1.11, appendix E. `point` stands for statistics that
    /// pick one observation. None for a count and for percentiles, which that table does not have: what they
    /// are is said by [`Statistic::comment`], and a count is `number_of_observations` by its standard name.
    pub fn cell_methods(self) -> Option<&'static str> {
        match self {
            Self::Mean => Some("time: mean"),
            Self::Median => Some("time: median"),
            Self::Min => Some("time: minimum"),
            Self::Max => Some("time: maximum"),
            Self::Std => Some("time: standard_deviation"),
            Self::First | Self::Last | Self::Medoid => Some("time: point"),
            Self::Count | Self::Percentile(_) => None,
        }
    }
    /// The attribute `comment`, where `cell_methods` does not say it all.
    pub fn comment(self) -> Option<String> {
        Some(match self {
            Self::Mean | Self::Median | Self::Min | Self::Max => return None,
            Self::Std => "population standard deviation over time (ddof 0)".to_string(),
            Self::First => "earliest valid value of the period".to_string(),
            Self::Last => "latest valid value of the period".to_string(),
            Self::Count => "number of valid values over time".to_string(),
            Self::Percentile(p) => format!("percentile {p} over time, interpolated linearly"),
            Self::Medoid => "value at the time step with the least sum of Euclidean distances, over all \
                             variables, to the other time steps (doi:10.3390/rs5126481)"
                .to_string(),
        })
    }
}

impl fmt::Display for Statistic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self, NAMED.iter().find(|(_, s)| s == self)) {
            (Self::Percentile(p), _) => write!(f, "p{p}"),
            (_, Some((name, _))) => f.write_str(name),
            (_, None) => fmt::Debug::fmt(self, f),
        }
    }
}

impl FromStr for Statistic {
    type Err = Error;
    /// Reads `mean`, `p10`, `p2.5` and so on, in any case.
    ///
    /// # Errors
    /// `USAGE` for another word, or a percentile beyond 0 to 100.
    fn from_str(text: &str) -> Result<Self> {
        let name = text.trim().to_ascii_lowercase();
        if let Some((_, statistic)) = NAMED.iter().find(|(n, _)| *n == name) {
            return Ok(*statistic);
        }
        let number = name.strip_prefix('p').filter(|n| n.bytes().all(|b| b.is_ascii_digit() || b == b'.'));
        if let Some(percentile) = number.and_then(|n| n.parse::<f64>().ok()) {
            if percentile <= 100.0 {
                return Ok(Self::Percentile(percentile));
            }
            return Err(Error::usage(format!("{text:?} is no percentile")).hint("write p0 to p100"));
        }
        let near = nearest_names(&name, NAMED.iter().map(|(n, _)| *n));
        Err(Error::usage(format!("unknown statistic {text:?}")).hint(if near.is_empty() {
            let names: Vec<&str> = NAMED.iter().map(|(n, _)| *n).collect();
            format!("choose {} or a percentile such as p10 or p2.5", names.join(", "))
        } else {
            format!("did you mean {}?", near.join(" or "))
        }))
    }
}

/// All slices have the length of the output.
fn same_length(lengths: impl IntoIterator<Item = usize>, pixels: usize) -> Result<()> {
    match lengths.into_iter().find(|n| *n != pixels) {
        Some(n) => Err(Error::internal(format!("a time step of {n} pixels among those of {pixels}"))),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests;
