//! Swaths: arrays in the geometry of the sensor, with their geolocation fields.
#![forbid(unsafe_code)]

use super::metadata::{Paths, dimensions, fields, objects, text, whole};
use super::odl::Group;
use super::{Dimension, Field};
use crate::file::File;

/// One swath.
#[derive(Debug, Clone, PartialEq)]
pub struct Swath {
    /// Name, also of the Vgroup that holds the fields.
    pub name: String,
    /// All dimensions.
    pub dimensions: Vec<Dimension>,
    /// How geolocation dimensions lie on data dimensions, where the relation is regular.
    pub dimension_maps: Vec<DimensionMap>,
    /// The pairs of dimensions related through a stored index.
    pub index_maps: Vec<IndexMap>,
    /// Latitude, longitude, time and the like.
    pub geolocation_fields: Vec<Field>,
    /// The measurements.
    pub data_fields: Vec<Field>,
}

/// A regular relation: index `g` of `geo` lies on index `g * increment + offset` of `data`.
///
/// A negative increment means several geolocation values per data value.
#[derive(Debug, Clone, PartialEq)]
pub struct DimensionMap {
    /// The geolocation dimension.
    pub geo: String,
    /// The data dimension.
    pub data: String,
    /// Data index of the first geolocation value.
    pub offset: i64,
    /// Data values per geolocation value.
    pub increment: i64,
}

/// An irregular relation, given by a stored index field.
#[derive(Debug, Clone, PartialEq)]
pub struct IndexMap {
    /// The geolocation dimension.
    pub geo: String,
    /// The data dimension.
    pub data: String,
}

pub(super) fn read(file: &File, tree: &Group) -> Vec<Swath> {
    let paths = Paths::of(file);
    let all = tree.group("SwathStructure").map_or(&[][..], |g| &g.groups);
    all.iter()
        .map(|s| {
            let name = s.attribute("SwathName").and_then(|v| v.as_text()).unwrap_or_default().to_owned();
            Swath {
                dimensions: dimensions(s),
                dimension_maps: objects(s, "DimensionMap")
                    .iter()
                    .map(|o| DimensionMap {
                        geo: text(o, "GeoDimension"),
                        data: text(o, "DataDimension"),
                        offset: whole(o, "Offset"),
                        increment: whole(o, "Increment"),
                    })
                    .collect(),
                index_maps: objects(s, "IndexDimensionMap")
                    .iter()
                    .map(|o| IndexMap { geo: text(o, "GeoDimension"), data: text(o, "DataDimension") })
                    .collect(),
                geolocation_fields: fields(&paths, s, &name, "GeoField", "Geolocation Fields"),
                data_fields: fields(&paths, s, &name, "DataField", "Data Fields"),
                name,
            }
        })
        .collect()
}
