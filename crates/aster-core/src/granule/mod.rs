//! Granules of every form behind one trait. The only door to the HDF4 and TIFF readers.
pub mod archive;
pub mod cog;
pub mod dn;
pub mod facts;
pub mod files;
pub mod hdf_eos;
pub mod metadata;
pub mod open;
pub mod remote;
pub mod spare;
pub mod swath_lattice;
pub mod tiff;
pub mod umm;
pub mod utm_zone;
mod xml;

use crate::error::{Error, Result};
use crate::grid::geobox::PixelRect;
use crate::product::band::Band;
pub use dn::{DnData, DnType, DnWindow};
pub use facts::{BandFacts, GranuleFacts, GranuleForm};
use spare::Spare;

/// One acquisition in one file or folder: what is known of it, and its DN.
pub trait Granule: Send + Sync {
    /// Everything the headers say; reading them touched no pixel.
    fn facts(&self) -> &GranuleFacts;
    /// DN of bands, each over at least its rectangle (which must lie inside the band), in the order of `reads`: borrowed
    /// from the file where they are stored plainly, else decoded, and what holds several of the bands is decoded once.
    /// What is elsewhere is fetched all at once before. Memory comes from `spare` where it has some. Parallel inside;
    /// callable from many threads.
    ///
    /// # Errors
    /// `NOT_FOUND` for a band the granule does not have, `CORRUPT` for damage, and whatever kept the bytes from coming.
    fn read_all(&self, reads: &[(Band, PixelRect)], spare: &Spare) -> Result<Vec<DnWindow<'_>>>;
    /// [`Granule::read_all`] of one band.
    ///
    /// # Errors
    /// The same.
    fn read(&self, band: Band, rect: PixelRect) -> Result<DnWindow<'_>> {
        let windows = self.read_all(&[(band, rect)], &Spare::default())?;
        windows.into_iter().next().ok_or_else(|| Error::internal(format!("nothing was read of band {band}")))
    }
}
