//! One token for each thread: what the compiler cannot see is refused at run time.

#![cfg(feature = "std")]

use std::num::NonZeroU64;

use siding_lockorder::AlreadyEntered;
use siding_lockorder::Ctx;
use siding_lockorder::Root;
use siding_lockorder::Seat;
use siding_lockorder::Unlocked;

/// Code that gets a token and tries to have another, as a handler might to send with locks held.
fn forger(_ctx: &mut Ctx<'_, Unlocked>) {
    assert_eq!(Root::new().enter().map(drop), Err(AlreadyEntered));
    let seat = Seat(NonZeroU64::MIN);
    assert_eq!(Root::seated(seat).enter().map(drop), Err(AlreadyEntered));
}

#[test]
fn g2_a_second_root_is_refused_while_the_first_is_entered() {
    let mut root = Root::new();
    {
        let mut entered = root.enter().unwrap();
        forger(&mut entered.ctx());
        // The refused ones have not ended what the first began.
        forger(&mut entered.ctx());
    }
    assert!(Root::new().enter().is_ok(), "the first is gone");
    assert!(root.enter().is_ok(), "and may come again");
}

#[test]
fn g2_other_threads_have_roots_of_their_own() {
    let mut root = Root::new();
    let mut entered = root.enter().unwrap();
    let _ctx = entered.ctx();
    let elsewhere = std::thread::spawn(|| Root::new().enter().is_ok()).join();
    assert!(elsewhere.unwrap());
}

#[test]
fn g2_a_panic_gives_the_root_back() {
    let panicked = std::panic::catch_unwind(|| {
        let mut root = Root::new();
        let _entered = root.enter().unwrap();
        std::panic::resume_unwind(Box::new("a handler panics"));
    });
    assert!(panicked.is_err());
    assert!(Root::new().enter().is_ok());
}
