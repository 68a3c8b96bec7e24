//! From DN to physical quantities: coefficients, formulas and their sources.
pub mod brightness;
pub mod gain;
pub mod reflectance;
pub mod swir_gate;
pub mod table;
