//! Ranks, and which may follow which.

/// The rank of a lock. Declare one with [`rank!`](crate::rank!).
pub trait Rank: 'static {
    /// The rank's name, for the witness and for people.
    const NAME: &'static str;
}

/// A lock of rank `Self` may be taken while a lock of rank `L` is the innermost one held.
#[diagnostic::on_unimplemented(
    message = "lock order: a lock of rank `{Self}` may not be taken while `{L}` is held",
    label = "`{Self}` is not declared after `{L}`",
    note = "take it before `{L}`, or dispatch the work so that it runs with no lock held"
)]
pub trait After<L>: Rank {}

/// No lock is held: where every chain of ranks begins, and what sending a packet asks for.
#[derive(Debug)]
pub enum Unlocked {}

impl Rank for Unlocked {
    const NAME: &'static str = "Unlocked";
}

/// Declares a rank, after one other: `rank!(pub Entry after Table)`, or `after Unlocked` for the first of a
/// chain.
///
/// What may precede `Table` may then precede `Entry` too. A cycle does not compile: it makes two
/// implementations of [`After`] overlap (E0119).
#[macro_export]
macro_rules! rank {
    ($(#[$meta:meta])* $vis:vis $name:ident after Unlocked) => {
        $crate::rank!(@declare $(#[$meta])* $vis $name);
        impl $crate::After<$crate::Unlocked> for $name {}
    };
    ($(#[$meta:meta])* $vis:vis $name:ident after $outer:ident) => {
        $crate::rank!(@declare $(#[$meta])* $vis $name);
        impl $crate::After<$outer> for $name {}
        impl<L> $crate::After<L> for $name where $outer: $crate::After<L> {}
    };
    (@declare $(#[$meta:meta])* $vis:vis $name:ident) => {
        $(#[$meta])*
        #[derive(Debug)]
        $vis enum $name {}
        impl $crate::Rank for $name {
            const NAME: &'static str = stringify!($name);
        }
    };
}
