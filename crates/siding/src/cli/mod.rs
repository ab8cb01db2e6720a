//! The command line: what can be said, and who does it.

mod address;
mod advertise;
mod args;
mod ask;
mod beside;
mod bridge;
mod change;
mod completion;
mod counters;
mod drops;
mod filter;
mod group;
mod host;
mod monitor;
mod nested;
mod nouns;
mod performance;
mod ping;
mod protocols;
mod reload;
mod routes;
mod show;
mod stack;
mod table;
mod top;
mod trace;
mod what;

use std::io::IsTerminal;
use std::process::ExitCode;

use clap::Parser;
use siding_output as output;

use crate::config::Config;
use crate::control;
use crate::control::Client;
use crate::control::StackRequest;
use crate::daemon;
use args::Args;
use args::Command;

/// Does what the command line says; gives the exit status.
///
/// # Errors
///
/// It could not be done: why, in one line, and what to do.
pub(crate) fn main() -> anyhow::Result<ExitCode> {
    let words: Vec<_> = std::env::args_os().collect();
    if let Some(why) = reload::which_is_meant(&words) {
        output::complain(format_args!("siding: {why}\n"));
        return Ok(ExitCode::from(2));
    }
    let args = match Args::try_parse_from(args::with_keywords(words.into_iter())) {
        Ok(args) => args,
        Err(told) => return refuse(&told),
    };
    let Some(command) = args.command else { return beside::demo([]) };
    let control = args.control;
    let path = || control.clone().unwrap_or_else(control::found_path);
    let connect = || Client::connect(&path());
    match command {
        Command::Run { file, run_directory } => {
            daemon::run(&file, control.as_deref(), run_directory.as_deref())
        }
        Command::Check { file } => {
            let (config, _) = Config::load(&file)?;
            output::line(format_args!(
                "{}: ok, {} interface(s), {} route(s), {} neighbor(s)",
                file.display(),
                config.interfaces.len() + config.nested.len(),
                config.routes.len(),
                config.neighbors.len()
            ))?;
            Ok(ExitCode::SUCCESS)
        }
        Command::Show { what, table, args } => show::show_one(&mut connect()?, what, table, &args),
        Command::Set(args) => protocols::set(&mut connect()?, args),
        Command::Top(args) => top::top(path(), &args),
        Command::Monitor(args) => monitor::monitor(connect()?, &args),
        Command::Completion { shell } => completion::completion(shell),
        Command::Man { directory } => completion::man(&directory),
        Command::Trace(args) => trace::trace(&mut connect()?, &args),
        Command::Capture(args) => trace::capture(&mut connect()?, &args),
        Command::Filter(command) => filter::filter(|| Ok(connect()?), command),
        Command::Ping(options) => ping::run(connect()?, &options, false),
        Command::Ping6(options) => ping::run(connect()?, &options, true),
        Command::Reload(args) => reload::reload(&mut connect()?, args),
        Command::Config(command) => reload::config(&mut connect()?, command),
        Command::Interface(command) => change::interface(&mut connect()?, command),
        Command::Advertise(command) => advertise::advertise(&mut connect()?, command),
        Command::Autoconf(command) => host::autoconf(&mut connect()?, command),
        Command::Router(command) => host::router(&mut connect()?, command),
        Command::Prefix(command) => host::prefix(&mut connect()?, command),
        Command::Address(command) => change::address(&mut connect()?, command),
        Command::Route(command) => routes::route(&mut connect()?, command),
        Command::Vlan(command) => nested::vlan(&mut connect()?, command),
        Command::Lagg(command) => nested::lagg(&mut connect()?, command),
        Command::Group(command) => group::group(&mut connect()?, command),
        Command::Bridge(command) => bridge::bridge(&mut connect()?, command),
        Command::Forwarding { to } => {
            stack::switch(&mut connect()?, to, |on| StackRequest::Forwarding { on })
        }
        Command::LearnAnnounced { to } => {
            stack::switch(&mut connect()?, to, |on| StackRequest::LearnAnnounced { on })
        }
        Command::ExamineOptions { to } => {
            stack::switch(&mut connect()?, to, |on| StackRequest::ExamineOptions { on })
        }
        Command::Anycast(command) => stack::anycast(&mut connect()?, command),
        Command::PathMtu(command) => stack::path_mtu(&mut connect()?, command),
        Command::Demo { seconds, pcap } => {
            let pcap = pcap.map(|file| beside::option("--pcap", &file));
            beside::demo([beside::option("--seconds", seconds)].into_iter().chain(pcap))
        }
        Command::Sim { seeds, log } => {
            let log = log.then(|| "--log".into());
            beside::demo(["sim".into(), beside::option("--seeds", seeds)].into_iter().chain(log))
        }
        Command::Neighbor(command) => change::neighbor(&mut connect()?, command),
    }
}

/// Help that was asked for, or what is wrong with the command line.
fn refuse(told: &clap::Error) -> anyhow::Result<ExitCode> {
    let text = told.render();
    if told.use_stderr() {
        match std::io::stderr().is_terminal() {
            true => output::complain(text.ansi()),
            false => output::complain(text),
        }
        return Ok(ExitCode::from(2));
    }
    match std::io::stdout().is_terminal() {
        true => output::print(text.ansi())?,
        false => output::print(text)?,
    }
    Ok(ExitCode::SUCCESS)
}
