//! The table beside one that looks at every length.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::net::Ipv6Addr;

use crate::util::Bits;
use crate::util::Oracle;
use crate::util::Rootless;
use crate::util::Small;
use crate::util::masked;
use crate::util::meaning;
use proptest::prelude::*;
use siding_fib::Keeper;
use siding_fib::Value;

/// Put a prefix in, with a value of its own, or take it out.
type Change = (bool, u128, u8);

/// Bits near each other, so that prefixes lie within each other: few different bytes, and at the end some others.
fn bits() -> impl Strategy<Value = u128> {
    let near =
        proptest::collection::vec(prop_oneof![Just(0x20_u8), Just(0), Just(255), 0..4_u8, any::<u8>()], 16);
    near.prop_map(|bytes| bytes.into_iter().fold(0, |bits, byte| bits << 8 | u128::from(byte)))
}

fn changes<K: Bits>() -> impl Strategy<Value = Vec<Change>> {
    let len = prop_oneof![proptest::sample::select(K::lengths()), 0..=8 * K::BYTES as u8];
    proptest::collection::vec((proptest::bool::weighted(0.7), bits(), len), 1..300)
}

/// Makes the changes in both, and compares all that can be asked.
fn compare<K: Bits>(changes: &[Change], asked: &[u128]) -> Result<(), TestCaseError> {
    let mut keeper = Keeper::<K>::new();
    let trie = keeper.trie().clone();
    let mut oracle = Oracle::default();
    let mut values: BTreeMap<Value, u32> = BTreeMap::new();
    for (version, (is_insert, bits, len)) in (1..).zip(changes) {
        let (key, at) = (K::of(*bits), (*len, masked(*bits, *len)));
        let (old, expected) = if *is_insert {
            let value = keeper.make(meaning(*bits, *len, version)).expect("memory, and what is there");
            prop_assert_eq!(values.insert(value, version), None, "a value that is in use");
            (
                keeper.insert(key, *len, value).expect("memory, and what is there"),
                oracle.0.insert(at, version),
            )
        } else {
            (keeper.remove(key, *len).expect("memory, and what is there"), oracle.0.remove(&at))
        };
        prop_assert_eq!(old.map(|old| values[&old]), expected);
        if let Some(old) = old {
            keeper.release(old);
            values.remove(&old);
        }
        prop_assert_eq!(keeper.len(), oracle.0.len());
        // Around what has changed, and anywhere.
        let near = [*bits, masked(*bits, *len), !masked(!*bits, *len), masked(*bits, *len).wrapping_sub(1)];
        for bits in near.iter().chain(&asked[version as usize % asked.len()..][..1]) {
            let all = oracle.covering(masked(*bits, 8 * K::BYTES as u8));
            let expected = all.last().map(|last| last.1);
            let found = trie.lookup(K::of(*bits));
            prop_assert_eq!(found.map(|value| values[&value]), expected, "{:?}", K::of(*bits));
            let covering = trie.read(|table| {
                let mut covering = Vec::new();
                table.covering(K::of(*bits), |len, value| covering.push((len, values[&value])));
                covering
            });
            prop_assert_eq!(covering, all);
        }
    }
    // For each number of keys: one, a few, and those that go down together.
    let keys: Vec<K> = asked.iter().map(|bits| K::of(*bits)).collect();
    let one_by_one: Vec<_> = keys.iter().map(|key| trie.lookup(*key)).collect();
    let before = one_by_one.iter().flatten().next().copied();
    for many in [1, 2, 5, keys.len()] {
        let many = many.min(keys.len());
        let mut found = vec![before; keys.len()];
        trie.lookup_all(&keys[..many], &mut found);
        prop_assert_eq!(&found[..many], &one_by_one[..many]);
        prop_assert!(found[many..].iter().all(|value| *value == before), "there was no key for these");
    }
    // When all has gone, all memory has come back.
    for (len, bits) in oracle.0.keys() {
        let old = keeper
            .remove(K::of(*bits), *len)
            .expect("memory, and what is there")
            .expect("memory, and what is there");
        keeper.release(old);
    }
    prop_assert_eq!(keeper.bytes().0, Keeper::<K>::new().bytes().0);
    prop_assert!(asked.iter().all(|bits| trie.lookup(K::of(*bits)).is_none()));
    Ok(())
}

