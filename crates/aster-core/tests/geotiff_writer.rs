//! GeoTIFF and COG outputs as other software reads them, their failures, and what an interrupted run leaves.
#![cfg(feature = "gdal")]
// Clippy's leave for tests ends at functions that are not tests themselves.
#![allow(clippy::unwrap_used, clippy::print_stderr)]
mod small_disk;

use aster_core::ErrorCode;
use aster_core::cube::record::{BandRecord, SceneRecord, StepRecord};
use aster_core::cube::sink::{
    AttributeValue, ChunkKey, ChunkSink, CubeLayout, Packing, ValueType, VariableSpec,
};
use aster_core::geo::affine::Affine;
use aster_core::geo::crs::Crs;
use aster_core::grid::geobox::{GeoBox, Shape};
use aster_core::radiometry::gain::{CoefficientSource, UnitConversion};
use aster_core::write::geotiff::{GeotiffOptions, GeotiffSink};
use small_disk::SmallDisk;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

const TIMES: [&str; 3] = ["2001-03-06T03:11:57Z", "2004-02-05T20:00:03Z", "2009-07-23T18:49:46Z"];
const PACKING: Packing = Packing { scale: 0.0001, offset: 0.5 };
const SOUTH: Crs = Crs::Utm { zone: 54, south: true };

/// Number types of the variables of a file, by its name; geotiff_read.py knows them too.
fn types(kind: &str) -> Vec<ValueType> {
    use ValueType::{F32, I16, Packed, U8, U16, U32};
    match kind {
        "float" => vec![F32, F32],
        "dn8" => vec![U8, U8, U8],
        "dn16" => vec![U8, U16],
        "signed" => vec![I16],
        "counts" => vec![U32],
        "packed" => vec![Packed(PACKING), Packed(PACKING)],
        _ => vec![F32, U8, U16, I16, U32, Packed(PACKING)],
    }
}

#[derive(Clone)]
struct Case {
    layout: CubeLayout,
    options: GeotiffOptions,
}

impl Case {
    fn new(kind: &str, grid: Shape, chunk: Shape, steps: usize) -> Self {
        let variables = types(kind).into_iter().enumerate().map(|(i, value_type)| VariableSpec {
            name: format!("v{i}"),
            long_name: format!("test variable {i}"),
            standard_name: (i == 0).then(|| "toa_outgoing_radiance_per_unit_wavelength".to_string()),
            units: if i == 0 { "W m-2 sr-1 um-1" } else { "1" }.to_string(),
            value_type,
            keep_bits: None,
            repeats: false,
            attributes: vec![
                ("wavelength_range_um".to_string(), AttributeValue::Float(vec![0.52, 0.6])),
                (
                    "formula".to_string(),
                    AttributeValue::Text("(a - b) / (a + b) <\"15 m\" – nearest>".to_string()),
                ),
            ],
        });
        let transform = Affine::upright(300_007.5, 6_200_032.5, 15.0, 15.0);
        let layout = CubeLayout {
            grid: GeoBox { crs: SOUTH, transform, shape: grid },
            chunk,
            chunk_steps: 1,
            time_steps: steps,
            variables: variables.collect(),
            title: "ASTER test cube".to_string(),
            history: "2026-01-02T03:04:05Z: aster-timeseries run --bbox 1 2 3 4".to_string(),
            request_json: "{\"version\":1,\"note\":\"a < b & c\"}".to_string(),
            resume_key: "request 1".to_string(),
        };
        let options = GeotiffOptions { overwrite: false, cog: true, compression_level: 6, workers: 1 };
        Self { layout, options }
    }

    fn sink(&self, target: &Path) -> aster_core::Result<GeotiffSink> {
        GeotiffSink::create(target, &self.layout, self.options)
    }

