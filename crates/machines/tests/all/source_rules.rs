//! Source address selection, rule by rule (RFC 6724 s4, s5, s2.1; the examples of s10.1).

use std::net::Ipv6Addr;

use proptest::prelude::*;
use siding_machines::source::*;

/// Interfaces are plain numbers here; 1 is the outgoing one.
const OUT: u16 = 1;

fn ip(text: &str) -> Ipv6Addr {
    text.parse().expect("address")
}

fn on(addr: &str) -> Candidate<u16> {
    Candidate {
        addr: ip(addr),
        prefix_len: 64,
        interface: OUT,
        deprecated: false,
        temporary: false,
        mobility: Mobility::Both,
        next_hop_match: false,
    }
}

fn chosen(dst: &str, candidates: &[Candidate<u16>], prefer: Preferences) -> Option<String> {
    let policy = Policy::default();
    let forward = select(ip(dst), OUT, candidates, &policy, prefer).map(|c| c.addr);
    let reversed: Vec<_> = candidates.iter().rev().copied().collect();
    let backward = select(ip(dst), OUT, &reversed, &policy, prefer).map(|c| c.addr);
    assert_eq!(forward, backward, "{dst}: the order of the list decided");
    forward.map(|addr| addr.to_string())
}

/// `a` is chosen before `b`, in either order of the list.
fn prefers(dst: &str, a: Candidate<u16>, b: Candidate<u16>) {
    assert_eq!(chosen(dst, &[a, b], Preferences::default()), Some(a.addr.to_string()), "{dst}: not {a:?}");
}

#[test]
fn rule_1_same_address_6724_2() {
    let mut same = on("2001:db8::1");
    same.deprecated = true;
    prefers("2001:db8::1", same, on("2001:db8::2"));
}

#[test]
fn rule_2_appropriate_scope_6724_2() {
    let (link, site, global) = (on("fe80::1"), on("fec0::1"), on("2001:db8::1"));
    prefers("2001:db8:9::1", global, link);
    prefers("2001:db8:9::1", global, site);
    prefers("2001:db8:9::1", site, link);
    prefers("fe80::9", link, global);
    prefers("fec0:0:0:9::1", site, link);
    prefers("fec0:0:0:9::1", site, global);
    // Groups by their own scope; a unique local address has global scope.
    prefers("ff02::9", link, global);
    prefers("ff05::9", site, link);
    prefers("ff08::9", global, site);
    prefers("ff0e::9", on("fd00::1"), link);
    prefers("ff01::9", link, global);
}

#[test]
fn rule_3_avoid_deprecated_6724_2() {
    let mut old = on("2001:db8:9::1");
    old.deprecated = true;
    prefers("2001:db8:9::2", on("2001:db8::1"), old);
    // Scope still comes first.
    old.addr = ip("2001:db8::1");
    prefers("2001:db8:9::2", old, on("fe80::1"));
}

#[test]
fn rule_4_home_addresses_and_its_reverse_6724_2() {
    let with = |addr, mobility| Candidate { mobility, ..on(addr) };
    let both = with("2001:db8:1::1", Mobility::Both);
    let home = with("2001:db8:2::1", Mobility::Home);
    let care_of = with("2001:db8:9::1", Mobility::CareOf);
    prefers("2001:db8:9::2", both, home);
    prefers("2001:db8:9::2", both, care_of);
    prefers("2001:db8:9::2", home, care_of);
    let reversed = Preferences { home: false, ..Preferences::default() };
    assert_eq!(chosen("2001:db8:2::2", &[home, care_of], reversed), Some("2001:db8:9::1".into()));
    assert_eq!(chosen("2001:db8:2::2", &[home, care_of, both], reversed), Some("2001:db8:1::1".into()));
}

#[test]
fn rule_5_outgoing_interface_6724_2() {
    let elsewhere = Candidate { interface: 2, next_hop_match: true, ..on("2001:db8:9::1") };
    prefers("2001:db8:9::2", on("2001:db8::1"), elsewhere);
}

#[test]
fn rule_5_5_prefix_of_the_next_hop_6724_2() {
    let of_router = Candidate { next_hop_match: true, ..on("fd00::1") };
    prefers("2001:db8:9::2", of_router, on("2001:db8:9::1"));
}

#[test]
fn rule_6_matching_label_6724_2() {
    prefers("2002:c633:6401::1", on("2002:c633:6401::2"), on("2001:db8::1"));
    prefers("fd00:1::1", on("fdff::1"), on("2001:db8::1"));
    prefers("2001:db8::1", on("2001:db9::1"), on("fd00::1"));
    // The label beats what rule 7 would say.
    prefers("fd00:1::1", on("fdff::1"), Candidate { temporary: true, ..on("2001:db8::1") });
}

