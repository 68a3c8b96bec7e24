//! Formulas on arrays the caller already has.
use crate::outcome::{guarded, outcome};
use aster_core::index::eval::eval_row;
use aster_core::index::spectral_index::SpectralIndex;
use aster_core::product::band::Band;
use aster_core::radiometry::brightness::Planck;
use napi::Either;
use napi::bindgen_prelude::{Float32Array, Uint8Array, Uint16Array};
use napi_derive::napi;

outcome!(ArrayOutcome, Float32Array);

/// Radiance from DN: ucc x DN + offset (default -ucc), NaN where DN is 0.
#[napi]
pub fn radiance_from_dn(dn: Either<Uint8Array, Uint16Array>, ucc: f64, offset: Option<f64>) -> Float32Array {
    let offset = offset.unwrap_or(-ucc);
    let convert = |dn: u16| if dn == 0 { f32::NAN } else { f64::from(dn).mul_add(ucc, offset) as f32 };
    let values: Vec<f32> = match &dn {
        Either::A(bytes) => bytes.iter().map(|&b| convert(u16::from(b))).collect(),
        Either::B(words) => words.iter().map(|&w| convert(w)).collect(),
    };
    values.into()
}

/// Brightness temperature, K, from the radiance of a TIR band, W m-2 sr-1 um-1.
#[napi]
pub fn brightness_temperature(radiance: Float32Array, band: String) -> ArrayOutcome {
    guarded(|| {
        let planck = Planck::of(band.parse::<Band>()?)?;
        let values: Vec<f32> = radiance.iter().map(|l| planck.temperature_k(f64::from(*l)) as f32).collect();
        Ok(values.into())
    })
    .into()
}

/// An index of equally long arrays; `bands[i]` names `arrays[i]`.
#[napi]
pub fn compute_index(name: String, bands: Vec<String>, arrays: Vec<Float32Array>) -> ArrayOutcome {
    guarded(|| {
        let index = SpectralIndex::named(&name)?;
        let given: Vec<Band> = bands.iter().map(|b| b.parse()).collect::<aster_core::Result<_>>()?;
        let mut inputs: Vec<&[f32]> = Vec::new();
        for band in index.bands {
            let at = given.iter().position(|b| b == band);
            let array = at.and_then(|i| arrays.get(i)).ok_or_else(|| {
                aster_core::Error::usage(format!("{name} needs band {band}, which was not given"))
            })?;
            inputs.push(array);
        }
        let length = inputs.first().map_or(0, |a| a.len());
        if inputs.iter().any(|a| a.len() != length) {
            return Err(aster_core::Error::usage("the arrays differ in length"));
        }
        let mut out = vec![f32::NAN; length];
        eval_row(index, &inputs, &mut out);
        Ok(out.into())
    })
    .into()
}
