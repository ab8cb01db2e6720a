//! IPv4 address conflict detection: probe, announce, defend (RFC 5227).

use core::net::Ipv4Addr;
use core::time::Duration;

use siding_netisr::Instant;
use siding_wire::Mac;

use crate::arp::ArpSeen;
use crate::dad::DUPLICATE_RETRY;
use crate::nud::REFUSED_RETRY;
use crate::nud::Refused;

/// Ceiling of the random delay before the first probe (RFC 5227 s1.1, as all that follow).
pub const PROBE_WAIT: Duration = Duration::from_secs(1);
/// Probes.
pub const PROBE_NUM: u32 = 3;
/// Least pause between two probes.
pub const PROBE_MIN: Duration = Duration::from_secs(1);
/// Longest pause between two probes.
pub const PROBE_MAX: Duration = Duration::from_secs(2);
/// Silence after the last probe that makes the address ours.
pub const ANNOUNCE_WAIT: Duration = Duration::from_secs(2);
/// Announcements.
pub const ANNOUNCE_NUM: u32 = 2;
/// Pause between two announcements.
pub const ANNOUNCE_INTERVAL: Duration = Duration::from_secs(2);
/// Conflicts on an interface after which new attempts are slowed down.
pub const MAX_CONFLICTS: u32 = 10;
/// Time between two attempts from then on.
pub const RATE_LIMIT_INTERVAL: Duration = Duration::from_secs(60);
/// Least time between two defences.
pub const DEFEND_INTERVAL: Duration = Duration::from_secs(10);

/// How far along an address is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum AcdState {
    /// Being probed: not ours yet.
    Probing,
    /// Ours from the first announcement on.
    Announcing,
    /// Ours.
    Held,
    /// Somebody else's.
    Conflict,
}

/// The broadcast request to send.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum AcdFrame {
    /// Sender 0.0.0.0, target the address, target hardware address zero.
    Probe,
    /// Sender and target both the address, target hardware address zero.
    Announce,
}

/// What to do when somebody claims an address that is ours (RFC 5227 s2.4 a, b, c).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Defence {
    /// Give it up.
    GiveUp,
    /// Announce once; give it up at a second claim within [`DEFEND_INTERVAL`].
    Once,
    /// Never give it up; announce at most once in [`DEFEND_INTERVAL`]. For routers.
    Always,
}

/// Whose an address is that somebody may claim.
#[derive(Debug, Clone, Copy)]
pub struct Owner<'a> {
    /// The addresses of all interfaces of this host: what they say is no conflict.
    pub macs: &'a [Mac],
    /// What to do when somebody claims it that is in use.
    pub defence: Defence,
}

/// The rules for conflict detection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AcdConfig {
    /// Probe, announce and defend at all.
    pub enabled: bool,
    /// What to do when somebody claims an address that is in use.
    pub defence: Defence,
    /// After which time an address that was somebody else's is probed again; `None` for never.
    pub duplicate_retry: Option<Duration>,
}

impl Default for AcdConfig {
    /// An address here is given by an operator: whoever claims it, forges or is mistaken.
    fn default() -> AcdConfig {
        AcdConfig { enabled: true, defence: Defence::Always, duplicate_retry: Some(DUPLICATE_RETRY) }
    }
}

/// What a step brought about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub enum AcdEvent {
    /// Nothing to tell.
    Nothing,
    /// The first announcement has left: the address may be used.
    Usable,
    /// Somebody claims the address and it was defended, or the defence waits for its turn: log it.
    Defended,
    /// The address is not ours, or no longer: withdraw it and count the conflict ([`ConflictLimit`]).
    Lost,
}

/// The detection for one address on one interface. As with `nud`, a refused frame counts as not sent.
#[derive(Debug, Clone, Copy)]
pub struct Acd {
    address: Ipv4Addr,
    state: AcdState,
    /// Accepted frames of the present state.
    sent: u32,
    deadline: Option<Instant>,
    last_conflict: Option<Instant>,
}

impl Acd {
    /// A new address; `first_delay` is random, from 0 to [`PROBE_WAIT`].
    pub fn new(now: Instant, address: Ipv4Addr, first_delay: Duration) -> Acd {
        //= RFC 5227 s2.1.1 [5227-1]: a random wait comes first.
        let deadline = Some(now + first_delay.min(PROBE_WAIT));
        Acd { address, state: AcdState::Probing, sent: 0, deadline, last_conflict: None }
    }

