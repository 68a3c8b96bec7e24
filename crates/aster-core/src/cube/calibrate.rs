//! The calibration of one band of one scene: the user's word, the file's, the gain table's, or an error; never a guess.
use crate::cube::wanted::{Input, Wanted};
use crate::error::{Error, ErrorCode, Result};
use crate::granule::facts::{BandFacts, GranuleFacts};
use crate::product::band::Band;
use crate::radiometry::brightness::Planck;
use crate::radiometry::gain::{CoefficientSource, Gain, UnitConversion, table_conversion};
use crate::radiometry::reflectance::reflectance_factor;
use crate::radiometry::table::{Calibration, Quantity, level2_scale};

/// The unit conversion in force, and the gain it belongs to.
pub fn conversion(band: &BandFacts, wanted: &Wanted) -> Result<UnitConversion> {
    if let Some(&(_, ucc, offset)) = wanted.coefficients.iter().find(|(b, _, _)| *b == band.band) {
        return Ok(UnitConversion { ucc, offset, source: CoefficientSource::Override });
    }
    if let Some(conversion) = band.conversion {
        return Ok(conversion);
    }
    table_conversion(band.band, gain(band, wanted))
}

/// The conversion that applies to a band of a radiance product when the user states none; nothing for other
/// products and for granules that carry neither coefficients nor gains.
pub fn own_conversion(facts: &GranuleFacts, band: &BandFacts) -> Option<UnitConversion> {
    let of_table = || table_conversion(band.band, band.gain).ok();
    is_level1(&facts.name.product).then(|| band.conversion.or_else(of_table)).flatten()
}

/// The granule's gain; the user's where the granule carries none.
pub fn gain(band: &BandFacts, wanted: &Wanted) -> Option<Gain> {
    band.gain.or_else(|| wanted.gains.iter().find(|(b, _)| *b == band.band).map(|(_, g)| *g))
}

/// How the DN of `band` become `input`'s quantity.
///
/// # Errors
/// `MISSING_METADATA` naming what is missing, `NO_DATA` for reflectance at night, `UNSUPPORTED` for
/// quantities a band or product does not have.
pub fn calibration(
    facts: &GranuleFacts,
    band: &BandFacts,
    input: Input,
    wanted: &Wanted,
    mask_saturated: bool,
) -> Result<Calibration> {
    let level1 = is_level1(&facts.name.product);
    let saturation = band.band.fact().filter(|_| level1).map(|f| i32::from(f.saturation_dn()));
    let linear = |scale: f64, offset: f64| Calibration {
        scale,
        offset,
        planck: None,
        fill: band.fill,
        saturation,
        mask_saturated,
    };
    match input.quantity {
        Quantity::Dn => Ok(linear(1.0, 0.0)),
        Quantity::Scaled => scaled(facts, band, wanted).map(|scale| linear(scale, 0.0)),
        _ if facts.name.product == "AST_L1A" => Err(Error::new(
            ErrorCode::Unsupported,
            "AST_L1A is uncalibrated: its detectors need the correction table first",
        )
        .hint("use AST_L1T or AST_L1B, or --calibration dn")),
        _ if !level1 => Err(Error::new(
            ErrorCode::Unsupported,
            format!("{} is a derived product: it has no at-sensor {}", facts.name.product, input.quantity),
        )
        .hint(format!("state it: --product {}", facts.name.product))),
        Quantity::Radiance => conversion(band, wanted).map(|c| linear(c.ucc, c.offset)),
        Quantity::Temperature => {
            let c = conversion(band, wanted)?;
            Ok(Calibration { planck: Some(Planck::of(band.band)?), ..linear(c.ucc, c.offset) })
        }
        Quantity::Reflectance => {
            let c = conversion(band, wanted)?;
            let sun = facts.solar.ok_or_else(|| {
                Error::new(
                    ErrorCode::MissingMetadata,
                    "the granule does not say where the sun stood (SOLARDIRECTION)",
                )
                .hint("put its metadata record beside it; bands alone can be had with --calibration radiance")
            })?;
            let k = reflectance_factor(band.band, wanted.irradiance, facts.time, sun.elevation_deg)?;
            Ok(linear(c.ucc * k, c.offset * k))
        }
    }
}

fn is_level1(product: &str) -> bool {
    product.starts_with("AST_L1") || product == "AST14OTH"
}

fn scaled(facts: &GranuleFacts, band: &BandFacts, wanted: &Wanted) -> Result<f64> {
    if let Some((scale, _)) = level2_scale(&facts.name.product, band.band) {
        return Ok(scale);
    }
    if facts.name.product.starts_with("AST_09") {
        return conversion(band, wanted).map(|c| c.ucc);
    }
    Err(Error::new(
        ErrorCode::Unsupported,
        format!("{} has no scale factor for {}", facts.name.product, band.band),
    ))
}

/// Units of a band in a quantity, as CF writes them.
pub fn units(quantity: Quantity, product: Option<&str>, band: Band) -> &'static str {
    match quantity {
        Quantity::Dn | Quantity::Reflectance => "1",
        Quantity::Radiance => "W m-2 sr-1 um-1",
        Quantity::Temperature => "K",
        Quantity::Scaled => match (product, band) {
            (_, Band::KineticTemperature) => "K",
            (_, Band::Elevation) => "m",
            (Some(p), _) if p.starts_with("AST_09") => "W m-2 sr-1 um-1",
            _ => "1",
        },
    }
}
