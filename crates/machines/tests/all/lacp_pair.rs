//! Two laggs, or more, that speak LACP with each other in virtual time.

use crate::lacp_world::*;
use siding_machines::lacp::*;
use siding_wire::lacp::LacpInfo;
use siding_wire::lacp::LacpState;
use siding_wire::lacp::LacpSystem;

const UP: &str = "active, short timeout, aggregatable, in sync, collecting, distributing";

/// T8.
#[test]
fn four_ports_back_to_back_collect_and_distribute_lacp_10() {
    let mut world = World::pair(4, fast, fast);
    world.run(millis(1_999));
    assert_eq!(world.collecting(0), [0; 0], "the aggregate wait is 2 s");
    assert!(!world.groups[0].carrier());
    world.run(millis(1_500));
    for group in [0, 1] {
        assert_eq!(world.distributing(group), [1, 2, 3, 4]);
        assert_eq!(world.collecting(group), [1, 2, 3, 4]);
        assert!(world.groups[group].carrier());
        for port in 1..=4 {
            assert_eq!(world.state(group, port), UP);
            assert_eq!(world.port(group, port).partner().state.to_string(), UP);
            assert_eq!(world.port(group, port).partner().port, port);
        }
    }
    // Detaching one port removes its pair, and nothing happens to the others.
    let before = world.events.len();
    world.remove(0, 2);
    world.run(secs(10));
    assert_eq!(world.distributing(1), [1, 3, 4]);
    assert_eq!(world.distributing(0), [1, 3, 4]);
    assert_eq!(world.state(1, 2), "active, short timeout, aggregatable, out of sync, defaulted");
    for (_, _, event) in &world.events[before..] {
        assert!(matches!(event, Event::Port { port, .. } if port.get() == 2), "{event}");
    }
}

#[test]
fn loss_delays_and_does_not_prevent_lacp_10() {
    let mut world = World::pair(4, fast, fast);
    world.loss = 30;
    world.run(secs(30));
    world.loss = 0;
    world.run(secs(10));
    assert_eq!((world.distributing(0), world.distributing(1)), (vec![1, 2, 3, 4], vec![1, 2, 3, 4]));
    let lost_once = world.receive_way(0, 1).len() + world.receive_way(1, 1).len();
    assert!(lost_once < 60, "30 % loss does not make the machine flap at each PDU");
}

#[test]
fn ports_that_join_within_the_wait_are_attached_together_lacp_10() {
    let mut world = World::pair(1, fast, fast);
    world.wire((0, 2), (1, 2));
    world.run(secs(1));
    world.add(1, fast(2));
    world.add(0, fast(2));
    world.run(millis(1_990));
    assert_eq!(world.port(0, 1).mux(), MuxState::Waiting, "its own wait is over, the other's is not");
    world.run(millis(20));
    assert!(world.port(0, 1).mux().is_attached() && world.port(0, 2).mux().is_attached());
    // The periodic PDU was just sent: the limit of three may hold up the last word for the rest of a second.
    world.run(secs(1));
    assert_eq!((world.distributing(0), world.distributing(1)), (vec![1, 2], vec![1, 2]));
    // A link that goes down holds up nobody.
    let mut world = World::pair(1, fast, fast);
    world.wire((0, 2), (1, 2));
    world.run(secs(1));
    world.add(1, fast(2));
    world.add(0, fast(2));
    world.run(millis(500));
    world.link(0, 2, false);
    world.link(1, 2, false);
    world.run(millis(510));
    assert_eq!((world.distributing(0), world.distributing(1)), (vec![1], vec![1]));
}

#[test]
fn slow_ports_come_up_as_soon_as_fast_ones_and_speak_every_30_s_lacp_3() {
    let mut world = World::pair(2, slow, slow);
    world.run(secs(4));
    assert_eq!((world.distributing(0), world.distributing(1)), (vec![1, 2], vec![1, 2]));
    let before = world.sent_by(0, 1).len();
    world.run(secs(300));
    assert_eq!(world.sent_by(0, 1).len() - before, 10);
    assert_eq!(world.distributing(0), [1, 2], "and nobody expired meanwhile");
}

