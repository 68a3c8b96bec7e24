//! Opens whatever a path holds: an HDF-EOS2 file, a GeoTIFF, or a folder of GeoTIFFs.
use crate::error::{Error, ErrorCode, Result};
use crate::granule::Granule;
use crate::granule::cog;
use crate::granule::hdf_eos::HdfEos;
use std::fs::File;
use std::io::Read;
use std::path::Path;

/// Opens a granule by path; its content, not its extension, decides.
///
/// # Errors
/// `NOT_FOUND`, `INPUT_IO`, `NOT_HDF4` for strangers, and the errors of each form.
pub fn open(path: &Path) -> Result<Box<dyn Granule>> {
    let kind = std::fs::metadata(path).map_err(|e| Error::input_io(path, &e))?;
    if kind.is_dir() {
        return cog::open(path).map_err(|e| e.at(path));
    }
    let mut magic = [0u8; 4];
    let mut file = File::open(path).map_err(|e| Error::input_io(path, &e))?;
    let n = read_up_to(&mut file, &mut magic).map_err(|e| Error::input_io(path, &e))?;
    drop(file);
    match &magic[..n] {
        [] => Err(Error::new(ErrorCode::Corrupt, format!("{} is empty", path.display()))
            .hint("a download that failed leaves such files: fetch it again")
            .at(path)),
        b"\x0e\x03\x13\x01" => Ok(Box::new(HdfEos::open(path)?)),
        b"II*\0" | b"MM\0*" | b"II+\0" | b"MM\0+" => cog::open(path).map_err(|e| e.at(path)),
        _ => Err(Error::new(
            ErrorCode::NotHdf4,
            format!("{} is neither an HDF4 nor a TIFF file", path.display()),
        )
        .hint(hint_for(&magic[..n]))
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

fn read_up_to(file: &mut File, buffer: &mut [u8]) -> std::io::Result<usize> {
    let mut n = 0;
    while n < buffer.len() {
        match file.read(&mut buffer[n..])? {
            0 => break,
            more => n += more,
        }
    }
    Ok(n)
}
