//! Neighbours, as somebody asks for them.

use std::net::IpAddr;

use siding_client::neighbor::Neighbor;
use siding_netisr::IfId;

use super::setting::StaticNeighbor;
use crate::control::Answer;
use crate::state::daemon::Daemon;
use crate::state::daemon::Free;

impl Daemon {
    /// Adds a neighbour that stays.
    pub(crate) fn ask_neighbor(&self, ctx: &mut Free<'_>, neighbor: Neighbor) -> anyhow::Result<Answer> {
        self.put(ctx, StaticNeighbor(neighbor)).map(|()| Answer::Done)
    }

    /// Forgets neighbours: of an interface or of all, one of them or all.
    pub(crate) fn flush_neighbors(
        &self,
        ctx: &mut Free<'_>,
        interface: Option<&str>,
        address: Option<IpAddr>,
    ) -> anyhow::Result<Answer> {
        let on: Vec<IfId> = match interface {
            Some(name) => vec![self.interface(name)?],
            None => self.stack.config().interfaces().map(|there| there.ifnet.id).collect(),
        };
        let goes = |addr| address.is_none_or(|address| address == addr);
        let flushed = on.into_iter().map(|id| self.stack.flush_neighbors(ctx, id, goes)).sum();
        self.unnote(|there| {
            there.is(|StaticNeighbor(there): &StaticNeighbor| {
                interface.is_none_or(|name| name == there.interface) && goes(there.address)
            })
        });
        Ok(Answer::Flushed(flushed))
    }
}
