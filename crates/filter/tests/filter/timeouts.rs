//! `ct timeout`: how long some connections may be silent.

use siding_filter::Program;
use siding_filter::Setup;

use crate::util::*;

fn with(objects: &str, rules: &str) -> String {
    format!("table inet t {{ {objects}\n chain c {{ type filter hook forward priority 0;\n{rules}\n}}; }}")
}

const LONG: &str = "ct timeout long { protocol tcp; l3proto ip6; policy = { established : 30d10s }; }";
const SOME: &str =
    "ct timeout some {\n protocol tcp\n l3proto ip6\n policy = { established: 120, close : 1m }\n}
ct timeout asks { comment \"few\"; policy = { replied : 10s }; protocol udp; }";

/// What the program says of its policies, by their numbers.
fn said(program: &Program) -> Vec<(u8, Vec<(&'static str, u32)>)> {
    let of = |timeout: &siding_filter::model::CtTimeout| {
        timeout.said().map(|(_, own, seconds)| (own, seconds)).collect()
    };
    program.timeouts().map(|(number, _, timeout)| (number, of(timeout))).collect()
}

#[test]
fn a_rule_gives_connections_of_its_family_the_times_of_a_policy() {
    let text = with(SOME, "tcp dport 80 ct timeout set \"some\"\nudp dport 53 ct timeout set asks");
    let first = program(&text);
    let again = program(&first.ruleset().to_string());
    for program in [&first, &again] {
        let expected =
            vec![(1, vec![("tcp-established", 120), ("tcp-closed", 60)]), (2, vec![("udp-stream", 10)])];
        assert_eq!(said(program), expected);
        assert!(program.needs_ct());
        let tcp4 = ip4("192.0.2.1", "198.51.100.2", 6, &tcp(1024, 80, 2));
        for (packet, policies) in [
            (tcp6(80, 2), vec![1]),
            (tcp6(81, 2), vec![]),
            (tcp4, vec![]),
            (udp6(53), vec![2]),
            (udp4(53), vec![2]),
        ] {
            let mut desk = Desk::default();
            run(program, &packet, &mut desk);
            assert_eq!(desk.policies, policies, "{packet:x?}");
        }
    }
    assert_eq!(first.ruleset().to_string(), again.ruleset().to_string());
    // Each is for its own protocol, whatever the rule does not ask.
    let both = program(&with(SOME, "ct timeout set some\nct timeout set asks"));
    for (packet, policies) in [(tcp6(80, 2), vec![1]), (udp6(53), vec![2])] {
        let mut desk = Desk::default();
        run(&both, &packet, &mut desk);
        assert_eq!(desk.policies, policies, "{packet:x?}");
    }
}

#[test]
fn a_policy_has_its_number_as_long_as_it_has_its_name() {
    let compiled = |text: &str, before: Option<&Program>| {
        let ruleset = load(text).unwrap_or_else(|errors| panic!("{errors}"));
        Program::compile(ruleset, &Setup::default(), before).map_err(|errors| errors.to_string())
    };
    let one = |name: &str| format!("ct timeout {name} {{ protocol udp; policy = {{ unreplied : 5 }}; }}\n");
    let numbers = |program: &Program| program.timeouts().map(|(number, ..)| number).collect::<Vec<_>>();
    let first = compiled(&with(&[one("a"), one("b")].concat(), ""), None).unwrap();
    assert_eq!(numbers(&first), [1, 2]);
    // What has gone may be in use yet: another one gets a number that nobody had.
    let second = compiled(&with(&[one("c"), one("b")].concat(), ""), Some(&first)).unwrap();
    assert_eq!(numbers(&second), [3, 2]);
    let third = compiled(&with(&[one("d"), one("b")].concat(), ""), Some(&second)).unwrap();
    assert_eq!(numbers(&third), [1, 2]);
    let many = |from: u8, to: u8| with(&(from..to).map(|n| one(&format!("x{n}"))).collect::<String>(), "");
    let full = compiled(&many(0, 15), None).unwrap();
    assert_eq!(numbers(&full).len(), 15);
    // Where all numbers were somebody's, others get those of who has gone, and who stays keeps its own, wherever it stands.
    let others = compiled(&many(7, 22), Some(&full)).unwrap();
    let (kept, new) = (numbers(&others)[..8].to_vec(), numbers(&others)[8..].to_vec());
    assert_eq!((kept, new), ((8..=15).collect(), (1..=7).collect()));
    let turned = with(&[one("y"), one("x7")].concat(), "");
    assert_eq!(numbers(&compiled(&turned, Some(&full)).unwrap()), [1, 8]);
    let wrong = compiled(&many(0, 16), None).map(|_| ()).unwrap_err();
    assert!(wrong.contains("`x15`: no more than 15 `ct timeout`"), "{wrong}");
}

#[test]
fn what_is_no_policy_is_refused_with_what_would_be_right() {
    for (objects, rule, words) in [
        (LONG, "", &["1s to 20d"][..]),
        ("ct timeout x { policy = { established : 5 }; }", "", &["write `protocol tcp`"]),
        ("ct timeout x { protocol icmp; policy = { timeout : 5 }; }", "", &["`tcp` or `udp`"]),
        ("ct timeout x { protocol udp; policy = { established : 5 }; }", "", &["unreplied replied"]),
        (
            "ct timeout x { protocol tcp; policy = { syn_sent2 : 5 }; }",
            "",
            &["syn_sent syn_recv established"],
        ),
        ("ct timeout x { protocol tcp; policy = { established : 500ms }; }", "", &["whole seconds"]),
        ("ct timeout x { protocol tcp; }", "", &["no time is said"]),
        (
            "ct timeout x { protocol tcp; policy = { close : 5, close : 9 }; }",
            "",
            &["`close` has a time already"],
        ),
        ("ct timeout x { protocol tcp; policy = { close : 5 }; policy = { syn_sent : 9 }; }", "", &["once"]),
        ("ct timeout x { protocol tcp; protocol udp; policy = { close : 5 }; }", "", &["once"]),
        ("ct timeout x { protocol tcp; l3proto inet; l3proto ip; policy = { close : 5 }; }", "", &["once"]),
        ("ct timeout x { protocol tcp; l3proto arp; policy = { close : 5 }; }", "", &["`ip6`"]),
        (
            "ct helper x { type \"ftp\" protocol tcp; }",
            "",
            &["`timeout`", "helpers and expectations are out"],
        ),
        ("", "ct timeout set \"none\"", &["no ct timeout `none`"]),
        ("", "ct timeout 5", &["`set`"]),
    ] {
        let wrong = load(&with(objects, rule)).map(|_| ()).unwrap_err();
        assert!(words.iter().all(|word| wrong.contains(word)), "{objects} {rule}: {wrong}");
    }
}

#[test]
fn as_libnftables_prints_it() {
    let json = r#"{"nftables": [
        {"metainfo": {"version": "1.0.6", "release_name": "Lester Gooch #5", "json_schema_version": 1}},
        {"table": {"family": "inet", "name": "t", "handle": 5}},
        {"ct timeout": {"family": "inet", "name": "slow", "table": "t", "handle": 2, "protocol": "tcp",
            "l3proto": "ip6", "policy": {"established": 120, "close": 20}}},
        {"chain": {"family": "inet", "table": "t", "name": "c", "handle": 1, "type": "filter", "hook": "forward",
            "prio": 0, "policy": "accept"}},
        {"rule": {"family": "inet", "table": "t", "chain": "c", "handle": 3, "expr": [{"ct timeout": "slow"}]}}]}"#;
    let program = program(json);
    assert_eq!(said(&program), [(1, vec![("tcp-established", 120), ("tcp-closed", 20)])]);
    let mut desk = Desk::default();
    run(&program, &tcp6(80, 2), &mut desk);
    assert_eq!(desk.policies, [1]);
}
