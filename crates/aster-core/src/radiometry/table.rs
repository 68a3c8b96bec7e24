//! One table per band and scene turns DN into a physical quantity inside the sampler.
use crate::error::{Error, Result};
use crate::product::band::Band;
use crate::radiometry::brightness::Planck;
use std::fmt;
use std::str::FromStr;

/// Physical quantity of a band variable.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Quantity {
    /// Digital numbers as stored.
    Dn,
    /// At-sensor spectral radiance, W m-2 sr-1 um-1.
    Radiance,
    /// Top-of-atmosphere reflectance, 1.
    Reflectance,
    /// Brightness temperature, K.
    Temperature,
    /// A level-2 product's own quantity (surface reflectance, kelvin, metres), scaled.
    Scaled,
}

impl Quantity {
    /// Name in requests.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Dn => "dn",
            Self::Radiance => "radiance",
            Self::Reflectance => "reflectance",
            Self::Temperature => "temperature",
            Self::Scaled => "scaled",
        }
    }
}

impl fmt::Display for Quantity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Quantity {
    type Err = Error;
    fn from_str(text: &str) -> Result<Self> {
        [Self::Dn, Self::Radiance, Self::Reflectance, Self::Temperature, Self::Scaled]
            .into_iter()
            .find(|q| q.as_str() == text)
            .ok_or_else(|| {
                Error::usage(format!("unknown calibration {text}"))
                    .hint("choose dn, radiance, reflectance or temperature")
            })
    }
}

/// `value = scale x DN + offset`, then the Planck inversion when `planck` is set.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Calibration {
    /// Per DN.
    pub scale: f64,
    /// At DN 0.
    pub offset: f64,
    /// Radiance to brightness temperature.
    pub planck: Option<Planck>,
    /// DN that is missing.
    pub fill: Option<i32>,
    /// DN at and above which the detector was saturated.
    pub saturation: Option<i32>,
    /// Saturated pixels become missing instead of the top value.
    pub mask_saturated: bool,
}

impl Calibration {
    /// The linear part of the quantity; NaN for missing DN.
    #[inline]
    fn linear(&self, dn: i32) -> f64 {
        let missing =
            Some(dn) == self.fill || (self.mask_saturated && self.saturation.is_some_and(|s| dn >= s));
        if missing { f64::NAN } else { f64::from(dn).mul_add(self.scale, self.offset) }
    }
    /// The physical value of one DN: the slow obvious definition.
    pub fn value(&self, dn: i32) -> f64 {
        self.finish(self.linear(dn))
    }
    /// From the interpolated linear quantity to the final one.
    #[inline]
    pub fn finish(&self, linear: f64) -> f64 {
        self.planck.map_or(linear, |p| p.temperature_k(linear))
    }
    /// Table of final values for `entries` DN (256 for 8 bits, 65536 for 16; signed DN index as unsigned).
    pub fn table(&self, entries: usize, signed: bool) -> Vec<f32> {
        (0..entries).map(|i| self.value(dn_of(i, signed)) as f32).collect()
    }
    /// Table of the linear quantity only: what interpolation may average.
    pub fn linear_table(&self, entries: usize, signed: bool) -> Vec<f32> {
        (0..entries).map(|i| self.linear(dn_of(i, signed)) as f32).collect()
    }
}

/// DN of a table index.
fn dn_of(index: usize, signed: bool) -> i32 {
    let index = index as i32;
    if signed && index >= 32_768 { index - 65_536 } else { index }
}

/// Scale factors of level-2 products: `value = scale x DN`. Units as CF writes them.
///
/// Sources: product pages, docs/science.md. AST_09 radiance scales with the scene's own coefficient.
pub fn level2_scale(product: &str, band: Band) -> Option<(f64, &'static str)> {
    match (product, band) {
        ("AST14DEM", Band::Elevation) => Some((1.0, "m")),
        ("AST_08", Band::KineticTemperature) => Some((0.1, "K")),
        ("AST_07" | "AST_07XT", _) => Some((0.001, "1")),
        ("AST_05", _) => Some((0.001, "1")),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn plain() -> Calibration {
        Calibration {
            scale: 0.676,
            offset: -0.676,
            planck: None,
            fill: Some(0),
            saturation: Some(255),
            mask_saturated: false,
        }
    }

    #[test]
    fn zero_is_missing_and_one_is_zero_radiance() {
        let t = plain().table(256, false);
        assert!(t[0].is_nan());
        assert!(t[1].abs() < 1e-6);
        assert!((t[255] - 171.704).abs() < 1e-3);
        let masked = Calibration { mask_saturated: true, ..plain() }.table(256, false);
        assert!(masked[255].is_nan() && !masked[254].is_nan());
    }

    proptest! {
        #[test]
        fn signed_tables_follow_the_sign(dn in i16::MIN..i16::MAX) {
            let c = Calibration { scale: 0.001, offset: 0.0, fill: Some(-9999), ..plain() };
            let c = Calibration { saturation: None, ..c };
            let t = c.table(65_536, true);
            let v = t[dn as u16 as usize];
            if dn == -9999 { prop_assert!(v.is_nan()) } else { prop_assert!((v - f32::from(dn) * 0.001).abs() < 1e-5) }
        }
    }
}
