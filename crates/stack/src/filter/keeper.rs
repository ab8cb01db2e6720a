//! What one worker has of the filter.

use std::sync::Arc;

use siding_machines::filter::CtState;
use siding_machines::filter::Key;
use siding_machines::filter::Known;
use siding_machines::filter::Packet;
use siding_machines::filter::States;
use siding_machines::filter::Tracked;
use siding_mbuf::Mbuf;
use siding_netisr::IfId;
use siding_netisr::Instant;
use siding_netisr::sync::mutant;
use siding_wire::IpProto;

use super::Hook;
use super::ahead::Ahead;
use super::asks::FrameEnds;
use super::came_by::Interfaces;
use super::counted::Counted;
use super::fragments;
use super::fragments::By;
use super::fragments::First;
use super::fragments::Follow;
use super::fragments::Fragments;
use super::passing::Between;
use super::passing::Passing;
use super::policies::Numbers;
use super::read;
use super::read::Astray;
use super::read::Piece;
use super::read::Read;
use super::round::Round;
use super::rules::Rules;
use super::rules::Shared;
use super::rules::Tables;
use crate::BATCH;
use crate::drops::DropReason;
use crate::event::Event;
use crate::ifnet::Version;
use crate::snapshot::Reader;

/// What one worker has of the filter.
#[derive(Debug)]
pub(crate) struct Keeper {
    pub(crate) rules: Reader<Option<Rules>>,
    on: bool,
    /// Nobody has looked at the rules yet: there may be some that are older than the worker.
    fresh: bool,
    pub(crate) states: Option<Box<States>>,
    /// Whose these are.
    pub(crate) tables: Option<Arc<Tables>>,
    /// Where their flows are counted.
    pub(crate) counted: Counted,
    pub(crate) fragments: Fragments,
    /// The packet between its hooks.
    pub(crate) between: Between,
    /// Buckets that have become ours, or empty.
    loose: Vec<u32>,
    pub(crate) lines: Vec<Event>,
    /// What is sent now tells of a packet that was judged already.
    pub(crate) exempt: bool,
    /// What has decided about the packet in hand, one after the other; `None` if nobody follows its life.
    pub(crate) decided: Option<Vec<String>>,
    secret: u64,
    single: bool,
    pub(super) ahead: Ahead,
    /// What passes for its state alone on its way to others: bits by version, as of [`Rules::lets_pass`].
    pub(crate) alone: [u8; 2],
    /// Packets and bytes of a batch that have passed so, by version and state.
    pub(crate) tally: [[(u64, u64); CtState::ALL.len()]; 2],
    /// How often rules have been taken up.
    taken_up: u64,
    /// States that are yet to be judged anew.
    pub(crate) anew: Option<Round>,
    /// The configuration by which flows could not be judged, by its number: their interface or way was gone.
    pub(crate) unjudged: Option<u64>,
    /// Whose times of silence these states have.
    pub(crate) numbers: Numbers,
    /// By which interfaces their packets came.
    pub(crate) interfaces: Interfaces,
}

/// What a packet is, before anybody judges it.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Look {
    /// Another worker keeps its flow.
    Elsewhere(usize),
    Drop(DropReason),
    /// A later fragment that may pass.
    Follows,
    /// One whose first other rules have let pass, by its name: if its flow may go on.
    FollowsWith(u64, Option<Key>),
    /// A later fragment that has come before its first, by its name.
    Early(u64),
    /// To be judged; its flow's bucket, if it has a flow, and what it is if it is a first fragment.
    Judge(Option<(Packet, usize)>, Option<First>),
}

impl Keeper {
    pub(crate) fn new(shared: &Shared) -> Keeper {
        Keeper {
            rules: shared.rules.reader(),
            on: false,
            fresh: true,
            states: None,
            tables: None,
            counted: Counted::default(),
            fragments: Fragments::new(),
            between: Between::Nothing,
            loose: Vec::new(),
            lines: Vec::new(),
            exempt: false,
            decided: None,
            secret: shared.secret,
            ahead: Ahead::new(),
            alone: [0; 2],
            tally: Default::default(),
            taken_up: 0,
            single: shared.mailboxes.len() == 1,
            anew: None,
            unjudged: None,
            numbers: Numbers::new(),
            interfaces: Interfaces::default(),
        }
    }

    /// Has what decides about this packet be noted, if anybody follows its life.
    #[inline]
    pub(crate) fn follow(&mut self, packet: &Mbuf) {
        if packet.mark() != 0 || self.decided.is_some() {
            self.decided = (packet.mark() != 0).then(Vec::new);
        }
    }

