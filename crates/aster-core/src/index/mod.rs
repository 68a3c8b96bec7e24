//! Spectral indices and mineral ratios: one cited table, and its evaluation.
pub mod eval;
pub mod spectral_index;
