//! What holds for LACP whatever comes, in whatever order.

use std::collections::BTreeMap;
use std::collections::BTreeSet;

use crate::lacp_world::*;
use proptest::prelude::*;
use siding_machines::lacp::*;
use siding_netisr::Instant;
use siding_wire::Mac;
use siding_wire::lacp::LacpInfo;
use siding_wire::lacp::LacpState;
use siding_wire::lacp::LacpSystem;
use siding_wire::lacp::Lacpdu;

const PORTS: u16 = 4;

#[derive(Debug, Clone)]
enum Happens {
    Wait(u64),
    /// The timer, on time or not.
    Timer,
    Hear {
        port: u16,
        actor: LacpInfo,
        /// The partner knows us as we are.
        knows_us: bool,
        partner: LacpInfo,
    },
    Link(u16, bool),
    Configure(PortConfig),
    Retire(u16),
    Remove(u16),
    Add(PortConfig),
    Refuse(bool),
}

fn port() -> impl Strategy<Value = u16> {
    1..=PORTS
}

fn info() -> impl Strategy<Value = LacpInfo> {
    // Few of each, so that they meet; system 1 is our own.
    let state = prop_oneof![any::<u8>(), Just(0x3d), Just(0x1d), Just(0x0d), Just(0x05)];
    (1..4u8, 1..3u16, 1..3u16, 0..6u16, state).prop_map(|(last, key, port_priority, port, state)| LacpInfo {
        system: LacpSystem { priority: 0x8000, mac: Mac([2, 0, 0, 0, 0, last]) },
        key,
        port_priority,
        port,
        state: LacpState(state),
    })
}

fn config() -> impl Strategy<Value = PortConfig> {
    let assumed = prop_oneof![3 => Just(LacpState(0)), 1 => any::<u8>().prop_map(LacpState)];
    (port(), 1..3u16, any::<[bool; 3]>(), prop::bool::weighted(0.9), assumed).prop_map(
        |(port, key, [active, fast, aggregatable], lacp, assumed)| PortConfig {
            activity: if active { Activity::Active } else { Activity::Passive },
            rate: if fast { Rate::Fast } else { Rate::Slow },
            aggregatable,
            lacp,
            partner_admin: LacpInfo { state: assumed, ..LacpInfo::default() },
            ..PortConfig::new(n(port), key)
        },
    )
}

fn happens() -> impl Strategy<Value = Happens> {
    prop_oneof![
        6 => prop_oneof![0..100u64, 0..3_000u64, Just(100_000)].prop_map(Happens::Wait),
        8 => Just(Happens::Timer),
        12 => (port(), info(), prop::bool::weighted(0.8), info()).prop_map(|(port, actor, knows_us, partner)| {
            Happens::Hear { port, actor, knows_us, partner }
        }),
        2 => (port(), any::<bool>()).prop_map(|(port, up)| Happens::Link(port, up)),
        1 => config().prop_map(Happens::Configure),
        1 => port().prop_map(Happens::Retire),
        1 => port().prop_map(Happens::Remove),
        1 => config().prop_map(Happens::Add),
        1 => any::<bool>().prop_map(Happens::Refuse),
    ]
}

