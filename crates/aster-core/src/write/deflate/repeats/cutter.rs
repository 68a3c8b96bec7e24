//! Cuts values into those that stand for themselves and those that repeat earlier ones.
use super::{Value, WIDTH};
use crate::cube::sink::Coded;
use std::ops::Range;

/// Farthest match of the format, in values.
pub(super) const WINDOW: usize = 32 * 1024 / WIDTH;
/// Longest match of whole values.
pub(super) const LONGEST: usize = 258 / WIDTH;
/// Items compared at once.
const STEP: usize = 8;
/// Places that are remembered, by the code of a value or by a hash of it.
pub(super) const SLOTS: usize = 1 << 16;
/// Of the hash: not all slots, which would stand in the way of nearer memory.
const HASH_BITS: u32 = 15;

/// Values, and numbers that are equal where values are: what is compared and remembered.
pub(in super::super) trait Source: Copy {
    /// Such a number.
    type Item: Copy + Eq;
    /// One for each value.
    fn items(&self) -> &[Self::Item];
    /// Where its last place is remembered, below [`SLOTS`].
    fn slot(item: Self::Item) -> usize;
    /// The value of an item.
    fn value(&self, item: Self::Item) -> Value;
    /// Bytes of the values in a range, which has to be one of items; made in `room` unless they are there.
    fn bytes<'b>(&'b self, range: Range<usize>, room: &'b mut Vec<u8>) -> &'b [u8];
}

/// Values that are compared themselves.
#[derive(Clone, Copy)]
pub(in super::super) struct Whole<'a>(pub(in super::super) &'a [Value]);

impl Source for Whole<'_> {
    type Item = Value;
    #[inline(always)]
    fn items(&self) -> &[Value] {
        self.0
    }
    /// Knuth's multiplicative hash.
    #[inline(always)]
    fn slot(item: Value) -> usize {
        (u32::from_le_bytes(item).wrapping_mul(0x9E37_79B1) >> (32 - HASH_BITS)) as usize
    }
    #[inline(always)]
    fn value(&self, item: Value) -> Value {
        item
    }
    fn bytes<'b>(&'b self, range: Range<usize>, _: &'b mut Vec<u8>) -> &'b [u8] {
        self.0[range].as_flattened()
    }
}

/// Values that were looked up: by the numbers of their places in the table.
#[derive(Clone, Copy)]
pub(in super::super) struct Looked<'a>(pub(in super::super) Coded<'a>);

impl Source for Looked<'_> {
    type Item = u16;
    #[inline(always)]
    fn items(&self) -> &[u16] {
        self.0.codes
    }
    #[inline(always)]
    fn slot(item: u16) -> usize {
        usize::from(item)
    }
    #[inline(always)]
    fn value(&self, item: u16) -> Value {
        self.0.table[usize::from(item)].to_le_bytes()
    }
    fn bytes<'b>(&'b self, range: Range<usize>, room: &'b mut Vec<u8>) -> &'b [u8] {
        room.resize(range.len() * WIDTH, 0);
        for (bytes, &code) in room.as_chunks_mut().0.iter_mut().zip(&self.0.codes[range]) {
            *bytes = self.value(code);
        }
        room
    }
}

/// Cuts values into tokens: the one rule of what is matched with what.
pub(super) struct Cutter<'a, S: Source> {
    items: &'a [S::Item],
    /// By slot, the low bits of the last place.
    last: &'a mut [u16; SLOTS],
    row: usize,
}

impl<'a, S: Source> Cutter<'a, S> {
    #[inline(always)]
    pub(super) fn new(items: &'a [S::Item], last: &'a mut [u16; SLOTS], row: usize) -> Self {
        Self { items, last, row }
    }

    /// Length and distance of what is repeated at `at`: a length of 0 is nothing. None at the end.
    #[inline(always)]
    pub(super) fn next(&mut self, at: usize) -> Option<(usize, usize)> {
        let &item = self.items.get(at)?;
        let place = &mut self.last[S::slot(item)];
        let distance = usize::from((at as u16).wrapping_sub(*place));
        *place = at as u16;
        let from = at.wrapping_sub(distance);
        if distance.wrapping_sub(1) >= WINDOW || self.items.get(from) != Some(&item) {
            return Some((0, distance));
        }
        // Most matches are of one value.
        let goes_on = self.items.get(at + 1).is_some_and(|next| *next == self.items[from + 1]);
        if goes_on || self.row > 0 {
            return Some(self.longest(at, distance, goes_on));
        }
        Some((1, distance))
    }

    /// The longer of a match at `distance` and one with the row above.
    #[inline(never)]
    fn longest(&mut self, at: usize, mut distance: usize, goes_on: bool) -> (usize, usize) {
        let (items, row) = (self.items, self.row);
        let mut length = if goes_on { agreeing(items, at, distance) } else { 1 };
        if row > 0 && row <= at && items[at - row] == items[at] {
            let above = agreeing(items, at, row);
            if above > length {
                (length, distance) = (above, row);
            }
        }
        if length > 1 {
            // Of what was passed over the last value is remembered: the others are as near in the source.
            let last = at + length - 1;
            self.last[S::slot(items[last])] = last as u16;
        }
        (length, distance)
    }
}

/// How many items from `at` on equal those `distance` before; the first is known to, the others are counted up to
/// the longest match.
fn agreeing<T: Eq>(items: &[T], at: usize, distance: usize) -> usize {
    let here = &items[at..];
    let there = &items[at - distance..];
    let mut same = 0;
    // Long matches are of fill: several at a time.
    for (here, there) in here.as_chunks::<STEP>().0.iter().zip(there.as_chunks().0).take(LONGEST / STEP) {
        if here != there {
            return same + here.iter().zip(there).take_while(|(a, b)| a == b).count();
        }
        same += STEP;
    }
    same + here.iter().zip(there).take(LONGEST).skip(same).take_while(|(a, b)| a == b).count()
}
