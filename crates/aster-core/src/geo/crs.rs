//! Coordinate reference systems: WGS84 UTM and geographic natively, any other through GDAL.
//!
//! Axis order is x (easting, longitude) first everywhere, whatever a registry says.
#[cfg(feature = "gdal")]
pub(crate) mod gdal_backed;

use crate::error::{Error, Result};
use crate::geo::utm;
use std::fmt;
use std::sync::Arc;

/// A coordinate reference system.
#[derive(Debug, Clone, PartialEq)]
pub enum Crs {
    /// WGS84 / UTM, metres.
    Utm {
        /// 1 to 60.
        zone: u8,
        /// Southern hemisphere: northings carry 10 000 000 m.
        south: bool,
    },
    /// WGS84 longitude and latitude, degrees (EPSG:4326 with longitude first).
    Geographic,
    /// Anything else; needs the `gdal` feature.
    Other(Arc<OtherCrs>),
}

/// What GDAL said about a CRS; made by [`Crs::parse`] only.
#[derive(Debug, PartialEq)]
pub struct OtherCrs {
    /// `EPSG:3577` where a code is known, else the name.
    label: String,
    epsg: Option<u32>,
    /// WKT 1.
    wkt: Arc<str>,
    geographic: bool,
    /// UDUNITS name of the axes' unit.
    units: String,
    /// Parameters of the grid mapping, without `crs_wkt`; empty when CF has no name for the projection.
    cf: Vec<(&'static str, CfValue)>,
}

/// Value of a CF grid mapping attribute.
#[derive(Debug, Clone, PartialEq)]
pub enum CfValue {
    /// Text.
    Text(String),
    /// Numbers.
    Float(Vec<f64>),
}

const EXAMPLES: &str =
    "write EPSG:32650 (UTM 50 north), EPSG:32750 (south), EPSG:4326, utm:50N or another EPSG code";

impl Crs {
    /// Reads `EPSG:32650`, `urn:ogc:def:crs:EPSG::32650`, `utm:50N`, `OGC:CRS84`; and, with the `gdal`
    /// feature, whatever GDAL reads (any code, WKT, PROJ text). WKT and PROJ text of a WGS84 UTM zone become
    /// [`Crs::Utm`].
    ///
    /// # Errors
    /// `USAGE` when it is no CRS, `UNSUPPORTED` when it takes GDAL and this build has none.
    pub fn parse(text: &str) -> Result<Self> {
        let text = text.trim();
        if let Some(zone) = utm_name(text) {
            return zone;
        }
        if let Some(code) = epsg_code(text) {
            if let Some(crs) = Self::of_epsg(code) {
                return Ok(crs);
            }
        } else if ["OGC:CRS84", "CRS84", "WGS84"].iter().any(|name| name.eq_ignore_ascii_case(text)) {
            return Ok(Self::Geographic);
        }
        // GDAL would fetch an address.
        if text.is_empty() || text.contains("://") {
            return Err(Error::usage(format!("{text:?} is no coordinate reference system")).hint(EXAMPLES));
        }
        Self::parse_other(text)
    }

    #[cfg(feature = "gdal")]
    fn parse_other(text: &str) -> Result<Self> {
        let text = epsg_code(text).map_or_else(|| text.to_owned(), |code| format!("EPSG:{code}"));
        gdal_backed::parse(&text).map_err(|e| if e.hint_text().is_none() { e.hint(EXAMPLES) } else { e })
    }

    #[cfg(not(feature = "gdal"))]
    fn parse_other(text: &str) -> Result<Self> {
        let upper = text.to_ascii_uppercase();
        let starts = ["PROJCS[", "PROJCRS[", "GEOGCS[", "GEOGCRS[", "COMPD_CS[", "ESRI:", "IAU", "OGC:"];
        if epsg_code(text).is_some()
            || upper.contains("+PROJ=")
            || starts.iter().any(|s| upper.starts_with(s))
        {
            return Err(Error::new(
                crate::error::ErrorCode::Unsupported,
                format!("{} needs GDAL, which this build leaves out", first_words(text)),
            )
            .hint("build with the feature gdal, or use WGS84 UTM (EPSG:326zz, EPSG:327zz) or EPSG:4326"));
        }
        Err(Error::usage(format!("{:?} is no coordinate reference system", first_words(text))).hint(EXAMPLES))
    }

    /// The natively known CRS of an EPSG code.
    pub(crate) fn of_epsg(code: u32) -> Option<Self> {
        match code {
            4326 => Some(Self::Geographic),
            32601..=32660 => Some(Self::Utm { zone: (code - 32600) as u8, south: false }),
            32701..=32760 => Some(Self::Utm { zone: (code - 32700) as u8, south: true }),
            _ => None,
        }
    }

