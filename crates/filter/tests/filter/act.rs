//! What a rule does.

use siding_filter::At;
use siding_filter::Hook;
use siding_filter::Outcome;
use siding_filter::Packet;
use siding_filter::Reject;
use siding_filter::RuleId;
use siding_filter::Verdict;

use crate::util::*;

#[track_caller]
fn rejects(rule: &str, packet: &[u8], want: Option<Reject>) {
    let verdict = run(&rules(rule), packet, &mut Desk::default());
    let how = match verdict {
        Verdict::Reject { how, .. } => Some(how),
        _ => None,
    };
    assert_eq!(how, want, "{rule}");
}

#[test]
fn rejects_in_the_packets_family() {
    rejects("reject", &udp6(1), Some(Reject::Icmp6(4)));
    rejects("reject", &udp4(1), Some(Reject::Icmp(3)));
    rejects("reject with icmpx admin-prohibited", &udp6(1), Some(Reject::Icmp6(1)));
    rejects("reject with icmpx type no-route", &udp4(1), Some(Reject::Icmp(0)));
    rejects("reject with icmpv6 addr-unreachable", &udp6(1), Some(Reject::Icmp6(3)));
    rejects("reject with icmpv6 addr-unreachable", &udp4(1), None);
    rejects("reject with icmp type host-unreachable", &udp4(1), Some(Reject::Icmp(1)));
    rejects("reject with icmp host-unreachable", &udp6(1), None);
    rejects("reject with tcp reset", &tcp6(1, 2), Some(Reject::TcpReset));
    rejects("reject with tcp reset", &udp6(1), None);
}

#[test]
fn chains_are_entered_and_left() {
    let program = program(
        "table inet t {
            chain a { udp dport 1 return; udp dport 2 drop; }
            chain b { udp dport 3 goto a; udp dport 4 drop; jump a; udp dport 1 drop; }
            chain c {
                type filter hook forward priority 0; policy accept;
                udp dport 9 accept
                jump b
                udp dport 3 drop
                udp dport vmap { 5 : drop, 6-7 : jump a, 8 : goto a, 2 : accept }
                udp dport { 6, 8 } drop
            }
        }",
    );
    // 1: a returns to b, which drops it. 3: goto does not come back to b, but to c. 8: goto leaves c for its policy.
    let passed: Vec<u16> =
        (1..=9).filter(|port| !dropped(&program, &udp6(*port), &mut Desk::default())).collect();
    assert_eq!(passed, [7, 8, 9]);
}

#[test]
fn chains_of_a_hook_come_by_priority_and_accept_ends_only_its_own() {
    let program = program(
        "table inet late { chain c { type filter hook forward priority 10; udp dport 1 drop; } }
         table ip6 early {
            chain c { type filter hook forward priority filter - 5; policy drop; udp dport { 1, 2 } accept; }
         }",
    );
    assert!(
        dropped(&program, &udp6(1), &mut Desk::default()),
        "the later chain drops what the first accepted"
    );
    assert!(!dropped(&program, &udp6(2), &mut Desk::default()));
    assert!(dropped(&program, &udp6(3), &mut Desk::default()));
    assert!(!dropped(&program, &udp4(3), &mut Desk::default()), "an ip6 table sees no IPv4");
    assert!(program.is_empty(Hook::Input) && !program.is_empty(Hook::Forward));
}

#[test]
fn limits_and_quotas() {
    let program = rules("limit rate 10/second burst 3 packets accept\ndrop");
    let mut desk = Desk::default();
    let passed = |desk: &mut Desk| (0..20).filter(|_| !dropped(&program, &udp6(1), desk)).count();
    assert_eq!(passed(&mut desk), 3);
    desk.now += 200_000_000;
    assert_eq!(passed(&mut desk), 2, "two more in a fifth of a second");
    desk.now += 3_600_000_000_000;
    assert_eq!(passed(&mut desk), 3, "but never more than the burst at once");

    let over = rules("limit rate over 10/second burst 3 packets drop");
    let passed = (0..20).filter(|_| !dropped(&over, &udp6(1), &mut Desk::default())).count();
    assert_eq!(passed, 3);

    // Packets of 48 octets: a second's worth at once.
    let bytes = rules("limit rate 480 bytes/second accept\ndrop");
    assert_eq!((0..20).filter(|_| !dropped(&bytes, &udp6(1), &mut Desk::default())).count(), 10);

    let quota = rules("quota 100 bytes accept\ndrop");
    assert_eq!((0..20).filter(|_| !dropped(&quota, &udp6(1), &mut Desk::default())).count(), 2);
    let quota = rules("quota over 100 bytes drop");
    assert_eq!((0..20).filter(|_| !dropped(&quota, &udp6(1), &mut Desk::default())).count(), 2);
}

