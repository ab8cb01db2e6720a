//! When a router speaks (RFC 4861 s6.2.4 to s6.2.8): one interface's machine.
//!
//! As in `nud`, an advertisement counts only when the queue has accepted it: a refused one is due again a moment
//! later.

use core::net::Ipv6Addr;
use core::time::Duration;

use siding_netisr::Instant;
use siding_wire::Mac;

use crate::nud::REFUSED_RETRY;
use crate::nud::Refused;

/// The longest wait between the first advertisements (RFC 4861 s10, as all that follow).
pub const MAX_INITIAL_RTR_ADVERT_INTERVAL: Duration = Duration::from_secs(16);
/// The advertisements that it applies to.
pub const MAX_INITIAL_RTR_ADVERTISEMENTS: u32 = 3;
/// Advertisements that say farewell.
pub const MAX_FINAL_RTR_ADVERTISEMENTS: u32 = 3;
/// Between two advertisements to everybody.
pub const MIN_DELAY_BETWEEN_RAS: Duration = Duration::from_secs(3);
/// The longest random wait before an answer.
pub const MAX_RA_DELAY_TIME: Duration = Duration::from_millis(500);

/// Hosts that are answered one by one at a time; if more ask, all are answered at once.
pub const MAX_ANSWERS: usize = 8;

/// To whom advertisements go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Audience {
    /// Everybody, also when somebody asks.
    Everybody,
    /// Everybody; whoever asks is answered alone (RFC 7772 s5.1).
    AnswersAlone,
    /// Only who asks.
    AskersOnly,
}

/// A host that asked and can be answered alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Asker {
    /// Its address.
    pub addr: Ipv6Addr,
    /// Its link-layer address, if it told.
    pub lladdr: Option<Mac>,
}

/// What to send.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Say {
    /// An advertisement to everybody.
    Advert,
    /// An advertisement to one host.
    Answer(Asker),
    /// That we are no router any more: lifetime 0, to everybody.
    Final,
    /// The same from the link-local address that we had before.
    FinalFromOld,
}

/// Where the machine stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// It advertises.
    Advertising,
    /// It takes its leave: so many farewells are still to be sent.
    Ceasing(u32),
    /// It has taken its leave, and will not come back.
    Ceased,
    /// It takes its leave for a while: the farewell is still to be sent.
    Suspending,
    /// It has taken its leave, and waits to be resumed.
    Suspended,
}

/// What becomes of a solicitation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub enum Heard {
    /// It will be answered.
    Answered,
    /// It will not: nothing is advertised here, or there is no way to answer.
    Ignored,
}

/// One interface's schedule.
#[derive(Debug, Clone)]
pub struct Schedule {
    phase: Phase,
    audience: Audience,
    /// First advertisements still to come.
    initial: u32,
    /// Whether the last advertisement was one of these.
    was_initial: bool,
    /// When everybody is told next.
    due: Option<Instant>,
    /// When everybody was told last.
    last: Option<Instant>,
    /// Whether anybody was told anything since we began or came back.
    told: bool,
    /// Farewells from the old link-local address still to be sent.
    farewells: u32,
    /// The last message was such a farewell: the next is the new address's.
    turn: bool,
    /// More hosts ask than are answered one by one: those that ask now wait for the next message to everybody.
    crowded: bool,
    answers: Vec<(Instant, Asker)>,
}

impl Schedule {
    /// A router that begins to advertise; `delay` is random, up to [`MAX_RA_DELAY_TIME`].
    pub fn new(now: Instant, delay: Duration, audience: Audience) -> Schedule {
        let mut schedule = Schedule {
            phase: Phase::Advertising,
            audience,
            initial: 0,
            was_initial: false,
            due: None,
            last: None,
            told: false,
            farewells: 0,
            turn: false,
            crowded: false,
            answers: Vec::new(),
        };
        schedule.resume(now, delay, audience);
        schedule
    }

