//! Granules in GeoTIFFs: one file per band, one per telescope, or one layer.
pub mod band_cogs;
pub mod multi_band;
pub mod single;
mod stretched;
mod tiff_granule;

use crate::error::{Error, ErrorCode, Result};
use crate::granule::Granule;
use crate::granule::facts::GranuleForm;
use crate::granule::files::Files;
use crate::product::granule_name::GranuleName;
use std::path::{Path, PathBuf};

pub use band_cogs::BandCogs;
pub use multi_band::MultiBandCog;
pub use single::SingleGeotiff;

/// Form of a GeoTIFF by its name alone; none for browse images, quality planes and strangers.
pub fn form_of(file_name: &str) -> Option<GranuleForm> {
    let name = tif_name(file_name)?;
    if name.product.starts_with("AST14DEM") {
        Some(GranuleForm::SingleGeotiff)
    } else if band_cogs::layer_of(file_name, &name).is_some() {
        Some(GranuleForm::BandCogs)
    } else {
        multi_band::telescope_of(file_name, &name).map(|_| GranuleForm::MultiBandCog)
    }
}

/// Opens the granule that a GeoTIFF belongs to, or the one granule of a folder, in whichever form it is.
///
/// # Errors
/// `NOT_FOUND` when there is none, `USAGE` when a folder holds several, else as the forms' own `open`.
pub fn open(path: &Path) -> Result<Box<dyn Granule>> {
    open_in(path, &Files::local())
}

/// As [`open`], with files that may be elsewhere.
///
/// # Errors
/// Those of [`open`], and whatever kept remote bytes from coming.
pub(super) fn open_in(path: &Path, files: &Files) -> Result<Box<dyn Granule>> {
    let form = if files.is_dir(path) {
        let names: Vec<_> = tifs_in(path, "", files)?.iter().map(|p| file_name(p)).collect();
        names.iter().find_map(|n| form_of(n))
    } else {
        form_of(&file_name(path))
    };
    match form {
        Some(GranuleForm::BandCogs) => Ok(Box::new(BandCogs::open_in(path, files)?)),
        Some(GranuleForm::MultiBandCog) => Ok(Box::new(MultiBandCog::open_in(path, files)?)),
        Some(GranuleForm::SingleGeotiff) => Ok(Box::new(SingleGeotiff::open_in(path, files)?)),
        _ => Err(nothing_in(path)),
    }
}

fn nothing_in(path: &Path) -> Error {
    Error::new(ErrorCode::NotFound, format!("{} is no ASTER GeoTIFF and holds none", path.display()))
        .hint("expected names such as AST_L1T_00407232010184946_20250705074029_VNIR_B01.tif")
        .at(path)
}

fn file_name(path: &Path) -> String {
    path.file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default()
}

/// The granule's name, if this is the name of a TIFF of ASTER's.
fn tif_name(file_name: &str) -> Option<GranuleName> {
    let lower = file_name.to_ascii_lowercase();
    (lower.ends_with(".tif") || lower.ends_with(".tiff")).then(|| GranuleName::parse(file_name)).flatten()
}

/// What follows the granule's id in a file name, split at `_`, `-` and `.`, without the extension.
fn suffix_tokens<'n>(file_name: &'n str, name: &GranuleName) -> Vec<&'n str> {
    let rest = file_name.strip_prefix(name.id.as_str()).unwrap_or(file_name);
    let rest = rest.rsplit_once('.').map_or(rest, |(stem, _)| stem);
    rest.split(['_', '-', '.']).filter(|t| !t.is_empty()).collect()
}

/// TIFFs of a folder whose names start with `prefix`, by name.
fn tifs_in(folder: &Path, prefix: &str, files: &Files) -> Result<Vec<PathBuf>> {
    // The prefix first: a folder may hold thousands of granules, each of which lists it.
    let is_wanted = |name: &String| name.starts_with(prefix) && tif_name(name).is_some();
    Ok(files.names_in(folder)?.into_iter().filter(is_wanted).map(|name| folder.join(name)).collect())
}

fn folder_of(path: &Path) -> PathBuf {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent.to_path_buf(),
        _ => PathBuf::from("."),
    }
}

/// The TIFFs of the one granule at `path`: a folder with one, or any one file of it. Parts of a granule share
/// product, version and acquisition; their processing stamps may differ by a second.
fn files_of_granule(
    path: &Path,
    files: &Files,
    is_part: impl Fn(&str, &GranuleName) -> bool,
) -> Result<Vec<PathBuf>> {
    let key = |p: &Path| {
        let file = file_name(p);
        tif_name(&file).filter(|n| is_part(&file, n)).map(|n| (n.product.clone(), n.scene_key()))
    };
    if files.is_dir(path) {
        let found: Vec<PathBuf> =
            tifs_in(path, "", files)?.into_iter().filter(|p| key(p).is_some()).collect();
        let Some(first) = found.first().and_then(|p| key(p)) else { return Err(nothing_in(path)) };
        if found.iter().any(|p| key(p).as_ref() != Some(&first)) {
            return Err(Error::usage(format!("{} holds several granules", path.display()))
                .hint("name one file of the granule, or treat the folder as an archive")
                .at(path));
        }
        return Ok(found);
    }
    let Some(wanted) = key(path) else { return Err(nothing_in(path)) };
    if !files.exists(path) {
        return Err(Error::input_io(path, &std::io::ErrorKind::NotFound.into()));
    }
    // The given path itself stays as it was written.
    let mut found: Vec<PathBuf> = tifs_in(&folder_of(path), &format!("{}_{}", wanted.0, wanted.1), files)?
        .into_iter()
        .filter(|p| key(p).as_ref() == Some(&wanted) && p.file_name() != path.file_name())
        .collect();
    found.push(path.to_path_buf());
    found.sort();
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forms_by_name() {
        let of = |n: &str| form_of(n).map(GranuleForm::as_str);
        for (name, form) in [
            ("AST_L1T_00407232010184946_20250705074029_VNIR_B03N.tif", Some("band-cogs")),
            ("AST_07XT_00407232010184946_20250705074029_SRF_SWIR_B04.tif", Some("band-cogs")),
            ("AST_08_00401112022082945_20250918131235_SKT.tif", Some("band-cogs")),
            ("AST_08_00401112022082945_20250918131235_SKT_QA_DataPlane.tif", None),
            ("AST_L1T_00401052001185055_20250202022956_VNIR.tif", None),
            ("AST_L1T_00401052001185055_20250202022956_QA.txt", None),
            ("AST_L1T_00301062001031157_20150414031306_83940.VNIR.tif", Some("multi-band-cog")),
            ("AST_L1T_00301062001031157_20150414031306_83940_TIR.tif", Some("multi-band-cog")),
            ("AST_L1T_00310012006175412_20150516104359-SWIR-cropped.tif", Some("multi-band-cog")),
            ("AST_L1T_00305032000040446_20150409135350_78838_V.tif", None),
            ("AST14DEM_00405012000190040_20251203144820.tif", Some("single-geotiff")),
            ("SRTM.tif", None),
        ] {
            assert_eq!(of(name), form, "{name}");
        }
    }
}