#[test]
fn marks() {
    let program = rules(
        "meta mark set 0x12\nmeta mark set meta mark & 0xf0 | 0x3\nct mark set meta mark\n\
         udp dport 2 meta mark set udp dport map { 2 : 7, 3-5 : 8 }\nudp dport 3 meta mark set ct mark ^ 0x1",
    );
    for (port, mark) in [(1, 0x13), (2, 7), (3, 0x12)] {
        let mut desk = Desk::default();
        run(&program, &udp6(port), &mut desk);
        assert_eq!((desk.mark, desk.ct.mark), (mark, 0x13), "port {port}");
    }
}

#[test]
fn the_rest() {
    let program = rules(
        "udp dport 1 notrack ct state untracked drop\nudp dport 2 log prefix \"two \" level info\n\
         tcp dport 80 synproxy mss 1460 wscale 7 timestamp sack-perm\ntcp dport 80 drop",
    );
    let mut desk = Desk::default();
    assert!(dropped(&program, &udp6(1), &mut desk), "what is not tracked is seen so at once");
    assert!(desk.untracked);
    run(&program, &udp6(2), &mut desk);
    assert_eq!(desk.lines, ["two "]);
    assert!(
        matches!(run(&program, &tcp6(80, 2), &mut desk), Verdict::SynProxy { how, .. } if how.mss == 1460)
    );
    assert!(matches!(run(&program, &tcp6(80, 1), &mut desk), Verdict::Drop { .. }), "neither SYN nor ACK");
    let program = crate::util::program(
        "table inet t {
            flowtable ft { hook ingress priority 0; devices = { \"wan\", lan0 }; }
            chain c { type filter hook forward priority 0; flow add @ft; }
        }",
    );
    run(&program, &udp6(2), &mut desk);
    assert_eq!(desk.flows.first().and_then(|id| program.flowtable(*id)), Some("ft"));
    assert!(program.needs_ct());
}

#[test]
fn rules_are_counted_and_told() {
    let program = rules("udp dport 1 counter\nudp dport 1 counter drop\nudp dport 2 drop");
    for _ in 0..3 {
        run(&program, &udp6(1), &mut Desk::default());
    }
    let count = program.count(RuleId(1));
    assert_eq!((count.packets, count.bytes, count.last_hit), (3, 3 * 48, 1_000_000_000));
    assert_eq!(program.count(RuleId(2)).packets, 0);
    let bytes = udp6(1);
    let packet = Packet::parse(&bytes, None).unwrap_or_else(|error| panic!("{error}"));
    let (verdict, steps) = program.test(Hook::Forward, &packet, &mut Desk::default());
    let Verdict::Drop { at: at @ At::Rule(RuleId(1)) } = verdict else { panic!("{verdict:?}") };
    assert_eq!(steps.iter().map(|step| step.outcome).collect::<Vec<_>>(), [Outcome::Done, Outcome::Ended]);
    assert_eq!(program.describe(at), "inet t c handle 3");
    assert_eq!(program.count(RuleId(1)).packets, 3, "a test counts nothing");
}

#[test]
fn the_routers_own_messages_pass_a_policy_but_not_a_rule() {
    let text = |rule: &str| {
        format!("table inet t {{ chain c {{ type filter hook input priority 0; policy drop; {rule} }}; }}")
    };
    let verdict = |rule: &str, built_in: bool, kind: u8, hops: u8| {
        let ruleset = load(&text(rule)).unwrap_or_else(|errors| panic!("{errors}"));
        let setup = siding_filter::Setup { built_in, ..Default::default() };
        let program =
            siding_filter::Program::compile(ruleset, &setup, None).unwrap_or_else(|e| panic!("{e}"));
        let mut bytes = ip6("fe80::1", "ff02::1", 58, &[kind, 0, 0, 0, 0, 0, 0, 0]);
        bytes[7] = hops;
        let packet = Packet::parse(&bytes, None).unwrap_or_else(|error| panic!("{error}"));
        program.run(0, Hook::Input, &packet, &mut Desk::default()) == Verdict::Accept
    };
    for kind in [133, 134, 135, 136, 137] {
        assert!(verdict("", true, kind, 255), "{kind}");
        assert!(!verdict("", true, kind, 254), "{kind} from afar");
        assert!(!verdict("", false, kind, 255), "{kind} where it is switched off");
        assert!(!verdict("icmpv6 type 133-137 drop", true, kind, 255), "{kind} by a rule");
    }
    for kind in [130, 131, 132, 143] {
        assert!(verdict("", true, kind, 1) && !verdict("", true, kind, 2), "{kind}");
    }
    assert!(!verdict("", true, 128, 255), "a ping needs a rule");
}

#[test]
fn a_chain_that_is_named_again_keeps_its_policy() {
    let base = "type filter hook forward priority 0;";
    for (first, again, drops) in [
        ("policy drop;", "", true),
        ("policy drop;", "policy accept;", false),
        ("", "policy drop;", true),
        ("", "", false),
    ] {
        let text = format!(
            "table inet t {{ chain c {{ {base} {first} }}; }}\ntable inet t {{ chain c {{ {base} {again} udp dport 2 accept; }}; }}"
        );
        assert_eq!(dropped(&program(&text), &udp6(1), &mut Desk::default()), drops, "{text}");
        assert!(!dropped(&program(&text), &udp6(2), &mut Desk::default()), "{text}");
    }
    for other in ["type filter hook input priority 0", "type filter hook forward priority 1"] {
        let text =
            format!("table inet t {{ chain c {{ {base} }}; }}\ntable inet t {{ chain c {{ {other}; }}; }}");
        assert!(load(&text).is_err_and(|errors| errors.contains("t.nft:2:26: ")), "{:?}", load(&text));
    }
}

#[test]
fn a_rehearsal_uses_nothing_and_finds_no_rate_reached() {
    let program = rules(
        "udp dport 1 meta mark set 7\nmeta mark 7 accept\nudp dport 2 limit rate over 1/hour burst 1 packets drop\n\
         udp dport 3 limit rate 1/hour burst 1 packets accept\nudp dport 3 drop\nudp dport 4 drop\nudp dport 1 drop",
    );
    for port in [2, 2, 3, 3] {
        run(&program, &udp6(port), &mut Desk::default());
    }
    assert!(
        dropped(&program, &udp6(2), &mut Desk::default())
            && dropped(&program, &udp6(3), &mut Desk::default())
    );
    let before: Vec<u64> = (0..7).map(|rule| program.count(RuleId(rule)).packets).collect();
    let rehearse = |port| {
        let bytes = udp6(port);
        let packet = Packet::parse(&bytes, None).unwrap_or_else(|error| panic!("{error}"));
        let mut desk = Desk::default();
        assert_eq!(program.rehearse(Hook::Forward, true, &packet, &mut desk), Verdict::Accept);
        program.rehearse(Hook::Forward, false, &packet, &mut desk) == Verdict::Accept
    };
    assert_eq!([1, 2, 3, 4, 5].map(rehearse), [true, true, true, false, true]);
    assert_eq!((0..7).map(|rule| program.count(RuleId(rule)).packets).collect::<Vec<_>>(), before);
}

#[test]
fn one_that_no_set_knows_yet_has_not_reached_a_rate_of_its_own() {
    let program = program(
        "table inet t {
            set rates { type ipv6_addr; flags dynamic; }
            set bytes { type ipv6_addr; flags dynamic; }
            set flows { type ipv6_addr; flags dynamic; }
            set all { type ipv6_addr; flags dynamic; }
            chain c {
                type filter hook forward priority 0
                udp dport 1 add @rates { ip6 saddr limit rate over 1/hour burst 1 packets } drop
                udp dport 2 add @bytes { ip6 saddr quota over 1 kbytes } drop
                udp dport 3 add @flows { ip6 saddr ct count over 5 } drop
                udp dport 4 add @all { ip6 saddr } drop
            }
        }",
    );
    for port in 1..=4 {
        let bytes = udp6(port);
        let packet = Packet::parse(&bytes, None).unwrap_or_else(|error| panic!("{error}"));
        let rehearsed = program.rehearse(Hook::Forward, false, &packet, &mut Desk::default());
        let (tested, _) = program.test(Hook::Forward, &packet, &mut Desk::default());
        for verdict in [rehearsed, tested] {
            assert_eq!(verdict != Verdict::Accept, port == 4, "{port}: as the first packet itself");
        }
        assert_eq!(dropped(&program, &bytes, &mut Desk::default()), port == 4, "{port}");
    }
}

