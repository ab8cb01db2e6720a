//! How much of one thing the log is told. Whoever is on a link decides how often most of it happens: a conflict is as
//! cheap to cause as a frame is. So each kind of line has a number that may be told at once, for each interface, and
//! little more; what was left out is counted, and said by itself when a while has passed.

use std::collections::HashMap;
use std::sync::Mutex;
use std::sync::MutexGuard;
use std::sync::PoisonError;
use std::time::Duration;
use std::time::Instant;

use siding_netisr::IfId;
use siding_stack::Event;
use siding_stack::nd6::host::HostEvent;
use tracing::Level;

/// So long it takes until what was left out is said.
const PERIOD: Duration = Duration::from_secs(5);

/// What lines are about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Kind {
    /// A neighbour's state.
    Neighbor,
    /// A redirect.
    Redirect,
    /// What a host learns.
    Learned,
    /// What it cannot take.
    Refused,
    /// An address passed its test.
    Preferred,
    /// An address did not.
    Duplicate,
    /// Somebody says that our address is its own.
    Conflict,
    /// Another router contradicts us.
    Router,
    /// A lagg, or what it uses of LACP.
    Lagg,
    /// A port's machines.
    Lacp,
    /// A bridge's ports.
    Bridge,
    /// What a path takes.
    Path,
    /// What rules of the filter say.
    Filter,
    /// A driver's failures.
    Device,
    /// Transmit queues that do not move.
    Transmit,
    /// The kernel's links.
    Link,
    /// What somebody changes of a device.
    Offloads,
    /// What clients of the control socket had changed.
    Command,
}

/// How much of a kind is told of one interface.
struct Rule {
    /// At once.
    most: u32,
    /// After that, one in this time.
    every: Duration,
    level: Level,
    what: &'static str,
}

impl Kind {
    /// What an event is about, and whose allowance a line about it takes.
    pub(crate) fn of(event: &Event) -> (Kind, IfId) {
        match *event {
            Event::Neighbor { interface, .. } => (Kind::Neighbor, interface),
            Event::Host { interface, what: HostEvent::Redirected { .. } } => (Kind::Redirect, interface),
            Event::Host {
                interface,
                what:
                    HostEvent::LimitReached(..) | HostEvent::AddressGivenUp(_) | HostEvent::HopLimitTooLow(..),
            } => (Kind::Refused, interface),
            Event::Host { interface, .. } => (Kind::Learned, interface),
            Event::AddressPreferred { interface, .. } => (Kind::Preferred, interface),
            Event::AddressDuplicate { interface, .. } | Event::IpStopped { interface, .. } => {
                (Kind::Duplicate, interface)
            }
            Event::AddressConflict { interface, .. } => (Kind::Conflict, interface),
            Event::RouterDiffers { interface, .. } => (Kind::Router, interface),
            Event::Lagg { interface, .. } | Event::LacpAggregator { interface, .. } => {
                (Kind::Lagg, interface)
            }
            // A lagg has many ports, and one that flaps must not hide the others.
            Event::LacpPort { port, .. } => (Kind::Lacp, port),
            Event::Bridge { interface, .. } => (Kind::Bridge, interface),
            Event::PathMtu { .. } => (Kind::Path, IfId::NONE),
            Event::RouteAmiss { interface, .. } => (Kind::Refused, interface),
            Event::FilterLog { .. } => (Kind::Filter, IfId::NONE),
            Event::DeviceError { interface, .. } | Event::FilterSet { interface } => {
                (Kind::Device, interface)
            }
            Event::TxStalled { interface, .. } | Event::TxMoves { interface, .. } => {
                (Kind::Transmit, interface)
            }
        }
    }

    /// The level of its lines, or of the more important of them.
    pub(crate) fn level(self) -> Level {
        self.rule().level
    }

    /// What is said of `count` lines that were not told.
    pub(crate) fn what(self) -> &'static str {
        self.rule().what
    }

    fn rule(self) -> Rule {
        let rule = |most, level, what| Rule { most, every: PERIOD, level, what };
        match self {
            // Whoever asks for these wants many.
            Kind::Neighbor => {
                let every = Duration::from_millis(20);
                Rule { most: 1000, every, level: Level::DEBUG, what: "neighbors" }
            }
            Kind::Redirect => rule(50, Level::DEBUG, "redirects"),
            Kind::Learned => rule(50, Level::INFO, "what routers told"),
            Kind::Refused => rule(10, Level::WARN, "what there is no room for"),
            Kind::Preferred => rule(50, Level::INFO, "addresses that were tested"),
            Kind::Duplicate => rule(20, Level::WARN, "duplicate addresses"),
            Kind::Conflict => rule(10, Level::WARN, "addresses of ours that others advertise"),
            Kind::Router => rule(10, Level::WARN, "routers that contradict us"),
            Kind::Lagg => rule(50, Level::INFO, "the lagg"),
            Kind::Lacp => rule(50, Level::INFO, "LACP on this port"),
            Kind::Bridge => rule(50, Level::INFO, "the bridge's ports"),
            Kind::Filter => {
                let every = Duration::from_millis(10);
                Rule { most: 200, every, level: Level::INFO, what: "what rules of the filter say" }
            }
            Kind::Path => rule(20, Level::INFO, "what paths take"),
            Kind::Device => rule(3, Level::ERROR, "the device"),
            Kind::Transmit => rule(10, Level::WARN, "the transmit queue"),
            Kind::Link => rule(20, Level::WARN, "the device's link"),
            Kind::Offloads => rule(3, Level::WARN, "what somebody changes of the device"),
            // A configuration with all that it makes is told whole.
            Kind::Command => {
                let every = Duration::from_millis(100);
                Rule { most: 5000, every, level: Level::INFO, what: "what was asked for" }
            }
        }
    }
}

