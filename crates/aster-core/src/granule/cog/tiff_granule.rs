//! A granule made of GeoTIFFs, however its bands are spread over them.
use crate::error::{Error, ErrorCode, Result};
use crate::granule::dn::DnWindow;
use crate::granule::facts::{BandFacts, GranuleFacts, GranuleForm};
use crate::granule::remote;
use crate::granule::spare::Spare;
use crate::granule::tiff::GeoTiff;
use crate::granule::umm::{self, SideRecord};
use crate::grid::geobox::{GeoBox, PixelRect};
use crate::product::band::Band;
use crate::product::granule_name::GranuleName;
use crate::product::subsystem::Subsystem;
use crate::radiometry::gain::{Gain, UnitConversion};
use jiff::SignedDuration;
use rayon::prelude::*;
use std::path::PathBuf;

/// Elevation of AST14DEM that stands for "none".
const DEM_FILL: i32 = -9999;
/// A record that disagrees with the name by more is of another acquisition.
const MAX_TIME_GAP: SignedDuration = SignedDuration::from_secs(2);

/// One band: which sample of which file.
#[derive(Debug)]
pub(super) struct Part {
    pub(super) band: Band,
    pub(super) file: usize,
    pub(super) sample: usize,
    /// The file's grid, or a repaired one.
    pub(super) geobox: GeoBox,
    pub(super) conversion: Option<UnitConversion>,
}

/// What a form has found, before records are read.
#[derive(Debug)]
pub(super) struct Draft {
    pub(super) path: PathBuf,
    /// Folder to look for records in.
    pub(super) folder: PathBuf,
    pub(super) form: GranuleForm,
    /// Names of the parts; the first is the granule's.
    pub(super) names: Vec<GranuleName>,
    pub(super) tiffs: Vec<GeoTiff>,
    pub(super) parts: Vec<Part>,
    /// Files that belong to the granule but hold no band.
    pub(super) other_files: Vec<PathBuf>,
    /// What the files' own tags say; records beside them come first.
    pub(super) tags: SideRecord,
    pub(super) warnings: Vec<String>,
}

/// Facts and open files.
#[derive(Debug)]
pub(super) struct TiffGranule {
    facts: GranuleFacts,
    tiffs: Vec<GeoTiff>,
    /// Band, file, sample; in ASTER's order.
    sources: Vec<(Band, usize, usize)>,
}

