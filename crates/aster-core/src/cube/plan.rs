//! From a request and granule headers to what will be done: grid, windows, calibrations, peak memory. Reads no pixel.
use crate::cube::request::{ClipRequest, CubeRequest};
use crate::cube::scene_plan::{ScenePlan, Skipped, prepare};
use crate::cube::steps::{StepPlan, steps_of};
use crate::cube::target::target_grid;
use crate::cube::wanted::{ChunkFor, Wanted};
use crate::error::{Error, ErrorCode, Result};
use crate::granule::facts::GranuleFacts;
use crate::grid::clip::{Clip, ClipRule};
use crate::grid::geobox::{GeoBox, PixelRect, Shape};
use std::collections::HashSet;
use std::path::PathBuf;
use std::sync::Arc;

/// Side of a chunk for maps, pixels: 1 MiB of float32.
pub const CHUNK_SIDE: usize = 512;
/// Values of a chunk for time series: as many.
const CHUNK_VALUES: usize = CHUNK_SIDE * CHUNK_SIDE;
/// Smallest side of a chunk, and most time steps in one.
const SMALL_SIDE: usize = 64;

/// What comes first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Order {
    /// Time step after time step, each with all its blocks: every scene is read once.
    Steps,
    /// Block after block, each with all its time steps: for what needs several looks at a pixel together.
    Blocks,
}

/// Everything that will be done.
#[derive(Debug, Clone)]
pub struct CubePlan {
    /// Target grid.
    pub grid: GeoBox,
    /// Pixels of the grid that are wanted; all if none is stated.
    pub clip: Option<Arc<Clip>>,
    /// Chunk shape.
    pub chunk: Shape,
    /// Time steps in a chunk.
    pub chunk_steps: usize,
    /// Time steps of the output.
    pub steps: Vec<StepPlan>,
    /// What comes first.
    pub order: Order,
    /// Parts of the grid worked on one at a time, in chunks: those that some scene touches.
    pub blocks: Vec<PixelRect>,
    /// The understood request.
    pub wanted: Wanted,
    /// Scenes by acquisition time.
    pub scenes: Vec<ScenePlan>,
    /// Granules left out.
    pub skipped: Vec<Skipped>,
    /// What the user should know.
    pub warnings: Vec<String>,
    /// Threads.
    pub workers: usize,
    /// Chunks (of one variable) computed between two stores.
    pub batch: usize,
    /// Peak memory, bytes.
    pub peak_memory_bytes: u64,
    /// Memory allowed, bytes.
    pub max_memory_bytes: u64,
}

/// Threads and memory granted to a plan.
#[derive(Debug, Clone, Copy)]
pub struct Resources {
    /// Threads.
    pub workers: usize,
    /// Bytes.
    pub max_memory_bytes: u64,
}

impl CubePlan {
    /// Plans `request` for granules whose headers were read (or could not be).
    ///
    /// # Errors
    /// `USAGE`, `NOT_FOUND` when no granule has data for the request, `MEMORY_BUDGET` when it cannot fit.
    pub fn new(
        request: &CubeRequest,
        wanted: Wanted,
        opened: Vec<(PathBuf, Result<GranuleFacts>)>,
        resources: Resources,
    ) -> Result<Self> {
        let (mut usable, mut skipped, mut warnings) = (Vec::new(), Vec::new(), Vec::new());
        for (path, facts) in opened {
            let id = facts.as_ref().ok().map(|f| f.name.id.clone());
            match facts.and_then(|f| prepare(&path, f, request, &wanted, &mut warnings)) {
                Ok(scene) => usable.push(scene),
                Err(error) if request.strict => return Err(error.at(&path)),
                Err(error) => skipped.push(Skipped { path, id, error }),
            }
        }
        usable.sort_by(|a, b| (a.facts.time, &a.facts.name.id).cmp(&(b.facts.time, &b.facts.name.id)));
        if usable.is_empty() {
            return Err(nothing_left(&skipped));
        }
        let grid = target_grid(request, &wanted, &usable)?;
        let clip = match &request.clip {
            Some(wanted) => Some(Arc::new(clip_of(wanted, &grid)?)),
            None => None,
        };
        if clip.as_ref().is_some_and(|c| c.pixels() == 0) {
            return Err(Error::new(ErrorCode::NotFound, "no pixel of the grid is inside the polygon")
                .hint("use the rule touch for a polygon smaller than a pixel, or a finer --resolution"));
        }
        let mut scenes = Vec::new();
        for mut scene in usable {
            let id = Some(scene.facts.name.id.clone());
            let path = scene.path.clone();
            match scene.put_on(&grid, &wanted) {
                Ok(true) => scenes.push(scene),
                Ok(false) => {
                    skipped.push(Skipped { path, id, error: not_on_grid(request) });
                }
                Err(error) if request.strict => return Err(error.at(&path)),
                Err(error) => skipped.push(Skipped { path, id, error }),
            }
        }
        if scenes.is_empty() {
            return Err(nothing_left(&skipped));
        }
        warn_of_mixed_calibrations(&scenes, &mut warnings);
        warnings.extend(wanted.idle_calibration(request.calibration.as_deref()));
        let steps = steps_of(&scenes, &wanted);
        let chunk_steps = match wanted.chunk_for {
            ChunkFor::Map => 1,
            ChunkFor::Time => steps.len().clamp(1, SMALL_SIDE),
        };
        let order = match wanted.reduction.is_some() || chunk_steps > 1 {
            true => Order::Blocks,
            false => Order::Steps,
        };
        let mut plan = Self {
            clip,
            chunk: chunk_shape(grid.shape, chunk_side(chunk_steps)),
            chunk_steps,
            steps,
            order,
            blocks: Vec::new(),
            grid,
            wanted,
            scenes,
            skipped,
            warnings,
            workers: resources.workers.max(1),
            batch: 0,
            peak_memory_bytes: 0,
            max_memory_bytes: resources.max_memory_bytes,
        };
        plan.fit(request, 0)?;
        Ok(plan)
    }

