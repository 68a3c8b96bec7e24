//! Where things are: boxes, affine maps, coordinate reference systems.
pub mod affine;
pub mod bbox;
pub mod crs;
pub mod transform;
pub mod utm;
