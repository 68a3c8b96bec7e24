//! What a running job tells: at most ten times a second, plus each scene's end.
use std::path::PathBuf;

/// Kind of an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EventKind {
    /// The plan is known; nothing was read yet.
    Planned,
    /// Counters moved.
    Progress,
    /// A scene is complete.
    Scene,
    /// A scene was left out; the message says why.
    Skipped,
    /// Something the user should know.
    Warning,
    /// All is written.
    Finished,
}

impl EventKind {
    /// Lower-case name, as JavaScript sees it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Planned => "planned",
            Self::Progress => "progress",
            Self::Scene => "scene",
            Self::Skipped => "skipped",
            Self::Warning => "warning",
            Self::Finished => "finished",
        }
    }
}

/// Counters of a running job.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counters {
    /// Scenes done, skipped ones included.
    pub scenes_done: u64,
    /// Scenes of the plan.
    pub scenes_total: u64,
    /// Chunks computed.
    pub chunks_done: u64,
    /// Chunks of the plan.
    pub chunks_total: u64,
    /// Bytes of DN read.
    pub bytes_read: u64,
    /// Bytes handed to the output, compressed.
    pub bytes_written: u64,
    /// Milliseconds since the start.
    pub elapsed_ms: u64,
}

/// One event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// What happened.
    pub kind: EventKind,
    /// Where the job stands.
    pub counters: Counters,
    /// Granule concerned.
    pub path: Option<PathBuf>,
    /// One line for a person.
    pub message: Option<String>,
}

/// Receiver of events; called from worker threads, must not block.
pub type EventListener = dyn Fn(Event) + Send + Sync;
