//! Duplicate address detection, one machine for each address (RFC 4862 s5.4, RFC 7527).
//!
//! As in `nud`, a try counts only when its solicitation was accepted by the queue, so an address is never
//! called unique on the strength of questions that were not asked.

use core::fmt;
use core::time::Duration;

use siding_netisr::Instant;

use crate::nud::MAX_MULTICAST_SOLICIT;
use crate::nud::REFUSED_RETRY;
use crate::nud::RETRANS_TIMER;
use crate::nud::Refused;

/// Ceiling of the random delay before the first solicitation (RFC 4861 s10, RFC 4862 s5.4.2).
pub const MAX_RTR_SOLICITATION_DELAY: Duration = Duration::from_secs(1);

/// The random number in a solicitation by which we know our own (RFC 3971 s5.3.2).
pub type Nonce = [u8; 6];

/// How many of our last nonces are remembered. A loop returns a frame within moments; eight solicitations
/// last eight seconds.
const NONCES: usize = 8;

/// One interface's rules for duplicate address detection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DadConfig {
    /// DupAddrDetectTransmits; 0 switches detection off.
    pub transmits: u32,
    /// Time between two solicitations, and from the last one to success.
    pub retrans_timer: Duration,
    /// Put a nonce into each solicitation (RFC 7527). Some equipment rejects the option.
    pub nonce: bool,
    /// How soon a refused solicitation is tried again.
    pub refused_retry: Duration,
    /// After which time a duplicate that was given by hand is tested again; `None` for never.
    pub duplicate_retry: Option<Duration>,
    /// Whether IP stops on an interface when somebody else has the link-local address that its MAC makes.
    pub stops: bool,
}

/// After which time a duplicate is tested again by default: long enough to trouble nobody, short enough that who has made
/// a mistake with an address and mended it needs not come back.
pub const DUPLICATE_RETRY: Duration = Duration::from_secs(300);

impl Default for DadConfig {
    fn default() -> DadConfig {
        //= RFC 4862 s5.1 [4862-1]: one solicitation unless configured otherwise.
        DadConfig {
            transmits: 1,
            retrans_timer: RETRANS_TIMER,
            nonce: true,
            refused_retry: REFUSED_RETRY,
            duplicate_retry: Some(DUPLICATE_RETRY),
            //= RFC 4862 s5.4.5 [4862-6]: it SHOULD; an operator may decide otherwise.
            stops: true,
        }
    }
}

/// What is known about the address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum DadState {
    /// Being tested: not ours yet, neither a source nor a destination.
    Tentative,
    /// Being tested and used meanwhile, with care that nobody's cache is overwritten (RFC 4429).
    Optimistic,
    /// Nobody else has it.
    Preferred,
    /// Somebody else has it.
    Duplicate,
}

impl fmt::Display for DadState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            DadState::Tentative => "TENTATIVE",
            DadState::Optimistic => "OPTIMISTIC",
            DadState::Preferred => "PREFERRED",
            DadState::Duplicate => "DUPLICATE",
        })
    }
}

/// What a step brought about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub enum DadEvent {
    /// Nothing to tell.
    Nothing,
    /// The address is unique: assign it.
    Passed,
    /// Our own solicitation came back: count and log it (RFC 7527 s4.2), and drop it.
    Looped,
    /// Somebody else has or wants the address: do not assign it, log it, and if it is the link-local address
    /// made from the MAC, stop IP on the interface (RFC 4862 s5.4.5).
    Duplicate,
    /// Somebody advertises an address that is ours already: log it (RFC 4862 s5.4.4).
    Conflict,
}

/// A validated Neighbor Solicitation whose target is the address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HeardSolicit<'a> {
    /// Its source is `::`, so the sender is detecting duplicates.
    pub unspecified: bool,
    /// Its frame's source is a MAC of the interface itself.
    pub from_our_mac: bool,
    /// The Nonce option's value, if there is one.
    pub nonce: Option<&'a [u8]>,
}

/// The detection for one address on one interface.
///
/// The caller has joined the all-nodes and the solicited-node group first [4862-2].
#[derive(Debug, Clone, Copy)]
pub struct Dad {
    state: DadState,
    sent: u32,
    /// Solicitations after which the wait for success begins.
    enough: u32,
    looped: bool,
    deadline: Option<Instant>,
    nonces: [Nonce; NONCES],
    /// Nonces ever stored; the newest overwrites the oldest.
    stored: usize,
}

