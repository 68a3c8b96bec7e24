//! Arrays of files older than the array model: bare numeric data groups.
#![forbid(unsafe_code)]

use std::collections::HashSet;

use crate::attribute::Attribute;
use crate::cursor::Cursor;
use crate::dataset::{Dataset, Draft};
use crate::element::Access;
use crate::error::{Error, Result};
use crate::number_type::{ByteOrder, NumberType};
use crate::sd::{Shape, number_type};
use crate::tag;
use crate::values::Values;

/// Arrays of all numeric data groups, new kind first; an old-style twin of a listed array is left out.
pub(crate) fn read(access: &Access<'_>, file: u64) -> Result<Vec<Dataset>> {
    let mut datasets = Vec::new();
    let mut taken = HashSet::new();
    let mut unnamed = 0;
    for kind in [tag::NDG, tag::SDG] {
        for descriptor in access.directory.with_tag(kind) {
            let Some((record, offset)) = access.record(kind, descriptor.reference)? else { continue };
            let mut cursor = Cursor::new(&record, offset, "data group");
            let mut members = Vec::new();
            while cursor.remaining() >= 4 {
                members.push((cursor.u16()?, cursor.u16()?));
            }
            let data = members.iter().copied().find(|m| m.0 == tag::SD);
            if data.is_some_and(|d| !taken.insert(d)) {
                continue;
            }
            if let Some(draft) = draft(access, descriptor.reference, &members, data, &mut unnamed)? {
                datasets.push(draft.finish(access, file)?);
            }
        }
    }
    Ok(datasets)
}

fn draft(
    access: &Access<'_>,
    reference: u16,
    members: &[(u16, u16)],
    data: Option<(u16, u16)>,
    unnamed: &mut usize,
) -> Result<Option<Draft>> {
    let (mut shape, mut kind) = (None, None);
    let mut attributes = Vec::new();
    let mut label = None;
    let mut seen = HashSet::new();
    for &(tag, member) in members {
        if !seen.insert(tag) {
            continue;
        }
        match tag {
            tag::SDD => shape = Shape::load(access, member)?,
            tag::NT => kind = number_type(access, member)?,
            tag::SDL | tag::SDU | tag::SDF | tag::SDC => {
                let Some((record, _)) = access.record(tag, member)? else { continue };
                // The array's own string comes first, those of its dimensions follow.
                let first = record.split(|&b| b == 0).next().unwrap_or_default();
                if first.is_empty() {
                    continue;
                }
                if tag == tag::SDL {
                    label = Some(crate::cursor::latin1(first));
                }
                let name = match tag {
                    tag::SDL => "long_name",
                    tag::SDU => "units",
                    tag::SDF => "format",
                    _ => "coordsys",
                };
                attributes.push(Attribute::new(name, Values::Char(first.to_vec())));
            }
            tag::CAL => attributes.extend(calibration(access, member)?),
            _ => {}
        }
    }
    let Some(shape) = shape else { return Ok(None) };
    // Before number types existed every array held 32-bit floats.
    let (number_type, order) = shape.number_type.or(kind).unwrap_or((NumberType::F32, ByteOrder::Big));
    let dim_names = (0..shape.dims.len()).map(|i| format!("fakeDim{}", *unnamed + i)).collect();
    *unnamed += shape.dims.len();
    Ok(Some(Draft {
        name: label.unwrap_or_else(|| format!("Data-Set-{reference}")),
        folder: None,
        dims: shape.dims,
        dim_names,
        number_type,
        order,
        attributes,
        reference,
        coordinate: false,
        unlimited: false,
        data,
    }))
}

/// Slope and offset of stored values, under the attribute names the array model uses.
fn calibration(access: &Access<'_>, reference: u16) -> Result<Vec<Attribute>> {
    const NAMES: [&str; 4] = ["scale_factor", "scale_factor_err", "add_offset", "add_offset_err"];
    let Some((record, offset)) = access.record(tag::CAL, reference)? else { return Ok(Vec::new()) };
    if record.len() < 36 {
        return Err(Error::corrupt(offset, "calibration: the record ends early"));
    }
    let floats = NAMES.iter().zip(record.as_chunks::<8>().0);
    let mut attributes: Vec<Attribute> =
        floats.map(|(name, c)| Attribute::new(*name, Values::F64(vec![f64::from_be_bytes(*c)]))).collect();
    let kind = Values::decode(NumberType::I32, ByteOrder::Big, &record[32..36]);
    attributes.push(Attribute::new("calibrated_nt", kind));
    Ok(attributes)
}
