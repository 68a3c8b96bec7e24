//! A contact sheet of a cube: up to 24 scenes in time order, as a PNG that explains itself.
mod canvas;
mod palette;
mod sheet;
mod stretch;
mod subject;
mod thumbnail;

use crate::cube::record::StepRecord;
use crate::cube::sink::{ChunkKey, ChunkObserver, CubeLayout};
use crate::error::{Error, Result};
use crate::write::partial::{PartialFile, output_error};
use canvas::Canvas;
use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use subject::Subject;
use thumbnail::{Sampling, Thumbnail};

/// Panels of a sheet.
const MAX_PANELS: usize = 24;
/// Memory for thumbnails.
const MAX_BYTES: usize = 64 << 20;

/// Collects thumbnails while a cube is computed, then draws them.
pub struct Quicklook {
    layout: CubeLayout,
    subject: Subject,
    sampling: Sampling,
    /// Time steps that are collected, ascending, with one thumbnail per channel.
    candidates: Vec<(usize, Mutex<Vec<Thumbnail>>)>,
}

impl Quicklook {
    /// Chooses what to show: the first index, else the false colour composite of bands 3N, 2 and 1, else the
    /// first variable. More time steps than panels are collected as far as memory allows, to choose from.
    pub fn new(layout: &CubeLayout) -> Self {
        let subject = Subject::of(layout);
        let panels = layout.time_steps.clamp(1, MAX_PANELS);
        let panel = sheet::Geometry::of(layout, panels).panel;
        let channels = subject.variables().len();
        let affordable = |sampling: &Sampling| MAX_BYTES / (sampling.bytes() * channels).max(1);
        let mut sampling = Sampling::new(layout, panel, 2);
        if affordable(&sampling) < layout.time_steps.min(2 * MAX_PANELS) {
            sampling = Sampling::new(layout, panel, 1);
        }
        let count = layout.time_steps.min(affordable(&sampling).max(1));
        let candidates = (0..count)
            // Evenly over the time steps planned.
            .map(|i| (i * layout.time_steps) / count.max(1))
            .map(|time| (time, Mutex::new(vec![Thumbnail::default(); channels])))
            .collect();
        Self { layout: layout.clone(), subject, sampling, candidates }
    }

    /// Draws the sheet for the time steps that came, record `i` being time step `i`, and writes it to `path`.
    ///
    /// # Errors
    /// `OUTPUT_EXISTS`, `OUTPUT_IO`, `DISK_FULL`.
    pub fn write(self, path: &Path, steps: &[StepRecord], overwrite: bool) -> Result<PathBuf> {
        let partial = PartialFile::create(path, overwrite)?;
        let collected = self.candidates.into_iter().filter_map(|(time, thumbnails)| {
            let thumbnails = thumbnails.into_inner().unwrap_or_else(PoisonError::into_inner);
            Some((steps.get(time)?, thumbnails))
        });
        let panels = select(collected.collect());
        let sheet = sheet::Sheet {
            layout: &self.layout,
            subject: &self.subject,
            sampling: &self.sampling,
            panels: &panels,
            steps,
        };
        let canvas = sheet.draw();
        write_png(&canvas, &self.layout.title, partial.path()).map_err(|e| match e {
            png::EncodingError::IoError(e) => output_error(path, &e),
            other => Error::internal(format!("the picture cannot be encoded: {other}")).at(path),
        })?;
        partial.commit()
    }
}

impl ChunkObserver for Quicklook {
    fn observe(&self, key: ChunkKey, values: &[f32]) {
        let Some(channel) = self.subject.variables().iter().position(|v| *v == key.variable) else {
            return;
        };
        let Ok(candidate) = self.candidates.binary_search_by_key(&key.time, |(time, _)| *time) else {
            return;
        };
        if let Some(thumbnail) = lock(&self.candidates[candidate].1).get_mut(channel) {
            self.sampling.take(thumbnail, key, values);
        }
    }

    fn rewind(&self, time_steps: usize) {
        for (_, thumbnails) in self.candidates.iter().filter(|(time, _)| *time >= time_steps) {
            lock(thumbnails).iter_mut().for_each(|t| *t = Thumbnail::default());
        }
    }
}

/// One panel: its time step and a thumbnail per channel.
type Panel<'a> = (&'a StepRecord, Vec<Thumbnail>);