impl TiffGranule {
    /// Adds what the records beside the files say.
    pub(super) fn assemble(draft: Draft) -> Result<Self> {
        let Draft { path, folder, form, names, tiffs, mut parts, other_files, mut warnings, .. } = draft;
        let Some(name) = names.first().cloned() else {
            return Err(Error::internal("a granule without a name"));
        };
        let found = umm::find_records(&folder, &names);
        let mut record = found.record;
        record.fill_from(draft.tags);
        warnings.extend(found.warnings);

        let stamp = name.acquisition()?;
        let time = record.time.filter(|t| t.duration_since(stamp).abs() <= MAX_TIME_GAP);
        if let (Some(recorded), None) = (record.time, time) {
            warnings.push(format!("the record says {recorded}, the name {stamp}: the name is believed"));
        }

        parts.sort_by_key(|p| p.band);
        for part in parts.iter().filter(|p| record.gain(p.band) == Some(Gain::Off)) {
            warnings.push(format!("band {} is present although its gain is OFF", part.band));
        }
        let has_gain = |p: &Part| record.gain(p.band).is_some() || p.conversion.is_some();
        let unknown: Vec<&str> = parts
            .iter()
            .filter(|p| needs_gain(&name.product, p.band) && !has_gain(p))
            .map(|p| p.band.name())
            .collect();
        if !unknown.is_empty() {
            let record = match name.version.as_str() {
                "004" => {
                    format!("the AST_L1A record of the acquisition (AST_L1A_{}_*.cmr.json)", name.scene_key())
                }
                _ => format!("its record ({}.hdf.xml)", name.id),
            };
            let bands = unknown.join(", ");
            warnings.push(format!(
                "no gain is recorded for bands {bands}; {record} beside the files would have them"
            ));
        }

        let level1 = name.product.starts_with("AST_L1");
        let bands: Vec<BandFacts> = parts
            .iter()
            .map(|p| {
                let tiff = &tiffs[p.file];
                let stated =
                    tiff.nodata().filter(|v| v.fract() == 0.0 && v.abs() < 65_536.0).map(|v| v as i32);
                let fill = match p.band {
                    Band::Elevation => stated.unwrap_or(DEM_FILL),
                    // In level 1 the number 0 is fill whatever a converter wrote into the header.
                    _ if level1 => 0,
                    _ => stated.unwrap_or(0),
                };
                BandFacts {
                    band: p.band,
                    geobox: p.geobox.clone(),
                    dn_type: tiff.dn_type(),
                    fill: Some(fill),
                    gain: if p.band.subsystem() == Subsystem::Tir { None } else { record.gain(p.band) },
                    conversion: p.conversion,
                    storage: tiff.storage(),
                    read_cost: tiff.read_cost(),
                }
            })
            .collect();

        let mut files: Vec<PathBuf> = tiffs.iter().map(|t| t.path().to_path_buf()).collect();
        files.extend(other_files);
        files.extend(found.files);
        let beside =
            files.iter().skip(tiffs.len()).filter_map(|f| std::fs::metadata(f).ok()).map(|m| m.len());
        let bytes = tiffs.iter().map(GeoTiff::file_bytes).chain(beside).sum();
        let sources = parts.iter().map(|p| (p.band, p.file, p.sample)).collect();
        let facts = GranuleFacts {
            path,
            form,
            time: time.unwrap_or(stamp),
            name,
            solar: record.solar,
            cloud_cover_percent: record.cloud_cover_percent,
            day_night: record.day_night,
            radiometric_db_version: record.radiometric_db_version,
            geometric_db_version: record.geometric_db_version,
            observation_modes: record.observation_modes,
            bands,
            files,
            bytes,
            warnings,
        };
        Ok(Self { facts, tiffs, sources })
    }
    pub(super) fn facts(&self) -> &GranuleFacts {
        &self.facts
    }
    /// File and sample of a band.
    fn source(&self, band: Band) -> Result<(usize, usize)> {
        let source = self.sources.iter().find(|(b, ..)| *b == band).map(|&(_, file, sample)| (file, sample));
        source.ok_or_else(|| {
            Error::new(ErrorCode::NotFound, format!("{} has no band {band}", self.facts.name.id))
                .at(&self.facts.path)
        })
    }
    pub(super) fn read_all(&self, reads: &[(Band, PixelRect)], spare: &Spare) -> Result<Vec<DnWindow<'_>>> {
        // By file: the samples wanted of it, and where among `reads` they are.
        let mut wanted = vec![(Vec::new(), Vec::new()); self.tiffs.len()];
        for (place, &(band, rect)) in reads.iter().enumerate() {
            let (file, sample) = self.source(band)?;
            wanted[file].0.push((sample, rect));
            wanted[file].1.push(place);
        }
        let files: Vec<_> =
            self.tiffs.iter().zip(&wanted).filter(|(_, (samples, _))| !samples.is_empty()).collect();
        let tiles = files.iter().filter_map(|(tiff, (samples, _))| tiff.remote_tiles(samples));
        remote::fetch_together(&tiles.collect::<Vec<_>>())?;
        let read = files.par_iter().map(|(tiff, (samples, places))| {
            Ok(places.iter().copied().zip(tiff.read_all(samples, spare)?).collect())
        });
        let mut windows = read.collect::<Result<Vec<Vec<_>>>>()?.into_iter().flatten().collect::<Vec<_>>();
        windows.sort_by_key(|(place, _)| *place);
        Ok(windows.into_iter().map(|(_, window)| window).collect())
    }
}

/// Radiance of level 1, and the scale of surface radiance, depend on the gain; TIR has one gain only.
fn needs_gain(product: &str, band: Band) -> bool {
    let scaled_by_gain = product.starts_with("AST_L1") || matches!(product, "AST_09" | "AST_09XT");
    scaled_by_gain && band.fact().is_some() && band.subsystem() != Subsystem::Tir
}

/// Makes a form's type a [`crate::granule::Granule`].
macro_rules! granule {
    ($form:ty) => {
        impl $crate::granule::Granule for $form {
            fn facts(&self) -> &$crate::granule::facts::GranuleFacts {
                self.0.facts()
            }
            fn read_all(
                &self,
                reads: &[($crate::product::band::Band, $crate::grid::geobox::PixelRect)],
                spare: &$crate::granule::spare::Spare,
            ) -> $crate::error::Result<Vec<$crate::granule::dn::DnWindow<'_>>> {
                self.0.read_all(reads, spare)
            }
        }
    };
}
pub(super) use granule;
