//! What can be said on the command line.

use std::ffi::OsStr;
use std::ffi::OsString;
use std::net::IpAddr;
use std::path::PathBuf;

use clap::Args as ClapArgs;
use clap::Parser;
use clap::Subcommand;
use clap::ValueEnum;
use clap::builder::PossibleValue;
use clap::builder::TypedValueParser;
use clap::error::ErrorKind;

use super::address;
use super::advertise::AdvertiseCommand;
use super::bridge::BridgeCommand;
use super::completion::Shell;
use super::filter::FilterCommand;
use super::group::GroupCommand;
use super::host::AutoconfCommand;
use super::host::PrefixCommand;
use super::host::RouterCommand;
use super::monitor::MonitorArgs;
use super::nested::LaggCommand;
use super::nested::VlanCommand;
use super::ping::PingArgs;
use super::reload::ConfigCommand;
use super::reload::ReloadArgs;
use super::stack::AnycastCommand;
use super::stack::PathMtuCommand;
use super::stack::Switch;
use super::top::TopArgs;
use super::top::seconds;
use super::trace::CaptureArgs;
use super::trace::TraceArgs;
use crate::config::Driver;
use crate::config::file::ParsedCidr;
use crate::config::file::ParsedMac;
use crate::config::refuse::How;

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
        #[command(flatten)]
        args: ShowArgs,
    },
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

/// How it is shown.
#[derive(Debug, ClapArgs)]
pub(super) struct ShowArgs {
    /// Only of this interface
    #[arg(long, value_name = "NAME")]
    pub(super) dev: Option<String>,
    /// As JSON, with all that is known
    #[arg(long)]
    pub(super) json: bool,
    /// Of drops and performance: look twice, so far apart, and tell of that time alone [default: drops since the last look,
    /// performance since the start]
    #[arg(long, value_name = "SECONDS", value_parser = seconds)]
    pub(super) interval: Option<f64>,
}

/// Reads [`What`] as short as it is told from others, of one or of many.
#[derive(Debug, Clone, Copy)]
pub(super) struct WhatParser;

impl TypedValueParser for WhatParser {
    type Value = What;

    fn parse_ref(
        &self,
        command: &clap::Command,
        _arg: Option<&clap::Arg>,
        value: &OsStr,
    ) -> Result<What, clap::Error> {
        What::parse(&value.to_string_lossy())
            .map_err(|why| clap::Error::raw(ErrorKind::InvalidValue, why + "\n").with_cmd(command))
    }

    fn possible_values(&self) -> Option<Box<dyn Iterator<Item = PossibleValue> + '_>> {
        Some(Box::new(What::value_variants().iter().filter_map(What::to_possible_value)))
    }
}

impl What {
    fn parse(text: &str) -> Result<What, String> {
        let name = |what: &What| what.to_possible_value().map(|value| (*what, value.get_name().to_owned()));
        let all: Vec<(What, String)> = What::value_variants().iter().filter_map(name).collect();
        let plain = text.to_lowercase().replace("neighbour", "neighbor");
        let begins: Vec<&(What, String)> = all.iter().filter(|(_, name)| name.starts_with(&plain)).collect();
        // One interface is among the interfaces, and `route` begins `routes` and `router`.
        let exact = begins.iter().find(|(_, name)| {
            let one =
                [name.as_str()].into_iter().chain(name.strip_suffix('s')).chain(name.strip_suffix("es"));
            one.into_iter().any(|one| one == plain)
        });
        let listed = |some: &mut dyn Iterator<Item = &(What, String)>| {
            some.map(|(_, name)| name.as_str()).collect::<Vec<_>>().join(", ")
        };
        match (exact, begins.as_slice()) {
            (Some((what, _)), _) | (None, [(what, _)]) => Ok(*what),
            (None, []) => Err(format!("no {text:?} to show: there is {}", listed(&mut all.iter()))),
            (None, several) => Err(format!("{text:?}: which of {}?", listed(&mut several.iter().copied()))),
        }
    }
}

