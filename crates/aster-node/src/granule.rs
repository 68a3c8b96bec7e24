//! Headers and bands of granules, off the event loop.
use crate::granule_info::{GranuleInfo, side, text};
use crate::outcome::{NativeError, guarded, outcome};
use crate::remote::RemoteFiles;
use crate::request::{CoefficientOverride, GainOverride};
use crate::thread::in_thread;
use aster_core::cancel::CancelToken;
use aster_core::cube::read_band::{BandValues, ReadBand, Values, read_band as read, read_band_in};
use aster_core::granule::archive;
use aster_core::granule::facts::GranuleFacts;
use aster_core::granule::open::{open, open_in};
use napi::bindgen_prelude::{AsyncTask, Float32Array, Object, Uint8Array, Uint16Array};
use napi::{Env, Task};
use napi_derive::napi;
use std::path::{Path, PathBuf};

#[napi(object)]
pub struct SkippedFile {
    pub path: String,
    pub error: NativeError,
}

/// What a folder holds.
#[napi(object)]
pub struct ArchiveListing {
    pub granules: Vec<GranuleInfo>,
    pub skipped: Vec<SkippedFile>,
    pub files_seen: f64,
}

#[napi(object)]
#[derive(Clone)]
pub struct ReadBandRequest {
    pub path: String,
    pub band: String,
    pub row_start: Option<u32>,
    pub column_start: Option<u32>,
    pub row_count: Option<u32>,
    pub column_count: Option<u32>,
    /// 'dn' | 'radiance' | 'reflectance' | 'temperature'; default 'dn'
    pub calibration: Option<String>,
    /// 'thome_b' | 'thome_a' | 'smith'
    pub solar_irradiance: Option<String>,
    pub gains: Option<Vec<GainOverride>>,
    pub coefficients: Option<Vec<CoefficientOverride>>,
}

/// A band in memory.
#[napi(object)]
pub struct BandArray {
    pub band: String,
    pub variable: String,
    pub units: String,
    pub rows: u32,
    pub columns: u32,
    /// 8-bit DN.
    pub dn8: Option<Uint8Array>,
    /// 16-bit DN.
    pub dn16: Option<Uint16Array>,
    /// Everything else, NaN where missing.
    pub values: Option<Float32Array>,
    /// GDAL order, of the window.
    pub geotransform: Vec<f64>,
    pub crs: String,
    /// DN that is missing.
    pub nodata: Option<i32>,
}

outcome!(GranuleOutcome, GranuleInfo);
outcome!(ArchiveOutcome, ArchiveListing);
outcome!(BandOutcome, BandArray);

/// Under the path it was asked for by: that one opens it again, also when it shares its folder.
fn describe(path: &Path, facts: &GranuleFacts) -> aster_core::Result<GranuleInfo> {
    Ok(GranuleInfo { path: text(path), ..GranuleInfo::try_from(facts)? })
}

pub struct Describe(PathBuf);

impl Task for Describe {
    type Output = Result<GranuleInfo, NativeError>;
    type JsValue = GranuleOutcome;
    fn compute(&mut self) -> napi::Result<Self::Output> {
        Ok(guarded(|| describe(&self.0, open(&self.0)?.facts())))
    }
    fn resolve(&mut self, _: Env, output: Self::Output) -> napi::Result<GranuleOutcome> {
        Ok(output.into())
    }
}

/// Reads the headers of a granule: a file, or the folder of one.
#[napi(ts_return_type = "Promise<GranuleOutcome>")]
pub fn describe_granule(path: String) -> AsyncTask<Describe> {
    AsyncTask::new(Describe(path.into()))
}

/// As `describeGranule`, of files that are elsewhere.
#[napi(ts_return_type = "Promise<GranuleOutcome>")]
pub fn describe_remote_granule<'env>(
    env: &'env Env,
    path: String,
    remote: &RemoteFiles,
) -> napi::Result<Object<'env>> {
    let (path, files) = (PathBuf::from(path), remote.files(&CancelToken::new()));
    let work = move || describe(&path, open_in(&path, &files)?.facts());
    in_thread(env, "aster-describe", work, GranuleOutcome::from)
}

