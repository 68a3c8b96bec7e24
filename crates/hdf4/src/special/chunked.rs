//! Chunked elements: the array header, the chunk table, and the storage of one chunk.
#![forbid(unsafe_code)]

use std::collections::HashMap;

use crate::codec::Coder;
use crate::cursor::Cursor;
use crate::element::{Access, Extents};
use crate::error::{Error, Result};
use crate::special::compressed::Compressed;
use crate::special::linked;
use crate::tag;
use crate::vdata::Vdata;

/// How an array is cut into chunks.
#[derive(Debug, Clone)]
pub(crate) struct ChunkedHeader {
    /// Length of the array along every dimension.
    pub(crate) dims: Vec<u64>,
    /// Length of a chunk along every dimension.
    pub(crate) chunk: Vec<u64>,
    pub(crate) element_size: u64,
    /// Bytes of one chunk; edge chunks are stored full size too.
    pub(crate) chunk_bytes: u64,
    pub(crate) fill: Vec<u8>,
    /// Coder the header announces; every chunk names its own again.
    pub(crate) coder: Option<&'static str>,
    pub(crate) unlimited: bool,
    table: u16,
    offset: u64,
}

/// Storage of one chunk.
#[derive(Debug, Clone)]
pub(crate) enum ChunkData {
    /// Never written.
    Missing,
    /// Plain bytes.
    Plain(Extents),
    /// One coded stream.
    Compressed(Compressed),
}

/// Chunk references by linear chunk number.
pub(crate) type ChunkTable = HashMap<u64, u16>;

impl ChunkedHeader {
    pub(crate) fn parse(access: &Access<'_>, header: &mut Cursor<'_>) -> Result<ChunkedHeader> {
        header.size()?; // header length
        if header.u8()? != 0 {
            return Err(header.corrupt("unknown version of the chunk header"));
        }
        let flags = header.u32()?;
        header.size()?; // elements of the array, repeated by the dimensions
        let chunk_elements = header.size()?;
        let element_size = header.size()?;
        let table_tag = header.u16()?;
        let table = header.u16()?;
        header.bytes(4)?;
        let rank = header.size()?;
        if rank == 0 || rank > access.limits.max_rank {
            return Err(Error::limit("chunk dimensions", rank, access.limits.max_rank));
        }
        let (mut dims, mut chunk, mut unlimited) = (Vec::new(), Vec::new(), false);
        for _ in 0..rank {
            let distribution = header.u32()?;
            unlimited |= distribution & 0xFF00 != 0;
            dims.push(header.size()?);
            chunk.push(header.size()?);
        }
        let n = header.size()?;
        let n = usize::try_from(n).map_err(|_| header.corrupt("the fill value is too long"))?;
        let fill = header.bytes(n)?.to_vec();
        let product = chunk.iter().try_fold(1u64, |p, &c| p.checked_mul(c)).unwrap_or(0);
        if product == 0 || product != chunk_elements || !matches!(element_size, 1 | 2 | 4 | 8) {
            return Err(header.corrupt("the chunk shape contradicts the chunk size"));
        }
        let chunk_bytes = product * element_size;
        if chunk_bytes > access.limits.max_chunk_bytes {
            return Err(Error::limit("chunk bytes", chunk_bytes, access.limits.max_chunk_bytes));
        }
        if table_tag != tag::VH {
            return Err(header.corrupt("the chunk table is not a table"));
        }
        let offset = header.offset();
        let coder = if flags & 0xFF == 3 {
            header.u16()?;
            header.size()?;
            Some(Coder::parse(header)?.name())
        } else {
            None
        };
        Ok(ChunkedHeader { dims, chunk, element_size, chunk_bytes, fill, coder, unlimited, table, offset })
    }

    /// Number of chunks along every dimension.
    pub(crate) fn counts(&self) -> Vec<u64> {
        self.dims.iter().zip(&self.chunk).map(|(&d, &c)| d.div_ceil(c)).collect()
    }

    /// Reads the table; called when the first chunk of the array is needed.
    pub(crate) fn table(&self, access: &Access<'_>) -> Result<ChunkTable> {
        let corrupt = |what: &'static str| Error::corrupt(self.offset, what);
        // One round instead of two where every round is a request.
        access.announce([(tag::VH, self.table), (tag::VS, self.table)])?;
        let header = Vdata::load(access, self.table)?.ok_or_else(|| corrupt("the chunk table is missing"))?;
        let rank = self.dims.len();
        let width = rank * 4 + 4;
        if header.record_size() != width as u64 || !header.is_record_wise() {
            return Err(corrupt("the chunk table has an unexpected record layout"));
        }
        if header.len() > u64::from(u16::MAX) {
            return Err(Error::limit("rows of the chunk table", header.len(), u64::from(u16::MAX)));
        }
        let extents = access.plain(tag::VS, self.table)?;
        if extents.stored() != extents.covered() || extents.covered() < header.len() * width as u64 {
            return Err(corrupt("the chunk table is shorter than its header says"));
        }
        let bytes = extents.gather(access.source)?;
        let counts = self.counts();
        let mut table = ChunkTable::new();
        for row in bytes.chunks_exact(width).take(header.len() as usize) {
            let mut cursor = Cursor::new(row, self.offset, "chunk table");
            let mut number = Some(0u64);
            for &count in &counts {
                let at = u64::try_from(cursor.i32()?).ok().filter(|&at| at < count);
                number = number.zip(at).and_then(|(n, at)| n.checked_mul(count)?.checked_add(at));
            }
            let (kind, reference) = (cursor.u16()?, cursor.u16()?);
            // Rows outside the array are left over from a shrunken one and never looked up.
            if let (Some(number), tag::CHUNK) = (number, kind) {
                table.entry(number).or_insert(reference);
            }
        }
        Ok(table)
    }
}

impl ChunkData {
    /// Resolves one chunk; only plain, linked or compressed storage is allowed inside a chunked element.
    pub(crate) fn resolve(access: &Access<'_>, reference: u16) -> Result<ChunkData> {
        let Some(d) = access.directory.get(tag::CHUNK, reference) else {
            return Err(Error::corrupt(0, format!("chunk {reference} is missing")));
        };
        if !d.special {
            return Ok(d.span()?.map_or(ChunkData::Missing, |s| ChunkData::Plain(Extents::flat(s))));
        }
        let (header, offset) = access.special_header(d)?;
        let mut cursor = Cursor::new(&header, offset, "chunk");
        match cursor.u16()? {
            1 => linked::resolve(access, &mut cursor).map(ChunkData::Plain),
            3 => Compressed::parse(access, &mut cursor).map(ChunkData::Compressed),
            _ => Err(access.misplaced(d, "is nested in another special element")),
        }
    }
}
