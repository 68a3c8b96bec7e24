//! Which process on which machine: who holds a claim or an unfinished file, and whether it still runs.
use serde::{Deserialize, Serialize};
use std::fs;

/// A process. Machines are told apart by name and boot: nodes of a cluster may share a name, and process ids begin
/// anew with each boot.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct ProcessId {
    /// Name and boot of the machine: letters, digits and `-`.
    pub(super) machine: String,
    /// Process id.
    pub(super) pid: u32,
    /// Clock ticks from boot to start of the process: ids are used again. Empty where unknown.
    pub(super) started: String,
}

impl ProcessId {
    /// This process.
    pub(super) fn own() -> Self {
        let pid = std::process::id();
        Self { machine: machine(), pid, started: started(pid).unwrap_or_default() }
    }

    /// Whether it runs: `None` when that cannot be known from here.
    pub(super) fn runs(&self) -> Option<bool> {
        if self.machine != machine() || !cfg!(target_os = "linux") {
            return None;
        }
        Some(started(self.pid).is_some_and(|started| self.started.is_empty() || started == self.started))
    }
}

/// Name of the machine and a part of its boot id.
pub(super) fn machine() -> String {
    let read = |path: &str| fs::read_to_string(path).unwrap_or_default();
    let mut name = read("/proc/sys/kernel/hostname");
    if name.trim().is_empty() {
        name = std::env::var("HOSTNAME").or_else(|_| std::env::var("COMPUTERNAME")).unwrap_or_default();
    }
    let boot = read("/proc/sys/kernel/random/boot_id");
    let name: String = name.trim().chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '-' }).collect();
    let boot: String = boot.chars().take_while(char::is_ascii_hexdigit).collect();
    // Names of files are at most 255 bytes.
    format!("{}-{}", name.chars().take(32).collect::<String>(), if boot.is_empty() { "0" } else { &boot })
}

/// Field 22 of `/proc/<pid>/stat`; none when there is no such process.
fn started(pid: u32) -> Option<String> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The second field is the program's name in parentheses, which may hold anything.
    let fields = stat.rsplit_once(')')?.1;
    let mut fields = fields.split_whitespace();
    let state = fields.next()?;
    // A zombie writes no more.
    if state == "Z" || state == "X" {
        return None;
    }
    fields.nth(18).map(str::to_string)
}

#[cfg(test)]
#[cfg(target_os = "linux")]
mod tests {
    use super::*;
    use std::process::Command;

    #[test]
    fn living_dead_and_foreign_processes_are_told_apart() {
        let own = ProcessId::own();
        assert_eq!(own.runs(), Some(true));
        assert_eq!(ProcessId { started: "1".to_string(), ..own.clone() }.runs(), Some(false));
        assert_eq!(ProcessId { machine: "elsewhere-1".to_string(), ..own.clone() }.runs(), None);
        let mut child = Command::new("sleep").arg("60").spawn().unwrap();
        let other = ProcessId { pid: child.id(), started: started(child.id()).unwrap(), ..own };
        assert_eq!(other.runs(), Some(true));
        child.kill().unwrap();
        // Dead, but not yet waited for; the signal takes its time.
        for _ in 0..500 {
            if other.runs() == Some(false) {
                break;
            }
            std::thread::sleep(std::time::Duration::from_millis(10));
        }
        assert_eq!(other.runs(), Some(false));
        child.wait().unwrap();
        assert_eq!(other.runs(), Some(false));
    }
}
