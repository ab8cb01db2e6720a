//! Each word is itself, and no other that might stand in its place: rules with one of them treat some packet otherwise than the same rules with
//! any of the others. So who reads one word as another, or passes one over and has what is there without it, is noticed.

use std::collections::BTreeSet;

use siding_filter::Program;
use siding_filter::Setup;

use crate::ignored;
use crate::ignored::fates;
use crate::util::*;

/// Words of one place, those that mean the same together; rules in which `W` is one of them; packets that tell them apart.
struct Place {
    words: &'static [&'static [&'static str]],
    rules: &'static str,
    packets: &'static [&'static str],
}

const PLACES: &[Place] = &[
    Place {
        words: &[&["prerouting"], &["input"], &["forward"], &["output"], &["postrouting"]],
        rules: "table inet t { chain c { type filter hook W priority 0; drop; } }",
        packets: &[
            "hook prerouting ip6 udp",
            "hook input ip6 udp",
            "hook forward ip6 udp",
            "hook output ip6 udp",
            "hook postrouting ip6 udp",
        ],
    },
    Place {
        words: &[&["ip"], &["ip6"], &["inet"]],
        rules: "table W t { chain c { type filter hook forward priority 0; drop; } }",
        packets: &["ip udp", "ip6 udp"],
    },
    Place {
        words: &[&["policy accept"], &["policy drop"]],
        rules: "table inet t { chain c { type filter hook forward priority 0; W; } }",
        packets: &["ip6 udp"],
    },
    Place {
        // Who comes later sees what those before have set.
        words: &[&["raw", "-300"], &["mangle"], &["dstnat"], &["filter", "0"], &["security"], &["srcnat"]],
        rules: "table inet t {
            chain w { type filter hook prerouting priority W; meta mark set meta mark | 1; }
            chain a { type filter hook prerouting priority -299; meta mark & 1 == 1 meta mark set meta mark | 2; }
            chain b { type filter hook prerouting priority -149; meta mark & 1 == 1 meta mark set meta mark | 4; }
            chain c { type filter hook prerouting priority -99; meta mark & 1 == 1 meta mark set meta mark | 8; }
            chain d { type filter hook prerouting priority 1; meta mark & 1 == 1 meta mark set meta mark | 16; }
            chain e { type filter hook prerouting priority 51; meta mark & 1 == 1 meta mark set meta mark | 32; } }",
        packets: &["ip6 udp"],
    },
    Place {
        words: &[&["accept"], &["drop"], &["continue", "counter"], &["return"], &["jump b"], &["goto b"]],
        rules: "table inet t {
            chain b { meta mark set meta mark | 2; }
            chain a { W; meta mark set meta mark | 4; }
            chain c { type filter hook forward priority 0; jump a; meta mark set meta mark | 8; } }",
        packets: &["ip6 udp"],
    },
    Place {
        words: &[&["accept"], &["drop"], &["continue"], &["return"], &["jump b"], &["goto b"]],
        rules: "table inet t {
            chain b { meta mark set meta mark | 2; }
            chain a { udp dport vmap { 53 : W }; meta mark set meta mark | 4; }
            chain c { type filter hook forward priority 0; jump a; meta mark set meta mark | 8; } }",
        packets: &["ip6 udp"],
    },
    Place {
        words: &[&["", "==", "eq"], &["!=", "ne"], &["<", "lt"], &[">", "gt"], &["<=", "le"], &[">=", "ge"]],
        rules: "udp dport W 9 drop",
        packets: &["ip6 udp dport 8", "ip6 udp dport 9", "ip6 udp dport 10"],
    },
    Place {
        words: &[&["&", "and"], &["|", "or"], &["^", "xor"]],
        rules: "meta mark set meta mark W 6",
        packets: &["mark 5 ip6 udp"],
    },
    Place {
        words: &[
            &["meta iifname", "meta iif", "iif", "iifname"],
            &["meta oifname", "meta oif", "oif", "oifname"],
            &["fib saddr oifname", "fib daddr . iif oifname"],
        ],
        rules: "W lan drop",
        packets: &["iif lan oif wan ip6 udp", "iif wan oif lan ip6 udp", "route lan iif wan oif wan ip6 udp"],
    },
    Place {
        words: &[&["meta mark", "mark"], &["ct mark"], &["meta length"], &["udp length"], &["udp dport", "th dport"]],
        rules: "W 100 drop",
        packets: &[
            "mark 100 ip6 udp",
            "ct mark 100 ip6 udp",
            "length 100 ip6 udp",
            "length 148 ip6 udp length 100",
            "ip6 udp dport 100",
        ],
    },
    Place {
        words: &[
            &["meta nfproto ipv4", "meta protocol ip", "ether type ip"],
            &["meta nfproto ipv6", "meta protocol ip6"],
            &["meta l4proto ipv6"],
        ],
        rules: "W drop",
        packets: &["ip udp", "ip6 udp", "ip6 l4proto 41"],
    },
    Place {
        words: &[&["new"], &["established"], &["related"], &["invalid"], &["untracked"]],
        rules: "ct state W drop",
        packets: &[
            "ct state new ip6 udp",
            "ct state established ip6 udp",
            "ct state related ip6 udp",
            "ct state invalid ip6 udp",
            "ct state untracked ip6 udp",
        ],
    },
    Place {
        words: &[&["original"], &["reply"]],
        rules: "ct direction W drop",
        packets: &["ct state established ct direction original ip6 udp", "ct state established ct direction reply ip6 udp"],
    },
    Place {
        words: &[&["host", "unicast"], &["broadcast"], &["multicast"], &["other"]],
        rules: "meta pkttype W drop",
        packets: &["pkttype host ip6 udp", "pkttype broadcast ip6 udp", "pkttype multicast ip6 udp", "pkttype other ip6 udp"],
    },
    Place {
        words: &[&["oif exists"], &["oif missing"], &["type local"], &["type unicast"]],
        rules: "fib daddr W drop",
        packets: &["route wan ip6 udp", "ip6 udp", "local ip6 udp"],
    },
    Place {
        words: &[&["exists"], &["missing"]],
        rules: "exthdr dst W drop",
        packets: &["ip6 udp", "dst udp"],
    },
    // Sets.
    Place {
        words: &[&["add"], &["update"], &["delete"]],
        rules: "table inet t { set s { type inet_service; flags dynamic,timeout; timeout 5s; }
            chain c { type filter hook forward priority 0; udp dport 8 W @s { udp sport }; udp dport 9 udp sport @s drop; } }",
        packets: &["ip6 udp dport 8", "ip6 udp dport 9", "later 3 ip6 udp dport 8", "later 3 ip6 udp dport 9"],
    },
    Place {
        words: &[&["timeout 5s"], &["timeout 5m"], &["timeout 5h"], &["timeout 5d"], &["timeout 5w"], &["timeout 5ms"]],
        rules: "table inet t { set s { type inet_service; flags dynamic,timeout; W; }
            chain c { type filter hook forward priority 0; udp dport 8 add @s { udp sport }; udp dport 9 udp sport @s drop; } }",
        packets: &[
            "ip6 udp dport 8",
            "later 1 ip6 udp dport 9",
            "later 6 ip6 udp dport 9",
            "later 301 ip6 udp dport 9",
            "later 18001 ip6 udp dport 9",
            "later 432001 ip6 udp dport 9",
        ],
    },
    Place {
        words: &[&["timeout 5s"], &["timeout 60s"], &["timeout 60s expires 10s", "timeout 60s expires 12s"], &[""]],
        rules: "table inet t { set s { type inet_service; flags timeout; elements = { 9 W }; }
            chain c { type filter hook forward priority 0; udp dport @s drop; meta mark set 1; } }",
        packets: &["ip6 udp dport 9", "later 6 ip6 udp dport 9", "later 11 ip6 udp dport 9", "later 50 ip6 udp dport 9"],
    },
    Place {
        words: &[&["size 1"], &["size 2"], &["comment \"no size\""]],
        rules: "table inet t { set s { type inet_service; flags dynamic; W; }
            chain c { type filter hook forward priority 0; add @s { udp dport } drop; } }",
        packets: &["ip6 udp dport 7", "ip6 udp dport 8", "ip6 udp dport 9"],
    },
    // Limits.
    Place {
        words: &[&["second"], &["minute"], &["hour"], &["day"], &["week"]],
        rules: "limit rate over 1/W burst 1 packets drop",
        packets: &[
            "ip6 udp",
            "later 2 ip6 udp",
            "later 61 ip6 udp",
            "later 3601 ip6 udp",
            "later 86401 ip6 udp",
            "later 604801 ip6 udp",
        ],
    },
    Place {
        words: &[&["1/hour burst 1 packets", "until 1/hour burst 1 packets"], &["over 1/hour burst 1 packets"], &["over 1/hour burst 2 packets"], &["over 1/hour"]],
        rules: "limit rate W drop",
        packets: &["ip6 udp", "ip6 udp", "ip6 udp", "ip6 udp"],
    },
    Place {
        words: &[&["bytes"], &["kbytes"], &["mbytes"]],
        rules: "limit rate over 1 W/week burst 1 W drop",
        packets: &["length 900 ip6 udp", "length 900 ip6 udp", "length 900 ip6 udp"],
    },
    Place {
        words: &[&["100 bytes", "until 100 bytes"], &["over 100 bytes"], &["over 100 bytes used 10 bytes"], &["over 60 kbytes"], &["60 mbytes"]],
        rules: "quota W drop",
        packets: &["length 50 ip6 udp", "length 50 ip6 udp", "length 50 ip6 udp", "length 65000 ip6 udp"],
    },
    Place {
        words: &[&["5"], &["over 5"]],
        rules: "ct count W drop",
        packets: &["flows 5 ip6 udp", "flows 6 ip6 udp"],
    },
    // What rules say and do besides.
    Place {
        words: &[
            &["with icmpx port-unreachable", ""],
            &["with tcp reset"],
            &["with icmp host-unreachable"],
            &["with icmpv6 no-route"],
            &["with icmpx admin-prohibited"],
            &["with icmpx host-unreachable"],
            &["with icmpx no-route"],
            &["with icmpv6 policy-fail"],
        ],
        rules: "reject W",
        packets: &["ip udp", "ip6 udp", "ip6 tcp"],
    },
    Place {
        words: &[
            &["emerg"],
            &["alert"],
            &["crit"],
            &["err", "error"],
            &["warn", "warning"],
            &["notice"],
            &["info"],
            &["debug"],
        ],
        rules: "log level W",
        packets: &["ip6 udp"],
    },
    Place {
        words: &[&["", "level warn"], &["prefix \"a\""], &["level info"], &["snaplen 64"], &["group 3"]],
        rules: "log W",
        packets: &["ip6 udp"],
    },
    Place {
        words: &[&["meta mark"], &["ct mark"]],
        rules: "W set 7",
        packets: &["ip6 udp"],
    },
    Place {
        words: &[&["notrack"], &["counter"], &["flow add @ft", "flow offload @ft"], &["ct timeout set x"], &["synproxy"], &["counter name k"]],
        rules: "table inet t { flowtable ft { hook ingress priority 0; }
            counter k { }
            ct timeout x { protocol udp; policy = { replied : 5 }; }
            chain c { type filter hook forward priority 0; W; } }",
        packets: &["ip6 udp", "ip6 tcp flags syn"],
    },
    Place {
        words: &[&["packets 0 bytes 0", ""], &["packets 5 bytes 7"]],
        rules: "table inet t { counter k { W }
            chain c { type filter hook forward priority 0; counter name k; } }",
        packets: &["ip6 udp"],
    },
    Place {
        words: &[&["tcp; policy = { established : 5 }"], &["udp; policy = { replied : 5 }"]],
        rules: "table inet t { ct timeout x { protocol W; }
            chain c { type filter hook forward priority 0; ct timeout set x; } }",
        packets: &["ip6 tcp", "ip6 udp"],
    },
    Place {
        words: &[&["ip"], &["ip6"], &["inet"]],
        rules: "table inet t { ct timeout x { protocol udp; l3proto W; policy = { replied : 5 }; }
            chain c { type filter hook forward priority 0; ct timeout set x; } }",
        packets: &["ip udp", "ip6 udp"],
    },
    Place {
        words: &[&["mss 1460"], &["mss 1400"], &["mss 1460 wscale 7"], &["mss 1460 timestamp"], &["mss 1460 sack-perm"]],
        rules: "synproxy W",
        packets: &["ip6 tcp flags syn"],
    },
];

