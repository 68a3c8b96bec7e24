//! Coordinates from one CRS to another, in bulk: UTM and geographic natively, any other through GDAL/PROJ.
use crate::error::{Error, Result};
use crate::geo::crs::Crs;
use crate::geo::utm;

/// Carries coordinates from one CRS to another. Cheap to make between native CRSs. `Send + Sync`: GDAL's
/// transformation objects are neither shared nor moved, every thread keeps a few of its own (half a
/// millisecond to make one).
#[derive(Debug, Clone)]
pub struct Transformer(Kind);

#[derive(Debug, Clone)]
enum Kind {
    Identity,
    /// Geographic to UTM, UTM to geographic, or both.
    Native {
        from: Option<(u8, bool)>,
        to: Option<(u8, bool)>,
    },
    #[cfg(feature = "gdal")]
    Gdal(gdal_backed::Pair),
}

impl Transformer {
    /// From one CRS to another.
    ///
    /// # Errors
    /// `UNSUPPORTED` when GDAL knows no way between the two.
    pub fn new(from: &Crs, to: &Crs) -> Result<Self> {
        let zone = |crs: &Crs| match crs {
            Crs::Utm { zone, south } => Some((*zone, *south)),
            _ => None,
        };
        Ok(Self(match (from, to) {
            _ if from == to => Kind::Identity,
            (Crs::Other(_), _) | (_, Crs::Other(_)) => return Self::through_gdal(from, to),
            _ => Kind::Native { from: zone(from), to: zone(to) },
        }))
    }

    #[cfg(feature = "gdal")]
    fn through_gdal(from: &Crs, to: &Crs) -> Result<Self> {
        Ok(Self(Kind::Gdal(gdal_backed::Pair::new(from, to)?)))
    }

    #[cfg(not(feature = "gdal"))]
    fn through_gdal(from: &Crs, to: &Crs) -> Result<Self> {
        // Without the feature no such CRS can be made.
        Err(Error::internal(format!("{from} to {to} without GDAL")))
    }

    /// Whether coordinates stay as they are.
    pub fn is_identity(&self) -> bool {
        matches!(self.0, Kind::Identity)
    }

    /// Carries points in place; those without an image become NaN in both coordinates.
    ///
    /// # Errors
    /// `INTERNAL` when the slices differ in length.
    pub fn forward(&self, xs: &mut [f64], ys: &mut [f64]) -> Result<()> {
        if xs.len() != ys.len() {
            return Err(Error::internal(format!("{} x but {} y coordinates", xs.len(), ys.len())));
        }
        match &self.0 {
            Kind::Identity => {}
            // Two hemispheres of one zone share the plane.
            Kind::Native { from: Some((a, south)), to: Some((b, to_south)) } if a == b => {
                let north0 = |south: bool| if south { utm::FALSE_NORTHING_SOUTH } else { 0.0 };
                let shift = north0(*to_south) - north0(*south);
                ys.iter_mut().for_each(|y| *y += shift);
            }
            Kind::Native { from, to } => {
                if let Some((zone, south)) = from {
                    utm::inverse(*zone, *south, xs, ys);
                }
                if let Some((zone, south)) = to {
                    utm::forward(*zone, *south, xs, ys);
                }
            }
            #[cfg(feature = "gdal")]
            Kind::Gdal(pair) => pair.forward(xs, ys)?,
        }
        Ok(())
    }
}

#[cfg(feature = "gdal")]
mod gdal_backed {
    use crate::error::{Error, ErrorCode, Result};
    use crate::geo::crs::Crs;
    use crate::geo::crs::gdal_backed::QuietGdal;
    use gdal::spatial_ref::{AxisMappingStrategy, CoordTransform, SpatialRef};
    use std::cell::RefCell;
    use std::sync::Arc;

    /// Definitions of the two ends.
    #[derive(Debug, Clone)]
    pub(super) struct Pair {
        from: Arc<str>,
        to: Arc<str>,
    }

    /// Transformations a thread keeps; a job has one pair per source CRS and direction.
    const KEPT: usize = 8;

    thread_local! {
        static MADE: RefCell<Vec<(Pair, CoordTransform)>> = const { RefCell::new(Vec::new()) };
    }

