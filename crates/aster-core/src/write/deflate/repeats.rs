//! Writes few different values that come again and again: whole values of four bytes are matched where they stood last,
//! wherever that was in deflate's window. Nothing is shuffled.
use super::bits::{BitWriter, Code, LiteralCodes};
use super::block::all_stored;
use super::counts::{Lanes, is_noise};
use super::huffman;
use super::symbols::{DISTANCES, END, Header, LITERALS_AND_LENGTHS, length_code};

/// Bytes of a value.
pub(super) const WIDTH: usize = 4;
/// Tokens of a block, and values of one without matches: each has codes of its own.
const BLOCK: usize = 16 * 1024;
/// Farthest match of the format, in values.
const WINDOW: usize = 32 * 1024 / WIDTH;
/// Longest match of whole values.
const LONGEST: usize = 258 / WIDTH;
/// Lengths up to the longest, rounded up for a cheap remainder.
const LENGTHS: usize = (LONGEST + 1).next_power_of_two();
/// Places that are remembered, by a hash of the value.
const TABLE_BITS: u32 = 15;
/// Longest codes: as in planes, for readers; length, distance and their extra bits fit into one call of the writer.
const LIMIT: usize = 12;
const _: () = assert!(LIMIT <= LiteralCodes::MAX_BITS && 2 * LIMIT + 5 + 13 <= 56);
/// Values that were new after which their share decides: in the first block every different value is new once.
const FIRST_PROBE: u32 = 4096;
const PROBE: u32 = 1024;
/// Share of new values from which on matching is not worth its time.
const MOST_NEW: f32 = 0.5;
/// Values that do not repeat are stored unless a code of their bytes makes them shorter than this share: bytes of all weights
/// together gain little, and the code takes longer than that of planes would.
const WORTH: f32 = 0.8;
/// Groups of equal values in a block and the row above that make looking there worth its time.
const ABOVE: usize = 16;
/// Bytes that a block may take beyond its own: two stored blocks and the byte that was begun.
const OVERHEAD: usize = 16;
/// Symbols of distances, and two that do not occur: every five bits are one.
const SYMBOLS: usize = 32;

type Value = [u8; WIDTH];

/// Most bytes that so many take.
pub(super) fn bound(bytes: usize) -> usize {
    bytes + (bytes / (BLOCK * WIDTH) + 1) * OVERHEAD
}

/// Values that stand for themselves, or repeat earlier ones: one less than the distance in the low bits, then the
/// symbol of the distance, then the number of values, 0 for one that stands for itself.
#[derive(Debug, Clone, Copy, Default)]
struct Token(u32);

const _: () = assert!(WINDOW <= 1 << Token::SYMBOL && SYMBOLS == 1 << (Token::LENGTH - Token::SYMBOL));

impl Token {
    const SYMBOL: u32 = 13;
    const LENGTH: u32 = 18;

    #[inline]
    fn repeat(length: usize, distance: usize) -> Self {
        // As a float, one less than the distance in bytes has the symbol in its exponent and first bit of mantissa:
        // what `distance_code` says, in fewer steps.
        let x = (distance * WIDTH - 1) as i32 as f32;
        let symbol = (x.to_bits() >> 22) - 254;
        Self((distance - 1) as u32 | symbol << Self::SYMBOL | (length as u32) << Self::LENGTH)
    }

    #[inline]
    fn length(self) -> usize {
        (self.0 >> Self::LENGTH) as usize
    }

    #[inline]
    fn symbol(self) -> usize {
        (self.0 >> Self::SYMBOL & 31) as usize
    }

    /// One less than the distance in bytes.
    #[inline]
    fn distance_less_one(self) -> u64 {
        u64::from(self.0 & ((1 << Self::SYMBOL) - 1)) * WIDTH as u64 + (WIDTH as u64 - 1)
    }
}

/// Writes blocks of values; keeps its tables between chunks.
#[derive(Default)]
pub(super) struct Repeats {
    /// By the hash of a value, the low bits of its last place.
    last: Vec<u16>,
    tokens: Vec<Token>,
    counts: Counts,
}

/// A block that was cut into tokens.
#[derive(Clone, Copy)]
struct Found {
    tokens: usize,
    /// End of its values.
    end: usize,
}

/// How often the symbols of a block occur.
struct Counts {
    literals_and_lengths: [u32; LITERALS_AND_LENGTHS],
    distances: [u32; SYMBOLS],
    /// Bits beside the codes of lengths.
    extra: u64,
}

impl Default for Counts {
    fn default() -> Self {
        Self { literals_and_lengths: [0; LITERALS_AND_LENGTHS], distances: [0; SYMBOLS], extra: 0 }
    }
}

