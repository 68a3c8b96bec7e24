//! The chunks of an interrupted output, in one file beside it: what its sink was given, in that order, up to each
//! checkpoint.
//!
//! Layout: a line that says what the file is, then frames. A frame is a check sum (CRC-32 of all that follows, and of
//! where the frame lies), the length of its content, its kind and its content; numbers are little-endian. All up to the
//! last whole checkpoint counts: a crash tears only what comes after it.
use crate::cube::sink::{ChunkKey, EncodedChunk};
use crate::error::{Error, ErrorCode, Result};
use crate::write::partial::{folder_of, output_error};
use libdeflater::Crc;
use std::fs::{File, OpenOptions};
use std::io::{self, BufReader, ErrorKind, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

/// Changes whenever older files would be misunderstood.
const MAGIC: &[u8] = b"aster-timeseries checkpoints 1\n";
/// Check sum, length, kind.
const HEADER_BYTES: usize = 4 + 4 + 1;
/// Variable, time step, row and column of a chunk; its valid values.
const CHUNK_HEADER_BYTES: usize = 4 * 4 + 8;
/// What compression may add to values that it cannot make smaller, and what a sink may add to them.
const CHUNK_MARGIN_BYTES: usize = 64 << 10;
/// Largest key and largest record of a checkpoint.
const MAX_TEXT_BYTES: usize = 256 << 20;
const READ_BYTES: usize = 1 << 20;

/// What a frame holds. The first one has the key, and no other one has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Key = 1,
    Chunk = 2,
    Checkpoint = 3,
}

/// The file of an output.
#[derive(Debug)]
pub(super) struct KeptChunks {
    path: PathBuf,
    file: File,
    key: String,
    records: Vec<String>,
    /// Bytes up to the last checkpoint, and time steps that begin before it.
    kept: Extent,
    /// Bytes written, and time steps begun.
    written: Extent,
}

#[derive(Debug, Clone, Copy, Default)]
struct Extent {
    bytes: u64,
    time_steps: usize,
}

impl KeptChunks {
    /// Opens the file at `path` if it was written for `key`, and cuts off what came after its last checkpoint. Nothing if
    /// there is no file, or one for another key, or one without a checkpoint. A chunk has `chunk_values` values.
    ///
    /// # Errors
    /// `OUTPUT_EXISTS` when something else lies there; `OUTPUT_IO`.
    pub(super) fn open(path: &Path, key: &str, chunk_values: usize) -> Result<Option<Self>> {
        let io = |e: io::Error| output_error(path, &e);
        let file = match OpenOptions::new().read(true).write(true).open(path) {
            Ok(file) => file,
            Err(e) if e.kind() == ErrorKind::NotFound => return Ok(None),
            Err(e) => return Err(io(e)),
        };
        let mut frames = Frames::of(&file, path, chunk_values)?;
        match frames.next_frame().map_err(io)? {
            Some((Kind::Key, found)) if found == key.as_bytes() => {}
            _ => return Ok(None),
        }
        let (mut records, mut kept, mut seen) = (Vec::new(), Extent::default(), 0);
        while let Some((kind, content)) = frames.next_frame().map_err(io)? {
            match kind {
                Kind::Key => break,
                Kind::Chunk => match chunk_of(content) {
                    Some((key, ..)) => seen = seen.max(key.time.saturating_add(1)),
                    None => break,
                },
                Kind::Checkpoint => match std::str::from_utf8(content) {
                    Ok(record) => {
                        records.push(record.to_string());
                        kept = Extent { bytes: frames.at, time_steps: seen };
                    }
                    Err(_) => break,
                },
            }
        }
        drop(frames);
        if records.is_empty() {
            return Ok(None);
        }
        let (path, key) = (path.to_path_buf(), key.to_string());
        let mut this = Self { path, file, key, records, kept, written: kept };
        this.cut().map_err(|e| output_error(&this.path, &e))?;
        Ok(Some(this))
    }

    /// Begins a file, replacing an earlier one at `path`.
    ///
    /// # Errors
    /// `OUTPUT_EXISTS` when something else lies there; `OUTPUT_IO`, `DISK_FULL`.
    pub(super) fn create(path: &Path, key: &str) -> Result<Self> {
        let io = |e: io::Error| output_error(path, &e);
        let file =
            OpenOptions::new().read(true).write(true).create(true).truncate(false).open(path).map_err(io)?;
        check_ours(&file, path)?;
        let (path, key) = (path.to_path_buf(), key.to_string());
        let (kept, written) = (Extent::default(), Extent::default());
        let mut this = Self { path, file, key, records: Vec::new(), kept, written };
        // Nothing is left behind where not even this fits.
        this.begin().inspect_err(|_| drop(std::fs::remove_file(&this.path)))?;
        // The name itself is data of the folder. Not every file system can sync a folder.
        let _ = File::open(folder_of(&this.path)).and_then(|f| f.sync_all());
        Ok(this)
    }

