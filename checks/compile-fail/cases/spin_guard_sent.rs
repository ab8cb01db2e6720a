//! What a thread must keep to itself is sent to another, in the guard of a spin lock; and the lock itself is shared.

use std::rc::Rc;

use siding_lockorder::sync::spin::Mutex;

fn main() {
    let counted = Mutex::new(Rc::new(0));
    let guard = counted.lock();
    std::thread::scope(|scope| {
        scope.spawn(move || drop(guard));
        scope.spawn(|| drop(counted.lock()));
    });
}
