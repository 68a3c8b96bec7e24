//! Records that lie beside a granule's GeoTIFFs: UMM-G (`.cmr.json`), ECS XML (`.hdf.xml`), STAC items (`.json`).
//!
//! AST_L1T version 004 carries no gain in any form; the AST_L1A record of the same acquisition does.
use crate::error::{Error, ErrorCode, Result};
use crate::granule::facts::SolarDirection;
use crate::granule::xml;
use crate::product::band::Band;
use crate::product::granule_name::GranuleName;
use crate::radiometry::gain::Gain;
use jiff::Timestamp;
use serde_json::Value;
use std::collections::HashMap;
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

/// Longest record read; real ones have 5 to 30 kB.
const MAX_RECORD_BYTES: u64 = 16 << 20;

/// What such a record says; nothing is assumed where it is silent.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct SideRecord {
    /// Acquisition, finer than the stamp in the name.
    pub time: Option<Timestamp>,
    /// Gain setting by band.
    pub gains: Vec<(Band, Gain)>,
    /// Sun at the scene's centre.
    pub solar: Option<SolarDirection>,
    /// Scene cloud cover, percent.
    pub cloud_cover_percent: Option<f64>,
    /// `day` or `night`.
    pub day_night: Option<String>,
    /// Version of the radiometric calibration coefficients, e.g. `05.00`.
    pub radiometric_db_version: Option<String>,
    /// Version of the geometric coefficients.
    pub geometric_db_version: Option<String>,
    /// Telescopes' states, e.g. `SWIR, ON`.
    pub observation_modes: Vec<String>,
}

