//! Runs a plan: scene after scene, chunk after chunk; computes and encodes in parallel, stores in a fixed order.
use crate::cancel::CancelToken;
use crate::cube::calibrate;
use crate::cube::plan::CubePlan;
use crate::cube::record::{BandRecord, SceneRecord, StepRecord};
use crate::cube::sample::LoadedScene;
use crate::cube::scene_plan::{ScenePlan, Skipped};
use crate::cube::sink::{ChunkKey, ChunkObserver, ChunkSink, EncodedChunk};
use crate::cube::wanted::VariableKind;
use crate::error::{Error, ErrorCode, Result};
use crate::event::{Counters, Event, EventKind, EventListener};
use crate::granule::dn::DnWindow;
use crate::granule::{Granule, open::open};
use crate::grid::geobox::PixelRect;
use crate::index::eval::eval_row;
use crate::radiometry::reflectance::earth_sun_distance_au;
use rayon::prelude::*;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

/// What execution leaves behind for the report.
#[derive(Debug, Default)]
pub struct Executed {
    /// Scenes that came, in time order.
    pub records: Vec<StepRecord>,
    /// Index of each record's scene in the plan.
    pub scene_of_record: Vec<usize>,
    /// Scenes whose data turned out to be bad.
    pub skipped: Vec<Skipped>,
    /// Bytes of DN read.
    pub bytes_read: u64,
    /// Bytes stored.
    pub bytes_written: u64,
}

/// Everything a run needs besides the plan.
pub struct Surroundings<'a> {
    /// Where chunks go.
    pub sink: &'a dyn ChunkSink,
    /// Sees every chunk's values as well.
    pub observer: Option<&'a dyn ChunkObserver>,
    /// Progress.
    pub listener: &'a EventListener,
    /// Request to stop.
    pub cancel: &'a CancelToken,
    /// Stop at the first bad granule.
    pub strict: bool,
}

/// Runs `plan` within the current rayon pool.
///
/// # Errors
/// `CANCELLED`, errors of the sink, with `strict` the first bad granule, and `CORRUPT` when every granule is bad.
pub fn execute(plan: &CubePlan, around: &Surroundings<'_>) -> Result<Executed> {
    let mut run = Run { plan, around, done: Executed::default(), progress: Progress::new(plan) };
    run.progress.tell(around, EventKind::Planned, None, None);
    for (index, scene) in plan.scenes.iter().enumerate() {
        around.cancel.check()?;
        match run.scene(index, scene) {
            Ok(()) => {}
            Err(Failure::Granule(error)) if !around.strict => run.leave_out(scene, error),
            Err(Failure::Granule(error)) => return Err(error.at(&scene.path)),
            Err(Failure::Job(error)) => return Err(error),
        }
    }
    if run.done.records.is_empty() {
        let first = run.done.skipped.into_iter().next();
        return Err(first.map_or_else(
            || Error::new(ErrorCode::NotFound, "no scene could be used"),
            |s| s.error.at(&s.path),
        ));
    }
    Ok(run.done)
}

/// A bad granule is left out; anything else ends the job.
enum Failure {
    Granule(Error),
    Job(Error),
}

struct Run<'a> {
    plan: &'a CubePlan,
    around: &'a Surroundings<'a>,
    done: Executed,
    progress: Progress,
}

