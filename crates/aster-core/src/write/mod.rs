//! Outputs: NetCDF-4 and Zarr cubes, GeoTIFF files, CSV tables and PNG contact sheets, each complete under its final
//! name or absent.
mod claim;
mod coordinates;
pub mod csv;
pub mod deflate;
mod describe;
pub mod geotiff;
mod journal;
mod kept_chunks;
#[cfg(feature = "netcdf")]
pub mod netcdf;
pub mod partial;
mod partial_folder;
mod process;
pub mod quicklook;
pub mod resuming;
mod step_table;
pub mod values;
pub mod zarr;
