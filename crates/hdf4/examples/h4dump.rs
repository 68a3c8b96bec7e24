//! Lists what a file holds, in the manner of `hdp`: h4dump FILE [PATH_OF_ARRAY]
#![allow(clippy::print_stdout, clippy::print_stderr)]

use hdf4::{Attribute, File, Result, Window};

fn main() -> std::process::ExitCode {
    let mut args = std::env::args().skip(1);
    let Some(path) = args.next() else {
        eprintln!("usage: h4dump FILE [PATH_OF_ARRAY]");
        return std::process::ExitCode::FAILURE;
    };
    let outcome = match args.next() {
        Some(array) => values(&path, &array),
        None => list(&path),
    };
    if let Err(error) = outcome {
        eprintln!("h4dump: {error}");
        return std::process::ExitCode::FAILURE;
    }
    std::process::ExitCode::SUCCESS
}

fn list(path: &str) -> Result<()> {
    let file = File::open(path)?;
    println!("file attributes");
    file.attributes().iter().for_each(attribute);
    println!("arrays");
    for array in file.datasets() {
        let dims: Vec<String> =
            array.dims().iter().zip(array.dim_names()).map(|(d, n)| format!("{n}={d}")).collect();
        let (kind, storage) = (array.number_type().name(), array.storage());
        println!("  {} {kind} [{}] {storage}", array.path(), dims.join(", "));
        array.attributes().iter().for_each(attribute);
    }
    println!("tables");
    for table in file.vdatas().iter().filter(|t| !t.is_internal()) {
        println!("  {} {} records", table.path(), table.len());
        for field in table.fields() {
            let kind = field.number_type().map_or("unknown", |t| t.name());
            println!("    {} {kind} x{}", field.name(), field.order());
        }
    }
    println!("groups");
    for group in file.vgroups() {
        println!("  {} \"{}\" class \"{}\"", group.reference(), group.name(), group.class());
        for &(tag, reference) in group.members() {
            println!("    {} {reference}", hdf4::tag_name(tag));
        }
    }
    let eos = file.eos()?;
    for swath in eos.swaths() {
        println!("swath {}", swath.name);
        for map in &swath.dimension_maps {
            println!("  {} -> {} offset {} increment {}", map.geo, map.data, map.offset, map.increment);
        }
        for field in swath.geolocation_fields.iter().chain(&swath.data_fields) {
            println!("  {} {} ({})", field.name, field.data_type, field.dims.join(", "));
        }
    }
    for grid in eos.grids() {
        println!("grid {} {} x {} {}", grid.name, grid.rows, grid.columns, grid.projection);
    }
    Ok(())
}

fn values(path: &str, array: &str) -> Result<()> {
    let file = File::open(path)?;
    let array = file.dataset(array)?;
    let rank = array.dims().len();
    let cols = array.dims().last().copied().unwrap_or(1);
    // One row at a time, so an array of any size can be listed.
    let rows: u64 = array.dims().iter().take(rank.saturating_sub(1)).product();
    for row in 0..rows {
        let (mut start, mut rest) = (vec![0; rank], row);
        for i in (0..rank.saturating_sub(1)).rev() {
            start[i] = rest % array.dims()[i];
            rest /= array.dims()[i];
        }
        let mut count = vec![1; rank];
        if let Some(last) = count.last_mut() {
            *last = cols;
        }
        let values = file.read_values(array, &Window { start, count })?;
        let line: Vec<String> = (0..values.len()).map(|i| values.display(i)).collect();
        println!("{}", line.join(" "));
    }
    Ok(())
}

fn attribute(attribute: &Attribute) {
    let value = attribute.value();
    let shown = match value.text() {
        Some(text) => format!("{:?}", text.chars().take(60).collect::<String>()),
        None => (0..value.len().min(8)).map(|i| value.display(i)).collect::<Vec<_>>().join(" "),
    };
    println!("    @{} {}[{}] {shown}", attribute.name(), attribute.number_type().name(), value.len());
}
