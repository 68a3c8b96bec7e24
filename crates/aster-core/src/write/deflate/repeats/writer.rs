//! Tokens of values in a deflate block: their codes, joined beforehand.
use super::super::bits::{BitWriter, Code, LiteralCodes};
use super::super::symbols::{DISTANCES, Header, LITERALS_AND_LENGTHS, distance_code, length_code};
use super::cutter::{LONGEST, Source, WINDOW};
use super::{SYMBOLS, WIDTH};

/// Lengths up to the longest, rounded up for a cheap remainder.
const LENGTHS: usize = (LONGEST + 1).next_power_of_two();

/// Values that repeat earlier ones, their number above their distance; or one that stands for itself, of length 0.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Token(u32);

const _: () = assert!(WINDOW < 1 << 16);

impl Token {
    #[inline(always)]
    pub(super) fn new(length: usize, distance: usize) -> Self {
        Self((length as u32) << 16 | distance as u32)
    }

    #[inline(always)]
    pub(super) fn parts(self) -> (usize, usize) {
        ((self.0 >> 16) as usize, (self.0 & 0xffff) as usize)
    }
}

/// Symbol of a distance in values.
#[inline(always)]
pub(super) fn symbol_of(distance: usize) -> usize {
    // As a float, one less than the distance in bytes has the symbol in its exponent and first bit of mantissa: what
    // `distance_code` says, in fewer steps.
    let x = (distance * WIDTH - 1) as i32 as f32;
    ((x.to_bits() >> 22) - 254) as usize % SYMBOLS
}

/// Codes of a block, and what its first tokens take.
pub(super) struct Codebook {
    pub(super) header: Header,
    pub(super) tokens: usize,
    pub(super) bits: u64,
    pub(super) literals_and_lengths: [Code; LITERALS_AND_LENGTHS],
    pub(super) distances: [Code; DISTANCES],
}

impl Codebook {
    pub(super) fn bits_a_value(&self, values: usize) -> f32 {
        self.bits as f32 / values.max(1) as f32
    }
}

/// Codes of a block in the forms that writing tokens needs: bits, and their number in the low byte.
pub(super) struct TokenWriter {
    literals: LiteralCodes,
    lengths: [u64; LENGTHS],
    /// By distance in values, less one.
    distances: Box<[u64; WINDOW]>,
    /// Most matches are of one value: its length and distance joined.
    ones: Box<[u64; WINDOW]>,
}

impl TokenWriter {
    pub(super) fn new(book: &Codebook) -> Self {
        let mut lengths = [0; LENGTHS];
        for (length, joined) in lengths.iter_mut().enumerate().take(LONGEST + 1).skip(1) {
            let (symbol, extra, bits) = length_code(length * WIDTH);
            *joined = joined_code(book.literals_and_lengths[symbol], extra, bits);
        }
        let mut distances = Box::new([0; WINDOW]);
        let mut place = 0;
        // Distances of one symbol are neighbours: their extra bits count up by the bytes of a value.
        while let Some(first) = distances.get_mut(place) {
            let code = distance_code((place + 1) * WIDTH);
            *first = joined_code(book.distances[code.symbol], code.extra, code.extra_bits);
            let shift = 8 + book.distances[code.symbol].length();
            let (first, alike) = (*first, ((1 << code.extra_bits) - code.extra as usize).div_ceil(WIDTH));
            for (more, distance) in (0u64..).zip(distances.iter_mut().skip(place).take(alike)) {
                *distance = first + ((more * WIDTH as u64) << shift);
            }
            place += alike;
        }
        let mut ones = distances.clone();
        for distance in ones.iter_mut() {
            *distance = joined(lengths[1], *distance);
        }
        Self { literals: LiteralCodes::new(&book.literals_and_lengths), lengths, distances, ones }
    }

    /// Bits of a token and their number; `at` is the place of its first value.
    #[inline(always)]
    pub(super) fn join<S: Source>(&self, length: usize, distance: usize, source: S, at: usize) -> (u64, u32) {
        if length == 0 {
            return source.items().get(at).map_or((0, 0), |&item| self.literals.quad(source.value(item)));
        }
        let place = distance.wrapping_sub(1) % WINDOW;
        let all = match length {
            1 => self.ones[place],
            _ => joined(self.lengths[length % LENGTHS], self.distances[place]),
        };
        (all >> 8, (all & 0xff) as u32)
    }

    /// Tokens of values from `at` on.
    pub(super) fn tokens<S: Source>(
        &self,
        source: S,
        mut at: usize,
        tokens: &[Token],
        out: &mut BitWriter<'_>,
    ) {
        out.put_all(tokens.iter().map(|token| {
            let (length, distance) = token.parts();
            let joined = self.join(length, distance, source, at);
            at += length.max(1);
            joined
        }));
    }
}

/// A code with extra bits after it.
fn joined_code(code: Code, extra: u64, extra_bits: u32) -> u64 {
    (code.bits() | extra << code.length()) << 8 | u64::from(code.length() + extra_bits)
}

/// Two of them, the first one first.
fn joined(first: u64, second: u64) -> u64 {
    let (count, more) = (first & 0xff, second & 0xff);
    ((first >> 8) | (second >> 8) << count) << 8 | (count + more)
}