impl Repeats {
    /// Writes all of `bytes`, values of a raster whose rows are `row` values long.
    pub(super) fn write(&mut self, bytes: &[u8], row: usize, out: &mut BitWriter<'_>) {
        let values = bytes.as_chunks::<WIDTH>().0;
        self.last.clear();
        self.last.resize(1 << TABLE_BITS, 0);
        self.tokens.resize(BLOCK, Token::default());
        let mut start = 0;
        while start < values.len() {
            let ahead = (start + BLOCK).min(values.len());
            let above = (2..=WINDOW).contains(&row) && repeats_above(&values[..ahead], start, row);
            let found = self.find(values, start, if above { row } else { 0 });
            let end = found.map_or(ahead, |found| found.end);
            let last = end == values.len();
            let here = &values[start..end];
            let written = match found {
                Some(found) => self.matched(here, found.tokens, last, out),
                None => literals_alone(here.as_flattened(), last, out),
            };
            if !written {
                all_stored(here.as_flattened(), last, out);
            }
            start = end;
        }
    }

    /// Cuts values from `start` on into tokens, as many as a block has, and counts their symbols; nothing where values do not
    /// repeat. `row` is the distance of the row above, 0 to leave it out.
    fn find(&mut self, values: &[Value], start: usize, row: usize) -> Option<Found> {
        self.counts = Counts::default();
        let Counts { literals_and_lengths, distances, extra } = &mut self.counts;
        let last = self.last.first_chunk_mut::<{ 1 << TABLE_BITS }>()?;
        let mut lengths = [0u32; LONGEST + 1];
        let probe = if start == 0 { FIRST_PROBE } else { PROBE };
        let (mut at, mut new, mut tokens) = (start, 0, 0);
        for token in &mut self.tokens {
            let Some(&value) = values.get(at) else { break };
            tokens += 1;
            // Two values at once: the second tells whether a match goes on. After the last there is none to tell.
            let two = pair(values, at).unwrap_or(u64::from(u32::from_le_bytes(value)));
            let place = &mut last[hash(two as u32)];
            let mut distance = usize::from((at as u16).wrapping_sub(*place));
            *place = at as u16;
            let differ = pair(values, at.wrapping_sub(distance)).map_or(1, |before| two ^ before);
            if differ as u32 != 0 || distance.wrapping_sub(1) >= WINDOW {
                for byte in value {
                    literals_and_lengths[usize::from(byte)] += 1;
                }
                *token = Token(0);
                at += 1;
                new += 1;
                if new == probe && new as f32 > MOST_NEW * (at - start) as f32 {
                    // The next block may find what is passed over here.
                    let end = (start + BLOCK).min(values.len());
                    for at in at.max(end.saturating_sub(WINDOW))..end {
                        last[hash(u32::from_le_bytes(values[at]))] = at as u16;
                    }
                    return None;
                }
                continue;
            }
            let mut length = if differ == 0 { agreeing(values, at, distance) } else { 1 };
            if row > 0 && row <= at && values[at - row] == value {
                let above = agreeing(values, at, row);
                if above > length {
                    (length, distance) = (above, row);
                }
            }
            *token = Token::repeat(length, distance);
            distances[token.symbol()] += 1;
            at += length;
            if length > 1 {
                lengths[length] += 1;
                // Of what was passed over the last value is remembered: the others are as near in the source.
                last[hash(u32::from_le_bytes(values[at - 1]))] = (at - 1) as u16;
            }
        }
        lengths[1] = tokens - new - lengths.iter().sum::<u32>();
        for (length, &n) in lengths.iter().enumerate().skip(1) {
            let (symbol, _, bits) = length_code(length * WIDTH);
            literals_and_lengths[symbol] += n;
            *extra += u64::from(n * bits);
        }
        Some(Found { tokens: tokens as usize, end: at })
    }

    /// Writes the tokens of `values`, unless that is no shorter than they are.
    fn matched(&mut self, values: &[Value], tokens: usize, last: bool, out: &mut BitWriter<'_>) -> bool {
        let Counts { literals_and_lengths, distances, extra } = &mut self.counts;
        literals_and_lengths[END] = 1;
        // A code needs two symbols.
        for symbol in [3, 5] {
            distances[symbol] = distances[symbol].max(1);
        }
        let lengths = huffman::lengths(literals_and_lengths, LIMIT);
        let distances = distances.first_chunk::<DISTANCES>().unwrap_or(&[1; DISTANCES]);
        let distance_lengths = huffman::lengths(distances, LIMIT);
        let header = Header::of(&lengths, &distance_lengths);
        let extra_of_distances: u64 =
            (0..).zip(distances).map(|(symbol, &n)| u64::from(n * extra_bits(symbol))).sum();
        let coded = sum(literals_and_lengths, &lengths) + sum(distances, &distance_lengths);
        let bits = header.bits() + coded + *extra + extra_of_distances;
        if bits >= (values.len() * WIDTH * 8) as u64 {
            return false;
        }
        header.write(last, out);
        let codes = huffman::codes(&lengths);
        let distance_codes = huffman::codes(&distance_lengths);
        write_tokens(values, &self.tokens[..tokens], &codes, &distance_codes, out);
        out.code(codes[END]);
        true
    }
}

