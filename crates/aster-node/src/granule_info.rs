//! Mirrors of a granule's facts for JavaScript, made field by field without `..`: a new core field is a compile error here.
use aster_core::cube::calibrate::own_conversion;
use aster_core::geo::bbox::Area as CoreArea;
use aster_core::geo::crs::Crs;
use aster_core::granule::facts::{BandFacts, GranuleFacts};
use aster_core::product::subsystem::Subsystem;
use napi_derive::napi;
use std::path::Path;

/// West, south, east, north in degrees, WGS84.
#[napi(object)]
#[derive(Clone, Copy)]
pub struct Area {
    pub west: f64,
    pub south: f64,
    pub east: f64,
    pub north: f64,
}

impl From<CoreArea> for Area {
    fn from(CoreArea { west, south, east, north }: CoreArea) -> Self {
        Self { west, south, east, north }
    }
}
impl From<Area> for CoreArea {
    fn from(Area { west, south, east, north }: Area) -> Self {
        Self { west, south, east, north }
    }
}

#[napi(object)]
pub struct LonLat {
    pub lon: f64,
    pub lat: f64,
}

#[napi(object)]
pub struct BandMetadata {
    pub name: String,
    pub variable: String,
    pub subsystem: String,
    pub rows: u32,
    pub columns: u32,
    pub data_type: String,
    /// GDAL order: x0, dx, rx, y0, ry, dy of the outer corner of the upper-left pixel, metres.
    pub geotransform: Vec<f64>,
    pub gain: Option<String>,
    /// Unit conversion coefficient that applies unless one is stated, W m-2 sr-1 um-1 per DN.
    pub ucc: Option<f64>,
    /// Radiance = ucc x DN + offset.
    pub offset: Option<f64>,
    pub coefficient_source: String,
    pub storage: String,
}

impl BandMetadata {
    fn new(granule: &GranuleFacts, facts: &BandFacts) -> Self {
        let BandFacts { band, geobox, dn_type, fill: _, gain, conversion: _, storage, read_cost: _ } = facts;
        let conversion = own_conversion(granule, facts);
        Self {
            name: band.name().to_string(),
            variable: band.variable().to_string(),
            subsystem: band.subsystem().to_string(),
            rows: side(geobox.shape.ny),
            columns: side(geobox.shape.nx),
            data_type: dn_type.as_str().to_string(),
            geotransform: geobox.transform.to_gdal().to_vec(),
            gain: gain.map(|g| g.to_string()),
            ucc: conversion.map(|c| c.ucc),
            offset: conversion.map(|c| c.offset),
            coefficient_source: conversion.map_or("none", |c| c.source.as_str()).to_string(),
            storage: storage.clone(),
        }
    }
}

/// Everything the headers of a granule say.
#[napi(object)]
pub struct GranuleInfo {
    pub path: String,
    /// 'hdf-eos2' | 'band-cogs' | 'multi-band-cog' | 'single-geotiff'
    pub form: String,
    pub id: String,
    pub product: String,
    pub version: String,
    /// 17 digits: version and acquisition stamp, as in the granule's name.
    pub scene_key: String,
    /// Acquisition, ISO 8601 UTC.
    pub time: String,
    pub processing_stamp: Option<String>,
    pub cloud_cover_percent: Option<f64>,
    pub day_night: Option<String>,
    pub solar_azimuth_deg: Option<f64>,
    pub solar_elevation_deg: Option<f64>,
    pub radiometric_db_version: Option<String>,
    pub geometric_db_version: Option<String>,
    pub epsg: Option<u32>,
    pub utm_zone: Option<u32>,
    /// 'north' | 'south'
    pub hemisphere: Option<String>,
    pub bbox: Area,
    pub footprint: Vec<LonLat>,
    pub subsystems: Vec<String>,
    pub bands: Vec<BandMetadata>,
    pub files: Vec<String>,
    pub bytes: f64,
    pub observation_modes: Vec<String>,
    pub warnings: Vec<String>,
}

impl TryFrom<&GranuleFacts> for GranuleInfo {
    type Error = aster_core::Error;
    fn try_from(facts: &GranuleFacts) -> aster_core::Result<Self> {
        let GranuleFacts {
            path,
            form,
            name,
            time,
            solar,
            cloud_cover_percent,
            day_night,
            radiometric_db_version,
            geometric_db_version,
            observation_modes,
            bands,
            files,
            bytes,
            warnings,
        } = facts;
        let first = bands.first().ok_or_else(|| aster_core::Error::internal("a granule without bands"))?;
        let crs = &first.geobox.crs;
        let outline = first.geobox.outline_lon_lat()?;
        let telescopes = Subsystem::ALL.iter().filter(|s| bands.iter().any(|b| b.band.subsystem() == **s));
        Ok(Self {
            path: text(path),
            form: form.as_str().to_string(),
            id: name.id.clone(),
            product: name.product.clone(),
            version: name.version.clone(),
            scene_key: name.scene_key(),
            time: time.to_string(),
            processing_stamp: name.processing_stamp.clone(),
            cloud_cover_percent: *cloud_cover_percent,
            day_night: day_night.clone(),
            solar_azimuth_deg: solar.map(|s| s.azimuth_deg),
            solar_elevation_deg: solar.map(|s| s.elevation_deg),
            radiometric_db_version: radiometric_db_version.clone(),
            geometric_db_version: geometric_db_version.clone(),
            epsg: crs.epsg(),
            utm_zone: utm(crs).map(|(zone, _)| u32::from(zone)),
            hemisphere: utm(crs).map(|(_, south)| if south { "south" } else { "north" }.to_string()),
            bbox: first.geobox.area()?.into(),
            footprint: outline.into_iter().map(|p| LonLat { lon: p.x, lat: p.y }).collect(),
            subsystems: telescopes.map(|s| s.to_string()).collect(),
            bands: bands.iter().map(|b| BandMetadata::new(facts, b)).collect(),
            files: files.iter().map(text).collect(),
            bytes: *bytes as f64,
            observation_modes: observation_modes.clone(),
            warnings: warnings.clone(),
        })
    }
}

fn utm(crs: &Crs) -> Option<(u8, bool)> {
    match crs {
        Crs::Utm { zone, south } => Some((*zone, *south)),
        Crs::Geographic | Crs::Other(_) => None,
    }
}

/// A path as JavaScript text.
pub fn text(path: impl AsRef<Path>) -> String {
    path.as_ref().to_string_lossy().into_owned()
}

/// Sides of grids are below 2^32 by construction; the cap only satisfies the type.
pub fn side(n: usize) -> u32 {
    u32::try_from(n).unwrap_or(u32::MAX)
}
