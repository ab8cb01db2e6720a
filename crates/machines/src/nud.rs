//! Neighbour unreachability detection: the life of one neighbour entry (RFC 4861 s7.3, Appendix C; RFC 7048).
//!
//! The machine holds no lock, reads no clock and sends nothing. Whoever owns the entry steps it under the
//! entry's write lock and hands in a `send` that dispatches to a queue; it is called under that lock, and
//! may be, because dispatching neither blocks nor takes a lock.
//!
//! **A change of state and the enqueue of its solicitation are one step.** The state moves on only when
//! `send` has accepted. When it refuses, no try is spent: the entry stays where it was and asks again after
//! [`NudConfig::refused_retry`]. An entry whose queue never accepts therefore never fails; it ends with
//! its interface, and the queue's own counters tell why.
//!
//! ARP steps the same machine (`arp::machine`): a broadcast request is its multicast solicitation.

use core::time::Duration;

use siding_netisr::Instant;
use siding_wire::Mac;

mod config;
mod state;

pub use config::*;
pub use state::NudState;

/// The solicitation to send: where its frame goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Solicit {
    /// To the target's solicited-node group (ARP: a broadcast request).
    Multicast,
    /// To the neighbour at this link-layer address.
    Unicast(Mac),
}

/// The queue did not take the solicitation. Why is for the caller to count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Refused;

/// What the timer decided.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub enum Outcome {
    /// The entry lives; see [`Nud::deadline`] for when to come back.
    Kept,
    /// The neighbour does not answer: discard the entry, and answer each held packet with Destination
    /// Unreachable, address unreachable (RFC 4861 s7.2.2). Returned again if the entry is kept regardless.
    Failed,
}

/// A validated Neighbor Advertisement (RFC 4861 s7.1.2) as the machine sees it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Advert {
    /// S: it answers a solicitation of ours.
    pub solicited: bool,
    /// O: it may replace the link-layer address that we have.
    pub override_: bool,
    /// R: the sender is a router.
    pub router: bool,
    /// Target link-layer address, if the option came along.
    pub tlla: Option<Mac>,
}

/// What a message changed beyond the state.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[must_use]
pub struct Change {
    /// The address became known: send the held packets, in order.
    pub resolved: bool,
    /// There was an address and it is another now.
    pub lladdr_changed: bool,
    /// The neighbour turned out to be a router.
    pub became_router: bool,
    /// It was a router and is none now: drop it from the default routers (RFC 4861 s6.3.5).
    pub ceased_router: bool,
}

/// One neighbour's entry. `Copy`, so that a snapshot of it can be shown without its lock.
#[derive(Debug, Clone, Copy)]
pub struct Nud {
    state: NudState,
    /// `None` only while INCOMPLETE.
    lladdr: Option<Mac>,
    is_router: bool,
    /// Configured by hand: no event and no timer touches it.
    fixed: bool,
    /// UNREACHABLE only: a packet went out since the last probe.
    used: bool,
    /// Accepted solicitations of the present round.
    tries: u32,
    deadline: Option<Instant>,
    last_solicit: Option<Instant>,
    first_probe: Instant,
    confirmed: Option<Instant>,
}

/// A solicitation to be sent.
struct Ask {
    kind: Solicit,
    /// How long the answer is waited for.
    pause: Duration,
}

impl Nud {
    /// A packet waits for a neighbour without an entry: INCOMPLETE, and the first solicitation is sent.
    pub fn new_for_packet(
        now: Instant,
        config: &NudConfig,
        send: impl FnOnce(Solicit) -> Result<(), Refused>,
    ) -> Nud {
        let mut nud = Nud::new(NudState::Incomplete, None, false);
        nud.solicit(now, config, Ask { kind: Solicit::Multicast, pause: config.retrans_timer }, send);
        nud.check();
        nud
    }

    /// A message told the address before we asked (NS, RS, RA, Redirect; RFC 9131 for an NA): STALE.
    ///
    /// `lladdr` is a station's address, [`Mac::is_unicast`]; the caller has checked.
    //= RFC 4861 s7.2.3, s6.2.6 [4861-28, 4861-13]: an entry made by what was heard starts STALE.
    //= RFC 9131 s6.1.1 [9131-1]: so does one that an unexpected advertisement makes on a router.
    pub fn new_learned(lladdr: Mac, is_router: bool) -> Nud {
        Nud::new(NudState::Stale, Some(lladdr), is_router)
    }

    /// An entry configured by hand: REACHABLE for ever, whatever is heard.
    pub fn new_static(lladdr: Mac) -> Nud {
        Nud { fixed: true, ..Nud::new(NudState::Reachable, Some(lladdr), false) }
    }

