//! Flows looked for ahead of their packets.
//!
//! Which bucket a flow is of follows from a number that nobody can choose who does not know a secret, and to make it takes longer than
//! all else that a packet of a known flow asks for. So it is remembered where states are, by another number of their flows, which is made at
//! once: a *hint*, which may be wrong, or another flow's, and is looked at before it is believed. Whoever finds out how to have flows
//! fight for one place makes their packets cost what they would cost without.

use siding_netisr::Instant;
use siding_wire::IpProto;
use siphasher::sip::SipHasher13;

use super::CtState;
use super::Key;
use super::Known;
use super::Slot;
use super::State;
use super::States;
use super::Upper;
use super::state::NONE;

/// A flow that is looked for, by a packet of it.
#[derive(Debug, Clone, Copy)]
pub struct Sought {
    key: Key,
    from_low: bool,
    /// The place of its hint.
    hint: u32,
    /// Where its state seems to be; [`NONE`] as long as nobody has looked.
    slot: u32,
    /// [`NONE`] as long as nobody has asked.
    bucket: u32,
}

/// Where states seem to be.
#[derive(Debug)]
pub(super) struct Hints {
    slots: Vec<u32>,
    /// No others': should peers ever find these out, they know nothing of those that buckets go by.
    secrets: [u64; 2],
}

impl Sought {
    /// The flow.
    #[inline]
    pub fn key(&self) -> &Key {
        &self.key
    }

    /// The flow, and whether its packet comes from its lower end.
    #[inline]
    pub fn direction(&self) -> (Key, bool) {
        (self.key, self.from_low)
    }

    /// The same, by a packet that goes from its lower end or to it.
    #[inline]
    #[must_use]
    pub fn going(self, from_low: bool) -> Sought {
        Sought { from_low, ..self }
    }
}

impl Hints {
    /// For so many states.
    pub(super) fn new(states: usize, secret: u64) -> Hints {
        let secrets = [0x6869_6e74, 0x7365_656b].map(|of| SipHasher13::new_with_keys(secret, of).hash(&[]));
        Hints { slots: vec![NONE; states.next_power_of_two()], secrets }
    }

    #[inline]
    fn place(&self, key: &Key) -> u32 {
        key.quick(self.secrets) as u32 & (self.slots.len() - 1) as u32
    }

    /// A flow's state is in this slot.
    #[inline]
    pub(super) fn set(&mut self, key: &Key, slot: u32) {
        let place = self.place(key);
        if let Some(hint) = self.slots.get_mut(place as usize) {
            *hint = slot;
        }
    }
}

impl States {
    /// Looks for the flow of a packet from one address and port to another, IPv4's mapped.
    #[inline]
    pub fn seek(&self, src: ([u8; 16], u16), dst: ([u8; 16], u16), proto: IpProto) -> Sought {
        let (key, from_low) = Key::between(src, dst, proto);
        Sought { key, from_low, hint: self.hints.place(&key), slot: NONE, bucket: NONE }
    }

    /// Has the states of these flows be there when their packets come. Of a large table each look would wait for memory, one packet after the
    /// other: so it is done in steps that are as short as can be, so that all of a step wait at once.
    pub fn glance(&mut self, flows: &mut [Sought]) {
        for flow in &mut *flows {
            flow.slot = self.hints.slots.get(flow.hint as usize).copied().unwrap_or(NONE);
        }
        self.touch(flows);
        let mut wrong = false;
        for flow in &mut *flows {
            if self.state_of(flow).is_none() {
                (flow.slot, flow.bucket) = (NONE, self.bucket(&flow.key) as u32);
                wrong = true;
            }
        }
        if wrong {
            self.look_closer(flows);
        }
    }

    /// Where hints are wrong, or there are none, buckets are asked.
    #[inline(never)]
    fn look_closer(&mut self, flows: &mut [Sought]) {
        let wrong = |flow: &&mut Sought| flow.bucket != NONE;
        for flow in flows.iter_mut().filter(wrong) {
            flow.slot = self.first(flow.bucket as usize);
        }
        self.touch(flows);
        for flow in flows.iter_mut().filter(wrong) {
            match self.state_of(flow) {
                Some(_) => self.hints.set(&flow.key, flow.slot),
                None => flow.slot = NONE,
            }
        }
    }

    /// Reads something of each state, of all that its packet touches.
    #[inline]
    fn touch(&self, flows: &[Sought]) {
        let seen = |flow: &Sought| Some(self.slots.get(flow.slot as usize)?.seen(flow.key.proto()));
        std::hint::black_box(flows.iter().filter_map(seen).fold(0, |all, seen| all ^ seen));
    }

    /// A flow's state, if it is where it seems to be.
    #[inline]
    fn state_of(&self, flow: &Sought) -> Option<&State> {
        self.slots.get(flow.slot as usize).filter(|state| state.is_of(&flow.key))
    }

    /// The bucket of a flow that is looked for.
    #[inline]
    pub fn bucket_of(&self, flow: &Sought) -> usize {
        match flow.bucket {
            NONE => self.bucket(&flow.key),
            bucket => bucket as usize,
        }
    }

    /// The same as [`follow`](Self::follow) for a flow that was looked for.
    #[inline]
    pub fn follow_sought(&mut self, now: Instant, flow: &Sought, about: (&Upper, usize)) -> Option<Known> {
        let slot = match self.state_of(flow) {
            Some(_) => Slot(flow.slot),
            None => self.find_sought(flow)?,
        };
        self.follow_in(self.millis(now), slot, flow.from_low, about)
    }

    /// The same as [`follow_sought`](Self::follow_sought) for a datagram of UDP, as long as it is one of many: the stream that its flow is stays
    /// what it is, and nothing is written but that it has come. `None`, and nothing has changed, for all others.
    #[inline]
    pub fn follow_stream(&mut self, now: Instant, flow: &Sought, len: usize) -> Option<Known> {
        let (millis, share) = (self.millis(now), self.share());
        let state = self.slots.get_mut(flow.slot as usize)?;
        if !state.is_stream_of(&flow.key) || state.is_over(millis, &self.times, share) {
            return None;
        }
        let way = state.way(flow.from_low);
        state.touch(millis, way, len);
        Some(Known { state: CtState::Established, way, slot: Slot(flow.slot) })
    }

    #[inline(never)]
    fn find_sought(&mut self, flow: &Sought) -> Option<Slot> {
        let slot = self.find_any(self.bucket_of(flow), &flow.key)?;
        self.hints.set(&flow.key, slot.0);
        Some(slot)
    }
}

#[cfg(test)]
mod tests;
