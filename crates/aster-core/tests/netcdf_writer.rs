//! NetCDF output as other software reads it, its failures, and what they leave behind.
#![cfg(feature = "netcdf")]
// Clippy's leave for tests ends at functions that are not tests themselves.
#![allow(clippy::unwrap_used, clippy::print_stderr)]
mod small_disk;

use aster_core::ErrorCode;
use aster_core::cube::record::{BandRecord, SceneRecord, StepRecord};
use aster_core::cube::sink::{AttributeValue, ChunkKey, ChunkSink, CubeLayout, ValueType, VariableSpec};
use aster_core::geo::affine::Affine;
use aster_core::geo::crs::Crs;
use aster_core::grid::geobox::{GeoBox, Shape};
use aster_core::radiometry::gain::{CoefficientSource, UnitConversion};
use aster_core::write::netcdf::{NetcdfOptions, NetcdfSink};
use small_disk::SmallDisk;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

const TIMES: [&str; 3] = ["2001-03-06T03:11:57Z", "2004-02-05T20:00:03Z", "2009-07-23T18:49:46Z"];
const GRID: Shape = Shape { ny: 37, nx: 53 };
const CHUNK: Shape = Shape { ny: 16, nx: 20 };

fn variable(name: &str, value_type: ValueType) -> VariableSpec {
    let mut spec = VariableSpec {
        name: name.to_string(),
        long_name: format!("test variable {name}"),
        standard_name: None,
        units: "1".to_string(),
        value_type,
        keep_bits: None,
        repeats: name == "red",
        attributes: vec![
            ("valid_min".to_string(), AttributeValue::Float(vec![-1.0])),
            ("computed_from".to_string(), AttributeValue::Text("bands 3N and 2, 15 m – nearest".to_string())),
        ],
    };
    match value_type {
        ValueType::F32 if name == "ImageData3N" => {
            spec.standard_name = Some("toa_outgoing_radiance_per_unit_wavelength".to_string());
            spec.units = "W m-2 sr-1 um-1".to_string();
        }
        ValueType::U8 | ValueType::U16 => spec.attributes[0].1 = AttributeValue::Float(vec![1.0]),
        ValueType::I16 => {
            spec.units = "m".to_string();
            spec.attributes[0].1 = AttributeValue::Float(vec![-9000.0]);
        }
        _ => {}
    }
    spec
}

fn layout(crs: Crs) -> CubeLayout {
    let transform = match crs {
        Crs::Geographic => Affine::upright(139.25, -34.5, 0.000_25, 0.000_25),
        _ => Affine::upright(300_015.0, 6_200_040.0, 15.0, 15.0),
    };
    CubeLayout {
        grid: GeoBox { crs, transform, shape: GRID },
        chunk: CHUNK,
        chunk_steps: 1,
        time_steps: 5,
        variables: vec![
            variable("ndvi", ValueType::F32),
            variable("ImageData3N", ValueType::F32),
            variable("dn8", ValueType::U8),
            variable("dn16", ValueType::U16),
            variable("elevation", ValueType::I16),
            // Few values: kept whole where the others are shuffled.
            variable("red", ValueType::F32),
        ],
        title: "ASTER test cube".to_string(),
        history: "2026-01-02T03:04:05Z: aster-timeseries run --bbox 1 2 3 4".to_string(),
        request_json: "{\"version\":1}".to_string(),
        resume_key: String::new(),
    }
}

/// The value of a pixel, known to netcdf_read.py too.
fn value(variable: usize, time: usize, y: usize, x: usize) -> f32 {
    // A diagonal strip is missing, and one whole chunk of each time step but the last.
    if (x + y + 7 * time).is_multiple_of(11) || (time < 2 && y / CHUNK.ny == 1 && x / CHUNK.nx == 1) {
        return f32::NAN;
    }
    let n = (time * 10_000 + y * 100 + x) as f32;
    match variable {
        0 => (n * 0.37).sin(),
        1 => n * 0.125,
        2 => 1.0 + (n % 255.0),
        3 => 1.0 + (n % 4095.0),
        5 => (n % 61.0) * 0.708,
        _ => n - 5000.0,
    }
}

fn step(time: usize, sizes: usize) -> StepRecord {
    let conversion = UnitConversion { ucc: 0.862, offset: -0.862, source: CoefficientSource::File };
    let scene = SceneRecord {
        id: format!("AST_L1T_0030306200103115{time}_20150414031306_83940"),
        product: "AST_L1T".to_string(),
        version: "003".to_string(),
        time: TIMES[time].parse().unwrap(),
        solar_azimuth_deg: 40.5 + time as f64,
        solar_elevation_deg: 50.25,
        cloud_cover_percent: if time == 1 { f64::NAN } else { 12.0 },
        earth_sun_distance_au: 0.9925,
        radiometric_db_version: "03.01".to_string(),
        placement: "shift".to_string(),
        bands: vec![BandRecord {
            variable: "ImageData3N".to_string(),
            gain: if time == 2 { String::new() } else { "NOR".to_string() },
            conversion: (time < 2).then_some(conversion),
            saturated_pixels: Some(17 * time as u64),
        }],
    };
    let valid_pixels = vec![1000 + time as u64; sizes];
    StepRecord { time: scene.time, period: None, scenes: vec![scene], valid_pixels }
}

