//! One band of one granule as an array, raw or calibrated.
use crate::cube::calibrate::{calibration, units};
use crate::cube::request::{CoefficientOverride, CubeOutput, CubeRequest, GainOverride, REQUEST_SCHEMA};
use crate::cube::wanted::Input;
use crate::error::{Error, ErrorCode, Result};
use crate::geo::affine::Xy;
use crate::granule::dn::{DnData, DnWindow};
use crate::granule::files::Files;
use crate::granule::open::open_in;
use crate::grid::geobox::{GeoBox, PixelRect, Shape};
use crate::product::band::Band;
use crate::radiometry::table::Quantity;
use std::path::PathBuf;

/// What is wanted; parts left out mean "to the edge".
#[derive(Debug, Clone)]
pub struct ReadBand {
    /// File or folder.
    pub path: PathBuf,
    /// Band name.
    pub band: String,
    /// First row.
    pub row: Option<usize>,
    /// First column.
    pub column: Option<usize>,
    /// Rows.
    pub rows: Option<usize>,
    /// Columns.
    pub columns: Option<usize>,
    /// `dn` (default), `radiance`, `reflectance`, `temperature`.
    pub calibration: Option<String>,
    /// Solar irradiance set.
    pub solar_irradiance: Option<String>,
    /// Gains for granules that carry none.
    pub gains: Vec<GainOverride>,
    /// Coefficients that win.
    pub coefficients: Vec<CoefficientOverride>,
}

/// Row-major numbers.
#[derive(Debug, Clone, PartialEq)]
pub enum Values {
    /// 8-bit DN.
    U8(Vec<u8>),
    /// 16-bit DN.
    U16(Vec<u16>),
    /// Physical values, and signed DN; NaN where missing.
    F32(Vec<f32>),
}

/// A window of a band.
#[derive(Debug, Clone, PartialEq)]
pub struct BandValues {
    /// Band.
    pub band: Band,
    /// Units as CF writes them.
    pub units: &'static str,
    /// Grid of the window.
    pub geobox: GeoBox,
    /// Numbers.
    pub values: Values,
    /// DN that is missing.
    pub fill: Option<i32>,
}

/// Reads a window of a band.
///
/// # Errors
/// `USAGE` for a window outside the band, those of opening, and of calibration.
pub fn read_band(request: &ReadBand) -> Result<BandValues> {
    read_band_in(request, &Files::local())
}

/// As [`read_band`], with files that may be elsewhere.
///
/// # Errors
/// Those of [`read_band`], and whatever kept remote bytes from coming.
pub fn read_band_in(request: &ReadBand, files: &Files) -> Result<BandValues> {
    let band: Band = request.band.parse()?;
    let granule = open_in(&request.path, files)?;
    let facts = granule.facts();
    let band_facts = facts.band(band).ok_or_else(|| {
        let present: Vec<&str> = facts.bands.iter().map(|b| b.band.name()).collect();
        Error::new(ErrorCode::NotFound, format!("{} has no band {band}", facts.name.id))
            .hint(format!("it has {}", present.join(", ")))
            .at(&request.path)
    })?;
    let rect = window(request, band_facts.geobox.shape)?;
    let quantity: Quantity = request.calibration.as_deref().unwrap_or("dn").parse()?;
    let wanted = CubeRequest {
        schema: REQUEST_SCHEMA,
        bands: vec![request.band.clone()],
        calibration: Some(quantity.as_str().to_string()),
        solar_irradiance: request.solar_irradiance.clone(),
        gains: request.gains.clone(),
        coefficients: request.coefficients.clone(),
        ..CubeRequest::of(CubeOutput::memory())
    }
    .understand()?;
    let calibration = calibration(facts, band_facts, Input { band, quantity }, &wanted, false)?;
    let read = granule.read(band, rect)?;
    let values = match (quantity, &read.data) {
        (Quantity::Dn, DnData::U8(d)) => Values::U8(cut(d, &read, rect, |v| v)),
        (Quantity::Dn, DnData::U16(d)) => Values::U16(cut(d, &read, rect, |v| v)),
        (_, DnData::U8(d)) => {
            let table = calibration.table(256, false);
            Values::F32(cut(d, &read, rect, |v| table[usize::from(v)]))
        }
        (_, DnData::U16(d)) => {
            let table = calibration.table(65_536, false);
            Values::F32(cut(d, &read, rect, |v| table[usize::from(v)]))
        }
        (_, DnData::I16(d)) => Values::F32(cut(d, &read, rect, |v| calibration.value(i32::from(v)) as f32)),
    };
    let corner = band_facts.geobox.transform.apply(Xy { x: rect.column as f64, y: rect.row as f64 });
    let mut geobox = band_facts.geobox.clone();
    (geobox.transform.x0, geobox.transform.y0) = (corner.x, corner.y);
    geobox.shape = Shape { ny: rect.rows, nx: rect.columns };
    let units = units(quantity, Some(&facts.name.product), band);
    Ok(BandValues { band, units, geobox, values, fill: band_facts.fill })
}

fn window(request: &ReadBand, shape: Shape) -> Result<PixelRect> {
    let (row, column) = (request.row.unwrap_or(0), request.column.unwrap_or(0));
    let rows = request.rows.unwrap_or(shape.ny.saturating_sub(row));
    let columns = request.columns.unwrap_or(shape.nx.saturating_sub(column));
    let fits = |start: usize, count: usize, all: usize| {
        count > 0 && start.checked_add(count).is_some_and(|e| e <= all)
    };
    if fits(row, rows, shape.ny) && fits(column, columns, shape.nx) {
        return Ok(PixelRect { row, column, rows, columns });
    }
    Err(Error::usage(format!(
        "rows {row} + {rows}, columns {column} + {columns} do not lie in a band of {} x {}",
        shape.ny, shape.nx
    )))
}

fn cut<T: Copy, U>(data: &[T], read: &DnWindow<'_>, rect: PixelRect, convert: impl Fn(T) -> U) -> Vec<U> {
    let mut out = Vec::with_capacity(rect.len());
    for row in rect.row..rect.row + rect.rows {
        let at = (row - read.rect.row) * read.rect.columns + (rect.column - read.rect.column);
        out.extend(data[at..at + rect.columns].iter().map(|v| convert(*v)));
    }
    out
}
