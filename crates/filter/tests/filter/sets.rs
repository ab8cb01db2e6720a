//! Sets and maps, named and written in place, fixed and changing.

use siding_filter::TableFamily;

use crate::util::*;

const SECOND: u64 = 1_000_000_000;

#[test]
fn intervals_named() {
    let program = program(
        "define NETS = { 2001:db8::/32, 2001:db9::1-2001:db9::5 }
        table inet t {
            set nets { typeof ip6 saddr; flags interval; auto-merge; elements = { $NETS, 2001:db8:1::/48 }; }
            set pairs { type ifname . inet_service; flags interval; elements = { \"wan\" . 1-1023, \"l*\" . 53 }; }
            chain c {
                type filter hook forward priority 0
                ip6 saddr @nets udp dport 1 drop
                iifname . udp dport @pairs udp dport != 1 drop
            }
        }",
    );
    let udp = |src: &str, port| ip6(src, B, 17, &udp(9, port));
    for (src, port, iif, want) in [
        ("2001:db8::7", 1, "wan", true),
        ("2001:db9::5", 1, "wan", true),
        ("2001:db9::6", 1, "wan", false),
        ("2001:db9::6", 1023, "wan", true),
        ("2001:db9::6", 1024, "wan", false),
        ("2001:db9::6", 53, "lan0", true),
        ("2001:db9::6", 54, "lan0", false),
    ] {
        let mut desk = Desk { iif, ..Desk::default() };
        assert_eq!(dropped(&program, &udp(src, port), &mut desk), want, "{src} {port} {iif}");
    }
}

#[test]
fn many_intervals_are_found_as_one_by_one() {
    let mut elements = Vec::new();
    for n in 0..2000_u32 {
        elements.push(format!(
            "10.{}.{}.{}-10.{}.{}.{}",
            n / 250,
            n % 250,
            10,
            n / 250,
            n % 250,
            10 + n % 90
        ));
    }
    let program = rules(&format!("ip saddr {{ {} }} drop", elements.join(", ")));
    for n in 0..20_000_u32 {
        let (a, b, c) = (n % 9, n / 9 % 250, n * 7 % 256);
        let index = a * 250 + b;
        let want = index < 2000 && (10..=10 + index % 90).contains(&c);
        let packet = ip4(&format!("10.{a}.{b}.{c}"), "192.0.2.1", 17, &udp(1, 2));
        assert_eq!(dropped(&program, &packet, &mut Desk::default()), want, "10.{a}.{b}.{c}");
    }
}

#[test]
fn verdict_maps_and_maps() {
    let program = program(
        "table inet t {
            map ports { type inet_service : verdict; flags interval; elements = { 1-9 : drop, 10 : jump out }; }
            map marks { type ipv6_addr . inet_service : mark; elements = { 2001:db8::1 . 20 : 5 }; }
            chain out { meta mark set 3; }
            chain c {
                type filter hook forward priority 0
                udp dport vmap @ports
                meta mark set ip6 saddr . udp dport map @marks
            }
        }",
    );
    for (port, drop, mark) in [(9, true, 0), (10, false, 3), (20, false, 5), (21, false, 0)] {
        let mut desk = Desk::default();
        assert_eq!((dropped(&program, &udp6(port), &mut desk), desk.mark), (drop, mark), "{port}");
    }
}

#[test]
fn sets_that_rules_fill() {
    let program = program(
        "table inet t {
            set seen { type ipv6_addr; flags dynamic,timeout; timeout 10s; size 100; }
            set many { type ipv6_addr . inet_service; flags dynamic; size 16; }
            chain c {
                type filter hook forward priority 0
                udp dport 1 add @seen { ip6 saddr }
                udp dport 2 update @seen { ip6 saddr timeout 1m }
                udp dport 3 delete @seen { ip6 saddr }
                udp dport 4 ip6 saddr @seen drop
                udp dport 5-999 add @many { ip6 saddr . udp dport } drop
            }
        }",
    );
    let mut desk = Desk::default();
    let mut seen = |port: u16, later: u64| {
        desk.now += later;
        run(&program, &udp6(port), &mut desk);
        dropped(&program, &udp6(4), &mut desk)
    };
    assert!(!seen(4, 0));
    assert!(seen(1, 0));
    assert!(seen(1, 9 * SECOND), "still in");
    assert!(!seen(4, SECOND), "add does not begin the time again");
    assert!(seen(2, 0) && seen(2, 59 * SECOND) && seen(4, 59 * SECOND), "update does");
    assert!(!seen(3, 0));
    let full = (5..500).filter(|port| dropped(&program, &udp6(*port), &mut Desk::default())).count();
    assert_eq!(full, 16, "a set that is full takes no more, and the rule does not go on");
    assert_eq!(program.set_len(TableFamily::Inet, "t", "many"), Some(16));
}

