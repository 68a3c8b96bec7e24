//! A checked big-endian reader over one record: running off its end is an error, never a panic.
#![forbid(unsafe_code)]

use crate::error::{Error, Result};

/// Walks a record from front to back.
pub(crate) struct Cursor<'a> {
    rest: &'a [u8],
    /// File offset of the record, for error messages.
    offset: u64,
    what: &'static str,
}

impl<'a> Cursor<'a> {
    pub(crate) fn new(bytes: &'a [u8], offset: u64, what: &'static str) -> Self {
        Cursor { rest: bytes, offset, what }
    }

    pub(crate) fn remaining(&self) -> usize {
        self.rest.len()
    }

    pub(crate) fn offset(&self) -> u64 {
        self.offset
    }

    pub(crate) fn corrupt(&self, what: &str) -> Error {
        Error::corrupt(self.offset, format!("{}: {what}", self.what))
    }

    pub(crate) fn bytes(&mut self, n: usize) -> Result<&'a [u8]> {
        let (head, tail) =
            self.rest.split_at_checked(n).ok_or_else(|| self.corrupt("the record ends early"))?;
        self.rest = tail;
        Ok(head)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N]> {
        let (head, tail) =
            self.rest.split_first_chunk::<N>().ok_or_else(|| self.corrupt("the record ends early"))?;
        self.rest = tail;
        Ok(*head)
    }

    pub(crate) fn u8(&mut self) -> Result<u8> {
        Ok(u8::from_be_bytes(self.array()?))
    }

    pub(crate) fn u16(&mut self) -> Result<u16> {
        Ok(u16::from_be_bytes(self.array()?))
    }

    pub(crate) fn u32(&mut self) -> Result<u32> {
        Ok(u32::from_be_bytes(self.array()?))
    }

    pub(crate) fn i32(&mut self) -> Result<i32> {
        Ok(i32::from_be_bytes(self.array()?))
    }

    /// A signed 32-bit size or count that must not be negative.
    pub(crate) fn size(&mut self) -> Result<u64> {
        let value = self.i32()?;
        u64::try_from(value).map_err(|_| self.corrupt("a length is negative"))
    }

    /// `n` consecutive 16-bit numbers, checked against the record before collecting.
    pub(crate) fn u16s(&mut self, n: usize) -> Result<Vec<u16>> {
        let bytes = self.bytes(n.saturating_mul(2))?;
        Ok(bytes.as_chunks::<2>().0.iter().map(|c| u16::from_be_bytes(*c)).collect())
    }

    /// A string with a 16-bit length in front.
    pub(crate) fn short_text(&mut self) -> Result<String> {
        let n = usize::from(self.u16()?);
        Ok(latin1(self.bytes(n)?))
    }
}

/// Text as stored (one byte per character), cut at the first NUL.
pub(crate) fn latin1(bytes: &[u8]) -> String {
    let end = bytes.iter().position(|&b| b == 0).unwrap_or(bytes.len());
    let bytes = &bytes[..end];
    match std::str::from_utf8(bytes) {
        Ok(text) => text.to_owned(),
        Err(_) => bytes.iter().map(|&b| char::from(b)).collect(),
    }
}