pub struct Scan {
    folder: PathBuf,
    product: Option<String>,
}

impl Task for Scan {
    type Output = Result<ArchiveListing, NativeError>;
    type JsValue = ArchiveOutcome;
    fn compute(&mut self) -> napi::Result<Self::Output> {
        Ok(guarded(|| scan(&self.folder, self.product.as_deref())))
    }
    fn resolve(&mut self, _: Env, output: Self::Output) -> napi::Result<ArchiveOutcome> {
        Ok(output.into())
    }
}

fn scan(folder: &Path, product: Option<&str>) -> aster_core::Result<ArchiveListing> {
    let archive::Archive { granules, files_seen } = archive::scan(folder, product)?;
    let mut listing =
        ArchiveListing { granules: Vec::new(), skipped: Vec::new(), files_seen: files_seen as f64 };
    for (path, facts) in granules {
        match facts.and_then(|f| describe(&path, &f)) {
            Ok(info) => listing.granules.push(info),
            Err(error) => {
                listing.skipped.push(SkippedFile { path: text(path), error: NativeError::from(&error) })
            }
        }
    }
    Ok(listing)
}

/// Finds the granules below a folder and reads their headers in parallel.
#[napi(ts_return_type = "Promise<ArchiveOutcome>")]
pub fn scan_archive(folder: String, product: Option<String>) -> AsyncTask<Scan> {
    AsyncTask::new(Scan { folder: folder.into(), product })
}

pub struct Read(ReadBandRequest);

impl Task for Read {
    type Output = Result<BandValues, NativeError>;
    type JsValue = BandOutcome;
    fn compute(&mut self) -> napi::Result<Self::Output> {
        let request = core_request(self.0.clone());
        Ok(guarded(|| read(&request)))
    }
    fn resolve(&mut self, _: Env, output: Self::Output) -> napi::Result<BandOutcome> {
        Ok(output.map(BandArray::from).into())
    }
}

fn core_request(request: ReadBandRequest) -> ReadBand {
    let ReadBandRequest {
        path,
        band,
        row_start,
        column_start,
        row_count,
        column_count,
        calibration,
        solar_irradiance,
        gains,
        coefficients,
    } = request;
    let size = |n: Option<u32>| n.map(|n| n as usize);
    ReadBand {
        path: path.into(),
        band,
        row: size(row_start),
        column: size(column_start),
        rows: size(row_count),
        columns: size(column_count),
        calibration,
        solar_irradiance,
        gains: gains.unwrap_or_default().into_iter().map(Into::into).collect(),
        coefficients: coefficients.unwrap_or_default().into_iter().map(Into::into).collect(),
    }
}

impl From<BandValues> for BandArray {
    fn from(v: BandValues) -> Self {
        let BandValues { band, units, geobox, values, fill } = v;
        let mut array = Self {
            band: band.to_string(),
            variable: band.variable().to_string(),
            units: units.to_string(),
            rows: side(geobox.shape.ny),
            columns: side(geobox.shape.nx),
            dn8: None,
            dn16: None,
            values: None,
            geotransform: geobox.transform.to_gdal().to_vec(),
            crs: geobox.crs.to_string(),
            nodata: fill,
        };
        match values {
            Values::U8(v) => array.dn8 = Some(v.into()),
            Values::U16(v) => array.dn16 = Some(v.into()),
            Values::F32(v) => array.values = Some(v.into()),
        }
        array
    }
}

/// Reads a window of a band, all of it by default.
#[napi(ts_return_type = "Promise<BandOutcome>")]
pub fn read_band(request: ReadBandRequest) -> AsyncTask<Read> {
    AsyncTask::new(Read(request))
}

/// As `readBand`, of files that are elsewhere.
#[napi(ts_return_type = "Promise<BandOutcome>")]
pub fn read_remote_band<'env>(
    env: &'env Env,
    request: ReadBandRequest,
    remote: &RemoteFiles,
) -> napi::Result<Object<'env>> {
    let (request, files) = (core_request(request), remote.files(&CancelToken::new()));
    in_thread(
        env,
        "aster-read",
        move || read_band_in(&request, &files),
        |read| BandOutcome::from(read.map(BandArray::from)),
    )
}
