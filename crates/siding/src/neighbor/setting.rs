//! Neighbours that are given.

use std::fmt;

use anyhow::Context;
use siding_client::neighbor::Neighbor;

use crate::state::daemon::Daemon;
use crate::state::daemon::Free;
use crate::state::page::Page;
use crate::state::page::table;
use crate::state::setting::Among;
use crate::state::setting::Setting;
use crate::state::setting::Slot;

/// A neighbour that nothing changes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct StaticNeighbor(pub(crate) Neighbor);

impl Setting for StaticNeighbor {
    fn slot(&self) -> Slot {
        Slot::among("neighbor", &self.0.interface, Among::Address(self.0.address))
    }

    fn on(&self) -> Vec<&str> {
        vec![&self.0.interface]
    }

    fn place(&self) -> String {
        format!("the neighbor {}", self.0.address)
    }

    fn say(&self, page: &mut Page) {
        let Neighbor { interface, address, mac } = &self.0;
        page.push(
            "neighbor",
            table([
                ("interface", interface.clone().into()),
                ("address", address.to_string().into()),
                ("mac", mac.0.to_string().into()),
            ]),
        );
    }

    fn apply(&self, daemon: &Daemon, ctx: &mut Free<'_>) -> anyhow::Result<()> {
        let Neighbor { interface, address, mac } = &self.0;
        let id = daemon.interface(interface)?;
        daemon.stack.add_neighbor(ctx, id, *address, mac.0).with_context(|| interface.clone())
    }

    fn replaces(&self, _before: &StaticNeighbor) -> bool {
        false
    }

    fn withdraw(&self, daemon: &Daemon, ctx: &mut Free<'_>) -> anyhow::Result<()> {
        let id = daemon.interface(&self.0.interface)?;
        daemon.stack.flush_neighbors(ctx, id, |address| address == self.0.address);
        Ok(())
    }
}

impl fmt::Display for StaticNeighbor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Neighbor { interface, address, mac } = &self.0;
        write!(f, "{interface}: neighbor {address} at {}", mac.0)
    }
}
