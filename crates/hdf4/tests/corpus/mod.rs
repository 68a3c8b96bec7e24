//! Finds the recorded reference values and the files they belong to, which are not part of the repository.
#![allow(dead_code, clippy::print_stderr, clippy::unwrap_used)]

use std::path::PathBuf;

use serde_json::Value;
use sha2::{Digest, Sha256};

/// The data folder, or `None` (with a note) if this machine has none.
pub(crate) fn folder() -> Option<PathBuf> {
    let root = std::env::var_os("ASTER_SHARED_DATA").map_or_else(
        || PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data"),
        PathBuf::from,
    );
    if root.join("HDF4-EXPECTED.jsonl").is_file() {
        return Some(root);
    }
    eprintln!("skipped: no reference data at {} (set ASTER_SHARED_DATA)", root.display());
    None
}

/// One record per file.
pub(crate) fn expected(root: &std::path::Path) -> Vec<Value> {
    let mut text = std::fs::read_to_string(root.join("HDF4-EXPECTED.jsonl")).unwrap();
    // The recorder wrote numbers JSON does not have; no test looks at them.
    for number in ["NaN", "-Infinity", "Infinity"] {
        for before in [": ", ", ", "["] {
            text = text.replace(&format!("{before}{number}"), &format!("{before}null"));
        }
    }
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

pub(crate) fn sha256(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|b| format!("{b:02x}")).collect()
}

pub(crate) fn text<'a>(value: &'a Value, key: &str) -> &'a str {
    value[key].as_str().unwrap_or_default()
}

pub(crate) fn list<'a>(value: &'a Value, key: &str) -> &'a [Value] {
    value[key].as_array().map_or(&[], Vec::as_slice)
}
