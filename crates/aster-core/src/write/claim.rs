//! The right to write an unfinished output, held by one process at a time, on shared disks too.
//!
//! A claim is a file that only one process can create. Its holder writes it anew every minute; a claim whose process is
//! dead, or that nobody wrote for ten minutes, is taken over.
use crate::error::{Error, ErrorCode, Result};
use crate::write::partial::output_error;
use crate::write::process::ProcessId;
use serde::{Deserialize, Serialize};
use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::thread::JoinHandle;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Time between two signs of life.
const HEARTBEAT: Duration = Duration::from_secs(60);
/// Age of the last sign of life from which on a claim of another machine is void.
const EXPIRY: Duration = Duration::from_secs(600);
/// Takeovers tried; each failure means that somebody else was quicker.
const MAX_ATTEMPTS: u32 = 10;

/// What a claim says. `token` is never used twice.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Holder {
    process: ProcessId,
    since: String,
    token: String,
}

/// A claim of this process; dropping it gives it up.
#[derive(Debug)]
pub(super) struct Claim {
    path: PathBuf,
    text: String,
    stop: Option<Sender<()>>,
    heartbeat: Option<JoinHandle<()>>,
}

impl Claim {
    /// Claims `path` for writing `target`.
    ///
    /// # Errors
    /// `OUTPUT_IO` when another process holds it, or the folder cannot be written; `DISK_FULL`.
    pub(super) fn acquire(path: &Path, target: &Path) -> Result<Self> {
        let process = ProcessId::own();
        let token = new_token(&process);
        let since = jiff::Timestamp::now().strftime("%Y-%m-%dT%H:%M:%SZ").to_string();
        let text = serde_json::to_string(&Holder { process, since, token: token.clone() })
            .map_err(|e| Error::internal(format!("a claim has no JSON form: {e}")))?;
        for _ in 0..MAX_ATTEMPTS {
            match OpenOptions::new().write(true).create_new(true).open(path) {
                Ok(mut file) => {
                    let written = file.write_all(text.as_bytes()).and_then(|()| file.sync_all());
                    if let Err(error) = written {
                        let _ = fs::remove_file(path);
                        return Err(output_error(path, &error));
                    }
                    return Ok(Self::held(path, text));
                }
                Err(e) if e.kind() == io::ErrorKind::AlreadyExists => {}
                Err(e) => return Err(output_error(target, &e)),
            }
            let Some(found) = read(path) else { continue };
            let age = age(path, &token).map_err(|e| output_error(target, &e))?;
            if !is_void(&found, age) {
                return Err(busy(&found, path, target));
            }
            take_away(path, &found, &token).map_err(|e| output_error(target, &e))?;
        }
        Err(Error::new(ErrorCode::OutputIo, format!("several runs want to write {}", target.display()))
            .hint("start one of them, and the next when it is done")
            .at(target))
    }

    fn held(path: &Path, text: String) -> Self {
        let (stop, stopped) = channel::<()>();
        let (file, own) = (path.to_path_buf(), text.clone());
        let beat = move || {
            while stopped.recv_timeout(HEARTBEAT) == Err(RecvTimeoutError::Timeout) {
                // Written, not touched: the time is then that of the disk's own clock. A failure is no harm
                // while it does not last; `check` finds out when it mattered.
                if read(&file).as_deref() == Some(own.as_str()) {
                    let _ = OpenOptions::new()
                        .write(true)
                        .open(&file)
                        .and_then(|mut f| f.write_all(own.as_bytes()));
                }
            }
        };
        // Without the thread the claim lasts ten minutes, which `check` then reports.
        let heartbeat = std::thread::Builder::new().name("claim".to_string()).spawn(beat).ok();
        Self { path: path.to_path_buf(), text, stop: Some(stop), heartbeat }
    }

    /// Makes sure that nobody took the claim over, as happens when a process was stopped for long.
    ///
    /// # Errors
    /// `OUTPUT_IO`.
    pub(super) fn check(&self, target: &Path) -> Result<()> {
        match fs::read_to_string(&self.path) {
            Ok(text) if text == self.text => Ok(()),
            Ok(_) => Err(lost(target)),
            Err(e) if e.kind() == io::ErrorKind::NotFound => Err(lost(target)),
            Err(e) => Err(output_error(&self.path, &e)),
        }
    }
}

impl Drop for Claim {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(heartbeat) = self.heartbeat.take() {
            let _ = heartbeat.join();
        }
        if read(&self.path).as_deref() == Some(self.text.as_str()) {
            let _ = fs::remove_file(&self.path);
        }
    }
}

/// Text of a claim; none when it is gone.
fn read(path: &Path) -> Option<String> {
    fs::read_to_string(path).ok()
}

/// Whether the holder is dead, or was silent for too long where that cannot be known. A claim that nobody understands
/// is one that is being written, or was when its machine failed.
fn is_void(found: &str, age: Duration) -> bool {
    let runs = serde_json::from_str::<Holder>(found).ok().and_then(|holder| holder.process.runs());
    runs.map_or(age > EXPIRY, |runs| !runs)
}