#[test]
fn every_step_sends_its_bits_lacp_4() {
    let mut world = World::pair(1, fast, fast);
    world.run(secs(5));
    let mut said: Vec<String> = vec![];
    for sent in world.sent_by(0, 1) {
        let state = sent.pdu.actor.state.to_string();
        if said.last() != Some(&state) {
            said.push(state);
        }
    }
    assert_eq!(
        said,
        [
            "active, short timeout, aggregatable, out of sync, defaulted, expired",
            "active, short timeout, aggregatable, out of sync",
            "active, short timeout, aggregatable, in sync",
            "active, short timeout, aggregatable, in sync, collecting",
            UP,
        ]
    );
    use MuxState::*;
    let way: Vec<_> = world.mux_way(0, 1).into_iter().map(|(_, new, cause)| (new, cause)).collect();
    assert_eq!(
        way,
        [
            (Waiting, Cause::Fits),
            (Attached, Cause::WaitOver),
            (Collecting, Cause::PartnerInSync),
            (Distributing, Cause::PartnerCollecting),
        ]
    );
}

#[test]
fn a_passive_side_speaks_when_spoken_to_lacp_7() {
    let mut world = World::pair(2, fast, |port| passive(fast(port)));
    world.run(secs(5));
    assert_eq!((world.distributing(0), world.distributing(1)), (vec![1, 2], vec![1, 2]));
    let first = |group| world.sent_by(group, 1)[0].at;
    assert!(first(1) > first(0), "the passive side did not speak first");
    // Silence makes it silent again.
    world.cut((0, 1));
    world.run(secs(7));
    assert_eq!(world.port(1, 1).receive(), ReceiveState::Defaulted);
    let before = world.sent_by(1, 1).len();
    world.run(secs(120));
    assert_eq!(world.sent_by(1, 1).len(), before);
}

#[test]
fn two_passive_sides_never_speak_lacp_7() {
    let mut world = World::pair(2, |port| passive(fast(port)), |port| passive(fast(port)));
    world.run(secs(600));
    assert!(world.sent.is_empty());
    assert_eq!((world.collecting(0), world.collecting(1)), (vec![], vec![]));
    assert_eq!(world.port(0, 1).periodic(), PeriodicState::None);
}

#[test]
fn the_partners_timeout_drives_our_rate_lacp_6() {
    let mut world = World::pair(1, fast, slow);
    world.run(secs(5));
    let count = |world: &World, group| world.sent_by(group, 1).len();
    let (before_a, before_b) = (count(&world, 0), count(&world, 1));
    world.run(secs(60));
    assert_eq!(count(&world, 0) - before_a, 2, "the fast side speaks slowly to the slow one");
    assert_eq!(count(&world, 1) - before_b, 60, "the slow side speaks fast to the fast one");
    assert_eq!(world.port(0, 1).periodic(), PeriodicState::Slow);
    // The slow side wants to hear more: the other knows at once and answers at once.
    let at = world.now;
    world.configure(1, fast(1));
    world.run(millis(1));
    let last = world.sent_by(0, 1).last().unwrap().at;
    assert!(last > at, "from long to short sends at once");
    let before = count(&world, 0);
    world.run(secs(10));
    assert_eq!(count(&world, 0) - before, 10);
    assert_eq!(world.distributing(0), [1], "a new rate is no new partner");
}

