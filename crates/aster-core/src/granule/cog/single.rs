//! AST14DEM: one GeoTIFF with elevations in metres, int16, -9999 where there is none.
use super::tiff_granule::{Draft, Part, TiffGranule, granule};
use super::{file_name, files_of_granule, folder_of, nothing_in, tif_name};
use crate::error::{Error, ErrorCode, Result};
use crate::granule::dn::DnType;
use crate::granule::facts::GranuleForm;
use crate::granule::files::Files;
use crate::granule::tiff::GeoTiff;
use crate::granule::umm::SideRecord;
use crate::product::band::Band;
use crate::product::granule_name::GranuleName;
use std::path::Path;

/// A granule of one layer.
#[derive(Debug)]
pub struct SingleGeotiff(TiffGranule);
granule!(SingleGeotiff);

impl SingleGeotiff {
    /// Opens the file at `path`, or the only one in a folder.
    ///
    /// # Errors
    /// `NOT_FOUND` when it is no AST14DEM, `USAGE` when a folder holds several, `UNSUPPORTED` when the numbers are
    /// not int16 or there is more than one layer, else as [`GeoTiff::open`].
    pub fn open(path: &Path) -> Result<Self> {
        Self::open_in(path, &Files::local())
    }
    pub(super) fn open_in(path: &Path, files: &Files) -> Result<Self> {
        let file = if files.is_dir(path) {
            let is_dem = |_: &str, name: &GranuleName| name.product.starts_with("AST14DEM");
            let mut found = files_of_granule(path, files, is_dem)?;
            match found.pop() {
                Some(only) if found.is_empty() => only,
                _ => return Err(Error::usage(format!("{} holds several granules", path.display())).at(path)),
            }
        } else {
            path.to_path_buf()
        };
        let name = tif_name(&file_name(&file)).filter(|n| n.product.starts_with("AST14DEM"));
        let Some(name) = name else { return Err(nothing_in(&file)) };
        let tiff = GeoTiff::from_bytes(&file, &files.open(&file)?)?;
        if tiff.dn_type() != DnType::I16 || tiff.samples() != 1 {
            let text = format!(
                "{} holds {} layers of {}, expected one of int16",
                file.display(),
                tiff.samples(),
                tiff.dn_type().as_str()
            );
            return Err(Error::new(ErrorCode::Unsupported, text).at(&file));
        }
        let geobox = tiff.geobox().clone();
        TiffGranule::assemble(Draft {
            folder: folder_of(&file),
            path: file,
            form: GranuleForm::SingleGeotiff,
            names: vec![name],
            tiffs: vec![tiff],
            parts: vec![Part { band: Band::Elevation, file: 0, sample: 0, geobox, conversion: None }],
            other_files: Vec::new(),
            tags: SideRecord::default(),
            warnings: Vec::new(),
        })
        .map(Self)
    }
}