fn group_config() -> impl Strategy<Value = GroupConfig> {
    (any::<bool>(), any::<bool>(), prop::option::of(0..4usize)).prop_map(|(coupled, most, max_links)| {
        GroupConfig {
            coupled,
            max_links: max_links.map(|max| max.max(1)),
            reselect: if most { Reselect::MostPorts } else { Reselect::WhenEmpty },
            ..GroupConfig::new(system(1))
        }
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_500))]

    /// Nothing panics; never a fourth PDU within a second, but once to say that a port leaves; distributing only with a partner that is in sync
    /// and collecting; the mux moves one step at a time; the events tell all of it; no deadline stays behind.
    #[test]
    fn any_order_of_events_lacp_3_lacp_9_lacp_10(
        group_config in group_config(),
        events in prop::collection::vec(happens(), 1..150),
    ) {
        let mut now = T0;
        let mut refuse = false;
        let mut group = Group::new(group_config);
        let mut sent: BTreeMap<u16, Vec<Instant>> = BTreeMap::new();
        let mut left = BTreeSet::new();
        let mut mux: BTreeMap<u16, MuxState> = BTreeMap::new();
        for port in 1..=PORTS {
            group.add(now, fast(port), true, |_, _| Err(Refused)).unwrap();
        }
        for event in events {
            let actors: BTreeMap<u16, LacpInfo> =
                group.ports().iter().map(|port| (port.number().get(), port.actor())).collect();
            let generation = group.generation();
            let before: Vec<_> = group.ports().iter().map(|p| (p.number(), p.is_collecting(), p.is_distributing())).collect();
            let mut out = vec![];
            let send = |port: PortNumber, pdu: Lacpdu| {
                if refuse {
                    return Err(Refused);
                }
                out.push((port.get(), pdu));
                Ok(())
            };
            match event {
                Happens::Wait(span) => now += millis(span),
                Happens::Timer => {
                    group.on_timer(now, send);
                    prop_assert!(group.deadline().is_none_or(|deadline| deadline > now));
                }
                Happens::Hear { port, actor, knows_us, partner } => {
                    let ours = actors.get(&port).filter(|_| knows_us).copied();
                    let pdu = Lacpdu { actor, partner: ours.unwrap_or(partner), collector_max_delay: 0 };
                    let _ = group.on_pdu(now, n(port), &pdu, send);
                }
                Happens::Link(port, up) => { let _ = group.set_enabled(now, n(port), up, send); }
                Happens::Configure(config) => { let _ = group.configure_port(now, config, send); }
                Happens::Retire(port) => { let _ = group.retire(now, n(port), send); }
                Happens::Remove(port) => {
                    if group.remove(now, n(port), send).is_ok() {
                        mux.remove(&port);
                    }
                }
                Happens::Add(config) => {
                    if group.add(now, config, true, send).is_ok() {
                        // Another port: it has a limit of its own.
                        sent.remove(&config.number.get());
                        left.remove(&config.number.get());
                    }
                }
                Happens::Refuse(on) => refuse = on,
            }
            check(&group);
            let after: Vec<_> = group.ports().iter().map(|p| (p.number(), p.is_collecting(), p.is_distributing())).collect();
            prop_assert!(before == after || group.generation() != generation);
            for (port, pdu) in out {
                let times = sent.entry(port).or_default();
                let leaves = group.port(n(port)).unwrap().is_retiring();
                let few = times.iter().filter(|at| now - **at < FAST_PERIODIC_TIME).count() < MAX_LACPDUS;
                prop_assert!(few || leaves && left.insert(port));
                times.push(now);
                prop_assert_eq!(pdu.actor, group.port(n(port)).unwrap().actor());
                prop_assert!(group.port(n(port)).unwrap().is_enabled());
            }
            for event in group.take_events().0 {
                if let Event::Port { port, change: Change::Mux { old, new }, .. } = event {
                    let was = mux.insert(port.get(), new).unwrap_or(MuxState::Detached);
                    prop_assert_eq!(was, old);
                    prop_assert!(old != MuxState::Distributing || !matches!(new, MuxState::Attached | MuxState::Detached));
                }
            }
            for port in group.ports() {
                let told = mux.get(&port.number().get()).copied().unwrap_or(MuxState::Detached);
                prop_assert_eq!(told, port.mux());
            }
        }
        // Quiet in the end.
        for port in 1..=PORTS {
            let _ = group.set_enabled(now, n(port), false, |_, _| Ok(()));
        }
        for _ in 0..50 {
            let Some(deadline) = group.deadline() else { break };
            now = now.max(deadline);
            group.on_timer(now, |_, _| Ok(()));
        }
        prop_assert_eq!(group.deadline(), None, "links that are down need no timer");
        prop_assert_eq!(group.collecting().count(), 0);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    /// Two ends come together whatever each is configured like, if one of them speaks first, and whatever was
    /// lost before.
    #[test]
    fn ends_that_may_aggregate_do_lacp_7_lacp_10(
        active in prop_oneof![Just((true, true)), Just((true, false)), Just((false, true))],
        rates in any::<(bool, bool)>(),
        coupled in any::<(bool, bool)>(),
        loss in 0..60u64,
        flaps in prop::collection::vec((0..2usize, port(), any::<bool>(), 0..5_000u64), 0..20),
    ) {
        let end = |last, coupled| GroupConfig { coupled, ..GroupConfig::new(system(last)) };
        let mut world = World::new([end(1, coupled.0), end(2, coupled.1)]);
        let config = |port, active, quick: bool| {
            let config = if quick { fast(port) } else { slow(port) };
            if active { config } else { passive(config) }
        };
        world.loss = loss;
        for port in 1..=PORTS {
            world.wire((0, port), (1, port));
            world.add(0, config(port, active.0, rates.0));
            world.add(1, config(port, active.1, rates.1));
        }
        for (group, port, up, pause) in flaps {
            world.link(group, port, up);
            world.run(millis(pause));
        }
        world.loss = 0;
        for port in 1..=PORTS {
            world.link(0, port, true);
            world.link(1, port, true);
        }
        // A slow end may need its long timeout to see that the other has forgotten it.
        world.run(secs(200));
        let all: Vec<u16> = (1..=PORTS).collect();
        prop_assert_eq!(world.distributing(0), all.clone());
        prop_assert_eq!(world.distributing(1), all);
    }
}