/// What there is to show.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum What {
    /// Interfaces, their drivers and counters
    Interfaces,
    /// Our addresses, and whether they may be used
    Addresses,
    /// Neighbors, and how far they are reachable
    Neighbors,
    /// Routes
    Routes,
    /// Multicast groups, and whether routers have been told
    Groups,
    /// Routers that were learned from their advertisements
    Routers,
    /// Prefixes that were learned, and the addresses made from them
    Prefixes,
    /// Deferred packets, by type and worker: queues, fates, waiting times
    Netisr,
    /// Dropped packets, by interface and cause, with rates
    Drops,
    /// Datagrams and ICMP messages of each interface, by RFC 4293's names
    Counters,
    /// Workers: how busy, how much asleep
    Workers,
    /// Nanoseconds for each packet, packets in a turn, waiting times
    Performance,
    /// Paths that take less than their first link, and how long that is believed
    PathMtus,
    /// VLANs
    Vlans,
    /// Laggs and their ports
    Laggs,
    /// Bridges, their ports and what is behind them
    Bridges,
    /// Interfaces that advertise this router
    Advertisers,
    /// Limits: what may be stored and sent at the most, how near it has come, and what was refused
    Limits,
}

#[derive(Debug, Subcommand)]
pub(super) enum InterfaceCommand {
    /// Show interfaces. Example: siding interface show dev eth0
    #[command(alias = "list")]
    Show(ShowArgs),
    /// Attach an interface. Example: siding interface attach eth1 --driver packet --address 2001:db8::1/64
    Attach(AttachArgs),
    /// Detach an interface, and tell how long it took. Example: siding interface detach eth1
    Detach {
        name: String,
        /// Seconds after which to tell who still holds it
        #[arg(long, value_name = "SECONDS", default_value = "10")]
        timeout: f64,
    },
    /// Set the MTU, the hop limit, or times. Example: siding interface set eth1 --mtu 1400 --hop-limit 32
    #[command(group = clap::ArgGroup::new("what").required(true).multiple(true).args(["mtu", "hop_limit", "reachable_time", "retrans_timer"]))]
    Set {
        name: String,
        /// Largest IP packet, in bytes: 1280 to what the link takes; 0 for as much as that is
        #[arg(long, value_name = "BYTES")]
        mtu: Option<u16>,
        /// Of packets that start here: 1 to 255; 0 for the usual 64
        #[arg(long)]
        hop_limit: Option<u8>,
        /// How long a neighbor counts as reachable, before chance; 0 for the stack's
        #[arg(long, value_name = "MS")]
        reachable_time: Option<u64>,
        /// Between two questions to a neighbor; 0 for the stack's
        #[arg(long, value_name = "MS")]
        retrans_timer: Option<u64>,
    },
    /// Take an interface up. Example: siding interface up eth1
    Up { name: String },
    /// Take an interface down; what it knows stays. Example: siding interface down eth1
    Down { name: String },
    /// Begin anew, as if just attached: forget, look for duplicates and routers. Example: siding interface restart eth1
    Restart {
        name: String,
        /// Return when no address is being tested any more, and after so many seconds at the latest
        #[arg(long, value_name = "SECONDS", num_args = 0..=1, default_missing_value = "10")]
        wait: Option<f64>,
    },
}

#[derive(Debug, ClapArgs)]
pub(super) struct AttachArgs {
    /// One that the configuration has gets all that stands there of it
    pub(super) name: String,
    /// What carries its frames [default: as the configuration says]
    #[arg(long)]
    pub(super) driver: Option<Driver>,
    /// The kernel's interface, or the name of a wire in memory [default: NAME]
    #[arg(long)]
    pub(super) device: Option<String>,
    /// Link-layer address [default: the device's]
    #[arg(long, value_parser = address::mac)]
    pub(super) mac: Option<ParsedMac>,
    /// Largest IP packet, in bytes [default: the device's]
    #[arg(long, value_name = "BYTES")]
    pub(super) mtu: Option<u16>,
    /// An address with the length of its prefix; may be given again
    #[arg(long = "address", value_name = "ADDR/LEN", value_parser = address::cidr)]
    pub(super) addresses: Vec<ParsedCidr>,
    /// Make no link-local address
    #[arg(long)]
    pub(super) no_link_local: bool,
    /// Use addresses at once, without looking for duplicates
    #[arg(long)]
    pub(super) no_dad: bool,
    /// Its link has but two ends: nothing that comes from the other is sent back there
    #[arg(long)]
    pub(super) point_to_point: bool,
}

