//! Cuts a byte plane into deflate blocks and writes each in the cheaper of two forms: stored as it is, or as
//! literals and matches under a code of its own (RFC 1951, 3.2.4 and 3.2.7).
use super::bits::{BitWriter, Code, LiteralCodes};
use super::counts::{self, Lanes, entropy, is_noise};
use super::huffman;
use super::matches::{self, Match};
use super::symbols::{
    DISTANCES, DistanceCode, END, Header, LITERALS_AND_LENGTHS, distance_code, length_code, pieces_of,
};
use super::trial;

/// Bytes that are looked at together; blocks are whole numbers of them.
const SEGMENT: usize = 8 * 1024;
const _: () = assert!(SEGMENT <= counts::MOST);
/// Longest code of literals and lengths: readers decode up to 11 bits in one step or two, and nothing is lost.
const LIMIT: usize = 12;
const _: () = assert!(LIMIT <= LiteralCodes::MAX_BITS);
/// Bytes are stored unless a code makes them shorter than this share: stored ones are read and written as copies.
/// Of the four planes of floats two are such noise; where planes are fewer, each weighs more.
const WORTH_OF_FLOATS: f32 = 0.95;
const WORTH: f32 = 0.99;
/// Largest stored block (RFC 1951, 3.2.4).
const STORED_BLOCK: usize = 65_535;
/// Bytes a segment may take beyond its own: header of a stored block, the byte that was begun, one split more.
const SEGMENT_OVERHEAD: usize = 12;
/// Farthest match of the format.
const WINDOW: usize = 32 * 1024;

/// Most bytes that `planes` planes of `bytes` bytes in all can take.
pub(super) fn bound(bytes: usize, planes: usize) -> usize {
    bytes + (bytes / SEGMENT + planes + 1) * SEGMENT_OVERHEAD
}

/// Writes blocks; keeps its tables between planes.
#[derive(Default)]
pub(super) struct Blocks {
    matches: Vec<Match>,
    row: usize,
    row_code: DistanceCode,
    worth: f32,
}

/// Bytes that become one block.
#[derive(Clone)]
struct Block {
    start: usize,
    end: usize,
    /// Of literals, end of block and lengths.
    counts: [u32; LITERALS_AND_LENGTHS],
    /// Bits of lengths and distances beside the code.
    extra: u64,
    /// Estimate, in bits.
    cost: f32,
    /// Found to be noise without counting all of it.
    noise: bool,
    /// First of its matches, and their number.
    first_match: usize,
    matches: usize,
}

impl Blocks {
    /// Prepares for `planes` planes of rows of `row` bytes.
    pub(super) fn begin(&mut self, planes: usize, row: usize) {
        self.row = if (2..=WINDOW).contains(&row) { row } else { 0 };
        // Runs alone: some second symbol, so that the code of distances is complete for every reader.
        self.row_code = distance_code(self.row.max(2));
        self.worth = if planes < 4 { WORTH } else { WORTH_OF_FLOATS };
    }

    /// Whether a plane is better left to a search for repetition at any distance.
    pub(super) fn wants_search(&self, plane: &[u8]) -> bool {
        trial::pays(plane, self.row, |window| is_noise(window, self.worth))
    }

    /// Writes `bytes[from..to]`, a plane, whose matches may reach back before `from`.
    pub(super) fn plane(
        &mut self,
        bytes: &[u8],
        from: usize,
        to: usize,
        last: bool,
        out: &mut BitWriter<'_>,
    ) {
        self.matches.clear();
        let mut current: Option<Block> = None;
        let mut start = from;
        while start < to {
            let end = (start + SEGMENT).min(to);
            let segment = self.measure(bytes, start, end);
            start = end;
            current = Some(match current {
                None => segment,
                Some(before) => match before.joined(&segment) {
                    Some(both) => both,
                    None => {
                        self.write(bytes, &before, false, out);
                        segment
                    }
                },
            });
        }
        if let Some(block) = current {
            self.write(bytes, &block, last, out);
        }
    }

