//! Which segments are part of a connection, for somebody who stands between its ends.
//!
//! Neither end's own variables are seen from here, only what they put on the wire, and only what comes this way. From
//! that four bounds follow that no honest segment breaks (van Rooij, "Real Stateful TCP Packet Filtering in IP Filter",
//! 2001), for a segment from *sender* to *receiver*:
//!
//! | | |
//! |---|---|
//! | its first number | at most what the receiver has ever said that it takes: `max_end` |
//! | its last number | at least what the sender sent last, less the receiver's largest window |
//! | its acknowledgment | at most what the receiver has sent: `end` |
//! | | at least that, less the sender's largest window (and never nearer than 66,000) |
//!
//! A reset has a bound of its own: it ends a connection only where the receiver would believe it (RFC 5961 s3.2).

use super::Kind;
use super::Phase;
use super::Segment;
use super::Way;

/// So far back an acknowledgment may lie in any case: a little more than the largest window without scaling.
const LEAST_BACK: u32 = 66_000;

const SEEN: u8 = 1;
const SCALES: u8 = 2;
const ACKED: u8 = 4;
const CUT: u8 = 8;

/// How much longer than its first piece a segment may be: no packet is longer.
const LONGEST: u32 = 65_535;

/// What one end has put on the wire.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[repr(C)]
pub struct Side {
    /// Behind the last number that it has sent.
    pub end: u32,
    /// Behind the last number that it may send.
    pub max_end: u32,
    /// The largest window that it has offered.
    pub max_win: u32,
    /// The last number that it has acknowledged.
    pub max_ack: u32,
    scale: u8,
    flags: u8,
}

/// Where a segment stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// Within all bounds.
    Within,
    /// A reset at the very number that the receiver expects.
    Exact,
    /// Beyond one.
    Outside,
}

/// Begins a connection with its first segment. False for one that was begun before anybody looked: its windows are
/// unknown, for a scale is told by the SYN alone.
#[must_use]
pub fn begin(sides: &mut [Side; 2], segment: &Segment) -> bool {
    let [sender, receiver] = sides;
    *receiver = Side::default();
    if segment.kind == Kind::Syn {
        sender.open(segment);
        return true;
    }
    let window = u32::from(segment.window).max(1);
    sender.seen(segment.end, window);
    if let Some(ack) = segment.ack {
        sender.note_ack(ack);
        receiver.end = ack;
        receiver.max_end = ack.wrapping_add(window);
    }
    false
}

/// Where a segment stands, and if within, what follows from it. `known` is false where windows are not.
pub fn follow(sides: &mut [Side; 2], phase: Phase, way: Way, known: bool, segment: &Segment) -> Place {
    let [original, reply] = sides;
    let (sender, receiver) = if way == Way::Original { (original, reply) } else { (reply, original) };
    let (seq, end) = (segment.seq, segment.end);
    if sender.flags & SEEN == 0 {
        if segment.is_syn() {
            sender.open(segment);
            if segment.ack.is_none() {
                return Place::Within;
            }
        } else if segment.kind == Kind::Rst {
            // Of a connection that it has lost, to what acknowledges something (RFC 9293 s3.10.7.1).
            if receiver.expects(seq) {
                return Place::Exact;
            }
            // The answer to a SYN. Its number says nothing, its acknowledgment all (RFC 9293 s3.10.7.3).
            return if segment.ack == Some(receiver.end) { Place::Exact } else { Place::Outside };
        } else {
            sender.seen(end, u32::from(segment.window).max(1));
        }
    } else if segment.is_syn() && begins_anew(phase, way) {
        // Another attempt, perhaps with another number.
        sender.open(segment);
    }
    if segment.kind == Kind::Rst
        && segment.seq == 0
        && phase <= Phase::SynReceived
        && receiver.flags & SEEN != 0
    {
        // The answer to a SYN that was sent again. (Who began has nothing to answer yet.)
        if segment.ack == Some(receiver.end) {
            return Place::Exact;
        }
    }
    // One that acknowledges nothing is judged by its numbers alone.
    let ack = segment.ack.filter(|ack| *ack != 0 || segment.kind != Kind::Rst).unwrap_or(receiver.end);
    let window = sender.window(segment, receiver);
    let within = at_most(seq, sender.max_end)
        && (receiver.max_win == 0 || at_most(sender.end.wrapping_sub(receiver.max_win), end))
        && receiver.may_have_sent(ack)
        && at_most(receiver.end.wrapping_sub(sender.max_win.max(LEAST_BACK)), ack);
    if segment.kind == Kind::Rst {
        return match () {
            // Where nothing is known of windows, what fits exactly does.
            () if receiver.expects(seq) || seq == sender.end => Place::Exact,
            () if (within || !known) && !receiver.is_past(seq) => Place::Within,
            () => Place::Outside,
        };
    }
    if !within && known {
        return Place::Outside;
    }
    sender.max_win = sender.max_win.max(window);
    if !at_most(end, sender.end) || !known {
        sender.end = end;
        sender.flags &= !CUT;
    }
    if let Some(ack) = segment.ack {
        sender.note_ack(ack);
        let may = ack.wrapping_add(window.max(1));
        if !at_most(may, receiver.max_end) || !known {
            receiver.max_end = may;
        }
        // Not known, or in pieces of which only the first was looked at.
        if !at_most(ack, receiver.end) {
            receiver.end = ack;
        }
    }
    Place::Within
}

