//! Where things are: boxes, polygons, regions, affine maps, coordinate reference systems.
pub mod affine;
pub mod bbox;
pub mod carry;
pub mod crs;
pub mod polygon;
pub mod region;
pub mod transform;
pub mod utm;
