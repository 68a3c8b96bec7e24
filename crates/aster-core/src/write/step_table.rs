//! What a cube says about each time step: bounds, provenance, sun, calibration, counts; in every format.
use crate::cube::record::{BandRecord, SceneRecord, StepRecord};
use crate::cube::sink::CubeLayout;
use crate::write::describe::{Attributes, text};
use jiff::Timestamp;

/// Seconds from the first to the last line of a scene: 60 km at 6.75 km/s over ground.
///
/// UNVERIFIED, as is that the time of a granule is the middle of its scan.
const SCAN_SECONDS: f64 = 8.9;

/// Values of one variable, one per time step.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Column {
    /// Texts, empty where missing.
    Text(Vec<String>),
    /// Numbers, NaN where missing.
    Float(Vec<f64>),
    /// Counts.
    Count(Vec<i64>),
}

/// A variable along time.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct StepVariable {
    /// Name.
    pub(super) name: String,
    /// CF `long_name`.
    pub(super) long_name: String,
    /// CF `standard_name`, where one exists.
    pub(super) standard_name: Option<&'static str>,
    /// UDUNITS text; none for texts.
    pub(super) units: Option<&'static str>,
    /// One value per step.
    pub(super) column: Column,
}

impl StepVariable {
    /// Attributes, in order.
    pub(super) fn attributes(&self) -> Attributes {
        let mut attributes = Vec::new();
        attributes.extend(self.standard_name.map(|name| text("standard_name", name)));
        attributes.push(text("long_name", &self.long_name));
        attributes.extend(self.units.map(|units| text("units", units)));
        attributes
    }
}

/// All variables along time, and how data variables refer to them.
#[derive(Debug, Default)]
pub(super) struct StepTable {
    /// Seconds since 1970.
    pub(super) times: Vec<f64>,
    /// Beginning and end of each step, seconds since 1970.
    pub(super) bounds: Vec<[f64; 2]>,
    /// Variables, in order.
    pub(super) variables: Vec<StepVariable>,
    /// CF `coordinates`: what identifies and describes the scene.
    pub(super) coordinates: String,
    /// CF `ancillary_variables` of each variable of the layout.
    pub(super) ancillary: Vec<String>,
}

impl StepTable {
    /// Collects what `records` say.
    pub(super) fn of(layout: &CubeLayout, records: &[StepRecord]) -> Self {
        let mut variables = scene_columns(records);
        let coordinates: Vec<String> = variables.iter().map(|v| v.name.clone()).collect();
        let mut ancillary = vec![Vec::new(); layout.variables.len()];
        for band in band_names(records) {
            for variable in band_columns(&band, records) {
                for (names, spec) in ancillary.iter_mut().zip(&layout.variables) {
                    let of_band = spec.name.strip_prefix(&band);
                    if of_band.is_some_and(|rest| rest.is_empty() || rest.starts_with('_')) {
                        names.push(variable.name.clone());
                    }
                }
                variables.push(variable);
            }
        }
        for (i, (names, spec)) in ancillary.iter_mut().zip(&layout.variables).enumerate() {
            let counts = records.iter().map(|s| count(s.valid_pixels.get(i).copied().unwrap_or(0)));
            let variable = StepVariable {
                name: format!("{}_valid_pixels", spec.name),
                long_name: format!("pixels of {} with a value", spec.name),
                standard_name: None,
                units: Some("1"),
                column: Column::Count(counts.collect()),
            };
            names.push(variable.name.clone());
            variables.push(variable);
        }
        Self {
            times: records.iter().map(|s| seconds(s.time)).collect(),
            bounds: records.iter().map(bounds_of).collect(),
            variables,
            coordinates: coordinates.join(" "),
            ancillary: ancillary.iter().map(|names: &Vec<String>| names.join(" ")).collect(),
        }
    }
}

/// Beginning and end of what a step covers, seconds since 1970.
fn bounds_of(step: &StepRecord) -> [f64; 2] {
    let half = SCAN_SECONDS / 2.0;
    match step.period {
        Some((start, end)) => [seconds(start), seconds(end)],
        None => {
            let times = || step.scenes.iter().map(|s| seconds(s.time));
            let first = times().fold(seconds(step.time), f64::min);
            [first - half, times().fold(first, f64::max) + half]
        }
    }
}

/// What the scenes of a step say: each different text once.
pub(super) fn joined<'a>(texts: impl Iterator<Item = &'a str>) -> String {
    let mut different: Vec<&str> = Vec::new();
    texts.for_each(|t| {
        if !different.contains(&t) {
            different.push(t);
        }
    });
    different.join(" ")
}

/// What the scenes of a step agree on; NaN where they differ.
pub(super) fn agreed(mut values: impl Iterator<Item = f64>) -> f64 {
    let first = values.next().unwrap_or(f64::NAN);
    if values.all(|v| v == first) { first } else { f64::NAN }
}

