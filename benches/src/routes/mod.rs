//! What the table of routes costs: to change, and to look things up in.

mod peer;
mod prefixes;

use std::fmt;
use std::hint::black_box;
use std::time::Instant;

use crate::measure::median;
use siding_fib::Keeper;
use siding_fib::Key;
use siding_netisr::IfId;
use siding_stack::route::Address;
use siding_stack::route::Origin;
use siding_stack::route::Prefix;
use siding_stack::route::Rib;
use siding_stack::route::Route;

pub use peer::Peer;
pub use prefixes::Dice;
pub use prefixes::prefixes4;
pub use prefixes::prefixes6;

/// Next hops that routes are spread over.
const NEXT_HOPS: usize = 64;
/// Changes of each kind that are timed.
const TIMED: usize = 20_000;
/// Destinations of a round.
const DESTINATIONS: usize = 1 << 20;

/// What changes cost: median and 99th percentile in microseconds.
#[derive(Debug)]
pub struct Changes {
    /// Routes.
    pub routes: usize,
    /// Added in a second: all at once, to an empty table. The median of the rounds.
    pub per_second: f64,
    /// The same, one after the other.
    pub singly: f64,
    /// A prefix that is new.
    pub add: (f64, f64),
    /// Another next hop, and the one before goes.
    pub replace: (f64, f64),
    /// A prefix goes.
    pub delete: (f64, f64),
    /// Of the data path's table.
    pub bytes: usize,
}

/// A prefix with the next hop of this number.
fn route<A: Address>(prefix: Prefix<A>, hop: usize) -> Route<A> {
    let hop = (hop % NEXT_HOPS) as u128 + 1;
    // 10.0.0.0/8 and fd00::/8, aligned to the left.
    let net = if A::MAX_LEN == 32 { 10_u128 << 120 | hop << 96 } else { 0xfd_u128 << 120 | hop };
    let next_hop = Some(A::of_left_justified(net));
    Route { prefix, next_hop, interface: IfId::from_u64(7), metric: 0, origin: Origin::Static }
}

/// Puts a route in. None of them can be refused; whether they are all there is seen in the end.
fn put<A: Address>(rib: &mut Rib<A>, route: Route<A>) {
    let _ = rib.insert(route);
}

/// Builds a table of these prefixes but for the last few, and times changes in it: control's and the data path's part.
pub fn changes<A: Address>(prefixes: &[Prefix<A>], rounds: usize) -> Changes {
    let timed = TIMED.min(prefixes.len() / 10);
    let (stay, come) = prefixes.split_at(prefixes.len() - timed);
    let list: Vec<Route<A>> =
        stay.iter().enumerate().map(|(number, prefix)| route(*prefix, number)).collect();
    let (mut at_once, mut one_by_one) = (Vec::new(), Vec::new());
    let mut rib = Rib::<A>::default();
    for _ in 0..rounds {
        rib = Rib::default();
        one_by_one.push(rate(&list, |list| list.into_iter().for_each(|route| put(&mut rib, route))));
        rib = Rib::default();
        at_once.push(rate(&list, |list| put_all(&mut rib, list)));
    }
    let (per_second, singly) = (median(&mut at_once), median(&mut one_by_one));
    let mut dice = Dice(7);
    let some: Vec<Prefix<A>> = (0..timed).map(|_| stay[dice.below(stay.len())]).collect();
    let add = time(come, |prefix, number| put(&mut rib, route(prefix, number)));
    let replace = time(&some, |prefix, number| {
        let before = rib.routes().routes_to(&prefix).next().copied();
        put(&mut rib, route(prefix, number + 1));
        if let Some(before) = before.filter(|before| before.next_hop != route(prefix, number + 1).next_hop) {
            let _ = rib.remove(&prefix, before.next_hop, before.interface);
        }
    });
    let bytes = rib.bytes().0;
    let delete = time(come, |prefix, number| {
        let _ = rib.remove(&prefix, route(prefix, number).next_hop, IfId::from_u64(7));
    });
    assert_eq!(rib.routes().len(), stay.len(), "all of them were there and are gone");
    Changes { routes: prefixes.len(), per_second, singly, add, replace, delete, bytes }
}

/// Routes a second.
fn rate<A: Address>(list: &[Route<A>], put: impl FnOnce(Vec<Route<A>>)) -> f64 {
    let list = list.to_vec();
    let (many, begin) = (list.len(), Instant::now());
    put(list);
    many as f64 / begin.elapsed().as_secs_f64()
}

/// As the stack does it: in order, and a piece at a time.
fn put_all<A: Address>(rib: &mut Rib<A>, mut list: Vec<Route<A>>) {
    list.sort_by_key(|route| route.prefix);
    for piece in list.chunks(1024) {
        let _ = rib.insert_all(piece);
    }
}

