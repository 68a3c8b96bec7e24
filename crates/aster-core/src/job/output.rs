//! What a request's output is: its format, its sink, and all about it that can be refused early.
use crate::cube::describe::layout;
use crate::cube::plan::CubePlan;
use crate::cube::record::StepRecord;
use crate::cube::request::{CubeOutput, CubeRequest};
use crate::cube::sink::{ChunkSink, CubeLayout};
use crate::error::{Error, Result};
use crate::stats::area::AreaStatistics;
use crate::write::csv::CsvRow;
use crate::write::geotiff::{GeotiffOptions, GeotiffSink, check_target, memory_bytes};
use crate::write::netcdf::{NetcdfOptions, NetcdfSink};
use crate::write::partial::check_output;
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
    output.quicklook.as_deref().map_or(Ok(()), |p| check_output(p, output.overwrite))
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

/// The sink of a file format.
pub(super) fn sink(
    format: FileFormat,
    path: &Path,
    request: &CubeRequest,
    layout: &CubeLayout,
    workers: usize,
) -> Result<Box<dyn ChunkSink>> {
    let CubeOutput { overwrite, compression_level, .. } = request.output;
    let level = compression_level.unwrap_or(LEVEL);
    Ok(match format {
        FileFormat::Netcdf => {
            Box::new(NetcdfSink::create(path, layout, NetcdfOptions { overwrite, compression_level: level })?)
        }
        FileFormat::Zarr => {
            Box::new(ZarrSink::create(path, layout, ZarrOptions { overwrite, compression_level: level })?)
        }
        FileFormat::Geotiff | FileFormat::Cog => {
            Box::new(GeotiffSink::create(path, layout, geotiff_options(format, request, workers))?)
        }
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