    /// The same plan beside a sink that takes memory of its own.
    ///
    /// # Errors
    /// `MEMORY_BUDGET`.
    pub fn beside(mut self, request: &CubeRequest, sink_bytes: u64) -> Result<Self> {
        self.fit(request, sink_bytes)?;
        Ok(self)
    }

    /// Fits the memory; smaller chunks are tried where all looks of one would be too much.
    fn fit(&mut self, request: &CubeRequest, sink_bytes: u64) -> Result<()> {
        let whole = self.grid.shape.ny as u64 * self.grid.shape.nx as u64;
        let inside = self.clip.as_ref().map_or(whole, |clip| clip.pixels());
        let variables = self.output_variables();
        let held = match request.output.format.as_str() {
            "memory" => whole.saturating_mul(4 * (variables * self.steps.len()) as u64),
            // Percentiles need all values of a time step, and those of one variable in order.
            "statistics" | "csv" => {
                let steps = if self.order == Order::Blocks { self.steps.len() } else { 1 };
                inside.saturating_mul(4 * (variables * steps + 1) as u64)
            }
            _ => 0,
        };
        let mut side = self.chunk.ny.max(self.chunk.nx);
        loop {
            match self.fit_memory(request, held.saturating_add(sink_bytes)) {
                Err(_) if self.order == Order::Blocks && side > SMALL_SIDE => {
                    side /= 2;
                    self.chunk = chunk_shape(self.grid.shape, side);
                }
                fitted => return fitted,
            }
        }
    }

    /// Variables of the output: every statistic of every variable wanted, or these themselves.
    pub fn output_variables(&self) -> usize {
        let statistics = self.wanted.reduction.as_ref().map_or(1, |r| r.statistics.len());
        self.wanted.variables.len() * statistics
    }
    /// Chunks down and across.
    pub fn chunks(&self) -> Shape {
        let (shape, chunk) = (self.grid.shape, self.chunk);
        Shape { ny: shape.ny.div_ceil(chunk.ny), nx: shape.nx.div_ceil(chunk.nx) }
    }
    /// Pixels of the chunk at a row and column of chunks.
    pub fn chunk_rect(&self, row: usize, column: usize) -> PixelRect {
        self.pixels_of(PixelRect { row, column, rows: 1, columns: 1 })
    }
    /// Pixels of a rectangle of chunks.
    pub fn pixels_of(&self, chunks: PixelRect) -> PixelRect {
        let (shape, chunk) = (self.grid.shape, self.chunk);
        let (row, column) = (chunks.row * chunk.ny, chunks.column * chunk.nx);
        let rows = (chunks.rows * chunk.ny).min(shape.ny.saturating_sub(row));
        let columns = (chunks.columns * chunk.nx).min(shape.nx.saturating_sub(column));
        PixelRect { row, column, rows, columns }
    }
    /// Pixels of every block.
    pub fn pixel_blocks(&self) -> impl Iterator<Item = PixelRect> + '_ {
        self.blocks.iter().map(|b| self.pixels_of(*b))
    }

    /// Chunk rows and columns that a scene touches, as a rectangle of chunks.
    pub fn chunks_of(&self, scene: &ScenePlan) -> PixelRect {
        let t = &scene.target;
        let (r0, c0) = (t.row / self.chunk.ny, t.column / self.chunk.nx);
        let r1 = (t.row + t.rows).div_ceil(self.chunk.ny);
        let c1 = (t.column + t.columns).div_ceil(self.chunk.nx);
        PixelRect { row: r0, column: c0, rows: r1 - r0, columns: c1 - c0 }
    }
    /// Chunks to compute: positions that each look touches, at most.
    pub fn chunks_to_compute(&self) -> u64 {
        self.scenes.iter().map(|s| self.chunks_of(s).len() as u64).sum()
    }
    /// Chunks of one variable that hold data, at most.
    pub fn chunks_with_data(&self) -> u64 {
        let touched = |steps: &[StepPlan]| {
            let mut positions = HashSet::new();
            for scene in steps.iter().flat_map(StepPlan::scenes) {
                let c = self.chunks_of(&self.scenes[scene]);
                let rows = c.row..c.row + c.rows;
                positions.extend(rows.flat_map(|r| (c.column..c.column + c.columns).map(move |x| (r, x))));
            }
            positions.len() as u64
        };
        self.steps.chunks(self.chunk_steps).map(touched).sum()
    }
    /// Chunks of one variable, with data or without.
    pub fn chunks_total(&self) -> u64 {
        let chunks = self.chunks();
        (chunks.ny * chunks.nx * self.steps.len().div_ceil(self.chunk_steps)) as u64
    }
    /// Bytes of DN that will be read.
    pub fn bytes_to_read(&self) -> u64 {
        self.scenes.iter().flat_map(|s| &s.bands).map(|b| b.window_bytes).sum()
    }
    /// Bytes of the values before compression: an upper bound of the output.
    pub fn output_bytes_max(&self) -> u64 {
        let bytes = (self.chunk_steps * self.chunk.ny * self.chunk.nx * 4) as u64;
        self.chunks_with_data() * self.output_variables() as u64 * bytes
    }
}