    /// Begins anew: what is advertised has changed, or the interface came back.
    pub fn resume(&mut self, now: Instant, delay: Duration, audience: Audience) {
        if self.phase != Phase::Advertising {
            self.told = false;
        }
        self.phase = Phase::Advertising;
        self.audience = audience;
        //= RFC 4861 s6.2.4 [4861-10]: a change is made known as quickly as the router itself was.
        self.initial = MAX_INITIAL_RTR_ADVERTISEMENTS;
        self.due = match audience {
            Audience::AskersOnly => None,
            Audience::Everybody | Audience::AnswersAlone => Some(self.spaced(now + delay)),
        };
    }

    /// Our link-local address has changed: hosts know us by the old one.
    //= RFC 4861 s6.2.8 [4861-14]: farewells from the old address, advertisements from the new; they take turns,
    //= so that hosts are not without a router for long.
    pub fn moved(&mut self, now: Instant) {
        if self.phase != Phase::Advertising || self.audience == Audience::AskersOnly {
            return;
        }
        self.initial = MAX_INITIAL_RTR_ADVERTISEMENTS;
        self.farewells = MAX_FINAL_RTR_ADVERTISEMENTS;
        self.turn = false;
        self.due = Some(self.spaced(now));
    }

    /// Ceases to advertise, with farewells.
    //= RFC 4861 s6.2.5 [4861-11]: up to three last advertisements, with a lifetime of 0.
    pub fn stop(&mut self, now: Instant) {
        match self.phase {
            Phase::Ceasing(_) | Phase::Ceased => {}
            Phase::Suspended => self.finish(Phase::Ceased),
            Phase::Advertising | Phase::Suspending => {
                self.leave(now, Phase::Ceasing(MAX_FINAL_RTR_ADVERTISEMENTS), Phase::Ceased);
            }
        }
    }

    /// Ceases for a while, or just before the interface goes: one farewell.
    pub fn suspend(&mut self, now: Instant) {
        if self.phase == Phase::Advertising {
            self.leave(now, Phase::Suspending, Phase::Suspended);
        }
    }

    /// Somebody asks for an advertisement; `asker` is `None` if it has no address yet. `delay` is random, up to
    /// [`MAX_RA_DELAY_TIME`].
    pub fn on_solicit(&mut self, now: Instant, delay: Duration, asker: Option<Asker>) -> Heard {
        if self.phase != Phase::Advertising {
            return Heard::Ignored;
        }
        let when = now + delay.min(MAX_RA_DELAY_TIME);
        if let (Audience::AnswersAlone | Audience::AskersOnly, Some(asker)) = (self.audience, asker) {
            // What everybody is told by then answers this one, too.
            let known = self.answers.iter().any(|(_, other)| other.addr == asker.addr);
            if known || self.crowded || self.due.is_some_and(|due| due <= when) {
                return Heard::Answered;
            }
            if self.answers.len() < MAX_ANSWERS {
                self.answers.push((when, asker));
                return Heard::Answered;
            }
        }
        if self.audience == Audience::AskersOnly {
            return Heard::Ignored;
        }
        self.crowded |= self.answers.len() >= MAX_ANSWERS;
        //= RFC 4861 s6.2.6 [4861-12]: after a random wait, and never sooner than 3 s and that wait after the last
        //= one to everybody; what is due by then anyway is the answer.
        let earliest =
            self.last.map_or(when, |last| when.max(last + MIN_DELAY_BETWEEN_RAS + when.since(now)));
        self.due = Some(self.due.map_or(earliest, |due| due.min(earliest)));
        Heard::Answered
    }

    /// Its time has come: sends what is due. `interval` is random, between MinRtrAdvInterval and
    /// MaxRtrAdvInterval.
    pub fn on_timer(
        &mut self,
        now: Instant,
        interval: Duration,
        mut send: impl FnMut(Say) -> Result<(), Refused>,
    ) {
        let told = &mut self.told;
        self.answers.retain_mut(|(when, asker)| {
            if now < *when {
                return true;
            }
            let sent = send(Say::Answer(*asker)).is_ok();
            *told |= sent;
            *when = now + REFUSED_RETRY;
            !sent
        });
        if self.due.is_none_or(|due| now < due) {
            return;
        }
        let say = match self.phase {
            Phase::Advertising if self.farewells > 0 && !self.turn => Say::FinalFromOld,
            Phase::Advertising => Say::Advert,
            Phase::Ceasing(_) | Phase::Suspending => Say::Final,
            Phase::Ceased | Phase::Suspended => return self.due = None,
        };
        if send(say).is_err() {
            self.due = Some(now + REFUSED_RETRY);
            return;
        }
        self.last = Some(now);
        self.said(now, say, interval);
    }

