//! A picture to draw on: rectangles, pixels and text.
use crate::write::quicklook::palette::{Rgb, mix};
use noto_sans_mono_bitmap::{FontWeight, RasterHeight, get_raster, get_raster_width};

/// Size and weight of text.
#[derive(Debug, Clone, Copy)]
pub(super) struct Font {
    height: RasterHeight,
    weight: FontWeight,
}

impl Font {
    /// Titles.
    pub(super) const TITLE: Self = Self { height: RasterHeight::Size32, weight: FontWeight::Bold };
    /// Labels of panels.
    pub(super) const LABEL: Self = Self { height: RasterHeight::Size24, weight: FontWeight::Bold };
    /// Everything else.
    pub(super) const TEXT: Self = Self { height: RasterHeight::Size20, weight: FontWeight::Regular };

    /// Width of a text, pixels.
    pub(super) fn width(self, text: &str) -> usize {
        text.chars().count() * get_raster_width(self.weight, self.height)
    }
}

/// 8-bit RGB, row by row.
#[derive(Debug, Clone)]
pub(super) struct Canvas {
    width: usize,
    height: usize,
    bytes: Vec<u8>,
}

impl Canvas {
    /// A sheet of one colour.
    pub(super) fn new(width: usize, height: usize, colour: Rgb) -> Self {
        Self { width, height, bytes: colour.repeat(width * height) }
    }

    /// Columns.
    pub(super) fn width(&self) -> usize {
        self.width
    }

    /// Rows.
    pub(super) fn height(&self) -> usize {
        self.height
    }

    /// The picture.
    pub(super) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Lays `colour` over a pixel, 0 to 255 opaque; nothing outside the picture.
    pub(super) fn blend(&mut self, x: usize, y: usize, colour: Rgb, opacity: u8) {
        if x >= self.width || y >= self.height {
            return;
        }
        let at = (y * self.width + x) * 3;
        if let Some(pixel) = self.bytes.get_mut(at..at + 3) {
            let under = [pixel[0], pixel[1], pixel[2]];
            pixel.copy_from_slice(&mix(under, colour, f32::from(opacity) / 255.0));
        }
    }

    /// Fills a rectangle.
    pub(super) fn fill(&mut self, x: usize, y: usize, width: usize, height: usize, colour: Rgb) {
        for row in y..y + height {
            for column in x..x + width {
                self.blend(column, row, colour, 255);
            }
        }
    }

    /// Writes text with its upper left corner at (`x`, `y`); characters the font lacks become `?`.
    pub(super) fn text(&mut self, x: usize, y: usize, text: &str, font: Font, colour: Rgb) {
        let mut left = x;
        for c in text.chars() {
            // The font has Latin-1 only; a hyphen is the nearest to a minus or a dash.
            let c = if matches!(c, '\u{2212}' | '\u{2013}' | '\u{2014}') { '-' } else { c };
            let raster =
                get_raster(c, font.weight, font.height).or_else(|| get_raster('?', font.weight, font.height));
            let Some(raster) = raster else { continue };
            for (dy, row) in raster.raster().iter().enumerate() {
                for (dx, opacity) in row.iter().enumerate().filter(|(_, o)| **o > 0) {
                    self.blend(left + dx, y + dy, colour, *opacity);
                }
            }
            left += raster.width();
        }
    }

    /// As [`Canvas::text`], ending at `right`.
    pub(super) fn text_right(&mut self, right: usize, y: usize, text: &str, font: Font, colour: Rgb) {
        self.text(right.saturating_sub(font.width(text)), y, text, font, colour);
    }

    /// As [`Canvas::text`], around `centre`.
    pub(super) fn text_centred(&mut self, centre: usize, y: usize, text: &str, font: Font, colour: Rgb) {
        self.text(centre.saturating_sub(font.width(text) / 2), y, text, font, colour);
    }
}

/// `text` cut to what fits into `width`.
pub(super) fn fitted(text: &str, font: Font, width: usize) -> String {
    let room = width / font.width("m").max(1);
    if text.chars().count() <= room {
        return text.to_string();
    }
    let kept: String = text.chars().take(room.saturating_sub(3)).collect();
    format!("{}...", kept.trim_end())
}
