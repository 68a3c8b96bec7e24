//! HDF-EOS2 granules: one `.hdf` file with a swath per telescope (L1B, L1T, and level 2 of version 003).
use crate::error::{Error, ErrorCode, Result};
use crate::geo::affine::Affine;
use crate::granule::Granule;
use crate::granule::dn::{DnData, DnType, DnWindow};
use crate::granule::facts::{BandFacts, GranuleFacts, GranuleForm, ReadCost};
use crate::granule::files::FileBytes;
use crate::granule::metadata::Metadata;
use crate::granule::remote::{self, RemoteFile};
use crate::granule::spare::Spare;
use crate::granule::swath_lattice;
use crate::granule::utm_zone;
use crate::grid::geobox::{GeoBox, PixelRect, Shape};
use crate::product::band::Band;
use crate::product::granule_name::GranuleName;
use crate::radiometry::gain::Gain;
use hdf4::{ByteSource, Dataset, File, NumberType, OpenOptions, StorageKind, Window};
use rayon::prelude::*;
use std::borrow::Cow;
use std::path::Path;
use std::sync::Arc;

/// An open HDF-EOS2 granule.
pub struct HdfEos {
    file: File,
    facts: GranuleFacts,
    /// Dataset path of each band.
    datasets: Vec<(Band, String)>,
    /// The file, when it is elsewhere.
    remote: Option<Arc<RemoteFile>>,
}

impl HdfEos {
    /// Opens a file and reads its headers.
    ///
    /// # Errors
    /// `NOT_HDF4`, `CORRUPT`, `MISSING_METADATA` (no acquisition time, no place), `UNSUPPORTED` (L1A).
    pub fn open(path: &Path) -> Result<Self> {
        Self::from_bytes(path, FileBytes::on_disk(path)?)
    }

    /// As [`HdfEos::open`]; a file on disk is mapped.
    pub(super) fn from_bytes(path: &Path, bytes: FileBytes) -> Result<Self> {
        let (length, remote) = (bytes.len(), bytes.remote().cloned());
        drop(bytes);
        let file = match remote.clone() {
            Some(remote) => OpenOptions::new().from_source(remote as Arc<dyn ByteSource>),
            None => File::open(path),
        };
        let file = file.map_err(|e| from_hdf4(path, &e))?;
        Self::read(path, file, length, remote).map_err(|e| e.at(path))
    }

    fn read(path: &Path, file: File, bytes: u64, remote: Option<Arc<RemoteFile>>) -> Result<Self> {
        let metadata = Metadata::of(&file)?;
        let name = granule_name(path, &metadata)?;
        let time = metadata.acquisition().map_or_else(|| name.acquisition(), Ok)?;
        let mut warnings = Vec::new();
        let mut layers = layers(&file, path)?;
        layers.sort_by_key(|l| l.band);
        let gains = metadata.gains();
        // L1T is north up whatever it repeats of its source; another product with an angle has no use for corners.
        let north_up = name.product == "AST_L1T" || !metadata.is_turned();
        let mut bands = Vec::new();
        let mut datasets = Vec::new();
        for layer in &layers {
            let dataset = file.dataset(&layer.dataset).map_err(|e| from_hdf4(path, &e))?;
            let Some((dn_type, shape)) = image_type(dataset) else { continue };
            let geobox = place(&file, path, &metadata, layer, north_up, shape, &mut warnings)?;
            let gain = gains.iter().find(|(b, _)| *b == layer.band).map(|(_, g)| *g);
            if gain == Some(Gain::Off) {
                warnings.push(format!("band {} is present although its gain is OFF", layer.band));
            }
            bands.push(BandFacts {
                band: layer.band,
                geobox,
                dn_type,
                fill: Some(0),
                gain,
                conversion: metadata.conversion(layer.band)?,
                storage: storage_words(dataset),
                read_cost: read_cost(dataset, dn_type, remote.is_some()),
            });
            datasets.push((layer.band, layer.dataset.clone()));
        }
        if bands.is_empty() {
            return Err(Error::new(
                ErrorCode::Unsupported,
                format!("{} holds no ASTER band", path.display()),
            )
            .hint("expected an AST_L1B, AST_L1T or level-2 HDF-EOS2 file"));
        }
        warnings.dedup();
        let facts = GranuleFacts {
            path: path.to_path_buf(),
            form: GranuleForm::HdfEos2,
            name,
            time,
            solar: metadata.solar(),
            cloud_cover_percent: metadata.number("SCENECLOUDCOVERAGE"),
            day_night: metadata.text("DAYNIGHTFLAG").map(|t| t.to_lowercase()),
            radiometric_db_version: metadata.text("RADIOMETRICDBVERSION"),
            geometric_db_version: metadata.text("GEOMETRICDBVERSION"),
            observation_modes: metadata.observation_modes(),
            bands,
            files: vec![path.to_path_buf()],
            bytes,
            warnings,
        };
        Ok(Self { file, facts, datasets, remote })
    }

