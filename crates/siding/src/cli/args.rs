//! What can be said on the command line.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::Parser;
use clap::Subcommand;
use clap::ValueEnum;

use super::advertise::AdvertiseCommand;
use super::bridge::BridgeCommand;
use super::filter::FilterCommand;
use super::group::GroupCommand;
use super::host::AutoconfCommand;
use super::host::PrefixCommand;
use super::host::RouterCommand;
use super::monitor::MonitorArgs;
use super::nested::LaggCommand;
use super::nested::VlanCommand;
use super::nouns::AddressCommand;
use super::nouns::InterfaceCommand;
use super::nouns::NeighborCommand;
use super::nouns::RouteCommand;
use super::ping::PingArgs;
use super::protocols::SetArgs;
use super::reload::ConfigCommand;
use super::reload::ReloadArgs;
use super::stack::AnycastCommand;
use super::stack::PathMtuCommand;
use super::stack::Switch;
use super::top::TopArgs;
use super::trace::CaptureArgs;
use super::trace::TraceArgs;
use super::what::ShowArgs;
use super::what::What;
use super::what::WhatParser;

/// A user-space IPv6 host and router.
///
/// Without a command: a demonstration, which needs nothing and leaves nothing behind.
#[derive(Debug, Parser)]
#[command(name = "siding", version, infer_subcommands = true, max_term_width = 110)]
pub(super) struct Args {
    /// The daemon's control socket [default: /run/siding.sock, for others than root in $XDG_RUNTIME_DIR]
    #[arg(long, global = true, value_name = "PATH", env = "SIDING_CONTROL", hide_env_values = true)]
    pub(super) control: Option<PathBuf>,
    #[command(subcommand)]
    pub(super) command: Option<Command>,
}

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Run the stack in the foreground, as FILE says. Example: siding run examples/host.toml
    Run {
        /// Configuration, in TOML; examples/ has some
        #[arg(value_name = "FILE.toml")]
        file: PathBuf,
        /// Where it is written down what is changed in the kernel, until it has been put back [default: /run/siding, for
        /// others than root siding in $XDG_RUNTIME_DIR]
        #[arg(long, value_name = "PATH")]
        run_directory: Option<PathBuf>,
    },
    /// Check a configuration, and run nothing. Example: siding check examples/host.toml
    Check {
        /// Configuration, in TOML
        #[arg(value_name = "FILE.toml")]
        file: PathBuf,
    },
    /// Put a file into effect in place of what runs; what is the same in both is not touched. Example: siding reload
    Reload(ReloadArgs),
    /// Show what runs as a file, compare, save. Example: siding config diff
    #[command(subcommand)]
    Config(ConfigCommand),
    /// Show what the daemon knows. Example: siding show neighbors
    #[command(alias = "list", arg_required_else_help = true)]
    Show {
        #[arg(value_parser = WhatParser)]
        what: What,
        /// Of tables: which one. Example: siding show table neighbors
        table: Option<String>,
        #[command(flatten)]
        args: ShowArgs,
    },
    /// Configure a protocol while it runs; a reload goes by its file. Example: siding set mld robustness=3 groups=
    Set(SetArgs),
    /// Show interfaces, workers, queues, drops, neighbors and laggs as they live. Example: siding top
    Top(TopArgs),
    /// Tell of what happens, as it happens. Example: siding monitor neighbor address
    Monitor(MonitorArgs),
    /// Check, load and show rules of the firewall, and its states. Example: siding filter show
    #[command(subcommand)]
    Filter(FilterCommand),
    /// Follow single packets through the running stack, to their end and its cause. Example: siding trace tcp dport 443
    Trace(TraceArgs),
    /// Frames as they pass an interface, or are dropped and why. Example: siding capture eth0 --cause any
    Capture(CaptureArgs),
    /// Ping over IPv4. Example: siding ping -c 3 192.0.2.2
    Ping(PingArgs),
    /// Ping over IPv6. Example: siding ping6 -c 3 fe80::1%eth0
    Ping6(PingArgs),
    /// Show, attach, detach, set, take up or down. Example: siding interface detach eth0
    #[command(subcommand, aliases = ["link", "l"])]
    Interface(InterfaceCommand),
    /// Advertise as a router, cease to, show. Example: siding advertise start eth0
    #[command(subcommand)]
    Advertise(AdvertiseCommand),
    /// Learn routers, prefixes and addresses. Example: siding autoconf start eth0
    #[command(subcommand)]
    Autoconf(AutoconfCommand),
    /// Show or forget default routers. Example: siding router flush dev eth0
    #[command(subcommand)]
    Router(RouterCommand),
    /// Show or forget prefixes. Example: siding prefix flush dev eth0
    #[command(subcommand)]
    Prefix(PrefixCommand),
    /// Show, add or remove addresses, test duplicates again. Example: siding address add 2001:db8::1/64 dev eth0
    #[command(subcommand, alias = "a")]
    Address(AddressCommand),
    // `router` begins so, too; who types `ip` means this.
    /// Show, add or remove routes. Example: siding route add default via fe80::1 dev eth0
    #[command(subcommand, aliases = ["r", "ro", "rou", "rout"])]
    Route(RouteCommand),
    /// Make, show and delete VLANs. Example: siding vlan show
    #[command(subcommand)]
    Vlan(VlanCommand),
    /// Make, show and change laggs. Example: siding lagg show lagg0
    #[command(subcommand)]
    Lagg(LaggCommand),
    /// Make, show and change bridges. Example: siding bridge show br0
    #[command(subcommand)]
    Bridge(BridgeCommand),
    /// Show, join or leave multicast groups. Example: siding group join ff05::1234 dev eth0
    #[command(subcommand)]
    Group(GroupCommand),
    /// Forward packets for others, or cease to: a router that ceases takes its leave. Example: siding forwarding on
    Forwarding {
        #[arg(value_name = "on|off")]
        to: Switch,
    },
    /// As a router, note who announces itself unasked (RFC 9131). Example: siding learn-announced off
    LearnAnnounced {
        #[arg(value_name = "on|off")]
        to: Switch,
    },
    /// Obey hop-by-hop options of packets for others. Example: siding examine-options on
    ExamineOptions {
        #[arg(value_name = "on|off")]
        to: Switch,
    },
    /// Have addresses that other nodes have, too (RFC 4291). Example: siding anycast add 2001:db8::a dev eth0
    #[command(subcommand)]
    Anycast(AnycastCommand),
    /// Show or forget path MTUs. Example: siding path-mtu flush
    #[command(subcommand)]
    PathMtu(PathMtuCommand),
    // What it and `sim` are given, the program beside this one reads.
    /// The demonstration, as without a command. Example: siding demo --seconds 60 --pcap /tmp/siding.pcapng
    Demo {
        /// How long an interface is detached and attached again; all the rest takes about 9 seconds more
        #[arg(long, default_value = "5")]
        seconds: OsString,
        /// Capture what passes our end of the first wire into this file
        #[arg(long, value_name = "FILE.pcapng")]
        pcap: Option<PathBuf>,
    },
    /// Run many stacks on virtual wires, each world from a seed. Example: siding sim --seeds 0..10000
    Sim {
        /// The seeds, from A up to but not including B
        #[arg(long, value_name = "A..B", default_value = "0..1000")]
        seeds: OsString,
        /// Show what happens in the first of them
        #[arg(long)]
        log: bool,
    },
    /// Write completions for a shell, which know the names of interfaces. Example: siding completion bash
    Completion { shell: Shell },
    /// Write manual pages, one for each command, into a directory. Example: siding man /tmp
    Man { directory: PathBuf },
    /// Show, add or forget neighbors. Example: siding neighbor flush dev eth0
    #[command(subcommand, alias = "neighbour")]
    Neighbor(NeighborCommand),
}

