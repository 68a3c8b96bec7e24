//! The rule of names: `*.tif` is one file and takes one time step; any other target is a folder of files.
use crate::error::{Error, ErrorCode, Result};
use crate::write::partial::check_output;
#[cfg(feature = "gdal")]
use jiff::Timestamp;
use std::path::{Path, PathBuf};

/// Where the files go, decided by the name alone: a script that names a folder gets one, however many scenes came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Target {
    /// One file, its name ends with `.tif` or `.tiff`.
    File(PathBuf),
    /// A folder of `<stem>_<YYYYMMDDTHHMMSSZ>.tif`.
    Folder {
        /// The folder.
        path: PathBuf,
        /// Name of the folder, with which the files begin.
        stem: String,
    },
}

impl Target {
    /// # Errors
    /// `USAGE` when it is no name, or one file for several time steps.
    pub fn of(path: &Path, time_steps: usize) -> Result<Self> {
        let Some(name) = path.file_name().and_then(|n| n.to_str()) else {
            return Err(Error::usage(format!("{} is no name for an output", path.display())).at(path));
        };
        if !["tif", "tiff"].iter().any(|e| path.extension().is_some_and(|x| x.eq_ignore_ascii_case(e))) {
            return Ok(Self::Folder { path: path.to_path_buf(), stem: name.to_string() });
        }
        if time_steps > 1 {
            let message = format!("{} is one file, and there are {time_steps} time steps", path.display());
            let folder = path.with_extension("");
            return Err(Error::usage(message)
                .hint(format!("name a folder, which gets one file per step: --output {}", folder.display()))
                .at(path));
        }
        Ok(Self::File(path.to_path_buf()))
    }
}

/// Refuses a target that could not be completed, before any work is done for it. That a folder holds another
/// output is found when the sink is made.
///
/// # Errors
/// As [`Target::of`]; `OUTPUT_EXISTS` and `OUTPUT_IO` as for any file, or when the folder is a file or the one it
/// lies in is missing.
pub fn check_target(path: &Path, time_steps: usize, overwrite: bool) -> Result<()> {
    match Target::of(path, time_steps)? {
        Target::File(path) => check_output(&path, overwrite),
        Target::Folder { path, .. } if path.is_dir() => Ok(()),
        Target::Folder { path, .. } => {
            if path.symlink_metadata().is_ok() {
                let message = format!("{} is no folder", path.display());
                return Err(Error::new(ErrorCode::OutputExists, message)
                    .hint("name another folder, or one file that ends with .tif")
                    .at(&path));
            }
            check_output(&path, overwrite)
        }
    }
}

/// Name of the file of a time step; `number` tells apart steps of the same second, and is 1 for the first.
#[cfg(feature = "gdal")]
pub(super) fn step_name(stem: &str, time: Timestamp, number: usize) -> String {
    let time = time.strftime("%Y%m%dT%H%M%SZ");
    if number > 1 { format!("{stem}_{time}_{number}.tif") } else { format!("{stem}_{time}.tif") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_decides() {
        let folder = |path: &str, stem: &str| Target::Folder { path: path.into(), stem: stem.into() };
        assert_eq!(Target::of(Path::new("a/ndvi.TIF"), 1).unwrap(), Target::File("a/ndvi.TIF".into()));
        assert_eq!(Target::of(Path::new("a/ndvi"), 1).unwrap(), folder("a/ndvi", "ndvi"));
        assert_eq!(Target::of(Path::new("a/v1.2/"), 9).unwrap(), folder("a/v1.2/", "v1.2"));
        let error = Target::of(Path::new("a/ndvi.tif"), 2).unwrap_err();
        assert_eq!(error.message(), "a/ndvi.tif is one file, and there are 2 time steps");
        assert!(error.hint_text().unwrap().ends_with("--output a/ndvi"));
        assert_eq!(Target::of(Path::new(".."), 1).unwrap_err().code(), ErrorCode::Usage);
    }

    #[test]
    fn refusals_name_the_cure() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("a");
        std::fs::write(&file, b"x").unwrap();
        assert_eq!(check_target(&file, 2, true).unwrap_err().code(), ErrorCode::OutputExists);
        let error = check_target(&folder.path().join("no/a"), 2, true).unwrap_err();
        assert!(error.hint_text().unwrap().starts_with("create it first: mkdir -p "));
        check_target(folder.path(), 2, false).unwrap();
        check_target(&folder.path().join("b"), 2, false).unwrap();
    }

    #[cfg(feature = "gdal")]
    #[test]
    fn names_sort_by_time() {
        let time: Timestamp = "2003-05-06T02:14:05.5Z".parse().unwrap();
        assert_eq!(step_name("ndvi", time, 1), "ndvi_20030506T021405Z.tif");
        assert_eq!(step_name("ndvi", time, 2), "ndvi_20030506T021405Z_2.tif");
    }
}
