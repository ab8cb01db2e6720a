//! Laggs: made, changed, shown.

use anyhow::Context;
use siding_netisr::IfId;
use siding_stack::LacpPortReport;
use siding_stack::LacpReport;
use siding_stack::LaggError;
use siding_stack::LaggReport;
use siding_stack::Mode;
use siding_stack::lagg::lacp::Activity;
use siding_stack::lagg::lacp::Rate;
use siding_wire::Mac;
use siding_wire::lacp::LacpInfo;
use siding_wire::lacp::LacpSystem;

use crate::control::LacpEndRow;
use crate::control::LacpPortRow;
use crate::control::LacpRow;
use crate::control::LaggPortRow;
use crate::control::LaggRow;
use crate::nested::means;
use crate::nested::means::LaggConfig;
use crate::state::daemon::Daemon;
use crate::state::daemon::Free;

impl Daemon {
    pub(crate) fn add_lagg(&self, ctx: &mut Free<'_>, config: &LaggConfig) -> anyhow::Result<IfId> {
        let name = &config.spec.name;
        // Looked up first: a lagg whose ports are not there is not to be made.
        let ports = config.ports.iter().map(|(port, priority)| Ok((self.interface(port)?, *priority)));
        let ports = ports.collect::<anyhow::Result<Vec<_>>>()?;
        let id = self.stack.add_lagg(ctx, config.spec.clone())?;
        self.log.name(id, name);
        let filled = self.fill(ctx, id, &ports, config);
        filled.or_else(|error| {
            // Half a lagg is worse than none.
            self.detach(ctx, name, std::time::Duration::from_secs(10))?;
            Err(error)
        })?;
        Ok(id)
    }

    fn fill(
        &self,
        ctx: &mut Free<'_>,
        id: IfId,
        ports: &[(IfId, u16)],
        config: &LaggConfig,
    ) -> anyhow::Result<()> {
        // Before there are ports: the primary is to be the first in use.
        for (port, priority) in ports {
            self.stack.lagg_add_port(ctx, id, *port, *priority).map_err(|error| self.explain(error))?;
            if config.primary.as_deref() == Some(self.name_of(*port).as_str()) {
                self.stack.lagg_set_primary(ctx, id, Some(*port))?;
            }
        }
        Ok(())
    }

    /// Adds a port; without a priority, it ranks behind those that are there.
    pub(crate) fn lagg_add_port(
        &self,
        ctx: &mut Free<'_>,
        lagg: &str,
        port: &str,
        priority: Option<u16>,
    ) -> anyhow::Result<()> {
        let report = self.lagg(ctx, lagg)?;
        let id = self.interface(port)?;
        let given = report.ports.iter().map(|port| port.priority);
        let behind = match report.mode {
            Mode::Lacp => given.max().map(|last| last.saturating_add(1)),
            _ => given.min().map(|last| last.saturating_sub(1)),
        };
        let usual = behind.unwrap_or_else(|| means::priority(report.mode, 0));
        let added = self.stack.lagg_add_port(ctx, report.id, id, priority.unwrap_or(usual));
        added.map_err(|error| self.explain(error))
    }

    /// Removes a port.
    pub(crate) fn lagg_remove_port(&self, ctx: &mut Free<'_>, lagg: &str, port: &str) -> anyhow::Result<()> {
        let report = self.lagg(ctx, lagg)?;
        let id = port_of(&report, port)?;
        self.stack.lagg_remove_port(ctx, report.id, id).map_err(|error| self.explain(error))
    }

    /// Prefers a port, or none.
    pub(crate) fn lagg_set_primary(
        &self,
        ctx: &mut Free<'_>,
        lagg: &str,
        port: Option<&str>,
    ) -> anyhow::Result<()> {
        let report = self.lagg(ctx, lagg)?;
        let port = port.map(|port| port_of(&report, port)).transpose()?;
        self.stack.lagg_set_primary(ctx, report.id, port).map_err(|error| self.explain(error))
    }

