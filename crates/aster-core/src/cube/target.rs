//! The grid of a cube: CRS, pixel size, lattice and extent.
use crate::cube::request::CubeRequest;
use crate::cube::scene_plan::{BandPlan, ScenePlan};
use crate::cube::wanted::Wanted;
use crate::error::{Error, ErrorCode, Result};
use crate::geo::affine::{Affine, Xy};
use crate::geo::bbox::{Area, Bounds};
use crate::geo::crs::Crs;
use crate::grid::geobox::GeoBox;
use crate::grid::lattice::Lattice;
use crate::product::subsystem::Subsystem;

/// Metres of a degree of latitude, to turn a native pixel into degrees when the target is geographic.
const METRES_PER_DEGREE: f64 = 111_319.490_793;

/// Areas wider or higher than this are cut to the scenes before a grid is laid: no UTM zone serves them, and
/// nothing beyond the scenes could be in the cube.
const LARGE_AREA_DEG: f64 = 12.0;

/// Default: UTM zone of the area's centre (or of most scenes), finest native pixel, the lattice that most scenes of that zone share.
pub fn target_grid(request: &CubeRequest, wanted: &Wanted, scenes: &[ScenePlan]) -> Result<GeoBox> {
    if let (Some([min_x, min_y, max_x, max_y]), Some(crs)) = (request.extent, &wanted.crs) {
        let pixel = pixel_size(request, crs, scenes);
        let bounds = Bounds { min_x, min_y, max_x, max_y };
        return GeoBox::of_centres_in(&bounds, crs, pixel, anchor(wanted, crs, pixel, scenes));
    }
    let bounds = request.clip.as_ref().map(|c| c.polygon.bounds());
    let area = request.area.or(bounds).map(|area| near_scenes(area, scenes)).transpose()?;
    let crs = match &wanted.crs {
        Some(crs) => crs.clone(),
        None => default_crs(area.as_ref(), scenes)?,
    };
    let pixel = pixel_size(request, &crs, scenes);
    let anchor = anchor(wanted, &crs, pixel, scenes);
    match &area {
        Some(area) => GeoBox::covering(area, &crs, pixel, anchor),
        None => whole_extent(&crs, pixel, anchor, scenes),
    }
}

fn pixel_size(request: &CubeRequest, crs: &Crs, scenes: &[ScenePlan]) -> f64 {
    let native = finest_pixel(scenes);
    match request.resolution {
        Some(pixel) => pixel,
        None if crs.is_geographic() => native / METRES_PER_DEGREE,
        None => native,
    }
}

/// UTM zone of the area's centre; without an area the zone that most scenes are in, the earliest of equals.
fn default_crs(area: Option<&Area>, scenes: &[ScenePlan]) -> Result<Crs> {
    if let Some(area) = area {
        let (lon, lat) = area.centre();
        return Ok(Crs::utm_of(lon, lat));
    }
    let mut votes: Vec<(&Crs, usize)> = Vec::new();
    for crs in scenes.iter().filter_map(|s| s.bands.first()).map(|b| &b.source.crs) {
        match votes.iter_mut().find(|(c, _)| *c == crs) {
            Some((_, n)) => *n += 1,
            None => votes.push((crs, 1)),
        }
    }
    let most = votes.iter().rev().max_by_key(|(_, n)| *n).map(|(crs, _)| (*crs).clone());
    most.ok_or_else(|| Error::new(ErrorCode::NotFound, "no granule was given"))
}

/// Smallest pixel side of the bands in use, CRS units of the granules (metres).
fn finest_pixel(scenes: &[ScenePlan]) -> f64 {
    let sides = scenes.iter().flat_map(|s| &s.bands).map(|b| side(&b.source.transform));
    let finest = sides.fold(f64::INFINITY, f64::min);
    if finest.is_finite() { finest } else { 15.0 }
}

/// Side of a pixel; a native one where a fitted or repaired map is off by noise.
fn side(t: &Affine) -> f64 {
    let side = t.dx.hypot(t.ry);
    let native = Subsystem::ALL.iter().map(|s| s.pixel_m()).find(|n| (side - n).abs() < 1e-4 * n);
    native.unwrap_or((side * 1e6).round() / 1e6)
}

