//! Kills a writer at any moment until its output is there, and looks what that cost.
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

/// Where the test `victim`, in a process of its own, writes.
const VICTIM: &str = "ASTER_TEST_VICTIM";

/// The output of the victim, for the test of that name.
pub(crate) fn victims_output() -> PathBuf {
    PathBuf::from(std::env::var_os(VICTIM).unwrap())
}

/// Does the units that `done` does not name, slowly, and notes when each begins and ends.
pub(crate) fn write_slowly(path: &Path, units: usize, done: &[String], mut write: impl FnMut(usize)) {
    let mut log = fs::OpenOptions::new().create(true).append(true).open(path.with_extension("log")).unwrap();
    for unit in (0..units).filter(|t| !done.contains(&t.to_string())) {
        writeln!(log, "begin {unit}").unwrap();
        write(unit);
        writeln!(log, "done {unit}").unwrap();
    }
}

/// Three outputs `<number>.<ending>` in `folder`, whose victims live up to so many milliseconds more than 5 at first, then
/// longer: never half there, whole in the end, and no unit that was done is done again.
pub(crate) fn kill_9_until_complete(
    folder: &Path,
    ending: &str,
    spread_ms: u64,
    is_whole: impl Fn(&Path) -> bool,
) {
    let (mut kills, mut resumptions) = (0, 0);
    // A plain generator: the moments differ from run to run by the load of the machine anyway.
    let mut random: u64 = 42;
    for round in 0..3 {
        let path = folder.join(format!("{round}.{ending}"));
        for attempt in 0..200 {
            let mut child = Command::new(std::env::current_exe().unwrap())
                .args(["--exact", "victim", "--ignored"])
                .env(VICTIM, &path)
                .stdout(std::process::Stdio::null())
                .spawn()
                .unwrap();
            random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            std::thread::sleep(Duration::from_millis(5 + (random >> 33) % spread_ms + attempt * attempt));
            child.kill().unwrap();
            if child.wait().unwrap().success() {
                break;
            }
            kills += 1;
            assert!(!path.exists() || is_whole(&path), "half an output under its final name");
            if path.exists() {
                break;
            }
        }
        assert!(is_whole(&path), "round {round}");
        let log = fs::read_to_string(path.with_extension("log")).unwrap();
        let lines: Vec<&str> = log.lines().collect();
        for (i, line) in lines.iter().enumerate() {
            if let Some(unit) = line.strip_prefix("done ") {
                assert!(!lines[i..].contains(&format!("begin {unit}").as_str()), "unit {unit} twice:\n{log}");
            }
        }
        resumptions +=
            lines.windows(2).filter(|w| w[0].starts_with("begin") && w[1].starts_with("begin")).count();
    }
    assert!(kills >= 3 && resumptions >= 1, "{kills} kills, {resumptions} units cut off");
    eprintln!("{kills} kills, {resumptions} units cut off");
}
