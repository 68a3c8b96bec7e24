//! ASTER granules to calibrated cubes. Levels, lowest first; a module uses only lower ones.
//!
//! ```text
//! 6  job                    request -> plan -> execute -> writer
//! 5  write  stats           where chunks go: NetCDF-4, PNG, numbers
//! 4  cube                   planning and execution against traits; no file format
//! 3  granule warp           granule is the only door to the HDF4 and TIFF readers
//! 2  grid    radiometry index
//! 1  product geo
//! 0  cancel event budget    on top of error and near_names, which all may use
//! ```
#![deny(missing_docs)]
#![deny(unsafe_code)]

pub mod budget;
pub mod cancel;
pub mod cube;
pub mod error;
pub mod event;
pub mod geo;
pub mod granule;
pub mod grid;
pub mod index;
#[cfg(feature = "netcdf")]
pub mod job;
pub mod near_names;
pub mod product;
pub mod radiometry;
pub mod stats;
pub mod warp;
pub mod write;

pub use error::{Error, ErrorCode, Result};
