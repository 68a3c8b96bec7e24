//! Names, units and attributes of the variables of a cube.
use crate::cube::calibrate::units;
use crate::cube::plan::CubePlan;
use crate::cube::reduce::Statistic;
use crate::cube::request::CubeRequest;
use crate::cube::sink::{AttributeValue, CubeLayout, Packing, ValueType, VariableSpec};
use crate::cube::wanted::{Input, Storage, VariableKind};
use crate::error::{Error, Result};
use crate::index::spectral_index::SpectralIndex;
use crate::product::band::Band;
use crate::product::subsystem::Subsystem;
use crate::radiometry::table::Quantity;
use crate::warp::kernel::Resampling;

/// What a writer has to know of a plan. `created` is an ISO 8601 stamp.
pub fn layout(plan: &CubePlan, request: &CubeRequest, created: &str) -> Result<CubeLayout> {
    let variables = variables(plan);
    let names: Vec<&str> = variables.iter().map(|v| v.name.as_str()).collect();
    let command = request.history.as_deref().unwrap_or("aster-timeseries");
    // How far an interrupted run had come is nothing that the output is about.
    let mut stated = request.clone();
    stated.output.checkpoints = None;
    let request_json = serde_json::to_string(&stated)
        .map_err(|e| Error::internal(format!("the request has no JSON form: {e}")))?;
    Ok(CubeLayout {
        grid: plan.grid.clone(),
        chunk: plan.chunk,
        chunk_steps: plan.chunk_steps,
        time_steps: plan.steps.len(),
        title: format!("ASTER time series: {}", names.join(", ")),
        history: format!("{created} {command}"),
        request_json,
        resume_key: resume_key(plan, request)?,
        variables,
    })
}

/// Everything that decides the output's bytes: the request without what does not, the granules as they are, and
/// the units of work.
fn resume_key(plan: &CubePlan, request: &CubeRequest) -> Result<String> {
    let mut request = CubeRequest {
        granules: Vec::new(),
        n_workers: None,
        max_memory_bytes: None,
        strict: false,
        history: None,
        ..request.clone()
    };
    // What is kept lies beside its output, or at a place that is stated; the output may be on a disk of another machine.
    request.output.path = None;
    request.output.checkpoints = None;
    request.output.overwrite = false;
    request.output.quicklook = None;
    let granules: Vec<(&str, u64)> =
        plan.scenes.iter().map(|s| (s.facts.name.id.as_str(), s.facts.bytes)).collect();
    let blocks = plan.blocks.first().map(|b| (b.rows, b.columns));
    serde_json::to_string(&(env!("CARGO_PKG_VERSION"), request, granules, plan.chunk.ny, blocks))
        .map_err(|e| Error::internal(format!("the request has no JSON form: {e}")))
}

/// Variables of the output: those wanted, or every statistic of each.
fn variables(plan: &CubePlan) -> Vec<VariableSpec> {
    let mut specs = Vec::new();
    for kind in &plan.wanted.variables {
        let mut spec = variable(kind, plan);
        store_as(plan.wanted.storage, packing_of(kind), &mut spec);
        spec.repeats = spec.value_type == ValueType::F32 && spec.keep_bits.is_none() && repeats(kind, plan);
        match &plan.wanted.reduction {
            None => specs.push(spec),
            Some(reduction) => specs.extend(reduction.statistics.iter().map(|s| reduced(&spec, *s))),
        }
    }
    specs
}

/// Whether a variable has few different values: those of one DN or of two of 8 bits, each taken as it is. (Rounded and packed
/// ones have fewer still, but most of their bytes are shared by neighbours: shuffled they become smaller.)
fn repeats(kind: &VariableKind, plan: &CubePlan) -> bool {
    let level1 = plan.scenes.first().is_some_and(|s| s.facts.name.product.as_str().starts_with("AST_L1"));
    let eight_bits = |input: &Input| level1 && input.band.fact().is_some_and(|f| f.bits <= 8);
    let few = match kind.inputs().as_slice() {
        [_] => true,
        [a, b] => eight_bits(a) && eight_bits(b),
        _ => false,
    };
    few && matches!(plan.wanted.resampling, Resampling::Nearest | Resampling::Mode)
}

