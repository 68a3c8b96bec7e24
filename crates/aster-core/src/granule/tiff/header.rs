//! The first image's tags, checked: shape, sample type, tiles and their places in the file.
use super::codec::Compression;
use super::gdal_metadata::GdalMetadata;
use super::{GeoTiff, Layout, geo_keys, not_a_tiff};
use crate::error::{Error, ErrorCode, Result};
use crate::granule::dn::DnType;
use crate::granule::files::{FileBytes, FileStream};
use crate::granule::remote;
use crate::grid::geobox::{GeoBox, Shape};
use std::io::BufReader;
use std::path::Path;
use tiff::decoder::Decoder;
use tiff::tags::{ByteOrder, Tag};
use tiff::{TiffError, TiffFormatError};

/// Largest unpacked tile or strip. A whole VNIR telescope in one strip is 83 MB.
const MAX_TILE_BYTES: usize = 256 << 20;
/// Most pixels along a side: ten scenes.
const MAX_SIDE: usize = 100_000;
const MAX_SAMPLES: usize = 64;
const MAX_METADATA_BYTES: u64 = 4 << 20;
const GDAL_METADATA: u16 = 42112;

/// The header's tags, of one file.
pub(super) struct Tags<'f> {
    decoder: Decoder<BufReader<FileStream<'f>>>,
}

impl Tags<'_> {
    fn unsigned(&mut self, tag: Tag) -> Result<Option<u64>> {
        self.decoder.find_tag_unsigned(tag).map_err(explain)
    }
    pub(super) fn unsigned_list<T: TryFrom<u64>>(&mut self, tag: Tag) -> Result<Vec<T>> {
        Ok(self.decoder.find_tag_unsigned_vec(tag).map_err(explain)?.unwrap_or_default())
    }
    pub(super) fn doubles(&mut self, tag: Tag) -> Result<Vec<f64>> {
        let value = self.decoder.find_tag(tag).map_err(explain)?;
        Ok(value.map(|v| v.into_f64_vec()).transpose().map_err(explain)?.unwrap_or_default())
    }
    /// Text of any encoding (the crate itself refuses what is not ASCII), without the closing NUL.
    pub(super) fn text(&mut self, tag: Tag) -> Result<Option<String>> {
        let mut ifd = self.decoder.image_ifd();
        let Some(entry) = ifd.find_entry(tag) else { return Ok(None) };
        if entry.count() > MAX_METADATA_BYTES {
            return Err(Error::new(ErrorCode::Limit, format!("tag {} is too long", tag.to_u16()))
                .with_bytes(entry.count(), MAX_METADATA_BYTES));
        }
        let mut bytes = vec![0; usize::try_from(entry.count()).unwrap_or(0)];
        ifd.find_tag_bytes(tag, &mut bytes, 0).map_err(explain)?;
        Ok(Some(String::from_utf8_lossy(&bytes).trim_end_matches('\0').to_string()))
    }
}

pub(super) fn read(path: &Path, bytes: &FileBytes) -> Result<GeoTiff> {
    if bytes.is_dir() {
        return Err(Error::new(ErrorCode::InputIo, format!("{} is a folder", path.display())));
    }
    let decoder = match Decoder::new(BufReader::new(FileStream::new(bytes))) {
        Ok(decoder) => decoder,
        Err(TiffError::FormatError(
            TiffFormatError::TiffSignatureNotFound | TiffFormatError::TiffSignatureInvalid,
        )) => return Err(not_a_tiff(path, bytes)),
        Err(error) => return Err(explain(error)),
    };
    let mut tags = Tags { decoder };
    let layout = layout(&mut tags, bytes.len())?;
    let (crs, transform) = geo_keys::read(&mut tags)?;
    let metadata =
        tags.text(Tag::Unknown(GDAL_METADATA))?.map(|t| GdalMetadata::parse(&t)).unwrap_or_default();
    let nodata = tags.text(Tag::GdalNodata)?.and_then(|t| t.trim().parse().ok());
    Ok(GeoTiff {
        path: path.to_path_buf(),
        file_bytes: bytes.len(),
        geobox: GeoBox { crs, transform, shape: layout.shape },
        layout,
        nodata,
        metadata,
        remote: bytes.remote().cloned(),
    })
}

