//! From computed values to stored numbers. A GeoTIFF has one number type and one missing value for all bands.
use crate::cube::sink::{CubeLayout, ValueType};

/// Number type of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Numbers {
    F32,
    U8,
    U16,
    I16,
    U32,
    /// As `I16`, with scale and offset per band.
    Packed,
}

impl Numbers {
    /// The type of its variables where they agree, else the smallest that holds all of them exactly. Values come as
    /// float32, so float32 always does; packed variables beside others are stored unpacked.
    pub(super) fn of(layout: &CubeLayout) -> Self {
        use ValueType as V;
        let is = |list: fn(&V) -> bool| layout.variables.iter().all(|v| list(&v.value_type));
        match () {
            () if is(|v| matches!(v, V::U8)) => Self::U8,
            () if is(|v| matches!(v, V::U8 | V::U16)) => Self::U16,
            () if is(|v| matches!(v, V::U8 | V::I16)) => Self::I16,
            () if is(|v| matches!(v, V::U32)) => Self::U32,
            () if is(|v| matches!(v, V::Packed(_))) => Self::Packed,
            () => Self::F32,
        }
    }

    /// Bytes of a number.
    pub(super) fn bytes(self) -> usize {
        match self {
            Self::F32 | Self::U32 => 4,
            Self::U8 => 1,
            Self::U16 | Self::I16 | Self::Packed => 2,
        }
    }

    /// The missing value as GDAL writes it; counts have none.
    pub(super) fn missing_text(self) -> Option<&'static str> {
        match self {
            Self::F32 => Some("nan"),
            Self::U8 | Self::U16 => Some("0"),
            Self::I16 => Some("-9999"),
            Self::Packed => Some("-32768"),
            Self::U32 => None,
        }
    }

    /// The bytes of a missing value; 0 where there is none.
    fn missing(self) -> &'static [u8] {
        match self {
            Self::F32 => &[0, 0, 0xc0, 0x7f],
            Self::U8 => &[0],
            Self::U16 => &[0, 0],
            Self::U32 => &[0, 0, 0, 0],
            Self::I16 => &[0xf1, 0xd8],
            Self::Packed => &[0, 0x80],
        }
    }

    /// Whether all numbers are missing.
    pub(super) fn is_empty(self, bytes: &[u8]) -> bool {
        bytes.chunks_exact(self.bytes()).all(|number| number == self.missing())
    }

    /// Little-endian numbers of a variable of type `of`, and how many values are not NaN.
    pub(super) fn encode(self, values: &[f32], of: ValueType, keep_bits: Option<u8>) -> (Vec<u8>, u64) {
        let valid = values.iter().filter(|v| !v.is_nan()).count() as u64;
        let bytes = match self {
            Self::F32 => match of {
                ValueType::F32 => bytes_of(values, |v| rounded(v, keep_bits).to_bits().to_le_bytes()),
                // Unpacked, since the other bands of the file are no whole numbers.
                ValueType::Packed(_) => bytes_of(values, |v| rounded(v, None).to_bits().to_le_bytes()),
                ValueType::U8 => bytes_of(values, |v| dn(v, 255.0).to_bits().to_le_bytes()),
                ValueType::U16 => bytes_of(values, |v| dn(v, 65535.0).to_bits().to_le_bytes()),
                // No number of counts is free for missing; in a float file NaN is.
                ValueType::I16 | ValueType::U32 => {
                    bytes_of(values, |v| rounded(v.round(), None).to_bits().to_le_bytes())
                }
            },
            // Casts saturate, and NaN becomes 0.
            Self::U8 => bytes_of(values, |v| [v.round() as u8]),
            Self::U16 => bytes_of(values, |v| (v.round() as u16).to_le_bytes()),
            Self::U32 => bytes_of(values, |v| (v.round() as u32).to_le_bytes()),
            Self::I16 => {
                // 8-bit DN beside signed ones: their 0 is missing too.
                let zero_is_missing = of == ValueType::U8;
                bytes_of(values, |v| {
                    let number = v.round() as i16;
                    let missing = v.is_nan() || (zero_is_missing && number == 0);
                    (if missing { -9999 } else { number }).to_le_bytes()
                })
            }
            Self::Packed => {
                let (scale, offset) = match of {
                    ValueType::Packed(packing) => (packing.scale, packing.offset),
                    _ => (1.0, 0.0),
                };
                bytes_of(values, |v| {
                    let steps = ((f64::from(v) - offset) / scale).round();
                    let within = steps > f64::from(i16::MIN) && steps <= f64::from(i16::MAX);
                    (if within { steps as i16 } else { i16::MIN }).to_le_bytes()
                })
            }
        };
        (bytes, valid)
    }
}

/// Whether averages of neighbours mean something: overviews of DN and counts take one of them instead.
pub(super) fn can_average(layout: &CubeLayout) -> bool {
    layout.variables.iter().all(|v| matches!(v.value_type, ValueType::F32 | ValueType::Packed(_)))
}