    /// The standard UTM zone of a position in degrees. Norway's and Svalbard's exceptions are not applied:
    /// ASTER's products do not apply them either.
    pub fn utm_of(lon: f64, lat: f64) -> Self {
        Self::Utm { zone: utm::zone_of(lon), south: lat < 0.0 }
    }

    /// EPSG code, if there is one.
    pub fn epsg(&self) -> Option<u32> {
        match self {
            Self::Utm { zone, south } => Some(if *south { 32700 } else { 32600 } + u32::from(*zone)),
            Self::Geographic => Some(4326),
            Self::Other(other) => other.epsg,
        }
    }

    /// Whether coordinates are longitude and latitude.
    pub fn is_geographic(&self) -> bool {
        match self {
            Self::Utm { .. } => false,
            Self::Geographic => true,
            Self::Other(other) => other.geographic,
        }
    }

    /// UDUNITS name of the unit of both axes: `m`, `degrees`, or another.
    pub fn units(&self) -> &str {
        match self {
            Self::Utm { .. } => "m",
            Self::Geographic => "degrees",
            Self::Other(other) => &other.units,
        }
    }

    /// Well-known text, version 1, with the authority's codes.
    ///
    /// # Errors
    /// None today; fallible because a CRS may have no such form.
    pub fn wkt(&self) -> Result<String> {
        Ok(match self {
            Self::Utm { zone, south } => {
                let (letter, north0) = if *south { ('S', 10_000_000) } else { ('N', 0) };
                format!(
                    "PROJCS[\"WGS 84 / UTM zone {zone}{letter}\",{},PROJECTION[\"Transverse_Mercator\"],\
                     PARAMETER[\"latitude_of_origin\",0],PARAMETER[\"central_meridian\",{}],\
                     PARAMETER[\"scale_factor\",0.9996],PARAMETER[\"false_easting\",500000],\
                     PARAMETER[\"false_northing\",{north0}],UNIT[\"metre\",1,AUTHORITY[\"EPSG\",\"9001\"]],\
                     AXIS[\"Easting\",EAST],AXIS[\"Northing\",NORTH],AUTHORITY[\"EPSG\",\"{}\"]]",
                    wgs84_wkt(""),
                    utm::central_meridian_deg(*zone),
                    self.epsg().unwrap_or_default(),
                )
            }
            Self::Geographic => wgs84_wkt("AXIS[\"Latitude\",NORTH],AXIS[\"Longitude\",EAST],"),
            Self::Other(other) => other.wkt.to_string(),
        })
    }

    /// Attributes of a CF grid mapping variable (CF-1.11, appendix F), `crs_wkt` last. A projection without a
    /// CF name has `crs_wkt` only.
    ///
    /// # Errors
    /// As [`Crs::wkt`].
    pub fn cf_attributes(&self) -> Result<Vec<(&'static str, CfValue)>> {
        let text = |t: &str| CfValue::Text(t.to_owned());
        let number = |v: f64| CfValue::Float(vec![v]);
        let mut attributes = match self {
            Self::Utm { zone, south } => vec![
                ("grid_mapping_name", text("transverse_mercator")),
                ("longitude_of_central_meridian", number(utm::central_meridian_deg(*zone))),
                ("latitude_of_projection_origin", number(0.0)),
                ("scale_factor_at_central_meridian", number(0.9996)),
                ("false_easting", number(500_000.0)),
                ("false_northing", number(if *south { utm::FALSE_NORTHING_SOUTH } else { 0.0 })),
                (
                    "projected_crs_name",
                    CfValue::Text(format!("WGS 84 / UTM zone {zone}{}", if *south { 'S' } else { 'N' })),
                ),
            ],
            Self::Geographic => vec![("grid_mapping_name", text("latitude_longitude"))],
            Self::Other(other) => other.cf.clone(),
        };
        if !matches!(self, Self::Other(_)) {
            attributes.extend([
                ("semi_major_axis", number(6_378_137.0)),
                ("inverse_flattening", number(298.257_223_563)),
                ("longitude_of_prime_meridian", number(0.0)),
                ("reference_ellipsoid_name", text("WGS 84")),
                ("prime_meridian_name", text("Greenwich")),
                ("horizontal_datum_name", text("World Geodetic System 1984")),
                ("geographic_crs_name", text("WGS 84")),
            ]);
        }
        attributes.push(("crs_wkt", CfValue::Text(self.wkt()?)));
        Ok(attributes)
    }
}

impl fmt::Display for Crs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self, self.epsg()) {
            (_, Some(code)) => write!(f, "EPSG:{code}"),
            (Self::Other(other), None) => f.write_str(&other.label),
            (_, None) => f.write_str("WGS 84"),
        }
    }
}

