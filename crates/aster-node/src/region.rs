//! Regions of files, and rings from one CRS to another.
use crate::outcome::{NativeError, guarded, outcome};
use aster_core::Error;
use aster_core::geo::affine::Xy;
use aster_core::geo::carry::{Carrier, Lost};
use aster_core::geo::crs::Crs;
use aster_core::geo::region::{RegionChoice, load};
use napi::bindgen_prelude::{AsyncTask, Float64Array};
use napi::{Env, Task};
use napi_derive::napi;

/// Which features of a file of polygons make a region.
#[napi(object)]
#[derive(Clone)]
pub struct RegionRequest {
    pub path: String,
    /// Column of names; without it every column is searched for the name.
    pub name_column: Option<String>,
    /// All features if left out.
    pub region_name: Option<String>,
}

/// A region of a file.
#[napi(object, object_from_js = false)]
pub struct RegionInfo {
    /// GeoJSON text of a MultiPolygon; longitude and latitude, cut at 180 degrees.
    pub polygon: String,
    /// CRS of the file.
    pub crs: String,
    /// Features that it is made of.
    pub features: u32,
}

/// A ring in another CRS.
#[napi(object, object_from_js = false)]
pub struct CarriedRing {
    /// x and y in turn; the first point is not repeated. Longitudes are continuous.
    pub positions: Float64Array,
    /// Degrees that a ring around a pole comes back later by: 360, -360 or 0.
    pub turn: f64,
}

outcome!(RegionOutcome, RegionInfo);
outcome!(RingOutcome, CarriedRing);

pub struct LoadRegion(RegionRequest);

impl Task for LoadRegion {
    type Output = Result<RegionInfo, NativeError>;
    type JsValue = RegionOutcome;
    fn compute(&mut self) -> napi::Result<Self::Output> {
        let RegionRequest { path, name_column, region_name } = self.0.clone();
        Ok(guarded(|| {
            let region = load(path.as_ref(), &RegionChoice { name_column, region_name })?;
            Ok(RegionInfo {
                polygon: serde_json::Value::from(region.polygon).to_string(),
                crs: region.crs,
                features: u32::try_from(region.features).unwrap_or(u32::MAX),
            })
        }))
    }
    fn resolve(&mut self, _: Env, output: Self::Output) -> napi::Result<RegionOutcome> {
        Ok(output.into())
    }
}

/// Reads a region of GeoJSON, Shapefile, GeoPackage, FlatGeobuf and what else GDAL reads, in any CRS.
#[napi(ts_return_type = "Promise<RegionOutcome>")]
pub fn load_region(request: RegionRequest) -> AsyncTask<LoadRegion> {
    AsyncTask::new(LoadRegion(request))
}

/// Points of a ring that was carried.
const MAX_POINTS: usize = 1_000_000;

/// A ring (x and y in turn, the first point not repeated) in another CRS, with points added so that its
/// straight edges stay within the tolerance: units of the target, metres for longitude and latitude.
#[napi]
pub fn carry_ring(positions: Float64Array, from: String, to: String, tolerance: f64) -> RingOutcome {
    guarded(|| {
        if !(tolerance > 0.0 && tolerance.is_finite()) {
            return Err(Error::usage(format!("the tolerance must be greater than 0, got {tolerance}")));
        }
        let (from, to) = (Crs::parse(&from)?, Crs::parse(&to)?);
        let ring: Vec<Xy> = positions.chunks_exact(2).map(|p| Xy { x: p[0], y: p[1] }).collect();
        let (ring, turn) = Carrier::new(&from, &to, tolerance)?.ring(&ring, MAX_POINTS)?.map_err(|lost| {
            let (x, y, why) = match lost {
                Lost::Place(p) => (p.x, p.y, "has no place"),
                Lost::Edge(p) => (p.x, p.y, "lies on an edge that is torn apart"),
                Lost::TooMany => return Error::usage(format!("the ring is too long in {to}")),
            };
            Error::usage(format!("{x}, {y} of {from} {why} in {to}"))
                .hint("choose a CRS that is made for the area")
        })?;
        let positions: Vec<f64> = ring.iter().flat_map(|p| [p.x, p.y]).collect();
        Ok(CarriedRing { positions: positions.into(), turn })
    })
    .into()
}
