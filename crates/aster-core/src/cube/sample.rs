//! Rows of physical values on the target grid, from the DN windows of one scene.
use crate::cube::plan::CubePlan;
use crate::cube::scene_plan::{BandPlan, MAX_WARP_ERROR_PX, ScenePlan};
use crate::error::Result;
use crate::granule::dn::{DnData, DnType, DnWindow};
use crate::grid::geobox::PixelRect;
use crate::radiometry::table::Calibration;
use crate::warp::kernel::{Resampling, SourceWindow, copy_row, sample_row};
use crate::warp::map::WarpMap;
use crate::warp::placement::Placement;

/// A scene whose windows are in memory (or mapped) and whose tables are made.
pub struct LoadedScene<'a> {
    plan: &'a ScenePlan,
    resampling: Resampling,
    windows: Vec<Option<DnWindow<'a>>>,
    tables: Vec<Option<Table>>,
}

struct Table {
    band: usize,
    calibration: Calibration,
    values: Vec<f32>,
    /// The table holds the linear quantity; the Planck inversion follows the interpolation.
    finish: bool,
}

impl<'a> LoadedScene<'a> {
    /// `windows[i]` belongs to `scene.bands[i]`; nothing where the band does not touch the grid.
    pub fn new(scene: &'a ScenePlan, resampling: Resampling, windows: Vec<Option<DnWindow<'a>>>) -> Self {
        let tables = scene.inputs.iter().map(|input| {
            let (band, calibration) = (*input)?;
            let dn_type = windows.get(band)?.as_ref().map(|w| dn_type(&w.data))?;
            let entries = if dn_type == DnType::U8 { 256 } else { 65_536 };
            let signed = dn_type == DnType::I16;
            let copied = matches!(scene.bands[band].placement, Placement::Shift { .. });
            let finish = calibration.planck.is_some() && !copied && resampling != Resampling::Nearest;
            let values = match finish {
                true => calibration.linear_table(entries, signed),
                false => calibration.table(entries, signed),
            };
            Some(Table { band, calibration, values, finish })
        });
        Self { plan: scene, resampling, tables: tables.collect(), windows }
    }

    /// Source pixels of an input's window at or above saturation.
    pub fn saturated(&self, input: usize) -> u64 {
        let Some(Some(table)) = self.tables.get(input) else { return 0 };
        let Some(limit) = table.calibration.saturation else { return 0 };
        let Some(window) = &self.windows[table.band] else { return 0 };
        let wanted = self.plan.bands[table.band].window;
        match &window.data {
            DnData::U8(d) => count_rows(d, window.rect, wanted, |v| i32::from(v) >= limit),
            DnData::U16(d) => count_rows(d, window.rect, wanted, |v| i32::from(v) >= limit),
            DnData::I16(d) => count_rows(d, window.rect, wanted, |v| i32::from(v) >= limit),
        }
    }

    /// Prepares one chunk of the target grid.
    pub fn chunk(&self, plan: &CubePlan, rect: PixelRect) -> Result<ChunkSampler<'_>> {
        let mut maps: Vec<(usize, WarpMap)> = Vec::new();
        for (i, band) in self.plan.bands.iter().enumerate() {
            let first = self.plan.bands.iter().position(|b| b.source == band.source);
            let warped = matches!(band.placement, Placement::Warp) && self.windows[i].is_some();
            if warped && maps.iter().all(|(m, _)| Some(*m) != first) {
                let map = WarpMap::new(&plan.grid, rect, &band.source, MAX_WARP_ERROR_PX)?;
                maps.push((first.unwrap_or(i), map));
            }
        }
        let map_of = |band: &BandPlan| {
            let first = self.plan.bands.iter().position(|b| b.source == band.source);
            maps.iter().position(|(m, _)| Some(*m) == first)
        };
        let band_maps = self.plan.bands.iter().map(map_of).collect();
        let coordinates = maps.iter().map(|_| (vec![0.0; rect.columns], vec![0.0; rect.columns])).collect();
        Ok(ChunkSampler {
            scene: self,
            rect,
            maps: maps.into_iter().map(|(_, m)| m).collect(),
            band_maps,
            coordinates,
        })
    }
}

/// Samples the rows of one chunk.
pub struct ChunkSampler<'s> {
    scene: &'s LoadedScene<'s>,
    rect: PixelRect,
    maps: Vec<WarpMap>,
    band_maps: Vec<Option<usize>>,
    coordinates: Vec<(Vec<f64>, Vec<f64>)>,
}

impl ChunkSampler<'_> {
    /// Fills `out[input]` (each `rect.columns` long) with the values of target row `row`; NaN where missing.
    pub fn row(&mut self, row: usize, out: &mut [Vec<f32>]) {
        for (map, (xs, ys)) in self.maps.iter().zip(&mut self.coordinates) {
            map.row(row, self.rect.column, xs, ys);
        }
        for (input, values) in out.iter_mut().enumerate() {
            self.input_row(input, row, values);
        }
    }

    fn input_row(&self, input: usize, row: usize, out: &mut [f32]) {
        let Some(table) = &self.scene.tables[input] else { return out.fill(f32::NAN) };
        let Some(window) = &self.scene.windows[table.band] else { return out.fill(f32::NAN) };
        match &window.data {
            DnData::U8(d) => self.typed_row(table, d, window.rect, row, out),
            DnData::U16(d) => self.typed_row(table, d, window.rect, row, out),
            DnData::I16(d) => self.typed_row(table, d, window.rect, row, out),
        }
        if table.finish {
            for v in out.iter_mut() {
                *v = table.calibration.finish(f64::from(*v)) as f32;
            }
        }
    }

    fn typed_row<T: crate::warp::kernel::Dn>(
        &self,
        table: &Table,
        data: &[T],
        rect: PixelRect,
        row: usize,
        out: &mut [f32],
    ) {
        // Windows and tables are made to fit; were they not, the pixels are missing, not wrong.
        let Ok(source) = SourceWindow::new(data, rect, &table.values) else { return out.fill(f32::NAN) };
        let band = &self.scene.plan.bands[table.band];
        match (band.placement, self.band_maps[table.band]) {
            (Placement::Shift { row_offset, column_offset }, _) => {
                copy_row(&source, row as i64 + row_offset, self.rect.column as i64 + column_offset, out);
            }
            (Placement::Warp, Some(map)) => {
                let (xs, ys) = &self.coordinates[map];
                sample_row(self.scene.resampling, &source, xs, ys, self.maps[map].scale(), out);
            }
            (Placement::Warp, None) => out.fill(f32::NAN),
        }
    }
}

fn dn_type(data: &DnData<'_>) -> DnType {
    match data {
        DnData::U8(_) => DnType::U8,
        DnData::U16(_) => DnType::U16,
        DnData::I16(_) => DnType::I16,
    }
}

/// Counts the numbers of `wanted` for which `hit` holds, within a window that lies at `rect`.
fn count_rows<T: Copy>(data: &[T], rect: PixelRect, wanted: PixelRect, hit: impl Fn(T) -> bool) -> u64 {
    let row0 = wanted.row.saturating_sub(rect.row);
    let column0 = wanted.column.saturating_sub(rect.column);
    let columns = wanted.columns.min(rect.columns.saturating_sub(column0));
    let rows = data.chunks_exact(rect.columns.max(1)).skip(row0).take(wanted.rows);
    rows.map(|r| r[column0..column0 + columns].iter().filter(|v| hit(**v)).count() as u64).sum()
}
