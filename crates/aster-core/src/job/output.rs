//! What a request's output is: its format, its sink, and all about it that can be refused early.
use crate::cube::describe::layout;
use crate::cube::plan::{CubePlan, Order};
use crate::cube::record::StepRecord;
use crate::cube::request::{CubeOutput, CubeRequest};
use crate::cube::sink::{ChunkSink, CubeLayout};
use crate::error::{Error, Result};
use crate::stats::area::AreaStatistics;
use crate::write::csv::CsvRow;
use crate::write::geotiff::{GeotiffOptions, GeotiffSink, check_target, memory_bytes};
use crate::write::netcdf::{NetcdfOptions, NetcdfSink};
use crate::write::partial::check_output;
use crate::write::resuming::{ResumingSink, check_checkpoints};
use crate::write::zarr::{ZarrOptions, ZarrSink, check_folder};
use std::path::Path;

/// Deflate level if none is stated: on float data 1 is about as small as 9.
const LEVEL: u8 = 1;

/// Where the result goes, understood.
#[derive(Debug, Clone, Copy)]
pub(super) enum Format<'a> {
    Memory,
    Statistics,
    Csv(&'a Path),
    File(FileFormat, &'a Path),
}

/// Formats that take chunks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum FileFormat {
    Netcdf,
    Zarr,
    Geotiff,
    Cog,
}

impl<'a> Format<'a> {
    /// # Errors
    /// `USAGE` for an unknown format, or a file format without a path.
    pub(super) fn of(output: &'a CubeOutput) -> Result<Self> {
        let path = || {
            let path = output.path.as_deref().filter(|p| !p.as_os_str().is_empty());
            path.ok_or_else(|| Error::usage(format!("format {} needs an output path", output.format)))
        };
        Ok(match output.format.as_str() {
            "memory" => Self::Memory,
            "statistics" => Self::Statistics,
            "csv" => Self::Csv(path()?),
            "netcdf" => Self::File(FileFormat::Netcdf, path()?),
            "zarr" => Self::File(FileFormat::Zarr, path()?),
            "geotiff" => Self::File(FileFormat::Geotiff, path()?),
            "cog" => Self::File(FileFormat::Cog, path()?),
            other => {
                return Err(Error::usage(format!("unknown output format {other}"))
                    .hint("choose netcdf, zarr, cog, geotiff, csv, statistics or memory"));
            }
        })
    }
}

/// Everything about the outputs that can be refused before any file is opened.
pub(super) fn check(request: &CubeRequest) -> Result<()> {
    let output = &request.output;
    let by_time = output.chunk_for.as_deref() == Some("time");
    match Format::of(output)? {
        Format::File(FileFormat::Netcdf, path) | Format::Csv(path) => check_output(path, output.overwrite)?,
        Format::File(FileFormat::Zarr, path) => check_folder(path, output.overwrite)?,
        // One step at least: that the name fits more is known with the plan.
        Format::File(FileFormat::Geotiff | FileFormat::Cog, path) => check_target(path, 1, output.overwrite)?,
        Format::Memory | Format::Statistics => {}
    }
    if by_time && !matches!(Format::of(output)?, Format::File(FileFormat::Netcdf | FileFormat::Zarr, _)) {
        return Err(Error::usage(format!("{} has no chunks along time", output.format))
            .hint("--chunk-for time is for netcdf and zarr"));
    }
    check_storage(output)?;
    match (&output.checkpoints, Format::of(output)?) {
        (Some(file), Format::File(_, path)) => check_checkpoints(file, path)?,
        (Some(_), _) => {
            return Err(Error::usage(format!("{} has no checkpoints", output.format))
                .hint("checkpoints are for netcdf, zarr, cog and geotiff"));
        }
        (None, _) => {}
    }
    output.quicklook.as_deref().map_or(Ok(()), |p| check_output(p, output.overwrite))
}

/// Refuses choices of how pixels are stored where none are.
fn check_storage(output: &CubeOutput) -> Result<()> {
    let Format::Csv(_) = Format::of(output)? else { return Ok(()) };
    let stated = [
        ("--compression-level", output.compression_level.is_some()),
        ("--pack", output.pack.is_some()),
        ("--round-bits", output.round_bits.is_some()),
    ];
    match stated.iter().find(|(_, is_stated)| *is_stated) {
        Some((option, _)) => Err(Error::usage(format!("{option} is about stored pixels, and csv has none"))
            .hint("leave it out, or choose netcdf, zarr, cog or geotiff")),
        None => Ok(()),
    }
}

