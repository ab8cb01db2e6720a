//! The pool of buffers: each has one owner at a time, and none is lost.

use std::collections::BTreeSet;

use siding_mbuf::Mbuf;
use siding_mbuf::Pool;
use siding_mbuf::PoolConfig;

use crate::checker::thread;
use crate::rig::pick;

fn pool(buffers: u32) -> Pool {
    Pool::new(PoolConfig { buffers, size: 16, headroom: 0 }).expect("a small pool")
}

/// Where a packet's bytes are: who has the same place has the same buffer.
fn place(mbuf: &Mbuf) -> usize {
    mbuf.data().as_ptr().addr()
}

/// All buffers are there, each once.
fn finish(pool: Pool) {
    assert!(pool.is_full(), "buffers are missing from the pool");
    let refused = pool.refused();
    let all: Vec<_> = std::iter::from_fn(|| pool.alloc()).take(pool.capacity() + 1).collect();
    let places: BTreeSet<_> = all.iter().map(place).collect();
    assert_eq!(
        (all.len(), places.len()),
        (pool.capacity(), pool.capacity()),
        "a buffer is lost, or there twice"
    );
    assert_eq!(pool.refused(), refused + 1);
    drop(pool);
    drop(all);
}

/// One thread takes two buffers and gives the first of them back, while another takes one: the stack looks as before
/// from above, and is another one below.
pub(crate) fn reuse() {
    let pool = pool(pick(3, 4));
    let theirs = pool.clone();
    let other = thread::spawn(move || {
        let first = theirs.alloc().expect("two are left for us");
        let second = theirs.alloc().expect("two are left for us");
        drop(first);
        second
    });
    let own = pool.alloc().expect("one is left for us");
    let second = other.join().expect("no panic");
    assert_ne!(place(&own), place(&second), "one buffer with two owners");
    drop((own, second));
    finish(pool);
}

/// Two threads ask for the last buffer: it comes back with what was written in it, and refusals are counted.
pub(crate) fn last() {
    let pool = pool(1);
    let ask = |pool: Pool| {
        let mut refused = 0;
        for _ in 0..pick(1, 4) {
            match pool.alloc() {
                Some(mut mbuf) => assert!(mbuf.extend_from_slice(&[1])),
                None => refused += 1,
            }
        }
        refused
    };
    let theirs = pool.clone();
    let other = thread::spawn(move || ask(theirs));
    let refused = ask(pool.clone()) + other.join().expect("no panic");
    assert_eq!(pool.refused(), refused);
    finish(pool);
}

/// The last handle on a pool and its last packet go at the same time, and a clone of the packet with them.
pub(crate) fn end() {
    let pool = pool(2);
    let mbuf = pool.alloc().expect("a full pool");
    let clone = mbuf.clone();
    let other = thread::spawn(move || drop(clone));
    let third = thread::spawn(move || drop(mbuf));
    drop(pool);
    other.join().expect("no panic");
    third.join().expect("no panic");
}
