//! Bridges: made, changed, shown.

use std::time::Duration;

use anyhow::Context;
use siding_netisr::IfId;
use siding_stack::BridgeError;
use siding_stack::BridgeReport;
use siding_stack::BridgeSpec;

use crate::control::BridgePortRow;
use crate::control::BridgeRow;
use crate::control::StationRow;
use crate::nested::means::BridgeConfig;
use crate::state::daemon::Daemon;
use crate::state::daemon::Free;
use crate::state::daemon::name_in;

impl Daemon {
    pub(crate) fn add_bridge(&self, ctx: &mut Free<'_>, config: &BridgeConfig) -> anyhow::Result<IfId> {
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

    pub(crate) fn show_bridges(&self) -> Vec<BridgeRow> {
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

    /// Forgets the stations of a bridge, or of one of its ports; how many there were.
    pub(crate) fn bridge_flush(&self, bridge: &str, port: Option<&str>) -> anyhow::Result<usize> {
        let report = self.bridge(bridge)?;
        let port = port.map(|port| port_of(&report, port)).transpose()?;
        self.stack.bridge_flush(report.id, port).map_err(|error| self.explain_bridge(error))
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
