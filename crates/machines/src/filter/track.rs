//! What a packet is to the states.

use siding_netisr::Instant;

use super::Key;
use super::Kind;
use super::Packet;
use super::Phase;
use super::Segment;
use super::State;
use super::States;
use super::Step;
use super::Upper;
use super::Way;
use super::window;
use super::window::Place;
use super::window::Side;

/// What rules ask: `ct state`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum CtState {
    /// It begins a flow, or goes on with one that nobody has answered yet.
    New,
    /// Of a flow with traffic both ways.
    Established,
    /// An error about a packet of a flow.
    Related,
    /// Of no flow, and it may not begin one.
    Invalid,
    /// Nobody keeps a state of such.
    Untracked,
}

impl CtState {
    /// All that a packet may be.
    pub const ALL: [CtState; 5] =
        [CtState::New, CtState::Established, CtState::Related, CtState::Invalid, CtState::Untracked];
}

/// A state's place in its table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Slot(pub u32);

/// A flow that has no state yet.
#[derive(Debug, Clone, Copy)]
pub struct Fresh {
    pub(super) key: Key,
    pub(super) from_low: bool,
    pub(super) phase: Phase,
    known: bool,
    sides: [Side; 2],
    len: usize,
    /// The mark that it is to have.
    pub mark: u32,
    /// What it is to be counted in; 0 for nothing.
    pub count: u32,
    /// The interface that it came in by, as its keeper names it.
    pub interface: u16,
    /// Whose times of silence it is to have; 0 for those of all.
    pub policy: u8,
}

/// What a packet is.
#[derive(Debug, Clone, Copy)]
pub struct Tracked {
    /// To the rules.
    pub state: CtState,
    /// Which way it goes; that of an error is the opposite of what it quotes.
    pub way: Option<Way>,
    /// Its flow's state, if there is one; also of what is invalid for that alone.
    pub slot: Option<Slot>,
    /// Its flow, if it begins one.
    pub fresh: Option<Fresh>,
}

/// What a packet of a flow is that is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Known {
    /// To the rules.
    pub state: CtState,
    /// Which way it goes.
    pub way: Way,
    /// Its flow's state.
    pub slot: Slot,
}

impl From<Known> for Tracked {
    fn from(known: Known) -> Tracked {
        Tracked { state: known.state, way: Some(known.way), slot: Some(known.slot), fresh: None }
    }
}

impl Tracked {
    /// The same, if its flow is known.
    #[inline]
    pub fn known(&self) -> Option<Known> {
        Some(Known { state: self.state, way: self.way?, slot: self.slot? })
    }

    /// Of no flow.
    pub const INVALID: Tracked = Tracked { state: CtState::Invalid, way: None, slot: None, fresh: None };
    /// Nobody looked.
    pub const UNTRACKED: Tracked = Tracked { state: CtState::Untracked, way: None, slot: None, fresh: None };
}

impl Packet {
    /// The flow that a packet concerns: its own, or that of the packet that an error quotes. `None` for what has none.
    #[inline]
    pub fn flow(&self) -> Option<Key> {
        match &self.upper {
            Upper::Link => None,
            Upper::Error(about, _) => Some(about.key().0),
            _ => Some(self.tuple.key().0),
        }
    }
}

impl States {
    /// Says what a packet is, and moves its flow's state on. `bucket` is its flow's.
    #[inline]
    pub fn track(&mut self, now: Instant, bucket: usize, packet: &Packet) -> Tracked {
        if let Upper::Error(about, seq) = packet.upper {
            // Whoever tells of a packet tells its sender. (All others would let errors in to anybody.)
            if about.src != packet.tuple.dst {
                return Tracked::INVALID;
            }
            return self.related(now, bucket, about.key(), seq);
        }
        if packet.upper == Upper::Link {
            return Tracked::UNTRACKED;
        }
        let (key, from_low) = packet.tuple.key();
        if let Some(known) = self.follow(now, bucket, (&key, from_low), (&packet.upper, packet.len)) {
            if packet.cut && known.state != CtState::Invalid {
                self.slots[known.slot.0 as usize].sides[known.way.index()].cut();
            }
            return known.into();
        }
        // What is in the way of one that begins anew.
        if let Some(slot) = self.find(bucket, &key, self.millis(now)) {
            self.remove(slot);
        }
        self.begin(packet, key, from_low)
    }

