//! Selection among ports that are fed by hand: who waits for whom, and whose order counts.

use crate::lacp_world::*;
use siding_machines::lacp::*;
use siding_netisr::Instant;
use siding_wire::lacp::LacpInfo;
use siding_wire::lacp::LacpState;
use siding_wire::lacp::LacpSystem;
use siding_wire::lacp::Lacpdu;

const ACTIVE: LacpState = LacpState::ACTIVITY.with(LacpState::AGGREGATION);

fn add(group: &mut Group, config: PortConfig) {
    group.add(T0, config, true, |_, _| Ok(())).unwrap();
}

/// A partner with key 5, of this system and port.
fn partner(system: LacpSystem, port: u16) -> LacpInfo {
    LacpInfo { system, key: 5, port_priority: 7, port, state: ACTIVE }
}

/// `actor` speaks on the port, and knows it as it is.
fn hear(group: &mut Group, now: Instant, port: u16, actor: LacpInfo) {
    let partner = group.port(n(port)).unwrap().actor();
    let pdu = Lacpdu { actor, partner, collector_max_delay: 0 };
    group.on_pdu(now, n(port), &pdu, |_, _| Ok(())).unwrap();
    check(group);
}

fn time(group: &mut Group, now: Instant) {
    group.on_timer(now, |_, _| Ok(()));
    check(group);
}

fn stands(group: &Group, port: u16) -> (Selected, Cause, MuxState) {
    let port = group.port(n(port)).unwrap();
    let (selected, why) = port.selected();
    (selected, why, port.mux())
}

#[test]
fn who_only_stands_by_holds_up_nobody_lacp_10() {
    let mut group = Group::new(GroupConfig { max_links: Some(1), ..GroupConfig::new(system(1)) });
    for port in [1, 2] {
        add(&mut group, slow(port));
    }
    hear(&mut group, T0, 1, partner(system(2), 11));
    hear(&mut group, T0 + secs(1), 2, partner(system(2), 12));
    assert_eq!(stands(&group, 2), (Selected::Standby, Cause::TooManyLinks, MuxState::Waiting));
    time(&mut group, T0 + secs(2));
    assert_eq!(stands(&group, 1).2, MuxState::Attached);
}

#[test]
fn who_is_about_to_join_waits_for_who_came_later_lacp_10() {
    let mut group = Group::new(GroupConfig::new(system(1)));
    for port in [1, 2] {
        add(&mut group, slow(port));
    }
    hear(&mut group, T0, 1, partner(system(2), 11));
    hear(&mut group, T0 + secs(1), 2, partner(system(2), 12));
    time(&mut group, T0 + secs(2));
    assert_eq!([1, 2].map(|port| stands(&group, port).2), [MuxState::Waiting; 2]);
    time(&mut group, T0 + secs(3));
    assert_eq!([1, 2].map(|port| stands(&group, port).2), [MuxState::Attached; 2]);
}

#[test]
fn who_waited_for_a_port_that_goes_joins_in_that_very_step_lacp_10() {
    let quick = |grace, patience| GroupConfig {
        retire_grace: millis(grace),
        retire_patience: millis(patience),
        ..GroupConfig::new(system(1))
    };
    let retire = |group: &mut Group, now, port| {
        group.retire(now, n(port), |_, _| Ok(())).unwrap();
        check(group);
    };
    // Alone, and at a moment at which the patience with a third that is in use comes to its end.
    for third in [false, true] {
        let mut group = Group::new(quick(100, 400));
        for port in [1, 2, 3] {
            add(&mut group, slow(port));
        }
        let used = LacpState::SYNCHRONIZATION.with(LacpState::COLLECTING).with(LacpState::DISTRIBUTING);
        hear(&mut group, T0, 3, LacpInfo { state: ACTIVE.with(used), ..partner(system(2), 13) });
        time(&mut group, T0 + secs(2));
        assert_eq!(stands(&group, 3).2, MuxState::Distributing);
        hear(&mut group, T0 + secs(3), 1, partner(system(2), 11));
        hear(&mut group, T0 + secs(4), 2, partner(system(2), 12));
        let now = T0 + secs(5);
        if third {
            retire(&mut group, now, 3);
        }
        time(&mut group, now);
        assert_eq!([1, 2].map(|port| stands(&group, port).2), [MuxState::Waiting; 2]);
        retire(&mut group, now + millis(500), 2);
        assert_eq!([1, 2].map(|port| stands(&group, port).2), [MuxState::Attached, MuxState::Detached]);
        assert_eq!(stands(&group, 3).2 == MuxState::Detached, third);
    }
}