    /// What was said last to everybody goes on in a further message: as soon as may be, and it counts as the same.
    //= RFC 4861 s6.2.3, s6.2.6 [4861-12]: several messages keep their distance, too.
    pub fn goes_on(&mut self, now: Instant) {
        self.initial += u32::from(std::mem::take(&mut self.was_initial));
        self.due = Some(now + MIN_DELAY_BETWEEN_RAS);
    }

    /// What was to be said from the address before cannot be any more.
    pub fn forget_old(&mut self) {
        self.farewells = 0;
    }

    /// Waits: there is no address to speak from yet.
    pub fn postpone(&mut self, until: Instant) {
        self.due = self.due.map(|due| due.max(until));
        for (when, _) in &mut self.answers {
            *when = (*when).max(until);
        }
    }

    /// When it is to be looked at next.
    pub fn deadline(&self) -> Option<Instant> {
        self.answers.iter().map(|(when, _)| *when).chain(self.due).min()
    }

    /// Where it stands.
    pub fn phase(&self) -> Phase {
        self.phase
    }

    /// Whether the next message comes from the address before.
    pub fn speaks_from_old(&self) -> bool {
        self.phase == Phase::Advertising && self.farewells > 0 && !self.turn
    }

    /// When everybody is told next.
    pub fn due(&self) -> Option<Instant> {
        self.due
    }

    /// Not sooner than 3 s after the last one to everybody.
    //= RFC 4861 s6.2.6 [4861-12]: whatever the reason for the next one.
    fn spaced(&self, when: Instant) -> Instant {
        self.last.map_or(when, |last| when.max(last + MIN_DELAY_BETWEEN_RAS))
    }

    fn leave(&mut self, now: Instant, phase: Phase, afterwards: Phase) {
        self.answers.clear();
        self.farewells = 0;
        // Nobody needs a farewell who was told nothing, and nobody is told anything that did not ask.
        if !self.told || self.audience == Audience::AskersOnly {
            return self.finish(afterwards);
        }
        self.phase = phase;
        self.due = Some(self.spaced(now));
    }

    fn finish(&mut self, phase: Phase) {
        self.crowded = false;
        self.phase = phase;
        self.due = None;
        self.answers.clear();
    }

    fn said(&mut self, now: Instant, say: Say, interval: Duration) {
        let soon = Some(now + MIN_DELAY_BETWEEN_RAS);
        match (self.phase, say) {
            (Phase::Ceasing(left), _) if left > 1 => {
                self.phase = Phase::Ceasing(left - 1);
                self.due = soon;
            }
            (Phase::Ceasing(_), _) => self.finish(Phase::Ceased),
            (Phase::Suspending, _) => self.finish(Phase::Suspended),
            (_, Say::FinalFromOld) => {
                self.farewells -= 1;
                self.turn = true;
                self.due = soon;
            }
            _ => {
                self.told = true;
                self.turn = false;
                // Everybody has heard, and so have those who asked.
                self.answers.clear();
                self.crowded = false;
                //= RFC 4861 s6.2.4 [4861-10]: a random interval; the first three are at most 16 s.
                let interval = match self.initial {
                    0 => interval,
                    _ => interval.min(MAX_INITIAL_RTR_ADVERT_INTERVAL),
                };
                self.was_initial = self.initial > 0;
                self.initial = self.initial.saturating_sub(1);
                self.due =
                    if self.farewells > 0 { soon } else { Some(now + interval.max(MIN_DELAY_BETWEEN_RAS)) };
            }
        }
    }
}

#[cfg(test)]
mod tests;
