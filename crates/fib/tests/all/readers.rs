//! Real threads look things up while the table changes.

use std::net::Ipv4Addr;
use std::net::Ipv6Addr;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering;

use crate::util::Bits;
use crate::util::Dice;
use crate::util::masked;
use crate::util::meaning;
use crate::util::prefix_of;
use siding_fib::Keeper;

/// Some prefixes stay, many come and go. Whatever a reader finds is whole, contains what it asked for, and is no shorter
/// than what has been there all the time.
fn churn<K: Bits>(changes: usize, seed: u64) {
    let mut keeper = Keeper::<K>::new();
    let trie = keeper.trie().clone();
    let mut dice = Dice(seed);
    let lengths = K::lengths();
    // Few different upper bytes, so that much lies within each other.
    let random = |dice: &mut Dice| {
        let upper = [0x20, 0x2a, 10, 192][dice.below(4)] << 120 | (dice.below(3) as u128) << 112;
        let lower = u128::from(dice.roll()) << 64 | u128::from(dice.roll());
        upper | lower & (u128::MAX >> 16) & !(0xf3_u128 << 104)
    };
    let mut stays = Vec::new();
    for _ in 0..300 {
        let (bits, len) = (random(&mut dice), lengths[dice.below(lengths.len())]);
        let value = keeper.make(meaning(bits, len, 0)).expect("memory, and what is there");
        if keeper.insert(K::of(bits), len, value).expect("memory, and what is there").is_none() {
            stays.push((masked(bits, len), len, bits));
        }
    }
    let done = AtomicBool::new(false);
    let (found, comes_and_goes) = std::thread::scope(|scope| {
        let readers: Vec<_> = (0..3_u64)
            .map(|reader| {
                let (trie, stays, done) = (&trie, &stays, &done);
                scope.spawn(move || {
                    let mut dice = Dice(seed ^ (reader + 1) << 20);
                    let mut found = 0_u64;
                    while !done.load(Ordering::Relaxed) {
                        let (_, least, below) = stays[dice.below(stays.len())];
                        let bits = masked(below, 64) | u128::from(dice.roll()) & (u128::MAX >> 64);
                        let bits = if least > 64 { below } else { bits };
                        let bits = masked(bits, 8 * K::BYTES as u8);
                        let (best, all) = trie.read(|table| {
                            let best = table.lookup(K::of(bits)).map(|value| table.meaning(value));
                            let mut all = Vec::new();
                            table.covering(K::of(bits), |len, value| all.push((len, table.meaning(value))));
                            (best, all)
                        });
                        let (prefix, len) = prefix_of(best.expect("something stays")).expect("whole");
                        assert_eq!(prefix, masked(bits, len), "what was found contains what was asked for");
                        assert!(len >= least, "{len} found, and {least} has been there all the time");
                        for (len, meaning) in &all {
                            assert_eq!(prefix_of(*meaning), Some((masked(bits, *len), *len)));
                        }
                        assert!(all.iter().any(|(len, _)| *len == least));
                        found += 1;
                    }
                    found
                })
            })
            .collect();
        let mut there: Vec<(u128, u8)> = Vec::new();
        let mut gone = 0;
        for version in 0..changes {
            let is_full = there.len() > 3000 || (there.len() > 100 && dice.below(100) < 48);
            if is_full {
                let (bits, len) = there.swap_remove(dice.below(there.len()));
                // It may have come twice.
                if let Some(old) = keeper.remove(K::of(bits), len).expect("memory, and what is there") {
                    keeper.release(old);
                    gone += 1;
                }
                continue;
            }
            let (bits, len) = (random(&mut dice), lengths[dice.below(lengths.len())]);
            let value = keeper.make(meaning(bits, len, version as u32)).expect("memory, and what is there");
            let old = keeper.insert(K::of(bits), len, value).expect("memory, and what is there");
            if let Some(old) = old {
                keeper.release(old);
            } else if !stays.iter().any(|(prefix, there, _)| (*prefix, *there) == (masked(bits, len), len)) {
                there.push((bits, len));
            }
        }
        done.store(true, Ordering::Relaxed);
        let found: u64 = readers.into_iter().map(|reader| reader.join().expect("no panic")).sum();
        (found, gone)
    });
    assert!(found > 1000 && comes_and_goes > changes / 5, "{found} look-ups, {comes_and_goes} removed");
}

#[test]
fn readers_find_what_is_there_while_ip6_changes() {
    churn::<Ipv6Addr>(60_000, 0x5eed_0006);
}

#[test]
fn readers_find_what_is_there_while_ip4_changes() {
    churn::<Ipv4Addr>(60_000, 0x5eed_0004);
}

