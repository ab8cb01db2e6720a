//! One port, fed by hand: what each PDU and each moment does.

use crate::lacp_world::*;
use siding_machines::lacp::*;
use siding_netisr::Instant;
use siding_wire::Mac;
use siding_wire::lacp::LacpInfo;
use siding_wire::lacp::LacpState;
use siding_wire::lacp::Lacpdu;
use siding_wire::lacp::Marker;
use siding_wire::lacp::MarkerKind;

const ACTIVE: LacpState = LacpState::ACTIVITY.with(LacpState::AGGREGATION);
const SYNC: LacpState = ACTIVE.with(LacpState::SYNCHRONIZATION);
const COLLECTING: LacpState = SYNC.with(LacpState::COLLECTING);

/// What is changed, and how.
type Spoiled = (&'static str, fn(&mut LacpInfo));

/// A group with port 1, in virtual time, and what it sent.
struct Bench {
    now: Instant,
    group: Group,
    sent: Vec<(Instant, Lacpdu)>,
    refuse: bool,
}

impl Bench {
    fn new(config: PortConfig) -> Bench {
        let mut bench =
            Bench { now: T0, group: Group::new(GroupConfig::new(system(1))), sent: vec![], refuse: false };
        bench.step(|group, now, out| group.add(now, config, true, out).unwrap());
        bench
    }

    fn step(
        &mut self,
        step: impl FnOnce(&mut Group, Instant, &mut dyn FnMut(PortNumber, Lacpdu) -> Result<(), Refused>),
    ) {
        let (sent, now, refuse) = (&mut self.sent, self.now, self.refuse);
        step(&mut self.group, now, &mut |_, pdu| {
            if refuse {
                return Err(Refused);
            }
            sent.push((now, pdu));
            Ok(())
        });
        check(&self.group);
    }

    /// Runs every deadline up to `millis` after the beginning.
    fn until(&mut self, at: u64) {
        let end = T0 + millis(at);
        while let Some(deadline) = self.group.deadline().filter(|deadline| *deadline <= end) {
            self.now = deadline;
            self.step(|group, now, out| group.on_timer(now, out));
        }
        self.now = end;
    }

    /// The partner says that it is in `state` and knows us as we are.
    fn hear(&mut self, state: LacpState) {
        let partner = self.port().actor();
        self.hear_pdu(Lacpdu { actor: partner_in(state), partner, collector_max_delay: 0 });
    }

    fn hear_pdu(&mut self, pdu: Lacpdu) {
        self.step(|group, now, out| group.on_pdu(now, n(1), &pdu, out).unwrap());
    }

    fn port(&self) -> &Port {
        self.group.port(n(1)).unwrap()
    }
}

fn partner_in(state: LacpState) -> LacpInfo {
    LacpInfo { system: system(2), key: 5, port_priority: 7, port: 11, state }
}

/// Distributing at 3 s, with nothing left to say.
fn distributing() -> Bench {
    let mut bench = Bench::new(slow(1));
    bench.hear(ACTIVE);
    bench.until(2_000);
    bench.hear(SYNC);
    bench.until(3_000);
    bench.hear(COLLECTING);
    bench.until(10_000);
    assert!(bench.port().is_distributing());
    bench.sent.clear();
    bench
}

#[test]
fn one_thing_after_the_other_lacp_10() {
    let mut bench = Bench::new(slow(1));
    assert_eq!((bench.port().receive(), bench.port().mux()), (ReceiveState::Expired, MuxState::Detached));
    bench.hear(COLLECTING);
    assert_eq!((bench.port().receive(), bench.port().mux()), (ReceiveState::Current, MuxState::Waiting));
    bench.until(1_999);
    assert_eq!(bench.port().mux(), MuxState::Waiting);
    bench.until(2_000);
    assert_eq!(bench.port().mux(), MuxState::Distributing, "the partner was ahead");

    let mut bench = Bench::new(slow(1));
    bench.hear(ACTIVE);
    bench.until(5_000);
    assert_eq!(bench.port().mux(), MuxState::Attached);
    bench.hear(SYNC);
    assert_eq!(bench.port().mux(), MuxState::Collecting);
    bench.hear(COLLECTING);
    assert_eq!(bench.port().mux(), MuxState::Distributing);
    bench.hear(SYNC);
    assert_eq!(bench.port().mux(), MuxState::Collecting, "a partner that takes nothing is sent nothing");
    bench.hear(ACTIVE);
    assert_eq!(bench.port().mux(), MuxState::Attached);
}

#[test]
fn losing_sync_stops_distributing_and_then_collecting_lacp_10() {
    let mut bench = distributing();
    bench.group.take_events();
    bench.hear(COLLECTING.without(LacpState::SYNCHRONIZATION));
    let lines: Vec<String> = bench.group.take_events().0.iter().map(Event::to_string).collect();
    assert_eq!(
        lines,
        [
            "port 1: mux machine distributing -> collecting: partner out of sync",
            "port 1: mux machine collecting -> attached: partner out of sync",
        ]
    );
    let said = bench.sent.last().unwrap().1.actor.state;
    assert_eq!(said.to_string(), "active, long timeout, aggregatable, in sync");
}

#[test]
fn a_partner_that_does_not_hear_us_is_not_sent_to_lacp_10() {
    for deaf in [LacpState::EXPIRED, LacpState::DEFAULTED] {
        let mut bench = distributing();
        bench.hear(COLLECTING.with(deaf));
        assert_eq!(bench.port().mux(), MuxState::Collecting, "it may be heard: {deaf}");
        bench.hear(COLLECTING);
        assert_eq!(bench.port().mux(), MuxState::Distributing);
    }
}

#[test]
fn a_retired_port_is_quiet_for_the_grace_whatever_the_partner_does_lacp_10() {
    // The partner does not distribute, or has not said so yet.
    let mut bench = distributing();
    bench.step(|group, now, out| group.retire(now, n(1), out).unwrap());
    bench.until(10_009);
    assert_eq!(bench.port().mux(), MuxState::Collecting);
    assert!(bench.port().actor().state.has(LacpState::SYNCHRONIZATION));
    bench.until(10_010);
    assert!(bench.port().is_retired());
    let states: Vec<String> = bench.sent.iter().map(|(_, pdu)| pdu.actor.state.to_string()).collect();
    assert_eq!(
        states,
        [
            "active, long timeout, aggregatable, in sync, collecting",
            "active, long timeout, aggregatable, out of sync",
        ]
    );
    // Nothing brings it back.
    bench.hear(COLLECTING);
    bench.until(20_000);
    assert!(bench.port().is_retired());
}

#[test]
fn sync_counts_only_from_a_partner_that_means_us_lacp_5() {
    let wrong: [Spoiled; 6] = [
        ("system", |info| info.system = system(9)),
        ("system priority", |info| info.system.priority = 1),
        ("key", |info| info.key = 99),
        ("port priority", |info| info.port_priority = 1),
        ("port", |info| info.port = 99),
        ("aggregation", |info| info.state = info.state.without(LacpState::AGGREGATION)),
    ];
    for (what, spoil) in wrong {
        let mut bench = distributing();
        let mut partner = bench.port().actor();
        spoil(&mut partner);
        bench.hear_pdu(Lacpdu { actor: partner_in(COLLECTING), partner, collector_max_delay: 0 });
        assert_eq!(bench.port().mux(), MuxState::Attached, "{what}");
        //= IEEE 802.1AX s6.4.9 [LACP-8]: and it is told at once who we are
        assert_eq!(bench.sent.len(), 1, "{what}");
    }
}

#[test]
fn sync_counts_only_while_somebody_keeps_speaking_lacp_7() {
    // A passive partner that takes us for passive would fall silent.
    for (ours, theirs_of_us, counts) in
        [(slow(1), true, true), (slow(1), false, false), (passive(slow(1)), true, false)]
    {
        let mut bench = Bench::new(ours);
        bench.hear(ACTIVE);
        bench.until(2_500);
        let mut partner = bench.port().actor();
        partner.state = partner.state.set(LacpState::ACTIVITY, theirs_of_us);
        let actor = partner_in(COLLECTING.without(LacpState::ACTIVITY));
        bench.hear_pdu(Lacpdu { actor, partner, collector_max_delay: 0 });
        assert_eq!(bench.port().is_distributing(), counts);
    }
}

#[test]
fn whoever_knows_us_wrongly_hears_from_us_and_nobody_else_lacp_8() {
    let bits = [
        (LacpState::ACTIVITY, true),
        (LacpState::TIMEOUT, true),
        (LacpState::AGGREGATION, true),
        (LacpState::SYNCHRONIZATION, true),
        (LacpState::COLLECTING, false),
        (LacpState::DISTRIBUTING, false),
        (LacpState::DEFAULTED, false),
        (LacpState::EXPIRED, false),
    ];
    for (bit, matters) in bits {
        let mut bench = distributing();
        let mut partner = bench.port().actor();
        partner.state = LacpState(partner.state.0 ^ bit.0);
        // The partner itself stays in sync as far as that does not depend on what it knows of us.
        bench.hear_pdu(Lacpdu { actor: partner_in(COLLECTING), partner, collector_max_delay: 0 });
        assert_eq!(bench.sent.len(), usize::from(matters), "{bit}");
    }
}

#[test]
fn a_partner_that_changes_is_attached_anew_lacp_9() {
    let changes: [Spoiled; 6] = [
        ("system", |info| info.system = system(3)),
        ("system priority", |info| info.system.priority = 1),
        ("key", |info| info.key = 6),
        ("port priority", |info| info.port_priority = 8),
        ("port", |info| info.port = 12),
        ("aggregation", |info| info.state = info.state.without(LacpState::AGGREGATION)),
    ];
    for (what, change) in changes {
        let mut bench = distributing();
        let mut actor = partner_in(COLLECTING);
        change(&mut actor);
        let partner = bench.port().actor();
        bench.group.take_events();
        bench.hear_pdu(Lacpdu { actor, partner, collector_max_delay: 0 });
        assert_eq!(bench.port().mux(), MuxState::Waiting, "{what}");
        let (events, _) = bench.group.take_events();
        assert!(
            events.iter().any(|event| matches!(
                event,
                Event::Port {
                    change: Change::Mux { old: MuxState::Attached, new: MuxState::Detached },
                    cause: Cause::PartnerChanged,
                    ..
                }
            )),
            "{what}: {events:?}"
        );
        let out_of_sync = !bench.sent[0].1.actor.state.has(LacpState::SYNCHRONIZATION);
        assert!(out_of_sync, "{what}: and is told that we are out of sync");
        bench.until(12_000);
        let partner = bench.port().actor();
        bench.hear_pdu(Lacpdu { actor, partner, collector_max_delay: 0 });
        assert!(bench.port().is_distributing(), "{what}");
    }
}

#[test]
fn three_in_any_second_and_the_last_says_how_it_is_lacp_3() {
    let mut bench = distributing();
    // Twenty reasons to speak, 10 ms apart.
    for _ in 0..20 {
        let partner = LacpInfo { port: 99, ..bench.port().actor() };
        bench.hear_pdu(Lacpdu { actor: partner_in(COLLECTING), partner, collector_max_delay: 0 });
        bench.now += millis(10);
    }
    assert_eq!(bench.sent.len(), 3);
    bench.hear(COLLECTING);
    bench.until(20_000);
    assert_eq!(bench.sent.len(), 4, "the rest is said once");
    let (at, last) = bench.sent[3];
    assert_eq!(at, bench.sent[0].0 + FAST_PERIODIC_TIME);
    assert!(last.actor.state.has(LacpState::DISTRIBUTING));
}

#[test]
fn a_refused_pdu_is_tried_again_and_does_not_count_lacp_3() {
    let mut bench = distributing();
    bench.refuse = true;
    let partner = LacpInfo { port: 99, ..bench.port().actor() };
    bench.hear_pdu(Lacpdu { actor: partner_in(COLLECTING), partner, collector_max_delay: 0 });
    assert_eq!(bench.port().deadline(), Some(bench.now + bench.group.config().refused_retry));
    bench.until(10_100);
    assert_eq!(bench.port().counters().refused, 11);
    bench.refuse = false;
    bench.until(10_110);
    assert_eq!(bench.sent.len(), 1);
    assert_eq!(bench.port().mux(), MuxState::Attached, "the state did not wait for it");
    for _ in 0..2 {
        bench.hear_pdu(Lacpdu { actor: partner_in(COLLECTING), partner, collector_max_delay: 0 });
    }
    assert_eq!(bench.sent.len(), 3, "three are still free to go");
}

#[test]
fn a_port_that_is_down_or_does_not_speak_hears_nothing_lacp_5() {
    let mut bench = distributing();
    let pdu = Lacpdu { actor: partner_in(COLLECTING), partner: bench.port().actor(), collector_max_delay: 0 };
    bench.step(|group, now, out| {
        assert_eq!(group.on_pdu(now, n(2), &pdu, out), Err(Ignored::NoSuchPort));
    });
    bench.step(|group, now, out| group.set_enabled(now, n(1), false, out).unwrap());
    assert_eq!(bench.port().mux(), MuxState::Attached, "out of use at once");
    assert_eq!(bench.port().receive(), ReceiveState::PortDisabled);
    bench.step(|group, now, out| {
        assert_eq!(group.on_pdu(now, n(1), &pdu, out), Err(Ignored::PortDown));
    });
    assert_eq!(bench.port().deadline(), None, "a link that is down needs no timer");
    assert!(bench.sent.is_empty());
    assert_eq!(bench.port().counters().ignored, 1);

    let mut bench = Bench::new(PortConfig { lacp: false, ..slow(1) });
    bench.step(|group, now, out| {
        assert_eq!(group.on_pdu(now, n(1), &pdu, out), Err(Ignored::LacpDisabled));
    });
    assert_eq!(bench.port().receive(), ReceiveState::LacpDisabled);
    bench.step(|group, now, out| group.configure_port(now, slow(1), out).unwrap());
    assert_eq!(bench.port().receive(), ReceiveState::Expired);
    assert_eq!(bench.sent.len(), 1);
}

#[test]
fn so_many_pdus_are_looked_at_in_a_second_and_the_others_counted() {
    let mut bench = Bench::new(slow(1));
    for heard in 1..=3 {
        bench.hear(ACTIVE);
        assert_eq!(bench.port().counters().received, heard);
    }
    let now = bench.now;
    assert_eq!(bench.group.admit(now, n(2)), Err(Ignored::NoSuchPort));
    for _ in 0..MAX_HEARD {
        assert_eq!(bench.group.admit(now, n(1)), Ok(()));
    }
    for ignored in 1..=3 {
        assert_eq!(bench.group.admit(now, n(1)), Err(Ignored::TooManyPdus));
        assert_eq!(bench.port().counters().ignored, ignored);
    }
    assert_eq!(bench.group.admit(now + secs(1), n(1)), Ok(()));
}

#[test]
fn a_farewell_is_for_who_has_heard_of_us() {
    let mut bench = distributing();
    let before = bench.port().actor();
    let farewell = bench.port().farewell().expect("the partner knows us");
    assert_eq!(farewell.partner, bench.port().partner());
    assert_eq!(farewell.actor, LacpInfo { state: LacpState::ACTIVITY, ..before });
    bench.step(|group, now, out| {
        group.configure_port(now, PortConfig { lacp: false, ..slow(1) }, out).unwrap()
    });
    assert_eq!(bench.port().farewell(), None, "it does not speak any more");

    let mut bench = distributing();
    bench.step(|group, now, out| group.set_enabled(now, n(1), false, out).unwrap());
    assert_eq!(bench.port().farewell(), None, "nothing can be sent");

    let mut mute =
        Bench { now: T0, group: Group::new(GroupConfig::new(system(1))), sent: vec![], refuse: true };
    mute.step(|group, now, out| group.add(now, slow(1), true, out).unwrap());
    assert_eq!(mute.port().farewell(), None, "nobody has heard of it");
}

#[test]
fn what_is_assumed_of_a_partner_matters_only_where_none_speaks() {
    let mut bench = distributing();
    let partner_admin = LacpInfo { key: 77, ..LacpInfo::default() };
    let config = PortConfig { partner_admin, ..slow(1) };
    bench.step(|group, now, out| group.configure_port(now, config, out).unwrap());
    assert_eq!((bench.port().receive(), bench.port().partner().key), (ReceiveState::Current, 5));
    assert!(bench.port().is_distributing());
}

#[test]
fn between_two_passive_ends_it_falls_silent_and_says_why() {
    let mut bench = Bench::new(passive(slow(1)));
    bench.hear(ACTIVE);
    assert_eq!(bench.port().periodic(), PeriodicState::Slow);
    bench.group.take_events();
    bench.hear(ACTIVE.without(LacpState::ACTIVITY));
    assert_eq!(bench.port().periodic(), PeriodicState::None);
    let silent = |event: &Event| {
        matches!(event, Event::Port { change: Change::Periodic { .. }, cause: Cause::BothPassive, .. })
    };
    assert!(bench.group.take_events().0.iter().any(silent));
}

#[test]
fn why_it_begins_to_speak_and_ceases_is_said() {
    let periodic = |bench: &mut Bench| {
        let (events, _) = bench.group.take_events();
        let cause = |event| match event {
            Event::Port { change: Change::Periodic { .. }, cause, .. } => Some(cause),
            _ => None,
        };
        events.into_iter().filter_map(cause).collect::<Vec<_>>()
    };
    let mut bench = Bench::new(slow(1));
    assert_eq!(periodic(&mut bench), [Cause::LinkUp]);
    bench.step(|group, now, out| group.set_enabled(now, n(1), false, out).unwrap());
    assert_eq!((bench.port().is_enabled(), periodic(&mut bench)), (false, vec![Cause::LinkDown]));
    bench.step(|group, now, out| group.set_enabled(now, n(1), true, out).unwrap());
    assert_eq!((bench.port().is_enabled(), periodic(&mut bench)), (true, vec![Cause::LinkUp]));
    let mute = PortConfig { lacp: false, ..slow(1) };
    bench.step(|group, now, out| group.configure_port(now, mute, out).unwrap());
    assert_eq!(periodic(&mut bench), [Cause::Configured]);

    let mut bench = Bench::new(passive(slow(1)));
    bench.hear(ACTIVE);
    assert_eq!(periodic(&mut bench), [Cause::Heard]);
}

#[test]
fn that_it_leaves_is_said_once_whatever_was_said_in_the_second_before() {
    let mut bench = distributing();
    let now_and_then = |bench: &mut Bench| {
        let partner = LacpInfo { port: 99, ..bench.port().actor() };
        bench.hear_pdu(Lacpdu { actor: partner_in(COLLECTING), partner, collector_max_delay: 0 });
    };
    (0..5).for_each(|_| now_and_then(&mut bench));
    bench.hear(COLLECTING);
    assert_eq!(bench.sent.len(), 3);
    bench.step(|group, now, out| group.retire(now, n(1), out).unwrap());
    bench.until(10_020);
    assert_eq!(bench.sent.len(), 4, "in the same second");
    assert!(!bench.sent[3].1.actor.state.has(LacpState::SYNCHRONIZATION));
    (0..5).for_each(|_| now_and_then(&mut bench));
    assert_eq!(bench.sent.len(), 4, "and no more than that");
}

#[test]
fn a_partner_that_is_asked_to_speak_less_often_is_not_gone() {
    let mut bench = Bench::new(fast(1));
    bench.hear(COLLECTING);
    bench.step(|group, now, out| group.configure_port(now, slow(1), out).unwrap());
    bench.until(10_000);
    assert_eq!(bench.port().receive(), ReceiveState::Current);
}

#[test]
fn pdus_that_waited_go_before_the_timer_lacp_13() {
    // Held up for a minute with PDUs waiting: what came last counts, and nobody is taken for gone.
    let mut bench = Bench::new(fast(1));
    bench.hear(COLLECTING);
    bench.until(2_900);
    bench.hear(COLLECTING);
    assert!(bench.port().is_distributing());
    bench.now = T0 + secs(60);
    bench.hear(COLLECTING);
    bench.step(|group, now, out| group.on_timer(now, out));
    assert_eq!(bench.port().receive(), ReceiveState::Current);
    assert!(bench.port().is_distributing());
}

#[test]
fn markers_are_answered_in_any_state_and_not_without_end_lacp_11() {
    let mut bench = Bench::new(slow(1));
    let marker = Marker {
        kind: MarkerKind::Information,
        requester_port: 11,
        requester_system: Mac([2, 0, 0, 0, 0, 2]),
        transaction: 77,
    };
    let response = Marker { kind: MarkerKind::Response, ..marker };
    let now = bench.now;
    for _ in 0..MAX_MARKERS {
        assert_eq!(bench.group.on_marker(now, n(1), &marker), Ok(response));
    }
    assert_eq!(bench.group.on_marker(now, n(1), &marker), Err(Ignored::TooManyMarkers));
    assert_eq!(bench.group.on_marker(now + secs(1), n(1), &marker), Ok(response));
    assert_eq!(bench.group.on_marker(now, n(1), &response), Err(Ignored::MarkerResponse));
    assert_eq!(bench.group.on_marker(now, n(2), &marker), Err(Ignored::NoSuchPort));
    bench.step(|group, now, out| group.set_enabled(now, n(1), false, out).unwrap());
    assert_eq!(bench.group.on_marker(now + secs(9), n(1), &marker), Err(Ignored::PortDown));
    let counters = bench.port().counters();
    assert_eq!((counters.markers, counters.ignored), (11, 3));
}

#[test]
fn ports_are_told_apart_by_number_lacp_12() {
    let mut bench = Bench::new(slow(1));
    bench.step(|group, now, mut out| {
        assert_eq!(group.add(now, slow(1), true, &mut out), Err(PortError::NumberTaken));
        assert_eq!(group.add(now, slow(65_535), true, &mut out), Ok(()));
        assert_eq!(group.remove(now, n(2), &mut out), Err(PortError::NoSuchPort));
        assert_eq!(group.retire(now, n(2), &mut out), Err(PortError::NoSuchPort));
        assert_eq!(group.set_enabled(now, n(2), true, &mut out), Err(PortError::NoSuchPort));
        assert_eq!(group.configure_port(now, slow(2), &mut out), Err(PortError::NoSuchPort));
    });
    let numbers: Vec<u16> = bench.group.ports().iter().map(|port| port.number().get()).collect();
    assert_eq!(numbers, [1, 65_535]);
    assert_eq!(bench.sent.last().unwrap().1.actor.port, 65_535);
}

#[test]
fn events_that_nobody_takes_do_not_fill_the_memory() {
    let mut bench = Bench::new(slow(1));
    for round in 0..2_000 {
        bench.step(|group, now, out| group.set_enabled(now, n(1), round % 2 == 1, out).unwrap());
    }
    let (events, lost) = bench.group.take_events();
    assert!(events.len() <= 1024 && lost > 1_000);
    assert_eq!(bench.group.take_events(), (vec![], 0));
}
