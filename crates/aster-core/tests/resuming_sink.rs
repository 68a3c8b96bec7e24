//! Outputs that go on from kept chunks: cut anywhere, killed at any moment, on a full disk; each is then that of a run
//! that nobody disturbed.
#![cfg(feature = "netcdf")]
// Clippy's leave for tests ends at functions that are not tests themselves.
#![allow(clippy::unwrap_used, clippy::print_stderr)]
mod killed;
mod small_disk;

use aster_core::ErrorCode;
use aster_core::cube::record::{SceneRecord, StepRecord};
use aster_core::cube::sink::{ChunkKey, ChunkSink, CubeLayout, ValueType, VariableSpec};
use aster_core::geo::affine::Affine;
use aster_core::geo::crs::Crs;
use aster_core::grid::geobox::{GeoBox, Shape};
use aster_core::write::netcdf::{NetcdfOptions, NetcdfSink};
use aster_core::write::resuming::ResumingSink;
use small_disk::SmallDisk;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

const STEPS: usize = 5;
const GRID: Shape = Shape { ny: 37, nx: 53 };
const CHUNK: Shape = Shape { ny: 16, nx: 20 };
const NAMES: [&str; 2] = [".a.nc.checkpoints", ".a.nc.checkpoints.claim"];

fn variable(name: &str, value_type: ValueType) -> VariableSpec {
    VariableSpec {
        name: name.to_string(),
        long_name: format!("test variable {name}"),
        standard_name: None,
        units: "1".to_string(),
        value_type,
        keep_bits: None,
        repeats: false,
        attributes: Vec::new(),
    }
}

fn layout(resume_key: &str) -> CubeLayout {
    CubeLayout {
        grid: GeoBox {
            crs: Crs::Utm { zone: 54, south: true },
            transform: Affine::upright(300_015.0, 6_200_040.0, 15.0, 15.0),
            shape: GRID,
        },
        chunk: CHUNK,
        chunk_steps: 1,
        time_steps: STEPS,
        variables: vec![variable("ndvi", ValueType::F32), variable("dn8", ValueType::U8)],
        title: "ASTER test cube".to_string(),
        history: "2026-01-02T03:04:05Z: aster-timeseries run --bbox 1 2 3 4".to_string(),
        request_json: "{\"version\":1}".to_string(),
        resume_key: resume_key.to_string(),
    }
}

fn values(key: ChunkKey) -> Vec<f32> {
    let value = |i: usize| {
        let (y, x) = (key.row * CHUNK.ny + i / CHUNK.nx, key.column * CHUNK.nx + i % CHUNK.nx);
        let n = key.time * 10_000 + y * 100 + x;
        // A diagonal is missing, and one whole chunk of all time steps but the last.
        let is_missing =
            (x + y + 7 * key.time).is_multiple_of(11) || (key.time < 4 && (key.row, key.column) == (1, 1));
        match (is_missing || y >= GRID.ny || x >= GRID.nx, key.variable) {
            (true, _) => f32::NAN,
            (false, 0) => (n as f32 * 0.37).sin(),
            (false, _) => 1.0 + (n % 255) as f32,
        }
    };
    (0..CHUNK.ny * CHUNK.nx).map(value).collect()
}

fn records() -> Vec<StepRecord> {
    let step = |time: usize| {
        let when = format!("200{time}-03-06T03:11:57Z").parse().unwrap();
        let scene = SceneRecord {
            id: format!("AST_L1T_0030306200103115{time}_20150414031306_83940"),
            product: "AST_L1T".to_string(),
            version: "003".to_string(),
            time: when,
            solar_azimuth_deg: 40.5,
            solar_elevation_deg: 50.25,
            cloud_cover_percent: 12.0,
            earth_sun_distance_au: 0.9925,
            radiometric_db_version: "03.01".to_string(),
            placement: "shift".to_string(),
            bands: Vec::new(),
        };
        StepRecord { time: when, period: None, scenes: vec![scene], valid_pixels: vec![1000, 1000] }
    };
    (0..STEPS).map(step).collect()
}