    impl Pair {
        pub(super) fn new(from: &Crs, to: &Crs) -> Result<Self> {
            let pair = Self { from: from.wkt()?.into(), to: to.wkt()?.into() };
            // Made once here, so that a hopeless pair is told at once.
            pair.with(|_| ())?;
            Ok(pair)
        }

        fn with<R>(&self, work: impl FnOnce(&CoordTransform) -> R) -> Result<R> {
            let _quiet = QuietGdal::new();
            MADE.with_borrow_mut(|made| {
                let at = match made.iter().position(|(pair, _)| pair.from == self.from && pair.to == self.to)
                {
                    Some(at) => at,
                    None => {
                        let transform = self.make()?;
                        if made.len() == KEPT {
                            made.remove(0);
                        }
                        made.push((self.clone(), transform));
                        made.len() - 1
                    }
                };
                Ok(work(&made[at].1))
            })
        }

        fn make(&self) -> Result<CoordTransform> {
            let end = |wkt: &str| {
                let mut srs = SpatialRef::from_wkt(wkt)?;
                srs.set_axis_mapping_strategy(AxisMappingStrategy::TraditionalGisOrder);
                Ok::<_, gdal::errors::GdalError>(srs)
            };
            let made = end(&self.from).and_then(|from| CoordTransform::new(&from, &end(&self.to)?));
            made.map_err(|e| {
                Error::new(ErrorCode::Unsupported, format!("no transformation between the two systems: {e}"))
            })
        }

        pub(super) fn forward(&self, xs: &mut [f64], ys: &mut [f64]) -> Result<()> {
            // GDAL reports failure when a single point fails, with that point infinite and the rest done. NaN
            // going in must come out as NaN.
            let lost: Vec<bool> =
                xs.iter().zip(ys.iter()).map(|(x, y)| !(x.is_finite() && y.is_finite())).collect();
            for (x, y) in
                xs.iter_mut().zip(ys.iter_mut()).zip(&lost).filter(|(_, lost)| **lost).map(|(p, _)| p)
            {
                (*x, *y) = (f64::INFINITY, f64::INFINITY);
            }
            // Whatever the verdict on the batch, each point tells by itself.
            let _ = self.with(|transform| transform.transform_coords(xs, ys, &mut []))?;
            for ((x, y), lost) in xs.iter_mut().zip(ys.iter_mut()).zip(lost) {
                if lost || !(x.is_finite() && y.is_finite()) {
                    (*x, *y) = (f64::NAN, f64::NAN);
                }
            }
            Ok(())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_transformer_can_be_shared() {
        fn shared<T: Send + Sync>() {}
        shared::<Transformer>();
    }

    #[test]
    fn hemispheres_of_a_zone_share_the_plane() {
        let (north, south) = (Crs::Utm { zone: 7, south: false }, Crs::Utm { zone: 7, south: true });
        let (mut xs, mut ys) = ([432_109.0], [-150.0]);
        Transformer::new(&north, &south).unwrap().forward(&mut xs, &mut ys).unwrap();
        assert_eq!((xs[0], ys[0]), (432_109.0, 9_999_850.0));
        assert!(Transformer::new(&north, &north).unwrap().is_identity());
    }

    #[test]
    fn what_has_no_image_is_nan() {
        let to = Transformer::new(&Crs::Geographic, &Crs::Utm { zone: 31, south: false }).unwrap();
        let (mut xs, mut ys) = ([3.0, 93.0, f64::NAN, 3.0], [50.0, 0.0, 1.0, 91.0]);
        to.forward(&mut xs, &mut ys).unwrap();
        assert_eq!(xs.map(f64::is_nan), [false, true, true, true]);
        assert_eq!(ys.map(f64::is_nan), [false, true, true, true]);
    }

    #[cfg(feature = "gdal")]
    #[test]
    fn gdal_marks_single_points_too() {
        let polar = Crs::parse("EPSG:3413").unwrap();
        let to = Transformer::new(&Crs::Geographic, &polar).unwrap();
        let (mut xs, mut ys) = ([-45.0, 10.0, f64::NAN, 30.0], [78.0, 95.0, 1.0, 80.0]);
        to.forward(&mut xs, &mut ys).unwrap();
        assert_eq!(xs.map(f64::is_nan), [false, true, true, false]);
        assert!((ys[0] + 1_304_508.448_693_7).abs() < 1e-6);
    }
}
