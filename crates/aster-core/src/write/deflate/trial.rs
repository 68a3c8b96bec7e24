//! Tells from a few windows of a byte plane whether a search for repetition at any distance would pay.

/// Bytes of a window: the search is tried on these alone.
const WINDOW: usize = 8 * 1024;
/// Windows of a plane.
const WINDOWS: usize = 3;
/// Bits of a match at some distance, symbols and extra bits together.
const MATCH_BITS: f32 = 18.0;
/// Least length of such a match.
const LEAST: usize = 4;
const TABLE_BITS: u32 = 12;

/// Share of its coded size that a plane has to lose: libdeflate takes three times as long.
const PAYS: f32 = 0.1;

/// Whether matches at distances other than 1 and `row` would make `plane` a tenth shorter. Noise is not tried.
pub(super) fn pays(plane: &[u8], row: usize, is_noise: impl Fn(&[u8]) -> bool) -> bool {
    let (mut saved, mut coded) = (0.0, 0.0);
    let step = plane.len() / (2 * WINDOWS);
    for i in 0..WINDOWS {
        let start = (step * (2 * i + 1)).saturating_sub(WINDOW / 2);
        let window = &plane[start..(start + WINDOW).min(plane.len())];
        if !is_noise(window) {
            let (less, all) = search(window, row);
            saved += less;
            coded += all;
        }
    }
    saved > PAYS * coded
}

/// Bits saved by a search of `bytes`, and bits without it.
fn search(bytes: &[u8], row: usize) -> (f32, f32) {
    let mut last = [0u16; 1 << TABLE_BITS];
    let mut counts = [0u32; 256];
    // Lengths and number of the matches: worth something by the bits of a byte, known at the end.
    let mut lengths = [0u32; 64];
    let mut at = 0;
    while let Some(quad) = bytes.get(at..).and_then(|rest| rest.first_chunk::<LEAST>()) {
        let key = u32::from_le_bytes(*quad).wrapping_mul(0x9E37_79B1) >> (32 - TABLE_BITS);
        let seen = &mut last[key as usize];
        // One more than the place, so that 0 is none.
        let source = usize::from(*seen);
        *seen = (at + 1) as u16;
        let length = if source > 0 {
            bytes[at..].iter().zip(&bytes[source - 1..]).take_while(|(a, b)| a == b).count()
        } else {
            0
        };
        if length < LEAST {
            counts[usize::from(bytes[at])] += 1;
            at += 1;
            continue;
        }
        let distance = at + 1 - source;
        if distance != 1 && distance != row {
            // Bytes that runs and the row above cover at any rate are no gain.
            let mut others = 0;
            for i in at..at + length {
                let in_run = i >= 3 && bytes[i - 3..i].iter().all(|&b| b == bytes[i]);
                let above = row > 0 && i >= row && bytes[i - row] == bytes[i];
                if !in_run && !above {
                    counts[usize::from(bytes[i])] += 1;
                    others += 1;
                }
            }
            lengths[others.min(63)] += 1;
        }
        at += length;
    }
    let (coded, _) = super::counts::entropy(&counts);
    let total: u32 = counts.iter().sum();
    let bits = coded / total.max(1) as f32;
    let saved = lengths
        .iter()
        .enumerate()
        .map(|(length, &n)| n as f32 * (length as f32 * bits - MATCH_BITS).max(0.0))
        .sum();
    (saved, coded)
}
