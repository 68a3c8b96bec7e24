//! Grids: arrays in a map projection.
#![forbid(unsafe_code)]

use super::metadata::{Paths, dimensions, fields};
use super::odl::{Group, Value};
use super::{Dimension, Field};
use crate::file::File;

/// One grid; the numbers are as stored and still in the projection's own packing.
#[derive(Debug, Clone, PartialEq)]
pub struct Grid {
    /// Name, also of the Vgroup that holds the fields.
    pub name: String,
    /// Number of columns.
    pub columns: i64,
    /// Number of rows.
    pub rows: i64,
    /// Upper-left corner (x, y), in metres or packed degrees; `None` where the file says "default".
    pub upper_left: Option<[f64; 2]>,
    /// Lower-right corner (x, y).
    pub lower_right: Option<[f64; 2]>,
    /// Projection code, such as `GCTP_UTM`.
    pub projection: String,
    /// UTM zone, negative in the south.
    pub zone: Option<i64>,
    /// Spheroid code.
    pub sphere: Option<i64>,
    /// Projection parameters in the order of the projection package.
    pub parameters: Vec<f64>,
    /// Corner the first value lies at, such as `HDFE_GD_UL`.
    pub origin: Option<String>,
    /// Whether corners are pixel centres or corners, such as `HDFE_CENTER`.
    pub pixel_registration: Option<String>,
    /// Dimensions besides rows and columns.
    pub dimensions: Vec<Dimension>,
    /// The fields.
    pub data_fields: Vec<Field>,
}

pub(super) fn read(file: &File, tree: &Group) -> Vec<Grid> {
    let paths = Paths::of(file);
    let all = tree.group("GridStructure").map_or(&[][..], |g| &g.groups);
    all.iter()
        .map(|g| {
            let word = |key: &str| g.attribute(key).and_then(Value::as_text).map(str::to_owned);
            let number = |key: &str| g.attribute(key).and_then(Value::as_i64);
            let pair = |key: &str| match g.attribute(key).map(Value::numbers).as_deref() {
                Some(&[x, y]) => Some([x, y]),
                _ => None,
            };
            let name = word("GridName").unwrap_or_default();
            Grid {
                columns: number("XDim").unwrap_or_default(),
                rows: number("YDim").unwrap_or_default(),
                upper_left: pair("UpperLeftPointMtrs"),
                lower_right: pair("LowerRightMtrs"),
                projection: word("Projection").unwrap_or_default(),
                zone: number("ZoneCode"),
                sphere: number("SphereCode"),
                parameters: g.attribute("ProjParams").map(Value::numbers).unwrap_or_default(),
                origin: word("GridOrigin"),
                pixel_registration: word("PixelRegistration"),
                dimensions: dimensions(g),
                data_fields: fields(&paths, g, &name, "DataField", "Data Fields"),
                name,
            }
        })
        .collect()
}
