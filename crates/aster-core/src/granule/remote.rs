//! Files that are elsewhere: known in parts, which a caller fetches, many ranges of many files in one call.
//!
//! The caller may take its time and answers from another thread. Whoever waits holds no lock that the answer needs, and
//! fetches what it will read before it works on it in parallel, so one thread is enough.
use crate::error::{Error, ErrorCode, Result};
use hdf4::ErrorKind;
use hdf4::source::{ByteSource, Sparse};
use std::borrow::Cow;
use std::collections::BTreeSet;
use std::fmt;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Headers are fetched in blocks of this size; both formats keep them together.
const BLOCK: u64 = 16 << 10;
/// What is fetched of every file that is opened.
const HEAD: Range<u64> = 0..BLOCK;
/// Runs of data are asked for in pieces cut at multiples of this, so that the same ones are asked for again.
const PIECE: u64 = 256 << 10;
/// Most bytes asked for in one call; a single range may be longer.
const MOST_BYTES: u64 = 64 << 20;

/// What is asked of one file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WantedRanges {
    /// The file, as the caller named it.
    pub path: PathBuf,
    /// Sorted and disjoint. The first range asked of a file may reach beyond its end; the answer then stops there.
    pub ranges: Vec<Range<u64>>,
}

/// The answer to [`WantedRanges`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FetchedRanges {
    /// Bytes of the whole file.
    pub file_bytes: u64,
    /// The bytes of each range.
    pub parts: Vec<Vec<u8>>,
}

/// Fetches ranges of files.
pub trait FetchRanges: Send + Sync {
    /// All that is wanted, in order; blocks until it has come. Called from any thread, several at a time.
    ///
    /// # Errors
    /// Whatever kept the bytes from coming, `CANCELLED` included.
    fn fetch(&self, wanted: Vec<WantedRanges>) -> Result<Vec<FetchedRanges>>;
}

/// The files that are elsewhere, and who fetches them.
pub(super) struct Remote {
    pub(super) paths: BTreeSet<PathBuf>,
    pub(super) fetch: Arc<dyn FetchRanges>,
}

impl fmt::Debug for Remote {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Remote").field("paths", &self.paths).finish_non_exhaustive()
    }
}

/// An open remote file. What was fetched stays until the file is dropped.
pub struct RemoteFile {
    path: PathBuf,
    parts: Sparse,
    remote: Arc<Remote>,
}

impl fmt::Debug for RemoteFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RemoteFile")
            .field("path", &self.path)
            .field("bytes", &self.len())
            .finish_non_exhaustive()
    }
}

impl Remote {
    /// Opens files by fetching the first block of each, all in one call.
    pub(super) fn open(self: &Arc<Self>, paths: &[&Path]) -> Result<Vec<Arc<RemoteFile>>> {
        let head = |path: &&Path| WantedRanges { path: path.to_path_buf(), ranges: vec![HEAD] };
        let answers = self.ask(paths.iter().map(head).collect())?;
        let open = |(path, FetchedRanges { file_bytes, parts }): (&&Path, FetchedRanges)| {
            let file = RemoteFile {
                path: path.to_path_buf(),
                // Gaps are told as they are: rounding is done here, differently for headers and tiles.
                parts: Sparse::new(file_bytes).with_block(1),
                remote: Arc::clone(self),
            };
            let head = HEAD.start..HEAD.end.min(file_bytes);
            file.keep(std::slice::from_ref(&head), parts)?;
            Ok(Arc::new(file))
        };
        paths.iter().zip(answers).map(open).collect()
    }

    fn ask(&self, wanted: Vec<WantedRanges>) -> Result<Vec<FetchedRanges>> {
        let files = wanted.len();
        let answers = self.fetch.fetch(wanted)?;
        if answers.len() == files {
            Ok(answers)
        } else {
            Err(Error::internal(format!("{files} files were asked for, {} came", answers.len())))
        }
    }
}

/// Fetches what several files lack of exactly the ranges given, such as tiles; one call, unless that is too much.
pub(super) fn fetch_together(wanted: &[(&RemoteFile, Vec<Range<u64>>)]) -> Result<()> {
    let mut batch: Vec<(&RemoteFile, Vec<Range<u64>>)> = Vec::new();
    let mut bytes = 0;
    for (file, ranges) in wanted {
        for range in file.lacking(ranges)? {
            let more = range.end - range.start;
            if bytes > 0 && bytes + more > MOST_BYTES {
                fetch_batch(std::mem::take(&mut batch))?;
                bytes = 0;
            }
            bytes += more;
            match batch.last_mut() {
                Some((last, list)) if std::ptr::eq(*last, *file) => list.push(range),
                _ => batch.push((file, vec![range])),
            }
        }
    }
    fetch_batch(batch)
}

