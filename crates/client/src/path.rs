//! Where the control socket is.

use std::env;
use std::path::Path;
use std::path::PathBuf;

/// Where root's daemon listens.
const SYSTEM: &str = "/run/siding.sock";

/// Where the service listens: in a folder of its user's.
const SERVICE: &str = "/run/siding/siding.sock";

/// The usual place: `/run/siding.sock` for root, and for others `siding.sock` in `$XDG_RUNTIME_DIR` if they have
/// one, unless nothing is there but root's daemon is.
pub fn default_path() -> PathBuf {
    let own = env::var_os("XDG_RUNTIME_DIR").map(|directory| Path::new(&directory).join("siding.sock"));
    choose(rustix::process::geteuid().is_root(), own, Path::exists)
}

/// Where to look for a daemon: the service's socket if there is one, and otherwise the usual place.
pub fn found_path() -> PathBuf {
    let service = Path::new(SERVICE);
    if service.exists() { service.to_owned() } else { default_path() }
}

fn choose(root: bool, own: Option<PathBuf>, exists: impl Fn(&Path) -> bool) -> PathBuf {
    let system = PathBuf::from(SYSTEM);
    match own {
        Some(own) if !root && (exists(&own) || !exists(&system)) => own,
        _ => system,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn root_has_run_and_others_their_own() {
        let own = || Some(PathBuf::from("/run/user/7/siding.sock"));
        assert_eq!(choose(true, own(), |_| true), Path::new(SYSTEM));
        assert_eq!(choose(false, own(), |_| false), own().unwrap());
        assert_eq!(choose(false, own(), |path| path == Path::new(SYSTEM)), Path::new(SYSTEM));
        assert_eq!(choose(false, None, |_| false), Path::new(SYSTEM));
    }
}
