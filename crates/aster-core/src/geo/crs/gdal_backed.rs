//! CRSs through GDAL: parsing, WKT, CF parameters. Quiet: GDAL's complaints become our errors.
use super::{CfValue, Crs, OtherCrs};
use crate::error::{Error, Result};
use crate::geo::utm::{FALSE_NORTHING_SOUTH, central_meridian_deg};
use gdal::spatial_ref::SpatialRef;
use std::marker::PhantomData;
use std::sync::Arc;

/// While it lives, GDAL prints nothing from this thread.
pub(crate) struct QuietGdal(PhantomData<*const ()>);

impl QuietGdal {
    /// Also the place where the bundled PROJ is told to use its own database.
    pub(crate) fn new() -> Self {
        isolate_proj();
        // SAFETY: the handler is GDAL's own and takes any arguments; the stack of handlers is per thread, and
        // this guard cannot leave its thread.
        #[allow(unsafe_code)]
        unsafe {
            gdal_sys::CPLPushErrorHandler(Some(gdal_sys::CPLQuietErrorHandler));
        }
        Self(PhantomData)
    }
}

impl Drop for QuietGdal {
    fn drop(&mut self) {
        // SAFETY: pops what `new` pushed on this thread.
        #[allow(unsafe_code)]
        unsafe {
            gdal_sys::CPLPopErrorHandler();
        }
    }
}

/// Makes the PROJ that is compiled in use the database that is compiled in. A foreign `PROJ_DATA` or
/// `PROJ_LIB` (environment modules, conda) would otherwise break every look-up by its older layout. With the
/// system's GDAL, nothing: its environment is its own affair.
pub(crate) fn isolate_proj() {
    #[cfg(feature = "bundled-gdal")]
    {
        static ONCE: std::sync::Once = std::sync::Once::new();
        ONCE.call_once(|| {
            // PROJ finds nothing there and falls back to the resource in the executable.
            let nowhere = [c"/nonexistent/proj".as_ptr(), std::ptr::null()];
            // SAFETY: a null-terminated list of C strings, copied by GDAL before it returns.
            #[allow(unsafe_code)]
            unsafe {
                gdal_sys::OSRSetPROJSearchPaths(nowhere.as_ptr());
            }
        });
    }
}

/// Anything GDAL reads as a CRS.
pub(super) fn parse(text: &str) -> Result<Crs> {
    let _quiet = QuietGdal::new();
    let shown: String = text.chars().take(40).collect();
    let mut srs = SpatialRef::from_definition(text)
        .map_err(|_| Error::usage(format!("{shown:?} is no coordinate reference system")))?;
    if !srs.is_geographic() && !srs.is_projected() {
        return Err(Error::usage(format!("{shown:?} is neither a projected nor a geographic system")));
    }
    // Names the code of a definition that came without one; failing only means there is none.
    let _ = srs.auto_identify_epsg();
    let epsg = match (srs.auth_name(), srs.auth_code()) {
        (Some(authority), Ok(code)) if authority == "EPSG" => u32::try_from(code).ok(),
        _ => None,
    };
    if let Some(native) = epsg.and_then(Crs::of_epsg).or_else(|| native_by_parameters(&srs)) {
        return Ok(native);
    }
    let wkt = srs.to_wkt().map_err(|e| Error::usage(format!("{shown:?} has no well-known text: {e}")))?;
    let geographic = srs.is_geographic();
    Ok(Crs::Other(Arc::new(OtherCrs {
        label: srs.authority().ok().or_else(|| srs.name()).unwrap_or(shown),
        epsg,
        wkt: wkt.into(),
        geographic,
        units: if geographic { angular_unit(&srs) } else { linear_unit(&srs) },
        cf: cf(&srs).unwrap_or_default(),
    })))
}

/// WGS84 UTM or geographic, from a definition without codes (PROJ text, WKT of other programs).
fn native_by_parameters(srs: &SpatialRef) -> Option<Crs> {
    let datum = srs.get_attr_value("DATUM", 0).ok().flatten()?;
    let meridian: f64 = srs.get_attr_value("PRIMEM", 1).ok().flatten()?.parse().ok()?;
    let wgs84 = ["WGS_1984", "D_WGS_1984", "World Geodetic System 1984"].contains(&datum.as_str());
    if !wgs84 || meridian != 0.0 || !is_degree(srs) || srs.is_compound() {
        return None;
    }
    if srs.is_geographic() {
        return Some(Crs::Geographic);
    }
    let is = |name: &str, value: f64| {
        srs.get_proj_param(name).ok().flatten().is_some_and(|v| (v - value).abs() < 1e-9)
    };
    let utm = srs.get_attr_value("PROJECTION", 0).ok().flatten()? == "Transverse_Mercator"
        && srs.linear_units() == 1.0
        && is("latitude_of_origin", 0.0)
        && is("scale_factor", 0.9996)
        && is("false_easting", 500_000.0);
    let south = is("false_northing", FALSE_NORTHING_SOUTH);
    if !utm || !(south || is("false_northing", 0.0)) {
        return None;
    }
    let zone = (1..=60).find(|zone| is("central_meridian", central_meridian_deg(*zone)))?;
    Some(Crs::Utm { zone, south })
}