#[derive(Debug, Subcommand)]
pub(super) enum AddressCommand {
    /// Show addresses. Example: siding address show dev eth0
    #[command(alias = "list")]
    Show(ShowArgs),
    /// Add an address. Example: siding address add 2001:db8::1/64 dev eth0
    Add {
        #[arg(value_name = "ADDR/LEN", value_parser = address::cidr)]
        address: ParsedCidr,
        /// On which interface
        #[arg(long, value_name = "NAME")]
        dev: String,
        /// Use it at once, without looking for duplicates
        #[arg(long)]
        no_dad: bool,
        /// For how long it is a source of what is new [default: for ever]
        #[arg(long, value_name = "SECONDS")]
        preferred: Option<u64>,
        /// For how long it is ours [default: for ever]
        #[arg(long, value_name = "SECONDS")]
        valid: Option<u64>,
    },
    /// Remove an address. Example: siding address del 2001:db8::1/64 dev eth0
    #[command(alias = "delete")]
    Del {
        #[arg(value_name = "ADDR[/LEN]", value_parser = address::bare)]
        address: IpAddr,
        /// From which interface
        #[arg(long, value_name = "NAME")]
        dev: String,
    },
    /// Test duplicates again: whoever had them may have gone. Example: siding address retry 2001:db8::1
    Retry {
        /// One of them, or `all`
        #[arg(value_name = "ADDR|all", value_parser = address::one_or_all)]
        which: address::OneOrAll,
        /// Only on this interface
        #[arg(long, value_name = "NAME")]
        dev: Option<String>,
    },
}

#[derive(Debug, Subcommand)]
pub(super) enum RouteCommand {
    /// Show routes. Example: siding route show dev eth0
    #[command(alias = "list")]
    Show(ShowArgs),
    /// The way that packets to an address take now. Example: siding route get 2001:db8::9
    Get {
        #[arg(value_name = "ADDR")]
        address: IpAddr,
        /// As JSON
        #[arg(long)]
        json: bool,
    },
    /// Add a route, or several that share its flows. Example: siding route add 2001:db8:1::/48 via fe80::1 dev eth0
    Add(RouteAddArgs),
    /// Refuse destinations; `route del` ends it. Example: siding route refuse 2001:db8:2::/48 how prohibit
    Refuse(RefuseArgs),
    /// Remove a route. Example: siding route del 2001:db8:1::/48
    #[command(alias = "delete")]
    Del(RouteArgs),
}

#[derive(Debug, ClapArgs)]
pub(super) struct RouteAddArgs {
    /// The destinations, or `default`
    #[arg(value_name = "PREFIX")]
    pub(super) to: String,
    /// The router; of several, one after the other, each flow keeps to one
    #[arg(long, value_name = "ADDR")]
    pub(super) via: Vec<IpAddr>,
    /// The interface [default: that with the router's prefix]
    #[arg(long, value_name = "NAME")]
    pub(super) dev: Vec<String>,
    /// Its share of the flows beside other routers to the prefix, 1 to 255 [default: 1, or all if there is one]
    #[arg(long)]
    pub(super) weight: Vec<u8>,
    /// Less is better [default: 1024]
    #[arg(long)]
    pub(super) metric: Option<u32>,
}

#[derive(Debug, ClapArgs)]
pub(super) struct RouteArgs {
    /// The destinations, or `default`
    #[arg(value_name = "PREFIX")]
    pub(super) to: String,
    /// The router
    #[arg(long, value_name = "ADDR")]
    pub(super) via: Option<IpAddr>,
    /// The interface [default: that with the router's prefix]
    #[arg(long, value_name = "NAME")]
    pub(super) dev: Option<String>,
    /// Less is better [default: 1024]
    #[arg(long)]
    pub(super) metric: Option<u32>,
}

#[derive(Debug, ClapArgs)]
pub(super) struct RefuseArgs {
    /// The destinations, of IPv6
    #[arg(value_name = "PREFIX")]
    pub(super) to: String,
    /// What senders are told
    #[arg(long, default_value = "reject")]
    pub(super) how: How,
    /// Less is better; of a route and a refusal of the same prefix and metric the refusal counts [default: 1024]
    #[arg(long)]
    pub(super) metric: Option<u32>,
}

#[derive(Debug, Subcommand)]
pub(super) enum NeighborCommand {
    /// Show neighbors. Example: siding neighbor show dev eth0
    #[command(alias = "list")]
    Show(ShowArgs),
    /// Add a neighbor that nothing changes. Example: siding neighbor add 2001:db8::9 lladdr 02:00:00:00:00:09 dev eth0
    Add {
        #[arg(value_name = "ADDR")]
        address: IpAddr,
        /// Its link-layer address
        #[arg(long, value_name = "MAC", value_parser = address::mac)]
        lladdr: ParsedMac,
        /// On which interface
        #[arg(long, value_name = "NAME")]
        dev: String,
    },
    /// Forget neighbors: one, those of an interface, or all. Example: siding neighbor flush dev eth0
    Flush {
        #[arg(value_name = "ADDR")]
        address: Option<IpAddr>,
        /// Of which interface
        #[arg(long, value_name = "NAME")]
        dev: Option<String>,
    },
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
