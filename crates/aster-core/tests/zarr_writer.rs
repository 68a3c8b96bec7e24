//! Zarr output as other software reads it, its failures, and how it goes on after them.
#![cfg(feature = "netcdf")]
// Clippy's leave for tests ends at functions that are not tests themselves.
#![allow(clippy::unwrap_used, clippy::print_stderr)]
mod killed;
mod small_disk;

use aster_core::ErrorCode;
use aster_core::cube::record::{BandRecord, SceneRecord, StepRecord};
use aster_core::cube::sink::{
    AttributeValue, ChunkKey, ChunkSink, CubeLayout, Packing, ValueType, VariableSpec,
};
use aster_core::geo::affine::Affine;
use aster_core::geo::crs::Crs;
use aster_core::grid::geobox::{GeoBox, Shape};
use aster_core::write::zarr::{ZarrOptions, ZarrSink};
use small_disk::SmallDisk;
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

const STEPS: usize = 5;
const GRID: Shape = Shape { ny: 37, nx: 53 };
const CHUNK: Shape = Shape { ny: 16, nx: 20 };
const SOUTH: Crs = Crs::Utm { zone: 54, south: true };

fn variable(name: &str, value_type: ValueType) -> VariableSpec {
    VariableSpec {
        name: name.to_string(),
        long_name: format!("test variable {name}"),
        standard_name: (name == "ndvi").then(|| "normalized_difference_vegetation_index".to_string()),
        units: "1".to_string(),
        value_type,
        keep_bits: None,
        repeats: name == "ndvi",
        attributes: vec![
            ("valid_range".to_string(), AttributeValue::Float(vec![1.0, 9000.0])),
            ("wavelength_um".to_string(), AttributeValue::Float(vec![0.807])),
            ("computed_from".to_string(), AttributeValue::Text("bands 3N and 2, 15 m – nearest".to_string())),
            ("comment".to_string(), AttributeValue::Text(String::new())),
        ],
    }
}

fn layout(crs: Crs, chunk_steps: usize, resume_key: &str) -> CubeLayout {
    let transform = match crs {
        Crs::Geographic => Affine::upright(139.25, -34.5, 0.000_25, 0.000_25),
        _ => Affine::upright(300_015.0, 6_200_040.0, 15.0, 15.0),
    };
    CubeLayout {
        grid: GeoBox { crs, transform, shape: GRID },
        chunk: CHUNK,
        chunk_steps,
        time_steps: STEPS,
        variables: vec![
            variable("ndvi", ValueType::F32),
            variable("dn8", ValueType::U8),
            variable("dn16", ValueType::U16),
            variable("elevation", ValueType::I16),
            variable("count", ValueType::U32),
            variable("packed", ValueType::Packed(Packing { scale: 0.5, offset: -100.0 })),
        ],
        title: "ASTER test cube".to_string(),
        history: "2026-01-02T03:04:05Z: aster-timeseries run --bbox 1 2 3 4".to_string(),
        request_json: "{\"version\":1}".to_string(),
        resume_key: resume_key.to_string(),
    }
}

/// The value of a pixel, known to zarr_read.py too.
fn value(variable: usize, time: usize, y: usize, x: usize) -> f32 {
    // A diagonal strip is missing, and one whole chunk of all time steps but the last.
    if (x + y + 7 * time).is_multiple_of(11) || (time < 4 && y / CHUNK.ny == 1 && x / CHUNK.nx == 1) {
        return f32::NAN;
    }
    let n = (time * 10_000 + y * 100 + x) as f32;
    match variable {
        0 => n * 0.125,
        1 => 1.0 + (n % 255.0),
        2 => 1.0 + (n % 4095.0),
        3 => n % 9000.0 - 5000.0,
        4 => n,
        _ => (n % 5000.0) * 0.5,
    }
}

fn step(time: usize) -> StepRecord {
    let when = format!("200{time}-03-06T03:11:57Z").parse().unwrap();
    let scene = SceneRecord {
        id: format!("AST_L1T_0030306200103115{time}_20150414031306_83940"),
        product: "AST_L1T".to_string(),
        version: "003".to_string(),
        time: when,
        solar_azimuth_deg: 40.5 + time as f64,
        solar_elevation_deg: 50.25,
        cloud_cover_percent: if time == 1 { f64::NAN } else { 12.0 },
        earth_sun_distance_au: 0.9925,
        radiometric_db_version: "03.01 – é".to_string(),
        placement: "shift".to_string(),
        bands: vec![BandRecord {
            variable: "ndvi".to_string(),
            gain: if time == 2 { String::new() } else { "NOR".to_string() },
            conversion: None,
            saturated_pixels: Some(17 * time as u64),
        }],
    };
    StepRecord { time: when, period: None, scenes: vec![scene], valid_pixels: vec![1000 + time as u64; 6] }
}

