//! ODL metadata texts of an HDF-EOS2 granule, read into typed facts. Every spelling met in the wild is accepted.
use crate::error::{Error, ErrorCode, Result};
use crate::granule::facts::SolarDirection;
use crate::product::band::{BANDS, Band};
use crate::radiometry::gain::{CoefficientSource, Gain, UnitConversion};
use hdf4::odl::{Group, Value};
use jiff::{Timestamp, civil};

/// Parsed metadata attributes of one file.
#[derive(Debug, Clone, Default)]
pub struct Metadata {
    /// `coremetadata.*`, `productmetadata.*` (numbered, .v, .s, .t), in that order.
    groups: Vec<Group>,
}

impl Metadata {
    /// Reads the metadata attributes of an open file.
    pub fn of(file: &hdf4::File) -> Result<Self> {
        let mut texts = Vec::new();
        for prefix in ["coremetadata", "productmetadata"] {
            texts.extend(file.metadata_text(prefix).map_err(|e| broken(&e))?);
        }
        for name in ["productmetadata.v", "productmetadata.s", "productmetadata.t"] {
            texts.extend(file.attribute_text(name).map_err(|e| broken(&e))?);
        }
        Self::parse(texts.iter().map(String::as_str))
    }
    /// Parses metadata texts.
    pub fn parse<'a>(texts: impl IntoIterator<Item = &'a str>) -> Result<Self> {
        // One attribute may hold several ODL texts, each closed by END; numbered ones were joined.
        let parts = texts.into_iter().flat_map(|t| t.split("\nEND\n"));
        let groups = parts.map(|t| hdf4::odl::parse(t).map_err(|e| broken(&e))).collect::<Result<_>>()?;
        Ok(Self { groups })
    }
    /// Whether there is any metadata at all.
    pub fn is_empty(&self) -> bool {
        self.groups.iter().all(|g| g.groups.is_empty() && g.objects.is_empty())
    }
    fn value(&self, name: &str) -> Option<&Value> {
        self.groups.iter().find_map(|g| g.find(name)?.value())
    }
    /// Text of an object; of a list the first, as in `RADIOMETRICDBVERSION = ("03.00", "2001-05-10")`.
    pub fn text(&self, name: &str) -> Option<String> {
        let value = match self.value(name)? {
            Value::List(items) => items.first()?,
            single => single,
        };
        let text = match value {
            Value::Integer(i) => i.to_string(),
            Value::Real(r) => r.to_string(),
            _ => value.as_text()?.trim().to_string(),
        };
        Some(text).filter(|t| !t.is_empty())
    }
    /// Number of an object, also when written as text.
    pub fn number(&self, name: &str) -> Option<f64> {
        let value = self.value(name)?;
        value.as_f64().or_else(|| value.as_text()?.trim().parse().ok()).filter(|v: &f64| v.is_finite())
    }
    /// Two numbers: `(a, b)`, `"a, b"` and `"a b"` are all met.
    pub fn pair(&self, name: &str) -> Option<(f64, f64)> {
        let value = self.value(name)?;
        let mut numbers = value.numbers();
        if numbers.len() < 2 {
            let words: Vec<String> =
                value.items().iter().filter_map(|v| v.as_text().map(str::to_string)).collect();
            let all = if words.is_empty() { value.as_text()?.to_string() } else { words.join(" ") };
            numbers = all.split([',', ' ']).filter_map(|t| t.trim().parse().ok()).collect();
        }
        match numbers.as_slice() {
            [a, b, ..] if a.is_finite() && b.is_finite() => Some((*a, *b)),
            _ => None,
        }
    }
    /// `SOLARDIRECTION`: azimuth and ELEVATION, degrees.
    pub fn solar(&self) -> Option<SolarDirection> {
        let (azimuth_deg, elevation_deg) = self.pair("SOLARDIRECTION")?;
        Some(SolarDirection { azimuth_deg, elevation_deg })
    }
    /// The `GAIN` objects: one name, told apart by CLASS, each a pair of band and setting.
    pub fn gains(&self) -> Vec<(Band, Gain)> {
        let objects = self.groups.iter().flat_map(|g| g.find_all("GAIN"));
        let pair = |texts: Vec<String>| match texts.as_slice() {
            [band, gain, ..] => Some((band.trim().parse().ok()?, gain.trim().parse().ok()?)),
            [one] => {
                let (band, gain) = one.split_once(',')?;
                Some((band.trim().parse().ok()?, gain.trim().parse().ok()?))
            }
            [] => None,
        };
        let texts = |v: &Value| match v {
            Value::List(_) => v.texts(),
            _ => v.as_text().map(|t| vec![t.to_string()]).unwrap_or_default(),
        };
        objects.filter_map(|o| pair(texts(o.value()?))).collect()
    }
    /// `INCLn` and `OFFSETn` of a band.
    ///
    /// # Errors
    /// `CORRUPT` when a coefficient is there but cannot be one.
    pub fn conversion(&self, band: Band) -> Result<Option<UnitConversion>> {
        let Some(ucc) = self.number(&format!("INCL{}", band.name())) else { return Ok(None) };
        let offset = self.number(&format!("OFFSET{}", band.name())).unwrap_or(-ucc);
        if !(ucc > 0.0 && ucc < 100.0 && offset.abs() < 100.0) {
            return Err(Error::new(
                ErrorCode::Corrupt,
                format!("INCL{band} = {ucc}, OFFSET{band} = {offset} are no unit conversion coefficients"),
            ));
        }
        Ok(Some(UnitConversion { ucc, offset, source: CoefficientSource::File }))
    }
    /// `ASTEROBSERVATIONMODE.1` to `.4`, as written.
    pub fn observation_modes(&self) -> Vec<String> {
        let objects = self.groups.iter().flat_map(|g| {
            let numbered = (1..=4).flat_map(|n| g.find_all(&format!("ASTEROBSERVATIONMODE.{n}")));
            g.find_all("ASTEROBSERVATIONMODE").into_iter().chain(numbered)
        });
        objects.filter_map(|o| Some(o.value()?.texts().join(", "))).filter(|t| !t.is_empty()).collect()
    }
    /// Acquisition: `CALENDARDATE` and `TIMEOFDAY`, UTC. `SETTINGTIMEOFPOINTING` is minutes earlier: not it.
    pub fn acquisition(&self) -> Option<Timestamp> {
        let date = self.text("CALENDARDATE")?;
        let digits: String = date.chars().filter(char::is_ascii_digit).collect();
        let n = |s: &str, a: usize, b: usize| s.get(a..b)?.parse::<i16>().ok();
        let small = |v: i16| i8::try_from(v).ok();
        let day =
            civil::Date::new(n(&digits, 0, 4)?, small(n(&digits, 4, 6)?)?, small(n(&digits, 6, 8)?)?).ok()?;
        let time: String = self.text("TIMEOFDAY")?.chars().filter(char::is_ascii_digit).collect();
        let fraction = format!("{:0<9}", time.get(6..).unwrap_or_default());
        let nanoseconds: i32 = fraction.get(..9)?.parse().ok()?;
        let clock = civil::Time::new(
            small(n(&time, 0, 2)?)?,
            small(n(&time, 2, 4)?)?,
            small(n(&time, 4, 6)?)?,
            nanoseconds,
        );
        jiff::tz::TimeZone::UTC.to_timestamp(day.to_datetime(clock.ok()?)).ok()
    }
    /// Latitude of the scene's centre, degrees: `SCENECENTER`, else the middle of the bounding coordinates.
    pub fn centre_latitude(&self) -> Option<f64> {
        let bounding = || {
            let north = self.number("NORTHBOUNDINGCOORDINATE")?;
            Some((north + self.number("SOUTHBOUNDINGCOORDINATE")?) / 2.0)
        };
        self.pair("SCENECENTER").map(|(lat, _)| lat).or_else(bounding).filter(|l| l.abs() <= 90.0)
    }
    /// `MAPORIENTATIONANGLE` is stated and not zero: rows run along the path, not to the south.
    pub fn is_turned(&self) -> bool {
        self.number("MAPORIENTATIONANGLE").is_some_and(|degrees| degrees.rem_euclid(360.0) != 0.0)
    }
    /// `UTMZONENUMBER`, or the zone codes of single bands; the sign is kept.
    pub fn utm_zone(&self) -> Option<i64> {
        let codes = BANDS.iter().map(|b| format!("UTMZONECODE{}", b.name));
        std::iter::once("UTMZONENUMBER".to_string()).chain(codes).find_map(|k| {
            let text = self.text(&k)?;
            text.trim().parse().ok()
        })
    }
}