    fn begin(&mut self) -> Result<()> {
        self.records.clear();
        (self.kept, self.written) = (Extent::default(), Extent::default());
        let begun = self.cut().and_then(|()| self.file.write_all(MAGIC));
        begun.map_err(|e| self.error(&e))?;
        self.written.bytes = MAGIC.len() as u64;
        let key = self.key.clone();
        self.write(Kind::Key, &[], key.as_bytes())
    }

    /// Records of all checkpoints.
    pub(super) fn records(&self) -> &[String] {
        &self.records
    }

    /// Hands all chunks to `store`, one after another in the order they came.
    ///
    /// # Errors
    /// Those of `store`; `OUTPUT_IO`, also when the file is no longer what it was.
    pub(super) fn replay(
        &self,
        chunk_values: usize,
        mut store: impl FnMut(EncodedChunk) -> Result<()>,
    ) -> Result<()> {
        let mut frames = Frames::of(&self.file, &self.path, chunk_values)?;
        while frames.at < self.kept.bytes {
            let Some((kind, content)) = frames.next_frame().map_err(|e| self.error(&e))? else {
                return Err(
                    self.error(&io::Error::new(ErrorKind::InvalidData, "it changed while it was read"))
                );
            };
            if let (Kind::Chunk, Some((key, valid, bytes))) = (kind, chunk_of(content)) {
                store(EncodedChunk { key, bytes: bytes.to_vec(), valid })?;
            }
        }
        drop(frames);
        // The place to write at is that of the one open file.
        (&self.file).seek(SeekFrom::Start(self.written.bytes)).map(drop).map_err(|e| self.error(&e))
    }

    /// Adds a chunk. It counts after the next checkpoint.
    ///
    /// # Errors
    /// `OUTPUT_IO`, `DISK_FULL`.
    pub(super) fn append(&mut self, chunk: &EncodedChunk) -> Result<()> {
        let ChunkKey { variable, time, row, column } = chunk.key;
        let mut header = [0; CHUNK_HEADER_BYTES];
        for (place, number) in header.chunks_exact_mut(4).zip([variable, time, row, column]) {
            let number = u32::try_from(number).map_err(|_| Error::internal("a chunk lies beyond 32 bits"))?;
            place.copy_from_slice(&number.to_le_bytes());
        }
        header[16..].copy_from_slice(&chunk.valid.to_le_bytes());
        self.write(Kind::Chunk, &header, &chunk.bytes)?;
        self.written.time_steps = self.written.time_steps.max(time.saturating_add(1));
        Ok(())
    }

    /// Adds a checkpoint; it and all before it is on the disk when this returns.
    ///
    /// # Errors
    /// `OUTPUT_IO`, `DISK_FULL`.
    pub(super) fn checkpoint(&mut self, record: &str) -> Result<()> {
        self.write(Kind::Checkpoint, &[], record.as_bytes())?;
        self.file.sync_data().map_err(|e| self.error(&e))?;
        self.records.push(record.to_string());
        self.kept = self.written;
        Ok(())
    }

    /// Forgets the chunks from time step `time_steps` on, which all came after the last checkpoint; with 0 everything.
    ///
    /// # Errors
    /// `OUTPUT_IO`, `DISK_FULL`.
    pub(super) fn rewind(&mut self, time_steps: usize) -> Result<()> {
        if time_steps == 0 {
            return self.begin();
        }
        if time_steps < self.kept.time_steps {
            return Err(Error::internal(format!("time step {time_steps} is complete")).at(&self.path));
        }
        self.cut().map_err(|e| self.error(&e))
    }

    /// Cuts off what came after the last checkpoint, which gives its space back.
    pub(super) fn cut(&mut self) -> io::Result<()> {
        self.file.set_len(self.kept.bytes)?;
        self.file.seek(SeekFrom::Start(self.kept.bytes))?;
        self.written = self.kept;
        Ok(())
    }

    fn write(&mut self, kind: Kind, head: &[u8], body: &[u8]) -> Result<()> {
        let length = head.len() + body.len();
        let length = u32::try_from(length).ok().filter(|_| kind == Kind::Chunk || length <= MAX_TEXT_BYTES);
        let length =
            length.ok_or_else(|| Error::internal("a checkpoint is larger than 256 MiB").at(&self.path))?;
        let mut header = [0; HEADER_BYTES];
        header[4..8].copy_from_slice(&length.to_le_bytes());
        header[8] = kind as u8;
        let sum = check_sum(self.written.bytes, &header[4..], &[head, body]);
        header[..4].copy_from_slice(&sum.to_le_bytes());
        let header = [&header, head].concat();
        let written = self.file.write_all(&header).and_then(|()| self.file.write_all(body));
        written.map_err(|e| self.error(&e))?;
        self.written.bytes += (header.len() + body.len()) as u64;
        Ok(())
    }

