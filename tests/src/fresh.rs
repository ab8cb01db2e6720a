//! Whether a binary is newer than all that it was made of.

use std::fs;
use std::path::Path;
use std::path::PathBuf;
use std::time::SystemTime;

/// Whether `binary` is there, and newer than each of these files, and than each file in these directories and below. If in
/// doubt, it is not.
#[must_use]
pub fn fresh(binary: &Path, made_of: &[PathBuf]) -> bool {
    modified(binary).is_some_and(|made| made_of.iter().all(|path| is_older(path, made)))
}

fn is_older(path: &Path, made: SystemTime) -> bool {
    match fs::read_dir(path) {
        Ok(mut entries) => entries.all(|entry| entry.is_ok_and(|entry| is_older(&entry.path(), made))),
        Err(_) => modified(path).is_some_and(|when| when < made),
    }
}

fn modified(path: &Path) -> Option<SystemTime> {
    fs::metadata(path).ok()?.modified().ok()
}
