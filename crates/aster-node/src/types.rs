//! Mirrors of the core's values for JavaScript, made field by field without `..`: a new core field is a compile error here.
use crate::outcome::NativeError;
use aster_core::cube::calibrate::own_conversion;
use aster_core::cube::plan::{CubePlan as CorePlan, Order};
use aster_core::cube::record::StepRecord;
use aster_core::cube::scene_plan::{ScenePlan, Skipped};
use aster_core::cube::steps::StepPlan;
use aster_core::event::Event;
use aster_core::geo::bbox::Area as CoreArea;
use aster_core::geo::crs::Crs;
use aster_core::granule::facts::{BandFacts, GranuleFacts};
use aster_core::grid::geobox::GeoBox;
use aster_core::product::subsystem::Subsystem;
use aster_core::stats::area::AreaStatistics;
use napi::bindgen_prelude::Float32Array;
use napi_derive::napi;
use std::collections::BTreeMap;
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

#[napi(object)]
pub struct GridInfo {
    pub crs: String,
    pub epsg: Option<u32>,
    /// GDAL order: x0, dx, rx, y0, ry, dy.
    pub geotransform: Vec<f64>,
    pub width: u32,
    pub height: u32,
    pub resolution: f64,
}

impl From<&GeoBox> for GridInfo {
    fn from(GeoBox { crs, transform, shape }: &GeoBox) -> Self {
        Self {
            crs: crs.to_string(),
            epsg: crs.epsg(),
            geotransform: transform.to_gdal().to_vec(),
            width: side(shape.nx),
            height: side(shape.ny),
            resolution: transform.dx,
        }
    }
}

#[napi(object)]
pub struct PlannedScene {
    pub path: String,
    pub id: String,
    pub time: String,
    /// 'shift' (pixels are copied) | 'warp' (pixels are resampled)
    pub placement: String,
    pub chunks: f64,
    pub bytes_to_read: f64,
}

impl PlannedScene {
    pub fn new(plan: &CorePlan, scene: &ScenePlan) -> Self {
        Self {
            path: text(&scene.path),
            id: scene.facts.name.id.clone(),
            time: scene.facts.time.to_string(),
            placement: scene.placement().to_string(),
            chunks: plan.chunks_of(scene).len() as f64,
            bytes_to_read: scene.bands.iter().map(|b| b.window_bytes).sum::<u64>() as f64,
        }
    }
}

#[napi(object)]
pub struct SkippedScene {
    pub path: String,
    pub id: Option<String>,
    pub error: NativeError,
}

impl From<&Skipped> for SkippedScene {
    fn from(Skipped { path, id, error }: &Skipped) -> Self {
        Self { path: text(path), id: id.clone(), error: NativeError::from(error) }
    }
}

/// One time step of the output.
#[napi(object)]
pub struct TimeStep {
    /// Acquisition of its first scene, or the label of its period; ISO 8601 UTC.
    pub time: String,
    /// First instant of the period, for steps that are reduced.
    pub period_start: Option<String>,
    /// First instant after the period; the last acquisition where all of time is one.
    pub period_end: Option<String>,
    /// Looks that it is made of: scenes laid on one another are one look.
    pub looks: u32,
    /// Granules, in time order.
    pub ids: Vec<String>,
    /// Pixels with a value by variable; not known before a run.
    pub valid_pixels: Option<BTreeMap<String, f64>>,
}

impl TimeStep {
    pub fn planned(plan: &CorePlan, step: &StepPlan) -> Self {
        let StepPlan { time, period, looks } = step;
        Self {
            time: time.to_string(),
            period_start: period.map(|(start, _)| start.to_string()),
            period_end: period.map(|(_, end)| end.to_string()),
            looks: side(looks.len()),
            ids: step.scenes().map(|s| plan.scenes[s].facts.name.id.clone()).collect(),
            valid_pixels: None,
        }
    }

