//! A compiled ruleset as the stack's judge.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use siding_filter::AddrType;
use siding_filter::At;
use siding_filter::CountId;
use siding_filter::Ct;
use siding_filter::Direction;
use siding_filter::Family;
use siding_filter::FibQuery;
use siding_filter::FlowtableId;
use siding_filter::Host;
use siding_filter::IfName;
use siding_filter::Interface;
use siding_filter::Link;
use siding_filter::LogLine;
use siding_filter::Outcome;
use siding_filter::Packet;
use siding_filter::PktType;
use siding_filter::Program;
use siding_netisr::Instant;
use siding_stack::filter::AddrKind;
use siding_stack::filter::Asks;
use siding_stack::filter::CtState;
use siding_stack::filter::Hook;
use siding_stack::filter::Judge;
use siding_stack::filter::LinkCast;
use siding_stack::filter::Part;
use siding_stack::filter::Policy;
use siding_stack::filter::Reject;
use siding_stack::filter::Timeouts;
use siding_stack::filter::Verdict;
use siding_stack::filter::Way;
use siding_stack::ifnet::Version;

// What has more headers than rules see does not come this far.
const _: () = assert!(siding_stack::filter::MOST_HEADERS == siding_filter::MOST_HEADERS);
// Every policy that the language numbers has a place.
const _: () = assert!(siding_stack::filter::POLICIES == siding_filter::MOST_TIMEOUTS as usize);

/// A ruleset that workers run.
#[derive(Debug)]
pub struct Rules(pub Arc<Program>);

impl Judge for Rules {
    fn has_rules(&self, hook: Hook, part: Part) -> bool {
        let hook_of = hook_of(hook);
        match (hook, part) {
            // Where states are known already, one run takes all priorities.
            (Hook::Input | Hook::Forward, Part::BeforeStates) => false,
            (_, Part::BeforeStates) => self.0.has_before_ct(hook_of),
            (_, Part::AfterStates) => !self.0.is_empty(hook_of),
        }
    }

    fn needs_states(&self) -> bool {
        self.0.needs_ct()
    }

    fn sees_frames(&self) -> bool {
        self.0.sees_frames()
    }

    fn places(&self) -> usize {
        self.0.count_places()
    }

    fn policies(&self, all: &Timeouts) -> Vec<Policy> {
        let last = self.0.timeouts().map(|(number, ..)| usize::from(number)).max().unwrap_or(0);
        let mut policies = vec![Policy { name: String::new(), times: *all }; last];
        for (number, name, timeout) in self.0.timeouts() {
            let Some(policy) = policies.get_mut(usize::from(number).wrapping_sub(1)) else { continue };
            policy.name = name;
            for (_, name, seconds) in timeout.said() {
                // The language and the states have the same names for them; a test says so.
                let _ = policy.times.set(name, Duration::from_secs(seconds.into()));
            }
        }
        policies
    }

    fn judge(&self, worker: usize, hook: Hook, part: Part, packet: &[u8], asks: &mut Asks<'_>) -> Verdict {
        // What cannot be read has not come this far.
        let link = if self.0.sees_frames() { link(asks) } else { None };
        let Ok(packet) = Packet::parse(packet, link) else { return Verdict::Drop };
        if asks.is_followed() {
            return self.judge_aloud(worker, (hook, part), &packet, asks);
        }
        let mut host = Node { asks, src: packet.src(), dst: packet.dst() };
        verdict(match (hook, part) {
            (Hook::Input | Hook::Forward, _) => self.0.run(worker, hook_of(hook), &packet, &mut host),
            (_, Part::BeforeStates) => self.0.run_before_ct(worker, hook_of(hook), &packet, &mut host),
            (_, Part::AfterStates) => self.0.run_after_ct(worker, hook_of(hook), &packet, &mut host),
        })
    }

    fn lets_pass(&self, hook: Hook, version: Version, state: CtState) -> bool {
        self.0.lets_pass(hook_of(hook), family_of(version), state_of(state))
    }