/// The pixels of the grid that are wanted.
fn clip_of(wanted: &ClipRequest, grid: &GeoBox) -> Result<Clip> {
    let clip = Clip::new(&wanted.polygon, grid, wanted.rule)?;
    match &wanted.within {
        Some(within) => Ok(clip.and(&Clip::new(within, grid, ClipRule::Centre)?)),
        None => Ok(clip),
    }
}

/// Side of a chunk of so many time steps, a power of two.
fn chunk_side(chunk_steps: usize) -> usize {
    let side = (CHUNK_VALUES / chunk_steps.max(1)).isqrt();
    1 << side.max(SMALL_SIDE).ilog2()
}

fn chunk_shape(grid: Shape, side: usize) -> Shape {
    Shape { ny: side.min(grid.ny), nx: side.min(grid.nx) }
}

/// The error of a granule of which no pixel of the grid takes anything.
fn not_on_grid(request: &CubeRequest) -> Error {
    // Without an area or an extent the grid is around all granules.
    let is_around = request.area.is_none() && request.extent.is_none();
    let message = match is_around {
        true => "no pixel of the grid has its centre in the granule: pixels are larger than it",
        false => "the granule lies outside the area, or pixels are larger than it",
    };
    Error::new(ErrorCode::NotFound, message)
        .hint("--resolution is in units of the CRS: metres, or degrees with EPSG:4326")
}

fn nothing_left(skipped: &[Skipped]) -> Error {
    match skipped {
        [] => Error::new(ErrorCode::NotFound, "no granule was given"),
        [one] => one.error.clone().at(&one.path),
        [first, ..] => {
            let same = skipped.iter().all(|s| s.error.code() == first.error.code());
            let code = if same { first.error.code() } else { ErrorCode::NotFound };
            // That some telescope was off says less than what keeps out the granules that have the bands.
            let told = skipped.iter().find(|s| s.error.code() != ErrorCode::NoData).unwrap_or(first);
            let message =
                format!("none of {} granules can be used; one of them: {}", skipped.len(), told.error);
            let error = Error::new(code, message).at(&told.path);
            match told.error.hint_text() {
                Some(hint) => error.hint(hint),
                None => error,
            }
        }
    }
}

/// Versions and radiometric calibrations are never mixed silently.
fn warn_of_mixed_calibrations(scenes: &[ScenePlan], warnings: &mut Vec<String>) {
    let mut seen: Vec<String> = Vec::new();
    for facts in scenes.iter().map(|s| &s.facts) {
        let calibration = facts.radiometric_db_version.as_deref().unwrap_or("unknown");
        let label = format!(
            "{} version {} (radiometric coefficients {calibration})",
            facts.name.product, facts.name.version
        );
        if !seen.contains(&label) {
            seen.push(label);
        }
    }
    if seen.len() > 1 {
        warnings.push(format!("the stack mixes {}; each scene's is recorded in the output", seen.join(", ")));
    }
}