/// A pixel corner of the lattice that is stated, else of the one that scenes have.
fn anchor(wanted: &Wanted, crs: &Crs, pixel: f64, scenes: &[ScenePlan]) -> Xy {
    wanted.lattice.map_or_else(|| lattice_anchor(crs, pixel, scenes), |lattice| lattice.corner(pixel))
}

/// A pixel corner of the lattice shared by most upright bands of that CRS and pixel; where there is none,
/// native pixels sit as V003 puts them, others with their corners on multiples of the pixel.
fn lattice_anchor(crs: &Crs, pixel: f64, scenes: &[ScenePlan]) -> Xy {
    let mut votes: Vec<(Xy, usize)> = Vec::new();
    for t in scenes.iter().filter_map(|s| {
        let fits = |t: &Affine| t.is_upright() && (t.dx - pixel).abs() < 1e-9 && (t.dy + pixel).abs() < 1e-9;
        s.bands.iter().find(|b| b.source.crs == *crs && fits(&b.source.transform)).map(|b| b.source.transform)
    }) {
        let phase = Xy { x: t.x0.rem_euclid(pixel), y: t.y0.rem_euclid(pixel) };
        let near = |a: &Xy| (a.x - phase.x).abs() < 1e-3 * pixel && (a.y - phase.y).abs() < 1e-3 * pixel;
        match votes.iter_mut().find(|(a, _)| near(a)) {
            Some((_, n)) => *n += 1,
            None => votes.push((phase, 1)),
        }
    }
    // The first of equals is the earliest scene's.
    let best = votes.iter().rev().max_by_key(|(_, n)| *n).map(|(a, _)| *a);
    let native = !crs.is_geographic() && [15.0, 30.0, 90.0].contains(&pixel);
    best.unwrap_or(if native { Lattice::Centre.corner(pixel) } else { Lattice::Corner.corner(pixel) })
}

fn footprint(scenes: &[ScenePlan]) -> Result<Area> {
    let mut all: Option<Area> = None;
    for band in scenes.iter().flat_map(|s| s.bands.first()) {
        let area = band.source.area()?;
        all = Some(all.map_or(area, |a| a.union(&area)));
    }
    all.ok_or_else(|| Error::new(ErrorCode::NotFound, "no granule was given"))
}

/// The extent of all scenes; those of that very CRS count exactly, others by their box in degrees.
fn whole_extent(crs: &Crs, pixel: f64, anchor: Xy, scenes: &[ScenePlan]) -> Result<GeoBox> {
    let mut all: Option<Bounds> = None;
    for band in scenes.iter().flat_map(|s| &s.bands) {
        let b = if band.source.crs == *crs {
            band.source.bounds()
        } else {
            GeoBox::covering(&band.source.area()?, crs, pixel, anchor)?.bounds()
        };
        all = Some(all.map_or(b, |a| Bounds {
            min_x: a.min_x.min(b.min_x),
            min_y: a.min_y.min(b.min_y),
            max_x: a.max_x.max(b.max_x),
            max_y: a.max_y.max(b.max_y),
        }));
    }
    let bounds = all.ok_or_else(|| Error::new(ErrorCode::NotFound, "no granule was given"))?;
    GeoBox::around(&bounds, crs, pixel, anchor)
}

/// The area, cut to the scenes where it is large. One off every scene is refused with what there is, before a
/// projection is bent to its limits.
fn near_scenes(area: Area, scenes: &[ScenePlan]) -> Result<Area> {
    let there = footprint(scenes)?;
    let touches = |b: &BandPlan| b.source.area().is_ok_and(|a| a.intersects(&area));
    if !scenes.iter().flat_map(|s| s.bands.first()).any(touches) {
        return Err(Error::new(ErrorCode::NotFound, "the area lies outside all granules").hint(format!(
            "they cover {:.3} {:.3} {:.3} {:.3} (west south east north)",
            there.west, there.south, there.east, there.north
        )));
    }
    let large = area.east - area.west > LARGE_AREA_DEG || area.north - area.south > LARGE_AREA_DEG;
    Ok(if large { area.intersection(&there).unwrap_or(area) } else { area })
}