/// Puts prefixes in one by one and all at once, in pieces: both tables give the same answers, and have the same size.
fn compare_bulk<K: Bits>(changes: &[Change], piece: usize) -> Result<(), TestCaseError> {
    let (mut one, mut many) = (Keeper::<K>::new(), Keeper::<K>::new());
    let mut meanings = BTreeMap::new();
    for piece in changes.chunks(piece) {
        let mut prefixes: BTreeMap<(u128, u8), ()> = BTreeMap::new();
        prefixes.extend(piece.iter().map(|(_, bits, len)| ((masked(*bits, *len), *len), ())));
        let mut list = Vec::new();
        let mut expected = Vec::new();
        for (bits, len) in prefixes.into_keys() {
            let version = meanings.len() as u32;
            let values =
                [&mut one, &mut many].map(|keeper| keeper.make(meaning(bits, len, version)).expect("memory"));
            meanings.insert(version, values);
            expected.push(one.insert(K::of(bits), len, values[0]).expect("memory"));
            list.push((K::of(bits), len, values[1]));
        }
        let mut had = Vec::new();
        prop_assert_eq!(many.insert_all(&list, &mut had), Ok(()));
        // Values are as those of the other table are that were made for the same.
        let same = |value: Option<Value>, which: usize| {
            value
                .and_then(|value| meanings.iter().find(|(_, values)| values[which] == value))
                .map(|found| *found.0)
        };
        prop_assert_eq!(
            had.iter().map(|old| same(*old, 1)).collect::<Vec<_>>(),
            expected.iter().map(|old| same(*old, 0)).collect::<Vec<_>>()
        );
        prop_assert_eq!(one.len(), many.len());
        for (_, bits, len) in piece {
            for bits in [*bits, masked(*bits, *len), !masked(!*bits, *len)] {
                let found = |keeper: &Keeper<K>| {
                    keeper.trie().read(|table| {
                        let mut all = Vec::new();
                        table.covering(K::of(bits), |len, value| all.push((len, table.meaning(value))));
                        (table.lookup(K::of(bits)).map(|value| table.meaning(value)), all)
                    })
                };
                prop_assert_eq!(found(&one), found(&many), "{:?}", K::of(bits));
            }
        }
    }
    prop_assert_eq!(one.bytes().0, many.bytes().0);
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, ..ProptestConfig::default() })]

    #[test]
    fn ip4_is_as_the_oracle(changes in changes::<Ipv4Addr>(), asked in proptest::collection::vec(bits(), 1..100)) {
        compare::<Ipv4Addr>(&changes, &asked)?;
    }

    #[test]
    fn ip6_is_as_the_oracle(changes in changes::<Ipv6Addr>(), asked in proptest::collection::vec(bits(), 1..100)) {
        compare::<Ipv6Addr>(&changes, &asked)?;
    }

    #[test]
    fn small_roots_are_as_the_oracle(changes in changes::<Small>(), asked in proptest::collection::vec(bits(), 1..100)) {
        compare::<Small>(&changes, &asked)?;
        compare::<Rootless>(&changes, &asked)?;
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 100, ..ProptestConfig::default() })]

    #[test]
    fn many_at_once_are_as_one_by_one(
        six in changes::<Ipv6Addr>(),
        four in changes::<Ipv4Addr>(),
        small in changes::<Small>(),
        piece in 1..300_usize,
    ) {
        compare_bulk::<Ipv6Addr>(&six, piece)?;
        compare_bulk::<Ipv4Addr>(&four, piece)?;
        compare_bulk::<Small>(&small, piece)?;
        compare_bulk::<Rootless>(&small, piece)?;
    }
}

/// Where there may be too little room for all, as many as there is room for have come, and how many is said.
#[test]
fn many_at_once_that_find_no_room_come_as_far_as_there_is_some() {
    let mut keeper = Keeper::<Ipv6Addr>::with_lines(1 << 8);
    let bits = |at: u128| 0x2001_0db8_u128 << 96 | at << 64;
    let list: Vec<_> = (0..300)
        .map_while(|at| Some((Ipv6Addr::of(bits(at)), 64, keeper.make(meaning(bits(at), 64, 0)).ok()?)))
        .collect();
    let mut had = Vec::new();
    let there = keeper.insert_all(&list, &mut had).expect_err("there is no room for all");
    assert_eq!((had.len(), keeper.len()), (there, there));
    for (at, (key, _, value)) in list.iter().enumerate() {
        assert_eq!(keeper.trie().lookup(*key), Some(*value).filter(|_| at < there));
    }
}