    /// Keys of some time steps: step by step, or block by block with all steps of each.
    fn keys(&self, steps: std::ops::Range<usize>, by_block: bool) -> Vec<ChunkKey> {
        let chunks = self.layout.chunks();
        let mut keys = Vec::new();
        for time in steps.step_by(self.layout.chunk_steps) {
            for variable in 0..self.layout.variables.len() {
                for row in 0..chunks.ny {
                    keys.extend((0..chunks.nx).map(|column| ChunkKey { variable, time, row, column }));
                }
            }
        }
        if by_block {
            keys.sort_by_key(|k| (k.row, k.column, k.variable, k.time));
        }
        keys
    }

    fn values(&self, key: ChunkKey) -> Vec<f32> {
        let (grid, chunk) = (self.layout.grid.shape, self.layout.chunk);
        let mut values = vec![f32::NAN; self.layout.chunk_values()];
        for (i, slot) in values.iter_mut().enumerate() {
            let (step, rest) = (i / (chunk.ny * chunk.nx), i % (chunk.ny * chunk.nx));
            let (y, x) = (key.row * chunk.ny + rest / chunk.nx, key.column * chunk.nx + rest % chunk.nx);
            if y < grid.ny && x < grid.nx && key.time + step < self.layout.time_steps {
                *slot = self.value(key.variable, key.time + step, y, x);
            }
        }
        values
    }

    /// The value of a pixel, known to geotiff_read.py too.
    fn value(&self, variable: usize, time: usize, y: usize, x: usize) -> f32 {
        let block = Shape { ny: y / self.layout.chunk.ny, nx: x / self.layout.chunk.nx };
        // A diagonal strip is missing, and one whole chunk of each time step but the last.
        if (x + y + 7 * time).is_multiple_of(11) || (time < 2 && block == Shape { ny: 1, nx: 1 }) {
            return f32::NAN;
        }
        let n = (time * 3000 + y * 7 + x * 3) as f32;
        match self.layout.variables[variable].value_type {
            ValueType::F32 => n * 0.125 - 100.0,
            ValueType::U8 => 1.0 + n % 255.0,
            ValueType::U16 => 1.0 + n % 4095.0,
            ValueType::I16 => n % 3000.0 - 1000.0,
            ValueType::U32 => n % 7.0,
            ValueType::Packed(_) => (n % 2048.0) / 1024.0 - 0.5,
        }
    }

    fn step(&self, time: usize) -> StepRecord {
        let conversion = UnitConversion { ucc: 0.862, offset: -0.862, source: CoefficientSource::File };
        let scene = SceneRecord {
            id: format!("AST_L1T_0030306200103115{time}_20150414031306_83940"),
            product: "AST_L1T".to_string(),
            version: "003".to_string(),
            time: TIMES[time].parse().unwrap(),
            solar_azimuth_deg: 40.5 + time as f64,
            solar_elevation_deg: 50.25,
            cloud_cover_percent: f64::NAN,
            earth_sun_distance_au: 0.9925,
            radiometric_db_version: "03.01".to_string(),
            placement: "shift".to_string(),
            bands: vec![BandRecord {
                variable: "ImageData3N".to_string(),
                gain: "NOR".to_string(),
                conversion: Some(conversion),
                saturated_pixels: Some(17),
            }],
        };
        let valid_pixels = vec![1000 + time as u64; self.layout.variables.len()];
        StepRecord { time: scene.time, period: None, scenes: vec![scene], valid_pixels }
    }

    fn steps(&self) -> Vec<StepRecord> {
        (0..self.layout.time_steps).map(|t| self.step(t)).collect()
    }

    fn checkpoint(&self, time: usize) -> String {
        format!("{{\"step\":{},\"more\":[1]}}", serde_json::to_string(&self.step(time)).unwrap())
    }

    fn store(&self, sink: &GeotiffSink, key: ChunkKey) {
        let chunk = sink.encode(key, &self.values(key)).unwrap();
        sink.store(chunk).unwrap();
    }

    fn write(&self, target: &Path, by_block: bool) -> aster_core::Result<Vec<PathBuf>> {
        let sink = self.sink(target)?;
        for key in self.keys(0..self.layout.time_steps, by_block) {
            sink.store(sink.encode(key, &self.values(key))?)?;
        }
        Box::new(sink).finish(&self.steps())
    }
}