impl SideRecord {
    /// Reads a record of any of the three kinds, told apart by content.
    ///
    /// # Errors
    /// `INPUT_IO` or `NOT_FOUND` when it cannot be read, `LIMIT` above 16 MiB, `CORRUPT` when it is neither.
    pub fn read(path: &Path) -> Result<Self> {
        let file = File::open(path).map_err(|e| Error::input_io(path, &e))?;
        let mut bytes = Vec::new();
        file.take(MAX_RECORD_BYTES + 1).read_to_end(&mut bytes).map_err(|e| Error::input_io(path, &e))?;
        if bytes.len() as u64 > MAX_RECORD_BYTES {
            return Err(Error::new(ErrorCode::Limit, format!("{} is too long for a record", path.display()))
                .with_bytes(bytes.len() as u64, MAX_RECORD_BYTES)
                .at(path));
        }
        let text = String::from_utf8_lossy(&bytes);
        Self::parse(text.trim_start_matches('\u{feff}')).ok_or_else(|| {
            let text = format!("{} is no UMM-G, STAC or ECS record", path.display());
            Error::new(ErrorCode::Corrupt, text).at(path)
        })
    }
    /// As [`SideRecord::read`], from text.
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.trim_start();
        if text.starts_with('<') {
            return text.contains("<GranuleURMetaData").then(|| Self::from_ecs(text));
        }
        let json: Value = serde_json::from_str(text).ok()?;
        if json["type"] == "Feature" {
            Some(Self::from_stac(&json))
        } else if json["GranuleUR"].is_string() {
            Some(Self::from_umm_g(&json))
        } else {
            None
        }
    }
    /// Gain of one band.
    pub fn gain(&self, band: Band) -> Option<Gain> {
        self.gains.iter().find(|(b, _)| *b == band).map(|&(_, gain)| gain)
    }
    /// Takes from `other` what this one does not say.
    pub fn fill_from(&mut self, other: Self) {
        self.time = self.time.or(other.time);
        self.solar = self.solar.or(other.solar);
        self.cloud_cover_percent = self.cloud_cover_percent.or(other.cloud_cover_percent);
        self.day_night = self.day_night.take().or(other.day_night);
        self.radiometric_db_version = self.radiometric_db_version.take().or(other.radiometric_db_version);
        self.geometric_db_version = self.geometric_db_version.take().or(other.geometric_db_version);
        if self.gains.is_empty() {
            self.gains = other.gains;
        }
        if self.observation_modes.is_empty() {
            self.observation_modes = other.observation_modes;
        }
    }

    fn from_umm_g(json: &Value) -> Self {
        let attributes =
            json["AdditionalAttributes"].as_array().into_iter().flatten().filter_map(|a| {
                Some((a["Name"].as_str()?.to_string(), a["Values"][0].as_str()?.to_string()))
            });
        let temporal = &json["TemporalExtent"];
        let time =
            temporal["SingleDateTime"].as_str().or(temporal["RangeDateTime"]["BeginningDateTime"].as_str());
        let cloud = json["CloudCover"]
            .as_f64()
            .or_else(|| json["MeasuredParameters"][0]["QAStats"]["QAPercentCloudCover"].as_f64());
        Self::from_attributes(attributes, time, cloud, json["DataGranule"]["DayNightFlag"].as_str())
    }

    fn from_ecs(text: &str) -> Self {
        let attributes = xml::elements(text, "PSA")
            .filter_map(|p| Some((xml::text_of(p.inner, "PSAName")?, xml::text_of(p.inner, "PSAValue")?)));
        let single = xml::elements(text, "SingleDateTime").next().map(|e| e.inner).unwrap_or_default();
        let time = xml::text_of(single, "CalendarDate")
            .zip(xml::text_of(single, "TimeofDay"))
            .map(|(date, time)| format!("{date}T{}Z", time.trim_end_matches('Z')));
        let cloud = xml::text_of(text, "QAPercentCloudCover").and_then(|t| t.parse().ok());
        Self::from_attributes(
            attributes,
            time.as_deref(),
            cloud,
            xml::text_of(text, "DayNightFlag").as_deref(),
        )
    }

    /// The record that AWS's files carry in a tag: ECS names in one flat JSON object.
    pub fn from_tag(text: &str) -> Option<Self> {
        let json: Value = serde_json::from_str(text).ok()?;
        let text_of = |v: &Value| v.as_str().map_or_else(|| v.to_string(), str::to_string);
        let attributes = json.as_object()?.iter().map(|(name, value)| (name.clone(), text_of(value)));
        let time = json["CalendarDate"].as_str().zip(json["TimeofDay"].as_str());
        let time = time.map(|(date, time)| format!("{date}T{}Z", time.trim_end_matches('Z')));
        Some(Self::from_attributes(attributes, time.as_deref(), None, json["DayNightFlag"].as_str()))
    }

    fn from_stac(json: &Value) -> Self {
        let p = &json["properties"];
        let number = |key: &str| p[key].as_f64().filter(|v| v.is_finite());
        Self {
            time: p["datetime"].as_str().and_then(|t| t.parse().ok()),
            solar: solar(number("view:sun_azimuth"), number("view:sun_elevation")),
            cloud_cover_percent: number("eo:cloud_cover").filter(|c| (0.0..=100.0).contains(c)),
            ..Self::default()
        }
    }

    /// UMM-G and ECS name the same things, the latter with underscores (`Solar_Azimuth_Angle`).
    fn from_attributes(
        attributes: impl Iterator<Item = (String, String)>,
        time: Option<&str>,
        cloud: Option<f64>,
        day_night: Option<&str>,
    ) -> Self {
        let all: HashMap<String, String> =
            attributes.map(|(name, value)| (name.replace('_', ""), value.trim().to_string())).collect();
        let number = |key: &str| all.get(key).and_then(|v| v.parse::<f64>().ok()).filter(|v| v.is_finite());
        let cloud = number("SceneCloudCoverage").or(cloud);
        let modes = ["VNIR1", "VNIR2", "SWIR", "TIR"];
        Self {
            time: time.and_then(|t| t.parse().ok()),
            gains: all.get("ASTERGains").map(|t| parse_gains(t)).unwrap_or_default(),
            solar: solar(number("SolarAzimuthAngle"), number("SolarElevationAngle")),
            cloud_cover_percent: cloud.filter(|c| (0.0..=100.0).contains(c)),
            day_night: day_night.map(str::to_ascii_lowercase).filter(|d| d == "day" || d == "night"),
            radiometric_db_version: all.get("RadiometricDBVersion").cloned(),
            geometric_db_version: all.get("GeometricDBVersion").cloned(),
            observation_modes: modes
                .iter()
                .filter_map(|m| Some(format!("{m}, {}", all.get(&format!("{m}ObservationMode"))?)))
                .collect(),
        }
    }
}

