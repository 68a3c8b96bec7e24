//! A request understood: variables, inputs and choices as types; every wrong word told before a file is touched.
use crate::cube::group::GroupBy;
use crate::cube::period::Period;
use crate::cube::reduce::Statistic;
use crate::cube::request::{CoefficientOverride, CubeRequest, REQUEST_SCHEMA};
use crate::error::{Error, ErrorCode, Result};
use crate::geo::bbox::Area;
use crate::geo::crs::Crs;
use crate::grid::lattice::Lattice;
use crate::index::spectral_index::{IndexInput, SpectralIndex};
use crate::product::band::Band;
use crate::product::catalogue::Product;
use crate::product::subsystem::Subsystem;
use crate::radiometry::gain::Gain;
use crate::radiometry::reflectance::SolarIrradiance;
use crate::radiometry::table::Quantity;
use crate::warp::kernel::Resampling;

/// What a variable is made of.
#[derive(Debug, Clone, Copy)]
pub enum VariableKind {
    /// One band in one quantity.
    Band(Input),
    /// An index of several inputs.
    Index(&'static SpectralIndex, Quantity),
}

/// A band in a quantity: what samplers deliver.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Input {
    /// Band.
    pub band: Band,
    /// Quantity.
    pub quantity: Quantity,
}

impl VariableKind {
    /// Inputs in the order the formula wants them.
    pub fn inputs(&self) -> Vec<Input> {
        match self {
            Self::Band(input) => vec![*input],
            Self::Index(index, quantity) => {
                index.bands.iter().map(|&band| Input { band, quantity: *quantity }).collect()
            }
        }
    }
    /// Variable name in outputs.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Band(input) => input.band.variable(),
            Self::Index(index, _) => index.name,
        }
    }
}

/// What chunks of the output serve.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ChunkFor {
    /// One time step, many pixels.
    Map,
    /// Many time steps, few pixels.
    Time,
}

/// How physical values are stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Storage {
    /// float32, all bits.
    Float,
    /// float32 of so many mantissa bits.
    Rounded(u8),
    /// int16 with scale and offset.
    Packed,
}

/// Looks become statistics.
#[derive(Debug, Clone, PartialEq)]
pub struct Reduction {
    /// Each once, in output order.
    pub statistics: Vec<Statistic>,
    /// All of time if none.
    pub period: Option<Period>,
}

/// A request whose words have been understood.
#[derive(Debug, Clone)]
pub struct Wanted {
    /// Product filter.
    pub product: Option<&'static Product>,
    /// Variables, in output order.
    pub variables: Vec<VariableKind>,
    /// Every band and quantity that some variable needs, each once.
    pub inputs: Vec<Input>,
    /// Target CRS, if stated.
    pub crs: Option<Crs>,
    /// Lattice, if stated.
    pub lattice: Option<Lattice>,
    /// Resampling.
    pub resampling: Resampling,
    /// Which scenes make a look.
    pub group_by: GroupBy,
    /// What becomes of looks.
    pub reduction: Option<Reduction>,
    /// What chunks serve.
    pub chunk_for: ChunkFor,
    /// How physical values are stored.
    pub storage: Storage,
    /// Solar irradiance set.
    pub irradiance: SolarIrradiance,
    /// Gains stated.
    pub gains: Vec<(Band, Gain)>,
    /// Coefficients stated: band, ucc, offset.
    pub coefficients: Vec<(Band, f64, f64)>,
}

impl Wanted {
    /// What to say where nothing comes in the calibration asked for: indices alone are made of what their formulas need.
    pub(super) fn idle_calibration(&self, asked: Option<&str>) -> Option<String> {
        let asked: Quantity = asked?.parse().ok()?;
        let of_other = |variable: &VariableKind| match variable {
            VariableKind::Index(index, quantity) if ![asked, Quantity::Scaled].contains(quantity) => {
                Some((index.name, *quantity))
            }
            _ => None,
        };
        let all_of_other: Vec<_> = self.variables.iter().map(of_other).collect::<Option<_>>()?;
        let (index, quantity) = all_of_other.first()?;
        Some(format!("{index} is made of {quantity}: {asked} is for bands, and none is asked for"))
    }
}

