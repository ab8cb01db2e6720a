//! One token for each thread: what the compiler cannot see is refused at run time.

#![cfg(feature = "std")]

use siding_lockorder::AlreadyEntered;
use siding_lockorder::Ctx;
use siding_lockorder::Mutex;
use siding_lockorder::Root;
use siding_lockorder::Seats;
use siding_lockorder::Unlocked;
use siding_lockorder::rank;

/// Code that gets a token and tries to have another, as a handler might to send with locks held.
fn forger(_ctx: &mut Ctx<'_, Unlocked>) {
    assert_eq!(Root::new().enter().map(drop), Err(AlreadyEntered));
    let mine = Seats::new(1).root(0);
    assert_eq!(mine.map(|mut root| root.enter().map(drop)), Some(Err(AlreadyEntered)));
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

#[test]
fn g5_nobody_has_the_seats_of_another() {
    let (one, other) = (Seats::new(2), Seats::new(3));
    let all: Vec<_> = (0..4)
        .filter_map(|index| one.seat(index))
        .chain((0..4).filter_map(|index| other.seat(index)))
        .collect();
    assert_eq!(all.len(), 5, "two and three");
    for (place, seat) in all.iter().enumerate() {
        let (ours, theirs) = (one.index_of(*seat), other.index_of(*seat));
        assert_eq!((ours.is_some(), theirs.is_some()), (place < 2, place >= 2));
        assert_eq!(ours.or(theirs), Some(if place < 2 { place } else { place - 2 } as u32));
        assert_eq!(all.iter().filter(|other| *other == seat).count(), 1);
    }
}

mod elsewhere {
    siding_lockorder::rank!(pub Table after Unlocked);
}

rank!(Table after Unlocked);
rank!(Entry after Table);

/// Two modules, two ranks, one name: nobody is blamed.
#[test]
fn ranks_of_one_name_are_two_ranks() {
    let (theirs, ours) = (Mutex::<elsewhere::Table, _>::new(1), Mutex::<Table, _>::new(2));
    let mut root = Root::new();
    let mut entered = root.enter().unwrap();
    drop(entered.ctx().lock(&theirs));
    drop(entered.ctx().lock(&ours));
    let outside = siding_lockorder::witness::Class::new("Table").enter();
    drop(entered.ctx().lock(&ours));
    drop(outside);
}

/// What the compiler cannot see: the guard is gone, and the lock is held.
#[test]
#[cfg(debug_assertions)]
fn g2_a_forgotten_guard_is_told_of() {
    let (table, entry) = (Mutex::<Table, _>::new(1), Mutex::<Entry, _>::new(2));
    let forgetful = std::thread::spawn(move || {
        let mut root = Root::new();
        let mut entered = root.enter().unwrap();
        {
            let mut ctx = entered.ctx();
            let (_guard, mut ctx) = ctx.lock(&table);
            let (entry, _ctx) = ctx.lock(&entry);
            std::mem::forget(entry);
        }
        entered.ctx();
    });
    let why = forgetful.join().unwrap_err();
    let why = why.downcast_ref::<String>().unwrap();
    assert!(why.contains("\"Entry\" is held since") && why.contains("root.rs"), "{why}");
}

/// A thread's last locals may take locks when they are dropped, after the witness's own.
#[test]
fn the_last_locals_of_a_thread_may_lock() {
    struct Late(std::sync::Arc<Mutex<Table, u32>>);

    impl Drop for Late {
        fn drop(&mut self) {
            let mut root = Root::new();
            let mut entered = root.enter().unwrap();
            *entered.ctx().lock(&self.0).0 += 1;
        }
    }

    std::thread_local! {
        static LATE: std::cell::RefCell<Option<Late>> = const { std::cell::RefCell::new(None) };
    }

    let table = std::sync::Arc::new(Mutex::new(0));
    let late = Late(table.clone());
    let thread = std::thread::spawn(move || {
        // Registered first, so dropped last.
        LATE.with_borrow_mut(|place| *place = Some(late));
        drop(siding_lockorder::witness::Class::new("first").enter());
    });
    assert!(thread.join().is_ok());
    let mut root = Root::new();
    assert_eq!(*root.enter().unwrap().ctx().lock(&table).0, 1);
}

/// What people are shown of a lock, of who holds it, and of tokens.
#[test]
fn locks_and_tokens_say_what_they_are() {
    let table = Mutex::<Table, _>::new(7);
    let seats = Seats::new(2);
    let mut root = seats.root(1).unwrap();
    let mut entered = root.enter().unwrap();
    let mut ctx = entered.ctx();
    assert_eq!(ctx.seat().and_then(|seat| seats.index_of(seat)), Some(1), "whose token it is");
    assert!(format!("{ctx:?}").starts_with("Ctx { innermost: \"Unlocked\", seat: Some("), "{ctx:?}");
    let (mut guard, inner) = ctx.lock(&table);
    *guard += 1;
    assert_eq!(format!("{guard:?}"), "Table(8)");
    assert!(format!("{inner:?}").contains("innermost: \"Table\""), "{inner:?}");
    assert_eq!(inner.seat(), seats.seat(1), "under a lock too");
    assert_eq!(format!("{table:?}"), "Mutex { rank: \"Table\", .. }");
    drop(guard);
    assert_eq!(table.into_inner(), 8);
    let second = Root::new().enter().map(drop).unwrap_err();
    assert!(second.to_string().contains("this thread has a token already"), "{second}");
}