/// Chunks of a time step, or of a row of chunks with all time steps.
fn keys(unit: usize, by_blocks: bool) -> Vec<ChunkKey> {
    let all =
        (0..STEPS).flat_map(|time| (0..3).flat_map(move |row| (0..3).map(move |column| (time, row, column))));
    let of_unit = all.filter(|&(time, row, _)| unit == if by_blocks { row } else { time });
    of_unit
        .flat_map(|(time, row, column)| (0..2).map(move |variable| ChunkKey { variable, time, row, column }))
        .collect()
}

fn plain(path: &Path, level: u8) -> aster_core::Result<NetcdfSink> {
    NetcdfSink::create(path, &layout(""), NetcdfOptions { overwrite: true, compression_level: level })
}

fn log_of(path: &Path) -> PathBuf {
    path.with_file_name(format!(".{}.checkpoints", path.file_name().unwrap().to_str().unwrap()))
}

fn create(path: &Path, key: &str, level: u8) -> aster_core::Result<ResumingSink<NetcdfSink>> {
    ResumingSink::new(plain(path, level)?, &log_of(path), path, &layout(key), &format!("netcdf {level}"))
}

fn store(sink: &dyn ChunkSink, unit: usize, by_blocks: bool) -> aster_core::Result<()> {
    for key in keys(unit, by_blocks) {
        let chunk = sink.encode(key, &values(key))?;
        let valid = chunk.valid;
        assert_eq!(sink.store(chunk)? > 0, valid > 0);
    }
    Ok(())
}

/// Writes what is not there yet, a checkpoint per unit; returns the units computed.
fn write_cube(path: &Path, level: u8, by_blocks: bool) -> aster_core::Result<usize> {
    let sink = create(path, "key", level)?;
    let done = sink.resumed();
    let units = if by_blocks { 3 } else { STEPS };
    let mut computed = 0;
    for unit in (0..units).filter(|unit| !done.contains(&unit.to_string())) {
        store(&sink, unit, by_blocks)?;
        sink.checkpoint(&unit.to_string())?;
        computed += 1;
    }
    assert_eq!(Box::new(sink).finish(&records())?, [path]);
    Ok(computed)
}

/// The bytes that a run without checkpoints writes.
fn undisturbed(folder: &Path, level: u8, by_blocks: bool) -> Vec<u8> {
    let path = folder.join("plain.nc");
    let sink = plain(&path, level).unwrap();
    (0..if by_blocks { 3 } else { STEPS }).for_each(|unit| store(&sink, unit, by_blocks).unwrap());
    Box::new(sink).finish(&records()).unwrap();
    let bytes = fs::read(&path).unwrap();
    fs::remove_file(path).unwrap();
    bytes
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

#[test]
fn a_run_that_is_cut_anywhere_ends_as_one_that_was_not() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.nc");
    for by_blocks in [false, true] {
        let whole = undisturbed(folder.path(), 1, by_blocks);
        let units = if by_blocks { 3 } else { STEPS };
        assert_eq!(write_cube(&path, 1, by_blocks).unwrap(), units);
        assert!(fs::read(&path).unwrap() == whole, "checkpoints change nothing");
        assert_eq!(names(folder.path()), ["a.nc"]);
        // All of the work, but not its end.
        let sink = create(&path, "key", 1).unwrap();
        for unit in 0..units {
            store(&sink, unit, by_blocks).unwrap();
            sink.checkpoint(&unit.to_string()).unwrap();
        }
        drop(sink);
        assert_eq!(names(folder.path()), [NAMES[0], "a.nc"]);
        let kept = fs::read(log_of(&path)).unwrap();
        let mut seen = vec![0; units + 1];
        for cut in (0..=kept.len()).step_by(kept.len() / 70).chain([kept.len()]) {
            fs::write(log_of(&path), &kept[..cut]).unwrap();
            let computed = write_cube(&path, 1, by_blocks).unwrap();
            seen[computed] += 1;
            assert!(fs::read(&path).unwrap() == whole, "cut at {cut} of {}, {computed} computed", kept.len());
            assert_eq!(names(folder.path()), ["a.nc"]);
        }
        assert!(seen.iter().all(|&n| n > 0), "{seen:?}");
    }
}

