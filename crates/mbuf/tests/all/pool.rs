//! Where buffers go: the pool against a model, dry, with caches, and from several threads.

use std::collections::HashMap;
use std::sync::atomic::AtomicU32;
use std::sync::atomic::Ordering;
use std::sync::mpsc;
use std::thread;

use proptest::collection::vec;
use proptest::prelude::*;
use siding_mbuf::Cache;
use siding_mbuf::Mbuf;
use siding_mbuf::Pool;
use siding_mbuf::PoolConfig;

#[test]
fn a_dry_pool_refuses_and_counts() {
    let pool = pool(3);
    let mbufs: Vec<Mbuf> = (0..3).map(|_| pool.alloc().unwrap()).collect();
    assert_eq!((pool.available(), pool.live(), pool.refused()), (0, 3, 0));
    assert!(pool.alloc().is_none());
    assert!(pool.cache(2).alloc().is_none());
    assert_eq!(pool.refused(), 2);
    drop(mbufs);
    assert!(pool.is_full());
    assert!(pool.alloc().is_some());
    assert_eq!(pool.refused(), 2);
}

#[test]
fn a_cache_hands_out_every_buffer_of_the_pool() {
    let pool = pool(10);
    let mut cache = pool.cache(8);
    let mbufs: Vec<Mbuf> = std::iter::from_fn(|| cache.alloc()).collect();
    assert_eq!((mbufs.len(), pool.live(), pool.refused()), (10, 10, 1));
    for mbuf in mbufs {
        cache.free(mbuf);
    }
    assert!(pool.is_full());
    assert!(cache.len() <= 8 && cache.len() >= 4, "{} kept", cache.len());
}

#[test]
fn a_cache_keeps_no_more_than_its_size() {
    let pool = pool(100);
    let mut cache = pool.cache(6);
    let mbufs: Vec<Mbuf> = (0..100).map(|_| pool.alloc().unwrap()).collect();
    for mbuf in mbufs {
        cache.free(mbuf);
        assert!(cache.len() <= 6);
    }
    let others: Vec<Mbuf> = std::iter::from_fn(|| pool.alloc()).collect();
    assert_eq!(others.len() + cache.len(), 100);
}

#[test]
fn dropping_a_cache_gives_others_what_it_held() {
    let pool = pool(4);
    let mut cache = pool.cache(4);
    let mbuf = cache.alloc();
    cache.free(mbuf.unwrap());
    assert_eq!(cache.len(), 2);
    assert_eq!(pool.available(), 4);
    drop(cache);
    let mbufs: Vec<Mbuf> = std::iter::from_fn(|| pool.alloc()).collect();
    assert_eq!(mbufs.len(), 4);
    // The counter of the cache that has gone serves the next one, and starts from 0.
    let mut next = pool.cache(4);
    assert_eq!(pool.live(), 4);
    for mbuf in mbufs {
        next.free(mbuf);
    }
    assert_eq!(pool.live(), 0);
}

#[test]
fn a_packet_of_another_pool_goes_home() {
    let (ours, theirs) = (pool(2), pool(2));
    let mut cache = ours.cache(2);
    cache.free(theirs.alloc().unwrap());
    assert!(cache.is_empty());
    assert!(theirs.is_full());
    let both: Vec<Mbuf> = std::iter::from_fn(|| theirs.alloc()).collect();
    assert_eq!(both.len(), 2);
}

#[test]
fn many_are_freed_at_once_each_to_its_own_pool() {
    let (ours, theirs) = (pool(5), pool(3));
    let from = |pool: &Pool, n: usize| -> Vec<Mbuf> { (0..n).map(|_| pool.alloc().unwrap()).collect() };
    let kept = ours.alloc().unwrap();
    let mut mixed = from(&ours, 3);
    mixed.insert(1, theirs.alloc().unwrap());
    mixed.insert(2, theirs.alloc().unwrap());
    mixed.push(kept.clone());
    Mbuf::free_all(mixed);
    assert_eq!((ours.live(), theirs.live()), (1, 0));
    drop(kept);
    assert_eq!((from(&ours, 5).len(), from(&theirs, 3).len()), (5, 3));
    assert!(ours.is_full() && theirs.is_full());
}

#[test]
fn a_shared_packet_is_freed_once() {
    let pool = pool(2);
    let mut cache = pool.cache(2);
    let mbuf = cache.alloc().unwrap();
    let clone = mbuf.clone();
    cache.free(mbuf);
    assert_eq!((cache.len(), pool.live()), (0, 1));
    cache.free(clone);
    assert_eq!((cache.len(), pool.live()), (1, 0));
}

