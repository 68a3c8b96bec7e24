//! Version 003 as others host it: one GeoTIFF per telescope, `<id>.VNIR.tif` or `<id>_VNIR.tif`.
//!
//! Planetary Computer's files are stretched (see [`super::stretched`]) and name their bands
//! `ImageData4 SWIR_Swath`; AWS's carry `RADIANCE_GAIN` and `RADIANCE_BIAS` for each band.
use super::stretched::{self, Stretch};
use super::tiff_granule::{Draft, Part, TiffGranule, granule};
use super::{file_name, files_of_granule, folder_of, nothing_in, suffix_tokens, tif_name};
use crate::error::{Error, ErrorCode, Result};
use crate::granule::facts::GranuleForm;
use crate::granule::files::Files;
use crate::granule::tiff::GeoTiff;
use crate::granule::umm::SideRecord;
use crate::grid::geobox::GeoBox;
use crate::product::band::Band;
use crate::product::granule_name::GranuleName;
use crate::product::subsystem::Subsystem;
use crate::radiometry::gain::{CoefficientSource, UnitConversion};
use std::path::{Path, PathBuf};

/// A granule with a GeoTIFF for each telescope it has.
#[derive(Debug)]
pub struct MultiBandCog(TiffGranule);
granule!(MultiBandCog);

/// Telescope a file holds, by its name. In version 004 such names are browse composites.
pub(super) fn telescope_of(file_name: &str, name: &GranuleName) -> Option<Subsystem> {
    if name.version == "004" || name.product != "AST_L1T" {
        return None;
    }
    suffix_tokens(file_name, name).iter().find_map(|t| t.parse().ok())
}

impl MultiBandCog {
    /// Opens the granule in `path`: a folder that holds one, or any one telescope's file of it.
    ///
    /// # Errors
    /// `NOT_FOUND` when there is none, `USAGE` when the folder holds several, `UNSUPPORTED` when the bands of a
    /// file cannot be told, else as [`GeoTiff::open`].
    pub fn open(path: &Path) -> Result<Self> {
        Self::open_in(path, &Files::local())
    }
    pub(super) fn open_in(path: &Path, files: &Files) -> Result<Self> {
        let parts = files_of_granule(path, files, |file, name| telescope_of(file, name).is_some())?;
        Self::from_parts(path.to_path_buf(), parts, files)
    }
    /// As [`MultiBandCog::open`] when the files of the granule are known already.
    pub fn from_files(files: Vec<PathBuf>) -> Result<Self> {
        let Some(first) = files.first().cloned() else { return Err(Error::usage("a granule of no files")) };
        let path = if files.len() == 1 { first } else { folder_of(&first) };
        Self::from_parts(path, files, &Files::local())
    }

    fn from_parts(path: PathBuf, paths: Vec<PathBuf>, files: &Files) -> Result<Self> {
        let mut warnings = Vec::new();
        let mut telescopes: Vec<(Subsystem, GranuleName, PathBuf)> = Vec::new();
        for file in paths {
            let name_of_file = file_name(&file);
            let telescope = tif_name(&name_of_file).and_then(|n| Some((telescope_of(&name_of_file, &n)?, n)));
            let Some((telescope, name)) = telescope else { return Err(nothing_in(&file)) };
            telescopes.push((telescope, name, file));
        }
        // Per telescope the latest processing comes first, and only that is read.
        telescopes
            .sort_by(|a, b| (a.0, &b.1.processing_stamp, &a.2).cmp(&(b.0, &a.1.processing_stamp, &b.2)));
        telescopes.dedup_by(|other, kept| {
            let same = other.0 == kept.0;
            if same {
                let (left, read) = (file_name(&other.2), file_name(&kept.2));
                warnings.push(format!("{left} is not read: {read} holds {} already", kept.0));
            }
            same
        });
        let Some(folder) = telescopes.first().map(|t| folder_of(&t.2)) else { return Err(nothing_in(&path)) };
        let (mut tiffs, mut parts, mut names) = (Vec::new(), Vec::new(), Vec::<GranuleName>::new());
        let opened = files.open_all(&telescopes.iter().map(|t| t.2.as_path()).collect::<Vec<_>>())?;
        for ((file, (telescope, name, path)), bytes) in telescopes.into_iter().enumerate().zip(opened) {
            let tiff = GeoTiff::from_bytes(&path, &bytes)?;
            let geobox = repair(&tiff, telescope, &mut warnings);
            for (sample, band) in bands(&tiff, telescope)?.into_iter().enumerate() {
                let conversion = conversion(&tiff, sample);
                parts.push(Part { band, file, sample, geobox: geobox.clone(), conversion });
            }
            tiffs.push(tiff);
            if !names.contains(&name) {
                names.push(name);
            }
        }
        let mut tags = tiffs.iter().find_map(|t| SideRecord::from_tag(t.item(None, "GRANULE_METADATA")?));
        let cloud: Option<f64> =
            tiffs.iter().find_map(|t| t.item(None, "CLOUD_PERCENT")?.trim().parse().ok());
        let stated = tags.get_or_insert_default();
        stated.cloud_cover_percent =
            stated.cloud_cover_percent.or(cloud).filter(|c| (0.0..=100.0).contains(c));
        TiffGranule::assemble(Draft {
            path,
            folder,
            form: GranuleForm::MultiBandCog,
            names,
            tiffs,
            parts,
            other_files: Vec::new(),
            tags: tags.unwrap_or_default(),
            warnings,
        })
        .map(Self)
    }
}

