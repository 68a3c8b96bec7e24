//! Vdatas: tables of records with typed fields.
#![forbid(unsafe_code)]

use std::borrow::Cow;

use crate::cursor::Cursor;
use crate::element::Access;
use crate::error::{Error, Result};
use crate::number_type::NumberType;
use crate::tag;
use crate::values::Values;

/// The description of a table; [`File::read_table`](crate::File::read_table) gives its content.
#[derive(Debug, Clone)]
pub struct Vdata {
    reference: u16,
    name: String,
    class: String,
    pub(crate) path: String,
    records: u64,
    record_size: u64,
    by_field: bool,
    fields: Vec<FieldInfo>,
    attributes: Vec<u16>,
    offset: u64,
}

/// One field of a table.
#[derive(Debug, Clone)]
pub struct FieldInfo {
    name: String,
    code: u16,
    order: u16,
    size: u16,
    offset: u16,
}

impl FieldInfo {
    /// Name of the field.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Type of its values; `None` for a code this crate does not know.
    pub fn number_type(&self) -> Option<NumberType> {
        NumberType::from_flagged(self.code).map(|t| t.0)
    }

    /// Values per record.
    pub fn order(&self) -> u16 {
        self.order
    }
}

/// Content of a table, column by column.
#[derive(Debug, Clone)]
pub struct Table {
    columns: Vec<Column>,
    records: usize,
}

/// One column: `order` values for every record, in record order.
#[derive(Debug, Clone)]
pub struct Column {
    /// Name of the field.
    pub name: String,
    /// Values per record.
    pub order: usize,
    /// The values.
    pub values: Values,
}

impl Table {
    /// All columns.
    pub fn columns(&self) -> &[Column] {
        &self.columns
    }

    /// The column of that name.
    pub fn column(&self, name: &str) -> Option<&Column> {
        self.columns.iter().find(|c| c.name == name)
    }

    /// Number of records.
    pub fn len(&self) -> usize {
        self.records
    }

    /// Whether there are no records.
    pub fn is_empty(&self) -> bool {
        self.records == 0
    }

    /// All records one after another, values little-endian.
    pub fn to_le_bytes(&self) -> Vec<u8> {
        let columns: Vec<(Vec<u8>, usize)> = self
            .columns
            .iter()
            .map(|c| (c.values.to_le_bytes(), c.order * c.values.number_type().size()))
            .collect();
        let mut out = Vec::new();
        for record in 0..self.records {
            for (bytes, width) in &columns {
                out.extend_from_slice(bytes.get(record * width..(record + 1) * width).unwrap_or_default());
            }
        }
        out
    }

    pub(crate) fn into_columns(self) -> impl Iterator<Item = Values> {
        self.columns.into_iter().map(|c| c.values)
    }
}

impl Vdata {
    /// The table's reference number.
    pub fn reference(&self) -> u16 {
        self.reference
    }

    /// Name as stored, possibly empty.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Class as stored.
    pub fn class(&self) -> &str {
        &self.class
    }

    /// Place in the group hierarchy, such as `/Swath/Geolocation Fields/Latitude`.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// Number of records.
    pub fn len(&self) -> u64 {
        self.records
    }

    /// Whether there are no records.
    pub fn is_empty(&self) -> bool {
        self.records == 0
    }

    /// Bytes per record.
    pub fn record_size(&self) -> u64 {
        self.record_size
    }

    /// Whether a record's values lie together in the file (else every field's values do).
    pub fn is_record_wise(&self) -> bool {
        !self.by_field
    }

    /// The fields in stored order.
    pub fn fields(&self) -> &[FieldInfo] {
        &self.fields
    }

    pub(crate) fn attribute_tables(&self) -> &[u16] {
        &self.attributes
    }

    /// Whether the table belongs to the bookkeeping of arrays, chunks and attributes.
    pub fn is_internal(&self) -> bool {
        matches!(
            self.class.as_str(),
            "Attr0.0" | "SDSVar" | "CoordVar" | "DimVal0.0" | "DimVal0.1" | "RIATTR0.0N"
        ) || self.class.starts_with("_HDF_CHK_TBL_")
    }

    pub(crate) fn load(access: &Access<'_>, reference: u16) -> Result<Option<Vdata>> {
        match access.record(tag::VH, reference)? {
            Some((record, offset)) if !record.is_empty() => {
                Vdata::parse(&record, offset, reference).map(Some)
            }
            _ => Ok(None),
        }
    }

