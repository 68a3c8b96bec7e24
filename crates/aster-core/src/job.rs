//! A request from beginning to end: headers, plan, sink, execution, finished files. The only room that sees all others.
mod output;

use crate::budget;
use crate::cancel::CancelToken;
use crate::cube::describe::layout;
use crate::cube::execute::{Executed, Surroundings, execute};
use crate::cube::plan::{CubePlan, Order, Resources};
use crate::cube::report::CubeReport;
use crate::cube::request::CubeRequest;
use crate::cube::sink::{ChunkObserver, ChunkSink, CubeLayout};
use crate::error::{Error, Result};
use crate::event::{Counters, Event, EventKind, EventListener};
use crate::granule::facts::GranuleFacts;
use crate::granule::files::Files;
use crate::granule::open::open_in;
use crate::grid::pixel_area::PixelArea;
use crate::product::catalogue::Product;
use crate::stats::area::{AreaStatistics, StatisticsSink};
use crate::stats::memory::MemorySink;
use crate::write::csv::write_csv;
use crate::write::quicklook::Quicklook;
use jiff::Timestamp;
use ndarray::Array3;
use output::Format;
use rayon::ThreadPool;
use rayon::prelude::*;
use std::path::PathBuf;
use std::time::Instant;

/// What a job gives back.
#[derive(Debug)]
pub struct JobOutput {
    /// Plan it followed.
    pub plan: CubePlan,
    /// Layout of the variables.
    pub layout: CubeLayout,
    /// What was done.
    pub report: CubeReport,
    /// `[time][variable]`, for format `statistics`.
    pub statistics: Vec<Vec<AreaStatistics>>,
    /// `[variable]`, dimensions (time, y, x), for format `memory`.
    pub arrays: Vec<Array3<f32>>,
}

/// Threads a job would use, and memory it may.
pub fn resources(request: &CubeRequest) -> Resources {
    Resources {
        workers: request.n_workers.map_or_else(budget::default_workers, |n| n as usize).clamp(1, 1024),
        max_memory_bytes: request.max_memory_bytes.unwrap_or_else(budget::default_memory_bytes),
    }
}

/// Plans a request: reads headers, touches no pixel, writes nothing.
///
/// # Errors
/// Those of [`CubeRequest::understand`] and [`CubePlan::new`], and of the output path.
pub fn plan(request: &CubeRequest) -> Result<CubePlan> {
    plan_in(request, &Files::local())
}

/// As [`plan`], with files that may be elsewhere.
///
/// # Errors
/// Those of [`plan`], and of fetching where it is not one granule's affair.
pub fn plan_in(request: &CubeRequest, files: &Files) -> Result<CubePlan> {
    let pool = pool(request)?;
    pool.install(|| plan_here(request, files))
}

/// Bytes that the checkpoints of a planned request take at most, beside the output and until it is complete.
///
/// # Errors
/// `USAGE` for an unknown format.
pub fn checkpoint_bytes_max(request: &CubeRequest, plan: &CubePlan) -> Result<u64> {
    output::checkpoint_bytes_max(request, plan)
}

fn plan_here(request: &CubeRequest, files: &Files) -> Result<CubePlan> {
    // Wrong words are told before any file is opened.
    request.understand()?;
    output::check(request)?;
    let opened: Vec<(PathBuf, Result<GranuleFacts>)> = request
        .granules
        .par_iter()
        .map(|path| (path.clone(), open_in(path, files).map(|g| g.facts().clone())))
        .collect();
    let hopeless = opened.iter().filter_map(|(_, f)| f.as_ref().err()).find(|e| e.code().concerns_all());
    if let Some(error) = hopeless {
        return Err(error.clone());
    }
    let product = request.product.clone().or_else(|| common_product(&opened));
    let mut request = CubeRequest { product, ..request.clone() };
    let mut wanted = request.understand()?;
    if request.bands.is_empty() && request.indices.is_empty() {
        // Of the default bands, those that some granule has: a level-2 file may hold one telescope only.
        let facts: Vec<&GranuleFacts> = opened.iter().filter_map(|(_, f)| f.as_ref().ok()).collect();
        let there = wanted.inputs.iter().filter(|i| facts.iter().any(|f| f.band(i.band).is_some()));
        request.bands = there.map(|i| i.band.name().to_string()).collect();
        wanted = request.understand()?;
    }
    let plan = CubePlan::new(&request, wanted, opened, resources(&request))?;
    output::fit(&request, plan)
}

/// The product of all granules, if they have one in common: it decides the default bands and quantities.
fn common_product(opened: &[(PathBuf, Result<GranuleFacts>)]) -> Option<String> {
    let mut products = opened.iter().filter_map(|(_, f)| f.as_ref().ok()).map(|f| f.name.product.as_str());
    let first = products.next()?;
    products.all(|p| p == first).then(|| first.to_string()).filter(|p| Product::named(p).is_ok())
}

/// Runs a request in a thread pool of its own.
///
/// # Errors
/// Those of [`plan`] and [`execute`]; nothing is left under the output's name then.
pub fn run(request: &CubeRequest, listener: &EventListener, cancel: &CancelToken) -> Result<JobOutput> {
    run_in(request, &Files::local(), listener, cancel)
}

