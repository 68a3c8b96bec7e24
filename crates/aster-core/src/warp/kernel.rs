//! Sampling source numbers through a look-up table, with the semantics of GDAL's warper.
//!
//! A pixel is missing when the source pixel it falls into is missing (table NaN) or outside the window;
//! otherwise weights are renormalised over the valid source pixels. Source: gdalwarpkernel.cpp of GDAL 3.10
//! with its unified source mask (4-sample bilinear and cubic, widened kernels when downsampling), met by
//! tests/warp_oracle.rs. Cubic is Catmull-Rom (a = -0.5) and falls back to bilinear when one of its 16 pixels
//! is missing or beyond the band. Values are not clamped: cubic may overshoot.
//!
//! Average and mode look at the upright rectangle of `scale` source pixels around the position, missing only
//! when nothing in it is valid. GDAL takes the box around two opposite corners of the target pixel instead:
//! the same thing, unless the grids are turned against each other.
mod quick;
#[cfg(test)]
mod tests;
mod wide;

use crate::error::{Error, Result};
use crate::grid::geobox::PixelRect;
use crate::warp::map::{NearestRow, Pixels, Run};
use std::fmt;
use std::str::FromStr;

/// A stored number that indexes a table.
pub trait Dn: Copy + Send + Sync {
    /// One value for every number.
    type Table: 'static;
    /// Entries of the table.
    const VALUES: usize;
    /// The table, when a slice has its length.
    fn table(values: &[f32]) -> Option<&Self::Table>;
    /// Place in the table, below `VALUES`.
    fn index(self) -> usize;
    /// What the number stands for.
    fn value(self, table: &Self::Table) -> f32;
}

macro_rules! dn {
    ($type:ty, $unsigned:ty, $values:literal) => {
        impl Dn for $type {
            type Table = [f32; $values];
            const VALUES: usize = $values;
            fn table(values: &[f32]) -> Option<&Self::Table> {
                values.try_into().ok()
            }
            #[inline(always)]
            fn index(self) -> usize {
                usize::from(self as $unsigned)
            }
            #[inline(always)]
            fn value(self, table: &Self::Table) -> f32 {
                table[self.index()]
            }
        }
    };
}

dn!(u8, u8, 256);
dn!(u16, u16, 65536);
// By its bits: -1 is entry 65535.
dn!(i16, u16, 65536);

/// How a value is taken from the source.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Resampling {
    /// The source pixel the centre falls into.
    Nearest,
    /// 2 x 2 pixels, linear weights.
    Bilinear,
    /// 4 x 4 pixels, Catmull-Rom weights.
    Cubic,
    /// Mean of the source under the target pixel, weighted by area.
    Average,
    /// Most frequent source number under the target pixel; for DN and quality planes.
    Mode,
}

impl Resampling {
    /// Every method, in the order of the documentation.
    pub const ALL: [Self; 5] = [Self::Nearest, Self::Bilinear, Self::Cubic, Self::Average, Self::Mode];

    /// Name as printed and read.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Nearest => "nearest",
            Self::Bilinear => "bilinear",
            Self::Cubic => "cubic",
            Self::Average => "average",
            Self::Mode => "mode",
        }
    }

    /// Distance in source pixels from a position to the farthest source pixel it may need.
    pub fn radius(self, scale: Scale) -> f64 {
        let wide = scale.x.max(scale.y).max(1.0);
        match self {
            Self::Nearest => 0.5,
            Self::Bilinear => wide,
            Self::Cubic => 2.0 * wide,
            Self::Average | Self::Mode => 0.5 * wide,
        }
    }
}

impl fmt::Display for Resampling {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Resampling {
    type Err = Error;
    fn from_str(text: &str) -> Result<Self> {
        Self::ALL.into_iter().find(|m| m.as_str().eq_ignore_ascii_case(text.trim())).ok_or_else(|| {
            Error::usage(format!("unknown resampling {text:?}"))
                .hint("choose nearest, bilinear, cubic, average or mode")
        })
    }
}

/// Source pixels per target pixel, both positive: above 1 the target is coarser.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Scale {
    /// Along source columns.
    pub x: f64,
    /// Along source rows.
    pub y: f64,
}

impl Scale {
    /// Pixels of one size.
    pub const ONE: Self = Self { x: 1.0, y: 1.0 };

    /// Itself, with 1 for what is no positive number.
    pub(crate) fn or_one(self) -> Self {
        let sane = |v: f64| if v.is_finite() && v > 0.0 { v } else { 1.0 };
        Self { x: sane(self.x), y: sane(self.y) }
    }

    /// GDAL's kernel width: whole numbers when within 0.05, never below 1.
    fn kernel(v: f64) -> f64 {
        let whole = v.round();
        if v <= 1.0 {
            1.0
        } else if (v - whole).abs() < 0.05 {
            whole
        } else {
            v
        }
    }
}

