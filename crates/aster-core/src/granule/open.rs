//! Opens whatever a path holds: an HDF-EOS2 file, a GeoTIFF, or a folder of GeoTIFFs.
use crate::error::{Error, ErrorCode, Result};
use crate::granule::Granule;
use crate::granule::cog;
use crate::granule::files::Files;
use crate::granule::hdf_eos::HdfEos;
use std::path::Path;

/// Opens a granule on disk by path; its content, not its extension, decides.
///
/// # Errors
/// `NOT_FOUND`, `INPUT_IO`, `NOT_HDF4` for strangers, and the errors of each form.
pub fn open(path: &Path) -> Result<Box<dyn Granule>> {
    open_in(path, &Files::local())
}

/// As [`open`], with files that may be elsewhere.
///
/// # Errors
/// Those of [`open`], and whatever kept remote bytes from coming.
pub fn open_in(path: &Path, files: &Files) -> Result<Box<dyn Granule>> {
    if files.is_dir(path) {
        return cog::open_in(path, files).map_err(|e| e.at(path));
    }
    let bytes = files.open(path)?;
    let magic = bytes.head(4, path)?;
    match magic.as_slice() {
        [] => Err(Error::new(ErrorCode::Corrupt, format!("{} is empty", path.display()))
            .hint("a download that failed leaves such files: fetch it again")
            .at(path)),
        b"\x0e\x03\x13\x01" => Ok(Box::new(HdfEos::from_bytes(path, bytes)?)),
        b"II*\0" | b"MM\0*" | b"II+\0" | b"MM\0+" => {
            drop(bytes);
            cog::open_in(path, files).map_err(|e| e.at(path))
        }
        magic => Err(Error::new(
            ErrorCode::NotHdf4,
            format!("{} is neither an HDF4 nor a TIFF file", path.display()),
        )
        .hint(hint_for(magic))
        .at(path)),
    }
}

fn hint_for(magic: &[u8]) -> &'static str {
    match magic {
        b"\x89HDF" => "it is HDF5; ASTER granules are HDF4 or GeoTIFF",
        b"<htm" | b"<!DO" | b"<!do" => "it is a web page: a login page saved in place of the granule?",
        b"PK\x03\x04" => "it is a zip archive: unpack it first",
        _ => "give an ASTER granule: .hdf, .tif or a folder of .tif",
    }
}
