//! SWIR after 2008: the detectors ran too warm; layers exist in later granules but their numbers are bad.
use jiff::{Timestamp, civil::date, tz::TimeZone};

/// Verdict on SWIR data of a date.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SwirState {
    /// Good.
    Good,
    /// From 2007-05-01: detector temperature rising, look before use.
    Doubtful,
    /// From 2008-04-01: saturated and striped.
    Unusable,
}

/// State of the SWIR telescope at an acquisition.
pub fn swir_state(time: Timestamp) -> SwirState {
    let day = time.to_zoned(TimeZone::UTC).date();
    if day >= date(2008, 4, 1) {
        SwirState::Unusable
    } else if day >= date(2007, 5, 1) {
        SwirState::Doubtful
    } else {
        SwirState::Good
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_dates() {
        let at = |s: &str| swir_state(s.parse().unwrap());
        assert_eq!(at("2007-04-30T23:59:59Z"), SwirState::Good);
        assert_eq!(at("2007-05-01T00:00:00Z"), SwirState::Doubtful);
        assert_eq!(at("2008-03-31T23:59:59Z"), SwirState::Doubtful);
        assert_eq!(at("2008-04-01T00:00:00Z"), SwirState::Unusable);
    }
}
