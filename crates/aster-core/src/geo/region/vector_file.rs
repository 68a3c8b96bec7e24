//! Features of Shapefiles, GeoPackages, FlatGeobufs and their like, through GDAL, which only ever reads.
use super::shape::{Flaw, Rings};
use super::{Feature, MAX_FEATURES, Source};
use crate::error::{Error, ErrorCode, Result};
use crate::geo::affine::Xy;
use crate::geo::crs::Crs;
use crate::geo::crs::gdal_backed::QuietGdal;
use gdal::config::{clear_thread_local_config_option, set_thread_local_config_option};
use gdal::spatial_ref::{AxisMappingStrategy, SpatialRef};
use gdal::vector::{Geometry, Layer, LayerAccess};
use gdal::{Dataset, DatasetOptions, GdalOpenFlags};
use std::ffi::CStr;
use std::path::{Path, PathBuf};

/// Drivers that read local files alone; each is used if the linked GDAL has it.
const DRIVERS: [&str; 13] = [
    "ESRI Shapefile",
    "GeoJSON",
    "GeoJSONSeq",
    "ESRIJSON",
    "TopoJSON",
    "GPKG",
    "FlatGeobuf",
    "KML",
    "LIBKML",
    "MapInfo File",
    "OpenFileGDB",
    "Parquet",
    "Arrow",
];
const FORMATS: &str = "GeoJSON, Shapefile, GeoPackage and FlatGeobuf are read";

/// Options that would let GDAL write beside the file, whatever the environment says.
const READ_ONLY: [(&str, &str); 2] = [("SHAPE_RESTORE_SHX", "NO"), ("GDAL_PAM_ENABLED", "NO")];

struct ReadOnly;

impl ReadOnly {
    fn new() -> Self {
        for (key, value) in READ_ONLY {
            // Fails for texts with a zero byte only.
            let _ = set_thread_local_config_option(key, value);
        }
        Self
    }
}

impl Drop for ReadOnly {
    fn drop(&mut self) {
        for (key, _) in READ_ONLY {
            let _ = clear_thread_local_config_option(key);
        }
    }
}

/// Opens the file and hands over its layer of polygons: the one that has the column, where there are several.
pub(super) fn with_layer<T>(
    path: &Path,
    column: Option<&str>,
    work: impl FnOnce(&mut dyn Source) -> Result<T>,
) -> Result<T> {
    let _quiet = QuietGdal::new();
    let _read_only = ReadOnly::new();
    check_siblings(path)?;
    forget_complaints();
    let options = DatasetOptions {
        open_flags: GdalOpenFlags::GDAL_OF_VECTOR | GdalOpenFlags::GDAL_OF_READONLY,
        allowed_drivers: Some(&DRIVERS),
        ..DatasetOptions::default()
    };
    let dataset = Dataset::open_ex(address(path), options).map_err(|_| not_opened(path))?;
    let mut layers: Vec<Layer<'_>> = dataset.layers().collect();
    let at = chosen(&layers, column)?;
    let layer = layers.swap_remove(at);
    let columns = layer.defn().fields().map(|f| f.name()).collect();
    work(&mut VectorLayer { layer, columns, path })
}

/// What GDAL calls the file: an archive is looked into.
fn address(path: &Path) -> PathBuf {
    // A relative name such as `PG:x` would be taken for an address.
    let full = std::path::absolute(path).unwrap_or_else(|_| path.to_path_buf());
    match extension(path).as_str() {
        "zip" => {
            let mut address = std::ffi::OsString::from("/vsizip/");
            address.push(full);
            address.into()
        }
        _ => full,
    }
}

fn extension(path: &Path) -> String {
    path.extension().map(|e| e.to_string_lossy().to_lowercase()).unwrap_or_default()
}

/// The file of the same name with another ending, in small or capital letters.
fn sibling(path: &Path, ending: &str) -> Option<PathBuf> {
    [ending.to_string(), ending.to_uppercase()]
        .into_iter()
        .map(|e| path.with_extension(e))
        .find(|p| p.exists())
}

