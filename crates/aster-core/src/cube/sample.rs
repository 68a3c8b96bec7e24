//! Rows of physical values, or of DN, on the target grid, from the DN windows of one scene.
use crate::cube::plan::CubePlan;
use crate::cube::scene_plan::{MAX_WARP_ERROR_PX, ScenePlan};
use crate::error::Result;
use crate::granule::dn::{DnData, DnType, DnWindow};
use crate::grid::geobox::{GeoBox, PixelRect};
use crate::radiometry::table::Calibration;
use crate::warp::kernel::{
    Dn, Resampling, SourceWindow, copy_dn_row, copy_row, expect_row, sample_row, take_dn_row, take_row,
};
use crate::warp::map::{NearestRow, WarpMap};
use crate::warp::placement::Placement;

/// Rows that memory is asked for before they are copied.
const ROWS_AHEAD: i64 = 2;

/// A scene whose windows are in memory (or mapped) and whose tables are made.
pub struct LoadedScene<'a> {
    plan: &'a ScenePlan,
    resampling: Resampling,
    windows: Vec<Option<DnWindow<'a>>>,
    tables: Vec<Option<Table>>,
    /// Bands on one grid share one map: per band, the first band of its grid.
    grid_of: Vec<usize>,
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
        let first_on = |grid: &GeoBox| scene.bands.iter().position(|b| b.source == *grid).unwrap_or_default();
        let grid_of = scene.bands.iter().map(|b| first_on(&b.source)).collect();
        Self { plan: scene, resampling, tables: tables.collect(), windows, grid_of }
    }

    /// The windows, of which nothing more is needed.
    pub(super) fn into_windows(self) -> impl Iterator<Item = DnWindow<'a>> {
        self.windows.into_iter().flatten()
    }

    /// Source pixels of an input's window at or above saturation.
    pub fn saturated(&self, input: usize) -> u64 {
        let Some(Some(table)) = self.tables.get(input) else { return 0 };
        let Some(limit) = table.calibration.saturation else { return 0 };
        let Some(window) = &self.windows[table.band] else { return 0 };
        let wanted = self.plan.bands[table.band].window;
        match &window.data {
            // Compared as bytes: many to a lane.
            DnData::U8(_) if limit > 255 => 0,
            DnData::U8(d) => {
                let limit = u8::try_from(limit.max(0)).unwrap_or(u8::MAX);
                count_rows(d, window.rect, wanted, |v| v >= limit)
            }
            DnData::U16(d) => count_rows(d, window.rect, wanted, |v| i32::from(v) >= limit),
            DnData::I16(d) => count_rows(d, window.rect, wanted, |v| i32::from(v) >= limit),
        }
    }

    /// Values of an input by DN, where its DN are taken as they are: copied, or nearest.
    pub(super) fn table_of(&self, input: usize) -> Option<&[f32]> {
        let table = self.tables.get(input)?.as_ref()?;
        let placement = self.plan.bands[table.band].placement;
        let taken = matches!(placement, Placement::Shift { .. }) || self.resampling == Resampling::Nearest;
        (taken && !table.finish).then_some(&table.values)
    }

    /// Prepares one chunk of the target grid.
    pub fn chunk(&self, plan: &CubePlan, rect: PixelRect) -> Result<ChunkSampler<'_>> {
        let mut warps: Vec<Option<Warp>> = self.plan.bands.iter().map(|_| None).collect();
        for (band, (window, &grid)) in self.plan.bands.iter().zip(self.windows.iter().zip(&self.grid_of)) {
            if matches!(band.placement, Placement::Warp) && window.is_some() && warps[grid].is_none() {
                let map = WarpMap::new(&plan.grid, rect, &band.source, MAX_WARP_ERROR_PX)?;
                let (xs, ys) = (vec![0.0; rect.columns], vec![0.0; rect.columns]);
                warps[grid] = Some(Warp { map, xs, ys, nearest: NearestRow::default(), nearest_of: None });
            }
        }
        Ok(ChunkSampler { scene: self, rect, warps })
    }
}

/// The map of a source grid, and the source coordinates of the row at hand.
struct Warp {
    map: WarpMap,
    xs: Vec<f64>,
    ys: Vec<f64>,
    nearest: NearestRow,
    /// Row that the nearest pixels are of, and the window that they lie in.
    nearest_of: Option<(usize, PixelRect)>,
}

