//! What can be said of interfaces, addresses, routes and neighbors.

use std::net::IpAddr;

use clap::Subcommand;
use siding_client::neighbor::Neighbor;
use siding_client::refuse::Refuse;
use siding_client::route::Route;

use super::address;
use super::routes::Routes;
use super::what::ShowArgs;
use crate::control::AddressRequest;
use crate::control::AttachRequest;
use crate::control::TuneRequest;

#[derive(Debug, Subcommand)]
pub(super) enum InterfaceCommand {
    /// Show interfaces. Example: siding interface show dev eth0
    #[command(alias = "list")]
    Show(ShowArgs),
    /// Attach an interface. Example: siding interface attach eth1 --driver packet --address 2001:db8::1/64
    Attach(AttachRequest),
    /// Detach an interface, and tell how long it took. Example: siding interface detach eth1
    Detach {
        name: String,
        /// Seconds after which to tell who still holds it
        #[arg(long, value_name = "SECONDS", default_value = "10")]
        timeout: f64,
    },
    /// Set the MTU, the hop limit, or times. Example: siding interface set eth1 --mtu 1400 --hop-limit 32
    #[command(group = clap::ArgGroup::new("what").required(true).multiple(true).args(["mtu", "hop_limit", "reachable_time_ms", "retrans_timer_ms"]))]
    Set(TuneRequest),
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

#[derive(Debug, Subcommand)]
pub(super) enum AddressCommand {
    /// Show addresses. Example: siding address show dev eth0
    #[command(alias = "list")]
    Show(ShowArgs),
    /// Add an address. Example: siding address add 2001:db8::1/64 dev eth0
    Add(AddressRequest),
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
    Add(Routes),
    /// Refuse destinations; `route del` ends it. Example: siding route refuse 2001:db8:2::/48 how prohibit
    Refuse(Refuse),
    /// Remove a route. Example: siding route del 2001:db8:1::/48
    #[command(alias = "delete")]
    Del(Route),
}

#[derive(Debug, Subcommand)]
pub(super) enum NeighborCommand {
    /// Show neighbors. Example: siding neighbor show dev eth0
    #[command(alias = "list")]
    Show(ShowArgs),
    /// Add a neighbor that nothing changes. Example: siding neighbor add 2001:db8::9 lladdr 02:00:00:00:00:09 dev eth0
    Add(Neighbor),
    /// Forget neighbors: one, those of an interface, or all. Example: siding neighbor flush dev eth0
    Flush {
        #[arg(value_name = "ADDR")]
        address: Option<IpAddr>,
        /// Of which interface
        #[arg(long, value_name = "NAME")]
        dev: Option<String>,
    },
}