#[test]
fn silence_expires_and_then_defaults_lacp_13() {
    for (config, timeout) in [(fast as fn(u16) -> PortConfig, 3_000), (slow, 90_000)] {
        let mut world = World::pair(1, config, config);
        world.run(secs(200));
        assert_eq!(world.distributing(0), [1]);
        let heard = world.sent_by(1, 1).last().unwrap().at.since(T0).as_millis() as u64;
        world.cut((0, 1));
        world.events.clear();
        world.run(secs(200));
        let way = world.receive_way(0, 1);
        assert_eq!(
            way,
            [
                (heard + timeout, ReceiveState::Expired, Cause::Silent),
                (heard + timeout + 3_000, ReceiveState::Defaulted, Cause::Silent),
            ]
        );
        // Out of use at once when it expires: distributing first, then collecting (LACP-10).
        use MuxState::*;
        assert_eq!(
            world.mux_way(0, 1),
            [
                (heard + timeout, Collecting, Cause::Silent),
                (heard + timeout, Attached, Cause::Silent),
                (heard + timeout + 3_000, Detached, Cause::Silent),
            ]
        );
        // An expired port asks each second, whatever the rate was.
        let asked =
            world.sent_by(0, 1).iter().filter(|sent| sent.pdu.actor.state.has(LacpState::EXPIRED)).count();
        assert!((3..=5).contains(&asked), "{asked}");
    }
}

#[test]
fn a_link_that_goes_down_is_out_at_once_and_back_without_the_wait_lacp_13() {
    let mut world = World::pair(2, slow, slow);
    world.run(secs(5));
    world.link(0, 1, false);
    assert_eq!((world.distributing(0), world.collecting(0)), (vec![2], vec![2]));
    world.link(1, 1, false);
    world.run(secs(10));
    world.link(0, 1, true);
    world.link(1, 1, true);
    world.run(millis(100));
    assert_eq!((world.distributing(0), world.distributing(1)), (vec![1, 2], vec![1, 2]));
}

#[test]
fn another_key_is_another_aggregator_lacp_9() {
    let mut world = World::pair(2, fast, fast);
    world.run(secs(5));
    world.events.clear();
    world.configure(1, PortConfig { key: 9, ..fast(2) });
    world.run(secs(10));
    // The lagg stays with the one that has a port attached; the other waits.
    assert_eq!((world.distributing(0), world.distributing(1)), (vec![1], vec![1]));
    assert_eq!(world.port(0, 2).selected(), (Selected::Standby, Cause::OtherAggregator));
    use MuxState::*;
    let states = |group| world.mux_way(group, 2).into_iter().map(|(_, new, _)| new).collect::<Vec<_>>();
    assert_eq!(states(0), [Collecting, Attached, Detached, Waiting]);
    assert_eq!(states(1), [Collecting, Attached, Detached, Waiting]);
    let cause = |group| world.mux_way(group, 2)[0].2;
    assert_eq!((cause(0), cause(1)), (Cause::PartnerChanged, Cause::Configured));
    // Back again.
    world.configure(1, fast(2));
    world.run(secs(10));
    assert_eq!((world.distributing(0), world.distributing(1)), (vec![1, 2], vec![1, 2]));
}

#[test]
fn our_own_ports_never_aggregate_with_each_other_lacp_9() {
    let mut world = World::new([GroupConfig::new(system(1)), GroupConfig::new(system(2))]);
    world.wire((0, 1), (0, 2));
    world.wire((0, 3), (0, 3));
    world.wire((0, 4), (1, 4));
    for port in 1..=4 {
        world.add(0, fast(port));
    }
    world.add(1, fast(4));
    world.run(secs(120));
    assert_eq!(world.collecting(0), [4]);
    for port in 1..=3 {
        assert_eq!(world.port(0, port).receive(), ReceiveState::Current, "they do hear each other");
        assert_eq!(world.port(0, port).mux(), MuxState::Detached);
    }
    // Nor as ports of different keys: they are ports of one lagg.
    world.configure(0, PortConfig { key: 7, ..fast(2) });
    world.run(secs(120));
    assert_eq!(world.collecting(0), [4]);
    assert_eq!(world.port(0, 1).mux(), MuxState::Detached);
}