    /// The ends of a packet's frame, if rules ask for them.
    #[inline]
    pub(crate) fn frame_of(&self, packet: &Mbuf) -> Option<FrameEnds> {
        let asked = self.rules.value().as_ref().as_ref().is_some_and(|rules| rules.sees_frames);
        if asked { FrameEnds::before(packet) } else { None }
    }

    /// Whether anything is filtered.
    #[inline]
    pub(crate) fn is_on(&self) -> bool {
        self.on
    }

    /// Which rules these are, by their number; `None` for none.
    #[inline]
    pub(crate) fn in_force(&self) -> Option<u64> {
        self.on.then_some(self.taken_up)
    }

    /// Takes up newer rules. One load when there are none.
    #[inline]
    pub(crate) fn refresh(&mut self, shared: &Shared, worker: usize, now: Instant) {
        if self.rules.is_old(&shared.rules) || self.fresh {
            self.take_up(shared, worker, now);
        }
    }

    #[cold]
    fn take_up(&mut self, shared: &Shared, worker: usize, now: Instant) {
        // In the middle of a batch: what rules have let pass, these count, and not those that come after them.
        if !mutant("express-counts-by-later-rules") {
            self.put_down((worker, now));
        }
        self.rules.refresh(&shared.rules);
        self.fresh = false;
        self.taken_up += 1;
        let rules = self.rules.value().clone();
        self.on = rules.is_some();
        if self.alone == [0; 2] || !mutant("express-keeps-its-rules") {
            self.alone = rules.as_ref().as_ref().map_or([0; 2], |rules| rules.alone_for_others());
        }
        let tables = rules.as_ref().as_ref().and_then(|rules| rules.tables.clone());
        let same = match (&self.tables, &tables) {
            (Some(ours), Some(theirs)) => Arc::ptr_eq(ours, theirs),
            (None, None) => true,
            _ => false,
        };
        if !same {
            self.abandon();
            self.states = tables.as_ref().map(|tables| tables.take(worker, now));
            self.counted = Counted::default();
            self.tables = tables;
            self.loose.clear();
            // These buckets were the other table's.
            self.ahead.clear();
            self.numbers = Numbers::new();
            self.interfaces = Interfaces::default();
            self.anew = None;
        }
        if let (Some(states), Some(rules)) = (&mut self.states, rules.as_ref()) {
            // Each flow may be counted at each: at two, for where the key is an address, the answers have another one.
            self.counted.make_room(states.limits().states, 2 * rules.places.max(1));
        }
        // From where the hand is: whoever replaces rules again and again would have it never come to the last ones.
        let at = self.anew.map_or(0, |round| round.at);
        let there = self.states.as_ref().filter(|states| states.usage().states > 0);
        self.anew = there.map(|states| Round::from(at % states.slots()));
        self.unjudged = None;
        if let Some(rules) = rules.as_ref() {
            self.numbers.take_up(&rules.policies, self.anew.map(|round| round.at));
        }
        self.set_times();
    }

    fn set_times(&mut self) {
        if let (Some(states), Some(rules)) = (&mut self.states, self.rules.value().as_ref()) {
            states.set_timeouts(rules.timeouts, &self.numbers.times(rules.timeouts));
        }
    }

    /// Flows whose interface or way was gone are judged when there are others; all are if numbers of interfaces are to be had by that.
    #[inline]
    pub(crate) fn judge_unjudged(&mut self, config: u64) {
        let wanted = self.interfaces.take_wants();
        if self.anew.is_none() && (wanted || self.unjudged.is_some_and(|seen| seen != config)) {
            self.unjudged = None;
            self.anew = Some(Round::from(0));
        }
    }

    /// The hand that judges flows anew has come to a slot, of so many.
    pub(crate) fn judged_up_to(&mut self, to: usize, slots: usize) {
        let Some(round) = self.anew else { return };
        let (left, step) = round.go(to, slots);
        self.numbers.pass(step);
        self.interfaces.pass(round.at, step);
        self.anew = left;
        if left.is_none()
            && self.numbers.waits()
            && let Some(rules) = self.rules.value().as_ref()
        {
            // All numbers of before are free. Flows that have begun meanwhile get theirs.
            self.numbers.number(&rules.policies);
            self.set_times();
            self.anew = Some(Round::from(0));
        }
    }