fn solar(azimuth_deg: Option<f64>, elevation_deg: Option<f64>) -> Option<SolarDirection> {
    let (azimuth_deg, elevation_deg) = azimuth_deg.zip(elevation_deg)?;
    Some(SolarDirection { azimuth_deg, elevation_deg })
}

/// `01 HGH, 02 HGH, 3N NOR, ...`; what is neither band nor gain is left out, never guessed.
fn parse_gains(text: &str) -> Vec<(Band, Gain)> {
    text.split(',')
        .filter_map(|pair| {
            let (band, gain) = pair.trim().split_once(char::is_whitespace)?;
            Some((band.parse().ok()?, gain.parse().ok()?))
        })
        .collect()
}

/// The records found for a granule.
#[derive(Debug, Clone, Default)]
pub struct FoundRecords {
    /// Merged: the granule's own first, the AST_L1A record of the acquisition last.
    pub record: SideRecord,
    /// Files it came from.
    pub files: Vec<PathBuf>,
    /// Records that could not be read.
    pub warnings: Vec<String>,
}

/// Looks in `folder` for records of the granule with any of `names` (its parts may differ in the processing
/// stamp by a second), and there and one folder up for the AST_L1A record of the same acquisition.
pub fn find_records(folder: &Path, names: &[GranuleName]) -> FoundRecords {
    let Some(first) = names.first() else { return FoundRecords::default() };
    let here = list(folder, first);
    let mut paths: Vec<(u8, &PathBuf)> =
        here.iter().filter_map(|(name, path)| Some((rank(name, names)?, path))).collect();
    paths.sort();
    let mut found = FoundRecords::default();
    for (_, path) in paths {
        found.take(path);
    }
    // What only L1A knows: skip the search when nothing is missing.
    let needs_more = found.record.gains.is_empty() || found.record.cloud_cover_percent.is_none();
    if needs_more && first.product != "AST_L1A" {
        let prefix = format!("AST_L1A_{}_", first.scene_key());
        let is_l1a =
            |entry: &&(String, PathBuf)| entry.0.starts_with(&prefix) && entry.0.ends_with(".cmr.json");
        if let Some((_, path)) = here.iter().rfind(is_l1a) {
            found.take(path);
        } else if let Some(parent) = parent(folder)
            && let Some((_, path)) = list(&parent, first).iter().rfind(is_l1a)
        {
            found.take(path);
        }
    }
    found
}

impl FoundRecords {
    fn take(&mut self, path: &Path) {
        match SideRecord::read(path) {
            Ok(record) => {
                self.record.fill_from(record);
                self.files.push(path.to_path_buf());
            }
            Err(error) => self.warnings.push(format!("record left out: {error}")),
        }
    }
}

fn parent(folder: &Path) -> Option<PathBuf> {
    let parent = if folder.is_absolute() { folder.parent()?.to_path_buf() } else { folder.join("..") };
    Some(parent)
}

/// Names and paths of a folder's JSON and XML files of one acquisition, by name; empty when it cannot be listed.
fn list(folder: &Path, of: &GranuleName) -> Vec<(String, PathBuf)> {
    let Ok(entries) = std::fs::read_dir(folder) else { return Vec::new() };
    let key = of.scene_key();
    let is_record = |name: &str| name.contains(&key) && (name.ends_with(".json") || name.ends_with(".xml"));
    let mut all: Vec<_> = entries
        .flatten()
        .map(|e| (e.file_name().to_string_lossy().into_owned(), e))
        .filter(|(name, _)| is_record(name))
        .map(|(name, e)| (name, e.path()))
        .collect();
    all.sort();
    all
}

/// Order of trust of a record of this granule; none for other files.
fn rank(file_name: &str, names: &[GranuleName]) -> Option<u8> {
    let rank = [".cmr.json", ".hdf.xml", ".json"].iter().position(|end| file_name.ends_with(end))?;
    let name = GranuleName::parse(file_name)?;
    let same = |n: &GranuleName| {
        n.product == name.product
            && n.scene_key() == name.scene_key()
            && (n.processing_stamp == name.processing_stamp
                || n.processing_stamp.is_none()
                || name.processing_stamp.is_none())
    };
    names.iter().any(same).then_some(rank as u8)
}

#[cfg(test)]
mod tests {
    use super::*;

