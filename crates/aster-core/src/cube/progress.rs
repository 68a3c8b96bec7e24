//! Counters and the clock of a run; tells at most ten times a second.
use crate::cube::plan::CubePlan;
use crate::event::{Counters, Event, EventKind, EventListener};
use std::path::PathBuf;
use std::time::Instant;

/// What a run has done so far.
pub(super) struct Progress<'a> {
    pub(super) counters: Counters,
    listener: &'a EventListener,
    start: Instant,
    told: Option<Instant>,
}

impl<'a> Progress<'a> {
    pub(super) fn new(plan: &CubePlan, listener: &'a EventListener) -> Self {
        let counters = Counters {
            scenes_total: plan.scenes.len() as u64,
            chunks_total: plan.chunks_to_compute(),
            ..Counters::default()
        };
        Self { counters, listener, start: Instant::now(), told: None }
    }

    /// Chunks were computed and bytes stored.
    pub(super) fn moved(&mut self, chunks: usize, bytes: u64) {
        self.counters.chunks_done += chunks as u64;
        self.counters.bytes_written += bytes;
        let recent = self.told.is_some_and(|t| t.elapsed().as_millis() < 100);
        if !recent {
            self.tell(EventKind::Progress, None, None);
        }
    }

    pub(super) fn tell(&mut self, kind: EventKind, path: Option<PathBuf>, message: Option<String>) {
        self.told = Some(Instant::now());
        self.counters.elapsed_ms = u64::try_from(self.start.elapsed().as_millis()).unwrap_or(u64::MAX);
        (self.listener)(Event { kind, counters: self.counters, path, message });
    }
}
