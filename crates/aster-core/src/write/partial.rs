//! A file that exists under its final name only when it is complete.
use crate::error::{Error, ErrorCode, Result};
use crate::write::process::ProcessId;
use std::ffi::{OsStr, OsString};
use std::fs::{self, File, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};

/// Names tried when another output of this process holds the first.
const MAX_NAMES: u32 = 100;

/// A file being written as `.<name>.partial-<machine>-<pid>` beside its final name. [`PartialFile::commit`] renames
/// it; dropping it without commit removes it. What a killed process of this machine left of the same output is removed
/// by the next one that writes it.
#[derive(Debug)]
pub struct PartialFile {
    target: PathBuf,
    partial: Option<PathBuf>,
    overwrite: bool,
}

impl PartialFile {
    /// Reserves the partial name in the folder of `target`.
    ///
    /// # Errors
    /// `OUTPUT_EXISTS` when `target` is there and `overwrite` is not set; `OUTPUT_IO` when its folder is
    /// missing or cannot be written; `DISK_FULL`.
    pub fn create(target: &Path, overwrite: bool) -> Result<Self> {
        check_output(target, overwrite)?;
        let (folder, own) = (folder_of(target), ProcessId::own());
        let mut begin = OsString::from(".");
        begin.push(target.file_name().unwrap_or_default());
        begin.push(format!(".partial-{}-", own.machine));
        remove_leftovers(folder, &begin, &own);
        for attempt in 0..MAX_NAMES {
            let mut partial = begin.clone();
            partial.push(own.pid.to_string());
            if attempt > 0 {
                partial.push(format!("-{attempt}"));
            }
            let partial = folder.join(partial);
            match OpenOptions::new().write(true).create_new(true).open(&partial) {
                Ok(_) => return Ok(Self { target: target.to_path_buf(), partial: Some(partial), overwrite }),
                Err(e) if e.kind() == io::ErrorKind::AlreadyExists => {}
                Err(e) => return Err(output_error(target, &e)),
            }
        }
        Err(Error::new(
            ErrorCode::OutputIo,
            format!("too many unfinished outputs beside {}", target.display()),
        )
        .hint("remove the files named .*.partial-* that no running job writes")
        .at(target))
    }

    /// Where to write; an empty file lies there.
    pub fn path(&self) -> &Path {
        self.partial.as_deref().unwrap_or(&self.target)
    }

    /// Gives the blocks back at once while somebody still holds the file open.
    pub fn truncate(&self) {
        if let Some(partial) = &self.partial {
            // Best effort: the file is removed next, and a failure leaves what was there before.
            let _ = OpenOptions::new().write(true).open(partial).and_then(|f| f.set_len(0));
        }
    }

    /// Brings the bytes to the disk, then gives the file its final name.
    ///
    /// # Errors
    /// `OUTPUT_EXISTS` when somebody else created the output meanwhile and `overwrite` is not set;
    /// `OUTPUT_IO`, `DISK_FULL`. Nothing is left behind.
    pub fn commit(mut self) -> Result<PathBuf> {
        let Some(partial) = self.partial.clone() else {
            return Err(Error::internal("an output was completed twice"));
        };
        let io = |e: io::Error| output_error(&self.target, &e);
        // A handle with write access: some systems refuse to sync one without.
        OpenOptions::new().write(true).open(&partial).and_then(|f| f.sync_all()).map_err(io)?;
        if self.overwrite {
            fs::rename(&partial, &self.target).map_err(io)?;
            self.partial = None;
        } else {
            match fs::hard_link(&partial, &self.target) {
                // A link never replaces, so two jobs cannot both win; dropping self removes the other name.
                Ok(()) => {}
                Err(e) if e.kind() == io::ErrorKind::AlreadyExists => return Err(exists(&self.target)),
                // Not every file system has links.
                Err(_) => {
                    if self.target.symlink_metadata().is_ok() {
                        return Err(exists(&self.target));
                    }
                    fs::rename(&partial, &self.target).map_err(io)?;
                    self.partial = None;
                }
            }
        }
        // The name itself is data of the folder. Not every file system can sync a folder.
        let _ = File::open(folder_of(&self.target)).and_then(|f| f.sync_all());
        Ok(self.target.clone())
    }
}

/// Removes files beginning with `begin` whose process is dead. Best effort: they are in nobody's way.
fn remove_leftovers(folder: &Path, begin: &OsStr, own: &ProcessId) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let name = entry.file_name();
        let rest = name.as_encoded_bytes().strip_prefix(begin.as_encoded_bytes());
        let pid =
            rest.and_then(|rest| std::str::from_utf8(rest).ok()).and_then(|rest| rest.split('-').next());
        let Some(pid) = pid.and_then(|pid| pid.parse().ok()) else { continue };
        // When it began is not in the name: a process with the same number keeps the file alive.
        let writer = ProcessId { pid, started: String::new(), ..own.clone() };
        if writer.runs() == Some(false) {
            let _ = fs::remove_file(entry.path());
        }
    }
}

