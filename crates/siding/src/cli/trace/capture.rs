//! `siding capture`: frames as they pass an interface, or as they are dropped.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args as ClapArgs;
use siding_output as output;

use super::clock;
use super::file::Capture;
use super::file::Turns;
use super::is_told;
use super::joined;
use super::summary;
use super::unhex;
use super::watch;
use crate::control::Client;
use crate::control::MomentRow;
use crate::control::WatchRequest;

#[derive(Debug, ClapArgs)]
pub(in crate::cli) struct CaptureArgs {
    /// The interface; `any` for all
    #[arg(value_name = "NAME")]
    interface: String,
    /// Which packets, as a rule of the filter matches them, or `arp` [default: all]
    #[arg(value_name = "MATCH")]
    matching: Vec<String>,
    /// Those that are dropped on its account, for this cause as `show drops` has it, or `any`; may be given again
    #[arg(long = "cause", value_name = "CAUSE")]
    causes: Vec<String>,
    /// End after so many
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    count: Option<u64>,
    /// Write them into this file, or pipe; `-` is standard output
    #[arg(long, value_name = "FILE.pcapng")]
    write: Option<PathBuf>,
    /// Bytes of each that are written
    #[arg(long, value_name = "BYTES", default_value_t = 65535)]
    snaplen: usize,
    /// Begin another file when one has so many bytes: FILE.00001.pcapng and so on
    #[arg(long, value_name = "BYTES", requires = "write", value_parser = clap::value_parser!(u64).range(4096..))]
    rotate_size: Option<u64>,
    /// Keep so many of them, the last
    #[arg(long, value_name = "N", requires = "rotate_size", value_parser = clap::value_parser!(u32).range(1..))]
    files: Option<u32>,
}

/// Writes what passes.
///
/// # Errors
///
/// The daemon says no, or what passes cannot be written.
pub(in crate::cli) fn capture(client: &mut Client, args: &CaptureArgs) -> anyhow::Result<ExitCode> {
    let request = WatchRequest::Capture {
        interface: (args.interface != "any").then(|| args.interface.clone()),
        matching: joined(&args.matching),
        causes: args.causes.clone(),
        snaplen: Some(args.snaplen),
    };
    let turns = args.rotate_size.map(|bytes| Turns { bytes, keep: args.files });
    let begin = || args.write.as_deref().map(|path| Capture::begin(path, turns)).transpose();
    let mut seen = 0;
    let enough = |seen: u64| args.count.is_some_and(|count| seen >= count);
    let (status, _) = watch(client, request, is_told(args.write.as_deref()), begin, |file, row| {
        for moment in &row.moments {
            match file {
                Some(file) => file.frame(moment)?,
                None => output::line(line(moment))?,
            }
            seen += 1;
            if enough(seen) {
                break;
            }
        }
        if let Some(file) = file {
            file.flush()?;
        }
        Ok(enough(seen))
    })?;
    Ok(status)
}

fn line(moment: &MomentRow) -> String {
    let way = match (&moment.cause, moment.out) {
        (Some(cause), _) => format!("dropped ({cause})"),
        (None, true) => "Out".to_owned(),
        (None, false) => "In".to_owned(),
    };
    let on = moment.interface.as_deref().unwrap_or("-");
    format!("{} {on} {way} {}", clock(moment.at_ns), summary(&unhex(&moment.frame), moment.len))
}
