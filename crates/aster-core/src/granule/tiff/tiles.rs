//! Windows of samples: the tiles they touch, each unpacked once, in parallel, straight into rows of the results.
use super::header::corrupt;
use super::{GeoTiff, Layout};
use crate::error::{Error, ErrorCode, Result};
use crate::granule::dn::{DnData, DnType, DnWindow};
use crate::granule::files::FileBytes;
use crate::granule::remote;
use crate::granule::spare::Spare;
use crate::grid::geobox::PixelRect;
use libdeflater::Decompressor;
use rayon::prelude::*;
use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::sync::{Arc, Mutex, PoisonError};

pub(super) fn read(
    tiff: &GeoTiff,
    wanted: &[(usize, PixelRect)],
    spare: &Spare,
) -> Result<Vec<DnWindow<'static>>> {
    let l = &tiff.layout;
    for &(sample, rect) in wanted {
        let inside = rect.row.checked_add(rect.rows).is_some_and(|end| end <= l.shape.ny)
            && rect.column.checked_add(rect.columns).is_some_and(|end| end <= l.shape.nx);
        if !inside || sample >= l.samples {
            return Err(Error::internal(format!(
                "sample {sample}, {rect:?} lies outside of {} samples of {:?}",
                l.samples, l.shape
            )));
        }
    }
    Ok(match l.dn_type {
        DnType::U8 => with(wanted, windows(tiff, wanted, |n| spare.take(n))?, |v| DnData::U8(Cow::Owned(v))),
        DnType::U16 => {
            with(wanted, windows(tiff, wanted, |n| vec![0u16; n])?, |v| DnData::U16(Cow::Owned(v)))
        }
        // Differences wrap alike with and without a sign.
        DnType::I16 => with(wanted, windows(tiff, wanted, |n| vec![0u16; n])?, |v| {
            DnData::I16(Cow::Owned(v.into_iter().map(u16::cast_signed).collect()))
        }),
    })
}

fn with<T>(
    wanted: &[(usize, PixelRect)],
    numbers: Vec<Vec<T>>,
    data: impl Fn(Vec<T>) -> DnData<'static>,
) -> Vec<DnWindow<'static>> {
    let each = wanted.iter().zip(numbers);
    each.map(|(&(_, rect), numbers)| DnWindow { rect, data: data(numbers) }).collect()
}

/// Tiles along one axis that `first..first + count` touches.
fn tile_range(first: usize, count: usize, tile: usize) -> Range<usize> {
    if count == 0 { 0..0 } else { first / tile..(first + count - 1) / tile + 1 }
}

impl Layout {
    /// Samples that lie side by side in a tile.
    fn in_pixel(&self) -> usize {
        if self.planar { 1 } else { self.samples }
    }
    /// Rows stored in the tiles of one row of tiles: the last strip is cut, the last tile is not.
    fn rows_stored(&self, tile_row: usize) -> usize {
        if self.striped { (self.shape.ny - tile_row * self.tile.ny).min(self.tile.ny) } else { self.tile.ny }
    }
    fn tile_index(&self, sample: usize, tile_row: usize, tile_column: usize) -> usize {
        let plane = if self.planar { sample * self.tiles_across * self.tiles_down } else { 0 };
        plane + tile_row * self.tiles_across + tile_column
    }
    /// Where the stored tiles lie that the windows touch, each once.
    pub(super) fn ranges(&self, wanted: &[(usize, PixelRect)]) -> Vec<Range<u64>> {
        let indices = wanted.iter().flat_map(|&(sample, rect)| {
            let columns = tile_range(rect.column, rect.columns, self.tile.nx);
            let rows = tile_range(rect.row, rect.rows, self.tile.ny);
            let places = rows.flat_map(move |row| columns.clone().map(move |column| (row, column)));
            places.map(move |(row, column)| (self.tile_index(sample, row, column), row))
        });
        let stored = indices.collect::<BTreeSet<_>>().into_iter().filter_map(|(index, row)| {
            let (&offset, &count) = (self.offsets.get(index)?, self.byte_counts.get(index)?);
            // A tile that claims more than it can hold is refused when it is unpacked, not fetched before.
            let most = self.compression.max_packed(self.tile_bytes(self.rows_stored(row)));
            (offset != 0 && count != 0 && count <= most).then(|| offset..offset.saturating_add(count))
        });
        stored.collect()
    }
    fn tile_bytes(&self, rows: usize) -> usize {
        rows * self.tile.nx * self.in_pixel() * self.dn_type.bytes()
    }
}

