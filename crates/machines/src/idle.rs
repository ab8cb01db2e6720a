//! Which entries are idle, in the order in which they became so: whom to forget first.
//!
//! An entry is idle while nothing of it is under way: STALE, or UNREACHABLE and no longer probed. A packet to it
//! makes it DELAY, so to be idle is to be unused, and the order in which entries fell idle is that of their last use. It
//! changes with their states alone: the path of a packet to a reachable neighbour knows nothing of it.
//!
//! Two lists, linked through the places of one slab: neighbours that never confirmed their address go before those that
//! did, so a flood of forged addresses pushes out forged addresses.
//!
//! # Locks
//!
//! A leaf, taken under an entry's lock by whoever changes the entry, and under the table's by whoever looks for one to
//! forget. It has addresses, not entries: what it names is looked up in the table, and may have gone. # Teardown: an
//! entry that dies takes itself out.

use std::net::IpAddr;

use siding_netisr::Instant;

/// The two lists.
#[derive(Debug, Default)]
pub struct Idle {
    slab: Vec<Node>,
    free: Vec<Place>,
    claimed: Ends,
    proven: Ends,
}

/// Where an entry stands.
pub type Place = u32;

#[derive(Debug)]
struct Node {
    addr: IpAddr,
    since: Instant,
    proven: bool,
    before: Option<Place>,
    after: Option<Place>,
}

#[derive(Debug, Default, Clone, Copy)]
struct Ends {
    first: Option<Place>,
    last: Option<Place>,
}

impl Idle {
    /// An entry falls idle: it goes to the end.
    pub fn push(&mut self, addr: IpAddr, since: Instant, proven: bool) -> Place {
        let before = self.ends(proven).last;
        let node = Node { addr, since, proven, before, after: None };
        let place = match self.free.pop() {
            Some(place) => {
                self.slab[place as usize] = node;
                place
            }
            None => {
                self.slab.push(node);
                // An IPv6 host with four billion neighbours has no memory left for them.
                (self.slab.len() - 1) as Place
            }
        };
        match before {
            Some(before) => self.slab[before as usize].after = Some(place),
            None => self.ends(proven).first = Some(place),
        }
        self.ends(proven).last = Some(place);
        place
    }

    /// The entry that stands there is idle no more.
    pub fn remove(&mut self, place: Place) {
        let Node { proven, before, after, .. } = self.slab[place as usize];
        match before {
            Some(before) => self.slab[before as usize].after = after,
            None => self.ends(proven).first = after,
        }
        match after {
            Some(after) => self.slab[after as usize].before = before,
            None => self.ends(proven).last = before,
        }
        self.free.push(place);
    }

    /// Whom to forget first: of those that never confirmed their address if there are any, else if `any` of the others.
    pub fn first(&self, any: bool) -> Option<IpAddr> {
        let proven = if any { self.proven.first } else { None };
        self.claimed.first.or(proven).map(|place| self.slab[place as usize].addr)
    }

    /// Who has been idle the longest, and since when.
    pub fn oldest(&self) -> Option<(Instant, IpAddr)> {
        let firsts = [self.claimed.first, self.proven.first].into_iter().flatten();
        let nodes = firsts.map(|place| &self.slab[place as usize]);
        nodes.map(|node| (node.since, node.addr)).min()
    }

    fn ends(&mut self, proven: bool) -> &mut Ends {
        if proven { &mut self.proven } else { &mut self.claimed }
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;

    fn addr(n: u32) -> IpAddr {
        Ipv4Addr::from_bits(n).into()
    }

    fn at(n: u64) -> Instant {
        Instant::from_nanos(n)
    }

    #[test]
    fn the_unconfirmed_go_before_the_confirmed_and_the_oldest_first() {
        let mut idle = Idle::default();
        let a = idle.push(addr(1), at(1), true);
        let b = idle.push(addr(2), at(2), false);
        let c = idle.push(addr(3), at(3), false);
        assert_eq!((idle.first(true), idle.first(false)), (Some(addr(2)), Some(addr(2))));
        assert_eq!(idle.oldest(), Some((at(1), addr(1))));
        idle.remove(b);
        assert_eq!(idle.first(false), Some(addr(3)));
        idle.remove(c);
        assert_eq!((idle.first(false), idle.first(true)), (None, Some(addr(1))));
        idle.remove(a);
        assert_eq!((idle.first(true), idle.oldest()), (None, None));
    }

    /// Against a list that is simply searched.
    #[test]
    fn any_order_of_coming_and_going() {
        let mut chance = crate::chance::Chance::new(5);
        let mut idle = Idle::default();
        let mut model: Vec<(Place, u32, bool)> = Vec::new();
        for n in 0..20_000 {
            let draw = chance.next_u64();
            if draw % 100 < 52 || model.is_empty() {
                let proven = draw & 0x100 != 0;
                model.push((idle.push(addr(n), at(n.into()), proven), n, proven));
            } else {
                let (place, ..) = model.remove((draw >> 16) as usize % model.len());
                idle.remove(place);
            }
            let claimed = model.iter().find(|(.., proven)| !proven);
            let proven = model.iter().find(|(.., proven)| *proven);
            assert_eq!(idle.first(false), claimed.map(|(_, n, _)| addr(*n)));
            assert_eq!(idle.first(true), claimed.or(proven).map(|(_, n, _)| addr(*n)));
            assert_eq!(idle.oldest().map(|(_, addr)| addr), model.first().map(|(_, n, _)| addr(*n)));
        }
        assert!(idle.slab.len() <= 20_000 && idle.free.len() + model.len() == idle.slab.len());
    }
}