#[test]
fn two_that_are_found_looped_back_in_one_step_are_both_taken_out_lacp_9() {
    let mut group = Group::new(GroupConfig::new(system(1)));
    for config in [slow(1), slow(2), PortConfig { key: 9, ..slow(3) }] {
        add(&mut group, config);
    }
    // Both hear a port 3 of our system, of key 5: ours has another yet.
    for port in [1, 2] {
        hear(&mut group, T0, port, partner(system(1), 3));
        assert_eq!(stands(&group, port).0, Selected::Selected);
    }
    group.configure_port(T0, PortConfig { key: 5, ..slow(3) }, |_, _| Ok(())).unwrap();
    check(&group);
    for port in [1, 2] {
        assert_eq!(stands(&group, port), (Selected::Unselected, Cause::LoopedBack, MuxState::Detached));
    }
}

#[test]
fn the_better_systems_order_counts_and_ours_where_neither_is_better_lacp_9() {
    for (theirs, preferred) in [(system(0), 2), (system(1), 1), (system(2), 1)] {
        let mut group = Group::new(GroupConfig { max_links: Some(1), ..GroupConfig::new(system(1)) });
        for port in [1, 2] {
            add(&mut group, slow(port));
        }
        // By the partner's numbers the second comes first. None of them is a port of ours.
        for (port, number) in [(1, 12), (2, 11)] {
            hear(&mut group, T0, port, partner(theirs, number));
        }
        let selected = [1, 2].into_iter().filter(|port| stands(&group, *port).0 == Selected::Selected);
        assert_eq!(selected.collect::<Vec<_>>(), [preferred], "{theirs}");
    }
}

/// Whoever falls silent keeps its place while its partner may come back, if there is one for it.
#[test]
fn of_two_that_are_silent_one_stands_by_when_there_is_one_place_left_lacp_9() {
    let config = |max_links| GroupConfig { max_links, ..GroupConfig::new(system(1)) };
    let mut group = Group::new(config(None));
    let partners = [1, 2].map(|port| (port, partner(system(2), 10 + port)));
    for (port, actor) in partners {
        add(&mut group, slow(port));
        hear(&mut group, T0, port, actor);
    }
    time(&mut group, T0 + secs(2));
    let silent = T0 + LONG_TIMEOUT_TIME;
    time(&mut group, silent);
    let now = |group: &Group| [1, 2].map(|port| (stands(group, port).0, stands(group, port).2));
    let (kept, by) = ((Selected::Selected, MuxState::Attached), (Selected::Standby, MuxState::Waiting));
    assert_eq!(group.port(n(1)).unwrap().receive(), ReceiveState::Expired);
    assert_eq!(now(&group), [kept, kept]);
    group.configure(silent, config(Some(1)), |_, _| Ok(()));
    check(&group);
    assert_eq!(now(&group), [kept, by]);
    // The one that stands by is heard first: the place is its own.
    hear(&mut group, silent + secs(1), 2, partners[1].1);
    assert_eq!(now(&group).map(|(selected, _)| selected), [Selected::Standby, Selected::Selected]);
}

#[test]
fn who_is_on_its_way_out_takes_no_place_lacp_9() {
    let config = |max_links| GroupConfig { max_links, ..GroupConfig::new(system(1)) };
    let mut group = Group::new(config(None));
    let used = LacpState::SYNCHRONIZATION.with(LacpState::COLLECTING).with(LacpState::DISTRIBUTING);
    let uses = LacpInfo { state: ACTIVE.with(used), ..partner(system(2), 11) };
    for (port, actor) in [(1, uses), (2, partner(system(2), 12))] {
        add(&mut group, slow(port));
        hear(&mut group, T0, port, actor);
    }
    time(&mut group, T0 + secs(2));
    hear(&mut group, T0 + secs(80), 1, uses);
    let silent = T0 + LONG_TIMEOUT_TIME;
    time(&mut group, silent);
    group.retire(silent, n(1), |_, _| Ok(())).unwrap();
    group.configure(silent, config(Some(1)), |_, _| Ok(()));
    check(&group);
    assert_eq!(stands(&group, 1).2, MuxState::Collecting, "its partner sends yet");
    assert_eq!(stands(&group, 2).0, Selected::Selected, "silent, and the only one that stays");
}

#[test]
fn what_it_tells_and_what_cannot_be_done_is_said_in_words() {
    let mut group = Group::new(GroupConfig::new(system(1)));
    add(&mut group, slow(1));
    group.take_events();
    let alone = LacpInfo { state: LacpState::ACTIVITY, ..partner(system(2), 11) };
    hear(&mut group, T0, 1, alone);
    let told: Vec<String> = group.take_events().0.iter().map(Event::to_string).collect();
    let lag = format!("key 1 with {} key 5, port 1 alone", system(2));
    for line in [
        format!("aggregator: none -> {lag}"),
        "port 1: selection unselected -> selected: fits the aggregator in use".to_owned(),
    ] {
        assert!(told.contains(&line), "{line}: {told:?}");
    }
    assert_eq!(PortError::NumberTaken.to_string(), "the port number is taken");
    assert_eq!(PortError::NoSuchPort.to_string(), "no such port");
    assert_eq!(Ignored::TooManyPdus.to_string(), "too many LACPDUs");
    assert_eq!(format!("{:>8}", Selected::Standby), " standby");
}