/// A stored number, seen as unsigned bits.
trait Word: Copy + Default + Send + Sync {
    const BYTES: usize;
    fn get(bytes: &[u8], big_endian: bool) -> Self;
    fn plus(self, other: Self) -> Self;
}

impl Word for u8 {
    const BYTES: usize = 1;
    #[inline(always)]
    fn get(bytes: &[u8], _: bool) -> Self {
        bytes[0]
    }
    #[inline(always)]
    fn plus(self, other: Self) -> Self {
        self.wrapping_add(other)
    }
}

impl Word for u16 {
    const BYTES: usize = 2;
    #[inline(always)]
    fn get(bytes: &[u8], big_endian: bool) -> Self {
        let pair = [bytes[0], bytes[1]];
        if big_endian { Self::from_be_bytes(pair) } else { Self::from_le_bytes(pair) }
    }
    #[inline(always)]
    fn plus(self, other: Self) -> Self {
        self.wrapping_add(other)
    }
}

/// What one tile gives to one result.
struct Piece<'o, T> {
    sample: usize,
    tile_row: usize,
    tile_column: usize,
    /// First row inside the tile.
    row: usize,
    /// Columns inside the tile.
    columns: Range<usize>,
    /// Rows of the result, cut to this tile's columns.
    out: Vec<&'o mut [T]>,
}

/// The windows, in memory from `room`, whatever is in it.
fn windows<T: Word>(
    tiff: &GeoTiff,
    wanted: &[(usize, PixelRect)],
    room: impl Fn(usize) -> Vec<T>,
) -> Result<Vec<Vec<T>>> {
    let mut numbers: Vec<Vec<T>> = wanted.iter().map(|(_, rect)| room(rect.len())).collect();
    if wanted.iter().all(|(_, rect)| rect.is_empty()) {
        return Ok(numbers);
    }
    let file = match &tiff.remote {
        Some(remote) => FileBytes::Remote(Arc::clone(remote)),
        None => FileBytes::on_disk(&tiff.path)?,
    };
    if file.len() != tiff.file_bytes {
        return Err(corrupt(format!(
            "the file changed: {} bytes, {} when it was opened",
            file.len(),
            tiff.file_bytes
        )));
    }
    // Now, together, not one by one while tiles are unpacked in parallel.
    if let Some(tiles) = tiff.remote_tiles(wanted) {
        remote::fetch_together(&[tiles])?;
    }
    let mut tiles: BTreeMap<usize, Vec<Piece<'_, T>>> = BTreeMap::new();
    for (numbers, &(sample, rect)) in numbers.iter_mut().zip(wanted).filter(|(_, (_, rect))| !rect.is_empty())
    {
        for piece in cut(numbers, &tiff.layout, sample, rect) {
            let index = tiff.layout.tile_index(sample, piece.tile_row, piece.tile_column);
            tiles.entry(index).or_default().push(piece);
        }
    }
    // One for each thread at work: fresh memory for every tile would cost as much as copying out of it.
    let spare = Mutex::new(Vec::new());
    tiles.into_par_iter().try_for_each(|(index, pieces)| {
        let lock = || spare.lock().unwrap_or_else(PoisonError::into_inner);
        let mut tile = lock().pop().unwrap_or_else(Tile::new);
        tile.fill(tiff, &file, index, pieces)?;
        lock().push(tile);
        Ok(())
    })?;
    Ok(numbers)
}

/// Shares the rows of the result out among the tiles; no two get the same pixel.
fn cut<'o, T: Word>(numbers: &'o mut [T], l: &Layout, sample: usize, rect: PixelRect) -> Vec<Piece<'o, T>> {
    let tile_columns = tile_range(rect.column, rect.columns, l.tile.nx);
    let span = |tile: usize, size: usize, first: usize, count: usize| {
        (tile * size).max(first) - tile * size..((tile + 1) * size).min(first + count) - tile * size
    };
    let mut pieces = Vec::new();
    let mut rows = numbers.chunks_exact_mut(rect.columns);
    for tile_row in tile_range(rect.row, rect.rows, l.tile.ny) {
        let row_span = span(tile_row, l.tile.ny, rect.row, rect.rows);
        let start = pieces.len();
        pieces.extend(tile_columns.clone().map(|tile_column| Piece {
            sample,
            tile_row,
            tile_column,
            row: row_span.start,
            columns: span(tile_column, l.tile.nx, rect.column, rect.columns),
            out: Vec::with_capacity(row_span.len()),
        }));
        for row in rows.by_ref().take(row_span.len()) {
            let mut rest = row;
            for piece in &mut pieces[start..] {
                let (mine, others) = rest.split_at_mut(piece.columns.len());
                piece.out.push(mine);
                rest = others;
            }
        }
    }
    pieces
}

