//! The scratch file of one time step: a plain tiled BigTIFF of which the tiles come first, in the order they come,
//! and the directory last. Tiles that never came take no room and read as missing.
//!
//! Layout: BigTIFF (Adobe TIFF 6.0 with the 64-bit directory of libtiff 4), little-endian, bands one after another.
use crate::cube::sink::CubeLayout;
use crate::error::{Error, Result};
use crate::grid::geobox::Shape;
use crate::write::geotiff::pixels::Numbers;
use crate::write::partial::{PartialFile, output_error};
use std::fs::{File, OpenOptions};
use std::io::{BufWriter, Seek, SeekFrom, Write};
use std::path::Path;

/// First byte after the header.
const HEADER_BYTES: u64 = 16;

/// Form of all scratch files of an output.
#[derive(Debug, Clone, Copy)]
pub(super) struct ScratchForm {
    pub(super) numbers: Numbers,
    pub(super) grid: Shape,
    pub(super) tile: Shape,
    pub(super) bands: usize,
}

impl ScratchForm {
    pub(super) fn of(layout: &CubeLayout) -> Self {
        Self {
            numbers: Numbers::of(layout),
            grid: layout.grid.shape,
            tile: layout.chunk,
            bands: layout.variables.len(),
        }
    }

    /// Tiles down and across.
    fn tiles(self) -> Shape {
        Shape { ny: self.grid.ny.div_ceil(self.tile.ny), nx: self.grid.nx.div_ceil(self.tile.nx) }
    }

    /// Tiles of all bands.
    pub(super) fn tile_count(self) -> usize {
        self.bands * self.tiles().ny * self.tiles().nx
    }

    /// Bytes of a tile.
    pub(super) fn tile_bytes(self) -> usize {
        self.tile.ny * self.tile.nx * self.numbers.bytes()
    }
}

/// A scratch file; dropping it removes it.
#[derive(Debug)]
pub(super) struct Scratch {
    form: ScratchForm,
    partial: PartialFile,
    /// None while closed: many may wait for their next tile.
    file: Option<File>,
    end: u64,
    /// Where each tile lies, 0 for none; band, then row, then column.
    offsets: Vec<u64>,
}

impl Scratch {
    /// Starts a file with a hidden name beside `target`.
    pub(super) fn create(target: &Path, form: ScratchForm) -> Result<Self> {
        let partial = PartialFile::create(target, true)?;
        let offsets = vec![0; form.tile_count()];
        let mut scratch = Self { form, partial, file: None, end: HEADER_BYTES, offsets };
        // The directory is not known yet: the header says 0, which no reader takes.
        scratch.write_at(0, &header(0))?;
        Ok(scratch)
    }

    /// Appends a tile, padded to its full shape.
    pub(super) fn append(&mut self, band: usize, row: usize, column: usize, bytes: &[u8]) -> Result<()> {
        let tiles = self.form.tiles();
        let index = (band * tiles.ny + row) * tiles.nx + column;
        let within = band < self.form.bands && row < tiles.ny && column < tiles.nx;
        match self.offsets.get(index) {
            Some(0) if within && bytes.len() == self.form.tile_bytes() => {}
            _ => {
                return Err(Error::internal(format!(
                    "tile {band}, {row}, {column} has no place or came twice"
                )));
            }
        }
        let at = self.end;
        self.write_at(at, bytes)?;
        self.end += bytes.len() as u64;
        if let Some(offset) = self.offsets.get_mut(index) {
            *offset = at;
        }
        Ok(())
    }

    /// Gives the descriptor back; the next tile takes it again.
    pub(super) fn close(&mut self) {
        self.file = None;
    }

    /// Writes the directory: from now on it is a TIFF file. Returns its path.
    pub(super) fn seal(&mut self) -> Result<&Path> {
        let written = self.open()?.metadata().map(|m| m.len()).map_err(|e| self.error(&e))?;
        if written < self.end {
            return Err(
                Error::internal(format!("{written} of {} scratch bytes were kept", self.end)).at(self.path())
            );
        }
        // Directories begin at even offsets.
        let start = self.end.next_multiple_of(8);
        let directory = directory(self.form, start, &self.offsets);
        let mut write = || {
            let mut out = BufWriter::new(self.open_raw()?);
            out.seek(SeekFrom::Start(start))?;
            out.write_all(&directory)?;
            out.seek(SeekFrom::Start(0))?;
            out.write_all(&header(start))?;
            out.flush()
        };
        write().map_err(|e| self.error(&e))?;
        self.file = None;
        Ok(self.path())
    }

