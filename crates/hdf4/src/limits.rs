//! Upper bounds on what a file may make the reader allocate or walk through.
#![forbid(unsafe_code)]

/// Bounds checked before every allocation and loop whose size comes from the file.
///
/// The defaults suit files up to the format's own 2 GiB; lower them for untrusted input.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Limits {
    /// Data descriptors in the whole file.
    pub max_descriptors: u64,
    /// Bytes of names, attributes and records read while opening.
    pub max_metadata_bytes: u64,
    /// Bytes one read call may produce.
    pub max_decoded_bytes: u64,
    /// Bytes one read call may invent as fill for data the file does not hold (beyond 64 times what it does hold).
    pub max_unbacked_bytes: u64,
    /// Bytes of one decoded chunk.
    pub max_chunk_bytes: u64,
    /// Chunks one window may touch.
    pub max_chunks: u64,
    /// Contiguous runs one window may be cut into when planned.
    pub max_runs: u64,
    /// Array dimensions.
    pub max_rank: u64,
    /// Depth of group nesting.
    pub max_nesting: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Limits {
            max_descriptors: 1 << 20,
            max_metadata_bytes: 64 << 20,
            max_decoded_bytes: 4 << 30,
            max_unbacked_bytes: 64 << 20,
            max_chunk_bytes: 1 << 30,
            max_chunks: 1 << 20,
            max_runs: 1 << 24,
            max_rank: 32,
            max_nesting: 32,
        }
    }
}

impl Limits {
    /// Bounds for untrusted input on a small machine: 32 MiB of output per call.
    pub fn strict() -> Self {
        Limits {
            max_descriptors: 1 << 17,
            max_metadata_bytes: 8 << 20,
            max_decoded_bytes: 32 << 20,
            max_unbacked_bytes: 4 << 20,
            max_chunk_bytes: 16 << 20,
            max_chunks: 1 << 16,
            max_runs: 1 << 20,
            ..Limits::default()
        }
    }
}
