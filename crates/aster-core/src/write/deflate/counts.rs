//! Counts of bytes, and what they say: entropy, and whether bytes are noise.

/// Most bytes that one [`Lanes`] counts.
pub(super) const MOST: usize = u16::MAX as usize;

/// Counts of bytes, in four tables: equal neighbours would wait for each other's increment.
pub(super) struct Lanes([[u16; 256]; 4]);

impl Default for Lanes {
    fn default() -> Self {
        Self([[0; 256]; 4])
    }
}

impl Lanes {
    /// At most [`MOST`] bytes over all calls.
    pub(super) fn count(&mut self, bytes: &[u8]) {
        let [a, b, c, d] = &mut self.0;
        let (eights, rest) = bytes.as_chunks::<8>();
        for eight in eights {
            a[usize::from(eight[0])] += 1;
            b[usize::from(eight[1])] += 1;
            c[usize::from(eight[2])] += 1;
            d[usize::from(eight[3])] += 1;
            a[usize::from(eight[4])] += 1;
            b[usize::from(eight[5])] += 1;
            c[usize::from(eight[6])] += 1;
            d[usize::from(eight[7])] += 1;
        }
        for &byte in rest {
            a[usize::from(byte)] += 1;
        }
    }

    pub(super) fn sum(&self) -> [u32; 256] {
        let [a, b, c, d] = &self.0;
        std::array::from_fn(|i| u32::from(a[i] + b[i] + c[i] + d[i]))
    }
}

/// Entropy of all symbols together, in bits, and how many there are.
pub(super) fn entropy(counts: &[u32]) -> (f32, f32) {
    // Eight sums side by side: one sum would have an order that vector code must keep.
    const LANES: usize = 8;
    let (mut totals, mut distinct, mut weighted) = ([0u32; LANES], [0u32; LANES], [0f32; LANES]);
    let (eights, rest) = counts.as_chunks::<LANES>();
    let mut last = [0; LANES];
    last[..rest.len()].copy_from_slice(rest);
    for eight in eights.iter().chain([&last]) {
        for i in 0..LANES {
            totals[i] += eight[i];
            distinct[i] += u32::from(eight[i] > 0);
            // Signed numbers convert in one instruction.
            let n = eight[i] as i32 as f32;
            weighted[i] += n * log2(n);
        }
    }
    let total = totals.iter().sum::<u32>() as f32;
    (total * log2(total) - weighted.iter().sum::<f32>(), distinct.iter().sum::<u32>() as f32)
}

/// Base-2 logarithm to about 0.01, as vector code; finite for 0.
fn log2(x: f32) -> f32 {
    let bits = x.to_bits();
    let exponent = (bits >> 23) as i32 - 127;
    let mantissa = f32::from_bits(bits & 0x007f_ffff | 0x3f80_0000);
    // Parabola through both ends: 0 at 1, 1 at 2.
    exponent as f32 + (mantissa - 1.0) * (1.0 + 0.346 * (2.0 - mantissa))
}

/// Whether a quarter of the bytes, evenly taken, says that no code makes them shorter than the share `worth`.
pub(super) fn is_noise(bytes: &[u8], worth: f32) -> bool {
    let mut lanes = Lanes::default();
    for part in bytes.chunks_exact(256) {
        lanes.count(&part[..64]);
    }
    let counts = lanes.sum();
    let total: u32 = counts.iter().sum();
    if total < 1024 {
        return false;
    }
    let (entropy, distinct) = entropy(&counts);
    // What a sample of this size lacks on the average (Miller 1955).
    let lacking = (distinct - 1.0) / (2.0 * std::f32::consts::LN_2);
    entropy + lacking >= worth * 8.0 * total as f32
}
