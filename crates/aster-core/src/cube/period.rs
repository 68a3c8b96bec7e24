//! Calendar periods that observations are put together in, as pandas' `resample` has them. Days are UTC.
use crate::error::{Error, Result};
use jiff::Timestamp;
use jiff::ToSpan;
use jiff::civil::{Date, Time};
use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

/// Length and label of the periods; the names are pandas' frequency aliases, but for `season`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Period {
    /// `D`: a day, labelled by itself.
    #[serde(rename = "D")]
    Day,
    /// `W`: Monday to Sunday, labelled by the Sunday that ends it (pandas' `W-SUN`).
    #[serde(rename = "W")]
    Week,
    /// `MS`: a month, labelled by its first day.
    #[serde(rename = "MS")]
    MonthStart,
    /// `ME`: a month, labelled by its last day.
    #[serde(rename = "ME")]
    MonthEnd,
    /// `QE`: January to March and so on, labelled by the last day.
    #[serde(rename = "QE")]
    QuarterEnd,
    /// `YE`: a calendar year, labelled by 31 December.
    #[serde(rename = "YE")]
    YearEnd,
    /// `season`: December to February, March to May, June to August, September to November, labelled by the
    /// first day (pandas' `QS-DEC`). A December is the beginning of the next year's winter.
    #[serde(rename = "season")]
    Season,
}

/// One period.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bin {
    /// Midnight UTC of the day that stands for the period; not its end, also where that day is the last.
    pub label: Timestamp,
    /// First instant.
    pub start: Timestamp,
    /// First instant after it: the end of one period is the start of the next.
    pub end: Timestamp,
}

impl Period {
    /// Every period.
    pub const ALL: [Self; 7] = [
        Self::Day,
        Self::Week,
        Self::MonthStart,
        Self::MonthEnd,
        Self::QuarterEnd,
        Self::YearEnd,
        Self::Season,
    ];

    /// Name in requests.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Day => "D",
            Self::Week => "W",
            Self::MonthStart => "MS",
            Self::MonthEnd => "ME",
            Self::QuarterEnd => "QE",
            Self::YearEnd => "YE",
            Self::Season => "season",
        }
    }

    /// The period that `time` lies in.
    pub fn bin(self, time: Timestamp) -> Bin {
        let day = time.to_zoned(TimeZone::UTC).date();
        let month = i32::from(day.month());
        let (start, months, days) = match self {
            Self::Day => (day, 0, 1),
            Self::Week => {
                let since_monday = i64::from(day.weekday().to_monday_zero_offset());
                (day.checked_sub(since_monday.days()).unwrap_or(Date::MIN), 0, 7)
            }
            Self::MonthStart | Self::MonthEnd => (day.first_of_month(), 1, 0),
            Self::QuarterEnd => (months_before(day, (month - 1) % 3), 3, 0),
            Self::YearEnd => (months_before(day, month - 1), 12, 0),
            Self::Season => (months_before(day, month % 3), 3, 0),
        };
        // Year 9999 ends with the calendar.
        let end = start.checked_add(months.months().days(days)).unwrap_or(Date::MAX);
        let label = match self {
            Self::Week | Self::MonthEnd | Self::QuarterEnd | Self::YearEnd => {
                end.yesterday().unwrap_or(start)
            }
            Self::Day | Self::MonthStart | Self::Season => start,
        };
        Bin { label: midnight(label), start: midnight(start), end: midnight(end) }
    }

    /// The periods that hold something, in their order, each with the indices of its `times`, in theirs.
    pub fn bins(self, times: &[Timestamp]) -> Vec<(Bin, Vec<usize>)> {
        let mut bins: BTreeMap<Timestamp, (Bin, Vec<usize>)> = BTreeMap::new();
        for (index, time) in times.iter().enumerate() {
            let bin = self.bin(*time);
            bins.entry(bin.start).or_insert_with(|| (bin, Vec::new())).1.push(index);
        }
        bins.into_values().collect()
    }
}

/// The first day of the month that lies `months` before that of `day`.
fn months_before(day: Date, months: i32) -> Date {
    day.first_of_month().checked_sub(months.months()).unwrap_or(Date::MIN)
}

