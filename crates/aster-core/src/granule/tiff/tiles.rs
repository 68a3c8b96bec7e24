//! A window of one sample: the tiles it touches, unpacked in parallel, straight into rows of the result.
use super::header::corrupt;
use super::{GeoTiff, Layout};
use crate::error::{Error, ErrorCode, Result};
use crate::granule::dn::{DnData, DnType, DnWindow};
use crate::granule::files::FileBytes;
use crate::granule::remote;
use crate::grid::geobox::PixelRect;
use libdeflater::Decompressor;
use rayon::prelude::*;
use std::borrow::Cow;
use std::ops::Range;
use std::sync::Arc;

pub(super) fn read(tiff: &GeoTiff, sample: usize, rect: PixelRect) -> Result<DnWindow<'static>> {
    let l = &tiff.layout;
    let inside = rect.row.checked_add(rect.rows).is_some_and(|end| end <= l.shape.ny)
        && rect.column.checked_add(rect.columns).is_some_and(|end| end <= l.shape.nx);
    if !inside || sample >= l.samples {
        return Err(Error::internal(format!(
            "sample {sample}, {rect:?} lies outside of {} samples of {:?}",
            l.samples, l.shape
        )));
    }
    let data = match l.dn_type {
        DnType::U8 => DnData::U8(Cow::Owned(window::<u8>(tiff, sample, rect)?)),
        DnType::U16 => DnData::U16(Cow::Owned(window::<u16>(tiff, sample, rect)?)),
        DnType::I16 => {
            // Differences wrap alike with and without a sign.
            let numbers = window::<u16>(tiff, sample, rect)?;
            DnData::I16(Cow::Owned(numbers.into_iter().map(u16::cast_signed).collect()))
        }
    };
    Ok(DnWindow { rect, data })
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
    /// Where the stored tiles lie that `rect` of `sample` touches.
    pub(super) fn ranges(&self, sample: usize, rect: PixelRect) -> Vec<Range<u64>> {
        let columns = tile_range(rect.column, rect.columns, self.tile.nx);
        let rows = tile_range(rect.row, rect.rows, self.tile.ny);
        let indices = rows.flat_map(|row| columns.clone().map(move |column| (row, column)));
        let stored = indices.filter_map(|(row, column)| {
            let index = self.tile_index(sample, row, column);
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

/// What one tile gives to the result.
struct Piece<'o, T> {
    tile_row: usize,
    tile_column: usize,
    /// First row inside the tile.
    row: usize,
    /// Columns inside the tile.
    columns: Range<usize>,
    /// Rows of the result, cut to this tile's columns.
    out: Vec<&'o mut [T]>,
}

fn window<T: Word>(tiff: &GeoTiff, sample: usize, rect: PixelRect) -> Result<Vec<T>> {
    let mut numbers = vec![T::default(); rect.len()];
    if rect.is_empty() {
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
    if let Some(tiles) = tiff.remote_tiles(sample, rect) {
        remote::fetch_together(&[tiles])?;
    }
    let pieces = cut(&mut numbers, &tiff.layout, rect);
    let pairs = || (Decompressor::new(), Vec::new(), Vec::new());
    pieces.into_par_iter().try_for_each_init(pairs, |(inflater, packed, unpacked), piece| {
        let mut tile = Tile { tiff, file: &file, inflater, packed };
        tile.fill(sample, piece, unpacked)
    })?;
    Ok(numbers)
}

/// Shares the rows of the result out among the tiles; no two get the same pixel.
fn cut<'o, T: Word>(numbers: &'o mut [T], l: &Layout, rect: PixelRect) -> Vec<Piece<'o, T>> {
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

/// One worker's view of the file.
struct Tile<'w> {
    tiff: &'w GeoTiff,
    file: &'w FileBytes,
    inflater: &'w mut Decompressor,
    packed: &'w mut Vec<u8>,
}

impl Tile<'_> {
    fn fill<T: Word>(&mut self, sample: usize, piece: Piece<'_, T>, unpacked: &mut Vec<u8>) -> Result<()> {
        let l = &self.tiff.layout;
        let index = l.tile_index(sample, piece.tile_row, piece.tile_column);
        let (offset, count) = (l.offsets[index], l.byte_counts[index]);
        if offset == 0 || count == 0 {
            // Never written: the result is 0 already.
            return Ok(());
        }
        let size = l.tile_bytes(l.rows_stored(piece.tile_row));
        let name =
            |e: Error| Error::new(e.code(), format!("tile {index} of {}: {e}", self.tiff.path.display()));
        if l.in_pixel() > 1 {
            let cache = &self.tiff.cache;
            let shared = cache
                .get(index, sample, size as u64, || {
                    let mut bytes = Vec::new();
                    self.unpack(offset, count, size, &mut bytes).map(|()| bytes)
                })
                .map_err(name)?;
            copy(l, sample, piece, &shared);
        } else {
            self.unpack(offset, count, size, unpacked).map_err(name)?;
            copy(l, 0, piece, unpacked);
        }
        Ok(())
    }

    fn unpack(&mut self, offset: u64, count: u64, size: usize, out: &mut Vec<u8>) -> Result<()> {
        let compression = self.tiff.layout.compression;
        if count > compression.max_packed(size) {
            return Err(corrupt(format!("{count} bytes cannot hold {size} bytes of pixels")));
        }
        let count =
            usize::try_from(count).map_err(|_| Error::new(ErrorCode::Limit, "the tile is too large"))?;
        self.packed.resize(count, 0);
        self.file.read_exact_at(self.packed, offset, &self.tiff.path)?;
        out.resize(size, 0);
        compression.unpack(self.inflater, self.packed, out)
    }
}

/// Numbers of `sample` out of an unpacked tile; differences are summed from the tile's left edge.
fn copy<T: Word>(l: &Layout, sample: usize, piece: Piece<'_, T>, bytes: &[u8]) {
    let step = l.in_pixel() * T::BYTES;
    let at = sample * T::BYTES;
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
