//! Next-hop groups: a prefix that several routers lead to, each of which has its share of the flows.
//!
//! In the data path's table a group is one value: where to look on if none of it can be used, as any way; which ways its hops are;
//! and for each bucket whose that is. A hop that cannot be used is passed over by who meets it, for others that share its flows
//! as their buckets lie. So a link that goes or comes changes nothing here.

use siding_fib::Meaning;
use siding_fib::Table;
use siding_fib::Value;
use siding_netisr::IfId;

use super::prefix::Address;
use super::prefix::Prefix;
use super::spread::BUCKETS;
use super::spread::Buckets;
use super::spread::MOST_HOPS;
use super::table::Origin;
use super::table::Route;
use super::table::RouteError;

/// One of a group.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Hop<A, I = IfId> {
    /// The router to hand packets to.
    pub router: A,
    /// The interface to send on.
    pub interface: I,
    /// Its share, beside the others' weights. Not 0.
    pub weight: u8,
    /// Less is better. The best of its hops' is the group's.
    pub metric: u32,
}

/// Destinations, and the routers that share the flows to them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Group<A, I = IfId> {
    /// The destinations.
    pub prefix: Prefix<A>,
    /// The routers.
    pub hops: Vec<Hop<A, I>>,
}

impl<A: Address, I: Copy + Ord> Group<A, I> {
    /// The best of its hops': what order they came in does not matter. Of a route and a group with the same one the group is used.
    pub fn metric(&self) -> u32 {
        best(&self.hops)
    }

    /// That it can be one.
    ///
    /// # Errors
    /// [`RouteError`] when it cannot.
    pub fn check(&self) -> Result<(), RouteError<A>> {
        let Group { prefix, hops } = self;
        if hops.is_empty() || hops.len() > MOST_HOPS {
            return Err(RouteError::Hops(hops.len()));
        }
        for (at, hop) in hops.iter().enumerate() {
            hop.route(*prefix).check()?;
            if hop.weight == 0 {
                return Err(RouteError::Weightless(hop.router));
            }
            if hops[..at].iter().any(|other| other.is(hop)) {
                return Err(RouteError::Twice(hop.router));
            }
        }
        Ok(())
    }
}

impl<A: Address, I: Copy + Ord> Hop<A, I> {
    /// It alone, as a route.
    pub fn route(&self, prefix: Prefix<A>) -> Route<A, I> {
        let (next_hop, origin) = (Some(self.router), Origin::Static);
        Route { prefix, next_hop, interface: self.interface, metric: self.metric, origin }
    }

    /// Whether it is the same one, be its weight and its metric others.
    pub(super) fn is(&self, other: &Self) -> bool {
        self.router == other.router && self.interface == other.interface
    }

    /// Whether it is the same one, and is due as much.
    pub(super) fn is_due_as(&self, other: &Self) -> bool {
        self.is(other) && self.weight == other.weight
    }
}

pub(super) fn best<A, I>(hops: &[Hop<A, I>]) -> u32 {
    hops.iter().map(|hop| hop.metric).min().unwrap_or(0)
}

/// Where the hops are listed, after the words of any way.
const HOPS: usize = 4;
/// Hops in a word, and buckets.
const HOPS_EACH: usize = 2;
const BUCKETS_EACH: usize = 8;

/// The words of a group: its meaning, its hops' ways, its buckets.
pub(super) fn words(meaning: Meaning, hops: &[Value], buckets: &Buckets) -> Vec<u64> {
    let pair = |pair: &[Value]| pair.iter().rev().fold(0, |word, hop| word << 32 | u64::from(hop.number()));
    let eight = |eight: &[u8; BUCKETS_EACH]| u64::from_le_bytes(*eight);
    let mut words = meaning.to_vec();
    words.extend(hops.chunks(HOPS_EACH).map(pair));
    words.extend(buckets.as_chunks().0.iter().map(eight));
    words
}

/// A group as readers meet it. Any words may be read as one: what is not one has no hops.
pub(super) struct Seen<'t, 'a, A> {
    table: &'t Table<'a, A>,
    group: Value,
    pub(super) hops: usize,
}

impl<'t, 'a, A: Address> Seen<'t, 'a, A> {
    pub(super) fn new(table: &'t Table<'a, A>, group: Value, hops: u64) -> Self {
        Seen { table, group, hops: hops.min(MOST_HOPS as u64) as usize }
    }

    /// Words that it has.
    pub(super) fn len(&self) -> usize {
        HOPS + self.hops.div_ceil(HOPS_EACH) + BUCKETS / BUCKETS_EACH
    }

    /// All of them.
    pub(super) fn words(&self) -> Vec<u64> {
        (0..self.len()).map(|at| self.table.word(self.group, at)).collect()
    }

    /// The way of the hop in a place.
    #[inline]
    pub(super) fn hop(&self, place: usize) -> Option<Value> {
        let pair = self.table.word(self.group, HOPS + place / HOPS_EACH);
        let hop = (pair >> (place % HOPS_EACH * 32)) as u32;
        Value::of_number(hop).filter(|_| place < self.hops)
    }

    /// Whose a bucket is.
    #[inline]
    pub(super) fn owner(&self, bucket: usize) -> usize {
        let bucket = bucket % BUCKETS;
        let at = HOPS + self.hops.div_ceil(HOPS_EACH) + bucket / BUCKETS_EACH;
        (self.table.word(self.group, at) >> (bucket % BUCKETS_EACH * 8)) as usize & 0xff
    }

    /// The way of the flows with this hash, if it can be used or not.
    #[inline]
    pub(super) fn of(&self, flow: u32) -> Option<Value> {
        self.hop(self.owner(flow as usize))
    }

    /// The first that `found` finds something in, of the hop that has this flow and those that would have it if those before went:
    /// the owners of the buckets around, in an order of each bucket's own.
    pub(super) fn find<O>(&self, flow: u32, mut found: impl FnMut(Value) -> Option<O>) -> Option<O> {
        let mut seen = 0u64;
        for step in 0..BUCKETS {
            let place = self.owner(flow as usize ^ step);
            let hop = self.hop(place)?;
            if seen & 1 << place != 0 {
                continue;
            }
            let answer = found(hop);
            if answer.is_some() {
                return answer;
            }
            seen |= 1 << place;
            if seen.count_ones() as usize >= self.hops {
                break;
            }
        }
        None
    }
}
