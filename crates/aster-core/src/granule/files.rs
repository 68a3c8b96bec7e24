//! Where the files of granules are: on this disk, or, for those that are named so, behind a caller who fetches ranges.
use super::remote::{FetchRanges, Remote, RemoteFile};
use crate::error::{Error, Result};
use hdf4::source::ByteSource;
use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// This disk, with remote files laid over it: a folder holds what lies in it and what is named to be in it.
#[derive(Debug, Clone, Default)]
pub struct Files {
    remote: Option<Arc<Remote>>,
}

impl Files {
    /// This disk alone.
    pub fn local() -> Self {
        Self::default()
    }
    /// This disk, and `paths`, whose bytes come from `fetch` whatever lies there.
    pub fn with_remote(paths: impl IntoIterator<Item = PathBuf>, fetch: Arc<dyn FetchRanges>) -> Self {
        let paths: BTreeSet<PathBuf> = paths.into_iter().collect();
        Self { remote: (!paths.is_empty()).then(|| Arc::new(Remote { paths, fetch })) }
    }
    /// The remote files, when `path` is one.
    pub(super) fn remote_at(&self, path: &Path) -> Option<&Arc<Remote>> {
        self.remote.as_ref().filter(|r| r.paths.contains(path))
    }
    pub(super) fn is_dir(&self, path: &Path) -> bool {
        self.remote_in(path).next().is_some() || path.is_dir()
    }
    pub(super) fn exists(&self, path: &Path) -> bool {
        self.remote_at(path).is_some() || self.is_dir(path) || path.exists()
    }
    /// Names of what is in a folder, sorted.
    pub(super) fn names_in(&self, folder: &Path) -> Result<Vec<String>> {
        let mut names: BTreeSet<String> = self
            .remote_in(folder)
            .filter_map(|p| Some(p.file_name()?.to_string_lossy().into_owned()))
            .collect();
        match std::fs::read_dir(folder) {
            Ok(entries) => {
                for entry in entries {
                    let entry = entry.map_err(|e| Error::input_io(folder, &e))?;
                    names.insert(entry.file_name().to_string_lossy().into_owned());
                }
            }
            Err(_) if !names.is_empty() => {}
            Err(e) => return Err(Error::input_io(folder, &e)),
        }
        Ok(names.into_iter().collect())
    }
    /// Opens one file.
    pub(super) fn open(&self, path: &Path) -> Result<FileBytes> {
        let mut all = self.open_all(&[path])?;
        all.pop().ok_or_else(|| Error::internal("no file was opened"))
    }
    /// Opens files; remote ones together.
    pub(super) fn open_all(&self, paths: &[&Path]) -> Result<Vec<FileBytes>> {
        let elsewhere: Vec<&Path> = paths.iter().copied().filter(|p| self.remote_at(p).is_some()).collect();
        let mut opened: BTreeMap<&Path, Arc<RemoteFile>> = BTreeMap::new();
        if let (Some(remote), false) = (&self.remote, elsewhere.is_empty()) {
            opened.extend(elsewhere.iter().copied().zip(remote.open(&elsewhere)?));
        }
        let open = |path: &&Path| match opened.get(path) {
            Some(file) => Ok(FileBytes::Remote(Arc::clone(file))),
            None => FileBytes::on_disk(path),
        };
        paths.iter().map(open).collect()
    }
    fn remote_in<'s>(&'s self, folder: &'s Path) -> impl Iterator<Item = &'s PathBuf> {
        let paths = self.remote.iter().flat_map(move |r| r.paths.range(folder.to_path_buf()..));
        // Paths compare by their components, so those of a folder follow it.
        paths.take_while(move |p| p.starts_with(folder)).filter(move |p| p.parent() == Some(folder))
    }
}

/// An open file of either kind.
#[derive(Debug)]
pub(super) enum FileBytes {
    /// The file and its length.
    Disk(File, u64),
    Remote(Arc<RemoteFile>),
}

