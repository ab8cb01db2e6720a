//! One neighbour.

use core::time::Duration;

use NudState::*;
use siding_netisr::Instant;
use siding_wire::Mac;

use super::Table;
use super::cell;
use crate::nud::*;

const STATES: [NudState; 6] = [Incomplete, Reachable, Stale, Delay, Probe, Unreachable];
const T0: Instant = Instant::from_nanos(100_000_000_000);
const OWN: Mac = Mac([2, 0, 0, 0, 0, 0xa]);
const OTHER: Mac = Mac([2, 0, 0, 0, 0, 0xb]);

/// An entry in this state with [`OWN`] (INCOMPLETE: none), all its tries before it, and the moment.
fn entry(state: NudState, config: &NudConfig) -> (Nud, Instant) {
    if state == Incomplete {
        return (Nud::new_for_packet(T0, config, |_| Ok(())), T0);
    }
    let (mut nud, mut now) = (Nud::new_learned(OWN, false), T0);
    match state {
        Reachable => nud.confirm(now, config),
        Delay | Probe | Unreachable => {
            nud.on_packet(now, config);
            while nud.state() != state {
                now = nud.deadline().unwrap();
                assert_eq!(nud.on_timer(now, config, |_| Ok(())), Outcome::Kept);
            }
        }
        Incomplete | Stale => {}
    }
    (nud, now)
}

/// Its time comes, `rounds` times or until it changes its state or fails.
fn time(state: NudState, config: &NudConfig, rounds: usize, accepts: bool) -> String {
    let (mut nud, _) = entry(state, config);
    let mut cause = "·".to_owned();
    for _ in 0..rounds {
        let Some(deadline) = nud.deadline() else { return cause };
        let mut did = Vec::new();
        let outcome = nud.on_timer(deadline, config, |to| {
            did.push(match (accepts, to) {
                (false, _) => "asks again soon",
                (true, Solicit::Multicast) => "asks all",
                (true, Solicit::Unicast(_)) => "asks it",
            });
            if accepts { Ok(()) } else { Err(Refused) }
        });
        if outcome == Outcome::Failed {
            did.push("discarded, held packets are answered by an error");
        }
        cause = cell(&state, &nud.state(), &did);
        if outcome == Outcome::Failed || nud.state() != state {
            break;
        }
    }
    cause
}

fn told(change: Change) -> Vec<&'static str> {
    let all = [
        (change.resolved, "sends what waits"),
        (change.lladdr_changed, "takes the address"),
        (change.became_router, "a router now"),
        (change.ceased_router, "no router any more"),
    ];
    all.into_iter().filter(|(did, _)| *did).map(|(_, text)| text).collect()
}

pub(super) fn section() -> String {
    let config = NudConfig { unreachable: Some(Backoff::default()), ..NudConfig::default() };
    let plain = NudConfig { unreachable: None, ..config };
    let mut table = Table::new(&STATES.map(|state| state.to_string()));
    table.row(
        "a packet is sent there",
        STATES.map(|state| {
            let (mut nud, now) = entry(state, &config);
            let held = nud.usable().is_none();
            nud.on_packet(now + Duration::from_millis(1), &config);
            cell(&state, &nud.state(), if held { &["held"] } else { &[] })
        }),
    );
    table.row("its time has come", STATES.map(|state| time(state, &config, 1, true)));
    table
        .row("its time, and the queue takes no question", STATES.map(|state| time(state, &config, 1, false)));
    table.row("its time, after the last try", STATES.map(|state| time(state, &config, 20, true)));
    table.row(
        "the same without RFC 7048",
        STATES.map(|state| match state {
            Unreachable => "–".to_owned(),
            _ => time(state, &plain, 20, true),
        }),
    );
    let advert = |solicited, override_, tlla| Advert { solicited, override_, router: false, tlla };
    for (name, advert) in [
        ("answer (S), no address", advert(true, true, None)),
        ("answer, its address", advert(true, true, Some(OWN))),
        ("answer, another address, O", advert(true, true, Some(OTHER))),
        ("answer, another address, no O", advert(true, false, Some(OTHER))),
        ("announcement (no S), no address", advert(false, true, None)),
        ("announcement, its address", advert(false, true, Some(OWN))),
        ("announcement, another address, O", advert(false, true, Some(OTHER))),
        ("announcement, another address, no O", advert(false, false, Some(OTHER))),
    ] {
        table.row(
            name,
            STATES.map(|state| {
                let (mut nud, now) = entry(state, &config);
                let change = nud.on_advert(now, &config, &advert);
                cell(&state, &nud.state(), &told(change))
            }),
        );
    }
    for (name, lladdr) in [("its address in an NS, RS, RA or redirect", OWN), ("another there", OTHER)] {
        table.row(
            name,
            STATES.map(|state| {
                let (mut nud, _) = entry(state, &config);
                let change = nud.on_learned(Some(lladdr), None);
                cell(&state, &nud.state(), &told(change))
            }),
        );
    }
    table.row(
        "an upper layer makes progress",
        STATES.map(|state| {
            let (mut nud, now) = entry(state, &config);
            nud.confirm(now, &config);
            cell(&state, &nud.state(), &[])
        }),
    );
    format!(
        "## One neighbour: reachability (`nud`; RFC 4861 s7.3, RFC 7048)\n\nA first packet makes an entry INCOMPLETE and asks all; \
         what is heard before makes it STALE. With RFC 7048.\n\n{}",
        table.text()
    )
}
