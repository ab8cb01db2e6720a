//! Settings: everything that can be configured, each as a value of its own.
//!
//! A configuration is a list of settings, in the order in which they can be put into effect ([`all`]). The start applies all
//! of them; a command adds, replaces or takes away some; a reload compares two lists ([`plan`]). Each kind of setting is a
//! struct that knows how it is applied, how it is withdrawn, and how a file says it: there is no other place for that.
//!
//! # Teardown
//!
//! A setting that is on an interface goes with it, in the stack by itself, here by [`Setting::on`].

mod address;
mod exchange;
mod filter;
mod host;
mod interface;
mod nested;
mod page;
pub(crate) mod plan;
mod port;
mod route;
mod switch;

use std::fmt;
use std::mem::take;
use std::net::IpAddr;
use std::sync::Arc;

pub(crate) use address::Address;
pub(crate) use address::Anycast;
pub(crate) use address::LinkLocal;
pub(crate) use address::NoDetection;
pub(crate) use filter::Filtered;
pub(crate) use host::Advertises;
pub(crate) use host::Learns;
pub(crate) use interface::Attached;
pub(crate) use interface::Bounds;
pub(crate) use interface::Down;
pub(crate) use interface::HopLimit;
pub(crate) use interface::PointToPoint;
pub(crate) use interface::Times;
pub(crate) use nested::Bridged;
pub(crate) use nested::Lagged;
pub(crate) use nested::Tagged;
pub(crate) use nested::VlanMtu;
pub(crate) use page::Page;
pub(crate) use port::Port;
pub(crate) use port::Primary;
pub(crate) use route::Joined;
pub(crate) use route::Refused;
pub(crate) use route::Routed;
pub(crate) use route::StaticNeighbor;
pub(crate) use switch::Switch;
pub(crate) use switch::Which;

use siding_drivers::kernel::Cidr;

use crate::config::Addressing;
use crate::config::Config;
use crate::config::Nested;
use crate::daemon::Daemon;
use crate::daemon::Free;

/// What tells settings apart: of two with the same, one is the other with another value.
/// It is made of what it is for as it is, not of words: of a hundred thousand routes each is looked up several times.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Slot {
    kind: &'static str,
    /// What it is on, or whose it is; nothing for the stack's.
    on: String,
    among: Among,
}

/// What tells those of one kind apart that are on one interface.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Among {
    /// There is but one.
    One,
    Name(String),
    Address(IpAddr),
    Way(Cidr, Option<IpAddr>),
}

impl Slot {
    /// That of the one setting of its kind that there is on something.
    fn of_one(kind: &'static str, on: &str) -> Slot {
        Slot::among(kind, on, Among::One)
    }

    fn among(kind: &'static str, on: &str, among: Among) -> Slot {
        Slot { kind, on: on.to_owned(), among }
    }
}

/// What every kind of setting knows of itself.
pub(crate) trait Setting: fmt::Display {
    fn slot(&self) -> Slot;

    /// The interfaces that it is on, and goes with.
    fn on(&self) -> Vec<&str>;

    /// Where it is in an error.
    fn place(&self) -> String {
        let on = self.on();
        on.first().map_or_else(|| "the stack".to_owned(), |name| format!("interface '{name}'"))
    }

    /// Says it as a file does.
    fn say(&self, page: &mut Page);

    /// Puts it into effect.
    ///
    /// # Errors
    ///
    /// It cannot be; nothing has changed then.
    fn apply(&self, daemon: &Daemon, ctx: &mut Free<'_>) -> anyhow::Result<()>;

    /// Puts it into effect in place of another value of it, for which [`replaces`](Self::replaces) holds.
    ///
    /// # Errors
    ///
    /// As [`apply`](Self::apply).
    fn replace(&self, daemon: &Daemon, ctx: &mut Free<'_>, _before: &Self) -> anyhow::Result<()> {
        self.apply(daemon, ctx)
    }

    /// Whether it can take the place of another value without that being withdrawn first.
    fn replaces(&self, before: &Self) -> bool;

    /// Sets back what it has set.
    ///
    /// # Errors
    ///
    /// It cannot be.
    fn withdraw(&self, daemon: &Daemon, ctx: &mut Free<'_>) -> anyhow::Result<()>;
}

/// One list of all kinds.
macro_rules! settings {
    ($($kind:ident),+ $(,)?) => {
        /// A setting of any kind. Copies share it: of a hundred thousand there are several lists at a time, when a file is
        /// compared with what runs.
        #[derive(Debug, Clone, PartialEq)]
        pub(crate) enum Any { $($kind(Arc<$kind>),)+ }

        impl Any {
            /// Its kind's place among the kinds.
            fn rank(&self) -> Option<usize> {
                let name = match self { $(Any::$kind(_) => stringify!($kind),)+ };
                [$(stringify!($kind)),+].iter().position(|kind| *kind == name)
            }
        }

        $(impl From<$kind> for Any {
            fn from(setting: $kind) -> Any {
                Any::$kind(Arc::new(setting))
            }
        })+

        impl fmt::Display for Any {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                match self { $(Any::$kind(setting) => setting.fmt(f),)+ }
            }
        }

        impl Setting for Any {
            fn slot(&self) -> Slot {
                match self { $(Any::$kind(setting) => setting.slot(),)+ }
            }

            fn on(&self) -> Vec<&str> {
                match self { $(Any::$kind(setting) => setting.on(),)+ }
            }

            fn place(&self) -> String {
                match self { $(Any::$kind(setting) => setting.place(),)+ }
            }

            fn say(&self, page: &mut Page) {
                match self { $(Any::$kind(setting) => setting.say(page),)+ }
            }

            fn apply(&self, daemon: &Daemon, ctx: &mut Free<'_>) -> anyhow::Result<()> {
                match self { $(Any::$kind(setting) => setting.apply(daemon, ctx),)+ }
            }

            fn replace(&self, daemon: &Daemon, ctx: &mut Free<'_>, before: &Any) -> anyhow::Result<()> {
                match (self, before) {
                    $((Any::$kind(setting), Any::$kind(before)) => setting.replace(daemon, ctx, before),)+
                    _ => self.apply(daemon, ctx),
                }
            }

            fn replaces(&self, before: &Any) -> bool {
                match (self, before) {
                    $((Any::$kind(setting), Any::$kind(before)) => setting.replaces(before),)+
                    _ => false,
                }
            }

            fn withdraw(&self, daemon: &Daemon, ctx: &mut Free<'_>) -> anyhow::Result<()> {
                match self { $(Any::$kind(setting) => setting.withdraw(daemon, ctx),)+ }
            }
        }
    };
}

settings!(
    Switch,
    Attached,
    Tagged,
    Lagged,
    Bridged,
    VlanMtu,
    Port,
    Primary,
    Down,
    HopLimit,
    PointToPoint,
    Times,
    Bounds,
    NoDetection,
    Learns,
    LinkLocal,
    Address,
    Anycast,
    Refused,
    Advertises,
    Routed,
    Joined,
    StaticNeighbor,
    Filtered,
);

impl Any {
    /// The interface that it makes, if it makes one.
    pub(crate) fn makes(&self) -> Option<&str> {
        match self {
            Any::Attached(_) | Any::Tagged(_) | Any::Lagged(_) | Any::Bridged(_) => {
                self.on().first().copied()
            }
            _ => None,
        }
    }

