//! What a protocol counts, by name.
//!
//! Causes of drops and counters stand in the folder of the protocol whose they are (`named!`). When the first stack is built,
//! the list of protocols gives each its place among those of its kind, once for all stacks: to count is to look up no name.

use std::fmt;
use std::hash::Hash;
use std::hash::Hasher;
use std::sync::OnceLock;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering;

/// A name under which a protocol counts something.
#[derive(Clone, Copy)]
pub struct Named {
    name: &'static str,
    place: fn() -> &'static Place,
}

/// Where its counter is, among those that protocols have named.
#[derive(Debug)]
pub(crate) struct Place(AtomicUsize);

impl Place {
    pub(crate) const fn new() -> Place {
        Place(AtomicUsize::new(usize::MAX))
    }
}

impl Named {
    pub(crate) const fn new(name: &'static str, place: fn() -> &'static Place) -> Named {
        Named { name, place }
    }

    /// As operators are told it.
    pub const fn name(&self) -> &'static str {
        self.name
    }

    /// Where its counter is; beyond all others if no protocol of the list has named it.
    #[inline]
    pub(crate) fn place(&self) -> usize {
        (self.place)().0.load(Ordering::Relaxed)
    }
}

// Its name is what it is: of one thing there may be several copies.
impl PartialEq for Named {
    fn eq(&self, other: &Named) -> bool {
        self.name == other.name
    }
}

impl Eq for Named {}

impl Hash for Named {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.name.hash(state);
    }
}

impl fmt::Debug for Named {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)
    }
}

/// All names of one kind.
pub(crate) struct Names(OnceLock<Vec<&'static Named>>);

impl Names {
    pub(crate) const fn new() -> Names {
        Names(OnceLock::new())
    }

    /// Gives each its place. Who comes second finds it done.
    pub(crate) fn settle(&self, all: impl FnOnce() -> Vec<&'static Named>) {
        self.0.get_or_init(|| {
            let all = all();
            all.iter().enumerate().for_each(|(at, named)| (named.place)().0.store(at, Ordering::Relaxed));
            all
        });
    }

    /// All of them, in the order of their places; none before the first stack is built.
    pub(crate) fn all(&self) -> &[&'static Named] {
        self.0.get().map_or(&[], Vec::as_slice)
    }

    /// Counters for all of them.
    pub(crate) fn counters(&self) -> Owned {
        Owned((0..self.all().len().div_ceil(IN_LINE)).map(|_| Line::default()).collect())
    }
}

/// Counters for all names of a kind: those of one worker, or what else counts by itself.
#[derive(Debug)]
pub(crate) struct Owned(Box<[Line]>);

const IN_LINE: usize = 16;

/// Nobody else's counters lie on its cache lines, which are fetched in pairs.
#[derive(Debug, Default)]
#[repr(align(128))]
struct Line([AtomicU64; IN_LINE]);

impl Owned {
    /// The counter of this name; `None` if no protocol of the list has named it.
    #[inline]
    pub(crate) fn of(&self, named: &Named) -> Option<&AtomicU64> {
        let place = named.place();
        self.0.get(place / IN_LINE).map(|line| &line.0[place % IN_LINE])
    }
}

/// Names what a protocol counts: each becomes a constant of the kind, as those that all share are its variants.
macro_rules! named {
    ($(#[$about:meta])* $list:ident: [$kind:ident]; $($(#[$meaning:meta])* $name:ident = $text:literal,)*) => {
        #[allow(non_upper_case_globals)] // They are read as variants are.
        impl $kind {
            $($(#[$meaning])* pub const $name: $kind = $kind::Own({
                fn place() -> &'static crate::named::Place {
                    static PLACE: crate::named::Place = crate::named::Place::new();
                    &PLACE
                }
                static NAMED: crate::named::Named = crate::named::Named::new($text, place);
                &NAMED
            });)*
        }

        $(#[$about])*
        pub(crate) const $list: &[$kind] = &[$($kind::$name,)*];
    };
}

pub(crate) use named;