#[test]
fn a_rule_about_extension_headers_uses_nothing_up_for_ipv4() {
    for rule in ["exthdr dst missing", "hbh nexthdr tcp", "udp dport 7 exthdr frag missing"] {
        let program = rules(&format!("limit rate over 1/day burst 2 packets {rule} counter"));
        let other = rules("limit rate over 1/day burst 2 packets udp dport 7 counter");
        for _ in 0..5 {
            run(&program, &udp4(7), &mut Desk::default());
            run(&other, &udp4(7), &mut Desk::default());
        }
        let used = |program: &siding_filter::Program| {
            let packet = udp6(7);
            for _ in 0..3 {
                run(program, &packet, &mut Desk::default());
            }
            program.rules().iter().map(|rule| program.count(rule.id).packets).sum::<u64>()
        };
        let expected = u64::from(!rule.starts_with("hbh"));
        assert_eq!((used(&program), used(&other)), (expected, 6), "{rule}");
    }
}

#[test]
fn an_element_that_goes_and_comes_again_counts_connections_where_it_did() {
    let program = program(
        "table inet t {
            set s { type ipv6_addr; flags dynamic,timeout; timeout 1s; size 1; }
            set o { type ipv6_addr; flags dynamic,timeout; timeout 1s; size 1; }
            chain c {
                type filter hook forward priority 0
                udp dport 1 add @s { ip6 saddr ct count over 5 } drop
                udp dport 2 add @o { ip6 saddr ct count over 5 } drop
            }
        }",
    );
    let mut desk = Desk { connections: 1, ..Desk::default() };
    // Each is alone in its set: the one before has gone.
    let mut place = |host: u16, port: u16, later: u64| {
        desk.now += later;
        program.sweep(desk.now);
        run(&program, &ip6(&format!("2001:db8::{host:x}"), B, 17, &udp(1024, port)), &mut desk);
        desk.counted.pop()
    };
    let first: Vec<_> = (1..100).map(|host| place(host, 1, 1_000_000_000)).collect();
    let again: Vec<_> = (1..100).map(|host| place(host, 1, 2_000_000_000)).collect();
    let other: Vec<_> = (1..100).map(|host| place(host, 2, 2_000_000_000)).collect();
    assert_eq!(first, again);
    let distinct: std::collections::HashSet<_> = first.iter().chain(&other).collect();
    assert_eq!(distinct.len(), 198, "each key of each set has a place of its own");
}

