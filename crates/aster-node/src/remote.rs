//! Files that JavaScript fetches: ranges are asked for through a callback, and answered by a call.
use crate::outcome::NativeError;
use aster_core::cancel::CancelToken;
use aster_core::error::{Error, ErrorCode, Result};
use aster_core::granule::files::Files;
use aster_core::granule::remote::{FetchRanges, FetchedRanges, WantedRanges};
use napi::Status;
use napi::bindgen_prelude::Uint8Array;
use napi::threadsafe_function::{ThreadsafeFunction, ThreadsafeFunctionCallMode};
use napi_derive::napi;
use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// Ranges wanted of one file.
#[napi(object, object_from_js = false)]
pub struct WantedFileRanges {
    /// The file, by the path it was announced with.
    pub path: String,
    /// First byte and length of each. The first one asked of a file may reach beyond its end.
    pub ranges: Vec<Vec<f64>>,
}

/// A question; it waits for `supply` or `fail` with its number.
#[napi(object, object_from_js = false)]
pub struct RangeRequest {
    pub id: f64,
    pub files: Vec<WantedFileRanges>,
}

/// What came of one file.
#[napi(object, object_to_js = false)]
pub struct SuppliedRanges {
    /// Of the whole file.
    pub file_bytes: f64,
    /// In the order of the ranges.
    pub parts: Vec<Uint8Array>,
}

type Answer = Result<Vec<FetchedRanges>>;
/// Weak: it keeps no process alive. Unbounded, since who asks waits: there are no more questions than threads.
type Asker = ThreadsafeFunction<RangeRequest, (), RangeRequest, Status, false, true, 0>;

/// Who waits for what. Without the callback nobody will be answered any more.
struct Desk {
    ask: Option<Arc<Asker>>,
    next: u64,
    waiting: HashMap<u64, Sender<Answer>>,
}

/// Files whose bytes a callback fetches.
#[napi]
pub struct RemoteFiles {
    paths: Vec<PathBuf>,
    desk: Arc<Mutex<Desk>>,
}

#[napi]
impl RemoteFiles {
    /// `onRequest` must answer every request, at any time, with `supply` or `fail`.
    #[napi(constructor)]
    pub fn new(
        paths: Vec<String>,
        #[napi(ts_arg_type = "(request: RangeRequest) => void")] on_request: Asker,
    ) -> Self {
        let desk = Desk { ask: Some(Arc::new(on_request)), next: 0, waiting: HashMap::new() };
        Self { paths: paths.into_iter().map(Into::into).collect(), desk: Arc::new(Mutex::new(desk)) }
    }

    /// The bytes that a request asked for.
    #[napi]
    pub fn supply(&self, id: f64, files: Vec<SuppliedRanges>) {
        let fetched = files.into_iter().map(|SuppliedRanges { file_bytes, parts }| FetchedRanges {
            file_bytes: file_bytes as u64,
            parts: parts.into_iter().map(|part| part.to_vec()).collect(),
        });
        self.answer(id, Ok(fetched.collect()));
    }

    /// Why a request cannot be answered.
    #[napi]
    pub fn fail(&self, id: f64, error: NativeError) {
        self.answer(id, Err(error.into()));
    }

    /// Ends it: whoever waits is told so, and the callback is released.
    #[napi]
    pub fn close(&self) {
        close(&self.desk);
    }

    fn answer(&self, id: f64, answer: Answer) {
        let waiting = lock(&self.desk).waiting.remove(&(id as u64));
        if let Some(waiting) = waiting {
            // Who asked may have given up.
            let _ = waiting.send(answer);
        }
    }
}

impl Drop for RemoteFiles {
    fn drop(&mut self) {
        close(&self.desk);
    }
}

impl RemoteFiles {
    /// The files as the core knows them; waiting for one of them ends when `cancel` is pulled.
    pub fn files(&self, cancel: &CancelToken) -> Files {
        let fetch = Fetch { desk: Arc::clone(&self.desk), cancel: cancel.clone() };
        Files::with_remote(self.paths.iter().cloned(), Arc::new(fetch))
    }
}

fn lock(desk: &Mutex<Desk>) -> std::sync::MutexGuard<'_, Desk> {
    desk.lock().unwrap_or_else(PoisonError::into_inner)
}

fn close(desk: &Mutex<Desk>) {
    let (ask, waiting) = {
        let mut desk = lock(desk);
        (desk.ask.take(), std::mem::take(&mut desk.waiting))
    };
    // A sender that is dropped wakes who waits for it.
    drop((ask, waiting));
}

/// Asks JavaScript, from any thread but its own.
struct Fetch {
    desk: Arc<Mutex<Desk>>,
    cancel: CancelToken,
}

/// How soon a request to stop is seen while nothing comes.
const LOOK_UP: Duration = Duration::from_millis(50);

impl FetchRanges for Fetch {
    fn fetch(&self, wanted: Vec<WantedRanges>) -> Answer {
        self.cancel.check()?;
        let (answer, come) = channel();
        let (ask, id) = {
            let mut desk = lock(&self.desk);
            let ask = desk.ask.clone().ok_or_else(ended)?;
            desk.next += 1;
            let id = desk.next;
            desk.waiting.insert(id, answer);
            (ask, id)
        };
        let files = wanted.into_iter().map(|WantedRanges { path, ranges }| WantedFileRanges {
            path: path.to_string_lossy().into_owned(),
            ranges: ranges.iter().map(|r| vec![r.start as f64, (r.end - r.start) as f64]).collect(),
        });
        let request = RangeRequest { id: id as f64, files: files.collect() };
        if ask.call(request, ThreadsafeFunctionCallMode::NonBlocking) != Status::Ok {
            lock(&self.desk).waiting.remove(&id);
            return Err(ended());
        }
        drop(ask);
        loop {
            match come.recv_timeout(LOOK_UP) {
                Ok(answer) => return answer,
                Err(RecvTimeoutError::Disconnected) => return Err(ended()),
                Err(RecvTimeoutError::Timeout) if self.cancel.is_cancelled() => {
                    lock(&self.desk).waiting.remove(&id);
                    return Err(Error::cancelled());
                }
                Err(RecvTimeoutError::Timeout) => {}
            }
        }
    }
}

/// The other side is gone: its work was stopped, or Node is about to end.
fn ended() -> Error {
    Error::new(ErrorCode::Cancelled, "the remote files were closed while they were read")
}

/// As JavaScript tells it; a code that is not known is a bug of ours.
impl From<NativeError> for Error {
    fn from(error: NativeError) -> Self {
        let NativeError { code, message, hint, path, retryable: _, needed_bytes: _, allowed_bytes: _ } =
            error;
        let known = ErrorCode::named(&code);
        let mut made = match known {
            Some(known) => Self::new(known, message),
            None => Self::internal(format!("{message} (unknown error code {code})")),
        };
        if let Some(hint) = hint {
            made = made.hint(hint);
        }
        match path {
            Some(path) => made.at(path.as_ref()),
            None => made,
        }
    }
}
