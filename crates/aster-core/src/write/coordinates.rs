//! Coordinates and grid mapping of a cube after the CF conventions: names, values, attributes; in every format.
use crate::cube::sink::{AttributeValue, CubeLayout};
use crate::error::{Error, ErrorCode, Result};
use crate::geo::crs::{CfValue, Crs};
use crate::write::describe::{Attributes, text};

/// Name of the grid mapping variable; the one that GDAL and rioxarray use.
pub(super) const GRID_MAPPING: &str = "spatial_ref";

/// A coordinate along one dimension of the grid.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Axis {
    /// Name of the variable and its dimension.
    pub(super) name: &'static str,
    /// Pixel centres.
    pub(super) values: Vec<f64>,
    /// Attributes.
    pub(super) attributes: Attributes,
}

/// What lies under the pixels.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Horizontal {
    /// Down.
    pub(super) y: Axis,
    /// Across.
    pub(super) x: Axis,
    /// Attributes of the grid mapping variable.
    pub(super) grid_mapping: Attributes,
}

impl Horizontal {
    /// Looks the CRS up and computes the centres.
    ///
    /// # Errors
    /// `UNSUPPORTED` for a rotated grid, which has no coordinates along its axes.
    pub(super) fn of(layout: &CubeLayout) -> Result<Self> {
        let grid = &layout.grid;
        if !grid.transform.is_upright() {
            return Err(Error::new(
                ErrorCode::Unsupported,
                "a cube on disk needs a grid that is not rotated",
            ));
        }
        let crs: &Crs = &grid.crs;
        let wkt = crs.wkt()?;
        let ys = (0..grid.shape.ny).map(|row| grid.centre_of(row, 0).y).collect();
        let xs = (0..grid.shape.nx).map(|column| grid.centre_of(0, column).x).collect();
        let (y, x) = if crs.is_geographic() {
            (
                axis("lat", ys, ["latitude", "latitude of the pixel centre", "degrees_north", "Y"]),
                axis("lon", xs, ["longitude", "longitude of the pixel centre", "degrees_east", "X"]),
            )
        } else {
            let unit = &length_unit(&wkt);
            (
                axis("y", ys, ["projection_y_coordinate", "northing of the pixel centre", unit, "Y"]),
                axis("x", xs, ["projection_x_coordinate", "easting of the pixel centre", unit, "X"]),
            )
        };
        Ok(Self { y, x, grid_mapping: grid_mapping(layout, crs, &wkt)? })
    }
}

fn axis(name: &'static str, values: Vec<f64>, [standard_name, long_name, units, letter]: [&str; 4]) -> Axis {
    let attributes = vec![
        text("standard_name", standard_name),
        text("long_name", long_name),
        text("units", units),
        text("axis", letter),
    ];
    Axis { name, values, attributes }
}

fn grid_mapping(layout: &CubeLayout, crs: &Crs, wkt: &str) -> Result<Attributes> {
    let of_cf = crs.cf_attributes()?;
    let mut attributes: Attributes = of_cf
        .into_iter()
        .map(|(name, value)| match value {
            CfValue::Text(value) => text(name, value),
            CfValue::Float(values) => (name.to_string(), AttributeValue::Float(values)),
        })
        .collect();
    // CF's name, then GDAL's.
    for name in ["crs_wkt", "spatial_ref"] {
        if !attributes.iter().any(|(n, _)| n == name) {
            attributes.push(text(name, wkt));
        }
    }
    let g = layout.grid.transform.to_gdal();
    attributes.push(text("GeoTransform", format!("{} {} {} {} {} {}", g[0], g[1], g[2], g[3], g[4], g[5])));
    Ok(attributes)
}

/// Attributes of time, float64 seconds.
pub(super) fn time_attributes() -> Attributes {
    vec![
        text("standard_name", "time"),
        text("long_name", "time of acquisition"),
        text("units", "seconds since 1970-01-01 00:00:00"),
        text("calendar", "standard"),
        // Every day has 86 400 seconds, as in POSIX.
        text("units_metadata", "leap_seconds: none"),
        text("axis", "T"),
        text("bounds", "time_bnds"),
    ]
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
