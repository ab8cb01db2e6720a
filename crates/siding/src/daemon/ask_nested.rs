//! Requests on VLANs, laggs and bridges, carried out.

use std::time::Duration;

use crate::config::Nested;
use crate::control::Answer;
use crate::control::BridgeRequest;
use crate::control::LaggRequest;
use crate::control::VlanRequest;
use crate::nested::asked;
use crate::nested::make::BRIDGE;
use crate::nested::make::LAGG;
use crate::nested::make::VLAN;
use crate::state::daemon::Daemon;
use crate::state::daemon::Free;

impl Daemon {
    pub(super) fn ask_vlan(&self, ctx: &mut Free<'_>, request: VlanRequest) -> anyhow::Result<Answer> {
        match request {
            VlanRequest::Show {} => Ok(Answer::Vlans(self.show_vlans())),
            VlanRequest::Add(add) => {
                let nested = Nested::Vlan(asked::vlan(add).map_err(anyhow::Error::msg)?);
                self.add_nested_by_hand(ctx, nested)?;
                Ok(Answer::Done)
            }
            VlanRequest::Delete { name, timeout_ms } => {
                let timeout = Duration::from_millis(timeout_ms);
                self.delete_nested(ctx, &name, &VLAN, timeout).map(detached)
            }
        }
    }

    pub(super) fn ask_lagg(&self, ctx: &mut Free<'_>, request: LaggRequest) -> anyhow::Result<Answer> {
        match request {
            LaggRequest::Show {} => return Ok(Answer::Laggs(self.show_laggs(ctx))),
            LaggRequest::Add(add) => {
                let nested = Nested::Lagg(asked::lagg(add).map_err(anyhow::Error::msg)?);
                self.add_nested_by_hand(ctx, nested)?;
            }
            LaggRequest::Delete { name, timeout_ms } => {
                let timeout = Duration::from_millis(timeout_ms);
                return self.delete_nested(ctx, &name, &LAGG, timeout).map(detached);
            }
            LaggRequest::AddPort { lagg, port, priority } => {
                self.lagg_add_port(ctx, &lagg, &port, priority)?;
            }
            LaggRequest::RemovePort { lagg, port } => self.lagg_remove_port(ctx, &lagg, &port)?,
            LaggRequest::SetPrimary { lagg, port } => self.lagg_set_primary(ctx, &lagg, port.as_deref())?,
            LaggRequest::SetMac { lagg, mac } => self.lagg_set_mac(ctx, &lagg, mac.0)?,
        }
        Ok(Answer::Done)
    }

    pub(crate) fn ask_bridge(&self, ctx: &mut Free<'_>, request: BridgeRequest) -> anyhow::Result<Answer> {
        match request {
            BridgeRequest::Show {} => return Ok(Answer::Bridges(self.show_bridges())),
            BridgeRequest::Add(add) => {
                let nested = Nested::Bridge(asked::bridge(add).map_err(anyhow::Error::msg)?);
                self.add_nested_by_hand(ctx, nested)?;
            }
            BridgeRequest::Delete { name, timeout_ms } => {
                let timeout = Duration::from_millis(timeout_ms);
                return self.delete_nested(ctx, &name, &BRIDGE, timeout).map(detached);
            }
            BridgeRequest::AddPort { bridge, port } => {
                self.bridge_add_port(ctx, &bridge, &port)?;
            }
            BridgeRequest::RemovePort { bridge, port } => {
                self.bridge_remove_port(ctx, &bridge, &port)?;
            }
            BridgeRequest::Flush { bridge, port } => {
                return self.bridge_flush(&bridge, port.as_deref()).map(Answer::Flushed);
            }
        }
        Ok(Answer::Done)
    }
}

fn detached(took: Duration) -> Answer {
    Answer::Detached { took_ns: u64::try_from(took.as_nanos()).unwrap_or(u64::MAX) }
}