    const UMM_G: &str = r#"{"GranuleUR": "AST_L1A_00405012000190040_20251203144259", "CloudCover": 2,
        "TemporalExtent": {"SingleDateTime": "2000-05-01T19:00:40.72200Z"},
        "DataGranule": {"DayNightFlag": "Day"},
        "AdditionalAttributes": [
          {"Name": "ASTERGains", "Values": ["01 HGH, 02 HGH, 3N NOR, 3B NOR, 04 LO1, 09 LO2, 10 ???"]},
          {"Name": "SolarAzimuthAngle", "Values": ["156.238865"]},
          {"Name": "SolarElevationAngle", "Values": ["65.028780"]},
          {"Name": "SWIRObservationMode", "Values": ["ON"]},
          {"Name": "RadiometricDBVersion", "Values": ["05.00"]}, {"Name": "Odd"}]}"#;

    #[test]
    fn umm_g() {
        let r = SideRecord::parse(UMM_G).unwrap();
        assert_eq!(r.time.unwrap().to_string(), "2000-05-01T19:00:40.722Z");
        assert_eq!(r.gain(Band::B1), Some(Gain::High));
        assert_eq!(r.gain(Band::B3B), Some(Gain::Normal));
        assert_eq!((r.gain(Band::B4), r.gain(Band::B9)), (Some(Gain::Low1), Some(Gain::Low2)));
        assert_eq!((r.gain(Band::B10), r.gain(Band::B5)), (None, None));
        assert_eq!(r.solar, Some(SolarDirection { azimuth_deg: 156.238865, elevation_deg: 65.02878 }));
        assert_eq!((r.cloud_cover_percent, r.day_night.as_deref()), (Some(2.0), Some("day")));
        assert_eq!(r.radiometric_db_version.as_deref(), Some("05.00"));
        assert_eq!(r.observation_modes, ["SWIR, ON"]);
    }

    #[test]
    fn ecs_xml_and_stac() {
        let text = "<?xml version=\"1.0\"?><GranuleMetaDataFile><GranuleURMetaData>\
            <DayNightFlag>Night</DayNightFlag><SingleDateTime><TimeofDay>04:04:46.534000</TimeofDay>\
            <CalendarDate>2000-05-03</CalendarDate></SingleDateTime>\
            <PSAs><PSA><PSAName>Solar_Azimuth_Angle</PSAName><PSAValue>86.5</PSAValue></PSA>\
            <PSA><PSAName>Solar_Elevation_Angle</PSAName><PSAValue>-5</PSAValue></PSA>\
            <PSA><PSAName>SceneCloudCoverage</PSAName><PSAValue>57</PSAValue></PSA>\
            <PSA><PSAName>ASTERGains</PSAName><PSAValue>01 OFF, 3N OFF</PSAValue></PSA></PSAs>\
            </GranuleURMetaData></GranuleMetaDataFile>";
        let r = SideRecord::parse(text).unwrap();
        assert_eq!(r.time.unwrap().to_string(), "2000-05-03T04:04:46.534Z");
        assert_eq!((r.cloud_cover_percent, r.day_night.as_deref()), (Some(57.0), Some("night")));
        assert_eq!(r.gain(Band::B3N), Some(Gain::Off));
        assert_eq!(r.solar.unwrap().elevation_deg, -5.0);
        let r = SideRecord::parse(
            r#"{"type": "Feature", "properties": {"datetime": "2001-01-06T03:11:57.526000Z",
                "eo:cloud_cover": 58.0, "view:sun_azimuth": 153.4, "view:sun_elevation": 48.7}}"#,
        )
        .unwrap();
        assert_eq!((r.cloud_cover_percent, r.solar.unwrap().azimuth_deg), (Some(58.0), 153.4));
    }

    #[test]
    fn the_first_word_counts_and_nothing_is_made_up() {
        let mut r = SideRecord { cloud_cover_percent: Some(9.0), ..SideRecord::default() };
        r.fill_from(SideRecord::parse(UMM_G).unwrap());
        assert_eq!((r.cloud_cover_percent, r.gain(Band::B2)), (Some(9.0), Some(Gain::High)));
        for text in ["", "{", "[]", "{}", "null", "<html></html>", r#"{"type": "FeatureCollection"}"#] {
            assert!(SideRecord::parse(text).is_none(), "{text}");
        }
        assert_eq!(SideRecord::parse(r#"{"GranuleUR": "x"}"#).unwrap(), SideRecord::default());
    }
}
