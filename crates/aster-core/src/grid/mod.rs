//! Pixel grids with a place on Earth, and what lies on them.
pub mod clip;
pub mod geobox;
pub mod lattice;
pub mod pixel_area;
pub mod pixel_rings;
