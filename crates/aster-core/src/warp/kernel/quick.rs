//! Nearest, bilinear and cubic at the source's own resolution, a block of positions at a time.
mod lanes;

use super::{Dn, EDGE, MAGIC, SourceWindow, under};
use crate::grid::geobox::PixelRect;
use lanes::{LANES, Room};

/// The source pixel itself.
pub(super) const NEAREST: u8 = 0;
/// 2 x 2 pixels.
pub(super) const BILINEAR: u8 = 1;
/// 4 x 4 pixels.
pub(super) const CUBIC: u8 = 2;

/// Positions handled at once.
const BLOCK: usize = 64;
/// One row, in the widest lanes the machine has. The operations, and so the results, are the same in all of
/// them.
pub(super) fn row<T: Dn, const METHOD: u8>(
    source: &SourceWindow<T>,
    xs: &[f64],
    ys: &[f64],
    out: &mut [f32],
) {
    #[cfg(target_arch = "x86_64")]
    if std::arch::is_x86_feature_detected!("avx2") {
        // SAFETY: the feature was just detected.
        #[allow(unsafe_code)]
        return unsafe { row_avx2::<T, METHOD>(source, xs, ys, out) };
    }
    row_anywhere::<T, METHOD>(source, xs, ys, out);
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2")]
fn row_avx2<T: Dn, const METHOD: u8>(source: &SourceWindow<T>, xs: &[f64], ys: &[f64], out: &mut [f32]) {
    row_anywhere::<T, METHOD>(source, xs, ys, out);
}

#[inline(always)]
fn row_anywhere<T: Dn, const METHOD: u8>(source: &SourceWindow<T>, xs: &[f64], ys: &[f64], out: &mut [f32]) {
    let mut room = Room::new();
    for ((out, xs), ys) in out.chunks_mut(BLOCK).zip(xs.chunks(BLOCK)).zip(ys.chunks(BLOCK)) {
        if METHOD == NEAREST {
            source.nearest(xs, ys, out);
        } else {
            source.smooth::<METHOD>(xs, ys, &mut room, out);
        }
    }
}

/// Places of the nearest pixels in a window, `u32::MAX` outside of it or where 32 bits cannot number them.
pub(super) fn places(window: PixelRect, xs: &[f64], ys: &[f64], out: &mut [u32]) {
    #[cfg(target_arch = "x86_64")]
    if std::arch::is_x86_feature_detected!("avx2") {
        // SAFETY: the feature was just detected.
        #[allow(unsafe_code)]
        return unsafe { places_avx2(window, xs, ys, out) };
    }
    places_anywhere(window, xs, ys, out);
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2")]
fn places_avx2(window: PixelRect, xs: &[f64], ys: &[f64], out: &mut [u32]) {
    places_anywhere(window, xs, ys, out);
}

#[inline(always)]
fn places_anywhere(window: PixelRect, xs: &[f64], ys: &[f64], out: &mut [u32]) {
    let interior = Interior::new::<NEAREST>(window);
    for ((out, xs), ys) in out.chunks_mut(BLOCK).zip(xs.chunks(BLOCK)).zip(ys.chunks(BLOCK)) {
        if let Some(block) = interior.and_then(|interior| interior.block(xs, ys)) {
            out.copy_from_slice(&block.index);
            continue;
        }
        let (x0, y0) = (window.column as f64, window.row as f64);
        for ((out, x), y) in out.iter_mut().zip(xs).zip(ys) {
            *out = under(window, x - x0, y - y0).and_then(|i| i.try_into().ok()).unwrap_or(u32::MAX);
        }
    }
}

/// Asks memory for numbers that will be read soon.
pub(super) fn expect<T>(numbers: &[T]) {
    #[cfg(target_arch = "x86_64")]
    for line in numbers.chunks((64 / size_of::<T>()).max(1)) {
        use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
        // SAFETY: a hint; it reads nothing, and every x86-64 has it.
        #[allow(unsafe_code)]
        unsafe {
            _mm_prefetch::<_MM_HINT_T0>(line.as_ptr().cast());
        }
    }
}

/// A block of positions well inside a window: index of the upper left of the middle 2 x 2 pixels, and how far
/// past its centre.
struct Block {
    index: [u32; BLOCK],
    fx: [f32; BLOCK + LANES],
    fy: [f32; BLOCK + LANES],
}

/// Floor, up to [`EDGE`], of what lies between -1e9 and 1e9.
#[inline(always)]
fn floor(v: f64) -> f64 {
    (v - (0.5 - EDGE)) + MAGIC - MAGIC
}

/// Positions relative to the centre of the window's first pixel, and the limits within which all pixels of a
/// method lie inside the window.
#[derive(Clone, Copy)]
struct Interior {
    x0: f64,
    y0: f64,
    from: f64,
    x_to: f64,
    y_to: f64,
    columns: f64,
}

impl Interior {
    /// None for a window whose pixels 32 bits cannot number.
    #[inline(always)]
    fn new<const METHOD: u8>(rect: PixelRect) -> Option<Self> {
        u32::try_from(rect.rows.checked_mul(rect.columns)?).ok()?;
        let (columns, rows) = (rect.columns as f64, rect.rows as f64);
        let (centre, before, after) = match METHOD {
            NEAREST => (0.0, 0.0, 2.0 * EDGE),
            BILINEAR => (0.5, 0.0, 1.0),
            _ => (0.5, 1.0, 2.0),
        };
        let (x0, y0) = (rect.column as f64 + centre, rect.row as f64 + centre);
        Some(Self { x0, y0, from: before, x_to: columns - after, y_to: rows - after, columns })
    }

    /// False for NaN; not short-circuited, so that it runs in lanes.
    #[inline(always)]
    fn holds(&self, x: f64, y: f64) -> bool {
        let (u, v) = (x - self.x0, y - self.y0);
        (u >= self.from) & (u < self.x_to) & (v >= self.from) & (v < self.y_to)
    }

    /// Index of the pixel at or before a position, and the fractions past it.
    #[inline(always)]
    fn split(&self, x: f64, y: f64) -> (u32, f32, f32) {
        let (u, v) = (x - self.x0, y - self.y0);
        let (i, j) = (floor(u), floor(v));
        (((j * self.columns + i) + MAGIC).to_bits() as u32, (u - i) as f32, (v - j) as f32)
    }

    /// All of a block, when all of it is inside.
    #[inline(always)]
    fn block(&self, xs: &[f64], ys: &[f64]) -> Option<Block> {
        let (xs, ys): (&[f64; BLOCK], &[f64; BLOCK]) = (xs.try_into().ok()?, ys.try_into().ok()?);
        let mut inside = true;
        for (x, y) in xs.iter().zip(ys) {
            inside &= self.holds(*x, *y);
        }
        if !inside {
            return None;
        }
        let mut block = Block { index: [0; BLOCK], fx: [0.0; BLOCK + LANES], fy: [0.0; BLOCK + LANES] };
        for k in 0..BLOCK {
            (block.index[k], block.fx[k], block.fy[k]) = self.split(xs[k], ys[k]);
        }
        Some(block)
    }
}

impl<T: Dn> SourceWindow<'_, T> {
    /// One block or less, nearest.
    #[inline(always)]
    fn nearest(&self, xs: &[f64], ys: &[f64], out: &mut [f32]) {
        if let Some(block) = Interior::new::<NEAREST>(self.rect).and_then(|interior| interior.block(xs, ys)) {
            for (out, index) in out.iter_mut().zip(block.index) {
                *out = self.data.get(index as usize).map_or(f32::NAN, |dn| self.value(*dn));
            }
        } else {
            let (x0, y0) = (self.rect.column as f64, self.rect.row as f64);
            for ((out, x), y) in out.iter_mut().zip(xs).zip(ys) {
                *out = self.under(x - x0, y - y0).map_or(f32::NAN, |dn| self.value(dn));
            }
        }
    }

    /// One block or less, bilinear or cubic.
    #[inline(always)]
    fn smooth<const METHOD: u8>(&self, xs: &[f64], ys: &[f64], room: &mut Room, out: &mut [f32]) {
        let block = Interior::new::<METHOD>(self.rect).and_then(|interior| interior.block(xs, ys));
        if let Some(at) = &block {
            self.full_block::<METHOD>(at, room);
            out.iter_mut().zip(&room.out).for_each(|(out, value)| *out = *value);
        } else if !self.touches(xs, ys) {
            return out.fill(f32::NAN);
        }
        for (((out, near), x), y) in out.iter_mut().zip(&room.near).zip(xs).zip(ys) {
            if block.is_none() || out.is_nan() && *near {
                *out = self.anywhere::<METHOD>(*x, *y);
            }
        }
    }

    /// Whether one of some positions is inside, up to the slack; not short-circuited, so that it runs in lanes.
    #[inline(always)]
    fn touches(&self, xs: &[f64], ys: &[f64]) -> bool {
        let (x0, y0) = (self.rect.column as f64, self.rect.row as f64);
        let (x1, y1) = (x0 + self.rect.columns as f64, y0 + self.rect.rows as f64);
        let mut touches = false;
        for (x, y) in xs.iter().zip(ys) {
            touches |= (*x > x0 - 1.0) & (*x < x1 + 1.0) & (*y > y0 - 1.0) & (*y < y1 + 1.0);
        }
        touches
    }

    /// From all pixels of the method, which are inside the window; NaN when one of them is missing.
    #[inline(always)]
    fn full<const METHOD: u8>(&self, index: u32, fx: f32, fy: f32) -> f32 {
        if METHOD == BILINEAR { self.bilinear(index, fx, fy) } else { self.cubic(index, fx, fy) }
    }

    #[inline(always)]
    fn bilinear(&self, index: u32, fx: f32, fy: f32) -> f32 {
        let i = index as usize;
        match (taps::<T, 2>(self.data, i), taps::<T, 2>(self.data, i + self.rect.columns)) {
            (Some([a, b]), Some([c, d])) => {
                let (a, b, c, d) = (self.value(a), self.value(b), self.value(c), self.value(d));
                let (top, bottom) = (a + fx * (b - a), c + fx * (d - c));
                top + fy * (bottom - top)
            }
            _ => f32::NAN,
        }
    }

    #[inline(always)]
    fn cubic(&self, index: u32, fx: f32, fy: f32) -> f32 {
        let mut i = (index as usize).wrapping_sub(self.rect.columns + 1);
        let (wx, wy) = (cubic_weights(fx), cubic_weights(fy));
        let mut sums = [0.0_f32; 4];
        for wy in wy {
            let Some(taps) = taps::<T, 4>(self.data, i) else { return f32::NAN };
            for (sum, dn) in sums.iter_mut().zip(taps) {
                *sum += wy * self.value(dn);
            }
            i += self.rect.columns;
        }
        (sums[0] * wx[0] + sums[1] * wx[1]) + (sums[2] * wx[2] + sums[3] * wx[3])
    }

    /// At one position anywhere: cubic where it can be, else bilinear, else what is valid of 2 x 2.
    #[inline(never)]
    fn anywhere<const METHOD: u8>(&self, x: f64, y: f64) -> f32 {
        let (x0, y0) = (self.rect.column as f64, self.rect.row as f64);
        // Most of what comes here lies in the fill around a scene.
        if !self.valid_under(x - x0, y - y0) {
            return f32::NAN;
        }
        let inside = |interior: Option<Interior>| interior.filter(|i| i.holds(x, y)).map(|i| i.split(x, y));
        if METHOD == CUBIC
            && let Some((index, fx, fy)) = inside(Interior::new::<CUBIC>(self.rect))
        {
            let value = self.cubic(index, fx, fy);
            if !value.is_nan() {
                return value;
            }
        }
        if let Some((index, fx, fy)) = inside(Interior::new::<BILINEAR>(self.rect)) {
            let value = self.bilinear(index, fx, fy);
            if !value.is_nan() {
                return value;
            }
        }
        self.valid_of_four(x - x0 - 0.5, y - y0 - 0.5)
    }

    /// Bilinear over the valid ones of four pixels; positions count from the centre of the first.
    fn valid_of_four(&self, u: f64, v: f64) -> f32 {
        let (i, j) = (u.floor(), v.floor());
        let (fx, fy) = (u - i, v - j);
        let (mut sum, mut weights) = (0.0, 0.0);
        for (j, wy) in [(j, 1.0 - fy), (j + 1.0, fy)] {
            for (i, wx) in [(i, 1.0 - fx), (i + 1.0, fx)] {
                // The middle of a pixel, from the window's corner.
                let Some(dn) = self.under(i + 0.5, j + 0.5) else { continue };
                let value = f64::from(self.value(dn));
                if !value.is_nan() {
                    sum += wx * wy * value;
                    weights += wx * wy;
                }
            }
        }
        if weights < 1e-5 { f32::NAN } else { (sum / weights) as f32 }
    }
}

/// `N` numbers from `i` on.
#[inline(always)]
fn taps<T: Copy, const N: usize>(data: &[T], i: usize) -> Option<[T; N]> {
    data.get(i..)?.first_chunk::<N>().copied()
}

/// Catmull-Rom weights of four pixels, `t` past the second.
#[inline(always)]
pub(super) fn cubic_weights(t: f32) -> [f32; 4] {
    let h = 0.5 * t;
    [
        h * (-1.0 + t * (2.0 - t)),
        1.0 + h * t * (-5.0 + 3.0 * t),
        h * (1.0 + t * (4.0 - 3.0 * t)),
        h * t * (-1.0 + t),
    ]
}