    /// A packet goes to the neighbour. True when the deadline moved and the timer must be set anew.
    pub fn on_packet(&mut self, now: Instant, config: &NudConfig) -> bool {
        let moved = match self.state {
            NudState::Stale => {
                self.state = NudState::Delay;
                self.tries = 0;
                self.deadline = Some(now + config.delay_first_probe);
                true
            }
            NudState::Unreachable if !self.used => {
                self.used = true;
                let quiet = self.deadline.is_none();
                if quiet {
                    let due = self.last_solicit.map_or(now, |last| last + self.last_pause(config));
                    self.deadline = Some(due.max(now));
                }
                quiet
            }
            _ => false,
        };
        self.check();
        moved
    }

    /// The timer fired. Does nothing before the deadline, so that a timer may come early or twice.
    pub fn on_timer(
        &mut self,
        now: Instant,
        config: &NudConfig,
        send: impl FnOnce(Solicit) -> Result<(), Refused>,
    ) -> Outcome {
        if self.deadline.is_none_or(|deadline| now < deadline) {
            return Outcome::Kept;
        }
        let outcome = match self.state {
            NudState::Incomplete => {
                //= RFC 4861 s7.2.2 [4861-27]: ask so often, a RetransTimer apart, traffic or none, then give up.
                if self.tries >= config.max_multicast_solicit.max(1) {
                    return Outcome::Failed;
                }
                self.solicit(
                    now,
                    config,
                    Ask { kind: Solicit::Multicast, pause: config.retrans_timer },
                    send,
                );
                Outcome::Kept
            }
            NudState::Reachable | NudState::Stale => {
                self.state = NudState::Stale;
                self.deadline = None;
                Outcome::Kept
            }
            NudState::Delay | NudState::Probe | NudState::Unreachable => self.probe(now, config, send),
        };
        self.check();
        outcome
    }

    /// A Neighbor Advertisement for this entry (RFC 4861 s7.2.5).
    pub fn on_advert(&mut self, now: Instant, config: &NudConfig, advert: &Advert) -> Change {
        let mut change = Change::default();
        if self.fixed || advert.tlla.is_some_and(|mac| !mac.is_unicast()) {
            return change;
        }
        if self.state == NudState::Incomplete {
            //= RFC 4861 s7.2.5, App. C [4861-30]: without an address it resolves nothing; only R is noted.
            self.set_router(advert.router, &mut change);
            if let Some(tlla) = advert.tlla {
                self.lladdr = Some(tlla);
                change.resolved = true;
                if advert.solicited { self.reachable(now, config) } else { self.stale() }
            }
            self.check();
            return change;
        }
        //= RFC 4861 s7.2.5 [4861-31]: what S, O and the address say together.
        let differs = advert.tlla.is_some() && advert.tlla != self.lladdr;
        if differs && !advert.override_ {
            //= RFC 7048 s3 [7048-1]: UNREACHABLE ignores it as STALE, DELAY and PROBE do.
            if self.state == NudState::Reachable {
                self.stale();
            }
            return change;
        }
        self.set_router(advert.router, &mut change);
        if differs {
            self.lladdr = advert.tlla;
            change.lladdr_changed = true;
        }
        //= RFC 4861 s7.3.1 [4861-34]: of all messages only a solicited advertisement confirms.
        if advert.solicited {
            self.reachable(now, config);
        } else if differs {
            self.stale();
        }
        self.check();
        change
    }

    /// The neighbour's address was heard in its NS, RS or RA, or in a Redirect that names it (RFC 4861
    /// Appendix C, second table). `router` is what the message says of the neighbour: RA, and a Redirect to a
    /// target that is not the destination, `Some(true)`; RS `Some(false)`; NS and other Redirects `None`.
    pub fn on_learned(&mut self, lladdr: Option<Mac>, router: Option<bool>) -> Change {
        let mut change = Change::default();
        let lladdr = match lladdr {
            _ if self.fixed => return change,
            Some(mac) if !mac.is_unicast() => return change,
            other => other,
        };
        //= RFC 4861 s7.2.3, s6.3.4, s6.2.6 [4861-28, 4861-19, 4861-13]: NS leaves IsRouter, RA sets, RS clears.
        if let Some(router) = router {
            self.set_router(router, &mut change);
        }
        if lladdr.is_some() && lladdr != self.lladdr {
            change.resolved = self.lladdr.is_none();
            change.lladdr_changed = !change.resolved;
            self.lladdr = lladdr;
            self.stale();
        }
        self.check();
        change
    }

    /// An upper layer saw progress that only a working path explains. Nothing while INCOMPLETE.
    pub fn confirm(&mut self, now: Instant, config: &NudConfig) {
        if self.state != NudState::Incomplete && !self.fixed {
            self.reachable(now, config);
        }
        self.check();
    }

    /// The present state.
    pub fn state(&self) -> NudState {
        self.state
    }

    /// When [`on_timer`](Self::on_timer) wants to be called; `None` for not at all.
    pub fn deadline(&self) -> Option<Instant> {
        self.deadline
    }

    /// IsRouter (RFC 4861 s5.1).
    pub fn is_router(&self) -> bool {
        self.is_router
    }

    /// When it was last confirmed that the neighbour is reached; `None` if it never was.
    pub fn confirmed(&self) -> Option<Instant> {
        self.confirmed
    }

