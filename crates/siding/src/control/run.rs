//! The run directory.

use std::env;
use std::path::Path;
use std::path::PathBuf;

/// Where a daemon keeps what is to outlive it until the next boot: `/run/siding` for root, for others `siding` in
/// `$XDG_RUNTIME_DIR` if they have one.
pub(crate) fn run_directory() -> Option<PathBuf> {
    match rustix::process::geteuid().is_root() {
        true => Some(PathBuf::from("/run/siding")),
        false => env::var_os("XDG_RUNTIME_DIR").map(|directory| Path::new(&directory).join("siding")),
    }
}