fn layout(tags: &mut Tags<'_>, file_bytes: u64) -> Result<Layout> {
    let size = |v: Option<u64>, name: &str, max: usize| -> Result<usize> {
        let v = v.ok_or_else(|| corrupt(format!("the TIFF header has no {name}")))?;
        match usize::try_from(v) {
            Ok(0) => Err(corrupt(format!("the TIFF header says {name} is 0"))),
            Ok(n) if n <= max => Ok(n),
            _ => Err(Error::new(ErrorCode::Limit, format!("{name} is {v}, at most {max} is read"))),
        }
    };
    let nx = size(tags.unsigned(Tag::ImageWidth)?, "the image width", MAX_SIDE)?;
    let ny = size(tags.unsigned(Tag::ImageLength)?, "the image height", MAX_SIDE)?;
    let samples =
        size(tags.unsigned(Tag::SamplesPerPixel)?.or(Some(1)), "the number of samples", MAX_SAMPLES)?;
    let dn_type = dn_type(tags)?;
    let striped = tags.decoder.image_ifd().find_entry(Tag::TileWidth).is_none();
    let tile = if striped {
        // Writers say "all in one strip" with 2^32-1 rows.
        let rows = tags.unsigned(Tag::RowsPerStrip)?.unwrap_or(u64::MAX).min(ny as u64);
        Shape { nx, ny: size(Some(rows), "the number of rows per strip", MAX_SIDE)? }
    } else {
        let nx = size(tags.unsigned(Tag::TileWidth)?, "the tile width", MAX_SIDE)?;
        Shape { nx, ny: size(tags.unsigned(Tag::TileLength)?, "the tile height", MAX_SIDE)? }
    };
    let planar = match tags.unsigned(Tag::PlanarConfiguration)?.unwrap_or(1) {
        1 => false,
        2 => samples > 1,
        other => return Err(corrupt(format!("unknown planar configuration {other}"))),
    };
    let differenced = match tags.unsigned(Tag::Predictor)?.unwrap_or(1) {
        1 => false,
        2 => true,
        other => return Err(unsupported(format!("predictor {other} is not read"))),
    };
    let in_pixel = if planar { 1 } else { samples };
    let tile_bytes =
        [tile.nx, tile.ny, in_pixel, dn_type.bytes()].iter().try_fold(1_usize, |a, &b| a.checked_mul(b));
    if tile_bytes.is_none_or(|n| n > MAX_TILE_BYTES) {
        let text = format!("a tile of {} x {} pixels and {in_pixel} samples is too large", tile.nx, tile.ny);
        let needed = tile_bytes.map_or(u64::MAX, |n| n as u64);
        return Err(Error::new(ErrorCode::Limit, text).with_bytes(needed, MAX_TILE_BYTES as u64));
    }
    let (offsets_tag, counts_tag) = match striped {
        true => (Tag::StripOffsets, Tag::StripByteCounts),
        false => (Tag::TileOffsets, Tag::TileByteCounts),
    };
    let layout = Layout {
        shape: Shape { ny, nx },
        samples,
        planar,
        striped,
        tile,
        tiles_across: nx.div_ceil(tile.nx),
        tiles_down: ny.div_ceil(tile.ny),
        dn_type,
        big_endian: matches!(tags.decoder.byte_order(), ByteOrder::BigEndian),
        compression: Compression::from_tag(tags.unsigned(Tag::Compression)?.unwrap_or(1))?,
        differenced,
        offsets: tags.unsigned_list(offsets_tag)?,
        byte_counts: tags.unsigned_list(counts_tag)?,
    };
    check_places(&layout, file_bytes)?;
    Ok(layout)
}

fn dn_type(tags: &mut Tags<'_>) -> Result<DnType> {
    let same = |values: Vec<u64>, default: u64| -> Option<u64> {
        let first = values.first().copied().unwrap_or(default);
        values.iter().all(|&v| v == first).then_some(first)
    };
    let bits = same(tags.unsigned_list(Tag::BitsPerSample)?, 1);
    // 1 unsigned, 2 signed, 3 floating point.
    let format = same(tags.unsigned_list(Tag::SampleFormat)?, 1);
    match (format, bits) {
        (Some(1), Some(8)) => Ok(DnType::U8),
        (Some(1), Some(16)) => Ok(DnType::U16),
        (Some(2), Some(16)) => Ok(DnType::I16),
        (format, bits) => {
            let kind = match format {
                Some(1) => "unsigned",
                Some(2) => "signed",
                Some(3) => "floating-point",
                _ => "mixed or unknown",
            };
            let bits = bits.map_or("mixed".to_string(), |b| b.to_string());
            Err(unsupported(format!("{kind} samples of {bits} bits are not read"))
                .hint("ASTER's products hold uint8, uint16 or int16"))
        }
    }
}

/// As many places as tiles, all inside the file.
fn check_places(layout: &Layout, file_bytes: u64) -> Result<()> {
    let planes = if layout.planar { layout.samples } else { 1 };
    let expected = layout.tiles_across * layout.tiles_down * planes;
    if layout.offsets.len() != expected || layout.byte_counts.len() != expected {
        return Err(corrupt(format!(
            "the header lists {} tile offsets and {} sizes for {expected} tiles",
            layout.offsets.len(),
            layout.byte_counts.len()
        )));
    }
    for (i, (&offset, &count)) in layout.offsets.iter().zip(&layout.byte_counts).enumerate() {
        if offset.checked_add(count).is_none_or(|end| end > file_bytes) {
            return Err(corrupt(format!(
                "tile {i} ({count} bytes at {offset}) lies beyond the end of the file ({file_bytes} bytes)"
            ))
            .hint("the file is cut short; download it again"));
        }
    }
    Ok(())
}

pub(super) fn corrupt(message: impl Into<String>) -> Error {
    Error::new(ErrorCode::Corrupt, message)
}

pub(super) fn unsupported(message: impl Into<String>) -> Error {
    Error::new(ErrorCode::Unsupported, message)
}

/// The tag reader's errors in this crate's codes.
fn explain(error: TiffError) -> Error {
    match error {
        TiffError::IoError(e) if e.kind() == std::io::ErrorKind::UnexpectedEof => {
            corrupt("the file ends inside its TIFF header").hint("the file is cut short; download it again")
        }
        TiffError::IoError(e) => remote::of_source(&e)
            .unwrap_or_else(|| Error::new(ErrorCode::InputIo, format!("cannot read the TIFF header: {e}"))),
        TiffError::UnsupportedError(e) => {
            unsupported(format!("the TIFF header asks for something not read: {e}"))
        }
        TiffError::LimitsExceeded => {
            Error::new(ErrorCode::Limit, "the TIFF header has more entries than allowed")
        }
        other => corrupt(format!("the TIFF header is damaged: {other}")),
    }
}
