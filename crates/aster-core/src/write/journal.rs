//! What an interrupted output holds for certain: one line per checkpoint, each with a check sum.
//!
//! A line counts when it is whole. The first one that is not ends the journal: a crash tears at most the last write.
use crate::cube::sink::ChunkKey;
use crate::error::{Error, Result};
use crate::write::partial::output_error;
use libdeflater::crc32;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// Changes whenever older journals would be misunderstood.
const FORMAT: u32 = 1;

/// Variable, time step, chunk row and chunk column.
pub(super) type Place = (usize, usize, usize, usize);

/// The place of a chunk.
pub(super) fn place(key: ChunkKey) -> Place {
    (key.variable, key.time, key.row, key.column)
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Line {
    /// The first line.
    Begin { format: u32, key: String },
    /// A unit of work is done.
    Checkpoint { record: String, chunks: Vec<Place> },
    /// Chunks of this time step and later no longer count.
    Rewind { time: usize },
}

/// Journal of an output.
#[derive(Debug)]
pub(super) struct Journal {
    path: PathBuf,
    key: String,
    records: Vec<String>,
    chunks: BTreeSet<Place>,
}

impl Journal {
    /// Opens the journal at `path` if it was written for `key`; anything else there is none.
    ///
    /// # Errors
    /// `OUTPUT_IO`.
    pub(super) fn open(path: &Path, key: &str) -> Result<Option<Self>> {
        let bytes = match fs::read(path) {
            Ok(bytes) => bytes,
            Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(e) => return Err(output_error(path, &e)),
        };
        let (mut lines, whole) = parse(&bytes);
        if !matches!(lines.next(), Some(Line::Begin { format: FORMAT, key: found }) if found == key) {
            return Ok(None);
        }
        let (mut records, mut chunks) = (Vec::new(), BTreeSet::new());
        for line in lines {
            match line {
                Line::Checkpoint { record, chunks: of_unit } => {
                    records.push(record);
                    chunks.extend(of_unit);
                }
                Line::Rewind { time } => chunks.retain(|&(_, t, _, _)| t < time),
                Line::Begin { .. } => return Ok(None),
            }
        }
        let io = |e: io::Error| output_error(path, &e);
        // What comes next must not be glued to a torn line.
        OpenOptions::new().write(true).open(path).and_then(|f| f.set_len(whole)).map_err(io)?;
        Ok(Some(Self { path: path.to_path_buf(), key: key.to_string(), records, chunks }))
    }

    /// Begins a journal, replacing what lies at `path`.
    ///
    /// # Errors
    /// `OUTPUT_IO`, `DISK_FULL`.
    pub(super) fn create(path: &Path, key: &str) -> Result<Self> {
        let io = |e: io::Error| output_error(path, &e);
        File::create(path).map_err(io)?;
        let (records, chunks) = (Vec::new(), BTreeSet::new());
        let journal = Self { path: path.to_path_buf(), key: key.to_string(), records, chunks };
        journal.append(&Line::Begin { format: FORMAT, key: key.to_string() })?;
        Ok(journal)
    }

    /// Records of all checkpoints.
    pub(super) fn records(&self) -> &[String] {
        &self.records
    }

    /// Chunks that are complete on the disk.
    pub(super) fn chunks(&self) -> &BTreeSet<Place> {
        &self.chunks
    }

    /// Adds a checkpoint; it is on the disk when this returns.
    ///
    /// # Errors
    /// `OUTPUT_IO`, `DISK_FULL`.
    pub(super) fn checkpoint(&mut self, record: &str, chunks: Vec<Place>) -> Result<()> {
        let line = Line::Checkpoint { record: record.to_string(), chunks: chunks.clone() };
        self.append(&line)?;
        self.records.push(record.to_string());
        self.chunks.extend(chunks);
        Ok(())
    }

    /// Takes chunks from time step `time` on out of account, and with 0 the records too; call before they are removed.
    ///
    /// # Errors
    /// `OUTPUT_IO`, `DISK_FULL`.
    pub(super) fn rewind(&mut self, time: usize) -> Result<()> {
        if time == 0 {
            *self = Self::create(&self.path, &self.key)?;
        } else if self.chunks.iter().any(|&(_, t, _, _)| t >= time) {
            self.append(&Line::Rewind { time })?;
            self.chunks.retain(|&(_, t, _, _)| t < time);
        }
        Ok(())
    }

    fn append(&self, line: &Line) -> Result<()> {
        let json = serde_json::to_string(line)
            .map_err(|e| Error::internal(format!("a journal line has no JSON form: {e}")))?;
        let text = format!("{:08x} {json}\n", crc32(json.as_bytes()));
        let append = |mut file: File| file.write_all(text.as_bytes()).and_then(|()| file.sync_all());
        // Open only for the moment: not every system renames a folder with an open file in it.
        let written = OpenOptions::new().append(true).open(&self.path).and_then(append);
        written.map_err(|e| output_error(&self.path, &e))
    }
}

/// The whole lines, and their length in bytes.
fn parse(bytes: &[u8]) -> (impl Iterator<Item = Line>, u64) {
    let (mut lines, mut whole) = (Vec::new(), 0);
    for line in bytes.split_inclusive(|&b| b == b'\n') {
        let Some(parsed) = parse_line(line) else { break };
        lines.push(parsed);
        whole += line.len() as u64;
    }
    (lines.into_iter(), whole)
}

fn parse_line(line: &[u8]) -> Option<Line> {
    let text = std::str::from_utf8(line.strip_suffix(b"\n")?).ok()?;
    let (sum, json) = text.split_once(' ')?;
    let intact = u32::from_str_radix(sum, 16).ok()? == crc32(json.as_bytes());
    intact.then(|| serde_json::from_str(json).ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_cut_leaves_whole_checkpoints_that_can_be_continued() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("journal");
        let mut journal = Journal::create(&path, "key").unwrap();
        let begun = fs::metadata(&path).unwrap().len() as usize;
        for t in 0..3 {
            journal.checkpoint(&format!("record\n{t}"), vec![(0, t, 0, 0), (1, t, 2, 3)]).unwrap();
        }
        let bytes = fs::read(&path).unwrap();
        let mut seen = BTreeSet::new();
        for cut in 0..=bytes.len() {
            // Cut off, or followed by the zeros of a file whose length came to the disk first.
            for zeros in [0, 50] {
                let mut torn = bytes[..cut].to_vec();
                torn.resize(cut + zeros, 0);
                fs::write(&path, &torn).unwrap();
                let Some(mut journal) = Journal::open(&path, "key").unwrap() else {
                    assert!(cut < begun, "{cut}");
                    continue;
                };
                let n = journal.records().len();
                assert_eq!(journal.chunks().len(), 2 * n);
                assert_eq!(n, bytes[begun..cut].iter().filter(|&&b| b == b'\n').count());
                seen.insert(n);
                journal.checkpoint("next", vec![]).unwrap();
                let again = Journal::open(&path, "key").unwrap().unwrap();
                assert_eq!((again.records().len(), again.records()[n].as_str()), (n + 1, "next"));
            }
        }
        assert_eq!(seen.len(), 4);
    }

    #[test]
    fn another_key_and_damage_are_no_journal() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("journal");
        assert!(Journal::open(&path, "key").unwrap().is_none());
        let mut journal = Journal::create(&path, "key").unwrap();
        journal.checkpoint("a", vec![(0, 0, 0, 0)]).unwrap();
        assert!(Journal::open(&path, "other").unwrap().is_none());
        let mut bytes = fs::read(&path).unwrap();
        let last = bytes.len() - 3;
        bytes[last] ^= 1;
        fs::write(&path, &bytes).unwrap();
        assert!(Journal::open(&path, "key").unwrap().unwrap().records().is_empty());
    }

    #[test]
    fn rewound_chunks_stay_away() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("journal");
        let mut journal = Journal::create(&path, "key").unwrap();
        journal.checkpoint("a", vec![(0, 0, 0, 0), (0, 1, 0, 0)]).unwrap();
        journal.rewind(1).unwrap();
        let mut again = Journal::open(&path, "key").unwrap().unwrap();
        assert_eq!((again.records().len(), again.chunks().len()), (1, 1));
        again.rewind(0).unwrap();
        let empty = Journal::open(&path, "key").unwrap().unwrap();
        assert!(empty.records().is_empty() && empty.chunks().is_empty());
    }
}