impl Dad {
    /// A new address. `first_delay` is drawn from 0 to [`MAX_RTR_SOLICITATION_DELAY`] when this would be the
    /// interface's first message or the address came from a multicast RA, otherwise zero (RFC 4862 s5.4.2).
    pub fn new(now: Instant, first_delay: Duration, config: &DadConfig) -> Dad {
        //= RFC 4862 s5.1 [4862-1]: no transmissions, no detection.
        let off = config.transmits == 0;
        Dad {
            state: if off { DadState::Preferred } else { DadState::Tentative },
            sent: 0,
            enough: config.transmits,
            looped: false,
            //= RFC 4862 s5.4.2 [4862-2]: the first one waits a random while.
            deadline: if off { None } else { Some(now + first_delay.min(MAX_RTR_SOLICITATION_DELAY)) },
            nonces: [[0; 6]; NONCES],
            stored: 0,
        }
    }

    /// The same, but the address is used while it is tested. Not for addresses given by hand, nor on routers.
    //= RFC 4429 s3.1 [4429-1]: only the state differs; the questions are those of any tentative address.
    pub fn new_optimistic(now: Instant, first_delay: Duration, config: &DadConfig) -> Dad {
        let dad = Dad::new(now, first_delay, config);
        let state = if dad.state == DadState::Tentative { DadState::Optimistic } else { dad.state };
        Dad { state, ..dad }
    }

    /// The timer fired; nothing happens before the deadline. `nonce` is fresh and random; `send` gets it when
    /// it is to be in the solicitation (source `::`, destination the solicited-node group, no SLLA option).
    pub fn on_timer(
        &mut self,
        now: Instant,
        config: &DadConfig,
        nonce: Nonce,
        send: impl FnOnce(Option<Nonce>) -> Result<(), Refused>,
    ) -> DadEvent {
        if !self.is_testing() || self.deadline.is_none_or(|deadline| now < deadline) {
            return DadEvent::Nothing;
        }
        if self.sent >= self.enough {
            if !self.looped {
                //= RFC 4862 s5.4, s5.4.2 [4862-3]: silence for RetransTimer after the last one is success.
                self.settle(DadState::Preferred);
                return DadEvent::Passed;
            }
            //= RFC 7527 s4.1 [7527-1]: the link loops; ask on, so that a real duplicate is not mistaken for us.
            self.enough = self.sent.saturating_add(MAX_MULTICAST_SOLICIT);
            self.looped = false;
        }
        //= RFC 7527 s4.1 [7527-1]: each solicitation has a nonce of its own, which is kept.
        let nonce = config.nonce.then_some(nonce);
        match send(nonce) {
            Ok(()) => {
                if let Some(nonce) = nonce {
                    self.nonces[self.stored % NONCES] = nonce;
                    self.stored += 1;
                }
                self.sent = self.sent.saturating_add(1);
                self.deadline = Some(now + config.retrans_timer);
            }
            Err(Refused) => self.deadline = Some(now + config.refused_retry),
        }
        self.check();
        DadEvent::Nothing
    }

    /// A solicitation for the address was received.
    pub fn on_solicit(&mut self, heard: &HeardSolicit<'_>, config: &DadConfig) -> DadEvent {
        //= RFC 4862 s5.4.3 [4862-4]: a tentative address answers nobody; a resolver's question is ignored.
        //= RFC 4429 s3.3 [4429-1]: an optimistic address gives way to another's test as well; nobody is answered.
        if !self.is_testing() || !heard.unspecified {
            return DadEvent::Nothing;
        }
        let own = match heard.nonce {
            //= RFC 7527 s4.2 [7527-1]: our own nonce means a loop, any other a real duplicate.
            Some(nonce) => self.is_own(nonce),
            None => heard.from_our_mac && !config.nonce,
        };
        if own {
            self.looped |= self.sent >= self.enough;
            return DadEvent::Looped;
        }
        //= RFC 4862 s5.4.3 [4862-4]: another node tests the same address, so neither may have it.
        self.settle(DadState::Duplicate);
        DadEvent::Duplicate
    }

