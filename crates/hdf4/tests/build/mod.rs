//! Writes small HDF4 files byte by byte, so that every record can be made wrong on purpose.
#![allow(dead_code)]

use std::sync::Arc;

use hdf4::source::Memory;
use hdf4::{File, Limits, Result};

pub(crate) const NT: u16 = 106;
pub(crate) const SDD: u16 = 701;
pub(crate) const SD: u16 = 702;
pub(crate) const NDG: u16 = 720;
pub(crate) const VH: u16 = 1962;
pub(crate) const VS: u16 = 1963;
pub(crate) const VG: u16 = 1965;
pub(crate) const LINKED: u16 = 20;
pub(crate) const COMPRESSED: u16 = 40;
pub(crate) const CHUNK: u16 = 61;
pub(crate) const SPECIAL: u16 = 0x4000;

/// Big-endian bytes of a record.
#[derive(Default, Clone)]
pub(crate) struct Bytes(pub(crate) Vec<u8>);

impl Bytes {
    pub(crate) fn u8(mut self, v: u8) -> Self {
        self.0.push(v);
        self
    }

    pub(crate) fn u16(mut self, v: u16) -> Self {
        self.0.extend(v.to_be_bytes());
        self
    }

    pub(crate) fn i32(mut self, v: i32) -> Self {
        self.0.extend(v.to_be_bytes());
        self
    }

    pub(crate) fn text(mut self, v: &str) -> Self {
        self.0.extend((v.len() as u16).to_be_bytes());
        self.0.extend(v.as_bytes());
        self
    }

    pub(crate) fn raw(mut self, v: &[u8]) -> Self {
        self.0.extend(v);
        self
    }
}

pub(crate) fn bytes() -> Bytes {
    Bytes::default()
}

/// Elements in the order they are stored.
#[derive(Default, Clone)]
pub(crate) struct Builder {
    elements: Vec<(u16, u16, Vec<u8>)>,
}

impl Builder {
    pub(crate) fn add(mut self, tag: u16, reference: u16, content: Bytes) -> Self {
        self.elements.push((tag, reference, content.0));
        self
    }

    /// An old-style array of number type `code` whose data are element (702, 1).
    pub(crate) fn array(self, dims: &[i32], code: u8) -> Self {
        let shape = dims.iter().fold(bytes().u16(dims.len() as u16), |b, &d| b.i32(d));
        self.add(NT, 1, bytes().raw(&[1, code, 8, 1])).add(SDD, 1, shape.u16(NT).u16(1)).add(
            NDG,
            1,
            bytes().u16(SDD).u16(1).u16(SD).u16(1),
        )
    }

    /// The file: magic, one descriptor block, contents.
    pub(crate) fn build(&self) -> Vec<u8> {
        let n = self.elements.len();
        let mut file = vec![0x0E, 0x03, 0x13, 0x01];
        file.extend((n as u16).to_be_bytes());
        file.extend([0; 4]);
        let mut at = 10 + n * 12;
        for (tag, reference, content) in &self.elements {
            file.extend(tag.to_be_bytes());
            file.extend(reference.to_be_bytes());
            file.extend((at as i32).to_be_bytes());
            file.extend((content.len() as i32).to_be_bytes());
            at += content.len();
        }
        self.elements.iter().for_each(|e| file.extend(&e.2));
        file
    }

    pub(crate) fn open(&self) -> Result<File> {
        open(self.build())
    }
}

pub(crate) fn open(content: Vec<u8>) -> Result<File> {
    File::from_source(Arc::new(Memory::new(content)), Limits::default())
}

/// Header of a compressed element: `length` bytes after decoding, payload (40, `reference`).
pub(crate) fn compressed(length: i32, reference: u16, coder: u16) -> Bytes {
    bytes().u16(3).u16(0).i32(length).u16(reference).u16(0).u16(coder)
}

/// Header of a chunked element of one-byte values with chunk table (1962, 2).
pub(crate) fn chunked(dims: &[i32], chunk: &[i32], chunk_elements: i32) -> Bytes {
    let total = dims.iter().fold(1i32, |p, &d| p.saturating_mul(d));
    let head = bytes().u16(5).i32(0).u8(0).i32(0).i32(total).i32(chunk_elements).i32(1);
    let head = head.u16(VH).u16(2).i32(0).i32(dims.len() as i32);
    let head = dims.iter().zip(chunk).fold(head, |b, (&d, &c)| b.i32(0).i32(d).i32(c));
    head.i32(1).u8(7)
}

/// Header of a table with fields (name, type, size, offset, order).
pub(crate) fn table(records: i32, size: u16, fields: &[(&str, u16, u16, u16, u16)], name: &str) -> Bytes {
    let mut head = bytes().u16(0).i32(records).u16(size).u16(fields.len() as u16);
    for part in 0..4 {
        for f in fields {
            head = head.u16([f.1, f.2, f.3, f.4][part]);
        }
    }
    let head = fields.iter().fold(head, |b, f| b.text(f.0));
    head.text(name).text("").u16(0).u16(0).u16(3).u16(0)
}

/// Header and rows of a table of two-dimensional chunk coordinates, as elements (1962, 2) and (1963, 2).
pub(crate) fn chunk_table(builder: Builder, rows: &[(i32, i32, u16)]) -> Builder {
    let fields = [("origin", 24, 8, 0, 2), ("chk_tag", 23, 2, 8, 1), ("chk_ref", 23, 2, 10, 1)];
    let content = rows.iter().fold(bytes(), |b, r| b.i32(r.0).i32(r.1).u16(CHUNK).u16(r.2));
    builder.add(VH, 2, table(rows.len() as i32, 12, &fields, "chunks")).add(VS, 2, content)
}
