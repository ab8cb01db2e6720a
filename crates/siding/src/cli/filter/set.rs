//! `siding filter set`: elements of sets, on the running firewall.

use std::process::ExitCode;
use std::time::Duration;

use anyhow::bail;
use clap::Args as ClapArgs;
use clap::Subcommand;
use siding_output as output;

use crate::cli::ask::silent;
use crate::cli::table::Table;
use crate::control::Answer;
use crate::control::Client;
use crate::control::FilterRequest;
use crate::control::Request;
use crate::control::SetContentRow;
use crate::control::SetRequest;
use crate::control::SetRow;
use crate::control::WhichSet;

#[derive(Debug, Subcommand)]
pub(in crate::cli) enum SetCommand {
    /// Put elements into a set, at once; they stay over a reload. Example: siding filter set add blocked 2001:db8::/32
    Add {
        #[command(flatten)]
        which: Which,
        /// As in a file of rules, each in an argument: 2001:db8::/32, '2001:db8::1 timeout 1h', '22 : jump ssh'
        #[arg(value_name = "ELEMENT", required = true, value_parser = element)]
        elements: Vec<String>,
    },
    /// Take elements out of a set; one of a file stays out over a reload. Example: siding filter set delete blocked 2001:db8::/32
    Delete {
        #[command(flatten)]
        which: Which,
        /// As they are listed; of a map's, the key is enough
        #[arg(value_name = "ELEMENT", required = true, value_parser = element)]
        elements: Vec<String>,
    },
    /// What is in a set, or which sets there are. Example: siding filter set list blocked
    List {
        /// The set's name; all sets are named if it is not given
        #[arg(value_name = "SET")]
        name: Option<String>,
        /// Its table, as `fw` or 'inet fw', where several have a set of this name
        #[arg(long, value_name = "TABLE")]
        table: Option<String>,
        /// How many elements are shown, at most 10000
        #[arg(long, value_name = "COUNT", default_value_t = 1000)]
        most: usize,
        /// As JSON, with all that is known
        #[arg(long)]
        json: bool,
    },
}

/// Which set.
#[derive(Debug, ClapArgs)]
pub(in crate::cli) struct Which {
    /// The set's name
    #[arg(value_name = "SET")]
    name: String,
    /// Its table, as `fw` or 'inet fw', where several have a set of this name
    #[arg(long, value_name = "TABLE")]
    table: Option<String>,
    /// Print as JSON what the set has then
    #[arg(long)]
    json: bool,
}

/// What could end an element and begin something else does not come from an argument.
fn element(text: &str) -> Result<String, String> {
    match text.contains(['\n', '{', '}', ';']) {
        true => Err("give each element by itself, without braces".to_owned()),
        false => Ok(text.to_owned()),
    }
}

fn ask(client: &mut Client, request: SetRequest) -> anyhow::Result<Answer> {
    Ok(client.ask(&Request::Filter(FilterRequest::Set { set: request }))?)
}

/// Does it.
///
/// # Errors
///
/// It could not be done: why.
pub(super) fn set(client: &mut Client, command: SetCommand) -> anyhow::Result<ExitCode> {
    match command {
        SetCommand::Add { which, elements } => {
            changed(client, which, |which| SetRequest::Add { which, elements })
        }
        SetCommand::Delete { which, elements } => {
            changed(client, which, |which| SetRequest::Delete { which, elements })
        }
        SetCommand::List { name: None, table, json, .. } => {
            let Answer::Sets(mut rows) = ask(client, SetRequest::Names {})? else { bail!(OTHER) };
            rows.retain(|row| table.as_ref().is_none_or(|table| is_in(row, table)));
            output::print(if json { serde_json::to_string_pretty(&rows)? + "\n" } else { names(&rows) })?;
            Ok(ExitCode::SUCCESS)
        }
        SetCommand::List { name: Some(name), table, most, json } => {
            let row = list(client, WhichSet { name, table }, most)?;
            output::print(if json { serde_json::to_string_pretty(&row)? + "\n" } else { content(&row) })?;
            Ok(ExitCode::SUCCESS)
        }
    }
}

