//! NetCDF-4 cubes after CF-1.11, laid out by hand in HDF5: chunks are deflated by the caller's threads and
//! stored as they are.
mod attributes;
mod chunk;
mod container;
mod contents;
mod coordinates;
mod handle;
mod scenes;

use crate::cube::record::StepRecord;
use crate::cube::sink::{ChunkKey, ChunkSink, Coded, CubeLayout, EncodedChunk};
use crate::error::{Error, ErrorCode, Result};
use crate::grid::geobox::Shape;
use crate::write::coordinates::Horizontal;
use crate::write::deflate::Deflater;
use crate::write::describe::check_layout;
use crate::write::partial::PartialFile;
use container::Container;
use contents::Contents;
use handle::{Failure, Outcome};
use hdf5::sync::sync;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Most time steps: dimensions of NetCDF readers are 32-bit in places.
const MAX_TIME_STEPS: usize = i32::MAX as usize;

/// How a cube is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NetcdfOptions {
    /// Replace an output that is there.
    pub overwrite: bool,
    /// 0 (plain) to 9 (smallest).
    pub compression_level: u8,
}

impl Default for NetcdfOptions {
    fn default() -> Self {
        // On float data level 1 is as small as level 4 and several times faster.
        Self { overwrite: false, compression_level: 1 }
    }
}

/// Writer of one NetCDF-4 file.
pub struct NetcdfSink {
    layout: CubeLayout,
    stored_chunk: Shape,
    deflater: Option<Deflater>,
    target: PathBuf,
    /// None after an error: the output is removed at once, and nothing more can be stored.
    open: Mutex<Option<Open>>,
}

/// An output under way.
struct Open {
    contents: Contents,
    file: Container,
    partial: PartialFile,
}

impl NetcdfSink {
    /// Starts a file at `path` with everything but the scenes: global attributes, coordinates, grid mapping
    /// and variables (time, y, x) without chunks.
    ///
    /// # Errors
    /// `OUTPUT_EXISTS`, `OUTPUT_IO`, `DISK_FULL`; `USAGE` for names or levels that cannot be; `UNSUPPORTED`
    /// for a rotated grid.
    pub fn create(path: &Path, layout: &CubeLayout, options: NetcdfOptions) -> Result<Self> {
        check_layout(layout, options.compression_level)?;
        if layout.time_steps > MAX_TIME_STEPS {
            return Err(Error::usage(format!(
                "{} time steps are more than a NetCDF dimension",
                layout.time_steps
            )));
        }
        let horizontal = Horizontal::of(layout)?;
        let (grid, chunk) = (layout.grid.shape, layout.chunk);
        // HDF5 refuses chunks longer than a dimension that cannot grow.
        let stored_chunk = Shape { ny: chunk.ny.min(grid.ny), nx: chunk.nx.min(grid.nx) };
        let level = options.compression_level;
        let partial = PartialFile::create(path, options.overwrite)?;
        let begin = |file: &Container| Contents::begin(file, layout, &horizontal, stored_chunk, level);
        let open = sync(|| Open::start(partial, begin)).map_err(|failure| failure.about(path))?;
        Ok(Self {
            layout: layout.clone(),
            stored_chunk,
            deflater: (level > 0).then(|| Deflater::new(level)),
            target: path.to_path_buf(),
            open: Mutex::new(Some(open)),
        })
    }

    /// Runs `act` on the open file; an error ends the output and removes it.
    fn with_open<T>(&self, act: impl FnOnce(&mut Open) -> Outcome<T>) -> Result<T> {
        let mut guard = self.lock();
        let Some(open) = guard.as_mut() else {
            return Err(Error::internal("the output failed before").at(&self.target));
        };
        let outcome = sync(|| act(open));
        if outcome.is_err()
            && let Some(open) = guard.take()
        {
            sync(|| open.abandon());
        }
        outcome.map_err(|failure| failure.about(&self.target))
    }

