//! From stored bytes to the bytes of one tile, exactly as many as announced.
use super::header::{corrupt, unsupported};
use crate::error::Result;
use libdeflater::{DecompressionError, Decompressor};
use weezl::BitOrder;
use weezl::decode::Configuration;

/// How tiles are packed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Compression {
    None,
    Lzw,
    Deflate,
    PackBits,
}

impl Compression {
    pub(super) fn from_tag(value: u64) -> Result<Self> {
        let name = match value {
            1 => return Ok(Self::None),
            5 => return Ok(Self::Lzw),
            8 | 32946 => return Ok(Self::Deflate),
            32773 => return Ok(Self::PackBits),
            6 | 7 => "JPEG",
            34887 => "LERC",
            34925 => "LZMA",
            50000 => "ZSTD",
            50001 => "WebP",
            _ => "unknown",
        };
        Err(unsupported(format!("TIFF compression {value} ({name}) is not read"))
            .hint("rewrite it: gdal_translate -co COMPRESS=DEFLATE -co TILED=YES in.tif out.tif"))
    }
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::None => "uncompressed",
            Self::Lzw => "lzw",
            Self::Deflate => "deflate",
            Self::PackBits => "packbits",
        }
    }
    /// Stored bytes worth reading for a tile of `unpacked` bytes: no packer makes it larger than this.
    pub(super) fn max_packed(self, unpacked: usize) -> u64 {
        (unpacked as u64).saturating_mul(2).saturating_add(65_536)
    }
    /// Fills `out` from `packed`.
    ///
    /// # Errors
    /// `CORRUPT` when the stream is damaged, or gives fewer bytes (deflate: or more) than `out` holds.
    pub(super) fn unpack(self, inflater: &mut Decompressor, packed: &[u8], out: &mut [u8]) -> Result<()> {
        let filled = match self {
            Self::None => {
                let n = packed.len().min(out.len());
                out[..n].copy_from_slice(&packed[..n]);
                n
            }
            Self::Deflate => match inflater.zlib_decompress(packed, out) {
                Ok(n) => n,
                Err(DecompressionError::InsufficientSpace) => {
                    return Err(corrupt(format!("it unpacks to more than its {} bytes", out.len())));
                }
                Err(DecompressionError::BadData) => return Err(corrupt("its deflate stream is damaged")),
            },
            Self::Lzw => unpack_lzw(packed, out)?,
            Self::PackBits => unpack_bits(packed, out),
        };
        if filled == out.len() {
            return Ok(());
        }
        Err(corrupt(format!("it unpacks to {filled} bytes, expected {}", out.len())))
    }
}

fn unpack_lzw(packed: &[u8], out: &mut [u8]) -> Result<usize> {
    // Before TIFF 6.0 codes were packed from the low end; such a stream starts with 0x00, 0x01.
    if packed.len() >= 2 && packed[0] == 0 && packed[1] & 1 == 1 {
        return Err(unsupported("its LZW stream is of the kind used before TIFF 6.0"));
    }
    let mut decoder =
        Configuration::with_tiff_size_switch(BitOrder::Msb, 8).with_yield_on_full_buffer(true).build();
    let (mut taken, mut filled) = (0, 0);
    while filled < out.len() {
        let step = decoder.decode_bytes(&packed[taken..], &mut out[filled..]);
        (taken, filled) = (taken + step.consumed_in, filled + step.consumed_out);
        match step.status {
            Err(_) => return Err(corrupt("its LZW stream is damaged")),
            Ok(_) if step.consumed_in == 0 && step.consumed_out == 0 => break,
            Ok(weezl::LzwStatus::Ok) => {}
            Ok(_) => break,
        }
    }
    Ok(filled)
}

/// PackBits: a count byte n, then n+1 bytes as they are (n >= 0) or one byte 1-n times (n < 0; -128 is nothing).
fn unpack_bits(packed: &[u8], out: &mut [u8]) -> usize {
    let (mut at, mut filled) = (0, 0);
    while filled < out.len() && at < packed.len() {
        let n = packed[at] as i8;
        at += 1;
        let room = out.len() - filled;
        if n >= 0 {
            let take = (n as usize + 1).min(packed.len() - at).min(room);
            out[filled..filled + take].copy_from_slice(&packed[at..at + take]);
            (at, filled) = (at + take, filled + take);
        } else if n != i8::MIN && at < packed.len() {
            let take = (1 + usize::from(n.unsigned_abs())).min(room);
            out[filled..filled + take].fill(packed[at]);
            (at, filled) = (at + 1, filled + take);
        }
    }
    filled
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::ErrorCode;

    fn unpack(kind: Compression, packed: &[u8], size: usize) -> Result<Vec<u8>> {
        let mut out = vec![0xAA; size];
        kind.unpack(&mut Decompressor::new(), packed, &mut out).map(|()| out)
    }

    #[test]
    fn packbits_of_the_tiff_specification() {
        // TIFF 6.0, section 9: the worked example.
        let packed =
            [0xFE, 0xAA, 0x02, 0x80, 0x00, 0x2A, 0xFD, 0xAA, 0x03, 0x80, 0x00, 0x2A, 0x22, 0xF7, 0xAA];
        let mut expected =
            vec![0xAA, 0xAA, 0xAA, 0x80, 0x00, 0x2A, 0xAA, 0xAA, 0xAA, 0xAA, 0x80, 0x00, 0x2A, 0x22];
        expected.extend([0xAA; 10]);
        assert_eq!(unpack(Compression::PackBits, &packed, 24).unwrap(), expected);
        assert_eq!(unpack(Compression::PackBits, &packed[..14], 24).unwrap_err().code(), ErrorCode::Corrupt);
    }

    #[test]
    fn a_stream_of_another_length_is_refused() {
        let mut packer = libdeflater::Compressor::new(libdeflater::CompressionLvl::default());
        let mut packed = vec![0; 200];
        let n = packer.zlib_compress(&[7; 1000], &mut packed).unwrap();
        assert_eq!(unpack(Compression::Deflate, &packed[..n], 1000).unwrap(), [7; 1000]);
        assert!(
            unpack(Compression::Deflate, &packed[..n], 999)
                .unwrap_err()
                .message()
                .contains("more than its 999")
        );
        assert!(
            unpack(Compression::Deflate, &packed[..n], 1001)
                .unwrap_err()
                .message()
                .contains("1000 bytes, expected 1001")
        );
        assert!(unpack(Compression::Deflate, &packed[..n - 3], 1000).is_err());
        assert!(unpack(Compression::Lzw, &[0x80, 0x01, 0xE0], 10).is_err());
        assert!(unpack(Compression::Lzw, &[], 1).is_err() && unpack(Compression::None, &[1], 2).is_err());
        assert_eq!(unpack(Compression::Lzw, &[0, 1, 2], 5).unwrap_err().code(), ErrorCode::Unsupported);
    }
}
