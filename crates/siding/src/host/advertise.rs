//! Advertising as a router: begin, cease, take leave before the interface goes.

use std::thread;
use std::time::Duration;
use std::time::Instant;

use anyhow::anyhow;
use siding_netisr::IfId;
use siding_stack::AdvertiseError;
use siding_stack::ifnet::IfCounter;
use siding_stack::nd6::router::AdvertConfig;
use siding_stack::nd6::router::AdvertiserReport;
use siding_stack::nd6::router::schedule::Phase;
use siding_wire::nd::INFINITE;
use siding_wire::nd::PrefixInfo;

use super::setting::Advertises;
use crate::control::AdvertiserRow;
use crate::control::Answer;
use crate::means::advertise;
use crate::means::advertise::Advertise;
use crate::means::meant::Advertised;
use crate::state::daemon::Daemon;
use crate::state::daemon::Free;

/// How long a farewell may take: it keeps 3 s apart from the advertisement before it (RFC 4861 s6.2.6).
const FAREWELL: Duration = Duration::from_millis(3500);

/// Between two looks whether it has been said.
const LOOK: Duration = Duration::from_millis(2);

impl Daemon {
    /// Advertises on an interface, or something else than before.
    pub(crate) fn start_advertising(
        &self,
        ctx: &mut Free<'_>,
        name: &str,
        advertise: AdvertConfig,
    ) -> anyhow::Result<()> {
        let id = self.interface(name)?;
        self.stack.start_advertising(ctx, id, advertise).map_err(|error| anyhow!("{name}: {error}"))?;
        self.log.command(format_args!("{name}: advertises this router"));
        Ok(())
    }

    /// The same, as somebody asks for it.
    pub(crate) fn ask_advertising(
        &self,
        ctx: &mut Free<'_>,
        on: String,
        said: Advertise,
    ) -> anyhow::Result<Answer> {
        let id = self.interface(&on)?;
        let mtu = self.stack.config().interface(id).map_or(u16::MAX, |interface| interface.mtu);
        let means = advertise::resolve(&said, mtu).map_err(|fault| anyhow!("{on}: {}", fault.message))?;
        self.start_advertising(ctx, &on, means.clone())?;
        self.note(Advertises { on, advertise: Advertised { said, means } });
        Ok(Answer::Done)
    }

    /// Ceases to advertise, as somebody asks for it.
    pub(crate) fn ask_no_advertising(&self, ctx: &mut Free<'_>, on: &str) -> anyhow::Result<Answer> {
        let ceased = self.stop_advertising(ctx, on);
        self.removed(ceased, |there| there.is(|tells: &Advertises| tells.on == on)).map(|()| Answer::Done)
    }

    /// Ceases to advertise: the farewells go out by themselves.
    pub(crate) fn stop_advertising(&self, ctx: &mut Free<'_>, name: &str) -> anyhow::Result<()> {
        let id = self.interface(name)?;
        self.stack.stop_advertising(ctx, id).map_err(|error| match error {
            AdvertiseError::NotAdvertising => {
                anyhow!("{name} does not advertise: `siding advertise show` lists those that do")
            }
            error => anyhow!("{name}: {error}"),
        })?;
        self.log.command(format_args!("{name}: ceases to advertise"));
        Ok(())
    }

    /// Has interfaces say farewell to who relies on them, and waits until that has left; to be called before they go,
    /// when nothing can be sent any more: to hosts by our advertisements, then to partners in LACP, whose links may be what
    /// those go by.
    //= RFC 4861 s6.2.5 [4861-11]: hosts are told, rather than left to find out, also when the program ends.
    pub(crate) fn say_farewell(&self, ctx: &mut Free<'_>, interfaces: &[IfId]) {
        for id in interfaces {
            // One that does not advertise owes nothing.
            let _ = self.stack.suspend_advertising(ctx, *id);
        }
        self.stack.leave_groups(ctx, interfaces);
        self.wait_for_farewells();
        self.stack.leave_partners(ctx, interfaces);
        self.wait_for_farewells();
    }

    fn wait_for_farewells(&self) {
        let begun = Instant::now();
        while !self.stack.has_said_farewell() && begun.elapsed() < FAREWELL {
            thread::sleep(LOOK);
        }
    }