/// Median and 99th percentile in microseconds.
fn time<A: Address>(prefixes: &[Prefix<A>], mut change: impl FnMut(Prefix<A>, usize)) -> (f64, f64) {
    let mut took: Vec<f64> = Vec::with_capacity(prefixes.len());
    for (number, prefix) in prefixes.iter().enumerate() {
        let begin = Instant::now();
        change(*prefix, number);
        took.push(begin.elapsed().as_nanos() as f64 / 1000.0);
    }
    took.sort_by(f64::total_cmp);
    (took[took.len() / 2], took[took.len() * 99 / 100])
}

impl fmt::Display for Changes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Changes { routes, per_second, singly, add, replace, delete, bytes } = self;
        write!(
            f,
            "{routes:>19} {per_second:>9.0} {singly:>9.0} {:>9.2} {:>5.1} {:>11.2} {:>5.1} {:>10.2} {:>5.1} {:>16.1} MiB, {} a route",
            add.0,
            add.1,
            replace.0,
            replace.1,
            delete.0,
            delete.1,
            *bytes as f64 / 1024.0 / 1024.0,
            bytes / routes,
        )
    }
}

/// What look-ups cost, in nanoseconds; the peer's if there is one.
#[derive(Debug)]
pub struct Lookups {
    single: f64,
    bulk: f64,
    peer: Option<(f64, f64)>,
}

impl Lookups {
    /// Ours in bulk over the peer's.
    pub fn bulk_ratio(&self) -> Option<f64> {
        self.peer.map(|(_, bulk)| self.bulk / bulk)
    }
}

impl fmt::Display for Lookups {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:>8.1} {:>12.1}", self.single, self.bulk)?;
        match self.peer {
            Some((single, bulk)) => write!(f, " {single:>13.1} {bulk:>11.1}"),
            None => write!(f, "             –           –"),
        }
    }
}

/// Looks destinations up that are spread over all prefixes, in ours and in the peer's table in turns.
pub fn lookups<A: Address + Key>(
    prefixes: &[Prefix<A>],
    rounds: usize,
    peer: impl FnOnce(usize) -> Option<Peer<A>>,
) -> Lookups {
    let mut keeper = Keeper::<A>::new();
    let mut peer = peer(prefixes.len());
    let values: Vec<_> = (0..NEXT_HOPS as u64).filter_map(|hop| keeper.make([hop, 0, 0, 1]).ok()).collect();
    for (number, prefix) in prefixes.iter().enumerate() {
        let hop = number % values.len();
        let _ = keeper.insert(prefix.addr(), prefix.prefix_len(), values[hop]);
        if peer.as_mut().is_some_and(|peer| !peer.add(prefix, hop as u32 + 1)) {
            peer = None;
        }
    }
    let mut dice = Dice(11);
    let destinations: Vec<A> = (0..DESTINATIONS)
        .map(|_| {
            let prefix = prefixes[dice.below(prefixes.len())];
            let host = u128::from(dice.roll()) << 64 | u128::from(dice.roll());
            let host = host & u128::MAX.checked_shr(prefix.prefix_len().into()).unwrap_or(0);
            A::of_left_justified(prefix.addr().left_justified() | host)
        })
        .collect();
    if let Some(peer) = &mut peer {
        peer.ask(&destinations);
    }
    let trie = keeper.trie();
    let mut found = vec![None; DESTINATIONS];
    let mut figures: [Vec<f64>; 4] = Default::default();
    for _ in 0..rounds {
        figures[0]
            .push(each(|| destinations.iter().filter(|dst| trie.lookup(**black_box(dst)).is_some()).count()));
        figures[1].push(each(|| {
            for (keys, values) in destinations.chunks(32).zip(found.chunks_mut(32)) {
                trie.lookup_all(black_box(keys), values);
            }
            found.iter().flatten().count()
        }));
        if let Some(peer) = &peer {
            figures[2].push(each(|| peer.lookup(1)));
            figures[3].push(each(|| peer.lookup(32)));
        }
    }
    let [single, bulk, peer_single, peer_bulk] = figures.map(|mut figures| {
        figures.sort_by(f64::total_cmp);
        figures.get(figures.len() / 2).copied()
    });
    Lookups {
        single: single.unwrap_or(f64::NAN),
        bulk: bulk.unwrap_or(f64::NAN),
        peer: peer_single.zip(peer_bulk),
    }
}

/// Nanoseconds for each destination; every one must be found.
fn each(work: impl FnOnce() -> usize) -> f64 {
    let begin = Instant::now();
    let found = work();
    let took = begin.elapsed().as_nanos() as f64;
    assert_eq!(found, DESTINATIONS, "each destination has a route");
    took / DESTINATIONS as f64
}
