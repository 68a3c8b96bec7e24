//! Global attributes and data variables of a cube, from the empty file to the complete one.
use crate::cube::record::StepRecord;
use crate::cube::sink::{ChunkKey, CubeLayout, ValueType};
use crate::grid::geobox::Shape;
use crate::write::coordinates::Horizontal;
use crate::write::describe;
use crate::write::netcdf::attributes::{self, numbers, text};
use crate::write::netcdf::container::{Container, Dataset, Layout};
use crate::write::netcdf::coordinates::{self, Axes};
use crate::write::netcdf::handle::{Failure, Outcome};
use crate::write::netcdf::scenes;
use crate::write::step_table::StepTable;
use crate::write::values::{I16_FILL, PACKED_FILL};

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
        chunk_shape: Shape,
        level: u8,
    ) -> Outcome<Self> {
        let version = env!("CARGO_PKG_VERSION");
        text(file.id(), "_NCProperties", &format!("version=2,hdf5=1.14.6,aster-timeseries={version}"))?;
        attributes::all(file.id(), &describe::globals(layout))?;
        let axes = coordinates::create(file, layout, horizontal)?;
        let grid = layout.grid.shape;
        let chunk_lengths = [layout.chunk_steps as u64, chunk_shape.ny as u64, chunk_shape.nx as u64];
        let lengths = [0, grid.ny as u64, grid.nx as u64];
        let level = (level > 0).then_some(level);
        let mut variables = Vec::with_capacity(layout.variables.len());
        for spec in &layout.variables {
            let name = &spec.name;
            let shuffle = !spec.keeps_whole();
            let place =
                Layout { lengths: &lengths, grows: true, chunk: Some(&chunk_lengths), level, shuffle };
            let variable = match spec.value_type {
                ValueType::F32 => file.dataset(name, place, Some(f32::NAN)),
                ValueType::U8 => file.dataset(name, place, Some(0_u8)),
                ValueType::U16 => file.dataset(name, place, Some(0_u16)),
                ValueType::I16 => file.dataset(name, place, Some(I16_FILL)),
                ValueType::Packed(_) => file.dataset(name, place, Some(PACKED_FILL)),
                ValueType::U32 => file.dataset::<u32>(name, place, None),
            }?;
            for (name, value) in describe::variable(spec) {
                attributes::of_variable(variable.id(), &name, &value, spec.value_type)?;
            }
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
        let table = StepTable::of(layout, records);
        scenes::write(file, &self.axes, &table)?;
        for (variable, ancillary) in self.variables.iter().zip(&table.ancillary) {
            text(variable.id(), "coordinates", &table.coordinates)?;
            text(variable.id(), "ancillary_variables", ancillary)?;
        }
        attributes::all(file.id(), &describe::globals_of_steps(records))?;
        numbers(file.id(), "scenes", &[describe::scene_count(records)])
    }
}