    /// Whether it is something of one interface alone, that whoever makes the interface says with it.
    pub(crate) fn is_of_one(&self) -> bool {
        matches!(
            self,
            Any::VlanMtu(_)
                | Any::Down(_)
                | Any::HopLimit(_)
                | Any::PointToPoint(_)
                | Any::Times(_)
                | Any::Bounds(_)
                | Any::NoDetection(_)
                | Any::Learns(_)
                | Any::LinkLocal(_)
                | Any::Address(_)
                | Any::Anycast(_)
        )
    }

    /// Where packets go or end by it.
    fn leads_to(&self) -> Option<&Cidr> {
        match self {
            Any::Routed(route) => Some(&route.0.to),
            Any::Refused(refused) => Some(&refused.0.to),
            _ => None,
        }
    }

    /// The interface that it makes a port.
    pub(crate) fn joins(&self) -> Option<&str> {
        match self {
            Any::Port(port) => Some(&port.port),
            _ => None,
        }
    }

    /// What must be there before it can be applied, besides what it is on.
    pub(crate) fn lies_on(&self) -> Option<&str> {
        match self {
            Any::Tagged(vlan) => Some(vlan.parent()),
            _ => None,
        }
    }
}

/// Everything that a configuration says and that can be changed while it runs, in an order in which it can be applied.
/// Lists that may be long are moved out of it.
pub(crate) fn all(config: &mut Config) -> Vec<Any> {
    let mut all: Vec<Any> = Vec::new();
    // Before any interface, so that nothing passes unfiltered.
    all.extend(config.filter.iter().map(|filter| Filtered(filter.clone()).into()));
    all.extend(switch::all(&config.stack).map(Any::from));
    for interface in &config.interfaces {
        all.push(Attached::new(interface).into());
        all.extend(on(&interface.name, &interface.addressing()));
    }
    for nested in &config.nested {
        all.extend(of_nested(nested));
    }
    // When a port is one: it has no use for an address before it is released.
    let is_ports = |setting: &Any| {
        matches!(setting, Any::LinkLocal(_) | Any::Address(_))
            && setting.on().iter().any(|on| config.nested.iter().any(|owner| owner.has_port(on)))
    };
    let (ports, others): (Vec<Any>, Vec<Any>) = all.into_iter().partition(is_ports);
    all = others.into_iter().chain(ports).collect();
    all.extend(take(&mut config.refusals).into_iter().map(|refusal| Refused(refusal).into()));
    let addressings = config.interfaces.iter().map(|one| (one.name.clone(), one.addressing()));
    let nested = config.nested.iter().map(|one| (one.name().to_owned(), one.addressing().clone()));
    for (name, addressing) in addressings.chain(nested) {
        all.extend(addressing.advertise.map(|advertise| Advertises { on: name, advertise }.into()));
    }
    all.extend(take(&mut config.routes).into_iter().map(|route| Routed(route).into()));
    all.extend(take(&mut config.groups).into_iter().map(|group| Joined(group).into()));
    all.extend(take(&mut config.neighbors).into_iter().map(|neighbor| StaticNeighbor(neighbor).into()));
    all
}

/// What makes an interface on others, and what is on it, but for what it advertises.
pub(crate) fn of_nested(nested: &Nested) -> Vec<Any> {
    let name = nested.name();
    let mut all = nested::made(nested);
    all.extend(on(name, nested.addressing()));
    all
}

/// What is on an interface, but for what it advertises: that comes when all are there.
pub(crate) fn on(name: &str, addressing: &Addressing) -> Vec<Any> {
    let mut all = interface::all(name, addressing);
    let learns = |autoconf| Learns { on: name.to_owned(), autoconf }.into();
    // Before the link-local address, which may be made of its secret.
    all.extend(addressing.autoconf.clone().map(learns));
    all.extend(address::all(name, addressing));
    all
}