fn chunk_values(key: ChunkKey) -> Vec<f32> {
    let mut values = vec![f32::NAN; CHUNK.ny * CHUNK.nx];
    for row in 0..CHUNK.ny {
        for column in 0..CHUNK.nx {
            let (y, x) = (key.row * CHUNK.ny + row, key.column * CHUNK.nx + column);
            if y < GRID.ny && x < GRID.nx {
                values[row * CHUNK.nx + column] = value(key.variable, key.time, y, x);
            }
        }
    }
    values
}

fn keys(layout: &CubeLayout, times: std::ops::Range<usize>) -> Vec<ChunkKey> {
    let chunks = layout.chunks();
    let mut keys = Vec::new();
    for time in times {
        for variable in 0..layout.variables.len() {
            for row in 0..chunks.ny {
                for column in 0..chunks.nx {
                    keys.push(ChunkKey { variable, time, row, column });
                }
            }
        }
    }
    keys
}

fn write_cube(path: &Path, crs: Crs, level: u8, overwrite: bool) -> aster_core::Result<Vec<PathBuf>> {
    let layout = layout(crs);
    let sink = NetcdfSink::create(path, &layout, NetcdfOptions { overwrite, compression_level: level })?;
    for key in keys(&layout, 0..3) {
        let chunk = sink.encode(key, &chunk_values(key))?;
        let bytes = sink.store(chunk.clone())?;
        assert_eq!(bytes > 0, chunk.valid > 0);
    }
    let scenes: Vec<StepRecord> = (0..3).map(|t| step(t, layout.variables.len())).collect();
    Box::new(sink).finish(&scenes)
}

const SOUTH: Crs = Crs::Utm { zone: 54, south: true };

fn is_empty(folder: &Path) -> bool {
    fs::read_dir(folder).unwrap().next().is_none()
}

fn python_has(modules: &str) -> bool {
    Command::new("python3")
        .args(["-c", &format!("import {modules}")])
        .output()
        .is_ok_and(|o| o.status.success())
}

#[test]
fn other_readers_see_the_same_cube() {
    if !python_has("netCDF4, h5py, xarray") {
        eprintln!("skipped: python3 with netCDF4, h5py and xarray is not installed");
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    for (name, crs, level) in [
        ("utm.nc", SOUTH, 1),
        ("plain.nc", SOUTH, 0),
        ("small.nc", SOUTH, 9),
        ("degrees.nc", Crs::Geographic, 1),
    ] {
        let path = folder.path().join(name);
        assert_eq!(write_cube(&path, crs, level, false).unwrap(), std::slice::from_ref(&path));
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/netcdf_read.py");
        let output = Command::new("python3").arg(script).arg(&path).output().unwrap();
        let text =
            format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        assert!(output.status.success(), "{name}: {text}");
        eprint!("{text}");
    }
}

#[test]
fn the_same_request_gives_the_same_bytes_and_time_may_be_rewound() {
    let folder = tempfile::tempdir().unwrap();
    let (a, b) = (folder.path().join("a.nc"), folder.path().join("b.nc"));
    write_cube(&a, SOUTH, 1, false).unwrap();
    write_cube(&b, SOUTH, 1, false).unwrap();
    assert!(fs::read(&a).unwrap() == fs::read(&b).unwrap());

    // A scene that fails half-way gives its place to the next one.
    let layout = layout(SOUTH);
    let sink =
        NetcdfSink::create(&b, &layout, NetcdfOptions { overwrite: true, compression_level: 1 }).unwrap();
    for key in keys(&layout, 0..2) {
        sink.store(sink.encode(key, &chunk_values(key)).unwrap()).unwrap();
    }
    sink.rewind(1).unwrap();
    let scenes: Vec<StepRecord> = (0..2).map(|t| step(t, layout.variables.len())).collect();
    let too_few = NetcdfSink::create(
        &folder.path().join("c.nc"),
        &layout,
        NetcdfOptions { overwrite: false, compression_level: 1 },
    )
    .unwrap();
    for key in keys(&layout, 0..2) {
        too_few.store(too_few.encode(key, &chunk_values(key)).unwrap()).unwrap();
    }
    assert_eq!(Box::new(too_few).finish(&scenes[..1]).unwrap_err().code(), ErrorCode::Internal);
    Box::new(sink).finish(&scenes).unwrap();
    assert!(fs::metadata(&b).unwrap().len() < fs::metadata(&a).unwrap().len());
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 2);
}