    /// A step that was made, of so many looks; `variables` are those of the output.
    pub fn made(record: &StepRecord, looks: usize, variables: &[String]) -> Self {
        let StepRecord { time, period, scenes, valid_pixels } = record;
        Self {
            time: time.to_string(),
            period_start: period.map(|(start, _)| start.to_string()),
            period_end: period.map(|(_, end)| end.to_string()),
            looks: side(looks),
            ids: scenes.iter().map(|s| s.id.clone()).collect(),
            valid_pixels: Some(
                variables.iter().cloned().zip(valid_pixels.iter().map(|n| *n as f64)).collect(),
            ),
        }
    }
}

/// What a request will do; nothing was read or written yet.
#[napi(object)]
pub struct CubePlan {
    pub schema: u32,
    pub grid: GridInfo,
    /// Of the output: every statistic of a variable is one.
    pub variables: Vec<String>,
    pub scenes: Vec<PlannedScene>,
    pub skipped: Vec<SkippedScene>,
    /// Time steps of the output.
    pub steps: Vec<TimeStep>,
    /// 'steps' (every scene is read once) | 'blocks' (all looks at a part of the grid, then the next part)
    pub order: String,
    /// Parts of the grid that are worked on one at a time.
    pub blocks: u32,
    /// Time steps, rows and columns of a chunk.
    pub chunk_shape: Vec<u32>,
    /// Pixels of the grid that may have a value: those inside the polygon, or all.
    pub pixels: f64,
    pub chunks_with_data: f64,
    pub chunks_total: f64,
    pub bytes_to_read: f64,
    /// Upper bound, before compression.
    pub output_bytes_max: f64,
    pub peak_memory_bytes: f64,
    pub max_memory_bytes: f64,
    pub n_workers: u32,
    pub free_disk_bytes: Option<f64>,
    pub warnings: Vec<String>,
}

impl CubePlan {
    /// `variables` are those of the output.
    pub fn new(plan: &CorePlan, variables: Vec<String>, free_disk_bytes: Option<u64>) -> Self {
        let CorePlan {
            grid,
            clip: _,
            chunk,
            chunk_steps,
            steps,
            order,
            blocks,
            wanted: _,
            scenes,
            skipped,
            warnings,
            workers,
            batch: _,
            peak_memory_bytes,
            max_memory_bytes,
        } = plan;
        Self {
            schema: aster_core::cube::request::REQUEST_SCHEMA,
            grid: GridInfo::from(grid),
            variables,
            scenes: scenes.iter().map(|s| PlannedScene::new(plan, s)).collect(),
            skipped: skipped.iter().map(SkippedScene::from).collect(),
            steps: steps.iter().map(|s| TimeStep::planned(plan, s)).collect(),
            order: match order {
                Order::Steps => "steps",
                Order::Blocks => "blocks",
            }
            .to_string(),
            blocks: side(blocks.len()),
            chunk_shape: [*chunk_steps, chunk.ny, chunk.nx].map(side).to_vec(),
            pixels: wanted_pixels(plan),
            chunks_with_data: plan.chunks_with_data() as f64,
            chunks_total: plan.chunks_total() as f64,
            bytes_to_read: plan.bytes_to_read() as f64,
            output_bytes_max: plan.output_bytes_max() as f64,
            peak_memory_bytes: *peak_memory_bytes as f64,
            max_memory_bytes: *max_memory_bytes as f64,
            n_workers: side(*workers),
            free_disk_bytes: free_disk_bytes.map(|b| b as f64),
            warnings: warnings.clone(),
        }
    }
}

/// Pixels of the grid that may have a value.
pub fn wanted_pixels(plan: &CorePlan) -> f64 {
    let shape = plan.grid.shape;
    plan.clip.as_ref().map_or(shape.ny as f64 * shape.nx as f64, |clip| clip.pixels() as f64)
}

/// What a running job tells.
#[napi(object)]
pub struct CubeEvent {
    /// 'planned' | 'progress' | 'scene' | 'skipped' | 'warning' | 'finished'
    pub kind: String,
    pub scenes_done: f64,
    pub scenes_total: f64,
    pub chunks_done: f64,
    pub chunks_total: f64,
    pub bytes_read: f64,
    pub bytes_written: f64,
    pub elapsed_ms: f64,
    pub path: Option<String>,
    pub message: Option<String>,
}