/// Time since the claim was written, by the clock of its disk: that of another machine may be wrong.
fn age(path: &Path, token: &str) -> io::Result<Duration> {
    let probe = beside(path, token, "clock");
    let now = fs::write(&probe, token).and_then(|()| fs::metadata(&probe)?.modified());
    let _ = fs::remove_file(&probe);
    let written = match fs::metadata(path) {
        Ok(metadata) => metadata.modified()?,
        // Gone meanwhile: as old as can be is wrong, but harmless, since there is nothing to take away.
        Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(Duration::ZERO),
        Err(e) => return Err(e),
    };
    Ok(now?.duration_since(written).unwrap_or_default())
}

/// Removes the claim `found`, and only that one: another process may have done so and claimed already.
fn take_away(path: &Path, found: &str, token: &str) -> io::Result<()> {
    let aside = beside(path, token, "void");
    match fs::rename(path, &aside) {
        Ok(()) => {}
        Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(e) => return Err(e),
    }
    if read(&aside).as_deref() != Some(found) {
        // A living claim goes back. A link never replaces; should a third one have claimed meanwhile, the check
        // before each checkpoint tells the one that lost.
        let _ = fs::hard_link(&aside, path);
    }
    fs::remove_file(&aside)
}

fn beside(path: &Path, token: &str, what: &str) -> PathBuf {
    let mut name = path.file_name().unwrap_or_default().to_os_string();
    name.push(format!("-{token}.{what}"));
    path.with_file_name(name)
}

fn new_token(process: &ProcessId) -> String {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    let nanos = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_nanos();
    format!("{}-{}-{nanos:x}-{}", process.machine, process.pid, NEXT.fetch_add(1, Ordering::Relaxed))
}

fn busy(found: &str, path: &Path, target: &Path) -> Error {
    let who = serde_json::from_str::<Holder>(found).map_or_else(
        |_| "another run".to_string(),
        |h| format!("process {} on {}, since {},", h.process.pid, h.process.machine, h.since),
    );
    Error::new(ErrorCode::OutputIo, format!("{who} is writing {}", target.display()))
        .hint(format!(
            "wait for it, choose another --output, or, if it is gone, wait ten minutes or remove {}",
            path.display()
        ))
        .at(target)
}

fn lost(target: &Path) -> Error {
    Error::new(ErrorCode::OutputIo, format!("another run took over the writing of {}", target.display()))
        .hint("this one was silent for more than ten minutes; start it again when the other one is done")
        .at(target)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn holder(machine: &str, started: &str) -> String {
        let process = ProcessId { started: started.to_string(), ..ProcessId::own() };
        let process =
            if machine.is_empty() { process } else { ProcessId { machine: machine.to_string(), ..process } };
        serde_json::to_string(&Holder { process, since: "2026".to_string(), token: "t".to_string() }).unwrap()
    }

    fn age_by(path: &Path, seconds: u64) {
        let file = OpenOptions::new().write(true).open(path).unwrap();
        file.set_modified(SystemTime::now() - Duration::from_secs(seconds)).unwrap();
    }

    #[test]
    fn one_holder_at_a_time() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("claim");
        let first = Claim::acquire(&path, &path).unwrap();
        let error = Claim::acquire(&path, &path).unwrap_err();
        assert!(error.message().contains(&std::process::id().to_string()), "{error}");
        first.check(&path).unwrap();
        drop(first);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
        Claim::acquire(&path, &path).unwrap();
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn claims_of_the_dead_and_the_silent_are_taken_over() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("claim");
        // (claim, seconds of silence, taken over)
        let cases = [
            (holder("", "1"), 0, true),
            (holder("elsewhere-1", ""), 30, false),
            (holder("elsewhere-1", ""), 700, true),
            (String::new(), 30, false),
            ("{\"pro".to_string(), 700, true),
            (
                serde_json::to_string(&Holder {
                    process: ProcessId::own(),
                    since: String::new(),
                    token: String::new(),
                })
                .unwrap(),
                9000,
                false,
            ),
        ];
        for (text, silence, taken) in cases {
            fs::write(&path, &text).unwrap();
            age_by(&path, silence);
            assert_eq!(Claim::acquire(&path, &path).is_ok(), taken, "{text} {silence}");
            assert_eq!(path.exists(), !taken);
        }
    }

    #[test]
    fn who_lost_a_claim_is_told_and_leaves_the_other_one_alone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("claim");
        let claim = Claim::acquire(&path, &path).unwrap();
        fs::write(&path, holder("elsewhere-1", "")).unwrap();
        assert_eq!(claim.check(&path).unwrap_err().code(), ErrorCode::OutputIo);
        drop(claim);
        assert!(path.exists());
        // A claim that is not the void one is put back.
        take_away(&path, "void", "t").unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), holder("elsewhere-1", ""));
    }

    #[test]
    fn of_many_that_take_a_void_claim_over_one_wins() {
        for _ in 0..20 {
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().join("claim");
            fs::write(&path, holder("elsewhere-1", "")).unwrap();
            age_by(&path, 700);
            let claims: Vec<Result<Claim>> = std::thread::scope(|scope| {
                let all: Vec<_> = (0..8).map(|_| scope.spawn(|| Claim::acquire(&path, &path))).collect();
                all.into_iter().map(|t| t.join().unwrap()).collect()
            });
            let held = claims.iter().flatten().filter(|c| c.check(&path).is_ok()).count();
            assert_eq!(held, 1);
            assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
        }
    }
}