#[test]
fn a_packet_outlives_its_pool_and_its_cache() {
    let pool = pool(2);
    let mut cache = pool.cache(2);
    let mut mbuf = cache.alloc().unwrap();
    assert!(mbuf.extend_from_slice(b"still here"));
    let clone = mbuf.clone();
    drop(pool);
    drop(cache);
    drop(mbuf);
    assert_eq!(clone.data(), b"still here");
}

#[test]
fn packets_that_cross_threads_all_come_home() {
    const PACKETS: u32 = if cfg!(miri) { 200 } else { 100_000 };
    let pool = pool(64);
    thread::scope(|scope| {
        for producer in 0..2u32 {
            let (sender, receiver) = mpsc::sync_channel::<Mbuf>(16);
            let (source, sink) = (pool.clone(), pool.clone());
            scope.spawn(move || {
                let mut cache = source.cache(8);
                let mut sent = 0;
                while sent < PACKETS {
                    // Half by the cache and half by the shared stack, some shared across the threads.
                    let mbuf = if sent % 2 == 0 { cache.alloc() } else { source.alloc() };
                    let Some(mut mbuf) = mbuf else {
                        thread::yield_now();
                        continue;
                    };
                    mbuf.append(8)
                        .unwrap()
                        .copy_from_slice(&(u64::from(producer) << 32 | u64::from(sent)).to_be_bytes());
                    let clone = (sent % 3 == 0).then(|| mbuf.clone());
                    sender.send(mbuf).unwrap();
                    if let Some(clone) = clone {
                        assert_eq!(clone.data()[4..], sent.to_be_bytes());
                        cache.free(clone);
                    }
                    sent += 1;
                }
            });
            scope.spawn(move || {
                let mut cache = sink.cache(8);
                for (expected, mut mbuf) in receiver.into_iter().enumerate() {
                    let bytes = (u64::from(producer) << 32 | expected as u64).to_be_bytes();
                    assert_eq!(mbuf.data(), bytes, "a buffer was given out twice");
                    if let Some(data) = mbuf.data_mut() {
                        data.fill(0xff);
                    }
                    match expected % 3 {
                        0 => cache.free(mbuf),
                        1 => drop(mbuf),
                        _ => Mbuf::free_all([mbuf]),
                    }
                }
            });
        }
    });
    assert!(pool.is_full());
    let all: Vec<Mbuf> = std::iter::from_fn(|| pool.alloc()).collect();
    assert_eq!(all.len(), 64, "every buffer is on the stack once");
}

#[test]
fn two_clones_that_go_at_the_same_moment_leave_one_buffer_that_is_nobodys() {
    const ROUNDS: u32 = if cfg!(miri) { 50 } else { 20_000 };
    let pool = pool(1);
    let turn = AtomicU32::new(0);
    let (sender, receiver) = mpsc::channel::<Mbuf>();
    thread::scope(|scope| {
        let turn = &turn;
        scope.spawn(move || {
            for (round, clone) in (1..).zip(receiver) {
                await_turn(turn, round);
                drop(clone);
                turn.fetch_add(ROUNDS, Ordering::Release);
            }
        });
        for round in 1..=ROUNDS {
            let mut mbuf = pool.alloc().expect("both clones of the last round have gone");
            assert!(mbuf.extend_from_slice(b"alone"), "a new packet is nobody else's");
            sender.send(mbuf.clone()).unwrap();
            turn.store(round, Ordering::Release);
            drop(mbuf);
            await_turn(turn, round + ROUNDS);
        }
        drop(sender);
    });
    assert!(pool.is_full());
}

#[test]
fn no_buffer_is_given_out_twice_however_threads_interleave() {
    // Few buffers and many threads: slots come back to the top of the stack while others are looking at it.
    const ROUNDS: u32 = if cfg!(miri) { 50 } else { 150_000 };
    let pool = pool(3);
    thread::scope(|scope| {
        for thread in 0..4u32 {
            let pool = &pool;
            scope.spawn(move || {
                for round in 0..ROUNDS {
                    let stamp = (u64::from(thread) << 32 | u64::from(round)).to_be_bytes();
                    let mut mbufs = [pool.alloc(), pool.alloc()];
                    for mbuf in mbufs.iter_mut().flatten() {
                        assert!(mbuf.extend_from_slice(&stamp));
                    }
                    if round % 2 == 0 {
                        mbufs.swap(0, 1);
                    }
                    for mbuf in mbufs.into_iter().flatten() {
                        assert_eq!(mbuf.data(), stamp);
                    }
                }
            });
        }
    });
    assert!(pool.is_full());
    let all: Vec<Mbuf> = std::iter::from_fn(|| pool.alloc()).take(4).collect();
    assert_eq!(all.len(), 3);
}

