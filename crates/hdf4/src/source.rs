//! Where bytes come from: a mapped file, positioned reads, memory, or ranges a caller supplies.
#![deny(unsafe_code)]

#[cfg(feature = "mmap")]
pub mod mmap;
mod sparse;

use std::borrow::Cow;
use std::fs::{File, Metadata};
use std::ops::Range;
use std::path::Path;

use crate::error::{Error, Result};

pub use sparse::Sparse;

/// Random access to the bytes of one file; shared by many threads.
pub trait ByteSource: Send + Sync {
    /// Size of the file in bytes.
    fn len(&self) -> u64;

    /// `len` bytes from `offset`, borrowed where the source holds them already.
    fn read_at(&self, offset: u64, len: usize) -> Result<Cow<'_, [u8]>>;

    /// Fills `dst` from `offset`.
    fn read_into(&self, offset: u64, dst: &mut [u8]) -> Result<()>;

    /// Announces ranges about to be read, so a remote source can fetch them together.
    fn prefetch(&self, ranges: &[Range<u64>]) -> Result<()> {
        let _ = ranges;
        Ok(())
    }

    /// Something that changes when the content does, such as an ETag.
    fn identity(&self) -> Option<String> {
        None
    }

    /// The whole file as one slice, if it is in memory.
    fn as_slice(&self) -> Option<&[u8]> {
        None
    }

    /// Whether the source holds no bytes.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// Checks a range against the size of the file.
pub(crate) fn check(offset: u64, len: u64, size: u64) -> Result<()> {
    match offset.checked_add(len) {
        Some(end) if end <= size => Ok(()),
        _ => Err(Error::corrupt(offset, format!("{len} bytes run past the end of the file"))),
    }
}

/// The part of `bytes` a caller asks for.
pub(crate) fn slice(bytes: &[u8], offset: u64, len: usize) -> Result<&[u8]> {
    check(offset, len as u64, bytes.len() as u64)?;
    let start = usize::try_from(offset).unwrap_or(usize::MAX);
    bytes
        .get(start..start.saturating_add(len))
        .ok_or_else(|| Error::corrupt(offset, "range outside the file"))
}

/// A file held in memory.
pub struct Memory(Vec<u8>);

impl Memory {
    /// Takes the content of a file.
    pub fn new(bytes: impl Into<Vec<u8>>) -> Self {
        Memory(bytes.into())
    }
}

impl ByteSource for Memory {
    fn len(&self) -> u64 {
        self.0.len() as u64
    }

    fn read_at(&self, offset: u64, len: usize) -> Result<Cow<'_, [u8]>> {
        slice(&self.0, offset, len).map(Cow::Borrowed)
    }

    fn read_into(&self, offset: u64, dst: &mut [u8]) -> Result<()> {
        dst.copy_from_slice(slice(&self.0, offset, dst.len())?);
        Ok(())
    }

    fn as_slice(&self) -> Option<&[u8]> {
        Some(&self.0)
    }
}

/// Opens a file for reading; a folder opens too on some systems and is refused here.
fn open_file(path: &Path) -> Result<(File, Metadata)> {
    let failed = |e| open_error(path, e);
    let file = File::open(path).map_err(failed)?;
    let meta = file.metadata().map_err(failed)?;
    if meta.is_dir() {
        return Err(failed(std::io::Error::from(std::io::ErrorKind::IsADirectory)));
    }
    Ok((file, meta))
}

fn open_error(path: &Path, error: std::io::Error) -> Error {
    Error::io(format!("cannot open {}", path.display()), error)
}

/// A file read with positioned reads: safe on network file systems and for files that may shrink.
pub struct Pread {
    file: File,
    len: u64,
    identity: Option<String>,
}

impl Pread {
    /// Opens `path` for reading.
    pub fn open(path: impl AsRef<Path>) -> Result<Self> {
        let (file, meta) = open_file(path.as_ref())?;
        Ok(Pread { file, len: meta.len(), identity: identity_of(&meta) })
    }
}

/// Size and time of change: enough to notice that a file was replaced.
fn identity_of(meta: &Metadata) -> Option<String> {
    let age = meta.modified().ok()?.duration_since(std::time::UNIX_EPOCH).ok()?;
    Some(format!("{}-{}", meta.len(), age.as_nanos()))
}

/// One positioned read, the only call that differs between systems.
pub(crate) fn pread(file: &File, offset: u64, dst: &mut [u8]) -> Result<()> {
    #[cfg(unix)]
    let outcome = std::os::unix::fs::FileExt::read_exact_at(file, dst, offset);
    #[cfg(windows)]
    let outcome = {
        use std::os::windows::fs::FileExt;
        let mut done = 0;
        loop {
            match file.seek_read(&mut dst[done..], offset + done as u64) {
                Ok(0) if done < dst.len() => {
                    break Err(std::io::Error::from(std::io::ErrorKind::UnexpectedEof));
                }
                Ok(n) => done += n,
                Err(e) if e.kind() == std::io::ErrorKind::Interrupted => {}
                Err(e) => break Err(e),
            }
            if done == dst.len() {
                break Ok(());
            }
        }
    };
    #[cfg(not(any(unix, windows)))]
    let outcome = {
        let _ = (file, offset, &dst);
        Err(std::io::Error::from(std::io::ErrorKind::Unsupported))
    };
    outcome.map_err(|e| Error::io(format!("cannot read {} bytes at {offset}", dst.len()), e))
}

impl ByteSource for Pread {
    fn len(&self) -> u64 {
        self.len
    }

    fn read_at(&self, offset: u64, len: usize) -> Result<Cow<'_, [u8]>> {
        check(offset, len as u64, self.len)?;
        let mut bytes = vec![0; len];
        pread(&self.file, offset, &mut bytes)?;
        Ok(Cow::Owned(bytes))
    }

    fn read_into(&self, offset: u64, dst: &mut [u8]) -> Result<()> {
        check(offset, dst.len() as u64, self.len)?;
        pread(&self.file, offset, dst)
    }

    fn identity(&self) -> Option<String> {
        self.identity.clone()
    }
}
