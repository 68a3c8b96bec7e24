//! One granule's part of a plan: which bands, which windows, which calibrations; or why it has none.
use crate::cube::calibrate::calibration;
use crate::cube::plan::CubePlan;
use crate::cube::request::CubeRequest;
use crate::cube::wanted::{VariableKind, Wanted};
use crate::error::{Error, ErrorCode, Result};
use crate::granule::facts::{BandFacts, GranuleFacts, ReadCost};
use crate::grid::geobox::{GeoBox, PixelRect};
use crate::product::band::Band;
use crate::product::subsystem::Subsystem;
use crate::radiometry::swir_gate::{SwirState, swir_state};
use crate::radiometry::table::Calibration;
use crate::warp::map::WarpMap;
use crate::warp::placement::{Placement, overlap, place, source_window};
use std::borrow::Cow;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Largest error of the approximated coordinate transform, source pixels: small enough that nearest picks the
/// pixel the exact transform would on more than 99.99 % of a scene.
pub const MAX_WARP_ERROR_PX: f64 = 1e-4;
/// The same while windows are planned: a window has a pixel to spare on every side.
const PLANNING_ERROR_PX: f64 = 0.125;
/// One source band of a scene.
#[derive(Debug, Clone)]
pub struct BandPlan {
    /// Which.
    pub band: Band,
    /// Its grid.
    pub source: GeoBox,
    /// Copied or resampled.
    pub placement: Placement,
    /// Part of the target grid it touches.
    pub touched: PixelRect,
    /// Part of the source that is read.
    pub window: PixelRect,
    /// Bytes of it.
    pub window_bytes: u64,
    /// Bytes of memory it takes to read it.
    pub cost_bytes: u64,
}

/// One scene.
#[derive(Debug, Clone)]
pub struct ScenePlan {
    /// File or folder as the request names it.
    pub path: PathBuf,
    /// Its headers.
    pub facts: Arc<GranuleFacts>,
    /// Bands to read, each once.
    pub bands: Vec<BandPlan>,
    /// Per input of the plan: index into `bands` and the calibration, or nothing when it has no data.
    pub inputs: Vec<Option<(usize, Calibration)>>,
    /// Per variable of the plan: whether all its inputs are there.
    pub computable: Vec<bool>,
    /// Part of the target grid it touches.
    pub target: PixelRect,
}

/// A granule that is left out.
#[derive(Debug, Clone)]
pub struct Skipped {
    /// File or folder.
    pub path: PathBuf,
    /// Granule id, when the headers could be read.
    pub id: Option<String>,
    /// Why.
    pub error: Error,
}

impl ScenePlan {
    /// Places every band on the grid; false when none touches it.
    pub(super) fn put_on(&mut self, grid: &GeoBox, wanted: &Wanted) -> Result<bool> {
        let mut target = PixelRect::default();
        for plan in &mut self.bands {
            plan.placement = place(grid, &plan.source);
            let Some(touched) = overlap(grid, &plan.source, plan.placement)? else { continue };
            let Some(window) = window_of(grid, touched, plan, wanted)? else { continue };
            plan.touched = touched;
            plan.set_window(window, self.facts.band(plan.band));
            target = target.union(&touched);
        }
        self.target = target;
        Ok(!target.is_empty())
    }

    /// The scene as far as `block` of the grid is concerned: windows cut to it. Nothing when it lies elsewhere.
    pub(super) fn within(&self, plan: &CubePlan, block: PixelRect) -> Result<Option<Cow<'_, Self>>> {
        let target = self.target.intersection(&block);
        if target.is_empty() {
            return Ok(None);
        }
        if target == self.target {
            return Ok(Some(Cow::Borrowed(self)));
        }
        let mut part = Self { target, ..self.clone() };
        for band in &mut part.bands {
            band.touched = band.touched.intersection(&block);
            let window = match band.touched.is_empty() {
                true => None,
                false => window_of(&plan.grid, band.touched, band, &plan.wanted)?,
            };
            band.set_window(window.unwrap_or_default(), self.facts.band(band.band));
        }
        Ok(Some(Cow::Owned(part)))
    }
    /// Bytes of memory it takes to read every band's window.
    pub(super) fn cost_bytes(&self) -> u64 {
        self.bands.iter().map(|b| b.cost_bytes).sum()
    }
    /// `shift` when every band is copied, else `warp`.
    pub fn placement(&self) -> &'static str {
        let read = self.bands.iter().filter(|b| !b.window.is_empty());
        if read.into_iter().all(|b| matches!(b.placement, Placement::Shift { .. })) {
            "shift"
        } else {
            "warp"
        }
    }
}

/// Source pixels that the touched part of the grid needs.
fn window_of(
    grid: &GeoBox,
    touched: PixelRect,
    plan: &BandPlan,
    wanted: &Wanted,
) -> Result<Option<PixelRect>> {
    let map = match plan.placement {
        Placement::Shift { .. } => None,
        Placement::Warp => Some(WarpMap::new(grid, touched, &plan.source, PLANNING_ERROR_PX)?),
    };
    let radius = map.as_ref().map_or(0.0, |m| wanted.resampling.radius(m.scale()));
    Ok(source_window(plan.placement, map.as_ref(), touched, plan.source.shape, radius))
}

