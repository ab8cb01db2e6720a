//! `siding`: a user-space IPv6 host and router, in the foreground, and the command line that speaks to it.
#![forbid(unsafe_code)]

mod config;
mod demo;
mod runtime;

use std::process::ExitCode;

fn main() -> anyhow::Result<ExitCode> {
    demo::run(demo::Options::default())
}
