//! What a cube says about each time step: bounds, provenance, sun, calibration, counts.
use crate::cube::record::{BandRecord, SceneRecord, StepRecord};
use crate::cube::sink::CubeLayout;
use crate::write::netcdf::attributes::{numbers, optional_text, text};
use crate::write::netcdf::container::{Container, Dataset, Layout};
use crate::write::netcdf::coordinates::{Axes, time_chunk};
use crate::write::netcdf::handle::Outcome;
use jiff::Timestamp;

/// Seconds from the first to the last line of a scene: 60 km at 6.75 km/s over ground.
///
/// UNVERIFIED, as is that the time of a granule is the middle of its scan.
const SCAN_SECONDS: f64 = 8.9;

/// Values of one variable, one per time step.
#[derive(Debug, Clone, PartialEq)]
enum Column {
    Text(Vec<String>),
    Float(Vec<f64>),
    Count(Vec<i64>),
}

/// A variable along time.
#[derive(Debug, Clone, PartialEq)]
struct SceneVariable {
    name: String,
    long_name: String,
    standard_name: Option<&'static str>,
    units: Option<&'static str>,
    column: Column,
}

/// Names that a data variable refers to.
#[derive(Debug, Default)]
pub(super) struct References {
    /// CF `coordinates`: what identifies and describes the scene.
    pub(super) coordinates: Vec<String>,
    /// CF `ancillary_variables` of each variable of the layout.
    pub(super) ancillary: Vec<Vec<String>>,
}

/// Writes time, its bounds and every variable along time.
pub(super) fn write(
    file: &Container,
    layout: &CubeLayout,
    axes: &Axes,
    records: &[StepRecord],
) -> Outcome<References> {
    let steps = [records.len() as u64];
    let times: Vec<f64> = records.iter().map(|s| seconds(s.time)).collect();
    axes.time.set_lengths(&steps)?;
    axes.time.write(&times)?;

    let nv = file.bare_dimension("nv", Axes::NEXT, 2)?;
    let (lengths, chunk) = ([steps[0], 2], [time_chunk(records.len()), 2]);
    let along = Layout { lengths: &lengths, grows: true, chunk: Some(&chunk), level: None };
    let bounds = file.dataset::<f64>("time_bnds", along, None)?;
    bounds.attach_scales(&[(&axes.time, Axes::TIME), (&nv, Axes::NEXT)])?;
    bounds.write(&records.iter().flat_map(bounds_of).collect::<Vec<f64>>())?;

    let of_scene = scene_columns(records);
    let mut references = References { ancillary: Vec::new(), ..References::default() };
    for variable in &of_scene {
        create(file, axes, variable)?;
        references.coordinates.push(variable.name.clone());
    }
    references.ancillary = vec![Vec::new(); layout.variables.len()];
    for band in band_names(records) {
        for variable in band_columns(&band, records) {
            create(file, axes, &variable)?;
            for (names, spec) in references.ancillary.iter_mut().zip(&layout.variables) {
                let of_band = spec.name.strip_prefix(&band);
                if of_band.is_some_and(|rest| rest.is_empty() || rest.starts_with('_')) {
                    names.push(variable.name.clone());
                }
            }
        }
    }
    for (i, (names, spec)) in references.ancillary.iter_mut().zip(&layout.variables).enumerate() {
        let counts = records.iter().map(|s| count(s.valid_pixels.get(i).copied().unwrap_or(0)));
        let variable = SceneVariable {
            name: format!("{}_valid_pixels", spec.name),
            long_name: format!("pixels of {} with a value", spec.name),
            standard_name: None,
            units: Some("1"),
            column: Column::Count(counts.collect()),
        };
        create(file, axes, &variable)?;
        names.push(variable.name);
    }
    Ok(references)
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
fn joined<'a>(texts: impl Iterator<Item = &'a str>) -> String {
    let mut different: Vec<&str> = Vec::new();
    texts.for_each(|t| {
        if !different.contains(&t) {
            different.push(t);
        }
    });
    different.join(" ")
}

/// What the scenes of a step agree on; NaN where they differ.
fn agreed(mut values: impl Iterator<Item = f64>) -> f64 {
    let first = values.next().unwrap_or(f64::NAN);
    if values.all(|v| v == first) { first } else { f64::NAN }
}

