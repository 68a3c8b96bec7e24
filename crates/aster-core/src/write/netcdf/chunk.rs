//! From computed values to the bytes HDF5 stores: the part of the chunk that is kept, number type, filters.
use crate::cube::sink::{Coded, ValueType, VariableSpec};
use crate::error::Result;
use crate::grid::geobox::Shape;
use crate::write::deflate::Deflater;
use crate::write::values::{self, ByteOrder};
use std::borrow::Cow;

/// Stored bytes of a chunk, and its values that are not NaN. Each time step of `values` has the shape `given`; its
/// upper-left `stored` part is kept (a grid smaller than one chunk). Without `deflater` the bytes are plain.
pub(super) fn encode(
    values: &[f32],
    given: Shape,
    stored: Shape,
    spec: &VariableSpec,
    deflater: Option<&Deflater>,
) -> Result<(Vec<u8>, u64)> {
    let values = &*crop(values, given, stored);
    let valid = values::valid(values);
    let value_type = spec.value_type;
    let bytes = match (deflater, value_type) {
        (None, _) => values::stored(values, value_type, ByteOrder::Plain),
        (Some(deflater), _) if spec.keeps_whole() => deflater.zlib_values(values, stored.nx)?,
        (Some(deflater), ValueType::F32) => deflater.zlib_f32(values, stored.nx)?,
        (Some(deflater), _) => {
            let planes = values::stored(values, value_type, ByteOrder::Shuffled);
            deflater.zlib(&planes, values.len(), stored.nx)?
        }
    };
    Ok((bytes, valid))
}

/// As [`encode`], of a variable that keeps its values whole.
pub(super) fn encode_coded(
    coded: Coded<'_>,
    given: Shape,
    stored: Shape,
    deflater: &Deflater,
) -> Result<(Vec<u8>, u64)> {
    deflater.zlib_coded(Coded { codes: &crop(coded.codes, given, stored), ..coded }, stored.nx)
}

/// The upper-left `stored` part of time steps of the shape `given`.
fn crop<T: Copy>(items: &[T], given: Shape, stored: Shape) -> Cow<'_, [T]> {
    if given == stored {
        return Cow::Borrowed(items);
    }
    let steps = items.chunks_exact((given.ny * given.nx).max(1));
    let rows = steps.flat_map(|step| step.chunks_exact(given.nx.max(1)).take(stored.ny));
    Cow::Owned(rows.flat_map(|row| row.iter().take(stored.nx).copied()).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_grid_smaller_than_a_chunk_is_cut_out() {
        let given = Shape { ny: 3, nx: 4 };
        let mut values: Vec<f32> = (0..12u8).map(f32::from).collect();
        values[1] = f32::NAN;
        let spec = VariableSpec {
            name: "dn".to_string(),
            long_name: String::new(),
            standard_name: None,
            units: "1".to_string(),
            value_type: ValueType::U8,
            keep_bits: None,
            repeats: false,
            attributes: Vec::new(),
        };
        let (bytes, valid) = encode(&values, given, Shape { ny: 2, nx: 3 }, &spec, None).unwrap();
        assert_eq!((bytes.as_slice(), valid), ([0, 0, 2, 4, 5, 6].as_slice(), 5));
    }
}
