//! The sink: chunks into scratch files, and each complete time step into its file.
use crate::cube::record::StepRecord;
use crate::cube::sink::{ChunkKey, ChunkSink, CubeLayout, EncodedChunk};
use crate::error::{Error, ErrorCode, Result};
use crate::write::geotiff::GeotiffOptions;
use crate::write::geotiff::copy::{Contents, TILE_SIDE, copy};
use crate::write::geotiff::folder::Folder;
use crate::write::geotiff::pixels::can_average;
use crate::write::geotiff::scratch::ScratchForm;
use crate::write::geotiff::spools::Spools;
use crate::write::geotiff::tags::{of_band, of_file};
use crate::write::geotiff::target::{Target, check_target};
use crate::write::partial::PartialFile;
use serde::Deserialize;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Most bands: their number is 16-bit in a TIFF.
const MAX_BANDS: usize = u16::MAX as usize;

/// Writer of GeoTIFF files, one per time step: bands are the variables of the layout.
///
/// All bands share a number type: that of the variables where they agree, else the smallest that holds all exactly
/// (8- and 16-bit DN as 16 bits), else float32, in which packed variables are stored unpacked. Missing is NaN, 0 for
/// unsigned DN, -9999 for signed ones, -32768 for packed numbers; counts have no missing value unless they are stored as
/// float32 beside others.
pub struct GeotiffSink {
    layout: CubeLayout,
    form: ScratchForm,
    options: GeotiffOptions,
    target: PathBuf,
    resumed: Vec<String>,
    /// None after an error: what is not complete is removed at once, and nothing more can be stored.
    state: Mutex<Option<State>>,
}

/// An output under way. The order matters: scratch files go before the folder they lie in.
struct State {
    spools: Spools,
    output: Output,
}

enum Output {
    File(PathBuf),
    Folder(Box<Folder>),
}

/// What a checkpoint says of a complete time step; further fields are its author's.
#[derive(Deserialize)]
struct Checkpoint {
    step: StepRecord,
}

/// The time step that a checkpoint completes; none where it ends another unit of work.
pub(super) fn step_of(record: &str) -> Option<StepRecord> {
    serde_json::from_str::<Checkpoint>(record).ok().map(|c| c.step)
}

impl GeotiffSink {
    /// Starts an output at `target`: one file whose name ends with `.tif` or `.tiff`, or else a folder, made if
    /// it is missing, of `<folder>_<YYYYMMDDTHHMMSSZ>.tif`. In a folder each time step is complete at its checkpoint, and
    /// an interrupted run of the same [`CubeLayout::resume_key`] is continued.
    ///
    /// # Errors
    /// `USAGE` for a file with several time steps and for levels that cannot be; `OUTPUT_EXISTS`, `OUTPUT_IO`,
    /// `DISK_FULL`.
    pub fn create(target: &Path, layout: &CubeLayout, options: GeotiffOptions) -> Result<Self> {
        check_layout(layout, options.compression_level)?;
        check_target(target, layout.time_steps, options.overwrite)?;
        let form = ScratchForm::of(layout);
        let mut resumed = Vec::new();
        let (output, beside, stem) = match Target::of(target, layout.time_steps)? {
            Target::File(path) => {
                let stem = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
                let beside = path.parent().map(Path::to_path_buf).unwrap_or_default();
                (Output::File(path), beside, stem)
            }
            Target::Folder { path, stem } => {
                let folder = Folder::open(&path, &stem, &layout.resume_key, options.overwrite)?;
                resumed = folder.resumed().to_vec();
                (Output::Folder(Box::new(folder)), path, stem)
            }
        };
        let spools = Spools::new(form, &beside, &stem);
        Ok(Self {
            layout: layout.clone(),
            form,
            options,
            target: target.to_path_buf(),
            resumed,
            state: Mutex::new(Some(State { spools, output })),
        })
    }

    /// Runs `act` on the output; an error ends it.
    fn with_state<T>(&self, act: impl FnOnce(&mut State) -> Result<T>) -> Result<T> {
        let mut guard = self.lock();
        let Some(state) = guard.as_mut() else {
            return Err(Error::internal("the output failed before").at(&self.target));
        };
        let outcome = act(state);
        if outcome.is_err() {
            *guard = None;
        }
        // Scratch files are nothing a user knows.
        outcome.map_err(|e| if e.code() == ErrorCode::DiskFull { Error::disk_full(&self.target) } else { e })
    }

    fn lock(&self) -> MutexGuard<'_, Option<State>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Writes the file of a time step.
    fn complete(&self, state: &mut State, step: usize, record: &StepRecord) -> Result<PathBuf> {
        let (to, overwrite) = match &state.output {
            Output::File(path) => (path.clone(), self.options.overwrite),
            // The folder is ours: what bears this name is of a run that ended before it noted it.
            Output::Folder(folder) => (folder.next_file(record.time), true),
        };
        let mut scratch = state.spools.take(step)?;
        let from = scratch.seal()?;
        let partial = PartialFile::create(&to, overwrite)?;
        let specs = self.layout.variables.iter().enumerate();
        let numbers = self.form.numbers;
        let contents = Contents {
            grid: &self.layout.grid,
            tile: tile_side(&self.layout),
            numbers,
            average_overviews: can_average(&self.layout),
            items: of_file(&self.layout, record),
            bands: specs.map(|(i, v)| of_band(v, numbers, record.valid_pixels.get(i).copied())).collect(),
        };
        copy(from, partial.path(), &to, &contents, self.options)?;
        partial.commit()
    }
}

