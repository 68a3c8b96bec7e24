//! Top-of-atmosphere reflectance: `rho = pi L d^2 / (ESUN sin(elevation))`.
use crate::error::{Error, ErrorCode, Result};
use crate::product::band::Band;
use jiff::{Timestamp, tz::TimeZone};
use std::f64::consts::PI;
use std::fmt;
use std::str::FromStr;

/// A published set of band-averaged solar irradiances; they differ by up to 11 % in the SWIR.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum SolarIrradiance {
    /// Thome et al., MODTRAN based; what LP DAAC's own script uses.
    #[default]
    ThomeB,
    /// Thome et al., the other column (label UNVERIFIED).
    ThomeA,
    /// Smith.
    Smith,
}

impl SolarIrradiance {
    /// All sets.
    pub const ALL: [Self; 3] = [Self::ThomeB, Self::ThomeA, Self::Smith];
    /// Name in requests and outputs.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::ThomeB => "thome_b",
            Self::ThomeA => "thome_a",
            Self::Smith => "smith",
        }
    }
    /// Irradiance of bands 1, 2, 3N, 4 ... 9 at one astronomical unit, W m-2 um-1.
    fn row(self) -> [f64; 9] {
        match self {
            Self::ThomeB => [1848.0, 1549.0, 1114.0, 225.4, 86.63, 81.85, 74.85, 66.49, 59.85],
            Self::ThomeA => [1847.0, 1553.0, 1118.0, 232.5, 80.32, 74.92, 69.20, 59.82, 57.32],
            Self::Smith => [1845.99, 1555.74, 1119.47, 231.25, 79.81, 74.99, 68.66, 59.74, 56.92],
        }
    }
    /// Irradiance of a band, W m-2 um-1; none for TIR. Band 3B uses that of 3N.
    pub fn of(self, band: Band) -> Option<f64> {
        let order =
            [Band::B1, Band::B2, Band::B3N, Band::B4, Band::B5, Band::B6, Band::B7, Band::B8, Band::B9];
        let band = if band == Band::B3B { Band::B3N } else { band };
        order.iter().position(|b| *b == band).map(|i| self.row()[i])
    }
}

impl fmt::Display for SolarIrradiance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for SolarIrradiance {
    type Err = Error;
    fn from_str(text: &str) -> Result<Self> {
        Self::ALL.into_iter().find(|s| s.as_str() == text).ok_or_else(|| {
            Error::usage(format!("unknown solar irradiance set {text}"))
                .hint("choose thome_b (default), thome_a or smith")
        })
    }
}

/// Earth-Sun distance in astronomical units: `1 - 0.01672 cos(0.9856 deg (day - 4))`, day of year from 1.
///
/// ```
/// let may_3 = "2004-05-03T00:00:00Z".parse().unwrap(); // day 124 of a leap year
/// let d = aster_core::radiometry::reflectance::earth_sun_distance_au(may_3);
/// assert!((d - 1.00792).abs() < 5e-6);
/// ```
pub fn earth_sun_distance_au(time: Timestamp) -> f64 {
    let day = f64::from(time.to_zoned(TimeZone::UTC).day_of_year());
    1.0 - 0.01672 * (0.9856 * (day - 4.0)).to_radians().cos()
}

/// Factor from radiance (W m-2 sr-1 um-1) to reflectance (1) of a band in a scene.
///
/// # Errors
/// `UNSUPPORTED` for TIR bands, `NO_DATA` when the sun is not above the horizon.
pub fn reflectance_factor(
    band: Band,
    set: SolarIrradiance,
    time: Timestamp,
    solar_elevation_deg: f64,
) -> Result<f64> {
    let esun = set.of(band).ok_or_else(|| {
        Error::new(ErrorCode::Unsupported, format!("band {band} has no reflectance"))
            .hint("TIR bands have --calibration radiance or temperature")
    })?;
    if solar_elevation_deg <= 0.0 || !solar_elevation_deg.is_finite() {
        return Err(Error::new(
            ErrorCode::NoData,
            format!("the sun stands at {solar_elevation_deg} degrees: a night scene has no reflectance"),
        ));
    }
    let d = earth_sun_distance_au(time);
    Ok(PI * d * d / (esun * solar_elevation_deg.to_radians().sin()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::radiometry::gain::{Gain, table_conversion};

    /// Published vector: band 1, normal gain, DN 100, sun 60 degrees high, day 124.
    #[test]
    fn the_three_sets_agree_with_the_worked_example() {
        let time: Timestamp = "2004-05-03T10:00:00Z".parse().unwrap();
        let c = table_conversion(Band::B1, Some(Gain::Normal)).unwrap();
        let radiance = c.ucc * 100.0 + c.offset;
        assert!((radiance - 167.112).abs() < 1e-9);
        let rho = |set| radiance * reflectance_factor(Band::B1, set, time, 60.0).unwrap();
        assert!((rho(SolarIrradiance::ThomeB) - 0.33325).abs() < 5e-6);
        assert!((rho(SolarIrradiance::ThomeA) - 0.33344).abs() < 1e-5);
        assert!((rho(SolarIrradiance::Smith) - 0.33362).abs() < 5e-6);
    }

    #[test]
    fn night_and_thermal_have_none() {
        let time: Timestamp = "2004-05-03T10:00:00Z".parse().unwrap();
        let night = reflectance_factor(Band::B1, SolarIrradiance::ThomeB, time, -5.0).unwrap_err();
        assert_eq!(night.code(), ErrorCode::NoData);
        assert!(reflectance_factor(Band::B10, SolarIrradiance::ThomeB, time, 45.0).is_err());
    }
}
