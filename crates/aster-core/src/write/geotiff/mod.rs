//! GeoTIFF and cloud-optimised GeoTIFF (COG): one file per time step, one band per variable. GDAL writes the files;
//! until a time step is complete, its tiles lie in a scratch file that GDAL does not know.
#[cfg(not(feature = "gdal"))]
mod absent;
#[cfg(feature = "gdal")]
mod copy;
#[cfg(feature = "gdal")]
mod folder;
#[cfg(feature = "gdal")]
mod memory;
#[cfg(feature = "gdal")]
mod pixels;
#[cfg(feature = "gdal")]
mod scratch;
#[cfg(feature = "gdal")]
mod sink;
#[cfg(feature = "gdal")]
mod spools;
#[cfg(feature = "gdal")]
mod tags;
mod target;

#[cfg(not(feature = "gdal"))]
pub use absent::{GeotiffSink, memory_bytes};
#[cfg(feature = "gdal")]
pub use memory::memory_bytes;
#[cfg(feature = "gdal")]
pub use sink::GeotiffSink;
pub use target::{Target, check_target};

/// How GeoTIFF files are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct GeotiffOptions {
    /// Replace an output that is there.
    pub overwrite: bool,
    /// Cloud-optimised: overviews, and everything a reader needs first at the beginning of the file.
    pub cog: bool,
    /// 0 (plain) to 9 (smallest).
    pub compression_level: u8,
    /// Threads that compress; the bytes do not depend on them.
    pub workers: usize,
}

impl Default for GeotiffOptions {
    fn default() -> Self {
        // On float data level 1 is within 1 % of level 9.
        Self { overwrite: false, cog: true, compression_level: 1, workers: 1 }
    }
}