impl CubeRequest {
    fn check_extent(&self, [min_x, min_y, max_x, max_y]: [f64; 4]) -> Result<()> {
        if self.area.is_some() {
            return Err(Error::usage("area and extent exclude each other"));
        }
        if self.crs.is_none() {
            return Err(Error::usage("an extent needs the crs that its numbers are of"));
        }
        if !(min_x < max_x && min_y < max_y && [min_x, min_y, max_x, max_y].iter().all(|v| v.is_finite())) {
            return Err(Error::usage(format!("{min_x} {min_y} {max_x} {max_y} is no extent"))
                .hint("the order is least x, least y, greatest x, greatest y"));
        }
        Ok(())
    }

    /// Checks every word of the request; no file is touched.
    ///
    /// # Errors
    /// `USAGE`, naming the parameter and what was expected; `UNSUPPORTED` for a CRS this build cannot do.
    pub fn understand(&self) -> Result<Wanted> {
        if self.schema != REQUEST_SCHEMA {
            return Err(Error::usage(format!(
                "request schema is {}, expected {REQUEST_SCHEMA}",
                self.schema
            )));
        }
        if let Some(a) = self.area {
            Area::new(a.west, a.south, a.east, a.north)?;
        }
        if let Some(extent) = self.extent {
            self.check_extent(extent)?;
        }
        if self.resolution.is_some_and(|r| !(r.is_finite() && r > 0.0)) {
            return Err(Error::usage("resolution has to be a positive number"));
        }
        if self.output.compression_level.is_some_and(|l| l > 9) {
            return Err(Error::usage("compression level has to be 0 to 9"));
        }
        let product = self.product.as_deref().map(Product::named).transpose()?;
        let variables = self.variables(product)?;
        let mut inputs = Vec::new();
        for input in variables.iter().flat_map(VariableKind::inputs) {
            if !inputs.contains(&input) {
                inputs.push(input);
            }
        }
        let resampling: Resampling = self.resampling.as_deref().unwrap_or("nearest").parse()?;
        if resampling == Resampling::Mode && inputs.iter().any(|i| i.quantity != Quantity::Dn) {
            return Err(Error::usage("resampling mode is for --calibration dn"));
        }
        let blends = !matches!(resampling, Resampling::Nearest | Resampling::Mode);
        if blends && inputs.iter().any(|i| i.quantity == Quantity::Dn) {
            return Err(Error::usage(format!("digital numbers cannot be resampled by {resampling}"))
                .hint("use --resampling nearest, or another --calibration"));
        }
        Ok(Wanted {
            product,
            variables,
            inputs,
            crs: self.crs.as_deref().map(Crs::parse).transpose()?,
            lattice: self.lattice.as_deref().map(str::parse).transpose()?,
            resampling,
            group_by: self.group_by.as_deref().unwrap_or("scene").parse()?,
            reduction: self.reduction()?,
            chunk_for: self.chunk_for()?,
            storage: self.storage()?,
            irradiance: self.solar_irradiance.as_deref().unwrap_or("thome_b").parse()?,
            gains: self
                .gains
                .iter()
                .map(|g| Ok((g.band.parse()?, g.gain.parse()?)))
                .collect::<Result<_>>()?,
            coefficients: self.coefficients.iter().map(coefficient).collect::<Result<_>>()?,
        })
    }

    /// Periods without a statistic mean means, and how many looks each is of.
    fn reduction(&self) -> Result<Option<Reduction>> {
        let period: Option<Period> = self.resample.as_deref().map(str::parse).transpose()?;
        let mut statistics: Vec<Statistic> = Vec::new();
        for name in &self.reduce {
            let statistic = name.parse()?;
            if !statistics.contains(&statistic) {
                statistics.push(statistic);
            }
        }
        if statistics.is_empty() && period.is_some() {
            statistics = vec![Statistic::Mean, Statistic::Count];
        }
        Ok((!statistics.is_empty()).then_some(Reduction { statistics, period }))
    }

    fn chunk_for(&self) -> Result<ChunkFor> {
        match self.output.chunk_for.as_deref() {
            None | Some("map") => Ok(ChunkFor::Map),
            Some("time") if self.reduce.is_empty() && self.resample.is_none() => Ok(ChunkFor::Time),
            Some("time") => {
                Err(Error::usage("chunks for time are for series, not for statistics along time")
                    .hint("leave out --chunk-for time, or --reduce and --resample"))
            }
            Some(other) => {
                Err(Error::usage(format!("unknown chunk shape {other}")).hint("choose map or time"))
            }
        }
    }

