//! Outputs: NetCDF-4 cubes and PNG contact sheets, each complete under its final name or absent.
mod coordinates;
pub mod deflate;
mod describe;
#[cfg(feature = "netcdf")]
pub mod netcdf;
pub mod partial;
mod process;
pub mod quicklook;
mod step_table;
pub mod values;
