//! A folder that exists under its final name only when it is complete, and of which an interrupted run keeps what is.
//!
//! Beside `cube.zarr` lie, while it is written, `.cube.zarr.partial` (the folder with its journal), `.cube.zarr.claim`
//! (who writes it) and for a moment `.cube.zarr.replaced` (the output that is replaced).
use crate::error::{Error, ErrorCode, Result};
use crate::write::claim::Claim;
use crate::write::journal::{Journal, Place};
use crate::write::partial::{check_folder_of, exists, folder_of, output_error};
use rayon::prelude::*;
use std::collections::{BTreeSet, HashSet};
use std::ffi::OsString;
use std::fs::{self, File, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};
use walkdir::WalkDir;

/// Name of the journal within the folder.
const JOURNAL: &str = ".journal";

/// Where the file of a chunk lies within the folder.
pub(super) type FileOf = Box<dyn Fn(Place) -> PathBuf + Send + Sync>;

/// The folder and the right to write it.
pub(super) struct PartialFolder {
    target: PathBuf,
    folder: PathBuf,
    replaced: PathBuf,
    overwrite: bool,
    resumable: bool,
    journal: Journal,
    /// Files written since the last checkpoint, and the folders that were made for them.
    fresh: BTreeSet<Place>,
    fresh_folders: HashSet<PathBuf>,
    file_of: FileOf,
    committed: bool,
    /// Given up last.
    claim: Claim,
}

impl PartialFolder {
    /// Claims the folder of `target` and opens it: with the chunks of an earlier run when that had the same `key`, else
    /// empty. An empty key is never the same, and nothing is kept for it. `file_of` is where a chunk lies.
    ///
    /// # Errors
    /// As [`check_folder`]; `OUTPUT_IO` when another process writes it; `DISK_FULL`.
    pub(super) fn open(target: &Path, overwrite: bool, key: &str, file_of: FileOf) -> Result<Self> {
        check_folder(target, overwrite)?;
        let claim = Claim::acquire(&beside(target, "claim"), target)?;
        let (folder, replaced) = (beside(target, "partial"), beside(target, "replaced"));
        let io = |e: io::Error| output_error(target, &e);
        restore(target, &replaced).map_err(io)?;
        // Somebody else may have completed it before the claim was free.
        check_folder(target, overwrite)?;
        let journal = match key.is_empty() {
            true => None,
            false => resume(&folder, key, &file_of)?,
        };
        let journal = match journal {
            Some(journal) => journal,
            None => begin(&folder, key).inspect_err(|_| drop(remove(&folder)))?,
        };
        Ok(Self {
            target: target.to_path_buf(),
            folder,
            replaced,
            overwrite,
            resumable: !key.is_empty(),
            journal,
            fresh: BTreeSet::new(),
            fresh_folders: HashSet::new(),
            file_of,
            committed: false,
            claim,
        })
    }

    /// Where to write.
    pub(super) fn path(&self) -> &Path {
        &self.folder
    }

    /// Records of checkpoints, of earlier runs too.
    pub(super) fn records(&self) -> &[String] {
        self.journal.records()
    }

    /// First time step of the last chunk; 0 without any.
    pub(super) fn first_of_last_chunk(&self) -> usize {
        self.journal.chunks().iter().chain(&self.fresh).map(|place| place.1).max().unwrap_or(0)
    }

    /// Writes the file of a chunk; it is complete on the disk after the next checkpoint.
    ///
    /// # Errors
    /// `OUTPUT_IO`, `DISK_FULL`.
    pub(super) fn write(&mut self, place: Place, bytes: &[u8]) -> Result<()> {
        let path = self.folder.join((self.file_of)(place));
        self.fresh.insert(place);
        let written = match fs::write(&path, bytes) {
            Err(e) if e.kind() == io::ErrorKind::NotFound => {
                self.make_folders(&path).and_then(|()| fs::write(&path, bytes))
            }
            written => written,
        };
        written.map_err(|e| self.error(&e))
    }

    fn make_folders(&mut self, file: &Path) -> io::Result<()> {
        for folder in file.ancestors().skip(1).take_while(|f| f.starts_with(&self.folder)) {
            self.fresh_folders.insert(folder.to_path_buf());
        }
        fs::create_dir_all(file.parent().unwrap_or(&self.folder))
    }

