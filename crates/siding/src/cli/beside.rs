//! The program beside this one: the demonstration and the simulator's command, which a daemon has no use for.

use std::env;
use std::ffi::OsStr;
use std::ffi::OsString;
use std::io::ErrorKind;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::path::PathBuf;
use std::process::Command;
use std::process::ExitCode;

use anyhow::Context;
use anyhow::bail;

/// Its name.
const DEMO: &str = "siding-demo";

/// An option with its value, as one word: a value may begin as an option does.
pub(super) fn option(name: &str, value: impl AsRef<OsStr>) -> OsString {
    let mut word = OsString::from(format!("{name}="));
    word.push(value);
    word
}

/// Becomes that program: the one beside this, or else on the path. It says what is wrong with what it is given.
///
/// # Errors
///
/// It is nowhere, or cannot be run; otherwise nobody is left to come back.
pub(super) fn demo(args: impl IntoIterator<Item = OsString>) -> anyhow::Result<ExitCode> {
    let beside = env::current_exe().ok().map(|own| own.with_file_name(DEMO));
    let there = beside.clone().filter(|path| path.is_file());
    let is_there = there.is_some();
    let program = there.unwrap_or_else(|| PathBuf::from(DEMO));
    let error = Command::new(&program).args(args).exec();
    // A folder of the path that may not be looked into is told as one that may not be run.
    if !is_there && matches!(error.kind(), ErrorKind::NotFound | ErrorKind::PermissionDenied) {
        let place = beside.as_deref().and_then(Path::parent).unwrap_or(Path::new("."));
        bail!(
            "the demonstration and the simulator are a program of their own, and there is no `{DEMO}` in {} nor on the path: put \
             it there (`cargo build -p {DEMO}` makes it, with `--release` if this one is made so); `siding --help` tells what \
             else there is",
            place.display()
        );
    }
    Err(error).with_context(|| format!("cannot run {}", program.display()))
}
