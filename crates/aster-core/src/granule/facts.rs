//! What the headers of a granule say, the same for every form.
use crate::granule::dn::DnType;
use crate::grid::geobox::GeoBox;
use crate::product::band::Band;
use crate::product::granule_name::GranuleName;
use crate::radiometry::gain::{Gain, UnitConversion};
use jiff::Timestamp;
use std::path::PathBuf;

/// How a granule is stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GranuleForm {
    /// One `.hdf` file, HDF-EOS2 swaths in HDF4.
    HdfEos2,
    /// A folder with one Cloud-Optimised GeoTIFF per band (version 004).
    BandCogs,
    /// One GeoTIFF per telescope, a plane per band (Planetary Computer, AWS).
    MultiBandCog,
    /// One GeoTIFF with one layer (AST14DEM).
    SingleGeotiff,
}

impl GranuleForm {
    /// Name as printed.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::HdfEos2 => "hdf-eos2",
            Self::BandCogs => "band-cogs",
            Self::MultiBandCog => "multi-band-cog",
            Self::SingleGeotiff => "single-geotiff",
        }
    }
}

/// Sun at the scene's centre.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SolarDirection {
    /// Degrees from north, clockwise.
    pub azimuth_deg: f64,
    /// Degrees above the horizon.
    pub elevation_deg: f64,
}

/// One band of a granule.
#[derive(Debug, Clone, PartialEq)]
pub struct BandFacts {
    /// Which.
    pub band: Band,
    /// Grid, with all six coefficients.
    pub geobox: GeoBox,
    /// Stored type.
    pub dn_type: DnType,
    /// Number that stands for "no data", if the form has one.
    pub fill: Option<i32>,
    /// Gain setting, if the metadata name one.
    pub gain: Option<Gain>,
    /// From DN to radiance, if the granule itself says how.
    pub conversion: Option<UnitConversion>,
    /// How it is stored, for people.
    pub storage: String,
    /// What reading a part of it allocates.
    pub read_cost: ReadCost,
}

/// Memory that a read allocates; planning adds it up before anything is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReadCost {
    /// No buffer: plain 8-bit data are borrowed from the mapped file, whose pages are resident while in use.
    Borrowed,
    /// The window.
    Window,
    /// The window, and the rows it touches as they were fetched.
    Fetched,
    /// The window, and the band once more: one compressed stream is decoded from its start.
    WholeBand,
}

/// A granule's headers.
#[derive(Debug, Clone, PartialEq)]
pub struct GranuleFacts {
    /// File or folder.
    pub path: PathBuf,
    /// How it is stored.
    pub form: GranuleForm,
    /// Product, version and stamps, from the name or, failing that, the metadata.
    pub name: GranuleName,
    /// Acquisition.
    pub time: Timestamp,
    /// Sun, absent in many night scenes.
    pub solar: Option<SolarDirection>,
    /// Scene cloud cover, percent.
    pub cloud_cover_percent: Option<f64>,
    /// `day` or `night`, when the metadata say so.
    pub day_night: Option<String>,
    /// Version of the radiometric calibration coefficients.
    pub radiometric_db_version: Option<String>,
    /// Version of the geometric coefficients.
    pub geometric_db_version: Option<String>,
    /// Telescopes' states, as recorded.
    pub observation_modes: Vec<String>,
    /// Bands present, in ASTER's order.
    pub bands: Vec<BandFacts>,
    /// Every file that belongs to it.
    pub files: Vec<PathBuf>,
    /// Bytes of those files.
    pub bytes: u64,
    /// What a careful user should know.
    pub warnings: Vec<String>,
}

impl GranuleFacts {
    /// Facts of one band.
    pub fn band(&self, band: Band) -> Option<&BandFacts> {
        self.bands.iter().find(|b| b.band == band)
    }
}
