//! The same with the spin lock that is used without std.

use std::cell::Cell;

use siding_lockorder::sync::spin::Mutex;

fn main() {
    let total = Mutex::new(Cell::new(0));
    let guard = total.lock();
    let shared = &guard;
    std::thread::scope(|scope| {
        scope.spawn(move || shared.set(shared.get() + 1));
        shared.set(shared.get() + 1);
    });
}
