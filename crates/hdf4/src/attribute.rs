//! Attributes: small named values of a file, an array or a group.
#![forbid(unsafe_code)]

use crate::cursor::latin1;
use crate::element::Access;
use crate::error::{Error, Result};
use crate::number_type::NumberType;
use crate::values::Values;
use crate::vdata::Vdata;

/// A named value.
#[derive(Debug, Clone)]
pub struct Attribute {
    name: String,
    value: Values,
}

impl Attribute {
    pub(crate) fn new(name: impl Into<String>, value: Values) -> Attribute {
        Attribute { name: name.into(), value }
    }

    /// Reads the table that stores an attribute.
    pub(crate) fn load(access: &Access<'_>, table: &Vdata) -> Result<Attribute> {
        let column = table.read(access)?.into_columns().next().ok_or_else(|| {
            Error::corrupt(0, format!("attribute \"{}\" has no field", table.name().escape_debug()))
        })?;
        Ok(Attribute { name: table.name().to_owned(), value: column })
    }

    /// Name as stored.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The decoded value or values.
    pub fn value(&self) -> &Values {
        &self.value
    }

    /// Type of the values.
    pub fn number_type(&self) -> NumberType {
        self.value.number_type()
    }

    /// Text cut at the first NUL, for values of any 8-bit type.
    pub fn text(&self) -> Option<String> {
        self.value.bytes().map(|b| latin1(&b))
    }
}

/// Joins `prefix.0`, `prefix.1` ... in numeric order, whatever the case, each cut at its NUL.
pub(crate) fn join_numbered(attributes: &[Attribute], prefix: &str) -> Option<String> {
    let prefix = prefix.trim_end_matches('.');
    let mut parts: Vec<(u32, &Attribute)> = attributes
        .iter()
        .filter_map(|a| {
            let (head, tail) = a.name.split_at_checked(prefix.len())?;
            let number = tail.strip_prefix('.')?;
            let digits = !number.is_empty() && number.bytes().all(|b| b.is_ascii_digit());
            (digits && head.eq_ignore_ascii_case(prefix)).then_some(())?;
            Some((number.parse().ok()?, a))
        })
        .collect();
    parts.sort_by_key(|p| p.0);
    parts.dedup_by_key(|p| p.0);
    if parts.is_empty() {
        return None;
    }
    Some(parts.iter().filter_map(|(_, a)| a.text()).collect())
}