/// The bands of a file's samples: by description, else by the telescope's order when the number is right.
fn bands(tiff: &GeoTiff, telescope: Subsystem) -> Result<Vec<Band>> {
    let described = |sample| -> Option<Band> {
        let word = tiff.description(sample)?.split_whitespace().next()?;
        word.parse().ok().filter(|b: &Band| b.subsystem() == telescope)
    };
    let mut bands: Vec<Band> = (0..tiff.samples()).map_while(described).collect();
    if bands.len() != tiff.samples() {
        bands = Band::of(telescope).collect();
    }
    let distinct = bands.iter().enumerate().all(|(i, b)| !bands[..i].contains(b));
    if bands.len() == tiff.samples() && distinct {
        return Ok(bands);
    }
    let text =
        format!("{} has {} samples without usable descriptions", tiff.path().display(), tiff.samples());
    Err(Error::new(ErrorCode::Unsupported, text)
        .hint(format!(
            "{telescope} has bands {}",
            Band::of(telescope).map(Band::name).collect::<Vec<_>>().join(", ")
        ))
        .at(tiff.path()))
}

/// Radiance from DN as the file's own tags say, W m-2 sr-1 um-1.
fn conversion(tiff: &GeoTiff, sample: usize) -> Option<UnitConversion> {
    let number = |name: &str| {
        let text = tiff.item(Some(sample), name)?;
        text.trim().parse::<f64>().ok().filter(|v| v.is_finite())
    };
    let (ucc, offset) = (number("RADIANCE_GAIN").filter(|&g| g > 0.0)?, number("RADIANCE_BIAS")?);
    Some(UnitConversion { ucc, offset, source: CoefficientSource::File })
}

fn repair(tiff: &GeoTiff, telescope: Subsystem, warnings: &mut Vec<String>) -> GeoBox {
    let mut geobox = tiff.geobox().clone();
    let (n, was) = (telescope.pixel_m(), geobox.transform);
    let pixel = format!("{:.4} x {:.4} m", was.dx, -was.dy);
    match stretched::examine(&geobox, n) {
        Stretch::None => {}
        Stretch::Repaired { transform, first_column, first_row } => {
            geobox.transform = transform;
            let place = match (first_column, first_row) {
                (0, 0) => String::new(),
                (c, r) => format!(", upper-left pixel is column {c}, row {r} of its scene"),
            };
            warnings.push(format!("{telescope}: stretched geotransform repaired, {pixel} to {n} m{place}"));
        }
        Stretch::Unclear => warnings.push(format!(
            "{telescope}: pixels of {pixel} look stretched, but their place in the scene is unclear; \
             the geotransform is used as it is, up to {:.0} m off",
            n / 2.0
        )),
    }
    geobox
}
