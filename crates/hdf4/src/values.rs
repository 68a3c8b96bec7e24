//! Decoded values of attributes and table columns.
#![forbid(unsafe_code)]

use crate::cursor::latin1;
use crate::number_type::{ByteOrder, NumberType};

macro_rules! values {
    ($($variant:ident: $t:ty, $doc:literal;)*) => {
        /// Values of one number type.
        #[derive(Debug, Clone, PartialEq)]
        #[non_exhaustive]
        pub enum Values {
            $(#[doc = $doc] $variant(Vec<$t>),)*
        }

        impl Values {
            /// Decodes stored bytes; an incomplete last value is dropped.
            pub(crate) fn decode(kind: NumberType, order: ByteOrder, bytes: &[u8]) -> Values {
                match kind {
                    $(NumberType::$variant => Values::$variant(
                        bytes
                            .as_chunks::<{ size_of::<$t>() }>()
                            .0
                            .iter()
                            .map(|c| match order {
                                ByteOrder::Big => <$t>::from_be_bytes(*c),
                                ByteOrder::Little => <$t>::from_le_bytes(*c),
                            })
                            .collect(),
                    ),)*
                }
            }

            /// Number of values; for text, of characters.
            pub fn len(&self) -> usize {
                match self {
                    $(Values::$variant(v) => v.len(),)*
                }
            }

            /// The type of the values.
            pub fn number_type(&self) -> NumberType {
                match self {
                    $(Values::$variant(_) => NumberType::$variant,)*
                }
            }

            /// One value as a float; 64-bit integers may lose digits.
            pub fn get(&self, index: usize) -> Option<f64> {
                match self {
                    $(Values::$variant(v) => v.get(index).map(|&x| x as f64),)*
                }
            }

            /// The values as little-endian bytes.
            pub fn to_le_bytes(&self) -> Vec<u8> {
                match self {
                    $(Values::$variant(v) => v.iter().flat_map(|x| x.to_le_bytes()).collect(),)*
                }
            }

            /// One value as text, for listings.
            pub fn display(&self, index: usize) -> String {
                match self {
                    $(Values::$variant(v) => v.get(index).map(ToString::to_string).unwrap_or_default(),)*
                }
            }
        }
    };
}

values! {
    Uchar: u8, "Unsigned characters.";
    Char: u8, "Characters, one byte each.";
    F32: f32, "32-bit floats.";
    F64: f64, "64-bit floats.";
    I8: i8, "8-bit signed integers.";
    U8: u8, "8-bit unsigned integers.";
    I16: i16, "16-bit signed integers.";
    U16: u16, "16-bit unsigned integers.";
    I32: i32, "32-bit signed integers.";
    U32: u32, "32-bit unsigned integers.";
    I64: i64, "64-bit signed integers.";
    U64: u64, "64-bit unsigned integers.";
}

impl Values {
    /// Whether there are no values.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// All values as floats.
    pub fn to_f64(&self) -> Vec<f64> {
        (0..self.len()).filter_map(|i| self.get(i)).collect()
    }

    /// Character data as text, cut at the first NUL; `None` for numbers.
    pub fn text(&self) -> Option<String> {
        match self {
            Values::Char(bytes) | Values::Uchar(bytes) => Some(latin1(bytes)),
            _ => None,
        }
    }

    /// Bytes of any 8-bit type, for text that a writer stored as numbers.
    pub(crate) fn bytes(&self) -> Option<Vec<u8>> {
        match self {
            Values::Char(b) | Values::Uchar(b) | Values::U8(b) => Some(b.clone()),
            Values::I8(b) => Some(b.iter().map(|&x| x as u8).collect()),
            _ => None,
        }
    }
}
