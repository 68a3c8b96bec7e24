//! Looks, steps and blocks against the slow way: the plain series in memory, put together scene by scene.
#![cfg(feature = "netcdf")]
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stderr,
    reason = "helpers of tests fail as tests do, and say what they skip"
)]
use aster_core::ErrorCode;
use aster_core::cancel::CancelToken;
use aster_core::cube::describe::layout;
use aster_core::cube::request::{CoefficientOverride, CubeOutput, CubeRequest};
use aster_core::event::{Event, EventKind};
use aster_core::granule::archive::scan;
use aster_core::job::{self, JobOutput};
use ndarray::{Array3, Axis};
use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Mutex;

fn granules(product: &str) -> Vec<PathBuf> {
    let sample = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/sample");
    let mut all = scan(&sample, None).unwrap().granules;
    all.sort_by_key(|(_, f)| f.as_ref().unwrap().time);
    all.into_iter().filter(|(_, f)| f.as_ref().unwrap().name.product == product).map(|(p, _)| p).collect()
}

/// Four times the pixels of the sample each way: several chunks across and down.
fn request() -> CubeRequest {
    CubeRequest {
        granules: granules("AST_L1T"),
        bands: vec!["2".into(), "3N".into()],
        calibration: Some("reflectance".into()),
        indices: vec!["ndvi".into()],
        resolution: Some(5.0),
        ..CubeRequest::of(CubeOutput::memory())
    }
}

fn run(request: &CubeRequest) -> JobOutput {
    job::run(request, &|_| {}, &CancelToken::new()).unwrap()
}

fn same(a: &Array3<f32>, b: &Array3<f32>, what: &str) {
    assert_eq!(a.shape(), b.shape(), "{what}");
    let differ = a.iter().zip(b).filter(|(a, b)| a.to_bits() != b.to_bits() && !(a.is_nan() && b.is_nan()));
    assert_eq!(differ.count(), 0, "{what}");
}

/// The budget that allows the smallest blocks.
fn least(request: &CubeRequest) -> CubeRequest {
    let mut starved = CubeRequest { max_memory_bytes: Some(1), ..request.clone() };
    // Some sinks need memory of their own.
    while let Err(error) = job::plan(&starved) {
        starved.max_memory_bytes = Some(error.needed_bytes().unwrap());
    }
    starved
}

#[test]
fn blocks_of_any_size_give_the_same_pixels() {
    for resampling in ["nearest", "cubic", "average"] {
        let whole = CubeRequest { resampling: Some(resampling.into()), ..request() };
        let small = least(&whole);
        let (a, b) = (run(&whole), run(&small));
        assert_eq!(a.plan.blocks.len(), 1);
        assert!(b.plan.blocks.len() > 4, "{} blocks", b.plan.blocks.len());
        assert!(b.plan.peak_memory_bytes < a.plan.peak_memory_bytes);
        for (a, b) in a.arrays.iter().zip(&b.arrays) {
            same(a, b, resampling);
        }
    }
}

#[test]
fn the_earliest_scene_with_a_value_counts_in_a_look() {
    let single = run(&request());
    for group_by in ["acquisition", "solar-day"] {
        let grouped = run(&CubeRequest { group_by: Some(group_by.into()), ..request() });
        assert_eq!(grouped.arrays[0].shape()[0], grouped.plan.steps.len());
        for (variable, array) in grouped.arrays.iter().enumerate() {
            for (step, values) in grouped.plan.steps.iter().zip(array.outer_iter()) {
                let mut expected = values.to_owned();
                expected.fill(f32::NAN);
                for scene in step.scenes().collect::<Vec<_>>().into_iter().rev() {
                    let later = single.arrays[variable].index_axis(Axis(0), scene);
                    expected.zip_mut_with(&later, |e, v| *e = if v.is_nan() { *e } else { *v });
                }
                let (a, b) = (values.to_owned().insert_axis(Axis(0)), expected.insert_axis(Axis(0)));
                same(&a, &b, group_by);
            }
        }
    }
}