fn fetch_batch(batch: Vec<(&RemoteFile, Vec<Range<u64>>)>) -> Result<()> {
    let Some((first, _)) = batch.first() else { return Ok(()) };
    let wanted =
        batch.iter().map(|(f, ranges)| WantedRanges { path: f.path.clone(), ranges: ranges.clone() });
    let answers = first.remote.ask(wanted.collect())?;
    for ((file, ranges), answer) in batch.into_iter().zip(answers) {
        if answer.file_bytes != file.len() {
            return Err(file.changed(format!(
                "{} bytes, {} when it was opened",
                answer.file_bytes,
                file.len()
            )));
        }
        file.keep(&ranges, answer.parts)?;
    }
    Ok(())
}

impl RemoteFile {
    /// Fetches ranges that may be rounded: to blocks at their ends, and cut into pieces between.
    pub(super) fn fetch_rounded(&self, ranges: &[Range<u64>]) -> Result<()> {
        fetch_together(&[(self, rounded(ranges, self.len()))])
    }

    /// Fills `buffer` from `offset`, fetching what was not fetched before.
    pub(super) fn read_exact_at(&self, buffer: &mut [u8], offset: u64) -> Result<()> {
        let end = offset.checked_add(buffer.len() as u64).filter(|end| *end <= self.len());
        let Some(end) = end else {
            return Err(Error::new(
                ErrorCode::Corrupt,
                format!("{} bytes at {offset} lie beyond the end of the file", buffer.len()),
            )
            .at(&self.path));
        };
        if self.parts.read_into(offset, buffer).is_ok() {
            return Ok(());
        }
        self.fetch_rounded(std::slice::from_ref(&(offset..end)))?;
        self.parts.read_into(offset, buffer).map_err(|e| Error::internal(e.to_string()).at(&self.path))
    }

    /// What was not fetched yet of each range.
    fn lacking(&self, ranges: &[Range<u64>]) -> Result<Vec<Range<u64>>> {
        let mut list = Vec::new();
        for range in ranges.iter().filter(|r| r.start < r.end) {
            if range.end > self.len() {
                return Err(Error::new(
                    ErrorCode::Corrupt,
                    format!("bytes {} to {} lie beyond the end of the file", range.start, range.end),
                )
                .at(&self.path));
            }
            if let Err(error) = self.parts.prefetch(std::slice::from_ref(range)) {
                match error.kind() {
                    ErrorKind::NeedRanges(gaps) => list.extend(gaps.iter().cloned()),
                    _ => list.push(range.clone()),
                }
            }
        }
        list.sort_by_key(|r| r.start);
        list.dedup();
        Ok(list)
    }

    fn keep(&self, ranges: &[Range<u64>], parts: Vec<Vec<u8>>) -> Result<()> {
        let fits = ranges.len() == parts.len()
            && ranges.iter().zip(&parts).all(|(range, part)| part.len() as u64 == range.end - range.start);
        if !fits {
            return Err(self.changed("other ranges came than were asked for".to_string()));
        }
        for (range, part) in ranges.iter().zip(parts) {
            self.parts.supply(range.start, &part).map_err(|e| Error::internal(e.to_string()))?;
        }
        Ok(())
    }

    fn changed(&self, how: String) -> Error {
        Error::new(ErrorCode::Corrupt, format!("{} changed: {how}", self.path.display())).at(&self.path)
    }
}

impl ByteSource for RemoteFile {
    fn len(&self) -> u64 {
        self.parts.len()
    }

    fn read_at(&self, offset: u64, len: usize) -> hdf4::Result<Cow<'_, [u8]>> {
        let mut bytes = vec![0; len];
        self.read_into(offset, &mut bytes)?;
        Ok(Cow::Owned(bytes))
    }

    fn read_into(&self, offset: u64, dst: &mut [u8]) -> hdf4::Result<()> {
        self.read_exact_at(dst, offset).map_err(into_hdf4)
    }

    fn prefetch(&self, ranges: &[Range<u64>]) -> hdf4::Result<()> {
        self.fetch_rounded(ranges).map_err(into_hdf4)
    }
}

/// An error of ours on its way through the HDF4 reader, which knows errors of the system.
fn into_hdf4(error: Error) -> hdf4::Error {
    let what = error.message().to_string();
    ErrorKind::Io { what, source: Arc::new(std::io::Error::other(error)) }.into()
}

/// The error that [`into_hdf4`] sent on its way.
pub(super) fn of_source(error: &std::io::Error) -> Option<Error> {
    error.get_ref()?.downcast_ref::<Error>().cloned()
}

