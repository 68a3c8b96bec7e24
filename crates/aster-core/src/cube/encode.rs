//! Values of a chunk on their way to the sink: made storable, seen by who watches, encoded.
use crate::cube::execute::Surroundings;
use crate::cube::sink::{CODES, ChunkKey, Coded, EncodedChunk, ValueType};
use crate::cube::storable::make_storable;
use crate::error::Result;

/// A chunk on its way to the sink, and how many of its values the packed range does not hold.
pub(super) type Made = (EncodedChunk, u64);

pub(super) fn observe(around: &Surroundings<'_>, key: ChunkKey, values: &[f32]) {
    if let Some(observer) = around.observer {
        observer.observe(key, values);
    }
}

/// A chunk as the sink stores it; nothing when it has no value.
pub(super) fn encode(
    around: &Surroundings<'_>,
    key: ChunkKey,
    values: &mut [f32],
    is_observed: bool,
) -> Result<Option<Made>> {
    let lost = make_storable(&around.layout.variables[key.variable], values)?;
    if values.iter().all(|v| v.is_nan()) {
        return Ok(None);
    }
    if is_observed {
        observe(around, key, values);
    }
    Ok(Some((around.sink.encode(key, values)?, lost)))
}

/// As [`encode`], observed. Values are made of codes only where somebody has to see them.
pub(super) fn encode_coded(
    around: &Surroundings<'_>,
    key: ChunkKey,
    coded: Coded<'_>,
) -> Result<Option<Made>> {
    let spec = &around.layout.variables[key.variable];
    if spec.value_type != ValueType::F32 {
        return encode(around, key, &mut coded.values(), true);
    }
    let rounded: Box<[f32; CODES]>;
    let coded = match spec.keep_bits {
        None => coded,
        Some(_) => {
            let mut table = Box::new(*coded.table);
            make_storable(spec, table.as_mut_slice())?;
            rounded = table;
            Coded { table: &rounded, ..coded }
        }
    };
    if coded.codes.iter().all(|code| coded.table[usize::from(*code)].is_nan()) {
        return Ok(None);
    }
    if let Some(observer) = around.observer {
        observer.observe(key, &coded.values());
    }
    Ok(Some((around.sink.encode_coded(key, coded)?, 0)))
}
