//! The three telescopes of ASTER.
use crate::error::{Error, Result};
use std::fmt;
use std::str::FromStr;

/// A telescope, with a pixel size and a swath of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Subsystem {
    /// Visible and near infrared: bands 1, 2, 3N (and 3B looking back), 15 m.
    Vnir,
    /// Shortwave infrared: bands 4 to 9, 30 m; unusable since April 2008.
    Swir,
    /// Thermal infrared: bands 10 to 14, 90 m.
    Tir,
}

impl Subsystem {
    /// All three.
    pub const ALL: [Self; 3] = [Self::Vnir, Self::Swir, Self::Tir];
    /// Upper-case name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Vnir => "VNIR",
            Self::Swir => "SWIR",
            Self::Tir => "TIR",
        }
    }
    /// Pixel size of L1B and L1T, metres.
    pub fn pixel_m(self) -> f64 {
        match self {
            Self::Vnir => 15.0,
            Self::Swir => 30.0,
            Self::Tir => 90.0,
        }
    }
}

impl fmt::Display for Subsystem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Subsystem {
    type Err = Error;
    fn from_str(text: &str) -> Result<Self> {
        Self::ALL
            .into_iter()
            .find(|s| s.as_str().eq_ignore_ascii_case(text))
            .ok_or_else(|| Error::usage(format!("unknown subsystem {text}")).hint("choose VNIR, SWIR or TIR"))
    }
}
