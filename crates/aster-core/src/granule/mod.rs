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
pub mod swath_lattice;
pub mod tiff;
pub mod umm;
pub mod utm_zone;
mod xml;

use crate::error::Result;
use crate::grid::geobox::PixelRect;
use crate::product::band::Band;
pub use dn::{DnData, DnType, DnWindow};
pub use facts::{BandFacts, GranuleFacts, GranuleForm};

/// One acquisition in one file or folder: what is known of it, and its DN.
pub trait Granule: Send + Sync {
    /// Everything the headers say; reading them touched no pixel.
    fn facts(&self) -> &GranuleFacts;
    /// DN of `band` over at least `rect` (which must lie inside the band): decoded once, borrowed from the
    /// file where it is stored plainly. Parallel inside; callable from many threads.
    fn read(&self, band: Band, rect: PixelRect) -> Result<DnWindow<'_>>;
    /// Fetches what `reads` will need of files that are elsewhere, all at once; nothing for files on disk.
    ///
    /// # Errors
    /// Whatever kept the bytes from coming.
    fn prepare(&self, reads: &[(Band, PixelRect)]) -> Result<()>;
}
