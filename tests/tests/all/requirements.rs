//! The page of requirements, made from three places: the items (`docs/requirements.toml`), the `//= source [id]: words`
//! lines beside the code that obeys them (`#= ` in the example's rules), and the ids in the names of tests.
//!
//! An item without code or without a test fails here, unless the items' file gives the reason; so does a line or a reason
//! that has outlived its cause. `SIDING_BLESS=1` writes the page.

mod page;
mod source;

use std::collections::BTreeSet;
use std::path::Path;
use std::path::PathBuf;

use serde::Deserialize;
use source::Source;

/// What the stack is held to.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Items {
    item: Vec<Item>,
    check: Vec<Check>,
}

/// One requirement of an RFC.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Item {
    id: String,
    level: Option<String>,
    who: Option<String>,
    text: String,
    /// Why it is not obeyed, or not by us alone.
    reason: Option<String>,
}

/// One scenario that other projects test, or should.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Check {
    id: String,
    text: String,
    reason: Option<String>,
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_path_buf()
}

fn items() -> Items {
    toml::from_str(&std::fs::read_to_string(root().join("docs/requirements.toml")).unwrap()).unwrap()
}

#[test]
fn every_item_is_obeyed_and_tested_or_says_why_not() {
    let (items, source) = (items(), Source::read(&root()));
    let mut wrong = Vec::new();
    for item in &items.item {
        let (code, tests) = (source.code(&item.id).count() > 0, source.tests(&item.id).count() > 0);
        match (&item.reason, code && tests) {
            (None, false) => {
                let lacks = match (code, tests) {
                    (false, false) => "a `//=` line and a test",
                    (false, true) => "a `//=` line",
                    _ => "a test with its id in the name",
                };
                wrong.push(format!("{} lacks {lacks} (or a reason): {}", item.id, item.text));
            }
            (Some(_), true) => wrong.push(format!("{} is obeyed and tested: take its reason out", item.id)),
            _ => {}
        }
    }
    for check in &items.check {
        match (&check.reason, source.tests(&check.id).count() > 0) {
            (None, false) => wrong.push(format!("{} lacks a test (or a reason): {}", check.id, check.text)),
            (Some(_), true) => wrong.push(format!("{} is tested: take its reason out", check.id)),
            _ => {}
        }
    }
    assert!(wrong.is_empty(), "{} items:\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn every_line_beside_the_code_names_an_item_that_there_is() {
    let (items, source) = (items(), Source::read(&root()));
    let known: BTreeSet<&str> = items.item.iter().map(|item| item.id.as_str()).collect();
    let unknown: Vec<_> = source.lines.iter().filter(|line| !known.contains(line.id.as_str())).collect();
    assert!(unknown.is_empty(), "{unknown:#?}");
    assert!(source.lines.len() > 100, "the lines are not found: {}", source.lines.len());
}

#[test]
fn the_page_is_up_to_date() {
    let page = page::page(&items(), &Source::read(&root()));
    let path = root().join("docs/requirements.md");
    if std::env::var_os("SIDING_BLESS").is_some() {
        std::fs::write(&path, &page).unwrap();
    }
    let kept = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        kept == page,
        "docs/requirements.md is out of date: run `SIDING_BLESS=1 cargo test -p siding-tests --test all requirements::`, and look at the difference"
    );
}