#[test]
fn whoever_goes_last_frees_the_slab() {
    // Under Miri or a leak checker this shows that it is freed once; here, that nothing is used after.
    for round in 0..if cfg!(miri) { 8 } else { 2_000u32 } {
        let pool = pool(8);
        let mbufs: Vec<Mbuf> = (0..4).map(|_| pool.alloc().unwrap()).collect();
        let mut cache = pool.cache(4);
        cache.free(pool.alloc().unwrap());
        thread::scope(|scope| {
            scope.spawn(|| drop(mbufs));
            scope.spawn(|| drop(cache));
            if round % 2 == 0 {
                scope.spawn(|| drop(pool));
            } else {
                drop(pool);
            }
        });
    }
}

/// One thing done to the pool; numbers pick among what is there.
#[derive(Clone, Debug)]
enum Step {
    Alloc,
    AllocCached(bool),
    Clone(usize),
    Drop(usize),
    Free(usize, bool),
    Copy(usize, bool),
    Append(usize, Vec<u8>),
    Prepend(usize, Vec<u8>),
    TrimFront(usize, usize),
    TrimBack(usize, usize),
    Write(usize, u8),
    NewCache(bool, usize),
}

/// What a packet should hold: its bytes, and which buffer they are in.
struct Model {
    bytes: Vec<u8>,
    headroom: usize,
    buffer: u32,
}

proptest! {
    #![proptest_config(ProptestConfig { cases: if cfg!(miri) { 4 } else { 256 }, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_pool_does_what_its_model_does(steps in vec(step(), 1..120)) {
        const BUFFERS: usize = 12;
        const SIZE: usize = 64;
        const HEADROOM: usize = 16;
        let pool = pool(BUFFERS as u32);
        let mut caches = [pool.cache(2), pool.cache(5)];
        let mut live: Vec<(Mbuf, Model)> = Vec::new();
        let mut shares: HashMap<u32, usize> = HashMap::new();
        let mut next = 0;
        let mut refused = 0;
        for step in steps {
            let count = live.len();
            let pick = |n: usize| (count > 0).then(|| n % count.max(1));
            match step {
                Step::Alloc | Step::AllocCached(_) | Step::Copy(..) => {
                    let (free, mbuf, bytes) = match step {
                        Step::Alloc => {
                            let stranded: usize = caches.iter().map(Cache::len).sum();
                            (BUFFERS - shares.len() - stranded, pool.alloc(), Vec::new())
                        }
                        Step::AllocCached(which) => {
                            let stranded = caches[usize::from(!which)].len();
                            (BUFFERS - shares.len() - stranded, caches[usize::from(which)].alloc(), Vec::new())
                        }
                        Step::Copy(n, which) => {
                            let Some(n) = pick(n) else { continue };
                            if live[n].1.bytes.len() > SIZE - HEADROOM {
                                prop_assert!(live[n].0.copy(&mut caches[usize::from(which)]).is_none());
                                continue;
                            }
                            let stranded = caches[usize::from(!which)].len();
                            let copy = live[n].0.copy(&mut caches[usize::from(which)]);
                            (BUFFERS - shares.len() - stranded, copy, live[n].1.bytes.clone())
                        }
                        _ => unreachable!(),
                    };
                    prop_assert_eq!(mbuf.is_some(), free > 0);
                    match mbuf {
                        Some(mbuf) => {
                            live.push((mbuf, Model { bytes, headroom: HEADROOM, buffer: next }));
                            shares.insert(next, 1);
                            next += 1;
                        }
                        None => refused += 1,
                    }
                }
                Step::Clone(n) => if let Some(n) = pick(n) {
                    let (mbuf, model) = &live[n];
                    let Model { ref bytes, headroom, buffer } = *model;
                    let clone = (mbuf.clone(), Model { bytes: bytes.clone(), headroom, buffer });
                    *shares.get_mut(&buffer).unwrap() += 1;
                    live.push(clone);
                },
                Step::Drop(_) | Step::Free(..) => {
                    let (Step::Drop(n) | Step::Free(n, _)) = step else { unreachable!() };
                    let Some(n) = pick(n) else { continue };
                    let (mbuf, model) = live.swap_remove(n);
                    let left = shares.get_mut(&model.buffer).unwrap();
                    *left -= 1;
                    if *left == 0 {
                        shares.remove(&model.buffer);
                    }
                    match step {
                        Step::Free(_, which) => caches[usize::from(which)].free(mbuf),
                        _ => drop(mbuf),
                    }
                }
                Step::Append(n, new) => if let Some(n) = pick(n) {
                    let (mbuf, model) = &mut live[n];
                    let fits = new.len() <= SIZE - model.headroom - model.bytes.len() && shares[&model.buffer] == 1;
                    prop_assert_eq!(mbuf.extend_from_slice(&new), fits);
                    if fits {
                        model.bytes.extend(new);
                    }
                },
                Step::Prepend(n, new) => if let Some(n) = pick(n) {
                    let (mbuf, model) = &mut live[n];
                    let fits = new.len() <= model.headroom && shares[&model.buffer] == 1;
                    let room = mbuf.prepend(new.len());
                    prop_assert_eq!(room.is_some(), fits);
                    if let Some(room) = room {
                        room.copy_from_slice(&new);
                        model.headroom -= new.len();
                        model.bytes.splice(0..0, new);
                    }
                },
                Step::TrimFront(n, by) => if let Some(n) = pick(n) {
                    let (mbuf, model) = &mut live[n];
                    mbuf.trim_front(by);
                    let by = by.min(model.bytes.len());
                    model.bytes.drain(..by);
                    model.headroom += by;
                },
                Step::TrimBack(n, by) => if let Some(n) = pick(n) {
                    let (mbuf, model) = &mut live[n];
                    mbuf.trim_back(by);
                    model.bytes.truncate(model.bytes.len().saturating_sub(by));
                },
                Step::Write(n, byte) => if let Some(n) = pick(n) {
                    let (mbuf, model) = &mut live[n];
                    let data = mbuf.data_mut();
                    prop_assert_eq!(data.is_some(), shares[&model.buffer] == 1);
                    if let Some(data) = data {
                        data.fill(byte);
                        model.bytes.fill(byte);
                    }
                },
                Step::NewCache(which, size) => caches[usize::from(which)] = pool.cache(size),
            }
            for (mbuf, model) in &live {
                prop_assert_eq!(mbuf.data(), &model.bytes[..]);
                prop_assert_eq!(mbuf.headroom(), model.headroom);
                prop_assert_eq!(mbuf.tailroom(), SIZE - model.headroom - model.bytes.len());
                prop_assert_eq!(mbuf.is_shared(), shares[&model.buffer] > 1);
            }
            prop_assert_eq!(pool.live(), shares.len());
            prop_assert_eq!(pool.available(), BUFFERS - shares.len());
            prop_assert_eq!(pool.refused(), refused);
        }
        drop(live);
        prop_assert!(pool.is_full());
        drop(caches);
        let all: Vec<Mbuf> = std::iter::from_fn(|| pool.alloc()).collect();
        prop_assert_eq!(all.len(), BUFFERS);
    }
}

