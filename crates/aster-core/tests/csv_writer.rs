//! CSV output as other software reads it.
// Clippy's leave for tests ends at functions that are not tests themselves.
#![allow(clippy::unwrap_used, clippy::print_stderr)]
use aster_core::ErrorCode;
use aster_core::write::csv::{CsvRow, write_csv};
use std::fs;
use std::process::Command;

fn row(variable: &str, mean: f64) -> CsvRow {
    CsvRow {
        time: "2001-03-06T03:11:57.5Z".parse().unwrap(),
        granule_id: "AST_L1T_1 AST_L1T_2".to_string(),
        variable: variable.to_string(),
        units: "W m-2 sr-1 um-1".to_string(),
        count: u64::from(u32::MAX) + 1,
        valid_fraction: 1.0 / 3.0,
        mean,
        std: 1e-9,
        min: f64::INFINITY,
        max: -0.1 - 0.2,
        percentiles: [f64::NAN, 1.0, 1e21, f64::MIN_POSITIVE, 0.1],
        period: None,
    }
}

#[test]
fn the_table_is_what_it_says() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.csv");
    let plain = CsvRow { std: 0.25, percentiles: [0.5; 5], ..row("ndvi", f64::NAN) };
    write_csv(&path, false, std::slice::from_ref(&plain)).unwrap();
    let text = fs::read_to_string(&path).unwrap();
    assert_eq!(
        text,
        "time,granule_id,variable,units,count,valid_fraction,mean,std,min,max,p5,p25,p50,p75,p95\n\
         2001-03-06T03:11:57.5Z,AST_L1T_1 AST_L1T_2,ndvi,W m-2 sr-1 um-1,4294967296,0.3333333333333333,,0.25,,\
         -0.30000000000000004,0.5,0.5,0.5,0.5,0.5\n"
    );
    assert_eq!(write_csv(&path, false, &[]).unwrap_err().code(), ErrorCode::OutputExists);
    assert_eq!(fs::read_to_string(&path).unwrap(), text);
    write_csv(&path, true, &[]).unwrap();
    assert_eq!(fs::read_to_string(&path).unwrap().lines().count(), 1);
    let missing = folder.path().join("no/a.csv");
    assert_eq!(write_csv(&missing, false, &[]).unwrap_err().code(), ErrorCode::OutputIo);
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
}

/// Prints what Python's csv module and pandas, where it is installed, make of the table.
const SCRIPT: &str = r#"
import csv, math, sys
rows = list(csv.DictReader(open(sys.argv[1], newline="", encoding="utf-8"), strict=True))
assert [r["variable"] for r in rows] == ['a,b', 'say "no"\r\nnow', 'é'], rows
assert all(len(r) == 18 and None not in r and None not in r.values() for r in rows), rows
assert [float(r["mean"]) for r in rows] == [0.1 + 0.2, 2.0 ** -1074, -1.7976931348623157e308], rows
assert rows[0]["p5"] == rows[0]["min"] == rows[0]["period_start"] == "" and float(rows[0]["p75"]) == 2.2250738585072014e-308
assert float(rows[0]["p50"]) == 1e21 and float(rows[0]["max"]) == -0.1 - 0.2 and int(rows[0]["count"]) == 2 ** 32
assert rows[2]["period_start"] == "2001-03-01T00:00:00Z" and rows[2]["scene_count"] == "12"
try:
    import pandas as pd
except ImportError:
    print("pandas left out")
else:
    d = pd.read_csv(sys.argv[1], parse_dates=["time", "period_start"], float_precision="round_trip")
    assert d.variable.tolist() == [r["variable"] for r in rows] and d["mean"].tolist() == [float(r["mean"]) for r in rows]
    assert d.time[0] == pd.Timestamp("2001-03-06T03:11:57.5Z") and math.isnan(d.p5[0]) and pd.isna(d.period_start[0])
    assert d.scene_count[2] == 12 and d["count"].dtype == "int64"
print("read alike by all")
"#;

#[test]
fn python_reads_every_number_and_text_back() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.csv");
    let period = ("2001-03-01T00:00:00Z".parse().unwrap(), "2001-04-01T00:00:00Z".parse().unwrap(), 12);
    let rows = [
        row("a,b", 0.1 + 0.2),
        row("say \"no\"\r\nnow", f64::from_bits(1)),
        CsvRow { period: Some(period), ..row("é", f64::MIN) },
    ];
    write_csv(&path, false, &rows).unwrap();
    let Ok(output) = Command::new("python3").args(["-c", SCRIPT]).arg(&path).output() else {
        eprintln!("skipped: python3 is not installed");
        return;
    };
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}
