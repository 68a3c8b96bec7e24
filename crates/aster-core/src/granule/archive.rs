//! Finds the granules in a folder tree, whatever their forms, and reads their headers in parallel.
use crate::error::{Error, Result};
use crate::granule::cog;
use crate::granule::facts::GranuleFacts;
use crate::granule::open::open;
use crate::product::granule_name::GranuleName;
use rayon::prelude::*;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use walkdir::WalkDir;

/// What a folder holds.
#[derive(Debug)]
pub struct Archive {
    /// One per granule, by path: its headers or why they cannot be read.
    pub granules: Vec<(PathBuf, Result<GranuleFacts>)>,
    /// Files looked at.
    pub files_seen: u64,
}

/// Folders deeper than this are not entered.
const MAX_DEPTH: usize = 16;

/// Scans a folder. `product` leaves other products out by name, before anything is opened.
///
/// # Errors
/// `NOT_FOUND` or `INPUT_IO` for the folder itself; bad files inside are part of the result.
pub fn scan(folder: &Path, product: Option<&str>) -> Result<Archive> {
    std::fs::read_dir(folder).map_err(|e| Error::input_io(folder, &e))?;
    let mut files_seen = 0;
    let mut found = BTreeSet::new();
    for entry in WalkDir::new(folder).follow_links(true).max_depth(MAX_DEPTH).into_iter().flatten() {
        if !entry.file_type().is_file() {
            continue;
        }
        files_seen += 1;
        found.extend(candidate(entry.path(), product));
    }
    let paths = one_path_each(found);
    let granules = paths.into_par_iter().map(|path| {
        let facts = open(&path).map(|g| g.facts().clone());
        (path, facts)
    });
    Ok(Archive { granules: granules.collect(), files_seen })
}

/// A granule in several files is listed by its folder, or by its first file when it shares the folder.
fn one_path_each(found: BTreeSet<Candidate>) -> Vec<PathBuf> {
    let mut by_folder: BTreeMap<PathBuf, BTreeMap<String, Vec<PathBuf>>> = BTreeMap::new();
    for Candidate { path, key: (folder, granule) } in found {
        by_folder.entry(folder).or_default().entry(granule).or_default().push(path);
    }
    let mut paths = Vec::new();
    for (folder, granules) in by_folder {
        let alone = granules.len() == 1;
        for (_, files) in granules {
            match files.as_slice() {
                [_, _, ..] if alone => paths.push(folder.clone()),
                _ => paths.extend(files.into_iter().next()),
            }
        }
    }
    paths.sort();
    paths
}

#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Candidate {
    path: PathBuf,
    /// Folder and granule id for GeoTIFFs, the path itself for HDF files.
    key: (PathBuf, String),
}

fn candidate(path: &Path, product: Option<&str>) -> Option<Candidate> {
    let file_name = path.file_name()?.to_string_lossy().into_owned();
    let name = GranuleName::parse(&file_name);
    if let (Some(wanted), Some(name)) = (product, &name)
        && name.product != wanted
    {
        return None;
    }
    let extension = path.extension()?.to_string_lossy().to_lowercase();
    match extension.as_str() {
        "hdf" => Some(Candidate { key: (path.to_path_buf(), String::new()), path: path.to_path_buf() }),
        "tif" | "tiff" => {
            let name = name?;
            cog::form_of(&file_name)?;
            // Parts of a granule share product and scene key; their processing stamps may differ.
            let key = (path.parent()?.to_path_buf(), format!("{}_{}", name.product, name.scene_key()));
            Some(Candidate { path: path.to_path_buf(), key })
        }
        _ => None,
    }
}