/// Whether an error may tell of a segment of this number that `way`'s sender has sent: it is on its way yet.
//= RFC 5927 s4.1: an error about what was never sent, or has arrived, is somebody's guess.
pub fn under_way(sides: &[Side; 2], way: Way, seq: u32) -> bool {
    let (sender, receiver) = (&sides[way.index()], &sides[1 - way.index()]);
    let first = match receiver.flags & ACKED {
        0 => sender.end.wrapping_sub(receiver.max_win.max(LEAST_BACK)),
        _ => receiver.max_ack,
    };
    sender.flags & SEEN != 0 && at_most(first, seq) && at_most(seq, sender.end)
}

/// Whether a SYN of this side still opens the connection; a second grant, if [`is_granted_anew`].
fn begins_anew(phase: Phase, way: Way) -> bool {
    match way {
        Way::Original => matches!(phase, Phase::SynSent | Phase::SynSent2),
        Way::Reply => matches!(phase, Phase::SynSent2 | Phase::SynReceived),
    }
}

/// Whether this is a grant by another number than the one before it, of the very SYN that was sent, to a client that has not
/// acknowledged any yet. A copy is none, also if data has followed what it is a copy of.
pub fn is_granted_anew(sides: &[Side; 2], segment: &Segment) -> bool {
    let [client, server] = sides;
    let is_copy =
        at_most(server.end.wrapping_sub(client.max_win), segment.end) && at_most(segment.end, server.end);
    segment.ack == Some(client.end) && client.flags & ACKED == 0 && !is_copy
}

/// Whether `a` comes before `b` or is it, in numbers that wrap.
#[inline]
fn at_most(a: u32, b: u32) -> bool {
    b.wrapping_sub(a) as i32 >= 0
}

/// How many octets a side is in a record.
pub(super) const SIDE: usize = 20;

impl Side {
    /// As a record has it.
    pub(super) fn octets(&self) -> [u8; SIDE] {
        let mut octets = [0; SIDE];
        let words = [self.end, self.max_end, self.max_win, self.max_ack];
        for (octets, word) in octets.chunks_exact_mut(4).zip(words) {
            octets.copy_from_slice(&word.to_be_bytes());
        }
        octets[16..18].copy_from_slice(&[self.scale, self.flags]);
        octets
    }

    /// What the first octets of a record's side say; a scale that cannot be is the largest.
    pub(super) fn from_octets(octets: &[u8]) -> Side {
        let word = |at: usize| octets[at..].first_chunk().map_or(0, |word| u32::from_be_bytes(*word));
        let flags = octets[17] & (SEEN | SCALES | ACKED | CUT);
        Side {
            end: word(0),
            max_end: word(4),
            max_win: word(8),
            max_ack: word(12),
            scale: octets[16].min(14),
            flags,
        }
    }

    /// The last segment was the first piece of a longer one.
    pub(super) fn cut(&mut self) {
        self.flags |= CUT;
    }

    /// Whether there may be something up to this number that has come.
    fn may_have_sent(&self, ack: u32) -> bool {
        let more = if self.flags & CUT != 0 { LONGEST } else { 0 };
        at_most(ack, self.end.wrapping_add(more))
    }

    /// Takes what a SYN says.
    fn open(&mut self, segment: &Segment) {
        // A SYN's own window is never scaled (RFC 7323 s2.2).
        self.seen(segment.end, u32::from(segment.window).max(1));
        self.max_end = segment.end;
        self.scale = segment.scale.unwrap_or(0);
        self.flags = SEEN | if segment.scale.is_some() { SCALES } else { 0 };
        self.max_ack = 0;
    }

    fn seen(&mut self, end: u32, window: u32) {
        self.flags |= SEEN;
        self.end = end;
        self.max_win = window;
        if self.max_end == 0 || at_most(self.max_end, end) {
            self.max_end = end;
        }
    }

    //= RFC 7323 s2.2: windows are scaled if both sides say so, else not at all.
    fn window(&self, segment: &Segment, other: &Side) -> u32 {
        let is_scaled = self.flags & other.flags & SCALES != 0 && !segment.is_syn();
        let scale = if is_scaled { self.scale } else { 0 };
        u32::from(segment.window) << scale
    }

    fn note_ack(&mut self, ack: u32) {
        if self.flags & ACKED == 0 || !at_most(ack, self.max_ack) {
            self.max_ack = ack;
        }
        self.flags |= ACKED;
    }

    /// Whether this side waits for that number next, as far as it has said.
    fn expects(&self, seq: u32) -> bool {
        self.flags & ACKED != 0 && seq == self.max_ack
    }

    /// Whether this side has acknowledged that number.
    fn is_past(&self, seq: u32) -> bool {
        self.flags & ACKED != 0 && !at_most(self.max_ack, seq)
    }
}

#[cfg(test)]
mod tests;
