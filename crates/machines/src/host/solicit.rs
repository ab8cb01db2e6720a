//! Asking for routers (RFC 4861 s6.3.7, RFC 7559).

use core::time::Duration;

use siding_netisr::Instant;

use super::config::Solicitation;
use crate::chance::Chance;
use crate::dad::MAX_RTR_SOLICITATION_DELAY;
use crate::nud::REFUSED_RETRY;
use crate::nud::Refused;

/// Solicitations until it is given up (RFC 4861 s10).
pub const MAX_RTR_SOLICITATIONS: u32 = 3;
/// Between two of them, and the first pause of the back-off (RFC 4861 s10, RFC 7559 s2).
pub const RTR_SOLICITATION_INTERVAL: Duration = Duration::from_secs(4);
/// The longest pause of the back-off (RFC 7559 s2, MRT).
pub const SOL_MAX_RT: Duration = Duration::from_secs(3600);

/// One interface's search for routers.
#[derive(Debug, Default)]
pub(super) struct Solicitor {
    mode: Solicitation,
    sent: u32,
    /// The pause after the last solicitation, for the back-off.
    pause: Duration,
    /// A router has answered, or spoken by itself.
    answered: bool,
    deadline: Option<Instant>,
}

impl Solicitor {
    /// Begins, or begins anew.
    pub(super) fn begin(&mut self, now: Instant, mode: Solicitation, chance: &mut Chance) {
        //= RFC 4861 s6.3.7 [4861-23]: the first one waits a random while, so that not all speak at once.
        let first = now + chance.between(Duration::ZERO, MAX_RTR_SOLICITATION_DELAY);
        let deadline = (mode != Solicitation::Never).then_some(first);
        *self = Solicitor { mode, sent: 0, pause: Duration::ZERO, answered: false, deadline };
    }

    /// Ends it.
    pub(super) fn stop(&mut self) {
        self.deadline = None;
    }

    /// A valid advertisement of a default router came in.
    //= RFC 4861 s6.3.7 [4861-23]: then it has ended, but one solicitation is sent in any case: the advertisement may
    //= have been one without all prefixes.
    pub(super) fn heard_router(&mut self) {
        self.answered = true;
        if self.sent > 0 {
            self.deadline = None;
        }
    }

    /// The timer fired; nothing happens before the deadline.
    pub(super) fn on_timer(
        &mut self,
        now: Instant,
        chance: &mut Chance,
        send: impl FnOnce() -> Result<(), Refused>,
    ) {
        if self.deadline.is_none_or(|deadline| now < deadline) {
            return;
        }
        if let Err(Refused) = send() {
            self.deadline = Some(now + REFUSED_RETRY);
            return;
        }
        self.sent = self.sent.saturating_add(1);
        self.pause = match self.mode {
            Solicitation::Backoff => self.back_off(chance),
            Solicitation::Fixed | Solicitation::Never => RTR_SOLICITATION_INTERVAL,
        };
        let over = self.mode == Solicitation::Fixed && self.sent >= MAX_RTR_SOLICITATIONS;
        self.deadline = (!over && !self.answered).then_some(now + self.pause);
    }

    pub(super) fn deadline(&self) -> Option<Instant> {
        self.deadline
    }

