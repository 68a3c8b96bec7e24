//! Version 004: a folder with one GeoTIFF per band, `<granule>_VNIR_B01.tif` ... `_TIR_B14.tif`.
//!
//! Level 2 puts the quantity first: `SRF_VNIR_B01` reflectance (AST_07, 07XT), `SRE_TIR_B10` emissivity (AST_05),
//! `SIR_TIR_B10` radiance (AST_09T), `SKT` temperature (AST_08). Suffixes of AST_09 and 09XT are not documented:
//! any suffix that ends in a band's name is taken. Georeferencing is what the tags say (outer edges; level 2 is
//! rotated), never what the UMM-G record says.
use super::tiff_granule::{Draft, Part, TiffGranule, granule};
use super::{file_name, files_of_granule, folder_of, nothing_in, suffix_tokens, tif_name};
use crate::error::{Error, Result};
use crate::granule::facts::GranuleForm;
use crate::granule::files::Files;
use crate::granule::tiff::GeoTiff;
use crate::granule::umm::SideRecord;
use crate::product::band::Band;
use crate::product::granule_name::GranuleName;
use crate::product::subsystem::Subsystem;
use std::path::{Path, PathBuf};

/// A granule with a GeoTIFF for each band.
#[derive(Debug)]
pub struct BandCogs(TiffGranule);
granule!(BandCogs);

/// Quantities whose layers carry band names, best first where two claim one band.
const QUANTITIES: [&str; 5] = ["", "SRF", "SRE", "SIR", "SRR"];

/// A band's layer: the band and the word before telescope and band, `SRF` in `SRF_VNIR_B01`.
pub(super) fn layer_of(file_name: &str, name: &GranuleName) -> Option<(Band, String)> {
    let tokens = suffix_tokens(file_name, name);
    let (&last, before) = tokens.split_last()?;
    if tokens.contains(&"QA") {
        return None;
    }
    if last == "SKT" {
        return before.is_empty().then(|| (Band::KineticTemperature, String::new()));
    }
    let band = last.strip_prefix('B').filter(|digits| digits.starts_with(|c: char| c.is_ascii_digit()))?;
    let band: Band = band.parse().ok()?;
    let (&telescope, quantity) = before.split_last()?;
    (telescope.parse::<Subsystem>().ok()? == band.subsystem()).then(|| (band, quantity.join("_")))
}

/// A file of the granule's that is no band: quality planes and browse composites.
fn belongs(file_name: &str, name: &GranuleName) -> bool {
    layer_of(file_name, name).is_some() || suffix_tokens(file_name, name).contains(&"QA")
}

struct Candidate {
    band: Band,
    quantity: String,
    name: GranuleName,
    path: PathBuf,
}

impl BandCogs {
    /// Opens the granule in `path`: a folder that holds one, or any one band file of it.
    ///
    /// # Errors
    /// `NOT_FOUND` when there is none, `USAGE` when the folder holds several, else as [`GeoTiff::open`].
    pub fn open(path: &Path) -> Result<Self> {
        Self::open_in(path, &Files::local())
    }
    pub(super) fn open_in(path: &Path, files: &Files) -> Result<Self> {
        let parts = files_of_granule(path, files, belongs)?;
        let root = if files.is_dir(path) { path.to_path_buf() } else { folder_of(path) };
        Self::from_parts(root, parts, files)
    }
    /// As [`BandCogs::open`] when the files of the granule are known already.
    pub fn from_files(files: Vec<PathBuf>) -> Result<Self> {
        let Some(first) = files.first() else { return Err(Error::usage("a granule of no files")) };
        Self::from_parts(folder_of(first), files, &Files::local())
    }

