//! Rings of a polygon in the pixel coordinates of a grid, as straight pieces that follow the bent edges.
use crate::error::{Error, ErrorCode, Result};
use crate::geo::affine::Xy;
use crate::geo::bbox::Area;
use crate::geo::crs::Crs;
use crate::geo::polygon::MultiPolygon;
use crate::geo::transform::Transformer;
use crate::grid::geobox::GeoBox;

/// How far a piece may lie from the edge it follows. An edge is straight in longitude and latitude.
pub const MAX_DEVIATION_PX: f64 = 1e-3;
/// Pieces of all rings together: 320 MB.
const MAX_PIECES: usize = 20_000_000;

/// The polygons' rings on the grid: columns and rows, pixel (0, 0) from 0 to 1. What lies far outside of the
/// grid is cut away beforehand, on the globe, so that a polygon may be larger than the CRS is good for.
///
/// # Errors
/// `USAGE` when a part near the grid has no place in its CRS, `LIMIT` when there are too many pieces.
pub fn pixel_rings(polygon: &MultiPolygon, grid: &GeoBox) -> Result<Vec<Vec<Vec<Xy>>>> {
    let onto = Onto {
        transformer: Transformer::new(&Crs::Geographic, &grid.crs)?,
        pixel_of: grid.transform.inverse()?,
        crs: grid.crs.to_string(),
    };
    let around = around(grid, &onto)?;
    let mut pieces = 0;
    let mut polygons = Vec::new();
    for rings in polygon.polygons() {
        let mut out = Vec::new();
        for ring in rings {
            let ring = cut(ring, &around);
            if ring.len() > 2 {
                let ring = onto.ring(&ring, MAX_PIECES - pieces)?;
                pieces += ring.len();
                out.push(ring);
            }
        }
        if !out.is_empty() {
            polygons.push(out);
        }
    }
    Ok(polygons)
}

/// A box in degrees that holds the grid with some room on all sides.
fn around(grid: &GeoBox, onto: &Onto) -> Result<Area> {
    let area = grid.area()?;
    // A twentieth for edges that bulge between the points that `area` looks at, and two pixels.
    let part = 0.05 + 2.0 / grid.shape.nx.min(grid.shape.ny).max(1) as f64;
    let (mut dx, dy) = (part * (area.east - area.west), part * (area.north - area.south));
    let (mut south, mut north) = (area.south - dy, area.north + dy);
    for pole in [-90.0, 90.0] {
        let p = onto.points(&mut [Xy { x: 0.0, y: pole }])[0];
        let inside = |v: f64, n: usize| (-2.0..=n as f64 + 2.0).contains(&v);
        if !grid.crs.is_geographic() && inside(p.x, grid.shape.nx) && inside(p.y, grid.shape.ny) {
            (south, north, dx) = (south.min(pole), north.max(pole), 360.0);
        }
    }
    // More than half of the globe: across 180 degrees.
    if area.east - area.west > 180.0 {
        dx = 360.0;
    }
    let (west, east) = (area.west - dx, area.east + dx);
    Area::new(west.max(-180.0), south.max(-90.0), east.min(180.0), north.min(90.0))
}

/// What a ring encloses within a box: Sutherland & Hodgman 1974, doi:10.1145/360767.360802. Even and odd stay
/// as they were inside of the box.
fn cut(ring: &[Xy], area: &Area) -> Vec<Xy> {
    /// A coordinate, its limit, and 1 where larger is inward.
    type Side = (fn(&Xy) -> f64, f64, f64);
    let sides: [Side; 4] = [
        (|p| p.x, area.west, 1.0),
        (|p| p.x, area.east, -1.0),
        (|p| p.y, area.south, 1.0),
        (|p| p.y, area.north, -1.0),
    ];
    let mut ring = ring.to_vec();
    for (coordinate, limit, sign) in sides {
        let inward = |p: &Xy| (coordinate(p) - limit) * sign;
        if ring.iter().all(|p| inward(p) >= 0.0) {
            continue;
        }
        let mut out = Vec::with_capacity(ring.len() + 8);
        for (a, b) in ring.iter().zip(ring.iter().cycle().skip(1)) {
            let (da, db) = (inward(a), inward(b));
            if da >= 0.0 {
                out.push(*a);
            }
            if (da >= 0.0) != (db >= 0.0) {
                let t = da / (da - db);
                out.push(Xy { x: a.x + (b.x - a.x) * t, y: a.y + (b.y - a.y) * t });
            }
        }
        ring = out;
    }
    ring
}

/// From degrees to pixels.
struct Onto {
    transformer: Transformer,
    pixel_of: crate::geo::affine::Affine,
    crs: String,
}

/// An edge's end points, and how often it was halved.
struct Edge {
    globe: [Xy; 2],
    pixel: [Xy; 2],
    halved: u32,
}

