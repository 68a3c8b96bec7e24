//! The bands: wavelengths, pixel size, bits. One table; sources in docs/science.md.
use crate::error::{Error, Result};
use crate::product::subsystem::Subsystem;
use std::fmt;
use std::str::FromStr;

/// A band of ASTER, or the single layer of a derived product.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[allow(missing_docs)]
pub enum Band {
    B1,
    B2,
    B3N,
    B3B,
    B4,
    B5,
    B6,
    B7,
    B8,
    B9,
    B10,
    B11,
    B12,
    B13,
    B14,
    /// Surface kinetic temperature of AST_08.
    KineticTemperature,
    /// Elevation of AST14DEM.
    Elevation,
}

/// What is known of a band before any file is opened.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct BandFact {
    /// The band.
    pub band: Band,
    /// Name as ASTER's documents write it.
    pub name: &'static str,
    /// Dataset name in the HDF files and variable name in outputs.
    pub variable: &'static str,
    /// Telescope.
    pub subsystem: Subsystem,
    /// Shortest wavelength, micrometres.
    pub min_um: f64,
    /// Longest wavelength, micrometres.
    pub max_um: f64,
    /// Centre (VNIR, SWIR) or effective wavelength (TIR), micrometres.
    pub centre_um: f64,
    /// Significant bits.
    pub bits: u8,
}

impl BandFact {
    /// DN that stands for saturation: the top of the range.
    ///
    /// UNVERIFIED against the user guide, supported by arithmetic on the published maximum radiances.
    pub fn saturation_dn(&self) -> u16 {
        if self.bits == 12 { 4095 } else { 255 }
    }
}

macro_rules! facts {
    ($($band:ident $name:literal $variable:literal $subsystem:ident $min:literal $max:literal $centre:literal $bits:literal;)*) => {
        /// All bands, in ASTER's order.
        pub const BANDS: &[BandFact] = &[$(BandFact {
            band: Band::$band, name: $name, variable: $variable, subsystem: Subsystem::$subsystem,
            min_um: $min, max_um: $max, centre_um: $centre, bits: $bits,
        },)*];
    };
}

facts! {
    B1  "1"  "ImageData1"  Vnir 0.52  0.60  0.56  8;
    B2  "2"  "ImageData2"  Vnir 0.63  0.69  0.66  8;
    B3N "3N" "ImageData3N" Vnir 0.78  0.86  0.82  8;
    B3B "3B" "ImageData3B" Vnir 0.78  0.86  0.82  8;
    B4  "4"  "ImageData4"  Swir 1.600 1.700 1.650 8;
    B5  "5"  "ImageData5"  Swir 2.145 2.185 2.165 8;
    B6  "6"  "ImageData6"  Swir 2.185 2.225 2.205 8;
    B7  "7"  "ImageData7"  Swir 2.235 2.285 2.260 8;
    B8  "8"  "ImageData8"  Swir 2.295 2.365 2.330 8;
    B9  "9"  "ImageData9"  Swir 2.360 2.430 2.395 8;
    B10 "10" "ImageData10" Tir  8.125 8.475 8.291 12;
    B11 "11" "ImageData11" Tir  8.475 8.825 8.634 12;
    B12 "12" "ImageData12" Tir  8.925 9.275 9.075 12;
    B13 "13" "ImageData13" Tir  10.25 10.95 10.657 12;
    B14 "14" "ImageData14" Tir  10.95 11.65 11.318 12;
}

impl Band {
    /// The bands of a telescope that L1T carries (3B is in L1A and L1B only).
    pub fn of(subsystem: Subsystem) -> impl Iterator<Item = Self> {
        BANDS.iter().filter(move |f| f.subsystem == subsystem && f.band != Self::B3B).map(|f| f.band)
    }
    /// Facts of a spectral band; none for derived layers.
    pub fn fact(self) -> Option<&'static BandFact> {
        BANDS.iter().find(|f| f.band == self)
    }
    /// Telescope the layer comes from.
    pub fn subsystem(self) -> Subsystem {
        match self {
            Self::KineticTemperature => Subsystem::Tir,
            Self::Elevation => Subsystem::Vnir,
            _ => self.fact().map_or(Subsystem::Vnir, |f| f.subsystem),
        }
    }
    /// Name as ASTER's documents write it.
    pub fn name(self) -> &'static str {
        match self {
            Self::KineticTemperature => "SKT",
            Self::Elevation => "DEM",
            _ => self.fact().map_or("", |f| f.name),
        }
    }
    /// Variable name in HDF files and outputs.
    pub fn variable(self) -> &'static str {
        match self {
            Self::KineticTemperature => "KineticTemperature",
            Self::Elevation => "Elevation",
            _ => self.fact().map_or("", |f| f.variable),
        }
    }
}

impl fmt::Display for Band {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Band {
    type Err = Error;
    /// Accepts every spelling met in ASTER files: `3N`, `B03N`, `B3N`, `03`, `ImageData3N`, `Band3N`.
    fn from_str(text: &str) -> Result<Self> {
        let upper = text.trim().to_ascii_uppercase();
        let bare = ["IMAGEDATA", "BAND", "B"].iter().find_map(|p| upper.strip_prefix(p)).unwrap_or(&upper);
        let bare = bare.trim_start_matches('0');
        let bare = if bare == "3" { "3N" } else { bare };
        if let Some(fact) = BANDS.iter().find(|f| f.name == bare) {
            return Ok(fact.band);
        }
        match upper.as_str() {
            "SKT" | "KINETICTEMPERATURE" => Ok(Self::KineticTemperature),
            "DEM" | "ELEVATION" => Ok(Self::Elevation),
            _ => Err(Error::usage(format!("unknown band {text}"))
                .hint("bands are 1, 2, 3N (VNIR), 4 to 9 (SWIR) and 10 to 14 (TIR)")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_spelling_of_a_band_is_one_band() {
        for text in ["3N", "3", "03N", "B03N", "B3N", "Band3N", "ImageData3N", "imagedata3n"] {
            assert_eq!(text.parse::<Band>().unwrap(), Band::B3N, "{text}");
        }
        assert_eq!("B10".parse::<Band>().unwrap(), Band::B10);
        assert_eq!("01".parse::<Band>().unwrap(), Band::B1);
        assert!("15".parse::<Band>().is_err() && "0".parse::<Band>().is_err() && "".parse::<Band>().is_err());
    }

    #[test]
    fn names_round_trip() {
        for fact in BANDS {
            assert_eq!(fact.name.parse::<Band>().unwrap(), fact.band);
            assert_eq!(fact.variable.parse::<Band>().unwrap(), fact.band);
            assert!(fact.min_um < fact.centre_um && fact.centre_um < fact.max_um);
        }
    }
}
