//! Sinks that keep numbers instead of files: statistics of an area, arrays in memory.
pub mod area;
pub mod memory;
pub mod moments;
