//! LACP's part of `docs/machines.md`.

use MuxState::*;
use siding_netisr::Instant;
use siding_wire::lacp::LacpInfo;
use siding_wire::lacp::LacpState;
use siding_wire::lacp::LacpSystem;
use siding_wire::lacp::Lacpdu;

use super::churn::Churn;
use super::mux::Inputs;
use super::periodic::Periodic;
use super::*;
use crate::page::Table;
use crate::page::cell;

const T0: Instant = Instant::from_nanos(1_000_000_000);

fn at(millis: u64) -> Instant {
    T0 + Duration::from_millis(millis)
}

fn system(n: u8) -> LacpSystem {
    LacpSystem { priority: u16::from(n), mac: siding_wire::Mac([2, 0, 0, 0, 0, n]) }
}

fn number(n: u16) -> PortNumber {
    PortNumber::new(n).unwrap()
}

/// What a partner says that is in every way content with port `n`.
fn content(n: u16) -> Lacpdu {
    let state = LacpState::ACTIVITY
        .with(LacpState::AGGREGATION)
        .with(LacpState::SYNCHRONIZATION)
        .with(LacpState::COLLECTING)
        .with(LacpState::DISTRIBUTING);
    let actor = LacpInfo { system: system(2), key: 7, port_priority: 1, port: n, state };
    let own = PortConfig::new(number(n), 3);
    let partner = LacpInfo { system: system(1), key: 3, port_priority: own.priority, port: n, state };
    Lacpdu { actor, partner, collector_max_delay: 0 }
}

fn mux() -> String {
    const GOOD: Inputs = Inputs {
        selected: Selected::Selected,
        why: Cause::Fits,
        ready: true,
        partner_sync: true,
        unsync: Cause::PartnerOutOfSync,
        partner_collecting: true,
        coupled: false,
        retiring: false,
    };
    let states = [Detached, Waiting, Attached, Collecting, Distributing, CollectingDistributing];
    let mut table = Table::new(&states.map(|state| state.to_string()));
    for (name, inputs) in [
        ("nothing is in its way", GOOD),
        ("others that join wait yet", Inputs { ready: false, ..GOOD }),
        ("the partner takes no frames", Inputs { partner_collecting: false, ..GOOD }),
        ("the partner is out of sync", Inputs { partner_sync: false, ..GOOD }),
        ("selection: standby", Inputs { selected: Selected::Standby, why: Cause::OtherAggregator, ..GOOD }),
        (
            "selection: unselected",
            Inputs { selected: Selected::Unselected, why: Cause::PartnerChanged, ..GOOD },
        ),
        ("the port is being removed", Inputs { retiring: true, ..GOOD }),
        ("coupled control, nothing in its way", Inputs { coupled: true, ..GOOD }),
        ("coupled, the partner takes no frames", Inputs { coupled: true, partner_collecting: false, ..GOOD }),
        ("coupled, the port is being removed", Inputs { coupled: true, retiring: true, ..GOOD }),
    ] {
        table.row(
            name,
            states.map(|state| match state.next(&inputs) {
                None => "·".to_owned(),
                Some((next, cause)) => cell(&state, &next, &[&cause.to_string()]),
            }),
        );
    }
    format!(
        "### Mux machine (s6.4.15)\n\nOne step; it goes on until there is none. The second word is the cause that is told.\n\n{}",
        table.text()
    )
}

/// A port in each state of the receive machine that it can be met in, by what has happened to it.
fn port(state: ReceiveState) -> (Port, Log) {
    let mut log = Log::default();
    let config = PortConfig { lacp: state != ReceiveState::LacpDisabled, ..PortConfig::new(number(1), 3) };
    let mut port = Port::new(config, system(1));
    port.initialize(T0, Cause::Added, &mut log);
    if state != ReceiveState::PortDisabled {
        port.link(T0, true, &mut log);
    }
    match state {
        ReceiveState::Current => port.hear(T0, &content(1), &mut log).unwrap(),
        ReceiveState::Defaulted => port.receive_timer(T0 + SHORT_TIMEOUT_TIME, &mut log),
        _ => {}
    }
    assert_eq!(port.receive(), state);
    (port, Log::default())
}

fn receive() -> String {
    use ReceiveState as R;
    let states = [R::PortDisabled, R::Expired, R::LacpDisabled, R::Defaulted, R::Current];
    let mut table = Table::new(&states.map(|state| state.to_string()));
    let mut row = |name: &str, event: &dyn Fn(&mut Port, &mut Log) -> Option<Ignored>| {
        table.row(
            name,
            states.map(|state| {
                let (mut port, mut log) = port(state);
                (port.ntt, port.selected) = (false, Selected::Selected);
                port.lag = Some(LagId::of(&port));
                let partner = port.partner;
                let ignored = event(&mut port, &mut log).map(|why| format!("ignored: {why}"));
                let mut did: Vec<&str> = ignored.iter().map(String::as_str).collect();
                if port.selected == Selected::Unselected {
                    did.push("unselected");
                }
                if port.ntt {
                    did.push("must speak");
                }
                let synced = |info: LacpInfo| info.state.has(LacpState::SYNCHRONIZATION);
                match (synced(partner), synced(port.partner)) {
                    (false, true) => did.push("partner in sync"),
                    (true, false) => did.push("partner out of sync"),
                    _ => {}
                }
                cell(&state, &port.receive(), &did)
            }),
        );
    };
    row("link up", &|port, log| {
        port.link(at(10), true, log);
        None
    });
    row("link down", &|port, log| {
        port.link(at(10), false, log);
        None
    });
    row("the partner speaks, and knows us as we are", &|port, log| {
        let mut pdu = content(1);
        pdu.partner = port.actor();
        port.hear(at(10), &pdu, log).err()
    });
    row("it knows us wrongly", &|port, log| {
        let mut pdu = content(1);
        pdu.partner.key = 9;
        port.hear(at(10), &pdu, log).err()
    });
    row("another partner speaks", &|port, log| {
        let mut pdu = content(1);
        (pdu.actor.system, pdu.partner) = (system(5), port.actor());
        port.hear(at(10), &pdu, log).err()
    });
    row("silence until its time has come", &|port, log| {
        let until = port.current_while.unwrap_or(at(100_000));
        port.receive_timer(until, log);
        None
    });
    format!(
        "### Receive machine (s6.4.12)\n\nOf a port that is selected. INITIALIZE is passed through at once.\n\n{}",
        table.text()
    )
}

