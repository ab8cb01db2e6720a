//! What `siding` does when it is given no command.

use std::process::ExitCode;

/// How the demonstration is run.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Options {}

/// Says how to get help.
pub(crate) fn run(_options: Options) -> anyhow::Result<ExitCode> {
    println!("siding: `siding help` lists the commands");
    Ok(ExitCode::SUCCESS)
}
