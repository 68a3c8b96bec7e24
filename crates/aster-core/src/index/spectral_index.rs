//! The registry of indices: name, formula, inputs, citation. Adding one is adding a row.
use crate::error::{Error, Result};
use crate::product::band::Band::{self, *};

/// What a formula is fed with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum IndexInput {
    /// Top-of-atmosphere reflectance (VNIR and SWIR).
    Reflectance,
    /// At-sensor radiance (TIR).
    Radiance,
}

impl IndexInput {
    /// Words for outputs.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Reflectance => "top-of-atmosphere reflectance",
            Self::Radiance => "at-sensor radiance",
        }
    }
}

/// One index.
#[derive(Debug, Clone, Copy)]
pub struct SpectralIndex {
    /// Registry name.
    pub name: &'static str,
    /// What it shows, without more claim than its source makes.
    pub title: &'static str,
    /// Formula in band names, `b3n` for 3N.
    pub formula: &'static str,
    /// Inputs, in the order of [`SpectralIndex::eval`]'s argument.
    pub bands: &'static [Band],
    /// Quantity of the inputs.
    pub input: IndexInput,
    /// Source.
    pub citation: &'static str,
    /// The formula. A denominator of zero gives NaN or infinity; the caller turns infinities into NaN.
    pub eval: fn(&[f32]) -> f32,
}

macro_rules! registry {
    ($($name:literal, $title:literal, $formula:literal, [$($band:ident)*], $input:ident, $citation:literal, |$v:ident| $eval:expr;)*) => {
        /// Every index.
        pub const INDICES: &[SpectralIndex] = &[$(SpectralIndex {
            name: $name, title: $title, formula: $formula, bands: &[$($band),*], input: IndexInput::$input,
            citation: $citation, eval: |$v: &[f32]| $eval,
        },)*];
    };
}

/// `(a - b) / (a + b)`.
#[inline]
fn normalised(a: f32, b: f32) -> f32 {
    (a - b) / (a + b)
}

