//! The chain of data-descriptor blocks, read into one table of elements.
#![forbid(unsafe_code)]

use std::collections::HashSet;
use std::ops::Range;

use crate::cursor::Cursor;
use crate::error::{Error, ErrorKind, Result};
use crate::limits::Limits;
use crate::source::{ByteSource, check};
use crate::tag;

const MAGIC: [u8; 4] = [0x0E, 0x03, 0x13, 0x01];
const BLOCK_HEADER: u64 = 6;
const DESCRIPTOR: u64 = 12;

/// One element of the file: what it is and where its bytes lie.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Descriptor {
    pub(crate) tag: u16,
    pub(crate) reference: u16,
    pub(crate) special: bool,
    offset: i32,
    length: i32,
}

impl Descriptor {
    fn key(&self) -> (u16, u16) {
        (self.tag, self.reference)
    }

    /// The bytes of the element; `None` if it was reserved but never written.
    pub(crate) fn span(&self) -> Result<Option<Range<u64>>> {
        if self.length == 0 || (self.offset == -1 && self.length == -1) {
            return Ok(None);
        }
        match (u64::try_from(self.offset), u64::try_from(self.length)) {
            (Ok(offset), Ok(length)) => Ok(Some(offset..offset + length)),
            _ => Err(Error::corrupt(
                0,
                format!("{} {} has a negative place or size", tag::name(self.tag), self.reference),
            )),
        }
    }
}

/// All live descriptors, in file order and by (tag, reference).
pub(crate) struct Directory {
    list: Vec<Descriptor>,
    sorted: Vec<Descriptor>,
}

impl Directory {
    /// Follows the chain from the start of the file.
    pub(crate) fn read(source: &dyn ByteSource, limits: &Limits) -> Result<Directory> {
        let size = source.len();
        if size < MAGIC.len() as u64 || *source.read_at(0, MAGIC.len())? != MAGIC {
            return Err(ErrorKind::NotHdf4.into());
        }
        let mut list = Vec::new();
        let mut visited = HashSet::new();
        let mut walked = 0u64;
        let mut block = MAGIC.len() as u64;
        while block != 0 {
            if !visited.insert(block) {
                return Err(Error::corrupt(block, "descriptor blocks form a cycle"));
            }
            check(block, BLOCK_HEADER, size)?;
            let header = source.read_at(block, BLOCK_HEADER as usize)?;
            let mut cursor = Cursor::new(&header, block, "descriptor block");
            let count = u64::from(cursor.u16()?);
            let next = u64::from(cursor.u32()?);
            walked += count.max(1);
            if walked > limits.max_descriptors {
                return Err(Error::limit("descriptors", walked, limits.max_descriptors));
            }
            let start = block + BLOCK_HEADER;
            check(start, count * DESCRIPTOR, size)?;
            let body = source.read_at(start, (count * DESCRIPTOR) as usize)?;
            let mut cursor = Cursor::new(&body, start, "descriptor block");
            for _ in 0..count {
                list.extend(descriptor(&mut cursor)?);
            }
            block = next;
        }
        Ok(Directory::new(list))
    }

    /// A repeated key keeps its first meaning, as in the C library's lookup.
    fn new(mut list: Vec<Descriptor>) -> Directory {
        let mut sorted = list.clone();
        sorted.sort_by_key(Descriptor::key);
        sorted.dedup_by_key(|d| d.key());
        if sorted.len() < list.len() {
            let mut seen = HashSet::new();
            list.retain(|d| seen.insert(d.key()));
        }
        Directory { list, sorted }
    }

    pub(crate) fn get(&self, tag: u16, reference: u16) -> Option<&Descriptor> {
        let found = self.sorted.binary_search_by_key(&(tag, reference), Descriptor::key);
        found.ok().and_then(|i| self.sorted.get(i))
    }

    pub(crate) fn with_tag(&self, tag: u16) -> impl Iterator<Item = &Descriptor> {
        self.list.iter().filter(move |d| d.tag == tag)
    }

    pub(crate) fn all(&self) -> &[Descriptor] {
        &self.list
    }
}

/// The next descriptor of a block; `None` if its place is free.
fn descriptor(cursor: &mut Cursor<'_>) -> Result<Option<Descriptor>> {
    let (tag, special) = tag::split(cursor.u16()?);
    let reference = cursor.u16()?;
    let (offset, length) = (cursor.i32()?, cursor.i32()?);
    if tag == 0 || tag == tag::NULL {
        return Ok(None);
    }
    Ok(Some(Descriptor { tag, reference, special, offset, length }))
}
