//! The variables along time as datasets.
use crate::write::netcdf::attributes;
use crate::write::netcdf::container::{Container, Dataset, Layout};
use crate::write::netcdf::coordinates::{Axes, time_chunk};
use crate::write::netcdf::handle::Outcome;
use crate::write::step_table::{Column, StepTable, StepVariable};

/// Writes time, its bounds and every variable along time.
pub(super) fn write(file: &Container, axes: &Axes, table: &StepTable) -> Outcome<()> {
    let steps = table.times.len();
    axes.time.set_lengths(&[steps as u64])?;
    axes.time.write(&table.times)?;
    let nv = file.bare_dimension("nv", Axes::NEXT, 2)?;
    let (lengths, chunk) = ([steps as u64, 2], [time_chunk(steps), 2]);
    let along = Layout { lengths: &lengths, grows: true, chunk: Some(&chunk), ..Layout::default() };
    let bounds = file.dataset::<f64>("time_bnds", along, None)?;
    bounds.attach_scales(&[(&axes.time, Axes::TIME), (&nv, Axes::NEXT)])?;
    bounds.write(table.bounds.as_flattened())?;
    table.variables.iter().try_for_each(|variable| create(file, axes, variable))
}

fn create(file: &Container, axes: &Axes, variable: &StepVariable) -> Outcome<()> {
    let name = &variable.name;
    let steps = match &variable.column {
        Column::Text(v) => v.len(),
        Column::Float(v) => v.len(),
        Column::Count(v) => v.len(),
    };
    let (lengths, chunk) = ([steps as u64], [time_chunk(steps)]);
    let along = Layout { lengths: &lengths, grows: true, chunk: Some(&chunk), ..Layout::default() };
    let dataset: Dataset = match &variable.column {
        Column::Text(values) => {
            let dataset = file.text_dataset(name, along)?;
            dataset.write_texts(values)?;
            dataset
        }
        Column::Float(values) => {
            let fill = values.iter().any(|v| v.is_nan()).then_some(f64::NAN);
            let dataset = file.dataset(name, along, fill)?;
            dataset.write(values)?;
            dataset
        }
        Column::Count(values) => {
            let dataset = file.dataset::<i64>(name, along, None)?;
            dataset.write(values)?;
            dataset
        }
    };
    attributes::all(dataset.id(), &variable.attributes())?;
    dataset.attach_scales(&[(&axes.time, Axes::TIME)])
}
