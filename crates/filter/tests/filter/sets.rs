//! Sets and maps, named and written in place, fixed and changing.

use siding_filter::Name;
use siding_filter::Program;
use siding_filter::TableFamily;

use crate::util::*;

const SECOND: u64 = 1_000_000_000;

fn set(name: &str) -> Name {
    Name { family: TableFamily::Inet, table: "t".into(), name: name.into() }
}

fn added(program: &Program, name: &str, elements: &str) -> Program {
    let changed = program.set_add(&set(name), elements, 0).unwrap_or_else(|error| panic!("{error}"));
    changed.unwrap_or_else(|| panic!("`{name}` changes by itself"))
}

fn deleted(program: &Program, name: &str, elements: &str) -> Program {
    let changed = program.set_delete(&set(name), elements, 0).unwrap_or_else(|error| panic!("{error}"));
    changed.unwrap_or_else(|| panic!("`{name}` changes by itself"))
}

fn listed(program: &Program, name: &str) -> Vec<String> {
    let listed = program.set_list(&set(name), Desk::default().now).unwrap_or_else(|error| panic!("{error}"));
    listed.elements.into_iter().map(|element| element.text).collect()
}

/// The program that other files make of this one.
fn reloaded(before: &Program, text: &str) -> Program {
    let ruleset = load(text).unwrap_or_else(|errors| panic!("{errors}"));
    let setup = siding_filter::Setup { built_in: false, now: Desk::default().now, ..Default::default() };
    Program::compile(ruleset, &setup, Some(before)).unwrap_or_else(|errors| panic!("{errors}"))
}

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
    assert_eq!(program.set_len(&set("many")), Some(16));
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
    assert!(!dropped(&first, &udp6(1), &mut Desk::default()));
    let more = added(&first, "fixed", "2001:db8::/64");
    assert!(dropped(&more, &udp6(1), &mut Desk::default()));
    assert!(!dropped(&first, &udp6(1), &mut Desk::default()), "the one before is as it was");
    assert_eq!(listed(&more, "fixed"), ["2001:db8::/64", "2001:db8:9::/48"]);
    assert_eq!(more.count(siding_filter::RuleId(0)).packets, 3, "what counts is shared");
    let less = deleted(&more, "fixed", "2001:db8::/64");
    assert!(!dropped(&less, &udp6(1), &mut Desk::default()));

    let now = Desk::default().now;
    let moving = set("moving");
    let five = "2001:db8::1 timeout 5s, 2001:db8::7";
    assert!(matches!(less.set_add(&moving, five, now), Ok(None)), "it changes by itself");
    assert!(dropped(&less, &udp6(1), &mut Desk::default()));
    let elements = less.set_list(&moving, now).map(|listed| listed.elements).unwrap_or_default();
    assert_eq!(elements[0].expires, Some(now + 5 * SECOND));
    assert_eq!(elements[1].expires, None);
    assert!(!dropped(&less, &udp6(1), &mut Desk { now: now + 5 * SECOND, ..Desk::default() }));
    less.sweep(now + 6 * SECOND);
    assert_eq!(less.set_len(&moving), Some(1));
}