#[test]
fn rule_7_temporary_and_its_reverse_6724_2() {
    let temporary = Candidate { temporary: true, ..on("2001:db8::d5e3:1") };
    let public = on("2001:db8:9::1");
    prefers("2001:db8:9::2", temporary, public);
    let reversed = Preferences { temporary: false, ..Preferences::default() };
    let near = Candidate { temporary: true, ..on("2001:db8:9::5") };
    assert_eq!(chosen("2001:db8:9::2", &[near, on("2001:db8::1")], reversed), Some("2001:db8::1".into()));
}

#[test]
fn rule_8_longest_prefix_up_to_the_sources_own_6724_2() {
    prefers("2001:db8:1::9", on("2001:db8:1::2"), on("2001:db8:3::2"));
    // ::8 shares more bits with ::9 than ::2 does, but both prefixes end at 64: a tie, and the first in the list.
    let (first, second) = (on("2001:db8:1::2"), on("2001:db8:1::8"));
    let policy = Policy::default();
    for [a, b] in [[first, second], [second, first]] {
        let list = [a, b];
        let got = select(ip("2001:db8:1::9"), OUT, &list, &policy, Preferences::default());
        assert_eq!(got, Some(&a));
    }
    prefers("2001:db8:1::9", Candidate { prefix_len: 128, ..second }, first);
}

#[test]
fn candidates_for_groups_and_link_local_are_of_the_link_6724_1() {
    let here = on("fe80::1");
    let there = Candidate { interface: 2, ..on("fe80::2") };
    let there_global = Candidate { interface: 2, ..on("2001:db8::2") };
    let none = Preferences::default();
    for dst in ["fe80::9", "ff02::1", "ff0e::1"] {
        assert_eq!(chosen(dst, &[there, there_global], none), None, "{dst}");
        assert_eq!(chosen(dst, &[there, there_global, here], none), Some("fe80::1".into()), "{dst}");
    }
    assert_eq!(chosen("2001:db8:9::1", &[there_global, here], none), Some("2001:db8::2".into()));
}

#[test]
fn group_and_unspecified_are_never_candidates_6724_1() {
    let bad = [on("::"), on("ff02::1"), on("ff0e::1")];
    assert_eq!(chosen("2001:db8::1", &bad, Preferences::default()), None);
    assert_eq!(chosen("ff02::1", &bad, Preferences::default()), None);
    assert!(check(ip("ff02::1"), OUT, &bad, ip("ff02::1")).is_err());
}

#[test]
fn given_source_is_respected_or_an_error_6724_1() {
    let worse = Candidate { deprecated: true, ..on("fe80::1") };
    let there = Candidate { interface: 2, ..on("fe80::2") };
    let list = [on("2001:db8::1"), worse, there];
    assert_eq!(check(ip("2001:db8::9"), OUT, &list, worse.addr), Ok(&worse));
    assert_eq!(check(ip("fe80::9"), OUT, &list, there.addr), Err(NotACandidate(there.addr)));
    assert_eq!(check(ip("fe80::9"), OUT, &list, ip("fe80::3")), Err(NotACandidate(ip("fe80::3"))));
}

#[test]
fn source_that_went_while_queued_is_caught_6724_4() {
    let (dst, policy) = (ip("2001:db8::9"), Policy::default());
    let before = [on("2001:db8::1"), on("2001:db8:1::1")];
    let picked = select(dst, OUT, &before, &policy, Preferences::default()).expect("a source").addr;
    assert_eq!(picked, ip("2001:db8::1"));
    assert!(check(dst, OUT, &before, picked).is_ok());
    assert_eq!(check(dst, OUT, &before[1..], picked), Err(NotACandidate(picked)));
}

#[test]
fn default_policy_table_6724_3() {
    let policy = Policy::default();
    #[rustfmt::skip]
    let rows = [
        ("::1", 50, 0), ("2001:db8::1", 40, 1), ("::ffff:192.0.2.1", 35, 4), ("2002:1::", 30, 2),
        ("2001:0:1::", 5, 5), ("fd12::1", 3, 13), ("fc00::1", 3, 13), ("::192.0.2.1", 1, 3), ("::", 1, 3),
        ("fec0::1", 1, 11), ("3ffe::1", 1, 12), ("fe80::1", 40, 1), ("2001:1::", 40, 1), ("::1:0:0:0", 40, 1),
    ];
    for (addr, precedence, label) in rows {
        let entry = policy.entry(ip(addr)).expect("::/0 matches all");
        assert_eq!((entry.precedence, entry.label), (precedence, label), "{addr}");
    }
    assert_eq!(policy.entries().len(), 9);
}

