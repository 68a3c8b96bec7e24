//! Statistics of an area as a CSV table (RFC 4180, UTF-8): one row per time step and variable.
use crate::error::Result;
use crate::write::partial::{PartialFile, output_error};
use jiff::Timestamp;
use std::fmt::Write as _;
use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

/// Columns of every table.
const COLUMNS: &str =
    "time,granule_id,variable,units,count,valid_fraction,mean,std,min,max,p5,p25,p50,p75,p95";
/// Further columns of composites.
const PERIOD_COLUMNS: &str = ",period_start,period_end,scene_count";

/// One variable in one time step. Numbers that are not finite are written as missing: nothing between two commas.
#[derive(Debug, Clone, PartialEq)]
pub struct CsvRow {
    /// Coordinate of the time step.
    pub time: Timestamp,
    /// Granule ids, separated by spaces.
    pub granule_id: String,
    /// Name of the variable.
    pub variable: String,
    /// UDUNITS text of mean to p95; `1` for ratios.
    pub units: String,
    /// Pixels with a value.
    pub count: u64,
    /// Their share of the area, 0 to 1.
    pub valid_fraction: f64,
    /// Mean.
    pub mean: f64,
    /// Standard deviation.
    pub std: f64,
    /// Smallest value.
    pub min: f64,
    /// Largest value.
    pub max: f64,
    /// Percentiles 5, 25, 50, 75 and 95.
    pub percentiles: [f64; 5],
    /// Beginning and end of the period of a composite, and its scenes.
    pub period: Option<(Timestamp, Timestamp, usize)>,
}

/// Writes `rows` to `path`, complete or not at all. The columns of periods are there when a row has a period.
///
/// # Errors
/// `OUTPUT_EXISTS`, `OUTPUT_IO`, `DISK_FULL`; `USAGE` when `path` is no file name.
pub fn write_csv(path: &Path, overwrite: bool, rows: &[CsvRow]) -> Result<PathBuf> {
    let partial = PartialFile::create(path, overwrite)?;
    write(partial.path(), rows).map_err(|e| output_error(path, &e))?;
    partial.commit()
}

fn write(path: &Path, rows: &[CsvRow]) -> io::Result<()> {
    let periods = rows.iter().any(|row| row.period.is_some());
    let mut file = BufWriter::new(File::create(path)?);
    writeln!(file, "{COLUMNS}{}", if periods { PERIOD_COLUMNS } else { "" })?;
    for row in rows {
        file.write_all(line(row, periods).as_bytes())?;
    }
    file.flush()
}

fn line(row: &CsvRow, periods: bool) -> String {
    let CsvRow { time, granule_id, variable, units, count, .. } = row;
    let mut line = format!("{time},{},{},{},{count}", quoted(granule_id), quoted(variable), quoted(units));
    let numbers = [row.valid_fraction, row.mean, row.std, row.min, row.max];
    for number in numbers.into_iter().chain(row.percentiles) {
        line.push(',');
        if number.is_finite() {
            // The shortest digits that read back as the same number. A String takes all that is written.
            let _ = write!(line, "{number}");
        }
    }
    if periods {
        match row.period {
            Some((start, end, scenes)) => drop(write!(line, ",{start},{end},{scenes}")),
            None => line.push_str(",,,"),
        }
    }
    line.push('\n');
    line
}

/// A text as a field: in quotes, and quotes doubled, where it would end the field.
fn quoted(text: &str) -> String {
    match text.contains([',', '"', '\n', '\r']) {
        true => format!("\"{}\"", text.replace('"', "\"\"")),
        false => text.to_string(),
    }
}
