//! Coordinate variables and the grid mapping, after the CF conventions.
use crate::cube::sink::CubeLayout;
use crate::error::{Error, ErrorCode, Result};
use crate::geo::crs::{CfValue, Crs};
use crate::write::netcdf::attributes::{numbers, text};
use crate::write::netcdf::container::{Container, Dataset, Layout};
use crate::write::netcdf::handle::Outcome;

/// Name of the grid mapping variable; the one that GDAL and rioxarray use.
pub(super) const GRID_MAPPING: &str = "spatial_ref";
/// Largest chunk of a variable along time alone, time steps.
const MAX_TIME_CHUNK: usize = 1024;

/// Dimension scales of a cube, in the order of their NetCDF numbers.
#[derive(Debug)]
pub(super) struct Axes {
    pub(super) time: Dataset,
    pub(super) y: Dataset,
    pub(super) x: Dataset,
}

impl Axes {
    /// NetCDF number of the dimension time.
    pub(super) const TIME: i32 = 0;
    const Y: i32 = 1;
    const X: i32 = 2;
    /// Number of the next dimension.
    pub(super) const NEXT: i32 = 3;

    /// The scales of a (time, y, x) variable.
    pub(super) fn cube(&self) -> [(&Dataset, i32); 3] {
        [(&self.time, Self::TIME), (&self.y, Self::Y), (&self.x, Self::X)]
    }
}