    /// Brings all chunks to the disk, then notes `record`.
    ///
    /// # Errors
    /// `OUTPUT_IO`, also when another run took the output over; `DISK_FULL`.
    pub(super) fn checkpoint(&mut self, record: &str) -> Result<()> {
        self.claim.check(&self.target)?;
        self.sync_fresh()?;
        let fresh: Vec<Place> = self.fresh.iter().copied().collect();
        self.journal.checkpoint(record, fresh).map_err(|e| self.with_hint(e))?;
        self.fresh.clear();
        Ok(())
    }

    /// Syncs what was written since the last time: the files, then the folders that name them.
    fn sync_fresh(&mut self) -> Result<()> {
        let files: Vec<PathBuf> = self.fresh.iter().map(|&p| self.folder.join((self.file_of)(p))).collect();
        let mut folders: HashSet<PathBuf> =
            files.iter().filter_map(|f| f.parent()).map(Path::to_path_buf).collect();
        folders.extend(self.fresh_folders.drain());
        // Disks and file servers take many at once; one after another each would wait for its own turn.
        files.par_iter().try_for_each(|f| sync_file(f)).map_err(|e| self.error(&e))?;
        folders.par_iter().for_each(|f| sync_folder(f));
        Ok(())
    }

    /// Removes the chunks that begin at time step `time` or later; with 0 the records too.
    ///
    /// # Errors
    /// `OUTPUT_IO`, `DISK_FULL`.
    pub(super) fn rewind(&mut self, time: usize) -> Result<()> {
        let chunks = self.journal.chunks().iter().chain(&self.fresh).filter(|p| p.1 >= time);
        let gone: Vec<PathBuf> = chunks.map(|&p| self.folder.join((self.file_of)(p))).collect();
        self.journal.rewind(time)?;
        self.fresh.retain(|p| p.1 < time);
        for file in gone {
            match fs::remove_file(&file) {
                Err(e) if e.kind() != io::ErrorKind::NotFound => return Err(self.error(&e)),
                _ => {}
            }
        }
        Ok(())
    }

    /// Brings all to the disk, also the `files` written beside the chunks, and gives the folder its final name.
    ///
    /// # Errors
    /// `OUTPUT_EXISTS` when somebody else created the output meanwhile and `overwrite` is not set; `OUTPUT_IO`,
    /// `DISK_FULL`.
    pub(super) fn commit(mut self, files: &[PathBuf]) -> Result<PathBuf> {
        self.sync_fresh()?;
        files.par_iter().try_for_each(|f| sync_file(f)).map_err(|e| self.error(&e))?;
        let folders: HashSet<&Path> = files.iter().filter_map(|f| f.parent()).collect();
        folders.into_iter().for_each(sync_folder);
        sync_folder(&self.folder);
        self.claim.check(&self.target)?;
        check_folder(&self.target, self.overwrite)?;
        fs::remove_file(self.folder.join(JOURNAL)).map_err(|e| self.error(&e))?;
        // From here on there is no journal to resume by.
        self.resumable = false;
        self.rename().map_err(|e| self.error(&e))?;
        self.committed = true;
        sync_folder(folder_of(&self.target));
        // The new one is there; what cannot be removed now is by the next run.
        let _ = remove(&self.replaced);
        Ok(self.target.clone())
    }

    fn rename(&self) -> io::Result<()> {
        if self.target.symlink_metadata().is_err() {
            return fs::rename(&self.folder, &self.target);
        }
        fs::rename(&self.target, &self.replaced)?;
        fs::rename(&self.folder, &self.target).inspect_err(|_| {
            // The old one gets its place back.
            let _ = fs::rename(&self.replaced, &self.target);
        })
    }

    /// The error of a write within the folder.
    pub(super) fn error(&self, error: &io::Error) -> Error {
        self.with_hint(output_error(&self.target, error))
    }

    /// What a full disk leaves behind, and how to go on.
    fn with_hint(&self, error: Error) -> Error {
        let keeps = self.resumable && !self.journal.records().is_empty();
        match error.code() {
            ErrorCode::DiskFull if keeps => error.hint(format!(
                "free some space and start the same run again: it goes on from what {} holds",
                self.folder.display()
            )),
            _ => error,
        }
    }
}

