//! What swaths and grids have in common in the structural metadata.
#![forbid(unsafe_code)]

use std::collections::HashSet;

use super::odl::{Group, Object};
use super::{Dimension, Field};
use crate::file::File;

/// Paths of arrays and tables, to tie fields to the objects that hold them.
pub(super) struct Paths<'a> {
    arrays: HashSet<&'a str>,
    tables: HashSet<&'a str>,
}

impl<'a> Paths<'a> {
    pub(super) fn of(file: &'a File) -> Paths<'a> {
        Paths {
            arrays: file.datasets().iter().map(|d| d.path()).collect(),
            tables: file.vdatas().iter().map(|t| t.path()).collect(),
        }
    }
}

/// Text of a key, empty if absent.
pub(super) fn text(object: &Object, key: &str) -> String {
    object.attribute(key).and_then(|v| v.as_text()).unwrap_or_default().to_owned()
}

/// Whole number of a key, 0 if absent.
pub(super) fn whole(object: &Object, key: &str) -> i64 {
    object.attribute(key).and_then(|v| v.as_i64()).unwrap_or_default()
}

/// Objects of a sub-group, in order.
pub(super) fn objects<'g>(structure: &'g Group, group: &str) -> &'g [Object] {
    structure.groups.iter().find(|g| g.name.eq_ignore_ascii_case(group)).map_or(&[], |g| &g.objects)
}

pub(super) fn dimensions(structure: &Group) -> Vec<Dimension> {
    objects(structure, "Dimension")
        .iter()
        .map(|o| Dimension { name: text(o, "DimensionName"), size: whole(o, "Size") })
        .collect()
}

/// Fields of one kind (`GeoField`, `DataField`), found in the Vgroup `folder` of the structure.
pub(super) fn fields(
    paths: &Paths<'_>,
    structure: &Group,
    name: &str,
    kind: &str,
    folder: &str,
) -> Vec<Field> {
    objects(structure, kind)
        .iter()
        .map(|o| {
            let field = text(o, &format!("{kind}Name"));
            let path = format!("/{name}/{folder}/{field}");
            let dims = o.attribute("DimList").map(|v| v.texts()).unwrap_or_default();
            Field {
                dims,
                data_type: text(o, "DataType"),
                dataset: paths.arrays.contains(path.as_str()).then(|| path.clone()),
                vdata: paths.tables.contains(path.as_str()).then_some(path),
                name: field,
            }
        })
        .collect()
}