/// Statistic of the values that are there, in time order, the obvious way.
fn slow(name: &str, values: &[f32]) -> f32 {
    let mut v: Vec<f64> = values.iter().filter(|v| !v.is_nan()).map(|v| f64::from(*v)).collect();
    if name == "count" {
        return v.len() as f32;
    }
    if v.is_empty() {
        return f32::NAN;
    }
    let (first, last) = (v[0], v[v.len() - 1]);
    let mean = v.iter().sum::<f64>() / v.len() as f64;
    let variance = v.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / v.len() as f64;
    v.sort_by(f64::total_cmp);
    let percentile = |p: f64| {
        let at = p / 100.0 * (v.len() - 1) as f64;
        let below = at.floor() as usize;
        let above = (below + 1).min(v.len() - 1);
        v[below] + (at - below as f64) * (v[above] - v[below])
    };
    (match name {
        "mean" => mean,
        "median" => percentile(50.0),
        "min" => v[0],
        "max" => v[v.len() - 1],
        "first" => first,
        "last" => last,
        "std" => variance.sqrt(),
        "p10" => percentile(10.0),
        other => panic!("{other}"),
    }) as f32
}

const STATISTICS: [&str; 9] = ["mean", "median", "min", "max", "first", "last", "count", "std", "p10"];

#[test]
fn statistics_along_time_are_those_of_the_series() {
    let series = run(&request());
    let wanted = CubeRequest { reduce: STATISTICS.map(String::from).to_vec(), ..request() };
    for wanted in [least(&wanted), wanted] {
        let reduced = run(&wanted);
        assert_eq!(reduced.arrays.len(), 3 * STATISTICS.len());
        for (variable, array) in series.arrays.iter().enumerate() {
            for (s, name) in STATISTICS.iter().enumerate() {
                let number = variable * STATISTICS.len() + s;
                assert!(reduced.layout.variables[number].name.ends_with(&format!("_{name}")));
                let got = reduced.arrays[number].index_axis(Axis(0), 0);
                for ((y, x), got) in got.indexed_iter() {
                    let values: Vec<f32> = array.outer_iter().map(|t| t[(y, x)]).collect();
                    let expected = slow(name, &values);
                    let missing = expected.is_nan() || (*name == "count" && expected == 0.0);
                    let fits = got.is_nan() == missing
                        && (missing || (got - expected).abs() <= 2e-6 * expected.abs().max(0.01));
                    assert!(fits, "{name} at {y} {x}: {got}, expected {expected}");
                }
            }
        }
    }
}

#[test]
fn periods_hold_their_looks() {
    let series = run(&request());
    let reduced = run(&CubeRequest { resample: Some("YE".into()), ..request() });
    let names: Vec<&str> = reduced.layout.variables.iter().map(|v| v.name.as_str()).collect();
    assert_eq!(names[..2], ["ImageData2_mean", "ImageData2_count"]);
    let years: Vec<i16> = series.report.steps.iter().map(|s| year(s.time)).collect();
    let mut different = years.clone();
    different.dedup();
    assert_eq!(reduced.report.steps.iter().map(|s| year(s.time)).collect::<Vec<_>>(), different);
    for (t, y) in different.iter().enumerate() {
        let members: Vec<usize> = (0..years.len()).filter(|i| years[*i] == *y).collect();
        assert_eq!(reduced.report.steps[t].scenes.len(), members.len());
        let observed = members.iter().map(|m| series.arrays[0].index_axis(Axis(0), *m));
        let (_, ny, nx) = series.arrays[0].dim();
        let mut counts = ndarray::Array2::<f32>::zeros((ny, nx));
        observed.for_each(|o| counts.zip_mut_with(&o, |c, v| *c += if v.is_nan() { 0.0 } else { 1.0 }));
        let got = reduced.arrays[1].index_axis(Axis(0), t).mapv(|v| if v.is_nan() { 0.0 } else { v });
        assert_eq!(got, counts);
        let valid = counts.iter().filter(|c| **c > 0.0).count() as u64;
        assert_eq!(reduced.report.steps[t].valid_pixels[..2], [valid, valid]);
    }
}

fn year(time: jiff::Timestamp) -> i16 {
    time.to_zoned(jiff::tz::TimeZone::UTC).year()
}