registry! {
    "ndvi", "normalised difference vegetation index", "(b3n - b2) / (b3n + b2)", [B3N B2], Reflectance,
        "Rouse et al. 1974", |v| normalised(v[0], v[1]);
    "gndvi", "green normalised difference vegetation index", "(b3n - b1) / (b3n + b1)", [B3N B1], Reflectance,
        "Gitelson et al. 1996, doi:10.1016/S0034-4257(96)00072-7", |v| normalised(v[0], v[1]);
    "evi2", "enhanced vegetation index without a blue band", "2.5 (b3n - b2) / (b3n + 2.4 b2 + 1)", [B3N B2], Reflectance,
        "Jiang et al. 2008, doi:10.1016/j.rse.2008.06.006", |v| 2.5 * (v[0] - v[1]) / (v[0] + 2.4 * v[1] + 1.0);
    "savi", "soil adjusted vegetation index, L = 0.5", "1.5 (b3n - b2) / (b3n + b2 + 0.5)", [B3N B2], Reflectance,
        "Huete 1988, doi:10.1016/0034-4257(88)90106-X", |v| 1.5 * (v[0] - v[1]) / (v[0] + v[1] + 0.5);
    "msavi", "modified soil adjusted vegetation index", "(2 b3n + 1 - sqrt((2 b3n + 1)^2 - 8 (b3n - b2))) / 2", [B3N B2], Reflectance,
        "Qi et al. 1994, doi:10.1016/0034-4257(94)90134-1",
        |v| { let t = 2.0 * v[0] + 1.0; 0.5 * (t - (t * t - 8.0 * (v[0] - v[1])).sqrt()) };
    "ndwi", "normalised difference water index", "(b1 - b3n) / (b1 + b3n)", [B1 B3N], Reflectance,
        "McFeeters 1996, doi:10.1080/01431169608948714", |v| normalised(v[0], v[1]);
    "mndwi", "modified normalised difference water index", "(b1 - b4) / (b1 + b4)", [B1 B4], Reflectance,
        "Xu 2006, doi:10.1080/01431160600589179", |v| normalised(v[0], v[1]);
    "ndsi", "normalised difference snow index (the formula of mndwi)", "(b1 - b4) / (b1 + b4)", [B1 B4], Reflectance,
        "Riggs et al. 1994, doi:10.1109/IGARSS.1994.399618", |v| normalised(v[0], v[1]);
    "ndmi", "normalised difference moisture index", "(b3n - b4) / (b3n + b4)", [B3N B4], Reflectance,
        "Wilson & Sader 2002, doi:10.1016/S0034-4257(01)00318-2", |v| normalised(v[0], v[1]);
    "ndbi", "normalised difference built-up index", "(b4 - b3n) / (b4 + b3n)", [B4 B3N], Reflectance,
        "Zha et al. 2003, doi:10.1080/01431160304987", |v| normalised(v[0], v[1]);
    "nbr", "normalised burn ratio, band 6 as the 2.2 um band", "(b3n - b6) / (b3n + b6)", [B3N B6], Reflectance,
        "Key & Benson 2006, doi:10.3133/ofr0211", |v| normalised(v[0], v[1]);
    "ratio_4_6", "band 4 over band 6", "b4 / b6", [B4 B6], Reflectance,
        "plain ratio, no mineral claim", |v| v[0] / v[1];
    "ratio_5_7", "band 5 over band 7", "b5 / b7", [B5 B7], Reflectance,
        "plain ratio, no mineral claim", |v| v[0] / v[1];
    "ratio_6_8", "band 6 over band 8", "b6 / b8", [B6 B8], Reflectance,
        "plain ratio, no mineral claim", |v| v[0] / v[1];
    "ferric_iron", "ferric iron", "b2 / b1", [B2 B1], Reflectance,
        "Rowan & Mars 2003, in Kalinowski & Oliver 2004", |v| v[0] / v[1];
    "ferrous_iron", "ferrous iron", "b5 / b3n + b1 / b2", [B5 B3N B1 B2], Reflectance,
        "Rowan & Mars 2003, in Kalinowski & Oliver 2004", |v| v[0] / v[1] + v[2] / v[3];
    "ferric_oxide_content", "ferric oxide content (hematite, goethite)", "b4 / b3n", [B4 B3N], Reflectance,
        "Cudahy 2012, National ASTER Geoscience Maps", |v| v[0] / v[1];
    "laterite", "laterite", "b4 / b5", [B4 B5], Reflectance,
        "Kalinowski & Oliver 2004", |v| v[0] / v[1];
    "gossan", "gossan", "b4 / b2", [B4 B2], Reflectance,
        "Volesky et al. 2003, in Kalinowski & Oliver 2004", |v| v[0] / v[1];
    "aloh_group_content", "AlOH group content (mica, smectite, kaolin)", "(b5 + b7) / b6", [B5 B7 B6], Reflectance,
        "Cudahy 2012, National ASTER Geoscience Maps", |v| (v[0] + v[1]) / v[2];
    "aloh_group_composition", "AlOH group composition (high: phengite, low: kaolinite)", "b5 / b7", [B5 B7], Reflectance,
        "Cudahy 2012, National ASTER Geoscience Maps", |v| v[0] / v[1];
    "kaolin_group_index", "kaolin group (pyrophyllite, alunite, ordered kaolinite)", "b6 / b5", [B6 B5], Reflectance,
        "Cudahy 2012, National ASTER Geoscience Maps", |v| v[0] / v[1];
    "mgoh_group_content", "MgOH group content (carbonate, chlorite, amphibole)", "(b6 + b9) / (b7 + b8)", [B6 B9 B7 B8], Reflectance,
        "Cudahy 2012, National ASTER Geoscience Maps", |v| (v[0] + v[1]) / (v[2] + v[3]);
    "alunite_kaolinite_pyrophyllite", "alunite, kaolinite, pyrophyllite", "(b4 + b6) / b5", [B4 B6 B5], Reflectance,
        "Rowan & Mars 2003, in Kalinowski & Oliver 2004", |v| (v[0] + v[1]) / v[2];
    "carbonate_chlorite_epidote", "carbonate, chlorite, epidote", "(b7 + b9) / b8", [B7 B9 B8], Reflectance,
        "Rowan & Mars 2003, in Kalinowski & Oliver 2004", |v| (v[0] + v[1]) / v[2];
    "dolomite", "dolomite", "(b6 + b8) / b7", [B6 B8 B7], Reflectance,
        "Rowan & Mars 2003, in Kalinowski & Oliver 2004", |v| (v[0] + v[1]) / v[2];
    "muscovite", "muscovite", "b7 / b6", [B7 B6], Reflectance,
        "Hewson, in Kalinowski & Oliver 2004", |v| v[0] / v[1];
    "kaolinite", "kaolinite, approximate", "b7 / b5", [B7 B5], Reflectance,
        "Hewson, in Kalinowski & Oliver 2004", |v| v[0] / v[1];
    "ninomiya_ohi", "OH-bearing altered minerals", "(b7 / b6) (b4 / b6)", [B7 B6 B4], Reflectance,
        "Ninomiya 2003, IGARSS", |v| (v[0] / v[1]) * (v[2] / v[1]);
    "ninomiya_kli", "kaolinite", "(b4 / b5) (b8 / b6)", [B4 B5 B8 B6], Reflectance,
        "Ninomiya 2003, IGARSS", |v| (v[0] / v[1]) * (v[2] / v[3]);
    "ninomiya_ali", "alunite", "(b7 / b5) (b7 / b8)", [B7 B5 B8], Reflectance,
        "Ninomiya 2003, IGARSS", |v| (v[0] / v[1]) * (v[0] / v[2]);
    "ninomiya_cli", "calcite", "(b6 / b8) (b9 / b8)", [B6 B8 B9], Reflectance,
        "Ninomiya 2003, IGARSS", |v| (v[0] / v[1]) * (v[2] / v[1]);
    "ninomiya_qi", "quartz", "b11^2 / (b10 b12)", [B11 B10 B12], Radiance,
        "Ninomiya, Fu & Cudahy 2005, doi:10.1016/j.rse.2005.06.009", |v| v[0] * v[0] / (v[1] * v[2]);
    "ninomiya_ci", "carbonate (TIR)", "b13 / b14", [B13 B14], Radiance,
        "Ninomiya, Fu & Cudahy 2005, doi:10.1016/j.rse.2005.06.009", |v| v[0] / v[1];
    "ninomiya_mi", "mafic rocks", "b12 b14^3 / b13^4", [B12 B14 B13], Radiance,
        "Ninomiya, Fu & Cudahy 2005, doi:10.1016/j.rse.2005.06.009",
        |v| v[0] * v[1] * v[1] * v[1] / (v[2] * v[2] * v[2] * v[2]);
    "silica_index", "silica (quartz, feldspar, clays)", "b13 / b10", [B13 B10], Radiance,
        "Cudahy 2012, National ASTER Geoscience Maps", |v| v[0] / v[1];
}