    /// An advertisement for the address was received, and not from us.
    pub fn on_advert(&mut self) -> DadEvent {
        match self.state {
            //= RFC 4862 s5.4.4 [4862-5]: whoever advertises it has it.
            DadState::Tentative | DadState::Optimistic => {
                self.settle(DadState::Duplicate);
                DadEvent::Duplicate
            }
            DadState::Preferred => DadEvent::Conflict,
            DadState::Duplicate => DadEvent::Nothing,
        }
    }

    /// The address is somebody else's, and is to be tested again at `at`, by a machine of its own then.
    pub fn try_again(&mut self, at: Instant) {
        if self.state == DadState::Duplicate {
            self.deadline = Some(at);
        }
    }

    /// Whether the time has come to test a duplicate again.
    pub fn is_to_try_again(&self, now: Instant) -> bool {
        self.state == DadState::Duplicate && self.deadline.is_some_and(|deadline| deadline <= now)
    }

    /// The operator ends the test of a looping link: the address is taken as unique (RFC 7527 s4.1).
    pub fn stop_probing(&mut self) -> DadEvent {
        if !self.is_testing() {
            return DadEvent::Nothing;
        }
        self.settle(DadState::Preferred);
        DadEvent::Passed
    }

    /// The present state.
    pub fn state(&self) -> DadState {
        self.state
    }

    /// When [`on_timer`](Self::on_timer) wants to be called; `None` once the matter is settled.
    pub fn deadline(&self) -> Option<Instant> {
        self.deadline
    }

    /// Solicitations accepted so far.
    pub fn sent(&self) -> u32 {
        self.sent
    }

    fn is_testing(&self) -> bool {
        matches!(self.state, DadState::Tentative | DadState::Optimistic)
    }

    fn is_own(&self, nonce: &[u8]) -> bool {
        self.nonces[..self.stored.min(NONCES)].iter().any(|own| own == nonce)
    }

    fn settle(&mut self, state: DadState) {
        self.state = state;
        self.deadline = None;
        self.check();
    }

    /// What holds after each step.
    fn check(&self) {
        let timed = self.deadline.is_some();
        debug_assert!(!self.is_testing() || timed, "the test would never end: {self:?}");
        debug_assert!(self.state != DadState::Preferred || !timed, "the matter is settled: {self:?}");
        debug_assert!(self.sent <= self.enough, "nobody asks on: {self:?}");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const S: Duration = Duration::from_secs(1);
    const T0: Instant = Instant::from_nanos(7_000_000_000);

    fn probe(nonce: Option<&[u8]>) -> HeardSolicit<'_> {
        HeardSolicit { unspecified: true, from_our_mac: false, nonce }
    }

    /// Steps to each deadline until the matter is settled; returns when each solicitation left and the end.
    fn run(dad: &mut Dad, config: &DadConfig) -> (Vec<Duration>, DadEvent, Duration) {
        let mut left = Vec::new();
        while let Some(now) = dad.deadline() {
            let nonce = [left.len() as u8 + 1; 6];
            let event = dad.on_timer(now, config, nonce, |_| {
                left.push(now - T0);
                Ok(())
            });
            if event != DadEvent::Nothing {
                return (left, event, now - T0);
            }
        }
        (left, DadEvent::Nothing, S)
    }

    #[test]
    fn default_is_one_solicitation_4862_1() {
        let config = DadConfig::default();
        let mut dad = Dad::new(T0, S / 4, &config);
        assert_eq!(run(&mut dad, &config), (vec![S / 4], DadEvent::Passed, S / 4 + S));
        assert_eq!(dad.state(), DadState::Preferred);
    }

    #[test]
    fn zero_transmits_switch_it_off_4862_1() {
        let dad = Dad::new(T0, S, &DadConfig { transmits: 0, ..DadConfig::default() });
        assert_eq!((dad.state(), dad.deadline(), dad.sent()), (DadState::Preferred, None, 0));
    }

    #[test]
    fn first_delay_is_at_most_a_second_4862_2() {
        let dad = Dad::new(T0, S * 9, &DadConfig::default());
        assert_eq!(dad.deadline(), Some(T0 + S));
    }