/// At most [`MAX_PANELS`], evenly in time; of neighbours the one with most pixels, and none without any.
fn select(collected: Vec<Panel>) -> Vec<Panel> {
    let mut seen: Vec<Panel> = collected.into_iter().filter(|(_, t)| covered(t) > 0).collect();
    let count = seen.len();
    if count <= MAX_PANELS {
        return seen;
    }
    let mut panels = Vec::with_capacity(MAX_PANELS);
    for i in (0..MAX_PANELS).rev() {
        let group = seen.split_off(i * count / MAX_PANELS);
        panels.extend(group.into_iter().max_by_key(|(_, t)| covered(t)));
    }
    panels.reverse();
    panels
}

fn covered(thumbnails: &[Thumbnail]) -> usize {
    thumbnails.first().map_or(0, Thumbnail::covered)
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn write_png(canvas: &Canvas, title: &str, path: &Path) -> std::result::Result<(), png::EncodingError> {
    let file = File::options().write(true).truncate(true).open(path)?;
    let mut out = BufWriter::new(file);
    let side = |pixels: usize| u32::try_from(pixels).unwrap_or(u32::MAX);
    let mut encoder = png::Encoder::new(&mut out, side(canvas.width()), side(canvas.height()));
    encoder.set_color(png::ColorType::Rgb);
    encoder.set_depth(png::BitDepth::Eight);
    encoder.add_text_chunk(
        "Software".to_string(),
        concat!("aster-timeseries ", env!("CARGO_PKG_VERSION")).to_string(),
    )?;
    if !title.is_empty() {
        encoder.add_itxt_chunk("Title".to_string(), title.to_string())?;
    }
    let mut writer = encoder.write_header()?;
    writer.write_image_data(canvas.bytes())?;
    writer.finish()?;
    out.flush()?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ErrorCode;
    use crate::cube::record::SceneRecord;
    use crate::cube::sink::{AttributeValue, ValueType, VariableSpec};
    use crate::geo::affine::Affine;
    use crate::geo::crs::Crs;
    use crate::grid::geobox::{GeoBox, Shape};

    fn layout(names: &[&str], time_steps: usize) -> CubeLayout {
        let variable = |name: &&str| VariableSpec {
            name: name.to_string(),
            long_name: format!("{name} of a test"),
            standard_name: None,
            units: "1".to_string(),
            value_type: ValueType::F32,
            keep_bits: None,
            repeats: false,
            attributes: match name.starts_with("ImageData") {
                true => Vec::new(),
                false => vec![("formula".to_string(), AttributeValue::Text("b3n / b2".to_string()))],
            },
        };
        CubeLayout {
            grid: GeoBox {
                crs: Crs::Utm { zone: 54, south: true },
                transform: Affine::upright(300_000.0, 6_200_000.0, 15.0, 15.0),
                shape: Shape { ny: 90, nx: 130 },
            },
            chunk: Shape { ny: 40, nx: 60 },
            chunk_steps: 1,
            time_steps,
            variables: names.iter().map(variable).collect(),
            title: "a test".to_string(),
            history: String::new(),
            request_json: String::new(),
            resume_key: String::new(),
        }
    }

    fn step(time: usize) -> StepRecord {
        let scene = SceneRecord {
            id: format!("scene {time}"),
            product: "AST_L1T".to_string(),
            version: "003".to_string(),
            time: jiff::Timestamp::from_second(1_000_000_000 + time as i64 * 864_000).unwrap(),
            solar_azimuth_deg: 0.0,
            solar_elevation_deg: 0.0,
            cloud_cover_percent: f64::NAN,
            earth_sun_distance_au: 1.0,
            radiometric_db_version: String::new(),
            placement: "shift".to_string(),
            bands: Vec::new(),
        };
        StepRecord { time: scene.time, period: None, scenes: vec![scene], valid_pixels: Vec::new() }
    }

    fn observe_all(picture: &Quicklook, variable: usize, time: usize, value: impl Fn(usize, usize) -> f32) {
        for row in 0..3 {
            for column in 0..3 {
                let values: Vec<f32> =
                    (0..40 * 60).map(|i| value(row * 40 + i / 60, column * 60 + i % 60)).collect();
                picture.observe(ChunkKey { variable, time, row, column }, &values);
            }
        }
    }

    fn read(path: &Path) -> (usize, usize, Vec<u8>) {
        let decoder = png::Decoder::new(std::io::BufReader::new(File::open(path).unwrap()));
        let mut reader = decoder.read_info().unwrap();
        let mut bytes = vec![0; reader.output_buffer_size().unwrap()];
        let info = reader.next_frame(&mut bytes).unwrap();
        (info.width as usize, info.height as usize, bytes)
    }

    fn count(bytes: &[u8], colour: [u8; 3]) -> usize {
        bytes.chunks_exact(3).filter(|p| *p == colour).count()
    }

    #[test]
    fn a_sheet_shows_values_and_what_is_missing() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.png");
        let picture = Quicklook::new(&layout(&["ImageData3N", "ratio"], 1));
        // The index is shown, not the band: left half low, middle high, right quarter missing.
        observe_all(&picture, 0, 0, |_, _| 7.0);
        observe_all(&picture, 1, 0, |_, x| if x >= 97 { f32::NAN } else { f32::from(u8::from(x >= 65)) });
        assert_eq!(picture.write(&path, &[step(0)], false).unwrap(), path);
        let (width, height, bytes) = read(&path);
        assert!(width <= 1944 && height <= 1800, "{width} x {height}");
        let panel = (count(&bytes, [0x44, 0x01, 0x54]), count(&bytes, [0xfd, 0xe7, 0x25]));
        let share = panel.0 as f64 / (panel.0 + panel.1) as f64;
        assert!((share - 65.0 / 97.0).abs() < 0.02, "{panel:?}");
        let missing = count(&bytes, [0xea, 0xe6, 0xde]) as f64 / panel.1 as f64;
        assert!((missing - 33.0 / 32.0).abs() < 0.05, "{missing}");

        let again = Quicklook::new(&layout(&["ratio"], 1));
        assert_eq!(again.write(&path, &[step(0)], false).unwrap_err().code(), ErrorCode::OutputExists);
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn three_bands_make_a_composite() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.png");
        let picture = Quicklook::new(&layout(&["ImageData1", "ImageData2", "ImageData3N"], 1));
        for variable in 0..3 {
            // Near infrared is high where the visible is low: pure red on the left.
            observe_all(&picture, variable, 0, |_, x| f32::from(u8::from((x < 65) == (variable == 2))));
        }
        picture.write(&path, &[step(0)], false).unwrap();
        let (_, _, bytes) = read(&path);
        assert!(count(&bytes, [255, 0, 0]) > 100_000 && count(&bytes, [0, 255, 255]) > 100_000);
    }

    #[test]
    fn many_scenes_are_chosen_from_evenly_within_the_memory_allowed() {
        let layout = layout(&["ratio"], 5000);
        let picture = Quicklook::new(&layout);
        let bytes = picture.sampling.bytes() * picture.candidates.len();
        assert!(bytes <= MAX_BYTES && picture.candidates.len() >= 48, "{bytes}");
        for time in 0..5000 {
            // Every third scene covers more.
            let wide = time % 3 == 0;
            observe_all(&picture, 0, time, |_, x| if wide || x < 20 { 1.0 } else { f32::NAN });
        }
        picture.rewind(4000);
        let scenes: Vec<StepRecord> = (0..5000).map(step).collect();
        let collected = picture.candidates.into_iter().map(|(t, m)| (&scenes[t], m.into_inner().unwrap()));
        let panels = select(collected.collect());
        assert_eq!(panels.len(), MAX_PANELS);
        assert!(panels.windows(2).all(|w| w[0].0.time < w[1].0.time));
        assert!(panels.last().unwrap().0.time < scenes[4000].time);
        let full = covered(&panels[0].1);
        assert!(panels.iter().filter(|p| covered(&p.1) == full).count() >= 20);
    }

    #[test]
    fn a_sheet_without_scenes_says_so() {
        let folder = tempfile::tempdir().unwrap();
        for (name, degrees) in [("a.png", false), ("b.png", true)] {
            let mut layout = layout(&["ndvi"], 0);
            if degrees {
                layout.grid.crs = Crs::Geographic;
                layout.grid.transform = Affine::upright(139.0, -34.0, 1e-4, 1e-4);
            }
            Quicklook::new(&layout).write(&folder.path().join(name), &[], false).unwrap();
        }
    }
}