impl Warp {
    /// Nearest pixels of the columns of `rect`, for all bands in windows of one rectangle.
    fn nearest_row(&mut self, row: usize, rect: PixelRect, window: PixelRect) -> &NearestRow {
        if self.nearest_of != Some((row, window)) {
            self.map.nearest_row(row, rect.column, rect.columns, window, &mut self.nearest);
            self.nearest_of = Some((row, window));
        }
        &self.nearest
    }
}

/// Samples the rows of one chunk.
pub struct ChunkSampler<'s> {
    scene: &'s LoadedScene<'s>,
    rect: PixelRect,
    /// By band; set for the first band of each grid that is warped.
    warps: Vec<Option<Warp>>,
}

impl ChunkSampler<'_> {
    /// Fills `out[input]` (each `rect.columns` long) with the values of target row `row`; NaN where missing.
    pub fn row(&mut self, row: usize, out: &mut [Vec<f32>]) {
        if self.scene.resampling != Resampling::Nearest {
            for warp in self.warps.iter_mut().flatten() {
                warp.map.row(row, self.rect.column, &mut warp.xs, &mut warp.ys);
            }
        }
        for (input, values) in out.iter_mut().enumerate() {
            self.input_row(input, row, values);
        }
    }

    /// Fills `out[input]` (each `rect.columns` long) with the DN of target row `row`, signed ones by their bits; 0 outside
    /// of a band. For inputs that have a [`LoadedScene::table_of`].
    pub(super) fn dn_row(&mut self, row: usize, out: &mut [Vec<u16>]) {
        let scene = self.scene;
        for (table, dn) in scene.tables.iter().zip(out) {
            let window = table.as_ref().and_then(|table| scene.windows[table.band].as_ref());
            match (table, window.map(|window| (window.rect, &window.data))) {
                (Some(table), Some((rect, DnData::U8(d)))) => self.typed_dn_row(table, d, rect, row, dn),
                (Some(table), Some((rect, DnData::U16(d)))) => self.typed_dn_row(table, d, rect, row, dn),
                (Some(table), Some((rect, DnData::I16(d)))) => self.typed_dn_row(table, d, rect, row, dn),
                _ => dn.fill(0),
            }
        }
    }

    fn typed_dn_row<T: Dn>(
        &mut self,
        table: &Table,
        data: &[T],
        rect: PixelRect,
        row: usize,
        out: &mut [u16],
    ) {
        let Ok(source) = SourceWindow::new(data, rect, &table.values) else { return out.fill(0) };
        let band = &self.scene.plan.bands[table.band];
        match (band.placement, &mut self.warps[self.scene.grid_of[table.band]]) {
            (Placement::Shift { row_offset, column_offset }, _) => {
                let (row, column) = (row as i64 + row_offset, self.rect.column as i64 + column_offset);
                expect_row(&source, row + ROWS_AHEAD, column, out.len());
                copy_dn_row(&source, row, column, out);
            }
            (Placement::Warp, Some(warp)) => {
                take_dn_row(&source, warp.nearest_row(row, self.rect, rect), out);
            }
            (Placement::Warp, None) => out.fill(0),
        }
    }

    fn input_row(&mut self, input: usize, row: usize, out: &mut [f32]) {
        let scene = self.scene;
        let Some(table) = &scene.tables[input] else { return out.fill(f32::NAN) };
        let Some(window) = &scene.windows[table.band] else { return out.fill(f32::NAN) };
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

    fn typed_row<T: Dn>(&mut self, table: &Table, data: &[T], rect: PixelRect, row: usize, out: &mut [f32]) {
        // Windows and tables are made to fit; were they not, the pixels are missing, not wrong.
        let Ok(source) = SourceWindow::new(data, rect, &table.values) else { return out.fill(f32::NAN) };
        let band = &self.scene.plan.bands[table.band];
        match (band.placement, &mut self.warps[self.scene.grid_of[table.band]]) {
            (Placement::Shift { row_offset, column_offset }, _) => {
                copy_row(&source, row as i64 + row_offset, self.rect.column as i64 + column_offset, out);
            }
            (Placement::Warp, Some(warp)) if self.scene.resampling == Resampling::Nearest => {
                take_row(&source, warp.nearest_row(row, self.rect, rect), out);
            }
            (Placement::Warp, Some(warp)) => {
                sample_row(self.scene.resampling, &source, &warp.xs, &warp.ys, warp.map.scale(), out);
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
    // Few enough at a time for a byte to count them.
    let few = |v: &[T]| u64::from(v.iter().map(|v| u8::from(hit(*v))).sum::<u8>());
    rows.map(|r| r[column0..column0 + columns].chunks(255).map(few).sum::<u64>()).sum()
}