/// A copy of the sample with one granule cut short: its headers are whole, its pixels are not.
fn damaged(folder: &Path) -> (Vec<PathBuf>, usize) {
    let mut bad = None;
    let copies = granules("AST_L1T").into_iter().enumerate().map(|(i, path)| {
        if path.is_dir() {
            return path;
        }
        let copy = folder.join(path.file_name().unwrap());
        let mut bytes = std::fs::read(&path).unwrap();
        let open = |p: &Path| aster_core::granule::open::open(p).map(|g| g.facts().clone());
        if bad.is_none()
            && i > 0
            && open(&path).is_ok_and(|f| f.bands.iter().any(|b| b.storage.contains("deflate")))
        {
            // All over the file, wherever the headers stay readable: what remains is compressed pixels.
            for at in (0..bytes.len() - 256).step_by(bytes.len() / 64) {
                let mut worse = bytes.clone();
                worse[at..at + 256].fill(0xff);
                std::fs::write(&copy, &worse).unwrap();
                if open(&copy).is_ok_and(|f| f.bands.len() == open(&path).unwrap().bands.len()) {
                    bytes = worse;
                }
            }
            bad = Some(i);
        }
        std::fs::write(&copy, bytes).unwrap();
        copy
    });
    let copies = copies.collect();
    (copies, bad.unwrap())
}

#[test]
fn a_bad_granule_is_left_out_of_everything() {
    let folder = tempfile::tempdir().unwrap();
    let (with_bad, bad) = damaged(folder.path());
    let mut without = with_bad.clone();
    without.remove(bad);
    let reduce = ["median", "count"].map(String::from).to_vec();
    for (reduce, chunk_for) in [(Vec::new(), None), (reduce, None)] {
        let of = |granules: &Vec<PathBuf>| {
            let mut wanted = CubeRequest { granules: granules.clone(), reduce: reduce.clone(), ..request() };
            wanted.output.chunk_for = chunk_for.clone();
            run(&least(&wanted))
        };
        let (a, b) = (of(&with_bad), of(&without));
        assert_eq!(a.report.skipped.len(), b.report.skipped.len() + 1, "{:?}", a.report.skipped);
        assert_eq!(a.report.skipped.last().unwrap().path, with_bad[bad]);
        assert_eq!(a.report.steps, b.report.steps);
        for (a, b) in a.arrays.iter().zip(&b.arrays) {
            same(a, b, "without the bad granule");
        }
    }
}

fn write(folder: &Path, format: &str, name: &str, change: impl FnOnce(&mut CubeRequest)) -> JobOutput {
    let output = CubeOutput { format: format.into(), path: Some(folder.join(name)), ..CubeOutput::memory() };
    let mut wanted = CubeRequest { bands: vec!["2".into()], resolution: None, output, ..request() };
    change(&mut wanted);
    run(&wanted)
}

#[test]
fn every_format_holds_the_same_values() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    let by_time = |r: &mut CubeRequest| r.output.chunk_for = Some("time".into());
    write(at, "netcdf", "map.nc", |_| {});
    write(at, "netcdf", "time.nc", by_time);
    write(at, "zarr", "map.zarr", |_| {});
    write(at, "zarr", "time.zarr", by_time);
    let counted = |r: &mut CubeRequest| r.reduce = ["max", "count"].map(String::from).to_vec();
    write(at, "netcdf", "count.nc", counted);
    write(at, "zarr", "count.zarr", counted);
    write(at, "csv", "area.csv", |_| {});
    write(at, "netcdf", "rounded.nc", |r| r.output.round_bits = Some(10));
    let packed = write(at, "netcdf", "packed.nc", |r| r.output.pack = Some("int16".into()));
    assert!(!packed.report.warnings.iter().any(|w| w.contains("packed range")));
    if !cfg!(feature = "gdal") {
        return;
    }
    write(at, "geotiff", "geotiff", |_| {});
    write(at, "cog", "cog", |_| {});
    let modules = "import netCDF4, xarray, zarr, rasterio";
    if !Command::new("python3").args(["-c", modules]).output().is_ok_and(|o| o.status.success()) {
        eprintln!("skipped: python3 with netCDF4, xarray, zarr and rasterio is not installed");
        return;
    }
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/formats_read.py");
    let read = Command::new("python3").arg(script).arg(at).output().unwrap();
    assert!(read.status.success(), "{}", String::from_utf8_lossy(&read.stderr));
}

