//! In the simulator's manner: one thread at a time, and a seed that says whose turn it is.
//!
//! A turn lasts until its thread starts, joins or waits for another, asks for a lock of the scenario's, or yields
//! in the facade. Between two such points nobody interferes: what a network of stacks looks like, where each turn
//! of a worker is one event. The same seed gives the same turns.

pub(crate) mod sync {
    pub(crate) use std::sync::atomic;

    use std::ops::Deref;
    use std::ops::DerefMut;
    use std::sync::LockResult;
    use std::sync::PoisonError;

    /// A lock at which the turn may pass on.
    pub(crate) struct Mutex<T>(std::sync::Mutex<T>);

    pub(crate) struct Guard<'m, T>(&'m Mutex<T>, std::sync::MutexGuard<'m, T>);

    impl<T> Mutex<T> {
        pub(crate) fn new(value: T) -> Mutex<T> {
            Mutex(std::sync::Mutex::new(value))
        }

        pub(crate) fn lock(&self) -> LockResult<Guard<'_, T>> {
            loop {
                super::pass();
                match self.0.try_lock() {
                    Ok(guard) => return Ok(Guard(self, guard)),
                    Err(std::sync::TryLockError::Poisoned(why)) => {
                        return Err(PoisonError::new(Guard(self, why.into_inner())));
                    }
                    // Its holder is in the middle of something, and has to have its turn first.
                    Err(std::sync::TryLockError::WouldBlock) => {}
                }
            }
        }
    }

    impl<T> Deref for Guard<'_, T> {
        type Target = T;

        fn deref(&self) -> &T {
            &self.1
        }
    }

    impl<T> DerefMut for Guard<'_, T> {
        fn deref_mut(&mut self) -> &mut T {
            &mut self.1
        }
    }

    /// Waits by passing the turn on: its users look again, as they must for spurious wake-ups.
    pub(crate) struct Condvar;

    impl Condvar {
        pub(crate) fn new() -> Condvar {
            Condvar
        }

        pub(crate) fn wait<'m, T>(&self, guard: Guard<'m, T>) -> LockResult<Guard<'m, T>> {
            let mutex = guard.0;
            drop(guard);
            mutex.lock()
        }

        pub(crate) fn notify_one(&self) {}
    }
}

pub(crate) mod thread {
    use std::thread;

    /// A thread that waits for its turn.
    pub(crate) struct JoinHandle<T> {
        number: usize,
        thread: thread::JoinHandle<T>,
    }

    pub(crate) fn spawn<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> JoinHandle<T> {
        let number = super::enlist();
        let thread = thread::spawn(move || {
            super::begin(number);
            let answer = work();
            super::end(number);
            answer
        });
        super::pass();
        JoinHandle { number, thread }
    }

    pub(crate) fn yield_now() {
        super::pass();
    }

    impl<T> JoinHandle<T> {
        pub(crate) fn join(self) -> thread::Result<T> {
            while super::is_enlisted(self.number) {
                super::pass();
            }
            self.thread.join()
        }
    }
}

use std::cell::Cell;
use std::sync::Condvar;
use std::sync::Mutex;
use std::sync::MutexGuard;
use std::sync::PoisonError;

use crate::Scenario;
use crate::scenario::execute;

/// Whether there is time for more threads and packets than the promise needs at least.
pub(crate) const LARGE: bool = true;
/// Whether time passes as it does for users, so that something may be asked to be fast.
pub(crate) const TIMED: bool = false;

/// Whose turn it is, who else there is, and the dice.
struct Turns {
    running: usize,
    enlisted: Vec<usize>,
    next: usize,
    dice: u64,
}

static TURNS: Mutex<Turns> = Mutex::new(Turns { running: 0, enlisted: Vec::new(), next: 1, dice: 0 });
static PASSED: Condvar = Condvar::new();

std::thread_local! {
    static NUMBER: Cell<usize> = const { Cell::new(0) };
}

/// Runs the scenario once for each seed below `limit`; 1,000 unless told.
pub fn explore(scenario: &'static Scenario, limit: Option<u64>) {
    siding_netisr::sync::set_yield(pass);
    for seed in 0..limit.unwrap_or(1000) {
        *turns() = Turns { running: 0, enlisted: vec![0], next: 1, dice: seed };
        execute(scenario);
    }
}

/// Lets somebody else have a turn, or not: the dice say.
fn pass() {
    let me = NUMBER.get();
    let mut turns = turns();
    hand_over(&mut turns);
    wait_for_turn(turns, me);
}

fn enlist() -> usize {
    let mut turns = turns();
    let number = turns.next;
    turns.next += 1;
    turns.enlisted.push(number);
    number
}

fn is_enlisted(number: usize) -> bool {
    turns().enlisted.contains(&number)
}

fn begin(number: usize) {
    NUMBER.set(number);
    wait_for_turn(turns(), number);
}

fn end(number: usize) {
    let mut turns = turns();
    turns.enlisted.retain(|other| *other != number);
    hand_over(&mut turns);
}

fn hand_over(turns: &mut Turns) {
    // SplitMix64: any sequence would do, as long as the seed decides it.
    turns.dice = turns.dice.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mixed = (turns.dice ^ (turns.dice >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let place = ((mixed ^ (mixed >> 27)) >> 33) as usize % turns.enlisted.len().max(1);
    if let Some(next) = turns.enlisted.get(place) {
        turns.running = *next;
    }
    PASSED.notify_all();
}

fn wait_for_turn(mut turns: MutexGuard<'_, Turns>, number: usize) {
    while turns.running != number {
        turns = PASSED.wait(turns).unwrap_or_else(PoisonError::into_inner);
    }
}

fn turns() -> MutexGuard<'static, Turns> {
    TURNS.lock().unwrap_or_else(PoisonError::into_inner)
}