impl Drop for PartialFolder {
    /// Keeps what is worth it: chunks of checkpoints. The rest gives its space back.
    fn drop(&mut self) {
        if self.committed || self.claim.check(&self.target).is_err() {
            return;
        }
        if !self.resumable || self.journal.records().is_empty() {
            let _ = remove(&self.folder);
            return;
        }
        for &place in self.fresh.difference(self.journal.chunks()) {
            let _ = fs::remove_file(self.folder.join((self.file_of)(place)));
        }
    }
}

/// Refuses an output folder that could not be completed, before any work is done for it.
///
/// # Errors
/// `OUTPUT_EXISTS` when it is there and `overwrite` is not set, `OUTPUT_IO` when its folder is missing or it is a folder
/// that is no Zarr store, `USAGE` when it is no file name.
pub fn check_folder(target: &Path, overwrite: bool) -> Result<()> {
    if target.file_name().is_none() {
        return Err(Error::usage(format!("{} is no name for a folder", target.display())).at(target));
    }
    let found = target.symlink_metadata().is_ok();
    if found && !overwrite {
        return Err(exists(target));
    }
    // Replacing removes the folder with everything in it.
    let store = target.join("zarr.json").is_file();
    let empty = || fs::read_dir(target).is_ok_and(|mut entries| entries.next().is_none());
    if found && target.is_dir() && !store && !empty() {
        let message = format!("{} is a folder, but no Zarr store", target.display());
        return Err(Error::new(ErrorCode::OutputIo, message).hint("name a new folder in it").at(target));
    }
    check_folder_of(target)
}

/// Puts right what a crash between two renames left.
fn restore(target: &Path, replaced: &Path) -> io::Result<()> {
    if replaced.symlink_metadata().is_err() {
        return Ok(());
    }
    match target.symlink_metadata().is_ok() {
        true => remove(replaced),
        false => fs::rename(replaced, target),
    }
}

/// Opens what an earlier run left: files that its journal does not name are removed. None when there is nothing to go
/// on from.
fn resume(folder: &Path, key: &str, file_of: &FileOf) -> Result<Option<Journal>> {
    let Some(journal) = Journal::open(&folder.join(JOURNAL), key)? else { return Ok(None) };
    let mut expected: HashSet<PathBuf> = journal.chunks().iter().map(|&p| folder.join(file_of(p))).collect();
    let mut emptied = Vec::new();
    for entry in WalkDir::new(folder).min_depth(1).contents_first(true) {
        let entry = entry.map_err(|e| output_error(folder, &io::Error::from(e)))?;
        if entry.file_type().is_dir() {
            emptied.push(entry.into_path());
        } else if entry.path() != folder.join(JOURNAL) && !expected.remove(entry.path()) {
            fs::remove_file(entry.path()).map_err(|e| output_error(folder, &e))?;
        }
    }
    // Only those without files go.
    emptied.iter().for_each(|f| drop(fs::remove_dir(f)));
    // Somebody removed files: what is left is not what the records say.
    Ok(expected.is_empty().then_some(journal))
}

/// Makes an empty folder with a journal, whatever was there.
fn begin(folder: &Path, key: &str) -> Result<Journal> {
    remove(folder).and_then(|()| fs::create_dir(folder)).map_err(|e| output_error(folder, &e))?;
    Journal::create(&folder.join(JOURNAL), key)
}

/// Removes a file or a folder with everything in it; nothing there is no error.
fn remove(path: &Path) -> io::Result<()> {
    let removed = match path.symlink_metadata() {
        Ok(metadata) if metadata.is_dir() => fs::remove_dir_all(path),
        Ok(_) => fs::remove_file(path),
        Err(e) => Err(e),
    };
    match removed {
        Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(()),
        removed => removed,
    }
}

fn sync_file(path: &Path) -> io::Result<()> {
    // A handle with write access: some systems refuse to sync one without.
    OpenOptions::new().write(true).open(path).and_then(|f| f.sync_all())
}

fn sync_folder(path: &Path) {
    // Not every file system can sync a folder.
    let _ = File::open(path).and_then(|f| f.sync_all());
}

fn beside(target: &Path, what: &str) -> PathBuf {
    let mut name = OsString::from(".");
    name.push(target.file_name().unwrap_or_default());
    name.push(format!(".{what}"));
    folder_of(target).join(name)
}