/// What the horizontal coordinates are called and measured in.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Horizontal {
    /// Names of the vertical (first) and the horizontal dimension.
    pub(super) names: [&'static str; 2],
    standard_names: [&'static str; 2],
    long_names: [&'static str; 2],
    units: [String; 2],
    grid_mapping: Vec<(&'static str, CfValue)>,
    wkt: String,
}

impl Horizontal {
    /// Looks the CRS up.
    ///
    /// # Errors
    /// `UNSUPPORTED` for a rotated grid, which has no coordinates along its axes.
    pub(super) fn of(layout: &CubeLayout) -> Result<Self> {
        if !layout.grid.transform.is_upright() {
            return Err(Error::new(ErrorCode::Unsupported, "NetCDF output needs a grid that is not rotated"));
        }
        let crs: &Crs = &layout.grid.crs;
        let wkt = crs.wkt()?;
        let grid_mapping = crs.cf_attributes()?;
        Ok(if crs.is_geographic() {
            Self {
                names: ["lat", "lon"],
                standard_names: ["latitude", "longitude"],
                long_names: ["latitude of the pixel centre", "longitude of the pixel centre"],
                units: ["degrees_north".to_string(), "degrees_east".to_string()],
                grid_mapping,
                wkt,
            }
        } else {
            let unit = length_unit(&wkt);
            Self {
                names: ["y", "x"],
                standard_names: ["projection_y_coordinate", "projection_x_coordinate"],
                long_names: ["northing of the pixel centre", "easting of the pixel centre"],
                units: [unit.clone(), unit],
                grid_mapping,
                wkt,
            }
        })
    }
}

/// Chunk length of variables along time alone.
pub(super) fn time_chunk(time_steps: usize) -> u64 {
    time_steps.clamp(1, MAX_TIME_CHUNK) as u64
}

/// Creates time (empty), y, x and the grid mapping.
pub(super) fn create(file: &Container, layout: &CubeLayout, horizontal: &Horizontal) -> Outcome<Axes> {
    let chunk = [time_chunk(layout.time_steps)];
    let growing = Layout { lengths: &[0], grows: true, chunk: Some(&chunk), level: None };
    let time = file.dataset::<f64>("time", growing, None)?;
    time.make_scale("time", Axes::TIME)?;
    text(time.id(), "standard_name", "time")?;
    text(time.id(), "long_name", "time of acquisition")?;
    text(time.id(), "units", "seconds since 1970-01-01 00:00:00")?;
    text(time.id(), "calendar", "standard")?;
    // Every day has 86 400 seconds, as in POSIX.
    text(time.id(), "units_metadata", "leap_seconds: none")?;
    text(time.id(), "axis", "T")?;
    text(time.id(), "bounds", "time_bnds")?;

    let grid = &layout.grid;
    let ys: Vec<f64> = (0..grid.shape.ny).map(|row| grid.centre_of(row, 0).y).collect();
    let xs: Vec<f64> = (0..grid.shape.nx).map(|column| grid.centre_of(0, column).x).collect();
    let y = axis(file, horizontal, 0, &ys)?;
    let x = axis(file, horizontal, 1, &xs)?;

    let mapping = file.dataset::<i32>(GRID_MAPPING, Layout::default(), None)?;
    mapping.write(&[0_i32])?;
    for (name, value) in &horizontal.grid_mapping {
        match value {
            CfValue::Text(value) => text(mapping.id(), name, value)?,
            CfValue::Float(values) => numbers(mapping.id(), name, values)?,
        }
    }
    // CF's name, then GDAL's.
    for name in ["crs_wkt", "spatial_ref"] {
        if !horizontal.grid_mapping.iter().any(|(n, _)| *n == name) {
            text(mapping.id(), name, &horizontal.wkt)?;
        }
    }
    let g = grid.transform.to_gdal();
    let transform = format!("{} {} {} {} {} {}", g[0], g[1], g[2], g[3], g[4], g[5]);
    text(mapping.id(), "GeoTransform", &transform)?;
    Ok(Axes { time, y, x })
}

fn axis(file: &Container, horizontal: &Horizontal, which: usize, values: &[f64]) -> Outcome<Dataset> {
    let lengths = [values.len() as u64];
    let name = horizontal.names[which];
    let axis = file.dataset::<f64>(name, Layout { lengths: &lengths, ..Layout::default() }, None)?;
    axis.make_scale(name, if which == 0 { Axes::Y } else { Axes::X })?;
    text(axis.id(), "standard_name", horizontal.standard_names[which])?;
    text(axis.id(), "long_name", horizontal.long_names[which])?;
    text(axis.id(), "units", &horizontal.units[which])?;
    text(axis.id(), "axis", ["Y", "X"][which])?;
    axis.write(values)?;
    Ok(axis)
}

/// UDUNITS name of the length unit of a projected CRS: the last unit of its WKT (1 or 2) is that of its axes.
fn length_unit(wkt: &str) -> String {
    let unit = ["LENGTHUNIT[", "UNIT["]
        .iter()
        .find_map(|keyword| wkt.rsplit_once(keyword))
        .and_then(|(_, rest)| rest.split(['[', ']']).next())
        .and_then(|inside| inside.split(',').nth(1))
        .and_then(|metres| metres.trim().parse::<f64>().ok());
    match unit {
        Some(metres) if (metres - 0.3048).abs() < 1e-9 => "foot".to_string(),
        Some(metres) if (metres - 1200.0 / 3937.0).abs() < 1e-9 => "US_survey_foot".to_string(),
        Some(1000.0) => "km".to_string(),
        Some(metres) if metres.is_finite() && metres > 0.0 && metres != 1.0 => format!("{metres} m"),
        _ => "m".to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_unit_of_the_axes_is_found() {
        let wkt1 = r#"PROJCS["a",GEOGCS["b",UNIT["degree",0.0174532925199433]],UNIT["US survey foot",0.304800609601219,AUTHORITY["EPSG","9003"]],AXIS["X",EAST]]"#;
        assert_eq!(length_unit(wkt1), "US_survey_foot");
        let wkt2 = r#"PROJCRS["a",PARAMETER["f",1,LENGTHUNIT["metre",1]],CS[Cartesian,2],AXIS["e",east,LENGTHUNIT["metre",1]],AXIS["n",north,LENGTHUNIT["metre",1]],ID["EPSG",32754]]"#;
        assert_eq!(length_unit(wkt2), "m");
        assert_eq!(length_unit(""), "m");
    }
}