const GRID: Shape = Shape { ny: 1300, nx: 700 };
const CHUNK: Shape = Shape { ny: 512, nx: 512 };

fn names(folder: &Path) -> Vec<String> {
    let mut names: Vec<String> =
        fs::read_dir(folder).unwrap().map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

fn python_has(modules: &str) -> bool {
    let import = format!("import {modules}");
    Command::new("python3").args(["-c", &import]).output().is_ok_and(|o| o.status.success())
}

#[test]
fn other_readers_see_the_same_pixels_and_tags() {
    if !python_has("rasterio, rio_cogeo") {
        eprintln!("skipped: python3 with rasterio and rio-cogeo is not installed");
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    for (kind, form, steps) in [
        ("float", "cog", 1),
        ("float", "plain", 3),
        ("dn8", "cog", 1),
        ("dn16", "cog", 3),
        ("signed", "cog", 1),
        ("signed", "plain", 1),
        ("counts", "cog", 1),
        ("packed", "cog", 3),
        ("packed", "plain", 1),
        ("mixed", "cog", 1),
    ] {
        let mut case = Case::new(kind, GRID, CHUNK, steps);
        case.options.cog = form == "cog";
        let target = folder.path().join(format!("{kind}-{form}{}", if steps == 1 { ".tif" } else { "" }));
        let files = case.write(&target, false).unwrap();
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/geotiff_read.py");
        let output = Command::new("python3").arg(script).args([kind, form]).args(&files).output().unwrap();
        let text =
            format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        assert!(output.status.success(), "{kind} {form}: {text}");
        eprint!("{text}");
    }
}

#[test]
fn bytes_depend_on_neither_threads_nor_order() {
    let folder = tempfile::tempdir().unwrap();
    for (kind, cog) in [("float", true), ("mixed", true), ("packed", false)] {
        let mut first: Option<Vec<Vec<u8>>> = None;
        for (i, (workers, by_block, chunk_steps)) in
            [(1, false, 1), (2, false, 1), (4, true, 1), (2, true, 2)].into_iter().enumerate()
        {
            let mut case = Case::new(kind, GRID, CHUNK, 3);
            case.options = GeotiffOptions { workers, cog, ..case.options };
            case.layout.chunk_steps = chunk_steps;
            let parent = folder.path().join(format!("{kind}-{cog}-{i}"));
            fs::create_dir(&parent).unwrap();
            let files = case.write(&parent.join("cube"), by_block).unwrap();
            assert_eq!(names(&parent.join("cube")).len(), 3);
            let bytes: Vec<Vec<u8>> = files.iter().map(|f| fs::read(f).unwrap()).collect();
            let same = first.get_or_insert_with(|| bytes.clone()) == &bytes;
            assert!(same, "{kind} {cog} {workers} {by_block} {chunk_steps}");
        }
    }
}

#[test]
fn small_grids_odd_chunks_and_empty_steps() {
    let folder = tempfile::tempdir().unwrap();
    let odd = Case::new("float", Shape { ny: 37, nx: 53 }, Shape { ny: 16, nx: 20 }, 3);
    let files = odd.write(&folder.path().join("odd"), true).unwrap();
    let bytes = fs::read(&files[0]).unwrap();
    let single = Case::new("float", Shape { ny: 37, nx: 53 }, Shape { ny: 64, nx: 64 }, 3);
    // The chunk that is missing as a whole is another one: only the last step is the same.
    let others = single.write(&folder.path().join("single"), false).unwrap();
    assert!(fs::read(&files[2]).unwrap() == fs::read(&others[2]).unwrap());
    assert!(bytes != fs::read(&others[0]).unwrap());

    // Nothing but missing values: a file all the same, since the step has a record.
    let sink = single.sink(&folder.path().join("empty")).unwrap();
    let files = Box::new(sink).finish(&single.steps()).unwrap();
    assert_eq!(files.len(), 3);
    let big = Case::new("float", Shape { ny: 5000, nx: 5000 }, CHUNK, 1);
    let sink = big.sink(&folder.path().join("big.tif")).unwrap();
    let files = Box::new(sink).finish(&big.steps()).unwrap();
    assert!(fs::metadata(&files[0]).unwrap().len() < 20_000, "tiles without a value take no room");
}

#[test]
fn names_follow_one_rule() {
    let folder = tempfile::tempdir().unwrap();
    let case = Case::new("signed", GRID, CHUNK, 2);
    let error = case.sink(&folder.path().join("ndvi.tif")).map(drop).unwrap_err();
    assert_eq!(error.code(), ErrorCode::Usage);
    assert_eq!(names(folder.path()), [""; 0]);
    let target = folder.path().join("ndvi");
    let files = case.write(&target, false).unwrap();
    assert_eq!(names(&target), ["ndvi_20010306T031157Z.tif", "ndvi_20040205T200003Z.tif"]);
    assert_eq!(files[0], target.join("ndvi_20010306T031157Z.tif"));
    // Scenes of one second, and a folder for one step.
    let sink = case.sink(&folder.path().join("twice")).unwrap();
    Box::new(sink).finish(&[case.step(1), case.step(1)]).unwrap();
    assert_eq!(
        names(&folder.path().join("twice")),
        ["twice_20040205T200003Z.tif", "twice_20040205T200003Z_2.tif"]
    );
    let one = Case::new("signed", GRID, CHUNK, 1);
    one.write(&folder.path().join("one"), false).unwrap();
    assert_eq!(names(&folder.path().join("one")), ["one_20010306T031157Z.tif"]);
}

#[test]
fn an_output_is_replaced_only_when_asked() {
    let folder = tempfile::tempdir().unwrap();
    let mut case = Case::new("signed", GRID, CHUNK, 3);
    let target = folder.path().join("a");
    case.write(&target, false).unwrap();
    fs::write(target.join("notes.txt"), b"mine").unwrap();
    assert_eq!(case.write(&target, false).unwrap_err().code(), ErrorCode::OutputExists);
    assert_eq!(names(&target).len(), 4);
    case.layout.time_steps = 2;
    case.layout.resume_key = "request 2".to_string();
    case.options.overwrite = true;
    case.write(&target, false).unwrap();
    assert_eq!(names(&target), ["a_20010306T031157Z.tif", "a_20040205T200003Z.tif", "notes.txt"]);

    let file = folder.path().join("b.tif");
    fs::write(&file, b"precious").unwrap();
    let mut one = Case::new("signed", GRID, CHUNK, 1);
    assert_eq!(one.write(&file, false).unwrap_err().code(), ErrorCode::OutputExists);
    assert_eq!(fs::read(&file).unwrap(), b"precious");
    one.options.overwrite = true;
    one.write(&file, false).unwrap();
    assert!(fs::read(&file).unwrap().starts_with(b"II"));
    let error = one.write(&folder.path().join("no/a.tif"), false).unwrap_err();
    assert_eq!(error.code(), ErrorCode::OutputIo);
    assert_eq!(names(folder.path()), ["a", "b.tif"]);
}

#[test]
fn nothing_is_left_of_an_output_that_is_not_finished() {
    let folder = tempfile::tempdir().unwrap();
    for (target, steps) in [("a.tif", 1), ("a", 3)] {
        let case = Case::new("float", GRID, CHUNK, steps);
        let target = folder.path().join(target);
        let sink = case.sink(&target).unwrap();
        case.keys(0..1, false).into_iter().for_each(|key| case.store(&sink, key));
        drop(sink);
        assert_eq!(names(folder.path()), [""; 0]);
        let sink = case.sink(&target).unwrap();
        assert_eq!(Box::new(sink).finish(&[]).unwrap_err().code(), ErrorCode::NoData);
        assert_eq!(names(folder.path()), [""; 0]);
        let sink = case.sink(&target).unwrap();
        let key = ChunkKey { variable: 0, time: 0, row: 0, column: 0 };
        assert!(sink.encode(ChunkKey { variable: 9, ..key }, &case.values(key)).is_err());
        assert!(sink.encode(key, &[1.0; 7]).is_err());
        case.store(&sink, key);
        let again = sink.encode(key, &case.values(key)).unwrap();
        assert_eq!(sink.store(again).unwrap_err().code(), ErrorCode::Internal);
        assert_eq!(names(folder.path()), [""; 0], "an error ends the output at once");
    }
}

#[test]
fn time_may_be_rewound() {
    let folder = tempfile::tempdir().unwrap();
    let case = Case::new("float", GRID, CHUNK, 3);
    let whole = case.write(&folder.path().join("whole"), false).unwrap();
    let target = folder.path().join("again");
    let sink = case.sink(&target).unwrap();
    // A first attempt in which all is forgotten, and a scene that fails half-way.
    case.keys(0..1, false).into_iter().for_each(|key| case.store(&sink, key));
    sink.checkpoint(&case.checkpoint(0)).unwrap();
    sink.rewind(0).unwrap();
    case.keys(0..2, false).into_iter().for_each(|key| case.store(&sink, key));
    sink.rewind(1).unwrap();
    sink.checkpoint(&case.checkpoint(0)).unwrap();
    case.keys(1..3, false).into_iter().for_each(|key| case.store(&sink, key));
    let again = Box::new(sink).finish(&case.steps()).unwrap();
    for (a, b) in whole.iter().zip(&again) {
        assert!(fs::read(a).unwrap() == fs::read(b).unwrap());
    }
    assert_eq!(names(&target).len(), 3);
    let too_few = case.sink(&folder.path().join("few")).unwrap();
    case.keys(0..2, false).into_iter().for_each(|key| case.store(&too_few, key));
    assert_eq!(Box::new(too_few).finish(&case.steps()[..1]).unwrap_err().code(), ErrorCode::Internal);
}

/// Set for the process that is to be killed: the folder it writes to.
const VICTIM: &str = "ASTER_TEST_GEOTIFF_VICTIM";

#[test]
fn a_killed_run_is_continued() {
    let case = Case::new("float", GRID, CHUNK, 3);
    if let Some(target) = std::env::var_os(VICTIM) {
        let sink = case.sink(Path::new(&target)).unwrap();
        let from = sink.resumed().len();
        for time in from..3 {
            let keys = case.keys(time..time + 1, false);
            for (i, key) in keys.iter().enumerate() {
                // In the first run after two steps, in the second in the middle of the third.
                if time == 2 && i == from * keys.len() / 4 {
                    let _ = Command::new("kill").args(["-9", &std::process::id().to_string()]).status();
                }
                case.store(&sink, *key);
            }
            sink.checkpoint(&case.checkpoint(time)).unwrap();
        }
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let whole = case.write(&folder.path().join("whole/a"), false);
    assert_eq!(whole.unwrap_err().code(), ErrorCode::OutputIo, "there is no folder yet");
    fs::create_dir(folder.path().join("whole")).unwrap();
    let whole = case.write(&folder.path().join("whole/a"), false).unwrap();
    let target = folder.path().join("a");
    for _ in 0..2 {
        let status = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "a_killed_run_is_continued", "--test-threads=1"])
            .env(VICTIM, &target)
            .output()
            .unwrap()
            .status;
        assert!(!status.success());
        let left = names(&target);
        let complete: Vec<&String> = left.iter().filter(|n| !n.starts_with('.')).collect();
        assert_eq!(complete, ["a_20010306T031157Z.tif", "a_20040205T200003Z.tif"]);
        assert!(left.contains(&".aster-run.jsonl".to_string()));
    }
    assert!(names(&target).iter().any(|n| n.contains(".scratch.partial-")), "{:?}", names(&target));

    let mut other = case.clone();
    other.layout.resume_key = "request 2".to_string();
    assert_eq!(other.sink(&target).map(drop).unwrap_err().code(), ErrorCode::OutputExists);

    let sink = case.sink(&target).unwrap();
    assert_eq!(sink.resumed(), [case.checkpoint(0), case.checkpoint(1)]);
    let busy = case.sink(&target).map(drop).unwrap_err();
    assert!(busy.message().contains("is writing"), "{busy}");
    case.keys(2..3, false).into_iter().for_each(|key| case.store(&sink, key));
    sink.checkpoint(&case.checkpoint(2)).unwrap();
    let files = Box::new(sink).finish(&case.steps()).unwrap();
    assert_eq!(names(&target).len(), 3, "{:?}", names(&target));
    for (a, b) in whole.iter().zip(&files) {
        assert!(fs::read(a).unwrap() == fs::read(b).unwrap());
    }
}

/// Set for the process with a foreign environment: the file it writes.
const FOREIGN: &str = "ASTER_TEST_GEOTIFF_FOREIGN";

#[test]
fn foreign_settings_of_gdal_change_nothing() {
    let case = Case::new("float", GRID, CHUNK, 1);
    if let Some(target) = std::env::var_os(FOREIGN) {
        case.write(Path::new(&target), false).unwrap();
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let (own, foreign) = (folder.path().join("own.tif"), folder.path().join("foreign.tif"));
    case.write(&own, false).unwrap();
    let output = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "foreign_settings_of_gdal_change_nothing", "--test-threads=1", "--nocapture"])
        .env(FOREIGN, &foreign)
        .env("GDAL_DATA", folder.path())
        .env("PROJ_DATA", folder.path())
        .env("PROJ_LIB", folder.path())
        .env("GDAL_DRIVER_PATH", folder.path())
        .env("GDAL_PAM_ENABLED", "YES")
        .env("GDAL_CACHEMAX", "1")
        .env("GDAL_TIFF_OVR_BLOCKSIZE", "128")
        .env("GDAL_NUM_THREADS", "2")
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{text}");
    assert!(!text.contains("ERROR") && !text.contains("Warning"), "{text}");
    assert!(fs::read(&own).unwrap() == fs::read(&foreign).unwrap());
    assert_eq!(names(folder.path()), ["foreign.tif", "own.tif"]);
}