    #[test]
    fn spaced_by_retrans_timer_and_success_one_after_the_last_4862_3() {
        let config = DadConfig { transmits: 3, retrans_timer: S * 2, ..DadConfig::default() };
        let mut dad = Dad::new(T0, Duration::ZERO, &config);
        let left = vec![Duration::ZERO, S * 2, S * 4];
        assert_eq!(run(&mut dad, &config), (left, DadEvent::Passed, S * 6));
    }

    #[test]
    fn early_timer_does_nothing_4862_3() {
        let config = DadConfig::default();
        let mut dad = Dad::new(T0, S / 2, &config);
        assert_eq!(dad.on_timer(T0, &config, [1; 6], |_| panic!("too early")), DadEvent::Nothing);
        assert_eq!(dad.sent(), 0);
    }

    #[test]
    fn refused_solicitation_is_no_try_4862_3() {
        let config = DadConfig::default();
        let mut dad = Dad::new(T0, Duration::ZERO, &config);
        let mut now = T0;
        for _ in 0..50 {
            assert_eq!(dad.on_timer(now, &config, [1; 6], |_| Err(Refused)), DadEvent::Nothing);
            assert_eq!((dad.sent(), dad.deadline()), (0, Some(now + REFUSED_RETRY)));
            now += REFUSED_RETRY;
        }
        assert_eq!(dad.on_timer(now, &config, [2; 6], |_| Ok(())), DadEvent::Nothing);
        assert_eq!(
            dad.on_solicit(&probe(Some(&[1; 6])), &config),
            DadEvent::Duplicate,
            "never sent, not ours"
        );
    }

    #[test]
    fn resolver_is_ignored_while_tentative_4862_4() {
        let config = DadConfig::default();
        let mut dad = Dad::new(T0, S, &config);
        let heard = HeardSolicit { unspecified: false, from_our_mac: false, nonce: None };
        assert_eq!(dad.on_solicit(&heard, &config), DadEvent::Nothing);
        assert_eq!(dad.state(), DadState::Tentative);
    }

    #[test]
    fn anothers_test_is_a_duplicate_even_before_ours_4862_4() {
        let config = DadConfig::default();
        let mut dad = Dad::new(T0, S, &config);
        assert_eq!(dad.on_solicit(&probe(None), &config), DadEvent::Duplicate);
        assert_eq!((dad.state(), dad.deadline()), (DadState::Duplicate, None));
        assert_eq!(dad.on_timer(T0 + S, &config, [1; 6], |_| panic!("settled")), DadEvent::Nothing);
    }

    #[test]
    fn own_mac_is_a_loop_only_without_nonces_4862_4() {
        let config = DadConfig { nonce: false, ..DadConfig::default() };
        let echo = HeardSolicit { from_our_mac: true, ..probe(None) };
        let mut dad = Dad::new(T0, Duration::ZERO, &config);
        assert_eq!(
            dad.on_timer(T0, &config, [1; 6], |nonce| {
                assert_eq!(nonce, None);
                Ok(())
            }),
            DadEvent::Nothing
        );
        assert_eq!(dad.on_solicit(&echo, &config), DadEvent::Looped);
        // Ours would have carried a nonce: this is a clone with our MAC.
        let mut dad = Dad::new(T0, Duration::ZERO, &DadConfig::default());
        assert_eq!(dad.on_solicit(&echo, &DadConfig::default()), DadEvent::Duplicate);
    }

    #[test]
    fn advertisement_is_a_duplicate_then_a_conflict_4862_5() {
        let mut tentative = Dad::new(T0, S, &DadConfig::default());
        assert_eq!((tentative.on_advert(), tentative.state()), (DadEvent::Duplicate, DadState::Duplicate));
        assert_eq!(tentative.on_advert(), DadEvent::Nothing);
        let mut assigned = Dad::new(T0, S, &DadConfig { transmits: 0, ..DadConfig::default() });
        assert_eq!((assigned.on_advert(), assigned.state()), (DadEvent::Conflict, DadState::Preferred));
    }

