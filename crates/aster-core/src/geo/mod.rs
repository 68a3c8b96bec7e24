//! Where things are: boxes, polygons, affine maps, coordinate reference systems.
pub mod affine;
pub mod bbox;
pub mod crs;
pub mod polygon;
pub mod transform;
pub mod utm;
