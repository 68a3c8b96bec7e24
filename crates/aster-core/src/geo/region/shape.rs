//! From the rings of a file to rings of longitude and latitude, or what is wrong with them.
use super::{TOLERANCE_M, antimeridian, crossing};
use crate::error::{Error, ErrorCode, Result};
use crate::geo::affine::Xy;
use crate::geo::carry::{Carrier, Lost};
use crate::geo::crs::Crs;
use crate::geo::polygon::MAX_POINTS;

/// A polygon: its outline and its holes, without repeated first points.
pub(super) type Rings = Vec<Vec<Xy>>;

/// What is wrong with a shape.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Flaw {
    code: ErrorCode,
    why: String,
    hint: Option<String>,
}

impl Flaw {
    /// The sentence goes on after the feature: `has no geometry`.
    pub(super) fn new(why: impl Into<String>) -> Self {
        Self { code: ErrorCode::Usage, why: why.into(), hint: None }
    }
    pub(super) fn too_many() -> Self {
        Self {
            code: ErrorCode::Limit,
            why: format!("brings the region to more than {MAX_POINTS} points"),
            hint: Some("simplify it to about the size of a pixel: ogr2ogr -simplify".to_string()),
        }
    }
    fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }
    /// The error about a feature.
    pub(super) fn of(self, feature: &str) -> Error {
        let error = Error::new(self.code, format!("{feature} {}", self.why));
        match self.hint {
            Some(hint) => error.hint(hint),
            None => error,
        }
    }
}

impl From<Error> for Flaw {
    fn from(e: Error) -> Self {
        let flaw = Self { code: e.code(), why: format!("cannot be carried: {}", e.message()), hint: None };
        e.hint_text().map_or(flaw.clone(), |hint| flaw.hint(hint))
    }
}

/// Carries shapes of a CRS to longitude and latitude.
pub(super) struct Onto {
    crs: Crs,
    carrier: Carrier,
    /// Longitude and latitude in degrees, of whatever datum: edges are straight already.
    from_degrees: bool,
}

impl Onto {
    pub(super) fn new(crs: &Crs) -> Result<Self> {
        Ok(Self {
            crs: crs.clone(),
            carrier: Carrier::new(crs, &Crs::Geographic, TOLERANCE_M)?,
            from_degrees: crs.is_geographic() && crs.units() == "degrees",
        })
    }

    /// A polygon as polygons between -180 and 180 degrees.
    pub(super) fn degrees(&self, rings: Rings, room: usize) -> std::result::Result<Vec<Rings>, Flaw> {
        for (i, ring) in rings.iter().enumerate() {
            self.check(ring, i)?;
        }
        match crossing::find(&rings) {
            crossing::Crossing::None => {}
            crossing::Crossing::At(p) => {
                return Err(Flaw::new(format!("crosses itself at {}", place(p)))
                    .hint("repair it: ogr2ogr -makevalid repaired.gpkg FILE"));
            }
            crossing::Crossing::GivenUp => {
                return Err(Flaw { code: ErrorCode::Limit, ..Flaw::new("is too tangled to be checked") });
            }
        }
        if let Some(i) = rings.iter().position(|ring| antimeridian::signed_area(ring) == 0.0) {
            return Err(Flaw::new(format!("covers no area in {}", ring_name(i))));
        }
        let mut out: Rings = Vec::with_capacity(rings.len());
        for (i, ring) in rings.into_iter().enumerate() {
            let used: usize = out.iter().map(Vec::len).sum();
            let mut ring = self.ring(ring, room.saturating_sub(used), out.first().map(|_| i))?;
            if let Some(outline) = out.first() {
                beside(&mut ring, outline);
            } else {
                around_zero(&mut ring);
            }
            out.push(ring);
        }
        Ok(antimeridian::cut(out))
    }

