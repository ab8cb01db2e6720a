//! What the witness says of one thread is told of another.

use siding_lockorder::witness::Class;

fn main() {
    let held = Class::new("outside").enter();
    std::thread::spawn(move || drop(held));
}