#[test]
fn a_port_that_turns_out_to_lead_back_is_detached_lacp_9() {
    // Two laggs of one system with one key, which is a mistake; then the other port becomes one of ours.
    let mut world = World::new([GroupConfig::new(system(1)), GroupConfig::new(system(1))]);
    world.wire((0, 1), (1, 2));
    world.add(0, fast(1));
    world.add(1, fast(2));
    world.run(secs(5));
    assert_eq!(world.distributing(0), [1]);
    world.add(0, fast(2));
    assert_eq!(world.port(0, 1).selected(), (Selected::Unselected, Cause::LoopedBack));
    assert_eq!(world.collecting(0), [0; 0]);
}

#[test]
fn two_laggs_of_one_system_may_be_connected_lacp_9() {
    let mut world = World::new([GroupConfig::new(system(1)), GroupConfig::new(system(1))]);
    world.wire((0, 1), (1, 2));
    world.add(0, fast(1));
    world.add(1, PortConfig { key: 2, ..fast(2) });
    world.run(secs(5));
    assert_eq!((world.distributing(0), world.distributing(1)), (vec![1], vec![2]));
    // Even when each counts its ports from 1: the keys tell them apart.
    let mut world = World::new([GroupConfig::new(system(1)), GroupConfig::new(system(1))]);
    world.wire((0, 1), (1, 1));
    world.add(0, fast(1));
    world.add(1, PortConfig { key: 2, ..fast(1) });
    world.run(secs(5));
    assert_eq!((world.distributing(0), world.distributing(1)), (vec![1], vec![1]));
}

#[test]
fn of_two_partners_the_one_with_more_ports_is_used_and_the_other_waits_lacp_9() {
    let mut world = World::new([1, 2, 3].map(|last| GroupConfig::new(system(last))));
    for (port, partner) in [(1, 1), (2, 2), (3, 2)] {
        world.wire((0, port), (partner, port));
        world.add(0, fast(port));
        world.add(partner, fast(port));
    }
    world.run(secs(5));
    assert_eq!(world.distributing(0), [2, 3]);
    assert_eq!(world.groups[0].in_use().map(|lag| lag.partner), Some(system(3)));
    assert_eq!(world.distributing(1), [0; 0], "it is not told to send where nobody listens");
    // One of two left: the lagg stays.
    world.link(0, 2, false);
    world.link(2, 2, false);
    world.run(secs(5));
    assert_eq!(world.distributing(0), [3]);
    // None left: the other takes over, without the aggregate wait.
    world.link(0, 3, false);
    world.run(millis(5));
    assert_eq!(world.distributing(0), [1]);
    assert_eq!(world.distributing(1), [1]);
}

#[test]
fn among_equals_the_lowest_port_number_decides_and_most_ports_may_take_over_lacp_9() {
    let config = GroupConfig { reselect: Reselect::MostPorts, ..GroupConfig::new(system(1)) };
    let mut world = World::new([config, GroupConfig::new(system(3)), GroupConfig::new(system(2))]);
    for (port, partner) in [(1, 1), (2, 2)] {
        world.wire((0, port), (partner, port));
        world.add(0, fast(port));
        world.add(partner, fast(port));
    }
    world.run(secs(5));
    assert_eq!(world.distributing(0), [1]);
    world.wire((0, 3), (2, 3));
    world.add(2, fast(3));
    world.add(0, fast(3));
    world.run(secs(5));
    assert_eq!(world.distributing(0), [2, 3]);
    let told: Vec<_> = world
        .events
        .iter()
        .filter_map(|(_, group, event)| match event {
            Event::Aggregator { new, .. } if *group == 0 => new.map(|lag| lag.partner),
            _ => None,
        })
        .collect();
    assert_eq!(told, [system(3), system(2)]);
    // As many here as there: it stays.
    world.link(0, 3, false);
    world.run(secs(5));
    assert_eq!(world.distributing(0), [2]);
}

