//! Affine map between pixel and world coordinates, all six coefficients kept.
use crate::error::{Error, ErrorCode, Result};
use serde::{Deserialize, Serialize};

/// A position: longitude/easting/column first.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Xy {
    /// Easting, longitude or column.
    pub x: f64,
    /// Northing, latitude or row.
    pub y: f64,
}

/// `x = x0 + column * dx + row * rx`, `y = y0 + column * ry + row * dy`; pixel (0, 0) is the OUTER corner
/// of the upper-left pixel, centres lie at +0.5.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Affine {
    /// World x of the outer corner.
    pub x0: f64,
    /// x per column.
    pub dx: f64,
    /// x per row (0 when upright).
    pub rx: f64,
    /// World y of the outer corner.
    pub y0: f64,
    /// y per column (0 when upright).
    pub ry: f64,
    /// y per row (negative when north is up).
    pub dy: f64,
}

impl Affine {
    /// North-up map with square or rectangular pixels.
    pub fn upright(x0: f64, y0: f64, pixel_width: f64, pixel_height: f64) -> Self {
        Self { x0, dx: pixel_width, rx: 0.0, y0, ry: 0.0, dy: -pixel_height }
    }
    /// North-up map from the CENTRE of the upper-left pixel, as AST_L1T V003 states it.
    pub fn from_centre(x: f64, y: f64, pixel: f64) -> Self {
        Self::upright(x - pixel / 2.0, y + pixel / 2.0, pixel, pixel)
    }
    /// From GDAL's order x0, dx, rx, y0, ry, dy.
    pub fn from_gdal(g: [f64; 6]) -> Self {
        Self { x0: g[0], dx: g[1], rx: g[2], y0: g[3], ry: g[4], dy: g[5] }
    }
    /// GDAL's order x0, dx, rx, y0, ry, dy.
    pub fn to_gdal(self) -> [f64; 6] {
        [self.x0, self.dx, self.rx, self.y0, self.ry, self.dy]
    }
    /// World position of pixel coordinates (continuous).
    #[inline]
    pub fn apply(&self, p: Xy) -> Xy {
        Xy { x: self.x0 + p.x * self.dx + p.y * self.rx, y: self.y0 + p.x * self.ry + p.y * self.dy }
    }
    /// The map from world to pixel coordinates; an error when the determinant is zero.
    pub fn inverse(&self) -> Result<Self> {
        let det = self.dx * self.dy - self.rx * self.ry;
        if !det.is_finite() || det == 0.0 {
            return Err(Error::new(ErrorCode::Corrupt, "the geotransform cannot be inverted"));
        }
        let (a, b, c, d) = (self.dy / det, -self.rx / det, -self.ry / det, self.dx / det);
        Ok(Self {
            x0: -(a * self.x0 + b * self.y0),
            dx: a,
            rx: b,
            y0: -(c * self.x0 + d * self.y0),
            ry: c,
            dy: d,
        })
    }
    /// No rotation, north up, east right.
    pub fn is_upright(&self) -> bool {
        self.rx == 0.0 && self.ry == 0.0 && self.dx > 0.0 && self.dy < 0.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn inverse_undoes(angle in 0.0..6.2f64, px in 1.0..100.0f64, x in -1e4..1e4f64, y in -1e4..1e4f64) {
            let (s, c) = angle.sin_cos();
            let map = Affine { x0: 5e5, dx: px * c, rx: px * s, y0: 4e6, ry: px * s, dy: -px * c };
            let back = map.inverse().unwrap().apply(map.apply(Xy { x, y }));
            prop_assert!((back.x - x).abs() < 1e-6 && (back.y - y).abs() < 1e-6);
        }
    }

    #[test]
    fn a_flat_map_has_no_inverse() {
        assert!(Affine::upright(0.0, 0.0, 0.0, 15.0).inverse().is_err());
    }
}