/// Every prefix of 8 to 24 bits below one byte, put in and taken out in an order that is neither up nor down: nodes are
/// folded, unfolded and folded again.
#[test]
fn a_node_that_fills_up_and_empties() {
    let mut keeper = Keeper::<Ipv4Addr>::new();
    let trie = keeper.trie().clone();
    let mut oracle = Oracle::default();
    let all: Vec<(u8, u128)> =
        (17..=25).flat_map(|len| (0..1_u128 << (len - 16)).map(move |at| (len, at << (128 - len)))).collect();
    let mut values = BTreeMap::new();
    let turn = |step: usize| all[step * 619 % all.len()];
    let check = |oracle: &Oracle, values: &BTreeMap<Value, u32>, step: usize| {
        for place in (0..512_u128).filter(|place| step.is_multiple_of(100) || *place as usize == step % 512) {
            let bits = place << (128 - 25);
            let found = trie.lookup(Ipv4Addr::of(bits)).map(|value| values[&value]);
            assert_eq!(found, oracle.covering(bits).last().map(|last| last.1), "{:?}", Ipv4Addr::of(bits));
        }
    };
    for step in 0..all.len() {
        let (len, bits) = turn(step);
        let value = keeper.make(meaning(bits, len, 0)).expect("memory, and what is there");
        values.insert(value, step as u32);
        oracle.0.insert((len, bits), step as u32);
        assert_eq!(keeper.insert(Ipv4Addr::of(bits), len, value), Ok(None));
        check(&oracle, &values, step);
    }
    for step in (0..all.len()).rev() {
        let (len, bits) = turn(step);
        oracle.0.remove(&(len, bits));
        assert!(keeper.remove(Ipv4Addr::of(bits), len).expect("memory, and what is there").is_some());
        check(&oracle, &values, step);
    }
    assert!(keeper.is_empty());
}

/// A table with little memory: who is refused has changed nothing, and when something goes there is room again.
#[test]
fn a_full_table_refuses_and_stays_as_it_is() {
    let mut keeper = Keeper::<Ipv6Addr>::with_lines(1 << 10);
    let trie = keeper.trie().clone();
    let mut dice = crate::util::Dice(99);
    let mut oracle = Oracle::default();
    let mut values = BTreeMap::new();
    let mut refused = 0;
    for version in 0..20_000_u32 {
        let len = Ipv6Addr::lengths()[dice.below(Ipv6Addr::lengths().len())];
        let bits = 0x2001_0db8_u128 << 96 | u128::from(dice.roll() & 0xff0f) << 64 | u128::from(dice.roll());
        let before = (keeper.bytes().0, keeper.len(), keeper.values());
        let asked = |oracle: &Oracle| oracle.covering(bits).last().map(|last| last.1);
        let put = keeper.make(meaning(bits, len, version)).and_then(|value| {
            let old = keeper.insert(Ipv6Addr::of(bits), len, value);
            if old.is_err() {
                keeper.release(value);
            }
            old.map(|old| (old, value))
        });
        match put {
            Ok((old, value)) => {
                values.insert(value, version);
                oracle.0.insert((len, masked(bits, len)), version);
                if let Some(old) = old {
                    keeper.release(old);
                }
            }
            Err(_) => {
                refused += 1;
                assert_eq!((keeper.bytes().0, keeper.len(), keeper.values()), before);
                // Something goes, if there is room for that.
                let (len, bits) = *oracle.0.keys().nth(dice.below(oracle.0.len())).expect("it is full");
                if let Ok(old) = keeper.remove(Ipv6Addr::of(bits), len) {
                    keeper.release(old.expect("it was there"));
                    oracle.0.remove(&(len, bits));
                }
            }
        }
        assert_eq!(trie.lookup(Ipv6Addr::of(bits)).map(|value| values[&value]), asked(&oracle));
        assert_eq!(keeper.len(), oracle.0.len());
    }
    assert!(refused > 100, "{refused}");
}
