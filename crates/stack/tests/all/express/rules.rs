//! Rules by chance, the same for both routers, and for the nodes of simulated worlds: what they let pass for its state alone they also let pass when they are asked, and
//! count it the same.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::Mutex;
use std::time::Duration;

use siding_netisr::Instant;
use siding_stack::Chance;
use siding_stack::filter::Asks;
use siding_stack::filter::CtState;
use siding_stack::filter::FilterSetup;
use siding_stack::filter::Hook;
use siding_stack::filter::Judge;
use siding_stack::filter::Part;
use siding_stack::filter::Reject;
use siding_stack::filter::StateLimits;
use siding_stack::filter::Timeouts;
use siding_stack::filter::Verdict;
use siding_stack::ifnet::Version;

/// Packets and bytes, and when the last was: by worker, hook, version and state.
type Sums = BTreeMap<(usize, String), (u64, u64, Instant)>;

/// What rules count; kept by those that come after them.
#[derive(Debug, Clone, Default)]
pub struct Counted(Arc<Mutex<Sums>>);

/// Rules.
#[derive(Debug, Clone)]
pub struct Rules {
    at_prerouting: bool,
    /// They have a say before states do.
    before: bool,
    sees_frames: bool,
    needs_states: bool,
    /// What passes for its state alone, at prerouting and behind it.
    alone: [Vec<CtState>; 2],
    /// Of all others one in so many ports is refused; none if nobody is.
    refused: Option<u16>,
    counted: Counted,
}

impl Rules {
    /// Those of a number. Most let pass what is established, at all hooks at which they are asked.
    pub fn new(number: u64, counted: Counted) -> Rules {
        let chance = &mut Chance::new(number);
        let mut one_in = |many| pick(chance, many) == 0;
        let (at_prerouting, before, sees_frames) = (one_in(2), one_in(10), one_in(10));
        let needs_states = !one_in(12);
        let mut some = |at: u64| {
            let mut alone = vec![CtState::Established, CtState::Related];
            if pick(chance, 4) == 0 {
                alone.push([CtState::New, CtState::Invalid][pick(chance, 2)]);
            }
            // The later hook lets nearly always something pass so.
            if pick(chance, 3 + 3 * at as usize) == 0 {
                alone.clear();
            }
            alone
        };
        let alone = [some(0), some(1)];
        let refused = Some(3 + pick(chance, 5) as u16);
        Rules { at_prerouting, before, sees_frames, needs_states, alone, refused, counted }
    }

    /// Those that let pass what is established wherever they are asked, and whatever else it has.
    pub fn for_what_is_established(counted: Counted) -> Rules {
        let alone = [(); 2].map(|()| vec![CtState::Established]);
        Rules {
            at_prerouting: true,
            before: false,
            sees_frames: false,
            needs_states: true,
            alone,
            refused: None,
            counted,
        }
    }

    /// The same, but that nothing is refused.
    #[must_use]
    pub fn that_refuse_nothing(self) -> Rules {
        Rules { refused: None, ..self }
    }

    /// The same as something to be loaded.
    pub fn setup(self) -> FilterSetup {
        let mut timeouts = Timeouts::default();
        for (name, seconds) in [("udp", 2), ("udp-stream", 3), ("tcp-established", 20), ("tcp-close-wait", 1)]
        {
            assert!(timeouts.set(name, Duration::from_secs(seconds)), "{name}");
        }
        let limits = StateLimits { states: 128, half_open: 48, ..StateLimits::default() };
        FilterSetup { judge: Arc::new(self), limits, timeouts }
    }

    fn lets_pass_alone(&self, hook: Hook, state: CtState) -> bool {
        self.alone[usize::from(hook != Hook::Prerouting)].contains(&state)
    }

    fn verdict(&self, hook: Hook, part: Part, packet: &[u8], asks: &Asks<'_>) -> Verdict {
        let state = asks.connection().state;
        if part == Part::AfterStates && self.lets_pass_alone(hook, state) {
            return Verdict::Accept;
        }
        // Nobody is kept from finding his neighbours.
        if state == CtState::Untracked {
            return Verdict::Accept;
        }
        let at = if Version::V4 == version(packet) { 20 } else { 40 };
        let port = packet.get(at + 2..at + 4).map_or(0, |port| u16::from_be_bytes([port[0], port[1]]));
        let refused = self.refused.is_some_and(|refused| port.is_multiple_of(refused));
        match (hook, part) {
            (Hook::Forward, Part::AfterStates) if refused && port.is_multiple_of(2) => {
                Verdict::Reject(Reject::Unreachable(1))
            }
            (_, Part::AfterStates) if refused => Verdict::Drop,
            _ => Verdict::Accept,
        }
    }

    fn count(&self, worker: usize, what: String, (packets, bytes): (u64, u64), now: Instant) {
        let mut counted = self.counted.0.lock().unwrap();
        let sums = counted.entry((worker, what)).or_insert((0, 0, now));
        *sums = (sums.0 + packets, sums.1 + bytes, now);
    }
}

impl Counted {
    /// All that has been counted.
    pub fn account(&self) -> String {
        format!("{:?}", self.0.lock().unwrap())
    }
}

fn pick(chance: &mut Chance, below: usize) -> usize {
    (chance.next_u64() >> 20) as usize % below
}

fn version(packet: &[u8]) -> Version {
    if packet[0] >> 4 == 4 { Version::V4 } else { Version::V6 }
}

impl Judge for Rules {
    fn has_rules(&self, hook: Hook, part: Part) -> bool {
        match (hook, part) {
            (Hook::Forward | Hook::Input, Part::AfterStates) => true,
            (Hook::Prerouting, Part::AfterStates) => self.at_prerouting,
            (Hook::Prerouting, Part::BeforeStates) => self.before,
            _ => false,
        }
    }

    fn needs_states(&self) -> bool {
        self.needs_states
    }

    fn sees_frames(&self) -> bool {
        self.sees_frames
    }

    fn judge(&self, worker: usize, hook: Hook, part: Part, packet: &[u8], asks: &mut Asks<'_>) -> Verdict {
        let verdict = self.verdict(hook, part, packet, asks);
        let state = asks.connection().state;
        let what = match part {
            Part::BeforeStates => format!("{hook:?} before"),
            Part::AfterStates => format!("{hook:?} {:?} {state:?}", version(packet)),
        };
        self.count(worker, what, (1, packet.len() as u64), asks.now());
        if hook == Hook::Forward && state == CtState::New && !self.lets_pass_alone(hook, state) {
            asks.set_connection_mark(packet.len() as u32);
            asks.count_connection(u64::from(packet[packet.len() - 1] % 4));
        }
        verdict
    }

    fn lets_pass(&self, hook: Hook, _: Version, state: CtState) -> bool {
        self.lets_pass_alone(hook, state)
    }

    fn count_passed(
        &self,
        (worker, now): (usize, Instant),
        hook: Hook,
        (version, state): (Version, CtState),
        sums: (u64, u64),
    ) {
        self.count(worker, format!("{hook:?} {version:?} {state:?}"), sums, now);
    }

    fn rehearse(&self, hook: Hook, part: Part, packet: &[u8], asks: &mut Asks<'_>) -> Verdict {
        if self.has_rules(hook, part) { self.verdict(hook, part, packet, asks) } else { Verdict::Accept }
    }
}