/// Refuses an output that could not be completed, before any work is done for it.
///
/// # Errors
/// `OUTPUT_EXISTS` when it is there and `overwrite` is not set, `OUTPUT_IO` when it is a folder or its folder
/// is missing, `USAGE` when it is no file name.
pub fn check_output(target: &Path, overwrite: bool) -> Result<()> {
    if target.file_name().is_none() {
        return Err(Error::usage(format!("{} is no file name", target.display())).at(target));
    };
    if target.is_dir() {
        return Err(Error::new(ErrorCode::OutputIo, format!("{} is a folder", target.display()))
            .hint("name a file in it")
            .at(target));
    }
    if !overwrite && target.symlink_metadata().is_ok() {
        return Err(exists(target));
    }
    check_folder_of(target)
}

/// Refuses an output whose folder is not there.
pub(super) fn check_folder_of(target: &Path) -> Result<()> {
    let folder = folder_of(target);
    if !folder.is_dir() {
        let message = format!("cannot write {}: there is no folder {}", target.display(), folder.display());
        return Err(Error::new(ErrorCode::OutputIo, message)
            .hint(format!("create it first: mkdir -p {}", folder.display()))
            .at(target));
    }
    Ok(())
}

impl Drop for PartialFile {
    fn drop(&mut self) {
        if let Some(partial) = self.partial.take() {
            let _ = fs::remove_file(partial);
        }
    }
}

/// The error of a write to `path`; a full quota is a full disk to its user.
pub(crate) fn output_error(path: &Path, error: &io::Error) -> Error {
    match error.kind() {
        io::ErrorKind::QuotaExceeded => Error::disk_full(path),
        _ => Error::output_io(path, error),
    }
}

/// The error for an output that is there.
pub(super) fn exists(target: &Path) -> Error {
    Error::new(ErrorCode::OutputExists, format!("{} exists", target.display()))
        .hint("choose another --output, or replace it with --overwrite")
        .at(target)
}

/// The folder of an output.
pub(super) fn folder_of(target: &Path) -> &Path {
    match target.parent() {
        Some(p) if !p.as_os_str().is_empty() => p,
        _ => Path::new("."),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(folder: &Path) -> Vec<String> {
        let mut names: Vec<String> =
            fs::read_dir(folder).unwrap().map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    #[test]
    fn commit_gives_the_name_and_drop_gives_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let target = folder.path().join("a.nc");
        let file = PartialFile::create(&target, false).unwrap();
        assert_eq!(
            names(folder.path()),
            [format!(".a.nc.partial-{}-{}", ProcessId::own().machine, std::process::id())]
        );
        let other = PartialFile::create(&target, false).unwrap();
        assert_ne!(file.path(), other.path());
        fs::write(file.path(), b"one").unwrap();
        drop(other);
        assert_eq!(file.commit().unwrap(), target);
        assert_eq!(names(folder.path()), ["a.nc"]);
        assert_eq!(fs::read(&target).unwrap(), b"one");
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn leftovers_of_dead_processes_of_this_machine_go() {
        let folder = tempfile::tempdir().unwrap();
        let mut child = std::process::Command::new("true").spawn().unwrap();
        let dead = child.id();
        child.wait().unwrap();
        let (own, machine) = (std::process::id(), ProcessId::own().machine);
        let kept = [
            format!(".a.nc.partial-{machine}-{own}"),
            format!(".a.nc.partial-elsewhere-1-{dead}"),
            format!(".a.nc.partial-{machine}-notes"),
            format!(".b.nc.partial-{machine}-{dead}"),
        ];
        let gone = [format!(".a.nc.partial-{machine}-{dead}"), format!(".a.nc.partial-{machine}-{dead}-1")];
        kept.iter().chain(&gone).for_each(|name| fs::write(folder.path().join(name), b"").unwrap());
        drop(PartialFile::create(&folder.path().join("a.nc"), false).unwrap());
        let mut kept = kept.to_vec();
        kept.sort();
        assert_eq!(names(folder.path()), kept);
    }

    #[test]
    fn an_output_is_replaced_only_when_asked() {
        let folder = tempfile::tempdir().unwrap();
        let target = folder.path().join("a.nc");
        let late = PartialFile::create(&target, false).unwrap();
        fs::write(&target, b"first").unwrap();
        assert_eq!(PartialFile::create(&target, false).unwrap_err().code(), ErrorCode::OutputExists);
        // Created by somebody else between create and commit.
        assert_eq!(late.commit().unwrap_err().code(), ErrorCode::OutputExists);
        let file = PartialFile::create(&target, true).unwrap();
        fs::write(file.path(), b"second").unwrap();
        file.commit().unwrap();
        assert_eq!(fs::read(&target).unwrap(), b"second");
        assert_eq!(names(folder.path()), ["a.nc"]);
    }

    #[test]
    fn a_missing_folder_is_named_with_its_cure() {
        let folder = tempfile::tempdir().unwrap();
        let error = PartialFile::create(&folder.path().join("no/a.nc"), false).unwrap_err();
        assert_eq!(error.code(), ErrorCode::OutputIo);
        assert!(error.hint_text().unwrap().starts_with("create it first: mkdir -p "));
        let error = PartialFile::create(folder.path(), true).unwrap_err();
        assert!(error.message().ends_with("is a folder"));
    }
}
