//! A file system in memory that is soon full.
use std::path::Path;
use std::process::Command;

/// Mounted on a folder of its own until it is dropped.
pub(crate) struct SmallDisk(tempfile::TempDir);

impl SmallDisk {
    /// One of `kib` KiB; none without the right to mount.
    pub(crate) fn mount(kib: usize) -> Option<Self> {
        let folder = tempfile::tempdir().unwrap();
        let size = format!("size={kib}k");
        let output =
            Command::new("mount").args(["-t", "tmpfs", "-o", &size, "tmpfs"]).arg(folder.path()).output();
        output.is_ok_and(|o| o.status.success()).then_some(Self(folder))
    }
    pub(crate) fn path(&self) -> &Path {
        self.0.path()
    }
    /// Makes room.
    #[allow(dead_code, reason = "not every test that has one makes room")]
    pub(crate) fn grow(&self, kib: usize) {
        let size = format!("remount,size={kib}k");
        assert!(Command::new("mount").args(["-o", &size]).arg(self.path()).status().unwrap().success());
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg(self.0.path()).output();
    }
}
