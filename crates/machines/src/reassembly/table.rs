//! Datagrams that are being put together, and their bounds.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::time::Duration;

use siding_netisr::IfId;
use siding_netisr::Instant;

use super::Data;
use super::datagram::Added;
use super::datagram::Datagram;
use super::datagram::Piece;

/// How long the pieces of a datagram are waited for (RFC 8200 s4.5), from the first that came.
pub const TIMEOUT: Duration = Duration::from_secs(60);

/// Which datagram a fragment is of.
//= RFC 8200 s4.5 [8200-4]: fragments of one source, destination and identification belong together; a
//= link-local source is another one on each link. IPv4 counts the protocol, too (RFC 791).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Key {
    /// Who sent it. The first in order: one source's datagrams stand side by side.
    pub source: IpAddr,
    /// The interface of a link-local source, as a number; 0 for others.
    pub zone: u64,
    /// To whom.
    pub destination: IpAddr,
    /// The sender's number for it.
    pub ident: u32,
    /// The protocol, of IPv4; 0 for IPv6.
    pub proto: u8,
}

impl Key {
    /// The key of a fragment that came in on `on`.
    pub fn new(on: IfId, source: IpAddr, destination: IpAddr, ident: u32, proto: u8) -> Key {
        let scoped = matches!(source, IpAddr::V6(source) if siding_wire::ip6::is_link_local(source));
        let zone = if scoped { on.as_u64() } else { 0 };
        Key { source, zone, destination, ident, proto }
    }
}

/// Bounds of a table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ReassemblyLimits {
    /// Datagrams that are being put together.
    pub datagrams: usize,
    /// Those of one source.
    pub datagrams_per_source: usize,
    /// Fragments that are held: a buffer each, however short.
    pub fragments: usize,
    /// Those of one source.
    pub fragments_per_source: usize,
    /// Those of one datagram.
    pub fragments_per_datagram: usize,
}

impl Default for ReassemblyLimits {
    fn default() -> ReassemblyLimits {
        ReassemblyLimits {
            datagrams: 512,
            datagrams_per_source: 64,
            fragments: 2048,
            fragments_per_source: 1024,
            // The longest datagram in pieces of 512 octets; on a link of the least MTU it comes in 54.
            fragments_per_datagram: 128,
        }
    }
}

/// Why a fragment was let go.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum LetGo {
    /// It came twice.
    Duplicate,
    /// It, or another of its datagram, overlaps.
    Overlap,
    /// So many datagrams may not be under way: it made room for a newer one.
    Datagrams,
    /// So many fragments may not be held: its datagram made room for a newer one, or has too many itself.
    Fragments,
}

/// Datagrams that are being put together. Pure: time comes in, and nothing is sent.
#[derive(Debug)]
pub struct Reassembly<P> {
    limits: ReassemblyLimits,
    entries: BTreeMap<Key, Entry<P>>,
    /// By age, the oldest first.
    order: BTreeMap<u64, Key>,
    begun: u64,
    /// Fragments that are held.
    fragments: usize,
}

#[derive(Debug)]
struct Entry<P> {
    /// Its place in the order.
    number: u64,
    deadline: Instant,
    /// `None` for one that was given up: what else comes of it is not begun anew.
    datagram: Option<Datagram<P>>,
    why: LetGo,
}

impl<P: Data> Reassembly<P> {
    /// An empty table.
    pub fn new(limits: ReassemblyLimits) -> Reassembly<P> {
        Reassembly { limits, entries: BTreeMap::new(), order: BTreeMap::new(), begun: 0, fragments: 0 }
    }

    /// Takes a piece. Gives the pieces of the datagram, in order, when this was the last that was missing. What is
    /// let go, this piece or others, is handed to `release` with the reason.
    ///
    /// A bound never refuses the new: what came last is most likely to be followed by the rest, and a flood of
    /// beginnings pushes out its like. One source pushes out its own before it pushes out others'.
    pub fn add(
        &mut self,
        now: Instant,
        key: Key,
        piece: Piece<P>,
        mut release: impl FnMut(P, LetGo),
    ) -> Option<Vec<Piece<P>>> {
        if !self.entries.contains_key(&key) {
            self.make_room(&key, &mut release);
            self.begun += 1;
            self.order.insert(self.begun, key);
            let (number, deadline) = (self.begun, now + TIMEOUT);
            let datagram = Some(Datagram::new());
            self.entries.insert(key, Entry { number, deadline, datagram, why: LetGo::Overlap });
        }
        self.make_room_within(&key, &mut release);
        let entry = self.entries.get_mut(&key)?;
        let Some(datagram) = &mut entry.datagram else {
            release(piece.packet, entry.why);
            return None;
        };
        match datagram.add(piece) {
            Added::Held => self.fragments += 1,
            Added::Duplicate(packet) => release(packet, LetGo::Duplicate),
            Added::Overlap(packet) => {
                //= RFC 8200 s4.5 [8200-4]: all of it is dropped in silence, also what is still to come.
                release(packet, LetGo::Overlap);
                self.give_up(&key, LetGo::Overlap, &mut release);
            }
            Added::Whole => {
                let pieces = self.remove(&key).and_then(|entry| entry.datagram)?.into_pieces();
                // The last one was never counted.
                self.fragments -= pieces.len() - 1;
                return Some(pieces);
            }
        }
        None
    }

