//! Rings from one CRS to another, with points added so that their straight edges follow the bent ones.
use crate::error::Result;
use crate::geo::affine::Xy;
use crate::geo::crs::Crs;
use crate::geo::transform::Transformer;

/// Metres of a degree along a great circle.
const METRES_PER_DEGREE: f64 = 111_319.490_793;
/// Halvings of an edge: an edge as long as the equator is then shorter than a micrometre.
const MAX_DEPTH: u32 = 45;
/// Where an edge is compared with its image: parts of its length.
const SAMPLES: [f64; 3] = [0.25, 0.5, 0.75];
/// Degrees of latitude from a pole within which a longitude says nothing: a tenth of a millimetre.
const AT_POLE_DEG: f64 = 1e-9;

/// Why a ring cannot be carried, and where.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Lost {
    /// The place has no image.
    Place(Xy),
    /// The edge that begins here is torn apart.
    Edge(Xy),
    /// There are more points than allowed.
    TooMany,
}

/// Carries rings into a CRS. An edge of the result is straight in the target (in degrees, for longitude and
/// latitude) and lies within the tolerance of where the edge belongs.
#[derive(Debug)]
pub struct Carrier {
    transformer: Transformer,
    /// The target is longitude and latitude.
    to_degrees: bool,
    /// Units of the target; metres for longitude and latitude.
    tolerance: f64,
}

impl Carrier {
    /// From one CRS to another. The tolerance is in units of the target, in metres for longitude and
    /// latitude.
    ///
    /// # Errors
    /// As [`Transformer::new`].
    pub fn new(from: &Crs, to: &Crs, tolerance: f64) -> Result<Self> {
        Ok(Self { transformer: Transformer::new(from, to)?, to_degrees: to.is_geographic(), tolerance })
    }

    /// A closed ring, without its repeated first point, as such a ring of at most `room` points. Longitudes
    /// are continuous: they run on past 180. A ring around a pole comes back to its first point a turn
    /// later, which the second number says: 360, -360 or 0.
    ///
    /// # Errors
    /// [`Lost`], or a transformation that fails as a whole.
    pub fn ring(&self, ring: &[Xy], room: usize) -> Result<std::result::Result<(Vec<Xy>, f64), Lost>> {
        let mut ring = ring.to_vec();
        let mut images = ring.clone();
        self.images(&mut images)?;
        // A pole has no longitude to begin with.
        let start = images.iter().position(|p| !is_pole(*p)).filter(|_| self.to_degrees).unwrap_or(0);
        ring.rotate_left(start);
        images.rotate_left(start);
        let edges = || ring.iter().zip(ring.iter().cycle().skip(1));
        let mut samples: Vec<Xy> =
            edges().flat_map(|(a, b)| SAMPLES.map(|part| between(*a, *b, part))).collect();
        self.images(&mut samples)?;
        if let Some(at) = images.iter().position(|p| !p.x.is_finite()) {
            return Ok(Err(Lost::Place(ring[at])));
        }
        let mut out: Vec<Xy> = Vec::with_capacity(ring.len());
        let ends = images.iter().zip(images.iter().cycle().skip(1));
        for (((from, to), (a, b)), samples) in edges().zip(ends).zip(samples.chunks_exact(SAMPLES.len())) {
            let samples = [samples[0], samples[1], samples[2]];
            let edge = Edge { from: *from, to: *to, a: *a, b: *b };
            if let Err(lost) = self.edge(edge, samples, 0, room, &mut out)? {
                return Ok(Err(lost));
            }
        }
        let Some(first) = out.first().copied() else { return Ok(Ok((out, 0.0))) };
        if !self.to_degrees {
            return Ok(Ok((out, 0.0)));
        }
        let last = out.last().map_or(first, |p| *p);
        // The last edge leads back to the first point, or to where that is a turn later.
        let turn = turned(first, last).x - first.x;
        Ok(Ok((out, turn)))
    }

