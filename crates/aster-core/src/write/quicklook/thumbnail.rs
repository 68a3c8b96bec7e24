//! Small copies of scenes, sampled from chunks as they pass.
use crate::cube::sink::{ChunkKey, CubeLayout};
use crate::grid::geobox::Shape;

/// Which pixels of the grid a thumbnail takes.
#[derive(Debug, Clone)]
pub(super) struct Sampling {
    chunk: Shape,
    /// Grid row of each thumbnail row, ascending.
    rows: Vec<usize>,
    /// Grid column of each thumbnail column, ascending.
    columns: Vec<usize>,
}

/// Sampled values, NaN where missing; without memory until the first value comes.
#[derive(Debug, Clone, Default)]
pub(super) struct Thumbnail(Vec<f32>);

impl Sampling {
    /// For panels of the shape `panel`, with `oversampling` samples per panel pixel along each axis (their
    /// mean is calmer than one sample); never finer than the grid.
    pub(super) fn new(layout: &CubeLayout, panel: Shape, oversampling: usize) -> Self {
        let grid = layout.grid.shape;
        let samples = |pixels: usize, panel: usize| {
            let count = (panel * oversampling).min(pixels).max(1);
            (0..count).map(|i| (2 * i + 1) * pixels / (2 * count)).collect::<Vec<usize>>()
        };
        Self { chunk: layout.chunk, rows: samples(grid.ny, panel.ny), columns: samples(grid.nx, panel.nx) }
    }

    /// Rows and columns of a thumbnail.
    pub(super) fn shape(&self) -> Shape {
        Shape { ny: self.rows.len(), nx: self.columns.len() }
    }

    /// Memory of a thumbnail.
    pub(super) fn bytes(&self) -> usize {
        self.rows.len() * self.columns.len() * size_of::<f32>()
    }

    /// Copies what the chunk has of the thumbnail.
    pub(super) fn take(&self, thumbnail: &mut Thumbnail, key: ChunkKey, values: &[f32]) {
        let (top, left) = (key.row * self.chunk.ny, key.column * self.chunk.nx);
        let inside = |samples: &[usize], start: usize, length: usize| {
            samples.partition_point(|&s| s < start)..samples.partition_point(|&s| s < start + length)
        };
        let (rows, columns) =
            (inside(&self.rows, top, self.chunk.ny), inside(&self.columns, left, self.chunk.nx));
        if thumbnail.0.is_empty() {
            thumbnail.0 = vec![f32::NAN; self.rows.len() * self.columns.len()];
        }
        for row in rows {
            for column in columns.clone() {
                let at = (self.rows[row] - top) * self.chunk.nx + (self.columns[column] - left);
                if let Some(value) = values.get(at) {
                    thumbnail.0[row * self.columns.len() + column] = *value;
                }
            }
        }
    }
}

impl Thumbnail {
    /// Samples with a value.
    pub(super) fn covered(&self) -> usize {
        self.0.iter().filter(|v| v.is_finite()).count()
    }

    /// Samples with a value, in any order.
    pub(super) fn values(&self) -> impl Iterator<Item = f32> {
        self.0.iter().copied().filter(|v| v.is_finite())
    }

    /// Mean of the samples that fall on pixel (`y`, `x`) of a panel; NaN when most are missing.
    pub(super) fn at(&self, shape: Shape, panel: Shape, y: usize, x: usize) -> f32 {
        let span = |i: usize, samples: usize, pixels: usize| {
            let start = i * samples / pixels;
            start..((i + 1) * samples / pixels).max(start + 1).min(samples)
        };
        let (mut sum, mut valid, mut all) = (0.0, 0, 0);
        for row in span(y, shape.ny, panel.ny) {
            for column in span(x, shape.nx, panel.nx) {
                all += 1;
                if let Some(value) = self.0.get(row * shape.nx + column).filter(|v| v.is_finite()) {
                    sum += *value;
                    valid += 1;
                }
            }
        }
        if valid * 2 >= all && valid > 0 { sum / valid as f32 } else { f32::NAN }
    }
}