fn create(file: &Container, axes: &Axes, variable: &SceneVariable) -> Outcome<()> {
    let name = &variable.name;
    let steps = match &variable.column {
        Column::Text(v) => v.len(),
        Column::Float(v) => v.len(),
        Column::Count(v) => v.len(),
    };
    let (lengths, chunk) = ([steps as u64], [time_chunk(steps)]);
    let along = Layout { lengths: &lengths, grows: true, chunk: Some(&chunk), level: None };
    let dataset: Dataset = match &variable.column {
        Column::Text(values) => {
            let dataset = file.text_dataset(name, along)?;
            dataset.write_texts(values)?;
            dataset
        }
        Column::Float(values) => {
            let fill = values.iter().any(|v| v.is_nan()).then_some(f64::NAN);
            let dataset = file.dataset(name, along, fill)?;
            dataset.write(values)?;
            dataset
        }
        Column::Count(values) => {
            let dataset = file.dataset::<i64>(name, along, None)?;
            dataset.write(values)?;
            dataset
        }
    };
    optional_text(dataset.id(), "standard_name", variable.standard_name)?;
    text(dataset.id(), "long_name", &variable.long_name)?;
    optional_text(dataset.id(), "units", variable.units)?;
    dataset.attach_scales(&[(&axes.time, Axes::TIME)])
}

fn scene_columns(steps: &[StepRecord]) -> Vec<SceneVariable> {
    let texts = |name: &str, long_name: &str, of: fn(&SceneRecord) -> &str| SceneVariable {
        name: name.to_string(),
        long_name: long_name.to_string(),
        standard_name: None,
        units: None,
        column: Column::Text(steps.iter().map(|s| joined(s.scenes.iter().map(of))).collect()),
    };
    let numbers =
        |name: &str, long_name: &str, standard_name, units, of: fn(&SceneRecord) -> f64| SceneVariable {
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
        columns.push(SceneVariable {
            name: "scene_count".to_string(),
            long_name: "scenes of the time step".to_string(),
            standard_name: None,
            units: Some("1"),
            column: Column::Count(steps.iter().map(|s| count(s.scenes.len() as u64)).collect()),
        });
    }
    columns
}

fn band_columns(band: &str, steps: &[StepRecord]) -> Vec<SceneVariable> {
    let records: Vec<Vec<&BandRecord>> = steps
        .iter()
        .map(|s| s.scenes.iter().filter_map(|s| s.bands.iter().find(|b| b.variable == band)).collect())
        .collect();
    let variable = |suffix: &str, long_name: &str, units, column| SceneVariable {
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
fn band_names(steps: &[StepRecord]) -> Vec<String> {
    let mut names: Vec<String> = Vec::new();
    for band in steps.iter().flat_map(|s| &s.scenes).flat_map(|s| &s.bands) {
        if !names.contains(&band.variable) {
            names.push(band.variable.clone());
        }
    }
    names
}

/// Global attributes that the scenes decide.
pub(super) fn write_globals(file: &Container, steps: &[StepRecord]) -> Outcome<()> {
    let scenes = || steps.iter().flat_map(|s| &s.scenes);
    let mut products: Vec<String> = Vec::new();
    for scene in scenes() {
        let product = format!("{} version {}", scene.product, scene.version);
        if !products.contains(&product) {
            products.push(product);
        }
    }
    text(file.id(), "source", &format!("ASTER on Terra: {}", products.join(", ")))?;
    let first = scenes().map(|s| s.time).min();
    let last = scenes().map(|s| s.time).max();
    optional_text(file.id(), "time_coverage_start", first.map(|t| t.to_string()).as_deref())?;
    optional_text(file.id(), "time_coverage_end", last.map(|t| t.to_string()).as_deref())?;
    numbers(file.id(), "scenes", &[i32::try_from(scenes().count()).unwrap_or(i32::MAX)])
}

/// Seconds since 1970.
fn seconds(time: Timestamp) -> f64 {
    time.as_second() as f64 + f64::from(time.subsec_nanosecond()) * 1e-9
}

fn count(pixels: u64) -> i64 {
    i64::try_from(pixels).unwrap_or(i64::MAX)
}