impl Run<'_> {
    fn scene(&mut self, index: usize, scene: &ScenePlan) -> std::result::Result<(), Failure> {
        let granule = open(&scene.path).map_err(Failure::Granule)?;
        // All decoding happens here, before the first chunk of the scene is computed.
        let windows = load(granule.as_ref(), scene).map_err(Failure::Granule)?;
        let loaded = LoadedScene::new(scene, self.plan.wanted.resampling, windows);
        self.done.bytes_read += scene.bands.iter().map(|b| b.window_bytes).sum::<u64>();
        self.progress.counters.bytes_read = self.done.bytes_read;
        let time = self.done.records.len();
        let valid: Vec<AtomicU64> = self.plan.wanted.variables.iter().map(|_| AtomicU64::new(0)).collect();
        match self.chunks(time, scene, &loaded, &valid) {
            Ok(()) => {}
            // The time step is given to the next scene: what was stored of this one must go.
            Err(Failure::Granule(error)) => {
                self.around.sink.rewind(time).map_err(Failure::Job)?;
                if let Some(observer) = self.around.observer {
                    observer.rewind(time);
                }
                return Err(Failure::Granule(error));
            }
            Err(failure) => return Err(failure),
        }
        let scene_record = record(self.plan, scene, &loaded);
        let valid_pixels = valid.iter().map(|v| v.load(Ordering::Relaxed)).collect();
        let record =
            StepRecord { time: scene_record.time, period: None, scenes: vec![scene_record], valid_pixels };
        self.done.records.push(record);
        self.done.scene_of_record.push(index);
        self.progress.counters.scenes_done += 1;
        self.progress.tell(self.around, EventKind::Scene, Some(scene), None);
        Ok(())
    }

    /// Computes batch after batch while the batch before is stored: stores come in one order whatever the
    /// number of threads, so the bytes of the output do not depend on it.
    fn chunks(
        &mut self,
        time: usize,
        scene: &ScenePlan,
        loaded: &LoadedScene<'_>,
        valid: &[AtomicU64],
    ) -> std::result::Result<(), Failure> {
        let area = self.plan.chunks_of(scene);
        let positions: Vec<(usize, usize)> = (area.row..area.row + area.rows)
            .flat_map(|r| (area.column..area.column + area.columns).map(move |c| (r, c)))
            .collect();
        let mut waiting: Vec<EncodedChunk> = Vec::new();
        for batch in positions.chunks(self.plan.batch.max(1)) {
            self.around.cancel.check().map_err(Failure::Job)?;
            let (stored, computed) = rayon::join(
                || store(self.around.sink, std::mem::take(&mut waiting)),
                || {
                    let chunks = batch.par_iter().map(|&(row, column)| {
                        compute(self.plan, self.around, loaded, valid, time, row, column)
                    });
                    chunks.collect::<std::result::Result<Vec<_>, Failure>>()
                },
            );
            self.count(stored.map_err(Failure::Job)?, batch.len());
            waiting = computed?.into_iter().flatten().collect();
        }
        let bytes = store(self.around.sink, waiting).map_err(Failure::Job)?;
        self.count(bytes, 0);
        Ok(())
    }

    fn count(&mut self, bytes: u64, chunks: usize) {
        self.done.bytes_written += bytes;
        self.progress.counters.bytes_written = self.done.bytes_written;
        self.progress.counters.chunks_done += chunks as u64;
        self.progress.tell(self.around, EventKind::Progress, None, None);
    }

    fn leave_out(&mut self, scene: &ScenePlan, error: Error) {
        self.progress.counters.scenes_done += 1;
        self.progress.counters.chunks_done += self.plan.chunks_of(scene).len() as u64;
        self.progress.tell(self.around, EventKind::Skipped, Some(scene), Some(error.message().to_string()));
        let path = scene.path.clone();
        self.done.skipped.push(Skipped { path, id: Some(scene.facts.name.id.clone()), error });
    }
}

/// DN of every band that touches the grid, decoded in parallel.
fn load<'g>(granule: &'g dyn Granule, scene: &ScenePlan) -> Result<Vec<Option<DnWindow<'g>>>> {
    let read = scene.bands.par_iter().map(|band| match band.window.is_empty() {
        true => Ok(None),
        false => granule.read(band.band, band.window).map(Some),
    });
    read.collect()
}

fn store(sink: &dyn ChunkSink, chunks: Vec<EncodedChunk>) -> Result<u64> {
    chunks.into_iter().map(|chunk| sink.store(chunk)).sum()
}

