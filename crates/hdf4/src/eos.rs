//! HDF-EOS2: swaths and grids described by metadata text, on top of arrays and tables.
#![forbid(unsafe_code)]

mod grid;
mod metadata;
pub mod odl;
mod swath;

use crate::error::Result;
use crate::file::File;

pub use grid::Grid;
pub use swath::{DimensionMap, IndexMap, Swath};

/// The HDF-EOS2 structures of a file.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Eos {
    swaths: Vec<Swath>,
    grids: Vec<Grid>,
}

/// A named dimension of a swath or grid.
#[derive(Debug, Clone, PartialEq)]
pub struct Dimension {
    /// Name without the structure's own suffix.
    pub name: String,
    /// Length; 0 or -1 stands for unlimited.
    pub size: i64,
}

/// A field of a swath or grid and the object that holds its values.
#[derive(Debug, Clone, PartialEq)]
pub struct Field {
    /// Name of the field.
    pub name: String,
    /// Names of its dimensions, slowest first.
    pub dims: Vec<String>,
    /// Type as the metadata spells it, such as `DFNT_FLOAT64`.
    pub data_type: String,
    /// Path of the array, if the field is one.
    pub dataset: Option<String>,
    /// Path of the table, if the field is one: one-dimensional swath fields are.
    pub vdata: Option<String>,
}

impl Eos {
    pub(crate) fn read(file: &File) -> Result<Eos> {
        match file.metadata_text("StructMetadata")? {
            Some(text) => {
                let tree = odl::parse(&text)?;
                Ok(Eos { swaths: swath::read(file, &tree), grids: grid::read(file, &tree) })
            }
            None => Ok(Eos::default()),
        }
    }

    /// All swaths.
    pub fn swaths(&self) -> &[Swath] {
        &self.swaths
    }

    /// The swath of that name.
    pub fn swath(&self, name: &str) -> Option<&Swath> {
        self.swaths.iter().find(|s| s.name == name)
    }

    /// All grids.
    pub fn grids(&self) -> &[Grid] {
        &self.grids
    }

    /// The grid of that name.
    pub fn grid(&self, name: &str) -> Option<&Grid> {
        self.grids.iter().find(|g| g.name == name)
    }
}