/// Lines of one kind that were left out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct LeftOut {
    pub(crate) kind: Kind,
    pub(crate) on: IfId,
    pub(crate) count: u64,
    /// In this time.
    pub(crate) within: Duration,
}

/// Decides which lines are told. What is quiet takes no room here.
#[derive(Debug, Default)]
pub(crate) struct Limiter {
    allowances: Mutex<HashMap<(Kind, IfId), Allowance>>,
}

#[derive(Debug)]
struct Allowance {
    /// So many may be told now.
    left: u32,
    /// When the last of those that came back did so.
    since: Instant,
    unsaid: u64,
    /// When the first of the unsaid was left out.
    first: Instant,
}

impl Limiter {
    /// Whether one more line is told. One that is not is counted.
    pub(crate) fn tells(&self, kind: Kind, on: IfId, now: Instant) -> bool {
        let rule = kind.rule();
        let mut allowances = self.lock();
        let allowance = allowances.entry((kind, on)).or_insert_with(|| Allowance {
            left: rule.most,
            since: now,
            unsaid: 0,
            first: now,
        });
        allowance.refill(&rule, now);
        if allowance.left > 0 {
            allowance.left -= 1;
            return true;
        }
        if allowance.unsaid == 0 {
            allowance.first = now;
        }
        allowance.unsaid += 1;
        false
    }

    /// What is to be said now of what was left out; all of it if this is the `end`.
    pub(crate) fn left_out(&self, now: Instant, end: bool) -> Vec<LeftOut> {
        let mut due = Vec::new();
        self.lock().retain(|(kind, on), allowance| {
            let rule = kind.rule();
            allowance.refill(&rule, now);
            let within = now.saturating_duration_since(allowance.first);
            if allowance.unsaid > 0 && (end || within >= PERIOD) {
                due.push(LeftOut { kind: *kind, on: *on, count: allowance.unsaid, within });
                allowance.unsaid = 0;
            }
            allowance.unsaid > 0 || allowance.left < rule.most
        });
        due.sort_by_key(|left| (left.on, left.kind));
        due
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<(Kind, IfId), Allowance>> {
        self.allowances.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Allowance {
    fn refill(&mut self, rule: &Rule, now: Instant) {
        let passed = now.saturating_duration_since(self.since).as_nanos() / rule.every.as_nanos();
        let back = u32::try_from(passed).unwrap_or(u32::MAX);
        match self.left.checked_add(back) {
            Some(left) if left < rule.most => {
                self.left = left;
                self.since += rule.every * back;
            }
            _ => (self.left, self.since) = (rule.most, now),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ON: IfId = IfId::NONE;

    /// So many of `count` lines are told, `apart` from each other.
    fn told(limiter: &Limiter, kind: Kind, start: Instant, count: u32, apart: Duration) -> u32 {
        (0..count).map(|at| u32::from(limiter.tells(kind, ON, start + apart * at))).sum()
    }

    #[test]
    fn a_flood_is_told_a_few_times_and_counted_and_the_count_comes_by_itself() {
        let (limiter, start) = (Limiter::default(), Instant::now());
        let step = Duration::from_micros(300);
        let told = told(&limiter, Kind::Conflict, start, 2000, step);
        assert_eq!(told, 10, "2,000 frames");
        assert_eq!(limiter.left_out(start + Duration::from_secs(1), false), []);
        let later = start + Duration::from_secs(6);
        let left = limiter.left_out(later, false);
        let within = later - (start + step * 10);
        assert_eq!(left, [LeftOut { kind: Kind::Conflict, on: ON, count: 1990, within }]);
        assert_eq!(limiter.left_out(later, true), [], "once");
    }

    #[test]
    fn what_lasts_is_told_once_in_a_while() {
        for kind in [Kind::Conflict, Kind::Learned, Kind::Router, Kind::Lacp, Kind::Path, Kind::Device] {
            let (limiter, start) = (Limiter::default(), Instant::now());
            let (mut lines, mut said) = (0, 0);
            for second in 0..600 {
                let now = start + Duration::from_secs(second);
                lines += told(&limiter, kind, now, 1000, Duration::from_micros(10));
                said += limiter.left_out(now + Duration::from_millis(500), false).len();
            }
            assert!((120..=171).contains(&lines), "{kind:?}: {lines}");
            assert!((99..=120).contains(&said), "{kind:?}: {said}");
        }
    }

    #[test]
    fn nothing_is_lost_between_the_lines_and_the_counts() {
        let (limiter, start) = (Limiter::default(), Instant::now());
        let (mut lines, mut counted, mut now) = (0, 0, start);
        for at in 0..10_000_u64 {
            now += Duration::from_millis(at % 37);
            lines += u64::from(limiter.tells(Kind::Bridge, ON, now));
            counted += limiter.left_out(now, at == 9_999).iter().map(|left| left.count).sum::<u64>();
        }
        assert_eq!(lines + counted, 10_000);
    }

    #[test]
    fn one_kind_does_not_take_anothers_and_what_is_quiet_again_is_forgotten() {
        let (limiter, start) = (Limiter::default(), Instant::now());
        told(&limiter, Kind::Conflict, start, 100, Duration::ZERO);
        assert!(limiter.tells(Kind::Duplicate, ON, start));
        assert_eq!(limiter.left_out(start, true)[0].count, 90);
        limiter.left_out(start + Duration::from_secs(3600), false);
        assert!(limiter.lock().is_empty());
    }
}
