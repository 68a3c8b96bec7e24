//! The array model: one root group lists dimensions, arrays and file attributes.
#![forbid(unsafe_code)]

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use crate::attribute::Attribute;
use crate::cursor::Cursor;
use crate::dataset::{Dataset, Draft};
use crate::element::Access;
use crate::error::{Error, Result};
use crate::number_type::{ByteOrder, NumberType};
use crate::tag;
use crate::vdata::{self, Vdata};
use crate::vgroup::{self, Vgroup};

/// Everything the array model is read from.
pub(crate) struct Model<'a> {
    pub(crate) access: &'a Access<'a>,
    /// Sorted by reference, like the tables.
    pub(crate) groups: &'a [Vgroup],
    pub(crate) tables: &'a [Vdata],
    pub(crate) folders: &'a HashMap<(u16, u16), Arc<str>>,
    pub(crate) file: u64,
}

/// Arrays and file attributes of the root groups, in stored order.
pub(crate) fn read(model: &Model<'_>) -> Result<(Vec<Dataset>, Vec<Attribute>)> {
    let (mut datasets, mut attributes) = (Vec::new(), Vec::new());
    let mut seen = HashSet::new();
    for root in model.groups.iter().filter(|g| g.class() == "CDF0.0") {
        for &(tag, reference) in root.members() {
            // A member named twice is still one object.
            if !seen.insert((tag, reference)) {
                continue;
            }
            if tag == tag::VG
                && let Some(group) = vgroup::find(model.groups, reference)
                && group.class() == "Var0.0"
            {
                datasets.extend(model.variable(group)?);
            } else if tag == tag::VH
                && let Some(table) = vdata::find(model.tables, reference)
                && table.class() == "Attr0.0"
            {
                attributes.push(model.attribute(table)?);
            }
        }
    }
    Ok((datasets, attributes))
}

impl Model<'_> {
    fn attribute(&self, table: &Vdata) -> Result<Attribute> {
        self.access.spend(table.name().len() as u64)?;
        Attribute::load(self.access, table)
    }

    /// One array; `None` if the group records neither shape nor type.
    fn variable(&self, group: &Vgroup) -> Result<Option<Dataset>> {
        let (mut dim_names, mut scale, mut unlimited) = (Vec::new(), Vec::new(), false);
        let (mut attributes, mut coordinate) = (Vec::new(), None);
        let (mut shape, mut kind, mut data, mut reference) = (None, None, None, 0);
        let mut seen = HashSet::new();
        for &(tag, member) in group.members() {
            // The same dimension may serve twice; any other repetition is a fault.
            if tag != tag::VG && !seen.insert((tag, member)) {
                continue;
            }
            match tag {
                tag::VG => {
                    let Some(dim) = vgroup::find(self.groups, member) else { continue };
                    if !matches!(dim.class(), "Dim0.0" | "UDim0.0") {
                        continue;
                    }
                    if dim_names.len() as u64 >= self.access.limits.max_rank {
                        return Err(Error::limit(
                            "dimensions",
                            dim_names.len() as u64 + 1,
                            self.access.limits.max_rank,
                        ));
                    }
                    self.access.spend(dim.name().len() as u64)?;
                    unlimited |= dim.class() == "UDim0.0" && dim_names.is_empty();
                    dim_names.push(dim.name().to_owned());
                    scale.push(self.dimension(dim)?);
                }
                tag::VH => match vdata::find(self.tables, member) {
                    Some(t) if t.class() == "Attr0.0" => attributes.push(self.attribute(t)?),
                    Some(t) if t.class() == "CoordVar" => coordinate = Some(true),
                    Some(t) if t.class() == "SDSVar" => coordinate = Some(false),
                    _ => {}
                },
                tag::NT => kind = kind.or(number_type(self.access, member)?),
                tag::SDD => shape = Shape::load(self.access, member)?,
                tag::NDG | tag::SDG => reference = member,
                tag::SD => data = Some((tag::SD, member)),
                _ => {}
            }
        }
        let (dims, own) = match shape {
            Some(shape) => (shape.dims, shape.number_type),
            None => (scale, None),
        };
        let Some((number_type, order)) = own.or(kind) else { return Ok(None) };
        let folder =
            self.folders.get(&(tag::NDG, reference)).or_else(|| self.folders.get(&(tag::SDG, reference)));
        // Files without the mark: a scale is named after its only dimension.
        let coordinate =
            coordinate.unwrap_or(dims.len() == 1 && dim_names.first().is_some_and(|d| d == group.name()));
        let draft = Draft {
            name: group.name().to_owned(),
            folder: folder.cloned(),
            dims,
            dim_names,
            number_type,
            order,
            attributes,
            reference,
            coordinate,
            unlimited,
            data,
        };
        draft.finish(self.access, self.file).map(Some)
    }

    /// Size of a dimension: one stored number, or in older files the number of records.
    fn dimension(&self, group: &Vgroup) -> Result<u64> {
        let mut records = 0;
        for table in group.members_of(tag::VH).filter_map(|r| vdata::find(self.tables, r)) {
            match table.class() {
                "DimVal0.1" => {
                    let values = table.read(self.access)?.into_columns().next();
                    if let Some(size) = values.and_then(|v| v.get(0)) {
                        // Saturates: a negative size counts as none.
                        return Ok(size as u64);
                    }
                }
                "DimVal0.0" => records = table.len(),
                _ => {}
            }
        }
        Ok(records)
    }
}

/// Reads a number-type record; an unknown type is reported by the array that needs it.
pub(crate) fn number_type(access: &Access<'_>, reference: u16) -> Result<Option<(NumberType, ByteOrder)>> {
    match access.record(tag::NT, reference)? {
        Some((record, offset)) => NumberType::parse(&record, offset).map(Some),
        None => Ok(None),
    }
}

/// A dimension record: the shape and, usually, the number type.
pub(crate) struct Shape {
    pub(crate) dims: Vec<u64>,
    pub(crate) number_type: Option<(NumberType, ByteOrder)>,
}

impl Shape {
    pub(crate) fn load(access: &Access<'_>, reference: u16) -> Result<Option<Shape>> {
        let Some((record, offset)) = access.record(tag::SDD, reference)? else { return Ok(None) };
        let mut cursor = Cursor::new(&record, offset, "dimension record");
        let rank = u64::from(cursor.u16()?);
        if rank > access.limits.max_rank {
            return Err(Error::limit("dimensions", rank, access.limits.max_rank));
        }
        let dims = (0..rank).map(|_| cursor.size()).collect::<Result<Vec<u64>>>()?;
        let number_type = match (cursor.u16(), cursor.u16()) {
            (Ok(tag::NT), Ok(reference)) => number_type(access, reference)?,
            _ => None,
        };
        Ok(Some(Shape { dims, number_type }))
    }
}
