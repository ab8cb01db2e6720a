//! The part of `docs/machines.md` about addresses that are made from prefixes.

use core::net::Ipv6Addr;
use core::time::Duration;

use siding_netisr::Instant;
use siding_wire::Mac;
use siding_wire::nd::INFINITE;
use siding_wire::nd::PrefixInfo;

use super::address::Phase;
use super::config::HostConfig;
use super::config::Identifier;
use super::event::HostEvent;
use super::slaac::Maker;
use super::slaac::Slaac;
use super::slaac::Step;
use crate::chance::Chance;
use crate::page::Table;
use crate::page::cell;

const T0: Instant = Instant::from_nanos(1_000_000_000);
const PREFIX: Ipv6Addr = Ipv6Addr::new(0x2001, 0xdb8, 0, 1, 0, 0, 0, 0);
const STATES: [&str; 5] = ["none", "testing", "preferred", "deprecated", "duplicate"];

fn info(preferred: u32, valid: u32) -> PrefixInfo {
    PrefixInfo {
        prefix: PREFIX,
        prefix_len: 64,
        on_link: true,
        autonomous: true,
        router_address: None,
        valid,
        preferred,
    }
}

/// Addresses of one prefix, with what steps them.
struct Bench {
    slaac: Slaac,
    config: HostConfig,
    chance: Chance,
    events: Vec<HostEvent>,
}

impl Bench {
    /// One in this state, advertised at [`T0`] as preferred for 100 s and valid for three hours.
    fn new(state: &str, identifier: Identifier) -> Bench {
        let config = HostConfig { identifier, ..HostConfig::default() };
        let mut bench = Bench { slaac: Slaac::default(), config, chance: Chance::new(1), events: Vec::new() };
        if state != "none" {
            bench.hear(T0, &info(100, 10_800));
        }
        match state {
            "preferred" | "deprecated" => bench.settle(T0, true),
            "duplicate" => bench.settle(T0, false),
            _ => {}
        }
        if state == "deprecated" {
            bench.hear(T0, &info(0, 10_800));
        }
        assert_eq!(bench.state(), state);
        bench.events.clear();
        bench
    }

    fn state(&self) -> &'static str {
        match self.slaac.iter().next() {
            None => "none",
            Some(own) => match own.phase {
                Phase::Testing => "testing",
                Phase::Failed | Phase::Again(_) => "duplicate",
                Phase::Ready if own.deprecated => "deprecated",
                Phase::Ready => "preferred",
            },
        }
    }

    fn hear(&mut self, now: Instant, info: &PrefixInfo) {
        let Bench { slaac, config, chance, events } = self;
        slaac.heard(info, None, maker(config), Step { now, chance, events }).unwrap();
    }

    fn settle(&mut self, now: Instant, passed: bool) {
        let Some(addr) = self.slaac.iter().next().map(|own| own.addr) else { return };
        let Bench { slaac, config, chance, events } = self;
        slaac.settled(addr, passed, maker(config), Step { now, chance, events });
    }

    fn time(&mut self, now: Instant) {
        let Bench { slaac, config, chance, events } = self;
        slaac.on_timer(maker(config), Step { now, chance, events }).unwrap();
    }
}

fn maker(config: &HostConfig) -> Maker<'_> {
    Maker {
        config,
        name: "em0",
        mac: Mac([2, 0, 0, 0, 0, 1]),
        secret: &[7; 16],
        detection: Duration::from_secs(1),
    }
}

pub(crate) fn section() -> String {
    let mut table = Table::new(&STATES.map(str::to_owned));
    let mut row = |name: &str, identifier: Identifier, event: &dyn Fn(&mut Bench)| {
        table.row(
            name,
            STATES.map(|state| {
                let mut bench = Bench::new(state, identifier.clone());
                let valid = |bench: &Bench| bench.slaac.iter().next().map(|own| own.valid_until);
                let before = valid(&bench);
                event(&mut bench);
                let mut did = Vec::new();
                let told: Vec<String> = bench.events.iter().map(|event| said(event).to_owned()).collect();
                did.extend(told.iter().map(String::as_str));
                let left = valid(&bench).filter(|after| Some(*after) != before).map(|until| match until {
                    Instant::NEVER => "valid for ever".to_owned(),
                    until => format!("valid for {} s", (until - T0).as_secs()),
                });
                did.extend(left.as_deref());
                cell(&state, &bench.state(), &did)
            }),
        );
    };
    let usual = || Identifier::Eui64;
    let hear = |preferred, valid| move |bench: &mut Bench| bench.hear(T0, &info(preferred, valid));
    row("advertised: preferred 100 s, valid 4 h", usual(), &hear(100, 14_400));
    row("advertised: preferred and valid for ever", usual(), &hear(INFINITE, INFINITE));
    row("advertised: preferred 0 s, valid 4 h", usual(), &hear(0, 14_400));
    row("advertised: preferred and valid 0 s", usual(), &hear(0, 0));
    row("advertised: preferred longer than valid", usual(), &hear(200, 100));
    row("advertised without the A flag", usual(), &|bench| {
        bench.hear(T0, &PrefixInfo { autonomous: false, ..info(100, 14_400) });
    });
    row("advertised with 56 bits", usual(), &|bench| {
        bench.hear(T0, &PrefixInfo { prefix_len: 56, ..info(100, 14_400) });
    });
    row("its test passes", usual(), &|bench| bench.settle(T0, true));
    row("somebody else has it", usual(), &|bench| bench.settle(T0, false));
    row("100 s later", usual(), &|bench| bench.time(T0 + Duration::from_secs(100)));
    row("three hours later", usual(), &|bench| bench.time(T0 + Duration::from_secs(10_800)));
    row("the link begins again", usual(), &|bench| bench.slaac.retest());
    row("all is flushed", usual(), &|bench| {
        let Bench { slaac, events, .. } = bench;
        slaac.flush(events);
    });
    format!(
        "## One address made from a prefix (`host::slaac`; RFC 4862 s5.5)\n\nIt was advertised as preferred for 100 s and valid for three \
         hours. With an identifier from the MAC: one from a secret (RFC 7217) is replaced by another when it is a duplicate, three times, a \
         second later.\n\n{}",
        table.text()
    )
}

fn said(event: &HostEvent) -> &'static str {
    match event {
        HostEvent::AddressMade(..) => "made",
        HostEvent::AddressPreferred(_) => "preferred again",
        HostEvent::AddressDeprecated(_) => "told",
        HostEvent::AddressRemoved(..) => "removed",
        HostEvent::AddressGivenUp(_) => "given up",
        _ => "something else",
    }
}
