//! Brightness temperature of the TIR bands: `T = K2 / ln(K1 / L + 1)`.
//!
//! K1 and K2 are single-wavelength Planck constants at the bands' effective wavelengths, not band integrals:
//! expect some tenths of a kelvin of model error. Sources: docs/science.md.
use crate::error::{Error, ErrorCode, Result};
use crate::product::band::Band;

/// Constants of one band.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Planck {
    /// W m-2 sr-1 um-1.
    pub k1: f64,
    /// Kelvin.
    pub k2: f64,
}

const CONSTANTS: &[(Band, Planck)] = &[
    (Band::B10, Planck { k1: 3040.136402, k2: 1735.337945 }),
    (Band::B11, Planck { k1: 2482.375199, k2: 1666.398761 }),
    (Band::B12, Planck { k1: 1935.060183, k2: 1585.420044 }),
    (Band::B13, Planck { k1: 866.468575, k2: 1350.069147 }),
    (Band::B14, Planck { k1: 641.326517, k2: 1271.221673 }),
];

impl Planck {
    /// Constants of a TIR band.
    ///
    /// # Errors
    /// `UNSUPPORTED` for VNIR and SWIR bands.
    pub fn of(band: Band) -> Result<Self> {
        CONSTANTS.iter().find(|(b, _)| *b == band).map(|(_, p)| *p).ok_or_else(|| {
            Error::new(ErrorCode::Unsupported, format!("band {band} has no brightness temperature"))
                .hint("brightness temperature is for bands 10 to 14")
        })
    }
    /// Kelvin from radiance in W m-2 sr-1 um-1; NaN for radiance that is missing or not above zero.
    #[inline]
    pub fn temperature_k(self, radiance: f64) -> f64 {
        if radiance > 0.0 { self.k2 / (self.k1 / radiance).ln_1p() } else { f64::NAN }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::radiometry::gain::table_conversion;

    /// Published vectors at DN 2000.
    #[test]
    fn dn_2000() {
        for (band, kelvin) in [
            (Band::B10, 320.686),
            (Band::B11, 319.491),
            (Band::B12, 317.308),
            (Band::B13, 310.676),
            (Band::B14, 307.534),
        ] {
            let c = table_conversion(band, None).unwrap();
            let t = Planck::of(band).unwrap().temperature_k(c.ucc * 2000.0 + c.offset);
            assert!((t - kelvin).abs() < 5e-4, "band {band}: {t}");
        }
        assert!(Planck::of(Band::B14).unwrap().temperature_k(0.0).is_nan());
        assert!(Planck::of(Band::B3N).is_err());
    }
}
