//! ASTER's products, subsystems, bands and names: facts, no input or output.
pub mod band;
pub mod catalogue;
pub mod granule_name;
pub mod subsystem;