/// Whole blocks around `ranges`, joined where they touch, cut into pieces.
fn rounded(ranges: &[Range<u64>], file_bytes: u64) -> Vec<Range<u64>> {
    let blocks = ranges.iter().filter(|r| r.start < r.end).map(|r| {
        let end = r.end.div_ceil(BLOCK).saturating_mul(BLOCK);
        // What lies beyond the file stays there, to be refused.
        r.start / BLOCK * BLOCK..end.min(file_bytes.max(r.end))
    });
    let mut pieces = Vec::new();
    for range in hdf4::coalesce(blocks.collect(), 0) {
        let mut start = range.start;
        while start < range.end {
            // The first block is a piece of its own: it came when the file was opened.
            let cut = if start < BLOCK { BLOCK } else { (start / PIECE + 1).saturating_mul(PIECE) };
            let end = cut.min(range.end);
            pieces.push(start..end);
            start = end;
        }
    }
    pieces
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Mutex;

    struct Disk {
        bytes: Vec<u8>,
        asked: Mutex<Vec<Vec<WantedRanges>>>,
        grows: bool,
    }

    impl FetchRanges for Disk {
        fn fetch(&self, wanted: Vec<WantedRanges>) -> Result<Vec<FetchedRanges>> {
            let mut asked = self.asked.lock().unwrap();
            let file_bytes = self.bytes.len() as u64 + u64::from(self.grows && !asked.is_empty());
            let cut = |r: &Range<u64>| {
                self.bytes[r.start as usize..(r.end as usize).min(self.bytes.len())].to_vec()
            };
            let answer = wanted.iter().map(|w| {
                let parts = w.ranges.iter().map(cut).collect();
                FetchedRanges { file_bytes, parts }
            });
            let answers = answer.collect();
            asked.push(wanted);
            Ok(answers)
        }
    }

    fn open(bytes: usize, grows: bool) -> (Arc<Disk>, Arc<RemoteFile>) {
        let bytes = (0..bytes).map(|i| (i % 251) as u8).collect();
        let disk = Arc::new(Disk { bytes, asked: Mutex::default(), grows });
        let remote = Remote { paths: BTreeSet::new(), fetch: Arc::clone(&disk) as Arc<dyn FetchRanges> };
        let file = Arc::new(remote).open(&[Path::new("a.tif")]).unwrap().remove(0);
        (disk, file)
    }

    fn ranges(disk: &Disk) -> Vec<Vec<Range<u64>>> {
        let asked = disk.asked.lock().unwrap();
        asked.iter().map(|call| call.iter().flat_map(|w| w.ranges.clone()).collect()).collect()
    }

    #[test]
    fn a_file_shorter_than_a_block_is_there_when_it_is_open() {
        let (disk, file) = open(100, false);
        let mut bytes = vec![0; 100];
        file.read_exact_at(&mut bytes, 0).unwrap();
        assert_eq!((bytes, ranges(&disk).len(), file.len()), (disk.bytes.clone(), 1, 100));
        assert_eq!(file.read_exact_at(&mut [0; 2], 99).unwrap_err().code(), ErrorCode::Corrupt);
        assert_eq!(file.read_exact_at(&mut [0; 2], u64::MAX).unwrap_err().code(), ErrorCode::Corrupt);
    }

    #[test]
    fn one_call_for_all_and_none_for_what_is_there() {
        let (disk, file) = open(3 << 20, false);
        file.fetch_rounded(&[20_000..20_010, 100_000..100_001, 1_000_000..1_300_000]).unwrap();
        let (block, piece) = (BLOCK, PIECE);
        let expected = [block..2 * block, 6 * block..7 * block, 61 * block..4 * piece, 4 * piece..80 * block];
        assert_eq!(ranges(&disk)[1], expected);
        let mut bytes = vec![0; 300_000];
        file.read_exact_at(&mut bytes, 1_000_000).unwrap();
        assert_eq!(bytes, disk.bytes[1_000_000..1_300_000]);
        fetch_together(&[(&file, vec![1_000_000..1_000_001, 2_000_000..2_000_007])]).unwrap();
        let tile = 2_000_000..2_000_007;
        assert_eq!(ranges(&disk)[2..], [vec![tile]]);
    }

    #[test]
    fn a_file_that_grows_is_another_one() {
        let (_, file) = open(1 << 20, true);
        let error = file.fetch_rounded(&[500_000..500_001, 600_000..600_001]).unwrap_err();
        assert_eq!(error.code(), ErrorCode::Corrupt);
        assert!(error.message().contains("changed"), "{error}");
    }

    #[test]
    fn too_much_for_one_call_is_asked_for_in_several() {
        let (disk, file) = open((MOST_BYTES + (8 << 20)) as usize, false);
        let tiles: Vec<_> = (0..36).map(|i| i * (2 << 20)..(i + 1) * (2 << 20)).collect();
        fetch_together(&[(&file, tiles)]).unwrap();
        assert_eq!(ranges(&disk).iter().map(Vec::len).collect::<Vec<_>>(), [1, 32, 4]);
    }

    #[test]
    fn errors_pass_through_the_hdf4_reader() {
        let error = Error::new(ErrorCode::AuthExpired, "the token has expired").hint("make a new one");
        let ErrorKind::Io { source, .. } = into_hdf4(error).kind().clone() else { panic!() };
        let back = of_source(&source).unwrap();
        assert_eq!((back.code(), back.hint_text()), (ErrorCode::AuthExpired, Some("make a new one")));
    }
}
