//! Memory and threads allowed: what the user, the scheduler, the control group or the machine grants.
use std::fs;
use std::path::Path;

/// Bytes a job may use when nobody says: half of the least of Slurm's allocation, the control group's limit
/// and the machine's memory.
pub fn default_memory_bytes() -> u64 {
    let slurm = slurm_memory_bytes(|name| std::env::var(name).ok());
    let granted = [slurm, cgroup_limit_bytes(), machine_memory_bytes()].into_iter().flatten().min();
    granted.map_or(1 << 30, |bytes| bytes / 2)
}

/// Threads a job may use when nobody says: Slurm's CPUs per task, else what the system grants this process.
pub fn default_workers() -> usize {
    let slurm = std::env::var("SLURM_CPUS_PER_TASK").ok().and_then(|v| v.parse().ok());
    slurm.filter(|n| *n > 0).unwrap_or_else(|| std::thread::available_parallelism().map_or(1, usize::from))
}

/// `SLURM_MEM_PER_NODE`, or per CPU times CPUs, in MiB.
fn slurm_memory_bytes(var: impl Fn(&str) -> Option<String>) -> Option<u64> {
    let mib = |name: &str| var(name).and_then(|v| v.parse::<u64>().ok()).filter(|v| *v > 0);
    let per_cpu = || mib("SLURM_MEM_PER_CPU")?.checked_mul(mib("SLURM_CPUS_PER_TASK").unwrap_or(1));
    mib("SLURM_MEM_PER_NODE").or_else(per_cpu)?.checked_mul(1 << 20)
}

fn cgroup_limit_bytes() -> Option<u64> {
    let candidates = ["/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"];
    candidates.iter().find_map(|p| fs::read_to_string(p).ok()?.trim().parse().ok())
}

#[cfg(target_os = "linux")]
fn machine_memory_bytes() -> Option<u64> {
    let text = fs::read_to_string("/proc/meminfo").ok()?;
    let line = text.lines().find(|l| l.starts_with("MemTotal:"))?;
    line.split_whitespace().nth(1)?.parse::<u64>().ok()?.checked_mul(1024)
}

#[cfg(not(target_os = "linux"))]
fn machine_memory_bytes() -> Option<u64> {
    None
}

/// Bytes free for this user on the disk of `folder`, where the system can tell.
pub fn free_disk_bytes(folder: &Path) -> Option<u64> {
    fs4::available_space(folder).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slurm_speaks_mebibytes() {
        let var = |name: &str| match name {
            "SLURM_MEM_PER_CPU" => Some("2048".to_string()),
            "SLURM_CPUS_PER_TASK" => Some("4".to_string()),
            _ => None,
        };
        assert_eq!(slurm_memory_bytes(var), Some(8 << 30));
        assert_eq!(slurm_memory_bytes(|_| None), None);
    }

    #[test]
    fn something_is_always_granted() {
        assert!(default_memory_bytes() > 1 << 20);
        assert!(default_workers() >= 1);
    }
}