    /// Whether it was configured by hand.
    pub fn is_static(&self) -> bool {
        self.fixed
    }

    /// Where packets go now; `None` while they must be held.
    //= RFC 4861 s7.3.3 [4861-35]: DELAY and PROBE keep sending to the cached address.
    //= RFC 7048 s3 [7048-1]: so does UNREACHABLE.
    pub fn usable(&self) -> Option<Mac> {
        self.lladdr
    }

    /// Whether the fast path must take the write lock and call [`on_packet`](Self::on_packet) before it sends.
    pub fn needs_nudge(&self) -> bool {
        match self.state {
            NudState::Stale => true,
            NudState::Unreachable => !self.used,
            _ => false,
        }
    }

    /// Whether a default router with this entry may be preferred to one without.
    //= RFC 4861 s6.3.6 [4861-22], RFC 7048 s3 [7048-1]: any state but INCOMPLETE and UNREACHABLE will do.
    pub fn may_be_reachable(&self) -> bool {
        !matches!(self.state, NudState::Incomplete | NudState::Unreachable)
    }

    /// Whether a solicitation of the present round is out: an answer is expected.
    pub fn awaits_answer(&self) -> bool {
        self.tries > 0 && matches!(self.state, NudState::Incomplete | NudState::Probe | NudState::Unreachable)
    }

    fn new(state: NudState, lladdr: Option<Mac>, is_router: bool) -> Nud {
        Nud {
            state,
            lladdr,
            is_router,
            fixed: false,
            used: false,
            tries: 0,
            deadline: None,
            last_solicit: None,
            first_probe: Instant::ZERO,
            confirmed: None,
        }
    }

    /// DELAY, PROBE or UNREACHABLE is due: one more probe, or the end.
    fn probe(
        &mut self,
        now: Instant,
        config: &NudConfig,
        send: impl FnOnce(Solicit) -> Result<(), Refused>,
    ) -> Outcome {
        let max_unicast = config.max_unicast_solicit.max(1);
        if config.unreachable.is_none() && self.tries >= max_unicast {
            return Outcome::Failed;
        }
        //= RFC 7048 s3 [7048-1]: nobody sends to it, so nobody need know; stop until somebody does.
        if self.state == NudState::Unreachable && !self.used {
            self.deadline = None;
            return Outcome::Kept;
        }
        let pause =
            config.unreachable.map_or(config.retrans_timer, |b| b.pause(config.retrans_timer, self.tries));
        let unicast = match self.lladdr {
            //= RFC 7048 s3 [7048-1]: multicast early enough that a changed address is found within a minute.
            Some(mac) if self.tries == 0 || self.may_unicast(now, pause, max_unicast) => Some(mac),
            _ => None,
        };
        let kind = unicast.map_or(Solicit::Multicast, Solicit::Unicast);
        if self.solicit(now, config, Ask { kind, pause }, send) {
            if self.tries == 1 {
                self.first_probe = now;
            }
            self.used = false;
            self.state = match config.unreachable {
                Some(backoff) if self.tries >= backoff.mark_unreachable => NudState::Unreachable,
                _ => NudState::Probe,
            };
        }
        Outcome::Kept
    }

    fn may_unicast(&self, now: Instant, pause: Duration, max_unicast: u32) -> bool {
        self.tries < max_unicast && now + pause <= self.first_probe + MULTICAST_BY
    }

    /// Sends one solicitation if the last is a RetransTimer ago; says whether it was accepted.
    fn solicit(
        &mut self,
        now: Instant,
        config: &NudConfig,
        Ask { kind, pause }: Ask,
        send: impl FnOnce(Solicit) -> Result<(), Refused>,
    ) -> bool {
        //= RFC 4861 s7.2.2, s7.3.3 [4861-27, 4861-35]: at most one per RetransTimer, whatever the state was.
        let earliest = self.last_solicit.map_or(now, |last| last + config.retrans_timer);
        if now < earliest {
            self.deadline = Some(earliest);
            return false;
        }
        match send(kind) {
            Ok(()) => {
                self.tries = self.tries.saturating_add(1);
                self.last_solicit = Some(now);
                self.deadline = Some(now + pause);
                true
            }
            Err(Refused) => {
                self.deadline = Some(now + config.refused_retry);
                false
            }
        }
    }

    fn reachable(&mut self, now: Instant, config: &NudConfig) {
        self.state = NudState::Reachable;
        self.confirmed = Some(now);
        self.deadline = Some(now + config.reachable_time);
    }

    fn stale(&mut self) {
        self.state = NudState::Stale;
        self.deadline = None;
    }

    fn set_router(&mut self, router: bool, change: &mut Change) {
        change.became_router = router && !self.is_router;
        change.ceased_router = !router && self.is_router;
        self.is_router = router;
    }

    /// The pause that followed the last accepted probe.
    fn last_pause(&self, config: &NudConfig) -> Duration {
        let before = self.tries.saturating_sub(1);
        config.unreachable.map_or(config.retrans_timer, |b| b.pause(config.retrans_timer, before))
    }
}
