//! What a job did.
use crate::cube::record::StepRecord;
use crate::cube::scene_plan::Skipped;
use std::path::PathBuf;

/// Outcome of a finished job.
#[derive(Debug, Clone)]
pub struct CubeReport {
    /// Files written.
    pub outputs: Vec<PathBuf>,
    /// One per time step.
    pub steps: Vec<StepRecord>,
    /// Paths of the scenes of each step, in the same order.
    pub paths: Vec<Vec<PathBuf>>,
    /// Granules left out, before or during the run.
    pub skipped: Vec<Skipped>,
    /// What the user should know.
    pub warnings: Vec<String>,
    /// Bytes of DN read.
    pub bytes_read: u64,
    /// Bytes of the output files; of a folder those that this run stored.
    pub bytes_written: u64,
    /// Milliseconds from the first header to the last rename.
    pub elapsed_ms: u64,
}
