//! Attributes in the forms that the NetCDF-4 library writes.
use crate::cube::sink::{AttributeValue, ValueType};
use crate::write::describe::{Attributes, IN_VARIABLES_TYPE};
use crate::write::netcdf::container::{Layout, Number, c_text, data_space};
use crate::write::netcdf::handle::{Handle, Outcome, check};
use hdf5_sys::h5a::{H5Aclose, H5Acreate2, H5Awrite};
use hdf5_sys::h5i::hid_t;
use hdf5_sys::h5p::H5P_DEFAULT;
use hdf5_sys::h5t::{H5T_C_S1, H5T_CSET_UTF8, H5Tclose, H5Tcopy, H5Tset_cset, H5Tset_size};

/// A text attribute (`NC_CHAR`); an empty one is left out.
#[allow(unsafe_code)]
pub(super) fn text(object: hid_t, name: &str, value: &str) -> Outcome<()> {
    // Bytes after a NUL would be lost in most readers.
    let value = value.replace('\0', " ");
    if value.is_empty() {
        return Ok(());
    }
    // SAFETY: the type is valid in an open library.
    let stored = unsafe {
        let stored = Handle::new(H5Tcopy(*H5T_C_S1), H5Tclose, "make a text type")?;
        check(H5Tset_size(stored.id(), value.len()), "make a text type")?;
        if !value.is_ascii() {
            check(H5Tset_cset(stored.id(), H5T_CSET_UTF8), "make a text type")?;
        }
        stored
    };
    write(object, name, stored.id(), stored.id(), Layout::default(), value.as_bytes())
}

/// An attribute of numbers, one-dimensional as in NetCDF; an empty one is left out.
pub(super) fn numbers<T: Number>(object: hid_t, name: &str, values: &[T]) -> Outcome<()> {
    if values.is_empty() {
        return Ok(());
    }
    let lengths = [values.len() as u64];
    let layout = Layout { lengths: &lengths, ..Layout::default() };
    write(object, name, T::stored(), T::memory(), layout, values)
}

/// All of `attributes`, numbers as float64.
pub(super) fn all(object: hid_t, attributes: &Attributes) -> Outcome<()> {
    for (name, value) in attributes {
        match value {
            AttributeValue::Text(value) => text(object, name, value)?,
            AttributeValue::Float(values) => numbers(object, name, values)?,
        }
    }
    Ok(())
}

/// An attribute of a variable of `value_type`.
pub(super) fn of_variable(
    object: hid_t,
    name: &str,
    value: &AttributeValue,
    value_type: ValueType,
) -> Outcome<()> {
    let values = match value {
        AttributeValue::Text(value) => return text(object, name, value),
        AttributeValue::Float(values) => values,
    };
    if !IN_VARIABLES_TYPE.contains(&name) {
        return numbers(object, name, values);
    }
    match value_type {
        ValueType::F32 => numbers(object, name, &cast(values, |v| v as f32)),
        ValueType::U8 => numbers(object, name, &cast(values, |v| v as u8)),
        ValueType::U16 => numbers(object, name, &cast(values, |v| v as u16)),
        ValueType::I16 | ValueType::Packed(_) => numbers(object, name, &cast(values, |v| v as i16)),
        ValueType::U32 => numbers(object, name, &cast(values, |v| v as u32)),
    }
}

fn cast<T>(values: &[f64], convert: impl Fn(f64) -> T) -> Vec<T> {
    values.iter().map(|&v| convert(v)).collect()
}

/// `values` must hold as many values of the type `memory` as `layout` says.
#[allow(unsafe_code)]
fn write<T>(
    object: hid_t,
    name: &str,
    stored: hid_t,
    memory: hid_t,
    layout: Layout,
    values: &[T],
) -> Outcome<()> {
    let what = format!("write the attribute {name}");
    let name = c_text(name)?;
    let space = data_space(layout)?;
    // SAFETY: all ids are open, the name ends with NUL, and the callers above pass as many values as the
    // data space has, of the type `memory`.
    unsafe {
        let id = H5Acreate2(object, name.as_ptr(), stored, space.id(), H5P_DEFAULT, H5P_DEFAULT);
        let mut attribute = Handle::new(id, H5Aclose, &what)?;
        check(H5Awrite(attribute.id(), memory, values.as_ptr().cast()), &what)?;
        attribute.close(&what)
    }
}
