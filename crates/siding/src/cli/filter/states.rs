//! `siding filter states` and `flush`.

use std::net::IpAddr;
use std::process::ExitCode;

use anyhow::bail;
use clap::Args as ClapArgs;
use siding_output as output;

use crate::cli::table::Table;
use crate::control::Answer;
use crate::control::Client;
use crate::control::FilterRequest;
use crate::control::Request;
use crate::control::StateRow;
use crate::control::StatesRow;
use crate::control::StatesWanted;

/// Which flows.
#[derive(Debug, ClapArgs)]
pub(in crate::cli) struct Which {
    /// With this address at one end
    #[arg(long, value_name = "ADDR")]
    address: Option<IpAddr>,
    /// With this port at one end
    #[arg(long, value_name = "PORT")]
    port: Option<u16>,
    /// Of this protocol: tcp, udp, icmp, icmpv6 or a number
    #[arg(long, value_name = "PROTOCOL", value_parser = protocol)]
    protocol: Option<u8>,
    /// In this phase, as `siding filter states` shows it
    #[arg(long, value_name = "PHASE")]
    phase: Option<String>,
}

/// Protocols that have a name here.
const NAMES: [(&str, u8); 4] = [("tcp", 6), ("udp", 17), ("icmp", 1), ("icmpv6", 58)];

fn protocol(text: &str) -> Result<u8, String> {
    let named = NAMES.iter().find(|(name, _)| *name == text).map(|(_, number)| *number);
    let number = named.or_else(|| text.parse().ok());
    number.ok_or_else(|| "give tcp, udp, icmp, icmpv6 or a number from 0 to 255".to_owned())
}

fn ask(client: &mut Client, which: Which, most: usize, flush: bool) -> anyhow::Result<StatesRow> {
    let Which { address, port, protocol, phase } = which;
    let which = StatesWanted { address, port, protocol, phase, most };
    match client.ask(&Request::Filter(FilterRequest::States { which, flush }))? {
        Answer::States(row) => Ok(row),
        _ => bail!("the daemon answers something else: is it of another version?"),
    }
}

pub(super) fn show(client: &mut Client, which: Which, most: usize, json: bool) -> anyhow::Result<ExitCode> {
    let row = ask(client, which, most, false)?;
    output::print(if json { serde_json::to_string_pretty(&row)? + "\n" } else { table(row) })?;
    Ok(ExitCode::SUCCESS)
}

pub(super) fn flush(client: &mut Client, which: Which) -> anyhow::Result<ExitCode> {
    let row = ask(client, which, 0, true)?;
    output::line(format_args!("{} state(s) forgotten", row.all))?;
    Ok(ExitCode::SUCCESS)
}

fn table(row: StatesRow) -> String {
    let mut table =
        Table::new(&["PROTOCOL", "SOURCE", "DESTINATION", "PHASE", ">PACKETS", ">BACK", ">LEFT/S"]);
    let shown = row.states.len();
    for state in row.states {
        let StateRow { source, destination, source_port, destination_port, packets, .. } = state;
        let named = NAMES.iter().find(|(_, number)| *number == state.protocol);
        table.row([
            named.map_or_else(|| state.protocol.to_string(), |(name, _)| (*name).to_owned()),
            end(source, source_port),
            end(destination, destination_port),
            state.phase,
            packets[0].to_string(),
            packets[1].to_string(),
            (state.left_ms / 1000).to_string(),
        ]);
    }
    let more = row.all - shown;
    let more = if more > 0 { format!("and {more} more: --most shows up to 10000\n") } else { String::new() };
    format!("{table}{more}")
}

/// An address and a port.
fn end(address: IpAddr, port: u16) -> String {
    std::net::SocketAddr::new(address, port).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn states_in_a_table() {
        let state = StateRow {
            protocol: 6,
            source: "2001:db8::1".parse().unwrap(),
            destination: "2001:db8::2".parse().unwrap(),
            source_port: 4000,
            destination_port: 443,
            phase: "established".into(),
            answered: true,
            mark: 0,
            packets: [3, 2],
            bytes: [300, 200],
            silent_ms: 1,
            left_ms: 7_440_000,
            worker: 0,
        };
        let expected = "\
PROTOCOL  SOURCE              DESTINATION        PHASE        PACKETS  BACK  LEFT/S
tcp       [2001:db8::1]:4000  [2001:db8::2]:443  established        3     2    7440
and 2 more: --most shows up to 10000
";
        assert_eq!(table(StatesRow { states: vec![state], all: 3 }), expected);
        assert_eq!((protocol("icmpv6"), protocol("132")), (Ok(58), Ok(132)));
        assert!(protocol("quic").is_err());
    }
}
