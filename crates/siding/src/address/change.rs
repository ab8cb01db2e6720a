//! Addresses, added and removed, and tested again.

use std::net::IpAddr;

use anyhow::bail;
use siding_drivers::kernel::Cidr;
use siding_netisr::IfId;
use siding_stack::Lifetimes;

use crate::control::Answer;
use crate::state::daemon::Daemon;
use crate::state::daemon::Free;

/// An address to be.
pub(crate) struct Given {
    pub(crate) cidr: Cidr,
    /// Looks for duplicates.
    pub(crate) detect: bool,
    pub(crate) lifetimes: Lifetimes,
}

impl Daemon {
    /// Adds an address.
    pub(crate) fn add_address(&self, ctx: &mut Free<'_>, name: &str, given: Given) -> anyhow::Result<()> {
        let Given { cidr, detect, lifetimes } = given;
        let id = self.interface(name)?;
        self.nobody_else_has(id, cidr.address())?;
        let added = self.stack.add_address_for(ctx, id, cidr.address(), cidr.length(), detect, lifetimes);
        added.map_err(|error| self.named(id, error))
    }

    /// An address is on one interface, but for link-local ones, which are of each link.
    pub(crate) fn nobody_else_has(&self, id: IfId, address: IpAddr) -> anyhow::Result<()> {
        let config = self.stack.config();
        let mut others = config.routing_at(id).holders(address).iter().filter(|there| **there != id);
        match others.find_map(|there| config.interface(*there)) {
            Some(other) => bail!("{address} is on '{}' already: remove it there first", other.ifnet.name),
            None => Ok(()),
        }
    }

    /// Removes an address.
    pub(crate) fn remove_address(&self, ctx: &mut Free<'_>, name: &str, addr: IpAddr) -> anyhow::Result<()> {
        let id = self.interface(name)?;
        self.stack.remove_address(ctx, id, addr).map_err(|error| self.named(id, error))
    }

    /// Tests duplicates again.
    pub(crate) fn retry_duplicates(
        &self,
        ctx: &mut Free<'_>,
        on: Option<&str>,
        address: Option<IpAddr>,
    ) -> anyhow::Result<Answer> {
        let on = on.map(|name| self.interface(name)).transpose()?;
        let meant = |id, addr| on.is_none_or(|on| on == id) && address.is_none_or(|address| address == addr);
        let retried = self.stack.retry_duplicates(ctx, meant);
        match address {
            Some(address) if retried == 0 => {
                bail!("{address} is no duplicate here: `siding show addresses` tells what it is")
            }
            _ => Ok(Answer::Done),
        }
    }
}