/// The one prefix takes over from the other and gives back: the new one comes first, then the old one goes. At each moment
/// one of the two is there, and a reader never finds none, one by one or in batches.
#[test]
fn one_of_two_is_always_found() {
    let mut keeper = Keeper::<Ipv6Addr>::new();
    let trie = keeper.trie().clone();
    let bits = 0x2001_0db8_0001_u128 << 80;
    let lengths = [0, 48, 16, 64, 32];
    let put = |keeper: &mut Keeper<Ipv6Addr>, len: u8| {
        let value = keeper.make(meaning(bits, len, 0)).expect("memory");
        assert_eq!(keeper.insert(Ipv6Addr::of(bits), len, value), Ok(None));
    };
    put(&mut keeper, lengths[0]);
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let readers: Vec<_> = (0..2)
            .map(|_| {
                scope.spawn(|| {
                    let keys = [Ipv6Addr::of(bits); 32];
                    while !done.load(Ordering::Relaxed) {
                        assert!(trie.lookup(keys[0]).is_some());
                        let mut found = [None; 32];
                        trie.lookup_all(&keys, &mut found);
                        assert!(found.iter().all(Option::is_some));
                    }
                })
            })
            .collect();
        for step in 0..200_000 {
            put(&mut keeper, lengths[(step + 1) % lengths.len()]);
            let old = keeper.remove(Ipv6Addr::of(bits), lengths[step % lengths.len()]).expect("memory");
            keeper.release(old.expect("it was there"));
        }
        done.store(true, Ordering::Relaxed);
        readers.into_iter().for_each(|reader| reader.join().expect("one is always there"));
    });
}

/// Who remembers what values stood for, and forgets it when the table has changed, is never wrong: however soon their memory is
/// used for others.
#[test]
fn a_value_stands_for_the_same_thing_while_nothing_has_changed() {
    let mut keeper = Keeper::<Ipv4Addr>::new();
    let trie = keeper.trie().clone();
    let bits = |subnet: usize| (0x0a00_0000_u128 | (subnet as u128) << 8) << 96;
    let keys: Vec<Ipv4Addr> = (0..8).map(|subnet| Ipv4Addr::of(bits(subnet))).collect();
    let done = AtomicBool::new(false);
    let remembered = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        let readers: Vec<_> = (0..2)
            .map(|_| {
                scope.spawn(|| {
                    let mut known = std::collections::HashMap::new();
                    let mut of = 0;
                    while !done.load(Ordering::Relaxed) {
                        let before = trie.changes();
                        if before != of {
                            known.clear();
                            of = before;
                        }
                        let mut found = [None; 8];
                        trie.lookup_all(&keys, &mut found);
                        if trie.changes() != before {
                            continue;
                        }
                        for (key, value) in keys.iter().zip(found) {
                            let Some(value) = value else { continue };
                            if let Some(prefix) = known.get(&value) {
                                assert_eq!(*prefix, *key, "{value:?} was remembered for another");
                                remembered.fetch_add(1, Ordering::Relaxed);
                                continue;
                            }
                            let meant = trie.read(|table| {
                                let value = table.lookup(*key)?;
                                Some((value, table.meaning(value)))
                            });
                            if let Some((again, meaning)) = meant
                                && again == value
                                && trie.changes() == before
                            {
                                assert_eq!(
                                    prefix_of(meaning),
                                    Some((masked(u128::from(key.to_bits()) << 96, 24), 24))
                                );
                                known.insert(value, *key);
                            }
                        }
                    }
                })
            })
            .collect();
        let mut dice = Dice(7);
        let mut there = [None; 8];
        for _ in 0..400_000 {
            let subnet = dice.below(8);
            if there[subnet].take().is_some() {
                let old = keeper.remove(keys[subnet], 24).expect("memory").expect("it was there");
                keeper.release(old);
            } else {
                let value = keeper.make(meaning(bits(subnet), 24, 0)).expect("memory");
                assert_eq!(keeper.insert(keys[subnet], 24, value), Ok(None));
                there[subnet] = Some(value);
            }
            // Now and then they have time to remember something.
            if dice.below(1000) == 0 {
                std::thread::sleep(std::time::Duration::from_micros(50));
            }
        }
        done.store(true, Ordering::Relaxed);
        readers.into_iter().for_each(|reader| reader.join().expect("nothing was mistaken"));
    });
    assert!(remembered.load(Ordering::Relaxed) > 100, "{remembered:?}: too few to say much");
}

/// Look-ups that take longer than anything that the keeper does come to an end all the same, while it goes on.
#[test]
fn readers_that_are_overtaken_by_each_change_are_waited_for() {
    let mut keeper = Keeper::<Ipv4Addr>::new();
    let trie = keeper.trie().clone();
    let left = AtomicUsize::new(2 * LONG_READS);
    let begun = std::time::Instant::now();
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                for _ in 0..LONG_READS {
                    // Some milliseconds, and thousands of changes.
                    trie.read(|_| (0..200_000).for_each(|_| std::hint::spin_loop()));
                    left.fetch_sub(1, Ordering::Relaxed);
                }
            });
        }
        let mut changes = 0_u64;
        while left.load(Ordering::Relaxed) > 0 {
            assert!(begun.elapsed().as_secs() < 60, "{changes} changes, and no end");
            // There is none, and the clock moves.
            let _ = keeper.remove(Ipv4Addr::UNSPECIFIED, 8);
            changes += 1;
        }
        assert!(changes > 100, "{changes}: whom nobody overtakes needs no patience");
    });
}

/// Long look-ups of each reader.
const LONG_READS: usize = 3;
