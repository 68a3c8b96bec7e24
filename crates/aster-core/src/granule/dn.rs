//! Digital numbers as they are stored: one or two bytes a pixel until the last moment.
use crate::grid::geobox::PixelRect;
use std::borrow::Cow;

/// Type of the stored numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum DnType {
    /// 8 bits: VNIR, SWIR, quality planes.
    U8,
    /// 16 bits: TIR.
    U16,
    /// 16 bits, signed: level-2 products and elevation.
    I16,
}

impl DnType {
    /// Bytes of one number.
    pub fn bytes(self) -> usize {
        match self {
            Self::U8 => 1,
            Self::U16 | Self::I16 => 2,
        }
    }
    /// Name as printed.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::U8 => "uint8",
            Self::U16 => "uint16",
            Self::I16 => "int16",
        }
    }
}

/// Row-major numbers, borrowed from a mapped file or owned.
#[derive(Debug, Clone)]
pub enum DnData<'a> {
    /// 8 bits.
    U8(Cow<'a, [u8]>),
    /// 16 bits.
    U16(Cow<'a, [u16]>),
    /// 16 bits, signed.
    I16(Cow<'a, [i16]>),
}

/// Numbers of the pixels of `rect`, row by row.
#[derive(Debug, Clone)]
pub struct DnWindow<'a> {
    /// Where they lie in the band; may be larger than what was asked for.
    pub rect: PixelRect,
    /// `rect.rows * rect.columns` numbers.
    pub data: DnData<'a>,
}