    /// Moves the state of a flow that is known on by a packet of its own, no error about one, that goes from its lower end
    /// or to it. `None` if the flow is not known, or begins anew: then nothing has changed.
    #[inline]
    pub fn follow(
        &mut self,
        now: Instant,
        bucket: usize,
        (key, from_low): (&Key, bool),
        (upper, len): (&Upper, usize),
    ) -> Option<Known> {
        let slot = self.find_any(bucket, key)?;
        self.follow_in(self.millis(now), slot, from_low, (upper, len))
    }

    /// The same for a flow whose state this is, if it is not too old.
    #[inline]
    pub(super) fn follow_in(
        &mut self,
        millis: u32,
        slot: Slot,
        from_low: bool,
        (upper, len): (&Upper, usize),
    ) -> Option<Known> {
        if self.is_over(slot, millis) {
            return None;
        }
        let found = &self.slots[slot.0 as usize];
        let (phase, way) = (found.phase(), found.way(from_low));
        let was_answered = found.is_answered();
        let mut is_reset = false;
        let moved = match upper {
            Upper::Tcp(segment) => {
                is_reset = segment.kind == Kind::Rst;
                match self.segment(slot, phase, way, segment) {
                    Moved::To(phase) => phase,
                    Moved::Invalid => return Some(Known { state: CtState::Invalid, way, slot }),
                    Moved::Anew => return None,
                }
            }
            _ if way == Way::Reply => phase.answered(),
            _ => phase,
        };
        let state = &mut self.slots[slot.0 as usize];
        if moved != phase && moved.has_ended() && state.count != 0 {
            self.uncounted.push(std::mem::take(&mut state.count));
        }
        if moved != phase {
            state.set_phase(moved);
        }
        //= RFC 6092 REC-16 [6092-16]: what goes out refreshes it, and what comes in does, too.
        state.touch(millis, way, len);
        // A reset is of the flow, but who resets it does not take part in it.
        if way == Way::Reply && !is_reset {
            state.set_answered();
        }
        let answered = way == Way::Reply || state.is_answered();
        // Whether it makes room hangs on nothing else.
        if moved != phase || state.is_answered() != was_answered {
            self.settle(slot);
        }
        let state = if answered { CtState::Established } else { CtState::New };
        Some(Known { state, way, slot })
    }

    /// Notes by which interface packets of a direction come in.
    #[inline]
    pub fn note_interface(&mut self, slot: Slot, way: Way, interface: u16) {
        if let Some(state) = self.get_mut(slot) {
            state.set_interface(way, interface);
        }
    }

    /// A packet of a flow that is not known.
    fn begin(&self, packet: &Packet, key: Key, from_low: bool) -> Tracked {
        if !packet.may_begin(self.limits.loose) {
            return Tracked::INVALID;
        }
        let mut sides = [Side::default(); 2];
        //= RFC 6092 REC-32 [6092-32]: windows are followed if the SYN was seen, which says whether they are scaled.
        let (phase, known) = match &packet.upper {
            Upper::Tcp(segment) if window::begin(&mut sides, segment) => (Phase::SynSent, true),
            Upper::Tcp(_) => (Phase::Established, false),
            Upper::Udp => (Phase::UdpAsked, true),
            Upper::Ask => (Phase::EchoAsked, true),
            _ => (Phase::OtherAsked, true),
        };
        let (len, mark, count, interface, policy) = (packet.len, 0, 0, 0, 0);
        let fresh = Fresh { key, from_low, phase, known, sides, len, mark, count, interface, policy };
        Tracked { state: CtState::New, way: Some(Way::Original), slot: None, fresh: Some(fresh) }
    }