fn bytes_of<const N: usize>(values: &[f32], convert: impl Fn(f32) -> [u8; N]) -> Vec<u8> {
    values.iter().flat_map(|&v| convert(v)).collect()
}

/// A DN whose 0 is missing, as float32.
fn dn(value: f32, most: f32) -> f32 {
    let number = value.round().clamp(0.0, most);
    if number > 0.0 { number } else { f32::NAN }
}

/// The nearest number with `keep_bits` bits of mantissa, half to even; one NaN for all.
fn rounded(value: f32, keep_bits: Option<u8>) -> f32 {
    const MANTISSA_BITS: u32 = 23;
    if value.is_nan() {
        return f32::NAN;
    }
    let dropped = MANTISSA_BITS.saturating_sub(u32::from(keep_bits.unwrap_or(23)).max(1));
    if dropped == 0 || value.is_infinite() {
        return value;
    }
    let bits = value.to_bits();
    let half = (1_u32 << (dropped - 1)) - 1 + ((bits >> dropped) & 1);
    // The carry of a mantissa of ones goes into the exponent, which is the next power of two.
    f32::from_bits((bits.wrapping_add(half) >> dropped) << dropped)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cube::sink::Packing;

    const PACKED: ValueType = ValueType::Packed(Packing { scale: 0.5, offset: 10.0 });

    fn i16s(bytes: &[u8]) -> Vec<i16> {
        bytes.as_chunks::<2>().0.iter().map(|b| i16::from_le_bytes(*b)).collect()
    }

    fn f32s(bytes: &[u8]) -> Vec<f32> {
        bytes.as_chunks::<4>().0.iter().map(|b| f32::from_le_bytes(*b)).collect()
    }

    #[test]
    fn missing_values_have_one_form() {
        let strange = f32::from_bits(0xffc1_2345);
        for (numbers, of) in [
            (Numbers::F32, ValueType::F32),
            (Numbers::U8, ValueType::U8),
            (Numbers::U16, ValueType::U16),
            (Numbers::I16, ValueType::I16),
            (Numbers::U32, ValueType::U32),
            (Numbers::Packed, PACKED),
        ] {
            let (bytes, valid) = numbers.encode(&[strange, f32::NAN], of, None);
            assert_eq!((bytes.len(), valid), (2 * numbers.bytes(), 0));
            assert!(numbers.is_empty(&bytes), "{numbers:?}");
            let (bytes, valid) = numbers.encode(&[f32::NAN, 12.0], of, None);
            assert!(!numbers.is_empty(&bytes) && valid == 1, "{numbers:?}");
        }
    }

    #[test]
    fn numbers_round_and_saturate() {
        assert_eq!(Numbers::U8.encode(&[255.0, 300.0, 7.4], ValueType::U8, None).0, [255, 255, 7]);
        let packed = Numbers::Packed.encode(&[10.0, 9.0, 1e9, -1e9, 10.3], PACKED, None).0;
        assert_eq!(i16s(&packed), [0, -2, i16::MIN, i16::MIN, 1]);
        let signed = Numbers::I16.encode(&[-3.0, 0.0, 1e6], ValueType::I16, None).0;
        assert_eq!(i16s(&signed), [-3, 0, i16::MAX]);
    }

    #[test]
    fn types_beside_each_other_keep_their_values() {
        let eight = Numbers::I16.encode(&[0.2, 255.0, f32::NAN], ValueType::U8, None).0;
        assert_eq!(i16s(&eight), [-9999, 255, -9999]);
        let dn = f32s(&Numbers::F32.encode(&[0.2, 70000.0, 3.0], ValueType::U16, None).0);
        assert!(dn[0].is_nan() && dn[1..] == [65535.0, 3.0]);
        let counts = f32s(&Numbers::F32.encode(&[f32::NAN, 3.0], ValueType::U32, None).0);
        assert!(counts[0].is_nan() && counts[1] == 3.0);
        assert_eq!(f32s(&Numbers::F32.encode(&[10.3], PACKED, None).0), [10.3]);
    }

    #[test]
    fn bits_are_dropped_to_the_nearest_even() {
        // Reference: the distance to every number with so many bits, by arithmetic.
        for value in [0.1_f32, -0.731, 1.999_999_9, 3.0e-39, 6.0e4, -0.0] {
            for keep in [1_u8, 7, 12, 22, 23] {
                let got = rounded(value, Some(keep));
                let step = 2.0_f64
                    .powi((value.abs().max(f32::MIN_POSITIVE).log2().floor()) as i32 - i32::from(keep));
                let exact = (f64::from(value) / step).round_ties_even() * step;
                assert_eq!(f64::from(got), exact, "{value} {keep}");
            }
        }
        assert!(rounded(f32::NAN, Some(3)).is_nan());
        assert_eq!(rounded(f32::INFINITY, Some(3)), f32::INFINITY);
    }
}
