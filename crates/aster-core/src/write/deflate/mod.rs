//! Deflate streams made for measured values. Shuffled numbers: byte planes that are noise are stored, fill and
//! exponents become runs, the rest gets a prefix code. Few values that repeat are matched whole. Any inflater reads them.
mod bits;
mod block;
mod counts;
mod huffman;
mod matches;
mod repeats;
mod shuffle;
mod symbols;
mod trial;

use crate::cube::sink::Coded;
use crate::error::{Error, Result};
use bits::BitWriter;
use block::Blocks;
use libdeflater::{Adler32, CompressionLvl, Compressor, Crc, adler32};
use repeats::{Looked, Repeats, Source, Whole};
use std::sync::{Mutex, PoisonError};

/// CM 8, window 32 KiB, level bits 0, check bits (RFC 1950, 2.2).
const ZLIB_HEADER: [u8; 2] = [0x78, 0x01];

/// CM 8, no flags, no time, fastest, unknown system (RFC 1952, 2.3.1).
const GZIP_HEADER: [u8; 10] = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 4, 255];

/// Level of libdeflate where level 1 leaves a plane to it: as small as zlib's level 4.
const SEARCH_LEVEL: u8 = 4;

/// Values whose bytes are summed at a time.
const PART: usize = 2048;

/// What is around a deflate stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Wrapper {
    Zlib,
    Gzip,
}

/// Makes zlib streams and gzip members, callable from many threads; work space is kept and reused.
///
/// Level 1 is the fast one of this module: of shuffled numbers it knows runs, the row above and the frequency of bytes. From the
/// first plane on that would shrink much further by a search at any distance (smooth relief, say), libdeflate
/// takes over. Levels 2 to 9 are libdeflate's from the first byte on.
#[derive(Default)]
pub struct Deflater {
    level: u8,
    idle: Mutex<Vec<Workspace>>,
    spare: Mutex<Spare>,
}

/// Streams that were written: memory for the next ones.
#[derive(Default)]
struct Spare {
    streams: Vec<Vec<u8>>,
    /// Streams made that did not come back.
    lent: usize,
}

#[derive(Default)]
struct Workspace {
    planes: Vec<u8>,
    /// Bytes of values that were looked up.
    room: Vec<u8>,
    out: Vec<u8>,
    /// What becomes the next stream.
    stream: Vec<u8>,
    blocks: Blocks,
    repeats: Repeats,
    compressor: Option<Compressor>,
}

impl Deflater {
    /// `level` from 1 (fast) to 9 (small); 0 is taken for 1.
    pub fn new(level: u8) -> Self {
        Self { level, ..Self::default() }
    }

    /// One zlib stream (RFC 1950) of little-endian float32 `values`, shuffled; NaN in one form. `row` is the
    /// number of values in a row of the raster.
    ///
    /// # Errors
    /// `USAGE` for a level that does not exist.
    pub fn zlib_f32(&self, values: &[f32], row: usize) -> Result<Vec<u8>> {
        self.with_workspace(|work, level| {
            let mut planes = std::mem::take(&mut work.planes);
            shuffle::planes_f32(values, &mut planes);
            let stream = work.zlib(&planes, values.len(), row, level);
            work.planes = planes;
            stream
        })
    }

    /// One zlib stream of `planes`, shuffled bytes of `elements` numbers in rows of `row` of them.
    ///
    /// # Errors
    /// As [`Self::zlib_f32`].
    pub fn zlib(&self, planes: &[u8], elements: usize, row: usize) -> Result<Vec<u8>> {
        self.with_workspace(|work, level| work.zlib(planes, elements, row, level))
    }

    /// One zlib stream of little-endian float32 `values`, not shuffled, whose different values are few and repeat
    /// within 8192 of them; NaN in one form. `row` as before.
    ///
    /// # Errors
    /// As [`Self::zlib_f32`].
    pub fn zlib_values(&self, values: &[f32], row: usize) -> Result<Vec<u8>> {
        self.repeats(values, row, Wrapper::Zlib)
    }

    /// The same as one gzip member (RFC 1952).
    ///
    /// # Errors
    /// As [`Self::zlib_f32`].
    pub fn gzip_values(&self, values: &[f32], row: usize) -> Result<Vec<u8>> {
        self.repeats(values, row, Wrapper::Gzip)
    }

    /// As [`Self::zlib_values`], sooner, and with it the number of values that are not NaN.
    ///
    /// # Errors
    /// As [`Self::zlib_f32`].
    pub fn zlib_coded(&self, coded: Coded<'_>, row: usize) -> Result<(Vec<u8>, u64)> {
        self.with_workspace(|work, level| work.repeats(Looked(coded), row, level, Wrapper::Zlib))
    }

    /// The same as one gzip member.
    ///
    /// # Errors
    /// As [`Self::zlib_f32`].
    pub fn gzip_coded(&self, coded: Coded<'_>, row: usize) -> Result<(Vec<u8>, u64)> {
        self.with_workspace(|work, level| work.repeats(Looked(coded), row, level, Wrapper::Gzip))
    }

    /// Takes back a stream that nobody needs any more. Its pages are at hand, those of fresh memory are not. No more streams
    /// are held than were made: those of others, such as of an interrupted run, are dropped.
    pub fn take_back(&self, stream: Vec<u8>) {
        let mut spare = self.spare.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(others) = spare.lent.checked_sub(1) {
            spare.lent = others;
            spare.streams.push(stream);
        }
    }

