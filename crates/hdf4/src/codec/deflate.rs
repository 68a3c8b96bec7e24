//! zlib streams: libdeflate for whole streams, zlib-rs where decoding may stop early.
#![forbid(unsafe_code)]

use flate2::{Decompress, FlushDecompress, Status};

use super::{Fault, Scratch, TOO_SHORT};

/// From this share of a stream on, decoding all of it with libdeflate beats stopping early without.
#[cfg(feature = "libdeflate")]
const WORTH_WHOLE: f64 = 0.65;

/// Fills `out` with the decoded bytes after the first `skip` of a stream of `total` bytes.
pub(super) fn decode(
    input: &[u8],
    skip: u64,
    total: u64,
    out: &mut [u8],
    scratch: &mut Scratch,
) -> Result<(), Fault> {
    #[cfg(feature = "libdeflate")]
    if skip == 0 && out.len() as u64 >= total {
        return whole(input, out, scratch);
    }
    #[cfg(feature = "libdeflate")]
    if let Ok(start) = usize::try_from(skip)
        && (skip + out.len() as u64) as f64 >= total as f64 * WORTH_WHOLE
        && let Ok(size) = usize::try_from(total)
    {
        let mut all = vec![0; size.max(start + out.len())];
        whole(input, &mut all, scratch)?;
        out.copy_from_slice(&all[start..start + out.len()]);
        return Ok(());
    }
    let _ = (total, scratch);
    partial(input, skip, out)
}

/// Decodes a stream that must fill `out` exactly, checksum included.
#[cfg(feature = "libdeflate")]
fn whole(input: &[u8], out: &mut [u8], scratch: &mut Scratch) -> Result<(), Fault> {
    let inflater = scratch.inflater.get_or_insert_with(libdeflater::Decompressor::new);
    match inflater.zlib_decompress(input, out) {
        Ok(n) if n == out.len() => Ok(()),
        Ok(_) => Err(TOO_SHORT),
        // More data than declared is tolerated, as the C library does: it stops at the declared length.
        Err(libdeflater::DecompressionError::InsufficientSpace) => partial(input, 0, out),
        Err(libdeflater::DecompressionError::BadData) => {
            Err(Fault::Borrowed("the deflate stream is damaged"))
        }
    }
}

/// Decodes a prefix, dropping its first `skip` bytes, and stops there.
fn partial(input: &[u8], skip: u64, out: &mut [u8]) -> Result<(), Fault> {
    let mut state = Decompress::new(true);
    let mut dropped = vec![0; skip.min(128 << 10) as usize];
    let mut left = skip;
    while left > 0 {
        let n = left.min(dropped.len() as u64) as usize;
        fill(&mut state, input, &mut dropped[..n])?;
        left -= n as u64;
    }
    fill(&mut state, input, out)
}

/// Decodes until `out` is full.
fn fill(state: &mut Decompress, input: &[u8], out: &mut [u8]) -> Result<(), Fault> {
    let mut at = 0;
    while at < out.len() {
        let (used, made) = (state.total_in(), state.total_out());
        let rest = usize::try_from(used).ok().and_then(|u| input.get(u..)).unwrap_or(&[]);
        let status = state
            .decompress(rest, &mut out[at..], FlushDecompress::None)
            .map_err(|_| Fault::Borrowed("the deflate stream is damaged"))?;
        at += (state.total_out() - made) as usize;
        let stuck = state.total_out() == made && state.total_in() == used;
        if at < out.len() && (status == Status::StreamEnd || stuck) {
            return Err(TOO_SHORT);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::{Scratch, decode};
    use std::io::Write;

    #[test]
    fn whole_and_part_agree() {
        let data: Vec<u8> = (0..300_000u32).map(|i| (i.wrapping_mul(i) >> 7) as u8).collect();
        let mut encoder = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::fast());
        encoder.write_all(&data).unwrap();
        let stream = encoder.finish().unwrap();
        let total = data.len() as u64;
        let mut out = vec![0; data.len()];
        decode(&stream, 0, total, &mut out, &mut Scratch::default()).unwrap();
        assert!(out == data);
        let mut part = vec![0; 1000];
        decode(&stream, 200_123, total, &mut part, &mut Scratch::default()).unwrap();
        assert!(part == data[200_123..201_123]);
        let mut beyond = vec![0; data.len() + 1];
        assert!(decode(&stream, 0, total + 1, &mut beyond, &mut Scratch::default()).is_err());
        assert!(decode(&stream[..9], 0, total, &mut out, &mut Scratch::default()).is_err());
    }
}