/// A Shapefile is several files, and people copy one.
fn check_siblings(path: &Path) -> Result<()> {
    let name = |ending: &str| {
        path.with_extension(ending).file_name().unwrap_or_default().to_string_lossy().into_owned()
    };
    match extension(path).as_str() {
        "shp" if sibling(path, "shx").is_none() => {
            Err(Error::new(ErrorCode::Corrupt, format!("its index {} is missing", name("shx")))
                .hint("a Shapefile is several files: copy those that end in .shx, .dbf and .prj as well"))
        }
        ending @ ("shx" | "dbf" | "prj" | "cpg") => {
            let error = Error::usage(format!("is the .{ending} of a Shapefile"));
            Err(match sibling(path, "shp") {
                Some(_) => error.hint(format!("name {}", name("shp"))),
                None => error.hint(format!("name {}, which is missing beside it", name("shp"))),
            })
        }
        _ => Ok(()),
    }
}

fn not_opened(path: &Path) -> Error {
    let said = complaint();
    let known =
        ["shp", "gpkg", "fgb", "geojson", "json", "geojsonl", "zip", "kml", "kmz", "tab", "gdb", "parquet"];
    if known.contains(&extension(path).as_str()) {
        let why = said.map_or_else(String::new, |text| format!(": {text}"));
        return Error::new(ErrorCode::Corrupt, format!("cannot be opened as what its name says{why}"))
            .hint(format!("is the file whole? {FORMATS}"));
    }
    Error::new(ErrorCode::Unsupported, "is in no known format of polygons").hint(FORMATS)
}

/// The only layer that may hold polygons, or the only one of these that has the column.
fn chosen(layers: &[Layer<'_>], column: Option<&str>) -> Result<usize> {
    let named = |layer: &Layer<'_>| {
        let wanted = column.map(str::to_lowercase);
        wanted.is_none_or(|column| layer.defn().fields().any(|f| f.name().to_lowercase() == column))
    };
    let polygons: Vec<usize> = (0..layers.len()).filter(|i| may_hold_polygons(&layers[*i])).collect();
    let fitting: Vec<usize> = polygons.iter().copied().filter(|i| named(&layers[*i])).collect();
    match (polygons.as_slice(), fitting.as_slice()) {
        ([one], _) | (_, [one]) => Ok(*one),
        ([], _) if layers.is_empty() => Err(Error::new(ErrorCode::Corrupt, "holds no layer")),
        ([], _) => {
            let kinds: Vec<String> = layers.iter().map(|l| format!("{} ({})", l.name(), kind(l))).collect();
            Err(Error::usage(format!("holds no polygons: {}", kinds.join(", "))))
        }
        _ => {
            let names: Vec<String> = polygons.iter().map(|i| layers[*i].name()).collect();
            Err(Error::usage(format!("holds several layers: {}", names.join(", ")))
                .hint("take one out: ogr2ogr region.gpkg FILE LAYER"))
        }
    }
}

fn kind(layer: &Layer<'_>) -> String {
    // SAFETY: the layer is alive, and its definition with it; the name is GDAL's own and static.
    #[allow(unsafe_code)]
    unsafe {
        let name = gdal_sys::OGRGeometryTypeToName(gdal_sys::OGR_L_GetGeomType(layer.c_layer()));
        CStr::from_ptr(name).to_string_lossy().into_owned()
    }
}

fn may_hold_polygons(layer: &Layer<'_>) -> bool {
    let kind = kind(layer);
    ["Polygon", "Surface", "Unknown", "Collection", "TIN", "Triangle"].iter().any(|k| kind.contains(k))
}

struct VectorLayer<'a> {
    layer: Layer<'a>,
    columns: Vec<String>,
    path: &'a Path,
}

