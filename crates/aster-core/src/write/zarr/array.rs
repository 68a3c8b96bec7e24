//! Files and bytes of arrays: where a chunk lies, gzip, texts.
use crate::error::{Error, Result};
use crate::write::deflate::Deflater;
use crate::write::journal::Place;
use libdeflater::{CompressionLvl, Compressor};
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};

/// File of a chunk of a data variable, after Zarr's default key encoding: `ndvi/c/0/3/2`.
pub(super) fn chunk_file(names: &[String], chunk_steps: usize, place: Place) -> PathBuf {
    let (variable, time, row, column) = place;
    let name = names.get(variable).map_or("none", String::as_str);
    PathBuf::from(format!("{name}/c/{}/{row}/{column}", time / chunk_steps.max(1)))
}

/// Makes gzip members (RFC 1952), callable from many threads; compressors are kept and reused.
///
/// Of the codecs that every reader of Zarr v3 has. Values stay whole: an index of 8-bit bands has a few thousand different
/// values, which deflate finds again as they are, and no longer when their bytes are shuffled.
#[derive(Default)]
pub(super) struct Gzip {
    level: u8,
    idle: Mutex<Vec<Compressor>>,
    /// For values that repeat; several times faster than [`Self::encode`] at level 1.
    pub(super) of_repeats: Deflater,
}

impl Gzip {
    /// `level` from 1 (fast) to 9 (small).
    pub(super) fn new(level: u8) -> Self {
        Self { level, idle: Mutex::default(), of_repeats: Deflater::new(level) }
    }

    /// 1 to 9.
    pub(super) fn level(&self) -> u8 {
        self.level
    }

    /// One gzip member; the same for the same bytes.
    pub(super) fn encode(&self, bytes: &[u8]) -> Result<Vec<u8>> {
        let idle = || self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        let kept = idle().pop();
        let mut compressor = match kept {
            Some(compressor) => compressor,
            None => Compressor::new(CompressionLvl::new(i32::from(self.level)).map_err(|_| {
                Error::usage(format!("compression level is {}, expected 0 to 9", self.level))
            })?),
        };
        let mut out = vec![0; compressor.gzip_compress_bound(bytes.len())];
        let written = compressor
            .gzip_compress(bytes, &mut out)
            .map_err(|_| Error::internal("deflate needed more than its bound"))?;
        idle().push(compressor);
        out.truncate(written);
        out.shrink_to_fit();
        Ok(out)
    }
}

/// Texts as the codec `vlen-utf8` has them: their number, then each with its length in bytes; 32-bit little-endian.
pub(super) fn vlen_utf8(texts: &[String]) -> Result<Vec<u8>> {
    let length = |n: usize| u32::try_from(n).map_err(|_| Error::internal("a text is longer than 4 GB"));
    let mut bytes = length(texts.len())?.to_le_bytes().to_vec();
    for text in texts {
        bytes.extend_from_slice(&length(text.len())?.to_le_bytes());
        bytes.extend_from_slice(text.as_bytes());
    }
    Ok(bytes)
}
