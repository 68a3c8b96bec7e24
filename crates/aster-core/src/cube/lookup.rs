//! Variables that are looked up: one DN, or two of 8 bits, taken without interpolation, are a code with one value each.
//! A code costs less to compute than the value, and writers find equal codes sooner than equal values.
use crate::cube::sink::CODES;
use crate::cube::wanted::VariableKind;
use crate::index::eval::eval_row;

/// Different DN of 8 bits.
const BYTES: usize = 256;

/// Values of a variable by code. Code 0, which stands for DN 0 and for whatever lies outside of a band, is missing.
pub(super) struct Lookup {
    inputs: Inputs,
    values: Box<[f32; CODES]>,
}

/// Numbers of the inputs among those of the scene, in the order of the formula.
#[derive(Debug, Clone, Copy)]
enum Inputs {
    /// The code is the DN.
    One(usize),
    /// The code is the first DN, shifted by eight bits, and the second.
    Two(usize, usize),
}

impl Lookup {
    /// Bytes of its table.
    pub(super) const BYTES: u64 = (CODES * size_of::<f32>()) as u64;

    /// Of `variable`, from its `inputs`: number, and values by DN, 256 or 65,536 of them. Nothing when codes cannot tell
    /// its values apart, or code 0 is not missing.
    pub(super) fn new(variable: &VariableKind, inputs: &[(usize, &[f32])]) -> Option<Self> {
        let mut values: Box<[f32; CODES]> = vec![f32::NAN; CODES].into_boxed_slice().try_into().ok()?;
        let inputs = match (variable, inputs) {
            (VariableKind::Band(_), &[(input, table)]) => {
                values.get_mut(..table.len())?.copy_from_slice(table);
                Inputs::One(input)
            }
            (VariableKind::Index(index, _), &[(input, table)]) => {
                eval_row(index, &[table], values.get_mut(..table.len())?);
                Inputs::One(input)
            }
            (VariableKind::Index(index, _), &[(first, high), (second, low)])
                if high.len() == BYTES && low.len() == BYTES =>
            {
                for (&value, row) in high.iter().zip(values.chunks_exact_mut(BYTES)) {
                    eval_row(index, &[&[value; BYTES], low], row);
                }
                Inputs::Two(first, second)
            }
            _ => return None,
        };
        // One form of what is missing: equal codes, and equal bits.
        values.iter_mut().filter(|v| v.is_nan()).for_each(|v| *v = f32::NAN);
        values[0].is_nan().then_some(Self { inputs, values })
    }

    /// Values by code; NaN in one form.
    pub(super) fn table(&self) -> &[f32; CODES] {
        &self.values
    }

    /// Codes of a row; `dn[input]` holds the DN of a row, as long as they are.
    pub(super) fn row(&self, dn: &[Vec<u16>], codes: &mut [u16]) {
        match self.inputs {
            Inputs::One(input) => codes.copy_from_slice(&dn[input]),
            Inputs::Two(first, second) => {
                for ((code, high), low) in codes.iter_mut().zip(&dn[first]).zip(&dn[second]) {
                    *code = high << 8 | low;
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::index::spectral_index::SpectralIndex;
    use crate::radiometry::table::Quantity;

    fn ndvi() -> VariableKind {
        VariableKind::Index(SpectralIndex::named("ndvi").unwrap(), Quantity::Reflectance)
    }

    #[test]
    fn codes_say_what_the_formula_says() {
        let ndvi = ndvi();
        let table = |scale: f32| -> Vec<f32> {
            (0..BYTES).map(|dn| if dn == 0 { f32::NAN } else { (dn as f32 - 1.0) * scale }).collect()
        };
        let (near, red) = (table(0.003), table(0.002));
        let lookup = Lookup::new(&ndvi, &[(1, &near), (0, &red)]).unwrap();
        let dn = [vec![0, 7, 1, 255, 60, 9], vec![0, 0, 1, 1, 90, 9]];
        let mut codes = [1; 6];
        lookup.row(&dn, &mut codes);
        assert_eq!(codes, [0, 7, 0x101, 0x1ff, 90 << 8 | 60, 0x909]);
        for (i, code) in codes.into_iter().enumerate() {
            let value = lookup.table()[usize::from(code)];
            let (a, b) = (near[usize::from(dn[1][i])], red[usize::from(dn[0][i])]);
            let expected = (a - b) / (a + b);
            assert!(
                value == expected || (value.is_nan() && expected.is_nan()),
                "{i}: {value} for {expected}"
            );
        }
    }

    #[test]
    fn what_has_no_codes_is_refused() {
        let ndvi = ndvi();
        let (bytes, words) = (vec![f32::NAN; BYTES], vec![f32::NAN; CODES]);
        assert!(Lookup::new(&ndvi, &[(0, &bytes), (1, &words)]).is_none());
        assert!(Lookup::new(&ndvi, &[]).is_none());
        // DN 0 has a value: what lies outside could not be told from it.
        let mut elevation = words;
        elevation[0] = 0.0;
        assert!(Lookup::new(&VariableKind::Band(ndvi.inputs()[0]), &[(0, &elevation)]).is_none());
    }
}