fn periodic() -> String {
    use PeriodicState as P;
    let states = [P::None, P::Slow, P::Fast];
    let mut table = Table::new(&states.map(|state| state.to_string()));
    for (name, after, allowed, short) in [
        ("link down, no LACP, or both ends passive", 0, false, false),
        ("the partner has a long timeout", 0, true, false),
        ("the partner has a short timeout", 0, true, true),
        ("long timeout, 30 s later", 30_000, true, false),
        ("short timeout, 1 s later", 1_000, true, true),
    ] {
        table.row(
            name,
            states.map(|state| {
                let mut periodic = Periodic::new();
                if state != P::None {
                    assert!(periodic.step(T0, true, state == P::Fast));
                }
                assert_eq!(periodic.state(), state);
                let speaks = periodic.step(at(after), allowed, short);
                cell(&state, &periodic.state(), if speaks { &["speaks"] } else { &[] })
            }),
        );
    }
    format!("### Periodic machine (s6.4.13)\n\n{}", table.text())
}

fn selection() -> String {
    let mut table = Table::new(&["first port", "second port"].map(str::to_owned));
    let mut row = |name: &str, config: GroupConfig, change: &dyn Fn(&mut Group)| {
        let mut group = Group::new(config);
        let quiet = |_: PortNumber, _: Lacpdu| Ok(());
        for n in [1, 2] {
            group.add(T0, PortConfig::new(number(n), 3), true, quiet).unwrap();
        }
        for n in [1, 2] {
            group.on_pdu(at(100), number(n), &content(n), quiet).unwrap();
        }
        group.on_timer(at(2100), quiet);
        change(&mut group);
        table.row(
            name,
            group.ports().iter().map(|port| {
                let (selected, why) = port.selected();
                format!("{selected}: {why}; {}", port.mux())
            }),
        );
    };
    let usual = GroupConfig::new(system(1));
    let quiet = |_: PortNumber, _: Lacpdu| Ok(());
    row("both hear one partner", usual, &|_| {});
    row("one may be in use at once", GroupConfig { max_links: Some(1), ..usual }, &|_| {});
    row("the second hears another partner from the first moment on", usual, &|group| {
        let mut pdu = content(2);
        pdu.actor.system = system(5);
        group.on_pdu(at(2200), number(2), &pdu, quiet).unwrap();
    });
    row("the first hears nobody for 93 s", usual, &|group| {
        group.on_pdu(at(60_000), number(2), &content(2), quiet).unwrap();
        for later in [90_100, 93_100] {
            group.on_timer(at(later), quiet);
        }
    });
    row("the first loses its link", usual, &|group| {
        group.set_enabled(at(2200), number(1), false, quiet).unwrap();
    });
    row("the second hears the first: a loop", usual, &|group| {
        let mut pdu = content(2);
        (pdu.actor.system, pdu.actor.key, pdu.actor.port) = (system(1), 3, 1);
        group.on_pdu(at(2200), number(2), &pdu, quiet).unwrap();
    });
    row("the first is being removed, and its partner has stopped", usual, &|group| {
        group.retire(at(2200), number(1), quiet).unwrap();
        group.on_timer(at(2300), quiet);
        let mut pdu = content(1);
        pdu.actor.state = pdu.actor.state.without(LacpState::DISTRIBUTING);
        group.on_pdu(at(2400), number(1), &pdu, quiet).unwrap();
    });
    format!(
        "### Selection (s6.4.14), with the mux machine's state\n\nOf two ports with one key that both heard the same partner for two seconds.\n\n{}",
        table.text()
    )
}

fn churn() -> String {
    let states = ["idle", "monitor", "in sync", "churned"].map(str::to_owned);
    let mut table = Table::new(&states);
    let name = |churn: Churn| match churn {
        Churn::Idle => states[0].clone(),
        Churn::Monitor(_) => states[1].clone(),
        Churn::InSync => states[2].clone(),
        Churn::Churned => states[3].clone(),
    };
    for (event, now, held, in_sync) in [
        ("link down, standby, or being removed", 0, true, false),
        ("in sync", 0, false, true),
        ("out of sync", 0, false, false),
        ("out of sync, 60 s later", 60_000, false, false),
    ] {
        let all = [Churn::Idle, Churn::Monitor(at(60_000)), Churn::InSync, Churn::Churned];
        table.row(
            event,
            all.map(|from| {
                let mut churn = from;
                let told = churn.step(at(now), held, in_sync);
                cell(&name(from), &name(churn), if told { &["told"] } else { &[] })
            }),
        );
    }
    format!("### Churn detection (s6.4.17)\n\n{}", table.text())
}

pub(crate) fn section() -> String {
    let all = [mux(), receive(), periodic(), selection(), churn()];
    format!("## One port of a lagg that speaks LACP (`lacp`; IEEE 802.1AX-2014 s6.4)\n\n{}", all.join("\n"))
}
