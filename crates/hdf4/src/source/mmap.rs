//! A memory-mapped file: the one module of this crate with an `unsafe` block.
#![allow(unsafe_code)]

use std::borrow::Cow;
use std::fs::File;
use std::path::Path;

use crate::error::Result;
use crate::source::{self, ByteSource};

/// Copies larger than this go through the system call: it spares one page fault per mapped page.
const COPY_LIMIT: usize = 64 << 10;

/// A file mapped read-only. A file that another process shortens while it is mapped makes the system stop
/// the program; use [`Pread`](crate::source::Pread) where that can happen.
pub struct Mmap {
    map: memmap2::Mmap,
    file: File,
    identity: Option<String>,
}

impl Mmap {
    /// Maps `path`.
    pub fn open(path: impl AsRef<Path>) -> Result<Self> {
        let path = path.as_ref();
        let (file, meta) = source::open_file(path)?;
        // SAFETY: the mapping is private to this struct and read-only, and no byte of it is assumed to stay
        // constant: every value is copied out or handed on as plain `u8`s, and every offset is re-checked.
        let map = unsafe { memmap2::Mmap::map(&file) }.map_err(|e| source::open_error(path, e))?;
        Ok(Mmap { map, file, identity: source::identity_of(&meta) })
    }
}

impl ByteSource for Mmap {
    fn len(&self) -> u64 {
        self.map.len() as u64
    }

    fn read_at(&self, offset: u64, len: usize) -> Result<Cow<'_, [u8]>> {
        source::slice(&self.map, offset, len).map(Cow::Borrowed)
    }

    fn read_into(&self, offset: u64, dst: &mut [u8]) -> Result<()> {
        let bytes = source::slice(&self.map, offset, dst.len())?;
        if dst.len() > COPY_LIMIT {
            return source::pread(&self.file, offset, dst);
        }
        dst.copy_from_slice(bytes);
        Ok(())
    }

    fn identity(&self) -> Option<String> {
        self.identity.clone()
    }

    fn as_slice(&self) -> Option<&[u8]> {
        Some(&self.map)
    }
}
