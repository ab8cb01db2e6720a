//! The program beside this one: the demonstration and the simulator's command, which a daemon has no use for.

use std::env;
use std::ffi::OsString;
use std::io;
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::Command;
use std::process::ExitCode;

use anyhow::Context;
use anyhow::bail;

/// Its name.
const DEMO: &str = "siding-demo";

/// Becomes that program: the one beside this, or else on the path. It says what is wrong with what it is given.
///
/// # Errors
///
/// It is nowhere, or cannot be run; otherwise nobody is left to come back.
pub(super) fn demo(args: impl IntoIterator<Item = OsString>) -> anyhow::Result<ExitCode> {
    let beside = env::current_exe().ok().map(|own| own.with_file_name(DEMO)).filter(|path| path.is_file());
    let program = beside.unwrap_or_else(|| PathBuf::from(DEMO));
    let error = Command::new(&program).args(args).exec();
    if error.kind() == io::ErrorKind::NotFound {
        bail!(
            "the demonstration and the simulator are a program of their own, and there is no `{DEMO}` beside this one nor on the \
             path: put it there (`cargo build --release` makes both); `siding --help` tells what else there is"
        );
    }
    Err(error).with_context(|| format!("cannot run {}", program.display()))
}
