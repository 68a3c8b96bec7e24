//! Zone and hemisphere of a V003 L1T scene: its metadata leave the hemisphere open and, in the south, often the
//! false northing out.
use crate::error::{Error, ErrorCode, Result};
use crate::geo::crs::Crs;

/// Metres that southern UTM northings are raised by.
const FALSE_NORTHING_M: f64 = 10_000_000.0;

/// CRS of a scene, and what has to be added to its northings.
#[derive(Debug, Clone, PartialEq)]
pub struct ZoneVerdict {
    /// UTM on WGS84.
    pub crs: Crs,
    /// Metres to add to every northing.
    pub add_northing_m: f64,
    /// What did not fit together.
    pub warnings: Vec<String>,
}

/// Decides from the zone as written (either sign), the raw northings of the upper and lower edge, and the
/// latitude of the centre if known. Rules: docs/science.md, "UTM zone and hemisphere".
///
/// # Errors
/// `CORRUPT` for a zone outside 1 to 60.
pub fn decide(zone: i64, upper_m: f64, lower_m: f64, centre_latitude: Option<f64>) -> Result<ZoneVerdict> {
    let number = u8::try_from(zone.unsigned_abs()).ok().filter(|z| (1..=60).contains(z));
    let number =
        number.ok_or_else(|| Error::new(ErrorCode::Corrupt, format!("UTM zone {zone} does not exist")))?;
    let mut warnings = Vec::new();
    let by_latitude = centre_latitude.map(|l| l < 0.0);
    let (south, add_northing_m) = if upper_m < 0.0 {
        (true, FALSE_NORTHING_M)
    } else if lower_m < 0.0 {
        // Straddles the equator without false northing: negative northings are valid in the north zone.
        (false, 0.0)
    } else {
        (by_latitude.unwrap_or(zone < 0), 0.0)
    };
    let straddles = upper_m >= 0.0 && lower_m < 0.0;
    if by_latitude.is_some_and(|s| s != south) && !straddles {
        warnings.push(
            "northing and latitude disagree about the hemisphere; the northing was followed".to_string(),
        );
    }
    if zone < 0 && !south && !straddles {
        warnings.push("the UTM zone is negative but the scene lies in the north".to_string());
    }
    Ok(ZoneVerdict { crs: Crs::Utm { zone: number, south }, add_northing_m, warnings })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn case(zone: i64, upper: f64, lower: f64, latitude: Option<f64>) -> (bool, f64, usize) {
        let v = decide(zone, upper, lower, latitude).unwrap();
        let Crs::Utm { south, .. } = v.crs else { panic!("not UTM") };
        (south, v.add_northing_m, v.warnings.len())
    }

    #[test]
    fn the_known_cases() {
        assert_eq!(case(50, 1_666_620.0, 1_654_200.0, Some(15.0)), (false, 0.0, 0));
        assert_eq!(case(54, -3_380_410.0, -3_392_830.0, None), (true, 1e7, 0));
        assert_eq!(case(54, -3_380_410.0, -3_392_830.0, Some(-30.5)), (true, 1e7, 0));
        assert_eq!(case(59, 1_450_000.0, 1_380_000.0, Some(-77.0)), (true, 0.0, 0));
        assert_eq!(case(-54, 6_619_590.0, 6_607_170.0, None), (true, 0.0, 0));
        assert_eq!(case(54, 6_619_590.0, 6_607_170.0, Some(-30.5)), (true, 0.0, 0));
    }

    #[test]
    fn equator_zone_sixty_and_contradictions() {
        assert_eq!(case(33, 20_000.0, -30_000.0, Some(-0.05)), (false, 0.0, 0));
        assert_eq!(case(60, 500_000.0, 400_000.0, Some(4.0)), (false, 0.0, 0));
        assert_eq!(case(50, -100_000.0, -160_000.0, Some(1.0)), (true, 1e7, 1));
        assert_eq!(case(-50, 100_000.0, 60_000.0, Some(1.0)), (false, 0.0, 1));
        assert!(decide(0, 1.0, 0.0, None).is_err() && decide(61, 1.0, 0.0, None).is_err());
        assert!(decide(i64::MIN, 1.0, 0.0, None).is_err());
    }
}