    /// An address that is used without having been probed, and defended from now on.
    pub fn held(address: Ipv4Addr) -> Acd {
        Acd { address, state: AcdState::Held, sent: 0, deadline: None, last_conflict: None }
    }

    /// The timer fired; nothing happens before the deadline. `gap` is random, from [`PROBE_MIN`] to
    /// [`PROBE_MAX`], and used if there is another probe to come.
    pub fn on_timer(
        &mut self,
        now: Instant,
        gap: Duration,
        send: impl FnOnce(AcdFrame) -> Result<(), Refused>,
    ) -> AcdEvent {
        if self.deadline.is_none_or(|deadline| now < deadline) {
            return AcdEvent::Nothing;
        }
        if self.state == AcdState::Probing && self.sent < PROBE_NUM {
            if self.try_send(now, AcdFrame::Probe, send) {
                //= RFC 5227 s2.1.1 [5227-1]: three probes a random 1 to 2 s apart, then 2 s of silence.
                let last = self.sent == PROBE_NUM;
                self.deadline =
                    Some(now + if last { ANNOUNCE_WAIT } else { gap.clamp(PROBE_MIN, PROBE_MAX) });
            }
            return AcdEvent::Nothing;
        }
        if !self.try_send(now, AcdFrame::Announce, send) {
            return AcdEvent::Nothing;
        }
        if self.state == AcdState::Held {
            // A defence that had been refused.
            self.deadline = None;
            return AcdEvent::Nothing;
        }
        let first = self.state == AcdState::Probing;
        if first {
            self.state = AcdState::Announcing;
            self.sent = 1;
        }
        //= RFC 5227 s2.3 [5227-3]: announced twice, 2 s apart, and in use from the first.
        if self.sent >= ANNOUNCE_NUM {
            self.state = AcdState::Held;
            self.deadline = None;
        } else {
            self.deadline = Some(now + ANNOUNCE_INTERVAL);
        }
        if first { AcdEvent::Usable } else { AcdEvent::Nothing }
    }

    /// Any ARP message on the interface; those that say nothing about the address are ignored.
    pub fn on_arp(
        &mut self,
        now: Instant,
        seen: &ArpSeen,
        owner: Owner<'_>,
        send: impl FnOnce(AcdFrame) -> Result<(), Refused>,
    ) -> AcdEvent {
        if self.state == AcdState::Conflict || owner.macs.contains(&seen.sender_hw) {
            return AcdEvent::Nothing;
        }
        let claimed = seen.sender_ip == self.address;
        let probed = seen.is_request && seen.sender_ip.is_unspecified() && seen.target_ip == self.address;
        if self.state == AcdState::Probing {
            //= RFC 5227 s2.1.1 [5227-1]: who has it, or probes it as we do, ends our attempt.
            return if claimed || probed { self.lose() } else { AcdEvent::Nothing };
        }
        if !claimed {
            return AcdEvent::Nothing;
        }
        //= RFC 5227 s2.4 [5227-3]: give up, defend once, or defend for ever, never twice in 10 s.
        let recent = self.last_conflict.is_some_and(|last| now.since(last) < DEFEND_INTERVAL);
        match (owner.defence, recent) {
            (Defence::GiveUp, _) | (Defence::Once, true) => self.lose(),
            (Defence::Always, true) => AcdEvent::Nothing,
            (Defence::Once | Defence::Always, false) => {
                self.last_conflict = Some(now);
                if send(AcdFrame::Announce).is_err() {
                    self.deadline = Some(now + REFUSED_RETRY);
                }
                AcdEvent::Defended
            }
        }
    }

    /// The address.
    pub fn address(&self) -> Ipv4Addr {
        self.address
    }

    /// The present state.
    pub fn state(&self) -> AcdState {
        self.state
    }

    /// Whether the address is ours to use and to answer for.
    pub fn is_usable(&self) -> bool {
        matches!(self.state, AcdState::Announcing | AcdState::Held)
    }

    /// When [`on_timer`](Self::on_timer) wants to be called.
    //= RFC 5227 s2.1 [5227-2]: an address that is held is never probed again.
    pub fn deadline(&self) -> Option<Instant> {
        self.deadline
    }

