//! What a variable can store: packed ranges, whole counts, rounded mantissas.
use crate::cube::sink::{ValueType, VariableSpec};
use crate::error::{Error, Result};

/// Bits of a float32 mantissa that are stored.
const MANTISSA_BITS: u8 = 23;

/// Makes values what `spec` can store, and returns how many it cannot: those beyond a packed range become missing.
/// Counts of 0 are missing, too, but not counted.
///
/// # Errors
/// `USAGE` for mantissa bits outside of 1 to 23.
pub(super) fn make_storable(spec: &VariableSpec, values: &mut [f32]) -> Result<u64> {
    let mut lost = 0;
    match spec.value_type {
        ValueType::Packed(packing) => values.iter_mut().filter(|v| !packing.holds(**v)).for_each(|v| {
            lost += u64::from(!v.is_nan());
            *v = f32::NAN;
        }),
        ValueType::U32 => values.iter_mut().filter(|v| **v == 0.0).for_each(|v| *v = f32::NAN),
        _ => {}
    }
    if let Some(bits) = spec.keep_bits {
        round_mantissa(values, bits)?;
    }
    Ok(lost)
}

/// Rounds to the nearest float32 of `keep_bits` mantissa bits, half to even. NaN and infinities stay; what lies
/// nearer to the next power of two than to any finite number of so few bits becomes infinite, as IEEE 754 has it.
///
/// # Errors
/// `USAGE` for a number of bits outside of 1 to 23.
fn round_mantissa(values: &mut [f32], keep_bits: u8) -> Result<()> {
    if !(1..=MANTISSA_BITS).contains(&keep_bits) {
        return Err(Error::usage(format!("{keep_bits} mantissa bits cannot be kept, expected 1 to 23"))
            .hint("10 bits keep three significant digits, 13 keep four"));
    }
    let dropped = u32::from(MANTISSA_BITS - keep_bits);
    if dropped == 0 {
        return Ok(());
    }
    // One less than half of the last bit kept, and one more where that bit is odd; a carry moves on into the
    // exponent, which is right.
    let almost_half = (1u32 << (dropped - 1)) - 1;
    for v in values {
        let bits = v.to_bits();
        let rounded = bits.wrapping_add(almost_half + (bits >> dropped & 1)) >> dropped << dropped;
        *v = if v.is_finite() { f32::from_bits(rounded) } else { *v };
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn senseless_rounding_is_refused() {
        for bits in [0, 24, 255] {
            assert!(round_mantissa(&mut [1.0], bits).is_err());
        }
    }

    fn rounded(value: f32, keep_bits: u8) -> f32 {
        let mut values = [value];
        round_mantissa(&mut values, keep_bits).unwrap();
        values[0]
    }

    #[test]
    fn known_roundings() {
        // numpy: float16 has ten mantissa bits. np.float32(np.float16(v)) for these v.
        for (value, half) in
            [(0.1, 0.099_975_586), (1.0 / 3.0, 0.333_251_95), (2049.0, 2048.0), (2051.0, 2052.0)]
        {
            assert_eq!(rounded(value, 10), half);
            assert_eq!(rounded(-value, 10), -half);
        }
        assert_eq!(rounded(1.999_999_9, 3), 2.0);
        assert_eq!(rounded(f32::INFINITY, 5), f32::INFINITY);
        assert_eq!(rounded(f32::NEG_INFINITY, 5), f32::NEG_INFINITY);
        let strange = f32::from_bits(0xffc1_2345);
        assert_eq!(rounded(strange, 1).to_bits(), strange.to_bits());
        assert_eq!(rounded(f32::MAX, 23), f32::MAX);
        assert_eq!(rounded(f32::MAX, 7), f32::INFINITY);
        assert_eq!(rounded(-0.0, 7).to_bits(), (-0.0f32).to_bits());
    }

    /// By arithmetic on exact float64: units of the last bit kept, to the nearest, half to even.
    fn slowly_rounded(value: f32, keep_bits: u8) -> f32 {
        let exponent = (i32::from((value.to_bits() >> 23) as u8)).max(1) - 127;
        let unit = 2f64.powi(exponent - i32::from(keep_bits));
        ((f64::from(value) / unit).round_ties_even() * unit) as f32
    }

    proptest! {
        #[test]
        fn rounding_is_exact(bits in any::<u32>(), keep_bits in 1u8..=23) {
            let value = f32::from_bits(bits);
            prop_assume!(value.is_finite());
            prop_assert_eq!(rounded(value, keep_bits).to_bits(), slowly_rounded(value, keep_bits).to_bits());
        }

        #[test]
        fn halves_go_to_the_even_side(kept in 0u32..0x7f00, keep_bits in 1u8..=22) {
            let unit = 1u32 << (23 - keep_bits);
            let base = 0x3f80_0000 + kept % (1 << keep_bits) * unit;
            let up = u32::from(base / unit % 2 == 1) * unit;
            prop_assert_eq!(rounded(f32::from_bits(base + unit / 2), keep_bits).to_bits(), base + up);
        }
    }
}