/// WKT of WGS84 with some axes.
fn wgs84_wkt(axes: &str) -> String {
    format!(
        "GEOGCS[\"WGS 84\",DATUM[\"WGS_1984\",SPHEROID[\"WGS 84\",6378137,298.257223563,\
         AUTHORITY[\"EPSG\",\"7030\"]],AUTHORITY[\"EPSG\",\"6326\"]],PRIMEM[\"Greenwich\",0,\
         AUTHORITY[\"EPSG\",\"8901\"]],UNIT[\"degree\",0.0174532925199433,AUTHORITY[\"EPSG\",\"9122\"]],\
         {axes}AUTHORITY[\"EPSG\",\"4326\"]]"
    )
}

/// The number of `EPSG:n`, `urn:ogc:def:crs:EPSG:version:n`, an opengis.net address or a bare code.
fn epsg_code(text: &str) -> Option<u32> {
    let upper = text.to_ascii_uppercase();
    let rest = if let Some(rest) = upper.strip_prefix("URN:OGC:DEF:CRS:EPSG:") {
        rest.split_once(':').map_or(rest, |(_, code)| code)
    } else if let Some((_, rest)) = upper.split_once("OPENGIS.NET/DEF/CRS/EPSG/") {
        rest.split_once('/').map_or(rest, |(_, code)| code)
    } else {
        upper.strip_prefix("EPSG:").unwrap_or(&upper)
    };
    (rest.len() >= 4 && rest.bytes().all(|b| b.is_ascii_digit())).then(|| rest.parse().ok()).flatten()
}

/// `utm:50N` and its like; an error when the zone does not exist.
fn utm_name(text: &str) -> Option<Result<Crs>> {
    let upper = text.to_ascii_uppercase();
    let rest = upper.strip_prefix("UTM")?.trim_start_matches([':', ' ', '_', '-']);
    let (digits, south) = match (rest.strip_suffix('N'), rest.strip_suffix('S')) {
        (Some(digits), _) => (digits, false),
        (_, Some(digits)) => (digits, true),
        _ => (rest, false),
    };
    let zone = digits.parse::<u8>().ok().filter(|z| (1..=60).contains(z));
    Some(match zone {
        Some(zone) if digits.len() < rest.len() => Ok(Crs::Utm { zone, south }),
        _ => {
            Err(Error::usage(format!("{text:?} is no UTM zone"))
                .hint("write utm:50N or utm:50S, zones 1 to 60"))
        }
    })
}

/// Enough of a long text to recognise it in a message.
#[cfg(not(feature = "gdal"))]
fn first_words(text: &str) -> String {
    let short: String = text.chars().take(40).collect();
    if short.len() < text.len() { short + "..." } else { short }
}

/// Version of the GDAL this build links, if it does.
pub fn gdal_version() -> Option<String> {
    #[cfg(feature = "gdal")]
    return Some(gdal::version::VersionInfo::release_name());
    #[cfg(not(feature = "gdal"))]
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::ErrorCode;

    #[test]
    fn native_names() {
        let north = Crs::Utm { zone: 50, south: false };
        for text in
            ["EPSG:32650", "epsg:32650", " 32650 ", "urn:ogc:def:crs:EPSG::32650", "utm:50N", "UTM 50n"]
        {
            assert_eq!(Crs::parse(text).unwrap(), north, "{text}");
        }
        assert_eq!(
            Crs::parse("http://www.opengis.net/def/crs/EPSG/0/32750").unwrap().to_string(),
            "EPSG:32750"
        );
        assert_eq!(Crs::parse("OGC:CRS84").unwrap(), Crs::Geographic);
        assert_eq!(Crs::parse("EPSG:4326").unwrap().units(), "degrees");
        for text in ["utm:61N", "utm:0S", "utm:50", "nonsense", "", "http://example.org/crs.wkt", "utm:50Nx"]
        {
            let error = Crs::parse(text).unwrap_err();
            assert_eq!(error.code(), ErrorCode::Usage, "{text}");
            assert!(error.hint_text().is_some(), "{text}");
        }
    }

    #[test]
    fn zones() {
        assert_eq!(Crs::utm_of(117.0, -1e-9), Crs::Utm { zone: 50, south: true });
        assert_eq!(Crs::utm_of(-180.0, 0.0).epsg(), Some(32601));
        assert_eq!(Crs::utm_of(180.0, 1.0).epsg(), Some(32601));
        assert_eq!(Crs::utm_of(179.999, 1.0).epsg(), Some(32660));
        // Bergen lies in zone 31 of the plain scheme; the exception would say 32.
        assert_eq!(Crs::utm_of(5.3, 60.4).epsg(), Some(32631));
    }

    #[cfg(not(feature = "gdal"))]
    #[test]
    fn other_systems_name_the_missing_feature() {
        for text in ["EPSG:3577", "PROJCS[\"x\"]", "+proj=aea +lat_1=-18"] {
            let error = Crs::parse(text).unwrap_err();
            assert_eq!(error.code(), ErrorCode::Unsupported, "{text}");
            assert!(error.hint_text().unwrap().contains("gdal"));
        }
    }
}
