//! The page.

use std::collections::BTreeMap;
use std::fmt::Write;

use crate::requirements::Items;
use crate::requirements::source::Source;
use crate::requirements::source::Test;

/// `docs/requirements.md`.
pub(crate) fn page(items: &Items, source: &Source) -> String {
    let mut page = HEAD.to_owned();
    let met = items.item.iter().filter(|item| item.reason.is_none()).count();
    let _ = writeln!(page, "\n{met} of {} items are obeyed and tested.", items.item.len());
    let mut of = String::new();
    for item in &items.item {
        let (rfc, _) = item.id.split_once('-').unwrap_or((&item.id, ""));
        if rfc != of {
            of = rfc.to_owned();
            let name = if rfc == "LACP" { "LACP, IEEE 802.1AX".to_owned() } else { format!("RFC {rfc}") };
            let _ = writeln!(page, "\n## {name}");
        }
        let level =
            [item.level.as_deref(), item.who.as_deref()].into_iter().flatten().collect::<Vec<_>>().join(", ");
        let level = if level.is_empty() { String::new() } else { format!(" ({level})") };
        let _ = writeln!(page, "\n**{}**{level}: {}\n", item.id, item.text);
        if let Some(reason) = &item.reason {
            let _ = writeln!(page, "- **not in full: {reason}**");
        }
        for (path, words) in
            by_path(source.code(&item.id).map(|line| (line.path.as_str(), line.words.as_str())))
        {
            let _ = writeln!(page, "- {}: {}", link(path), words.join("; "));
        }
        tests(&mut page, source.tests(&item.id));
    }
    let _ = writeln!(page, "\n## Scenarios that other projects test, or should");
    for check in &items.check {
        let _ = writeln!(page, "\n**{}**: {}\n", check.id, check.text);
        if let Some(reason) = &check.reason {
            let _ = writeln!(page, "- **not in full: {reason}**");
        }
        tests(&mut page, source.tests(&check.id));
    }
    page
}

const HEAD: &str = "# Requirements

What the stack is held to, item by item: what is asked, in our own words; where it is obeyed, as the code says it; and the tests
with its id in their names. Made by `SIDING_BLESS=1 cargo test -p siding-tests --test all requirements::` from `requirements.toml`
and the sources; the same test fails when an item has no code, no test, and no reason, and when this page is out of date.
";

fn tests<'a>(page: &mut String, tests: impl Iterator<Item = &'a Test>) {
    for (path, names) in by_path(tests.map(|test| (test.path.as_str(), test.name.as_str()))) {
        let names: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
        let _ = writeln!(page, "- tested in {}: {}", link(path), names.join(", "));
    }
}

fn by_path<'a>(found: impl Iterator<Item = (&'a str, &'a str)>) -> BTreeMap<&'a str, Vec<&'a str>> {
    let mut by_path: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for (path, what) in found {
        let all = by_path.entry(path).or_default();
        if !what.is_empty() && !all.contains(&what) {
            all.push(what);
        }
    }
    by_path
}

fn link(path: &str) -> String {
    let short = path.trim_start_matches("crates/").replacen("/src/", "/", 1);
    format!("[{short}](../{path})")
}
