//! Symbols of match lengths and distances, and the header that sends their codes (RFC 1951, 3.2.5 and 3.2.7).
use super::bits::BitWriter;
use super::huffman;

/// Literals, end of block and lengths.
pub(super) const LITERALS_AND_LENGTHS: usize = huffman::MAX_SYMBOLS;
/// End of block.
pub(super) const END: usize = 256;
/// Distances.
pub(super) const DISTANCES: usize = 30;
/// Longest match.
const LONGEST: usize = 258;

/// How a distance is coded: symbol, extra bits, their number.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct DistanceCode {
    pub(super) symbol: usize,
    pub(super) extra: u64,
    pub(super) extra_bits: u32,
}

/// Cuts a match into pieces of 3 to 258 bytes: calls `piece` with length and number.
pub(super) fn pieces_of(length: usize, mut piece: impl FnMut(usize, u32)) {
    let (full, rest) = (length / LONGEST, length % LONGEST);
    match (full, rest) {
        (_, 0) => piece(LONGEST, full as u32),
        // Nothing is shorter than 3: the last full piece gives some away.
        (1.., 1 | 2) => {
            piece(LONGEST, full as u32 - 1);
            piece(LONGEST - 3 + rest, 1);
            piece(3, 1);
        }
        _ => {
            piece(LONGEST, full as u32);
            piece(rest, 1);
        }
    }
}

/// Symbol, extra bits and their number of a match length (RFC 1951, 3.2.5).
pub(super) fn length_code(length: usize) -> (usize, u64, u32) {
    if length == LONGEST {
        return (285, 0, 0);
    }
    let x = length - 3;
    if x < 8 {
        return (257 + x, 0, 0);
    }
    let bits = x.ilog2() - 2;
    (257 + 4 * bits as usize + (x >> bits), (x & ((1 << bits) - 1)) as u64, bits)
}

/// As `length_code`, of a distance of 1 to 32 768.
#[inline]
pub(super) fn distance_code(distance: usize) -> DistanceCode {
    let x = distance.max(1) - 1;
    if x < 2 {
        return DistanceCode { symbol: x, extra: 0, extra_bits: 0 };
    }
    let bits = x.ilog2() - 1;
    DistanceCode {
        symbol: 2 * bits as usize + (x >> bits),
        extra: (x & ((1 << bits) - 1)) as u64,
        extra_bits: bits,
    }
}

/// Order in which the lengths of the code of code lengths are sent (RFC 1951, 3.2.7).
const ORDER: [usize; 19] = [16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15];

/// The header of a dynamic block, ready to be written.
pub(super) struct Header {
    literals: usize,
    distances: usize,
    /// Symbol, extra bits, their number.
    items: Vec<(u8, u8, u8)>,
    lengths: [u8; 19],
    sent: usize,
}

impl Header {
    /// Of codes of these lengths: literals and lengths, and distances, two of them at least.
    pub(super) fn of(lengths: &[u8; LITERALS_AND_LENGTHS], distance_lengths: &[u8; DISTANCES]) -> Self {
        let literals = lengths.iter().rposition(|&l| l > 0).map_or(257, |i| (i + 1).max(257));
        let distances = distance_lengths.iter().rposition(|&l| l > 0).map_or(1, |i| i + 1);
        let mut sequence = [0u8; LITERALS_AND_LENGTHS + DISTANCES];
        sequence[..literals].copy_from_slice(&lengths[..literals]);
        sequence[literals..literals + distances].copy_from_slice(&distance_lengths[..distances]);
        let items = run_lengths(&sequence[..literals + distances]);
        let mut counts = [0u32; 19];
        for &(symbol, ..) in &items {
            counts[usize::from(symbol)] += 1;
        }
        let lengths = huffman::lengths(&counts, 7);
        let sent = ORDER.iter().rposition(|&i| lengths[i] > 0).map_or(4, |i| (i + 1).max(4));
        Self { literals, distances, items, lengths, sent }
    }

    /// Bits that [`Self::write`] takes.
    pub(super) fn bits(&self) -> u64 {
        let items = self.items.iter().map(|&(s, _, bits)| u64::from(self.lengths[usize::from(s)] + bits));
        3 + 5 + 5 + 4 + 3 * self.sent as u64 + items.sum::<u64>()
    }

    pub(super) fn write(&self, last: bool, out: &mut BitWriter<'_>) {
        out.put(u64::from(last) | 2 << 1, 3);
        out.put((self.literals - 257) as u64, 5);
        out.put((self.distances - 1) as u64, 5);
        out.put((self.sent - 4) as u64, 4);
        for &i in &ORDER[..self.sent] {
            out.put(u64::from(self.lengths[i]), 3);
        }
        let codes = huffman::codes(&self.lengths);
        for &(symbol, extra, bits) in &self.items {
            out.code(codes[usize::from(symbol)]);
            out.put(u64::from(extra), u32::from(bits));
        }
    }
}

/// Code lengths as symbols 0 to 18 with extra bits and their number: 16 repeats the last one, 17 and 18 zeros.
fn run_lengths(lengths: &[u8]) -> Vec<(u8, u8, u8)> {
    let mut items = Vec::with_capacity(lengths.len());
    for equal in lengths.chunk_by(|a, b| a == b) {
        let value = equal[0];
        let mut left = equal.len();
        if value != 0 {
            items.push((value, 0, 0));
            left -= 1;
        }
        while left > 0 {
            let (symbol, least, most, bits) = match (value, left) {
                (0, 11..) => (18, 11, 138, 7),
                (0, 3..) => (17, 3, 10, 3),
                (1.., 3..) => (16, 3, 6, 2),
                _ => {
                    items.push((value, 0, 0));
                    left -= 1;
                    continue;
                }
            };
            let taken = left.min(most);
            items.push((symbol, (taken - least) as u8, bits));
            left -= taken;
        }
    }
    items
}