    fn dataset(&self, band: Band) -> Result<&Dataset> {
        let found = self.datasets.iter().find(|(b, _)| *b == band);
        let (_, path) = found.ok_or_else(|| Error::new(ErrorCode::NotFound, format!("no band {band}")))?;
        self.file.dataset(path).map_err(|e| from_hdf4(&self.facts.path, &e))
    }

    fn window(&self, band: Band, rect: PixelRect) -> Result<DnWindow<'_>> {
        let fail = |e: hdf4::Error| from_hdf4(&self.facts.path, &e);
        let dataset = self.dataset(band)?;
        let (dn_type, shape) =
            image_type(dataset).ok_or_else(|| Error::internal("a band changed its type"))?;
        let window = window_of(rect);
        let data = match dn_type {
            DnType::U8 => match self.file.borrow_u8(dataset).map_err(fail)? {
                Some(whole) => {
                    return Ok(DnWindow {
                        rect: PixelRect::whole(shape),
                        data: DnData::U8(Cow::Borrowed(whole)),
                    });
                }
                None => DnData::U8(Cow::Owned(self.file.read::<u8>(dataset, &window).map_err(fail)?)),
            },
            DnType::U16 => DnData::U16(Cow::Owned(self.file.read::<u16>(dataset, &window).map_err(fail)?)),
            DnType::I16 => DnData::I16(Cow::Owned(self.file.read::<i16>(dataset, &window).map_err(fail)?)),
        };
        Ok(DnWindow { rect, data })
    }

    /// Fetches what `reads` need of a file that is elsewhere.
    fn fetch(&self, reads: &[(Band, PixelRect)]) -> Result<()> {
        let Some(remote) = &self.remote else { return Ok(()) };
        let mut ranges = Vec::new();
        for (band, rect) in reads.iter().filter(|(_, rect)| !rect.is_empty()) {
            let planned = self.file.plan(self.dataset(*band)?, &window_of(*rect));
            ranges.extend(planned.map_err(|e| from_hdf4(&self.facts.path, &e))?);
        }
        remote.fetch_rounded(&ranges)
    }
}

impl Granule for HdfEos {
    fn facts(&self) -> &GranuleFacts {
        &self.facts
    }

    fn read_all(&self, reads: &[(Band, PixelRect)], _: &Spare) -> Result<Vec<DnWindow<'_>>> {
        self.fetch(reads)?;
        reads.par_iter().map(|&(band, rect)| self.window(band, rect)).collect()
    }
}

fn window_of(rect: PixelRect) -> Window {
    Window::rows_cols(rect.row as u64, rect.column as u64, rect.rows as u64, rect.columns as u64)
}

/// A band's dataset and the swath it belongs to.
pub(super) struct Layer {
    pub(super) band: Band,
    pub(super) dataset: String,
    pub(super) swath: String,
}

/// Bands are found by name in every swath: a missing telescope changes all numbering.
fn layers(file: &File, path: &Path) -> Result<Vec<Layer>> {
    let eos = file.eos().map_err(|e| from_hdf4(path, &e))?;
    let mut layers: Vec<Layer> = Vec::new();
    for swath in eos.swaths() {
        for field in &swath.data_fields {
            if field.name == "ImageData" {
                return Err(Error::new(
                    ErrorCode::Unsupported,
                    "AST_L1A is in sensor geometry, uncalibrated",
                )
                .hint("use AST_L1T (or AST_L1B), which is made from it"));
            }
            let (Ok(band), Some(dataset)) = (field.name.parse::<Band>(), field.dataset.clone()) else {
                continue;
            };
            if layers.iter().all(|l| l.band != band) {
                layers.push(Layer { band, dataset, swath: swath.name.clone() });
            }
        }
    }
    Ok(layers)
}

