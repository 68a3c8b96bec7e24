//! Bilinear and cubic of positions next to each other that fall into consecutive pixels of one row: their taps overlap.
use super::{BILINEAR, BLOCK, Block, cubic_weights};
use crate::warp::kernel::{Dn, STEP, SourceWindow, along};

/// Positions whose taps are weighed at once.
pub(super) const LANES: usize = 8;
/// Positions next to each other in fewer consecutive pixels of a row are weighed one by one.
const SHORT: usize = 4;

/// Work space of a block; what lies beyond an end is of no meaning.
pub(super) struct Room {
    /// Values of consecutive pixels of the rows of a method.
    values: [[f32; BLOCK + STEP]; 4],
    pub(super) out: [f32; BLOCK + LANES],
    /// Whether one of the four pixels about a position may have a value.
    pub(super) near: [bool; BLOCK + LANES],
}

impl Room {
    pub(super) fn new() -> Self {
        Self { values: [[0.0; BLOCK + STEP]; 4], out: [0.0; BLOCK + LANES], near: [true; BLOCK + LANES] }
    }
}

impl<T: Dn> SourceWindow<'_, T> {
    /// [`Self::full`] of a block into the room. Where grids are turned little against each other, positions next to each
    /// other fall into consecutive pixels: their taps overlap, and are looked up once.
    #[inline(always)]
    pub(super) fn full_block<const METHOD: u8>(&self, at: &Block, room: &mut Room) {
        let mut start = 0;
        while let Some(&first) = at.index.get(start) {
            let along = at.index[start..].iter().zip(first..).take_while(|(index, next)| **index == *next);
            let length = along.count();
            if length < SHORT || !self.full_run::<METHOD>(at, start, length, room) {
                for k in start..start + length {
                    room.out[k] = self.full::<METHOD>(at.index[k], at.fx[k], at.fy[k]);
                    room.near[k] = true;
                }
            }
            start += length;
        }
    }

    /// Of positions in consecutive pixels; false, and nothing, without the data.
    #[inline(always)]
    fn full_run<const METHOD: u8>(&self, at: &Block, start: usize, length: usize, room: &mut Room) -> bool {
        let (taps, before) = if METHOD == BILINEAR { (2, 0) } else { (4, 1) };
        let columns = self.rect.columns;
        let Some(mut place) = (at.index[start] as usize).checked_sub(before * (columns + 1)) else {
            return false;
        };
        let needed = length + taps - 1;
        for values in room.values.iter_mut().take(taps) {
            let Some(row) = self.data.get(place..).filter(|row| row.len() >= needed) else { return false };
            along(row, needed, |dn| self.value(dn), values);
            place += columns;
        }
        for done in (0..length).step_by(LANES) {
            let from = start + done;
            let lanes = (at.fx.get(from..), at.fy.get(from..));
            let (Some(fx), Some(fy)) = lanes else { return false };
            let (Some(fx), Some(fy)) = (fx.first_chunk(), fy.first_chunk()) else { return false };
            let lanes = (room.out.get_mut(from..), room.near.get_mut(from..));
            let (Some(out), Some(near)) = lanes else { return false };
            let (Some(out), Some(near)) = (out.first_chunk_mut(), near.first_chunk_mut::<LANES>()) else {
                return false;
            };
            let mut rows = [[0.0; LANES + 3]; 4];
            for (row, values) in rows.iter_mut().zip(&room.values).take(taps) {
                let Some(some) = values.get(done..).and_then(|values| values.first_chunk()) else {
                    return false;
                };
                *row = *some;
            }
            let (above, below) = (&rows[before], &rows[before + 1]);
            for (k, near) in near.iter_mut().enumerate() {
                let first = k + before;
                let four = [above[first], above[first + 1], below[first], below[first + 1]];
                *near = four.iter().fold(false, |some, v| some | !v.is_nan());
            }
            *out =
                if METHOD == BILINEAR { bilinear_lanes(&rows, fx, fy) } else { cubic_lanes(&rows, fx, fy) };
        }
        true
    }
}

/// As [`SourceWindow::bilinear`], the same operations: position k lies in the pixels k and k + 1 of two rows.
#[inline(always)]
fn bilinear_lanes(rows: &[[f32; LANES + 3]; 4], fx: &[f32; LANES], fy: &[f32; LANES]) -> [f32; LANES] {
    let mut out = [0.0; LANES];
    for k in 0..LANES {
        let (a, b, c, d) = (rows[0][k], rows[0][k + 1], rows[1][k], rows[1][k + 1]);
        let (top, bottom) = (a + fx[k] * (b - a), c + fx[k] * (d - c));
        out[k] = top + fy[k] * (bottom - top);
    }
    out
}

/// As [`SourceWindow::cubic`], the same operations: position k lies in the pixels k to k + 3 of four rows.
#[inline(always)]
fn cubic_lanes(rows: &[[f32; LANES + 3]; 4], fx: &[f32; LANES], fy: &[f32; LANES]) -> [f32; LANES] {
    let mut out = [0.0; LANES];
    for k in 0..LANES {
        let (wx, wy) = (cubic_weights(fx[k]), cubic_weights(fy[k]));
        let mut sums = [0.0_f32; 4];
        for (wy, row) in wy.iter().zip(rows) {
            for (j, sum) in sums.iter_mut().enumerate() {
                *sum += wy * row[k + j];
            }
        }
        out[k] = (sums[0] * wx[0] + sums[1] * wx[1]) + (sums[2] * wx[2] + sums[3] * wx[3]);
    }
    out
}
