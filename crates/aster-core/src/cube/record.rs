//! What is written about each time step beside its pixels. Serialised, so that an interrupted output keeps it.
use crate::cube::calibrate;
use crate::cube::plan::CubePlan;
use crate::cube::scene_plan::ScenePlan;
use crate::cube::steps::StepPlan;
use crate::radiometry::gain::UnitConversion;
use crate::radiometry::reflectance::earth_sun_distance_au;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// Calibration of one band in one scene.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct BandRecord {
    /// Variable name of the band, `ImageData3N`.
    pub variable: String,
    /// Gain code, empty when unknown.
    pub gain: String,
    /// Unit conversion used; none for scaled products and plain DN.
    pub conversion: Option<UnitConversion>,
    /// Valid source pixels at the top of the DN range, within the area; nothing where a scene is read in
    /// overlapping parts, which would count some twice.
    pub saturated_pixels: Option<u64>,
}

/// One scene that took part in a time step.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SceneRecord {
    /// Granule id.
    pub id: String,
    /// Product.
    pub product: String,
    /// Product version.
    pub version: String,
    /// Acquisition.
    pub time: Timestamp,
    /// Degrees from north, NaN when unknown.
    #[serde(with = "nan_as_null")]
    pub solar_azimuth_deg: f64,
    /// Degrees above the horizon, NaN when unknown.
    #[serde(with = "nan_as_null")]
    pub solar_elevation_deg: f64,
    /// Percent, NaN when unknown.
    #[serde(with = "nan_as_null")]
    pub cloud_cover_percent: f64,
    /// Earth-Sun distance used for reflectance, astronomical units.
    pub earth_sun_distance_au: f64,
    /// Version of the radiometric coefficients, empty when unknown.
    pub radiometric_db_version: String,
    /// `shift` (pixels copied) or `warp` (pixels resampled).
    pub placement: String,
    /// Bands used.
    pub bands: Vec<BandRecord>,
}

/// One time step: a scene, the scenes of one pass, or those of a period.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct StepRecord {
    /// Coordinate of the step: acquisition of its first scene, or the label of its period.
    pub time: Timestamp,
    /// Beginning and end of the period; nothing for steps that are acquisitions.
    pub period: Option<(Timestamp, Timestamp)>,
    /// Scenes in time order, at least one.
    pub scenes: Vec<SceneRecord>,
    /// Pixels with a value, per variable of the layout.
    pub valid_pixels: Vec<u64>,
}

impl StepRecord {
    /// Granule ids, joined by spaces.
    pub fn ids(&self) -> String {
        self.scenes.iter().map(|s| s.id.as_str()).collect::<Vec<_>>().join(" ")
    }
}

/// What is known of a time step. `saturated` is `[scene][input]`.
pub(super) fn record_of(
    plan: &CubePlan,
    step: &StepPlan,
    valid_pixels: Vec<u64>,
    saturated: Option<Vec<Vec<u64>>>,
) -> StepRecord {
    let scenes = step.scenes().enumerate().map(|(i, scene)| {
        let counts = saturated.as_ref().and_then(|s| s.get(i));
        scene_record(plan, &plan.scenes[scene], counts.map(Vec::as_slice))
    });
    let scenes: Vec<SceneRecord> = scenes.collect();
    let time = match step.period {
        None => scenes.first().map_or(step.time, |s| s.time),
        Some(_) => step.time,
    };
    StepRecord { time, period: step.period, scenes, valid_pixels }
}

fn scene_record(plan: &CubePlan, scene: &ScenePlan, saturated: Option<&[u64]>) -> SceneRecord {
    let facts = &scene.facts;
    let mut bands: Vec<BandRecord> = Vec::new();
    for (index, input) in plan.wanted.inputs.iter().enumerate() {
        if bands.iter().any(|b| b.variable == input.band.variable()) {
            continue;
        }
        let band = facts.band(input.band);
        bands.push(BandRecord {
            variable: input.band.variable().to_string(),
            gain: band
                .and_then(|b| calibrate::gain(b, &plan.wanted))
                .map_or(String::new(), |g| g.to_string()),
            conversion: band.and_then(|b| calibrate::conversion(b, &plan.wanted).ok()),
            saturated_pixels: saturated.and_then(|s| s.get(index).copied()),
        });
    }
    SceneRecord {
        id: facts.name.id.clone(),
        product: facts.name.product.clone(),
        version: facts.name.version.clone(),
        time: facts.time,
        solar_azimuth_deg: facts.solar.map_or(f64::NAN, |s| s.azimuth_deg),
        solar_elevation_deg: facts.solar.map_or(f64::NAN, |s| s.elevation_deg),
        cloud_cover_percent: facts.cloud_cover_percent.unwrap_or(f64::NAN),
        earth_sun_distance_au: earth_sun_distance_au(facts.time),
        radiometric_db_version: facts.radiometric_db_version.clone().unwrap_or_default(),
        placement: scene.placement().to_string(),
        bands,
    }
}

/// JSON has no NaN.
mod nan_as_null {
    use serde::{Deserialize, Deserializer, Serializer};

    pub(super) fn serialize<S: Serializer>(value: &f64, to: S) -> Result<S::Ok, S::Error> {
        if value.is_nan() { to.serialize_none() } else { to.serialize_f64(*value) }
    }
    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<f64, D::Error> {
        Ok(Option::<f64>::deserialize(from)?.unwrap_or(f64::NAN))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_survives_json_unknown_angles_included() {
        let text = r#"{"time":"2003-05-06T02:14:05Z","period":null,"valid_pixels":[4],"scenes":[{"id":"A","product":"P",
            "version":"003","time":"2003-05-06T02:14:05Z","solar_azimuth_deg":null,"solar_elevation_deg":61.5,
            "cloud_cover_percent":null,"earth_sun_distance_au":1.008,"radiometric_db_version":"","placement":"shift",
            "bands":[{"variable":"ImageData2","gain":"HGH","saturated_pixels":3,
            "conversion":{"ucc":0.708,"offset":-0.708,"source":"GainTable"}}]}]}"#;
        let record: StepRecord = serde_json::from_str(text).unwrap();
        assert!(record.scenes[0].solar_azimuth_deg.is_nan());
        let again: StepRecord = serde_json::from_str(&serde_json::to_string(&record).unwrap()).unwrap();
        assert_eq!(again.scenes[0].bands, record.scenes[0].bands);
        assert!(again.scenes[0].cloud_cover_percent.is_nan());
    }

    #[test]
    fn numbers_come_back_to_the_last_bit() {
        for day in 0..400 {
            let time = Timestamp::from_second(1_000_000_000 + day * 86_413).unwrap();
            let distance = earth_sun_distance_au(time);
            let text = serde_json::to_string(&distance).unwrap();
            assert_eq!(serde_json::from_str::<f64>(&text).unwrap().to_bits(), distance.to_bits());
        }
    }
}
