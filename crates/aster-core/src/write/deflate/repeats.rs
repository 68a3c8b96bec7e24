//! Writes few different values that come again and again: whole values of four bytes are matched where they stood last,
//! wherever that was in deflate's window. Nothing is shuffled.
mod cutter;
#[cfg(test)]
mod tests;
mod writer;

use super::bits::{BitWriter, LiteralCodes};
use super::block::all_stored;
use super::counts::{Lanes, is_noise};
use super::huffman;
use super::symbols::{DISTANCES, END, Header, LITERALS_AND_LENGTHS, length_code};
use cutter::{Cutter, LONGEST, SLOTS, WINDOW};
pub(super) use cutter::{Looked, Source, Whole};
use writer::{Codebook, Token, TokenWriter, symbol_of};

/// Bytes of a value.
pub(super) const WIDTH: usize = 4;
pub(super) type Value = [u8; WIDTH];

/// Tokens of a block, and values of one without matches: each has codes of its own.
const BLOCK: usize = 16 * 1024;
/// Values that follow the tokens of a block and are written with its codes, unseen.
const MOST_ON: usize = 7 * BLOCK;
/// Values after which it is asked whether the codes still fit.
const STRETCH: usize = 2048;
/// They do not where values take so many times the bits of those that the codes were made for.
const STALE: f32 = 1.1;
/// Symbol of the least distance, one value.
const FIRST_DISTANCE: usize = 3;
/// Longest codes: as in planes, for readers; length, distance and their extra bits fit into one call of the writer.
const LIMIT: usize = 12;
const _: () = assert!(LIMIT <= LiteralCodes::MAX_BITS && 2 * LIMIT + 5 + 13 <= 48);
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
/// Bytes that a block may take beyond its own: two stored blocks and the byte that was begun, and a stretch of values whose
/// codes are longer than they are.
const OVERHEAD: usize = 16 + STRETCH * WIDTH / 2 + LONGEST * WIDTH;
/// Symbols of distances, and two that do not occur: every five bits are one.
const SYMBOLS: usize = 32;

/// Most bytes that so many take.
pub(super) fn bound(bytes: usize) -> usize {
    bytes + (bytes / (BLOCK * WIDTH) + 1) * OVERHEAD
}

/// What is written.
#[derive(Clone, Copy)]
struct Raster<S: Source> {
    source: S,
    /// Distance of the row above, 0 to leave it out.
    row: usize,
}

/// Writes blocks of values; keeps its tables between chunks.
#[derive(Default)]
pub(super) struct Repeats {
    /// By slot, the low bits of the last place of a value.
    last: Vec<u16>,
    tokens: Vec<Token>,
    counts: Counts,
    room: Vec<u8>,
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
    /// Writes all values of `source`, a raster whose rows are `row` values long, and ends the stream.
    pub(super) fn write<S: Source>(&mut self, source: S, row: usize, out: &mut BitWriter<'_>) {
        let items = source.items();
        self.last.clear();
        self.last.resize(SLOTS, 0);
        self.tokens.resize(BLOCK, Token::default());
        let mut start = 0;
        while start < items.len() {
            let ahead = (start + BLOCK).min(items.len());
            let above = (2..=WINDOW).contains(&row) && repeats_above(&items[..ahead], start, row);
            let raster = Raster { source, row: if above { row } else { 0 } };
            let found = self.find(raster, start);
            let end = found.map_or(ahead, |found| found.end);
            let here = start..end;
            start = match found.and_then(|found| self.codes(found.tokens, here.len())) {
                Some(codes) => {
                    codes.header.write(false, out);
                    let writer = TokenWriter::new(&codes);
                    writer.tokens(source, here.start, &self.tokens[..codes.tokens], out);
                    let end = self.go_on(raster, end, &writer, codes.bits_a_value(here.len()), out);
                    out.code(codes.literals_and_lengths[END]);
                    end
                }
                None => {
                    let bytes = source.bytes(here, &mut self.room);
                    if found.is_some() || !literals_alone(bytes, out) {
                        all_stored(bytes, false, out);
                    }
                    end
                }
            };
        }
        // An empty block of fixed codes: whatever came before, the stream ends here.
        out.put(1 | 1 << 1, 3 + 7);
    }

