//! How the bytes of one element are laid out, and access to elements by (tag, reference).
#![forbid(unsafe_code)]

use std::borrow::Cow;
use std::ops::Range;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::cursor::Cursor;
use crate::dd::{Descriptor, Directory};
use crate::error::{Error, Result};
use crate::limits::Limits;
use crate::source::{ByteSource, check};
use crate::special::chunked::ChunkedHeader;
use crate::special::compressed::Compressed;
use crate::special::external::External;
use crate::special::linked;
use crate::{codec, tag};

/// The storage of one element.
#[derive(Debug, Clone)]
pub(crate) enum Layout {
    /// Reserved or absent: nothing was ever written.
    Empty,
    /// One run of bytes.
    Flat(Range<u64>),
    /// Blocks strung together by tables.
    Linked(Extents),
    /// One compressed stream.
    Compressed(Compressed),
    /// Tiles found through a table.
    Chunked(Box<ChunkedHeader>),
    /// Bytes in another file.
    External(External),
}

/// Stored parts of a logical byte string; what no part covers was never written.
#[derive(Debug, Clone, Default)]
pub(crate) struct Extents {
    /// Logical length.
    pub(crate) total: u64,
    /// Parts in logical order, without overlap.
    pub(crate) parts: Vec<Part>,
}

/// `len` bytes of the logical string at `start`, stored at `offset`.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Part {
    pub(crate) start: u64,
    pub(crate) len: u64,
    pub(crate) offset: u64,
}

/// A piece of a logical range: its position in the range's buffer and, if stored, where.
pub(crate) struct Piece {
    pub(crate) buffer: Range<usize>,
    pub(crate) offset: Option<u64>,
}

impl Extents {
    pub(crate) fn flat(span: Range<u64>) -> Extents {
        let len = span.end - span.start;
        Extents { total: len, parts: vec![Part { start: 0, len, offset: span.start }] }
    }

    /// Bytes that are really in the file.
    pub(crate) fn stored(&self) -> u64 {
        self.parts.iter().map(|p| p.len).sum()
    }

    /// End of the last stored part.
    pub(crate) fn covered(&self) -> u64 {
        self.parts.last().map_or(0, |p| p.start + p.len)
    }

    /// Cuts `len` logical bytes from `start` into stored pieces and holes.
    pub(crate) fn pieces(&self, start: u64, len: usize) -> impl Iterator<Item = Piece> {
        let first = self.parts.partition_point(|p| p.start + p.len <= start);
        let mut parts = self.parts[first..].iter().peekable();
        let mut at = 0usize;
        std::iter::from_fn(move || {
            if at >= len {
                return None;
            }
            let here = start + at as u64;
            let room = (len - at) as u64;
            let (n, offset) = match parts.peek() {
                Some(p) if p.start <= here => {
                    let skip = here - p.start;
                    let n = (p.len - skip).min(room);
                    if n == p.len - skip {
                        let offset = p.offset;
                        parts.next();
                        (n, Some(offset + skip))
                    } else {
                        (n, Some(p.offset + skip))
                    }
                }
                Some(p) => ((p.start - here).min(room), None),
                None => (room, None),
            };
            let from = at;
            // `n` is at most `room`, which came from a `usize`.
            at += n as usize;
            Some(Piece { buffer: from..at, offset })
        })
    }

    /// All stored bytes in order; a hole reads as zeros.
    pub(crate) fn gather<'s>(&self, source: &'s dyn ByteSource) -> Result<Cow<'s, [u8]>> {
        let len = usize::try_from(self.covered())
            .map_err(|_| Error::limit("element bytes", self.covered(), usize::MAX as u64))?;
        if let [only] = self.parts[..]
            && only.start == 0
        {
            check(only.offset, only.len, source.len())?;
            return source.read_at(only.offset, len);
        }
        let mut bytes = vec![0; len];
        for piece in self.pieces(0, len) {
            if let Some(offset) = piece.offset {
                source.read_into(offset, &mut bytes[piece.buffer])?;
            }
        }
        Ok(Cow::Owned(bytes))
    }
}

/// The file as elements: everything above this sees (tag, reference), never an offset.
pub(crate) struct Access<'a> {
    pub(crate) source: &'a dyn ByteSource,
    pub(crate) directory: &'a Directory,
    pub(crate) limits: &'a Limits,
    /// Metadata bytes read so far in this call.
    spent: AtomicU64,
}

impl<'a> Access<'a> {
    pub(crate) fn new(source: &'a dyn ByteSource, directory: &'a Directory, limits: &'a Limits) -> Self {
        Access { source, directory, limits, spent: AtomicU64::new(0) }
    }

    /// Counts metadata bytes, so that many references to one big record cannot multiply it.
    pub(crate) fn spend(&self, bytes: u64) -> Result<()> {
        let total = self.spent.fetch_add(bytes, Ordering::Relaxed).saturating_add(bytes);
        let allowed = self.limits.max_metadata_bytes;
        if total > allowed { Err(Error::limit("metadata bytes", total, allowed)) } else { Ok(()) }
    }

