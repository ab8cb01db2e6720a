//! `siding`: a user-space IPv6 host and router, in the foreground, and the command line that speaks to it.
//!
//! | | |
//! |---|---|
//! | `config` | the configuration file, and what is wrong with it, by line and column |
//! | `setting` | everything that can be configured, each as a value: applied, withdrawn, said, compared |
//! | `daemon` | `siding run`: drivers, claims on kernel interfaces, log, clean stop |
//! | `control` | the control socket's protocol, both ends |
//! | `cli` | the command line: `show`, `ping`, changes to the running stack |
//! | `metrics` | what the daemon knows, as OpenMetrics by HTTP |
//! | `read`, `patience` | files, and peers on sockets, that may block: none of them holds the daemon up |
#![forbid(unsafe_code)]
// They panic when a pipe is closed: `output` does not.
#![deny(clippy::print_stdout, clippy::print_stderr)]

mod cli;
mod config;
mod control;
mod daemon;
mod metrics;
mod patience;
mod rate;
mod read;
mod setting;

use std::process::ExitCode;

fn main() -> ExitCode {
    cli::main().unwrap_or_else(|error| {
        if error.is::<siding_output::Closed>() {
            return ExitCode::SUCCESS;
        }
        siding_output::complain(format_args!("siding: {error:#}\n"));
        ExitCode::FAILURE
    })
}