/// Source numbers of a rectangle of a band and what they stand for.
#[derive(Debug, Clone, Copy)]
pub struct SourceWindow<'a, T: Dn> {
    data: &'a [T],
    rect: PixelRect,
    table: &'a T::Table,
}

/// Slack of GDAL's floor: a coordinate this little below a pixel's edge counts as on it.
pub(super) const EDGE: f64 = 1e-10;
/// Adding it leaves the nearest whole number in the low bits of a double: floors without branches or calls.
pub(super) const MAGIC: f64 = 6_755_399_441_055_744.0;

impl<'a, T: Dn> SourceWindow<'a, T> {
    /// `data` holds the pixels of `rect` of a band, row by row; `table[dn.index()]` is the value of a number,
    /// NaN when it stands for "missing".
    ///
    /// # Errors
    /// `INTERNAL` when data or table have the wrong length.
    pub fn new(data: &'a [T], rect: PixelRect, table: &'a [f32]) -> Result<Self> {
        match T::table(table) {
            Some(table) if rect.rows.checked_mul(rect.columns) == Some(data.len()) => {
                Ok(Self { data, rect, table })
            }
            _ => {
                Err(Error::internal(format!("{} numbers for {rect:?}, table of {}", data.len(), table.len())))
            }
        }
    }

    /// Place of the window in the band.
    pub fn rect(&self) -> PixelRect {
        self.rect
    }

    #[inline(always)]
    fn value(&self, dn: T) -> f32 {
        dn.value(self.table)
    }

    /// The number a position (counted from the window's corner) falls into.
    #[inline(always)]
    fn under(&self, x: f64, y: f64) -> Option<T> {
        under(self.rect, x, y).and_then(|place| self.data.get(place)).copied()
    }

    /// Whether the pixel a position falls into has a value.
    #[inline]
    fn valid_under(&self, x: f64, y: f64) -> bool {
        self.under(x, y).is_some_and(|dn| !self.value(dn).is_nan())
    }
}

/// Place of the pixel of a window that a position, counted from its corner, falls into.
#[inline(always)]
fn under(window: PixelRect, x: f64, y: f64) -> Option<usize> {
    let (x, y) = (x + EDGE, y + EDGE);
    // Written so that NaN fails; truncation is the floor of what is not negative.
    let inside = x >= 0.0 && y >= 0.0 && x < window.columns as f64 && y < window.rows as f64;
    inside.then(|| y as usize * window.columns + x as usize)
}

/// Copies a row of an aligned source: `out[i]` is the value at (`source_row`, `source_column` + i) of the
/// band, NaN outside the window.
pub fn copy_row<T: Dn>(source: &SourceWindow<T>, source_row: i64, source_column: i64, out: &mut [f32]) {
    source.copy(source_row, source_column, f32::NAN, |dn| source.value(dn), out);
}

/// As [`copy_row`], the numbers themselves by their places in the table, 0 outside the window.
pub fn copy_dn_row<T: Dn>(source: &SourceWindow<T>, source_row: i64, source_column: i64, out: &mut [u16]) {
    source.copy(source_row, source_column, 0, |dn| dn.index() as u16, out);
}

impl<T: Dn> SourceWindow<'_, T> {
    #[inline(always)]
    fn take<V: Copy>(&self, row: &NearestRow, outside: V, convert: impl Fn(T) -> V, out: &mut [V]) {
        let data = self.data;
        let mut done = 0;
        for Run { start, length, pixels } in row.runs.iter().copied() {
            if start > done
                && let Some(gap) = out.get_mut(done..start)
            {
                gap.fill(outside);
            }
            done = start + length;
            let Some(to) = out.get_mut(start..) else { continue };
            match pixels {
                Pixels::Along(place) => along(data.get(place..).unwrap_or_default(), length, &convert, to),
                Pixels::Places(first) => {
                    let places = row.places.get(first..).unwrap_or_default();
                    for (to, place) in to.iter_mut().zip(places).take(length) {
                        *to = data.get(*place as usize).map_or(outside, |dn| convert(*dn));
                    }
                }
            }
        }
        if let Some(gap) = out.get_mut(done..) {
            gap.fill(outside);
        }
    }

    #[inline(always)]
    fn copy<V: Copy>(&self, row: i64, column: i64, outside: V, convert: impl Fn(T) -> V, out: &mut [V]) {
        let Some((skip, part)) = self.part(row, column, out.len()) else { return out.fill(outside) };
        let (before, rest) = out.split_at_mut(skip);
        let (inside, after) = rest.split_at_mut(part.len());
        before.fill(outside);
        after.fill(outside);
        for (out, dn) in inside.iter_mut().zip(part) {
            *out = convert(*dn);
        }
    }

    /// What the window has of `columns` pixels of a row of the band from `column` on, and how many of them come before.
    #[inline]
    fn part(&self, row: i64, column: i64, columns: usize) -> Option<(usize, &[T])> {
        let rect = self.rect;
        let row = i128::from(row) - rect.row as i128;
        let column = i128::from(column) - rect.column as i128;
        let row = usize::try_from(row).ok().filter(|row| *row < rect.rows)?;
        let clamp = |v: i128| v.clamp(0, columns as i128) as usize;
        let (skip, end) = (clamp(-column), clamp(rect.columns as i128 - column));
        let start = (row * rect.columns) as i128 + column + skip as i128;
        let part = self.data.get(usize::try_from(start).ok()?..)?.get(..end.checked_sub(skip)?)?;
        Some((skip, part))
    }
}

