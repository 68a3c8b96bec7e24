//! GeoTIFF: header of the first image, its place on Earth, and windows of digital numbers.
//!
//! The tags are read by the `tiff` crate; the pixels are not, because its decoder is serial, decodes every
//! sample and wants colours. Overviews (later images) are ignored.
mod codec;
mod gdal_metadata;
mod geo_keys;
mod header;
mod tiles;

use crate::error::{Error, ErrorCode, Result};
use crate::granule::dn::{DnType, DnWindow};
use crate::granule::facts::ReadCost;
use crate::granule::files::FileBytes;
use crate::granule::remote::RemoteFile;
use crate::granule::spare::Spare;
use crate::grid::geobox::{GeoBox, PixelRect, Shape};
use codec::Compression;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// One open GeoTIFF.
///
/// A file on disk is opened again by each read: a cube of hundreds of granules, with a file per band, would
/// otherwise run out of file descriptors.
#[derive(Debug)]
pub struct GeoTiff {
    path: PathBuf,
    /// Bytes when the header was read; another length later means another file.
    file_bytes: u64,
    layout: Layout,
    geobox: GeoBox,
    nodata: Option<f64>,
    metadata: gdal_metadata::GdalMetadata,
    /// The file, when it is elsewhere.
    remote: Option<Arc<RemoteFile>>,
}

/// How the pixels lie in the file. A strip is a tile as wide as the image whose last one is cut short.
#[derive(Debug, Clone, PartialEq)]
struct Layout {
    shape: Shape,
    /// Samples (bands) per pixel.
    samples: usize,
    /// One plane after the other instead of pixel by pixel.
    planar: bool,
    striped: bool,
    tile: Shape,
    tiles_across: usize,
    tiles_down: usize,
    dn_type: DnType,
    big_endian: bool,
    compression: Compression,
    /// Horizontal differencing (predictor 2).
    differenced: bool,
    /// Byte position of each tile, plane by plane, row by row; 0 with 0 bytes is a tile never written.
    offsets: Vec<u64>,
    /// Stored bytes of each tile.
    byte_counts: Vec<u64>,
}

impl GeoTiff {
    /// Reads the header; no pixel is touched.
    ///
    /// # Errors
    /// `CORRUPT` when it is no TIFF, is cut short or contradicts itself, `UNSUPPORTED` for compressions, types
    /// and georeferencing ASTER does not use, `LIMIT` for tiles beyond the safety limit.
    pub fn open(path: &Path) -> Result<Self> {
        Self::from_bytes(path, &FileBytes::on_disk(path)?)
    }
    /// As [`GeoTiff::open`].
    pub(super) fn from_bytes(path: &Path, bytes: &FileBytes) -> Result<Self> {
        header::read(path, bytes).map_err(|e| e.at(path))
    }
    /// Its path.
    pub fn path(&self) -> &Path {
        &self.path
    }
    /// Bytes of the file.
    pub fn file_bytes(&self) -> u64 {
        self.file_bytes
    }
    /// Grid: CRS, all six coefficients of the affine map, shape.
    pub fn geobox(&self) -> &GeoBox {
        &self.geobox
    }
    /// Samples (bands) per pixel.
    pub fn samples(&self) -> usize {
        self.layout.samples
    }
    /// Stored type.
    pub fn dn_type(&self) -> DnType {
        self.layout.dn_type
    }
    /// Value of the GDAL_NODATA tag.
    pub fn nodata(&self) -> Option<f64> {
        self.nodata
    }
    /// Description of a sample (from 0) in GDAL's metadata.
    pub fn description(&self, sample: usize) -> Option<&str> {
        self.metadata.description(sample)
    }
    /// Metadata item of the file (`None`) or of one sample, e.g. `RADIANCE_GAIN`.
    pub fn item(&self, sample: Option<usize>, name: &str) -> Option<&str> {
        self.metadata.item(sample, name)
    }
    /// How the pixels are stored, for people: `deflate, predictor 2, tiles 512 x 512`.
    pub fn storage(&self) -> String {
        let l = &self.layout;
        let mut text = l.compression.as_str().to_string();
        if l.differenced {
            text.push_str(", predictor 2");
        }
        if l.striped {
            text.push_str(&format!(", strips of {} rows", l.tile.ny));
        } else {
            text.push_str(&format!(", tiles {} x {}", l.tile.nx, l.tile.ny));
        }
        if l.samples > 1 {
            text.push_str(if l.planar { ", a plane per band" } else { ", bands interleaved" });
        }
        text
    }
    /// DN of `sample` (from 0) in exactly `rect`; tiles never written give 0. Parallel over the tiles touched.
    ///
    /// # Errors
    /// `INPUT_IO` when the file cannot be read, `CORRUPT` when a tile lies outside of it or does not unpack to
    /// exactly its size, `INTERNAL` when `rect` or `sample` lies outside.
    pub fn read(&self, sample: usize, rect: PixelRect) -> Result<DnWindow<'static>> {
        let windows = self.read_all(&[(sample, rect)], &Spare::default())?;
        windows
            .into_iter()
            .next()
            .ok_or_else(|| Error::internal(format!("nothing was read of sample {sample}")))
    }
    /// As [`GeoTiff::read`], for several samples: a tile that holds more than one of them is unpacked once. Memory comes from
    /// `spare` where it has some.
    ///
    /// # Errors
    /// Those of [`GeoTiff::read`].
    pub fn read_all(&self, wanted: &[(usize, PixelRect)], spare: &Spare) -> Result<Vec<DnWindow<'static>>> {
        tiles::read(self, wanted, spare).map_err(|e| e.at(&self.path))
    }
    /// What [`GeoTiff::read`] allocates, beside a tile for each thread.
    pub fn read_cost(&self) -> ReadCost {
        match self.layout.tiles_across * self.layout.tiles_down {
            1 => ReadCost::WholeBand,
            _ if self.remote.is_some() => ReadCost::Fetched,
            _ => ReadCost::Window,
        }
    }
    /// The file when it is elsewhere, and where in it the tiles lie that hold these windows of samples.
    pub(super) fn remote_tiles(
        &self,
        wanted: &[(usize, PixelRect)],
    ) -> Option<(&RemoteFile, Vec<Range<u64>>)> {
        Some((self.remote.as_deref()?, self.layout.ranges(wanted)))
    }
}

/// Why a file that should be a TIFF is none: a refused download often leaves a web page behind.
fn not_a_tiff(path: &Path, bytes: &FileBytes) -> Error {
    let start = bytes.head(64, path).unwrap_or_default();
    let text = String::from_utf8_lossy(&start).trim_start().to_ascii_lowercase();
    let error = Error::new(ErrorCode::Corrupt, format!("{} is not a TIFF file", path.display()));
    if start.is_empty() {
        error.hint("it is empty; download it again")
    } else if text.starts_with('<') || text.starts_with('{') {
        error.hint("it holds text, perhaps a login page or an error message; download it again")
    } else {
        error
    }
}
