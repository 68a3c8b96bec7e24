//! Memory of the sink, known before it is made.
use crate::cube::sink::CubeLayout;
use crate::write::geotiff::GeotiffOptions;
use crate::write::geotiff::copy::CACHE_BYTES;
use crate::write::geotiff::scratch::ScratchForm;
use crate::write::geotiff::sink::tile_side;

/// GDAL's drivers and PROJ's database, once they are used. Measured 30 MiB with GDAL 3.6.
const LIBRARY_BYTES: u64 = 32 << 20;
/// Overviews, beside those of the workers. Measured with GDAL 3.6 and 5726 x 5095 pixels, as the next one.
const OVERVIEW_BYTES: u64 = 32 << 20;
/// Overviews, per worker: parts of the source and of each level, and what the allocator keeps per thread.
const OVERVIEW_WORKER_BYTES: u64 = 40 << 20;

/// Bytes that the sink takes beside the chunks it is given: GDAL with its block cache, tiles of all bands being
/// compressed by each worker, overviews, and where the tiles of all time steps lie.
pub fn memory_bytes(layout: &CubeLayout, options: GeotiffOptions) -> u64 {
    let (form, workers) = (ScratchForm::of(layout), options.workers.max(1) as u64);
    let tile = (tile_side(layout) as u64).pow(2) * form.numbers.bytes() as u64;
    // A COG holds the bands of a tile together.
    let tile = tile.saturating_mul(if options.cog { form.bands as u64 } else { 1 });
    // Twice, before and after, for each job and the one waiting.
    let compressing = tile.saturating_mul(4 * (workers + 1));
    let overviews =
        if options.cog { OVERVIEW_BYTES.saturating_add(OVERVIEW_WORKER_BYTES * workers) } else { 0 };
    let offsets = (form.tile_count() as u64).saturating_mul(8).saturating_mul(layout.time_steps as u64 + 2);
    [LIBRARY_BYTES, overviews, compressing, offsets].into_iter().fold(CACHE_BYTES, u64::saturating_add)
}