fn scene_columns(steps: &[StepRecord]) -> Vec<StepVariable> {
    let texts = |name: &str, long_name: &str, of: fn(&SceneRecord) -> &str| StepVariable {
        name: name.to_string(),
        long_name: long_name.to_string(),
        standard_name: None,
        units: None,
        column: Column::Text(steps.iter().map(|s| joined(s.scenes.iter().map(of))).collect()),
    };
    let numbers =
        |name: &str, long_name: &str, standard_name, units, of: fn(&SceneRecord) -> f64| StepVariable {
            name: name.to_string(),
            long_name: long_name.to_string(),
            standard_name,
            units: Some(units),
            column: Column::Float(steps.iter().map(|s| agreed(s.scenes.iter().map(of))).collect()),
        };
    let mut columns = vec![
        texts("granule_id", "granule identifier", |s| &s.id),
        texts("product", "ASTER product", |s| &s.product),
        texts("product_version", "product version", |s| &s.version),
        texts("radiometric_db_version", "version of the radiometric coefficients", |s| {
            &s.radiometric_db_version
        }),
        texts("placement", "how pixels came onto the grid: shift (copied) or warp (resampled)", |s| {
            &s.placement
        }),
        numbers(
            "solar_azimuth",
            "solar azimuth at the scene centre, clockwise from north",
            Some("solar_azimuth_angle"),
            "degree",
            |s| s.solar_azimuth_deg,
        ),
        numbers(
            "solar_elevation",
            "solar elevation at the scene centre, above the horizon",
            Some("solar_elevation_angle"),
            "degree",
            |s| s.solar_elevation_deg,
        ),
        numbers(
            "cloud_cover",
            "cloud cover of the whole scene",
            Some("cloud_area_fraction"),
            "percent",
            |s| s.cloud_cover_percent,
        ),
        numbers("earth_sun_distance", "distance from the Earth to the Sun", None, "astronomical_unit", |s| {
            s.earth_sun_distance_au
        }),
    ];
    if steps.iter().any(|s| s.period.is_some() || s.scenes.len() != 1) {
        columns.push(StepVariable {
            name: "scene_count".to_string(),
            long_name: "scenes of the time step".to_string(),
            standard_name: None,
            units: Some("1"),
            column: Column::Count(steps.iter().map(|s| count(s.scenes.len() as u64)).collect()),
        });
    }
    columns
}

fn band_columns(band: &str, steps: &[StepRecord]) -> Vec<StepVariable> {
    let records: Vec<Vec<&BandRecord>> = steps
        .iter()
        .map(|s| s.scenes.iter().filter_map(|s| s.bands.iter().find(|b| b.variable == band)).collect())
        .collect();
    let variable = |suffix: &str, long_name: &str, units, column| StepVariable {
        name: format!("{band}_{suffix}"),
        long_name: format!("{long_name} {band}"),
        standard_name: None,
        units,
        column,
    };
    let mut variables = Vec::new();
    if records.iter().flatten().any(|r| !r.gain.is_empty()) {
        let gains = records.iter().map(|r| joined(r.iter().map(|r| r.gain.as_str()))).collect();
        variables.push(variable("gain", "gain setting of", None, Column::Text(gains)));
    }
    if records.iter().flatten().any(|r| r.conversion.is_some()) {
        let of = |pick: fn(&crate::radiometry::gain::UnitConversion) -> f64| {
            let one = |r: &&BandRecord| r.conversion.as_ref().map_or(f64::NAN, pick);
            let values = records.iter().map(|r| agreed(r.iter().map(one)));
            Column::Float(values.collect())
        };
        // Radiance is ucc x DN + offset; DN has no unit.
        let radiance = Some("W m-2 sr-1 um-1");
        variables.push(variable(
            "ucc",
            "radiance per DN (unit conversion coefficient) of",
            radiance,
            of(|c| c.ucc),
        ));
        variables.push(variable("radiance_offset", "radiance at DN 0 of", radiance, of(|c| c.offset)));
    }
    if records.iter().flatten().all(|r| r.saturated_pixels.is_some()) {
        let sum = |r: &Vec<&BandRecord>| count(r.iter().filter_map(|r| r.saturated_pixels).sum());
        let long_name = "source pixels at the top of the DN range within the area, of";
        let column = Column::Count(records.iter().map(sum).collect());
        variables.push(variable("saturated_pixels", long_name, Some("1"), column));
    }
    variables
}

/// Bands of all scenes, in order of first use.
pub(super) fn band_names(steps: &[StepRecord]) -> Vec<String> {
    let mut names: Vec<String> = Vec::new();
    for band in steps.iter().flat_map(|s| &s.scenes).flat_map(|s| &s.bands) {
        if !names.contains(&band.variable) {
            names.push(band.variable.clone());
        }
    }
    names
}

/// Seconds since 1970.
fn seconds(time: Timestamp) -> f64 {
    time.as_second() as f64 + f64::from(time.subsec_nanosecond()) * 1e-9
}

fn count(pixels: u64) -> i64 {
    i64::try_from(pixels).unwrap_or(i64::MAX)
}
