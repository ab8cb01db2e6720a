//! The table of routes: a reader finds what is there, or was a moment ago, and never what the memory was used for since.

use std::sync::Arc;

use siding_fib::Keeper;
use siding_fib::Key;
use siding_fib::Meaning;
use siding_fib::Trie;
use siding_fib::Value;

use crate::checker::thread;

/// An address of one byte: a table without a root, so that there is little to explore.
#[derive(Debug, Clone, Copy)]
struct Tiny(u8);

impl Key for Tiny {
    const BYTES: usize = 1;
    const ROOT: usize = 0;

    fn octet(self, _: usize) -> u8 {
        self.0
    }
}

fn meaning(len: u8) -> Meaning {
    let len = u64::from(len);
    [len, !len, len << 8, len ^ 0xff]
}

fn put(keeper: &mut Keeper<Tiny>, len: u8) -> Value {
    let value = keeper.make(meaning(len)).expect("memory");
    let old = keeper.insert(Tiny(0xff), len, value).expect("memory");
    assert_eq!(old, None);
    value
}

fn take(keeper: &mut Keeper<Tiny>, len: u8) {
    let value = keeper.remove(Tiny(0xff), len).expect("memory").expect("it is there");
    keeper.release(value);
}

/// The length of the best prefix.
fn look(trie: &Trie<Tiny>) -> u64 {
    let found = trie.read(|table| table.lookup(Tiny(0xff)).map(|value| table.meaning(value)));
    let [len, negated, shifted, mixed] = found.expect("one is always there");
    assert_eq!((negated, shifted, mixed), (!len, len << 8, len ^ 0xff), "of two routes");
    len
}

/// Nodes and values are replaced, and used again at once, while one looks.
pub(crate) fn reuse() {
    let mut keeper = Keeper::new();
    put(&mut keeper, 1);
    let trie: Arc<Trie<Tiny>> = keeper.trie().clone();
    let reader = thread::spawn(move || look(&trie));
    put(&mut keeper, 2);
    take(&mut keeper, 2);
    put(&mut keeper, 3);
    let len = reader.join().expect("no panic");
    assert!((1..=3).contains(&len), "a route that never was");
    assert_eq!(look(keeper.trie()), 3);
}

/// A node is published while one looks: who finds it finds all of it.
pub(crate) fn publish() {
    let mut keeper = Keeper::new();
    let trie: Arc<Trie<Tiny>> = keeper.trie().clone();
    let reader =
        thread::spawn(move || trie.read(|table| table.lookup(Tiny(0xff)).map(|value| table.meaning(value))));
    put(&mut keeper, 8);
    let found = reader.join().expect("no panic");
    assert!(found.is_none_or(|found| found == meaning(8)), "a node that was not whole");
    assert_eq!(look(keeper.trie()), 8);
}
