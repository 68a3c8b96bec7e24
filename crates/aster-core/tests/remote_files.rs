//! Granules whose files are elsewhere, against the same granules on disk: equal pixels, few bytes, errors that keep
//! their codes. The one who fetches is a thread of its own, as Node is.
#![allow(clippy::unwrap_used, reason = "helpers of tests fail as tests do")]
use aster_core::cancel::CancelToken;
use aster_core::cube::read_band::{ReadBand, read_band, read_band_in};
use aster_core::cube::request::{CubeOutput, CubeRequest};
use aster_core::error::{Error, ErrorCode, Result};
use aster_core::granule::files::Files;
use aster_core::granule::open::open;
use aster_core::granule::remote::{FetchRanges, FetchedRanges, WantedRanges};
use aster_core::job;
use std::fs::{self, File};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Sender, channel};
use std::sync::{Arc, Mutex};

fn sample() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/sample")
}

type Question = (Vec<WantedRanges>, Sender<Result<Vec<FetchedRanges>>>);

/// Answers from the files of the sample, for paths below `root`, in a thread of its own; `broken` says what goes wrong from which call on.
struct Fetcher {
    questions: Mutex<Sender<Question>>,
    calls: AtomicUsize,
    bytes: Arc<AtomicUsize>,
    broken: Option<(usize, ErrorCode)>,
}

impl Fetcher {
    fn new(root: PathBuf, broken: Option<(usize, ErrorCode)>) -> Arc<Self> {
        let (questions, asked) = channel::<Question>();
        let bytes = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&bytes);
        std::thread::spawn(move || {
            for (wanted, answer) in asked {
                let answers = wanted.iter().map(|w| {
                    let file = File::open(sample().join(w.path.strip_prefix(&root).unwrap())).unwrap();
                    let file_bytes = file.metadata().unwrap().len();
                    let part = |range: &std::ops::Range<u64>| {
                        let mut part = vec![0; (range.end.min(file_bytes) - range.start) as usize];
                        file.read_exact_at(&mut part, range.start).unwrap();
                        counted.fetch_add(part.len(), Ordering::Relaxed);
                        part
                    };
                    FetchedRanges { file_bytes, parts: w.ranges.iter().map(part).collect() }
                });
                answer.send(Ok(answers.collect())).unwrap();
            }
        });
        Arc::new(Self { questions: Mutex::new(questions), calls: AtomicUsize::new(0), bytes, broken })
    }
    fn calls(&self) -> usize {
        self.calls.load(Ordering::Relaxed)
    }
    fn bytes(&self) -> usize {
        self.bytes.load(Ordering::Relaxed)
    }
}

impl FetchRanges for Fetcher {
    fn fetch(&self, wanted: Vec<WantedRanges>) -> Result<Vec<FetchedRanges>> {
        let call = self.calls.fetch_add(1, Ordering::Relaxed);
        if let Some((_, code)) = self.broken.filter(|(first, _)| call >= *first) {
            return Err(Error::new(code, "it broke").hint("mend it"));
        }
        let (answer, come) = channel();
        self.questions.lock().unwrap().send((wanted, answer)).unwrap();
        come.recv().unwrap()
    }
}

struct Elsewhere {
    /// Holds the records alone.
    root: tempfile::TempDir,
    granules: Vec<PathBuf>,
    here: Vec<PathBuf>,
    files: Files,
    fetch: Arc<Fetcher>,
}

/// The sample's granules as if they were elsewhere; their records lie on this disk.
fn elsewhere(broken: Option<(usize, ErrorCode)>) -> Elsewhere {
    let (mut granules, mut remote) = (Vec::new(), Vec::new());
    let root = tempfile::tempdir().unwrap();
    for entry in fs::read_dir(sample()).unwrap().flatten() {
        let path = entry.path();
        let is_tif = |p: &Path| p.extension().is_some_and(|e| e == "tif");
        if path.is_dir() {
            remote.extend(fs::read_dir(&path).unwrap().flatten().map(|e| e.path()).filter(|p| is_tif(p)));
        } else if path.extension().is_some_and(|e| e == "hdf") {
            remote.push(path.clone());
        } else {
            if path.extension().is_some_and(|e| e == "json") {
                fs::copy(&path, root.path().join(path.file_name().unwrap())).unwrap();
            }
            continue;
        }
        granules.push(path);
    }
    granules.sort();
    let moved = |p: &PathBuf| root.path().join(p.strip_prefix(sample()).unwrap());
    let fetch = Fetcher::new(root.path().to_path_buf(), broken);
    let files = Files::with_remote(remote.iter().map(moved), Arc::clone(&fetch) as Arc<dyn FetchRanges>);
    let there = granules.iter().map(moved).collect();
    Elsewhere { root, granules: there, here: granules, files, fetch }
}