#[test]
fn each_source_has_a_limit_of_its_own() {
    let program = program(
        "table inet t {
            set s { type ipv6_addr; flags dynamic,timeout; timeout 1m; }
            chain c {
                type filter hook forward priority 0
                add @s { ip6 saddr & ffff:ffff:ffff:ffff:: limit rate over 1/second burst 2 packets } drop
            }
        }",
    );
    let passed = |src: &str| {
        let packet = ip6(src, B, 17, &udp(1, 2));
        (0..5).filter(|_| !dropped(&program, &packet, &mut Desk::default())).count()
    };
    assert_eq!([passed("2001:db8::1"), passed("2001:db8::2"), passed("2001:db8:0:1::1")], [2, 0, 2]);
}

#[test]
fn elements_change_on_the_running_program() {
    let text = "table inet t {
        set fixed { type ipv6_addr; flags interval; elements = { 2001:db8:9::/48 }; }
        set moving { type ipv6_addr; flags timeout; size 100; }
        chain c { type filter hook forward priority 0; counter; ip6 saddr @fixed drop; ip6 saddr @moving drop; }
    }";
    let first = program(text);
    let family = TableFamily::Inet;
    assert!(!dropped(&first, &udp6(1), &mut Desk::default()));
    let more = first.set_add(family, "t", "fixed", "2001:db8::/64", 0).unwrap_or_else(|e| panic!("{e}"));
    assert!(dropped(&more, &udp6(1), &mut Desk::default()));
    assert!(!dropped(&first, &udp6(1), &mut Desk::default()), "the one before is as it was");
    assert_eq!(
        more.set_list(family, "t", "fixed", 0),
        Ok(vec!["2001:db8::/64".into(), "2001:db8:9::/48".into()])
    );
    assert_eq!(more.count(siding_filter::RuleId(0)).packets, 3, "what counts is shared");
    let less = more.set_delete(family, "t", "fixed", "2001:db8::/64", 0).unwrap_or_else(|e| panic!("{e}"));
    assert!(!dropped(&less, &udp6(1), &mut Desk::default()));
    assert!(less.set_delete(family, "t", "fixed", "2001:db8::/64", 0).is_err());
    assert!(less.set_add(family, "t", "fixed", "2001:db8:9:1::/64", 0).is_err(), "it overlaps");

    let now = Desk::default().now;
    let timed =
        less.set_add(family, "t", "moving", "2001:db8::1 timeout 5s", now).unwrap_or_else(|e| panic!("{e}"));
    assert!(dropped(&timed, &udp6(1), &mut Desk::default()));
    assert_eq!(timed.set_list(family, "t", "moving", now), Ok(vec!["2001:db8::1 expires 5s".into()]));
    assert!(!dropped(&timed, &udp6(1), &mut Desk { now: now + 5 * SECOND, ..Desk::default() }));
    timed.sweep(now + 6 * SECOND);
    assert_eq!(timed.set_len(family, "t", "moving"), Some(0));
}

#[test]
fn prefixes_of_an_interface_are_followed() {
    let first = program(
        "table inet t {
            set lan { type ipv6_addr; flags interval; prefix of interface \"lan0\"; }
            chain c { type filter hook forward priority 0; ip6 saddr @lan drop; }
        }",
    );
    assert!(!dropped(&first, &udp6(1), &mut Desk::default()));
    let prefix = |addr: &str| (addr.parse().unwrap_or_else(|_| panic!("{addr}")), 64);
    let told = first.set_prefixes("lan0", &[prefix("2001:db8::42")]).unwrap_or_else(|| panic!("it follows"));
    assert!(dropped(&told, &udp6(1), &mut Desk::default()));
    assert!(told.set_prefixes("lan0", &[prefix("2001:db8::42")]).is_none(), "nothing new");
    assert!(told.set_prefixes("lan1", &[prefix("2001:db8::42")]).is_none(), "nobody looks");
    let moved =
        told.set_prefixes("lan0", &[prefix("2001:db8:5::42")]).unwrap_or_else(|| panic!("it follows"));
    assert!(!dropped(&moved, &udp6(1), &mut Desk::default()));
}
