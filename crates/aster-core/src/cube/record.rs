//! What is written about each time step beside its pixels.
use crate::radiometry::gain::UnitConversion;
use jiff::Timestamp;

/// Calibration of one band in one scene.
#[derive(Debug, Clone, PartialEq)]
pub struct BandRecord {
    /// Variable name of the band, `ImageData3N`.
    pub variable: String,
    /// Gain code, empty when unknown.
    pub gain: String,
    /// Unit conversion used; none for scaled products and plain DN.
    pub conversion: Option<UnitConversion>,
    /// Valid source pixels at the top of the DN range, within the area.
    pub saturated_pixels: u64,
}

/// One time step.
#[derive(Debug, Clone, PartialEq)]
pub struct SceneRecord {
    /// Granule id.
    pub id: String,
    /// Product.
    pub product: String,
    /// Product version.
    pub version: String,
    /// Acquisition.
    pub time: Timestamp,
    /// Degrees from north, NaN when unknown.
    pub solar_azimuth_deg: f64,
    /// Degrees above the horizon, NaN when unknown.
    pub solar_elevation_deg: f64,
    /// Percent, NaN when unknown.
    pub cloud_cover_percent: f64,
    /// Earth-Sun distance used for reflectance, astronomical units.
    pub earth_sun_distance_au: f64,
    /// Version of the radiometric coefficients, empty when unknown.
    pub radiometric_db_version: String,
    /// `shift` (pixels copied) or `warp` (pixels resampled).
    pub placement: String,
    /// Bands used.
    pub bands: Vec<BandRecord>,
    /// Pixels with a value, per variable of the layout.
    pub valid_pixels: Vec<u64>,
}
