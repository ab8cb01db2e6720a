//! What a judge may ask about a packet, and tell.

use std::net::IpAddr;

use siding_machines::filter::CtState;
use siding_machines::filter::POLICIES;
use siding_machines::filter::States;
use siding_machines::filter::Tracked;
use siding_machines::filter::Way;
use siding_mbuf::Mbuf;
use siding_netisr::Instant;
use siding_wire::Mac;
use siding_wire::ether;

use super::counted::Counted;
use super::counts::Counts;
use crate::config::Config;
use crate::event::Event;
use crate::icmp6::LinkCast;
use crate::ifnet::Interface;
use crate::ifnet::Kind;

/// What is known of a packet's flow.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Connection {
    /// What the packet is to it.
    pub state: CtState,
    /// Which way it goes; `None` where there is no flow.
    pub way: Option<Way>,
    /// The flow's mark.
    pub mark: u32,
}

/// From whom a frame was, and to whom.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FrameEnds {
    /// From whom.
    pub src: Mac,
    /// To whom.
    pub dst: Mac,
}

impl FrameEnds {
    /// Of a packet whose Ethernet header still stands before it.
    pub(crate) fn before(packet: &Mbuf) -> Option<FrameEnds> {
        let header = packet.before(ether::HEADER_LEN)?;
        let is_ip = matches!(header[12..], [0x08, 0x00] | [0x86, 0xdd]);
        let (dst, src) = (header.first_chunk()?, header[6..].first_chunk()?);
        is_ip.then_some(FrameEnds { src: Mac(*src), dst: Mac(*dst) })
    }
}

/// What an address is to the routes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AddrKind {
    /// Ours.
    Local,
    /// Of several nodes, us included.
    Anycast,
    /// A group.
    Multicast,
    /// Everybody on a link.
    Broadcast,
    /// Somebody's, and there is a way there.
    Unicast,
    /// No way is there.
    Unreachable,
}

/// What states have for the policies of the rules in force, by the numbers that these have for them; 0 for none.
pub(crate) type Ours = [u8; POLICIES + 1];

/// Where rules are asked whose flows have no state.
pub(crate) const NOBODYS: &Ours = &[0; POLICIES + 1];

/// Where flows are counted.
pub(crate) struct Counting<'a> {
    pub(crate) counts: &'a Counts,
    pub(crate) own: &'a mut Counted,
}

/// What a packet that is only thought of has changed, for what is asked about it later.
#[derive(Debug, Default)]
pub(crate) struct Rehearsed {
    /// Its flow's mark, once it is another one, or where the flow has no state here.
    pub(crate) mark: Option<u32>,
    /// Whose times of silence it is to have, if rules say so.
    pub(crate) policy: Option<u8>,
    /// The places at which a flow is counted that has no state here.
    pub(crate) counted: Vec<u32>,
}

/// What a judge may ask about a packet, and tell.
pub struct Asks<'a> {
    pub(crate) now: Instant,
    pub(crate) config: &'a Config,
    pub(crate) iif: Option<&'a Interface>,
    pub(crate) oif: Option<&'a Interface>,
    pub(crate) link: LinkCast,
    pub(crate) frame: Option<FrameEnds>,
    pub(crate) mark: u32,
    /// `None` before states were looked up.
    pub(crate) tracked: Option<&'a mut Tracked>,
    pub(crate) states: Option<&'a mut States>,
    pub(crate) counting: Option<Counting<'a>>,
    /// Whose times of silence flows get, by the numbers that rules have for policies.
    pub(crate) numbers: &'a Ours,
    pub(crate) untracked: bool,
    /// The packet is only thought of.
    pub(crate) rehearsed: Option<&'a mut Rehearsed>,
    pub(crate) lines: &'a mut Vec<Event>,
    pub(crate) decided: Option<&'a mut Vec<String>>,
}

