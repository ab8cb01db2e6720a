//! `siding bridge`.

use std::process::ExitCode;

use anyhow::bail;
use clap::Subcommand;
use siding_output as output;

use super::ask::seconds;
use super::ask::silent;
use super::nested::DeleteArgs;
use super::nested::only;
use super::nested::print;
use super::nested::up;
use super::table::Table;
use crate::control::Answer;
use crate::control::BridgeAdd;
use crate::control::BridgeRequest;
use crate::control::BridgeRow;
use crate::control::Client;
use crate::control::Request;

#[derive(Debug, Subcommand)]
pub(super) enum BridgeCommand {
    /// Show bridges, their ports and the stations that they know. Example: siding bridge show
    #[command(alias = "list")]
    Show {
        /// Only this one
        name: Option<String>,
        /// As JSON, with all that is known
        #[arg(long)]
        json: bool,
    },
    /// Make a bridge. Example: siding bridge add br0 --port eth1 --port lagg0.10 --address 2001:db8::1/64
    Add(BridgeAdd),
    /// Delete a bridge; its ports stay. Example: siding bridge delete br0
    #[command(alias = "del")]
    Delete(DeleteArgs),
    /// Add a port: a device, a lagg or a VLAN. Example: siding bridge add-port br0 eth3
    AddPort { bridge: String, port: String },
    /// Remove a port. Example: siding bridge remove-port br0 eth3
    RemovePort { bridge: String, port: String },
    /// Forget stations: all, or those behind a port. Example: siding bridge flush br0 eth3
    Flush { bridge: String, port: Option<String> },
}

pub(super) fn bridge(client: &mut Client, command: BridgeCommand) -> anyhow::Result<ExitCode> {
    let request = match command {
        BridgeCommand::Show { name, json } => {
            let Answer::Bridges(rows) = client.ask(&Request::Bridge(BridgeRequest::Show {}))? else {
                bail!("the daemon answers something else: is it of another version?");
            };
            let rows = only(rows, name.as_deref(), |row| &row.name, "bridge")?;
            return print(json, &rows, bridges);
        }
        BridgeCommand::Add(add) => BridgeRequest::Add(add),
        BridgeCommand::Delete(DeleteArgs { name, timeout }) => {
            let timeout_ms = u64::try_from(seconds(timeout)?.as_millis())?;
            BridgeRequest::Delete { name, timeout_ms }
        }
        BridgeCommand::AddPort { bridge, port } => BridgeRequest::AddPort { bridge, port },
        BridgeCommand::RemovePort { bridge, port } => BridgeRequest::RemovePort { bridge, port },
        BridgeCommand::Flush { bridge, port } => {
            let flush = Request::Bridge(BridgeRequest::Flush { bridge, port });
            if let Answer::Flushed(count) = client.ask(&flush)? {
                output::line(format_args!("{count} station(s) forgotten"))?;
            }
            return Ok(ExitCode::SUCCESS);
        }
    };
    silent(client, &Request::Bridge(request))
}

pub(super) fn bridges(rows: &[BridgeRow]) -> String {
    let mut table = Table::new(&[
        "NAME",
        "LINK",
        "MAC",
        ">AGEING/s",
        ">STATIONS",
        ">LIMIT",
        ">FORWARDED",
        ">FLOODED",
        ">MOVED",
        ">REFUSED",
    ]);
    let mut ports = Table::new(&["BRIDGE", "PORT", "STATE", ">STATIONS"]);
    let mut stations = Table::new(&["BRIDGE", "STATION", "PORT", ">AGE/s", "TALKED-TO"]);
    for row in rows {
        table.row([
            row.name.clone(),
            up(row.link),
            row.mac.clone(),
            row.ageing_s.to_string(),
            row.stations.len().to_string(),
            row.limit.to_string(),
            row.forwarded.to_string(),
            row.flooded.to_string(),
            row.moved.to_string(),
            row.refused.to_string(),
        ]);
        for port in &row.ports {
            let state = if port.forwarding { "forwarding" } else { "blocked" };
            ports.row([row.name.clone(), port.name.clone(), state.into(), port.stations.to_string()]);
        }
        for station in &row.stations {
            stations.row([
                row.name.clone(),
                station.mac.clone(),
                station.port.clone(),
                (station.age_ms / 1000).to_string(),
                if station.wanted { "yes" } else { "no" }.into(),
            ]);
        }
    }
    format!("{table}\n{ports}\n{stations}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::control::BridgePortRow;
    use crate::control::StationRow;

    #[test]
    fn a_bridge_its_ports_and_its_stations() {
        let row = BridgeRow {
            name: "br0".into(),
            link: true,
            mac: "02:00:00:00:00:01".into(),
            ageing_s: 300,
            limit: 8192,
            forwarded: 10,
            flooded: 2,
            moved: 1,
            refused: 0,
            ports: vec![BridgePortRow { name: "eth1".into(), forwarding: true, stations: 1 }],
            stations: vec![StationRow {
                mac: "02:00:00:00:00:09".into(),
                port: "eth1".into(),
                age_ms: 2500,
                wanted: true,
            }],
        };
        let expected = "\
NAME  LINK  MAC                AGEING/s  STATIONS  LIMIT  FORWARDED  FLOODED  MOVED  REFUSED
br0   up    02:00:00:00:00:01       300         1   8192         10        2      1        0

BRIDGE  PORT  STATE       STATIONS
br0     eth1  forwarding         1

BRIDGE  STATION            PORT  AGE/s  TALKED-TO
br0     02:00:00:00:00:09  eth1      2  yes
";
        assert_eq!(bridges(&[row]), expected);
    }
}
