//! Words for values stand for the same numbers as `nft` has them by.

use std::collections::BTreeMap;
use std::fs;
use std::process::Command;

use siding_filter::Ruleset;
use siding_filter::model::Right;
use siding_filter::model::Statement;
use siding_filter::types::Value;
use siding_tests::skip;

/// Which number a word stands for behind a field, if it is read there.
fn ours(field: &str, word: &str) -> Option<u128> {
    let text = format!(
        "table inet t {{ chain c {{ type filter hook prerouting priority 0; {field} {word} accept; }} }}"
    );
    let ruleset = Ruleset::load(&[("t.nft", &text)], &mut |path| Err(format!("no file {path}"))).ok()?;
    let rule = &ruleset.tables[0].chains[0].rules[0];
    match &rule.statements[0] {
        Statement::Match(relation) => match &relation.right {
            Right::Values(values) => match values.as_slice() {
                [Value::Exact(number)] => Some(*number),
                other => panic!("{text}: {other:?}"),
            },
            other => panic!("{text}: {other:?}"),
        },
        other => panic!("{text}: {other:?}"),
    }
}

/// Words and numbers of a list, in the columns that it has them in; numbers may be followed by a `/`.
fn listed(list: &str) -> impl Iterator<Item = (&str, u128)> {
    list.lines().filter_map(|line| {
        let mut columns = line.split('#').next()?.split_whitespace();
        let (word, number) = (columns.next()?, columns.next()?.split('/').next()?);
        let number = match number.strip_prefix("0x") {
            Some(hex) => u128::from_str_radix(hex, 16).ok()?,
            None => number.parse().ok()?,
        };
        Some((word, number))
    })
}

#[test]
fn words_stand_for_the_numbers_that_nft_has_them_by() {
    if Command::new("nft").arg("--version").output().is_err() {
        return skip("needs nft");
    }
    let fields = [
        ("meta l4proto", 50),
        ("icmp type", 15),
        ("icmp code", 8),
        ("icmpv6 type", 19),
        ("icmpv6 code", 6),
        ("ip dscp", 25),
        ("tcp flags", 8),
        ("ct state", 5),
        ("ct direction", 2),
        ("meta pkttype", 5),
        ("meta nfproto", 2),
        ("meta protocol", 6),
        ("fib saddr type", 9),
    ];
    let mut wrong = Vec::new();
    for (field, least) in fields {
        let output = Command::new("nft").arg("describe").args(field.split(' ')).output().unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        let words: BTreeMap<&str, u128> = listed(&text).collect();
        assert!(words.len() >= least, "{field}: {text}");
        wrong.extend(words.into_iter().filter_map(|(word, number)| {
            let ours = ours(field, word);
            (ours != Some(number)).then(|| format!("{field} {word}: {number} by nft, {ours:?} here"))
        }));
    }
    assert_eq!(wrong, [""; 0]);
}

#[test]
fn ports_and_protocols_have_the_names_of_the_systems_lists() {
    let lists = [("tcp dport", "/etc/services", 25), ("meta l4proto", "/etc/protocols", 50)];
    for (field, path, least) in lists {
        let Ok(list) = fs::read_to_string(path) else {
            return skip("needs /etc/services and /etc/protocols");
        };
        let mut known = 0;
        // Of a name that is there twice the first counts. Of ports we have some names, of protocols all.
        let mut words = BTreeMap::new();
        listed(&list).filter(|(_, number)| *number < 256 || field == "tcp dport").for_each(
            |(word, number)| {
                words.entry(word).or_insert(number);
            },
        );
        for (word, number) in words {
            match ours(field, word) {
                Some(ours) => {
                    assert_eq!(ours, number, "{field} {word}");
                    known += 1;
                }
                None => assert_eq!(field, "tcp dport", "{word} is not known"),
            }
        }
        assert!(known >= least, "{known} names of {path}");
    }
}
