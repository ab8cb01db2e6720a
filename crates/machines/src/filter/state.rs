//! One flow's state.

use siding_wire::IpProto;

use super::Key;
use super::Kind;
use super::Phase;
use super::Segment;
use super::Tuple;
use super::Way;
use super::timeouts::Times;
use super::window;
use super::window::Side;

/// No state, in what links states.
pub(super) const NONE: u32 = u32::MAX;

const FROM_LOW: u8 = 1;
const ANSWERED: u8 = 2;
const UNKNOWN_WINDOWS: u8 = 4;
const IN_USE: u8 = 8;
const HALF_OPEN: u8 = 16;
const REMEMBERS: u8 = 32;
/// The high bits of whose times it has.
const MORE_POLICY: u8 = 64 | 128;

/// One flow, in 128 bytes: two lines of a cache. What finds it stands in the first, with all that its packets write; only those of TCP,
/// whose windows are followed, touch the second one.
#[derive(Debug, Clone, Copy)]
#[repr(C, align(64))]
pub struct State {
    pub(super) key: Key,
    /// How far it has come, in the low four bits, and the low bits of whose times it has, in the others.
    steps: u8,
    flags: u8,
    /// When its last packet came, in milliseconds of the table's clock.
    pub(super) touched: u32,
    packets: [u32; 2],
    /// The low half of how many there were; the rest stands in `more_bytes`.
    bytes: [u32; 2],
    /// By which interface packets of each direction come in; its keeper's.
    interfaces: [u16; 2],
    /// The next state of the same bucket, or of the free ones.
    pub(super) next: u32,
    /// Its neighbours among the half-open states, in the order in which they came. While it is none of these, what it
    /// remembers of a SYN.
    pub(super) older: u32,
    pub(super) newer: u32,
    /// The mark that rules set.
    pub mark: u32,
    /// What it is counted in; its keeper's. 0 for nothing.
    pub count: u32,
    pub(super) sides: [Side; 2],
    more_bytes: [u16; 2],
}

const _: () = assert!(size_of::<State>() <= 128, "a state is 128 bytes at the most");
const _: () = assert!(std::mem::offset_of!(State, next) == 64, "what packets write is one line");

impl State {
    pub(super) fn new(key: Key, from_low: bool, phase: Phase, now: u32) -> State {
        State {
            key,
            steps: phase as u8,
            flags: IN_USE | if from_low { FROM_LOW } else { 0 },
            touched: now,
            packets: [0; 2],
            bytes: [0; 2],
            interfaces: [0; 2],
            next: NONE,
            older: NONE,
            newer: NONE,
            mark: 0,
            count: 0,
            sides: [Side::default(); 2],
            more_bytes: [0; 2],
        }
    }

    /// How far it has come.
    #[inline]
    pub fn phase(&self) -> Phase {
        // Nobody writes another one.
        Phase::ALL.get(usize::from(self.steps & 15)).copied().unwrap_or(Phase::Closed)
    }

    /// Whose times of silence it has: 0 for those of all, else the number of a policy.
    #[inline]
    pub fn policy(&self) -> u8 {
        self.steps >> 4 | (self.flags & MORE_POLICY) >> 2
    }

    /// Gives it the times of a policy, of which there are [`NUMBERS`](super::NUMBERS).
    pub fn set_policy(&mut self, policy: u8) {
        self.steps = self.steps & 15 | policy << 4;
        self.flags = self.flags & !MORE_POLICY | policy << 2 & MORE_POLICY;
    }

    /// The direction that a flow's first packet went.
    pub fn original(&self) -> Tuple {
        self.key.tuple(self.flags & FROM_LOW != 0)
    }

    /// Whether there was traffic the other way; a reset is none.
    #[inline]
    pub fn is_answered(&self) -> bool {
        self.flags & ANSWERED != 0
    }

    /// Whether the windows of its connection are followed: not those of one that was picked up.
    pub fn knows_windows(&self) -> bool {
        self.flags & UNKNOWN_WINDOWS == 0
    }

    /// Packets and bytes of a direction. Packets are counted up to 2³², bytes up to 2⁴⁸, and go on from 0 then.
    pub fn traffic(&self, way: Way) -> (u32, u64) {
        let place = way.index();
        let bytes = u64::from(self.more_bytes[place]) << 32 | u64::from(self.bytes[place]);
        (self.packets[place], bytes)
    }

    /// What the ends of a connection have said.
    pub fn side(&self, way: Way) -> &Side {
        &self.sides[way.index()]
    }

    /// The interface that packets of a direction come in by, as its keeper names it; 0 where none has come.
    pub fn interface(&self, way: Way) -> u16 {
        self.interfaces[way.index()]
    }

    #[inline]
    pub(super) fn set_interface(&mut self, way: Way, interface: u16) {
        self.interfaces[way.index()] = interface;
    }

    /// Something of each line that a packet of this protocol touches.
    #[inline]
    pub(super) fn seen(&self, proto: IpProto) -> u32 {
        self.touched ^ if proto == IpProto::TCP { self.mark } else { 0 }
    }

    #[inline]
    pub(super) fn way(&self, from_low: bool) -> Way {
        if from_low == (self.flags & FROM_LOW != 0) { Way::Original } else { Way::Reply }
    }

    #[inline]
    pub(super) fn is_in_use(&self) -> bool {
        self.flags & IN_USE != 0
    }

    /// Whether it is a flow's.
    #[inline]
    pub(super) fn is_of(&self, key: &Key) -> bool {
        self.key == *key && self.is_in_use()
    }

