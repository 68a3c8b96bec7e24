//! Counts of a run: values of chunks added up by variable, step and block.

/// Values per variable: those that came, and those that the packed range does not hold.
pub(super) struct Tally {
    pub(super) valid: Vec<u64>,
    pub(super) lost: Vec<u64>,
}

impl Tally {
    pub(super) fn of(variables: usize) -> Self {
        Self { valid: vec![0; variables], lost: vec![0; variables] }
    }
}

/// Adds counts to sums, place by place.
pub(super) fn add(sums: &mut [u64], counts: &[u64]) {
    sums.iter_mut().zip(counts).for_each(|(sum, n)| *sum += n);
}

/// Valid pixels of blocks added up, `[step][variable]`.
#[derive(Default)]
pub(super) struct Counts(Vec<Vec<u64>>);

impl Counts {
    pub(super) fn add(&mut self, block: &[Vec<u64>]) {
        self.0.resize(self.0.len().max(block.len()), Vec::new());
        for (sums, counts) in self.0.iter_mut().zip(block) {
            sums.resize(sums.len().max(counts.len()), 0);
            add(sums, counts);
        }
    }
    /// Of one step, of each of its variables.
    pub(super) fn of_step(&self, step: usize, variables: usize) -> Vec<u64> {
        let mut counts = self.0.get(step).cloned().unwrap_or_default();
        counts.resize(variables, 0);
        counts
    }
}
