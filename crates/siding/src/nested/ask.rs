//! Requests on VLANs, laggs and bridges, carried out.

use std::time::Duration;

use siding_client::Addressing as Said;

use super::check;
use super::make::BRIDGE;
use super::make::LAGG;
use super::make::Sort;
use super::make::VLAN;
use super::port::Port;
use super::port::Primary;
use super::setting::Lagged;
use crate::control::Answer;
use crate::control::BridgeAdd;
use crate::control::BridgeRequest;
use crate::control::LaggAdd;
use crate::control::LaggRequest;
use crate::control::VlanAdd;
use crate::control::VlanRequest;
use crate::means::addressing::Addressing;
use crate::nested::means::Nested;
use crate::state::daemon::Daemon;
use crate::state::daemon::Free;
use crate::state::setting::Any;

/// What a request comes to.
pub(crate) enum Asked {
    /// It is carried out.
    Done(Answer),
    /// This is to be made, with all that the configuration says of one of its name.
    Wanted(Box<Nested>),
}

impl Daemon {
    pub(crate) fn ask_vlan(&self, ctx: &mut Free<'_>, request: VlanRequest) -> anyhow::Result<Asked> {
        Ok(Asked::Done(match request {
            VlanRequest::Show {} => Answer::Vlans(self.show_vlans()),
            VlanRequest::Add(VlanAdd { vlan, addressing }) => {
                return wanted(Nested::Vlan(check::vlan(vlan)?), &addressing);
            }
            VlanRequest::Delete { name, timeout_ms } => self.ask_delete(ctx, &name, &VLAN, timeout_ms)?,
        }))
    }

    pub(crate) fn ask_lagg(&self, ctx: &mut Free<'_>, request: LaggRequest) -> anyhow::Result<Asked> {
        match request {
            LaggRequest::Show {} => return Ok(Asked::Done(Answer::Laggs(self.show_laggs(ctx)))),
            LaggRequest::Add(LaggAdd { lagg, addressing }) => {
                return wanted(Nested::Lagg(check::lagg(lagg)?), &addressing);
            }
            LaggRequest::Delete { name, timeout_ms } => {
                return self.ask_delete(ctx, &name, &LAGG, timeout_ms).map(Asked::Done);
            }
            LaggRequest::AddPort { lagg, port, priority } => {
                self.lagg_add_port(ctx, &lagg, &port, priority)?;
                let laggs = self.stack.laggs(ctx);
                let ports = laggs.iter().filter(|there| there.name == lagg).flat_map(|there| &there.ports);
                let priority = ports.into_iter().find(|there| there.name == port).map(|there| there.priority);
                self.note(Port { owner: lagg, port, priority });
            }
            LaggRequest::RemovePort { lagg, port } => {
                let removed = self.lagg_remove_port(ctx, &lagg, &port);
                self.removed(removed, is_port(&lagg, &port))?;
            }
            LaggRequest::SetPrimary { lagg, port } => {
                self.lagg_set_primary(ctx, &lagg, port.as_deref())?;
                match port {
                    Some(port) => self.note(Primary { lagg, port }),
                    None => self.unnote(|there| there.is(|primary: &Primary| primary.lagg == lagg)),
                }
            }
            LaggRequest::SetMac { lagg, mac } => {
                self.lagg_set_mac(ctx, &lagg, mac.0)?;
                if let Some(there) = self.maker(&lagg).as_ref().and_then(Any::get::<Lagged>) {
                    self.note(there.with_mac(mac.0));
                }
            }
        }
        Ok(Asked::Done(Answer::Done))
    }

    pub(crate) fn ask_bridge(&self, ctx: &mut Free<'_>, request: BridgeRequest) -> anyhow::Result<Asked> {
        Ok(Asked::Done(match request {
            BridgeRequest::Show {} => Answer::Bridges(self.show_bridges()),
            BridgeRequest::Add(BridgeAdd { bridge, addressing }) => {
                return wanted(Nested::Bridge(check::bridge(bridge)?), &addressing);
            }
            BridgeRequest::Delete { name, timeout_ms } => self.ask_delete(ctx, &name, &BRIDGE, timeout_ms)?,
            BridgeRequest::AddPort { bridge, port } => {
                self.bridge_add_port(ctx, &bridge, &port)?;
                self.note(Port { owner: bridge, port, priority: None });
                Answer::Done
            }
            BridgeRequest::RemovePort { bridge, port } => {
                let removed = self.bridge_remove_port(ctx, &bridge, &port);
                self.removed(removed, is_port(&bridge, &port))?;
                Answer::Done
            }
            BridgeRequest::Flush { bridge, port } => {
                Answer::Flushed(self.bridge_flush(&bridge, port.as_deref())?)
            }
        }))
    }

    fn ask_delete(
        &self,
        ctx: &mut Free<'_>,
        name: &str,
        what: &Sort,
        timeout_ms: u64,
    ) -> anyhow::Result<Answer> {
        let took = self.delete_nested(ctx, name, what, Duration::from_millis(timeout_ms));
        let took = took.inspect_err(|_| self.waive(|owed| owed.on().contains(&name)))?;
        Ok(Answer::Detached { took_ns: u64::try_from(took.as_nanos()).unwrap_or(u64::MAX) })
    }
}

/// What is asked for, with its addresses.
fn wanted(mut nested: Nested, said: &Said) -> anyhow::Result<Asked> {
    *nested.addressing_mut() = Addressing::asked(said)?;
    Ok(Asked::Wanted(Box::new(nested)))
}

/// A port, and that it is the one preferred.
fn is_port<'r>(owner: &'r str, port: &'r str) -> impl Fn(&Any) -> bool + 'r {
    move |there| {
        there.is(|there: &Port| there.owner == owner && there.port == port)
            || there.is(|there: &Primary| there.lagg == owner && there.port == port)
    }
}
