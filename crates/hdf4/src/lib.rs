#![doc = include_str!("../README.md")]
//!
//! # Map of the types
//!
//! | type | what it is |
//! |---|---|
//! | [`File`], [`OpenOptions`] | an open file: catalogue and reads |
//! | [`Dataset`], [`StorageKind`], [`NumberType`] | one array: shape, type, attributes, storage |
//! | [`Window`] | the part of an array to read |
//! | [`Vdata`], [`Table`], [`Column`] | tables and their content |
//! | [`Vgroup`] | the group hierarchy |
//! | [`Attribute`], [`Values`] | named values |
//! | [`Eos`], [`Swath`], [`Grid`], [`Field`] | HDF-EOS2 structures |
//! | [`odl`] | parser of the metadata text |
//! | [`ByteSource`] and the [`source`] module | where bytes come from |
//! | [`Limits`] | bounds on what a file may ask for |
//! | [`Error`], [`ErrorKind`] | what went wrong |
#![deny(unsafe_code)]
#![deny(missing_docs)]

mod attribute;
mod codec;
mod cursor;
mod dataset;
mod dd;
mod dfsd;
mod element;
mod eos;
mod error;
mod file;
mod limits;
mod number_type;
mod plan;
mod read;
mod sd;
pub mod source;
mod special;
mod tag;
mod values;
mod vdata;
mod vgroup;

#[cfg(feature = "fuzzing")]
#[doc(hidden)]
pub use codec::fuzzing;

pub use attribute::Attribute;
pub use dataset::{Dataset, StorageKind};
pub use eos::{Dimension, DimensionMap, Eos, Field, Grid, IndexMap, Swath, odl};
pub use error::{Error, ErrorKind, Result};
pub use file::{File, OpenOptions};
pub use limits::Limits;
pub use number_type::{ByteOrder, Element, NumberType};
pub use plan::{Window, coalesce};
pub use source::ByteSource;
pub use tag::name as tag_name;
pub use values::Values;
pub use vdata::{Column, FieldInfo, Table, Vdata};
pub use vgroup::Vgroup;