    fn lock(&self) -> MutexGuard<'_, Option<Open>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl ChunkSink for NetcdfSink {
    fn encode(&self, key: ChunkKey, values: &[f32]) -> Result<EncodedChunk> {
        let spec = self.layout.variable_of_values(key, values.len())?;
        let deflater = self.deflater.as_ref();
        let (bytes, valid) = chunk::encode(values, self.layout.chunk, self.stored_chunk, spec, deflater)?;
        Ok(EncodedChunk { key, bytes, valid })
    }

    fn encode_coded(&self, key: ChunkKey, coded: Coded<'_>) -> Result<EncodedChunk> {
        let spec = self.layout.variable_of_values(key, coded.codes.len())?;
        match &self.deflater {
            Some(deflater) if spec.keeps_whole() => {
                let (given, stored) = (self.layout.chunk, self.stored_chunk);
                let (bytes, valid) = chunk::encode_coded(coded, given, stored, deflater)?;
                Ok(EncodedChunk { key, bytes, valid })
            }
            _ => self.encode(key, &coded.values()),
        }
    }

    fn store(&self, chunk: EncodedChunk) -> Result<u64> {
        let key = chunk.key;
        self.layout.variable_of(key)?;
        if chunk.valid == 0 {
            return Ok(0);
        }
        self.with_open(|open| {
            let steps = (key.time + self.layout.chunk_steps).min(self.layout.time_steps.max(key.time + 1));
            if steps > open.contents.time_steps() {
                open.contents.set_time_steps(steps)?;
            }
            open.contents.write_chunk(key, self.stored_chunk, &chunk.bytes)
        })?;
        let stored = chunk.bytes.len() as u64;
        if let Some(deflater) = &self.deflater {
            deflater.take_back(chunk.bytes);
        }
        Ok(stored)
    }

    fn rewind(&self, time_steps: usize) -> Result<()> {
        self.with_open(|open| {
            if time_steps < open.contents.time_steps() {
                open.contents.set_time_steps(time_steps)?;
            }
            Ok(())
        })
    }

    fn finish(self: Box<Self>, steps: &[StepRecord]) -> Result<Vec<PathBuf>> {
        if steps.is_empty() {
            return Err(Error::new(ErrorCode::NoData, "no scene came through, so there is nothing to write"));
        }
        self.with_open(|open| {
            if open.contents.time_steps() > steps.len() {
                return Err(Failure::own("leave out scenes that have chunks"));
            }
            open.contents.complete(&open.file, &self.layout, steps)
        })?;
        let Some(open) = self.lock().take() else {
            return Err(Error::internal("the output failed before"));
        };
        let partial = sync(|| open.close()).map_err(|failure| failure.about(&self.target))?;
        Ok(vec![partial.commit()?])
    }
}

impl Open {
    fn start(partial: PartialFile, begin: impl FnOnce(&Container) -> Outcome<Contents>) -> Outcome<Self> {
        let file = Container::create(partial.path())?;
        match begin(&file) {
            Ok(contents) => Ok(Self { contents, file, partial }),
            Err(failure) => {
                partial.truncate();
                drop(file);
                Err(failure)
            }
        }
    }

    /// Closes everything that HDF5 holds.
    fn close(mut self) -> Outcome<PartialFile> {
        // A flush that succeeds leaves nothing to write, so nothing that can fail, to the closing.
        match self.file.flush().and_then(|()| self.file.close()) {
            Ok(()) => {
                let Self { contents, file, partial } = self;
                drop((contents, file));
                Ok(partial)
            }
            Err(failure) => {
                self.abandon();
                Err(failure)
            }
        }
    }

    /// Closes and removes the file. On a full disk HDF5 can only close a file once it has room to write what
    /// it still holds: its own blocks are given back first.
    fn abandon(self) {
        let Self { contents, file, partial } = self;
        partial.truncate();
        drop(contents);
        drop(file);
        drop(partial);
    }
}

impl Drop for NetcdfSink {
    fn drop(&mut self) {
        if let Some(open) = self.lock().take() {
            sync(|| open.abandon());
        }
    }
}

/// Version of the HDF5 library compiled in.
pub fn hdf5_version() -> String {
    let (major, minor, patch) = hdf5::library_version();
    format!("{major}.{minor}.{patch}")
}
