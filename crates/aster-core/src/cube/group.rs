//! Which scenes make up one time step.
use crate::error::{Error, Result};
use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

/// The rule by which scenes are put together before anything is computed along time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum GroupBy {
    /// Every scene is a time step of its own.
    #[default]
    Scene,
    /// The scenes of one pass: each follows the one before within [`PASS_GAP`].
    Acquisition,
    /// The scenes of one day by local mean solar time: UTC plus 240 seconds per degree of longitude at each
    /// scene's centre, as Open Data Cube's `solar_day` has it. (odc-stac cuts the shift to whole hours; that
    /// differs for scenes within an hour of local midnight only.) Day and night passes of one date share it.
    SolarDay,
}

/// Longest pause within a pass. ASTER's scenes follow one another at about nine seconds, and names carry whole
/// seconds; the next pass over the same ground comes 99 minutes later at the earliest.
pub const PASS_GAP: SignedDuration = SignedDuration::from_secs(60);

impl GroupBy {
    /// Every rule.
    pub const ALL: [Self; 3] = [Self::Scene, Self::Acquisition, Self::SolarDay];

    /// Name in requests.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Scene => "scene",
            Self::Acquisition => "acquisition",
            Self::SolarDay => "solar-day",
        }
    }

    /// Groups of scenes, given as time and longitude of the centre in degrees east, in time order. Groups hold
    /// indices in that order, and are in the order of their first scenes.
    pub fn groups(&self, scenes: &[(Timestamp, f64)]) -> Vec<Vec<usize>> {
        let mut groups: Vec<Vec<usize>> = Vec::new();
        let mut of_date: BTreeMap<Date, usize> = BTreeMap::new();
        for (index, (time, lon_deg)) in scenes.iter().enumerate() {
            let group = match self {
                Self::Scene => groups.len(),
                Self::Acquisition => {
                    let before = index.checked_sub(1).and_then(|i| scenes.get(i));
                    let follows = before.is_some_and(|(t, _)| time.duration_since(*t).abs() <= PASS_GAP);
                    groups.len() - usize::from(follows)
                }
                Self::SolarDay => *of_date.entry(solar_date(*time, *lon_deg)).or_insert(groups.len()),
            };
            match groups.get_mut(group) {
                Some(members) => members.push(index),
                None => groups.push(vec![index]),
            }
        }
        groups
    }
}

/// Date of local mean solar time; a longitude that is no number counts as 0.
pub fn solar_date(time: Timestamp, lon_deg: f64) -> Date {
    const SECONDS_PER_DEGREE: f64 = 240.0;
    // Half a day at most: a longitude beyond 180 degrees must not change the date twice.
    let shift = SignedDuration::from_secs((lon_deg.clamp(-180.0, 180.0) * SECONDS_PER_DEGREE) as i64);
    time.saturating_add(shift).unwrap_or(time).to_zoned(TimeZone::UTC).date()
}

impl fmt::Display for GroupBy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for GroupBy {
    type Err = Error;
    /// Reads `scene`, `acquisition` and `solar-day`, in any case.
    ///
    /// # Errors
    /// `USAGE` for another word.
    fn from_str(text: &str) -> Result<Self> {
        let name = text.trim().replace('_', "-");
        Self::ALL.into_iter().find(|g| g.as_str().eq_ignore_ascii_case(&name)).ok_or_else(|| {
            Error::usage(format!("unknown grouping {text:?}")).hint("choose scene, acquisition or solar-day")
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scenes(list: &[(&str, f64)]) -> Vec<(Timestamp, f64)> {
        list.iter().map(|(time, lon)| (time.parse().unwrap(), *lon)).collect()
    }

    #[test]
    fn a_pass_is_a_chain() {
        let strip = scenes(&[
            ("2004-10-17T01:02:03Z", 138.0),
            ("2004-10-17T01:02:12Z", 137.9),
            ("2004-10-17T01:03:12Z", 137.8),
            ("2004-10-17T01:04:13Z", 137.7),
            ("2004-10-17T02:41:00Z", 113.0),
        ]);
        assert_eq!(GroupBy::Acquisition.groups(&strip), [vec![0, 1, 2], vec![3], vec![4]]);
        assert_eq!(GroupBy::Scene.groups(&strip).len(), 5);
        assert_eq!(GroupBy::SolarDay.groups(&strip), [vec![0, 1, 2, 3, 4]]);
        for rule in GroupBy::ALL {
            assert!(rule.groups(&[]).is_empty());
        }
    }

    #[test]
    fn the_sun_decides_the_day() {
        // Australia: a morning is before midnight UTC in the east of it, and one day later by the sun.
        let day = |time: &str, lon: f64| solar_date(time.parse().unwrap(), lon).to_string();
        assert_eq!(day("2004-10-16T23:50:00Z", 153.0), "2004-10-17");
        assert_eq!(day("2004-10-17T06:10:00Z", -117.0), "2004-10-16");
        assert_eq!(day("2004-10-17T18:10:00Z", -117.0), "2004-10-17");
        assert_eq!(day("2004-10-17T11:59:59Z", 180.0), "2004-10-17");
        assert_eq!(day("2004-10-17T12:00:00Z", 180.0), "2004-10-18");
        assert_eq!(day("2004-10-17T12:00:00Z", f64::NAN), "2004-10-17");
        let across = scenes(&[
            ("2004-10-16T23:50:00Z", 153.0),
            ("2004-10-17T00:00:10Z", 153.0),
            ("2004-10-17T23:50:00Z", 152.0),
        ]);
        assert_eq!(GroupBy::SolarDay.groups(&across), [vec![0, 1], vec![2]]);
    }

    #[test]
    fn names_there_and_back() {
        for rule in GroupBy::ALL {
            assert_eq!(rule.to_string().parse::<GroupBy>().unwrap(), rule);
            assert_eq!(serde_json::to_value(rule).unwrap(), rule.as_str());
        }
        assert_eq!("solar_day".parse::<GroupBy>().unwrap(), GroupBy::SolarDay);
        assert!("pass".parse::<GroupBy>().unwrap_err().hint_text().is_some());
    }
}
