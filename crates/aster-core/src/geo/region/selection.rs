//! Finds the features that a name means, and says which names and columns there are when it means none.
use super::{Feature, MAX_FEATURES, RegionChoice, Source};
use crate::error::{Error, ErrorCode, Result};
use crate::near_names::nearest_names;
use std::collections::BTreeSet;

/// Names that are kept for suggestions, and those that are listed.
const MAX_NAMES: usize = 5000;
const LISTED: usize = 20;

/// Which features were chosen.
pub(super) struct Selection {
    /// Place of the column and the name as it is spelt there; none for all features.
    wanted: Option<(usize, String)>,
    /// Column that labels features in messages.
    label: Option<usize>,
}

impl Selection {
    pub(super) fn of(source: &mut dyn Source, choice: &RegionChoice) -> Result<Self> {
        let column =
            choice.name_column.as_deref().map(|name| column_named(name, source.columns())).transpose()?;
        let label =
            column.or_else(|| source.columns().iter().position(|c| c.to_lowercase().contains("name")));
        let Some(name) = choice.region_name.as_deref().map(str::trim) else {
            if let (Some(column), Some(given)) = (column, &choice.name_column) {
                let names = Names::read(source, &[column], "")?;
                return Err(Error::usage(format!("column {given} is named, and no region in it"))
                    .hint(format!("name one of its regions: {}", listed(names.all.iter()))));
            }
            return Ok(Self { wanted: None, label });
        };
        let columns = column.map_or_else(|| (0..source.columns().len()).collect(), |c| vec![c]);
        let names = Names::read(source, &columns, name)?;
        let [(column, spelling)] = names.best() else {
            return Err(names.refusal(name, choice.name_column.as_deref(), source.columns()));
        };
        Ok(Self { label: Some(*column), wanted: Some((*column, spelling.clone())) })
    }

    pub(super) fn holds(&self, feature: &dyn Feature) -> bool {
        self.wanted.as_ref().is_none_or(|(column, name)| feature.value(*column).as_ref() == Some(name))
    }

    /// What messages call a feature.
    pub(super) fn label(&self, feature: &dyn Feature) -> String {
        let name = self.label.and_then(|column| feature.value(column)).filter(|name| !name.is_empty());
        let short = |name: String| name.chars().take(60).collect::<String>();
        let number = feature.number();
        name.map_or_else(|| format!("feature {number}"), |name| format!("feature {number} ({})", short(name)))
    }
}

/// The column of a name, in any case if only one has it.
fn column_named(name: &str, columns: &[String]) -> Result<usize> {
    if let Some(at) = columns.iter().position(|c| c == name) {
        return Ok(at);
    }
    let lower = name.to_lowercase();
    let mut like = columns.iter().enumerate().filter(|(_, c)| c.to_lowercase() == lower).map(|(i, _)| i);
    if let (Some(at), None) = (like.next(), like.next()) {
        return Ok(at);
    }
    let hint = if columns.is_empty() {
        "it has no columns; a Shapefile keeps them in its .dbf".to_string()
    } else {
        format!("columns: {}", listed(columns.iter()))
    };
    Err(Error::usage(format!("there is no column {name:?}")).hint(hint))
}

/// What the columns hold that is, or is near, a name.
struct Names {
    /// Column and spelling of what is equal.
    equal: Vec<(usize, String)>,
    /// Column and spelling of what is equal but for letter case.
    alike: Vec<(usize, String)>,
    all: BTreeSet<String>,
}

impl Names {
    fn read(source: &mut dyn Source, columns: &[usize], name: &str) -> Result<Self> {
        let lower = name.to_lowercase();
        let mut names = Self { equal: Vec::new(), alike: Vec::new(), all: BTreeSet::new() };
        source.each(false, &mut |feature| {
            if feature.number() > MAX_FEATURES {
                return Err(Error::new(ErrorCode::Limit, format!("more than {MAX_FEATURES} features"))
                    .hint("make a smaller file of those that matter: ogr2ogr -where"));
            }
            for column in columns {
                let Some(value) = feature.value(*column).filter(|v| !v.is_empty()) else { continue };
                let is_alike = value.to_lowercase() == lower;
                if names.all.len() < MAX_NAMES {
                    names.all.insert(value.clone());
                }
                let place = (*column, value);
                if is_alike && place.1 == name && !names.equal.contains(&place) {
                    names.equal.push(place);
                } else if is_alike && place.1 != name && !names.alike.contains(&place) {
                    names.alike.push(place);
                }
            }
            Ok(())
        })?;
        Ok(names)
    }

    fn best(&self) -> &[(usize, String)] {
        if self.equal.is_empty() { &self.alike } else { &self.equal }
    }

    fn refusal(&self, name: &str, column: Option<&str>, columns: &[String]) -> Error {
        let found = self.best();
        if let [_, _, ..] = found {
            let places: Vec<String> = found
                .iter()
                .map(|(c, spelling)| {
                    format!("{spelling:?} in {}", columns.get(*c).map_or("?", String::as_str))
                })
                .collect();
            return Error::usage(format!("{name:?} may mean {}", places.join(" or ")))
                .hint("name the column, and spell the region as it is there");
        }
        let near = nearest_names(name, self.all.iter().map(String::as_str));
        let hint = if near.is_empty() {
            format!("names: {}", listed(self.all.iter()))
        } else {
            format!("did you mean {}?", near.join(" or "))
        };
        let place = column.map_or_else(|| "any column".to_string(), |c| format!("column {c}"));
        Error::usage(format!("no feature is called {name:?} in {place}")).hint(hint)
    }
}

fn listed<'a>(names: impl Iterator<Item = &'a String>) -> String {
    let names: Vec<String> = names.map(|n| n.chars().take(60).collect()).collect();
    let shown = names.iter().take(LISTED).cloned().collect::<Vec<_>>().join(", ");
    match names.len() {
        0 => "there are none".to_string(),
        n if n > LISTED => format!("{shown} and {} more", n - LISTED),
        _ => shown,
    }
}