/// Refuses what the number of time steps rules out, and makes room for a sink that needs some.
pub(super) fn fit(request: &CubeRequest, plan: CubePlan) -> Result<CubePlan> {
    match Format::of(&request.output)? {
        Format::File(format @ (FileFormat::Geotiff | FileFormat::Cog), path) => {
            check_target(path, plan.steps.len(), request.output.overwrite)?;
            let options = geotiff_options(format, request, plan.workers);
            let bytes = memory_bytes(&layout(&plan, request, "")?, options);
            plan.beside(request, bytes)
        }
        _ => Ok(plan),
    }
}

fn geotiff_options(format: FileFormat, request: &CubeRequest, workers: usize) -> GeotiffOptions {
    let CubeOutput { overwrite, compression_level, .. } = request.output;
    let compression_level = compression_level.unwrap_or(LEVEL);
    GeotiffOptions { overwrite, cog: format == FileFormat::Cog, compression_level, workers }
}

/// The file of checkpoints, where one helps: the format does not go on by itself, and there is more than one unit of work.
fn checkpoints_of<'a>(format: FileFormat, request: &'a CubeRequest, plan: &CubePlan) -> Option<&'a Path> {
    let output = &request.output;
    let units = match plan.order {
        Order::Steps => plan.steps.len(),
        Order::Blocks => plan.blocks.len(),
    };
    let by_itself = match format {
        FileFormat::Netcdf => false,
        FileFormat::Zarr => true,
        // A folder does, scene by scene.
        FileFormat::Geotiff | FileFormat::Cog => plan.order == Order::Steps,
    };
    output.checkpoints.as_deref().filter(|_| units > 1 && !by_itself)
}

/// Bytes that are kept for checkpoints at most, beside the output and as long as it is not complete.
pub(super) fn checkpoint_bytes_max(request: &CubeRequest, plan: &CubePlan) -> Result<u64> {
    Ok(match Format::of(&request.output)? {
        Format::File(format, _) if checkpoints_of(format, request, plan).is_some() => plan.output_bytes_max(),
        _ => 0,
    })
}

/// The sink of a file format.
pub(super) fn sink(
    format: FileFormat,
    path: &Path,
    request: &CubeRequest,
    layout: &CubeLayout,
    plan: &CubePlan,
) -> Result<Box<dyn ChunkSink>> {
    let CubeOutput { overwrite, compression_level, .. } = request.output;
    let compression_level = compression_level.unwrap_or(LEVEL);
    let checkpoints = checkpoints_of(format, request, plan);
    match format {
        FileFormat::Netcdf => {
            let sink = NetcdfSink::create(path, layout, NetcdfOptions { overwrite, compression_level })?;
            with_checkpoints(sink, checkpoints, path, layout, &format!("netcdf deflate {compression_level}"))
        }
        FileFormat::Zarr => {
            Ok(Box::new(ZarrSink::create(path, layout, ZarrOptions { overwrite, compression_level })?))
        }
        FileFormat::Geotiff | FileFormat::Cog => {
            let sink = GeotiffSink::create(path, layout, geotiff_options(format, request, plan.workers))?;
            with_checkpoints(sink, checkpoints, path, layout, "geotiff")
        }
    }
}

fn with_checkpoints<S: ChunkSink + 'static>(
    sink: S,
    checkpoints: Option<&Path>,
    path: &Path,
    layout: &CubeLayout,
    form: &str,
) -> Result<Box<dyn ChunkSink>> {
    Ok(match checkpoints {
        None => Box::new(sink),
        Some(file) => Box::new(ResumingSink::new(sink, file, path, layout, form)?),
    })
}

/// Statistics as lines of a table, time step after time step.
pub(super) fn rows(
    layout: &CubeLayout,
    records: &[StepRecord],
    statistics: &[Vec<AreaStatistics>],
) -> Vec<CsvRow> {
    let mut rows = Vec::new();
    for (record, of_step) in records.iter().zip(statistics) {
        for (spec, s) in layout.variables.iter().zip(of_step) {
            rows.push(CsvRow {
                time: record.time,
                granule_id: record.ids(),
                variable: spec.name.clone(),
                units: spec.units.clone(),
                count: s.count,
                valid_fraction: s.valid_fraction,
                mean: s.mean,
                std: s.std,
                min: s.min,
                max: s.max,
                percentiles: s.percentiles,
                period: record.period.map(|(start, end)| (start, end, record.scenes.len())),
            });
        }
    }
    rows
}