impl Asks<'_> {
    /// The moment.
    pub fn now(&self) -> Instant {
        self.now
    }

    /// The interface that the packet came in by: its slot, and its name.
    pub fn iif(&self) -> Option<(usize, &str)> {
        self.iif.map(|interface| (interface.ifnet.id.slot(), &interface.ifnet.name[..]))
    }

    /// The interface that it goes out of.
    pub fn oif(&self) -> Option<(usize, &str)> {
        self.oif.map(|interface| (interface.ifnet.id.slot(), &interface.ifnet.name[..]))
    }

    /// To whom its frame was.
    pub fn link(&self) -> LinkCast {
        self.link
    }

    /// The ends of the frame that it came in; `None` for our own packets, for what came otherwise, and unless a judge
    /// [asks](super::Judge::sees_frames) for them.
    pub fn frame(&self) -> Option<FrameEnds> {
        self.frame
    }

    /// The VLAN that it came in by: the one that the interface is.
    pub fn vlan(&self) -> Option<u16> {
        match &self.iif?.kind {
            Kind::Vlan(vlan) => Some(vlan.vid),
            _ => None,
        }
    }

    /// Whether somebody follows this packet's life, and wants to [know](Self::decided) what decided.
    pub fn is_followed(&self) -> bool {
        self.decided.is_some()
    }

    /// This rule, or policy, has decided; an accepting one of each chain, and the one that refuses.
    pub fn decided(&mut self, by: String) {
        if let Some(decided) = &mut self.decided {
            decided.push(by);
        }
    }

    /// Its mark: a number that rules give it, for other rules.
    pub fn mark(&self) -> u32 {
        self.mark
    }

    /// Gives it a mark.
    pub fn set_mark(&mut self, mark: u32) {
        self.mark = mark;
    }

    /// What is known of its flow. Before states are looked up that is nothing: [`CtState::Invalid`], as in Linux.
    pub fn connection(&self) -> Connection {
        let Some(tracked) = &self.tracked else {
            return Connection { state: CtState::Invalid, way: None, mark: 0 };
        };
        let is_its = tracked.state != CtState::Invalid;
        let slot = tracked.slot.filter(|_| is_its);
        let known = slot.and_then(|slot| self.states.as_ref()?.get(slot)).map(|state| state.mark);
        let made_up = self.rehearsed.as_ref().and_then(|rehearsed| rehearsed.mark);
        let mark = made_up.or(known).or(tracked.fresh.map(|fresh| fresh.mark)).unwrap_or(0);
        let way = tracked.way.filter(|_| is_its);
        Connection { state: tracked.state, way, mark }
    }

    /// Marks its flow.
    pub fn set_connection_mark(&mut self, mark: u32) {
        let valid = |tracked: &&mut &mut Tracked| tracked.state != CtState::Invalid;
        let Some(tracked) = self.tracked.as_mut().filter(valid) else { return };
        if let Some(rehearsed) = &mut self.rehearsed {
            if tracked.way.is_some() {
                rehearsed.mark = Some(mark);
            }
            return;
        }
        if let Some(fresh) = &mut tracked.fresh {
            fresh.mark = mark;
        }
        if let Some(slot) = tracked.slot
            && let Some(state) = self.states.as_mut().and_then(|states| states.get_mut(slot))
        {
            state.mark = mark;
        }
    }

    /// Gives its flow the times of silence of a [policy](super::Judge::policies), if it has no state yet: as in Linux who
    /// begins a flow decides. A flow that is judged anew gets what is decided then.
    pub fn set_policy(&mut self, policy: u8) {
        let Some(tracked) = &mut self.tracked else { return };
        let policy = self.numbers.get(usize::from(policy)).copied().unwrap_or(0);
        match (&mut self.rehearsed, &mut tracked.fresh) {
            (Some(rehearsed), _) => rehearsed.policy = Some(policy),
            (None, Some(fresh)) => fresh.policy = policy,
            (None, None) => {}
        }
    }

    /// Counts its flow at a place, unless it is counted there: how many live flows are, this one included. As in Linux, a
    /// connection of TCP that is over counts for its own packets alone, and a packet without a flow for itself; so does one that is
    /// invalid, unless it goes the way of its flow's first.
    pub fn count_connection(&mut self, place: u64) -> u32 {
        let (Some(tracked), Some(Counting { counts, own })) = (&mut self.tracked, &mut self.counting) else {
            return 0;
        };
        if let Some(states) = &mut self.states {
            states.take_uncounted().for_each(|first| own.remove(first, counts));
        }
        let is_its = tracked.state != CtState::Invalid || tracked.way == Some(Way::Original);
        let slot = tracked.slot.filter(|_| is_its);
        let state = slot.and_then(|slot| self.states.as_mut()?.get_mut(slot));
        let first = match (state, &mut tracked.fresh) {
            (Some(state), _) => (!state.phase().has_ended()).then_some(&mut state.count),
            (None, fresh) => fresh.as_mut().map(|fresh| &mut fresh.count),
        };
        let elsewhere = self.rehearsed.as_ref().map_or(&[][..], |rehearsed| &rehearsed.counted);
        let known = first.as_ref().map_or(0, |first| **first);
        if own.of(known).chain(elsewhere.iter().copied()).any(|index| counts.is_at(index, place)) {
            return counts.of(place);
        }
        let Some(first) = first.filter(|_| self.rehearsed.is_none()) else {
            return counts.of(place).saturating_add(1);
        };
        let Some((index, count)) = counts.add(place) else { return u32::MAX };
        match own.add(*first, index, counts) {
            Some(number) => {
                *first = number;
                count
            }
            None => {
                counts.remove(index);
                u32::MAX
            }
        }
    }

    /// Leaves the packet without a flow, if states are not looked up yet. Afterwards one that has a flow keeps it, and what
    /// is invalid is untracked, as in Linux.
    pub fn leave_untracked(&mut self) {
        self.untracked = true;
        if let Some(tracked) = self.tracked.as_deref_mut()
            && tracked.state == CtState::Invalid
        {
            *tracked = Tracked::UNTRACKED;
        }
    }

    /// The interface by which the way to an address goes: its slot, and its name.
    pub fn route(&self, to: IpAddr) -> Option<(usize, &str)> {
        let out = match to {
            IpAddr::V6(to) if siding_wire::ip6::is_link_local(to) => self.iif.or(self.oif),
            IpAddr::V6(to) => {
                let on = self.iif.or(self.oif).map_or(siding_netisr::IfId::NONE, |on| on.ifnet.id);
                let routing = self.config.routing_at(on);
                routing.local6(to, on).or_else(|| routing.route6(to).map(|(out, _)| out))
            }
            IpAddr::V4(to) => {
                let on = self.iif.or(self.oif).map_or(siding_netisr::IfId::NONE, |on| on.ifnet.id);
                let routing = self.config.routing_at(on);
                routing.owner4(to).or_else(|| routing.route4(to).map(|(out, _)| out))
            }
        }?;
        Some((out.ifnet.id.slot(), &out.ifnet.name[..]))
    }

    /// What an address is to the routes.
    pub fn kind(&self, addr: IpAddr) -> AddrKind {
        self.kind_at(addr, self.iif.or(self.oif), false)
    }

    /// The same, as seen from the interface that the packet came in by: what is ours elsewhere is like any other.
    pub fn kind_at_iif(&self, addr: IpAddr) -> AddrKind {
        self.kind_at(addr, self.iif, true)
    }

    /// As seen from the interface that it goes out of.
    pub fn kind_at_oif(&self, addr: IpAddr) -> AddrKind {
        self.kind_at(addr, self.oif, true)
    }

    fn kind_at(&self, addr: IpAddr, from: Option<&Interface>, only: bool) -> AddrKind {
        let on = from.map_or(siding_netisr::IfId::NONE, |on| on.ifnet.id);
        let here = |owner: Option<&Interface>| owner.is_some_and(|owner| !only || owner.ifnet.id == on);
        match addr {
            IpAddr::V6(addr) if addr.is_multicast() => AddrKind::Multicast,
            IpAddr::V6(addr) if here(self.config.owner6(addr, on)) => AddrKind::Local,
            IpAddr::V6(addr) if here(self.config.local6(addr, on)) => AddrKind::Anycast,
            IpAddr::V4(addr) if addr.is_multicast() => AddrKind::Multicast,
            IpAddr::V4(addr) if addr.is_broadcast() => AddrKind::Broadcast,
            IpAddr::V4(addr) if here(self.config.routing_at(on).owner4(addr)) => AddrKind::Local,
            _ if self.route(addr).is_some() => AddrKind::Unicast,
            _ => AddrKind::Unreachable,
        }
    }

    /// Writes a line into the log, which tells it at the end of the turn and bounds how many there are.
    pub fn log(&mut self, level: u8, text: String) {
        self.lines.push(Event::FilterLog { level, text });
    }
}