#[test]
fn only_the_same_run_goes_on_and_only_one_at_a_time() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.nc");
    let interrupted = |key: &str, level| {
        let sink = create(&path, key, level).unwrap();
        let records = sink.resumed();
        if records.is_empty() {
            for unit in 0..2 {
                store(&sink, unit, false).unwrap();
                sink.checkpoint(&unit.to_string()).unwrap();
            }
        }
        store(&sink, 2, false).unwrap();
        assert_eq!(code(create(&path, key, level)), ErrorCode::OutputIo);
        records
    };
    assert!(interrupted("key", 1).is_empty());
    // What had no checkpoint is cut off, the claim is given up.
    assert_eq!(names(folder.path()), [NAMES[0]]);
    let kept = fs::metadata(log_of(&path)).unwrap().len();
    assert_eq!(interrupted("key", 1), ["0", "1"]);
    assert_eq!(fs::metadata(log_of(&path)).unwrap().len(), kept);
    // Another level, another key: from the beginning.
    assert!(interrupted("key", 2).is_empty());
    assert!(interrupted("other", 2).is_empty());
    assert_eq!(interrupted("other", 2), ["0", "1"]);
    // Rewinding to the beginning forgets the records.
    let sink = create(&path, "other", 2).unwrap();
    sink.rewind(0).unwrap();
    assert!(sink.resumed().is_empty());
    drop(sink);
    assert!(names(folder.path()).is_empty());
    // Without a key, without a checkpoint or without a result nothing is kept.
    for key in ["", "key"] {
        let sink = create(&path, key, 1).unwrap();
        store(&sink, 0, false).unwrap();
        if key.is_empty() {
            sink.checkpoint("0").unwrap();
        }
        assert_eq!(names(folder.path())[..2], NAMES);
        drop(sink);
        assert!(names(folder.path()).is_empty());
        assert_eq!(code(Box::new(create(&path, key, 1).unwrap()).finish(&[])), ErrorCode::NoData);
        assert!(names(folder.path()).is_empty());
    }
    // Who was silent for so long that another one took over neither writes on nor removes what is the other one's.
    let sink = create(&path, "key", 1).unwrap();
    store(&sink, 0, false).unwrap();
    sink.checkpoint("0").unwrap();
    fs::write(folder.path().join(NAMES[1]), "another").unwrap();
    assert_eq!(code(sink.checkpoint("1")), ErrorCode::OutputIo);
    assert_eq!(code(Box::new(sink).finish(&records()[..1])), ErrorCode::OutputIo);
    assert_eq!(names(folder.path()), NAMES);
}

#[test]
fn a_scene_that_fails_gives_its_time_step_to_the_next() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.nc");
    let whole = undisturbed(folder.path(), 1, false);
    for interrupted in [false, true] {
        let mut sink = create(&path, "key", 1).unwrap();
        store(&sink, 0, false).unwrap();
        sink.checkpoint("0").unwrap();
        // Half of a scene that is bad, with other values than those that come in its place.
        for key in keys(1, false).into_iter().take(7) {
            sink.store(sink.encode(key, &values(ChunkKey { row: 2 - key.row, ..key })).unwrap()).unwrap();
        }
        sink.rewind(1).unwrap();
        if interrupted {
            drop(sink);
            sink = create(&path, "key", 1).unwrap();
            assert_eq!(sink.resumed(), ["0"]);
        }
        for unit in 1..STEPS {
            store(&sink, unit, false).unwrap();
            sink.checkpoint(&unit.to_string()).unwrap();
        }
        assert_eq!(code(sink.rewind(3)), ErrorCode::Internal);
        Box::new(sink).finish(&records()).unwrap();
        assert!(fs::read(&path).unwrap() == whole, "interrupted: {interrupted}");
    }
}

