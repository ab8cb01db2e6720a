//! Requests of which only is told what went wrong, and numbers in them.

use std::process::ExitCode;
use std::time::Duration;

use anyhow::anyhow;

use crate::control::Client;
use crate::control::Request;

/// A number of seconds from the command line.
pub(super) fn seconds(value: f64) -> anyhow::Result<Duration> {
    let most = 3600.0 * 24.0;
    if !(0.0..=most).contains(&value) {
        return Err(anyhow!("{value} seconds: give 0 to {most}"));
    }
    Ok(Duration::from_secs_f64(value))
}

/// Like `ip`: what went well says nothing.
pub(super) fn silent(client: &mut Client, request: &Request) -> anyhow::Result<ExitCode> {
    client.ask(request)?;
    Ok(ExitCode::SUCCESS)
}
