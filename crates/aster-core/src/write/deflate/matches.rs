//! Finds repeated bytes where rasters repeat: the byte before (runs of fill, of exponents) and the byte above
//! (coarse bands on a fine grid).

/// Least length that is looked for: shorter ones cost as much as their bytes.
const MIN_LENGTH: usize = 4;
/// Bytes that are tested at once; most groups of noise hold no match.
const GROUP: usize = 32;
/// Bytes that are compared at once within a group.
const WORD: usize = 8;
/// Places of a word where a whole match of least length can begin.
const PLACES: usize = WORD - MIN_LENGTH + 1;

/// Bytes that repeat earlier ones.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Match {
    pub(super) start: usize,
    pub(super) length: usize,
    /// They repeat the row above, not the byte before.
    pub(super) above: bool,
}

/// Appends matches of `bytes[from..to]`, in order, without overlap; sources may lie before `from`. `row` is the
/// distance of the byte above, 0 to look for runs only. Matches of four bytes may be missed.
pub(super) fn find(bytes: &[u8], from: usize, to: usize, row: usize, found: &mut Vec<Match>) {
    let bytes = &bytes[..to];
    let mut at = from.max(1);
    while at + WORD <= to {
        // Without a row above, the byte before stands for it: the same answer twice.
        let above = if row > 0 && at >= row { row } else { 1 };
        if !group_agrees(bytes, at, at - 1) && (above == 1 || !group_agrees(bytes, at, at - above)) {
            at += GROUP;
            continue;
        }
        let end = at + GROUP;
        while at < end && at + WORD <= to {
            let here = word(bytes, at);
            let runs = quads(here ^ word(bytes, at - 1));
            let repeats = quads(here ^ word(bytes, at - above));
            let either = runs | repeats;
            if either == 0 {
                at += PLACES;
                continue;
            }
            at += (either.trailing_zeros() / 8) as usize;
            let run = agreeing(bytes, at, at - 1);
            let length = if above > 1 { run.max(agreeing(bytes, at, at - above)) } else { run };
            found.push(Match { start: at, length, above: length > run });
            at += length;
        }
    }
}

/// Whether a few places of `bytes[from..to]` repeat the row above: what [`find`] takes `row` for.
pub(super) fn repeats_above(bytes: &[u8], from: usize, to: usize, row: usize) -> bool {
    const PROBES: usize = 12;
    let Some(room) = (to - from).checked_sub(GROUP + 2) else {
        return true;
    };
    // Steps of the golden section meet every row and column alike, whatever the length of rows.
    let step = (room as f64 * 0.618) as usize | 1;
    (0..PROBES).any(|i| {
        let at = from + i * step % (room + 1);
        at >= row && group_agrees(bytes, at, at - row)
    })
}

/// Whether four bytes from an even place on agree, anywhere in the group; vector code.
#[inline]
fn group_agrees(bytes: &[u8], at: usize, source: usize) -> bool {
    const WIDTH: usize = GROUP + 2;
    let (Some(here), Some(there)) =
        (bytes[at..].first_chunk::<WIDTH>(), bytes[source..].first_chunk::<WIDTH>())
    else {
        return true;
    };
    let mut any = 0u32;
    for shift in [0, 2] {
        let (here, there) = (here[shift..].as_chunks::<4>().0, there[shift..].as_chunks::<4>().0);
        for (a, b) in here.iter().zip(there) {
            any |= u32::from(u32::from_le_bytes(*a) == u32::from_le_bytes(*b));
        }
    }
    any != 0
}

/// Eight bytes from `at` on; 0 beyond the end, where nobody asks.
#[inline]
fn word(bytes: &[u8], at: usize) -> u64 {
    bytes.get(at..).and_then(|rest| rest.first_chunk()).map_or(0, |bytes| u64::from_le_bytes(*bytes))
}

/// The top bit of each byte from which four bytes in a row are zero.
#[inline]
fn quads(x: u64) -> u64 {
    const LOW: u64 = 0x7f7f_7f7f_7f7f_7f7f;
    let zero = !(((x & LOW) + LOW) | x | LOW);
    let two = zero & zero >> 8;
    two & two >> 16
}

/// How many bytes from `at` on equal those from `source` on, which lies before.
#[inline]
fn agreeing(bytes: &[u8], at: usize, source: usize) -> usize {
    let here = &bytes[at..];
    let there = &bytes[source..source + here.len()];
    let mut length = 0;
    for (a, b) in here.as_chunks::<WORD>().0.iter().zip(there.as_chunks::<WORD>().0) {
        let differ = u64::from_le_bytes(*a) ^ u64::from_le_bytes(*b);
        if differ != 0 {
            return length + (differ.trailing_zeros() / 8) as usize;
        }
        length += WORD;
    }
    length + here[length..].iter().zip(&there[length..]).take_while(|(a, b)| a == b).count()
}