    fn check(&self, ring: &[Xy], i: usize) -> std::result::Result<(), Flaw> {
        let name = ring_name(i);
        if let Some(at) = ring.iter().position(|p| !p.x.is_finite() || !p.y.is_finite()) {
            return Err(Flaw::new(format!("has no number at point {} of {name}", at + 1)));
        }
        let first = ring.first();
        let second = ring.iter().find(|p| Some(*p) != first);
        if !ring.iter().any(|p| Some(p) != first && Some(p) != second) {
            return Err(Flaw::new(format!("has fewer than three different points in {name}")));
        }
        if !self.from_degrees {
            return Ok(());
        }
        if let Some(at) = ring.iter().position(|p| p.x.abs() > 540.0 || p.y.abs() > 90.0) {
            let p = place(ring[at]);
            return Err(Flaw::new(format!("lies outside of the Earth at point {} of {name}: {p}", at + 1))
                .hint(format!(
                    "the file says {}, degrees; are its coordinates of another system?",
                    self.crs
                )));
        }
        let far = |(a, b): (&Xy, &Xy)| (a.x - b.x).abs() > 180.0 && (a.x - b.x).abs() != 360.0;
        if let Some(at) = ring.iter().zip(ring.iter().cycle().skip(1)).position(far) {
            return Err(Flaw::new(format!(
                "has an edge of more than 180 degrees of longitude at point {} of {name}",
                at + 1
            ))
            .hint(
                "cut it at 180 degrees, let longitudes run on past 180, or, for the long way, add points",
            ));
        }
        Ok(())
    }

    /// A ring with continuous longitudes, closed along a pole if it runs around one.
    fn ring(&self, ring: Vec<Xy>, room: usize, hole: Option<usize>) -> std::result::Result<Vec<Xy>, Flaw> {
        if self.crs == Crs::Geographic {
            return Ok(ring);
        }
        let name = ring_name(hole.unwrap_or(0));
        let anticlockwise = antimeridian::signed_area(&ring) > 0.0;
        let original = self.from_degrees.then(|| ring.clone());
        let (mut image, turn) = self.carrier.ring(&ring, room)?.map_err(|lost| match lost {
            Lost::Place(p) => {
                Flaw::new(format!("has no longitude and latitude at {} of {name}, in {}", place(p), self.crs))
                    .hint("is that the file's true system?")
            }
            Lost::Edge(p) => Flaw::new(format!("is torn apart at {} of {name}, in {}", place(p), self.crs)),
            Lost::TooMany => Flaw::too_many(),
        })?;
        if let Some(original) = original {
            // Longitudes of another datum: as many turns as they were written with.
            let shift =
                original.first().zip(image.first()).map_or(0.0, |(a, b)| ((a.x - b.x) / 360.0).round());
            image.iter_mut().for_each(|p| p.x += 360.0 * shift);
            return Ok(image);
        }
        if turn == 0.0 {
            return Ok(image);
        }
        // Eastward with the inside on the left is around the north pole; so is westward with it on the right.
        Ok(antimeridian::closed_around_pole(image, turn, (turn > 0.0) == anticlockwise))
    }
}

fn ring_name(i: usize) -> String {
    if i == 0 { "its outline".to_string() } else { format!("hole {i}") }
}

fn place(p: Xy) -> String {
    let number = |v: f64| format!("{:.6}", v).trim_end_matches('0').trim_end_matches('.').to_string();
    format!("{}, {}", number(p.x), number(p.y))
}

/// Moves a ring by whole turns, so that its middle lies between -180 and 180 degrees.
fn around_zero(ring: &mut [Xy]) {
    let (west, east) = antimeridian::extent(ring.iter());
    let turns = (west.midpoint(east) / 360.0).round();
    ring.iter_mut().for_each(|p| p.x -= 360.0 * turns);
}

/// Moves a hole by whole turns into its outline, or next to it.
fn beside(hole: &mut [Xy], outline: &[Xy]) {
    let ((w, e), (west, east)) = (antimeridian::extent(hole.iter()), antimeridian::extent(outline.iter()));
    let turns = ((w.midpoint(e) - west.midpoint(east)) / 360.0).round();
    let fits = |n: &f64| w - 360.0 * n >= west && e - 360.0 * n <= east;
    let turns = [turns, turns - 1.0, turns + 1.0].into_iter().find(fits).unwrap_or(turns);
    hole.iter_mut().for_each(|p| p.x -= 360.0 * turns);
}