#[test]
fn a_full_disk_is_reported_and_leaves_nothing() {
    let folder = tempfile::tempdir().unwrap();
    for cog in [true, false] {
        let mut case = Case::new("float", GRID, CHUNK, 1);
        case.options.cog = cog;
        let whole = case.write(&folder.path().join(format!("{cog}.tif")), false).unwrap();
        let whole = fs::read(&whole[0]).unwrap();
        let (mut full, mut complete) = (0, 0);
        // From no room for a scratch tile, over room for the scratch file, to room for all.
        let scratch_kib = 2 * 5 * 1024;
        let sizes = (4..scratch_kib).step_by(2500).chain((scratch_kib..scratch_kib + 900).step_by(50));
        for kib in sizes {
            let Some(disk) = SmallDisk::mount(kib) else {
                eprintln!("skipped: no right to mount a tmpfs");
                return;
            };
            let path = disk.path().join("a.tif");
            match case.write(&path, false) {
                Ok(_) => {
                    assert!(fs::read(&path).unwrap() == whole, "{kib} KiB");
                    assert_eq!(names(disk.path()), ["a.tif"]);
                    complete += 1;
                }
                Err(error) => {
                    assert_eq!(error.code(), ErrorCode::DiskFull, "{kib} KiB: {error}");
                    assert_eq!(names(disk.path()), [""; 0], "{kib} KiB");
                    full += 1;
                }
            }
        }
        eprintln!("cog {cog}: {full} disks were full, {complete} held the file");
        assert!(full >= 8 && complete >= 1, "{full} full, {complete} complete");
    }
}
