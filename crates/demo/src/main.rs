//! `siding-demo`: what `siding` without a command does, and `siding demo` and `siding sim`. It is a program of its own, so
//! that the daemon has nothing in it of a peer, a simulator or a virtual clock.
//!
//! | | |
//! |---|---|
//! | | five acts on a wire, and a table of what has come of them |
//! | `sim` | many worlds from seeds, until one shows something |
#![forbid(unsafe_code)]
// They panic when a pipe is closed: `siding_output` does not.
#![deny(clippy::print_stdout, clippy::print_stderr)]
#![cfg_attr(test, allow(clippy::unwrap_used))]

mod demo;
mod sim;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;
use clap::Subcommand;

use demo::Options;
use sim::Seeds;

/// The demonstration, which needs nothing and leaves nothing behind.
#[derive(Debug, Parser)]
#[command(name = "siding-demo", version, args_conflicts_with_subcommands = true, max_term_width = 110)]
struct Args {
    /// How long an interface is detached and attached again; all the rest takes about 9 seconds more
    #[arg(long, default_value_t = Options::default().seconds, value_parser = clap::value_parser!(u64).range(1..=3600))]
    seconds: u64,
    /// Capture what passes our end of the first wire into this file
    #[arg(long, value_name = "FILE.pcapng")]
    pcap: Option<PathBuf>,
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run many stacks on virtual wires, each world from a seed. Example: siding sim --seeds 0..10000
    Sim {
        /// The seeds, from A up to but not including B
        #[arg(long, value_name = "A..B", default_value = "0..1000")]
        seeds: Seeds,
        /// Show what happens in the first of them
        #[arg(long)]
        log: bool,
    },
}

fn main() -> ExitCode {
    let Args { seconds, pcap, command } = Args::parse();
    let ended = match command {
        None => demo::run(Options { seconds, pcap }),
        Some(Command::Sim { seeds, log }) => sim::run(&seeds, log),
    };
    ended.unwrap_or_else(|error| {
        if error.is::<siding_output::Closed>() {
            return ExitCode::SUCCESS;
        }
        siding_output::complain(format_args!("siding: {error:#}\n"));
        ExitCode::FAILURE
    })
}