impl From<Event> for CubeEvent {
    fn from(Event { kind, counters, path, message }: Event) -> Self {
        Self {
            kind: kind.as_str().to_string(),
            scenes_done: counters.scenes_done as f64,
            scenes_total: counters.scenes_total as f64,
            chunks_done: counters.chunks_done as f64,
            chunks_total: counters.chunks_total as f64,
            bytes_read: counters.bytes_read as f64,
            bytes_written: counters.bytes_written as f64,
            elapsed_ms: counters.elapsed_ms as f64,
            path: path.as_deref().map(text),
            message,
        }
    }
}

/// One variable at one time step, over the area.
#[napi(object)]
pub struct SceneStatistics {
    /// Acquisition of the first scene, or the label of the period; ISO 8601 UTC.
    pub time: String,
    pub period_start: Option<String>,
    pub period_end: Option<String>,
    /// Granules, joined by spaces.
    pub id: String,
    pub scene_count: u32,
    pub variable: String,
    /// Pixels with a value.
    pub count: f64,
    /// Those over the pixels inside the polygon, or of the grid.
    pub valid_fraction: f64,
    /// Each pixel weighted by its area on the Earth.
    pub mean: Option<f64>,
    /// Population standard deviation, weighted likewise.
    pub std: Option<f64>,
    pub min: Option<f64>,
    /// Percentiles of the values, each pixel counting once; interpolated linearly.
    pub p5: Option<f64>,
    pub p25: Option<f64>,
    pub p50: Option<f64>,
    pub p75: Option<f64>,
    pub p95: Option<f64>,
    pub max: Option<f64>,
}

impl SceneStatistics {
    pub fn new(record: &StepRecord, variable: &str, found: &AreaStatistics) -> Self {
        let AreaStatistics { count, valid_fraction, mean, std, min, max, percentiles } = found;
        let some = |number: f64| (*count > 0).then_some(number);
        let [p5, p25, p50, p75, p95] = percentiles.map(some);
        Self {
            time: record.time.to_string(),
            period_start: record.period.map(|(start, _)| start.to_string()),
            period_end: record.period.map(|(_, end)| end.to_string()),
            id: record.ids(),
            scene_count: side(record.scenes.len()),
            variable: variable.to_string(),
            count: *count as f64,
            valid_fraction: *valid_fraction,
            mean: some(*mean),
            std: some(*std),
            min: some(*min),
            p5,
            p25,
            p50,
            p75,
            p95,
            max: some(*max),
        }
    }
}

#[napi(object)]
pub struct CubeArray {
    pub variable: String,
    pub units: String,
    pub dims: Vec<String>,
    pub shape: Vec<u32>,
    /// Row-major, NaN where missing; counts are 0 there.
    pub data: Float32Array,
}

/// What a job did.
#[napi(object)]
pub struct CubeReport {
    pub outputs: Vec<String>,
    pub grid: GridInfo,
    pub variables: Vec<String>,
    pub scenes: Vec<PlannedScene>,
    pub skipped: Vec<SkippedScene>,
    /// Time steps of the output, in its order.
    pub steps: Vec<TimeStep>,
    /// Pixels of the grid that may have a value: those inside the polygon, or all.
    pub pixels: f64,
    pub bytes_read: f64,
    pub bytes_written: f64,
    pub elapsed_ms: f64,
    /// Upper bound the plan promised.
    pub peak_memory_bytes: f64,
    pub statistics: Vec<SceneStatistics>,
    pub arrays: Vec<CubeArray>,
    pub warnings: Vec<String>,
}

/// A path as JavaScript text.
pub fn text(path: impl AsRef<Path>) -> String {
    path.as_ref().to_string_lossy().into_owned()
}

/// Sides of grids are below 2^32 by construction; the cap only satisfies the type.
pub fn side(n: usize) -> u32 {
    u32::try_from(n).unwrap_or(u32::MAX)
}