    fn try_send(
        &mut self,
        now: Instant,
        frame: AcdFrame,
        send: impl FnOnce(AcdFrame) -> Result<(), Refused>,
    ) -> bool {
        let sent = send(frame).is_ok();
        if sent {
            self.sent = self.sent.saturating_add(1);
        } else {
            self.deadline = Some(now + REFUSED_RETRY);
        }
        sent
    }

    fn lose(&mut self) -> AcdEvent {
        self.state = AcdState::Conflict;
        self.deadline = None;
        AcdEvent::Lost
    }
}

/// How often an interface may try another address.
#[derive(Debug, Clone, Copy, Default)]
pub struct ConflictLimit {
    conflicts: u32,
    last_attempt: Option<Instant>,
}

impl ConflictLimit {
    /// An address was lost, while probed or later.
    pub fn on_conflict(&mut self) {
        self.conflicts = self.conflicts.saturating_add(1);
    }

    /// A new [`Acd`] starts.
    pub fn on_attempt(&mut self, now: Instant) {
        self.last_attempt = Some(now);
    }

    /// When the next may start.
    //= RFC 5227 s2.1.1 [5227-2]: after ten conflicts, one attempt a minute.
    pub fn earliest(&self, now: Instant) -> Instant {
        match self.last_attempt {
            Some(last) if self.conflicts >= MAX_CONFLICTS => now.max(last + RATE_LIMIT_INTERVAL),
            _ => now,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const IP: Ipv4Addr = Ipv4Addr::new(169, 254, 1, 1);
    const PEER: Ipv4Addr = Ipv4Addr::new(169, 254, 1, 2);
    const MINE: Mac = Mac([2, 0, 0, 0, 0, 1]);

    fn mine(defence: Defence) -> Owner<'static> {
        Owner { macs: &[MINE], defence }
    }

    const THEIRS: Mac = Mac([2, 0, 0, 0, 0, 2]);
    const T0: Instant = Instant::from_nanos(3_000_000_000);
    const MS: Duration = Duration::from_millis(1);

    fn seen(is_request: bool, sender_hw: Mac, sender_ip: Ipv4Addr, target_ip: Ipv4Addr) -> ArpSeen {
        ArpSeen { is_request, sender_hw, sender_ip, target_ip }
    }

    fn no(_: AcdFrame) -> Result<(), Refused> {
        Err(Refused)
    }

    fn held() -> (Acd, Vec<(u128, AcdFrame)>) {
        let mut acd = Acd::new(T0, IP, 300 * MS);
        let mut frames = Vec::new();
        while let Some(now) = acd.deadline() {
            let before = acd.is_usable();
            let event = acd.on_timer(now, 1500 * MS, |frame| {
                frames.push(((now - T0).as_millis(), frame));
                Ok(())
            });
            assert_eq!(event == AcdEvent::Usable, !before && acd.is_usable());
        }
        (acd, frames)
    }

    #[test]
    fn three_probes_then_two_announcements_5227_1_5227_3() {
        use AcdFrame::*;
        let (acd, frames) = held();
        let expected = [(300, Probe), (1800, Probe), (3300, Probe), (5300, Announce), (7300, Announce)];
        assert_eq!(frames, expected);
        assert_eq!((acd.state(), acd.address()), (AcdState::Held, IP));
    }

    #[test]
    fn random_gaps_stay_in_bounds_5227_1() {
        for (gap, expected) in [(0, 1000), (1200, 1200), (9000, 2000)] {
            let mut acd = Acd::new(T0, IP, 5000 * MS);
            assert_eq!(acd.deadline(), Some(T0 + PROBE_WAIT));
            assert_eq!(acd.on_timer(T0 + PROBE_WAIT, gap * MS, |_| Ok(())), AcdEvent::Nothing);
            assert_eq!(acd.deadline(), Some(T0 + PROBE_WAIT + expected * MS));
        }
    }

    #[test]
    fn refused_frames_do_not_count_5227_1() {
        let mut acd = Acd::new(T0, IP, Duration::ZERO);
        let mut now = T0;
        let mut sent = 0;
        for round in 0..10 {
            let _ = acd.on_timer(now, PROBE_MIN, no);
            assert_eq!(acd.deadline(), Some(now + REFUSED_RETRY), "round {round}");
            now += REFUSED_RETRY;
            let event = acd.on_timer(now, PROBE_MIN, |_| {
                sent += 1;
                Ok(())
            });
            assert_eq!(event == AcdEvent::Usable, sent == PROBE_NUM + 1);
            let Some(next) = acd.deadline() else { break };
            now = next;
        }
        assert_eq!((sent, acd.state()), (PROBE_NUM + ANNOUNCE_NUM, AcdState::Held));
    }

    #[test]
    fn conflict_while_probing_5227_1() {
        let lost = [
            seen(true, THEIRS, IP, PEER),
            seen(false, THEIRS, IP, PEER),
            seen(true, THEIRS, Ipv4Addr::UNSPECIFIED, IP),
        ];
        let fine = [
            seen(true, MINE, Ipv4Addr::UNSPECIFIED, IP),
            seen(true, THEIRS, PEER, IP),
            seen(true, THEIRS, Ipv4Addr::UNSPECIFIED, PEER),
            seen(false, THEIRS, Ipv4Addr::UNSPECIFIED, IP),
        ];
        for (message, event) in
            lost.map(|m| (m, AcdEvent::Lost)).into_iter().chain(fine.map(|m| (m, AcdEvent::Nothing)))
        {
            let mut acd = Acd::new(T0, IP, PROBE_WAIT);
            assert_eq!(acd.on_arp(T0, &message, mine(Defence::Always), no), event, "{message:?}");
            assert_eq!(acd.deadline().is_none(), event == AcdEvent::Lost);
        }
    }

    #[test]
    fn an_address_that_was_not_probed_is_defended_all_the_same_5227_3() {
        let mut acd = Acd::held(IP);
        assert_eq!((acd.deadline(), acd.is_usable()), (None, true));
        let claim = seen(true, THEIRS, IP, IP);
        assert_eq!(acd.on_arp(T0, &claim, mine(Defence::Always), |_| Ok(())), AcdEvent::Defended);
    }

    #[test]
    fn defence_by_policy_5227_3() {
        let claim = seen(true, THEIRS, IP, IP);
        let far = DEFEND_INTERVAL + MS;
        // Policy; then at 0 s, 5 s and 5 s + 10.001 s: the event, and whether it announces.
        use AcdEvent::*;
        let rows = [
            (Defence::GiveUp, [(Lost, 0), (Nothing, 0), (Nothing, 0)]),
            (Defence::Once, [(Defended, 1), (Lost, 0), (Nothing, 0)]),
            (Defence::Always, [(Defended, 1), (Nothing, 0), (Defended, 1)]),
        ];
        for (policy, expected) in rows {
            let (mut acd, _) = held();
            let moments = [T0, T0 + 5000 * MS, T0 + 5000 * MS + far];
            let got = moments.map(|now| {
                let mut announced = 0;
                let event = acd.on_arp(now, &claim, mine(policy), |_| {
                    announced += 1;
                    Ok(())
                });
                (event, announced)
            });
            assert_eq!(got, expected, "{policy:?}");
            assert_eq!(acd.is_usable(), policy == Defence::Always);
        }
    }

    #[test]
    fn refused_defence_is_tried_again_5227_3() {
        let (mut acd, _) = held();
        let claim = seen(false, THEIRS, IP, PEER);
        assert_eq!(acd.on_arp(T0, &claim, mine(Defence::Always), no), AcdEvent::Defended);
        let now = acd.deadline().expect("a retry");
        let mut frames = Vec::new();
        assert_eq!(
            acd.on_timer(now, PROBE_MIN, |frame| {
                frames.push(frame);
                Ok(())
            }),
            AcdEvent::Nothing
        );
        assert_eq!((frames, acd.deadline(), acd.state()), (vec![AcdFrame::Announce], None, AcdState::Held));
    }

    #[test]
    fn ten_conflicts_slow_attempts_down_5227_2() {
        let mut limit = ConflictLimit::default();
        for _ in 0..MAX_CONFLICTS {
            assert_eq!(limit.earliest(T0), T0);
            limit.on_attempt(T0);
            limit.on_conflict();
        }
        assert_eq!(limit.earliest(T0 + MS), T0 + RATE_LIMIT_INTERVAL);
        assert_eq!(limit.earliest(T0 + RATE_LIMIT_INTERVAL * 2), T0 + RATE_LIMIT_INTERVAL * 2);
    }
}