fn records() -> Vec<StepRecord> {
    (0..STEPS).map(step).collect()
}

fn chunk_values(layout: &CubeLayout, key: ChunkKey) -> Vec<f32> {
    let mut values = vec![f32::NAN; layout.chunk_values()];
    for (i, value_of) in values.iter_mut().enumerate() {
        let (t, row, column) = (i / (CHUNK.ny * CHUNK.nx), i / CHUNK.nx % CHUNK.ny, i % CHUNK.nx);
        let (t, y, x) = (key.time + t, key.row * CHUNK.ny + row, key.column * CHUNK.nx + column);
        if t < STEPS && y < GRID.ny && x < GRID.nx {
            *value_of = value(key.variable, t, y, x);
        }
    }
    values
}

/// Chunks of the unit of work that begins at a time step.
fn keys(layout: &CubeLayout, time: usize) -> Vec<ChunkKey> {
    let chunks = layout.chunks();
    let positions = (0..chunks.ny).flat_map(|row| (0..chunks.nx).map(move |column| (row, column)));
    let of = |(row, column)| (0..6).map(move |variable| ChunkKey { variable, time, row, column });
    positions.flat_map(of).collect()
}

fn unit(sink: &ZarrSink, layout: &CubeLayout, time: usize) -> aster_core::Result<()> {
    for key in keys(layout, time) {
        let chunk = sink.encode(key, &chunk_values(layout, key))?;
        let valid = chunk.valid;
        assert_eq!(sink.store(chunk)? > 0, valid > 0);
    }
    Ok(())
}

fn options(overwrite: bool, compression_level: u8) -> ZarrOptions {
    ZarrOptions { overwrite, compression_level }
}

/// Writes all that is not there yet, a checkpoint per unit; returns the units computed.
fn write_cube(path: &Path, layout: &CubeLayout, options: ZarrOptions) -> aster_core::Result<usize> {
    let sink = ZarrSink::create(path, layout, options)?;
    let done = sink.resumed();
    let mut computed = 0;
    for time in (0..STEPS).step_by(layout.chunk_steps) {
        if !done.contains(&time.to_string()) {
            unit(&sink, layout, time)?;
            sink.checkpoint(&time.to_string())?;
            computed += 1;
        }
    }
    assert_eq!(Box::new(sink).finish(&records())?, [path]);
    Ok(computed)
}

/// Every file below a folder with its bytes.
fn tree(folder: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut files = BTreeMap::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        match path.is_dir() {
            true => files.extend(
                tree(&path).into_iter().map(|(p, b)| (Path::new(path.file_name().unwrap()).join(p), b)),
            ),
            false => drop(files.insert(path.file_name().unwrap().into(), fs::read(&path).unwrap())),
        }
    }
    files
}

