//! The part of `docs/machines.md` about addresses that are made from prefixes.

use core::time::Duration;

use siding_netisr::Instant;
use siding_wire::nd::INFINITE;
use siding_wire::nd::PrefixInfo;

use super::address::Phase;
use super::bench::Bench;
use super::bench::S;
use super::bench::T0;
use super::bench::info;
use super::config::HostConfig;
use super::config::Identifier;
use super::event::HostEvent;
use crate::page::Table;
use crate::page::cell;

const STATES: [&str; 5] = ["none", "testing", "preferred", "deprecated", "duplicate"];

/// An address in this state, advertised at [`T0`] as preferred for 100 s and valid for three hours.
fn bench(state: &str, identifier: Identifier) -> Bench {
    let mut bench = Bench::new(HostConfig { identifier, ..HostConfig::default() });
    if state != "none" {
        hear(&mut bench, &info(1, 100, 10_800));
    }
    match state {
        "preferred" | "deprecated" => settle(&mut bench, true),
        "duplicate" => settle(&mut bench, false),
        _ => {}
    }
    if state == "deprecated" {
        hear(&mut bench, &info(1, 0, 10_800));
    }
    assert_eq!(state_of(&bench), state);
    bench.events.clear();
    bench
}

fn state_of(bench: &Bench) -> &'static str {
    match bench.slaac.iter().next() {
        None => "none",
        Some(own) => match own.phase {
            Phase::Testing => "testing",
            Phase::Failed | Phase::Again(_) => "duplicate",
            Phase::Ready if own.deprecated => "deprecated",
            Phase::Ready => "preferred",
        },
    }
}

fn hear(bench: &mut Bench, info: &PrefixInfo) {
    bench.hear(T0, info).expect("there is room");
}

fn settle(bench: &mut Bench, passed: bool) {
    let Some(addr) = bench.slaac.iter().next().map(|own| own.addr) else { return };
    bench.settle(T0, addr, passed);
}

fn time(bench: &mut Bench, later: Duration) {
    bench.time(T0 + later).expect("there is room");
}

pub(crate) fn section() -> String {
    let mut table = Table::new(&STATES.map(str::to_owned));
    let mut row = |name: &str, identifier: Identifier, event: &dyn Fn(&mut Bench)| {
        table.row(
            name,
            STATES.map(|state| {
                let mut bench = bench(state, identifier.clone());
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
                cell(&state, &state_of(&bench), &did)
            }),
        );
    };
    let usual = || Identifier::Eui64;
    let heard = |preferred, valid| move |bench: &mut Bench| hear(bench, &info(1, preferred, valid));
    row("advertised: preferred 100 s, valid 4 h", usual(), &heard(100, 14_400));
    row("advertised: preferred and valid for ever", usual(), &heard(INFINITE, INFINITE));
    row("advertised: preferred 0 s, valid 4 h", usual(), &heard(0, 14_400));
    row("advertised: preferred and valid 0 s", usual(), &heard(0, 0));
    row("advertised: preferred longer than valid", usual(), &heard(200, 100));
    row("advertised without the A flag", usual(), &|bench| {
        hear(bench, &PrefixInfo { autonomous: false, ..info(1, 100, 14_400) });
    });
    row("advertised with 56 bits", usual(), &|bench| {
        hear(bench, &PrefixInfo { prefix_len: 56, ..info(1, 100, 14_400) });
    });
    row("its test passes", usual(), &|bench| settle(bench, true));
    row("somebody else has it", usual(), &|bench| settle(bench, false));
    row("100 s later", usual(), &|bench| time(bench, S * 100));
    row("three hours later", usual(), &|bench| time(bench, S * 10_800));
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