    #[test]
    fn own_nonce_is_a_loop_and_the_test_goes_on_7527_1() {
        let config = DadConfig::default();
        let mut dad = Dad::new(T0, Duration::ZERO, &config);
        assert_eq!(
            dad.on_timer(T0, &config, [7; 6], |nonce| {
                assert_eq!(nonce, Some([7; 6]));
                Ok(())
            }),
            DadEvent::Nothing
        );
        assert_eq!(dad.on_solicit(&probe(Some(&[7; 6])), &config), DadEvent::Looped);
        assert_eq!(dad.state(), DadState::Tentative);
        // Three more, then silence is success.
        let (left, event, end) = run(&mut dad, &config);
        assert_eq!((left, event, end), (vec![S, S * 2, S * 3], DadEvent::Passed, S * 4));
    }

    #[test]
    fn a_loop_is_one_however_often_it_is_seen() {
        let config = DadConfig::default();
        let mut dad = Dad::new(T0, Duration::ZERO, &config);
        assert_eq!(dad.on_timer(T0, &config, [1; 6], |_| Ok(())), DadEvent::Nothing);
        for _ in 0..2 {
            assert_eq!(dad.on_solicit(&probe(Some(&[1; 6])), &config), DadEvent::Looped);
        }
        assert_eq!(dad.on_timer(T0 + S, &config, [2; 6], |_| Ok(())), DadEvent::Nothing, "it asks on");
        assert_eq!((dad.sent(), dad.state()), (2, DadState::Tentative));
    }

    #[test]
    fn only_a_duplicate_whose_time_has_come_is_tried_again() {
        let tentative = Dad::new(T0, Duration::ZERO, &DadConfig::default());
        assert!(!tentative.is_to_try_again(T0 + S), "it is being tested");
        let mut duplicate = tentative;
        assert_eq!(duplicate.on_advert(), DadEvent::Duplicate);
        assert!(!duplicate.is_to_try_again(T0 + S), "nobody has said when");
        duplicate.try_again(T0 + S);
        assert!(!duplicate.is_to_try_again(T0) && duplicate.is_to_try_again(T0 + S));
    }

    #[test]
    fn another_nonce_is_a_duplicate_7527_1() {
        let config = DadConfig::default();
        for foreign in [&[8; 6][..], &[7; 5], &[7; 14], &[0; 6]] {
            let mut dad = Dad::new(T0, Duration::ZERO, &config);
            let _ = dad.on_timer(T0, &config, [7; 6], |_| Ok(()));
            assert_eq!(dad.on_solicit(&probe(Some(foreign)), &config), DadEvent::Duplicate, "{foreign:?}");
        }
    }

    #[test]
    fn an_optimistic_address_is_tested_like_any_other_4429_1() {
        let config = DadConfig::default();
        let mut dad = Dad::new_optimistic(T0, S / 2, &config);
        assert_eq!(dad.state(), DadState::Optimistic);
        assert_eq!(run(&mut dad, &config), (vec![S / 2], DadEvent::Passed, S / 2 + S));
        assert_eq!(dad.state(), DadState::Preferred);
        let mut dad = Dad::new_optimistic(T0, S / 2, &config);
        assert_eq!(
            (dad.on_solicit(&probe(None), &config), dad.state()),
            (DadEvent::Duplicate, DadState::Duplicate)
        );
        let mut dad = Dad::new_optimistic(T0, S / 2, &config);
        assert_eq!((dad.on_advert(), dad.state()), (DadEvent::Duplicate, DadState::Duplicate));
        let off = Dad::new_optimistic(T0, S, &DadConfig { transmits: 0, ..config });
        assert_eq!(off.state(), DadState::Preferred, "nothing is tested");
    }

    #[test]
    fn operator_may_end_the_test_of_a_looping_link_7527_1() {
        let config = DadConfig::default();
        let mut dad = Dad::new(T0, Duration::ZERO, &config);
        for n in 1..=200u8 {
            let now = dad.deadline().expect("it goes on while the link loops");
            assert_eq!(dad.on_timer(now, &config, [n; 6], |_| Ok(())), DadEvent::Nothing);
            assert_eq!(dad.on_solicit(&probe(Some(&[n; 6])), &config), DadEvent::Looped);
        }
        assert_eq!((dad.stop_probing(), dad.state()), (DadEvent::Passed, DadState::Preferred));
    }
}