/// Words of the reader that are not in such a place, and why.
const SHOWN_OTHERWISE: &[(&str, &str)] = &[
    (
        "bridge arp netdev nat device create destroy flush insert rename replace reset list ruleset delete dnat snat masquerade redirect \
         tproxy queue dup fwd nftrace xt tcp-option set queue-threshold",
        "they are refused: `refused`",
    ),
    (
        "table chain rule map element elements add flowtable devices hook type typeof flags verdict",
        "nothing can be read without them",
    ),
    (
        "comment performance memory constant auto-merge gc-interval",
        "they say nothing of packets: rules are printed with them, in `again`",
    ),
    ("interval dynamic timeout vmap prefix of interface", "`ignored`"),
    ("exthdr icmp icmpv6 ether vlan tcp udp saddr daddr", "fields: `ignored_fields`"),
    ("a an octets 0 0s 1 -", "no words of the language"),
];

fn program(rules: &str) -> Result<Program, String> {
    let text = match rules.starts_with("table") {
        true => rules.to_owned(),
        false => format!("table inet t {{ chain c {{ type filter hook forward priority 0; {rules}; }} }}"),
    };
    let setup = Setup { built_in: false, now: Desk::default().now, ..Setup::default() };
    Program::compile(load(&text)?, &setup, None).map_err(|errors| errors.to_string())
}

