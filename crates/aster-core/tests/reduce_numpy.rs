//! Statistics along time against numpy: reduce_numpy.py compares what is written here.
#![allow(clippy::unwrap_used, clippy::print_stderr)]
use aster_core::cube::reduce::Statistic;
use aster_core::cube::reduce::fold::Fold;
use aster_core::cube::reduce::gather::gather_reduce;
use std::fs;
use std::path::Path;
use std::process::Command;

const STATISTICS: [&str; 13] =
    ["mean", "median", "min", "max", "first", "last", "count", "std", "p0", "p2.5", "p10", "p75", "p100"];

/// Pseudo-random values around `offset`, `missing` of a hundred of them missing.
fn stack(steps: usize, pixels: usize, offset: f64, spread: f64, missing: u64) -> Vec<Vec<f32>> {
    let mut state: u64 = 88_172_645_463_325_252;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state >> 11
    };
    let mut value = || {
        let v = (next() as f64 / (1_u64 << 53) as f64 - 0.5) * spread + offset;
        if next() % 100 < missing { f32::NAN } else { v as f32 }
    };
    (0..steps).map(|_| (0..pixels).map(|_| value()).collect()).collect()
}

fn write(path: &Path, values: &[f32]) {
    fs::write(path, values.iter().flat_map(|v| v.to_le_bytes()).collect::<Vec<u8>>()).unwrap();
}

#[test]
fn statistics_are_numpys() {
    if !Command::new("python3").args(["-c", "import numpy"]).output().is_ok_and(|o| o.status.success()) {
        eprintln!("skipped: python3 with numpy is not installed");
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let statistics: Vec<Statistic> = STATISTICS.map(|s| s.parse().unwrap()).to_vec();
    let mut cases = Vec::new();
    for (name, steps, pixels, offset, spread, missing) in [
        ("one", 1, 500, 0.3, 1.0, 30),
        ("ndvi", 7, 5000, 0.3, 1.2, 60),
        ("kelvin", 60, 3000, 300.0, 20.0, 10),
        ("pedestal", 400, 400, 1e5, 1.0, 50),
        ("long", 1000, 300, 0.0, 2e-3, 5),
    ] {
        let stack = stack(steps, pixels, offset, spread, missing);
        let mut fold = Fold::new(&statistics, pixels);
        stack.iter().for_each(|values| fold.add(values).unwrap());
        let views: Vec<&[f32]> = stack.iter().map(Vec::as_slice).collect();
        let mut out = vec![0.0; pixels];
        for (text, statistic) in STATISTICS.iter().zip(&statistics) {
            match statistic.is_streaming() {
                true => fold.finish(*statistic, &mut out).unwrap(),
                false => gather_reduce(&views, *statistic, &mut out).unwrap(),
            }
            write(&folder.path().join(format!("{name}.{text}")), &out);
        }
        write(&folder.path().join(name), &stack.concat());
        cases.push(serde_json::json!({ "name": name, "steps": steps, "size": f64::abs(offset) + spread }));
    }
    let about = serde_json::json!({ "statistics": STATISTICS, "cases": cases });
    fs::write(folder.path().join("about.json"), about.to_string()).unwrap();
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/reduce_numpy.py");
    let output = Command::new("python3").arg(script).arg(folder.path()).output().unwrap();
    let text =
        format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{text}");
    eprint!("{text}");
}
