//! Windows equal slices of the whole, whatever the storage and whatever the source.
#![allow(clippy::unwrap_used, clippy::panic)]

mod corpus;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use hdf4::source::{Memory, Pread, Sparse};
use hdf4::{Dataset, Error, File, Limits, OpenOptions, Window};
use proptest::prelude::*;

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures").join(name)
}

/// Every storage kind: the fixtures, and the generated reference files where present.
fn files() -> Vec<File> {
    let mut paths = vec![fixture("swath.hdf"), fixture("dfsd.hdf")];
    if let Some(root) = corpus::folder() {
        let generated = std::fs::read_dir(root.join("hdf4-generated")).unwrap();
        paths.extend(
            generated.map(|e| e.unwrap().path()).filter(|p| p.extension().is_some_and(|e| e == "hdf")),
        );
    }
    paths.sort();
    let open = |p: &PathBuf| OpenOptions::new().external_base(p.parent().unwrap()).open(p).unwrap();
    paths.iter().map(open).collect()
}

/// Cuts a window out of the whole array, the slow and obvious way.
fn cut(dataset: &Dataset, whole: &[u8], window: &Window) -> Vec<u8> {
    let size = dataset.number_type().size();
    let mut out = Vec::new();
    let total: u64 = window.count.iter().product();
    for i in 0..total {
        let (mut rest, mut at, mut stride) = (i, 0, 1);
        for d in (0..window.count.len()).rev() {
            at += (window.start[d] + rest % window.count[d]) * stride;
            rest /= window.count[d];
            stride *= dataset.dims()[d];
        }
        out.extend_from_slice(&whole[at as usize * size..][..size]);
    }
    out
}

#[test]
fn windows_are_slices() {
    let files = files();
    let all: Vec<(&File, &Dataset, Vec<u8>)> = files
        .iter()
        .flat_map(|f| f.datasets().iter().map(move |d| (f, d)))
        .map(|(f, d)| (f, d, f.read_bytes_le(d, &Window::whole(d)).unwrap()))
        .collect();
    let choice = (0..all.len(), prop::collection::vec((0.0..1.0f64, 0.0..=1.0f64), 4));
    proptest!(ProptestConfig::with_cases(2000), |((index, cuts) in choice)| {
        let (file, dataset, whole) = &all[index];
        let (mut start, mut count) = (Vec::new(), Vec::new());
        for (&dim, (a, b)) in dataset.dims().iter().zip(&cuts) {
            let from = (dim as f64 * a) as u64;
            start.push(from);
            count.push(((dim - from) as f64 * b).round() as u64);
        }
        let window = Window { start, count };
        let expected = cut(dataset, whole, &window);
        prop_assert_eq!(&file.read_bytes_le(dataset, &window).unwrap(), &expected);
        if !matches!(dataset.storage(), hdf4::StorageKind::External { .. }) {
            let ranges = file.plan(dataset, &window).unwrap();
            prop_assert!(ranges.iter().all(|r| r.start < r.end && r.end <= file.source().len()));
            prop_assert!(ranges.windows(2).all(|w| w[0].end < w[1].start));
        }
    });
}

#[test]
fn large_windows_are_cut_into_strips() {
    // 3000 x 1500 16-bit values cross several strips and, as chunks, several slabs.
    let Some(root) = corpus::folder() else { return };
    let like = root.join("aster-like/AST_L1T_00301032001031000_20150414031022_84000.hdf");
    let file = File::open(like).unwrap();
    for dataset in file.datasets().iter().filter(|d| d.dims().len() == 2) {
        let whole = file.read_bytes_le(dataset, &Window::whole(dataset)).unwrap();
        let (rows, cols) = (dataset.dims()[0], dataset.dims()[1]);
        let window = Window::rows_cols(rows / 5, cols / 7, rows - rows / 4, cols - cols / 3);
        assert!(file.read_bytes_le(dataset, &window).unwrap() == cut(dataset, &whole, &window));
    }
}

/// Calls again and again, supplying what each call asks for; returns the number of rounds.
fn persist<T>(source: &Sparse, bytes: &[u8], mut call: impl FnMut() -> Result<T, Error>) -> (T, usize) {
    for round in 0..100 {
        match call() {
            Ok(value) => return (value, round),
            Err(error) => {
                for range in error.needed_ranges().unwrap_or_else(|| panic!("{error}")) {
                    source.supply(range.start, &bytes[range.start as usize..range.end as usize]).unwrap();
                }
            }
        }
    }
    panic!("no end of missing ranges");
}

#[test]
fn all_sources_agree() {
    for name in ["swath.hdf", "dfsd.hdf"] {
        let bytes = std::fs::read(fixture(name)).unwrap();
        let mapped = File::open(fixture(name)).unwrap();
        let memory = File::from_source(Arc::new(Memory::new(bytes.clone())), Limits::strict()).unwrap();
        let pread =
            File::from_source(Arc::new(Pread::open(fixture(name)).unwrap()), Limits::default()).unwrap();
        let source = Arc::new(Sparse::new(bytes.len() as u64).with_block(64).with_identity("v1"));
        let (sparse, rounds) =
            persist(&source, &bytes, || File::from_source(source.clone(), Limits::default()));
        assert!(rounds <= 12, "{rounds} rounds to open");
        assert_eq!(sparse.source().identity().as_deref(), Some("v1"));
        for (i, dataset) in mapped.datasets().iter().enumerate() {
            let window = Window::whole(dataset);
            let expected = mapped.read_bytes_le(dataset, &window).unwrap();
            for file in [&memory, &pread] {
                assert_eq!(file.read_bytes_le(&file.datasets()[i], &window).unwrap(), expected);
            }
            source.clear();
            let (values, rounds) =
                persist(&source, &bytes, || sparse.read_bytes_le(&sparse.datasets()[i], &window));
            assert_eq!(values, expected);
            assert!(rounds <= 8, "{rounds} rounds to read {}", dataset.path());
        }
    }
}

#[test]
fn a_plan_is_all_a_read_needs() {
    let bytes = std::fs::read(fixture("swath.hdf")).unwrap();
    let file = File::open(fixture("swath.hdf")).unwrap();
    let dataset = file.dataset("Image").unwrap();
    let window = Window::rows_cols(3, 2, 4, 5);
    let ranges = file.plan(dataset, &window).unwrap();
    assert_eq!(ranges.len(), 4);
    assert_eq!(ranges.iter().map(|r| r.end - r.start).sum::<u64>(), 20);
    let read: Vec<u8> =
        ranges.iter().flat_map(|r| bytes[r.start as usize..r.end as usize].to_vec()).collect();
    assert_eq!(read, file.read::<u8>(dataset, &window).unwrap());
}
