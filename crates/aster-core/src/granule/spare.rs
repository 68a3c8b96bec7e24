//! Memory of pixels that are done with, for the next ones: fresh memory costs a page fault every 4 KiB.
use crate::granule::dn::{DnData, DnWindow};
use std::borrow::Cow;
use std::sync::{Mutex, PoisonError};

/// Memory of windows of 8 bits. It holds no more than it was given, and nothing after [`Spare::clear`].
#[derive(Debug, Default)]
pub struct Spare(Mutex<Vec<Vec<u8>>>);

impl Spare {
    /// So many bytes, whatever they are.
    pub(super) fn take(&self, length: usize) -> Vec<u8> {
        let mut held = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        // Too short: it goes, so that no more is held than before.
        let mut bytes = held.pop().filter(|bytes| bytes.capacity() >= length).unwrap_or_default();
        drop(held);
        if bytes.capacity() == 0 {
            return vec![0; length];
        }
        bytes.resize(length, 0);
        bytes
    }
    /// Takes back what a window owns.
    pub fn give(&self, window: DnWindow<'_>) {
        if let DnData::U8(Cow::Owned(bytes)) = window.data {
            self.0.lock().unwrap_or_else(PoisonError::into_inner).push(bytes);
        }
    }
    /// Frees all that nobody took.
    pub fn clear(&self) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }
}
