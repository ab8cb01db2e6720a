//! Bridges: made, changed, shown.

use std::time::Duration;

use anyhow::Context;
use siding_netisr::IfId;
use siding_stack::BridgeError;
use siding_stack::BridgeReport;
use siding_stack::BridgeSpec;
use siding_stack::ifnet::Kind;

use super::ask_nested::addressing;
use super::ask_nested::detached;
use super::state::Daemon;
use super::state::Free;
use super::state::name_in;
use crate::config::BridgeConfig;
use crate::config::Nested;
use crate::config::nested::MOST_AGEING;
use crate::config::value;
use crate::control::Answer;
use crate::control::BridgeAdd;
use crate::control::BridgePortRow;
use crate::control::BridgeRequest;
use crate::control::BridgeRow;
use crate::control::StationRow;

impl Daemon {
    pub(super) fn ask_bridge(&self, ctx: &mut Free<'_>, request: BridgeRequest) -> anyhow::Result<Answer> {
        match request {
            BridgeRequest::Show {} => return Ok(Answer::Bridges(self.show_bridges())),
            BridgeRequest::Add(add) => {
                let nested = Nested::Bridge(bridge(add).map_err(anyhow::Error::msg)?);
                self.add_nested_by_hand(ctx, nested)?;
            }
            BridgeRequest::Delete { name, timeout_ms } => {
                let is_it = |kind: &Kind| matches!(kind, Kind::Bridge(_));
                let timeout = Duration::from_millis(timeout_ms);
                return self.delete_nested(ctx, &name, is_it, "bridge", timeout).map(detached);
            }
            BridgeRequest::AddPort { bridge, port } => {
                self.bridge_add_port(ctx, &bridge, &port)?;
            }
            BridgeRequest::RemovePort { bridge, port } => {
                self.bridge_remove_port(ctx, &bridge, &port)?;
            }
            BridgeRequest::Flush { bridge, port } => {
                let report = self.bridge(&bridge)?;
                let port = port.map(|port| port_of(&report, &port)).transpose()?;
                let flushed = self.stack.bridge_flush(report.id, port);
                return flushed.map(Answer::Flushed).map_err(|error| self.explain_bridge(error));
            }
        }
        Ok(Answer::Done)
    }

    pub(super) fn add_bridge(&self, ctx: &mut Free<'_>, config: &BridgeConfig) -> anyhow::Result<IfId> {
        let name = &config.spec.name;
        // Looked up first: a bridge whose ports are not there is not to be made.
        let ports = config.ports.iter().map(|port| self.interface(port));
        let ports = ports.collect::<anyhow::Result<Vec<_>>>()?;
        let id = self.stack.add_bridge(ctx, config.spec.clone())?;
        self.log.name(id, name);
        for port in ports {
            if let Err(error) = self.stack.bridge_add_port(ctx, id, port) {
                // Half a bridge is worse than none.
                self.detach(ctx, name, Duration::from_secs(10))?;
                return Err(self.explain_bridge(error));
            }
        }
        Ok(id)
    }

    /// Gives a bridge other settings.
    pub(crate) fn tune_bridge(
        &self,
        ctx: &mut Free<'_>,
        spec: &BridgeSpec,
        before: &BridgeSpec,
    ) -> anyhow::Result<()> {
        let report = self.bridge(&spec.name)?;
        self.stack.bridge_tune(ctx, report.id, spec.clone()).map_err(|error| self.explain_bridge(error))?;
        if let Some(mac) = spec.mac.filter(|mac| before.mac != Some(*mac)) {
            self.stack.set_mac(ctx, report.id, mac).map_err(|error| self.named(report.id, error))?;
        }
        Ok(())
    }

    pub(crate) fn bridge_add_port(&self, ctx: &mut Free<'_>, bridge: &str, port: &str) -> anyhow::Result<()> {
        let report = self.bridge(bridge)?;
        let port = self.interface(port)?;
        self.stack.bridge_add_port(ctx, report.id, port).map_err(|error| self.explain_bridge(error))
    }

