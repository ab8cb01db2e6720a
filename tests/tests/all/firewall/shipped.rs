//! The example as a whole.

use std::path::Path;
use std::process::Command;

use siding_tests::Siding;

use super::edge::*;

type Item = (&'static str, fn(&mut Edge) -> Said);

fn items() -> impl Iterator<Item = &'static Item> {
    let lists = [super::icmp::ITEMS, super::simple::ITEMS, super::connections::ITEMS, super::others::ITEMS];
    lists.into_iter().flatten()
}

/// Lines that are rules; a `drop` by itself only counts what the policy would drop anyhow.
fn rules() -> Vec<(usize, &'static str)> {
    let lines = RULES.lines().enumerate().skip_while(|(_, line)| !line.contains("chain "));
    let rules = lines.filter(|(_, line)| {
        let line = line.trim();
        let other = ["#", "chain ", "type ", "}"].iter().any(|word| line.starts_with(word));
        !(line.is_empty() || other || line == "drop")
    });
    rules.collect()
}

#[test]
fn without_any_one_of_its_rules_some_item_is_not_obeyed() {
    let all = rules();
    assert!(all.len() > 20, "{all:?}");
    let mut not_needed = Vec::new();
    for (number, rule) in all {
        let kept = RULES.lines().enumerate().filter(|(other, _)| *other != number);
        let lacking: String = kept.flat_map(|(_, line)| [line, "\n"]).collect();
        if items().all(|(_, check)| check(&mut Edge::new(&lacking)).is_ok()) {
            not_needed.push(rule);
        }
    }
    assert!(not_needed.is_empty(), "{not_needed:#?}");
}

#[test]
fn what_is_shipped_checks() {
    let examples = Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples");
    let run = |arguments: &[&str], file: &str| {
        let output =
            Command::new(Siding::binary()).args(arguments).arg(examples.join(file)).output().unwrap();
        let told = String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{told}");
        told.into_owned()
    };
    let rules = rules().len() + RULES.lines().filter(|line| line.trim() == "drop").count();
    let told = run(&["filter", "check"], "firewall.nft");
    assert!(told.contains(&format!("1 table(s), {rules} rule(s)")), "{told}");
    assert!(run(&["check"], "firewall.toml").contains("2 interface(s)"));
}
