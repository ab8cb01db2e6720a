//! `siding group`, and `siding show groups`.

use std::process::ExitCode;

use clap::Subcommand;

use super::ask::silent;
use super::show;
use super::table::Table;
use super::what::ShowArgs;
use super::what::What;
use crate::control::Client;
use crate::control::Group;
use crate::control::GroupRequest;
use crate::control::GroupRow;
use crate::control::Request;

#[derive(Debug, Subcommand)]
pub(super) enum GroupCommand {
    /// Show groups, and whether routers have been told. Example: siding group show dev eth0
    #[command(alias = "list")]
    Show(ShowArgs),
    /// Join a group. Example: siding group join ff05::1234 dev eth0
    Join(Group),
    /// Leave a group that was joined. Example: siding group leave ff05::1234 dev eth0
    Leave(Group),
}

pub(super) fn group(client: &mut Client, command: GroupCommand) -> anyhow::Result<ExitCode> {
    let request = match command {
        GroupCommand::Show(args) => return show::by_noun(client, What::Groups, &args),
        GroupCommand::Join(group) => GroupRequest::Join(group),
        GroupCommand::Leave(group) => GroupRequest::Leave(group),
    };
    silent(client, &Request::Group(request))
}

/// The table of groups.
pub(super) fn table(rows: Vec<GroupRow>) -> String {
    let mut table = Table::new(&["INTERFACE", "GROUP", "WHY", "REPORTED", "MLD-VERSION"]);
    for row in rows {
        let reported = match row.reported {
            Some(true) => "yes",
            Some(false) => "not yet",
            None => "never",
        };
        let version = if row.version1_left_ms.is_some() { "1" } else { "2" };
        table.row([row.interface, row.group.to_string(), row.why, reported.into(), version.into()]);
    }
    table.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn groups_with_what_is_told_of_them() {
        let row = |group: &str, why: &str, reported, version1_left_ms| GroupRow {
            interface: "eth0".into(),
            group: group.parse().unwrap(),
            why: why.into(),
            reported,
            version1_left_ms,
        };
        let expected = "\
INTERFACE  GROUP           WHY      REPORTED  MLD-VERSION
eth0       ff02::1         node     never     2
eth0       ff02::1:ff00:1  address  yes       1
eth0       ff05::1234      asked    not yet   2
";
        let rows = vec![
            row("ff02::1", "node", None, None),
            row("ff02::1:ff00:1", "address", Some(true), Some(5)),
            row("ff05::1234", "asked", Some(false), None),
        ];
        assert_eq!(table(rows), expected);
    }
}