#[test]
fn a_long_request_fits_into_an_attribute() {
    let folder = tempfile::tempdir().unwrap();
    let mut layout = layout(SOUTH);
    layout.request_json = format!("[\"{}\"]", "x".repeat(300_000));
    let path = folder.path().join("a.nc");
    let sink = NetcdfSink::create(&path, &layout, NetcdfOptions::default()).unwrap();
    Box::new(sink).finish(&[step(0, 6)]).unwrap();
    let bytes = fs::read(&path).unwrap();
    assert!(bytes.windows(1000).any(|w| w.iter().all(|&b| b == b'x')));
}

#[test]
fn many_threads_encode_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let (a, b) = (folder.path().join("a.nc"), folder.path().join("b.nc"));
    write_cube(&a, SOUTH, 1, false).unwrap();
    let layout = layout(SOUTH);
    let sink = NetcdfSink::create(&b, &layout, NetcdfOptions::default()).unwrap();
    let keys = keys(&layout, 0..3);
    let chunks: Vec<_> = std::thread::scope(|scope| {
        let parts: Vec<_> = keys
            .chunks(7)
            .map(|part| {
                let sink = &sink;
                scope.spawn(move || {
                    part.iter().map(|&k| sink.encode(k, &chunk_values(k)).unwrap()).collect::<Vec<_>>()
                })
            })
            .collect();
        parts.into_iter().flat_map(|p| p.join().unwrap()).collect()
    });
    for chunk in chunks {
        sink.store(chunk).unwrap();
    }
    let scenes: Vec<StepRecord> = (0..3).map(|t| step(t, layout.variables.len())).collect();
    Box::new(sink).finish(&scenes).unwrap();
    assert!(fs::read(&a).unwrap() == fs::read(&b).unwrap());
}

#[test]
fn nothing_is_left_of_an_output_that_is_not_finished() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.nc");
    let layout = layout(SOUTH);
    let start = || NetcdfSink::create(&path, &layout, NetcdfOptions::default()).unwrap();
    let sink = start();
    let key = ChunkKey { variable: 0, time: 0, row: 0, column: 0 };
    sink.store(sink.encode(key, &chunk_values(key)).unwrap()).unwrap();
    assert!(!path.exists() && !is_empty(folder.path()));
    drop(sink);
    assert!(is_empty(folder.path()));
    assert_eq!(Box::new(start()).finish(&[]).unwrap_err().code(), ErrorCode::NoData);
    assert!(is_empty(folder.path()));
    let sink = start();
    assert!(sink.encode(ChunkKey { row: 9, ..key }, &chunk_values(key)).is_err());
    assert!(sink.encode(key, &[1.0; 7]).is_err());
}

#[test]
fn refusals_come_before_anything_is_written() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.nc");
    fs::write(&path, b"precious").unwrap();
    let error = write_cube(&path, SOUTH, 1, false).unwrap_err();
    assert_eq!(error.code(), ErrorCode::OutputExists);
    assert_eq!(fs::read(&path).unwrap(), b"precious");
    write_cube(&path, SOUTH, 1, true).unwrap();
    assert!(fs::read(&path).unwrap().starts_with(b"\x89HDF"));

    let error = write_cube(&folder.path().join("no/a.nc"), SOUTH, 1, false).unwrap_err();
    assert_eq!(error.code(), ErrorCode::OutputIo);
    let mut twice = layout(SOUTH);
    twice.variables[1].name = "ndvi".to_string();
    let create = |layout: &CubeLayout, level| {
        let options = NetcdfOptions { overwrite: true, compression_level: level };
        NetcdfSink::create(&path, layout, options).map(drop).unwrap_err().code()
    };
    assert_eq!(create(&twice, 1), ErrorCode::Usage);
    twice.variables[1].name = "a/b".to_string();
    assert_eq!(create(&twice, 1), ErrorCode::Usage);
    assert_eq!(create(&layout(SOUTH), 10), ErrorCode::Usage);
    let mut rotated = layout(SOUTH);
    rotated.grid.transform.rx = 1.0;
    assert_eq!(create(&rotated, 1), ErrorCode::Unsupported);
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
}

#[test]
fn a_full_disk_is_reported_and_leaves_nothing() {
    // From no room for the header, over room for some chunks, to room for all but the end.
    let sizes = [4, 16, 40, 64, 88, 112, 136, 160, 184, 208, 232, 256, 280, 304];
    let (mut full, mut complete) = (0, 0);
    for kib in sizes {
        let Some(disk) = SmallDisk::mount(kib) else {
            eprintln!("skipped: no right to mount a tmpfs");
            return;
        };
        let path = disk.path().join("a.nc");
        match write_cube(&path, SOUTH, 0, false) {
            Ok(_) => complete += 1,
            Err(error) => {
                assert_eq!(error.code(), ErrorCode::DiskFull, "{kib} KiB: {error}");
                assert!(is_empty(disk.path()), "{kib} KiB");
                full += 1;
            }
        }
        assert!(fs::read_dir(disk.path()).unwrap().count() <= 1);
    }
    assert!(full >= 8, "{full} of {} were full", sizes.len());
    eprintln!("{full} disks were full, {complete} held the cube");
}
