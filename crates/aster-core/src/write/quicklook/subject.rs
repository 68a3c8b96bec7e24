//! What a contact sheet shows, and in which colours.
use crate::cube::sink::{CubeLayout, VariableSpec};
use crate::write::quicklook::palette::Palette;

/// Red, green and blue of the false colour composite: near infrared, red, green.
const COMPOSITE: [&str; 3] = ["ImageData3N", "ImageData2", "ImageData1"];

/// The variables of a sheet, by their numbers in the layout.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Subject {
    /// One variable through a palette.
    Single { variable: [usize; 1], palette: Palette },
    /// Three variables as red, green and blue.
    Composite { variables: [usize; 3] },
}

impl Subject {
    /// The first index; else bands 3N, 2 and 1; else the first variable.
    pub(super) fn of(layout: &CubeLayout) -> Self {
        let variables = &layout.variables;
        let single = |variable: usize| Self::Single {
            variable: [variable],
            palette: variables.get(variable).map_or(Palette::Viridis, palette_of),
        };
        if let Some(index) = variables.iter().position(is_index) {
            return single(index);
        }
        let find = |name: &str| variables.iter().position(|v| v.name == name);
        match COMPOSITE.map(find) {
            [Some(r), Some(g), Some(b)] => Self::Composite { variables: [r, g, b] },
            _ => single(0),
        }
    }

    /// Numbers of the variables, one per channel.
    pub(super) fn variables(&self) -> &[usize] {
        match self {
            Self::Single { variable, .. } => variable,
            Self::Composite { variables } => variables,
        }
    }
}

/// Indices carry the formula they were computed with.
fn is_index(spec: &VariableSpec) -> bool {
    spec.attributes.iter().any(|(name, _)| name == "formula")
}

fn palette_of(spec: &VariableSpec) -> Palette {
    let words = format!("{} {}", spec.name, spec.long_name).to_lowercase();
    let has = |list: &[&str]| list.iter().any(|w| words.contains(w));
    if has(&["temperature"]) {
        Palette::Inferno
    } else if has(&["vegetation", "ndvi"]) {
        Palette::Vegetation
    } else if has(&["water", "moisture", "snow"]) {
        Palette::Water
    } else if has(&["elevation"]) {
        Palette::Terrain
    } else if has(&["radiance", "reflectance", "digital number"]) {
        Palette::Grey
    } else {
        Palette::Viridis
    }
}