impl FileBytes {
    pub(super) fn on_disk(path: &Path) -> Result<Self> {
        let file = File::open(path).map_err(|e| Error::input_io(path, &e))?;
        let bytes = file.metadata().map_err(|e| Error::input_io(path, &e))?.len();
        Ok(Self::Disk(file, bytes))
    }
    pub(super) fn len(&self) -> u64 {
        match self {
            Self::Disk(_, bytes) => *bytes,
            Self::Remote(file) => file.len(),
        }
    }
    pub(super) fn is_dir(&self) -> bool {
        matches!(self, Self::Disk(file, _) if file.metadata().is_ok_and(|m| m.is_dir()))
    }
    pub(super) fn remote(&self) -> Option<&Arc<RemoteFile>> {
        match self {
            Self::Disk(..) => None,
            Self::Remote(file) => Some(file),
        }
    }
    /// Fills `buffer` from `offset`; `path` is for messages.
    pub(super) fn read_exact_at(&self, buffer: &mut [u8], offset: u64, path: &Path) -> Result<()> {
        match self {
            Self::Disk(file, _) => read_exact_at(file, buffer, offset).map_err(|e| Error::input_io(path, &e)),
            Self::Remote(file) => file.read_exact_at(buffer, offset),
        }
    }
    /// Up to `count` bytes from the beginning.
    pub(super) fn head(&self, count: usize, path: &Path) -> Result<Vec<u8>> {
        let mut bytes = vec![0; usize::try_from(self.len()).unwrap_or(usize::MAX).min(count)];
        self.read_exact_at(&mut bytes, 0, path)?;
        Ok(bytes)
    }
}

#[cfg(unix)]
fn read_exact_at(file: &File, buffer: &mut [u8], offset: u64) -> std::io::Result<()> {
    std::os::unix::fs::FileExt::read_exact_at(file, buffer, offset)
}

#[cfg(windows)]
fn read_exact_at(file: &File, mut buffer: &mut [u8], mut offset: u64) -> std::io::Result<()> {
    while !buffer.is_empty() {
        let n = std::os::windows::fs::FileExt::seek_read(file, buffer, offset)?;
        if n == 0 {
            return Err(std::io::ErrorKind::UnexpectedEof.into());
        }
        (buffer, offset) = (&mut buffer[n..], offset + n as u64);
    }
    Ok(())
}

/// A file as a stream, for readers that want one.
pub(super) struct FileStream<'f> {
    bytes: &'f FileBytes,
    at: u64,
}

impl<'f> FileStream<'f> {
    pub(super) fn new(bytes: &'f FileBytes) -> Self {
        Self { bytes, at: 0 }
    }
}

impl Read for FileStream<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let left = usize::try_from(self.bytes.len().saturating_sub(self.at)).unwrap_or(usize::MAX);
        let n = buffer.len().min(left);
        match self.bytes {
            FileBytes::Disk(file, _) => read_exact_at(file, &mut buffer[..n], self.at)?,
            FileBytes::Remote(file) => {
                file.read_exact_at(&mut buffer[..n], self.at).map_err(std::io::Error::other)?;
            }
        }
        self.at += n as u64;
        Ok(n)
    }
}

impl Seek for FileStream<'_> {
    fn seek(&mut self, to: SeekFrom) -> std::io::Result<u64> {
        let at = match to {
            SeekFrom::Start(at) => Some(at),
            SeekFrom::Current(by) => self.at.checked_add_signed(by),
            SeekFrom::End(by) => self.bytes.len().checked_add_signed(by),
        };
        self.at = at.ok_or(std::io::ErrorKind::InvalidInput)?;
        Ok(self.at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::granule::remote::{FetchedRanges, WantedRanges};

    struct Nobody;

    impl FetchRanges for Nobody {
        fn fetch(&self, wanted: Vec<WantedRanges>) -> Result<Vec<FetchedRanges>> {
            Err(Error::internal(format!("asked for {wanted:?}")))
        }
    }

    #[test]
    fn remote_files_are_laid_over_the_disk() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        std::fs::write(at("b.xml"), "x").unwrap();
        let named = [at("a.tif"), at("c/d.tif"), at("a.tiff")];
        let files = Files::with_remote(named, Arc::new(Nobody));
        assert_eq!(files.names_in(folder.path()).unwrap(), ["a.tif", "a.tiff", "b.xml"]);
        assert_eq!(files.names_in(&at("c")).unwrap(), ["d.tif"]);
        assert!(files.is_dir(&at("c")) && files.exists(&at("c")) && !files.is_dir(&at("a.tif")));
        assert!(files.exists(&at("a.tif")) && files.exists(&at("b.xml")) && !files.exists(&at("c/a.tif")));
        assert!(files.names_in(&at("e")).is_err());
        assert_eq!(files.open(&at("b.xml")).unwrap().head(9, &at("b.xml")).unwrap(), b"x");
        assert!(files.open(&at("a.tif")).unwrap_err().message().contains("a.tif"));
        assert!(Files::local().names_in(&at("c")).is_err());
    }
}
