//! Where packets go, in the words that the table of routes keeps.

use siding_fib::Meaning;
use siding_fib::Value;
use siding_netisr::IfId;

use super::prefix::Address;
use super::refusal::Refusal;

/// The name of an interface, as a number.
pub trait Handle: Copy + Ord + core::hash::Hash {
    /// The number.
    fn number(self) -> u64;
    /// The name that has this number. Any number may be asked for.
    fn of_number(number: u64) -> Self;
}

impl Handle for IfId {
    #[inline]
    fn number(self) -> u64 {
        self.as_u64()
    }

    #[inline]
    fn of_number(number: u64) -> Self {
        IfId::from_u64(number)
    }
}

impl Handle for u16 {
    fn number(self) -> u64 {
        self.into()
    }

    fn of_number(number: u64) -> Self {
        number as u16
    }
}

/// What becomes of packets to a destination.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way<A, I = IfId> {
    /// They leave by an interface.
    Out {
        /// The interface.
        interface: I,
        /// The router to hand them to; `None` when the destination is on-link.
        next_hop: Option<A>,
    },
    /// They are refused.
    Refused(Refusal),
}

const ON_LINK: u64 = 1;
const BY_ROUTER: u64 = 2;
const REFUSED: u64 = 3;
const GROUP: u64 = 4;
const KIND: u64 = 0xff;

impl<A: Address, I: Handle> Way<A, I> {
    /// This way in words, and the one to take when it cannot be used.
    pub(super) fn meaning(self, other: Option<Value>) -> Meaning {
        let other = u64::from(other.map_or(0, Value::number)) << 32;
        match self {
            Way::Out { interface, next_hop: None } => [0, 0, interface.number(), other | ON_LINK],
            Way::Out { interface, next_hop: Some(router) } => {
                let bits = router.left_justified();
                [(bits >> 64) as u64, bits as u64, interface.number(), other | BY_ROUTER]
            }
            Way::Refused(how) => [0, 0, how as u64, other | REFUSED],
        }
    }

    /// The way in these words; `None` if they are not those of a way.
    #[inline]
    pub(super) fn of_meaning(meaning: Meaning) -> Option<Way<A, I>> {
        let [upper, lower, which, last] = meaning;
        let out = |next_hop| Way::Out { interface: I::of_number(which), next_hop };
        match last & KIND {
            ON_LINK => Some(out(None)),
            BY_ROUTER => Some(out(Some(A::of_left_justified(u128::from(upper) << 64 | u128::from(lower))))),
            REFUSED => Refusal::ALL.get(which as usize).map(|how| Way::Refused(*how)),
            _ => None,
        }
    }

    /// The other way in these words.
    pub(super) fn other(meaning: Meaning) -> Option<Value> {
        Value::of_number((meaning[3] >> 32) as u32)
    }
}

/// A group of so many hops, in words, and the way to take when none of it can be used.
pub(super) fn group_meaning(hops: usize, other: Option<Value>) -> Meaning {
    [hops as u64, 0, 0, u64::from(other.map_or(0, Value::number)) << 32 | GROUP]
}

/// How many hops the group of these words has; `None` if they are not a group's.
#[inline]
pub(super) fn hops_of(meaning: Meaning) -> Option<u64> {
    let [hops, .., last] = meaning;
    (last & KIND == GROUP).then_some(hops)
}