    /// Whether it is that of a flow of UDP with traffic both ways.
    #[inline]
    pub(super) fn is_stream_of(&self, key: &Key) -> bool {
        let is_stream = self.steps & 15 == Phase::UdpStream as u8 && self.is_answered();
        is_stream && self.is_of(key)
    }

    pub(super) fn free(&mut self) {
        self.flags = 0;
    }

    pub(super) fn is_half_open(&self) -> bool {
        self.flags & HALF_OPEN != 0
    }

    pub(super) fn set_half_open(&mut self, half_open: bool) {
        self.flags = self.flags & !(HALF_OPEN | REMEMBERS) | if half_open { HALF_OPEN } else { 0 };
    }

    /// Remembers a SYN that has passed on a connection that lives. If the other end grants it, both have lost the old
    /// connection, and a new one begins.
    pub(super) fn remember(&mut self, syn: &Segment) {
        if self.is_half_open() {
            return;
        }
        self.flags |= REMEMBERS;
        self.older = syn.end;
        self.newer = u32::from(syn.window) << 8 | syn.scale.map_or(0xff, u32::from);
    }

    /// That SYN.
    pub(super) fn remembered(&self) -> Option<Segment> {
        let [_, high, low, scale] = self.newer.to_be_bytes();
        (self.flags & REMEMBERS != 0).then_some(Segment {
            kind: Kind::Syn,
            seq: self.older.wrapping_sub(1),
            end: self.older,
            ack: None,
            window: u16::from_be_bytes([high, low]),
            scale: Some(scale).filter(|scale| *scale != 0xff),
        })
    }

    pub(super) fn forget(&mut self) {
        self.flags &= !REMEMBERS;
    }

    /// Begins with this SYN, as if there had been nothing before.
    pub(super) fn begin_anew(&mut self, syn: &Segment) {
        self.flags &= !(REMEMBERS | UNKNOWN_WINDOWS);
        if !window::begin(&mut self.sides, syn) {
            self.set_unknown_windows();
        }
    }

    pub(super) fn set_unknown_windows(&mut self) {
        self.flags |= UNKNOWN_WINDOWS;
    }

    pub(super) fn set_phase(&mut self, phase: Phase) {
        self.steps = self.steps & !15 | phase as u8;
    }

    #[inline]
    pub(super) fn touch(&mut self, now: u32, way: Way, len: usize) {
        self.touched = now;
        let place = way.index();
        self.packets[place] = self.packets[place].wrapping_add(1);
        let (bytes, over) = self.bytes[place].overflowing_add(len as u32);
        self.bytes[place] = bytes;
        if over {
            self.more_bytes[place] = self.more_bytes[place].wrapping_add(1);
        }
    }

    pub(super) fn set_answered(&mut self) {
        self.flags |= ANSWERED;
    }

    /// Whether it makes room when room is needed: nobody has answered it, or it has been reset. What nobody has
    /// answered may be a forgery, whatever its phase: a connection that was picked up in its middle, too.
    #[inline]
    pub(super) fn may_go(&self) -> bool {
        !self.is_answered() || self.phase().is_half_open() || self.phase() == Phase::Closed
    }

    /// How many milliseconds it may be silent.
    #[inline]
    pub(super) fn time(&self, times: &Times) -> u32 {
        if self.is_answered() {
            return times.millis(self.policy(), self.steps & 15);
        }
        let times = times.of(self.policy());
        match self.phase() {
            // Picked up, and not answered: no longer than a connection that opens.
            Phase::Established => times.millis(Phase::SynSent),
            // Reset before any answer: nothing can be on its way yet that belongs to its end.
            Phase::Closed => 0,
            phase => times.millis(phase),
        }
    }

    /// Whether it has been silent for too long; `share` of 256 is what is left of its time.
    #[inline]
    pub(super) fn is_over(&self, now: u32, times: &Times, share: u32) -> bool {
        let time = u64::from(self.time(times)) * u64::from(share) / 256;
        u64::from(now.wrapping_sub(self.touched)) >= time
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_are_counted_beyond_four_thousand_millions() {
        let (key, from_low) = Key::between(([1; 16], 1), ([2; 16], 2), IpProto::UDP);
        let mut state = State::new(key, from_low, Phase::UdpAsked, 0);
        for way in [Way::Original, Way::Reply, Way::Reply] {
            state.touch(1, way, u32::MAX as usize);
        }
        state.touch(1, Way::Original, 1);
        let most = u64::from(u32::MAX);
        let traffic = [Way::Original, Way::Reply].map(|way| state.traffic(way));
        assert_eq!(traffic, [(2, most + 1), (2, 2 * most)]);
    }

    #[test]
    fn each_policy_has_a_number_that_changes_nothing_else() {
        let (key, from_low) = Key::between(([1; 16], 1), ([2; 16], 2), IpProto::UDP);
        let mut state = State::new(key, from_low, Phase::UdpStream, 0);
        state.set_answered();
        state.set_half_open(true);
        for policy in (0..=crate::filter::NUMBERS as u8).rev() {
            state.set_policy(policy);
            assert_eq!((state.policy(), state.phase()), (policy, Phase::UdpStream));
            assert!(
                state.is_in_use() && state.is_answered() && state.is_half_open() && state.is_stream_of(&key)
            );
            state.set_phase(Phase::UdpAsked);
            assert_eq!(state.policy(), policy);
            state.set_phase(Phase::UdpStream);
        }
    }

    #[test]
    fn states_of_a_table_begin_where_lines_begin() {
        let (key, from_low) = Key::between(([1; 16], 1), ([2; 16], 2), IpProto::UDP);
        let states = vec![State::new(key, from_low, Phase::UdpAsked, 0); 3];
        assert!(states.iter().all(|state| std::ptr::from_ref(state).addr() % 64 == 0));
    }
}