/// Shells that completions are written for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Shell {
    Bash,
    Zsh,
    Fish,
}

/// Words that `ip` writes without dashes.
const KEYWORDS: [&str; 6] = ["dev", "via", "metric", "weight", "lladdr", "how"];

/// What there is to show of, and can be said before `show`: alone, that is what is meant.
const SHOWN: [&str; 14] = [
    "address",
    "advertise",
    "bridge",
    "group",
    "interface",
    "lagg",
    "link",
    "neighbor",
    "neighbour",
    "path-mtu",
    "prefix",
    "route",
    "router",
    "vlan",
];

/// Lets the keywords of `ip` be written as there, and a noun alone be shown. A name that is a keyword itself needs the dashes before
/// it.
pub(super) fn with_keywords(args: impl Iterator<Item = OsString>) -> Vec<OsString> {
    let mut args: Vec<OsString> = args.collect();
    let takes = [
        "address",
        "route",
        "neighbor",
        "neighbour",
        "group",
        "router",
        "prefix",
        "anycast",
        "path-mtu",
        "show",
        "list",
        "interface",
        "link",
    ];
    // The command, which may be written as short as it is told from others.
    let mut words = args.iter().skip(1).skip_while(|arg| *arg == "--control").peekable();
    if args.get(1).is_some_and(|arg| arg == "--control") {
        words.next();
    }
    let command = words.find(|arg| !arg.to_string_lossy().starts_with('-')).cloned();
    let is_begun = |arg: &OsString| {
        let arg = arg.to_string_lossy();
        !arg.is_empty() && takes.iter().any(|command| command.starts_with(&*arg))
    };
    // Of these, one is shown by its name alone: `dev` before it says no more.
    let of_one = ["lagg", "vlan", "bridge", "advertise"];
    let begins = |arg: Option<&OsString>, all: &[&str]| {
        let arg = arg.map(|arg| arg.to_string_lossy()).unwrap_or_default();
        !arg.is_empty() && all.iter().any(|word| word.starts_with(&*arg))
    };
    let next = words.next().cloned();
    if next.as_ref().is_none_or(|next| next == "--json") && begins(command.as_ref(), &SHOWN) {
        let at = args.len() - usize::from(next.is_some());
        args.insert(at, "show".into());
        return args;
    }
    if begins(command.as_ref(), &of_one) && begins(next.as_ref(), &["show", "list"]) {
        let dev = args.iter().position(|arg| arg == "dev");
        return args.into_iter().enumerate().filter(|(at, _)| Some(*at) != dev).map(|(_, arg)| arg).collect();
    }
    if !command.as_ref().is_some_and(is_begun) {
        return args;
    }
    // What comes behind a keyword is its value, whatever it is.
    let mut value = false;
    let dashed = |arg: OsString| {
        let keyword = KEYWORDS.iter().find(|keyword| arg == **keyword).filter(|_| !value);
        value =
            keyword.is_some() || KEYWORDS.iter().any(|keyword| arg.to_str() == Some(&format!("--{keyword}")));
        keyword.map_or(arg, |keyword| format!("--{keyword}").into())
    };
    args.into_iter().map(dashed).collect()
}

#[cfg(test)]
mod tests;
