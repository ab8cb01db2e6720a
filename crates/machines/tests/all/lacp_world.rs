//! Groups, wires between their ports, and virtual time.

use std::collections::BTreeMap;
use std::num::NonZeroU16;
use std::time::Duration;

use siding_machines::lacp::*;
use siding_netisr::Instant;
use siding_wire::Mac;
use siding_wire::lacp::LacpState;
use siding_wire::lacp::LacpSystem;
use siding_wire::lacp::Lacpdu;

pub(crate) const T0: Instant = Instant::from_nanos(1_000_000_000_000);
const FLIGHT: Duration = Duration::from_micros(50);

pub(crate) fn n(port: u16) -> PortNumber {
    NonZeroU16::new(port).unwrap()
}

pub(crate) fn system(last: u8) -> LacpSystem {
    LacpSystem { priority: 0x8000, mac: Mac([2, 0, 0, 0, 0, last]) }
}

pub(crate) fn secs(secs: u64) -> Duration {
    Duration::from_secs(secs)
}

pub(crate) fn millis(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

/// An active, fast port of key 1.
pub(crate) fn fast(port: u16) -> PortConfig {
    PortConfig { rate: Rate::Fast, ..PortConfig::new(n(port), 1) }
}

pub(crate) fn slow(port: u16) -> PortConfig {
    PortConfig::new(n(port), 1)
}

pub(crate) fn passive(config: PortConfig) -> PortConfig {
    PortConfig { activity: Activity::Passive, ..config }
}

#[derive(Debug, Clone)]
pub(crate) struct Sent {
    pub(crate) at: Instant,
    pub(crate) group: usize,
    pub(crate) port: u16,
    pub(crate) pdu: Lacpdu,
}

pub(crate) struct World {
    pub(crate) now: Instant,
    pub(crate) groups: Vec<Group>,
    pub(crate) wires: BTreeMap<(usize, u16), (usize, u16)>,
    /// In percent.
    pub(crate) loss: u64,
    pub(crate) sent: Vec<Sent>,
    pub(crate) events: Vec<(Instant, usize, Event)>,
    flight: BTreeMap<(Instant, usize), (usize, u16, Lacpdu)>,
    chance: u64,
}

impl World {
    pub(crate) fn new(configs: impl IntoIterator<Item = GroupConfig>) -> World {
        World {
            now: T0,
            groups: configs.into_iter().map(Group::new).collect(),
            wires: BTreeMap::new(),
            loss: 0,
            sent: vec![],
            events: vec![],
            flight: BTreeMap::new(),
            chance: 0x9e37_79b9_7f4a_7c15,
        }
    }

    /// Systems 1 and 2, with `ports` of each configured by `a` and `b` and wired pair by pair.
    pub(crate) fn pair(ports: u16, a: impl Fn(u16) -> PortConfig, b: impl Fn(u16) -> PortConfig) -> World {
        let mut world = World::new([GroupConfig::new(system(1)), GroupConfig::new(system(2))]);
        for port in 1..=ports {
            world.wire((0, port), (1, port));
            world.add(0, a(port));
            world.add(1, b(port));
        }
        world
    }

    pub(crate) fn wire(&mut self, a: (usize, u16), b: (usize, u16)) {
        self.wires.insert(a, b);
        self.wires.insert(b, a);
    }

    /// Nothing passes any more; the link seems to be up.
    pub(crate) fn cut(&mut self, a: (usize, u16)) {
        if let Some(b) = self.wires.remove(&a) {
            self.wires.remove(&b);
        }
    }

    pub(crate) fn add(&mut self, group: usize, config: PortConfig) {
        self.step(group, |group, now, out| group.add(now, config, true, out).unwrap());
    }

    pub(crate) fn remove(&mut self, group: usize, port: u16) {
        self.step(group, |group, now, out| group.remove(now, n(port), out).unwrap());
    }

    pub(crate) fn retire(&mut self, group: usize, port: u16) {
        self.step(group, |group, now, out| group.retire(now, n(port), out).unwrap());
    }

    pub(crate) fn link(&mut self, group: usize, port: u16, up: bool) {
        self.step(group, |group, now, out| group.set_enabled(now, n(port), up, out).unwrap());
    }

    pub(crate) fn configure(&mut self, group: usize, config: PortConfig) {
        self.step(group, |group, now, out| group.configure_port(now, config, out).unwrap());
    }

    /// Runs until nothing is due before `self.now + span`.
    pub(crate) fn run(&mut self, span: Duration) {
        let end = self.now + span;
        loop {
            let frame = self.flight.first_key_value().map(|(&(at, _), _)| at);
            let timer = self.groups.iter().filter_map(Group::deadline).min();
            let Some(next) = frame.into_iter().chain(timer).min().filter(|next| *next <= end) else {
                break;
            };
            assert!(next >= self.now, "a deadline in the past is left");
            self.now = next;
            if frame == Some(next) {
                let (_, (group, port, pdu)) = self.flight.pop_first().unwrap();
                self.step(group, |group, now, out| {
                    let _ = group.on_pdu(now, n(port), &pdu, out);
                });
                continue;
            }
            for group in 0..self.groups.len() {
                if self.groups[group].deadline().is_some_and(|deadline| deadline <= self.now) {
                    self.step(group, |group, now, out| group.on_timer(now, out));
                    assert!(self.groups[group].deadline().is_none_or(|deadline| deadline > self.now));
                }
            }
        }
        self.now = end;
    }

    pub(crate) fn port(&self, group: usize, port: u16) -> &Port {
        self.groups[group].port(n(port)).unwrap()
    }

    pub(crate) fn state(&self, group: usize, port: u16) -> String {
        self.port(group, port).actor().state.to_string()
    }

    pub(crate) fn distributing(&self, group: usize) -> Vec<u16> {
        self.groups[group].distributing().map(NonZeroU16::get).collect()
    }

    pub(crate) fn collecting(&self, group: usize) -> Vec<u16> {
        self.groups[group].collecting().map(NonZeroU16::get).collect()
    }

    pub(crate) fn sent_by(&self, group: usize, port: u16) -> Vec<&Sent> {
        self.sent.iter().filter(|sent| (sent.group, sent.port) == (group, port)).collect()
    }

    /// The mux machine's way since the beginning, as times since T0 in milliseconds and new states.
    pub(crate) fn mux_way(&self, group: usize, port: u16) -> Vec<(u64, MuxState, Cause)> {
        let mut way = vec![];
        for (at, g, event) in &self.events {
            if let Event::Port { port: p, change: Change::Mux { new, .. }, cause } = event
                && (*g, p.get()) == (group, port)
            {
                way.push((at.since(T0).as_millis() as u64, *new, *cause));
            }
        }
        way
    }

    pub(crate) fn receive_way(&self, group: usize, port: u16) -> Vec<(u64, ReceiveState, Cause)> {
        let mut way = vec![];
        for (at, g, event) in &self.events {
            if let Event::Port { port: p, change: Change::Receive { new, .. }, cause } = event
                && (*g, p.get()) == (group, port)
            {
                way.push((at.since(T0).as_millis() as u64, *new, *cause));
            }
        }
        way
    }

    /// Runs one step of a group, checks what must hold after each, and lets fly what it sent.
    pub(crate) fn step(
        &mut self,
        at: usize,
        step: impl FnOnce(&mut Group, Instant, &mut dyn FnMut(PortNumber, Lacpdu) -> Result<(), Refused>),
    ) {
        let group = &mut self.groups[at];
        let sets = |group: &Group| {
            (group.collecting().collect::<Vec<_>>(), group.distributing().collect::<Vec<_>>())
        };
        let (before, generation) = (sets(group), group.generation());
        let mut out = vec![];
        step(group, self.now, &mut |port, pdu| {
            out.push((port, pdu));
            Ok(())
        });
        assert!(sets(group) == before || group.generation() != generation);
        check(group);
        let (events, lost) = group.take_events();
        assert_eq!(lost, 0);
        self.events.extend(events.into_iter().map(|event| (self.now, at, event)));
        for (port, pdu) in out {
            self.launch(at, port.get(), pdu);
        }
    }

    fn launch(&mut self, group: usize, port: u16, pdu: Lacpdu) {
        assert_eq!(pdu.actor, self.groups[group].port(n(port)).unwrap().actor(), "what is sent is how it is");
        let recent = self.sent_by(group, port).iter().filter(|sent| self.now - sent.at < secs(1)).count();
        assert!(recent < 3, "LACP-3: a fourth within a second");
        self.sent.push(Sent { at: self.now, group, port, pdu });
        self.chance =
            self.chance.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        if (self.chance >> 33) % 100 < self.loss {
            return;
        }
        if let Some(&(group, port)) = self.wires.get(&(group, port)) {
            self.flight.insert((self.now + FLIGHT, self.sent.len()), (group, port, pdu));
        }
    }
}

/// What holds for a group after every step.
pub(crate) fn check(group: &Group) {
    for port in group.ports() {
        let (mine, partner) = (port.actor().state, port.partner().state);
        let has = |bit| mine.has(bit);
        assert_eq!(has(LacpState::COLLECTING), port.is_collecting());
        assert_eq!(has(LacpState::DISTRIBUTING), port.is_distributing());
        assert!(!port.is_distributing() || port.is_collecting(), "{port:?}");
        // LACP-10
        assert!(!port.is_collecting() || partner.has(LacpState::SYNCHRONIZATION), "{port:?}");
        assert!(
            !port.is_distributing() || group.config().coupled || partner.has(LacpState::COLLECTING),
            "{port:?}"
        );
        assert!(!port.is_collecting() || port.is_enabled(), "{port:?}");
        assert!(!port.is_distributing() || !port.is_retiring(), "{port:?}");
        assert!(!has(LacpState::SYNCHRONIZATION) || port.selected().0 == Selected::Selected, "{port:?}");
        // One lagg, one aggregator; a port on its way out may take what its partner still sends.
        if port.is_collecting() && !port.is_retiring() {
            let partner = port.partner();
            let lag = group.in_use().unwrap();
            assert_eq!(
                (lag.key, lag.partner, lag.partner_key),
                (port.config().key, partner.system, partner.key)
            );
        }
    }
    if let Some(max) = group.config().max_links {
        let used = group.ports().iter().filter(|port| port.is_collecting() && !port.is_retiring());
        assert!(used.count() <= max);
    }
}