impl Source for VectorLayer<'_> {
    fn columns(&self) -> &[String] {
        &self.columns
    }

    fn crs(&self) -> Result<Crs> {
        let Some(srs) = self.layer.spatial_ref() else {
            let shapefile = extension(self.path) == "shp";
            let error = Error::usage(if shapefile {
                let prj = self.path.with_extension("prj");
                format!(
                    "its {} is missing, so its CRS is not known",
                    prj.file_name().unwrap_or_default().display()
                )
            } else {
                "does not say its CRS".to_string()
            });
            return Err(error.hint("state it, if you know it: ogr2ogr -a_srs EPSG:4326 region.gpkg FILE"));
        };
        let wkt = srs.to_wkt().map_err(|e| Error::usage(format!("its CRS has no well-known text: {e}")))?;
        Crs::parse(&wkt).map_err(|e| Error::usage(format!("its CRS is of no use: {}", e.message())))
    }

    fn each(&mut self, with_shapes: bool, work: &mut dyn FnMut(&dyn Feature) -> Result<()>) -> Result<()> {
        let swapped = self.layer.spatial_ref().is_some_and(|srs| y_comes_first(&srs));
        forget_complaints();
        self.layer.reset_feature_reading();
        let mut number = 0;
        for feature in self.layer.features() {
            number += 1;
            if number > MAX_FEATURES {
                return Err(Error::new(ErrorCode::Limit, format!("more than {MAX_FEATURES} features"))
                    .hint("make a smaller file of those that matter: ogr2ogr -where"));
            }
            work(&VectorFeature { number, feature: &feature, swapped: swapped && with_shapes })?;
        }
        // The end of the features and a failure look alike.
        match complaint() {
            Some(text) => {
                Err(Error::new(ErrorCode::Corrupt, format!("is damaged after feature {number}: {text}")))
            }
            None => Ok(()),
        }
    }
}

/// Whether the first number of a point is its northing or latitude: drivers order them as easting and
/// northing, unless the layer says otherwise.
fn y_comes_first(srs: &SpatialRef) -> bool {
    if srs.axis_mapping_strategy() == AxisMappingStrategy::TraditionalGisOrder {
        return false;
    }
    // SAFETY: the reference is alive; the mapping belongs to it and has `count` numbers.
    #[allow(unsafe_code)]
    let (northing_first, axis) = unsafe {
        let handle = srs.to_c_hsrs();
        let northing_first = gdal_sys::OSREPSGTreatsAsLatLong(handle) != 0
            || gdal_sys::OSREPSGTreatsAsNorthingEasting(handle) != 0;
        let mut count = 0;
        let mapping = gdal_sys::OSRGetDataAxisToSRSAxisMapping(handle, &raw mut count);
        (northing_first, if mapping.is_null() || count < 1 { 1 } else { *mapping })
    };
    // The axis of the CRS that the first number belongs to.
    axis == if northing_first { 1 } else { 2 }
}

struct VectorFeature<'a> {
    number: usize,
    feature: &'a gdal::vector::Feature<'a>,
    swapped: bool,
}

impl Feature for VectorFeature<'_> {
    fn number(&self) -> usize {
        self.number
    }

    fn value(&self, column: usize) -> Option<String> {
        let text = self.feature.field_as_string(column).ok().flatten()?;
        Some(text.trim().trim_end_matches('\0').to_string())
    }

    fn polygons(&self, room: usize) -> std::result::Result<Vec<Rings>, Flaw> {
        let Some(geometry) = self.feature.geometry() else {
            let said = complaint().map_or_else(String::new, |text| format!(": {text}"));
            return Err(Flaw::new(format!("has no geometry{said}")));
        };
        let mut reader = Reader { room, swapped: self.swapped, out: Vec::new() };
        reader.geometry(geometry)?;
        if reader.out.is_empty() { Err(Flaw::new("has an empty geometry")) } else { Ok(reader.out) }
    }
}

struct Reader {
    room: usize,
    swapped: bool,
    out: Vec<Rings>,
}