    /// Has what has passed for its state alone be counted.
    pub(crate) fn put_down(&mut self, at: (usize, Instant)) {
        let Some(rules) = self.rules.value().as_ref() else { return };
        for version in [Version::V4, Version::V6] {
            for state in CtState::ALL {
                let sums = std::mem::take(&mut self.tally[version as usize][state as usize]);
                if sums.0 > 0 {
                    for hook in [Hook::Prerouting, Hook::Forward] {
                        rules.count_passed(at, hook, (version, state), sums);
                    }
                }
            }
        }
    }

    /// When there is something to do next; [`Instant::NEVER`] for never.
    pub(crate) fn next(&self) -> Instant {
        let sweep = self.states.as_ref().map_or(Instant::NEVER, |states| states.next_sweep());
        sweep.min(self.fragments.deadline())
    }

    /// A batch of frames has come in: finds their flows.
    #[inline(never)]
    pub(crate) fn look_ahead(&mut self, frames: &[Mbuf]) {
        self.ahead.clear();
        if let Some(states) = self.states.as_mut().filter(|_| frames.len() > 1) {
            frames.iter().take(BATCH).for_each(|frame| self.ahead.note_frame(states, frame.data()));
            self.ahead.glance(states);
        }
    }

    /// Moves the state of a packet's flow on. `None`, and no state has changed, if the flow is not known, or was not
    /// [seen ahead](Self::look_ahead), or if rules are asked before that.
    #[inline]
    pub(crate) fn known(&mut self, now: Instant, bytes: &[u8]) -> Option<Known> {
        if self.rules.value().as_ref()?.sees_more() {
            return None;
        }
        self.ahead.follow(self.states.as_mut()?, now, bytes)
    }

    /// Whether rules let every packet that is this to its flow pass a hook. Then it is counted as they would have done.
    #[inline]
    pub(crate) fn passes(&self, at: (usize, Instant), hook: Hook, state: CtState, bytes: &[u8]) -> bool {
        let Some(rules) = self.rules.value().as_ref() else { return true };
        if self.decided.is_some() {
            return false;
        }
        let version = Version::of(bytes);
        let passes = rules.lets_pass(hook, version, state);
        if passes {
            rules.count_passed(at, hook, (version, state), (1, bytes.len() as u64));
        }
        passes
    }

    /// Finds a packet's flow, and who keeps it.
    pub(crate) fn look(&mut self, worker: usize, now: Instant, bytes: &[u8]) -> Look {
        let read = match read::read(bytes) {
            Ok(read) => read,
            // Rules would see no upper layer, and a receiver might.
            Err(Astray::Hidden) => return Look::Drop(DropReason::FilterHeaders),
            Err(Astray::Malformed) => return Look::Judge(None, None),
        };
        let first = match read.piece {
            Some(piece) if piece.offset > 0 => return self.look_later((worker, now), &read, &piece, bytes),
            //= RFC 7112 s5: a first fragment without all its headers is dropped. What rules look at would come later.
            Some(_) if !read.is_whole(bytes) => return Look::Drop(DropReason::FilterHeaders),
            Some(piece) => {
                let name = fragments::name(self.secret, &read, &piece, bytes);
                Some(First { name, end: piece.len, head: piece.head })
            }
            None => None,
        };
        let (Some(states), Some(tables)) = (&self.states, &self.tables) else {
            return Look::Judge(None, None);
        };
        let Some(packet) = read.packet(bytes) else { return Look::Judge(None, first) };
        let Some(key) = packet.flow() else { return Look::Judge(Some((packet, 0)), first) };
        let (at, bucket) = match self.ahead.find(&key) {
            Some((at, sought)) => (Some(at), states.bucket_of(sought)),
            None => (None, states.bucket(&key)),
        };
        if let Some(at) = at {
            self.ahead.pass(at);
        }
        if !self.single {
            let (owner, new) = tables.owners.claim(bucket, worker);
            if let Some(First { name, .. }) = first {
                tables.trails.lay(name, owner);
            }
            if owner != worker {
                return Look::Elsewhere(owner);
            }
            if new {
                self.loose.push(bucket as u32);
            }
        }
        Look::Judge(Some((packet, bucket)), first)
    }

