//! The stream coders, behind one bounded decode call.
#![forbid(unsafe_code)]

mod deflate;
mod nbit;
mod rle;
mod skphuff;

use std::borrow::Cow;

use crate::cursor::Cursor;
use crate::error::{Error, Result};

pub(crate) use nbit::Nbit;

/// What a decoder found wrong with its stream.
pub(crate) type Fault = Cow<'static, str>;

const TOO_SHORT: Fault = Cow::Borrowed("the compressed stream is shorter than declared");

/// A coder with its parameters.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Coder {
    /// Stored as is.
    None,
    /// Run-length.
    Rle,
    /// Packed bit fields.
    Nbit(Nbit),
    /// Adaptive Huffman, `skip` interleaved byte planes.
    SkipHuffman { skip: usize },
    /// zlib stream.
    Deflate,
}

/// Work space kept between chunks by one thread.
#[derive(Default)]
pub(crate) struct Scratch {
    #[cfg(feature = "libdeflate")]
    pub(crate) inflater: Option<libdeflater::Decompressor>,
    pub(crate) chunk: Vec<u8>,
}

impl Coder {
    /// Parses model, coder and parameters.
    pub(crate) fn parse(header: &mut Cursor<'_>) -> Result<Coder> {
        let model = header.u16()?;
        if model != 0 {
            return Err(Error::unsupported(format!("compression model {model}")));
        }
        match header.u16()? {
            0 => Ok(Coder::None),
            1 => Ok(Coder::Rle),
            2 => Nbit::parse(header).map(Coder::Nbit),
            3 => {
                let skip = header.u32()?;
                match usize::try_from(skip) {
                    Ok(skip @ 1..=16) => Ok(Coder::SkipHuffman { skip }),
                    _ => Err(header.corrupt("the skip size of the Huffman coder is out of range")),
                }
            }
            4 => Ok(Coder::Deflate),
            5 => Err(Error::unsupported("szip compression")),
            7 => Err(Error::unsupported("jpeg compression")),
            coder => Err(Error::unsupported(format!("compression coder {coder}"))),
        }
    }

    /// Most bytes a stream of `stored` bytes can stand for.
    pub(crate) fn most(&self, stored: u64) -> u64 {
        match self {
            Coder::None => stored,
            Coder::Rle => stored.saturating_mul(65),
            Coder::Nbit(nbit) => nbit.most(stored),
            Coder::SkipHuffman { .. } => stored.saturating_mul(8),
            Coder::Deflate => stored.saturating_mul(1040),
        }
    }

    /// Short name, for listings.
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Coder::None => "none",
            Coder::Rle => "rle",
            Coder::Nbit(_) => "nbit",
            Coder::SkipHuffman { .. } => "skphuff",
            Coder::Deflate => "deflate",
        }
    }
}

/// Decodes bytes `skip..skip + out.len()` of a stream that stands for `total` bytes.
pub(crate) fn decode(
    coder: &Coder,
    input: &[u8],
    skip: u64,
    total: u64,
    out: &mut [u8],
    scratch: &mut Scratch,
) -> std::result::Result<(), Fault> {
    if out.is_empty() {
        return Ok(());
    }
    match coder {
        Coder::None => {
            let rest = usize::try_from(skip).ok().and_then(|s| input.get(s..)).unwrap_or(&[]);
            out.copy_from_slice(rest.get(..out.len()).ok_or(TOO_SHORT)?);
            Ok(())
        }
        Coder::Rle => rle::decode(input, skip, out),
        Coder::Nbit(nbit) => nbit.decode(input, skip, out),
        Coder::SkipHuffman { skip: planes } => skphuff::decode(input, *planes, skip, out),
        Coder::Deflate => deflate::decode(input, skip, total, out, scratch),
    }
}

/// Entry of the fuzz targets: the first bytes choose coder and sizes, the rest is the stream.
#[cfg(feature = "fuzzing")]
pub mod fuzzing {
    use super::{Coder, Scratch, decode};
    use crate::cursor::Cursor;

    /// Decodes whole and from the middle; both must agree where both succeed.
    pub fn decode_stream(data: &[u8]) {
        let Some((&[kind, kilobytes, a, b], stream)) = data.split_first_chunk::<4>() else { return };
        let parameters: Vec<u8> = match kind % 6 {
            2 => [
                &[
                    0,
                    0,
                    0,
                    [20, 22, 24, 6][usize::from(a & 3)],
                    0,
                    a >> 2 & 1,
                    0,
                    a >> 3 & 1,
                    0,
                    0,
                    0,
                    b,
                    0,
                    0,
                    0,
                ][..],
                &[a >> 4],
            ]
            .concat(),
            3 => vec![0, 0, 0, a, 0, 0, 0, 0],
            _ => vec![0; 16],
        };
        let header = [&[0, 0, 0, kind % 6], &parameters[..]].concat();
        let Ok(coder) = Coder::parse(&mut Cursor::new(&header, 0, "fuzz")) else { return };
        let total = (u64::from(kilobytes) << 8).min(coder.most(stream.len() as u64));
        let mut scratch = Scratch::default();
        let mut all = vec![0; total as usize];
        let whole = decode(&coder, stream, 0, total, &mut all, &mut scratch);
        let skip = total / 3;
        let mut part = vec![0; ((total - skip) / 2) as usize];
        let partial = decode(&coder, stream, skip, total, &mut part, &mut scratch);
        if let (Ok(()), Ok(())) = (whole, partial) {
            assert_eq!(part, all[skip as usize..][..part.len()]);
        }
    }
}