/// As [`run`], with files that may be elsewhere. Whoever fetches their bytes has to heed `cancel` as well.
///
/// # Errors
/// Those of [`run`], and of fetching where it is not one granule's affair.
pub fn run_in(
    request: &CubeRequest,
    files: &Files,
    listener: &EventListener,
    cancel: &CancelToken,
) -> Result<JobOutput> {
    let start = Instant::now();
    let pool = pool(request)?;
    let mut output = pool.install(|| run_here(request, files, listener, cancel))?;
    output.report.elapsed_ms = u64::try_from(start.elapsed().as_millis()).unwrap_or(u64::MAX);
    let report = &output.report;
    let counters = Counters {
        scenes_done: (report.paths.iter().flatten().count() + report.skipped.len()) as u64,
        scenes_total: output.plan.scenes.len() as u64,
        chunks_done: output.plan.chunks_to_compute(),
        chunks_total: output.plan.chunks_to_compute(),
        bytes_read: report.bytes_read,
        bytes_written: report.bytes_written,
        elapsed_ms: report.elapsed_ms,
    };
    listener(Event { kind: EventKind::Finished, counters, path: None, message: None });
    Ok(output)
}

fn run_here(
    request: &CubeRequest,
    files: &Files,
    listener: &EventListener,
    cancel: &CancelToken,
) -> Result<JobOutput> {
    cancel.check()?;
    let plan = plan_here(request, files)?;
    let created = Timestamp::now().strftime("%Y-%m-%dT%H:%M:%SZ").to_string();
    let layout = layout(&plan, request, &created)?;
    let quicklook = request.output.quicklook.as_ref().map(|_| Quicklook::new(&layout));
    let go = |sink: &dyn ChunkSink| -> Result<Executed> {
        let observer = quicklook.as_ref().map(|picture| picture as &dyn ChunkObserver);
        let layout = &layout;
        let strict = request.strict;
        execute(&plan, &Surroundings { layout, sink, observer, listener, files, cancel, strict })
    };
    let (mut statistics, mut arrays) = (Vec::new(), Vec::new());
    let (mut executed, mut outputs) = match Format::of(&request.output)? {
        Format::Memory => {
            let sink = MemorySink::new(layout.clone());
            let executed = go(&sink)?;
            arrays = sink.take(executed.records.len())?;
            (executed, Vec::new())
        }
        format @ (Format::Statistics | Format::Csv(_)) => {
            let sink = StatisticsSink::new(layout.clone(), PixelArea::of(&layout.grid)?, plan.clip.clone());
            let sink = if plan.order == Order::Blocks { sink.interleaved() } else { sink };
            let executed = go(&sink)?;
            statistics = sink.statistics();
            statistics.truncate(executed.records.len());
            let outputs = match format {
                Format::Csv(path) => {
                    let rows = output::rows(&layout, &executed.records, &statistics);
                    vec![write_csv(path, request.output.overwrite, &rows)?]
                }
                _ => Vec::new(),
            };
            (executed, outputs)
        }
        Format::File(format, path) => {
            let sink = output::sink(format, path, request, &layout, &plan)?;
            let executed = go(sink.as_ref())?;
            cancel.check()?;
            let outputs = sink.finish(&executed.records)?;
            (executed, outputs)
        }
    };
    if let (Some(picture), Some(path)) = (quicklook, &request.output.quicklook) {
        outputs.push(picture.write(path, &executed.records, request.output.overwrite)?);
    }
    executed.bytes_written = bytes_of(&outputs, executed.bytes_written);
    let report = report(&plan, &layout, executed, outputs);
    Ok(JobOutput { plan, layout, report, statistics, arrays })
}

/// Bytes of all files among the outputs, and of the chunks that were stored in a folder.
fn bytes_of(outputs: &[PathBuf], stored: u64) -> u64 {
    let files = outputs.iter().filter_map(|path| path.metadata().ok()).filter(|found| found.is_file());
    let in_folders = if outputs.iter().any(|path| path.is_dir()) { stored } else { 0 };
    files.map(|found| found.len()).sum::<u64>() + in_folders
}

fn report(plan: &CubePlan, layout: &CubeLayout, executed: Executed, outputs: Vec<PathBuf>) -> CubeReport {
    let paths_of = |scenes: &Vec<usize>| scenes.iter().map(|&s| plan.scenes[s].path.clone()).collect();
    let mut warnings = plan.warnings.clone();
    for (spec, lost) in layout.variables.iter().zip(&executed.beyond_packing).filter(|(_, lost)| **lost > 0) {
        warnings.push(format!("{lost} values of {} are beyond the packed range and missing", spec.name));
    }
    CubeReport {
        outputs,
        paths: executed.scenes.iter().map(paths_of).collect(),
        steps: executed.records,
        skipped: plan.skipped.iter().cloned().chain(executed.skipped).collect(),
        warnings,
        bytes_read: executed.bytes_read,
        bytes_written: executed.bytes_written,
        elapsed_ms: 0,
    }
}

fn pool(request: &CubeRequest) -> Result<ThreadPool> {
    rayon::ThreadPoolBuilder::new()
        .num_threads(resources(request).workers)
        .thread_name(|i| format!("aster-{i}"))
        .build()
        .map_err(|e| Error::internal(format!("no thread pool: {e}")))
}