fn write_tokens(
    values: &[Value],
    tokens: &[Token],
    codes: &[Code; LITERALS_AND_LENGTHS],
    distance_codes: &[Code; DISTANCES],
    out: &mut BitWriter<'_>,
) {
    let literals = LiteralCodes::new(codes);
    let mut lengths = [(0u64, 0u32); LENGTHS];
    for (length, joined) in lengths.iter_mut().enumerate().take(LONGEST + 1).skip(1) {
        let (symbol, extra, bits) = length_code(length * WIDTH);
        let code = codes[symbol];
        *joined = (code.bits() | extra << code.length(), code.length() + bits);
    }
    let mut distances = [Distance::default(); SYMBOLS];
    for ((symbol, code), distance) in (0..).zip(distance_codes).zip(&mut distances) {
        let extra = extra_bits(symbol);
        let (bits, length) = (code.bits(), code.length());
        *distance = Distance { bits, mask: (1 << extra) - 1, length, whole: length + extra };
    }
    // Most matches are of one value: its length and distance joined.
    let (one_bits, one_length) = lengths[1];
    let ones = distances.map(|d| Distance {
        bits: one_bits | d.bits << one_length,
        mask: d.mask,
        length: one_length + d.length,
        whole: one_length + d.whole,
    });
    let mut at = 0;
    out.put_all(tokens.iter().map(|&token| {
        let length = token.length();
        if length == 1 {
            at += 1;
            return ones[token.symbol()].with(token);
        }
        if length == 0 {
            at += 1;
            return values.get(at - 1).map_or((0, 0), |&value| literals.quad(value));
        }
        at += length;
        let (bits, count) = lengths[length % LENGTHS];
        let (distance, more) = distances[token.symbol()].with(token);
        (bits | distance << count, count + more)
    }));
}

/// Code of a distance, extra bits to come.
#[derive(Debug, Clone, Copy, Default)]
struct Distance {
    bits: u64,
    /// Of the extra bits.
    mask: u64,
    length: u32,
    /// With extra bits.
    whole: u32,
}

impl Distance {
    /// With the extra bits of a token: bits and their number.
    #[inline]
    fn with(self, token: Token) -> (u64, u32) {
        (self.bits | (token.distance_less_one() & self.mask) << (self.length & 63), self.whole)
    }
}

/// Writes a code of single bytes, unless that is not much shorter than the bytes.
fn literals_alone(bytes: &[u8], last: bool, out: &mut BitWriter<'_>) -> bool {
    if is_noise(bytes, WORTH) {
        return false;
    }
    let mut counts = [0u32; LITERALS_AND_LENGTHS];
    for part in bytes.chunks(super::counts::MOST) {
        let mut lanes = Lanes::default();
        lanes.count(part);
        for (count, more) in counts.iter_mut().zip(lanes.sum()) {
            *count += more;
        }
    }
    counts[END] = 1;
    let lengths = huffman::lengths(&counts, LIMIT);
    let mut distances = [0; DISTANCES];
    distances[..2].fill(1);
    let header = Header::of(&lengths, &distances);
    if (header.bits() + sum(&counts, &lengths)) as f32 >= WORTH * (bytes.len() * 8) as f32 {
        return false;
    }
    header.write(last, out);
    let codes = huffman::codes(&lengths);
    out.literals(bytes, &LiteralCodes::new(&codes));
    out.code(codes[END]);
    true
}

/// Values `at` and the next as one number, the first in the low half.
#[inline]
fn pair(values: &[Value], at: usize) -> Option<u64> {
    let two = values.get(at..)?.first_chunk::<2>()?;
    Some(u64::from(u32::from_le_bytes(two[0])) | u64::from(u32::from_le_bytes(two[1])) << 32)
}

/// Knuth's multiplicative hash.
#[inline]
fn hash(value: u32) -> usize {
    (value.wrapping_mul(0x9E37_79B1) >> (32 - TABLE_BITS)) as usize
}

fn sum<const N: usize>(counts: &[u32; N], lengths: &[u8; N]) -> u64 {
    counts.iter().zip(lengths).map(|(&n, &l)| u64::from(n) * u64::from(l)).sum()
}

/// Extra bits of a distance's symbol.
fn extra_bits(symbol: u32) -> u32 {
    (symbol / 2).saturating_sub(1)
}

/// How many values from `at` on equal those `distance` before; the first is known to, the others are counted up to
/// the longest match.
fn agreeing(values: &[Value], at: usize, distance: usize) -> usize {
    let here = &values[at..];
    let there = &values[at - distance..];
    here.iter().zip(there).take(LONGEST).take_while(|(a, b)| a == b).count()
}

/// Whether the row above is repeated here and there: a sixteenth of the values is looked at.
fn repeats_above(values: &[Value], start: usize, row: usize) -> bool {
    let from = start.max(row);
    let Some(here) = values.get(from..) else { return false };
    let equal = here
        .chunks(64)
        .zip(values[from - row..].chunks(64))
        .map(|(here, there)| here.iter().zip(there).take(4).all(|(a, b)| a == b));
    equal.filter(|&e| e).count() >= ABOVE
}

#[cfg(test)]
mod tests;
