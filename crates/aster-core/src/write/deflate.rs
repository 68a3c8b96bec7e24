//! HDF5's shuffle and deflate filters, run by the caller's threads through libdeflate.
use crate::error::{Error, Result};
use libdeflater::{CompressionLvl, Compressor, adler32};
use std::sync::{Mutex, PoisonError};

/// Order-0 entropy, in bits per byte, above which a byte plane may be noise.
const NOISE_BITS: f64 = 7.9;
/// Bytes of the middle of a plane that are compressed for trial: enough to see repeated rows of a chunk.
const TRIAL_BYTES: usize = 32 * 1024;
/// A plane is noise when the trial saves less than this share.
const TRIAL_RATIO: f64 = 0.98;
/// Largest stored block of a deflate stream (RFC 1951, 3.2.4).
const STORED_BLOCK: usize = 65_535;

/// Makes zlib streams from byte planes, callable from many threads; compressors are kept and reused.
#[derive(Default)]
pub(super) struct Deflater {
    level: u8,
    idle: Mutex<Vec<Compressor>>,
}

impl Deflater {
    /// `level` from 1 (fast) to 9 (small).
    pub(super) fn new(level: u8) -> Self {
        Self { level, idle: Mutex::default() }
    }

    /// One zlib stream (RFC 1950) of `planes`, a whole number of planes of `plane_len` bytes.
    ///
    /// The low mantissa bytes of measured floats are noise; shuffle puts them first. Leading planes that
    /// prove to be noise are stored as they are, the rest is deflated: any inflater reads the result.
    pub(super) fn zlib(&self, planes: &[u8], plane_len: usize) -> Result<Vec<u8>> {
        let mut compressor = self.take()?;
        let mut noisy = 0;
        if plane_len > 0 && planes.len() > plane_len {
            // The last plane (sign and exponent) always goes through the compressor, which ends the stream.
            for plane in planes[..planes.len() - plane_len].chunks_exact(plane_len) {
                if !is_noise(plane, &mut compressor)? {
                    break;
                }
                noisy += plane_len;
            }
        }
        let (stored, rest) = planes.split_at(noisy);
        let bound = compressor.deflate_compress_bound(rest.len());
        let blocks = stored.len().div_ceil(STORED_BLOCK);
        let mut out = Vec::with_capacity(2 + stored.len() + 5 * blocks + bound + 4);
        // CM 8, window 32 KiB, level bits 0, check bits.
        out.extend_from_slice(&[0x78, 0x01]);
        for block in stored.chunks(STORED_BLOCK) {
            let length = block.len() as u16;
            out.push(0); // not the last block, stored
            out.extend_from_slice(&length.to_le_bytes());
            out.extend_from_slice(&(!length).to_le_bytes());
            out.extend_from_slice(block);
        }
        let start = out.len();
        out.resize(start + bound, 0);
        let written = compressor
            .deflate_compress(rest, &mut out[start..])
            .map_err(|_| Error::internal("deflate needed more than its bound"))?;
        out.truncate(start + written);
        out.extend_from_slice(&adler32(planes).to_be_bytes());
        out.shrink_to_fit();
        self.idle.lock().unwrap_or_else(PoisonError::into_inner).push(compressor);
        Ok(out)
    }

    fn take(&self) -> Result<Compressor> {
        if let Some(compressor) = self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop() {
            return Ok(compressor);
        }
        let level = CompressionLvl::new(i32::from(self.level))
            .map_err(|_| Error::usage(format!("compression level is {}, expected 0 to 9", self.level)))?;
        Ok(Compressor::new(level))
    }
}

fn is_noise(plane: &[u8], compressor: &mut Compressor) -> Result<bool> {
    if entropy_bits(plane) < NOISE_BITS {
        return Ok(false);
    }
    // Entropy is blind to repetition (a coarse band on a fine grid repeats whole rows): try.
    let length = plane.len().min(TRIAL_BYTES);
    let start = (plane.len() - length) / 2;
    let sample = &plane[start..start + length];
    let mut trial = vec![0; compressor.deflate_compress_bound(length)];
    let written = compressor
        .deflate_compress(sample, &mut trial)
        .map_err(|_| Error::internal("deflate needed more than its bound"))?;
    Ok(written as f64 > TRIAL_RATIO * length as f64)
}

/// Order-0 entropy, bits per byte.
fn entropy_bits(bytes: &[u8]) -> f64 {
    // Four tables: equal neighbours would otherwise wait for each other's increment.
    let mut counts = [[0u32; 256]; 4];
    let mut quads = bytes.chunks_exact(4);
    for quad in &mut quads {
        for (table, byte) in counts.iter_mut().zip(quad) {
            table[usize::from(*byte)] += 1;
        }
    }
    for byte in quads.remainder() {
        counts[0][usize::from(*byte)] += 1;
    }
    let total = bytes.len() as f64;
    (0..256)
        .map(|i| counts.iter().map(|table| f64::from(table[i])).sum::<f64>())
        .filter(|&n| n > 0.0)
        .map(|n| -(n / total) * (n / total).log2())
        .sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use libdeflater::Decompressor;
    use proptest::prelude::*;

    fn inflate(stream: &[u8], length: usize) -> Vec<u8> {
        let mut out = vec![0; length];
        assert_eq!(Decompressor::new().zlib_decompress(stream, &mut out).unwrap(), length);
        out
    }

    /// A small generator, so that noise is the same everywhere.
    fn noise(length: usize) -> Vec<u8> {
        let mut x = 0x9E37_79B9_7F4A_7C15_u64;
        (0..length)
            .map(|_| {
                x ^= x << 13;
                x ^= x >> 7;
                x ^= x << 17;
                (x >> 32) as u8
            })
            .collect()
    }

    #[test]
    fn noise_is_stored_and_the_rest_is_deflated() {
        let plane = 200_000;
        let mut planes = noise(2 * plane);
        planes.extend(std::iter::repeat_n(7, 2 * plane));
        let stream = Deflater::new(1).zlib(&planes, plane).unwrap();
        assert!(stream.len() < 2 * plane + 1500, "{}", stream.len());
        assert_eq!(stream[2..7], [0, 0xff, 0xff, 0, 0]);
        assert_eq!(inflate(&stream, planes.len()), planes);
    }

    #[test]
    fn repeated_rows_of_noise_are_not_stored() {
        let row = noise(512);
        let planes: Vec<u8> = std::iter::repeat_n(row, 400).flatten().collect();
        let stream = Deflater::new(1).zlib(&planes, planes.len() / 4).unwrap();
        assert!(stream.len() < planes.len() / 10, "{}", stream.len());
        assert_eq!(inflate(&stream, planes.len()), planes);
    }

    proptest! {
        #[test]
        fn every_stream_inflates(bytes in proptest::collection::vec(any::<u8>(), 0..3000), level in 1u8..=9) {
            let plane = bytes.len() / 4;
            let bytes = &bytes[..plane * 4];
            let stream = Deflater::new(level).zlib(bytes, plane).unwrap();
            prop_assert_eq!(inflate(&stream, bytes.len()), bytes);
        }
    }
}