    fn count_passed(
        &self,
        (worker, now): (usize, Instant),
        hook: Hook,
        (version, state): (Version, CtState),
        sums: (u64, u64),
    ) {
        let kind = (family_of(version), state_of(state));
        self.0.count_passed((worker, now.as_nanos()), hook_of(hook), kind, sums);
    }

    fn rehearse(&self, hook: Hook, part: Part, packet: &[u8], asks: &mut Asks<'_>) -> Verdict {
        let Ok(packet) = Packet::parse(packet, None) else { return Verdict::Drop };
        let mut host = Node { asks, src: packet.src(), dst: packet.dst() };
        let before = part == Part::BeforeStates;
        let mut run = |before| self.0.rehearse(hook_of(hook), before, &packet, &mut host);
        verdict(match hook {
            // As above: one run takes all.
            Hook::Input | Hook::Forward => match run(true) {
                siding_filter::Verdict::Accept => run(false),
                refused => refused,
            },
            Hook::Prerouting | Hook::Output => run(before),
        })
    }
}

impl Rules {
    /// Judges a packet whose life is followed, and says what decided.
    #[cold]
    fn judge_aloud(
        &self,
        worker: usize,
        (hook, part): (Hook, Part),
        packet: &Packet<'_>,
        asks: &mut Asks<'_>,
    ) -> Verdict {
        let before = match hook {
            Hook::Input | Hook::Forward => None,
            Hook::Prerouting | Hook::Output => Some(part == Part::BeforeStates),
        };
        let mut decided = Vec::new();
        let mut host = Node { asks, src: packet.src(), dst: packet.dst() };
        let found =
            self.0.run_part_traced((worker, before), hook_of(hook), (packet, &mut host), &mut |step| {
                if step.outcome == Outcome::Accepted {
                    decided.push(self.0.describe(At::Rule(step.rule)));
                }
            });
        if let siding_filter::Verdict::Drop { at }
        | siding_filter::Verdict::Reject { at, .. }
        | siding_filter::Verdict::SynProxy { at, .. } = found
        {
            decided.push(self.0.describe(at));
        }
        decided.into_iter().for_each(|by| asks.decided(by));
        verdict(found)
    }
}

fn verdict(verdict: siding_filter::Verdict) -> Verdict {
    match verdict {
        siding_filter::Verdict::Accept => Verdict::Accept,
        siding_filter::Verdict::Reject { how, .. } => Verdict::Reject(match how {
            siding_filter::Reject::TcpReset => Reject::Reset,
            siding_filter::Reject::Icmp(code) | siding_filter::Reject::Icmp6(code) => {
                Reject::Unreachable(code)
            }
        }),
        // A ruleset with synproxy is refused when it is loaded.
        siding_filter::Verdict::Drop { .. } | siding_filter::Verdict::SynProxy { .. } => Verdict::Drop,
    }
}

/// The language's bits for what a packet is to its flow.
pub fn state_of(state: CtState) -> siding_filter::CtState {
    match state {
        CtState::New => siding_filter::CtState::NEW,
        CtState::Established => siding_filter::CtState::ESTABLISHED,
        CtState::Related => siding_filter::CtState::RELATED,
        CtState::Invalid => siding_filter::CtState::INVALID,
        CtState::Untracked => siding_filter::CtState::UNTRACKED,
    }
}

fn family_of(version: Version) -> Family {
    match version {
        Version::V4 => Family::V4,
        Version::V6 => Family::V6,
    }
}

/// The language's word for a hook.
pub fn hook_of(hook: Hook) -> siding_filter::Hook {
    match hook {
        Hook::Prerouting => siding_filter::Hook::Prerouting,
        Hook::Input => siding_filter::Hook::Input,
        Hook::Forward => siding_filter::Hook::Forward,
        Hook::Output => siding_filter::Hook::Output,
    }
}

