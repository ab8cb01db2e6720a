//! The run-time witness: watches the order in which locks are really taken.
//!
//! On in debug and test builds with `std`. The declared ranks already order the locks that use them; the
//! witness adds those that do not: an embedder's own locks, reported through [`Class::enter`]. For each pair
//! "B was taken while A was held" it keeps the two source positions; when the opposite is seen, directly or
//! through others, it panics and names the positions of both.

#[cfg(all(debug_assertions, feature = "std", not(any(siding_loom, siding_shuttle))))]
#[path = "witness_on.rs"]
mod imp;

#[cfg(not(all(debug_assertions, feature = "std", not(any(siding_loom, siding_shuttle)))))]
mod imp {
    use core::marker::PhantomData;

    use super::Class;
    use crate::stays::StaysHere;

    /// A lock that is held, as the witness sees it: not at all in this build.
    #[derive(Debug)]
    pub struct Held {
        stays: StaysHere,
    }

    pub(super) fn enter(_class: Class) -> Held {
        Held { stays: PhantomData }
    }

    pub(super) fn tried(_class: Class) -> Held {
        Held { stays: PhantomData }
    }

    #[inline(always)]
    pub(super) fn expect_no_rank() {}
}

pub use imp::Held;

use core::any::TypeId;

use crate::Rank;

/// No token says that nothing is held on a thread that holds a lock of some rank.
#[inline(always)]
pub(crate) fn expect_no_rank() {
    imp::expect_no_rank();
}

/// A class of locks that are taken in the same order relative to others.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Class {
    name: &'static str,
    /// Two ranks may have one name, in two modules.
    rank: Option<TypeId>,
}

impl Class {
    /// A class by its name; the same name is the same class.
    pub const fn new(name: &'static str) -> Class {
        Class { name, rank: None }
    }

    /// The class of all locks of rank `R`.
    pub const fn of_rank<R: Rank>() -> Class {
        Class { name: R::NAME, rank: Some(TypeId::of::<R>()) }
    }

    /// Says that this thread is about to take a lock of this class and holds it until the result is dropped.
    ///
    /// # Panics
    ///
    /// In debug builds, if the order contradicts one seen before; the message names both positions.
    #[track_caller]
    #[inline]
    pub fn enter(self) -> Held {
        imp::enter(self)
    }

    /// Says that this thread has got a lock of this class by trying, and holds it until the result is dropped. Who tries
    /// waits for nobody, so no order is noted with what is held already; what is taken under it is.
    #[track_caller]
    #[inline]
    pub fn tried(self) -> Held {
        imp::tried(self)
    }
}