    pub(crate) fn show_advertisers(&self, ctx: &mut Free<'_>) -> Vec<AdvertiserRow> {
        self.stack.advertisers(ctx).into_iter().map(|report| self.advertiser(report)).collect()
    }

    fn advertiser(&self, report: AdvertiserReport) -> AdvertiserRow {
        let config = &report.config;
        let counters = |counter| {
            let config = self.stack.config();
            config.interface(report.interface).map_or(0, |there| there.ifnet.counters.of(counter))
        };
        let usual = config.max_interval.as_secs() * 3;
        let lifetime = |lifetime: Option<u32>| match lifetime {
            Some(INFINITE) => "infinite".to_owned(),
            Some(lifetime) => format!("{lifetime} s"),
            None => format!("{usual} s"),
        };
        let mut tells: Vec<String> = report.prefixes.iter().map(prefix).collect();
        if report.messages > 1 {
            tells.push(format!("in {} messages, 3 s apart", report.messages));
        }
        for route in &config.routes {
            tells.push(format!(
                "route {}, preference {:?}, {}",
                route.prefix,
                route.preference,
                lifetime(route.lifetime)
            ));
        }
        for rdnss in &config.rdnss {
            let servers: Vec<String> = rdnss.servers.iter().map(ToString::to_string).collect();
            tells.push(format!("DNS servers {}, {}", servers.join(" "), lifetime(rdnss.lifetime)));
        }
        for dnssl in &config.dnssl {
            tells.push(format!("DNS search list {}, {}", dnssl.domains.join(" "), lifetime(dnssl.lifetime)));
        }
        for nat64 in &config.nat64 {
            tells.push(format!("NAT64 prefix {}, {}", nat64.prefix, lifetime(nat64.lifetime)));
        }
        tells.extend(config.mtu.map(|mtu| format!("MTU {mtu} bytes")));
        tells.extend(config.captive_portal.as_ref().map(|uri| format!("captive portal {uri}")));
        AdvertiserRow {
            interface: self.name_of(report.interface),
            state: match report.phase {
                Phase::Advertising if report.source.is_none() => "waits for a link-local address".into(),
                Phase::Advertising => "advertising".into(),
                Phase::Ceasing(_) | Phase::Ceased => "ceasing".into(),
                Phase::Suspending | Phase::Suspended => "suspended".into(),
            },
            source: report.source,
            lifetime: config.default_lifetime().as_secs(),
            preference: format!("{:?}", config.preference).to_lowercase(),
            min_interval_ms: u64::try_from(config.min_interval().as_millis()).unwrap_or(u64::MAX),
            max_interval_ms: u64::try_from(config.max_interval.as_millis()).unwrap_or(u64::MAX),
            next_ms: report.next.map(|next| u64::try_from(next.as_millis()).unwrap_or(u64::MAX)),
            sent: report.sent,
            solicitations: counters(IfCounter::RsIn),
            audience: config.audience.to_string(),
            managed: config.managed,
            other: config.other_config,
            hop_limit: config.hop_limit,
            reachable_time_ms: u64::try_from(config.reachable_time.as_millis()).unwrap_or(u64::MAX),
            retrans_timer_ms: u64::try_from(config.retrans_timer.as_millis()).unwrap_or(u64::MAX),
            tells,
        }
    }
}

fn prefix(info: &PrefixInfo) -> String {
    let seconds = |lifetime: u32| match lifetime {
        INFINITE => "for ever".to_owned(),
        lifetime => format!("for {lifetime} s"),
    };
    let flags = [
        (info.on_link, "on-link"),
        (info.autonomous, "autonomous"),
        (info.router_address.is_some(), "router-address"),
    ];
    let flags: Vec<&str> = flags.into_iter().filter(|(set, _)| *set).map(|(_, name)| name).collect();
    let (valid, preferred) = (seconds(info.valid), seconds(info.preferred));
    format!(
        "prefix {}/{} {}, valid {valid}, preferred {preferred}",
        info.prefix,
        info.prefix_len,
        flags.join(" ")
    )
}