/// Values of all variables in one chunk, encoded; chunks without a value are left out.
fn compute(
    plan: &CubePlan,
    around: &Surroundings<'_>,
    loaded: &LoadedScene<'_>,
    valid: &[AtomicU64],
    time: usize,
    row: usize,
    column: usize,
) -> std::result::Result<Vec<EncodedChunk>, Failure> {
    let shape = plan.grid.shape;
    let rect = PixelRect {
        row: row * plan.chunk.ny,
        column: column * plan.chunk.nx,
        rows: plan.chunk.ny.min(shape.ny - row * plan.chunk.ny),
        columns: plan.chunk.nx.min(shape.nx - column * plan.chunk.nx),
    };
    let mut sampler = loaded.chunk(plan, rect).map_err(Failure::Granule)?;
    let variables = &plan.wanted.variables;
    let sources: Vec<Vec<usize>> = variables.iter().map(|v| positions(plan, v)).collect();
    let mut rows = vec![vec![0f32; rect.columns]; plan.wanted.inputs.len()];
    let mut chunks = vec![vec![f32::NAN; plan.chunk.ny * plan.chunk.nx]; variables.len()];
    for y in 0..rect.rows {
        sampler.row(rect.row + y, &mut rows);
        let at = y * plan.chunk.nx;
        for ((variable, source), chunk) in variables.iter().zip(&sources).zip(&mut chunks) {
            let out = &mut chunk[at..at + rect.columns];
            match (variable, source.as_slice()) {
                (VariableKind::Band(_), [only]) => out.copy_from_slice(&rows[*only]),
                (VariableKind::Index(index, _), list) => {
                    let inputs: Vec<&[f32]> = list.iter().map(|&i| rows[i].as_slice()).collect();
                    eval_row(index, &inputs, out);
                }
                _ => {}
            }
        }
    }
    let mut encoded = Vec::new();
    for (variable, values) in chunks.iter().enumerate() {
        let n = values.iter().filter(|v| !v.is_nan()).count() as u64;
        if n == 0 {
            continue;
        }
        valid[variable].fetch_add(n, Ordering::Relaxed);
        let key = ChunkKey { variable, time, row, column };
        if let Some(observer) = around.observer {
            observer.observe(key, values);
        }
        encoded.push(around.sink.encode(key, values).map_err(Failure::Job)?);
    }
    Ok(encoded)
}

/// Where a variable's inputs stand among the plan's.
fn positions(plan: &CubePlan, variable: &VariableKind) -> Vec<usize> {
    let wanted = variable.inputs();
    wanted.iter().filter_map(|w| plan.wanted.inputs.iter().position(|i| i == w)).collect()
}

fn record(plan: &CubePlan, scene: &ScenePlan, loaded: &LoadedScene<'_>) -> SceneRecord {
    let facts = &scene.facts;
    let mut bands: Vec<BandRecord> = Vec::new();
    for (index, input) in plan.wanted.inputs.iter().enumerate() {
        if bands.iter().any(|b| b.variable == input.band.variable()) {
            continue;
        }
        let band = facts.band(input.band);
        bands.push(BandRecord {
            variable: input.band.variable().to_string(),
            gain: band
                .and_then(|b| calibrate::gain(b, &plan.wanted))
                .map_or(String::new(), |g| g.to_string()),
            conversion: band.and_then(|b| calibrate::conversion(b, &plan.wanted).ok()),
            saturated_pixels: Some(loaded.saturated(index)),
        });
    }
    SceneRecord {
        id: facts.name.id.clone(),
        product: facts.name.product.clone(),
        version: facts.name.version.clone(),
        time: facts.time,
        solar_azimuth_deg: facts.solar.map_or(f64::NAN, |s| s.azimuth_deg),
        solar_elevation_deg: facts.solar.map_or(f64::NAN, |s| s.elevation_deg),
        cloud_cover_percent: facts.cloud_cover_percent.unwrap_or(f64::NAN),
        earth_sun_distance_au: earth_sun_distance_au(facts.time),
        radiometric_db_version: facts.radiometric_db_version.clone().unwrap_or_default(),
        placement: scene.placement().to_string(),
        bands,
    }
}

/// Counters and the clock; tells at most ten times a second.
struct Progress {
    counters: Counters,
    start: Instant,
    told: Option<Instant>,
}

impl Progress {
    fn new(plan: &CubePlan) -> Self {
        let counters = Counters {
            scenes_total: plan.scenes.len() as u64,
            chunks_total: plan.chunks_with_data(),
            ..Counters::default()
        };
        Self { counters, start: Instant::now(), told: None }
    }
    fn tell(
        &mut self,
        around: &Surroundings<'_>,
        kind: EventKind,
        scene: Option<&ScenePlan>,
        message: Option<String>,
    ) {
        let now = Instant::now();
        let recent = self.told.is_some_and(|t| now.duration_since(t).as_millis() < 100);
        if kind == EventKind::Progress && recent {
            return;
        }
        self.told = Some(now);
        self.counters.elapsed_ms =
            u64::try_from(now.duration_since(self.start).as_millis()).unwrap_or(u64::MAX);
        let path = scene.map(|s| s.path.clone());
        (around.listener)(Event { kind, counters: self.counters, path, message });
    }
}