fn names(folder: &Path) -> Vec<String> {
    let mut names: Vec<String> =
        fs::read_dir(folder).unwrap().map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

fn code(result: aster_core::Result<impl Sized>) -> ErrorCode {
    result.map(drop).unwrap_err().code()
}

fn python_has(modules: &str) -> bool {
    let output = Command::new("python3").args(["-c", &format!("import {modules}")]).output();
    output.is_ok_and(|o| o.status.success())
}

#[test]
fn other_readers_see_the_same_cube() {
    if !python_has("zarr, xarray, dask") {
        eprintln!("skipped: python3 with zarr, xarray and dask is not installed");
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    for (name, crs, chunk_steps, level) in [
        ("utm.zarr", SOUTH, 1, 1),
        ("plain.zarr", SOUTH, 2, 0),
        ("long.zarr", SOUTH, 8, 9),
        ("degrees.zarr", Crs::Geographic, 2, 1),
    ] {
        let path = folder.path().join(name);
        write_cube(&path, &layout(crs, chunk_steps, "key"), options(false, level)).unwrap();
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/zarr_read.py");
        let output =
            Command::new("python3").arg(script).arg(&path).arg(chunk_steps.to_string()).output().unwrap();
        let text =
            format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        assert!(output.status.success(), "{name}: {text}");
        eprint!("{text}");
    }
    assert_eq!(names(folder.path()), ["degrees.zarr", "long.zarr", "plain.zarr", "utm.zarr"]);
}

#[test]
fn chunks_without_data_are_no_files_and_time_may_be_rewound() {
    let folder = tempfile::tempdir().unwrap();
    let (a, b) = (folder.path().join("a.zarr"), folder.path().join("b.zarr"));
    let layout = layout(SOUTH, 1, "");
    write_cube(&a, &layout, options(false, 1)).unwrap();
    assert!(!a.join("ndvi/c/0/1/1").exists() && a.join("ndvi/c/4/1/1").exists());
    // A scene that fails half-way, then the one that gets its time step.
    let sink = ZarrSink::create(&b, &layout, options(false, 1)).unwrap();
    (0..5).for_each(|time| unit(&sink, &layout, time).unwrap());
    sink.rewind(3).unwrap();
    assert_eq!(code(Box::new(sink).finish(&records()[..2])), ErrorCode::Internal);
    let sink = ZarrSink::create(&b, &layout, options(false, 1)).unwrap();
    (0..5).for_each(|time| unit(&sink, &layout, time).unwrap());
    sink.rewind(3).unwrap();
    Box::new(sink).finish(&records()[..3]).unwrap();
    assert!(b.join("ndvi/c/2/0/0").exists() && !b.join("ndvi/c/3/0/0").exists());
    let sink = ZarrSink::create(&b, &layout, options(true, 1)).unwrap();
    unit(&sink, &layout, 4).unwrap();
    sink.rewind(0).unwrap();
    (0..5).for_each(|time| unit(&sink, &layout, time).unwrap());
    Box::new(sink).finish(&records()).unwrap();
    assert!(tree(&a) == tree(&b));
}

#[test]
fn an_interrupted_run_goes_on_where_it_stopped() {
    let folder = tempfile::tempdir().unwrap();
    let (a, b) = (folder.path().join("a.zarr"), folder.path().join("b.zarr"));
    let layout = layout(SOUTH, 1, "key");
    assert_eq!(write_cube(&a, &layout, options(false, 1)).unwrap(), STEPS);
    let interrupted = |layout: &CubeLayout, level| {
        let sink = ZarrSink::create(&b, layout, options(true, level)).unwrap();
        let records = sink.resumed();
        (0..2).for_each(|time| unit(&sink, layout, time).unwrap());
        sink.checkpoint("0").unwrap();
        sink.checkpoint("1").unwrap();
        unit(&sink, layout, 2).unwrap();
        assert_eq!(code(ZarrSink::create(&b, layout, options(true, 1))), ErrorCode::OutputIo);
        records
    };
    interrupted(&layout, 1);
    // What had no checkpoint is gone, the claim too; something foreign is removed by the next run.
    let partial = folder.path().join(".b.zarr.partial");
    assert_eq!(names(folder.path()), [".b.zarr.partial", "a.zarr"]);
    assert!(partial.join("ndvi/c/1/0/0").exists() && !partial.join("ndvi/c/2/0/0").exists());
    fs::create_dir_all(partial.join("ndvi/c/3/0")).unwrap();
    fs::write(partial.join("ndvi/c/3/0/0"), b"torn").unwrap();
    assert_eq!(write_cube(&b, &layout, options(false, 1)).unwrap(), STEPS - 2);
    assert!(tree(&a) == tree(&b));
    // Another level, another key, a chunk that vanished: from the beginning.
    interrupted(&layout, 1);
    assert!(interrupted(&layout, 2).is_empty());
    let other = CubeLayout { resume_key: "other".to_string(), ..layout.clone() };
    assert!(interrupted(&other, 2).is_empty());
    assert_eq!(interrupted(&other, 2), ["0", "1"]);
    fs::remove_file(partial.join("ndvi/c/1/0/0")).unwrap();
    assert!(interrupted(&other, 2).is_empty());
    // The output that was there is untouched by all that.
    assert!(tree(&a) == tree(&b));
    // Rewinding to the beginning forgets the records.
    let sink = ZarrSink::create(&b, &other, options(true, 2)).unwrap();
    sink.rewind(0).unwrap();
    assert!(sink.resumed().is_empty());
    drop(sink);
    assert_eq!(names(folder.path()), ["a.zarr", "b.zarr"]);
}

#[test]
fn nothing_is_left_where_nothing_is_worth_keeping() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.zarr");
    for key in ["", "key"] {
        let layout = layout(SOUTH, 1, key);
        let sink = ZarrSink::create(&path, &layout, options(false, 1)).unwrap();
        unit(&sink, &layout, 0).unwrap();
        if key.is_empty() {
            sink.checkpoint("0").unwrap();
        }
        assert_eq!(names(folder.path()), [".a.zarr.claim", ".a.zarr.partial"]);
        drop(sink);
        assert!(names(folder.path()).is_empty());
        let sink = ZarrSink::create(&path, &layout, options(false, 1)).unwrap();
        assert_eq!(code(Box::new(sink).finish(&[])), ErrorCode::NoData);
        assert!(names(folder.path()).is_empty());
    }
}

#[test]
fn refusals_come_before_anything_is_written() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.zarr");
    let layout = layout(SOUTH, 2, "key");
    fs::create_dir(&path).unwrap();
    fs::write(path.join("thesis.txt"), b"precious").unwrap();
    assert_eq!(code(ZarrSink::create(&path, &layout, options(false, 1))), ErrorCode::OutputExists);
    assert_eq!(code(ZarrSink::create(&path, &layout, options(true, 1))), ErrorCode::OutputIo);
    assert_eq!(fs::read(path.join("thesis.txt")).unwrap(), b"precious");
    assert_eq!(
        code(ZarrSink::create(&folder.path().join("no/a.zarr"), &layout, options(false, 1))),
        ErrorCode::OutputIo
    );
    let other = folder.path().join("b.zarr");
    assert_eq!(code(ZarrSink::create(&other, &layout, options(false, 10))), ErrorCode::Usage);
    let mut rotated = layout.clone();
    rotated.grid.transform.rx = 1.0;
    assert_eq!(code(ZarrSink::create(&other, &rotated, options(false, 1))), ErrorCode::Unsupported);
    let sink = ZarrSink::create(&other, &layout, options(false, 1)).unwrap();
    let key = ChunkKey { variable: 0, time: 0, row: 0, column: 0 };
    let values = chunk_values(&layout, key);
    assert!(sink.encode(ChunkKey { row: 9, ..key }, &values).is_err());
    assert!(sink.encode(ChunkKey { time: 1, ..key }, &values).is_err());
    assert!(sink.encode(key, &values[1..]).is_err());
    drop(sink);
    assert_eq!(names(folder.path()), ["a.zarr"]);
}