/// One thread's tile.
struct Tile {
    inflater: Decompressor,
    packed: Vec<u8>,
    unpacked: Vec<u8>,
}

impl Tile {
    fn new() -> Self {
        Self { inflater: Decompressor::new(), packed: Vec::new(), unpacked: Vec::new() }
    }

    /// Fills `pieces`, all of which lie in tile `index`.
    fn fill<T: Word>(
        &mut self,
        tiff: &GeoTiff,
        file: &FileBytes,
        index: usize,
        pieces: Vec<Piece<'_, T>>,
    ) -> Result<()> {
        let l = &tiff.layout;
        let (offset, count) = (l.offsets[index], l.byte_counts[index]);
        let Some(tile_row) = pieces.first().map(|piece| piece.tile_row) else { return Ok(()) };
        if offset == 0 || count == 0 {
            // Never written.
            pieces.into_iter().flat_map(|piece| piece.out).for_each(|row| row.fill(T::default()));
            return Ok(());
        }
        let size = l.tile_bytes(l.rows_stored(tile_row));
        let name = |e: Error| Error::new(e.code(), format!("tile {index} of {}: {e}", tiff.path.display()));
        self.unpack(tiff, file, offset..offset.saturating_add(count), size).map_err(name)?;
        for piece in pieces {
            copy(l, piece, &self.unpacked);
        }
        Ok(())
    }

    fn unpack(&mut self, tiff: &GeoTiff, file: &FileBytes, stored: Range<u64>, size: usize) -> Result<()> {
        let (compression, count) = (tiff.layout.compression, stored.end - stored.start);
        if count > compression.max_packed(size) {
            return Err(corrupt(format!("{count} bytes cannot hold {size} bytes of pixels")));
        }
        let count =
            usize::try_from(count).map_err(|_| Error::new(ErrorCode::Limit, "the tile is too large"))?;
        self.packed.resize(count, 0);
        file.read_exact_at(&mut self.packed, stored.start, &tiff.path)?;
        self.unpacked.resize(size, 0);
        compression.unpack(&mut self.inflater, &self.packed, &mut self.unpacked)
    }
}

/// A piece out of an unpacked tile; differences are summed from the tile's left edge.
fn copy<T: Word>(l: &Layout, piece: Piece<'_, T>, bytes: &[u8]) {
    let step = l.in_pixel() * T::BYTES;
    let at = if l.planar { 0 } else { piece.sample * T::BYTES };
    let columns = piece.columns;
    for (out, stored) in piece.out.into_iter().zip(bytes.chunks_exact(l.tile.nx * step).skip(piece.row)) {
        let row =
            Row { stored, first: columns.start, at, big_endian: l.big_endian, differenced: l.differenced };
        // Steps known to the compiler: one band, VNIR (3), SWIR (6) and TIR (5 x 2 bytes): a third less time.
        match step {
            1 => row.copy::<T, 1>(out),
            2 => row.copy::<T, 2>(out),
            3 => row.copy::<T, 3>(out),
            6 => row.copy::<T, 6>(out),
            10 => row.copy::<T, 10>(out),
            _ => row.put(out, stored.chunks_exact(step)),
        }
    }
}

/// One row of a tile.
#[derive(Clone, Copy)]
struct Row<'t> {
    stored: &'t [u8],
    /// First column wanted.
    first: usize,
    /// Byte of the sample within its pixel.
    at: usize,
    big_endian: bool,
    differenced: bool,
}

impl<'t> Row<'t> {
    fn copy<T: Word, const STEP: usize>(self, out: &mut [T]) {
        self.put(out, self.stored.as_chunks::<STEP>().0.iter().map(|p| &p[..]));
    }
    #[inline(always)]
    fn put<T: Word>(self, out: &mut [T], pixels: impl Iterator<Item = &'t [u8]>) {
        let mut numbers = pixels.map(|p| T::get(&p[self.at..], self.big_endian));
        if self.differenced {
            let mut sum = numbers.by_ref().take(self.first).fold(T::default(), T::plus);
            out.iter_mut().zip(numbers).for_each(|(o, difference)| {
                sum = sum.plus(difference);
                *o = sum;
            });
        } else {
            out.iter_mut().zip(numbers.skip(self.first)).for_each(|(o, v)| *o = v);
        }
    }
}
