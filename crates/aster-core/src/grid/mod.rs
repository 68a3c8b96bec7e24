//! Pixel grids with a place on Earth.
pub mod geobox;
