//! From computed values to the bytes HDF5 stores: number type, byte planes, deflate.
use crate::cube::sink::ValueType;
use crate::error::Result;
use crate::grid::geobox::Shape;
use crate::write::deflate::Deflater;

/// Missing value of signed integers.
pub(super) const I16_FILL: i16 = -9999;

/// Missing value of packed numbers: one that no value is packed to.
pub(super) const PACKED_FILL: i16 = i16::MIN;

/// Bytes of one stored value.
pub(super) fn value_bytes(value_type: ValueType) -> usize {
    match value_type {
        ValueType::F32 | ValueType::U32 => 4,
        ValueType::U8 => 1,
        ValueType::U16 | ValueType::I16 | ValueType::Packed(_) => 2,
    }
}

/// Stored bytes of a chunk, and its values that are not NaN. Each time step of `values` has the shape `given`; the upper-left
/// `stored` part is kept (a grid smaller than one chunk). Without `deflater` the bytes are plain.
pub(super) fn encode(
    values: &[f32],
    given: Shape,
    stored: Shape,
    value_type: ValueType,
    deflater: Option<&Deflater>,
) -> Result<(Vec<u8>, u64)> {
    let cropped: Vec<f32>;
    let values = if given == stored {
        values
    } else {
        let steps = values.chunks_exact((given.ny * given.nx).max(1));
        let rows = steps.flat_map(|step| step.chunks_exact(given.nx.max(1)).take(stored.ny));
        cropped = rows.flat_map(|row| row.iter().take(stored.nx).copied()).collect();
        &cropped
    };
    let valid = values.iter().filter(|v| !v.is_nan()).count() as u64;
    let bytes = match value_type {
        // One NaN for all: its sign and payload differ between operations and would be noise in the file.
        ValueType::F32 => bytes_of(values, deflater.is_some(), |v| {
            (if v.is_nan() { f32::NAN } else { v }).to_bits().to_le_bytes()
        }),
        // Casts saturate, and NaN becomes 0.
        ValueType::U8 => bytes_of(values, deflater.is_some(), |v| [v.round() as u8]),
        ValueType::U16 => bytes_of(values, deflater.is_some(), |v| (v.round() as u16).to_le_bytes()),
        ValueType::I16 => bytes_of(values, deflater.is_some(), |v| {
            (if v.is_nan() { I16_FILL } else { v.round() as i16 }).to_le_bytes()
        }),
        ValueType::U32 => bytes_of(values, deflater.is_some(), |v| (v.round() as u32).to_le_bytes()),
        ValueType::Packed(packing) => bytes_of(values, deflater.is_some(), |v| {
            let steps = ((f64::from(v) - packing.offset) / packing.scale).round();
            let within = steps > f64::from(PACKED_FILL) && steps <= f64::from(i16::MAX);
            (if within { steps as i16 } else { PACKED_FILL }).to_le_bytes()
        }),
    };
    match deflater {
        Some(deflater) => Ok((deflater.zlib(&bytes, values.len())?, valid)),
        None => Ok((bytes, valid)),
    }
}

/// Bytes value by value, or shuffled: all first bytes, then all second ones.
fn bytes_of<const N: usize>(values: &[f32], shuffled: bool, convert: impl Fn(f32) -> [u8; N]) -> Vec<u8> {
    if !shuffled {
        return values.iter().flat_map(|&v| convert(v)).collect();
    }
    let mut planes = Vec::with_capacity(values.len() * N);
    // One pass per plane: each is a plain loop that the compiler turns into vector code.
    for plane in 0..N {
        planes.extend(values.iter().map(|&v| convert(v)[plane]));
    }
    planes
}

#[cfg(test)]
mod tests {
    use super::*;

    const ONE_ROW: Shape = Shape { ny: 1, nx: 4 };

    fn plain(values: &[f32], value_type: ValueType) -> (Vec<u8>, u64) {
        encode(values, ONE_ROW, ONE_ROW, value_type, None).unwrap()
    }

    #[test]
    fn missing_values_have_one_form() {
        let strange = f32::from_bits(0xffc1_2345);
        let (bytes, valid) = plain(&[1.0, strange, f32::NAN, -2.5], ValueType::F32);
        assert_eq!(valid, 2);
        assert_eq!(bytes[4..8], bytes[8..12]);
        assert_eq!(bytes[4..8], [0, 0, 0xc0, 0x7f]);
        assert_eq!(plain(&[f32::NAN, 255.0, 300.0, 7.4], ValueType::U8).0, [0, 255, 255, 7]);
        assert_eq!(plain(&[f32::NAN, 4095.0, 1.0, 0.0], ValueType::U16).0, [0, 0, 255, 15, 1, 0, 0, 0]);
        assert_eq!(
            plain(&[f32::NAN, -1.0, 0.0, 2.0], ValueType::I16).0,
            [0xf1, 0xd8, 0xff, 0xff, 0, 0, 2, 0]
        );
    }

    #[test]
    fn a_grid_smaller_than_a_chunk_is_cut_out() {
        let given = Shape { ny: 3, nx: 4 };
        let values: Vec<f32> = (0..12u8).map(f32::from).collect();
        let (bytes, valid) = encode(&values, given, Shape { ny: 2, nx: 3 }, ValueType::U8, None).unwrap();
        assert_eq!((bytes.as_slice(), valid), ([0, 1, 2, 4, 5, 6].as_slice(), 6));
    }

    #[test]
    fn shuffle_gathers_bytes_of_one_weight() {
        let bytes = bytes_of(&[258.0, 772.0], true, |v| (v as u16).to_le_bytes());
        assert_eq!(bytes, [2, 4, 1, 3]);
    }
}
