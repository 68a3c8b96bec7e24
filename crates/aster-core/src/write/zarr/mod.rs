//! Zarr v3 cubes after CF-1.11 in a folder: one file per chunk, encoded by the caller's threads.
//!
//! Only metadata and a codec are needed of the format, which is less than a library for all of Zarr brings along.
mod array;
mod metadata;

use crate::cube::record::StepRecord;
use crate::cube::sink::{ChunkKey, ChunkSink, Coded, CubeLayout, EncodedChunk};
use crate::error::{Error, ErrorCode, Result};
use crate::write::coordinates::Horizontal;
use crate::write::describe::check_layout;
use crate::write::journal::place;
use crate::write::partial_folder::PartialFolder;
pub use crate::write::partial_folder::check_folder;
use crate::write::step_table::StepTable;
use crate::write::values::{self, ByteOrder};
use array::Gzip;
use metadata::{Array, consolidated};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// How a cube is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ZarrOptions {
    /// Replace an output that is there.
    pub overwrite: bool,
    /// 0 (plain) to 9 (smallest).
    pub compression_level: u8,
}

impl Default for ZarrOptions {
    fn default() -> Self {
        // Higher levels save 2 % of an index and take twice the time.
        Self { overwrite: false, compression_level: 1 }
    }
}

/// Writer of one Zarr store.
///
/// A run that fails, is cancelled or killed leaves nothing under the final name. Units of work that were completed by a
/// [`ChunkSink::checkpoint`] are kept in a hidden folder beside it, and a sink created for the same output with the same
/// [`CubeLayout::resume_key`] and options goes on from there; without a checkpoint, or without a key, nothing is kept.
/// Two processes never write the same output at once.
pub struct ZarrSink {
    layout: CubeLayout,
    horizontal: Horizontal,
    gzip: Option<Gzip>,
    target: PathBuf,
    /// None after an error: nothing more can be stored.
    open: Mutex<Option<PartialFolder>>,
}

impl ZarrSink {
    /// Starts a store at `path`, or goes on with one that was interrupted.
    ///
    /// # Errors
    /// `OUTPUT_EXISTS`, `DISK_FULL`; `OUTPUT_IO`, also when another run writes the same output or `path` is a folder
    /// that is no Zarr store; `USAGE` for names or levels that cannot be; `UNSUPPORTED` for a rotated grid.
    pub fn create(path: &Path, layout: &CubeLayout, options: ZarrOptions) -> Result<Self> {
        check_layout(layout, options.compression_level)?;
        let horizontal = Horizontal::of(layout)?;
        let key = match layout.resume_key.as_str() {
            "" => String::new(),
            // What the bytes of chunks depend on beside their values.
            key => format!(
                "zarr gzip {} chunks {} {} {} {key}",
                options.compression_level, layout.chunk_steps, layout.chunk.ny, layout.chunk.nx
            ),
        };
        let names: Vec<String> = layout.variables.iter().map(|v| v.name.clone()).collect();
        let steps = layout.chunk_steps;
        let file_of = Box::new(move |place| array::chunk_file(&names, steps, place));
        let open = PartialFolder::open(path, options.overwrite, &key, file_of)?;
        Ok(Self {
            layout: layout.clone(),
            horizontal,
            gzip: (options.compression_level > 0).then(|| Gzip::new(options.compression_level)),
            target: path.to_path_buf(),
            open: Mutex::new(Some(open)),
        })
    }

    /// Runs `act` on the open store; an error ends it.
    fn with_open<T>(&self, act: impl FnOnce(&mut PartialFolder) -> Result<T>) -> Result<T> {
        let mut guard = self.lock();
        let open =
            guard.as_mut().ok_or_else(|| Error::internal("the output failed before").at(&self.target))?;
        let outcome = act(open);
        if outcome.is_err() {
            *guard = None;
        }
        outcome
    }