impl Reader {
    fn geometry(&mut self, geometry: &Geometry) -> std::result::Result<(), Flaw> {
        match geometry.geometry_name().as_str() {
            "POLYGON" | "TRIANGLE" => self.polygon(geometry),
            "MULTIPOLYGON" | "GEOMETRYCOLLECTION" | "TIN" | "POLYHEDRALSURFACE" => {
                (0..geometry.geometry_count()).try_for_each(|i| self.geometry(&geometry.get_geometry(i)))
            }
            "CURVEPOLYGON" | "MULTISURFACE" => self.geometry(&without_arcs(geometry)?),
            other => Err(Flaw::new(format!("is a {}, expected a polygon", other.to_lowercase()))),
        }
    }

    fn polygon(&mut self, polygon: &Geometry) -> std::result::Result<(), Flaw> {
        let mut rings: Rings = Vec::with_capacity(polygon.geometry_count());
        for i in 0..polygon.geometry_count() {
            let ring = polygon.get_geometry(i);
            self.room = self.room.checked_sub(ring.point_count()).ok_or_else(Flaw::too_many)?;
            let mut points = Vec::with_capacity(ring.point_count());
            ring.get_points(&mut points);
            let mut points: Vec<Xy> = points
                .iter()
                .map(|(x, y, _)| if self.swapped { Xy { x: *y, y: *x } } else { Xy { x: *x, y: *y } })
                .collect();
            if points.len() > 1 && points.first() == points.last() {
                points.pop();
            }
            if !points.is_empty() {
                rings.push(points);
            }
        }
        if !rings.is_empty() {
            self.out.push(rings);
        }
        Ok(())
    }
}

/// Arcs as short straight pieces.
fn without_arcs(geometry: &Geometry) -> std::result::Result<Geometry, Flaw> {
    // SAFETY: the geometry is alive; the new one is ours and freed with the value that owns it.
    #[allow(unsafe_code)]
    let (linear, is_null) = unsafe {
        let handle = gdal_sys::OGR_G_GetLinearGeometry(geometry.c_geometry(), 0.0, std::ptr::null_mut());
        (handle, handle.is_null())
    };
    if is_null {
        return Err(Flaw::new("has arcs that cannot be followed"));
    }
    let mut copy = Vec::new();
    // SAFETY: as above; the size is what GDAL says it will write, and the handle is destroyed once.
    #[allow(unsafe_code)]
    let written = unsafe {
        copy.resize(usize::try_from(gdal_sys::OGR_G_WkbSize(linear)).unwrap_or(0), 0_u8);
        let written =
            gdal_sys::OGR_G_ExportToWkb(linear, gdal_sys::OGRwkbByteOrder::wkbNDR, copy.as_mut_ptr());
        gdal_sys::OGR_G_DestroyGeometry(linear);
        written
    };
    if written != gdal_sys::OGRErr::OGRERR_NONE {
        return Err(Flaw::new("has arcs that cannot be followed"));
    }
    Geometry::from_wkb(&copy).map_err(|e| Flaw::new(format!("has arcs that cannot be followed: {e}")))
}

fn forget_complaints() {
    // SAFETY: clears this thread's last error.
    #[allow(unsafe_code)]
    unsafe {
        gdal_sys::CPLErrorReset();
    }
}

/// What GDAL last found wrong on this thread, shortened; warnings are not it.
fn complaint() -> Option<String> {
    // SAFETY: the message is a C string of this thread, copied before GDAL is called again.
    #[allow(unsafe_code)]
    let (class, text) = unsafe {
        let text = CStr::from_ptr(gdal_sys::CPLGetLastErrorMsg()).to_string_lossy().into_owned();
        (gdal_sys::CPLGetLastErrorType(), text)
    };
    let is_failure = class == gdal_sys::CPLErr::CE_Failure || class == gdal_sys::CPLErr::CE_Fatal;
    let one_line: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).take(200).collect();
    is_failure.then_some(one_line)
}
