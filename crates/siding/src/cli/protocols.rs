//! `siding show tables`, `siding show sections` and `siding set`: what protocols say of themselves.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::process::ExitCode;

use clap::Args as ClapArgs;

use super::ask::silent;
use super::table::Table;
use crate::control::Client;
use crate::control::Request;
use crate::control::SectionRow;
use crate::control::SetSectionRequest;
use crate::control::TableRow;
use crate::control::TableTextRow;

/// What is to be set.
#[derive(Debug, ClapArgs)]
pub(super) struct SetArgs {
    /// Which: `siding show sections` lists them
    section: String,
    /// Keys with their values; one without a value behind `=` is as usual again
    #[arg(value_name = "KEY=VALUE", required = true, value_parser = said)]
    values: Vec<(String, Option<String>)>,
}

fn said(text: &str) -> Result<(String, Option<String>), String> {
    let (key, value) = text.split_once('=').ok_or("give KEY=VALUE")?;
    Ok((key.to_owned(), (!value.is_empty()).then(|| value.to_owned())))
}

pub(super) fn set(client: &mut Client, SetArgs { section, values }: SetArgs) -> anyhow::Result<ExitCode> {
    let values: BTreeMap<_, _> = values.into_iter().collect();
    silent(client, &Request::SetSection(SetSectionRequest { section, values }))
}

/// Which tables there are.
pub(super) fn tables(rows: Vec<TableRow>) -> String {
    let mut table = Table::new(&["TABLE", "ABOUT"]);
    rows.into_iter().for_each(|row| table.row([row.table, row.about]));
    table.to_string()
}

/// One of them: columns of numbers to the right.
pub(super) fn table(told: TableTextRow) -> String {
    let is_number = |at: usize| {
        let mut cells = told.rows.iter().filter_map(|row| row.get(at)).filter(|cell| *cell != "-").peekable();
        cells.peek().is_some() && cells.all(|cell| cell.chars().all(|c| c.is_ascii_digit()))
    };
    let head = |(at, column): (usize, &String)| {
        let (name, unit) = column.split_at(column.find('/').unwrap_or(column.len()));
        format!("{}{}{unit}", if is_number(at) { ">" } else { "" }, name.to_uppercase())
    };
    let columns: Vec<String> = told.columns.iter().enumerate().map(head).collect();
    let mut table = Table::new(&columns);
    told.rows.into_iter().for_each(|row| table.row(row));
    let mut text = table.to_string();
    if told.left_out > 0 {
        // Writing to a string cannot fail.
        let _ = writeln!(text, "and {} more, which are left out", told.left_out);
    }
    text
}

/// Everything that protocols are configured by.
pub(super) fn sections(rows: Vec<SectionRow>) -> String {
    let mut table = Table::new(&["SECTION", "KEY", "VALUE", "SAID", "ABOUT"]);
    for row in rows {
        let said = if row.said { "yes" } else { "no" };
        table.row([row.section, row.key, row.value, said.into(), row.about]);
    }
    table.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_as_the_daemon_tells_it() {
        let row = |cells: [&str; 3]| cells.map(str::to_owned).to_vec();
        let told = TableTextRow {
            table: "echo".into(),
            columns: ["interface", "left/s", "state"].map(str::to_owned).to_vec(),
            rows: vec![row(["eth0", "7", "up"]), row(["a-long-name", "-", "7"]), row(["e", "1234", "down"])],
            left_out: 12,
        };
        let expected = "\
INTERFACE    LEFT/s  STATE
eth0              7  up
a-long-name       -  7
e              1234  down
and 12 more, which are left out
";
        assert_eq!(table(told.clone()), expected);
        let nothing = TableTextRow { rows: Vec::new(), left_out: 0, ..told };
        assert_eq!(table(nothing), "INTERFACE  LEFT/s  STATE\n");
    }

    #[test]
    fn what_is_to_be_set() {
        assert_eq!(said("robustness=3"), Ok(("robustness".into(), Some("3".into()))));
        assert_eq!(said("how=a=b"), Ok(("how".into(), Some("a=b".into()))));
        assert_eq!(said("robustness="), Ok(("robustness".into(), None)));
        assert!(said("robustness").is_err());
    }
}
