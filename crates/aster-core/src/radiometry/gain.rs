//! Gain settings and unit conversion coefficients: `radiance = ucc x DN + offset`, `offset = -ucc`.
//!
//! What the file says wins; this table is the fallback. Sources: docs/science.md, section "Unit conversion".
use crate::error::{Error, ErrorCode, Result};
use crate::product::band::Band;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

/// Gain of a VNIR or SWIR band at acquisition; it changes from scene to scene.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Gain {
    /// High.
    High,
    /// Normal.
    Normal,
    /// Low (written LOW or LO1).
    Low1,
    /// Second low setting, SWIR only.
    Low2,
    /// Band not acquired.
    Off,
}

impl Gain {
    /// Code as ASTER's metadata write it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::High => "HGH",
            Self::Normal => "NOR",
            Self::Low1 => "LO1",
            Self::Low2 => "LO2",
            Self::Off => "OFF",
        }
    }
}

impl fmt::Display for Gain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Gain {
    type Err = Error;
    fn from_str(text: &str) -> Result<Self> {
        match text.trim().to_ascii_uppercase().as_str() {
            "HGH" | "HIGH" => Ok(Self::High),
            "NOR" | "NORMAL" => Ok(Self::Normal),
            "LOW" | "LO1" => Ok(Self::Low1),
            "LO2" => Ok(Self::Low2),
            "OFF" => Ok(Self::Off),
            _ => {
                Err(Error::usage(format!("unknown gain {text}")).hint("gains are HGH, NOR, LO1, LO2 and OFF"))
            }
        }
    }
}

/// Where a coefficient came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum CoefficientSource {
    /// `INCLn` and `OFFSETn`, or tags, of the granule itself.
    File,
    /// The gain named by the metadata, through the table.
    GainTable,
    /// The band has one coefficient only (TIR).
    FixedTable,
    /// The user.
    Override,
}

impl CoefficientSource {
    /// Words for outputs.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::File => "file",
            Self::GainTable => "gain table",
            Self::FixedTable => "fixed table",
            Self::Override => "override",
        }
    }
}

/// `radiance = ucc x DN + offset`, W m-2 sr-1 um-1.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct UnitConversion {
    /// Per DN.
    pub ucc: f64,
    /// At DN 0; `-ucc` for ASTER, since DN 1 is zero radiance.
    pub offset: f64,
    /// Where it came from.
    pub source: CoefficientSource,
}

/// Coefficients by gain: HGH, NOR, LO1, LO2; NaN where a setting does not exist.
const UCC: &[(Band, [f64; 4])] = &[
    (Band::B1, [0.676, 1.688, 2.25, f64::NAN]),
    (Band::B2, [0.708, 1.415, 1.89, f64::NAN]),
    (Band::B3N, [0.423, 0.862, 1.15, f64::NAN]),
    (Band::B3B, [0.423, 0.862, 1.15, f64::NAN]),
    (Band::B4, [0.1087, 0.2174, 0.2900, 0.2900]),
    (Band::B5, [0.0348, 0.0696, 0.0925, 0.4090]),
    (Band::B6, [0.0313, 0.0625, 0.0830, 0.3900]),
    (Band::B7, [0.0299, 0.0597, 0.0795, 0.3320]),
    (Band::B8, [0.0209, 0.0417, 0.0556, 0.2450]),
    (Band::B9, [0.0159, 0.0318, 0.0424, 0.2650]),
];

/// UNVERIFIED: sources give 0.006822 (most) and 0.006882 (fits the published maximum radiance); the
/// difference is 0.4-0.5 K. Only used when a granule carries no `INCL10`; `--coefficients 10=...` overrides.
pub const UCC_BAND_10: f64 = 0.006822;

/// TIR has one gain.
const UCC_TIR: &[(Band, f64)] = &[
    (Band::B10, UCC_BAND_10),
    (Band::B11, 0.006780),
    (Band::B12, 0.006590),
    (Band::B13, 0.005693),
    (Band::B14, 0.005225),
];

/// The table's coefficient of a band at a gain; TIR bands ignore the gain.
///
/// # Errors
/// `MISSING_METADATA` when a VNIR or SWIR band has no gain, `UNSUPPORTED` for a gain the band does not have.
pub fn table_conversion(band: Band, gain: Option<Gain>) -> Result<UnitConversion> {
    let of = |ucc: f64, source| UnitConversion { ucc, offset: -ucc, source };
    if let Some(&(_, ucc)) = UCC_TIR.iter().find(|(b, _)| *b == band) {
        return Ok(of(ucc, CoefficientSource::FixedTable));
    }
    let Some((_, row)) = UCC.iter().find(|(b, _)| *b == band) else {
        return Err(Error::new(ErrorCode::Unsupported, format!("{} has no radiance", band.variable())));
    };
    let Some(gain) = gain else {
        return Err(Error::new(
            ErrorCode::MissingMetadata,
            format!("band {band} has neither INCL{band}/OFFSET{band} nor a GAIN in its metadata"),
        )
        .hint(format!("state it: --gains {band}=NOR (or HGH, LO1, LO2), or the coefficient itself: --coefficients {band}=UCC")));
    };
    let ucc = match gain {
        Gain::High => row[0],
        Gain::Normal => row[1],
        Gain::Low1 => row[2],
        Gain::Low2 => row[3],
        Gain::Off => f64::NAN,
    };
    if ucc.is_nan() {
        return Err(Error::new(
            ErrorCode::Unsupported,
            format!("band {band} has no coefficient for gain {gain}"),
        ));
    }
    Ok(of(ucc, CoefficientSource::GainTable))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gain_is_never_assumed() {
        assert_eq!(table_conversion(Band::B1, None).unwrap_err().code(), ErrorCode::MissingMetadata);
        assert_eq!(table_conversion(Band::B1, Some(Gain::Low2)).unwrap_err().code(), ErrorCode::Unsupported);
        assert_eq!(table_conversion(Band::B4, Some(Gain::Off)).unwrap_err().code(), ErrorCode::Unsupported);
        assert_eq!(table_conversion(Band::B13, None).unwrap().ucc, 0.005693);
    }

    #[test]
    fn published_values() {
        let ucc = |b, g: &str| table_conversion(b, Some(g.parse().unwrap())).unwrap().ucc;
        assert_eq!(ucc(Band::B2, "LOW"), 1.89);
        assert_eq!(ucc(Band::B3N, "LO1"), 1.15);
        assert_eq!(ucc(Band::B4, "NOR"), 0.2174);
        assert_eq!(ucc(Band::B9, "NOR"), 0.0318);
    }
}
