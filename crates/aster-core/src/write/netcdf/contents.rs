//! Global attributes and data variables of a cube, from the empty file to the complete one.
use crate::cube::record::StepRecord;
use crate::cube::sink::{ChunkKey, CubeLayout, ValueType, VariableSpec};
use crate::error::{Error, Result};
use crate::grid::geobox::Shape;
use crate::write::netcdf::attributes::{numbers, of_variable, optional_text, text};
use crate::write::netcdf::container::{Container, Dataset, Layout};
use crate::write::netcdf::coordinates::{self, Axes, GRID_MAPPING, Horizontal};
use crate::write::netcdf::handle::{Failure, Outcome};
use crate::write::netcdf::scenes;
use crate::write::values::{I16_FILL, PACKED_FILL, value_bytes};
use jiff::Timestamp;

/// Where a reader finds what the numbers mean.
const REFERENCES: &str = "Abrams, M., Hook, S., Ramachandran, B.: ASTER User Handbook, version 2, \
    Jet Propulsion Laboratory, 2002; https://lpdaac.usgs.gov/";
/// Largest chunk HDF5 takes: lengths of chunks are 32-bit.
const MAX_CHUNK_BYTES: usize = u32::MAX as usize / 2;

/// The open datasets of a cube.
#[derive(Debug)]
pub(super) struct Contents {
    variables: Vec<Dataset>,
    axes: Axes,
    grid: Shape,
    time_steps: usize,
}

impl Contents {
    /// Writes all that is known before the first scene.
    pub(super) fn begin(
        file: &Container,
        layout: &CubeLayout,
        horizontal: &Horizontal,
        chunk: Shape,
        level: u8,
    ) -> Outcome<Self> {
        write_globals(file, layout)?;
        let axes = coordinates::create(file, layout, horizontal)?;
        let grid = layout.grid.shape;
        let chunk = [layout.chunk_steps as u64, chunk.ny as u64, chunk.nx as u64];
        let lengths = [0, grid.ny as u64, grid.nx as u64];
        let level = (level > 0).then_some(level);
        let place = Layout { lengths: &lengths, grows: true, chunk: Some(&chunk), level };
        let mut variables = Vec::with_capacity(layout.variables.len());
        for spec in &layout.variables {
            let name = &spec.name;
            let variable = match spec.value_type {
                ValueType::F32 => file.dataset(name, place, Some(f32::NAN)),
                ValueType::U8 => file.dataset(name, place, Some(0_u8)),
                ValueType::U16 => file.dataset(name, place, Some(0_u16)),
                ValueType::I16 => file.dataset(name, place, Some(I16_FILL)),
                ValueType::Packed(_) => file.dataset(name, place, Some(PACKED_FILL)),
                ValueType::U32 => file.dataset(name, place, Some(0_u32)),
            }?;
            describe(&variable, spec)?;
            variable.attach_scales(&axes.cube())?;
            variables.push(variable);
        }
        Ok(Self { variables, axes, grid, time_steps: 0 })
    }

    /// Present length of time.
    pub(super) fn time_steps(&self) -> usize {
        self.time_steps
    }

    /// Sets the length of time; chunks beyond it are freed.
    pub(super) fn set_time_steps(&mut self, time_steps: usize) -> Outcome<()> {
        let lengths = [time_steps as u64, self.grid.ny as u64, self.grid.nx as u64];
        for variable in &self.variables {
            variable.set_lengths(&lengths)?;
        }
        self.time_steps = time_steps;
        Ok(())
    }

    /// Stores encoded bytes; `chunk` is the shape of stored chunks.
    pub(super) fn write_chunk(&self, key: ChunkKey, chunk: Shape, bytes: &[u8]) -> Outcome<()> {
        let Some(variable) = self.variables.get(key.variable) else {
            return Err(Failure::own("find a variable"));
        };
        let offset = [key.time as u64, key.row as u64 * chunk.ny as u64, key.column as u64 * chunk.nx as u64];
        variable.write_chunk(offset, bytes)
    }