    pub(crate) fn bridge_remove_port(
        &self,
        ctx: &mut Free<'_>,
        bridge: &str,
        port: &str,
    ) -> anyhow::Result<()> {
        let report = self.bridge(bridge)?;
        let removed = self.stack.bridge_remove_port(ctx, report.id, port_of(&report, port)?);
        removed.map_err(|error| self.explain_bridge(error))
    }

    fn show_bridges(&self) -> Vec<BridgeRow> {
        let config = self.stack.config();
        let row = |report: BridgeReport| BridgeRow {
            link: config.interface(report.id).is_some_and(|there| there.link),
            mac: report.mac.to_string(),
            ageing_s: report.ageing.as_secs(),
            limit: report.limit,
            forwarded: report.forwarded,
            flooded: report.flooded,
            moved: report.moved,
            refused: report.refused,
            stations: report
                .stations
                .iter()
                .map(|station| StationRow {
                    mac: station.mac.to_string(),
                    port: name_in(&config, station.port),
                    age_ms: u64::try_from(station.age.as_millis()).unwrap_or(u64::MAX),
                    wanted: station.wanted,
                })
                .collect(),
            ports: report
                .ports
                .into_iter()
                .map(|port| BridgePortRow {
                    name: port.name,
                    forwarding: port.forwarding,
                    stations: port.stations,
                })
                .collect(),
            name: report.name,
        };
        self.stack.bridges().into_iter().map(row).collect()
    }

    /// The bridge of this name.
    fn bridge(&self, name: &str) -> anyhow::Result<BridgeReport> {
        self.interface(name)?;
        let bridges = self.stack.bridges();
        let names: Vec<String> = bridges.iter().map(|bridge| bridge.name.clone()).collect();
        bridges.into_iter().find(|bridge| bridge.name == name).with_context(|| match names.is_empty() {
            true => format!("'{name}' is no bridge: there are none; `siding bridge add` makes one"),
            false => format!("'{name}' is no bridge: there are {}", names.join(", ")),
        })
    }

    /// An error with names for identities.
    fn explain_bridge(&self, error: BridgeError) -> anyhow::Error {
        match error {
            BridgeError::NoInterface(id) => {
                anyhow::anyhow!("interface '{}' has just been detached", self.name_of(id))
            }
            error => error.into(),
        }
    }
}

fn port_of(report: &BridgeReport, name: &str) -> anyhow::Result<IfId> {
    let port = report.ports.iter().find(|port| port.name == name);
    port.map(|port| port.id).with_context(|| {
        let names: Vec<&str> = report.ports.iter().map(|port| port.name.as_str()).collect();
        match names.is_empty() {
            true => format!("'{name}' is no port of '{}': it has none", report.name),
            false => format!("'{name}' is no port of '{}': its ports are {}", report.name, names.join(", ")),
        }
    })
}

/// A bridge as asked for, checked as one of a file is.
fn bridge(add: BridgeAdd) -> Result<BridgeConfig, String> {
    value::interface_name(&add.name)?;
    let mut spec = BridgeSpec::new(&add.name);
    if let Some(mac) = add.mac {
        value::station(mac.0)?;
        spec.mac = Some(mac.0);
    }
    if let Some(mtu) = add.mtu {
        value::mtu(mtu)?;
        spec.mtu = mtu;
    }
    if let Some(ageing) = add.ageing_s {
        if ageing > MOST_AGEING {
            return Err(format!("{ageing} seconds: give 0 to {MOST_AGEING}"));
        }
        spec.ageing = Duration::from_secs(ageing);
    }
    spec.stations = add.stations.unwrap_or(spec.stations);
    Ok(BridgeConfig { spec, ports: add.ports, addressing: addressing(add.addressing)? })
}
