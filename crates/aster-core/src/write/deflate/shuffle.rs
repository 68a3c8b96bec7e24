//! From numbers to byte planes: all first bytes, then all second ones, as HDF5's and Zarr's shuffle do.

/// Little-endian bytes of float32 by planes, low mantissa byte first. Every NaN becomes the one of
/// [`f32::NAN`]: sign and payload differ between operations and would be noise in a file.
pub(super) fn planes_f32(values: &[f32], planes: &mut Vec<u8>) {
    let n = values.len();
    // What was there is written over: only new length costs.
    planes.resize(4 * n, 0);
    let (low, high) = planes.split_at_mut(2 * n);
    let ((p0, p1), (p2, p3)) = (low.split_at_mut(n), high.split_at_mut(n));
    for ((((&v, a), b), c), d) in values.iter().zip(p0).zip(p1).zip(p2).zip(p3) {
        let bits = if v.is_nan() { f32::NAN.to_bits() } else { v.to_bits() };
        [*a, *b, *c, *d] = bits.to_le_bytes();
    }
}

/// Little-endian bytes of float32, number by number; NaN as in [`planes_f32`].
pub(super) fn bytes_f32(values: &[f32], bytes: &mut Vec<u8>) {
    bytes.resize(4 * values.len(), 0);
    for (&v, four) in values.iter().zip(bytes.as_chunks_mut::<4>().0) {
        let bits = if v.is_nan() { f32::NAN.to_bits() } else { v.to_bits() };
        *four = bits.to_le_bytes();
    }
}
