//! Blocks of the grid and the memory they take: the largest blocks are used that fit the budget.
use crate::cube::collect;
use crate::cube::lookup::Lookup;
use crate::cube::plan::{CubePlan, Order};
use crate::cube::request::CubeRequest;
use crate::cube::scene_plan::ScenePlan;
use crate::error::{Error, ErrorCode, Result};
use crate::granule::facts::{GranuleForm, ReadCost};
use crate::grid::geobox::{PixelRect, Shape};
use crate::product::subsystem::Subsystem;

/// What the process holds beside the job's own buffers (runtime, libraries), bytes; measured.
const PROCESS_BYTES: u64 = 112 << 20;
/// Memory of a picture.
const PICTURE_BYTES: u64 = 64 << 20;
/// Tile of several bands, packed and unpacked: 5 of 16 bits, 512 x 512 pixels, or twice as many of 8 bits.
const TILE_BYTES: u64 = 6 << 20;
/// State beyond this brings nothing when sources can be read in parts.
const ENOUGH_STATE_BYTES: u64 = 192 << 20;
/// Chunks computed between two stores, per thread, where memory allows.
const ROOMY_BATCH: u64 = 4;

/// Rectangles of chunks that cover `chunks`, each of at most `side`, from the top left.
pub(super) fn partition(chunks: Shape, side: Shape) -> Vec<PixelRect> {
    let mut blocks = Vec::new();
    for row in (0..chunks.ny).step_by(side.ny.max(1)) {
        for column in (0..chunks.nx).step_by(side.nx.max(1)) {
            let (rows, columns) = (side.ny.min(chunks.ny - row), side.nx.min(chunks.nx - column));
            blocks.push(PixelRect { row, column, rows, columns });
        }
    }
    blocks
}

impl CubePlan {
    /// Chooses the largest blocks and batches that fit the budget, or says which budget would do.
    pub(super) fn fit_memory(&mut self, request: &CubeRequest, held_bytes: u64) -> Result<()> {
        let chunks = self.chunks();
        let mut side = chunks;
        let fixed = PROCESS_BYTES
            .saturating_add(held_bytes)
            .saturating_add(self.tile_bytes())
            .saturating_add(self.clip.as_ref().map_or(0, |clip| clip.bytes()))
            .saturating_add(if request.output.quicklook.is_some() { PICTURE_BYTES } else { 0 })
            .saturating_add(self.working_bytes())
            .saturating_add(self.lookup_bytes());
        let least_batch = self.workers as u64;
        loop {
            self.blocks = partition(chunks, side);
            let touched = |block: &PixelRect| {
                let pixels = self.pixels_of(*block);
                self.scenes.iter().any(|s| s.target.intersects(&pixels))
            };
            self.blocks = self.blocks.iter().copied().filter(touched).collect();
            let state = self.state_bytes(side);
            let needed = fixed.saturating_add(self.window_bytes()?).saturating_add(state);
            let smallest = needed.saturating_add(self.waiting_bytes(least_batch));
            let fits = smallest <= self.max_memory_bytes;
            let wasteful = state > ENOUGH_STATE_BYTES && self.reads_parts();
            if fits && !wasteful {
                let room = self.max_memory_bytes - needed;
                let affordable = room / self.waiting_bytes(1).max(1);
                let batch = (ROOMY_BATCH * least_batch).min(affordable).max(least_batch);
                self.batch = usize::try_from(batch).unwrap_or(self.workers);
                self.peak_memory_bytes = needed.saturating_add(self.waiting_bytes(batch));
                return Ok(());
            }
            let Some(smaller) = halved(side) else {
                if fits {
                    self.batch = self.workers;
                    self.peak_memory_bytes = smallest;
                    return Ok(());
                }
                return Err(too_small(smallest, self.max_memory_bytes));
            };
            side = smaller;
        }
    }

    /// Windows of the look that needs most, over all blocks.
    fn window_bytes(&self) -> Result<u64> {
        let mut most = 0;
        for block in self.pixel_blocks() {
            // What each scene takes in this block; looks share none.
            let mut costs = vec![0; self.scenes.len()];
            for (cost, scene) in costs.iter_mut().zip(&self.scenes) {
                *cost = scene.within(self, block)?.map_or(0, |part| part.cost_bytes());
            }
            let looks = self.steps.iter().flat_map(|s| &s.looks);
            most = looks.map(|look| look.iter().map(|&s| costs[s]).sum()).max().unwrap_or(0).max(most);
        }
        Ok(most)
    }

