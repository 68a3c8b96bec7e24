//! From computed values to the numbers a file stores: rounding, packing, integer DN, byte order.
use crate::cube::sink::{Packing, ValueType};

/// Missing value of DN of signed integers.
pub const I16_FILL: i16 = -9999;
/// Missing value of packed variables.
pub const PACKED_FILL: i16 = i16::MIN;

/// Order of the bytes of several numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ByteOrder {
    /// Number by number, each little-endian.
    Plain,
    /// All first bytes of little-endian numbers, then all second ones: HDF5's and Zarr's shuffle.
    Shuffled,
}

/// Bytes of one stored value.
pub fn value_bytes(value_type: ValueType) -> usize {
    match value_type {
        ValueType::F32 | ValueType::U32 => 4,
        ValueType::U8 => 1,
        ValueType::U16 | ValueType::I16 | ValueType::Packed(_) => 2,
    }
}

/// Values that are not NaN.
pub fn valid(values: &[f32]) -> u64 {
    // 32-bit sums are as wide as the values: vector code.
    let count = |part: &[f32]| part.iter().map(|v| u32::from(!v.is_nan())).sum::<u32>();
    values.chunks(1 << 16).map(|part| u64::from(count(part))).sum()
}

/// Bytes of `values` as `value_type`; NaN becomes the type's missing value. Float32 gets one NaN for all: sign
/// and payload differ between operations and would be noise in the file. DN are rounded, and saturate.
pub fn stored(values: &[f32], value_type: ValueType, order: ByteOrder) -> Vec<u8> {
    match value_type {
        ValueType::F32 => {
            bytes_of(values, order, |v| (if v.is_nan() { f32::NAN } else { v }).to_bits().to_le_bytes())
        }
        // Casts saturate, and NaN becomes 0.
        ValueType::U8 => bytes_of(values, order, |v| [v.round() as u8]),
        ValueType::U16 => bytes_of(values, order, |v| (v.round() as u16).to_le_bytes()),
        ValueType::I16 => {
            bytes_of(values, order, |v| (if v.is_nan() { I16_FILL } else { v.round() as i16 }).to_le_bytes())
        }
        ValueType::U32 => bytes_of(values, order, |v| (v.round() as u32).to_le_bytes()),
        ValueType::Packed(packing) => bytes_of(values, order, |v| packed(v, packing).to_le_bytes()),
    }
}

/// A value as int16, so that `packed * scale + offset` gives it back to half of `scale` (CF-1.11, 8.1). NaN becomes
/// [`PACKED_FILL`], and so does what lies beyond -32767 to 32767: callers count that before, [`Packing::holds`].
fn packed(value: f32, packing: Packing) -> i16 {
    let number = ((f64::from(value) - packing.offset) / packing.scale).round_ties_even();
    if (-32_767.0..=32_767.0).contains(&number) { number as i16 } else { PACKED_FILL }
}

fn bytes_of<T: Copy, const N: usize>(
    values: &[T],
    order: ByteOrder,
    convert: impl Fn(T) -> [u8; N],
) -> Vec<u8> {
    if order == ByteOrder::Plain {
        return values.iter().flat_map(|&v| convert(v)).collect();
    }
    let mut planes = Vec::with_capacity(values.len() * N);
    // One pass per plane: each is a plain loop that the compiler turns into vector code.
    for plane in 0..N {
        planes.extend(values.iter().map(|&v| convert(v)[plane]));
    }
    planes
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn plain(values: &[f32], value_type: ValueType) -> Vec<u8> {
        stored(values, value_type, ByteOrder::Plain)
    }

    #[test]
    fn missing_values_have_one_form() {
        let strange = f32::from_bits(0xffc1_2345);
        let bytes = plain(&[1.0, strange, f32::NAN, -2.5], ValueType::F32);
        assert_eq!(bytes[4..8], bytes[8..12]);
        assert_eq!(bytes[4..8], [0, 0, 0xc0, 0x7f]);
        assert_eq!(plain(&[f32::NAN, 255.0, 300.0, 7.4], ValueType::U8), [0, 255, 255, 7]);
        assert_eq!(plain(&[f32::NAN, 4095.0, 1.0, 0.0], ValueType::U16), [0, 0, 255, 15, 1, 0, 0, 0]);
        assert_eq!(plain(&[f32::NAN, -1.0, 0.0, 2.0], ValueType::I16), [0xf1, 0xd8, 0xff, 0xff, 0, 0, 2, 0]);
    }

    #[test]
    fn shuffle_gathers_bytes_of_one_weight() {
        assert_eq!(stored(&[258.0, 772.0], ValueType::U16, ByteOrder::Shuffled), [2, 4, 1, 3]);
    }

    #[test]
    fn what_cannot_be_packed_is_missing() {
        let packing = |scale, offset| Packing { scale, offset };
        let values =
            [0.0, 1.0, -1.0, f32::NAN, 3.2767, 3.27674, -3.2767, 3.27676, -3.2768, f32::INFINITY, 1e30];
        let numbers = values.map(|v| packed(v, packing(1e-4, 0.0)));
        assert_eq!(numbers[..5], [0, 10_000, -10_000, PACKED_FILL, 32_767]);
        assert_eq!(numbers[5..7], [32_767, -32_767]);
        assert_eq!(numbers[7..], [PACKED_FILL; 4]);
        for (value, number) in values.iter().zip(numbers) {
            assert_eq!(packing(1e-4, 0.0).holds(*value), number != PACKED_FILL, "{value}");
        }
        // Half to even; a negative scale turns the sign.
        assert_eq!([0.5, 1.5, 2.5, -0.5].map(|v| packed(v, packing(1.0, 0.0))), [0, 2, 2, 0]);
        assert_eq!([300.0, 301.5].map(|v| packed(v, packing(-0.5, 300.0))), [0, -3]);
        let shuffled = stored(&[258.0, 772.0], ValueType::Packed(packing(1.0, 0.0)), ByteOrder::Shuffled);
        assert_eq!(shuffled, [2, 4, 1, 3]);
    }

    proptest! {
        #[test]
        fn packing_loses_at_most_half_a_step(value in -400f32..400.0, scale in 1e-3f64..1.0, offset in -100f64..100.0) {
            let number = packed(value, Packing { scale, offset });
            let exact = (f64::from(value) - offset) / scale;
            if exact.abs() <= 32_767.5 {
                let back = f64::from(number) * scale + offset;
                prop_assert!((back - f64::from(value)).abs() <= scale * 0.500_001);
            } else {
                prop_assert_eq!(number, PACKED_FILL);
            }
        }
    }
}