#[test]
fn what_cannot_be_changed_says_what_to_do_and_changes_nothing() {
    let first = program(
        "table inet t {
            set fixed { type ipv6_addr; flags interval; size 3; elements = { 2001:db8:9::/48 }; }
            set single { type inet_service; elements = { 1 }; }
            set lasting { type inet_service; flags constant; elements = { 1 }; }
            set lan { type ipv6_addr; flags interval; prefix of interface \"lan0\"; }
            set moving { type inet_service; flags dynamic; size 4; }
            set twice { type mark; }
            map ways { type inet_service : verdict; elements = { 1 : drop }; }
            chain a { jump b; }
            chain b { udp dport vmap @ways; }
            chain c { type filter hook forward priority 0; add @moving { udp dport }; udp dport @single drop; }
        }
        table ip6 u { set twice { type mark; } }",
    );
    for (name, elements, what) in [
        ("fixed", "2001:db8:9:1::/64", "is in 2001:db8:9::/48 already"),
        ("fixed", "192.0.2.1", "is no IPv6 address"),
        ("fixed", "2001:db8::1, 2001:db8::2, 2001:db8::3", "more elements than its size"),
        ("fixed", "2001:db8::1 timeout 5s", "flags timeout"),
        ("fixed", "2001:db8::1 2001:db8::2", "is no element"),
        ("fixed", "2001:db8::1 : drop", "a set maps to nothing"),
        ("single", "2-3", "flags interval"),
        ("lasting", "2", "take `constant` out of its flags"),
        ("lan", "2001:db8::1", "follows its interfaces"),
        ("moving", "1-9", "flags interval"),
        ("moving", "1 timeout 5s", "flags timeout"),
        ("moving", "1, 2, 3, 4, 5", "no place for 5: it may hold 4 elements"),
        ("ways", "2 : jump a", "jumps go round"),
        ("ways", "2 : jump nowhere", "no chain `nowhere`"),
        ("ways", "2", ":"),
    ] {
        let error = first.set_add(&set(name), elements, 0).err();
        assert!(error.as_ref().is_some_and(|error| error.contains(what)), "{name} {elements}: {error:?}");
    }
    assert_eq!(first.set_len(&set("moving")), Some(0), "those that did fit went out again");
    for (name, elements, what) in [
        ("fixed", "2001:db8:9::1", "2001:db8:9::1 is not in `inet t fixed`"),
        ("moving", "7", "7 is not in"),
        ("moving", "0-7", "0-7 is not in"),
        ("lasting", "1", "constant"),
    ] {
        let error = first.set_delete(&set(name), elements, 0).err();
        assert!(error.as_ref().is_some_and(|error| error.contains(what)), "{name} {elements}: {error:?}");
    }
    assert_eq!(first.find_set(None, "single"), Ok(set("single")));
    assert_eq!(first.find_set(Some("inet t"), "twice"), Ok(set("twice")));
    let several = "`twice` is in several tables: say which of `inet t`, `ip6 u`";
    assert_eq!(first.find_set(None, "twice"), Err(several.into()));
    assert!(first.find_set(Some("v"), "twice").is_err_and(|error| error.contains("it is in `inet t`")));
    assert!(first.find_set(None, "nine").is_err_and(|error| error.contains("there is `fixed`")));
    let many: Vec<String> = (0..65_537).map(|n| format!("{n}")).collect();
    let error = first.set_add(&set("twice"), &many.join(","), 0).err();
    assert!(error.is_some_and(|error| error.contains("more than 65536 elements")));
}

#[test]
fn what_commands_have_changed_outlives_a_reload() {
    let text = |elements: &str, more: &str| {
        format!(
            "table inet t {{
                set fixed {{ type ipv6_addr; flags interval; elements = {{ {elements} }}; }}
                map ways {{ type inet_service : verdict; elements = {{ 1 : drop }}; }}
                chain out {{ drop; }}
                chain c {{
                    type filter hook forward priority 0
                    ip6 saddr @fixed drop
                    udp dport vmap @ways
                    {more}
                }}
            }}"
        )
    };
    let first = program(&text("2001:db8:8::/48, 2001:db8:9::/48", ""));
    let changed = added(&first, "fixed", "2001:db8::/64, 2001:db8:7::/48");
    let changed = deleted(&changed, "fixed", "2001:db8:8::/48");
    let changed = deleted(&added(&changed, "ways", "2 : jump out, 3 : drop"), "ways", "3");
    // The same files again, and others.
    for more in ["", "udp dport 99 drop"] {
        let next = reloaded(&changed, &text("2001:db8:8::/48, 2001:db8:9::/48", more));
        assert_eq!(listed(&next, "fixed"), ["2001:db8::/64", "2001:db8:7::/48", "2001:db8:9::/48"]);
        assert_eq!(listed(&next, "ways"), ["1 : drop", "2 : jump out"]);
        assert!(dropped(&next, &udp6(1000), &mut Desk::default()) && next.lost().is_empty());
        let all = next.set_list(&set("fixed"), 0).unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(all.taken_out, ["2001:db8:8::/48"]);
        assert_eq!(all.elements.iter().map(|e| e.by_command).collect::<Vec<_>>(), [true, true, false]);
    }
    // The files say by now what a command did: what they say later holds.
    let taken = reloaded(&changed, &text("2001:db8::/64, 2001:db8:9::/48", ""));
    let next = reloaded(&taken, &text("2001:db8:8::/48, 2001:db8:9::/48", ""));
    assert_eq!(listed(&next, "fixed"), ["2001:db8:7::/48", "2001:db8:8::/48", "2001:db8:9::/48"]);
    // What they say anew may hold what a command has added; it is in either way.
    let wider = reloaded(&changed, &text("2001:db8::/32", ""));
    assert_eq!(wider.lost().len(), 0);
    assert!(dropped(&wider, &udp6(1000), &mut Desk::default()));
    let again = added(&wider, "fixed", "2001:dead::/48");
    assert_eq!(listed(&again, "fixed").len(), 4, "and that is no fault of the next command");
    // A set that is another now, or gone, has lost them, and says so.
    let other = text("2001:db8::/32", "");
    let other = other.replace("flags interval; elements = { 2001:db8::/32 };", "flags timeout; size 9;");
    let other = reloaded(&changed, &other);
    assert!(other.lost().iter().any(|lost| lost.contains("`inet t fixed`")), "{:?}", other.lost());
    let less = reloaded(&changed, &text("2001:db8::/32", "").replace("chain out { drop; }", ""));
    assert!(less.lost().iter().any(|lost| lost.contains("2 : jump out")), "{:?}", less.lost());
    assert_eq!(listed(&less, "ways"), ["1 : drop"]);
    // Jumps of the files and of commands, that go round together only.
    let round =
        text("2001:db8::/32", "").replace("chain out { drop; }", "chain out { udp sport vmap @ways; }");
    let round = reloaded(&changed, &round);
    assert!(round.lost().iter().any(|lost| lost.contains("go round")), "{:?}", round.lost());
    assert_eq!(listed(&round, "ways"), ["1 : drop"]);
}