    fn storage(&self) -> Result<Storage> {
        match (self.output.pack.as_deref(), self.output.round_bits) {
            (None, None) => Ok(Storage::Float),
            (Some("int16"), None) => Ok(Storage::Packed),
            (None, Some(bits @ 1..=23)) => Ok(Storage::Rounded(bits)),
            (None, Some(bits)) => Err(Error::usage(format!("{bits} mantissa bits cannot be kept"))
                .hint("float32 has 23: choose 1 to 23; 10 keep three decimal digits")),
            (Some("int16"), Some(_)) => Err(Error::usage(
                "packed values have no mantissa: --pack and --round-bits exclude each other",
            )),
            (Some(other), _) => Err(Error::usage(format!("unknown packing {other}")).hint("there is int16")),
        }
    }

    fn variables(&self, product: Option<&Product>) -> Result<Vec<VariableKind>> {
        let subsystems: Vec<Subsystem> = self.subsystems.iter().map(|s| s.parse()).collect::<Result<_>>()?;
        let calibration: Option<Quantity> = self.calibration.as_deref().map(str::parse).transpose()?;
        let level2 = product.is_some_and(|p| p.level.starts_with(['2', '3']) && p.name != "AST14OTH");
        let mut bands: Vec<Band> = self.bands.iter().map(|b| b.parse()).collect::<Result<_>>()?;
        if bands.is_empty() && self.indices.is_empty() {
            bands = default_bands(product, &subsystems);
        }
        let mut variables = Vec::new();
        for band in bands {
            let quantity = band_quantity(band, calibration, level2)?;
            push_unique(&mut variables, VariableKind::Band(Input { band, quantity }));
        }
        for name in &self.indices {
            let index = SpectralIndex::named(name)?;
            let quantity = match (calibration, level2, index.input) {
                (Some(Quantity::Dn), _, _) => Quantity::Dn,
                (_, true, _) => Quantity::Scaled,
                (_, _, IndexInput::Reflectance) => Quantity::Reflectance,
                (_, _, IndexInput::Radiance) => Quantity::Radiance,
            };
            push_unique(&mut variables, VariableKind::Index(index, quantity));
        }
        for variable in &variables {
            let stranger = variable.inputs().into_iter().map(|i| i.band).find(|b| {
                let known = subsystems.is_empty() || subsystems.contains(&b.subsystem());
                !known || product.is_some_and(|p| !p.subsystems.contains(&b.subsystem()))
            });
            if let Some(band) = stranger {
                return Err(wrong_telescope(variable.name(), band, product, &subsystems));
            }
        }
        Ok(variables)
    }
}

fn wrong_telescope(name: &str, band: Band, product: Option<&Product>, subsystems: &[Subsystem]) -> Error {
    let telescope = band.subsystem();
    let asked: Vec<&str> = subsystems.iter().map(|s| s.as_str()).collect();
    match product {
        Some(p) if !p.subsystems.contains(&telescope) => {
            Error::usage(format!("{name} needs band {band} ({telescope}), which {} does not have", p.name))
                .hint("AST_L1T has all three telescopes; `aster-timeseries products` lists the others")
        }
        _ => Error::usage(format!(
            "{name} needs band {band} ({telescope}), but the subsystem asked for is {}",
            asked.join(", ")
        ))
        .hint(format!("use --subsystem {telescope}, or leave it out")),
    }
}

fn push_unique(variables: &mut Vec<VariableKind>, variable: VariableKind) {
    if variables.iter().all(|v| v.name() != variable.name()) {
        variables.push(variable);
    }
}

/// VNIR of level 1, everything of the rest: a stack of all fourteen bands at 15 m is asked for by name.
fn default_bands(product: Option<&Product>, subsystems: &[Subsystem]) -> Vec<Band> {
    let of = |list: &[Subsystem]| list.iter().flat_map(|&s| Band::of(s)).collect();
    match (product.map(|p| p.name), subsystems) {
        (Some("AST_08"), []) => vec![Band::KineticTemperature],
        (Some("AST14DEM"), []) => vec![Band::Elevation],
        (Some("AST_L1A" | "AST_L1B" | "AST_L1T" | "AST14OTH") | None, []) => of(&[Subsystem::Vnir]),
        (Some(_), []) => product.map(|p| of(p.subsystems)).unwrap_or_default(),
        (_, list) => of(list),
    }
}