    /// Lets a remote source fetch some elements together, as far as they lie inside the file.
    pub(crate) fn announce(&self, elements: impl IntoIterator<Item = (u16, u16)>) -> Result<()> {
        if self.source.as_slice().is_some() {
            return Ok(());
        }
        let found = elements.into_iter().filter_map(|(tag, reference)| self.directory.get(tag, reference));
        let spans = found.filter_map(|d| d.span().ok().flatten());
        let inside: Vec<Range<u64>> = spans.filter(|s| s.end <= self.source.len()).collect();
        self.source.prefetch(&inside)
    }

    /// The stored bytes of a descriptor, whatever they mean.
    fn stored(&self, descriptor: &Descriptor) -> Result<(Cow<'a, [u8]>, u64)> {
        let Some(span) = descriptor.span()? else { return Ok((Cow::Borrowed(&[]), 0)) };
        let len = span.end - span.start;
        check(span.start, len, self.source.len())?;
        self.spend(len)?;
        // The check above bounds the length by the size of the file; descriptors hold 31 bits.
        Ok((self.source.read_at(span.start, len as usize)?, span.start))
    }

    /// A small record that is never special, with its file offset.
    pub(crate) fn record(&self, tag: u16, reference: u16) -> Result<Option<(Cow<'a, [u8]>, u64)>> {
        match self.directory.get(tag, reference) {
            None => Ok(None),
            Some(d) if d.special => Err(self.misplaced(d, "is a special element where none may be")),
            Some(d) => self.stored(d).map(Some),
        }
    }

    pub(crate) fn misplaced(&self, d: &Descriptor, what: &str) -> Error {
        let offset = d.span().ok().flatten().map_or(0, |s| s.start);
        Error::corrupt(offset, format!("{} {} {what}", tag::name(d.tag), d.reference))
    }

    /// Resolves the storage of an element; an absent one is empty.
    pub(crate) fn layout(&self, tag: u16, reference: u16) -> Result<Layout> {
        let Some(d) = self.directory.get(tag, reference) else { return Ok(Layout::Empty) };
        if !d.special {
            return Ok(d.span()?.map_or(Layout::Empty, Layout::Flat));
        }
        let (header, offset) = self.special_header(d)?;
        let mut cursor = Cursor::new(&header, offset, "special element");
        match cursor.u16()? {
            1 => Ok(Layout::Linked(linked::resolve(self, &mut cursor)?)),
            2 => Ok(Layout::External(External::parse(&mut cursor)?)),
            3 => Ok(Layout::Compressed(Compressed::parse(self, &mut cursor)?)),
            4 => Err(Error::unsupported("variable-length linked blocks")),
            5 => Ok(Layout::Chunked(Box::new(ChunkedHeader::parse(self, &mut cursor)?))),
            6 => Err(Error::unsupported("buffered elements")),
            7 => Err(Error::unsupported("compressed raster elements")),
            code => Err(Error::corrupt(offset, format!("unknown special element {code}"))),
        }
    }

    /// The header a special descriptor points to.
    pub(crate) fn special_header(&self, d: &Descriptor) -> Result<(Cow<'a, [u8]>, u64)> {
        match self.stored(d)? {
            (header, _) if header.is_empty() => Err(self.misplaced(d, "has no header")),
            found => Ok(found),
        }
    }

    /// Storage that must be plain bytes: the only kind allowed inside another special element.
    pub(crate) fn plain(&self, tag: u16, reference: u16) -> Result<Extents> {
        match self.directory.get(tag, reference) {
            None => Ok(Extents::default()),
            Some(d) if !d.special => Ok(d.span()?.map_or_else(Extents::default, Extents::flat)),
            Some(d) => {
                let (header, offset) = self.special_header(d)?;
                let mut cursor = Cursor::new(&header, offset, "special element");
                match cursor.u16()? {
                    1 => linked::resolve(self, &mut cursor),
                    _ => Err(self.misplaced(d, "is nested in another special element")),
                }
            }
        }
    }

    /// The content of a metadata element of any storage that needs no shape.
    pub(crate) fn content(&self, tag: u16, reference: u16) -> Result<Cow<'a, [u8]>> {
        match self.layout(tag, reference)? {
            Layout::Empty => Ok(Cow::Borrowed(&[])),
            Layout::Flat(span) => {
                check(span.start, span.end - span.start, self.source.len())?;
                self.spend(span.end - span.start)?;
                Extents::flat(span).gather(self.source)
            }
            Layout::Linked(extents) => {
                self.spend(extents.covered())?;
                extents.gather(self.source)
            }
            Layout::Compressed(c) => {
                self.spend(c.length)?;
                c.plausible(c.length)?;
                let payload = c.payload.gather(self.source)?;
                let mut bytes = vec![0; c.length as usize];
                codec::decode(&c.coder, &payload, 0, c.length, &mut bytes, &mut codec::Scratch::default())
                    .map_err(|what| Error::corrupt(c.offset(), what))?;
                Ok(Cow::Owned(bytes))
            }
            Layout::Chunked(_) => Err(Error::unsupported("chunked tables")),
            Layout::External(_) => Err(Error::unsupported("tables in an external file")),
        }
    }
}