    /// Cuts values from `start` on into tokens, as many as a block has, and counts their symbols; nothing where values do not
    /// repeat.
    fn find<S: Source>(&mut self, raster: Raster<S>, start: usize) -> Option<Found> {
        let Raster { source, row } = raster;
        let items = source.items();
        self.counts = Counts::default();
        let Counts { literals_and_lengths, distances, extra } = &mut self.counts;
        let mut cutter = Cutter::<S>::new(items, self.last.first_chunk_mut()?, row);
        let mut lengths = [0u32; LONGEST + 1];
        let probe = if start == 0 { FIRST_PROBE } else { PROBE };
        let (mut at, mut new, mut tokens) = (start, 0, 0);
        for token in &mut self.tokens {
            let Some((length, distance)) = cutter.next(at) else { break };
            tokens += 1;
            *token = Token::new(length, distance);
            if length == 0 {
                for byte in source.value(items[at]) {
                    literals_and_lengths[usize::from(byte)] += 1;
                }
                at += 1;
                new += 1;
                if new == probe && new as f32 > MOST_NEW * (at - start) as f32 {
                    // The next block may find what is passed over here.
                    let end = (start + BLOCK).min(items.len());
                    let first = at.max(end.saturating_sub(WINDOW));
                    for (at, &item) in items.iter().enumerate().take(end).skip(first) {
                        self.last[S::slot(item)] = at as u16;
                    }
                    return None;
                }
                continue;
            }
            distances[symbol_of(distance)] += 1;
            at += length;
            lengths[length] += 1;
        }
        for (length, &n) in lengths.iter().enumerate().skip(1) {
            let (symbol, _, bits) = length_code(length * WIDTH);
            literals_and_lengths[symbol] += n;
            *extra += u64::from(n * bits);
        }
        Some(Found { tokens: tokens as usize, end: at })
    }

    /// Codes for the tokens of so many values, and for all that may follow in the same block; nothing when they would be no shorter
    /// than the values.
    fn codes(&mut self, tokens: usize, values: usize) -> Option<Codebook> {
        let Counts { literals_and_lengths, distances, extra } = &mut self.counts;
        // What has not come may come yet. A code needs two symbols.
        for count in literals_and_lengths.iter_mut().take(END + 1) {
            *count = (*count).max(1);
        }
        for length in 1..=LONGEST {
            let count = &mut literals_and_lengths[length_code(length * WIDTH).0];
            *count = (*count).max(1);
        }
        for count in distances.iter_mut().take(DISTANCES).skip(FIRST_DISTANCE) {
            *count = (*count).max(1);
        }
        let lengths = huffman::lengths(literals_and_lengths, LIMIT);
        let distances = distances.first_chunk::<DISTANCES>().unwrap_or(&[1; DISTANCES]);
        let distance_lengths = huffman::lengths(distances, LIMIT);
        let header = Header::of(&lengths, &distance_lengths);
        let extra_of_distances: u64 =
            (0..).zip(distances).map(|(symbol, &n)| u64::from(n * extra_bits(symbol))).sum();
        let coded = sum(literals_and_lengths, &lengths) + sum(distances, &distance_lengths);
        let bits = coded + *extra + extra_of_distances;
        if header.bits() + bits >= (values * WIDTH * 8) as u64 {
            return None;
        }
        Some(Codebook {
            header,
            tokens,
            bits,
            literals_and_lengths: huffman::codes(&lengths),
            distances: huffman::codes(&distance_lengths),
        })
    }

    /// Writes values from `start` on with the codes of those before, as long as these fit them; returns where it ended.
    /// `usual` is the number of bits that a value takes where they do.
    fn go_on<S: Source>(
        &mut self,
        raster: Raster<S>,
        start: usize,
        writer: &TokenWriter,
        usual: f32,
        out: &mut BitWriter<'_>,
    ) -> usize {
        let Raster { source, row } = raster;
        let items = source.items();
        let most = start + MOST_ON;
        let mut at = start;
        while at < items.len() && at < most {
            let Some(last) = self.last.first_chunk_mut() else { break };
            let mut cutter = Cutter::<S>::new(items, last, row);
            let (from, to) = (at, (at + STRETCH).min(items.len()));
            let before = out.bits_written();
            out.put_all(std::iter::from_fn(|| {
                if at >= to {
                    return None;
                }
                let (length, distance) = cutter.next(at)?;
                let joined = writer.join(length, distance, source, at);
                at += length.max(1);
                Some(joined)
            }));
            let taken = (out.bits_written() - before) as f32 / (at - from) as f32;
            if taken > usual * STALE || taken >= (8 * WIDTH) as f32 {
                break;
            }
        }
        at
    }
}

/// Writes a code of single bytes, unless that is not much shorter than the bytes.
fn literals_alone(bytes: &[u8], out: &mut BitWriter<'_>) -> bool {
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
    header.write(false, out);
    let codes = huffman::codes(&lengths);
    out.literals(bytes, &LiteralCodes::new(&codes));
    out.code(codes[END]);
    true
}

fn sum<const N: usize>(counts: &[u32; N], lengths: &[u8; N]) -> u64 {
    counts.iter().zip(lengths).map(|(&n, &l)| u64::from(n) * u64::from(l)).sum()
}

/// Extra bits of a distance's symbol.
fn extra_bits(symbol: u32) -> u32 {
    (symbol / 2).saturating_sub(1)
}

/// Whether the row above is repeated here and there: a sixteenth of the items is looked at.
fn repeats_above<T: Eq>(items: &[T], start: usize, row: usize) -> bool {
    let from = start.max(row);
    let Some(here) = items.get(from..) else { return false };
    let equal = here
        .chunks(64)
        .zip(items[from - row..].chunks(64))
        .map(|(here, there)| here.iter().zip(there).take(4).all(|(a, b)| a == b));
    equal.filter(|&e| e).count() >= ABOVE
}