    fn parse(bytes: &[u8], offset: u64, reference: u16) -> Result<Vdata> {
        let mut cursor = Cursor::new(bytes, offset, "vdata header");
        let by_field = cursor.u16()? != 0;
        let records = cursor.size()?;
        let record_size = u64::from(cursor.u16()?);
        let count = usize::from(cursor.u16()?);
        let codes = cursor.u16s(count)?;
        let sizes = cursor.u16s(count)?;
        let offsets = cursor.u16s(count)?;
        let orders = cursor.u16s(count)?;
        let mut fields = Vec::new();
        for (((code, size), offset), order) in codes.into_iter().zip(sizes).zip(offsets).zip(orders) {
            fields.push(FieldInfo { name: cursor.short_text()?, code, order, size, offset });
        }
        let name = cursor.short_text()?;
        let class = cursor.short_text()?;
        // Old files leave out parts of the tail, so nothing after the class is required.
        let attributes = attribute_tail(&mut cursor).unwrap_or_default();
        let path = format!("/{name}");
        Ok(Vdata { reference, name, class, path, records, record_size, by_field, fields, attributes, offset })
    }

    /// Reads and decodes the whole table.
    pub(crate) fn read(&self, access: &Access<'_>) -> Result<Table> {
        let corrupt = |what: &'static str| Error::corrupt(self.offset, format!("vdata header: {what}"));
        let need =
            self.records.checked_mul(self.record_size).ok_or_else(|| corrupt("the table is too large"))?;
        let mut layout = Vec::new();
        for field in &self.fields {
            let (kind, order) = NumberType::from_flagged(field.code)
                .ok_or_else(|| Error::unsupported(format!("number type {} in a table", field.code)))?;
            let width = kind.size() * usize::from(field.order);
            if width != usize::from(field.size)
                || u64::from(field.offset) + u64::from(field.size) > self.record_size
            {
                return Err(corrupt("a field does not fit its record"));
            }
            layout.push((field, kind, order, width));
        }
        // Overlapping fields would multiply the table in memory.
        if layout.iter().map(|l| l.3 as u64).sum::<u64>() > self.record_size {
            return Err(corrupt("the fields overlap"));
        }
        let bytes = if need == 0 { Default::default() } else { access.content(tag::VS, self.reference)? };
        if (bytes.len() as u64) < need {
            return Err(corrupt("the table holds fewer records than declared"));
        }
        let size = self.record_size as usize;
        // With no bytes per record the count means nothing and is not walked through.
        let records = if size == 0 { 0 } else { self.records as usize };
        let columns = layout.into_iter().map(|(field, kind, order, width)| {
            let at = usize::from(field.offset);
            // A field's values lie together, too, where it is the whole record.
            let stored: Cow<'_, [u8]> = if self.by_field || width == size {
                let start = at.saturating_mul(records);
                bytes.get(start..start.saturating_add(width * records)).unwrap_or_default().into()
            } else {
                let rows = bytes.chunks_exact(size.max(1)).take(records);
                rows.filter_map(|row| row.get(at..at + width)).flatten().copied().collect()
            };
            let values = Values::decode(kind, order, &stored);
            Column { name: field.name.clone(), order: usize::from(field.order), values }
        });
        Ok(Table { columns: columns.collect(), records })
    }
}

fn attribute_tail(cursor: &mut Cursor<'_>) -> Result<Vec<u16>> {
    cursor.bytes(4)?; // extension tag and reference
    let version = cursor.u16()?;
    cursor.u16()?;
    if version < 4 || cursor.u32()? & 1 == 0 {
        return Ok(Vec::new());
    }
    let count = cursor.size()?;
    let mut tables = Vec::new();
    for _ in 0..count {
        cursor.i32()?; // field index, -1 for the whole table
        let (tag, reference) = (cursor.u16()?, cursor.u16()?);
        if tag == tag::VH {
            tables.push(reference);
        }
    }
    Ok(tables)
}

/// All table headers of the file, by reference.
pub(crate) fn read_all(access: &Access<'_>) -> Result<Vec<Vdata>> {
    let mut tables = Vec::new();
    for descriptor in access.directory.with_tag(tag::VH) {
        tables.extend(Vdata::load(access, descriptor.reference)?);
    }
    tables.sort_by_key(Vdata::reference);
    Ok(tables)
}

/// The table of that reference among tables sorted by it.
pub(crate) fn find(tables: &[Vdata], reference: u16) -> Option<&Vdata> {
    tables.binary_search_by_key(&reference, Vdata::reference).ok().and_then(|i| tables.get(i))
}