    fn path(&self) -> &Path {
        self.partial.path()
    }

    fn error(&self, error: &std::io::Error) -> Error {
        output_error(self.path(), error)
    }

    fn open_raw(&mut self) -> std::io::Result<&mut File> {
        match &mut self.file {
            Some(file) => Ok(file),
            closed => Ok(closed.insert(OpenOptions::new().write(true).open(self.partial.path())?)),
        }
    }

    fn open(&mut self) -> Result<&mut File> {
        let path = self.path().to_path_buf();
        self.open_raw().map_err(|e| output_error(&path, &e))
    }

    fn write_at(&mut self, at: u64, bytes: &[u8]) -> Result<()> {
        let file = self.open()?;
        file.seek(SeekFrom::Start(at)).and_then(|_| file.write_all(bytes)).map_err(|e| self.error(&e))
    }
}

/// Byte order, BigTIFF, 8-byte offsets, place of the directory.
fn header(directory: u64) -> [u8; HEADER_BYTES as usize] {
    let mut bytes = [b'I', b'I', 43, 0, 8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
    bytes[8..].copy_from_slice(&directory.to_le_bytes());
    bytes
}

/// Types of tags.
const ASCII: u16 = 2;
const SHORT: u16 = 3;
const LONG: u16 = 4;
const LONG8: u16 = 16;

/// Type, count and bytes of a tag.
type Value = (u16, u64, Vec<u8>);

/// The directory, to lie at `start`, and behind it the values too long for it.
fn directory(form: ScratchForm, start: u64, offsets: &[u64]) -> Vec<u8> {
    let short = |value: u16| (SHORT, 1, value.to_le_bytes().to_vec());
    // Grids are at most 20 million pixels wide, so sides fit.
    let long = |value: usize| (LONG, 1, (value as u32).to_le_bytes().to_vec());
    let shorts = |value: u16, count: usize| (SHORT, count as u64, value.to_le_bytes().repeat(count));
    let longs = |values: Vec<u8>| (LONG8, offsets.len() as u64, values);
    let counts = offsets.iter().map(|&o| if o == 0 { 0 } else { form.tile_bytes() as u64 });
    let (bits, format) = match form.numbers {
        Numbers::F32 => (32, 3),
        Numbers::U8 => (8, 1),
        Numbers::U16 => (16, 1),
        Numbers::I16 | Numbers::Packed => (16, 2),
        Numbers::U32 => (32, 1),
    };
    let mut entries: Vec<(u16, Value)> = vec![
        (256, long(form.grid.nx)),
        (257, long(form.grid.ny)),
        (258, shorts(bits, form.bands)),
        (259, short(1)), // no compression
        (262, short(1)), // 0 is black
        (277, short(form.bands as u16)),
        (284, short(2)), // bands one after another
        (322, long(form.tile.nx)),
        (323, long(form.tile.ny)),
        (324, longs(offsets.iter().flat_map(|o| o.to_le_bytes()).collect())),
        (325, longs(counts.flat_map(u64::to_le_bytes).collect())),
    ];
    if form.bands > 1 {
        entries.push((338, shorts(0, form.bands - 1))); // further bands are no alpha
    }
    entries.push((339, shorts(format, form.bands)));
    if let Some(text) = form.numbers.missing_text() {
        let text = format!("{text}\0").into_bytes();
        entries.push((42113, (ASCII, text.len() as u64, text))); // GDAL's missing value
    }
    let mut bytes = (entries.len() as u64).to_le_bytes().to_vec();
    let mut beyond: Vec<u8> = Vec::new();
    let start_of_beyond = start + 8 + 20 * entries.len() as u64 + 8;
    for (tag, (kind, count, mut value)) in entries {
        bytes.extend(tag.to_le_bytes());
        bytes.extend(kind.to_le_bytes());
        bytes.extend(count.to_le_bytes());
        value.resize(value.len().next_multiple_of(8), 0);
        if value.len() == 8 {
            bytes.extend(value);
        } else {
            bytes.extend((start_of_beyond + beyond.len() as u64).to_le_bytes());
            beyond.extend(value);
        }
    }
    bytes.extend([0; 8]); // no further directory
    bytes.extend(beyond);
    bytes
}