    fn from_parts(path: PathBuf, paths: Vec<PathBuf>, files: &Files) -> Result<Self> {
        let mut warnings = Vec::new();
        let (mut bands, mut other_files) = (Vec::new(), Vec::new());
        for file in paths {
            let file_name = file_name(&file);
            let Some(name) = tif_name(&file_name) else { return Err(nothing_in(&file)) };
            match layer_of(&file_name, &name) {
                Some((band, quantity)) => bands.push(Candidate { band, quantity, name, path: file }),
                None => other_files.push(file),
            }
        }
        let folder = bands.first().map(|b| folder_of(&b.path)).ok_or_else(|| nothing_in(&path))?;
        let bands = choose(bands, &mut warnings);
        let (mut tiffs, mut parts, mut names) = (Vec::new(), Vec::new(), Vec::<GranuleName>::new());
        let opened = files.open_all(&bands.iter().map(|b| b.path.as_path()).collect::<Vec<_>>())?;
        for ((file, candidate), bytes) in bands.into_iter().enumerate().zip(opened) {
            let tiff = GeoTiff::from_bytes(&candidate.path, &bytes)?;
            if tiff.samples() != 1 {
                let many = tiff.samples();
                warnings.push(format!("{} has {many} samples, the first is read", candidate.path.display()));
            }
            let geobox = tiff.geobox().clone();
            parts.push(Part { band: candidate.band, file, sample: 0, geobox, conversion: None });
            tiffs.push(tiff);
            if !names.contains(&candidate.name) {
                names.push(candidate.name);
            }
        }
        let form = GranuleForm::BandCogs;
        TiffGranule::assemble(Draft {
            path,
            folder,
            form,
            names,
            tiffs,
            parts,
            other_files,
            tags: SideRecord::default(),
            warnings,
        })
        .map(Self)
    }
}

/// One file per band: of a telescope only the latest processing, of two quantities the best known.
fn choose(mut all: Vec<Candidate>, warnings: &mut Vec<String>) -> Vec<Candidate> {
    for telescope in Subsystem::ALL {
        let of = |c: &Candidate| c.band.subsystem() == telescope;
        let latest = all.iter().filter(|c| of(c)).map(|c| c.name.processing_stamp.clone()).max().flatten();
        let before = all.len();
        all.retain(|c| !of(c) || c.name.processing_stamp == latest);
        if all.len() < before {
            let stamp = latest.unwrap_or_default();
            warnings.push(format!("{telescope} was processed more than once, {stamp} is read"));
        }
    }
    let rank = |c: &Candidate| QUANTITIES.iter().position(|q| *q == c.quantity).unwrap_or(QUANTITIES.len());
    all.sort_by(|a, b| (a.band, rank(a), &a.quantity).cmp(&(b.band, rank(b), &b.quantity)));
    all.dedup_by(|later, kept| {
        let same = later.band == kept.band;
        if same {
            let names = (file_name(&later.path), file_name(&kept.path));
            warnings.push(format!("{} is not read: {} is the layer of band {}", names.0, names.1, kept.band));
        }
        same
    });
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    fn candidate(file: &str) -> Candidate {
        let name = tif_name(file).unwrap();
        let (band, quantity) = layer_of(file, &name).unwrap();
        Candidate { band, quantity, name, path: file.into() }
    }

    #[test]
    fn layers() {
        let of = |suffix: &str| {
            let file = format!("AST_09_00401052001185055_20250202022956_{suffix}.tif");
            layer_of(&file, &tif_name(&file).unwrap())
        };
        assert_eq!(of("VNIR_B03N"), Some((Band::B3N, String::new())));
        assert_eq!(of("SRF_SWIR_B09"), Some((Band::B9, "SRF".into())));
        assert_eq!(of("ANY_THING_TIR_B14"), Some((Band::B14, "ANY_THING".into())));
        for suffix in [
            "VNIR",
            "TIR",
            "SRF_VNIR_QA_DataPlane",
            "SKT_QA_DataPlane2",
            "VNIR_B10",
            "B01",
            "VNIR_B99",
            "VNIR_BROWSE",
        ] {
            assert_eq!(of(suffix), None, "{suffix}");
        }
    }

    #[test]
    fn the_latest_processing_of_each_telescope() {
        let mut warnings = Vec::new();
        let chosen = choose(
            vec![
                candidate("AST_07_00401052001185055_20250202022956_SRF_VNIR_B01.tif"),
                candidate("AST_07_00401052001185055_20250202022957_SRF_SWIR_B04.tif"),
                candidate("AST_07_00401052001185055_20250909000000_SRF_VNIR_B01.tif"),
                candidate("AST_07_00401052001185055_20250202022957_SKY_SWIR_B04.tif"),
            ],
            &mut warnings,
        );
        let names: Vec<_> = chosen.iter().map(|c| c.path.to_string_lossy()[24..].to_string()).collect();
        assert_eq!(names, ["_20250909000000_SRF_VNIR_B01.tif", "_20250202022957_SRF_SWIR_B04.tif"]);
        assert_eq!(warnings.len(), 2, "{warnings:?}");
    }
}
