//! Mirrors of plans and reports of cubes for JavaScript, made field by field without `..`: a new core field is a compile error here.
use crate::granule_info::{side, text};
use crate::outcome::NativeError;
use aster_core::cube::plan::{CubePlan as CorePlan, Order};
use aster_core::cube::record::StepRecord;
use aster_core::cube::scene_plan::{ScenePlan, Skipped};
use aster_core::cube::steps::StepPlan;
use aster_core::event::Event;
use aster_core::grid::geobox::GeoBox;
use aster_core::stats::area::AreaStatistics;
use napi::bindgen_prelude::Float32Array;
use napi_derive::napi;
use std::collections::BTreeMap;
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
    /// As much again at most, for checkpoints, until the output is complete; 0 without them.
    pub checkpoint_bytes_max: f64,
    pub peak_memory_bytes: f64,
    pub max_memory_bytes: f64,
    pub n_workers: u32,
    pub free_disk_bytes: Option<f64>,
    pub warnings: Vec<String>,
}

impl CubePlan {
    /// `variables` are those of the output.
    pub fn new(
        plan: &CorePlan,
        variables: Vec<String>,
        checkpoint_bytes_max: u64,
        free_disk_bytes: Option<u64>,
    ) -> Self {
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
            checkpoint_bytes_max: checkpoint_bytes_max as f64,
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