impl SpectralIndex {
    /// The index of that name.
    ///
    /// # Errors
    /// `USAGE` for an unknown name; near names are in the hint.
    pub fn named(name: &str) -> Result<&'static Self> {
        let wanted = name.to_ascii_lowercase();
        INDICES.iter().find(|i| i.name == wanted).ok_or_else(|| {
            let near = crate::near_names::nearest_names(&wanted, INDICES.iter().map(|i| i.name));
            Error::usage(format!("unknown index {name}")).hint(if near.is_empty() {
                "`aster-timeseries indices` lists them".to_string()
            } else {
                format!("did you mean {}?", near.join(" or "))
            })
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Evaluates the written formula by a small recursive parser: code and text must say the same.
    fn by_text(formula: &str, value: &dyn Fn(&str) -> f64) -> f64 {
        let tokens: Vec<String> = tokenise(formula);
        let mut at = 0;
        let v = sum(&tokens, &mut at, value);
        assert_eq!(at, tokens.len(), "{formula}");
        v
    }
    fn tokenise(s: &str) -> Vec<String> {
        let mut out: Vec<String> = Vec::new();
        let mut word = String::new();
        for c in s.chars() {
            if c.is_ascii_alphanumeric() || c == '.' {
                word.push(c);
                continue;
            }
            if !word.is_empty() {
                out.push(std::mem::take(&mut word));
            }
            if c != ' ' {
                out.push(c.to_string());
            }
        }
        if !word.is_empty() {
            out.push(word);
        }
        out
    }
    fn sum(t: &[String], at: &mut usize, value: &dyn Fn(&str) -> f64) -> f64 {
        let mut v = product(t, at, value);
        while *at < t.len() && (t[*at] == "+" || t[*at] == "-") {
            let minus = t[*at] == "-";
            *at += 1;
            let w = product(t, at, value);
            v = if minus { v - w } else { v + w };
        }
        v
    }
    fn product(t: &[String], at: &mut usize, value: &dyn Fn(&str) -> f64) -> f64 {
        let mut v = power(t, at, value);
        while *at < t.len() && t[*at] != "+" && t[*at] != "-" && t[*at] != ")" {
            let divide = t[*at] == "/";
            if divide {
                *at += 1;
            }
            let w = power(t, at, value);
            v = if divide { v / w } else { v * w };
        }
        v
    }
    fn power(t: &[String], at: &mut usize, value: &dyn Fn(&str) -> f64) -> f64 {
        let word = t[*at].clone();
        *at += 1;
        let mut v = if word == "(" || word == "sqrt" {
            if word == "sqrt" {
                *at += 1;
            }
            let inner = sum(t, at, value);
            assert_eq!(t[*at], ")");
            *at += 1;
            if word == "sqrt" { inner.sqrt() } else { inner }
        } else if let Some(band) = word.strip_prefix('b') {
            value(band)
        } else {
            word.parse().unwrap()
        };
        if *at < t.len() && t[*at] == "^" {
            v = v.powi(t[*at + 1].parse().unwrap());
            *at += 2;
        }
        v
    }

    #[test]
    fn code_and_written_formula_agree() {
        for index in INDICES {
            let value = |b: &str| {
                let band: Band = b.parse().unwrap();
                assert!(index.bands.contains(&band), "{} uses {band}", index.name);
                0.05 + 0.037 * (band as usize as f64 + 1.0)
            };
            let inputs: Vec<f32> = index.bands.iter().map(|b| value(b.name()) as f32).collect();
            let (code, text) = ((index.eval)(&inputs), by_text(index.formula, &value));
            assert!(
                (f64::from(code) - text).abs() < 1e-5 * text.abs().max(1.0),
                "{}: {code} {text}",
                index.name
            );
        }
    }

    #[test]
    fn names_are_unique_and_inputs_fit_the_quantity() {
        for (i, a) in INDICES.iter().enumerate() {
            assert!(INDICES[i + 1..].iter().all(|b| b.name != a.name), "{}", a.name);
            let thermal = a.bands.iter().all(|b| b.subsystem() == crate::product::subsystem::Subsystem::Tir);
            assert_eq!(thermal, a.input == IndexInput::Radiance, "{}", a.name);
        }
    }

    #[test]
    fn a_misspelt_name_gets_a_near_one() {
        let error = SpectralIndex::named("ndiv").unwrap_err();
        assert!(error.hint_text().unwrap().contains("ndvi"), "{error:?}");
    }
}