/// What the rules may ask of the stack.
pub struct Node<'a, 'b> {
    pub asks: &'a mut Asks<'b>,
    pub(super) src: IpAddr,
    pub(super) dst: IpAddr,
}

impl Node<'_, '_> {
    fn about(&self, query: FibQuery) -> IpAddr {
        if query.source { self.src } else { self.dst }
    }
}

/// The header of the frame that it came in.
pub fn link(asks: &Asks<'_>) -> Option<Link> {
    let frame = asks.frame()?;
    Some(Link { src: frame.src.0, dst: frame.dst.0 })
}

fn interface((slot, name): (usize, &str)) -> Interface {
    Interface { index: slot as u32, name: IfName::new(name) }
}

impl Host for Node<'_, '_> {
    fn now(&self) -> u64 {
        self.asks.now().as_nanos()
    }

    fn iif(&self) -> Option<Interface> {
        self.asks.iif().map(interface)
    }

    fn oif(&self) -> Option<Interface> {
        self.asks.oif().map(interface)
    }

    fn vlan(&self) -> Option<u16> {
        self.asks.vlan()
    }

    fn pkttype(&self) -> PktType {
        match self.asks.link() {
            LinkCast::Unicast => PktType::Host,
            LinkCast::Multicast => PktType::Multicast,
            LinkCast::Broadcast => PktType::Broadcast,
        }
    }

    fn mark(&self) -> u32 {
        self.asks.mark()
    }

    fn set_mark(&mut self, mark: u32) {
        self.asks.set_mark(mark);
    }

    fn ct(&mut self) -> Ct {
        let connection = self.asks.connection();
        let state = state_of(connection.state);
        let direction = connection.way.map(|way| match way {
            Way::Original => Direction::Original,
            Way::Reply => Direction::Reply,
        });
        Ct { state, direction, mark: connection.mark }
    }

    fn set_ct_mark(&mut self, mark: u32) {
        self.asks.set_connection_mark(mark);
    }

    fn ct_count(&mut self, at: CountId, _most: u32) -> u32 {
        self.asks.count_connection(at.0)
    }

    fn set_ct_timeout(&mut self, policy: u8) {
        self.asks.set_policy(policy);
    }

    fn notrack(&mut self) {
        self.asks.leave_untracked();
    }

    fn fib_oif(&mut self, query: FibQuery) -> Option<Interface> {
        let way = self.asks.route(self.about(query)).map(interface)?;
        let same = |one: Option<Interface>| one.is_none_or(|one| one.index == way.index);
        let fits = (!query.iif || same(self.iif())) && (!query.oif || same(self.oif()));
        fits.then_some(way)
    }

    fn fib_type(&mut self, query: FibQuery) -> AddrType {
        let addr = self.about(query);
        let kind = match query {
            FibQuery { iif: true, .. } => self.asks.kind_at_iif(addr),
            FibQuery { oif: true, .. } => self.asks.kind_at_oif(addr),
            _ => self.asks.kind(addr),
        };
        match kind {
            AddrKind::Local => AddrType::Local,
            AddrKind::Anycast => AddrType::Anycast,
            AddrKind::Multicast => AddrType::Multicast,
            AddrKind::Broadcast => AddrType::Broadcast,
            AddrKind::Unicast => AddrType::Unicast,
            AddrKind::Unreachable => AddrType::Unreachable,
        }
    }

    fn flow_add(&mut self, _table: FlowtableId) {}

    fn log(&mut self, line: &LogLine<'_>) {
        let name =
            |interface: Option<(usize, &str)>| interface.map_or(String::new(), |(_, name)| name.into());
        let (iif, oif) = (name(self.asks.iif()), name(self.asks.oif()));
        let text = format!("{}IN={iif} OUT={oif} SRC={} DST={}", line.prefix, self.src, self.dst);
        self.asks.log(line.level as u8, text);
    }
}
