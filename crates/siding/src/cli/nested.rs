//! `siding vlan` and `siding lagg`.

use std::process::ExitCode;

use anyhow::bail;
use clap::Args as ClapArgs;
use clap::Subcommand;
use siding_output as output;

use super::ask::seconds;
use super::ask::silent;
use super::table::Table;
use crate::control::Answer;
use crate::control::Client;
use crate::control::LacpEndRow;
use crate::control::LacpPortRow;
use crate::control::LacpRow;
use crate::control::LaggAdd;
use crate::control::LaggPortRow;
use crate::control::LaggRequest;
use crate::control::LaggRow;
use crate::control::Request;
use crate::control::VlanAdd;
use crate::control::VlanRequest;
use crate::control::VlanRow;
use siding_client::value::ParsedMac;

#[derive(Debug, Subcommand)]
pub(super) enum VlanCommand {
    /// Show VLANs. Example: siding vlan show
    #[command(alias = "list")]
    Show {
        /// Only this one
        name: Option<String>,
        /// As JSON, with all that is known
        #[arg(long)]
        json: bool,
    },
    /// Make a VLAN. Example: siding vlan add lagg0.10 --parent lagg0 --vid 10 --address 2001:db8:10::1/64
    Add(VlanAdd),
    /// Delete a VLAN. Example: siding vlan delete lagg0.10
    #[command(alias = "del")]
    Delete(DeleteArgs),
}

#[derive(Debug, Subcommand)]
pub(super) enum LaggCommand {
    /// Show laggs and their ports. Example: siding lagg show
    #[command(alias = "list")]
    Show {
        /// Only this one
        name: Option<String>,
        /// As JSON, with all that is known
        #[arg(long)]
        json: bool,
    },
    /// Make a lagg. Example: siding lagg add lagg0 --mode failover --port eth1 --port eth2
    Add(LaggAdd),
    /// Delete a lagg; its ports stay. Example: siding lagg delete lagg0
    #[command(alias = "del")]
    Delete(DeleteArgs),
    /// Add a port, at work or not. Example: siding lagg add-port lagg0 eth3 --priority 50
    AddPort {
        lagg: String,
        port: String,
        /// More is better [default: behind the others]
        #[arg(long)]
        priority: Option<u16>,
    },
    /// Remove a port; it gets its own address back. Example: siding lagg remove-port lagg0 eth3
    RemovePort { lagg: String, port: String },
    /// Prefer a port, or `none`. Example: siding lagg set-primary lagg0 eth2
    SetPrimary { lagg: String, port: String },
    /// Give it another link-layer address, and all that lies on it. Example: siding lagg set-mac lagg0 02:00:00:00:00:01
    SetMac { lagg: String, mac: ParsedMac },
}

#[derive(Debug, ClapArgs)]
pub(super) struct DeleteArgs {
    pub(super) name: String,
    /// Seconds after which to tell who still holds it
    #[arg(long, value_name = "SECONDS", default_value = "10")]
    pub(super) timeout: f64,
}

pub(super) fn vlan(client: &mut Client, command: VlanCommand) -> anyhow::Result<ExitCode> {
    match command {
        VlanCommand::Show { name, json } => {
            let Answer::Vlans(rows) = client.ask(&Request::Vlan(VlanRequest::Show {}))? else {
                bail!("the daemon answers something else: is it of another version?");
            };
            let rows = only(rows, name.as_deref(), |row| &row.name, "VLAN")?;
            print(json, &rows, vlans)
        }
        VlanCommand::Add(add) => silent(client, &Request::Vlan(VlanRequest::Add(add))),
        VlanCommand::Delete(DeleteArgs { name, timeout }) => {
            let timeout_ms = u64::try_from(seconds(timeout)?.as_millis())?;
            silent(client, &Request::Vlan(VlanRequest::Delete { name, timeout_ms }))
        }
    }
}