fn step() -> impl Strategy<Value = Step> {
    let bytes = || vec(any::<u8>(), 0..40);
    let which = any::<usize>;
    prop_oneof![
        2 => Just(Step::Alloc),
        4 => any::<bool>().prop_map(Step::AllocCached),
        2 => which().prop_map(Step::Clone),
        2 => which().prop_map(Step::Drop),
        3 => (which(), any::<bool>()).prop_map(|(n, c)| Step::Free(n, c)),
        1 => (which(), any::<bool>()).prop_map(|(n, c)| Step::Copy(n, c)),
        3 => (which(), bytes()).prop_map(|(n, b)| Step::Append(n, b)),
        2 => (which(), vec(any::<u8>(), 0..12)).prop_map(|(n, b)| Step::Prepend(n, b)),
        1 => (which(), 0..30usize).prop_map(|(n, k)| Step::TrimFront(n, k)),
        1 => (which(), 0..30usize).prop_map(|(n, k)| Step::TrimBack(n, k)),
        1 => (which(), any::<u8>()).prop_map(|(n, b)| Step::Write(n, b)),
        1 => (any::<bool>(), 0..9usize).prop_map(|(n, k)| Step::NewCache(n, k)),
    ]
}

/// Spins for as long as the other thread may be running, then lets it run.
fn await_turn(turn: &AtomicU32, expected: u32) {
    for spins in 0u32.. {
        if turn.load(Ordering::Acquire) == expected {
            return;
        }
        if spins < 2_000 { std::hint::spin_loop() } else { thread::yield_now() }
    }
}

fn pool(buffers: u32) -> Pool {
    Pool::new(PoolConfig { buffers, size: 64, headroom: 16 }).unwrap()
}