    /// What looks are collected in, where an order needs it.
    fn state_bytes(&self, side: Shape) -> u64 {
        if self.order == Order::Steps {
            return 0;
        }
        let pixels = (side.ny * side.nx * self.chunk.ny * self.chunk.nx) as u64;
        let statistics = self.wanted.reduction.as_ref().map(|r| r.statistics.as_slice());
        let looks = match statistics {
            Some(_) => self.steps.iter().map(|s| s.looks.len()).max().unwrap_or(0),
            None => self.chunk_steps,
        };
        pixels.saturating_mul(collect::bytes_per_pixel(statistics, looks, self.wanted.variables.len()))
    }

    /// A thread holds a chunk of every variable while computing, and codes of half its size, twice where scenes overlap,
    /// and encodes one variable at a time (values of all its steps, shuffled copy, compressed copy).
    fn working_bytes(&self) -> u64 {
        let layered = self.steps.iter().flat_map(|s| &s.looks).any(|look| look.len() > 1);
        let computing = (3 * self.wanted.variables.len() as u64).div_ceil(2) * if layered { 2 } else { 1 };
        let encoding = 2 * self.chunk_steps as u64 + if self.order == Order::Blocks { 2 } else { 0 };
        self.workers as u64 * self.map_chunk_bytes() * (computing + encoding)
    }

    /// Tables of values by code, per variable and scene of a look.
    fn lookup_bytes(&self) -> u64 {
        let scenes = self.steps.iter().flat_map(|s| &s.looks).map(Vec::len).max().unwrap_or(0);
        (scenes as u64).saturating_mul(self.wanted.variables.len() as u64 * Lookup::BYTES)
    }

    /// Encoded chunks wait in two batches: one being stored, one being made.
    fn waiting_bytes(&self, batch: u64) -> u64 {
        let chunk = self.map_chunk_bytes().saturating_mul(self.chunk_steps as u64);
        (2 * batch).saturating_mul(chunk).saturating_mul(self.output_variables() as u64)
    }

    /// Tiles that hold several bands: one for each thread, a file's only one for all of them.
    fn tile_bytes(&self) -> u64 {
        let interleaved = self.scenes.iter().filter(|s| s.facts.form == GranuleForm::MultiBandCog);
        let tile = |scene: &ScenePlan| {
            let whole = |telescope: &Subsystem| {
                let bands = scene.facts.bands.iter().filter(|b| b.band.subsystem() == *telescope);
                let whole = bands.filter(|b| b.read_cost == ReadCost::WholeBand);
                whole.map(|b| (b.geobox.shape.ny * b.geobox.shape.nx * b.dn_type.bytes()) as u64).sum()
            };
            Subsystem::ALL.iter().map(whole).max().unwrap_or(0)
        };
        let largest = interleaved.map(|scene| tile(scene).max(self.workers as u64 * TILE_BYTES)).max();
        largest.unwrap_or(0)
    }

    /// Whether windows can be read without decoding whole bands: small blocks then cost little.
    fn reads_parts(&self) -> bool {
        let bands = self.scenes.iter().flat_map(|s| s.bands.iter().map(move |b| s.facts.band(b.band)));
        bands.flatten().all(|facts| facts.read_cost != ReadCost::WholeBand)
    }

    fn map_chunk_bytes(&self) -> u64 {
        (self.chunk.ny * self.chunk.nx * 4) as u64
    }
}

/// Half the longer side; nothing when it is one chunk.
fn halved(side: Shape) -> Option<Shape> {
    match (side.ny, side.nx) {
        (1, 1) => None,
        (ny, nx) if ny >= nx => Some(Shape { ny: ny.div_ceil(2), nx }),
        (ny, nx) => Some(Shape { ny, nx: nx.div_ceil(2) }),
    }
}

fn too_small(smallest: u64, allowed: u64) -> Error {
    Error::new(
        ErrorCode::MemoryBudget,
        format!("the job needs {} MiB, {} MiB are allowed", smallest >> 20, allowed >> 20),
    )
    .hint(format!(
        "use --max-memory {}M or more, fewer bands, a smaller area or a coarser --resolution",
        (smallest >> 20) + 1
    ))
    .with_bytes(smallest, allowed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_cover_every_chunk_once() {
        for (ny, nx, side_y, side_x) in [(1, 1, 1, 1), (7, 5, 2, 3), (10, 11, 10, 11), (3, 9, 1, 4)] {
            let mut seen = vec![0; ny * nx];
            for b in partition(Shape { ny, nx }, Shape { ny: side_y, nx: side_x }) {
                assert!(b.rows <= side_y && b.columns <= side_x);
                (b.row..b.row + b.rows)
                    .for_each(|r| (b.column..b.column + b.columns).for_each(|c| seen[r * nx + c] += 1));
            }
            assert!(seen.iter().all(|n| *n == 1));
        }
        assert_eq!(halved(Shape { ny: 1, nx: 1 }), None);
        assert_eq!(halved(Shape { ny: 5, nx: 4 }), Some(Shape { ny: 3, nx: 4 }));
    }
}