pub(super) fn lagg(client: &mut Client, command: LaggCommand) -> anyhow::Result<ExitCode> {
    let request = match command {
        LaggCommand::Show { name, json } => {
            let Answer::Laggs(rows) = client.ask(&Request::Lagg(LaggRequest::Show {}))? else {
                bail!("the daemon answers something else: is it of another version?");
            };
            let rows = only(rows, name.as_deref(), |row| &row.name, "lagg")?;
            return print(json, &rows, laggs);
        }
        LaggCommand::Add(add) => LaggRequest::Add(add),
        LaggCommand::Delete(DeleteArgs { name, timeout }) => {
            let timeout_ms = u64::try_from(seconds(timeout)?.as_millis())?;
            LaggRequest::Delete { name, timeout_ms }
        }
        LaggCommand::AddPort { lagg, port, priority } => LaggRequest::AddPort { lagg, port, priority },
        LaggCommand::RemovePort { lagg, port } => LaggRequest::RemovePort { lagg, port },
        LaggCommand::SetPrimary { lagg, port } => {
            LaggRequest::SetPrimary { lagg, port: Some(port).filter(|port| port != "none") }
        }
        LaggCommand::SetMac { lagg, mac } => LaggRequest::SetMac { lagg, mac },
    };
    silent(client, &Request::Lagg(request))
}

pub(super) fn vlans(rows: &[VlanRow]) -> String {
    let mut table = Table::new(&["NAME", "PARENT", ">VID", "PROTOCOL", "LINK", "MAC", "ADDRESSES"]);
    for row in rows {
        table.row([
            row.name.clone(),
            row.parent.clone(),
            row.vid.to_string(),
            row.protocol.clone(),
            up(row.link),
            row.mac.clone(),
            row.addresses.join(" "),
        ]);
    }
    table.to_string()
}

pub(super) fn laggs(rows: &[LaggRow]) -> String {
    let mut table = Table::new(&["NAME", "MODE", "LINK", "MAC", "PRIMARY", "ACTIVE", ">ANNOUNCED"]);
    let mut ports = Table::new(&["LAGG", "PORT", ">PRIORITY", "LINK", "ROLE"]);
    let or_none = |name: &Option<String>| name.clone().unwrap_or_else(|| "-".into());
    for row in rows {
        table.row([
            row.name.clone(),
            row.mode.clone(),
            up(row.link),
            row.mac.clone(),
            or_none(&row.primary),
            or_none(&row.active),
            row.announced.to_string(),
        ]);
        for port in &row.ports {
            ports.row([
                row.name.clone(),
                port.name.clone(),
                port.priority.to_string(),
                up(port.usable),
                role(port).into(),
            ]);
        }
    }
    let lacp: String = rows.iter().map(lacp).collect();
    format!("{table}\n{ports}{lacp}")
}

fn role(port: &LaggPortRow) -> &'static str {
    match port {
        LaggPortRow { leaving: true, .. } => "leaves",
        LaggPortRow { sending: true, .. } => "sends",
        LaggPortRow { receiving: true, .. } => "receives",
        LaggPortRow { usable: true, .. } => "stands by",
        _ => "out of use",
    }
}

/// How LACP stands on a lagg, in full words; nothing in other modes.
fn lacp(row: &LaggRow) -> String {
    let Some(lacp) = &row.lacp else { return String::new() };
    let aggregator = lacp.aggregator.as_deref().unwrap_or("none");
    let LacpRow { system, key, activity, rate, .. } = lacp;
    let head = format!(
        "\n{}: LACP {activity}, {rate}; system {system} key {key}; partner in use: {aggregator}\n",
        row.name
    );
    let ports = row.ports.iter().filter_map(|port| Some((&port.name, port.lacp.as_ref()?)));
    let port = |(name, port): (&String, &LacpPortRow)| {
        let end = |who: &str, end: &LacpEndRow| {
            let LacpEndRow { system, key, port, priority, .. } = end;
            let state = end.state.join(", ");
            format!("    {who}: system {system} key {key}, port {port} priority {priority}: {state}\n")
        };
        let partner = match port.partner.port {
            0 => "    partner: nobody\n".to_owned(),
            _ => end("partner", &port.partner),
        };
        format!(
            "  {name}: {}, {} ({}); receive machine {}, periodic machine {}; {} PDUs sent, {} received, {} ignored\n{}{partner}",
            port.mux,
            port.selected,
            port.why,
            port.receive,
            port.periodic,
            port.sent,
            port.received,
            port.ignored,
            end("actor", &port.actor),
        )
    };
    head + &ports.map(port).collect::<String>()
}

pub(super) fn up(link: bool) -> String {
    if link { "up" } else { "down" }.to_owned()
}