#[test]
fn a_file_of_checkpoints_is_refused_where_it_would_do_harm() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.nc");
    let at = |file: &Path| ResumingSink::new(plain(&path, 1).unwrap(), file, &path, &layout("key"), "netcdf");
    fs::write(folder.path().join("thesis.txt"), b"precious").unwrap();
    assert_eq!(code(at(&folder.path().join("thesis.txt"))), ErrorCode::OutputExists);
    assert_eq!(fs::read(folder.path().join("thesis.txt")).unwrap(), b"precious");
    assert_eq!(code(at(&path)), ErrorCode::Usage);
    assert_eq!(code(at(folder.path())), ErrorCode::OutputIo);
    let error = at(&folder.path().join("no/kept")).map(drop).unwrap_err();
    assert!(error.hint_text().unwrap().starts_with("create it first: mkdir -p "), "{error:?}");
    assert_eq!(names(folder.path()), ["thesis.txt"]);
    // Elsewhere, as for an output on a disk of this machine.
    let other = tempfile::tempdir().unwrap();
    let sink = at(&other.path().join("kept")).unwrap();
    store(&sink, 0, false).unwrap();
    sink.checkpoint("0").unwrap();
    drop(sink);
    assert_eq!(names(other.path()), ["kept"]);
    assert_eq!(at(&other.path().join("kept")).unwrap().resumed(), ["0"]);
}

#[test]
fn a_full_disk_is_reported_and_what_is_finished_is_kept() {
    let (mut full, mut kept) = (0, 0);
    let reference = tempfile::tempdir().unwrap();
    let whole = undisturbed(reference.path(), 0, false);
    for kib in [4, 12, 40, 60, 80, 100, 120, 140, 160, 180, 200, 220, 240, 260] {
        let Some(disk) = SmallDisk::mount(kib) else {
            eprintln!("skipped: no right to mount a tmpfs");
            return;
        };
        let path = disk.path().join("a.nc");
        let Err(error) = write_cube(&path, 0, false) else { continue };
        full += 1;
        assert_eq!(error.code(), ErrorCode::DiskFull, "{kib} KiB: {error}");
        assert!(error.path().unwrap().starts_with(disk.path()), "{error:?}");
        let left = names(disk.path());
        assert!(left.is_empty() || left == [NAMES[0]], "{kib} KiB: {left:?}");
        assert_eq!(error.hint_text().unwrap().contains(NAMES[0]), !left.is_empty(), "{error:?}");
        disk.grow(4000);
        let computed = write_cube(&path, 0, false).unwrap();
        assert_eq!(computed < STEPS, !left.is_empty(), "{kib} KiB");
        kept += usize::from(!left.is_empty());
        assert!(fs::read(&path).unwrap() == whole, "{kib} KiB");
        assert_eq!(names(disk.path()), ["a.nc"]);
    }
    assert!(full >= 6 && kept >= 3, "{full} were full, {kept} kept something");
}

/// Run by the next test in a process of its own.
#[test]
#[ignore = "writes a cube slowly, to be killed"]
fn victim() {
    let path = killed::victims_output();
    let sink = create(&path, "key", 1).unwrap();
    killed::write_slowly(&path, STEPS, &sink.resumed(), |unit| {
        for key in keys(unit, false) {
            sink.store(sink.encode(key, &values(key)).unwrap()).unwrap();
            std::thread::sleep(Duration::from_micros(500));
        }
        sink.checkpoint(&unit.to_string()).unwrap();
    });
    Box::new(sink).finish(&records()).unwrap();
}

#[test]
#[cfg(target_os = "linux")]
fn kill_9_at_any_moment_costs_no_finished_unit() {
    let folder = tempfile::tempdir().unwrap();
    let whole = undisturbed(folder.path(), 1, false);
    killed::kill_9_until_complete(folder.path(), "nc", 40, |path| fs::read(path).unwrap() == whole);
}
