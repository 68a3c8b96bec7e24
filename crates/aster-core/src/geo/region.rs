//! Regions from files of polygons: one of their features, several of one name, or all, in longitude and
//! latitude.
mod antimeridian;
mod crossing;
mod geojson;
mod selection;
mod shape;
#[cfg(feature = "gdal")]
mod vector_file;

use crate::error::{Error, ErrorCode, Result};
use crate::geo::crs::Crs;
use crate::geo::polygon::{MAX_POINTS, MultiPolygon};
use selection::Selection;
use std::io::Read;
use std::path::Path;

/// How far the edges of a region may lie from those of its file, metres: a fifteenth of the finest pixel.
pub const TOLERANCE_M: f64 = 1.0;
/// Features of a file that are looked at.
pub const MAX_FEATURES: usize = 1_000_000;
/// Larger GeoJSON is read by GDAL, if at all.
const MAX_JSON_BYTES: u64 = 64 << 20;

/// Which features make the region; all of them by default.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RegionChoice {
    /// Column of names; without it every column is searched for the name.
    pub name_column: Option<String>,
    /// Name of the region.
    pub region_name: Option<String>,
}

/// A region.
#[derive(Debug, Clone, PartialEq)]
pub struct Region {
    /// Longitude and latitude; within [`TOLERANCE_M`] of the file's edges, which are straight in its own CRS.
    pub polygon: MultiPolygon,
    /// CRS of the file, such as `EPSG:3577`.
    pub crs: String,
    /// Features that it is made of.
    pub features: usize,
}

/// What the readers of files have in common.
trait Source {
    /// Columns of attributes.
    fn columns(&self) -> &[String];
    fn crs(&self) -> Result<Crs>;
    /// Calls for each feature, in the order of the file; `with_shapes` when shapes will be asked for.
    fn each(&mut self, with_shapes: bool, work: &mut dyn FnMut(&dyn Feature) -> Result<()>) -> Result<()>;
}

trait Feature {
    /// Counted from 1.
    fn number(&self) -> usize;
    /// The value in a column, by the column's place, as text without blanks around it.
    fn value(&self, column: usize) -> Option<String>;
    /// Polygons, each a list of rings without a repeated first point; or what is wrong. `room` is how many
    /// points they may have.
    fn polygons(&self, room: usize) -> std::result::Result<Vec<shape::Rings>, shape::Flaw>;
}

/// Reads a region: GeoJSON always, and with the `gdal` feature Shapefile, GeoPackage, FlatGeobuf and what
/// else is in [`vector_file`]'s list. The file is only read; nothing is written beside it.
///
/// # Errors
/// `NOT_FOUND` and `INPUT_IO` for the file, `UNSUPPORTED` for its format, `CORRUPT` when it is damaged,
/// `LIMIT` when it is too large, `USAGE` for a choice that it does not offer and for shapes that are no
/// areas; all with the file named, and the feature where it is about one.
pub fn load(path: &Path, choice: &RegionChoice) -> Result<Region> {
    load_from(path, choice).map_err(|e| {
        let message = format!("{}: {}", path.display(), e.message());
        let named =
            if e.message().contains(&*path.to_string_lossy()) { e.clone() } else { e.reworded(message) };
        named.at(path)
    })
}

fn load_from(path: &Path, choice: &RegionChoice) -> Result<Region> {
    let about = std::fs::metadata(path).map_err(|e| Error::input_io(path, &e))?;
    if about.is_dir() {
        return Err(Error::usage("is a folder, expected a file of polygons")
            .hint("name the file itself, such as states.shp"));
    }
    if about.len() == 0 {
        return Err(Error::new(ErrorCode::Corrupt, "the file is empty"));
    }
    if looks_like_json(path)? && about.len() <= MAX_JSON_BYTES {
        let text = std::fs::read(path).map_err(|e| Error::input_io(path, &e))?;
        if let Some(mut source) = geojson::GeoJson::parse(&text)? {
            return region(&mut source, choice);
        }
    }
    other_format(path, choice)
}

#[cfg(feature = "gdal")]
fn other_format(path: &Path, choice: &RegionChoice) -> Result<Region> {
    vector_file::with_layer(path, choice.name_column.as_deref(), |source| region(source, choice))
}

#[cfg(not(feature = "gdal"))]
fn other_format(_: &Path, _: &RegionChoice) -> Result<Region> {
    Err(Error::new(ErrorCode::Unsupported, "the file is no GeoJSON, and this build leaves GDAL out")
        .hint("turn it into GeoJSON: ogr2ogr -t_srs EPSG:4326 -lco RFC7946=YES region.geojson FILE"))
}

/// Whether it begins as JSON does.
fn looks_like_json(path: &Path) -> Result<bool> {
    let mut head = Vec::new();
    let file = std::fs::File::open(path).map_err(|e| Error::input_io(path, &e))?;
    file.take(64).read_to_end(&mut head).map_err(|e| Error::input_io(path, &e))?;
    let text = head.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&head);
    Ok(text.iter().find(|b| !b.is_ascii_whitespace()) == Some(&b'{'))
}

/// The chosen features as one region.
fn region(source: &mut dyn Source, choice: &RegionChoice) -> Result<Region> {
    let selection = Selection::of(source, choice)?;
    let crs = source.crs()?;
    let onto = shape::Onto::new(&crs)?;
    let (mut polygons, mut points, mut features) = (Vec::new(), 0, 0);
    source.each(true, &mut |feature| {
        if !selection.holds(feature) {
            return Ok(());
        }
        let made = feature.polygons(MAX_POINTS - points).and_then(|read| {
            let made = read.into_iter().map(|rings| onto.degrees(rings, MAX_POINTS - points));
            Ok(made.collect::<std::result::Result<Vec<_>, _>>()?.concat())
        });
        let made = made.map_err(|flaw| flaw.of(&selection.label(feature)))?;
        points += made.iter().flatten().map(Vec::len).sum::<usize>();
        if points > MAX_POINTS {
            return Err(shape::Flaw::too_many().of(&selection.label(feature)));
        }
        polygons.extend(made);
        features += 1;
        Ok(())
    })?;
    if features == 0 {
        return Err(Error::usage("the file holds no features"));
    }
    Ok(Region { polygon: MultiPolygon::from_rings(polygons)?, crs: crs.to_string(), features })
}

#[cfg(test)]
mod tests;
