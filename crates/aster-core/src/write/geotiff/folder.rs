//! A folder of files, one per time step: which are complete, and what an interrupted run left.
use crate::error::{Error, ErrorCode, Result};
use crate::write::claim::Claim;
use crate::write::geotiff::sink::step_of;
use crate::write::geotiff::target::step_name;
use crate::write::journal::Journal;
use crate::write::partial::output_error;
use jiff::Timestamp;
use std::fs;
use std::path::{Path, PathBuf};

/// Notes of a run that is not finished.
const JOURNAL: &str = ".aster-run.jsonl";
/// Which process writes to the folder.
const CLAIM: &str = ".aster-run.claim";

/// The folder of an output under way. Dropping it without [`Folder::finish`] keeps complete files and the
/// journal that tells of them; without complete files nothing is kept.
#[derive(Debug)]
pub(super) struct Folder {
    path: PathBuf,
    stem: String,
    journal: Journal,
    claim: Option<Claim>,
    /// Files of time step 0 and on.
    files: Vec<PathBuf>,
    /// Of the checkpoints that an interrupted run left.
    resumed: Vec<String>,
    /// Made by this run.
    is_new: bool,
}

impl Folder {
    /// Takes the folder, or makes it, and finds what an interrupted run of the same `key` completed; an empty key
    /// is never the same.
    ///
    /// # Errors
    /// `OUTPUT_EXISTS` when it holds another output and `overwrite` is not set; `OUTPUT_IO`, `DISK_FULL`.
    pub(super) fn open(path: &Path, stem: &str, key: &str, overwrite: bool) -> Result<Self> {
        let is_new = match fs::create_dir(path) {
            Ok(()) => true,
            Err(e) if e.kind() == std::io::ErrorKind::AlreadyExists => false,
            Err(e) => return Err(output_error(path, &e)),
        };
        let claim = Claim::acquire(&path.join(CLAIM), path)?;
        let notes = path.join(JOURNAL);
        let interrupted = if key.is_empty() { None } else { Journal::open(&notes, key)? };
        let (mut earlier, mut leftovers) = (Vec::new(), Vec::new());
        for entry in fs::read_dir(path).map_err(|e| output_error(path, &e))? {
            let entry = entry.map_err(|e| output_error(path, &e))?;
            let name = entry.file_name();
            let name = name.to_string_lossy();
            if is_leftover(&name, stem) {
                leftovers.push(entry.path());
            } else if is_step_file(&name, stem) {
                earlier.push(entry.path());
            }
        }
        if interrupted.is_none() && !earlier.is_empty() && !overwrite {
            let message =
                format!("{} holds {} of another output", path.display(), count_files(earlier.len()));
            return Err(Error::new(ErrorCode::OutputExists, message)
                .hint("choose another --output, or replace them with --overwrite")
                .at(path));
        }
        leftovers.iter().try_for_each(|file| remove(file))?;
        let is_ours = interrupted.is_some();
        let journal = match interrupted {
            Some(journal) => journal,
            // First the journal, which tells whose the files are.
            None => Journal::create(&notes, key)?,
        };
        let mut this = Self {
            path: path.to_path_buf(),
            stem: stem.to_string(),
            journal,
            claim: Some(claim),
            files: Vec::new(),
            resumed: Vec::new(),
            is_new,
        };
        if is_ours {
            this.resume()?;
        } else {
            earlier.iter().try_for_each(|file| remove(file))?;
        }
        Ok(this)
    }

    /// Takes over the time steps whose files are there.
    fn resume(&mut self) -> Result<()> {
        let records = self.journal.records().to_vec();
        for record in &records {
            let Some(step) = step_of(record) else { break };
            let file = self.next_file(step.time);
            if !file.is_file() {
                break;
            }
            self.files.push(file);
            self.resumed.push(record.clone());
        }
        if self.resumed.len() == records.len() {
            return Ok(());
        }
        // Somebody took files away: the steps from there on are computed again.
        self.journal.rewind(0)?;
        self.resumed.iter().try_for_each(|record| self.journal.checkpoint(record, Vec::new()))
    }