#[test]
fn files_and_what_has_become_of_their_elements() {
    let text = |elements: &str, more: &str| {
        format!(
            "table inet t {{
                set s {{ type inet_service; flags dynamic,timeout; size 40; elements = {{ {elements} }}; }}
                set lan {{ type ipv6_addr; flags interval; prefix of interface \"lan0\"; }}
                {more}
                chain c {{
                    type filter hook forward priority 0
                    udp dport 1000-1999 add @s {{ udp dport }} accept
                    udp dport @s drop
                    ip6 saddr @lan drop
                }}
            }}"
        )
    };
    let first = program(&text("1, 2, 3 timeout 5s", ""));
    first.set_delete(&set("s"), "2", Desk::default().now).unwrap_or_else(|error| panic!("{error}"));
    let late = Desk::default().now + 6 * SECOND;
    first.sweep(late);
    // A prefix has changed, and the same files are read again: what went out stays out.
    let prefix = ("2001:db8:5::42".parse().unwrap_or_else(|_| panic!("an address")), 64);
    let next = first.set_prefixes("lan0", &[prefix]).unwrap_or_else(|| panic!("it follows"));
    assert_eq!(listed(&next, "s"), ["1"]);
    let next = reloaded(&next, &text("1, 2, 3 timeout 5s", ""));
    assert_eq!(listed(&next, "s"), ["1"]);
    // What the files say no longer goes, what they say anew comes, however full it is of what peers have sent.
    for port in 1000..1300 {
        run(&next, &udp6(port), &mut Desk::default());
    }
    assert_eq!(next.set_len(&set("s")), Some(40));
    let full = reloaded(&next, &text("2, 3, 4, 5", ""));
    let all = listed(&full, "s");
    assert!(all.contains(&"4".into()) && all.contains(&"5".into()) && !all.contains(&"1".into()), "{all:?}");
    assert!(all.len() <= 40 && full.lost().is_empty(), "{:?}", full.lost());
    // Files with an error change nothing, not even such a set.
    let more = "set f { type mark; flags interval,timeout; elements = { 1-3 }; }";
    let wrong = load(&text("2, 3, 4, 5, 6", more)).unwrap_or_else(|errors| panic!("{errors}"));
    let setup = siding_filter::Setup { now: Desk::default().now, ..Default::default() };
    assert!(Program::compile(wrong, &setup, Some(&full)).is_err());
    assert!(!listed(&full, "s").contains(&"6".into()));
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
