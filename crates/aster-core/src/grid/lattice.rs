//! Where the pixels of a grid lie against multiples of their size.
use crate::error::{Error, Result};
use crate::geo::affine::Xy;
use std::str::FromStr;

/// What lies on multiples of the pixel size, in x and in y. Granules of one lattice are shifted onto one another
/// by whole pixels.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lattice {
    /// Pixel centres.
    Centre,
    /// Pixel corners.
    Corner,
}

impl Lattice {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Centre, Self::Corner];

    /// The name in requests.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Centre => "centre",
            Self::Corner => "corner",
        }
    }

    /// That of AST_L1T granules of a version: 003 has pixel centres on multiples of their size, 004 corners.
    ///
    /// ```
    /// use aster_core::grid::lattice::Lattice;
    /// assert_eq!(Lattice::of_version("003"), Lattice::Centre);
    /// assert_eq!(Lattice::of_version("004"), Lattice::Corner);
    /// ```
    pub fn of_version(version: &str) -> Self {
        if version.starts_with("003") { Self::Centre } else { Self::Corner }
    }

    /// A pixel's corner on the lattice of pixels of that size, units of the CRS.
    pub fn corner(self, pixel: f64) -> Xy {
        let at = match self {
            Self::Centre => pixel / 2.0,
            Self::Corner => 0.0,
        };
        Xy { x: at, y: at }
    }
}

impl FromStr for Lattice {
    type Err = Error;
    fn from_str(text: &str) -> Result<Self> {
        let named = Self::ALL.into_iter().find(|l| l.as_str().eq_ignore_ascii_case(text.trim()));
        named.ok_or_else(|| Error::usage(format!("unknown lattice {text:?}")).hint("choose centre or corner"))
    }
}
