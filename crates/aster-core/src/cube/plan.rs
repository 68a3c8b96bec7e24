//! From a request and granule headers to what will be done: grid, windows, calibrations, peak memory. Reads no pixel.
use crate::cube::request::CubeRequest;
use crate::cube::scene_plan::{ScenePlan, Skipped, prepare};
use crate::cube::target::target_grid;
use crate::cube::wanted::Wanted;
use crate::error::{Error, ErrorCode, Result};
use crate::granule::facts::{GranuleFacts, GranuleForm};
use crate::granule::tiff::TILE_CACHE_BYTES;
use crate::grid::geobox::{GeoBox, PixelRect, Shape};
use std::path::PathBuf;

/// Side of a chunk, pixels: 1 MiB of float32.
pub const CHUNK_SIDE: usize = 512;
/// What the process holds beside the job's own buffers (runtime, libraries), bytes; measured.
const PROCESS_BYTES: u64 = 112 << 20;

/// Everything that will be done.
#[derive(Debug, Clone)]
pub struct CubePlan {
    /// Target grid.
    pub grid: GeoBox,
    /// Chunk shape.
    pub chunk: Shape,
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
        let chunk = Shape { ny: CHUNK_SIDE.min(grid.shape.ny), nx: CHUNK_SIDE.min(grid.shape.nx) };
        let mut scenes = Vec::new();
        for mut scene in usable {
            let id = Some(scene.facts.name.id.clone());
            let path = scene.path.clone();
            match scene.put_on(&grid, &wanted) {
                Ok(true) => scenes.push(scene),
                Ok(false) => {
                    let error = Error::new(ErrorCode::NotFound, "the granule lies outside the area");
                    skipped.push(Skipped { path, id, error });
                }
                Err(error) if request.strict => return Err(error.at(&path)),
                Err(error) => skipped.push(Skipped { path, id, error }),
            }
        }
        if scenes.is_empty() {
            return Err(nothing_left(&skipped));
        }
        warn_of_mixed_calibrations(&scenes, &mut warnings);
        let mut plan = Self {
            grid,
            chunk,
            wanted,
            scenes,
            skipped,
            warnings,
            workers: resources.workers.max(1),
            batch: 0,
            peak_memory_bytes: 0,
            max_memory_bytes: resources.max_memory_bytes,
        };
        plan.fit_memory(request)?;
        Ok(plan)
    }

    /// Chunk rows and columns that a scene touches, as a rectangle of chunks.
    pub fn chunks_of(&self, scene: &ScenePlan) -> PixelRect {
        let t = &scene.target;
        let (r0, c0) = (t.row / self.chunk.ny, t.column / self.chunk.nx);
        let r1 = (t.row + t.rows).div_ceil(self.chunk.ny);
        let c1 = (t.column + t.columns).div_ceil(self.chunk.nx);
        PixelRect { row: r0, column: c0, rows: r1 - r0, columns: c1 - c0 }
    }
    /// Chunk positions that some scene touches, summed over scenes.
    pub fn chunks_with_data(&self) -> u64 {
        self.scenes.iter().map(|s| self.chunks_of(s).len() as u64).sum()
    }
    /// Chunk positions of all time steps.
    pub fn chunks_total(&self) -> u64 {
        let across = self.grid.shape.nx.div_ceil(self.chunk.nx) as u64;
        let down = self.grid.shape.ny.div_ceil(self.chunk.ny) as u64;
        across * down * self.scenes.len() as u64
    }
    /// Bytes of DN that will be read.
    pub fn bytes_to_read(&self) -> u64 {
        self.scenes.iter().flat_map(|s| &s.bands).map(|b| b.window_bytes).sum()
    }
    /// Bytes of the values before compression: an upper bound of the output.
    pub fn output_bytes_max(&self) -> u64 {
        self.chunks_with_data() * self.wanted.variables.len() as u64 * self.chunk_bytes()
    }
    fn chunk_bytes(&self) -> u64 {
        (self.chunk.ny * self.chunk.nx * 4) as u64
    }

    /// Chooses the largest batch that fits, or says which budget would do.
    fn fit_memory(&mut self, request: &CubeRequest) -> Result<()> {
        let windows = |s: &ScenePlan| s.bands.iter().map(|b| b.cost_bytes).sum::<u64>();
        let scene_bytes = self.scenes.iter().map(windows).max().unwrap_or(0);
        let (variables, chunk_bytes) = (self.wanted.variables.len() as u64, self.chunk_bytes());
        let held = match request.output.format.as_str() {
            "memory" => {
                let pixels = self.grid.shape.ny as u64 * self.grid.shape.nx as u64;
                pixels.saturating_mul(4 * variables * self.scenes.len() as u64)
            }
            _ => 0,
        };
        let interleaved = self.scenes.iter().any(|s| s.facts.form == GranuleForm::MultiBandCog);
        let cache = if interleaved { TILE_CACHE_BYTES } else { 0 };
        let picture = if request.output.quicklook.is_some() { 64 << 20 } else { 0 };
        // A thread holds a chunk of every variable while computing, and encodes one at a time (shuffled copy
        // and compressed copy); encoded chunks wait in two batches: one being stored, one being made.
        let working = self.workers as u64 * chunk_bytes * (variables + 2);
        let waiting = |batch: u64| 2 * batch * variables * chunk_bytes;
        let fixed =
            PROCESS_BYTES.saturating_add(scene_bytes).saturating_add(held) + cache + picture + working;
        let smallest = fixed.saturating_add(waiting(self.workers as u64));
        if smallest > self.max_memory_bytes {
            return Err(Error::new(
                ErrorCode::MemoryBudget,
                format!(
                    "the job needs {} MiB, {} MiB are allowed",
                    smallest >> 20,
                    self.max_memory_bytes >> 20
                ),
            )
            .hint(format!(
                "use --max-memory {}M or more, fewer bands, a smaller area or a coarser --resolution",
                (smallest >> 20) + 1
            ))
            .with_bytes(smallest, self.max_memory_bytes));
        }
        let roomy = 4 * self.workers as u64;
        let affordable = (self.max_memory_bytes - fixed) / (2 * variables * chunk_bytes).max(1);
        let batch = roomy.min(affordable).max(self.workers as u64);
        self.batch = usize::try_from(batch).unwrap_or(self.workers);
        self.peak_memory_bytes = fixed.saturating_add(waiting(batch));
        Ok(())
    }
}

fn nothing_left(skipped: &[Skipped]) -> Error {
    match skipped {
        [] => Error::new(ErrorCode::NotFound, "no granule was given"),
        [one] => one.error.clone().at(&one.path),
        [first, ..] => {
            let message =
                format!("none of {} granules can be used; the first: {}", skipped.len(), first.error);
            let same = skipped.iter().all(|s| s.error.code() == first.error.code());
            let error = Error::new(if same { first.error.code() } else { ErrorCode::NotFound }, message);
            let error = error.at(&first.path);
            match first.error.hint_text() {
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
