//! A few thousand damaged copies of the fixtures: each opens or fails, none panics or runs away.
#![allow(clippy::print_stderr, clippy::unwrap_used, clippy::panic)]

use std::sync::Arc;
use std::time::{Duration, Instant};

use hdf4::source::Memory;
use hdf4::{File, Limits, Window};

/// A small generator with a fixed seed, so every run sees the same files.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn below(&mut self, n: usize) -> usize {
        (self.next() % n as u64) as usize
    }
}

fn mutate(random: &mut Random, bytes: &mut Vec<u8>) {
    const NUMBERS: [u32; 8] = [0, 1, 0x7FFF, 0xFFFF, 0x7FFF_FFFF, 0x8000_0000, 0xFFFF_FFFF, 0x0001_0000];
    for _ in 0..1 + random.below(4) {
        // Descriptors and the records behind them matter more than pixels.
        let reach = if random.below(3) > 0 { bytes.len().min(1500) } else { bytes.len() };
        let at = random.below(reach);
        match random.below(6) {
            0 => bytes[at] ^= 1 << random.below(8),
            1 => bytes[at] = random.next() as u8,
            2 => {
                let number = NUMBERS[random.below(NUMBERS.len())].to_be_bytes();
                let n = 4.min(bytes.len() - at);
                bytes[at..at + n].copy_from_slice(&number[..n]);
            }
            3 => {
                let from = random.below(bytes.len());
                let n = random.below(24).min(bytes.len() - from.max(at));
                bytes.copy_within(from..from + n, at);
            }
            4 if random.below(8) == 0 => bytes.truncate(at.max(4)),
            _ => bytes[at] = if random.below(2) == 0 { 0 } else { 0xFF },
        }
    }
}

fn exercise(bytes: Vec<u8>) -> bool {
    let Ok(file) = File::from_source(Arc::new(Memory::new(bytes)), Limits::strict()) else { return false };
    for dataset in file.datasets() {
        let _ = file.read_bytes_le(dataset, &Window::whole(dataset));
        let count = dataset.dims().iter().map(|d| d.div_ceil(2)).collect();
        let _ = file.read_bytes_le(dataset, &Window { start: vec![0; dataset.dims().len()], count });
    }
    for table in file.vdatas() {
        let _ = file.read_table(table).map(|t| t.to_le_bytes());
    }
    let _ = file.eos();
    true
}

#[test]
fn damaged_files_never_panic() {
    let mut random = Random(0x9E37_79B9_7F4A_7C15);
    let (mut opened, mut rejected) = (0, 0);
    let mut slowest = Duration::ZERO;
    for name in ["swath.hdf", "dfsd.hdf"] {
        let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures").join(name);
        let original = std::fs::read(path).unwrap();
        for _ in 0..3000 {
            let mut bytes = original.clone();
            mutate(&mut random, &mut bytes);
            let start = Instant::now();
            if exercise(bytes) {
                opened += 1;
            } else {
                rejected += 1;
            }
            slowest = slowest.max(start.elapsed());
        }
    }
    eprintln!("{opened} damaged files opened, {rejected} were rejected, slowest {slowest:?}");
    assert!(opened > 1000 && rejected > 100);
    assert!(slowest < Duration::from_secs(5), "{slowest:?}");
}
