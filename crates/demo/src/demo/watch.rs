//! Who looks on: at what the stack tells ([`Observer`]) and at what it puts on the wire.
//!
//! # Locks
//!
//! The log of neighbours that are followed, a leaf that is held for a push or a look. All else is atomic: a
//! thousand neighbours change their state in each round of the churn.

use std::net::IpAddr;
use std::net::Ipv6Addr;
use std::sync::Mutex;
use std::sync::MutexGuard;
use std::sync::PoisonError;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering;

use siding_drivers::Direction;
use siding_stack::Event;
use siding_stack::Observer;
use siding_stack::nd6::nud::NudState;
use siding_wire::EtherType;
use siding_wire::IpProto;
use siding_wire::ether::Ether;
use siding_wire::icmp6::Icmp6Type;
use siding_wire::ip6::Ip6Repr;

/// A neighbour's state; `None` is "no entry".
pub(super) type State = Option<NudState>;

/// The states of the table, in the order of a neighbour's life.
pub(super) const STATES: [State; 7] = [
    None,
    Some(NudState::Incomplete),
    Some(NudState::Reachable),
    Some(NudState::Stale),
    Some(NudState::Delay),
    Some(NudState::Probe),
    Some(NudState::Unreachable),
];

/// What has been seen.
pub(super) struct Watch {
    /// Neighbours whose every step is kept.
    followed: [Ipv6Addr; 2],
    /// The one of them that falls silent.
    silent: Ipv6Addr,
    log: Mutex<Vec<(IpAddr, State, State)>>,
    /// How often a neighbour went from one state to another.
    transitions: [[AtomicU64; STATES.len()]; STATES.len()],
    preferred: AtomicU64,
    troubles: Mutex<Vec<String>>,
    sent: AtomicU64,
    received: AtomicU64,
    after_detach: AtomicU64,
    unicast_probes: AtomicU64,
    multicast_probes: AtomicU64,
}

impl Watch {
    /// Keeps each step of `peer` and of `silent`, and counts the solicitations for the latter.
    pub(super) fn new(peer: Ipv6Addr, silent: Ipv6Addr) -> Watch {
        Watch {
            followed: [peer, silent],
            silent,
            log: Mutex::default(),
            transitions: Default::default(),
            preferred: AtomicU64::new(0),
            troubles: Mutex::default(),
            sent: AtomicU64::new(0),
            received: AtomicU64::new(0),
            after_detach: AtomicU64::new(0),
            unicast_probes: AtomicU64::new(0),
            multicast_probes: AtomicU64::new(0),
        }
    }

    /// A frame passed on an interface, whose detach had returned by then if `gone` is set.
    pub(super) fn frame(&self, direction: Direction, frame: &[u8], gone: &AtomicBool) {
        if direction == Direction::In {
            self.received.fetch_add(1, Ordering::Relaxed);
            return;
        }
        self.sent.fetch_add(1, Ordering::Relaxed);
        if gone.load(Ordering::SeqCst) {
            self.after_detach.fetch_add(1, Ordering::Relaxed);
        }
        match solicited(frame) {
            Some((target, true)) if target == self.silent => &self.unicast_probes,
            Some((target, false)) if target == self.silent => &self.multicast_probes,
            _ => return,
        }
        .fetch_add(1, Ordering::Relaxed);
    }

    /// How many steps of the followed neighbours there have been: a mark for [`steps`](Self::steps).
    pub(super) fn mark(&self) -> usize {
        lock(&self.log).len()
    }

    /// The steps of one followed neighbour since the mark.
    pub(super) fn steps(&self, of: Ipv6Addr, mark: usize) -> Vec<(State, State)> {
        let log = lock(&self.log);
        let steps = log.iter().skip(mark).filter(|(addr, ..)| *addr == IpAddr::V6(of));
        steps.map(|(_, from, to)| (*from, *to)).collect()
    }

    /// How often any neighbour went from one state to another, without what never happened.
    pub(super) fn transitions(&self) -> Vec<(State, State, u64)> {
        let mut all = Vec::new();
        for (from, row) in STATES.iter().zip(&self.transitions) {
            for (to, count) in STATES.iter().zip(row) {
                let count = count.load(Ordering::Relaxed);
                if count > 0 {
                    all.push((*from, *to, count));
                }
            }
        }
        all
    }

    /// Addresses that passed duplicate address detection.
    pub(super) fn preferred(&self) -> u64 {
        self.preferred.load(Ordering::Relaxed)
    }

    /// What the stack told of and should not have had to: duplicates, conflicts, drivers that failed.
    pub(super) fn troubles(&self) -> Vec<String> {
        lock(&self.troubles).clone()
    }

