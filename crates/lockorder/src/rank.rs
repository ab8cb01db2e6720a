//! Ranks, and which may follow which.

/// The rank of a lock. Declare one with [`rank!`](crate::rank!).
///
/// [`Unlocked`] is none: there is no lock whose token it could be.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no rank that a lock may have",
    label = "not declared with `rank!`",
    note = "declare one: `rank!(Entry after Table)`; `Unlocked` is what is held when no lock is, and no lock has it"
)]
pub trait Rank: Level {
    /// The rank's name, for the witness and for people.
    const NAME: &'static str;

    /// What it was declared after: every rank has one place in one chain. A chain that comes back to itself does
    /// not compile, for then this rank has no [`Level`].
    type Outer: Level;
}

/// What the innermost lock that a thread holds may be: a [`Rank`], or [`Unlocked`]. Implemented here, and by nobody
/// else, for every rank whose chain begins at [`Unlocked`].
pub trait Level: 'static {
    #[doc(hidden)]
    const LABEL: &'static str;

    /// Takes a type that has no name outside: nobody else can write this method.
    #[doc(hidden)]
    fn only_here(_: sealed::Only);
}

/// A lock of rank `Self` may be taken while a lock of rank `L` is the innermost one held.
///
/// It follows from where the two stand in their chain, and from nothing else: who implements it by hand must name the
/// evidence, and the only two kinds there are hold for what [`Rank::Outer`] says.
#[diagnostic::on_unimplemented(
    message = "lock order: a lock of rank `{Self}` may not be taken while `{L}` is held",
    label = "`{Self}` is not declared after `{L}`",
    note = "take it before `{L}`, or dispatch the work so that it runs with no lock held"
)]
pub trait After<L>: Rank {
    #[doc(hidden)]
    type By: Evidence<Self, L>;
}

/// Why a lock of rank `R` may be taken under one of rank `L`.
#[doc(hidden)]
pub trait Evidence<R: ?Sized, L> {
    #[doc(hidden)]
    fn only_here(_: sealed::Only);
}

/// `R` was declared after `L`.
#[doc(hidden)]
#[derive(Debug)]
pub enum Direct {}

/// `R` was declared after a rank that may be taken under `L`.
#[doc(hidden)]
#[derive(Debug)]
pub enum Through {}

impl<R: Rank<Outer = L>, L> Evidence<R, L> for Direct {
    fn only_here(_: sealed::Only) {}
}

impl<R: Rank, L> Evidence<R, L> for Through
where
    R::Outer: After<L>,
{
    fn only_here(_: sealed::Only) {}
}

mod sealed {
    /// Public, for it stands in a public trait; and nameless, for the module is not.
    #[derive(Debug)]
    pub enum Only {}
}

/// No lock is held: where every chain of ranks begins, and what sending a packet asks for.
#[derive(Debug)]
pub enum Unlocked {}

impl Level for Unlocked {
    const LABEL: &'static str = "Unlocked";

    fn only_here(_: sealed::Only) {}
}

impl<R: Rank> Level for R
where
    R::Outer: Level,
{
    const LABEL: &'static str = R::NAME;

    fn only_here(_: sealed::Only) {}
}

/// Declares a rank, after one other: `rank!(pub Entry after Table)`, or `after Unlocked` for the first of a
/// chain.
///
/// What may precede `Table` may then precede `Entry` too. A cycle does not compile.
#[macro_export]
macro_rules! rank {
    ($(#[$meta:meta])* $vis:vis $name:ident after Unlocked) => {
        $crate::rank!(@declare $(#[$meta])* $vis $name, $crate::Unlocked);
    };
    ($(#[$meta:meta])* $vis:vis $name:ident after $outer:ident) => {
        $crate::rank!(@declare $(#[$meta])* $vis $name, $outer);
        impl<L> $crate::After<L> for $name
        where
            $outer: $crate::After<L>,
        {
            type By = $crate::Through;
        }
    };
    (@declare $(#[$meta:meta])* $vis:vis $name:ident, $outer:ty) => {
        $(#[$meta])*
        #[derive(Debug)]
        $vis enum $name {}
        impl $crate::Rank for $name {
            const NAME: &'static str = stringify!($name);
            type Outer = $outer;
        }
        impl $crate::After<$outer> for $name {
            type By = $crate::Direct;
        }
    };
}