#[test]
fn bytes_do_not_depend_on_threads_or_blocks() {
    let folder = tempfile::tempdir().unwrap();
    let of = |name: &str, workers: u32, chunk_for: Option<&str>| {
        write(folder.path(), "netcdf", name, |r| {
            r.n_workers = Some(workers);
            r.resolution = Some(5.0);
            r.output.chunk_for = chunk_for.map(String::from);
        });
        let bytes = std::fs::read(folder.path().join(name)).unwrap();
        // The request names the file and the threads, the history the time: all of the same length.
        let text = String::from_utf8_lossy(&bytes).into_owned();
        assert!(text.contains("aster_request"));
        bytes
    };
    for chunk_for in [None, Some("time")] {
        let (one, four) = (of("1.nc", 1, chunk_for), of("4.nc", 4, chunk_for));
        assert_eq!(one.len(), four.len());
        let differ = one.iter().zip(&four).filter(|(a, b)| a != b).count();
        assert!(differ < 40, "{differ} bytes differ");
        std::fs::remove_file(folder.path().join("1.nc")).unwrap();
        std::fs::remove_file(folder.path().join("4.nc")).unwrap();
    }
}

/// Whether two NetCDF files hold the same, wherever in them it lies; true where nothing here can tell.
fn same_content(a: &Path, b: &Path) -> bool {
    let modules = "import netCDF4";
    if !Command::new("python3").args(["-c", modules]).output().is_ok_and(|o| o.status.success()) {
        eprintln!("skipped: python3 with netCDF4 is not installed");
        return true;
    }
    let script = "import sys, netCDF4, numpy
a, b = map(netCDF4.Dataset, sys.argv[1:])
assert list(a.variables) == list(b.variables)
values = lambda file, name: numpy.ma.getdata(file[name][...])
for name in a.variables:
    numpy.testing.assert_array_equal(values(a, name), values(b, name), name)";
    let read = Command::new("python3").args(["-c", script]).args([a, b]).output().unwrap();
    eprint!("{}", String::from_utf8_lossy(&read.stderr));
    read.status.success()
}

/// Runs until so many checkpoints are there.
fn interrupt(request: &CubeRequest, checkpoints: usize) {
    let cancel = CancelToken::new();
    let log = request.output.checkpoints.clone().unwrap();
    let (stopped, seen) = (cancel.clone(), Mutex::new((0, 0)));
    let stop = move |event: Event| {
        let mut seen = seen.lock().unwrap();
        let mut fresh = Vec::new();
        let Ok(mut file) = File::open(&log) else { return };
        // A bad granule makes blocks begin anew: what is there now goes, and what comes is counted from the beginning.
        if event.kind == EventKind::Skipped {
            return;
        }
        if file.metadata().unwrap().len() < seen.0 {
            *seen = (0, 0);
        }
        file.seek(SeekFrom::Start(seen.0)).and_then(|_| file.read_to_end(&mut fresh)).unwrap();
        // Each record has this once.
        let name = b"\"left_out\":";
        let found = fresh.windows(name.len()).filter(|w| w == name).count();
        *seen = (seen.0 + fresh.len() as u64, seen.1 + found);
        if seen.1 >= checkpoints {
            stopped.cancel();
        }
    };
    assert_eq!(job::run(request, &stop, &cancel).unwrap_err().code(), ErrorCode::Cancelled);
}