/// The quantity a band is written in: radiance unless asked otherwise, and never one it does not have.
fn band_quantity(band: Band, calibration: Option<Quantity>, level2: bool) -> Result<Quantity> {
    let thermal = band.subsystem() == Subsystem::Tir;
    match calibration {
        Some(Quantity::Dn) => Ok(Quantity::Dn),
        _ if level2 || matches!(band, Band::KineticTemperature | Band::Elevation) => Ok(Quantity::Scaled),
        None => Ok(Quantity::Radiance),
        Some(Quantity::Reflectance) if thermal => {
            Err(Error::usage(format!("band {band} has no reflectance"))
                .hint("TIR bands have --calibration dn, radiance or temperature"))
        }
        Some(Quantity::Temperature) if !thermal => {
            Err(Error::usage(format!("band {band} has no brightness temperature"))
                .hint("brightness temperature is for bands 10 to 14: add --subsystem TIR"))
        }
        Some(quantity) => Ok(quantity),
    }
}

fn coefficient(c: &CoefficientOverride) -> Result<(Band, f64, f64)> {
    let offset = c.offset.unwrap_or(-c.ucc);
    if !(c.ucc.is_finite() && c.ucc > 0.0 && offset.is_finite()) {
        return Err(Error::new(
            ErrorCode::Usage,
            format!("coefficient {} of band {} has to be a positive number", c.ucc, c.band),
        ));
    }
    Ok((c.band.parse()?, c.ucc, offset))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request() -> CubeRequest {
        serde_json::from_str(r#"{"schema":1,"granules":[],"output":{"format":"memory"}}"#).unwrap()
    }
    fn names(r: &CubeRequest) -> Vec<&'static str> {
        r.understand().unwrap().variables.iter().map(VariableKind::name).collect()
    }

    #[test]
    fn defaults_are_vnir_radiance() {
        let wanted = request().understand().unwrap();
        assert_eq!(wanted.inputs.len(), 3);
        assert!(wanted.inputs.iter().all(|i| i.quantity == Quantity::Radiance));
    }

    #[test]
    fn an_index_alone_writes_the_index_alone() {
        let r = CubeRequest { subsystems: vec!["VNIR".into()], indices: vec!["ndvi".into()], ..request() };
        assert_eq!(names(&r), ["ndvi"]);
        assert!(r.understand().unwrap().inputs.iter().all(|i| i.quantity == Quantity::Reflectance));
    }

    #[test]
    fn telescopes_are_checked() {
        let r =
            CubeRequest { subsystems: vec!["VNIR".into()], indices: vec!["ratio_4_6".into()], ..request() };
        assert!(r.understand().unwrap_err().message().contains("SWIR"));
        let r = CubeRequest { product: Some("AST_08".into()), indices: vec!["ndvi".into()], ..request() };
        assert!(r.understand().unwrap_err().message().contains("AST_08 does not have"));
    }

    #[test]
    fn quantities_fit_their_bands() {
        let r =
            CubeRequest { bands: vec!["10".into()], calibration: Some("reflectance".into()), ..request() };
        assert!(r.understand().is_err());
        let r = CubeRequest { bands: vec!["2".into()], calibration: Some("temperature".into()), ..request() };
        assert!(r.understand().is_err());
        let r = CubeRequest { product: Some("AST_08".into()), ..request() };
        assert_eq!(r.understand().unwrap().inputs[0].quantity, Quantity::Scaled);
        let r = CubeRequest { calibration: Some("dn".into()), resampling: Some("cubic".into()), ..request() };
        assert!(r.understand().unwrap_err().message().contains("digital numbers"));
    }

    #[test]
    fn a_calibration_that_nothing_is_in_is_told() {
        let told = |calibration: &str, bands: &[&str], product: Option<&str>| {
            let request = CubeRequest {
                indices: vec!["ndvi".into()],
                bands: bands.iter().map(|b| b.to_string()).collect(),
                product: product.map(String::from),
                calibration: Some(calibration.into()),
                ..request()
            };
            request.understand().unwrap().idle_calibration(request.calibration.as_deref())
        };
        let warning = told("radiance", &[], None).unwrap();
        assert_eq!(warning, "ndvi is made of reflectance: radiance is for bands, and none is asked for");
        assert_eq!(told("reflectance", &[], None), None);
        assert_eq!(told("dn", &[], None), None);
        assert_eq!(told("radiance", &["2"], None), None);
        assert_eq!(told("radiance", &[], Some("AST_07XT")), None);
    }

    #[test]
    fn unknown_fields_and_schemas_are_refused() {
        assert!(
            serde_json::from_str::<CubeRequest>(
                r#"{"schema":1,"granules":[],"output":{"format":"memory"},"x":1}"#
            )
            .is_err()
        );
        assert!(CubeRequest { schema: 2, ..request() }.understand().is_err());
    }
}