#[test]
fn an_aggregator_that_works_is_not_left_for_a_bigger_one_lacp_9() {
    let mut world = World::new([1, 2, 3, 4].map(|last| GroupConfig::new(system(last))));
    for (port, partner) in [(4, 1), (3, 3), (2, 2), (1, 2)] {
        world.wire((0, port), (partner, port));
        world.add(0, fast(port));
        world.add(partner, fast(port));
        if port == 4 {
            world.run(secs(5));
        }
    }
    world.run(secs(5));
    assert_eq!(world.distributing(0), [4]);
    // Of two that are left and equal, the one with the lowest port number, whichever was heard first.
    world.link(0, 2, false);
    world.run(secs(1));
    world.link(0, 4, false);
    world.run(secs(1));
    assert_eq!(world.distributing(0), [1]);
}

#[test]
fn an_individual_port_is_alone_lacp_9() {
    let mut world = World::pair(3, |port| PortConfig { aggregatable: port != 1, ..fast(port) }, fast);
    world.run(secs(5));
    assert_eq!(world.distributing(0), [2, 3]);
    let mut world = World::pair(1, |port| PortConfig { aggregatable: false, ..fast(port) }, fast);
    world.run(secs(5));
    assert_eq!((world.distributing(0), world.distributing(1)), (vec![1], vec![1]));
    assert_eq!(world.groups[0].in_use().and_then(|lag| lag.alone), Some(n(1)));
}

#[test]
fn no_more_than_max_links_and_the_better_system_says_which_lacp_9() {
    // System 1 is the better one; its priorities count although system 2 has the limit.
    let limited = GroupConfig { max_links: Some(2), min_links: 2, ..GroupConfig::new(system(2)) };
    let mut world = World::new([GroupConfig::new(system(1)), limited]);
    for port in 1..=4 {
        world.wire((0, port), (1, port));
        world.add(0, PortConfig { priority: 100 - port, ..fast(port) });
        world.add(1, PortConfig { priority: port, ..fast(port) });
    }
    world.run(secs(5));
    assert_eq!((world.distributing(0), world.distributing(1)), (vec![3, 4], vec![3, 4]));
    assert_eq!(world.port(1, 1).selected(), (Selected::Standby, Cause::TooManyLinks));
    assert!(world.groups[1].carrier());
    // One goes, the next one takes its place without the aggregate wait; back again, it does not push it out.
    world.link(1, 4, false);
    assert!(!world.groups[1].carrier(), "one is fewer than min_links");
    world.link(0, 4, false);
    world.run(millis(5));
    assert_eq!(world.distributing(1), [2, 3]);
    world.link(0, 4, true);
    world.link(1, 4, true);
    world.run(secs(10));
    assert_eq!(world.distributing(1), [2, 3]);
    // A standby port is out of sync on purpose.
    world.run(secs(120));
    assert!(!world.port(1, 1).actor_churn());
    assert!(world.port(0, 1).partner_churn(), "what the other side makes of it is its own affair");
    // A standby port whose link is down takes nobody's place.
    world.link(1, 1, false);
    world.link(1, 2, false);
    world.link(1, 3, false);
    assert_eq!(world.port(1, 1).selected().0, Selected::Standby);
}

#[test]
fn the_lower_number_decides_between_equal_ports_lacp_9() {
    let limited = GroupConfig { max_links: Some(1), ..GroupConfig::new(system(1)) };
    let mut world = World::new([limited, GroupConfig::new(system(2))]);
    for port in [3, 1, 2] {
        world.wire((0, port), (1, port));
        world.add(0, fast(port));
        world.add(1, fast(port));
    }
    world.run(secs(5));
    assert_eq!((world.distributing(0), world.distributing(1)), (vec![1], vec![1]));
    // A place that becomes free is not given to a port that is down.
    world.link(0, 2, false);
    world.link(0, 3, false);
    world.remove(0, 1);
    assert_eq!(world.port(0, 2).selected().0, Selected::Standby);
}

