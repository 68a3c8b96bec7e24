//! Boxes in longitude and latitude, and in projected metres.
use crate::error::{Error, Result};
use serde::{Deserialize, Serialize};

/// Area in degrees, WGS84: west < east, south < north.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Area {
    /// Degrees east.
    pub west: f64,
    /// Degrees north.
    pub south: f64,
    /// Degrees east.
    pub east: f64,
    /// Degrees north.
    pub north: f64,
}

impl Area {
    /// Checked area; the error names what is wrong with which edge.
    pub fn new(west: f64, south: f64, east: f64, north: f64) -> Result<Self> {
        for (name, value, limit) in
            [("west", west, 180.0), ("east", east, 180.0), ("south", south, 90.0), ("north", north, 90.0)]
        {
            if !value.is_finite() || value.abs() > limit {
                return Err(Error::usage(format!("{name} is {value}, expected -{limit} to {limit} degrees")));
            }
        }
        if west >= east {
            return Err(Error::usage(format!("west ({west}) is not west of east ({east})"))
                .hint("the order is west south east north; split an area that crosses 180 degrees in two"));
        }
        if south >= north {
            return Err(Error::usage(format!("south ({south}) is not south of north ({north})"))
                .hint("the order is west south east north"));
        }
        Ok(Self { west, south, east, north })
    }
    /// Longitude and latitude of the middle.
    pub fn centre(&self) -> (f64, f64) {
        ((self.west + self.east) / 2.0, (self.south + self.north) / 2.0)
    }
    /// Whether the two share more than an edge.
    pub fn intersects(&self, other: &Self) -> bool {
        self.west < other.east
            && other.west < self.east
            && self.south < other.north
            && other.south < self.north
    }
    /// What the two share; nothing when they share an edge at most.
    pub fn intersection(&self, other: &Self) -> Option<Self> {
        self.intersects(other).then(|| Self {
            west: self.west.max(other.west),
            south: self.south.max(other.south),
            east: self.east.min(other.east),
            north: self.north.min(other.north),
        })
    }
    /// The smallest area that holds both.
    #[must_use]
    pub fn union(&self, other: &Self) -> Self {
        Self {
            west: self.west.min(other.west),
            south: self.south.min(other.south),
            east: self.east.max(other.east),
            north: self.north.max(other.north),
        }
    }
}

/// Bounds in the units of some CRS.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Bounds {
    /// Smallest x.
    pub min_x: f64,
    /// Smallest y.
    pub min_y: f64,
    /// Largest x.
    pub max_x: f64,
    /// Largest y.
    pub max_y: f64,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wrong_edges_are_named() {
        assert!(Area::new(10.0, 0.0, 5.0, 1.0).unwrap_err().message().contains("west (10)"));
        assert!(Area::new(0.0, 2.0, 5.0, 1.0).unwrap_err().message().contains("south (2)"));
        assert!(Area::new(-181.0, 2.0, 5.0, 3.0).unwrap_err().message().contains("west is -181"));
        assert!(Area::new(f64::NAN, 2.0, 5.0, 3.0).is_err());
    }
}
