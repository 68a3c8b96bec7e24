//! Bringing source pixels onto the target grid: integer shift where lattices agree, else a bounded-error warp.
pub mod kernel;
pub mod map;
pub mod placement;