#[test]
fn coupled_ends_work_with_independent_ones_lacp_10() {
    let coupled = GroupConfig { coupled: true, ..GroupConfig::new(system(1)) };
    for other in [GroupConfig::new(system(2)), GroupConfig { system: system(2), ..coupled }] {
        let mut world = World::new([coupled, other]);
        for port in 1..=2 {
            world.wire((0, port), (1, port));
            world.add(0, fast(port));
            world.add(1, fast(port));
        }
        world.run(secs(5));
        assert_eq!((world.distributing(0), world.distributing(1)), (vec![1, 2], vec![1, 2]));
        assert_eq!(world.port(0, 1).mux(), MuxState::CollectingDistributing);
        world.link(0, 1, false);
        assert_eq!(world.collecting(0), [2]);
    }
}

#[test]
fn a_retired_port_stops_sending_first_and_takes_what_is_still_sent_lacp_10() {
    let mut world = World::pair(2, slow, slow);
    world.run(secs(5));
    world.events.clear();
    world.retire(0, 1);
    assert_eq!((world.distributing(0), world.collecting(0)), (vec![2], vec![1, 2]));
    assert!(world.port(0, 1).actor().state.has(LacpState::SYNCHRONIZATION), "in the grace it says nothing");
    world.run(millis(9));
    assert_eq!(world.distributing(1), [1, 2], "nor does the partner stop");
    assert_eq!(world.collecting(0), [1, 2], "and what it sends is taken");
}

#[test]
fn retirement_ends_when_the_partner_has_stopped_lacp_10() {
    let mut world = World::pair(2, slow, slow);
    world.run(secs(5));
    world.retire(0, 1);
    world.run(millis(50));
    assert!(world.port(0, 1).is_retired());
    assert_eq!((world.distributing(1), world.collecting(1)), (vec![2], vec![2]));
    // Our side stopped taking frames after the partner had stopped sending them.
    let stopped = |group, state| {
        world.events.iter().rposition(|(_, g, event)| {
            *g == group
                && matches!(event, Event::Port { port, change: Change::Mux { new, .. }, .. }
                    if port.get() == 1 && *new == state)
        })
    };
    assert!(stopped(1, MuxState::Collecting) < stopped(0, MuxState::Attached));
    world.remove(0, 1);
    world.run(secs(200));
    assert_eq!((world.distributing(0), world.distributing(1)), (vec![2], vec![2]));

    // A partner that does not react is not waited for without end.
    let mut world = World::pair(2, slow, slow);
    world.run(secs(5));
    world.cut((0, 1));
    world.retire(0, 1);
    world.run(secs(1));
    assert!(!world.port(0, 1).is_retired());
    world.run(secs(2));
    assert!(world.port(0, 1).is_retired());
}

#[test]
fn the_system_stays_while_ports_come_and_go_lacp_12() {
    let mut world = World::pair(3, fast, fast);
    world.run(secs(5));
    world.events.clear();
    world.remove(0, 1);
    world.run(secs(1));
    world.add(0, fast(1));
    world.step(0, |group, now, _| {
        let config = GroupConfig { min_links: 2, ..*group.config() };
        group.configure(now, config, |_, _| panic!("nobody need know"));
    });
    world.run(secs(10));
    assert_eq!(world.distributing(0), [1, 2, 3]);
    for (_, _, event) in &world.events {
        assert!(matches!(event, Event::Port { port, .. } if port.get() == 1), "{event}");
    }
    assert!(world.sent.iter().filter(|sent| sent.group == 0).all(|sent| sent.pdu.actor.system == system(1)));
    // Another identity is another partner.
    world.step(0, |group, now, out| {
        let config = GroupConfig { system: LacpSystem { priority: 1, ..system(1) }, ..*group.config() };
        group.configure(now, config, out);
    });
    assert_eq!(world.collecting(0), [0; 0]);
    world.run(secs(10));
    assert_eq!(world.distributing(0), [1, 2, 3]);
    assert_eq!(world.port(1, 1).partner().system.priority, 1);
}

