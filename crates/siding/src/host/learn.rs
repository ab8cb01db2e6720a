//! Interfaces as hosts: begun and ended, shown, and made to forget.

use std::collections::HashMap;

use anyhow::bail;
use siding_netisr::IfId;
use siding_stack::ifnet::Unfit;
use siding_stack::nd6::host::HostConfig;
use siding_stack::nd6::host::PrefixReport;
use siding_stack::nd6::host::RouterReport;
use siding_wire::nd::Preference;

use crate::address::setting::NoDetection;
use crate::control::Answer;
use crate::control::HostRequest;
use crate::control::PrefixRow;
use crate::control::RouterRow;
use crate::host::setting::Learns;
use crate::means::autoconf;
use crate::means::meant::Learnt;
use crate::state::daemon::Daemon;
use crate::state::daemon::Free;

impl Daemon {
    pub(crate) fn ask_host(&self, ctx: &mut Free<'_>, request: HostRequest) -> anyhow::Result<Answer> {
        match request {
            HostRequest::ShowRouters {} => return Ok(Answer::Routers(self.show_routers(ctx))),
            HostRequest::ShowPrefixes {} => return Ok(Answer::Prefixes(self.show_prefixes(ctx))),
            HostRequest::FlushRouters { interface } => {
                let on = self.meant(interface)?;
                return Ok(Answer::Flushed(on.into_iter().map(|id| self.stack.flush_routers(ctx, id)).sum()));
            }
            HostRequest::FlushPrefixes { interface } => {
                let on = self.meant(interface)?;
                return Ok(Answer::Flushed(
                    on.into_iter().map(|id| self.stack.flush_prefixes(ctx, id)).sum(),
                ));
            }
            HostRequest::Start { interface, autoconf } => {
                let id = self.interface(&interface)?;
                let means = autoconf::resolve(&autoconf, self.detects(&interface))
                    .map_err(|why| self.named(id, why))?;
                self.start_autoconf(ctx, id, means.clone())?;
                self.note(Learns { on: interface, autoconf: Learnt { said: *autoconf, means } });
            }
            HostRequest::Stop { interface } => {
                let ended = self.interface(&interface);
                let ended = ended.and_then(|id| self.start_autoconf(ctx, id, HostConfig::off()));
                self.removed(ended, |there| there.is(|learns: &Learns| learns.on == interface))?;
            }
            HostRequest::Restart { interface } => {
                let id = self.interface(&interface)?;
                self.stack.restart(ctx, id)?;
                self.log.command(format_args!("{interface}: begins anew"));
            }
            HostRequest::Ready { interface } => {
                let id = self.interface(&interface)?;
                if let Some(why @ Unfit::Stopped(_)) = self.stack.unfit(id) {
                    bail!("{interface}: {why}: give one of the two another `mac`, then restart it again");
                }
                return Ok(Answer::Ready(self.stack.is_ready(id)));
            }
        }
        Ok(Answer::Done)
    }

    /// Whether the interface looks for duplicates, as far as somebody has said.
    fn detects(&self, name: &str) -> bool {
        self.first(|there| there.is(|none: &NoDetection| none.on == name)).is_none()
    }

    /// Sets how an interface behaves as a host.
    pub(crate) fn start_autoconf(
        &self,
        ctx: &mut Free<'_>,
        id: IfId,
        config: HostConfig,
    ) -> anyhow::Result<()> {
        self.stack.set_autoconf(ctx, id, config).map_err(|error| self.named(id, error))
    }

    fn show_routers(&self, ctx: &mut Free<'_>) -> Vec<RouterRow> {
        let states: HashMap<_, _> = self
            .stack
            .neighbors(ctx)
            .into_iter()
            .map(|neighbor| ((neighbor.interface, neighbor.addr), neighbor.state.to_string()))
            .collect();
        let row = |report: RouterReport| RouterRow {
            interface: self.name_of(report.interface),
            address: report.addr,
            prefix: report.prefix.to_string(),
            preference: preference(report.preference).into(),
            lifetime_s: report.lifetime.map(|left| left.as_secs()),
            used: report.used,
            neighbor: states.get(&(report.interface, report.addr.into())).cloned(),
        };
        self.stack.default_routers(ctx).into_iter().map(row).collect()
    }

    fn show_prefixes(&self, ctx: &mut Free<'_>) -> Vec<PrefixRow> {
        let row = |report: PrefixReport| {
            let (preferred, valid) =
                report.address.map_or((None, None), |(_, preferred, valid)| (preferred, valid));
            PrefixRow {
                interface: self.name_of(report.interface),
                prefix: report.prefix.to_string(),
                on_link: report.on_link.is_some(),
                on_link_s: report.on_link.flatten().map(|left| left.as_secs()),
                address: report.address.map(|(address, ..)| address),
                preferred_s: preferred.map(|left| left.as_secs()),
                valid_s: valid.map(|left| left.as_secs()),
            }
        };
        self.stack.prefixes(ctx).into_iter().map(row).collect()
    }

    /// The interface of this name, or all.
    fn meant(&self, interface: Option<String>) -> anyhow::Result<Vec<IfId>> {
        match interface {
            Some(name) => Ok(vec![self.interface(&name)?]),
            None => Ok(self.stack.config().interfaces().map(|there| there.ifnet.id).collect()),
        }
    }
}

fn preference(preference: Preference) -> &'static str {
    match preference {
        Preference::Low => "low",
        Preference::Medium => "medium",
        Preference::High => "high",
    }
}