fn midnight(day: Date) -> Timestamp {
    // Instants end within the first and the last day of the calendar.
    let end = if day.year() < 0 { Timestamp::MIN } else { Timestamp::MAX };
    TimeZone::UTC.to_timestamp(day.to_datetime(Time::midnight())).unwrap_or(end)
}

impl fmt::Display for Period {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Period {
    type Err = Error;
    /// Reads `D`, `W`, `MS`, `ME`, `QE`, `YE` and `season`, in any case.
    ///
    /// # Errors
    /// `USAGE` for another word.
    fn from_str(text: &str) -> Result<Self> {
        Self::ALL.into_iter().find(|p| p.as_str().eq_ignore_ascii_case(text.trim())).ok_or_else(|| {
            Error::usage(format!("unknown period {text:?}")).hint(
                "choose D (days), W (weeks), MS or ME (months by their first or last day), QE (quarters), \
                 YE (years) or season (DJF, MAM, JJA, SON)",
            )
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::ErrorCode;
    use proptest::prelude::*;

    /// What pandas said; recorded by tests/period_pandas.py.
    const PANDAS: &str = include_str!("../../tests/data/periods.json");

    #[derive(Deserialize)]
    struct Recorded {
        times: Vec<String>,
        /// Per period: label and indices of the times, for bins that hold something.
        bins: BTreeMap<String, Vec<(String, Vec<usize>)>>,
    }

    #[test]
    fn bins_are_pandas() {
        let recorded: Recorded = serde_json::from_str(PANDAS).unwrap();
        assert_eq!(recorded.bins.len(), Period::ALL.len());
        let times: Vec<Timestamp> = recorded.times.iter().map(|t| t.parse().unwrap()).collect();
        for period in Period::ALL {
            let ours: Vec<(String, Vec<usize>)> =
                period.bins(&times).into_iter().map(|(bin, of)| (bin.label.to_string(), of)).collect();
            assert_eq!(ours, recorded.bins[period.as_str()], "{period}");
        }
    }

    proptest! {
        #[test]
        fn periods_tile_time(seconds in -62_000_000_000i64..250_000_000_000) {
            let time = Timestamp::from_second(seconds).unwrap();
            for period in Period::ALL {
                let bin = period.bin(time);
                prop_assert!(bin.start <= time && time < bin.end && bin.start <= bin.label && bin.label < bin.end);
                prop_assert_eq!(period.bin(bin.start), bin);
                prop_assert_eq!(period.bin(bin.label), bin);
                prop_assert_eq!(period.bin(bin.end).start, bin.end);
                let before = Timestamp::from_nanosecond(bin.start.as_nanosecond() - 1).unwrap();
                prop_assert_eq!(period.bin(before).end, bin.start);
            }
        }
    }

    #[test]
    fn december_belongs_to_the_next_winter() {
        let time = |text: &str| text.parse::<Timestamp>().unwrap();
        let winter = Period::Season.bin(time("2004-12-31T23:59:59Z"));
        assert_eq!(winter, Period::Season.bin(time("2005-02-28T12:00:00Z")));
        assert_eq!(winter.label, time("2004-12-01T00:00:00Z"));
        assert_eq!(winter.end, time("2005-03-01T00:00:00Z"));
        assert_eq!(Period::Week.bin(time("2005-01-01T00:00:00Z")).label, time("2005-01-02T00:00:00Z"));
    }

    #[test]
    fn the_ends_of_the_calendar_do_not_panic() {
        for period in Period::ALL {
            for time in [Timestamp::MIN, Timestamp::MAX] {
                let bin = period.bin(time);
                assert!(bin.start <= bin.end, "{period}");
            }
        }
    }

    #[test]
    fn names_there_and_back() {
        for period in Period::ALL {
            assert_eq!(period.to_string().parse::<Period>().unwrap(), period);
            assert_eq!(serde_json::to_value(period).unwrap(), period.as_str());
        }
        let error = "M".parse::<Period>().unwrap_err();
        assert!(error.code() == ErrorCode::Usage && error.hint_text().unwrap().contains("MS or ME"));
    }
}