const OTHER: &str = "the daemon answers something else: is it of another version?";

fn changed(
    client: &mut Client,
    Which { name, table, json }: Which,
    request: impl FnOnce(WhichSet) -> SetRequest,
) -> anyhow::Result<ExitCode> {
    let which = WhichSet { name, table };
    let request = request(which.clone());
    let code = silent(client, &Request::Filter(FilterRequest::Set { set: request }))?;
    if json {
        output::print(serde_json::to_string_pretty(&list(client, which, 0)?.set)? + "\n")?;
    }
    Ok(code)
}

fn list(client: &mut Client, which: WhichSet, most: usize) -> anyhow::Result<SetContentRow> {
    match ask(client, SetRequest::List { which, most })? {
        Answer::Set(row) => Ok(row),
        _ => bail!(OTHER),
    }
}

fn is_in(row: &SetRow, table: &str) -> bool {
    row.table == table || format!("{} {}", row.family, row.table) == table
}

fn names(rows: &[SetRow]) -> String {
    let mut table = Table::new(&["TABLE", "SET", "KIND", "CHANGED-BY", ">ELEMENTS", ">SIZE"]);
    for row in rows {
        table.row([
            format!("{} {}", row.family, row.table),
            row.set.clone(),
            row.kind.clone(),
            if row.changing { "rules, time, commands" } else { "commands" }.to_owned(),
            row.elements.to_string(),
            row.size.map_or("-".to_owned(), |size| size.to_string()),
        ]);
    }
    table.to_string()
}

fn content(row: &SetContentRow) -> String {
    let mut table = Table::new(&["ELEMENT", ">LEFT/S", "FROM"]);
    for one in &row.content {
        let left = one.left_ms.map(|ms| Duration::from_millis(ms).as_secs().to_string());
        let from = match (one.by_command, row.set.changing) {
            (true, _) => "a command",
            (false, true) => "a rule, a file or a command",
            (false, false) => "a file",
        };
        table.row([one.element.clone(), left.unwrap_or_else(|| "-".to_owned()), from.to_owned()]);
    }
    for gone in &row.taken_out {
        table.row([gone.clone(), "-".to_owned(), "a file; taken out by a command".to_owned()]);
    }
    let more = row.set.elements.saturating_sub(row.content.len());
    let more = if more > 0 { format!("and {more} more: --most shows up to 10000\n") } else { String::new() };
    format!("{table}{more}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::control::ElementRow;

    #[test]
    fn a_set_in_a_table() {
        let set = SetRow {
            family: "inet".into(),
            table: "fw".into(),
            set: "blocked".into(),
            kind: "set".into(),
            changing: false,
            elements: 3,
            size: None,
        };
        assert!(is_in(&set, "fw") && is_in(&set, "inet fw") && !is_in(&set, "ip fw"));
        let row_of =
            |element: &str, by_command| ElementRow { element: element.into(), left_ms: None, by_command };
        let row = SetContentRow {
            content: vec![row_of("2001:db8::/32", false), row_of("2001:db9::/32", true)],
            taken_out: vec!["2001:dba::/32".into()],
            set,
        };
        let expected = "\
ELEMENT        LEFT/S  FROM
2001:db8::/32       -  a file
2001:db9::/32       -  a command
2001:dba::/32       -  a file; taken out by a command
and 1 more: --most shows up to 10000
";
        assert_eq!(content(&row), expected);
        let expected = "\
TABLE    SET      KIND  CHANGED-BY  ELEMENTS  SIZE
inet fw  blocked  set   commands           3     -
";
        assert_eq!(names(std::slice::from_ref(&row.set)), expected);
        assert!(element("2001:db8::1 timeout 5s").is_ok() && element("1 }; chain x {").is_err());
    }
}
