//! What keeps a guard on its thread.

use core::marker::PhantomData;

/// Makes its owner `!Send`, and leaves `Sync` to the rest of it.
pub(crate) type StaysHere = PhantomData<dyn Sync>;