fn angular_unit(srs: &SpatialRef) -> String {
    if is_degree(srs) { "degrees".to_owned() } else { srs.angular_units_name().unwrap_or_default() }
}

fn is_degree(srs: &SpatialRef) -> bool {
    (srs.angular_units().to_degrees() - 1.0).abs() < 1e-9
}

/// UDUNITS name of the linear unit.
fn linear_unit(srs: &SpatialRef) -> String {
    let metres = srs.linear_units();
    let known = [(1.0, "m"), (1000.0, "km"), (0.3048, "foot"), (1200.0 / 3937.0, "US_survey_foot")];
    match known.iter().find(|(size, _)| (metres - size).abs() < 1e-9 * size) {
        Some((_, name)) => (*name).to_owned(),
        None => format!("{metres} m"),
    }
}

/// CF names of a WKT 1 projection and its parameters; none when CF has no such projection or an exact
/// translation is not certain. Source: CF-1.11 appendix F, GDAL's WKT 1 parameter names.
fn cf(srs: &SpatialRef) -> Option<Vec<(&'static str, CfValue)>> {
    // An extension (spherical "web" Mercator) or odd units say more than the parameters tell.
    if srs.get_attr_value("EXTENSION", 0).ok().flatten().is_some() || !is_degree(srs) {
        return None;
    }
    let projection = srs.get_attr_value("PROJECTION", 0).ok().flatten();
    let parameter = |name: &str| srs.get_proj_param(name).ok().flatten();
    let mut out: Vec<(&'static str, CfValue)> = Vec::new();
    let (name, list): (&str, &[(&'static str, &str)]) = match projection.as_deref() {
        None if srs.is_geographic() => ("latitude_longitude", &[]),
        Some("Albers_Conic_Equal_Area") => (
            "albers_conical_equal_area",
            &[
                ("longitude_of_central_meridian", "longitude_of_center"),
                ("latitude_of_projection_origin", "latitude_of_center"),
            ],
        ),
        Some("Lambert_Conformal_Conic_2SP") => (
            "lambert_conformal_conic",
            &[
                ("longitude_of_central_meridian", "central_meridian"),
                ("latitude_of_projection_origin", "latitude_of_origin"),
            ],
        ),
        Some("Lambert_Azimuthal_Equal_Area") => (
            "lambert_azimuthal_equal_area",
            &[
                ("longitude_of_projection_origin", "longitude_of_center"),
                ("latitude_of_projection_origin", "latitude_of_center"),
            ],
        ),
        Some("Transverse_Mercator") => (
            "transverse_mercator",
            &[
                ("longitude_of_central_meridian", "central_meridian"),
                ("latitude_of_projection_origin", "latitude_of_origin"),
                ("scale_factor_at_central_meridian", "scale_factor"),
            ],
        ),
        Some("Mercator_1SP") => (
            "mercator",
            &[
                ("longitude_of_projection_origin", "central_meridian"),
                ("scale_factor_at_projection_origin", "scale_factor"),
            ],
        ),
        Some("Mercator_2SP") => ("mercator", &[("longitude_of_projection_origin", "central_meridian")]),
        Some("Cylindrical_Equal_Area") => {
            ("lambert_cylindrical_equal_area", &[("longitude_of_central_meridian", "central_meridian")])
        }
        Some("Polar_Stereographic") => {
            ("polar_stereographic", &[("straight_vertical_longitude_from_pole", "central_meridian")])
        }
        _ => return None,
    };
    out.push(("grid_mapping_name", CfValue::Text(name.to_owned())));
    let number = |v: f64| CfValue::Float(vec![v]);
    if name == "polar_stereographic" {
        // WKT 1 keeps the latitude of true scale in latitude_of_origin; at the pole itself a factor counts.
        let latitude = parameter("latitude_of_origin")?;
        out.push(("latitude_of_projection_origin", number(90.0_f64.copysign(latitude))));
        if latitude.abs() == 90.0 {
            out.push(("scale_factor_at_projection_origin", number(parameter("scale_factor")?)));
        } else {
            out.push(("standard_parallel", number(latitude)));
        }
    } else if let Some(first) = parameter("standard_parallel_1") {
        let parallels = std::iter::once(first).chain(parameter("standard_parallel_2")).collect();
        out.push(("standard_parallel", CfValue::Float(parallels)));
    }
    for &(cf_name, wkt_name) in list {
        out.push((cf_name, number(parameter(wkt_name)?)));
    }
    if srs.is_projected() {
        out.push(("false_easting", number(parameter("false_easting").unwrap_or(0.0))));
        out.push(("false_northing", number(parameter("false_northing").unwrap_or(0.0))));
    }
    let (a, b) = (srs.semi_major().ok()?, srs.semi_minor().ok()?);
    out.push(("semi_major_axis", number(a)));
    out.push(("semi_minor_axis", number(b)));
    let meridian = srs.get_attr_value("PRIMEM", 1).ok().flatten().and_then(|v| v.parse().ok()).unwrap_or(0.0);
    out.push(("longitude_of_prime_meridian", number(meridian)));
    let names = [
        ("reference_ellipsoid_name", "SPHEROID"),
        ("prime_meridian_name", "PRIMEM"),
        ("horizontal_datum_name", "DATUM"),
        ("geographic_crs_name", "GEOGCS"),
        ("projected_crs_name", "PROJCS"),
    ];
    for (cf_name, node) in names {
        if let Some(text) = srs.get_attr_value(node, 0).ok().flatten() {
            out.push((cf_name, CfValue::Text(text)));
        }
    }
    Some(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mapping(text: &str) -> (Crs, Vec<(&'static str, CfValue)>) {
        let crs = Crs::parse(text).unwrap();
        let cf = crs.cf_attributes().unwrap();
        (crs, cf)
    }

    fn value(cf: &[(&str, CfValue)], name: &str) -> Option<CfValue> {
        cf.iter().find(|(n, _)| *n == name).map(|(_, v)| v.clone())
    }

    #[test]
    fn our_templates_are_identified() {
        for (crs, code) in [
            (Crs::Utm { zone: 1, south: false }, 32601),
            (Crs::Utm { zone: 60, south: true }, 32760),
            (Crs::Geographic, 4326),
        ] {
            let wkt = crs.wkt().unwrap();
            let ours = SpatialRef::from_wkt(&wkt).unwrap();
            assert_eq!(ours.auth_code().unwrap(), code);
            let theirs = SpatialRef::from_epsg(code as u32).unwrap();
            assert!(ours == theirs, "{crs}");
            assert_eq!(theirs.to_wkt().unwrap(), wkt);
            assert_eq!(Crs::parse(&wkt).unwrap(), crs);
        }
        assert_eq!(Crs::parse("+proj=utm +zone=50 +south +datum=WGS84").unwrap().epsg(), Some(32750));
        assert_eq!(Crs::parse("+proj=longlat +datum=WGS84").unwrap(), Crs::Geographic);
        assert_eq!(Crs::parse("+proj=utm +zone=50 +ellps=GRS80").unwrap().epsg(), None);
    }

    #[test]
    fn cf_names_of_common_projections() {
        let (crs, cf) = mapping("EPSG:3577");
        assert_eq!((crs.to_string().as_str(), crs.units(), crs.is_geographic()), ("EPSG:3577", "m", false));
        assert_eq!(value(&cf, "grid_mapping_name"), Some(CfValue::Text("albers_conical_equal_area".into())));
        assert_eq!(value(&cf, "standard_parallel"), Some(CfValue::Float(vec![-18.0, -36.0])));
        assert_eq!(value(&cf, "longitude_of_central_meridian"), Some(CfValue::Float(vec![132.0])));
        let (_, cf) = mapping("EPSG:3031");
        assert_eq!(value(&cf, "standard_parallel"), Some(CfValue::Float(vec![-71.0])));
        assert_eq!(value(&cf, "latitude_of_projection_origin"), Some(CfValue::Float(vec![-90.0])));
        for (code, name) in [
            ("EPSG:2154", "lambert_conformal_conic"),
            ("EPSG:3035", "lambert_azimuthal_equal_area"),
            ("EPSG:3395", "mercator"),
            ("EPSG:6933", "lambert_cylindrical_equal_area"),
            ("EPSG:28350", "transverse_mercator"),
            ("EPSG:4283", "latitude_longitude"),
        ] {
            let (_, cf) = mapping(code);
            assert_eq!(value(&cf, "grid_mapping_name"), Some(CfValue::Text(name.into())), "{code}");
        }
        let (crs, cf) = mapping("EPSG:3857");
        assert_eq!(cf.len(), 1, "spherical Mercator has no CF name");
        assert!(value(&cf, "crs_wkt").is_some());
        assert_eq!(crs.epsg(), Some(3857));
        assert_eq!(mapping("EPSG:2263").0.units(), "US_survey_foot");
    }

    #[test]
    fn nonsense_is_a_usage_error() {
        for text in ["EPSG:99999999", "+proj=nothing", "PROJCS[\"half", "EPSG:4978"] {
            let error = Crs::parse(text).unwrap_err();
            assert_eq!(error.code(), crate::error::ErrorCode::Usage, "{text}");
            assert!(error.hint_text().is_some());
        }
    }
}