#[test]
fn an_interrupted_run_goes_on_from_its_checkpoints() {
    let folder = tempfile::tempdir().unwrap();
    let bad = tempfile::tempdir().unwrap();
    let (with_bad, _) = damaged(bad.path());
    let log = folder.path().join(".kept");
    let by = |reduce: &[&str], resample: Option<&str>, format: &str, name: &str, granules: &[PathBuf]| {
        let path = Some(folder.path().join(name));
        let mut wanted = CubeRequest {
            granules: granules.to_vec(),
            reduce: reduce.iter().map(|r| (*r).to_string()).collect(),
            resample: resample.map(String::from),
            output: CubeOutput { format: format.into(), path, overwrite: true, ..CubeOutput::memory() },
            ..request()
        };
        wanted.output.checkpoints = Some(log.clone());
        if reduce.is_empty() {
            return wanted;
        }
        // A few dozen blocks.
        let least = least(&wanted).max_memory_bytes.map(|bytes| bytes + (24 << 20));
        CubeRequest { max_memory_bytes: least, ..wanted }
    };
    let good = granules("AST_L1T");
    let mut cases = vec![
        by(&[], None, "netcdf", "steps.nc", &good),
        by(&[], None, "netcdf", "bad.nc", &with_bad),
        by(&["median", "count"], None, "netcdf", "blocks.nc", &good),
        by(&["median"], None, "netcdf", "bad-blocks.nc", &with_bad),
    ];
    if cfg!(feature = "gdal") {
        cases.push(by(&["median", "count"], None, "cog", "blocks.tif", &good));
        cases.push(by(&["median"], Some("YE"), "geotiff", "years", &good));
    }
    for request in cases {
        let path = request.output.path.clone().unwrap();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        let whole = run(&request);
        assert!(!log.exists(), "{name}");
        let units = if request.reduce.is_empty() { whole.plan.steps.len() } else { whole.plan.blocks.len() };
        assert!(units > 2, "{name}: {units}");
        let read = |outputs: &[PathBuf]| -> Vec<Vec<u8>> {
            outputs.iter().map(|file| std::fs::read(file).unwrap()).collect()
        };
        let before = read(&whole.report.outputs);
        // The size of blocks depends on the threads, nothing else does.
        let n_workers = request.reduce.is_empty().then_some(1);
        interrupt(&CubeRequest { n_workers, ..request.clone() }, 2);
        assert!(log.is_file(), "{name}");
        let again = run(&request);
        let (a, b) = (&whole.report, &again.report);
        assert!(b.bytes_read < a.bytes_read, "{name}: {} of {}", b.bytes_read, a.bytes_read);
        assert_eq!((&a.steps, &a.outputs, &a.paths), (&b.steps, &b.outputs, &b.paths), "{name}");
        assert_eq!(a.skipped.len(), b.skipped.len(), "{name}");
        assert!(!log.exists(), "{name}");
        if name.starts_with("bad") {
            // Where chunks lie depends on what was stored of the bad granule, and taken back, before them.
            let undisturbed = bad.path().join("undisturbed.nc");
            std::fs::write(&undisturbed, &before[0]).unwrap();
            assert!(same_content(&undisturbed, &path), "{name}");
            continue;
        }
        for (a, b) in before.iter().zip(read(&again.report.outputs)) {
            // The time of writing.
            let differ = a.iter().zip(&b).filter(|(a, b)| a != b).count();
            assert!(a.len() == b.len() && differ < 40, "{name}: {differ} of {} bytes differ", a.len());
        }
    }
    let left: Vec<_> = std::fs::read_dir(folder.path()).unwrap().map(|e| e.unwrap().file_name()).collect();
    assert!(!left.iter().any(|name| name.to_string_lossy().starts_with('.')), "{left:?}");
}

#[test]
fn choices_of_storage_are_refused_for_a_table() {
    let folder = tempfile::tempdir().unwrap();
    let csv =
        CubeOutput { format: "csv".into(), path: Some(folder.path().join("a.csv")), ..CubeOutput::memory() };
    let refusal = |output: CubeOutput| {
        let error = job::plan(&CubeRequest { output, ..request() }).unwrap_err();
        assert_eq!(error.code(), ErrorCode::Usage);
        error.message().to_string()
    };
    assert!(job::plan(&CubeRequest { output: csv.clone(), ..request() }).is_ok());
    let packed = CubeOutput { pack: Some("int16".into()), ..csv.clone() };
    assert_eq!(refusal(packed), "--pack is about stored pixels, and csv has none");
    let rounded = CubeOutput { round_bits: Some(10), ..csv.clone() };
    assert_eq!(refusal(rounded), "--round-bits is about stored pixels, and csv has none");
    let leveled = CubeOutput { compression_level: Some(1), ..csv };
    assert_eq!(refusal(leveled), "--compression-level is about stored pixels, and csv has none");
}

#[test]
fn checkpoints_are_kept_only_where_they_help() {
    let folder = tempfile::tempdir().unwrap();
    let checkpoints = Some(folder.path().join("kept"));
    let of = |format: &str, reduce: &[&str]| {
        let path = Some(folder.path().join("a"));
        let output = CubeOutput { format: format.into(), path, ..CubeOutput::memory() };
        let output = CubeOutput { checkpoints: checkpoints.clone(), ..output };
        CubeRequest { output, reduce: reduce.iter().map(|r| (*r).to_string()).collect(), ..request() }
    };
    let bytes = |request: &CubeRequest| {
        let plan = job::plan(request).unwrap();
        (job::checkpoint_bytes_max(request, &plan).unwrap(), plan.output_bytes_max())
    };
    let same = |(kept, output): (u64, u64)| kept == output && kept > 0;
    assert!(same(bytes(&of("netcdf", &[]))));
    // One block; several.
    assert_eq!(bytes(&of("netcdf", &["median"])).0, 0);
    assert!(same(bytes(&least(&of("netcdf", &["median"])))));
    // They go on by themselves.
    assert_eq!(bytes(&of("zarr", &[])).0, 0);
    assert_eq!(bytes(&of("geotiff", &[])).0, 0);
    assert!(same(bytes(&least(&of("geotiff", &["median"])))));
    let error = job::plan(&of("csv", &[])).unwrap_err();
    assert_eq!(error.message(), "csv has no checkpoints");
    let request = of("netcdf", &[]);
    let same_name = CubeOutput { checkpoints: request.output.path.clone(), ..request.output.clone() };
    let error = job::plan(&CubeRequest { output: same_name, ..request }).unwrap_err();
    assert!(error.message().ends_with("is no name for a file of checkpoints"), "{error}");
}