fn store_as(storage: Storage, packing: Packing, spec: &mut VariableSpec) {
    match (storage, spec.value_type) {
        (Storage::Rounded(bits), ValueType::F32) => {
            spec.keep_bits = Some(bits);
            spec.attributes.push(text("quantization", format!("BitRound, {bits} mantissa bits kept")));
        }
        (Storage::Packed, ValueType::F32) => spec.value_type = ValueType::Packed(packing),
        _ => {}
    }
}

/// Steps fine enough for each quantity, over a range that holds what the sensor can see.
fn packing_of(kind: &VariableKind) -> Packing {
    let packing = |scale: f64, offset: f64| Packing { scale, offset };
    let input = match kind {
        // Differences over sums lie within 3.27; ratios may reach 32.
        VariableKind::Index(index, _) if index.formula.contains(" - ") => return packing(1e-4, 0.0),
        VariableKind::Index(..) => return packing(1e-3, 0.0),
        VariableKind::Band(input) => input,
    };
    match (input.quantity, input.band, input.band.subsystem()) {
        (Quantity::Reflectance, ..) => packing(1e-4, 0.0),
        (Quantity::Temperature, ..) | (_, Band::KineticTemperature, _) => packing(0.01, 273.15),
        (_, Band::Elevation, _) => packing(1.0, 0.0),
        // At DN 255 and low gain 574 W m-2 sr-1 um-1; at 4095 in the thermal bands 28.
        (Quantity::Radiance, _, Subsystem::Vnir) => packing(0.01, 250.0),
        (Quantity::Radiance, _, Subsystem::Swir) => packing(0.005, 0.0),
        (Quantity::Radiance, _, Subsystem::Tir) => packing(0.001, 0.0),
        _ => packing(0.001, 0.0),
    }
}

/// A statistic of a variable along time.
fn reduced(of: &VariableSpec, statistic: Statistic) -> VariableSpec {
    let mut spec = of.clone();
    spec.name = format!("{}_{}", of.name, statistic.name_suffix());
    spec.long_name = format!("{statistic} over time of {}", of.long_name);
    if let Some(method) = statistic.cell_methods() {
        spec.attributes.push(text("cell_methods", method));
    }
    if let Some(comment) = statistic.comment() {
        spec.attributes.push(text("comment", comment));
    }
    let observed = matches!(
        statistic,
        Statistic::First | Statistic::Last | Statistic::Min | Statistic::Max | Statistic::Medoid
    );
    spec.repeats &= observed;
    match statistic {
        Statistic::Count => {
            spec.standard_name = Some("number_of_observations".to_string());
            spec.units = "1".to_string();
            (spec.value_type, spec.keep_bits) = (ValueType::U32, None);
        }
        // Digital numbers stay what they are only where one of them is picked.
        _ if !observed && !matches!(of.value_type, ValueType::Packed(_)) => spec.value_type = ValueType::F32,
        _ => {}
    }
    spec
}

fn variable(kind: &VariableKind, plan: &CubePlan) -> VariableSpec {
    match kind {
        VariableKind::Band(input) => band_variable(*input, plan),
        VariableKind::Index(index, quantity) => index_variable(index, *quantity, plan),
    }
}

fn text(name: &str, value: impl Into<String>) -> (String, AttributeValue) {
    (name.to_string(), AttributeValue::Text(value.into()))
}

