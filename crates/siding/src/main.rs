//! `siding`: a user-space IPv6 host and router, in the foreground, and the command line that speaks to it.
//!
//! | | |
//! |---|---|
//! | `words` | values of files and requests, and what is wrong with them |
//! | `means` | what they mean, of interfaces |
//! | `config` | the configuration file, and what is wrong with it, by line and column |
//! | `state` | what the daemon has: what runs, and what a setting is; it knows no feature |
//! | `interface`, `address`, `host`, `nested`, `route`, `group`, `neighbor`, `filter`, `switch`, `path_mtu`, `ping` | the features: each with its settings, applied, withdrawn, said and compared, and what is done and told of it |
//! | `protocol` | what protocols say of themselves, by the stack's list: sections and tables |
//! | `netisr`, `drops`, `limits`, `worker` | what is told of the stack as a whole |
//! | `setting` | the list of them, and the way from what runs to what is wanted |
//! | `daemon` | `siding run`: drivers, claims on kernel interfaces, requests, reloads, clean stop |
//! | `control` | the control socket's protocol, both ends |
//! | `cli` | the command line: `show`, `ping`, changes to the running stack |
//! | `metrics` | what the daemon knows, as OpenMetrics by HTTP |
//! | `rows` | figures as rows have them, for whoever tells of any |
//! | `read`, `patience` | files, and peers on sockets, that may block: none of them holds the daemon up |
#![forbid(unsafe_code)]
// They panic when a pipe is closed: `output` does not.
#![deny(clippy::print_stdout, clippy::print_stderr)]

mod address;
mod cli;
mod config;
mod control;
mod daemon;
mod drops;
mod filter;
mod group;
mod host;
mod interface;
mod limits;
mod means;
mod metrics;
mod neighbor;
mod nested;
mod netisr;
mod path_mtu;
mod patience;
mod ping;
mod protocol;
mod rate;
mod read;
mod route;
mod rows;
mod setting;
mod state;
mod switch;
mod words;
mod worker;

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