impl ChunkSink for GeotiffSink {
    fn encode(&self, key: ChunkKey, values: &[f32]) -> Result<EncodedChunk> {
        let Some(spec) = self.layout.variables.get(key.variable) else {
            return Err(Error::internal(format!("there is no chunk {key:?}")));
        };
        if values.len() != self.layout.chunk_values() {
            return Err(Error::internal(format!("a chunk came with {} values", values.len())));
        }
        let (bytes, valid) = self.form.numbers.encode(values, spec.value_type, spec.keep_bits);
        Ok(EncodedChunk { key, bytes, valid })
    }

    fn store(&self, chunk: EncodedChunk) -> Result<u64> {
        if chunk.valid == 0 {
            return Ok(0);
        }
        let key = chunk.key;
        self.with_state(|state| {
            if key.time < state.output.completed() {
                return Err(Error::internal(format!("a chunk of the complete time step {} came", key.time)));
            }
            let mut stored = 0;
            for (i, tile) in chunk.bytes.chunks_exact(self.form.tile_bytes()).enumerate() {
                if !self.form.numbers.is_empty(tile) {
                    state.spools.append(key.time + i, key.variable, key.row, key.column, tile)?;
                    stored += tile.len() as u64;
                }
            }
            Ok(stored)
        })
    }

    fn rewind(&self, time_steps: usize) -> Result<()> {
        self.with_state(|state| {
            state.spools.forget_from(time_steps);
            match &mut state.output {
                Output::Folder(folder) if time_steps == 0 => folder.forget(),
                output if time_steps < output.completed() => {
                    Err(Error::internal(format!("time step {time_steps} is complete")))
                }
                _ => Ok(()),
            }
        })
    }

    fn resumed(&self) -> Vec<String> {
        self.resumed.clone()
    }

    /// Completes the file of the next time step when `record` is `{"step": <StepRecord>, ...}`; other units of work,
    /// such as a block of all time steps, complete no file and are not resumed.
    fn checkpoint(&self, record: &str) -> Result<()> {
        let Some(step) = step_of(record) else {
            return Ok(());
        };
        self.with_state(|state| {
            // One file appears when all is well, at the end.
            if let Output::File(_) = state.output {
                return Ok(());
            }
            let file = self.complete(state, state.output.completed(), &step)?;
            match &mut state.output {
                Output::Folder(folder) => folder.note(file, record),
                Output::File(_) => Ok(()),
            }
        })
    }

    fn finish(self: Box<Self>, steps: &[StepRecord]) -> Result<Vec<PathBuf>> {
        if steps.is_empty() {
            return Err(Error::new(ErrorCode::NoData, "no scene came through, so there is nothing to write"));
        }
        self.with_state(|state| {
            let unknown = state.spools.last().is_some_and(|last| last >= steps.len());
            let most = if let Output::File(_) = state.output { 1 } else { usize::MAX };
            if unknown || steps.len() < state.output.completed() || steps.len() > most {
                return Err(Error::internal(format!(
                    "{} time steps do not fit what was stored",
                    steps.len()
                )));
            }
            let mut files = Vec::new();
            for (i, step) in steps.iter().enumerate().skip(state.output.completed()) {
                let file = self.complete(state, i, step)?;
                match &mut state.output {
                    Output::Folder(folder) => folder.add(file),
                    Output::File(_) => files.push(file),
                }
            }
            if let Output::Folder(folder) = &mut state.output {
                files = folder.finish()?;
            }
            Ok(files)
        })
    }
}

impl Output {
    /// Time steps that have their file.
    fn completed(&self) -> usize {
        match self {
            Self::File(_) => 0,
            Self::Folder(folder) => folder.completed(),
        }
    }
}

/// Side of the tiles of the file, pixels: that of the chunks where a TIFF and its readers like it.
pub(super) fn tile_side(layout: &CubeLayout) -> usize {
    let chunk = layout.chunk;
    let fits = chunk.ny == chunk.nx && chunk.nx.is_multiple_of(16) && (128..=2048).contains(&chunk.nx);
    if fits { chunk.nx } else { TILE_SIDE }
}

fn check_layout(layout: &CubeLayout, level: u8) -> Result<()> {
    if level > 9 {
        return Err(Error::usage(format!("compression level is {level}, expected 0 to 9")));
    }
    let (grid, chunk, bands) = (layout.grid.shape, layout.chunk, layout.variables.len());
    if grid.ny == 0 || grid.nx == 0 || chunk.ny == 0 || chunk.nx == 0 || layout.chunk_steps == 0 || bands == 0
    {
        return Err(Error::internal("a cube without pixels cannot be written"));
    }
    if bands > MAX_BANDS {
        return Err(Error::usage(format!("{bands} variables are more than the bands of a GeoTIFF")));
    }
    let side_limit = i32::MAX as usize;
    if grid.ny > side_limit || grid.nx > side_limit || chunk.ny.saturating_mul(chunk.nx) > side_limit / 4 {
        return Err(Error::usage(format!("chunks of {} x {} pixels are too large", chunk.ny, chunk.nx)));
    }
    Ok(())
}