fn band_variable(input: Input, plan: &CubePlan) -> VariableSpec {
    let Input { band, quantity } = input;
    let product = plan.scenes.first().map(|s| s.facts.name.product.as_str());
    let fact = band.fact();
    let of_band = fact.map_or(String::new(), |f| format!(" of band {} ({})", f.name, f.subsystem));
    let (long_name, standard_name) = match (quantity, band, product) {
        (Quantity::Dn, ..) => (format!("digital number{of_band}"), None),
        (Quantity::Radiance, ..) => (
            format!("at-sensor spectral radiance{of_band}"),
            Some("toa_outgoing_radiance_per_unit_wavelength"),
        ),
        (Quantity::Reflectance, ..) => {
            (format!("top-of-atmosphere reflectance{of_band}"), Some("toa_bidirectional_reflectance"))
        }
        (Quantity::Temperature, ..) => {
            (format!("brightness temperature{of_band}"), Some("toa_brightness_temperature"))
        }
        (_, Band::KineticTemperature, _) => {
            ("surface kinetic temperature".to_string(), Some("surface_temperature"))
        }
        (_, Band::Elevation, _) => ("relative elevation".to_string(), Some("surface_altitude")),
        (_, _, Some("AST_05")) => (format!("surface emissivity{of_band}"), None),
        (_, _, Some(p)) if p.starts_with("AST_09") => (format!("surface radiance{of_band}"), None),
        _ => (format!("surface reflectance{of_band}"), None),
    };
    let mut attributes = Vec::new();
    if let Some(f) = fact {
        attributes.push(text("band", f.name));
        attributes.push(text("subsystem", f.subsystem.as_str()));
        let float = |name: &str, v: Vec<f64>| (name.to_string(), AttributeValue::Float(v));
        attributes.push(float("wavelength_um", vec![f.centre_um]));
        attributes.push(float("wavelength_range_um", vec![f.min_um, f.max_um]));
    }
    attributes.push(text("quantity", quantity.as_str()));
    if quantity == Quantity::Reflectance {
        attributes.push(text("solar_irradiance_set", plan.wanted.irradiance.as_str()));
    }
    attributes.push(text("resampling", plan.wanted.resampling.to_string()));
    let value_type = match (quantity, band) {
        (Quantity::Dn, Band::KineticTemperature) => ValueType::U16,
        (Quantity::Dn, Band::Elevation) => ValueType::I16,
        (Quantity::Dn, _) if product.is_some_and(|p| !p.starts_with("AST_L1")) => ValueType::I16,
        (Quantity::Dn, _) if fact.is_some_and(|f| f.bits > 8) => ValueType::U16,
        (Quantity::Dn, _) => ValueType::U8,
        _ => ValueType::F32,
    };
    VariableSpec {
        name: band.variable().to_string(),
        long_name,
        standard_name: standard_name.map(str::to_string),
        units: units(quantity, product, band).to_string(),
        value_type,
        keep_bits: None,
        repeats: false,
        attributes,
    }
}

fn index_variable(index: &SpectralIndex, quantity: Quantity, plan: &CubePlan) -> VariableSpec {
    let product = plan.scenes.first().map_or("", |s| s.facts.name.product.as_str());
    let computed_from = match quantity {
        Quantity::Dn => "digital numbers".to_string(),
        Quantity::Scaled => format!("{product} values"),
        _ => index.input.as_str().to_string(),
    };
    let mut attributes = vec![
        text("formula", index.formula),
        text("computed_from", computed_from),
        text("references", index.citation),
    ];
    if quantity == Quantity::Reflectance {
        attributes.push(text("solar_irradiance_set", plan.wanted.irradiance.as_str()));
    }
    attributes.push(text("resampling", plan.wanted.resampling.to_string()));
    VariableSpec {
        name: index.name.to_string(),
        long_name: index.title.to_string(),
        standard_name: (index.name == "ndvi").then(|| "normalized_difference_vegetation_index".to_string()),
        units: "1".to_string(),
        value_type: ValueType::F32,
        keep_bits: None,
        repeats: false,
        attributes,
    }
}
