//! What is wanted: a plain value that is sent, printed, embedded in outputs and run again.
use crate::geo::bbox::Area;
use crate::geo::polygon::MultiPolygon;
use crate::grid::clip::ClipRule;
use serde::{Deserialize, Serialize};
use std::path::PathBuf;

/// Version of the request's JSON.
pub const REQUEST_SCHEMA: u32 = 1;

/// A gain stated by the user, for granules that carry none.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct GainOverride {
    /// Band name, `3N`.
    pub band: String,
    /// `HGH`, `NOR`, `LO1`, `LO2`.
    pub gain: String,
}

/// A coefficient stated by the user; it wins over everything.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct CoefficientOverride {
    /// Band name, `10`.
    pub band: String,
    /// W m-2 sr-1 um-1 per DN.
    pub ucc: f64,
    /// Radiance at DN 0; `-ucc` if left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub offset: Option<f64>,
}

/// Pixels outside a polygon become missing.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ClipRequest {
    /// GeoJSON, longitude and latitude in degrees.
    pub polygon: MultiPolygon,
    /// When a pixel is inside.
    #[serde(default)]
    pub rule: ClipRule,
    /// Another polygon, such as a tile: of the pixels inside only those whose centre is in it, whatever the rule.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub within: Option<MultiPolygon>,
}

/// Where the result goes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct CubeOutput {
    /// `netcdf`, `zarr`, `cog`, `geotiff`, `csv`, `memory` or `statistics`.
    pub format: String,
    /// File or folder, for the formats that have one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path: Option<PathBuf>,
    /// Replace what is there.
    #[serde(default)]
    pub overwrite: bool,
    /// PNG picture of the stack.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub quicklook: Option<PathBuf>,
    /// Deflate level, 0 to 9.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub compression_level: Option<u8>,
    /// `int16`: physical values as whole numbers with scale and offset.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pack: Option<String>,
    /// Mantissa bits kept of physical values, 1 to 23.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub round_bits: Option<u8>,
    /// What chunks serve: `map` (default) or `time`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub chunk_for: Option<String>,
    /// File for what is complete, until the output is: an interrupted run of the same request goes on from it. For the
    /// formats that do not go on by themselves.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub checkpoints: Option<PathBuf>,
}

/// A request for a cube.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct CubeRequest {
    /// [`REQUEST_SCHEMA`].
    pub schema: u32,
    /// Files or folders, one per granule.
    pub granules: Vec<PathBuf>,
    /// Area wanted; the granules' extent if left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub area: Option<Area>,
    /// Least x and y, greatest x and y of the grid, units of `crs`: instead of the area. Pixels are in it
    /// whose centre is; a centre on the greatest x or y is not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub extent: Option<[f64; 4]>,
    /// Polygon wanted; its bounds are the area if none is stated.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub clip: Option<ClipRequest>,
    /// Product wanted; granules of another are left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub product: Option<String>,
    /// Telescopes; their bands if neither bands nor indices are named.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub subsystems: Vec<String>,
    /// Bands to write.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub bands: Vec<String>,
    /// Indices to write.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub indices: Vec<String>,
    /// `dn`, `radiance`, `reflectance` or `temperature`, for the bands written.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub calibration: Option<String>,
    /// Target CRS; the UTM zone of the area's centre if left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub crs: Option<String>,
    /// Pixel size in units of the CRS; the finest native one if left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resolution: Option<f64>,
    /// What lies on multiples of the pixel size: `centre` or `corner`; as most scenes of that CRS if left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lattice: Option<String>,
    /// `nearest`, `bilinear`, `cubic`, `average` or (DN only) `mode`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resampling: Option<String>,
    /// `thome_b`, `thome_a` or `smith`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub solar_irradiance: Option<String>,
    /// Gains for granules that carry none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub gains: Vec<GainOverride>,
    /// Coefficients that win over the granules' own.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub coefficients: Vec<CoefficientOverride>,
    /// Use SWIR acquired after its detectors failed.
    #[serde(default)]
    pub allow_bad_swir: bool,
    /// Saturated DN become missing.
    #[serde(default)]
    pub mask_saturated: bool,
    /// Scenes laid on one another as one look: `scene` (none, default), `acquisition` or `solar-day`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub group_by: Option<String>,
    /// Statistics along time instead of the looks themselves, such as `median`, `p90`, `count`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub reduce: Vec<String>,
    /// Periods to reduce over: `D`, `W`, `MS`, `ME`, `QE`, `YE` or `season`; all of time if left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resample: Option<String>,
    /// Where the result goes.
    pub output: CubeOutput,
    /// Threads; all that the machine or the scheduler grants if left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub n_workers: Option<u32>,
    /// Memory allowed, bytes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_memory_bytes: Option<u64>,
    /// Stop at the first bad granule.
    #[serde(default)]
    pub strict: bool,
    /// What was typed, for the file's history.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub history: Option<String>,
}

impl CubeOutput {
    /// Arrays in memory.
    pub fn memory() -> Self {
        Self {
            format: "memory".to_string(),
            path: None,
            overwrite: false,
            quicklook: None,
            compression_level: None,
            pack: None,
            round_bits: None,
            chunk_for: None,
            checkpoints: None,
        }
    }
}

impl CubeRequest {
    /// A request with every default: no granule, nothing stated.
    pub fn of(output: CubeOutput) -> Self {
        Self {
            schema: REQUEST_SCHEMA,
            granules: Vec::new(),
            area: None,
            extent: None,
            clip: None,
            product: None,
            subsystems: Vec::new(),
            bands: Vec::new(),
            indices: Vec::new(),
            calibration: None,
            crs: None,
            resolution: None,
            lattice: None,
            resampling: None,
            solar_irradiance: None,
            gains: Vec::new(),
            coefficients: Vec::new(),
            allow_bad_swir: false,
            mask_saturated: false,
            group_by: None,
            reduce: Vec::new(),
            resample: None,
            output,
            n_workers: None,
            max_memory_bytes: None,
            strict: false,
            history: None,
        }
    }
}