#[test]
fn values_beyond_a_packed_range_are_missing_and_said() {
    let folder = tempfile::tempdir().unwrap();
    // Radiance far above what the sensor can see.
    let absurd = |r: &mut CubeRequest| {
        r.indices = Vec::new();
        r.calibration = Some("radiance".into());
        r.coefficients = vec![CoefficientOverride { band: "2".into(), ucc: 10.0, offset: None }];
    };
    let plain = write(folder.path(), "netcdf", "a.nc", absurd);
    for (name, chunk_for) in [("map.nc", None), ("time.nc", Some("time"))] {
        let packed = write(folder.path(), "netcdf", name, |r| {
            absurd(r);
            r.output.pack = Some("int16".into());
            r.output.chunk_for = chunk_for.map(String::from);
        });
        let each = plain.report.steps.iter().zip(&packed.report.steps);
        let lost: u64 = each.map(|(a, b)| a.valid_pixels[0] - b.valid_pixels[0]).sum();
        assert!(lost > 1000, "{lost}");
        let said = packed.report.warnings.iter().find(|w| w.contains("beyond the packed range")).unwrap();
        assert!(said.starts_with(&format!("{lost} values of ImageData2 ")), "{said}, lost {lost}");
    }
}

#[test]
fn only_values_that_repeat_are_said_to() {
    let repeat = |request: CubeRequest| -> Vec<(String, bool)> {
        let plan = job::plan(&request).unwrap();
        let layout = layout(&plan, &request, "2026-01-02T03:04:05Z").unwrap();
        layout.variables.into_iter().map(|v| (v.name, v.repeats)).collect()
    };
    let all = |request: CubeRequest, expected: bool| {
        let found = repeat(request);
        assert!(found.iter().all(|(_, repeats)| *repeats == expected), "{found:?}");
    };
    // Bands 2 and 3N, and NDVI of both.
    all(request(), true);
    all(CubeRequest { resampling: Some("bilinear".into()), ..request() }, false);
    let with = |change: &dyn Fn(&mut CubeRequest)| {
        let mut request = request();
        change(&mut request);
        request
    };
    // Rounded, packed and integer values are shuffled.
    all(with(&|r| r.output.round_bits = Some(10)), false);
    all(with(&|r| r.output.pack = Some("int16".into())), false);
    all(with(&|r| (r.indices.clear(), r.calibration = Some("dn".into())).0), false);
    // One thermal band has 4096 different values; a ratio of two has millions, and so have three bands of 8 bits.
    let thermal = |bands: &[&str], indices: &[&str]| CubeRequest {
        bands: bands.iter().map(|b| (*b).to_string()).collect(),
        calibration: None,
        indices: indices.iter().map(|i| (*i).to_string()).collect(),
        resolution: None,
        ..request()
    };
    all(thermal(&["13"], &[]), true);
    all(thermal(&[], &["silica_index"]), false);
    all(thermal(&[], &["ratio_4_6"]), true);
    all(thermal(&[], &["ninomiya_qi"]), false);
    let expected =
        |pairs: &[(&str, bool)]| pairs.iter().map(|(n, r)| ((*n).to_string(), *r)).collect::<Vec<_>>();
    assert_eq!(
        repeat(with(&|r| {
            r.bands = vec!["2".into()];
            r.indices.clear();
            r.reduce = ["mean", "max", "median", "last", "count", "p50"].map(String::from).to_vec();
        })),
        expected(&[
            ("ImageData2_mean", false),
            ("ImageData2_max", true),
            ("ImageData2_median", false),
            ("ImageData2_last", true),
            ("ImageData2_count", false),
            ("ImageData2_p50", false),
        ])
    );
}
