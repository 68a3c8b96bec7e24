//! From a sealed scratch file to the final form, by GDAL. Called by one thread at a time; nothing of GDAL stays open.
use crate::budget::free_disk_bytes;
use crate::error::{Error, ErrorCode, Result};
use crate::geo::crs::gdal_backed::QuietGdal;
use crate::grid::geobox::GeoBox;
use crate::write::geotiff::GeotiffOptions;
use crate::write::geotiff::pixels::Numbers;
use crate::write::geotiff::tags::{BandTags, Items};
use gdal::errors::GdalError;
use gdal::raster::RasterCreationOptions;
use gdal::{Dataset, DatasetOptions, DriverManager, GdalOpenFlags, Metadata};
use std::cell::RefCell;
use std::ffi::{CStr, CString};
use std::path::Path;

/// GDAL's block cache, for the whole process: sources are read once and in order.
pub(super) const CACHE_BYTES: u64 = 64 << 20;

/// Side of the tiles of a file whose chunks cannot be its tiles.
pub(super) const TILE_SIDE: usize = 512;

/// Free bytes below which a failed write is a full disk.
const FULL_DISK_BYTES: u64 = 2 << 20;

/// Settings of GDAL for this thread that must not come from the user's environment: they would change bytes, add files,
/// take more memory than was planned, or load foreign code.
const SETTINGS: &[(&str, &str)] = &[
    ("GDAL_PAM_ENABLED", "NO"),
    ("GDAL_DISABLE_READDIR_ON_OPEN", "EMPTY_DIR"),
    ("GDAL_TIFF_OVR_BLOCKSIZE", "512"),
    ("GDAL_OVR_CHUNK_MAX_SIZE", "2000000"),
    ("GDAL_TIFF_INTERNAL_MASK", "NO"),
    ("GTIFF_WRITE_TOWGS84", "AUTO"),
    ("GDAL_DRIVER_PATH", "disable"),
];

/// While it lives, this thread's GDAL has [`SETTINGS`], prints nothing, and what fails is remembered: GDAL's drivers
/// return a file although a write into it failed.
struct OurGdal {
    // Boxed: GDAL keeps its address.
    failures: Box<Failures>,
    _quiet: QuietGdal,
}

/// Messages of errors, the first ones.
type Failures = RefCell<Vec<String>>;

/// Messages kept: the first tells the cause.
const MAX_FAILURES: usize = 8;

impl OurGdal {
    fn new() -> Self {
        let this = Self { failures: Box::default(), _quiet: QuietGdal::new() };
        for (name, value) in SETTINGS {
            // Fails only for names with NUL.
            let _ = gdal::config::set_thread_local_config_option(name, value);
        }
        // SAFETY: the number is taken by value, and GDAL guards its cache itself. The handlers of a thread are a
        // stack; `drop` takes this one off before `failures` goes, on this thread, which a guard holding a
        // `QuietGdal` cannot leave.
        #[allow(unsafe_code)]
        unsafe {
            gdal_sys::GDALSetCacheMax64(CACHE_BYTES as i64);
            let failures: *const Failures = &raw const *this.failures;
            gdal_sys::CPLPushErrorHandlerEx(Some(remember), failures.cast_mut().cast());
        }
        this
    }

    /// The first error that can have spoiled a file.
    fn first_failure(&self) -> Option<String> {
        // A foreign PROJ database is complained about, and not needed.
        self.failures.borrow().iter().find(|said| !said.starts_with("PROJ:")).cloned()
    }
}

impl Drop for OurGdal {
    fn drop(&mut self) {
        // SAFETY: pops what `new` pushed on this thread.
        #[allow(unsafe_code)]
        unsafe {
            gdal_sys::CPLPopErrorHandler();
        }
        for (name, _) in SETTINGS {
            let _ = gdal::config::clear_thread_local_config_option(name);
        }
    }
}

/// GDAL's error handler of an [`OurGdal`].
#[allow(unsafe_code)]
unsafe extern "C" fn remember(
    class: gdal_sys::CPLErr::Type,
    _number: std::ffi::c_int,
    said: *const std::ffi::c_char,
) {
    if class < gdal_sys::CPLErr::CE_Failure || said.is_null() {
        return;
    }
    // SAFETY: GDAL passes a C string and the pointer of `new`, whose target lives as long as the handler is set.
    let (said, failures) =
        unsafe { (CStr::from_ptr(said), gdal_sys::CPLGetErrorHandlerUserData().cast::<Failures>().as_ref()) };
    if let Some(mut failures) = failures.and_then(|f| f.try_borrow_mut().ok())
        && failures.len() < MAX_FAILURES
    {
        failures.push(said.to_string_lossy().into_owned());
    }
}

/// What a file is made of, beside its pixels.
pub(super) struct Contents<'a> {
    pub(super) grid: &'a GeoBox,
    /// Side of the tiles of the file.
    pub(super) tile: usize,
    pub(super) numbers: Numbers,
    pub(super) average_overviews: bool,
    pub(super) items: Items,
    pub(super) bands: Vec<BandTags>,
}