fn broken(error: &hdf4::Error) -> Error {
    Error::new(ErrorCode::Corrupt, format!("the metadata cannot be read: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn metadata(text: &str) -> Metadata {
        Metadata::parse([text]).unwrap()
    }
    fn object(name: &str, value: &str) -> String {
        format!("OBJECT = {name}\n  NUM_VAL = 1\n  VALUE = {value}\nEND_OBJECT = {name}\n")
    }

    #[test]
    fn pairs_in_every_spelling() {
        for value in ["(152.9, 63.1)", "\"152.9, 63.1\"", "\"152.9 63.1\"", "(\"152.9\", \"63.1\")"] {
            let solar = metadata(&object("SOLARDIRECTION", value)).solar().unwrap();
            assert_eq!((solar.azimuth_deg, solar.elevation_deg), (152.9, 63.1), "{value}");
        }
    }

    #[test]
    fn dates_in_both_spellings() {
        for (date, time) in [
            ("\"20040502\"", "\"200003722000Z\""),
            ("\"2004-05-02\"", "\"20:00:03.722000Z\""),
            ("20040502", "\"200003722000\""),
        ] {
            let m = metadata(&(object("CALENDARDATE", date) + &object("TIMEOFDAY", time)));
            assert_eq!(m.acquisition().unwrap().to_string(), "2004-05-02T20:00:03.722Z", "{date}");
        }
    }

    #[test]
    fn repeated_gains_are_all_kept() {
        let text = "GROUP = GAININFORMATION\nOBJECT = GAININFORMATIONCONTAINER\nCLASS = \"1\"\nOBJECT = GAIN\nCLASS = \"1\"\nNUM_VAL = 2\n\
            VALUE = (\"01\", \"HGH\")\nEND_OBJECT = GAIN\nEND_OBJECT = GAININFORMATIONCONTAINER\nOBJECT = GAININFORMATIONCONTAINER\nCLASS = \"2\"\n\
            OBJECT = GAIN\nCLASS = \"2\"\nNUM_VAL = 2\nVALUE = (\"3N\", \"LO1\")\nEND_OBJECT = GAIN\nEND_OBJECT = GAININFORMATIONCONTAINER\n\
            END_GROUP = GAININFORMATION\nEND\n";
        assert_eq!(metadata(text).gains(), [(Band::B1, Gain::High), (Band::B3N, Gain::Low1)]);
    }

    #[test]
    fn a_version_comes_with_its_date() {
        let m = metadata(&object("RADIOMETRICDBVERSION", "(\"03.00\", \"2001-05-10\")"));
        assert_eq!(m.text("RADIOMETRICDBVERSION").as_deref(), Some("03.00"));
        assert_eq!(metadata(&object("X", "()")).text("X"), None);
    }

    #[test]
    fn nonsense_coefficients_are_refused() {
        let m = metadata(&(object("INCL1", "-0.676") + &object("OFFSET1", "0.676")));
        assert_eq!(m.conversion(Band::B1).unwrap_err().code(), ErrorCode::Corrupt);
        assert_eq!(metadata("").conversion(Band::B1).unwrap(), None);
    }
}
