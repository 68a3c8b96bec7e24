//! Notes of a run, one line each: the key of the request, then the record of every completed unit.
use crate::error::{Error, ErrorCode, Result};
use crate::write::partial::output_error;
use fs4::{FileExt, TryLockError};
use serde::{Deserialize, Serialize};
use std::fs::{self, File, OpenOptions};
use std::io::{Read, Write};
use std::path::{Path, PathBuf};

/// Most bytes of a journal that are read.
const MAX_BYTES: u64 = 1 << 30;

/// The first line.
#[derive(Serialize, Deserialize)]
struct Heading {
    resume_key: String,
}

/// A journal; while it is open, no other process writes to its folder.
#[derive(Debug)]
pub(super) struct Journal {
    path: PathBuf,
    file: File,
}

impl Journal {
    /// Opens the journal, or makes an empty one, and locks it. The lock ends with the process, however that ends.
    ///
    /// # Errors
    /// `OUTPUT_EXISTS` when another process has it; `OUTPUT_IO`, `DISK_FULL`.
    pub(super) fn claim(path: &Path) -> Result<Self> {
        let file = OpenOptions::new().read(true).append(true).create(true).open(path);
        let file = file.map_err(|e| output_error(path, &e))?;
        // Not every file system has locks.
        if matches!(FileExt::try_lock(&file), Err(TryLockError::WouldBlock)) {
            let folder = path.parent().unwrap_or(path);
            return Err(Error::new(
                ErrorCode::OutputExists,
                format!("another run is writing to {}", folder.display()),
            )
            .hint("wait for it to end, or choose another --output")
            .at(folder));
        }
        Ok(Self { path: path.to_path_buf(), file })
    }

    /// Records of a run with this key; none when there was no such run. A line without its end was being
    /// written when the run was killed, and is cut off.
    pub(super) fn records(&mut self, key: &str) -> Result<Option<Vec<String>>> {
        let error = |e: std::io::Error| output_error(&self.path, &e);
        let mut bytes = Vec::new();
        (&self.file).take(MAX_BYTES).read_to_end(&mut bytes).map_err(error)?;
        let whole = bytes.iter().rposition(|&b| b == b'\n').map_or(0, |end| end + 1);
        let Some(text) = bytes.get(..whole).and_then(|b| std::str::from_utf8(b).ok()) else {
            return Ok(None);
        };
        let mut lines = text.lines();
        let heading = lines.next().and_then(|line| serde_json::from_str::<Heading>(line).ok());
        if key.is_empty() || heading.is_none_or(|h| h.resume_key != key) {
            return Ok(None);
        }
        self.file.set_len(whole as u64).map_err(error)?;
        Ok(Some(lines.map(str::to_string).collect()))
    }

    /// Starts anew.
    pub(super) fn begin(&mut self, key: &str) -> Result<()> {
        self.file.set_len(0).map_err(|e| output_error(&self.path, &e))?;
        let heading = serde_json::to_string(&Heading { resume_key: key.to_string() });
        self.append(&heading.map_err(|e| Error::internal(format!("the journal has no heading: {e}")))?)
    }

    /// Whether nothing was ever written.
    pub(super) fn is_empty(&self) -> bool {
        self.file.metadata().is_ok_and(|m| m.len() == 0)
    }

    /// Removes the file.
    pub(super) fn remove(&self) -> Result<()> {
        fs::remove_file(&self.path).map_err(|e| output_error(&self.path, &e))
    }

    /// Adds a line; it is on the disk when this returns.
    pub(super) fn append(&mut self, line: &str) -> Result<()> {
        if line.contains('\n') {
            return Err(Error::internal("a record has several lines"));
        }
        let written =
            self.file.write_all(format!("{line}\n").as_bytes()).and_then(|()| self.file.sync_data());
        written.map_err(|e| output_error(&self.path, &e))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_torn_line_is_cut_off() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("j");
        let mut journal = Journal::claim(&path).unwrap();
        assert_eq!(Journal::claim(&path).unwrap_err().code(), ErrorCode::OutputExists);
        assert_eq!(journal.records("k").unwrap(), None);
        journal.begin("k").unwrap();
        journal.append("one").unwrap();
        assert!(journal.append("a\nb").is_err());
        drop(journal);
        let whole = fs::read(&path).unwrap();
        fs::write(&path, [whole.as_slice(), b"tw"].concat()).unwrap();
        assert_eq!(Journal::claim(&path).unwrap().records("other").unwrap(), None);
        assert_eq!(Journal::claim(&path).unwrap().records("").unwrap(), None);
        let mut journal = Journal::claim(&path).unwrap();
        assert_eq!(journal.records("k").unwrap().unwrap(), ["one"]);
        journal.append("two").unwrap();
        drop(journal);
        assert_eq!(Journal::claim(&path).unwrap().records("k").unwrap().unwrap(), ["one", "two"]);
    }
}
