//! Coordinate variables and the grid mapping as datasets.
use crate::cube::sink::CubeLayout;
use crate::write::coordinates::{Axis, GRID_MAPPING, Horizontal, time_attributes};
use crate::write::netcdf::attributes;
use crate::write::netcdf::container::{Container, Dataset, Layout};
use crate::write::netcdf::handle::Outcome;

/// Largest chunk of a variable along time alone, time steps.
const MAX_TIME_CHUNK: usize = 1024;

/// Dimension scales of a cube, in the order of their NetCDF numbers.
#[derive(Debug)]
pub(super) struct Axes {
    pub(super) time: Dataset,
    pub(super) y: Dataset,
    pub(super) x: Dataset,
}

impl Axes {
    /// NetCDF number of the dimension time.
    pub(super) const TIME: i32 = 0;
    const Y: i32 = 1;
    const X: i32 = 2;
    /// Number of the next dimension.
    pub(super) const NEXT: i32 = 3;

    /// The scales of a (time, y, x) variable.
    pub(super) fn cube(&self) -> [(&Dataset, i32); 3] {
        [(&self.time, Self::TIME), (&self.y, Self::Y), (&self.x, Self::X)]
    }
}

/// Chunk length of variables along time alone.
pub(super) fn time_chunk(time_steps: usize) -> u64 {
    time_steps.clamp(1, MAX_TIME_CHUNK) as u64
}

/// Creates time (empty), y, x and the grid mapping.
pub(super) fn create(file: &Container, layout: &CubeLayout, horizontal: &Horizontal) -> Outcome<Axes> {
    let chunk = [time_chunk(layout.time_steps)];
    let growing = Layout { lengths: &[0], grows: true, chunk: Some(&chunk), ..Layout::default() };
    let time = file.dataset::<f64>("time", growing, None)?;
    time.make_scale("time", Axes::TIME)?;
    attributes::all(time.id(), &time_attributes())?;
    let y = axis(file, &horizontal.y, Axes::Y)?;
    let x = axis(file, &horizontal.x, Axes::X)?;
    let mapping = file.dataset::<i32>(GRID_MAPPING, Layout::default(), None)?;
    mapping.write(&[0_i32])?;
    attributes::all(mapping.id(), &horizontal.grid_mapping)?;
    Ok(Axes { time, y, x })
}

fn axis(file: &Container, axis: &Axis, id: i32) -> Outcome<Dataset> {
    let lengths = [axis.values.len() as u64];
    let dataset = file.dataset::<f64>(axis.name, Layout { lengths: &lengths, ..Layout::default() }, None)?;
    dataset.make_scale(axis.name, id)?;
    attributes::all(dataset.id(), &axis.attributes)?;
    dataset.write(&axis.values)?;
    Ok(dataset)
}