    /// Adds the beginning of the edge and what it takes to follow it.
    fn edge(
        &self,
        edge: Edge,
        samples: [Xy; 3],
        depth: u32,
        room: usize,
        out: &mut Vec<Xy>,
    ) -> Result<std::result::Result<(), Lost>> {
        if samples.iter().any(|p| !p.x.is_finite()) {
            return Ok(Err(Lost::Place(between(edge.from, edge.to, 0.5))));
        }
        if self.is_straight(edge.a, edge.b, &samples) {
            if out.len() >= room {
                return Ok(Err(Lost::TooMany));
            }
            self.push(edge, out);
            return Ok(Ok(()));
        }
        if depth == MAX_DEPTH {
            return Ok(Err(Lost::Edge(edge.from)));
        }
        let (middle, image) = (between(edge.from, edge.to, 0.5), samples[1]);
        for half in [Edge { to: middle, b: image, ..edge }, Edge { from: middle, a: image, ..edge }] {
            let mut samples = SAMPLES.map(|part| between(half.from, half.to, part));
            self.images(&mut samples)?;
            if let Err(lost) = self.edge(half, samples, depth + 1, room, out)? {
                return Ok(Err(lost));
            }
        }
        Ok(Ok(()))
    }

    /// Adds the beginning of an edge, next to the point before. A pole is added twice, once with the
    /// longitude that leads there and once with the one that leads away.
    fn push(&self, edge: Edge, out: &mut Vec<Xy>) {
        let mut point = edge.a;
        if let Some(before) = out.last().copied().filter(|_| self.to_degrees) {
            if is_pole(point) {
                out.push(Xy { x: before.x, y: point.y });
                point.x = if is_pole(edge.b) { before.x } else { edge.b.x };
            }
            point = turned(point, before);
        }
        out.push(point);
    }

    /// Whether the straight line from `a` to `b` passes by the samples.
    fn is_straight(&self, a: Xy, b: Xy, samples: &[Xy; 3]) -> bool {
        let (mut a, mut b) = (a, b);
        if self.to_degrees {
            if is_pole(a) {
                a.x = b.x;
            }
            if is_pole(b) {
                b.x = a.x;
            }
            b = turned(b, a);
        }
        SAMPLES.iter().zip(samples).all(|(part, sample)| {
            let straight = between(a, b, *part);
            self.distance(straight, *sample) <= self.tolerance
        })
    }

    fn distance(&self, p: Xy, q: Xy) -> f64 {
        if !self.to_degrees {
            return (p.x - q.x).hypot(p.y - q.y);
        }
        let dx = (turned(q, p).x - p.x) * p.y.to_radians().cos().abs();
        METRES_PER_DEGREE * dx.hypot(p.y - q.y)
    }

    fn images(&self, points: &mut [Xy]) -> Result<()> {
        let (mut xs, mut ys): (Vec<f64>, Vec<f64>) = points.iter().map(|p| (p.x, p.y)).unzip();
        self.transformer.forward(&mut xs, &mut ys)?;
        for ((p, x), y) in points.iter_mut().zip(xs).zip(ys) {
            *p = Xy { x, y };
        }
        Ok(())
    }
}

/// An edge and the images of its ends.
#[derive(Clone, Copy)]
struct Edge {
    from: Xy,
    to: Xy,
    a: Xy,
    b: Xy,
}

fn between(a: Xy, b: Xy, part: f64) -> Xy {
    Xy { x: a.x + part * (b.x - a.x), y: a.y + part * (b.y - a.y) }
}

fn is_pole(p: Xy) -> bool {
    p.y.abs() > 90.0 - AT_POLE_DEG
}

/// The point moved by whole turns, next to another.
fn turned(p: Xy, near: Xy) -> Xy {
    Xy { x: p.x - 360.0 * ((p.x - near.x) / 360.0).round(), y: p.y }
}

#[cfg(test)]
#[cfg(feature = "gdal")]
mod tests;