    /// Matches and counts of `bytes[start..end]`.
    fn measure(&mut self, bytes: &[u8], start: usize, end: usize) -> Block {
        let first_match = self.matches.len();
        let repeats = self.row > 0 && matches::repeats_above(bytes, start, end, self.row);
        matches::find(bytes, start, end, if repeats { self.row } else { 0 }, &mut self.matches);
        let found = &self.matches[first_match..];
        let matched: usize = found.iter().map(|m| m.length).sum();
        if matched * 64 < end - start && is_noise(&bytes[start..end], self.worth) {
            self.matches.truncate(first_match);
            let counts = [0; LITERALS_AND_LENGTHS];
            return Block { start, end, counts, extra: 0, cost: 0.0, noise: true, first_match, matches: 0 };
        }
        let mut counts = [0; LITERALS_AND_LENGTHS];
        let mut extra = 0;
        let mut lanes = Lanes::default();
        let mut at = start;
        for m in found {
            lanes.count(&bytes[at..m.start]);
            at = m.start + m.length;
            let mut pieces = 0;
            pieces_of(m.length, |piece, times| {
                let (symbol, _, bits) = length_code(piece);
                counts[symbol] += times;
                extra += u64::from(bits * times);
                pieces += u64::from(times);
            });
            extra += pieces * u64::from(1 + if m.above { self.row_code.extra_bits } else { 0 });
        }
        lanes.count(&bytes[at..end]);
        counts[..256].copy_from_slice(&lanes.sum());
        let matches = self.matches.len() - first_match;
        Block { start, end, counts, extra, cost: cost(&counts, extra), noise: false, first_match, matches }
    }

    /// Writes a block, or several where one cannot be so long.
    fn write(&self, bytes: &[u8], block: &Block, last: bool, out: &mut BitWriter<'_>) {
        let here = &bytes[block.start..block.end];
        let plain = (here.len() * 8) as f32;
        if !block.noise && block.cost < self.worth * plain {
            let mut counts = block.counts;
            counts[END] = 1;
            // END is one symbol, and there is a byte or a match: the two that a code needs.
            let lengths = huffman::lengths(&counts, LIMIT);
            // Of the byte before and of the row above, one bit each.
            let mut distances = [0; DISTANCES];
            distances[0] = 1;
            distances[self.row_code.symbol] = 1;
            let header = Header::of(&lengths, &distances);
            let coded: u64 = counts.iter().zip(&lengths).map(|(&n, &l)| u64::from(n) * u64::from(l)).sum();
            let bits = header.bits() + coded + block.extra;
            if bits < here.len() as u64 * 8 {
                header.write(last, out);
                self.write_codes(bytes, block, &huffman::codes(&lengths), out);
                return;
            }
        }
        all_stored(here, last, out);
    }

    fn write_codes(
        &self,
        bytes: &[u8],
        block: &Block,
        codes: &[Code; LITERALS_AND_LENGTHS],
        out: &mut BitWriter<'_>,
    ) {
        let literals = LiteralCodes::new(codes);
        let mut at = block.start;
        for m in &self.matches[block.first_match..block.first_match + block.matches] {
            out.literals(&bytes[at..m.start], &literals);
            at = m.start + m.length;
            pieces_of(m.length, |piece, times| {
                let (symbol, extra, extra_bits) = length_code(piece);
                let code = codes[symbol];
                // Two distances, one bit each: 0 for the lower symbol, which is the byte before.
                let (distance, distance_bits) = match m.above {
                    true => (1 | self.row_code.extra << 1, 1 + self.row_code.extra_bits),
                    false => (0, 1),
                };
                let all = code.bits() | (extra | distance << extra_bits) << code.length();
                for _ in 0..times {
                    out.put(all, code.length() + extra_bits + distance_bits);
                }
            });
        }
        out.literals(&bytes[at..block.end], &literals);
        out.code(codes[END]);
    }
}

impl Block {
    /// Both as one block, where that is no longer than two.
    fn joined(&self, next: &Self) -> Option<Self> {
        if self.noise != next.noise {
            return None;
        }
        let mut both = self.clone();
        both.end = next.end;
        if self.noise {
            return Some(both);
        }
        for (count, more) in both.counts.iter_mut().zip(&next.counts) {
            *count += more;
        }
        both.extra += next.extra;
        both.matches += next.matches;
        both.cost = cost(&both.counts, both.extra);
        (both.cost <= self.cost + next.cost).then_some(both)
    }
}

/// Writes one stored block, of up to 65,535 bytes.
pub(super) fn stored(bytes: &[u8], last: bool, out: &mut BitWriter<'_>) {
    let length = bytes.len() as u16;
    out.put(u64::from(last), 3);
    out.align();
    out.put(u64::from(length) | u64::from(!length) << 16, 32);
    out.bytes(bytes);
}

/// Writes as many stored blocks as `bytes` need, none for none.
pub(super) fn all_stored(bytes: &[u8], last: bool, out: &mut BitWriter<'_>) {
    let blocks = bytes.len().div_ceil(STORED_BLOCK);
    for (i, part) in bytes.chunks(STORED_BLOCK).enumerate() {
        stored(part, last && i + 1 == blocks, out);
    }
}

/// Estimate of a coded block, in bits: entropy, extra bits and the header.
fn cost(counts: &[u32; LITERALS_AND_LENGTHS], extra: u64) -> f32 {
    let (entropy, distinct) = entropy(counts);
    entropy + extra as f32 + 100.0 + 2.5 * distinct
}
