//! The true area of every pixel, on the WGS84 ellipsoid.
//!
//! In longitude and latitude a pixel's area has a closed form. In any other CRS it is found at the nodes of a
//! lattice and interpolated between them: a few kilometres of grid around a node are carried to longitude and
//! latitude, from there to the sphere that has the ellipsoid's areas, and measured in the Lambert azimuthal
//! equal-area plane around their middle. Formulas: Snyder 1987, "Map projections: a working manual", USGS
//! Professional Paper 1395, equations 3-11 and 3-12 (authalic latitude), 24-2 to 24-4 (the plane).
use crate::error::{Error, ErrorCode, Result};
use crate::geo::affine::{Affine, Xy};
use crate::geo::crs::Crs;
use crate::geo::transform::Transformer;
use crate::grid::geobox::{GeoBox, Shape};

/// WGS84 equatorial radius, metres.
const A_M: f64 = 6_378_137.0;
/// WGS84 flattening.
const F: f64 = 1.0 / 298.257_223_563;
/// Squared eccentricity.
const E2: f64 = F * (2.0 - F);

/// Relative error of interpolation that is aimed at; it is met fourfold.
pub const MAX_RELATIVE_ERROR: f64 = 1e-6;
/// Halvings of the lattice, 512 cells a side: some seconds with GDAL.
const MAX_LEVEL: u32 = 9;
/// Side of what is measured around a node. Much less, and the rounding of inverse projections shows, a
/// millimetre in some; much more, and its sides bend.
const SPAN_M: f64 = 2000.0;

/// Areas of a grid's pixels.
#[derive(Debug, Clone)]
pub struct PixelArea(Kind);

#[derive(Debug, Clone)]
enum Kind {
    /// An upright grid in longitude and latitude.
    Geographic(Affine),
    Lattice(Lattice),
}

impl PixelArea {
    /// Measures the pixels of a grid.
    ///
    /// # Errors
    /// `UNSUPPORTED` when a part of the grid has no place on Earth, or its areas change too suddenly.
    pub fn of(grid: &GeoBox) -> Result<Self> {
        if grid.crs == Crs::Geographic && grid.transform.is_upright() {
            return Ok(Self(Kind::Geographic(grid.transform)));
        }
        let measure = Measure::of(grid)?;
        let mut lattice = measure.lattice(grid.shape, 0)?;
        for level in 1..=MAX_LEVEL {
            let mut finer = measure.lattice(grid.shape, level)?;
            finer.error = lattice.worst(&finer);
            lattice = finer;
            // Level 1 sees the middle only, where an S has no error.
            if lattice.error <= MAX_RELATIVE_ERROR && level > 1 {
                lattice.error /= 4.0;
                return Ok(Self(Kind::Lattice(lattice)));
            }
        }
        Err(no_area(grid, "whose pixels change in area too suddenly"))
    }

    /// Areas of `out.len()` pixels of a row, in square metres.
    pub fn row_m2(&self, row: usize, first_column: usize, out: &mut [f64]) {
        match &self.0 {
            Kind::Geographic(map) => {
                let latitude = |row: f64| (map.y0 + row * map.dy).clamp(-90.0, 90.0);
                let (north, south) = (latitude(row as f64), latitude(row as f64 + 1.0));
                out.fill(A_M * A_M / 2.0 * map.dx.to_radians() * (q(north) - q(south)));
            }
            Kind::Lattice(lattice) => lattice.row(row as f64 + 0.5, first_column as f64 + 0.5, out),
        }
    }

    /// Largest relative error of interpolation, as measured; 0 where nothing is interpolated.
    pub fn measured_error(&self) -> f64 {
        match &self.0 {
            Kind::Geographic(_) => 0.0,
            Kind::Lattice(lattice) => lattice.error,
        }
    }

    /// Bytes it holds.
    pub fn bytes(&self) -> u64 {
        match &self.0 {
            Kind::Geographic(_) => 0,
            Kind::Lattice(lattice) => size_of_val(lattice.nodes_m2.as_slice()) as u64,
        }
    }
}

fn no_area(grid: &GeoBox, why: &str) -> Error {
    Error::new(ErrorCode::Unsupported, format!("a grid in {} {why} has no areas", grid.crs))
        .hint("choose another --crs, or a smaller area")
}

/// Twice the area between the equator and a latitude, per radian of longitude and squared equatorial radius.
fn q(latitude_deg: f64) -> f64 {
    let e = E2.sqrt();
    let sin = latitude_deg.to_radians().sin();
    (1.0 - E2) * (sin / (1.0 - E2 * sin * sin) + (e * sin).atanh() / e)
}

/// Areas at nodes that lie evenly on the grid, from corner to corner.
#[derive(Debug, Clone)]
struct Lattice {
    /// Pixels per cell, down and across.
    step: Xy,
    /// Nodes down and across.
    nodes: Shape,
    nodes_m2: Vec<f64>,
    error: f64,
}

impl Lattice {
    /// Areas at `y`, from `x` on in steps of a pixel: linear along the row within each cell.
    fn row(&self, y: f64, x: f64, out: &mut [f64]) {
        let (i, fy) = cell(y / self.step.y, self.nodes.ny);
        let (top, bottom) = (self.node_row(i), self.node_row(i + 1));
        let at = |j: usize| match (top.get(j), bottom.get(j)) {
            (Some(a), Some(b)) => a + (b - a) * fy,
            _ => f64::NAN,
        };
        let mut done = 0;
        while done < out.len() {
            let u = (x + done as f64) / self.step.x;
            let (j, _) = cell(u, self.nodes.nx);
            // Pixels up to the end of the cell; in the last cell all that are left.
            let left = ((j + 1) as f64 * self.step.x - x).ceil() as usize;
            let end = if j + 2 < self.nodes.nx { left.clamp(done + 1, out.len()) } else { out.len() };
            let (a, b) = (at(j), at(j + 1));
            let slope = (b - a) / self.step.x;
            let start = a + (x - j as f64 * self.step.x) * slope;
            for (k, out) in out.iter_mut().enumerate().take(end).skip(done) {
                *out = start + k as f64 * slope;
            }
            done = end;
        }
    }

