//! Addresses of interfaces.

use std::fmt;
use std::net::IpAddr;
use std::net::Ipv6Addr;

use siding_client::value::OwnAddress;
use siding_drivers::kernel::Cidr;
use siding_stack::Lifetimes;
use siding_stack::ifnet::AddrOrigin;
use siding_wire::ip6;

use super::change::Given;
use crate::means::addressing::Addressing;
use crate::state::daemon::Daemon;
use crate::state::daemon::Free;
use crate::state::page::Page;
use crate::state::setting::Among;
use crate::state::setting::Any;
use crate::state::setting::Setting;
use crate::state::setting::Slot;

/// Its addresses are used at once, without looking for duplicates.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct NoDetection {
    pub(crate) on: String,
}

/// The link-local address that its MAC or its secret makes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct LinkLocal {
    pub(crate) on: String,
    pub(crate) detect: bool,
}

/// An address that was given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Address {
    pub(crate) on: String,
    pub(crate) address: Cidr,
    pub(crate) detect: bool,
}

/// An address that others have, too.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Anycast {
    pub(crate) on: String,
    pub(crate) address: Ipv6Addr,
}

pub(crate) fn all(name: &str, said: &Addressing) -> Vec<Any> {
    let on = || name.to_owned();
    let mut all: Vec<Any> = Vec::new();
    if !said.dad {
        all.push(NoDetection { on: on() }.into());
    }
    if said.link_local {
        all.push(LinkLocal { on: on(), detect: said.dad }.into());
    }
    let address = |address: &Cidr| {
        Address { on: on(), address: *address, detect: said.detects(address.address()) }.into()
    };
    all.extend(said.addresses.iter().map(address));
    all.extend(said.anycast.iter().map(|address| Anycast { on: on(), address: *address }.into()));
    all
}

/// That of an address of this interface.
fn slot(on: &str, address: IpAddr) -> Slot {
    Slot::among("address", on, Among::Address(address))
}

impl Setting for NoDetection {
    fn slot(&self) -> Slot {
        Slot::of_one("no-detection", &self.on)
    }

    fn on(&self) -> Vec<&str> {
        vec![&self.on]
    }

    fn is_of_one(&self) -> bool {
        true
    }

    fn say(&self, page: &mut Page) {
        page.tell(&self.on, "dad", false);
    }

    /// Each address knows by itself.
    fn apply(&self, _daemon: &Daemon, _ctx: &mut Free<'_>) -> anyhow::Result<()> {
        Ok(())
    }

    fn replaces(&self, _before: &NoDetection) -> bool {
        true
    }

    fn withdraw(&self, _daemon: &Daemon, _ctx: &mut Free<'_>) -> anyhow::Result<()> {
        Ok(())
    }
}

impl fmt::Display for NoDetection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: no detection of duplicates for addresses to come", self.on)
    }
}

impl Setting for LinkLocal {
    fn slot(&self) -> Slot {
        Slot::of_one("link-local", &self.on)
    }

    fn on(&self) -> Vec<&str> {
        vec![&self.on]
    }

    fn is_of_one(&self) -> bool {
        true
    }

    /// Every interface has one unless it is said that it has none.
    fn say(&self, page: &mut Page) {
        page.has_link_local(&self.on);
    }

    fn apply(&self, daemon: &Daemon, ctx: &mut Free<'_>) -> anyhow::Result<()> {
        let id = daemon.interface(&self.on)?;
        let config = daemon.stack.config();
        let Some(there) = config.interface(id) else { return Ok(()) };
        let made = [there.mac, there.permanent_mac].map(ip6::eui64_link_local);
        // One that is a port gets it when it is released; one that was has got it back.
        let waits = daemon.stack.set_aside_link_local(ctx, id, (made[1], 64), self.detect);
        let has = there.addrs6.iter().any(|own| made.contains(&own.addr));
        if waits.map_err(|error| daemon.named(id, error))? || has {
            return Ok(());
        }
        daemon.stack.add_link_local(ctx, id, self.detect).map(drop).map_err(|error| daemon.named(id, error))
    }

    /// What it is tested by is for the time when it comes anew.
    fn replace(&self, _daemon: &Daemon, _ctx: &mut Free<'_>, _before: &LinkLocal) -> anyhow::Result<()> {
        Ok(())
    }

