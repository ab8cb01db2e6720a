//! Whatever comes: no panic, and what loads is printed as text that loads as the same.

use proptest::prelude::*;
use siding_filter::Hook;
use siding_filter::Packet;
use siding_filter::Program;
use siding_filter::Setup;

use crate::util::*;

/// Words that mean something, so that what is made of them comes far.
const WORDS: &[&str] = &[
    "table",
    "inet",
    "ip",
    "ip6",
    "t",
    "{",
    "}",
    "{",
    "}",
    "chain",
    "c",
    "type",
    "filter",
    "hook",
    "forward",
    "priority",
    "0",
    ";",
    "\n",
    "\n",
    "policy",
    "drop",
    "accept",
    "saddr",
    "daddr",
    "tcp",
    "udp",
    "dport",
    "80",
    "1-9",
    "2001:db8::/32",
    "::1",
    "10.0.0.0/8",
    "@s",
    "set",
    "map",
    "elements",
    "=",
    ",",
    ":",
    ".",
    "vmap",
    "jump",
    "flags",
    "interval",
    "timeout",
    "10s",
    "dynamic",
    "limit",
    "rate",
    "over",
    "5/second",
    "burst",
    "packets",
    "counter",
    "log",
    "prefix",
    "\"x\"",
    "meta",
    "mark",
    "&",
    "|",
    "0xff",
    "ct",
    "state",
    "new",
    "count",
    "add",
    "update",
    "size",
    "4294967295",
    "ipv6_addr",
    "inet_service",
    "verdict",
    "define",
    "$x",
    "include",
    "!=",
    "<",
    "syn",
    "/",
    "(",
    ")",
    "fib",
    "oif",
    "missing",
    "exthdr",
    "frag",
    "reject",
    "with",
    "quota",
    "mbytes",
    "*",
    "-",
];

fn shake(text: &str) {
    let Ok(ruleset) = load(text) else { return };
    let printed = ruleset.to_string();
    let again = load(&printed).unwrap_or_else(|errors| panic!("{errors}\n{text}\n{printed}"));
    assert_eq!(again.to_string(), printed);
    let Ok(program) = Program::compile(ruleset, &Setup::default(), None) else { return };
    for packet in [udp6(80), tcp6(80, 2), udp4(5), icmp6(128, 0)] {
        run(&program, &packet, &mut Desk::default());
    }
}

proptest! {
    #[test]
    fn words(words in proptest::collection::vec(proptest::sample::select(WORDS), 0..60)) {
        shake(&words.join(" "));
    }

    #[test]
    fn a_rule_of_words(words in proptest::collection::vec(proptest::sample::select(WORDS), 0..14)) {
        let rule = words.join(" ");
        shake(&format!("table inet t {{ set s {{ type ipv6_addr; }}; chain c {{ {rule}\n }}\n }}"));
    }

    #[test]
    fn a_set_of_words(words in proptest::collection::vec(proptest::sample::select(WORDS), 0..20)) {
        shake(&format!("table inet t {{ set s {{ type ipv6_addr; {}\n }}\n }}", words.join(" ")));
    }

    #[test]
    fn characters(text in "\\PC*") {
        shake(&text);
    }

    #[test]
    fn json_with_bites_taken_out(from in 0_usize..4600, len in 0_usize..40, with in "[\\[\\]{}\",:0-9a-z]{0,6}") {
        let json = include_str!("fixtures/cpe.json");
        let end = (from + len).min(json.len());
        let from = from.min(end);
        shake(&format!("{}{with}{}", &json[..from], &json[end..]));
    }

    #[test]
    fn text_with_bites_taken_out(from in 0_usize..1200, len in 0_usize..40, with in "[@{}\",:0-9a-z ;]{0,6}") {
        let text = include_str!("fixtures/cpe.nft");
        let end = (from + len).min(text.len());
        let from = from.min(end);
        shake(&format!("{}{with}{}", &text[..from], &text[end..]));
    }

    #[test]
    fn packets(mut bytes in proptest::collection::vec(any::<u8>(), 0..200), version in 0_u8..16, fit in any::<bool>()) {
        if let Some(first) = bytes.first_mut() {
            *first = if version < 8 { 0x60 } else { 0x45 };
        }
        if fit && bytes.len() >= 40 {
            let len = bytes.len() as u16;
            let (at, len) = if version < 8 { (4, len - 40) } else { (2, len) };
            bytes[at..at + 2].copy_from_slice(&len.to_be_bytes());
        }
        let Ok(packet) = Packet::parse(&bytes, None) else { return Ok(()) };
        let program = rules("exthdr frag exists counter\ntcp flags syn drop\nicmpv6 type 1 drop\nmh type 1 drop\nfrag id 1 drop");
        program.run(0, Hook::Forward, &packet, &mut Desk::default());
        let _ = Packet::parse_quoted(&bytes);
        let _ = (packet.ports(), packet.icmp(), packet.tcp_flags(), packet.hop_limit());
    }
}