/// Calibrations of one granule; an error when it can contribute to no variable.
pub(super) fn prepare(
    path: &Path,
    facts: GranuleFacts,
    request: &CubeRequest,
    wanted: &Wanted,
    warnings: &mut Vec<String>,
) -> Result<ScenePlan> {
    if let Some(product) = wanted.product.filter(|p| p.name != facts.name.product) {
        return Err(Error::new(
            ErrorCode::NotFound,
            format!("the granule is {}, not {}", facts.name.product, product.name),
        ));
    }
    let mut bands: Vec<BandPlan> = Vec::new();
    let mut errors: Vec<Option<Error>> = Vec::new();
    let mut inputs = Vec::new();
    for input in &wanted.inputs {
        let made = usable_band(&facts, input.band, request.allow_bad_swir)
            .and_then(|band| Ok((band, calibration(&facts, band, *input, wanted, request.mask_saturated)?)));
        match made {
            Ok((band, calibration)) => {
                let index = bands.iter().position(|b| b.band == band.band).unwrap_or_else(|| {
                    bands.push(BandPlan::unplaced(band));
                    bands.len() - 1
                });
                inputs.push(Some((index, calibration)));
                errors.push(None);
            }
            Err(error) => {
                inputs.push(None);
                errors.push(Some(error));
            }
        }
    }
    let missing = |variable: &VariableKind| {
        let needs = variable.inputs();
        wanted.inputs.iter().zip(&errors).filter(|(i, _)| needs.contains(i)).find_map(|(_, e)| e.clone())
    };
    let reasons: Vec<Option<Error>> = wanted.variables.iter().map(missing).collect();
    if reasons.iter().all(Option::is_some) {
        let first = reasons.into_iter().flatten().next();
        return Err(first.unwrap_or_else(|| Error::usage("no variable was asked for")));
    }
    for (variable, reason) in wanted.variables.iter().zip(&reasons) {
        if let Some(reason) = reason {
            warnings.push(format!("{}: no {}: {reason}", facts.name.id, variable.name()));
        }
    }
    let swir = bands.iter().any(|b| b.band.subsystem() == Subsystem::Swir);
    if swir && swir_state(facts.time) == SwirState::Doubtful {
        warnings.push(format!("{}: SWIR is doubtful from 2007-05-01 on", facts.name.id));
    }
    warnings.extend(facts.warnings.iter().map(|w| format!("{}: {w}", facts.name.id)));
    let computable = reasons.iter().map(Option::is_none).collect();
    let facts = Arc::new(facts);
    Ok(ScenePlan { path: path.to_path_buf(), facts, bands, inputs, computable, target: PixelRect::default() })
}

impl BandPlan {
    fn unplaced(facts: &BandFacts) -> Self {
        Self {
            band: facts.band,
            source: facts.geobox.clone(),
            placement: Placement::Warp,
            touched: PixelRect::default(),
            window: PixelRect::default(),
            window_bytes: 0,
            cost_bytes: 0,
        }
    }

    fn set_window(&mut self, window: PixelRect, facts: Option<&BandFacts>) {
        let number = facts.map_or(1, |f| f.dn_type.bytes()) as u64;
        self.window = window;
        self.window_bytes = window.len() as u64 * number;
        self.cost_bytes = match facts.map_or(ReadCost::Window, |f| f.read_cost) {
            _ if window.is_empty() => 0,
            // Mapped pages are resident while in use; they come in whole rows.
            ReadCost::Borrowed => (window.rows * self.source.shape.nx) as u64 * number,
            ReadCost::Window => self.window_bytes,
            ReadCost::Fetched => self.window_bytes + (window.rows * self.source.shape.nx) as u64 * number,
            // The decoded band, the window cut from it, and the compressed stream's own pages.
            ReadCost::WholeBand => {
                self.window_bytes + 2 * (self.source.shape.ny * self.source.shape.nx) as u64 * number
            }
        };
    }
}

/// The band, unless the telescope was off or its data are known to be bad.
fn usable_band(facts: &GranuleFacts, band: Band, allow_bad_swir: bool) -> Result<&BandFacts> {
    let telescope = band.subsystem();
    if telescope == Subsystem::Swir && !allow_bad_swir && swir_state(facts.time) == SwirState::Unusable {
        return Err(Error::new(ErrorCode::NoData, "SWIR is unusable from 2008-04-01 on")
            .hint("choose earlier dates, or use --allow-bad-swir to look at it all the same"));
    }
    facts.band(band).ok_or_else(|| {
        let present: Vec<&str> = Subsystem::ALL
            .iter()
            .filter(|s| facts.bands.iter().any(|b| b.band.subsystem() == **s))
            .map(|s| s.as_str())
            .collect();
        Error::new(
            ErrorCode::NoData,
            format!("band {band} ({telescope}) was not acquired; the granule has {}", present.join(", ")),
        )
    })
}
