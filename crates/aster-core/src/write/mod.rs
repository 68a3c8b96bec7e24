//! Outputs: NetCDF-4 cubes and PNG contact sheets, each complete under its final name or absent.
pub mod deflate;
#[cfg(feature = "netcdf")]
pub mod netcdf;
pub mod partial;
pub mod quicklook;
pub mod values;