    /// Where the file of the next time step goes.
    pub(super) fn next_file(&self, time: Timestamp) -> PathBuf {
        let mut number = 1;
        loop {
            let file = self.path.join(step_name(&self.stem, time, number));
            if !self.files.contains(&file) {
                return file;
            }
            number += 1;
        }
    }

    /// Time steps that have their file.
    pub(super) fn completed(&self) -> usize {
        self.files.len()
    }

    /// Checkpoints of an interrupted run.
    pub(super) fn resumed(&self) -> &[String] {
        &self.resumed
    }

    /// The file of the next time step is complete.
    pub(super) fn add(&mut self, file: PathBuf) {
        self.files.push(file);
    }

    /// As [`Folder::add`], and a later run will know.
    pub(super) fn note(&mut self, file: PathBuf, record: &str) -> Result<()> {
        self.check_claim()?;
        self.journal.checkpoint(record, Vec::new())?;
        self.add(file);
        Ok(())
    }

    /// Removes the files of all time steps.
    pub(super) fn forget(&mut self) -> Result<()> {
        self.journal.rewind(0)?;
        self.files.drain(..).try_for_each(|file| remove(&file))
    }

    fn check_claim(&self) -> Result<()> {
        self.claim.as_ref().map_or(Ok(()), |claim| claim.check(&self.path))
    }

    /// Ends the run: from now on this is an output like any other.
    pub(super) fn finish(&mut self) -> Result<Vec<PathBuf>> {
        self.check_claim()?;
        remove(&self.path.join(JOURNAL))?;
        Ok(self.files.clone())
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        if self.files.is_empty() {
            // Best effort: a journal without files stops nobody.
            let _ = remove(&self.path.join(JOURNAL));
            // Its file lies in the folder.
            self.claim = None;
            if self.is_new {
                let _ = fs::remove_dir(&self.path);
            }
        }
    }
}

/// Whether a hidden name is one that a killed run of this output left.
fn is_leftover(name: &str, stem: &str) -> bool {
    name.strip_prefix('.')
        .and_then(|rest| rest.strip_prefix(stem))
        .is_some_and(|rest| rest.starts_with('_') && rest.contains(".partial-"))
}

/// Whether a name is `<stem>_<YYYYMMDDTHHMMSSZ>.tif`, with a number or without.
fn is_step_file(name: &str, stem: &str) -> bool {
    let rest = name.strip_prefix(stem).and_then(|r| r.strip_prefix('_')).and_then(|r| r.strip_suffix(".tif"));
    let Some((date, rest)) = rest.and_then(|r| r.split_once('T')) else { return false };
    let Some((time, number)) = rest.split_once('Z') else { return false };
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    let number = number.is_empty() || number.strip_prefix('_').is_some_and(digits);
    date.len() >= 8 && time.len() == 6 && digits(date) && digits(time) && number
}

fn count_files(n: usize) -> String {
    if n == 1 { "1 file".to_string() } else { format!("{n} files") }
}

/// Removes a file that may be absent.
fn remove(path: &Path) -> Result<()> {
    match fs::remove_file(path) {
        Err(e) if e.kind() != std::io::ErrorKind::NotFound => Err(output_error(path, &e)),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_our_names_are_ours() {
        assert!(is_step_file("ndvi_20030506T021405Z.tif", "ndvi"));
        assert!(is_step_file("ndvi_20030506T021405Z_2.tif", "ndvi"));
        for name in
            ["ndvi_2003.tif", "ndvi_20030506T021405Z.tif.aux.xml", "x_20030506T021405Z.tif", "ndvi.tif"]
        {
            assert!(!is_step_file(name, "ndvi"), "{name}");
        }
        assert!(is_leftover(".ndvi_step3.scratch.partial-12", "ndvi"));
        assert!(is_leftover(".ndvi_20030506T021405Z.tif.partial-12.ovr.tmp", "ndvi"));
        assert!(!is_leftover(".ndvi2_x.partial-12", "ndvi") && !is_leftover(JOURNAL, "ndvi"));
    }
}
