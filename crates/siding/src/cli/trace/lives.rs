//! `siding trace`: the lives of single packets.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args as ClapArgs;
use siding_output as output;

use super::file::Capture;
use super::is_told;
use super::joined;
use super::life::Lives;
use super::life::text;
use super::watch;
use crate::control::Client;
use crate::control::LifeRow;
use crate::control::WatchRequest;

#[derive(Debug, ClapArgs)]
pub(in crate::cli) struct TraceArgs {
    /// Which packets, as a rule of the filter matches them, or `arp` [default: all]
    #[arg(value_name = "MATCH")]
    matching: Vec<String>,
    /// End after so many
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    count: Option<u64>,
    /// Follow so many of those that come in a second, at the most
    #[arg(long, value_name = "N", default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..))]
    rate: u32,
    /// As JSON, a line for each packet
    #[arg(long)]
    json: bool,
    /// Write the frames into this file, each with what became of it as its comment; `-` is standard output
    #[arg(long, value_name = "FILE.pcapng")]
    write: Option<PathBuf>,
    /// Bytes of each frame that are written
    #[arg(long, value_name = "BYTES", default_value_t = 128)]
    snaplen: usize,
}

/// Tells what becomes of packets, each when it has ended.
///
/// # Errors
///
/// The daemon says no, or what is told cannot be written.
pub(in crate::cli) fn trace(client: &mut Client, args: &TraceArgs) -> anyhow::Result<ExitCode> {
    let request = WatchRequest::Trace {
        matching: joined(&args.matching),
        per_second: Some(args.rate),
        snaplen: Some(args.snaplen),
    };
    let begin = || args.write.as_deref().map(|path| Capture::begin(path, None)).transpose();
    let (mut lives, mut told) = (Lives::default(), 0);
    let mut tell = |file: &mut Option<Capture>, life: &LifeRow| -> anyhow::Result<bool> {
        told += 1;
        match file {
            Some(file) => file.life(life)?,
            None if args.json => output::line(serde_json::to_string(life)?)?,
            None => output::print(text(life))?,
        }
        Ok(args.count.is_some_and(|count| told >= count))
    };
    let mut enough = false;
    let (status, mut file) = watch(client, request, is_told(args.write.as_deref()), begin, |file, row| {
        // By the clock of what is told: this one may have been set.
        let now = row.now_ns;
        let ended = row.moments.into_iter().filter_map(|moment| lives.add(moment)).collect::<Vec<_>>();
        for life in ended.iter().chain(&lives.quiet(Some(now))) {
            enough |= tell(file, life)?;
            if enough {
                break;
            }
        }
        Ok(enough)
    })?;
    if !enough {
        for life in lives.quiet(None) {
            if tell(&mut file, &life)? {
                break;
            }
        }
    }
    Ok(status)
}
