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

/// The same with as many bytes as it takes to skip some.
#[derive(Debug, Clone, Copy)]
struct Three([u8; 3]);

impl Key for Three {
    const BYTES: usize = 3;
    const ROOT: usize = 0;

    fn octet(self, at: usize) -> u8 {
        self.0.get(at).copied().unwrap_or(0)
    }
}

const HERE: Three = Three([0xaa, 0xbb, 0xcc]);
/// It has the bytes that are skipped, and not those behind.
const BESIDE: Three = Three([0xaa, 0xbb, 0x11]);

/// `HERE` to so many bits.
fn beginning(len: u8) -> Three {
    let bits = u32::from_be_bytes([0, 0xaa, 0xbb, 0xcc]) & !0 << (24 - u32::from(len));
    let [_, a, b, c] = bits.to_be_bytes();
    Three([a, b, c])
}

fn put_here(keeper: &mut Keeper<Three>, len: u8) -> Option<Value> {
    let value = keeper.make(meaning(len)).expect("memory");
    keeper.insert(beginning(len), len, value).expect("memory")
}

/// The length of the best prefix of an address; 0 for none.
fn best(trie: &Trie<Three>, key: Three) -> u8 {
    let found = trie.read(|table| table.lookup(key).map(|value| table.meaning(value)));
    let Some([len, negated, shifted, mixed]) = found else { return 0 };
    assert_eq!((negated, shifted, mixed), (!len, len << 8, len ^ 0xff), "of two routes");
    len as u8
}

/// Two prefixes come in one change, in two nodes of which one is new and the other written over, while one looks: it finds all as
/// it was, or as it is to be.
pub(crate) fn many() {
    let mut keeper = Keeper::new();
    // So that the upper node stays as it is, but for what it links to.
    for len in [4, 9] {
        put_here(&mut keeper, len);
    }
    let trie: Arc<Trie<Three>> = keeper.trie().clone();
    let reader = thread::spawn(move || best(&trie, HERE));
    let values = [12, 16].map(|len| keeper.make(meaning(len)).expect("memory"));
    let edits = [(beginning(12), 12, values[0]), (beginning(16), 16, values[1])];
    let mut had = Vec::new();
    keeper.insert_all(&edits, &mut had).expect("memory");
    assert_eq!(had, [None; 2]);
    let found = reader.join().expect("no panic");
    assert!(found == 9 || found == 16, "a best way that never was: {found}");
    assert_eq!(best(keeper.trie(), HERE), 16);
}

/// Where all begin with the same bytes these are skipped. What is behind them is put into memory that was used for another route
/// before, while one looks; then something comes in between.
pub(crate) fn skip() {
    let mut keeper = Keeper::new();
    put_here(&mut keeper, 22);
    keeper.remove(beginning(22), 22).expect("memory").expect("it is there");
    // The lines of the upper nodes: the lowest one's is used again for the lowest.
    let [value, _] = [24, 0].map(|len| keeper.make(meaning(len)).expect("memory"));
    let trie: Arc<Trie<Three>> = keeper.trie().clone();
    let reader = thread::spawn(move || best(&trie, HERE));
    assert_eq!(keeper.insert(HERE, 24, value), Ok(None));
    let found = reader.join().expect("no panic");
    assert!(found == 0 || found == 24, "a best way that had gone: {found}");
    // One that ends above them: who skips it does not find it.
    put_here(&mut keeper, 8);
    assert_eq!((best(keeper.trie(), HERE), best(keeper.trie(), BESIDE)), (24, 8));
}