#[test]
fn a_partner_that_moves_to_another_port_is_forgotten_on_the_old_one_lacp_5() {
    let mut world = World::pair(1, fast, fast);
    world.add(0, fast(2));
    world.run(secs(5));
    world.link(0, 1, false);
    world.cut((0, 1));
    assert_eq!(world.port(0, 1).partner().system, system(2), "it may come back");
    world.wire((0, 2), (1, 1));
    world.run(secs(5));
    assert_eq!(world.port(0, 1).partner(), LacpInfo::default());
    assert_eq!(
        world.receive_way(0, 1).last().map(|(_, state, cause)| (*state, *cause)),
        Some((ReceiveState::PortDisabled, Cause::Moved))
    );
    assert_eq!(world.distributing(0), [2]);
}

#[test]
fn a_configured_partner_works_without_speaking_lacp_5() {
    let admin = LacpInfo {
        state: LacpState::AGGREGATION.with(LacpState::SYNCHRONIZATION).with(LacpState::COLLECTING),
        ..LacpInfo::default()
    };
    let mut world = World::new([GroupConfig::new(system(1))]);
    world.add(0, PortConfig { partner_admin: admin, ..fast(1) });
    world.add(0, PortConfig { partner_admin: admin, lacp: false, ..fast(2) });
    world.add(0, fast(3));
    world.run(secs(10));
    assert_eq!(world.port(0, 1).receive(), ReceiveState::Defaulted);
    assert_eq!(world.port(0, 2).receive(), ReceiveState::LacpDisabled);
    assert!(!world.port(0, 2).partner().state.has(LacpState::AGGREGATION), "without LACP it is individual");
    // Port 2 is individual, was there first and stays.
    assert_eq!(world.distributing(0), [2]);
    assert_eq!(world.port(0, 1).selected().0, Selected::Standby);
    assert_eq!(world.port(0, 3).selected().0, Selected::Unselected);
    assert!(world.sent_by(0, 2).is_empty(), "LACP disabled is silent");
    world.remove(0, 2);
    world.run(secs(3));
    assert_eq!(world.distributing(0), [1]);
    // Nothing is assumed any longer.
    world.configure(0, fast(1));
    assert_eq!(world.distributing(0), [0; 0]);
    world.run(secs(10));
    assert_eq!(world.port(0, 1).selected(), (Selected::Unselected, Cause::Configured));
}

#[test]
fn churn_is_flagged_after_a_minute_lacp_3() {
    let mut world = World::new([GroupConfig::new(system(1)), GroupConfig::new(system(2))]);
    world.add(0, fast(1));
    world.add(1, fast(1));
    world.run(millis(59_999));
    assert!(!world.port(0, 1).actor_churn() && !world.port(0, 1).partner_churn());
    world.run(millis(1));
    assert!(world.port(0, 1).actor_churn() && world.port(0, 1).partner_churn());
    world.wire((0, 1), (1, 1));
    world.run(secs(40));
    assert!(!world.port(0, 1).actor_churn() && !world.port(0, 1).partner_churn());
    let lines: Vec<String> = world
        .events
        .iter()
        .filter(|(_, group, _)| *group == 0)
        .map(|(_, _, event)| event.to_string())
        .collect();
    for end in ["actor", "partner"] {
        let begins = format!("port 1: {end} quiet -> churned: out of sync for too long");
        let ends = format!("port 1: {end} churned -> quiet: ");
        let place = lines.iter().position(|line| *line == begins).expect("it is said");
        assert!(lines[place..].iter().any(|line| line.starts_with(&ends)), "{lines:?}");
    }
    assert!(
        lines.contains(&"port 1: mux machine waiting -> attached: aggregate wait over".to_string()),
        "{lines:?}"
    );
    assert!(
        lines.contains(
            &"port 1: receive machine expired -> defaulted: partner silent for too long".to_string()
        )
    );
    assert!(
        lines.contains(&"aggregator: none -> key 1 with 32768/02:00:00:00:00:02 key 1".to_string()),
        "{lines:?}"
    );
}