#[test]
fn no_word_is_taken_for_another_of_its_place() {
    let mut wrong = Vec::new();
    for Place { words, rules, packets } in PLACES {
        let mut seen: Vec<(&str, Vec<String>)> = Vec::new();
        for same in *words {
            let mut first: Option<Vec<String>> = None;
            for word in *same {
                let rules = rules.replace('W', word);
                let fates = match program(&rules) {
                    Ok(program) => fates(&program, packets),
                    Err(errors) => {
                        wrong.push(format!("{rules}: {errors}"));
                        continue;
                    }
                };
                match &first {
                    Some(first) if *first != fates => {
                        wrong.push(format!("`{word}` is not `{}`, in {rules}: {fates:?} {first:?}", same[0]));
                    }
                    Some(_) => {}
                    None => {
                        wrong.extend(seen.iter().filter(|(_, theirs)| *theirs == fates).map(|(other, _)| {
                            format!("`{word}` and `{other}` are one, in {rules}: {fates:?}")
                        }));
                        seen.push((*word, fates.clone()));
                        first = Some(fates);
                    }
                }
            }
        }
    }
    assert_eq!(wrong, [""; 0]);
}

/// The sources of the reader.
const READER: [&str; 11] = [
    include_str!("../../src/parse/ct_timeout.rs"),
    include_str!("../../src/parse/cursor.rs"),
    include_str!("../../src/parse/element.rs"),
    include_str!("../../src/parse/key.rs"),
    include_str!("../../src/parse/mod.rs"),
    include_str!("../../src/parse/object.rs"),
    include_str!("../../src/parse/set.rs"),
    include_str!("../../src/parse/statement.rs"),
    include_str!("../../src/parse/table.rs"),
    include_str!("../../src/parse/unit.rs"),
    include_str!("../../src/parse/value.rs"),
];

#[test]
fn every_word_of_the_reader_has_a_place_or_a_reason() {
    let is_word = |text: &&str| {
        !text.is_empty() && text.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-')
    };
    let lines =
        READER.iter().flat_map(|source| source.lines()).filter(|line| !line.trim_start().starts_with("//"));
    let read: BTreeSet<&str> =
        lines.flat_map(|line| line.split('"').skip(1).step_by(2)).filter(is_word).collect();
    assert!(read.len() > 140, "{read:?}");
    let places =
        PLACES.iter().flat_map(|place| place.words.iter().copied().flatten().copied().chain([place.rules]));
    let reasons = SHOWN_OTHERWISE.iter().map(|(words, _)| *words);
    let all = places.chain(reasons).chain(ignored::words());
    let shown: BTreeSet<&str> =
        all.flat_map(|text| text.split(|c: char| c.is_whitespace() || "{};:/,=@\"".contains(c))).collect();
    // A unit stands behind its number.
    let units = ["ms", "s", "m", "h", "d", "w"];
    let missing: Vec<&str> =
        read.into_iter().filter(|word| !shown.contains(word) && !units.contains(word)).collect();
    assert_eq!(missing, [""; 0], "words of the reader that might be passed over, and nobody notices");
}
