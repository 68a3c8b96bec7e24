//! Number types and the byte order they are stored in.
#![forbid(unsafe_code)]

use crate::error::{Error, Result};

/// The type of one stored value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum NumberType {
    /// Unsigned character (code 3).
    Uchar,
    /// Character (code 4).
    Char,
    /// 32-bit float (code 5).
    F32,
    /// 64-bit float (code 6).
    F64,
    /// 8-bit signed integer (code 20).
    I8,
    /// 8-bit unsigned integer (code 21).
    U8,
    /// 16-bit signed integer (code 22).
    I16,
    /// 16-bit unsigned integer (code 23).
    U16,
    /// 32-bit signed integer (code 24).
    I32,
    /// 32-bit unsigned integer (code 25).
    U32,
    /// 64-bit signed integer (code 26).
    I64,
    /// 64-bit unsigned integer (code 27).
    U64,
}

/// Order of the bytes of a value in the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ByteOrder {
    /// Most significant byte first, the format's standard.
    Big,
    /// Least significant byte first.
    Little,
}

impl ByteOrder {
    pub(crate) const NATIVE: ByteOrder =
        if cfg!(target_endian = "little") { ByteOrder::Little } else { ByteOrder::Big };
}

const NATIVE_BIT: u16 = 0x1000;
const LITTLE_BIT: u16 = 0x4000;

impl NumberType {
    pub(crate) fn from_code(code: u16) -> Option<NumberType> {
        Some(match code {
            3 => NumberType::Uchar,
            4 => NumberType::Char,
            5 => NumberType::F32,
            6 => NumberType::F64,
            20 => NumberType::I8,
            21 => NumberType::U8,
            22 => NumberType::I16,
            23 => NumberType::U16,
            24 => NumberType::I32,
            25 => NumberType::U32,
            26 => NumberType::I64,
            27 => NumberType::U64,
            _ => return None,
        })
    }

    /// A type code with its byte-order bits, as tables store it.
    pub(crate) fn from_flagged(code: u16) -> Option<(NumberType, ByteOrder)> {
        let kind = Self::from_code(code & !(NATIVE_BIT | LITTLE_BIT))?;
        let little = code & (LITTLE_BIT | NATIVE_BIT) != 0;
        Some((kind, if little { ByteOrder::Little } else { ByteOrder::Big }))
    }

    /// Parses a number-type record: version, type, bits, class.
    pub(crate) fn parse(record: &[u8], offset: u64) -> Result<(NumberType, ByteOrder)> {
        let [_, code, _, class] = *record
            .first_chunk::<4>()
            .ok_or_else(|| Error::corrupt(offset, "number type: the record ends early"))?;
        let kind = Self::from_code(u16::from(code))
            .ok_or_else(|| Error::unsupported(format!("number type {code}")))?;
        match class {
            0 | 1 => Ok((kind, ByteOrder::Big)),
            4 => Ok((kind, ByteOrder::Little)),
            _ => Err(Error::unsupported(format!("number class {class}"))),
        }
    }

    /// The format's own code.
    pub fn code(self) -> u16 {
        match self {
            NumberType::Uchar => 3,
            NumberType::Char => 4,
            NumberType::F32 => 5,
            NumberType::F64 => 6,
            NumberType::I8 => 20,
            NumberType::U8 => 21,
            NumberType::I16 => 22,
            NumberType::U16 => 23,
            NumberType::I32 => 24,
            NumberType::U32 => 25,
            NumberType::I64 => 26,
            NumberType::U64 => 27,
        }
    }

    /// Bytes per value.
    pub fn size(self) -> usize {
        match self {
            NumberType::Uchar | NumberType::Char | NumberType::I8 | NumberType::U8 => 1,
            NumberType::I16 | NumberType::U16 => 2,
            NumberType::I32 | NumberType::U32 | NumberType::F32 => 4,
            NumberType::I64 | NumberType::U64 | NumberType::F64 => 8,
        }
    }

    /// Short lower-case name, such as `u16`.
    pub fn name(self) -> &'static str {
        match self {
            NumberType::Uchar => "uchar",
            NumberType::Char => "char",
            NumberType::F32 => "f32",
            NumberType::F64 => "f64",
            NumberType::I8 => "i8",
            NumberType::U8 => "u8",
            NumberType::I16 => "i16",
            NumberType::U16 => "u16",
            NumberType::I32 => "i32",
            NumberType::U32 => "u32",
            NumberType::I64 => "i64",
            NumberType::U64 => "u64",
        }
    }

    /// The fill value libraries assume when a file names none, big-endian.
    pub(crate) fn default_fill(self) -> Vec<u8> {
        const FLOAT: f32 = 9.969_21e36;
        match self {
            NumberType::Uchar | NumberType::Char => vec![0],
            NumberType::I8 | NumberType::U8 => (-127i8).to_be_bytes().to_vec(),
            NumberType::I16 | NumberType::U16 => (-32767i16).to_be_bytes().to_vec(),
            NumberType::I32 | NumberType::U32 => (-2_147_483_647i32).to_be_bytes().to_vec(),
            NumberType::I64 | NumberType::U64 => (-2_147_483_647i64).to_be_bytes().to_vec(),
            NumberType::F32 => FLOAT.to_be_bytes().to_vec(),
            NumberType::F64 => f64::from(FLOAT).to_be_bytes().to_vec(),
        }
    }
}

/// Reverses the bytes of every `width`-byte value; written so the compiler vectorises it.
pub(crate) fn swap_in_place(bytes: &mut [u8], width: usize) {
    match width {
        2 => bytes
            .as_chunks_mut::<2>()
            .0
            .iter_mut()
            .for_each(|c| *c = u16::from_ne_bytes(*c).swap_bytes().to_ne_bytes()),
        4 => bytes
            .as_chunks_mut::<4>()
            .0
            .iter_mut()
            .for_each(|c| *c = u32::from_ne_bytes(*c).swap_bytes().to_ne_bytes()),
        8 => bytes
            .as_chunks_mut::<8>()
            .0
            .iter_mut()
            .for_each(|c| *c = u64::from_ne_bytes(*c).swap_bytes().to_ne_bytes()),
        _ => {}
    }
}

mod sealed {
    pub trait Sealed {}
}

/// A Rust number that can receive stored values of a matching [`NumberType`].
///
/// Character data may be read as `u8` or `i8`. The trait is sealed.
pub trait Element: sealed::Sealed + bytemuck::Pod + Send + Sync {
    /// Whether values of this number type are read into `Self`.
    fn matches(number_type: NumberType) -> bool;
    /// Name used in error messages.
    const NAME: &'static str;
}

macro_rules! element {
    ($($t:ty: $($n:ident)|+;)*) => {$(
        impl sealed::Sealed for $t {}
        impl Element for $t {
            fn matches(number_type: NumberType) -> bool {
                matches!(number_type, $(NumberType::$n)|+)
            }
            const NAME: &'static str = stringify!($t);
        }
    )*};
}

element! {
    i8: I8 | Char;
    u8: U8 | Uchar | Char;
    i16: I16;
    u16: U16;
    i32: I32;
    u32: U32;
    i64: I64;
    u64: U64;
    f32: F32;
    f64: F64;
}
