//! `siding top`: what a running siding does, on a screen that lives.

use std::env;
use std::io;
use std::io::IsTerminal;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::Context;
use clap::Args;
use siding_output as output;
use siding_top::Connect;
use siding_top::Ended;
use siding_top::Options;

use crate::control::Client;

/// How wide a line may be where nobody has said.
const WIDTH: usize = 80;

/// How it is shown.
#[derive(Debug, Args)]
pub(super) struct TopArgs {
    /// Between two looks; + and - change it
    #[arg(long, value_name = "SECONDS", default_value = "1", value_parser = seconds)]
    interval: f64,
    /// Print one screen as text, of what lies between two looks, as where standard output is no terminal
    #[arg(long)]
    once: bool,
}

/// Shows it until somebody has seen enough.
pub(super) fn top(path: PathBuf, args: &TopArgs) -> anyhow::Result<ExitCode> {
    let options = Options {
        who: path.display().to_string(),
        interval: Duration::from_secs_f64(args.interval),
        color: env::var_os("NO_COLOR").is_none_or(|value| value.is_empty()),
    };
    let connect: Connect = Box::new(move || Client::connect(&path));
    if args.once || !io::stdout().is_terminal() {
        let width = env::var("COLUMNS").ok().and_then(|columns| columns.parse().ok()).unwrap_or(WIDTH);
        output::print(siding_top::once(&connect, &options, width)?)?;
        return Ok(ExitCode::SUCCESS);
    }
    // One that is not there at all is told as elsewhere; one that goes is waited for.
    drop(connect()?);
    Ok(match siding_top::live(connect, &options).context("cannot use the terminal")? {
        Ended::Quit => ExitCode::SUCCESS,
        // As a shell says that a program was ended by a signal.
        Ended::Signal(signal) => ExitCode::from(128 + signal),
    })
}

/// A time that is looked at, or between two looks.
pub(super) fn seconds(text: &str) -> Result<f64, String> {
    let seconds: f64 = text.parse().map_err(|_| format!("{text:?} is no number of seconds"))?;
    match (0.1..=3600.0).contains(&seconds) {
        true => Ok(seconds),
        false => Err("from 0.1 to 3600 seconds".into()),
    }
}