fn request(granules: Vec<PathBuf>, workers: u32) -> CubeRequest {
    CubeRequest {
        granules,
        bands: vec!["2".into(), "3N".into()],
        n_workers: Some(workers),
        ..CubeRequest::of(CubeOutput::memory())
    }
}

#[test]
fn the_same_cube_with_one_thread_and_with_many() {
    let Elsewhere { root: _root, granules: there, here, files, fetch } = elsewhere(None);
    for workers in [1, 3] {
        let local = job::run(&request(here.clone(), workers), &|_| {}, &CancelToken::new()).unwrap();
        let remote =
            job::run_in(&request(there.clone(), workers), &files, &|_| {}, &CancelToken::new()).unwrap();
        assert_eq!(local.arrays.len(), 2);
        for (a, b) in local.arrays.iter().zip(&remote.arrays) {
            assert!(a.iter().zip(b).all(|(a, b)| a.to_bits() == b.to_bits()));
        }
        assert_eq!(local.report.bytes_read, remote.report.bytes_read);
    }
    assert!(fetch.calls() > 0);
}

#[test]
fn headers_and_windows_and_no_more() {
    let Elsewhere { root: _root, granules: there, here, files, fetch } = elsewhere(None);
    for (there, here) in there.iter().zip(&here) {
        let granule = open(here).unwrap();
        for band in granule.facts().bands.iter().map(|b| b.band.name().to_string()) {
            let read = |path: &Path| ReadBand {
                path: path.to_path_buf(),
                band: band.clone(),
                row: Some(7),
                column: Some(11),
                rows: Some(20),
                columns: Some(30),
                calibration: None,
                solar_irradiance: None,
                gains: Vec::new(),
                coefficients: Vec::new(),
            };
            let (calls, bytes) = (fetch.calls(), fetch.bytes());
            let remote = read_band_in(&read(there), &files).unwrap();
            assert_eq!(remote, read_band(&read(here)).unwrap(), "{here:?} {band}");
            let (calls, bytes) = (fetch.calls() - calls, fetch.bytes() - bytes);
            // Heads of all files, the catalogue in a few rounds, the window in one.
            assert!(calls <= 8, "{calls} calls for {here:?} {band}");
            let all = granule.facts().bytes as usize;
            // Compressed as a whole, a band comes as a whole; in chunks, their headers are all over the file.
            let most = if granule.facts().bands[0].storage == "contiguous" { all / 8 } else { all };
            assert!(bytes <= most, "{bytes} of {all} bytes for {here:?} {band}");
        }
    }
}

#[test]
fn a_network_that_fails_keeps_its_code() {
    for (code, first) in [(ErrorCode::Network, 0), (ErrorCode::Timeout, 0), (ErrorCode::Service, 0)] {
        let Elsewhere { root: _root, granules: there, files, .. } = elsewhere(Some((first, code)));
        let error = job::run_in(&request(there, 2), &files, &|_| {}, &CancelToken::new()).unwrap_err();
        assert_eq!(error.code(), code);
        assert_eq!(error.hint_text(), Some("mend it"));
    }
    // Wrong for all of them: nothing is left out for it, whenever it comes.
    for code in [ErrorCode::AuthExpired, ErrorCode::AuthTerms, ErrorCode::Cancelled] {
        for first in [0, 3, 30, 40] {
            let Elsewhere { root: _root, granules: there, files, fetch, .. } = elsewhere(Some((first, code)));
            let error = job::run_in(&request(there, 2), &files, &|_| {}, &CancelToken::new()).unwrap_err();
            assert_eq!((error.code(), fetch.calls() > first), (code, true));
        }
    }
}

#[test]
fn a_scene_that_cannot_be_fetched_is_left_out_with_its_code() {
    let Elsewhere { root: _root, granules: there, files, fetch, .. } = elsewhere(None);
    let plan = job::plan_in(&request(there, 1), &files).unwrap();
    let calls = fetch.calls();
    let Elsewhere { root: _other, granules: there, files, .. } =
        elsewhere(Some((calls + 8, ErrorCode::Network)));
    let output = job::run_in(&request(there, 1), &files, &|_| {}, &CancelToken::new()).unwrap();
    assert!(!output.report.steps.is_empty() && output.report.steps.len() < plan.scenes.len());
    assert!(output.report.skipped.iter().any(|s| s.error.code() == ErrorCode::Network));
}