    fn repeats(&self, values: &[f32], row: usize, wrapper: Wrapper) -> Result<Vec<u8>> {
        self.with_workspace(|work, level| {
            let mut bytes = std::mem::take(&mut work.planes);
            shuffle::bytes_f32(values, &mut bytes);
            let stream = work.repeats(Whole(bytes.as_chunks().0), row, level, wrapper);
            work.planes = bytes;
            Ok(stream?.0)
        })
    }

    fn lend(&self) -> Vec<u8> {
        let mut spare = self.spare.lock().unwrap_or_else(PoisonError::into_inner);
        spare.lent += 1;
        spare.streams.pop().unwrap_or_default()
    }

    fn with_workspace<T>(&self, act: impl FnOnce(&mut Workspace, u8) -> Result<T>) -> Result<T> {
        let mut work = self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop().unwrap_or_default();
        work.stream = self.lend();
        let outcome = act(&mut work, self.level);
        self.idle.lock().unwrap_or_else(PoisonError::into_inner).push(work);
        outcome
    }
}

impl Workspace {
    fn zlib(&mut self, planes: &[u8], elements: usize, row: usize, level: u8) -> Result<Vec<u8>> {
        let length = elements.max(1);
        let count = planes.len().div_ceil(length);
        let bound = 2 + block::bound(planes.len(), count) + 8;
        if self.out.len() < bound {
            self.out.resize(bound, 0);
        }
        let mut out = BitWriter::new(&mut self.out);
        out.bytes(&ZLIB_HEADER);
        if planes.is_empty() {
            block::stored(&[], true, &mut out);
        }
        self.blocks.begin(count, row);
        let mut start = 0;
        while start < planes.len() && level <= 1 {
            let end = (start + length).min(planes.len());
            if self.blocks.wants_search(&planes[start..end]) {
                break;
            }
            self.blocks.plane(planes, start, end, end == planes.len(), &mut out);
            start = end;
        }
        let searched = &planes[start..];
        if !searched.is_empty() && start > 0 {
            // Another encoder goes on: at a whole byte.
            block::stored(&[], false, &mut out);
        }
        let mut written = out.finish().ok_or_else(out_of_bound)?;
        if !searched.is_empty() {
            written += self.search(searched, written, if level > 1 { level } else { SEARCH_LEVEL })?;
        }
        let mut stream = self.begin(written + 4);
        stream.extend_from_slice(&self.out[..written]);
        stream.extend_from_slice(&adler32(planes).to_be_bytes());
        Ok(stream)
    }

    /// The stream of a source, and its values that are not NaN.
    fn repeats<S: Source>(
        &mut self,
        source: S,
        row: usize,
        level: u8,
        wrapper: Wrapper,
    ) -> Result<(Vec<u8>, u64)> {
        let header: &[u8] = match wrapper {
            Wrapper::Zlib => &ZLIB_HEADER,
            Wrapper::Gzip => &GZIP_HEADER,
        };
        let values = source.items().len();
        let length = values * repeats::WIDTH;
        let bound = header.len() + repeats::bound(length) + 8;
        if self.out.len() < bound {
            self.out.resize(bound, 0);
        }
        let mut out = BitWriter::new(&mut self.out);
        out.bytes(header);
        if values == 0 {
            block::stored(&[], true, &mut out);
        }
        if level <= 1 && values > 0 {
            self.repeats.write(source, row, &mut out);
        }
        let mut written = out.finish().ok_or_else(out_of_bound)?;
        let mut room = std::mem::take(&mut self.room);
        if level > 1 && values > 0 {
            written += self.search(source.bytes(0..values, &mut room), written, level)?;
        }
        let mut stream = self.begin(written + 8);
        stream.extend_from_slice(&self.out[..written]);
        // Part by part, which then lies in the nearest memory.
        let (mut adler, mut crc, mut valid) = (Adler32::new(), Crc::new(), 0);
        for start in (0..values).step_by(PART) {
            let part = source.bytes(start..(start + PART).min(values), &mut room);
            match wrapper {
                Wrapper::Zlib => adler.update(part),
                Wrapper::Gzip => crc.update(part),
            }
            let floats = part.as_chunks().0.iter().map(|bytes| f32::from_le_bytes(*bytes));
            valid += floats.map(|v| u32::from(!v.is_nan())).sum::<u32>() as u64;
        }
        self.room = room;
        match wrapper {
            Wrapper::Zlib => stream.extend_from_slice(&adler.sum().to_be_bytes()),
            Wrapper::Gzip => {
                stream.extend_from_slice(&crc.sum().to_le_bytes());
                // Its low 32 bits are what the format wants.
                stream.extend_from_slice(&(length as u32).to_le_bytes());
            }
        }
        Ok((stream, valid))
    }

    /// An empty stream with room for `length` bytes.
    fn begin(&mut self, length: usize) -> Vec<u8> {
        let mut stream = std::mem::take(&mut self.stream);
        stream.clear();
        stream.reserve_exact(length);
        stream
    }

    /// Ends the stream with libdeflate's blocks of `bytes`, from `at` of the output on; returns their length.
    fn search(&mut self, bytes: &[u8], at: usize, level: u8) -> Result<usize> {
        let level = CompressionLvl::new(i32::from(level))
            .map_err(|_| Error::usage(format!("compression level is {level}, expected 0 to 9")))?;
        let compressor = self.compressor.get_or_insert_with(|| Compressor::new(level));
        let end = at + compressor.deflate_compress_bound(bytes.len());
        if self.out.len() < end {
            self.out.resize(end, 0);
        }
        compressor.deflate_compress(bytes, &mut self.out[at..]).map_err(|_| out_of_bound())
    }
}

fn out_of_bound() -> Error {
    Error::internal("deflate needed more than its bound")
}

#[cfg(test)]
mod tests;