    //= RFC 7559 s2: each pause is about twice the one before, up to an hour, and a tenth of it is random.
    fn back_off(&self, chance: &mut Chance) -> Duration {
        let around = |base: Duration, times: u32| {
            let tenth = base / 10;
            (base * times + chance.between(Duration::ZERO, tenth * 2)).saturating_sub(tenth)
        };
        let mut around = around;
        if self.sent == 1 {
            return around(RTR_SOLICITATION_INTERVAL, 1);
        }
        let next = around(self.pause, 2);
        if next > SOL_MAX_RT { around(SOL_MAX_RT, 1) } else { next }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const T0: Instant = Instant::from_nanos(1_000_000_000);

    /// When each solicitation leaves, in seconds, the first at 0; at most `most`.
    fn times(mode: Solicitation, most: usize) -> Vec<f64> {
        let mut chance = Chance::new(3);
        let mut solicitor = Solicitor::default();
        solicitor.begin(T0, mode, &mut chance);
        let first = solicitor.deadline();
        let mut left = Vec::new();
        while let Some(now) = solicitor.deadline().filter(|_| left.len() < most) {
            solicitor.on_timer(now, &mut chance, || {
                left.push(now.since(first.unwrap()).as_secs_f64());
                Ok(())
            });
        }
        left
    }

    #[test]
    fn three_four_seconds_apart_4861_23() {
        assert_eq!(times(Solicitation::Fixed, 9), [0.0, 4.0, 8.0]);
        assert_eq!(times(Solicitation::Never, 9), []);
    }

    #[test]
    fn the_first_is_delayed_up_to_a_second_4861_23() {
        let mut chance = Chance::new(1);
        let delays: Vec<_> = (0..100)
            .map(|_| {
                let mut solicitor = Solicitor::default();
                solicitor.begin(T0, Solicitation::Fixed, &mut chance);
                solicitor.deadline().unwrap().since(T0)
            })
            .collect();
        let (least, most) = (delays.iter().min().unwrap(), delays.iter().max().unwrap());
        assert!(*most <= Duration::from_secs(1) && *most > Duration::from_millis(900));
        assert!(*least < Duration::from_millis(100));
    }

    #[test]
    fn pauses_double_up_to_an_hour_rfc7559() {
        let times = times(Solicitation::Backoff, 30);
        let gaps: Vec<f64> = times.windows(2).map(|pair| pair[1] - pair[0]).collect();
        assert!((3.6..=4.4).contains(&gaps[0]), "{gaps:?}");
        for pair in gaps.windows(2).filter(|pair| pair[0] < 1500.0) {
            assert!((1.9..=2.1).contains(&(pair[1] / pair[0])), "{gaps:?}");
        }
        assert!(gaps[15..].iter().all(|gap| (3240.0..=3960.0).contains(gap)), "{gaps:?}");
    }

    #[test]
    fn an_answer_ends_it_but_one_is_sent_4861_23() {
        for early in [true, false] {
            let mut chance = Chance::new(1);
            let mut solicitor = Solicitor::default();
            solicitor.begin(T0, Solicitation::Backoff, &mut chance);
            let mut sent = 0;
            for round in 0..4 {
                if round == usize::from(!early) {
                    solicitor.heard_router();
                }
                let Some(now) = solicitor.deadline() else { break };
                solicitor.on_timer(now, &mut chance, || {
                    sent += 1;
                    Ok(())
                });
            }
            assert_eq!((sent, solicitor.deadline()), (1, None), "early: {early}");
        }
    }

    #[test]
    fn a_refused_one_is_not_counted_4861_23() {
        let mut chance = Chance::new(1);
        let mut solicitor = Solicitor::default();
        solicitor.begin(T0, Solicitation::Fixed, &mut chance);
        for _ in 0..10 {
            let now = solicitor.deadline().unwrap();
            solicitor.on_timer(now, &mut chance, || Err(Refused));
            assert_eq!(solicitor.deadline(), Some(now + REFUSED_RETRY));
        }
        let mut sent = 0;
        while let Some(now) = solicitor.deadline() {
            solicitor.on_timer(now, &mut chance, || {
                sent += 1;
                Ok(())
            });
        }
        assert_eq!(sent, 3);
    }

    #[test]
    fn nothing_before_the_deadline_4861_23() {
        let mut chance = Chance::new(1);
        let mut solicitor = Solicitor::default();
        solicitor.begin(T0, Solicitation::Fixed, &mut chance);
        solicitor.on_timer(T0, &mut chance, || panic!("too early"));
        solicitor.stop();
        assert_eq!(solicitor.deadline(), None);
    }
}