/// Grid of a band: from the map corners (pixel CENTRES) where the product is north up, else from the lattice.
fn place(
    file: &File,
    path: &Path,
    metadata: &Metadata,
    layer: &Layer,
    north_up: bool,
    shape: Shape,
    warnings: &mut Vec<String>,
) -> Result<GeoBox> {
    let corner = metadata.pair("UPPERLEFTM").filter(|_| north_up);
    let (Some((upper, left)), Some(zone)) = (corner, metadata.utm_zone()) else {
        return swath_lattice::fit(file, path, metadata, layer, shape, warnings);
    };
    let pixel = layer.band.subsystem().pixel_m();
    let lower = metadata.pair("LOWERRIGHTM").map_or(upper - (shape.ny as f64 - 1.0) * pixel, |(y, _)| y);
    let verdict = utm_zone::decide(zone, upper, lower, metadata.centre_latitude())?;
    warnings.extend(verdict.warnings);
    if let Some((bottom, right)) = metadata.pair("LOWERRIGHTM") {
        let rows = (upper - bottom) / pixel + 1.0;
        let columns = (right - left) / pixel + 1.0;
        // The corner belongs to the finest telescope; coarser grids end up to a pixel earlier or later.
        let off = (rows - shape.ny as f64).abs().max((columns - shape.nx as f64).abs());
        if off > 6.0 {
            warnings.push(format!(
                "the corners of band {} span {columns:.1} x {rows:.1} pixels, the image has {} x {}",
                layer.band, shape.nx, shape.ny
            ));
        }
    }
    let transform = Affine::from_centre(left, upper + verdict.add_northing_m, pixel);
    Ok(GeoBox { crs: verdict.crs, transform, shape })
}

/// Type and shape of a two-dimensional image; nothing for other arrays.
fn image_type(dataset: &Dataset) -> Option<(DnType, Shape)> {
    let [ny, nx] = dataset.dims() else { return None };
    let dn_type = match dataset.number_type() {
        NumberType::U8 | NumberType::Uchar => DnType::U8,
        NumberType::U16 => DnType::U16,
        NumberType::I16 => DnType::I16,
        _ => return None,
    };
    let side = |n: u64| usize::try_from(n).ok().filter(|n| *n > 0 && *n <= 1 << 20);
    Some((dn_type, Shape { ny: side(*ny)?, nx: side(*nx)? }))
}

fn read_cost(dataset: &Dataset, dn_type: DnType, is_remote: bool) -> ReadCost {
    match dataset.storage() {
        StorageKind::Compressed { .. } => ReadCost::WholeBand,
        _ if is_remote => ReadCost::Fetched,
        StorageKind::Contiguous if dn_type == DnType::U8 => ReadCost::Borrowed,
        _ => ReadCost::Window,
    }
}

fn storage_words(dataset: &Dataset) -> String {
    match dataset.storage() {
        StorageKind::Empty => "never written".to_string(),
        StorageKind::Contiguous => "contiguous".to_string(),
        StorageKind::Linked { blocks } => format!("linked blocks ({blocks})"),
        StorageKind::Compressed { coder } => format!("one {coder} stream"),
        StorageKind::Chunked { chunk, coder } => {
            let sides: Vec<String> = chunk.iter().map(u64::to_string).collect();
            format!("chunks of {}, {}", sides.join(" x "), coder.unwrap_or("uncompressed"))
        }
        other => format!("{other:?}").to_lowercase(),
    }
}

/// Name by file name, else by what the metadata call the granule.
fn granule_name(path: &Path, metadata: &Metadata) -> Result<GranuleName> {
    let file_name = path.file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default();
    let inside = ["LOCALGRANULEID", "IDOFASTERGDSDATAGRANULE"];
    let by_metadata = || inside.iter().find_map(|k| GranuleName::parse(&metadata.text(k)?));
    GranuleName::parse(&file_name).or_else(by_metadata).ok_or_else(|| {
        let message = format!("{file_name} has no ASTER granule name, and no metadata that give one");
        Error::new(ErrorCode::MissingMetadata, message)
            .hint("granules are named like AST_L1T_00302052004200003_20150503075349_23756.hdf")
    })
}

/// The reader's error in the words of this crate.
pub(super) fn from_hdf4(path: &Path, error: &hdf4::Error) -> Error {
    use hdf4::ErrorKind;
    let code = match error.kind() {
        ErrorKind::Io { source, .. } => {
            return remote::of_source(source).unwrap_or_else(|| Error::input_io(path, source));
        }
        ErrorKind::NotHdf4 => ErrorCode::NotHdf4,
        ErrorKind::Unsupported { .. } => ErrorCode::Unsupported,
        ErrorKind::Limit { .. } => ErrorCode::Limit,
        ErrorKind::NotFound { .. } => ErrorCode::NotFound,
        ErrorKind::Usage { .. } => ErrorCode::Internal,
        _ => ErrorCode::Corrupt,
    };
    let made = Error::new(code, format!("{}: {error}", path.display())).at(path);
    match code {
        ErrorCode::Corrupt => {
            made.hint("the file may be cut short: compare its size with the archive's and fetch it again")
        }
        _ => made,
    }
}