    /// The oldest datagram whose time is up: its pieces, in order; none if it was given up before.
    pub fn expired(&mut self, now: Instant) -> Option<Vec<Piece<P>>> {
        let key = *self.order.values().next()?;
        if self.entries.get(&key)?.deadline > now {
            return None;
        }
        let pieces = self.remove(&key)?.datagram.map(Datagram::into_pieces).unwrap_or_default();
        self.fragments -= pieces.len();
        Some(pieces)
    }

    /// Lets go of the datagrams of which a piece does not please `keep`.
    pub fn retain(&mut self, keep: impl Fn(&P) -> bool, mut release: impl FnMut(P)) {
        let goes = |entry: &Entry<P>| {
            entry.datagram.as_ref().is_some_and(|datagram| datagram.packets().any(|packet| !keep(packet)))
        };
        let gone: Vec<Key> =
            self.entries.iter().filter(|(_, entry)| goes(entry)).map(|(key, _)| *key).collect();
        for key in gone {
            let pieces = self.remove(&key).and_then(|entry| entry.datagram).map(Datagram::into_pieces);
            for piece in pieces.into_iter().flatten() {
                self.fragments -= 1;
                release(piece.packet);
            }
        }
    }

    /// When the next datagram's time is up; [`Instant::NEVER`] for never.
    #[inline]
    pub fn deadline(&self) -> Instant {
        if self.order.is_empty() {
            return Instant::NEVER;
        }
        let oldest = self.order.values().next().and_then(|key| self.entries.get(key));
        oldest.map_or(Instant::NEVER, |entry| entry.deadline)
    }

    /// Datagrams that are being put together, or were given up not long ago.
    pub fn datagrams(&self) -> usize {
        self.entries.len()
    }

    /// Fragments that are held.
    pub fn fragments(&self) -> usize {
        self.fragments
    }

    /// The bounds.
    pub fn limits(&self) -> &ReassemblyLimits {
        &self.limits
    }

    /// Room for one more datagram.
    fn make_room(&mut self, key: &Key, release: &mut impl FnMut(P, LetGo)) {
        let own = self.of_source(key);
        if own.len() >= self.limits.datagrams_per_source {
            let oldest = own.into_iter().min_by_key(|(_, number)| *number);
            self.evict(oldest.map(first), LetGo::Datagrams, release);
        } else if self.entries.len() >= self.limits.datagrams {
            self.evict(self.order.values().next().copied(), LetGo::Datagrams, release);
        }
    }

    /// Room for one more fragment of this datagram, by letting go of older datagrams; or it is given up itself, if it
    /// has all the room that it may have.
    fn make_room_within(&mut self, key: &Key, release: &mut impl FnMut(P, LetGo)) {
        if self.entries.get(key).map_or(0, Entry::held) >= self.limits.fragments_per_datagram {
            return self.give_up(key, LetGo::Fragments, release);
        }
        // Mostly there is room for everybody, and nobody's share need be added up.
        while self.fragments >= self.limits.fragments_per_source.min(self.limits.fragments) {
            let own = self.of_source(key);
            let held = |key: &Key| self.entries.get(key).map_or(0, Entry::held);
            let of_source: usize = own.iter().map(|(key, _)| held(key)).sum();
            let goes = |other: &Key| other != key && held(other) > 0;
            let victim = if of_source >= self.limits.fragments_per_source {
                own.into_iter().filter(|(other, _)| goes(other)).min_by_key(|(_, number)| *number).map(first)
            } else if self.fragments >= self.limits.fragments {
                self.order.values().copied().find(goes)
            } else {
                return;
            };
            match victim {
                Some(victim) => self.evict(Some(victim), LetGo::Fragments, release),
                None => return self.give_up(key, LetGo::Fragments, release),
            }
        }
    }

    /// The datagrams of this one's source, each with its number.
    fn of_source(&self, key: &Key) -> Vec<(Key, u64)> {
        let first = Key { destination: least(key.source), ident: 0, proto: 0, ..*key };
        let same = |other: &Key| (other.source, other.zone) == (key.source, key.zone);
        let range = self.entries.range(first..).take_while(|(other, _)| same(other));
        range.map(|(key, entry)| (*key, entry.number)).collect()
    }

    fn evict(&mut self, key: Option<Key>, why: LetGo, release: &mut impl FnMut(P, LetGo)) {
        let Some(entry) = key.and_then(|key| self.remove(&key)) else { return };
        for piece in entry.datagram.map(Datagram::into_pieces).unwrap_or_default() {
            self.fragments -= 1;
            release(piece.packet, why);
        }
    }

    /// Lets go of the pieces and remembers that the datagram is not wanted, until its time is up.
    fn give_up(&mut self, key: &Key, why: LetGo, release: &mut impl FnMut(P, LetGo)) {
        let Some(entry) = self.entries.get_mut(key) else { return };
        entry.why = why;
        for piece in entry.datagram.take().map(Datagram::into_pieces).unwrap_or_default() {
            self.fragments -= 1;
            release(piece.packet, why);
        }
    }

    fn remove(&mut self, key: &Key) -> Option<Entry<P>> {
        let entry = self.entries.remove(key)?;
        self.order.remove(&entry.number);
        Some(entry)
    }
}

impl<P: Data> Entry<P> {
    fn held(&self) -> usize {
        self.datagram.as_ref().map_or(0, Datagram::len)
    }
}

fn first((key, _): (Key, u64)) -> Key {
    key
}

/// The first address of the family.
fn least(like: IpAddr) -> IpAddr {
    match like {
        IpAddr::V6(_) => std::net::Ipv6Addr::UNSPECIFIED.into(),
        IpAddr::V4(_) => std::net::Ipv4Addr::UNSPECIFIED.into(),
    }
}

#[cfg(test)]
mod tests;
