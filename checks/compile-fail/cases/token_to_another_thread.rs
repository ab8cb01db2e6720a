//! A token goes to another thread.

use siding_lockorder::Root;

fn main() {
    let mut root = Root::new();
    let mut entered = root.enter().unwrap();
    let ctx = entered.ctx();
    std::thread::scope(|scope| {
        scope.spawn(move || drop(ctx));
    });
}