    fn error(&self, error: &io::Error) -> Error {
        output_error(&self.path, error)
    }
}

/// Reads frame after frame, each into the same memory.
struct Frames<'a> {
    file: BufReader<&'a File>,
    /// Where the next frame begins.
    at: u64,
    /// Length of the file.
    end: u64,
    largest_chunk: usize,
    content: Vec<u8>,
}

impl<'a> Frames<'a> {
    fn of(file: &'a File, path: &Path, chunk_values: usize) -> Result<Self> {
        check_ours(file, path)?;
        let io = |e: io::Error| output_error(path, &e);
        let end = file.metadata().map_err(io)?.len();
        let at = MAGIC.len() as u64;
        let mut file = BufReader::with_capacity(READ_BYTES, file);
        file.seek(SeekFrom::Start(at)).map_err(io)?;
        // Values have four bytes at most; those of statistics have areas beside them.
        let largest_chunk = chunk_values.saturating_mul(8).saturating_add(CHUNK_MARGIN_BYTES);
        Ok(Self { file, at, end, largest_chunk, content: Vec::new() })
    }

    /// The next frame; none where the file ends, or is not whole from here on.
    fn next_frame(&mut self) -> io::Result<Option<(Kind, &[u8])>> {
        let left = self.end.saturating_sub(self.at);
        let mut header = [0; HEADER_BYTES];
        if left < HEADER_BYTES as u64 || !read_whole(&mut self.file, &mut header)? {
            return Ok(None);
        }
        let number = |place: usize| {
            u32::from_le_bytes([header[place], header[place + 1], header[place + 2], header[place + 3]])
        };
        let (sum, length) = (number(0), number(4) as usize);
        let kind = match header[8] {
            1 => Kind::Key,
            2 => Kind::Chunk,
            3 => Kind::Checkpoint,
            _ => return Ok(None),
        };
        let most = if kind == Kind::Chunk { self.largest_chunk } else { MAX_TEXT_BYTES };
        if length > most || length as u64 > left - HEADER_BYTES as u64 {
            return Ok(None);
        }
        self.content.resize(length, 0);
        let is_whole = read_whole(&mut self.file, &mut self.content)?
            && sum == check_sum(self.at, &header[4..], &[&self.content]);
        self.at += (HEADER_BYTES + length) as u64;
        Ok(is_whole.then_some((kind, &self.content)))
    }
}

/// Fills `bytes`; false where the file ends before that.
fn read_whole(file: &mut impl Read, bytes: &mut [u8]) -> io::Result<bool> {
    match file.read_exact(bytes) {
        Ok(()) => Ok(true),
        Err(e) if e.kind() == ErrorKind::UnexpectedEof => Ok(false),
        Err(e) => Err(e),
    }
}

/// With the place in it, a frame counts only where it was written: not one of a process that was stopped for long, and
/// whose successor had written on.
fn check_sum(at: u64, header: &[u8], contents: &[&[u8]]) -> u32 {
    let mut sum = Crc::new();
    sum.update(&at.to_le_bytes());
    sum.update(header);
    contents.iter().for_each(|content| sum.update(content));
    sum.sum()
}

/// Place, valid values and bytes of a chunk.
fn chunk_of(content: &[u8]) -> Option<(ChunkKey, u64, &[u8])> {
    let (header, bytes) = content.split_at_checked(CHUNK_HEADER_BYTES)?;
    let number = |place: usize| -> Option<usize> {
        let number = u32::from_le_bytes(header.get(place..place + 4)?.try_into().ok()?);
        usize::try_from(number).ok()
    };
    let key = ChunkKey { variable: number(0)?, time: number(4)?, row: number(8)?, column: number(12)? };
    Some((key, u64::from_le_bytes(header.get(16..)?.try_into().ok()?), bytes))
}

/// Refuses a file that is not of this kind: it would be replaced.
fn check_ours(mut file: &File, path: &Path) -> Result<()> {
    let mut begin = Vec::with_capacity(MAGIC.len());
    let read = file.rewind().and_then(|()| file.take(MAGIC.len() as u64).read_to_end(&mut begin));
    read.map_err(|e| output_error(path, &e))?;
    // What a crash left may end early, or in zeros that were never written.
    while begin.last() == Some(&0) {
        begin.pop();
    }
    if MAGIC.starts_with(&begin) {
        return Ok(());
    }
    let message = format!("{} is there, and no file of checkpoints", path.display());
    Err(Error::new(ErrorCode::OutputExists, message).hint("move it away, or name another file").at(path))
}

#[cfg(test)]
mod tests;