    /// Gives a lagg another address.
    pub(crate) fn lagg_set_mac(&self, ctx: &mut Free<'_>, lagg: &str, mac: Mac) -> anyhow::Result<()> {
        let report = self.lagg(ctx, lagg)?;
        self.stack.lagg_set_mac(ctx, report.id, mac).map_err(|error| self.explain(error))
    }

    pub(crate) fn show_laggs(&self, ctx: &mut Free<'_>) -> Vec<LaggRow> {
        let config = self.stack.config();
        let row = |report: LaggReport| {
            let there = config.interface(report.id);
            LaggRow {
                mode: report.mode.name().to_owned(),
                link: there.is_some_and(|there| there.link),
                mac: there.map_or_else(String::new, |there| there.mac.to_string()),
                primary: report.primary.map(|port| self.name_of(port)),
                active: report.active.map(|port| self.name_of(port)),
                announced: report.announced,
                lacp: report.lacp.as_ref().map(lacp),
                ports: report
                    .ports
                    .into_iter()
                    .map(|port| LaggPortRow {
                        name: port.name,
                        priority: port.priority,
                        usable: port.usable,
                        sending: port.sending,
                        receiving: port.receiving,
                        leaving: port.leaving,
                        lacp: port.lacp.as_ref().map(lacp_port),
                    })
                    .collect(),
                name: report.name,
            }
        };
        self.stack.laggs(ctx).into_iter().map(row).collect()
    }

    /// The lagg of this name.
    fn lagg(&self, ctx: &mut Free<'_>, name: &str) -> anyhow::Result<LaggReport> {
        self.interface(name)?;
        let laggs = self.stack.laggs(ctx);
        let names: Vec<String> = laggs.iter().map(|lagg| lagg.name.clone()).collect();
        laggs.into_iter().find(|lagg| lagg.name == name).with_context(|| match names.is_empty() {
            true => format!("'{name}' is no lagg: there are none; `siding lagg add` makes one"),
            false => format!("'{name}' is no lagg: there are {}", names.join(", ")),
        })
    }

    /// An error with names for identities.
    fn explain(&self, error: LaggError) -> anyhow::Error {
        match error {
            LaggError::NoInterface(id) => {
                anyhow::anyhow!("interface '{}' has just been detached", self.name_of(id))
            }
            error => error.into(),
        }
    }
}

fn lacp(report: &LacpReport) -> LacpRow {
    let aggregator = report.aggregator.map(|id| format!("{} key {}", system(id.partner), id.partner_key));
    LacpRow {
        system: system(report.system),
        key: report.key,
        activity: match report.spec.activity {
            Activity::Active => "active".into(),
            Activity::Passive => "passive".into(),
        },
        rate: match report.spec.rate {
            Rate::Fast => "fast".into(),
            Rate::Slow => "slow".into(),
        },
        aggregator,
    }
}

fn lacp_port(report: &LacpPortReport) -> LacpPortRow {
    let end = |info: &LacpInfo| LacpEndRow {
        system: system(info.system),
        key: info.key,
        port: info.port,
        priority: info.port_priority,
        state: info.state.words().map(str::to_owned).collect(),
    };
    LacpPortRow {
        number: report.number,
        receive: report.receive.to_string(),
        mux: report.mux.to_string(),
        periodic: report.periodic.to_string(),
        selected: report.selected.to_string(),
        why: report.why.to_string(),
        actor: end(&report.actor),
        partner: end(&report.partner),
        received: report.counters.received,
        sent: report.counters.sent,
        ignored: report.counters.ignored,
        markers: report.counters.markers,
    }
}

fn system(system: LacpSystem) -> String {
    format!("{}/{}", system.priority, system.mac)
}

fn port_of(report: &LaggReport, name: &str) -> anyhow::Result<IfId> {
    let port = report.ports.iter().find(|port| port.name == name);
    port.map(|port| port.id).with_context(|| {
        let names: Vec<&str> = report.ports.iter().map(|port| port.name.as_str()).collect();
        match names.is_empty() {
            true => format!("'{name}' is no port of '{}': it has none", report.name),
            false => format!("'{name}' is no port of '{}': its ports are {}", report.name, names.join(", ")),
        }
    })
}
