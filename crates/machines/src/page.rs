//! `docs/machines.md`: the machines' tables, made by stepping the machines. A test compares the page with what they do.

mod dad;
mod nud;

use std::fmt::Write;
use std::path::Path;

/// What each event makes of each state.
pub(crate) struct Table {
    text: String,
}

impl Table {
    /// `states` are the columns.
    pub(crate) fn new(states: &[String]) -> Table {
        let mut text = "| |".to_owned();
        states.iter().for_each(|state| write!(text, " {state} |").unwrap());
        text += "\n|---|";
        states.iter().for_each(|_| text += "---|");
        Table { text: text + "\n" }
    }

    /// What comes of `event`, state by state.
    pub(crate) fn row(&mut self, event: &str, cells: impl IntoIterator<Item = String>) {
        write!(self.text, "| {event} |").unwrap();
        cells.into_iter().for_each(|cell| write!(self.text, " {cell} |").unwrap());
        self.text += "\n";
    }

    pub(crate) fn text(self) -> String {
        self.text
    }
}

/// The state after a step, and what else it did; `·` if it did nothing at all.
pub(crate) fn cell<S: PartialEq + ToString>(from: &S, to: &S, did: &[&str]) -> String {
    let moved = (from != to).then(|| format!("**{}**", to.to_string().to_lowercase()));
    let parts: Vec<String> = moved.into_iter().chain(did.iter().map(|did| (*did).to_owned())).collect();
    if parts.is_empty() { "·".to_owned() } else { parts.join(", ") }
}

const HEAD: &str = "\
# State machines

What each event makes of each state: the new state in bold if it is another, then what else is done; `·` is nothing at all.
This page is made by stepping the machines of `crates/machines`: `SIDING_BLESS=1 cargo test -p siding-machines page` writes it, and without
that variable the test fails if the page is out of date. In debug builds each machine checks after each step that what must always hold of it does.
";

#[test]
fn the_page_is_what_the_machines_do() {
    let sections =
        [nud::section(), dad::section(), crate::lacp::page::section(), crate::host::page::section()];
    let page = format!("{HEAD}\n{}", sections.join("\n"));
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/machines.md");
    if std::env::var_os("SIDING_BLESS").is_some() {
        return std::fs::write(path, page).unwrap();
    }
    let kept = std::fs::read_to_string(path).unwrap_or_default();
    let differs = kept.lines().zip(page.lines()).find(|(kept, page)| kept != page);
    assert!(
        kept == page,
        "docs/machines.md is out of date: {differs:?}; look at it, then run this with SIDING_BLESS=1"
    );
}
