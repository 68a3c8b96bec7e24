//! Memory of the sink, known before it is made.
use crate::cube::sink::CubeLayout;
use crate::write::geotiff::GeotiffOptions;
use crate::write::geotiff::copy::CACHE_BYTES;
use crate::write::geotiff::scratch::ScratchForm;
use crate::write::geotiff::sink::tile_side;

/// Least that GDAL takes for the parts of an overview at a time.
const OVERVIEW_BYTES: u64 = 32 << 20;

/// Bytes that the sink takes beside the chunks it is given: GDAL's block cache, tiles of all bands being compressed
/// by each worker, overviews, and where the tiles of all time steps lie.
pub fn memory_bytes(layout: &CubeLayout, options: GeotiffOptions) -> u64 {
    let form = ScratchForm::of(layout);
    let tile = (tile_side(layout) as u64).pow(2) * form.numbers.bytes() as u64;
    // A COG holds the bands of a tile together.
    let tile = tile.saturating_mul(if options.cog { form.bands as u64 } else { 1 });
    // Twice, before and after, for each job and the one waiting.
    let compressing = tile.saturating_mul(4 * (options.workers as u64 + 1));
    let offsets = (form.tile_count() as u64).saturating_mul(8).saturating_mul(layout.time_steps as u64 + 2);
    CACHE_BYTES.saturating_add(OVERVIEW_BYTES).saturating_add(compressing).saturating_add(offsets)
}
