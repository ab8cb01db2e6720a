//! A root that cannot see others is made without the word `unsafe`.

use siding_lockorder::Root;

fn main() {
    let _root = Root::unchecked(None);
}