    fn lock(&self) -> MutexGuard<'_, Option<PartialFolder>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl ChunkSink for ZarrSink {
    fn encode(&self, key: ChunkKey, values: &[f32]) -> Result<EncodedChunk> {
        let spec = self.layout.variable_of_values(key, values.len())?;
        let valid = values::valid(values);
        let plain = || values::stored(values, spec.value_type, ByteOrder::Plain);
        let bytes = match &self.gzip {
            Some(gzip) if valid > 0 && spec.keeps_whole() => {
                gzip.of_repeats.gzip_values(values, self.layout.chunk.nx)?
            }
            Some(gzip) if valid > 0 => gzip.encode(&plain())?,
            _ => plain(),
        };
        Ok(EncodedChunk { key, bytes, valid })
    }

    fn encode_coded(&self, key: ChunkKey, coded: Coded<'_>) -> Result<EncodedChunk> {
        let spec = self.layout.variable_of_values(key, coded.codes.len())?;
        match &self.gzip {
            Some(gzip) if spec.keeps_whole() => {
                let (bytes, valid) = gzip.of_repeats.gzip_coded(coded, self.layout.chunk.nx)?;
                Ok(EncodedChunk { key, bytes, valid })
            }
            _ => self.encode(key, &coded.values()),
        }
    }

    fn store(&self, chunk: EncodedChunk) -> Result<u64> {
        self.layout.variable_of(chunk.key)?;
        if chunk.valid == 0 {
            return Ok(0);
        }
        self.with_open(|open| open.write(place(chunk.key), &chunk.bytes))?;
        Ok(chunk.bytes.len() as u64)
    }

    /// A chunk of several time steps that begins before `time_steps` stays until it is stored anew.
    fn rewind(&self, time_steps: usize) -> Result<()> {
        self.with_open(|open| open.rewind(time_steps))
    }

    fn resumed(&self) -> Vec<String> {
        self.lock().as_ref().map_or_else(Vec::new, |open| open.records().to_vec())
    }

    fn checkpoint(&self, record: &str) -> Result<()> {
        self.with_open(|open| open.checkpoint(record))
    }

    fn finish(self: Box<Self>, steps: &[StepRecord]) -> Result<Vec<PathBuf>> {
        if steps.is_empty() {
            return Err(Error::new(ErrorCode::NoData, "no scene came through, so there is nothing to write"));
        }
        let Some(open) = self.lock().take() else {
            return Err(Error::internal("the output failed before").at(&self.target));
        };
        if open.first_of_last_chunk() >= steps.len() {
            return Err(Error::internal("scenes that have chunks were left out").at(&self.target));
        }
        let files = self.write_arrays(&open, steps)?;
        Ok(vec![open.commit(&files)?])
    }
}

impl ZarrSink {
    /// Metadata of everything, and the values of all that is no data variable.
    fn write_arrays(&self, open: &PartialFolder, steps: &[StepRecord]) -> Result<Vec<PathBuf>> {
        let table = StepTable::of(&self.layout, steps);
        let arrays = metadata::arrays(&self.layout, &self.horizontal, &table, self.gzip.as_ref())?;
        let mut files = Vec::new();
        let mut write = |path: PathBuf, bytes: &[u8]| -> Result<()> {
            let folder = path.parent().unwrap_or(open.path());
            let written = fs::create_dir_all(folder).and_then(|()| fs::write(&path, bytes));
            files.push(path);
            written.map_err(|e| open.error(&e))
        };
        for Array { name, metadata, only_chunk } in &arrays {
            let folder = open.path().join(name);
            write(folder.join("zarr.json"), &metadata::json(metadata)?)?;
            if let Some(bytes) = only_chunk {
                write(folder.join(metadata.first_chunk_file()), bytes)?;
            }
        }
        write(open.path().join("zarr.json"), &metadata::json(&consolidated(&self.layout, steps, &arrays))?)?;
        Ok(files)
    }
}