    /// A later fragment goes where its first went. It claims nothing: what it is of is known there alone.
    fn look_later(&self, (worker, now): (usize, Instant), read: &Read, piece: &Piece, bytes: &[u8]) -> Look {
        let Some(tables) = &self.tables else {
            //= RFC 1858 s2.2: without states nobody follows; what would overwrite TCP's flags is dropped.
            let overwrites = read.proto == IpProto::TCP && piece.offset < 20;
            return if overwrites {
                Look::Drop(DropReason::FragmentOverlap)
            } else {
                Look::Judge(None, None)
            };
        };
        let name = fragments::name(self.secret, read, piece, bytes);
        if !self.single
            && let Some(owner) = tables.trails.find(name)
            && owner != worker
        {
            return Look::Elsewhere(owner);
        }
        match self.fragments.follow((now, self.taken_up), name, piece) {
            Follow::Pass => Look::Follows,
            Follow::PassWith(flow) => Look::FollowsWith(name, flow),
            Follow::Unknown => Look::Early(name),
            Follow::Overlap => Look::Drop(DropReason::FragmentOverlap),
        }
    }

    /// Notes by which interface a packet of a flow has come, if it takes part in it: one that all rules have let pass, for flows are
    /// judged anew by that, and who forges their packets would have them judged as his.
    #[inline]
    pub(crate) fn note_interface(&mut self, known: Option<Known>, on: IfId) {
        if let (Some(Known { way, slot, .. }), Some(states)) = (known.filter(takes_part), &mut self.states) {
            states.note_interface(slot, way, self.interfaces.number(on));
        }
    }

    /// The packet, which came in by `iif` unless it is our own, has passed its last hook: its flow has a state from now on.
    pub(crate) fn conclude(&mut self, now: Instant, passing: &Passing, iif: IfId) -> Result<(), DropReason> {
        let Some(states) = &mut self.states else { return Ok(()) };
        let mut flow = passing
            .tracked
            .as_ref()
            .and_then(|tracked| tracked.known().filter(takes_part))
            .map(|known| known.slot);
        if let Some(Tracked { fresh: Some(mut fresh), .. }) = passing.tracked {
            fresh.interface = self.interfaces.number(iif);
            match states.insert(now, &fresh) {
                Ok(slot) => flow = Some(slot),
                Err(_) => {
                    self.uncount(fresh.count);
                    return Err(DropReason::FilterStates);
                }
            }
        }
        if let Some(first) = passing.first {
            let flow = flow.and_then(|slot| states.get(slot)).map(|state| state.original().key().0);
            self.fragments.pass(now, first, By { rules: self.taken_up, flow });
        }
        Ok(())
    }

    /// Whether the flow of a first fragment that other rules have let pass may go on, and with it its later ones.
    pub(crate) fn judged_first(&mut self, name: u64, passes: bool) {
        self.fragments.judged(name, self.taken_up, passes);
    }

    /// The packet goes no further.
    pub(crate) fn give_up(&mut self, passing: &Passing) {
        if let Some(fresh) = passing.tracked.and_then(|tracked| tracked.fresh) {
            self.uncount(fresh.count);
        }
    }

    /// A packet that somebody else has dropped between two hooks.
    pub(crate) fn abandon(&mut self) {
        if let Between::Judged(passing) = &self.between
            && let Some(fresh) = passing.tracked.and_then(|tracked| tracked.fresh)
        {
            self.uncount(fresh.count);
        }
        self.between = Between::Nothing;
    }

    fn uncount(&mut self, first: u32) {
        if let Some(tables) = &self.tables {
            self.counted.remove(first, &tables.counts);
        }
    }

    /// Lets go of interfaces that depart, and of the fragments that came in by them.
    pub(crate) fn depart(&mut self, stays: &dyn Fn(IfId) -> bool) -> Vec<Mbuf> {
        self.interfaces.depart(stays);
        self.fragments.depart(stays)
    }

    /// Takes what is too old, and gives back what is empty. Whether there is more to do.
    pub(crate) fn tidy(&mut self, worker: usize, now: Instant) -> bool {
        self.abandon();
        let (Some(states), Some(tables)) = (&mut self.states, &self.tables) else { return false };
        let more = states.sweep(now, |_, _| {}) | self.counted.grow();
        states.take_uncounted().for_each(|first| self.counted.remove(first, &tables.counts));
        self.loose.extend(states.take_emptied());
        for bucket in self.loose.drain(..) {
            if !self.single && states.is_empty(bucket as usize) {
                tables.owners.release(bucket as usize, worker);
            }
        }
        more
    }
}

/// Whether a packet takes part in the flow that it concerns.
#[inline]
fn takes_part(known: &Known) -> bool {
    !matches!(known.state, CtState::Related | CtState::Invalid)
}

#[cfg(all(test, not(any(siding_loom, siding_shuttle))))]
mod tests;
