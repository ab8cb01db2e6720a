//! How long a flow may be silent before it is forgotten.

use std::time::Duration;

use super::Phase;

/// The longest time that can be set: 24 days are what a state's clock tells apart.
const LONGEST: Duration = Duration::from_secs(20 * 24 * 3600);

/// Times of silence, by phase.
///
//= RFC 6092 REC-12, -14, -35 [6092-12, 6092-14, 6092-35]: how long flows are known.
/// The defaults are RFC 6092's: an established connection two hours and four minutes, one that is being opened or closed
/// four minutes (REC-35), UDP two minutes, and five where there is traffic both ways (REC-14).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timeouts {
    millis: [u32; NAMES.len()],
}

/// The names by which times are set, and their defaults in seconds.
const NAMES: [(&str, u32); 13] = [
    ("tcp-syn-sent", 240),
    ("tcp-syn-received", 240),
    ("tcp-established", 7440),
    ("tcp-fin-wait", 240),
    ("tcp-close-wait", 240),
    ("tcp-last-ack", 240),
    ("tcp-time-wait", 240),
    ("tcp-closed", 10),
    ("udp", 120),
    ("udp-stream", 300),
    ("icmp", 60),
    ("other", 120),
    ("other-stream", 600),
];

impl Default for Timeouts {
    fn default() -> Timeouts {
        Timeouts { millis: NAMES.map(|(_, seconds)| seconds * 1000) }
    }
}

impl Timeouts {
    /// All names, with what they are set to.
    pub fn all(&self) -> impl Iterator<Item = (&'static str, Duration)> {
        NAMES.iter().zip(self.millis).map(|((name, _), millis)| (*name, Duration::from_millis(millis.into())))
    }

    /// Sets one by its name; at least a second, at most 20 days. False if there is no such name.
    #[must_use]
    pub fn set(&mut self, name: &str, time: Duration) -> bool {
        let time = time.clamp(Duration::from_secs(1), LONGEST);
        let place = NAMES.iter().position(|(known, _)| *known == name);
        if let Some(place) = place {
            self.millis[place] = u32::try_from(time.as_millis()).unwrap_or(u32::MAX);
        }
        place.is_some()
    }

    /// Of each time the longer one.
    #[must_use]
    pub fn longer(mut self, other: &Timeouts) -> Timeouts {
        self.millis.iter_mut().zip(other.millis).for_each(|(own, other)| *own = other.max(*own));
        self
    }

    /// How many milliseconds a flow may be silent in this phase.
    #[inline]
    pub(super) fn millis(&self, phase: Phase) -> u32 {
        self.millis[match phase {
            Phase::SynSent | Phase::SynSent2 => 0,
            Phase::SynReceived => 1,
            Phase::Established => 2,
            Phase::FinWait => 3,
            Phase::CloseWait => 4,
            Phase::LastAck => 5,
            Phase::TimeWait => 6,
            Phase::Closed => 7,
            Phase::UdpAsked => 8,
            Phase::UdpStream => 9,
            Phase::EchoAsked | Phase::Echo => 10,
            Phase::OtherAsked => 11,
            Phase::OtherStream => 12,
        }]
    }
}

/// Times that only some flows have, at most.
pub const POLICIES: usize = 15;

/// Numbers by which states say whose times they have: for those of rules, and for as many of others that were replaced three times, each
/// by others, before all flows that have them were judged anew.
pub const NUMBERS: usize = 63;

/// The times of all flows, and of those that have others.
#[derive(Debug, Clone)]
pub(super) struct Times {
    all: [Timeouts; NUMBERS + 1],
    /// The same once more, by policy and phase.
    by_steps: [u32; (NUMBERS + 1) << 4],
}

impl Times {
    /// The first of `policies` is number 1. A number that there is none of has the times of all.
    pub(super) fn new(times: Timeouts, policies: &[Timeouts]) -> Times {
        let mut all = [times; NUMBERS + 1];
        all[1..].iter_mut().zip(policies).for_each(|(into, policy)| *into = *policy);
        let mut by_steps = [0; (NUMBERS + 1) << 4];
        for (policy, times) in all.iter().enumerate() {
            for phase in Phase::ALL {
                by_steps[policy << 4 | phase as usize] = times.millis(phase);
            }
        }
        Times { all, by_steps }
    }

    #[inline]
    pub(super) fn of(&self, policy: u8) -> &Timeouts {
        &self.all[usize::from(policy) & NUMBERS]
    }

    /// How many milliseconds a flow may be silent, by its policy and its phase's number.
    #[inline]
    pub(super) fn millis(&self, policy: u8, phase: u8) -> u32 {
        self.by_steps[(usize::from(policy) & NUMBERS) << 4 | usize::from(phase & 15)]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_set_by_name_within_bounds() {
        let mut times = Timeouts::default();
        assert!(times.set("udp", Duration::from_secs(7)));
        assert_eq!(times.millis(Phase::UdpAsked), 7000);
        assert!(!times.set("upd", Duration::from_secs(7)));
        assert!(times.set("tcp-established", Duration::from_secs(u64::MAX)));
        assert_eq!(times.millis(Phase::Established), 20 * 24 * 3_600_000);
        assert_eq!(times.all().count(), 13);
        assert!(times.all().any(|one| one == ("udp", Duration::from_secs(7))));
    }

    #[test]
    fn a_policy_has_its_times_and_all_others_those_of_all() {
        let (all, mut some) = (Timeouts::default(), Timeouts::default());
        assert!(some.set("tcp-established", Duration::from_secs(9)));
        let times = Times::new(all, &[all, some]);
        let of = |policy: u8| times.of(policy).millis(Phase::Established);
        assert_eq!([0, 1, 2, 3, 15].map(of), [7_440_000, 7_440_000, 9000, 7_440_000, 7_440_000]);
        let full = Times::new(all, &[some; NUMBERS]);
        assert_eq!((full.of(63), full.of(0)), (&some, &all));
        for phase in Phase::ALL {
            let of = |policy: u8| full.millis(policy, phase as u8);
            assert_eq!(
                [of(63), of(16), of(0)],
                [some, some, all].map(|times| times.millis(phase)),
                "{phase:?}"
            );
        }
    }

    #[test]
    fn what_rfc_6092_asks_for_is_the_default() {
        let times = Timeouts::default();
        assert_eq!(times.millis(Phase::Established), 124 * 60_000, "REC-35");
        for phase in [Phase::SynSent, Phase::SynReceived, Phase::FinWait, Phase::CloseWait, Phase::LastAck] {
            assert!(times.millis(phase) >= 4 * 60_000, "REC-35: {phase:?}");
        }
        assert!(times.millis(Phase::UdpAsked) >= 2 * 60_000, "REC-14");
        assert_eq!(times.millis(Phase::UdpStream), 5 * 60_000, "REC-14");
    }
}