#[test]
fn a_store_is_replaced_whole_and_comes_back_after_a_crash_between_two_renames() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.zarr");
    let (one, two) = (layout(SOUTH, 1, "key"), layout(SOUTH, 2, "key"));
    write_cube(&path, &one, options(false, 1)).unwrap();
    let before = tree(&path);
    write_cube(&path, &two, options(true, 1)).unwrap();
    assert!(tree(&path) != before && names(folder.path()) == ["a.zarr"]);
    let before = tree(&path);
    fs::rename(&path, folder.path().join(".a.zarr.replaced")).unwrap();
    assert_eq!(code(write_cube(&path, &one, options(false, 1))), ErrorCode::OutputExists);
    assert!(tree(&path) == before && names(folder.path()) == ["a.zarr"]);
}

#[test]
fn a_full_disk_is_reported_and_what_is_finished_is_kept() {
    let (mut full, mut kept) = (0, 0);
    let reference = tempfile::tempdir().unwrap();
    let layout = layout(SOUTH, 1, "key");
    let whole = reference.path().join("a.zarr");
    write_cube(&whole, &layout, options(false, 0)).unwrap();
    for kib in [4, 40, 200, 280, 400, 600, 800, 1000, 1100, 1200, 1240, 1280, 1320, 1360, 1400] {
        let Some(disk) = SmallDisk::mount(kib) else {
            eprintln!("skipped: no right to mount a tmpfs");
            return;
        };
        let path = disk.path().join("a.zarr");
        let Err(error) = write_cube(&path, &layout, options(false, 0)) else { continue };
        full += 1;
        assert_eq!(error.code(), ErrorCode::DiskFull, "{kib} KiB: {error}");
        assert!(error.path().unwrap().starts_with(disk.path()), "{error:?}");
        let left = names(disk.path());
        assert!(left.is_empty() || left == [".a.zarr.partial"], "{kib} KiB: {left:?}");
        assert_eq!(error.hint_text().unwrap().contains(".a.zarr.partial"), !left.is_empty(), "{error:?}");
        disk.grow(4000);
        let computed = write_cube(&path, &layout, options(false, 0)).unwrap();
        assert_eq!(computed < STEPS, !left.is_empty());
        kept += usize::from(!left.is_empty());
        assert!(tree(&path) == tree(&whole), "{kib} KiB");
    }
    assert!(full >= 8 && kept >= 4, "{full} were full, {kept} kept something");
}

/// Run by the next test in a process of its own.
#[test]
#[ignore = "writes a cube slowly, to be killed"]
fn victim() {
    let path = killed::victims_output();
    let layout = layout(SOUTH, 1, "key");
    let sink = ZarrSink::create(&path, &layout, options(false, 1)).unwrap();
    killed::write_slowly(&path, STEPS, &sink.resumed(), |time| {
        for key in keys(&layout, time) {
            sink.store(sink.encode(key, &chunk_values(&layout, key)).unwrap()).unwrap();
            std::thread::sleep(Duration::from_micros(300));
        }
        sink.checkpoint(&time.to_string()).unwrap();
    });
    Box::new(sink).finish(&records()).unwrap();
}

#[test]
#[cfg(target_os = "linux")]
fn kill_9_at_any_moment_costs_no_finished_unit() {
    let folder = tempfile::tempdir().unwrap();
    let whole = folder.path().join("whole.zarr");
    write_cube(&whole, &layout(SOUTH, 1, "key"), options(false, 1)).unwrap();
    killed::kill_9_until_complete(folder.path(), "zarr", 60, |path| tree(path) == tree(&whole));
}
