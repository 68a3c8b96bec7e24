//! Granule names: product, version, acquisition (UTC) and processing stamps.
use crate::error::{Error, ErrorCode, Result};
use jiff::{Timestamp, civil};

/// What a name such as `AST_L1T_00302052004200003_20150503075349_23756.hdf` says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GranuleName {
    /// The whole id, without folder or extension.
    pub id: String,
    /// `AST_L1T`, `AST_07XT`, `AST14DEM` ...
    pub product: String,
    /// `003`, `031`, `004`.
    pub version: String,
    /// Acquisition as written, `MMDDYYYYHHMMSS`: the same for every product of one acquisition.
    pub acquisition_stamp: String,
    /// Processing stamp `YYYYMMDDHHMMSS`, in US Central local time.
    pub processing_stamp: Option<String>,
}

impl GranuleName {
    /// Reads a file or folder name; extensions and layer suffixes (`_VNIR_B01.tif`, `.SWIR.tif`) are left off.
    ///
    /// ```
    /// let name = aster_core::product::granule_name::GranuleName::parse(
    ///     "AST_L1T_00302052004200003_20150503075349_23756.hdf").unwrap();
    /// assert_eq!((name.product.as_str(), name.version.as_str()), ("AST_L1T", "003"));
    /// assert_eq!(name.acquisition().unwrap().to_string(), "2004-02-05T20:00:03Z");
    /// ```
    pub fn parse(file_name: &str) -> Option<Self> {
        let stem = file_name.split('.').next()?;
        let mut tokens = stem.split('_');
        let first = tokens.next()?;
        // AST14DEM_004... has one underscore less than AST_L1T_004...
        let product = match first {
            "AST" => format!("AST_{}", tokens.next()?),
            _ if first.starts_with("AST14") => first.to_string(),
            _ => return None,
        };
        let key = tokens.next().filter(|k| k.len() == 17 && k.bytes().all(|b| b.is_ascii_digit()))?;
        let processing = tokens.next().filter(|p| p.len() == 14 && p.bytes().all(|b| b.is_ascii_digit()));
        let number =
            processing.and(tokens.next()).filter(|n| !n.is_empty() && n.bytes().all(|b| b.is_ascii_digit()));
        let id =
            [Some(product.as_str()), Some(key), processing, number].into_iter().flatten().collect::<Vec<_>>();
        let name = Self {
            id: id.join("_"),
            version: key[..3].to_string(),
            acquisition_stamp: key[3..].to_string(),
            processing_stamp: processing.map(str::to_string),
            product,
        };
        name.acquisition().ok().map(|_| name)
    }
    /// Version and acquisition stamp: 17 digits.
    pub fn scene_key(&self) -> String {
        format!("{}{}", self.version, self.acquisition_stamp)
    }
    /// Acquisition, UTC, truncated to the second.
    pub fn acquisition(&self) -> Result<Timestamp> {
        parse_stamp(&self.acquisition_stamp).ok_or_else(|| {
            Error::new(
                ErrorCode::Corrupt,
                format!("{} is no stamp of the form MMDDYYYYHHMMSS", self.acquisition_stamp),
            )
        })
    }
}

fn parse_stamp(s: &str) -> Option<Timestamp> {
    let n = |a: usize, b: usize| s.get(a..b)?.parse::<i16>().ok();
    let (month, day, year) = (n(0, 2)?, n(2, 4)?, n(4, 8)?);
    let (hour, minute, second) = (n(8, 10)?, n(10, 12)?, n(12, 14)?);
    if !(1999..=2100).contains(&year) {
        return None;
    }
    let small = |v: i16| i8::try_from(v).ok();
    let date = civil::Date::new(year, small(month)?, small(day)?).ok()?;
    let time = civil::Time::new(small(hour)?, small(minute)?, small(second)?, 0).ok()?;
    jiff::tz::TimeZone::UTC.to_timestamp(date.to_datetime(time)).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn v004_names_layers_and_dem() {
        let l1t = GranuleName::parse("AST_L1T_00407232010184946_20250705074029_VNIR_B03N.tif").unwrap();
        assert_eq!(l1t.id, "AST_L1T_00407232010184946_20250705074029");
        assert_eq!(l1t.scene_key(), "00407232010184946");
        let dem = GranuleName::parse("AST14DEM_00405012000190040_20251203144820.tif").unwrap();
        assert_eq!((dem.product.as_str(), dem.version.as_str()), ("AST14DEM", "004"));
        let pc = GranuleName::parse("AST_L1T_00301062001031157_20150414031306_83940.VNIR.tif").unwrap();
        assert_eq!(pc.id, "AST_L1T_00301062001031157_20150414031306_83940");
    }

    #[test]
    fn month_thirteen_and_strangers_are_refused() {
        assert!(GranuleName::parse("AST_L1T_00313052004200003_20150503075349_1.hdf").is_none());
        assert!(GranuleName::parse("AST_L1T_00302302004200003_20150503075349_1.hdf").is_none());
        assert!(GranuleName::parse("MOD09.hdf").is_none());
        assert!(GranuleName::parse("AST_L1T_short_20150503075349.hdf").is_none());
        assert!(GranuleName::parse("").is_none());
    }
}