#[test]
fn policy_is_configurable_6724_3() {
    let line =
        |prefix: &str, label| PolicyEntry { prefix: prefix.parse().expect("prefix"), precedence: 1, label };
    let policy = Policy::new(vec![line("::/0", 1), line("2001:db8:a::/48", 7), line("2001:db8:f::/48", 7)]);
    let list = [on("2001:db8:e::1"), on("2001:db8:a::1")];
    let got = select(ip("2001:db8:f::9"), OUT, &list, &policy, Preferences::default());
    assert_eq!(got, Some(&list[1]), "one label by configuration");
    let usual = select(ip("2001:db8:f::9"), OUT, &list, &Policy::default(), Preferences::default());
    assert_eq!(usual, Some(&list[0]), "otherwise the longer common prefix");
}

#[test]
fn examples_of_section_10_1_6724_2() {
    let default = Preferences::default();
    let home = |addr| Candidate { mobility: Mobility::Home, ..on(addr) };
    let care_of = |addr| Candidate { mobility: Mobility::CareOf, ..on(addr) };
    let temporary = |addr| Candidate { temporary: true, ..on(addr) };
    #[rustfmt::skip]
    let rows: [(&str, Vec<Candidate<u16>>, &str); 8] = [
        ("2001:db8:1::1", vec![on("2001:db8:3::1"), on("fe80::1")], "2001:db8:3::1"),
        ("ff05::1", vec![on("2001:db8:3::1"), on("fe80::1")], "2001:db8:3::1"),
        ("2001:db8:1::1", vec![Candidate { deprecated: true, ..on("2001:db8:1::1") }, on("2001:db8:3::1")], "2001:db8:1::1"),
        ("fe80::1", vec![Candidate { deprecated: true, ..on("fe80::2") }, on("2001:db8:1::1")], "fe80::2"),
        ("2001:db8:1::1", vec![on("2001:db8:1::2"), on("2001:db8:3::2")], "2001:db8:1::2"),
        ("2001:db8:1::1", vec![care_of("2001:db8:1::2"), home("2001:db8:3::2")], "2001:db8:3::2"),
        ("2002:c633:6401::1", vec![on("2002:c633:6401::d5e3:7953:13eb:22e8"), temporary("2001:db8:1::2")], "2002:c633:6401:0:d5e3:7953:13eb:22e8"),
        ("2001:db8:1::d5e3:0:0:1", vec![on("2001:db8:1::2"), temporary("2001:db8:1::d5e3:7953:13eb:22e8")], "2001:db8:1:0:d5e3:7953:13eb:22e8"),
    ];
    for (dst, list, expected) in rows {
        assert_eq!(
            chosen(dst, &list, default).map(|addr| ip(&addr)),
            Some(ip(expected)),
            "{dst} from {list:?}"
        );
    }
}

fn candidate() -> impl Strategy<Value = Candidate<u16>> {
    let addrs =
        ["fe80::1", "fec0::1", "2001:db8::1", "2001:db8:1::1", "2002:1::1", "fd00::1", "ff02::5", "::"];
    let flags = (any::<bool>(), any::<bool>(), any::<bool>(), 0..3u8, 1..3u16, 0..=128u8);
    (prop::sample::select(addrs.to_vec()), flags).prop_map(
        |(addr, (deprecated, temporary, next_hop_match, mobility, interface, prefix_len))| Candidate {
            prefix_len,
            interface,
            deprecated,
            temporary,
            next_hop_match,
            mobility: [Mobility::Both, Mobility::Home, Mobility::CareOf][usize::from(mobility)],
            ..on(addr)
        },
    )
}

proptest! {
    /// The winner beats or ties with every other taken alone, so the rules form an order and no candidate that
    /// merely comes between two others changes the outcome.
    #[test]
    fn the_winner_loses_to_nobody_6724_2(
        list in prop::collection::vec(candidate(), 1..12),
        dst in prop::sample::select(vec!["fe80::9", "ff02::9", "ff0e::9", "2001:db8:1::9", "2002:1::9", "fd00::9"]),
    ) {
        let (dst, policy, prefer) = (ip(dst), Policy::default(), Preferences::default());
        if let Some(winner) = select(dst, OUT, &list, &policy, prefer) {
            prop_assert!(check(dst, OUT, &list, winner.addr).is_ok());
            for other in &list {
                let pair = [*winner, *other];
                prop_assert_eq!(select(dst, OUT, &pair, &policy, prefer), Some(winner));
            }
        } else {
            prop_assert!(list.iter().all(|c| check(dst, OUT, &list, c.addr).is_err()));
        }
    }
}
