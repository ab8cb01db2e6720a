//! Whether a binary is newer than all that it was made of.

use std::fs;
use std::path::Path;
use std::path::PathBuf;
use std::time::SystemTime;

/// Whether `binary` is there, and newer than each file that Cargo lists beside it (`<binary>.d`: the sources in the
/// workspace) and than each of `manifests`. If in doubt, it is not.
#[must_use]
pub fn fresh(binary: &Path, manifests: &[PathBuf]) -> bool {
    let Some(made) = modified(binary) else { return false };
    let Ok(listed) = fs::read_to_string(binary.with_extension("d")) else { return false };
    let Some((_, sources)) = listed.split_once(": ") else { return false };
    // A blank within a name has a backslash before it.
    let sources = sources.replace("\\ ", "\0");
    let sources = sources.split_whitespace().map(|source| PathBuf::from(source.replace('\0', " ")));
    sources.chain(manifests.iter().cloned()).all(|source| modified(&source).is_some_and(|when| when < made))
}

fn modified(path: &Path) -> Option<SystemTime> {
    fs::metadata(path).ok()?.modified().ok()
}
