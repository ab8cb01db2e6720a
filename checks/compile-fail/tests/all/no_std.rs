//! The facility without std: a program of its own, outside the workspace, built and run.

use std::path::Path;
use std::path::PathBuf;
use std::process::Command;

/// Builds on the toolchain that runs this test. A leak of std into the libraries fails the build, with E0152.
#[test]
fn a_program_without_std_registers_dispatches_drains_and_departs() {
    let package = Path::new(env!("CARGO_MANIFEST_DIR")).join("../no_std");
    // A directory of its own: the one of this test's run is locked by it.
    let target = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("no_std");
    let build = Command::new(env!("CARGO"))
        .args(["build", "--quiet", "--manifest-path"])
        .arg(package.join("Cargo.toml"))
        .arg("--target-dir")
        .arg(&target)
        .env_remove("RUSTFLAGS")
        .output()
        .expect("cargo runs");
    assert!(build.status.success(), "{}", String::from_utf8_lossy(&build.stderr));
    let run = Command::new(target.join("debug/siding-no-std")).status().expect("the program was built");
    assert_eq!(run.code(), Some(0), "the step that failed; see checks/no_std/src/main.rs");
}
