//! A token is made out of nothing.

use core::marker::PhantomData;

use siding_lockorder::{Ctx, Unlocked};

fn main() {
    let _ctx: Ctx<'_, Unlocked> = Ctx { seat: None, borrow: PhantomData, rank: PhantomData };
}
