//! The products: what each truly contains. Sources: docs/science.md.
use crate::error::{Error, Result};
use crate::near_names::nearest_names;
use crate::product::subsystem::Subsystem::{self, *};

/// One product.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Product {
    /// NASA short name with underscores, as in granule names.
    pub name: &'static str,
    /// Content.
    pub title: &'static str,
    /// Processing level.
    pub level: &'static str,
    /// Telescopes it draws on.
    pub subsystems: &'static [Subsystem],
    /// Units of the values written.
    pub units: &'static str,
    /// Storage forms met.
    pub forms: &'static str,
    /// What to know before choosing it; empty if nothing.
    pub note: &'static str,
}

const HDF: &str = "003: HDF4";
const HDF_AND_COG: &str = "003: HDF4; 004: one GeoTIFF per band";
const RADIANCE: &str = "W m-2 sr-1 um-1";

/// All products.
pub const PRODUCTS: &[Product] = &[
    Product {
        name: "AST_L1A",
        title: "reconstructed, uncalibrated instrument data",
        level: "1A",
        subsystems: &[Vnir, Swir, Tir],
        units: "DN",
        forms: "003, 004: HDF4",
        note: "radiometric and geometric corrections are attached, not applied",
    },
    Product {
        name: "AST_L1B",
        title: "registered radiance at the sensor, path oriented",
        level: "1B",
        subsystems: &[Vnir, Swir, Tir],
        units: RADIANCE,
        forms: "003, 004: HDF4",
        note: "rotated by the orientation of the path",
    },
    Product {
        name: "AST_L1T",
        title: "precision terrain corrected registered radiance at the sensor",
        level: "1T",
        subsystems: &[Vnir, Swir, Tir],
        units: RADIANCE,
        forms: HDF_AND_COG,
        note: "north up, UTM; no band 3B; version 004 carries no gains",
    },
    Product {
        name: "AST_05",
        title: "surface emissivity",
        level: "2",
        subsystems: &[Tir],
        units: "1",
        forms: HDF_AND_COG,
        note: "five TIR bands, 90 m",
    },
    Product {
        name: "AST_07",
        title: "surface reflectance, VNIR and SWIR",
        level: "2",
        subsystems: &[Vnir, Swir],
        units: "1",
        forms: HDF_AND_COG,
        note: "",
    },
    Product {
        name: "AST_07XT",
        title: "surface reflectance, VNIR and crosstalk-corrected SWIR",
        level: "2",
        subsystems: &[Vnir, Swir],
        units: "1",
        forms: HDF_AND_COG,
        note: "the usual input for mineral work",
    },
    Product {
        name: "AST_08",
        title: "surface kinetic temperature",
        level: "2",
        subsystems: &[Tir],
        units: "K",
        forms: HDF_AND_COG,
        note: "90 m",
    },
    Product {
        name: "AST_09",
        title: "surface radiance, VNIR and SWIR",
        level: "2",
        subsystems: &[Vnir, Swir],
        units: RADIANCE,
        forms: HDF_AND_COG,
        note: "",
    },
    Product {
        name: "AST_09XT",
        title: "surface radiance, VNIR and crosstalk-corrected SWIR",
        level: "2",
        subsystems: &[Vnir, Swir],
        units: RADIANCE,
        forms: HDF_AND_COG,
        note: "",
    },
    Product {
        name: "AST_09T",
        title: "surface radiance, TIR",
        level: "2",
        subsystems: &[Tir],
        units: RADIANCE,
        forms: HDF_AND_COG,
        note: "with sky irradiance",
    },
    Product {
        name: "AST14DEM",
        title: "relative digital elevation model",
        level: "3",
        subsystems: &[Vnir],
        units: "m",
        forms: "one GeoTIFF",
        note: "int16, 30 m, no cloud cover in its record",
    },
    Product {
        name: "AST14OTH",
        title: "orthorectified radiance",
        level: "3",
        subsystems: &[Vnir, Swir, Tir],
        units: RADIANCE,
        forms: HDF,
        note: "version 003 only",
    },
];

impl Product {
    /// The product of that name.
    ///
    /// # Errors
    /// `USAGE` for an unknown name; near names are in the hint.
    pub fn named(name: &str) -> Result<&'static Self> {
        let wanted = name.to_ascii_uppercase();
        PRODUCTS.iter().find(|p| p.name == wanted).ok_or_else(|| {
            let near = nearest_names(&wanted, PRODUCTS.iter().map(|p| p.name));
            Error::usage(format!("unknown product {name}")).hint(if near.is_empty() {
                "`aster-timeseries products` lists them".to_string()
            } else {
                format!("did you mean {}?", near.join(" or "))
            })
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn near_products() {
        assert_eq!(Product::named("ast_l1t").unwrap().name, "AST_L1T");
        assert!(Product::named("AST_L1Z").unwrap_err().hint_text().unwrap().contains("AST_L1"));
    }
}
