//! Facts that live in Rust and are asked for by TypeScript.
use aster_core::ErrorCode;
use aster_core::grid::lattice::Lattice;
use aster_core::index::spectral_index::INDICES;
use aster_core::near_names::nearest_names;
use aster_core::product::band::{BANDS, Band};
use aster_core::product::catalogue::PRODUCTS;
use napi_derive::napi;

#[napi(object, object_from_js = false)]
pub struct ErrorCodeInfo {
    pub code: String,
    pub exit_code: u32,
    pub retryable: bool,
    pub meaning: String,
}

#[napi(object, object_from_js = false)]
pub struct BuildInfo {
    pub version: String,
    pub target: String,
    pub hdf5: String,
    pub gdal: Option<String>,
}

#[napi(object, object_from_js = false)]
pub struct ProductInfo {
    pub name: String,
    pub title: String,
    pub level: String,
    pub subsystems: Vec<String>,
    pub bands: Vec<String>,
    pub pixel_sizes_m: Vec<f64>,
    pub units: String,
    pub forms: String,
    pub note: Option<String>,
}

#[napi(object, object_from_js = false)]
pub struct BandInfo {
    pub name: String,
    pub variable: String,
    pub subsystem: String,
    pub wavelength_min_um: f64,
    pub wavelength_max_um: f64,
    pub wavelength_um: f64,
    pub pixel_size_m: f64,
    pub bits: u32,
    pub saturation_dn: u32,
}

#[napi(object, object_from_js = false)]
pub struct IndexInfo {
    pub name: String,
    pub title: String,
    pub formula: String,
    pub bands: Vec<String>,
    pub computed_from: String,
    pub citation: String,
}

/// Versions of the addon and of what is linked into it.
#[napi]
pub fn build_info() -> BuildInfo {
    BuildInfo {
        version: env!("CARGO_PKG_VERSION").to_string(),
        target: env!("ASTER_TARGET").to_string(),
        hdf5: aster_core::write::netcdf::hdf5_version(),
        gdal: aster_core::geo::crs::gdal_version(),
    }
}

/// Every error code, its exit status and meaning.
#[napi]
pub fn error_codes() -> Vec<ErrorCodeInfo> {
    let info = |c: &ErrorCode| ErrorCodeInfo {
        code: c.as_str().to_string(),
        exit_code: u32::from(c.exit_code()),
        retryable: c.retryable(),
        meaning: c.meaning().to_string(),
    };
    ErrorCode::ALL.iter().map(info).collect()
}

#[napi]
pub fn products() -> Vec<ProductInfo> {
    let info = |p: &aster_core::product::catalogue::Product| {
        let bands: Vec<String> = match p.name {
            "AST_08" => vec![Band::KineticTemperature.name().to_string()],
            "AST14DEM" => vec![Band::Elevation.name().to_string()],
            _ => p.subsystems.iter().flat_map(|s| Band::of(*s)).map(|b| b.to_string()).collect(),
        };
        ProductInfo {
            name: p.name.to_string(),
            title: p.title.to_string(),
            level: p.level.to_string(),
            subsystems: p.subsystems.iter().map(ToString::to_string).collect(),
            bands,
            pixel_sizes_m: if p.name == "AST14DEM" {
                vec![30.0]
            } else {
                p.subsystems.iter().map(|s| s.pixel_m()).collect()
            },
            units: p.units.to_string(),
            forms: p.forms.to_string(),
            note: Some(p.note).filter(|n| !n.is_empty()).map(str::to_string),
        }
    };
    PRODUCTS.iter().map(info).collect()
}

#[napi]
pub fn bands() -> Vec<BandInfo> {
    let info = |b: &aster_core::product::band::BandFact| BandInfo {
        name: b.name.to_string(),
        variable: b.variable.to_string(),
        subsystem: b.subsystem.to_string(),
        wavelength_min_um: b.min_um,
        wavelength_max_um: b.max_um,
        wavelength_um: b.centre_um,
        pixel_size_m: b.subsystem.pixel_m(),
        bits: u32::from(b.bits),
        saturation_dn: u32::from(b.saturation_dn()),
    };
    BANDS.iter().map(info).collect()
}

#[napi]
pub fn indices() -> Vec<IndexInfo> {
    let info = |i: &aster_core::index::spectral_index::SpectralIndex| IndexInfo {
        name: i.name.to_string(),
        title: i.title.to_string(),
        formula: i.formula.to_string(),
        bands: i.bands.iter().map(ToString::to_string).collect(),
        computed_from: i.input.as_str().to_string(),
        citation: i.citation.to_string(),
    };
    INDICES.iter().map(info).collect()
}

/// The lattice of a version's AST_L1T granules, as a request names it: 'centre' | 'corner'
#[napi]
pub fn lattice_of_version(version: String) -> String {
    Lattice::of_version(&version).as_str().to_string()
}

/// Names near a misspelt one, best first. `kind`: 'product' | 'band' | 'index'
#[napi]
pub fn suggest(kind: String, name: String) -> Vec<String> {
    let names: Vec<&str> = match kind.as_str() {
        "product" => PRODUCTS.iter().map(|p| p.name).collect(),
        "band" => BANDS.iter().flat_map(|b| [b.name, b.variable]).collect(),
        _ => INDICES.iter().map(|i| i.name).collect(),
    };
    nearest_names(&name, names.into_iter()).into_iter().map(str::to_string).collect()
}
