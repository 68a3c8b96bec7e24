//! Lets any sink go on where an interrupted run was: keeps what it is given in a file, and gives it the same again.
use crate::cube::record::StepRecord;
use crate::cube::sink::{ChunkKey, ChunkSink, Coded, CubeLayout, EncodedChunk};
use crate::error::{Error, ErrorCode, Result};
use crate::write::claim::Claim;
use crate::write::kept_chunks::KeptChunks;
use crate::write::partial::check_folder_of;
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// A sink, and beside it a file of all that was stored in it since the beginning.
///
/// A run that fails, is cancelled or killed after a [`ChunkSink::checkpoint`] leaves that file. A sink for the same
/// [`CubeLayout::resume_key`] and form gets its chunks from there, encoded as they are, in the same order. Without a
/// checkpoint, without a key, or once the output is complete, nothing is left. Two processes never write the same file.
pub struct ResumingSink<S> {
    inner: S,
    target: PathBuf,
    kept: Mutex<Kept>,
}

/// The file and the right to write it.
struct Kept {
    chunks: KeptChunks,
    path: PathBuf,
    target: PathBuf,
    is_resumable: bool,
    is_done: bool,
    /// Given up last.
    claim: Claim,
}

impl<S: ChunkSink> ResumingSink<S> {
    /// Wraps the empty sink of `target`; `path` is the file, and `form` what encoded chunks depend on beside the layout.
    ///
    /// # Errors
    /// `OUTPUT_EXISTS` when `path` is something else; `OUTPUT_IO`, also when another process writes it; `DISK_FULL`;
    /// those of the sink.
    pub fn new(inner: S, path: &Path, target: &Path, layout: &CubeLayout, form: &str) -> Result<Self> {
        check_checkpoints(path, target)?;
        let claim = Claim::acquire(&claim_of(path), target)?;
        let (values, is_resumable) = (layout.chunk_values(), !layout.resume_key.is_empty());
        let key = format!(
            "{form} chunks {} {} {} {}",
            layout.chunk_steps, layout.chunk.ny, layout.chunk.nx, layout.resume_key
        );
        let found = if is_resumable { KeptChunks::open(path, &key, values)? } else { None };
        let chunks = match found {
            Some(chunks) => chunks,
            None => KeptChunks::create(path, &key)?,
        };
        let (path, target) = (path.to_path_buf(), target.to_path_buf());
        let kept = Kept { chunks, path, target: target.clone(), is_resumable, is_done: false, claim };
        let replayed = kept.chunks.replay(values, |chunk| inner.store(chunk).map(drop));
        replayed.map_err(|e| kept.with_hint(e))?;
        Ok(Self { inner, target, kept: Mutex::new(kept) })
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<S: ChunkSink> ChunkSink for ResumingSink<S> {
    fn encode(&self, key: ChunkKey, values: &[f32]) -> Result<EncodedChunk> {
        self.inner.encode(key, values)
    }

    fn encode_coded(&self, key: ChunkKey, coded: Coded<'_>) -> Result<EncodedChunk> {
        self.inner.encode_coded(key, coded)
    }

    fn store(&self, chunk: EncodedChunk) -> Result<u64> {
        let mut kept = self.kept();
        // What the sink does not store need not be kept.
        if chunk.valid > 0 {
            kept.chunks.append(&chunk).map_err(|e| kept.with_hint(e))?;
        }
        self.inner.store(chunk).map_err(|e| kept.with_hint(e))
    }

    fn rewind(&self, time_steps: usize) -> Result<()> {
        let mut kept = self.kept();
        kept.chunks.rewind(time_steps)?;
        self.inner.rewind(time_steps)
    }

    fn resumed(&self) -> Vec<String> {
        self.kept().chunks.records().to_vec()
    }

    fn checkpoint(&self, record: &str) -> Result<()> {
        let mut kept = self.kept();
        kept.claim.check(&self.target)?;
        kept.chunks.checkpoint(record).map_err(|e| kept.with_hint(e))
    }

    fn finish(self: Box<Self>, steps: &[StepRecord]) -> Result<Vec<PathBuf>> {
        let Self { inner, target, kept, .. } = *self;
        let mut kept = kept.into_inner().unwrap_or_else(PoisonError::into_inner);
        kept.claim.check(&target)?;
        let outputs = Box::new(inner).finish(steps).map_err(|e| kept.with_hint(e))?;
        kept.is_done = true;
        Ok(outputs)
    }
}

impl Kept {
    /// What a full disk leaves behind, and how to go on.
    fn with_hint(&self, error: Error) -> Error {
        match error.code() {
            ErrorCode::DiskFull if self.is_worth_it() => error.hint(format!(
                "free some space and start the same run again: it goes on from what {} holds",
                self.path.display()
            )),
            _ => error,
        }
    }

    fn is_worth_it(&self) -> bool {
        self.is_resumable && !self.is_done && !self.chunks.records().is_empty()
    }
}

impl Drop for Kept {
    /// Keeps what is worth it: the chunks of checkpoints. The rest gives its space back.
    fn drop(&mut self) {
        if self.claim.check(&self.target).is_err() {
            return;
        }
        // Best effort: what cannot be removed now is by the next run, or does not count.
        if self.is_worth_it() {
            let _ = self.chunks.cut();
        } else {
            let _ = fs::remove_file(&self.path);
        }
    }
}

/// Refuses a file for checkpoints that could not be made, before any work is done for it.
///
/// # Errors
/// `USAGE` when `path` is no file name or that of the output; `OUTPUT_IO` when its folder is missing or it is a folder.
pub fn check_checkpoints(path: &Path, target: &Path) -> Result<()> {
    if path.file_name().is_none() || path == target {
        return Err(Error::usage(format!("{} is no name for a file of checkpoints", path.display())).at(path));
    }
    if path.is_dir() {
        return Err(Error::new(ErrorCode::OutputIo, format!("{} is a folder", path.display()))
            .hint("name a file in it")
            .at(path));
    }
    check_folder_of(path)
}

/// Says which process writes the file at `path`.
fn claim_of(path: &Path) -> PathBuf {
    let mut name = OsString::from(path);
    name.push(".claim");
    PathBuf::from(name)
}
