//! Requests as outputs keep them: read back from JSON, and their words checked before any file is touched.
use crate::granule_info::text;
use crate::outcome::{NativeError, guarded, outcome};
use crate::request::{ClipRequest, CoefficientOverride, CubeOutput, CubeRequest, GainOverride};
use aster_core::cube::request as core;
use aster_core::error::Error;
use napi_derive::napi;

outcome!(RequestOutcome, CubeRequest);

/// Reads a request from JSON, such as the `aster_request` of an output: the inverse of what was embedded there.
#[napi]
pub fn read_request(json: String) -> RequestOutcome {
    let hint = "give what `run --dry-run --json` prints, or the aster_request of an output of this version";
    guarded(|| {
        let request: core::CubeRequest = serde_json::from_str(&json)
            .map_err(|e| Error::usage(format!("the request cannot be read: {e}")).hint(hint))?;
        Ok(request.into())
    })
    .into()
}

/// What is wrong with the words of a request, if anything; no file is touched.
#[napi]
pub fn check_request(request: CubeRequest) -> Option<NativeError> {
    guarded(|| core::CubeRequest::try_from(request)?.understand()).err()
}

impl From<core::GainOverride> for GainOverride {
    fn from(core::GainOverride { band, gain }: core::GainOverride) -> Self {
        Self { band, gain }
    }
}

impl From<core::CoefficientOverride> for CoefficientOverride {
    fn from(core::CoefficientOverride { band, ucc, offset }: core::CoefficientOverride) -> Self {
        Self { band, ucc, offset }
    }
}

impl From<core::CubeOutput> for CubeOutput {
    fn from(output: core::CubeOutput) -> Self {
        let core::CubeOutput {
            format,
            path,
            overwrite,
            quicklook,
            compression_level,
            pack,
            round_bits,
            chunk_for,
            checkpoints,
        } = output;
        Self {
            format,
            path: path.map(text),
            overwrite: overwrite.then_some(true),
            quicklook: quicklook.map(text),
            compression_level: compression_level.map(u32::from),
            pack,
            round_bits: round_bits.map(u32::from),
            chunk_for,
            checkpoints: checkpoints.map(text),
        }
    }
}

impl From<core::ClipRequest> for ClipRequest {
    fn from(core::ClipRequest { polygon, rule, within }: core::ClipRequest) -> Self {
        let text = |polygon| serde_json::Value::from(polygon).to_string();
        Self { polygon: text(polygon), rule: Some(rule.as_str().to_string()), within: within.map(text) }
    }
}

/// What is stated; what is left out has its default.
impl From<core::CubeRequest> for CubeRequest {
    fn from(request: core::CubeRequest) -> Self {
        let core::CubeRequest {
            schema,
            granules,
            area,
            extent,
            clip,
            product,
            subsystems,
            bands,
            indices,
            calibration,
            crs,
            resolution,
            lattice,
            resampling,
            solar_irradiance,
            gains,
            coefficients,
            allow_bad_swir,
            mask_saturated,
            group_by,
            reduce,
            resample,
            output,
            n_workers,
            max_memory_bytes,
            strict,
            history,
        } = request;
        Self {
            schema,
            granules: granules.into_iter().map(text).collect(),
            area: area.map(Into::into),
            extent: extent.map(|e| e.to_vec()),
            clip: clip.map(Into::into),
            product,
            subsystems: stated(subsystems),
            bands: stated(bands),
            indices: stated(indices),
            calibration,
            crs,
            resolution,
            lattice,
            resampling,
            solar_irradiance,
            gains: stated(gains.into_iter().map(Into::into).collect()),
            coefficients: stated(coefficients.into_iter().map(Into::into).collect()),
            allow_bad_swir: allow_bad_swir.then_some(true),
            mask_saturated: mask_saturated.then_some(true),
            group_by,
            reduce: stated(reduce),
            resample,
            output: output.into(),
            n_workers,
            max_memory_bytes: max_memory_bytes.map(|b| b as f64),
            strict: strict.then_some(true),
            history,
        }
    }
}

fn stated<T>(list: Vec<T>) -> Option<Vec<T>> {
    (!list.is_empty()).then_some(list)
}