    fn replaces(&self, _before: &LinkLocal) -> bool {
        true
    }

    fn withdraw(&self, daemon: &Daemon, ctx: &mut Free<'_>) -> anyhow::Result<()> {
        let id = daemon.interface(&self.on)?;
        let config = daemon.stack.config();
        let Some(there) = config.interface(id) else { return Ok(()) };
        // All that nobody gave: the one that was made of a MAC that it had before, too.
        let given = |addr: Ipv6Addr| daemon.noted(&slot(&self.on, addr.into())).is_some();
        let made = |own: &&siding_stack::ifnet::Addr6| {
            ip6::is_link_local(own.addr) && (own.origin == AddrOrigin::Autoconf || !given(own.addr))
        };
        for own in there.addrs6.iter().chain(there.set_aside.iter()).filter(made) {
            let removed = daemon.stack.remove_address(ctx, id, own.addr.into());
            removed.map_err(|error| daemon.named(id, error))?;
        }
        Ok(())
    }
}

impl fmt::Display for LinkLocal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: link-local address", self.on)
    }
}

impl Setting for Address {
    fn slot(&self) -> Slot {
        slot(&self.on, self.address.address())
    }

    fn on(&self) -> Vec<&str> {
        vec![&self.on]
    }

    fn is_of_one(&self) -> bool {
        true
    }

    fn say(&self, page: &mut Page) {
        // As the interface says of all, unless it is said of this one.
        let usual = page.interface(&self.on).and_then(|table| table.get("dad")?.as_bool()).unwrap_or(true);
        let own = OwnAddress { cidr: self.address, dad: Some(self.detect).filter(|detect| *detect != usual) };
        page.append(&self.on, "addresses", own.to_string());
    }

    fn apply(&self, daemon: &Daemon, ctx: &mut Free<'_>) -> anyhow::Result<()> {
        if let IpAddr::V6(addr) = self.address.address()
            && ip6::is_link_local(addr)
        {
            // A port has it when it is released.
            let id = daemon.interface(&self.on)?;
            let waits =
                daemon.stack.set_aside_link_local(ctx, id, (addr, self.address.length()), self.detect);
            if waits.map_err(|error| daemon.named(id, error))? {
                return Ok(());
            }
        }
        let Address { on, address, detect } = self;
        let given = Given { cidr: *address, detect: *detect, lifetimes: Lifetimes::default() };
        daemon.add_address(ctx, on, given)
    }

    fn replace(&self, _daemon: &Daemon, _ctx: &mut Free<'_>, _before: &Address) -> anyhow::Result<()> {
        Ok(())
    }

    /// What it is tested by is for the time when it comes anew.
    fn replaces(&self, before: &Address) -> bool {
        self.address == before.address
    }

    fn withdraw(&self, daemon: &Daemon, ctx: &mut Free<'_>) -> anyhow::Result<()> {
        daemon.remove_address(ctx, &self.on, self.address.address())
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: address {}", self.on, self.address)
    }
}

impl Setting for Anycast {
    fn slot(&self) -> Slot {
        Slot::among("anycast", &self.on, Among::Address(self.address.into()))
    }

    fn on(&self) -> Vec<&str> {
        vec![&self.on]
    }

    fn is_of_one(&self) -> bool {
        true
    }

    fn say(&self, page: &mut Page) {
        page.append(&self.on, "anycast", self.address.to_string());
    }

    fn apply(&self, daemon: &Daemon, ctx: &mut Free<'_>) -> anyhow::Result<()> {
        let id = daemon.interface(&self.on)?;
        daemon.stack.add_anycast(ctx, id, self.address).map_err(|error| daemon.named(id, error))
    }

    fn replaces(&self, _before: &Anycast) -> bool {
        true
    }

    fn withdraw(&self, daemon: &Daemon, ctx: &mut Free<'_>) -> anyhow::Result<()> {
        let id = daemon.interface(&self.on)?;
        daemon.stack.remove_anycast(ctx, id, self.address).map_err(|error| daemon.named(id, error))
    }
}

impl fmt::Display for Anycast {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: anycast address {}", self.on, self.address)
    }
}