/// Asks memory for what [`copy_dn_row`] will copy soon: rows of a window lie on pages of their own, which it does not foresee.
pub fn expect_row<T: Dn>(source: &SourceWindow<T>, source_row: i64, source_column: i64, columns: usize) {
    if let Some((_, part)) = source.part(source_row, source_column, columns) {
        quick::expect(part);
    }
}

/// Numbers converted at once.
const STEP: usize = 16;

/// Converts `length` numbers, in steps: beyond the end as well, where there is room, so what comes there has to come later.
#[inline(always)]
fn along<T: Copy, V>(mut from: &[T], mut length: usize, convert: impl Fn(T) -> V, mut to: &mut [V]) {
    while let (Some(some), Some(room)) = (from.first_chunk::<STEP>(), to.first_chunk_mut::<STEP>()) {
        room.iter_mut().zip(some).for_each(|(to, dn)| *to = convert(*dn));
        if length <= STEP {
            return;
        }
        (from, to, length) = (&from[STEP..], &mut to[STEP..], length - STEP);
    }
    to.iter_mut().zip(from).take(length).for_each(|(to, dn)| *to = convert(*dn));
}

/// Places of the pixels that positions fall into, `u32::MAX` outside of the window or where 32 bits cannot number them.
pub(super) fn nearest_places(window: PixelRect, xs: &[f64], ys: &[f64], places: &mut [u32]) {
    quick::places(window, xs, ys, places);
}

/// The values of a row of nearest pixels, found for this window by [`crate::warp::map::WarpMap::nearest_row`]; NaN
/// outside of it. As [`Resampling::Nearest`] of [`sample_row`].
#[inline(never)]
pub fn take_row<T: Dn>(source: &SourceWindow<T>, row: &NearestRow, out: &mut [f32]) {
    let table = source.table;
    source.take(row, f32::NAN, |dn| dn.value(table), out);
}

/// As [`take_row`], the numbers themselves by their places in the table, 0 outside.
#[inline(never)]
pub fn take_dn_row<T: Dn>(source: &SourceWindow<T>, row: &NearestRow, out: &mut [u16]) {
    source.take(row, 0, |dn| dn.index() as u16, out);
}

/// Samples at `xs`, `ys` (source pixel coordinates of the band, one pair per element of `out`; NaN is
/// missing). `scale` ([`crate::warp::map::WarpMap::scale`]) widens kernels and footprints where the target is
/// coarser, as GDAL does. A window that holds all pixels within [`Resampling::radius`] of the positions gives
/// the same bits as the whole band, and so does any division of a row.
pub fn sample_row<T: Dn>(
    resampling: Resampling,
    source: &SourceWindow<T>,
    xs: &[f64],
    ys: &[f64],
    scale: Scale,
    out: &mut [f32],
) {
    let scale = scale.or_one();
    let kernel = Scale { x: Scale::kernel(scale.x), y: Scale::kernel(scale.y) };
    // GDAL's limit between plain and widened kernels.
    let plain = kernel.x.max(kernel.y) <= 1.0 / 0.95;
    match resampling {
        Resampling::Nearest => quick::row::<T, { quick::NEAREST }>(source, xs, ys, out),
        Resampling::Bilinear if plain => quick::row::<T, { quick::BILINEAR }>(source, xs, ys, out),
        Resampling::Cubic if plain => quick::row::<T, { quick::CUBIC }>(source, xs, ys, out),
        Resampling::Bilinear => wide::filter_row(source, wide::triangle, 1.0, kernel, xs, ys, out),
        Resampling::Cubic => wide::filter_row(source, wide::catmull_rom, 2.0, kernel, xs, ys, out),
        Resampling::Average => wide::average_row(source, scale, xs, ys, out),
        Resampling::Mode => wide::mode_row(source, scale, xs, ys, out),
    }
}