/// The rows, or the one of the name that was given.
pub(super) fn only<R>(
    rows: Vec<R>,
    name: Option<&str>,
    name_of: impl Fn(&R) -> &String,
    what: &str,
) -> anyhow::Result<Vec<R>> {
    let Some(name) = name else { return Ok(rows) };
    let names: Vec<String> = rows.iter().map(|row| name_of(row).clone()).collect();
    let found: Vec<R> = rows.into_iter().filter(|row| name_of(row) == name).collect();
    match (found.is_empty(), names.is_empty()) {
        (false, _) => Ok(found),
        (true, true) => bail!("no {what} '{name}': there are none"),
        (true, false) => bail!("no {what} '{name}': there are {}", names.join(", ")),
    }
}

pub(super) fn print<R: serde::Serialize>(
    json: bool,
    rows: &[R],
    table: impl Fn(&[R]) -> String,
) -> anyhow::Result<ExitCode> {
    match json {
        true => output::line(serde_json::to_string_pretty(rows)?)?,
        false => output::print(table(rows))?,
    }
    Ok(ExitCode::SUCCESS)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn port(name: &str, priority: u16, usable: bool, sending: bool) -> LaggPortRow {
        let name = name.into();
        LaggPortRow { name, priority, usable, sending, receiving: sending, leaving: false, lacp: None }
    }

    #[test]
    fn a_lagg_and_its_ports() {
        let row = LaggRow {
            name: "lagg0".into(),
            mode: "failover".into(),
            link: true,
            mac: "02:00:00:00:00:01".into(),
            primary: None,
            active: Some("eth1".into()),
            announced: 9,
            lacp: None,
            ports: vec![
                port("eth1", 100, true, true),
                port("eth2", 99, true, false),
                port("eth3", 5, false, false),
            ],
        };
        let expected = "\
NAME   MODE      LINK  MAC                PRIMARY  ACTIVE  ANNOUNCED
lagg0  failover  up    02:00:00:00:00:01  -        eth1            9

LAGG   PORT  PRIORITY  LINK  ROLE
lagg0  eth1       100  up    sends
lagg0  eth2        99  up    stands by
lagg0  eth3         5  down  out of use
";
        assert_eq!(laggs(&[row]), expected);
    }

    #[test]
    fn lacp_in_full_words() {
        let end = |port, state: &[&str]| LacpEndRow {
            system: "32768/02:00:00:00:00:01".into(),
            key: 1,
            port,
            priority: 100,
            state: state.iter().map(|word| (*word).to_owned()).collect(),
        };
        let mut port = port("eth1", 100, true, true);
        port.lacp = Some(LacpPortRow {
            number: 1,
            receive: "current".into(),
            mux: "distributing".into(),
            periodic: "slow".into(),
            selected: "selected".into(),
            why: "partner heard".into(),
            actor: end(1, &["active", "in sync"]),
            partner: end(0, &[]),
            received: 3,
            sent: 4,
            ignored: 0,
            markers: 0,
        });
        let lacp = LacpRow {
            system: "32768/02:00:00:00:00:01".into(),
            key: 1,
            activity: "active".into(),
            rate: "slow".into(),
            aggregator: None,
        };
        let row = LaggRow {
            name: "lagg0".into(),
            mode: "lacp".into(),
            link: true,
            mac: "02:00:00:00:00:01".into(),
            primary: None,
            active: None,
            announced: 0,
            lacp: Some(lacp),
            ports: vec![port],
        };
        let text = super::lacp(&row);
        let expected = "
lagg0: LACP active, slow; system 32768/02:00:00:00:00:01 key 1; partner in use: none
  eth1: distributing, selected (partner heard); receive machine current, periodic machine slow; 4 PDUs sent, 3 received, 0 ignored
    actor: system 32768/02:00:00:00:00:01 key 1, port 1 priority 100: active, in sync
    partner: nobody
";
        assert_eq!(text, expected);
    }

    #[test]
    fn a_name_that_there_is_not_is_told_with_those_that_there_are() {
        let found = only(vec!["a".to_owned(), "b".to_owned()], Some("c"), |name| name, "lagg");
        assert_eq!(found.unwrap_err().to_string(), "no lagg 'c': there are a, b");
        assert_eq!(only(vec!["a".to_owned()], None, |name| name, "lagg").unwrap(), ["a"]);
    }
}
