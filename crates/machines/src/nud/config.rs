//! The timers and limits of neighbour unreachability detection, one set for each interface.

use core::time::Duration;

/// Solicitations by multicast before resolution is given up (RFC 4861 s10).
pub const MAX_MULTICAST_SOLICIT: u32 = 3;
/// Solicitations by unicast before a neighbour counts as gone (RFC 4861 s10).
pub const MAX_UNICAST_SOLICIT: u32 = 3;
/// ReachableTime before randomisation (RFC 4861 s10).
pub const REACHABLE_TIME: Duration = Duration::from_millis(30_000);
/// Time between two solicitations to one neighbour (RFC 4861 s10).
pub const RETRANS_TIMER: Duration = Duration::from_millis(1_000);
/// How long a packet's own progress may confirm a stale neighbour before it is probed (RFC 4861 s10).
pub const DELAY_FIRST_PROBE_TIME: Duration = Duration::from_secs(5);
/// The longest pause between two probes of an unreachable neighbour (RFC 7048 s4).
pub const MAX_RETRANS_TIMER: Duration = Duration::from_secs(60);
/// Factor by which each pause exceeds the one before (RFC 7048 s4).
pub const BACKOFF_MULTIPLE: u32 = 3;
/// Probes after which a silent neighbour is called unreachable (RFC 7048 s4).
pub const MARK_UNREACHABLE: u32 = 3;
/// Within this of the first probe, probing must have turned to multicast (RFC 7048 s3).
pub const MULTICAST_BY: Duration = Duration::from_secs(60);
/// How soon a solicitation that the queue refused is tried again. Ours: long enough for a queue to drain,
/// short beside RetransTimer.
pub const REFUSED_RETRY: Duration = Duration::from_millis(50);

/// The timers and limits of one interface's neighbours.
///
/// It is handed to each step instead of being kept in each entry: a Router Advertisement that changes
/// RetransTimer changes it for every neighbour at once, and an entry stays small.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NudConfig {
    /// RetransTimer: the least time between two solicitations to one neighbour.
    pub retrans_timer: Duration,
    /// ReachableTime, already randomised by whoever holds the dice (RFC 4861 s6.3.2: 0.5 to 1.5 of the base).
    pub reachable_time: Duration,
    /// Time in DELAY before the first probe.
    pub delay_first_probe: Duration,
    /// Solicitations in INCOMPLETE before the entry fails; 0 counts as 1.
    pub max_multicast_solicit: u32,
    /// Unicast solicitations in PROBE; 0 counts as 1.
    pub max_unicast_solicit: u32,
    /// How soon a refused solicitation is tried again.
    pub refused_retry: Duration,
    /// RFC 7048: keep a silent neighbour as UNREACHABLE and probe it ever more slowly. `None` is RFC 4861's
    /// rule: discard it.
    pub unreachable: Option<Backoff>,
}

impl Default for NudConfig {
    fn default() -> NudConfig {
        NudConfig {
            retrans_timer: RETRANS_TIMER,
            reachable_time: REACHABLE_TIME,
            delay_first_probe: DELAY_FIRST_PROBE_TIME,
            max_multicast_solicit: MAX_MULTICAST_SOLICIT,
            max_unicast_solicit: MAX_UNICAST_SOLICIT,
            refused_retry: REFUSED_RETRY,
            unreachable: None,
        }
    }
}

/// RFC 7048's patience: how probing slows down.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Backoff {
    /// Each pause is this many times the one before; 1 keeps RetransTimer throughout.
    pub multiple: u32,
    /// The longest pause.
    pub max_retrans_timer: Duration,
    /// The neighbour becomes UNREACHABLE as its probe of this number leaves; 0 counts as 1.
    pub mark_unreachable: u32,
}

impl Default for Backoff {
    fn default() -> Backoff {
        Backoff {
            multiple: BACKOFF_MULTIPLE,
            max_retrans_timer: MAX_RETRANS_TIMER,
            mark_unreachable: MARK_UNREACHABLE,
        }
    }
}

impl Backoff {
    /// The pause after the probe that `sent` others went before, never shorter than `retrans_timer`.
    pub fn pause(&self, retrans_timer: Duration, sent: u32) -> Duration {
        let grown = self.multiple.checked_pow(sent).and_then(|factor| retrans_timer.checked_mul(factor));
        //= RFC 7048 s3 [7048-1]: the pause grows by a factor each time, up to a ceiling.
        grown.unwrap_or(Duration::MAX).min(self.max_retrans_timer).max(retrans_timer)
    }
}
