//! The scratch files of all time steps under way. Chunks may come step by step, or block by block for all steps.
use crate::error::Result;
use crate::write::geotiff::scratch::{Scratch, ScratchForm};
use std::collections::{BTreeMap, VecDeque};
use std::path::{Path, PathBuf};

/// Files held open at once: the usual limit of a process is 1024, and others need some.
const MAX_OPEN: usize = 128;

/// Scratch files by time step.
#[derive(Debug)]
pub(super) struct Spools {
    form: ScratchForm,
    folder: PathBuf,
    stem: String,
    steps: BTreeMap<usize, Scratch>,
    /// Those that may be open, the longest first.
    open: VecDeque<usize>,
}

impl Spools {
    /// Files will lie in `folder`, which is on the disk of the output.
    pub(super) fn new(form: ScratchForm, folder: &Path, stem: &str) -> Self {
        let (folder, stem) = (folder.to_path_buf(), stem.to_string());
        Self { form, folder, stem, steps: BTreeMap::new(), open: VecDeque::new() }
    }

    /// Appends a tile to the file of a step.
    pub(super) fn append(
        &mut self,
        step: usize,
        band: usize,
        row: usize,
        column: usize,
        bytes: &[u8],
    ) -> Result<()> {
        if !self.open.contains(&step) {
            if self.open.len() >= MAX_OPEN
                && let Some(first) = self.open.pop_front()
                && let Some(scratch) = self.steps.get_mut(&first)
            {
                scratch.close();
            }
            self.open.push_back(step);
        }
        self.of(step)?.append(band, row, column, bytes)
    }

    /// Takes the file of a step out, an empty one if nothing came.
    pub(super) fn take(&mut self, step: usize) -> Result<Scratch> {
        self.open.retain(|&s| s != step);
        match self.steps.remove(&step) {
            Some(scratch) => Ok(scratch),
            None => Scratch::create(&self.name(step), self.form),
        }
    }

    /// Removes the files of this step and later ones.
    pub(super) fn forget_from(&mut self, step: usize) {
        self.steps.split_off(&step);
        self.open.retain(|&s| s < step);
    }

    /// The last step of which something came.
    pub(super) fn last(&self) -> Option<usize> {
        self.steps.last_key_value().map(|(&step, _)| step)
    }

    fn of(&mut self, step: usize) -> Result<&mut Scratch> {
        let name = self.name(step);
        match self.steps.entry(step) {
            std::collections::btree_map::Entry::Occupied(there) => Ok(there.into_mut()),
            std::collections::btree_map::Entry::Vacant(place) => {
                Ok(place.insert(Scratch::create(&name, self.form)?))
            }
        }
    }

    fn name(&self, step: usize) -> PathBuf {
        self.folder.join(format!("{}_step{step}.scratch", self.stem))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::grid::geobox::Shape;
    use crate::write::geotiff::pixels::Numbers;

    #[test]
    fn more_steps_than_open_files_and_back() {
        let folder = tempfile::tempdir().unwrap();
        let shape = Shape { ny: 1, nx: 2 };
        let form = ScratchForm { numbers: Numbers::U8, grid: Shape { ny: 2, nx: 2 }, tile: shape, bands: 1 };
        let mut spools = Spools::new(form, folder.path(), "a");
        let steps = MAX_OPEN + 30;
        for row in 0..2 {
            for step in 0..steps {
                spools.append(step, 0, row, 0, &[step as u8, row as u8]).unwrap();
            }
        }
        assert_eq!(spools.open.len(), MAX_OPEN);
        assert_eq!(spools.last(), Some(steps - 1));
        assert!(spools.append(0, 0, 0, 0, &[0, 0]).is_err(), "came twice");
        let mut scratch = spools.take(7).unwrap();
        let bytes = std::fs::read(scratch.seal().unwrap()).unwrap();
        assert_eq!(bytes[16..20], [7, 0, 7, 1]);
        drop(scratch);
        spools.forget_from(5);
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 5);
        drop(spools);
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
    }
}