/// Makes the file `to` of the sealed scratch file `from`; what lies at `to` is replaced. `shown` is the name for
/// messages.
pub(super) fn copy(
    from: &Path,
    to: &Path,
    shown: &Path,
    contents: &Contents<'_>,
    options: GeotiffOptions,
) -> Result<()> {
    let wkt = contents.grid.crs.wkt()?;
    let gdal = OurGdal::new();
    let failed = |what: &str, error: Option<GdalError>| {
        let said = gdal.first_failure().or_else(|| error.map(|e| e.to_string()));
        failure(what, &said.unwrap_or_default(), to, shown)
    };
    let open = DatasetOptions {
        open_flags: GdalOpenFlags::GDAL_OF_RASTER | GdalOpenFlags::GDAL_OF_READONLY,
        allowed_drivers: Some(&["GTiff"]),
        ..DatasetOptions::default()
    };
    let source = Dataset::open_ex(from, open).map_err(|e| failed("read the scratch file", Some(e)))?;
    let none = RasterCreationOptions::default();
    // A virtual copy, which holds what the scratch file does not say.
    let described = DriverManager::get_driver_by_name("VRT")
        .and_then(|vrt| source.create_copy(&vrt, "", &none))
        .and_then(|mut vrt| describe(&mut vrt, &wkt, contents).map(|()| vrt))
        .map_err(|e| failed("describe the file", Some(e)))?;
    let name = if options.cog { "COG" } else { "GTiff" };
    DriverManager::get_driver_by_name(name)
        .and_then(|driver| described.create_copy(&driver, to, &creation_options(contents, options)))
        .and_then(Dataset::close)
        .map_err(|e| failed("write the file", Some(e)))?;
    if gdal.first_failure().is_some() { Err(failed("write the file", None)) } else { Ok(()) }
}

fn describe(file: &mut Dataset, wkt: &str, contents: &Contents<'_>) -> gdal::errors::Result<()> {
    file.set_projection(wkt)?;
    file.set_geo_transform(&contents.grid.transform.to_gdal())?;
    for (name, value) in &contents.items {
        file.set_metadata_item(name, value, "")?;
    }
    for (i, tags) in contents.bands.iter().enumerate() {
        let mut band = file.rasterband(i + 1)?;
        band.set_description(&tags.name)?;
        for (name, value) in &tags.items {
            band.set_metadata_item(name, value, "")?;
        }
        if let Some((scale, offset)) = tags.scale_offset {
            band.set_scale(scale)?;
            band.set_offset(offset)?;
        }
        let units = CString::new(tags.units.as_str())?;
        // SAFETY: the band is open, and GDAL copies the text.
        #[allow(unsafe_code)]
        unsafe {
            gdal_sys::GDALSetRasterUnitType(band.c_rasterband(), units.as_ptr());
        }
    }
    Ok(())
}

fn creation_options(contents: &Contents<'_>, options: GeotiffOptions) -> RasterCreationOptions {
    let GeotiffOptions { cog, compression_level: level, workers, .. } = options;
    let is_float = contents.numbers == Numbers::F32;
    let mut list = vec![
        format!("NUM_THREADS={}", workers.max(1)),
        "BIGTIFF=IF_SAFER".to_string(),
        "SPARSE_OK=TRUE".to_string(),
    ];
    let mut add = |option: &str| list.push(option.to_string());
    match (level, cog) {
        (0, _) => add("COMPRESS=NONE"),
        (_, true) => add(if is_float { "PREDICTOR=FLOATING_POINT" } else { "PREDICTOR=STANDARD" }),
        (_, false) => add(if is_float { "PREDICTOR=3" } else { "PREDICTOR=2" }),
    }
    if level > 0 {
        add("COMPRESS=DEFLATE");
        add(&format!("{}={level}", if cog { "LEVEL" } else { "ZLEVEL" }));
    }
    let side = contents.tile;
    if cog {
        add(&format!("BLOCKSIZE={side}"));
        add(if contents.average_overviews { "RESAMPLING=AVERAGE" } else { "RESAMPLING=NEAREST" });
        add("OVERVIEWS=AUTO");
    } else {
        add("TILED=YES");
        add(&format!("BLOCKXSIZE={side}"));
        add(&format!("BLOCKYSIZE={side}"));
        add("INTERLEAVE=BAND");
    }
    RasterCreationOptions::from_iter(list.iter().map(String::as_str))
}

/// GDAL does not always say why a write failed; the disk does.
fn failure(what: &str, said: &str, to: &Path, shown: &Path) -> Error {
    let free = to.parent().and_then(free_disk_bytes);
    if said.contains("No space left") || free.is_some_and(|bytes| bytes < FULL_DISK_BYTES) {
        return Error::disk_full(shown);
    }
    let said = said.split_whitespace().collect::<Vec<_>>().join(" ");
    Error::new(
        ErrorCode::OutputIo,
        format!("cannot write {}: GDAL could not {what}: {said}", shown.display()),
    )
    .hint("check that the folder can be written and has room for the file and its pixels uncompressed")
    .at(shown)
}