    /// Frames sent and received, as the driver saw them.
    pub(super) fn frames(&self) -> (u64, u64) {
        (self.sent.load(Ordering::Relaxed), self.received.load(Ordering::Relaxed))
    }

    /// Frames that were sent on an interface after its detach had returned.
    pub(super) fn after_detach(&self) -> u64 {
        self.after_detach.load(Ordering::Relaxed)
    }

    /// Solicitations sent for the neighbour that falls silent: to itself, and to its group.
    pub(super) fn probes(&self) -> (u64, u64) {
        (self.unicast_probes.load(Ordering::Relaxed), self.multicast_probes.load(Ordering::Relaxed))
    }
}

impl Observer for Watch {
    fn event(&self, event: &Event) {
        match event {
            Event::Neighbor { addr, from, to, .. } => {
                let place = |state: &State| STATES.iter().position(|other| other == state).unwrap_or(0);
                self.transitions[place(from)][place(to)].fetch_add(1, Ordering::Relaxed);
                if self.followed.iter().any(|followed| IpAddr::V6(*followed) == *addr) {
                    lock(&self.log).push((*addr, *from, *to));
                }
            }
            Event::AddressPreferred { .. } => {
                self.preferred.fetch_add(1, Ordering::Relaxed);
            }
            // What is changed on purpose is told as it should be.
            Event::Lagg { .. } | Event::Bridge { .. } => {}
            trouble => {
                let mut troubles = lock(&self.troubles);
                // One that comes with every turn shall not fill the memory.
                if troubles.len() < 16 {
                    troubles.push(trouble.to_string());
                }
            }
        }
    }
}

/// Names a state in the table.
pub(super) fn name(state: State) -> String {
    state.map_or_else(|| "none".to_owned(), |state| state.to_string())
}

/// Whether `chain` is found in `steps`, in order; others may lie between.
pub(super) fn has_chain(steps: &[(State, State)], chain: &[(State, State)]) -> bool {
    let mut steps = steps.iter();
    chain.iter().all(|wanted| steps.any(|step| step == wanted))
}

/// The target of a neighbour solicitation, and whether the frame goes to one station.
fn solicited(frame: &[u8]) -> Option<(Ipv6Addr, bool)> {
    let (ether, packet) = Ether::parse(frame).ok()?;
    if ether.ethertype != EtherType::IPV6 {
        return None;
    }
    let (ip, message) = Ip6Repr::parse(packet).ok()?;
    if ip.next_header != IpProto::ICMP6 || message.first() != Some(&Icmp6Type::NEIGHBOR_SOLICIT.0) {
        return None;
    }
    let target = <[u8; 16]>::try_from(message.get(8..24)?).ok()?;
    Some((target.into(), ether.dst.is_unicast()))
}

/// A lock that a panic elsewhere does not take away: what it guards is whole at every instruction.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    const STALE: State = Some(NudState::Stale);
    const DELAY: State = Some(NudState::Delay);
    const PROBE: State = Some(NudState::Probe);

    #[test]
    fn a_chain_is_found_in_order_only() {
        let steps = [(STALE, DELAY), (DELAY, STALE), (STALE, DELAY), (DELAY, PROBE)];
        assert!(has_chain(&steps, &[(STALE, DELAY), (DELAY, PROBE)]));
        assert!(!has_chain(&steps, &[(DELAY, PROBE), (STALE, DELAY)]));
        assert!(!has_chain(&steps, &[(STALE, PROBE)]));
    }

    #[test]
    fn frames_after_a_detach_and_probes_of_the_silent_one_are_counted() {
        let (peer, silent): (Ipv6Addr, Ipv6Addr) =
            ("2001:db8::2".parse().unwrap(), "2001:db8::3".parse().unwrap());
        let watch = Watch::new(peer, silent);
        let mut frame = vec![0; 14 + 40 + 24];
        frame[..6].copy_from_slice(&[2, 0, 0, 0, 0, 1]);
        frame[12..14].copy_from_slice(&[0x86, 0xdd]);
        let packet = &mut frame[14..];
        packet[0] = 0x60;
        packet[5] = 24;
        packet[6] = 58;
        packet[7] = 255;
        packet[40] = 135;
        packet[48..64].copy_from_slice(&silent.octets());
        let gone = AtomicBool::new(false);
        watch.frame(Direction::Out, &frame, &gone);
        assert_eq!((watch.probes(), watch.after_detach()), ((1, 0), 0));
        gone.store(true, Ordering::SeqCst);
        frame[0] = 0x33;
        watch.frame(Direction::Out, &frame, &gone);
        watch.frame(Direction::In, &frame, &gone);
        assert_eq!((watch.probes(), watch.after_detach()), ((1, 1), 1));
        assert_eq!(watch.frames(), (2, 1));
    }
}
