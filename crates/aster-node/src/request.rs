//! The request as JavaScript writes it.
use crate::granule_info::Area;
use aster_core::cube::request as core;
use aster_core::error::{Error, Result};
use aster_core::geo::polygon::MultiPolygon;
use napi_derive::napi;

#[napi(object)]
#[derive(Clone)]
pub struct GainOverride {
    pub band: String,
    /// 'HGH' | 'NOR' | 'LO1' | 'LO2'
    pub gain: String,
}

#[napi(object)]
#[derive(Clone)]
pub struct CoefficientOverride {
    pub band: String,
    /// W m-2 sr-1 um-1 per DN.
    pub ucc: f64,
    /// Radiance at DN 0; -ucc if left out.
    pub offset: Option<f64>,
}

#[napi(object)]
pub struct CubeOutput {
    /// 'netcdf' | 'zarr' | 'cog' | 'geotiff' | 'csv' | 'memory' | 'statistics'
    pub format: String,
    pub path: Option<String>,
    pub overwrite: Option<bool>,
    /// PNG picture of the stack, written beside it.
    pub quicklook: Option<String>,
    /// 0-9; default 1.
    pub compression_level: Option<u32>,
    /// 'int16': physical values as whole numbers with scale and offset.
    pub pack: Option<String>,
    /// Mantissa bits kept of physical values, 1-23.
    pub round_bits: Option<u32>,
    /// 'map' | 'time'
    pub chunk_for: Option<String>,
    /// File for what is complete, until the output is: an interrupted run of the same request goes on from it. Zarr stores
    /// and GeoTIFF folders of scenes go on by themselves.
    pub checkpoints: Option<String>,
}

/// Pixels outside a polygon become missing.
#[napi(object)]
pub struct ClipRequest {
    /// GeoJSON text: Polygon, MultiPolygon, or features of these; longitude and latitude in degrees.
    pub polygon: String,
    /// 'centre' | 'touch'
    pub rule: Option<String>,
    /// GeoJSON text of another polygon, such as a tile: of the pixels inside only those whose centre is in it.
    pub within: Option<String>,
}

/// A request is a value: what dry runs print, outputs embed and plans repeat.
#[napi(object)]
pub struct CubeRequest {
    pub schema: u32,
    /// Files or folders, one per granule.
    pub granules: Vec<String>,
    pub area: Option<Area>,
    /// Least x and y, greatest x and y of the grid, instead of the area: units of `crs`, pixels by centre.
    pub extent: Option<Vec<f64>>,
    pub clip: Option<ClipRequest>,
    pub product: Option<String>,
    pub subsystems: Option<Vec<String>>,
    pub bands: Option<Vec<String>>,
    pub indices: Option<Vec<String>>,
    /// 'dn' | 'radiance' | 'reflectance' | 'temperature'
    pub calibration: Option<String>,
    pub crs: Option<String>,
    /// In units of the CRS (metres for projected ones).
    pub resolution: Option<f64>,
    /// What lies on multiples of the pixel size: 'centre' | 'corner'
    pub lattice: Option<String>,
    /// 'nearest' | 'bilinear' | 'cubic' | 'average' | 'mode'
    pub resampling: Option<String>,
    /// 'thome_b' | 'thome_a' | 'smith'
    pub solar_irradiance: Option<String>,
    pub gains: Option<Vec<GainOverride>>,
    pub coefficients: Option<Vec<CoefficientOverride>>,
    pub allow_bad_swir: Option<bool>,
    pub mask_saturated: Option<bool>,
    /// 'scene' | 'acquisition' | 'solar-day'
    pub group_by: Option<String>,
    /// Statistics along time: 'mean', 'median', 'min', 'max', 'first', 'last', 'count', 'std', 'p90', 'medoid'.
    pub reduce: Option<Vec<String>>,
    /// 'D' | 'W' | 'MS' | 'ME' | 'QE' | 'YE' | 'season'
    pub resample: Option<String>,
    pub output: CubeOutput,
    pub n_workers: Option<u32>,
    pub max_memory_bytes: Option<f64>,
    /// Stop at the first bad granule.
    pub strict: Option<bool>,
    /// Command line or caller, for the file's history.
    pub history: Option<String>,
}

impl From<GainOverride> for core::GainOverride {
    fn from(GainOverride { band, gain }: GainOverride) -> Self {
        Self { band, gain }
    }
}

impl From<CoefficientOverride> for core::CoefficientOverride {
    fn from(CoefficientOverride { band, ucc, offset }: CoefficientOverride) -> Self {
        Self { band, ucc, offset }
    }
}

impl From<CubeOutput> for core::CubeOutput {
    fn from(output: CubeOutput) -> Self {
        let CubeOutput {
            format,
            path,
            overwrite,
            quicklook,
            compression_level,
            pack,
            round_bits,
            chunk_for,
            checkpoints,
        } = output;
        let small = |n: u32| u8::try_from(n).unwrap_or(u8::MAX);
        Self {
            format,
            path: path.map(Into::into),
            overwrite: overwrite.unwrap_or_default(),
            quicklook: quicklook.map(Into::into),
            compression_level: compression_level.map(small),
            pack,
            round_bits: round_bits.map(small),
            chunk_for,
            checkpoints: checkpoints.map(Into::into),
        }
    }
}

impl TryFrom<ClipRequest> for core::ClipRequest {
    type Error = Error;
    fn try_from(ClipRequest { polygon, rule, within }: ClipRequest) -> Result<Self> {
        let rule = rule.map(|r| r.parse()).transpose()?.unwrap_or_default();
        let within = within.map(|text| MultiPolygon::from_geojson(&text)).transpose()?;
        Ok(Self { polygon: MultiPolygon::from_geojson(&polygon)?, rule, within })
    }
}

fn four_numbers(list: Vec<f64>) -> Result<[f64; 4]> {
    let count = list.len();
    list.try_into().map_err(|_| Error::usage(format!("an extent has four numbers, got {count}")))
}

impl TryFrom<CubeRequest> for core::CubeRequest {
    type Error = Error;
    fn try_from(request: CubeRequest) -> Result<Self> {
        let CubeRequest {
            schema,
            granules,
            area,
            extent,
            clip,
            product,
            subsystems,
            bands,
            indices,
            calibration,
            crs,
            resolution,
            lattice,
            resampling,
            solar_irradiance,
            gains,
            coefficients,
            allow_bad_swir,
            mask_saturated,
            group_by,
            reduce,
            resample,
            output,
            n_workers,
            max_memory_bytes,
            strict,
            history,
        } = request;
        Ok(Self {
            schema,
            granules: granules.into_iter().map(Into::into).collect(),
            area: area.map(Into::into),
            extent: extent.map(four_numbers).transpose()?,
            clip: clip.map(TryInto::try_into).transpose()?,
            product,
            subsystems: subsystems.unwrap_or_default(),
            bands: bands.unwrap_or_default(),
            indices: indices.unwrap_or_default(),
            calibration,
            crs,
            resolution,
            lattice,
            resampling,
            solar_irradiance,
            gains: gains.unwrap_or_default().into_iter().map(Into::into).collect(),
            coefficients: coefficients.unwrap_or_default().into_iter().map(Into::into).collect(),
            allow_bad_swir: allow_bad_swir.unwrap_or_default(),
            mask_saturated: mask_saturated.unwrap_or_default(),
            group_by,
            reduce: reduce.unwrap_or_default(),
            resample,
            output: output.into(),
            n_workers,
            max_memory_bytes: max_memory_bytes.map(|b| b as u64),
            strict: strict.unwrap_or_default(),
            history,
        })
    }
}
