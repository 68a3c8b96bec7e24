//! Outputs: NetCDF-4 cubes and PNG contact sheets, each complete under its final name or absent.
#[cfg(feature = "netcdf")]
mod deflate;
#[cfg(feature = "netcdf")]
pub mod netcdf;
pub mod partial;
pub mod quicklook;