    /// Writes all that the scenes decide.
    pub(super) fn complete(
        &mut self,
        file: &Container,
        layout: &CubeLayout,
        records: &[StepRecord],
    ) -> Outcome<()> {
        self.set_time_steps(records.len())?;
        let references = scenes::write(file, layout, &self.axes, records)?;
        let coordinates = references.coordinates.join(" ");
        for (variable, ancillary) in self.variables.iter().zip(&references.ancillary) {
            text(variable.id(), "coordinates", &coordinates)?;
            text(variable.id(), "ancillary_variables", &ancillary.join(" "))?;
        }
        scenes::write_globals(file, records)
    }
}

fn describe(variable: &Dataset, spec: &VariableSpec) -> Outcome<()> {
    let id = variable.id();
    optional_text(id, "standard_name", spec.standard_name.as_deref())?;
    text(id, "long_name", &spec.long_name)?;
    text(id, "units", &spec.units)?;
    text(id, "grid_mapping", GRID_MAPPING)?;
    if let ValueType::Packed(packing) = spec.value_type {
        numbers(id, "scale_factor", &[packing.scale])?;
        numbers(id, "add_offset", &[packing.offset])?;
    }
    for (name, value) in &spec.attributes {
        of_variable(id, name, value, spec.value_type)?;
    }
    Ok(())
}

fn write_globals(file: &Container, layout: &CubeLayout) -> Outcome<()> {
    let root = file.id();
    let version = env!("CARGO_PKG_VERSION");
    text(root, "_NCProperties", &format!("version=2,hdf5=1.14.6,aster-timeseries={version}"))?;
    text(root, "Conventions", "CF-1.11")?;
    text(root, "title", &layout.title)?;
    text(root, "history", &layout.history)?;
    text(root, "references", REFERENCES)?;
    text(root, "software", "aster-timeseries")?;
    text(root, "software_version", version)?;
    // The history begins with the moment of the run: one clock, and the same request gives the same bytes.
    let started = layout.history.split_whitespace().next().and_then(|t| t.trim_end_matches(':').parse().ok());
    let created: Timestamp = started.unwrap_or_else(Timestamp::now);
    text(root, "date_created", &created.to_string())?;
    if let Ok(area) = layout.grid.area() {
        numbers(root, "geospatial_lat_min", &[area.south])?;
        numbers(root, "geospatial_lat_max", &[area.north])?;
        numbers(root, "geospatial_lon_min", &[area.west])?;
        numbers(root, "geospatial_lon_max", &[area.east])?;
    }
    text(root, "aster_request", &layout.request_json)
}

/// Refuses what cannot become a NetCDF file, before anything is created.
pub(super) fn check_layout(layout: &CubeLayout, level: u8) -> Result<()> {
    if level > 9 {
        return Err(Error::usage(format!("compression level is {level}, expected 0 to 9")));
    }
    let (grid, chunk) = (layout.grid.shape, layout.chunk);
    if grid.ny == 0 || grid.nx == 0 || chunk.ny == 0 || chunk.nx == 0 {
        return Err(Error::internal("a cube without pixels cannot be written"));
    }
    for (i, spec) in layout.variables.iter().enumerate() {
        let values = chunk.ny.checked_mul(chunk.nx).and_then(|n| n.checked_mul(layout.chunk_steps));
        let bytes = values.and_then(|n| n.checked_mul(value_bytes(spec.value_type)));
        if bytes.is_none_or(|n| n > MAX_CHUNK_BYTES) {
            return Err(Error::usage(format!("chunks of {} x {} pixels are too large", chunk.ny, chunk.nx)));
        }
        let name = spec.name.as_str();
        let letters = name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
        if !letters || !name.starts_with(|c: char| c.is_ascii_alphabetic()) {
            return Err(Error::usage(format!("{name} is no name for a variable"))
                .hint("use letters, digits and _, a letter first"));
        }
        let reserved = ["time", "time_bnds", "y", "x", "lat", "lon", "nv", GRID_MAPPING];
        if reserved.contains(&name) || layout.variables[..i].iter().any(|v| v.name == name) {
            return Err(Error::usage(format!("the variable name {name} is used twice")));
        }
    }
    Ok(())
}