impl Onto {
    /// Carried in place; NaN where there is no image.
    fn points<'a>(&self, points: &'a mut [Xy]) -> &'a [Xy] {
        let (mut xs, mut ys): (Vec<f64>, Vec<f64>) = points.iter().map(|p| (p.x, p.y)).unzip();
        // Of equal lengths: it cannot fail but by a transformation that was made before.
        if self.transformer.forward(&mut xs, &mut ys).is_err() {
            xs.fill(f64::NAN);
        }
        for (p, (x, y)) in points.iter_mut().zip(xs.into_iter().zip(ys)) {
            *p = self.pixel_of.apply(Xy { x, y });
        }
        points
    }

    /// Halves every edge until the middle of its piece lies within [`MAX_DEVIATION_PX`] of the chord, all
    /// pieces of one length at a time.
    fn ring(&self, ring: &[Xy], allowed: usize) -> Result<Vec<Xy>> {
        let no_place = || {
            Error::usage(format!("the polygon has no place in {} near the grid", self.crs))
                .hint("choose another --crs, or a smaller polygon")
        };
        let finite = |p: &Xy| p.x.is_finite() && p.y.is_finite();
        let too_many = || {
            Error::new(ErrorCode::Limit, format!("the polygon takes more than {MAX_PIECES} pieces"))
                .hint("simplify the polygon to about the size of a pixel (ogr2ogr -simplify)")
        };
        let mut images = ring.to_vec();
        self.points(&mut images);
        if !images.iter().all(finite) {
            return Err(no_place());
        }
        if images.len() > allowed {
            return Err(too_many());
        }
        if self.transformer.is_identity() {
            return Ok(images);
        }
        let ends = |points: &[Xy], i: usize| [points[i], points[(i + 1) % points.len()]];
        let first = |i| Edge { globe: ends(ring, i), pixel: ends(&images, i), halved: 0 };
        // Where a piece begins is known by its number along the ring: (edge, fraction of the edge).
        let mut open: Vec<(usize, f64, Edge)> = (0..ring.len()).map(|i| (i, 0.0, first(i))).collect();
        let mut starts: Vec<(usize, f64, Xy)> =
            images.iter().enumerate().map(|(i, p)| (i, 0.0, *p)).collect();
        while !open.is_empty() {
            let middle = |e: &Edge| {
                let [a, b] = e.globe;
                Xy { x: (a.x + b.x) / 2.0, y: (a.y + b.y) / 2.0 }
            };
            let globe: Vec<Xy> = open.iter().map(|(_, _, e)| middle(e)).collect();
            let mut pixel = globe.clone();
            self.points(&mut pixel);
            let mut next = Vec::new();
            for ((i, at, edge), (globe, pixel)) in open.into_iter().zip(globe.into_iter().zip(pixel)) {
                if !finite(&pixel) {
                    return Err(no_place());
                }
                if is_followed(&edge, pixel) {
                    continue;
                }
                let (halved, half) = (edge.halved + 1, at + 0.5_f64.powi(edge.halved as i32 + 1));
                starts.push((i, half, pixel));
                if starts.len() > allowed {
                    return Err(too_many());
                }
                let [(a, b), (pa, pb)] = [edge.globe, edge.pixel].map(|[a, b]| (a, b));
                next.push((i, at, Edge { globe: [a, globe], pixel: [pa, pixel], halved }));
                next.push((i, half, Edge { globe: [globe, b], pixel: [pixel, pb], halved }));
            }
            open = next;
        }
        starts.sort_by(|a, b| a.0.cmp(&b.0).then(a.1.total_cmp(&b.1)));
        Ok(starts.into_iter().map(|(_, _, p)| p).collect())
    }
}

/// Whether the chord of an edge may stand for it, judged by the image of its middle.
fn is_followed(edge: &Edge, middle: Xy) -> bool {
    /// Halving stops here in any case; a degree is then cut to a thousandth of a millimetre.
    const MAX_HALVED: u32 = 36;
    /// Shorter edges are straight enough for one look.
    const SHORT_PX: f64 = 8.0;
    let [a, b] = edge.pixel;
    let (dx, dy) = (b.x - a.x, b.y - a.y);
    let length = dx.hypot(dy);
    if edge.halved >= MAX_HALVED {
        return true;
    }
    // An S crosses its chord in the middle: long edges are halved twice whatever the middle says.
    if length > SHORT_PX && edge.halved < 2 {
        return false;
    }
    let off = match length > 0.0 {
        true => ((middle.x - a.x) * dy - (middle.y - a.y) * dx).abs() / length,
        false => (middle.x - a.x).hypot(middle.y - a.y),
    };
    off <= MAX_DEVIATION_PX
}
