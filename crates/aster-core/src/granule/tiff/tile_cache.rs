//! Unpacked tiles whose bands are interleaved, kept until every band has been taken from them.
//!
//! Bands are read one at a time, and unpacking is nearly all of the work: without this a SWIR tile would be
//! unpacked six times. Two threads that want the same tile unpack it once. One bound holds for all files of the
//! process, since a job may read two of six bands of hundreds of granules and never finish a tile.
use crate::error::Result;
use std::collections::{HashMap, VecDeque};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

/// Bytes kept by the process: a whole VNIR telescope (5593 x 4945 x 3) fits.
pub const TILE_CACHE_BYTES: u64 = 96 << 20;

/// File and tile.
type Key = (u64, usize);
type Slot = Arc<OnceLock<Result<Arc<Vec<u8>>>>>;

#[derive(Debug)]
struct Entry {
    slot: Slot,
    /// One bit for each sample still to come.
    waiting: u64,
    bytes: u64,
}

#[derive(Debug, Default)]
struct State {
    entries: HashMap<Key, Entry>,
    /// Oldest first; may name tiles that have left already.
    order: VecDeque<Key>,
    bytes: u64,
}

impl State {
    fn remove(&mut self, key: Key) {
        if let Some(entry) = self.entries.remove(&key) {
            self.bytes -= entry.bytes;
        }
    }
    fn insert(&mut self, key: Key, entry: Entry) {
        while self.bytes + entry.bytes > TILE_CACHE_BYTES {
            let Some(oldest) = self.order.pop_front() else { break };
            self.remove(oldest);
        }
        self.bytes += entry.bytes;
        self.entries.insert(key, entry);
        self.order.push_back(key);
        // Names of tiles that left early must not pile up.
        if self.order.len() > 2 * self.entries.len() + 64 {
            let Self { entries, order, .. } = self;
            order.retain(|k| entries.contains_key(k));
        }
    }
}

/// The tiles of all files.
#[derive(Debug)]
struct Shared {
    next_file: AtomicU64,
    state: Mutex<Option<State>>,
}

impl Shared {
    const fn new() -> Self {
        Self { next_file: AtomicU64::new(0), state: Mutex::new(None) }
    }
    fn with<T>(&self, act: impl FnOnce(&mut State) -> T) -> T {
        act(self.state.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert_default())
    }
}

static SHARED: Shared = Shared::new();

/// One file's share; its tiles leave with it.
#[derive(Debug)]
pub(super) struct TileCache {
    shared: &'static Shared,
    file: u64,
    /// A bit for each sample.
    all: u64,
}

impl TileCache {
    pub(super) fn new(samples: usize) -> Self {
        Self::within(&SHARED, samples)
    }
    fn within(shared: &'static Shared, samples: usize) -> Self {
        let file = shared.next_file.fetch_add(1, Ordering::Relaxed);
        Self { shared, file, all: u64::MAX >> (64 - samples.clamp(1, 64)) }
    }
    /// The unpacked `tile`, made by `unpack` unless it is here; counts as taken for `sample`.
    pub(super) fn get(
        &self,
        tile: usize,
        sample: usize,
        bytes: u64,
        unpack: impl FnOnce() -> Result<Vec<u8>>,
    ) -> Result<Arc<Vec<u8>>> {
        let slot = self.slot(tile, sample, bytes);
        // `unpack` starts no parallel work of its own, so waiting for another thread's cannot deadlock.
        slot.get_or_init(|| unpack().map(Arc::new)).clone()
    }
    fn slot(&self, tile: usize, sample: usize, bytes: u64) -> Slot {
        let (key, bit) = ((self.file, tile), 1_u64 << sample.min(63));
        self.shared.with(|state| {
            if let Some(entry) = state.entries.get_mut(&key) {
                let slot = entry.slot.clone();
                entry.waiting &= !bit;
                if entry.waiting == 0 {
                    state.remove(key);
                }
                return slot;
            }
            let slot = Slot::default();
            let waiting = self.all & !bit;
            if waiting != 0 && bytes <= TILE_CACHE_BYTES {
                state.insert(key, Entry { slot: slot.clone(), waiting, bytes });
            }
            slot
        })
    }
}

impl Drop for TileCache {
    fn drop(&mut self) {
        if self.all == 1 {
            return;
        }
        self.shared.with(|state| {
            let mine: Vec<Key> = state.entries.keys().filter(|k| k.0 == self.file).copied().collect();
            mine.into_iter().for_each(|key| state.remove(key));
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cache(samples: usize) -> TileCache {
        TileCache::within(Box::leak(Box::new(Shared::new())), samples)
    }

    fn take(cache: &TileCache, tile: usize, sample: usize, bytes: u64, count: &mut usize) {
        let got = cache.get(tile, sample, bytes, || {
            *count += 1;
            Ok(vec![tile as u8; 3])
        });
        assert_eq!(**got.unwrap(), [tile as u8; 3]);
    }

    #[test]
    fn unpacked_once_for_all_samples_then_gone() {
        let (cache, mut count) = (cache(3), 0);
        for sample in 0..3 {
            take(&cache, 7, sample, 3, &mut count);
        }
        assert_eq!((count, cache.shared.with(|s| s.bytes)), (1, 0));
        take(&cache, 7, 0, 3, &mut count);
        assert_eq!(count, 2);
    }

    #[test]
    fn never_more_than_allowed_whatever_the_number_of_files() {
        let (first, mut count) = (cache(2), 0);
        let shared = first.shared;
        let files: Vec<_> = (0..10).map(|_| TileCache::within(shared, 2)).collect();
        let third = TILE_CACHE_BYTES / 3;
        for tile in 0..1000 {
            take(&files[tile % 10], tile, 0, third, &mut count);
            shared.with(|s| assert!(s.bytes <= TILE_CACHE_BYTES && s.order.len() <= 80));
        }
        take(&files[9], 999, 1, third, &mut count);
        assert_eq!(count, 1000);
        take(&files[0], 0, 1, third, &mut count);
        assert_eq!(count, 1001);
        drop(files);
        shared.with(|s| assert_eq!((s.bytes, s.entries.len()), (0, 0)));
    }

    #[test]
    fn one_sample_or_an_oversized_tile_is_not_kept() {
        let mut count = 0;
        for (samples, bytes) in [(1, 3), (2, TILE_CACHE_BYTES + 1)] {
            let cache = cache(samples);
            take(&cache, 0, 0, bytes, &mut count);
            cache.shared.with(|s| assert!(s.entries.is_empty()));
        }
    }
}