    fn node_row(&self, i: usize) -> &[f64] {
        self.nodes_m2.get(i * self.nodes.nx..(i + 1) * self.nodes.nx).unwrap_or(&[])
    }

    /// Largest relative difference from a lattice of twice as many cells, at its nodes.
    fn worst(&self, finer: &Self) -> f64 {
        let mut worst = 0.0_f64;
        for i in 0..finer.nodes.ny {
            for (j, area) in finer.node_row(i).iter().enumerate() {
                let mut here = [0.0];
                self.row(i as f64 * finer.step.y, j as f64 * finer.step.x, &mut here);
                worst = worst.max(((here[0] - area) / area).abs());
            }
        }
        worst
    }
}

/// Cell and fraction within it of a position in cells; the last cell also for what is at its end or beyond.
fn cell(position: f64, nodes: usize) -> (usize, f64) {
    let i = (position.max(0.0) as usize).min(nodes.saturating_sub(2));
    (i, position - i as f64)
}

/// How areas at nodes are found.
struct Measure<'a> {
    grid: &'a GeoBox,
    to_globe: Transformer,
    /// Half the side of what is measured, pixels.
    reach_px: f64,
}

impl<'a> Measure<'a> {
    fn of(grid: &'a GeoBox) -> Result<Self> {
        let to_globe = Transformer::new(&grid.crs, &Crs::Geographic)?;
        let mut measure = Self { grid, to_globe, reach_px: 0.5 };
        let middle = Xy { x: grid.shape.nx as f64 / 2.0, y: grid.shape.ny as f64 / 2.0 };
        let side_m = measure.areas(&[middle])?.first().map_or(f64::NAN, |m2| m2.sqrt());
        measure.reach_px = (SPAN_M / side_m / 2.0).clamp(0.5, 1000.0);
        Ok(measure)
    }

    fn lattice(&self, shape: Shape, level: u32) -> Result<Lattice> {
        let cells = 1_usize << level;
        let step = Xy { x: shape.nx as f64 / cells as f64, y: shape.ny as f64 / cells as f64 };
        let nodes = Shape { ny: cells + 1, nx: cells + 1 };
        let mut nodes_m2 = Vec::with_capacity(nodes.ny * nodes.nx);
        for i in 0..nodes.ny {
            let at = |j: usize| Xy { x: j as f64 * step.x, y: i as f64 * step.y };
            nodes_m2.extend(self.areas(&(0..nodes.nx).map(at).collect::<Vec<Xy>>())?);
        }
        Ok(Lattice { step, nodes, nodes_m2, error: f64::NAN })
    }

    /// Square metres of a pixel around each of some positions on the grid.
    fn areas(&self, centres: &[Xy]) -> Result<Vec<f64>> {
        let r = self.reach_px;
        let around = [(0.0, 0.0), (-r, -r), (r, -r), (r, r), (-r, r)];
        let points = centres.iter().flat_map(|c| around.map(|(x, y)| Xy { x: c.x + x, y: c.y + y }));
        let world = points.map(|p| self.grid.transform.apply(p));
        let (mut xs, mut ys): (Vec<f64>, Vec<f64>) = world.map(|p| (p.x, p.y)).unzip();
        self.to_globe.forward(&mut xs, &mut ys)?;
        let areas = xs.chunks_exact(around.len()).zip(ys.chunks_exact(around.len()));
        let areas = areas.map(|(lon, lat)| quadrilateral_m2(lon, lat) / (4.0 * r * r));
        let areas: Vec<f64> = areas.collect();
        match areas.iter().all(|m2| m2.is_finite() && *m2 > 0.0) {
            true => Ok(areas),
            false => Err(no_area(self.grid, "that leaves the Earth")),
        }
    }
}

/// Area of four corners; the first point is a place in their middle. Works across 180 degrees and the poles.
fn quadrilateral_m2(lon_deg: &[f64], lat_deg: &[f64]) -> f64 {
    let q_pole = q(90.0);
    let ([lon0, lons @ ..], [lat0, lats @ ..]) = (lon_deg, lat_deg) else { return f64::NAN };
    let sin_cos = |lat: f64| {
        let sin = (q(lat) / q_pole).clamp(-1.0, 1.0);
        (sin, ((1.0 - sin) * (1.0 + sin)).sqrt())
    };
    let (sin0, cos0) = sin_cos(*lat0);
    let plane = lons.iter().zip(lats).map(|(lon, lat)| {
        let (sin, cos) = sin_cos(*lat);
        let (sin_lon, cos_lon) = (lon - lon0).to_radians().sin_cos();
        let scale = (2.0 / (1.0 + sin0 * sin + cos0 * cos * cos_lon)).sqrt();
        Xy { x: scale * cos * sin_lon, y: scale * (cos0 * sin - sin0 * cos * cos_lon) }
    });
    let corners: Vec<Xy> = plane.collect();
    let next = corners.iter().cycle().skip(1);
    let twice: f64 = corners.iter().zip(next).map(|(a, b)| a.x * b.y - b.x * a.y).sum();
    // The squared radius of the sphere is half of q at the pole.
    (twice / 2.0).abs() * A_M * A_M * q_pole / 2.0
}

#[cfg(test)]
mod tests;
