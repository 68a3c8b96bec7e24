//! N-bit: values cut down to a bit field and packed without padding.
#![forbid(unsafe_code)]

use super::{Fault, TOO_SHORT};
use crate::cursor::Cursor;
use crate::error::{Error, Result};
use crate::number_type::NumberType;

/// The bit field kept of every value.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Nbit {
    /// Bytes of a value after decoding.
    size: u32,
    sign_extend: bool,
    fill_one: bool,
    /// Highest kept bit, counted from the least significant.
    start: u32,
    /// Number of kept bits.
    bits: u32,
}

impl Nbit {
    pub(super) fn parse(header: &mut Cursor<'_>) -> Result<Nbit> {
        let code = header.i32()?;
        let sign_extend = header.u16()? != 0;
        let fill_one = header.u16()? != 0;
        let (start, bits) = (header.size()?, header.size()?);
        let kind = u16::try_from(code)
            .ok()
            .and_then(NumberType::from_flagged)
            .ok_or_else(|| Error::unsupported(format!("n-bit number type {code}")))?
            .0;
        let size = kind.size() as u32;
        let width = u64::from(size) * 8;
        if bits == 0 || bits > width || start >= width || start + 1 < bits {
            return Err(header.corrupt("the n-bit field lies outside its number type"));
        }
        // Both are at most 64 here.
        Ok(Nbit { size, sign_extend, fill_one, start: start as u32, bits: bits as u32 })
    }

    /// Most bytes a stream of `stored` bytes can stand for.
    pub(super) fn most(&self, stored: u64) -> u64 {
        (stored.saturating_mul(8) / u64::from(self.bits)).saturating_mul(u64::from(self.size))
    }

    /// Fills `out` from byte `skip` on; every value has its place, so earlier ones are not decoded.
    pub(super) fn decode(&self, input: &[u8], skip: u64, out: &mut [u8]) -> std::result::Result<(), Fault> {
        let size = self.size as usize;
        let mut index = skip / u64::from(self.size);
        let mut within = (skip % u64::from(self.size)) as usize;
        let mut at = 0;
        while at < out.len() {
            let bit = index.checked_mul(u64::from(self.bits)).ok_or(TOO_SHORT)?;
            let value = self.expand(bit_field(input, bit, self.bits).ok_or(TOO_SHORT)?).to_be_bytes();
            let bytes = &value[8 - size + within..];
            let n = bytes.len().min(out.len() - at);
            out[at..at + n].copy_from_slice(&bytes[..n]);
            at += n;
            index += 1;
            within = 0;
        }
        Ok(())
    }

    /// Puts a field back in its place and sets the bits that were dropped.
    fn expand(&self, field: u64) -> u64 {
        let low = self.start + 1 - self.bits;
        let kept = (u64::MAX >> (64 - self.bits)) << low;
        let mut value = (field << low) | if self.fill_one { !kept } else { 0 };
        if self.sign_extend && self.start < 63 {
            let above = u64::MAX << (self.start + 1);
            if value >> self.start & 1 == 1 {
                value |= above;
            } else {
                value &= !above;
            }
        }
        value
    }
}

/// `bits` (1 to 64) bits from position `bit`, most significant first.
fn bit_field(input: &[u8], bit: u64, bits: u32) -> Option<u64> {
    let first = usize::try_from(bit / 8).ok()?;
    let lead = (bit % 8) as u32;
    let n = (lead + bits).div_ceil(8) as usize;
    let bytes = input.get(first..first.checked_add(n)?)?;
    let wide = bytes.iter().fold(0u128, |acc, &b| (acc << 8) | u128::from(b));
    let value = wide >> (n as u32 * 8 - lead - bits);
    // The mask leaves at most 64 bits.
    Some((value & (u128::MAX >> (128 - bits))) as u64)
}

#[cfg(test)]
mod tests {
    use super::{Nbit, bit_field};

    #[test]
    fn fields_cross_bytes() {
        assert_eq!(bit_field(&[0b1010_0111, 0b1100_0000], 4, 6), Some(0b01_1111));
        assert_eq!(bit_field(&[0xFF], 4, 6), None);
    }

    #[test]
    fn sign_is_extended_above_the_field() {
        let nbit = Nbit { size: 2, sign_extend: true, fill_one: false, start: 9, bits: 6 };
        assert_eq!(nbit.expand(0b10_0001) as u16, 0b1111_1110_0001_0000);
        assert_eq!(nbit.expand(0b00_0001) as u16, 0b0000_0000_0001_0000);
    }
}