#[test]
fn a_rehearsal_lets_pass_what_would_have_to_be_known_of_a_frame_that_has_gone() {
    let from = |n: u8| format!("ether saddr 02:00:00:00:00:0{n}");
    let alike: Vec<String> = (1..6).map(|n| format!("{} accept", from(n))).collect();
    for (rules_, passes) in [
        (format!("{} accept\ndrop", from(1)), [true, true, true]),
        (format!("{} drop", from(1)), [true, true, true]),
        // A rule that would not let it pass does not keep others from being asked.
        (format!("{} drop\nudp dport 2 drop", from(1)), [true, false, true]),
        (format!("{} counter\nudp dport 2 drop", from(1)), [true, false, true]),
        (format!("{} udp dport 1 accept\ndrop", from(1)), [true, false, false]),
        (format!("{} jump far\ndrop\n }}\n chain far {{", from(1)), [true, true, true]),
        (format!("udp dport 1 {} accept\ndrop", from(1)), [true, false, false]),
        (format!("{}\ndrop", alike.join("\n")), [true, true, true]),
        ("udp dport 2 drop\nether daddr != 02:00:00:00:00:05 drop".to_owned(), [true, false, true]),
        (
            "udp dport 1 ether saddr . udp dport vmap { 02:00:00:00:00:01 . 1 : accept }\ndrop".to_owned(),
            [true, false, false],
        ),
    ] {
        let program = rules(&rules_);
        assert!(program.sees_frames(), "{rules_}");
        let rehearse = |port| {
            let bytes = udp6(port);
            let packet = Packet::parse(&bytes, None).unwrap_or_else(|error| panic!("{error}"));
            program.rehearse(Hook::Forward, false, &packet, &mut Desk::default()) == Verdict::Accept
        };
        assert_eq!([1, 2, 3].map(rehearse), passes, "{rules_}");
    }
    assert!(!rules("udp dport 1 accept").sees_frames());
    // Where it is known, or there was none, it is as always.
    let program = rules(&format!("{} accept\ndrop", from(1)));
    let link = |n| siding_filter::Link { src: [2, 0, 0, 0, 0, n], dst: [2, 0, 0, 0, 0, 9] };
    for (link, accepted) in [(Some(link(1)), true), (Some(link(2)), false), (None, false)] {
        let verdict = run_link(&program, &udp6(1), link, &mut Desk::default());
        assert_eq!(verdict == Verdict::Accept, accepted, "{link:?}");
    }
}