    /// An error about a packet that goes the direction `about`.
    //= RFC 4890 s4.3.1, RFC 6092 s3.2 [4890-1, 6092-18, 6092-23, 6092-30, 6092-36, 6092-41, 6092-45]: errors about a flow
    //= that is known are part of it.
    //= RFC 6092 REC-19, -37, -42, -46 [6092-19, 6092-37, 6092-42, 6092-46]: its state stays as it is.
    fn related(&self, now: Instant, bucket: usize, about: (Key, bool), seq: Option<u32>) -> Tracked {
        let (key, from_low) = about;
        let Some(slot) = self.find(bucket, &key, self.millis(now)) else { return Tracked::INVALID };
        let state = &self.slots[slot.0 as usize];
        let quoted = state.way(from_low);
        if let Some(seq) = seq
            && state.knows_windows()
            && !window::under_way(&state.sides, quoted, seq)
        {
            return Tracked::INVALID;
        }
        let way = if quoted == Way::Original { Way::Reply } else { Way::Original };
        Tracked { state: CtState::Related, way: Some(way), slot: Some(slot), fresh: None }
    }

    #[inline(never)] // Others need not keep room for what it does.
    fn segment(&mut self, slot: Slot, phase: Phase, way: Way, segment: &Segment) -> Moved {
        let state = &mut self.slots[slot.0 as usize];
        let to = match phase.step(way, segment.kind) {
            Step::To(to) => to,
            Step::Invalid => return Moved::Invalid,
            Step::Reopen => return Moved::Anew,
            Step::Pass => {
                match (state.remembered(), segment.kind, segment.ack) {
                    (Some(syn), Kind::SynAck, Some(ack)) if ack == syn.end => {
                        state.begin_anew(&syn);
                        return self.segment(slot, Phase::SynSent, way, segment);
                    }
                    (_, Kind::Syn, _) => state.remember(segment),
                    _ => {}
                }
                let is_judged = segment.kind == Kind::SynAck
                    && match phase {
                        // A server that answers each copy of a SYN for itself, or has begun anew meanwhile: the client has
                        // the last, or the first is invalid.
                        Phase::SynReceived => window::is_granted_anew(&state.sides, segment),
                        // There is nobody left to challenge it: a late copy stands in the window, all others are
                        // somebody's guess.
                        _ => phase.has_ended(),
                    };
                if !is_judged {
                    return Moved::To(phase);
                }
                phase
            }
        };
        // Who goes on with the connection has not begun another one.
        if way == Way::Original {
            state.forget();
        }
        let known = state.knows_windows();
        // One that nobody has answered, and of which nobody knows where it was: as in Linux a reset is believed, for it can shut out
        // nobody but its own sender, or who would have answered.
        let lone = !known && !state.is_answered();
        match window::follow(&mut state.sides, phase, way, known, segment) {
            Place::Outside => Moved::Invalid,
            //= RFC 5961 s3.2: in the window, but not what is expected: the receiver asks again, and so do we.
            Place::Within if segment.kind == Kind::Rst && !lone => Moved::To(phase),
            Place::Within | Place::Exact => Moved::To(to),
        }
    }
}

/// What a segment did.
enum Moved {
    To(Phase),
    Invalid,
    Anew,
}

impl Fresh {
    /// As another table has recorded it.
    pub(super) fn recorded(key: Key, from_low: bool, progress: &super::record::Progress) -> Fresh {
        let super::record::Progress { phase, known, mark, sides, .. } = *progress;
        let (len, count, interface, policy) = (0, 0, 0, 0);
        Fresh { key, from_low, phase, known, sides, len, mark, count, interface, policy }
    }

    /// The direction of the packet that begins it.
    pub fn original(&self) -> super::Tuple {
        self.key.tuple(self.from_low)
    }

    pub(super) fn state(&self, now: u32) -> State {
        let mut state = State::new(self.key, self.from_low, self.phase, now);
        state.sides = self.sides;
        state.set_interface(Way::Original, self.interface);
        (state.mark, state.count) = (self.mark, self.count);
        state.set_policy(self.policy);
        if !self.known {
            state.set_unknown_windows();
        }
        state.touch(now, Way::Original, self.len);
        state
    }
}
