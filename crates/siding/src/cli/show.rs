//! `siding show`.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::process::ExitCode;

use anyhow::bail;
use siding_output as output;

use super::advertise;
use super::bridge;
use super::counters;
use super::drops;
use super::group;
use super::host;
use super::nested;
use super::performance;
use super::protocols;
use super::table::Table;
use super::table::micros;
use super::what::ShowArgs;
use super::what::What;
use crate::control::Answer;
use crate::control::BridgeRequest;
use crate::control::Client;
use crate::control::GroupRequest;
use crate::control::HostRequest;
use crate::control::InterfaceRow;
use crate::control::LaggRequest;
use crate::control::LaneRow;
use crate::control::LimitRow;
use crate::control::NeighborRow;
use crate::control::Request;
use crate::control::TypeRow;
use crate::control::VlanRequest;
use crate::control::WorkerRow;

/// Asks the daemon, and puts what it says into tables, or JSON.
fn show(client: &mut Client, what: What, table: Option<String>, args: &ShowArgs) -> anyhow::Result<String> {
    if table.is_some() && what != What::Tables {
        bail!("only tables have names: say `dev NAME` for what is of one interface");
    }
    if args.interval.is_some() && !matches!(what, What::Drops | What::Performance) {
        bail!("`--interval` is for drops and performance: nothing else is told of a time");
    }
    let answer = match (what, args.interval) {
        (What::Drops, Some(seconds)) => drops::over(client, seconds)?,
        (What::Performance, Some(seconds)) => performance::over(client, seconds)?,
        _ => client.ask(&match what {
            What::Interfaces | What::Counters => Request::ShowInterfaces {},
            What::Addresses => Request::ShowAddresses {},
            What::Neighbors => Request::ShowNeighbors {},
            What::Routes => Request::ShowRoutes {},
            What::Routers => Request::Host(HostRequest::ShowRouters {}),
            What::Prefixes => Request::Host(HostRequest::ShowPrefixes {}),
            What::Netisr => Request::ShowNetisr {},
            What::Drops => Request::ShowDrops {},
            What::Workers => Request::ShowWorkers {},
            What::Performance => Request::ShowPerformance {},
            What::PathMtus => Request::ShowPathMtus {},
            What::Limits => Request::ShowLimits {},
            What::Groups => Request::Group(GroupRequest::Show {}),
            What::Vlans => Request::Vlan(VlanRequest::Show {}),
            What::Laggs => Request::Lagg(LaggRequest::Show {}),
            What::Bridges => Request::Bridge(BridgeRequest::Show {}),
            What::Advertisers => Request::ShowAdvertisers {},
            What::Tables => match table {
                Some(table) => Request::ShowTable { table },
                None => Request::ShowTables {},
            },
            What::Sections => Request::ShowSections {},
        })?,
    };
    let answer = match &args.dev {
        Some(dev) => only(client, what, dev, answer)?,
        None => answer,
    };
    if args.json {
        // The rows alone: whoever asked knows what was asked.
        let value = serde_json::to_value(&answer)?;
        let rows = value.get("value").unwrap_or(&value);
        return Ok(serde_json::to_string_pretty(rows)? + "\n");
    }
    Ok(match answer {
        Answer::Interfaces(rows) if what == What::Counters => counters::table(&rows),
        Answer::Interfaces(rows) => interfaces(&rows),
        Answer::Addresses(rows) => host::addresses(rows),
        Answer::Routers(rows) => host::routers(rows),
        Answer::Prefixes(rows) => host::prefixes(rows),
        Answer::Neighbors(rows) => neighbors(rows),
        Answer::Routes(rows) => {
            let mut table = Table::new(&["DESTINATION", "VIA", "INTERFACE", ">METRIC", "ORIGIN"]);
            for row in rows {
                let via = row.via.map_or_else(|| "on-link".into(), |via| via.to_string());
                let via = row.weight.map_or(via.clone(), |weight| format!("{via} weight {weight}"));
                let via = row.refuse.unwrap_or(via);
                let interface = match row.unfit {
                    Some(why) => format!("{} ({why})", row.interface),
                    None => row.interface,
                };
                table.row([row.to, via, interface, row.metric.to_string(), row.origin]);
            }
            table.to_string()
        }
        Answer::Netisr(rows) => netisr(&rows),
        Answer::Drops(rows) => drops::table(&rows),
        Answer::Workers(rows) => workers(&rows),
        Answer::Performance(rows) => performance::table(&rows, &performance::queues(client)?),
        Answer::Limits(rows) => limits(rows),
        Answer::Groups(rows) => group::table(rows),
        Answer::Vlans(rows) => nested::vlans(&rows),
        Answer::Laggs(rows) => nested::laggs(&rows),
        Answer::Bridges(rows) => bridge::bridges(&rows),
        Answer::Tables(rows) => protocols::tables(rows),
        Answer::Table(table) => protocols::table(table),
        Answer::Sections(rows) => protocols::sections(rows),
        Answer::Advertisers(rows) => advertise::table(&rows),
        Answer::PathMtus(rows) => {
            let mut table = Table::new(&["DESTINATION", "INTERFACE", ">MTU/B", ">LEFT/s"]);
            for row in rows {
                let interface = row.interface.unwrap_or_else(|| "-".into());
                let left = (row.left_ms / 1000).to_string();
                table.row([row.destination.to_string(), interface, row.mtu.to_string(), left]);
            }
            table.to_string()
        }
        _ => bail!("the daemon answers something else: is it of another version?"),
    })
}

/// The rows that are of this interface.
fn only(client: &mut Client, what: What, dev: &str, answer: Answer) -> anyhow::Result<Answer> {
    if matches!(what, What::Workers | What::Netisr | What::Performance | What::Tables | What::Sections) {
        bail!("these are of all interfaces together: leave `dev {dev}` out");
    }
    let mut value = serde_json::to_value(&answer)?;
    if let Some(rows) = value.get_mut("value").and_then(|value| value.as_array_mut()) {
        let of = |row: &serde_json::Value, key: &str| row.get(key).is_some_and(|name| name == dev);
        // What has an interface has it by that key; an interface is known by its own name.
        let is_its = |row: &serde_json::Value| match row.get("interface") {
            Some(_) => of(row, "interface"),
            None => of(row, "name"),
        };
        rows.retain(is_its);
        // That there is nothing of it says something only if there is such an interface.
        if rows.is_empty()
            && let Answer::Interfaces(all) = client.ask(&Request::ShowInterfaces {})?
            && all.iter().all(|row| row.name != dev)
        {
            let names: Vec<&str> = all.iter().map(|row| row.name.as_str()).collect();
            bail!("no interface {dev:?}: there is {}", names.join(", "));
        }
    }
    Ok(serde_json::from_value(value)?)
}

/// `show` behind its noun, as in `siding route show dev eth0`.
pub(super) fn by_noun(client: &mut Client, what: What, args: &ShowArgs) -> anyhow::Result<ExitCode> {
    show_one(client, what, None, args)
}

/// `show` before it; of tables, one of them may be named.
pub(super) fn show_one(
    client: &mut Client,
    what: What,
    table: Option<String>,
    args: &ShowArgs,
) -> anyhow::Result<ExitCode> {
    output::print(show(client, what, table, args)?)?;
    Ok(ExitCode::SUCCESS)
}

fn interfaces(rows: &[InterfaceRow]) -> String {
    let mut table = Table::new(&[
        "NAME",
        "STATE",
        "DRIVER",
        "DEVICE",
        "MAC",
        ">MTU/B",
        ">NEIGHBORS",
        ">RX-PKTS",
        ">RX-BYTES",
        ">RX-DROPS",
        ">TX-PKTS",
        ">TX-BYTES",
        ">TX-DROPS",
    ]);
    let of = |counters: &BTreeMap<String, u64>, name: &str| counters.get(name).copied().unwrap_or(0);
    for row in rows {
        let (stack, device) = (&row.counters, &row.device_counters);
        table.row([
            row.name.clone(),
            row.state.clone(),
            row.driver.clone(),
            row.device.clone(),
            row.mac.clone(),
            row.mtu.to_string(),
            row.neighbors.to_string(),
            of(stack, "rx-packets").to_string(),
            of(stack, "rx-bytes").to_string(),
            of(device, "rx-dropped").to_string(),
            of(stack, "tx-packets").to_string(),
            of(stack, "tx-bytes").to_string(),
            // Those that the device lost are among them.
            of(stack, "tx-dropped").to_string(),
        ]);
    }
    let mut text = table.to_string();
    for row in rows {
        let addresses = row.addresses.join(" ");
        // Writing to a string cannot fail.
        let _ = write!(
            text,
            "\n{}: {}",
            row.name,
            if addresses.is_empty() { "no addresses" } else { &addresses }
        );
        if let Some(ms) = row.tx_stalled_ms {
            let _ = write!(text, "\n    tx stalled since {ms} ms: the wire takes nothing");
        }
        if row.put_right > 0 {
            let _ = write!(
                text,
                "\n    put right {} times: somebody changes the device's offloads or settings",
                row.put_right
            );
        }
        if let Some(why) = &row.altered {
            let _ = write!(text, "\n    somebody has changed the device, and it cannot be put right: {why}");
        }
        let told = |counters: &BTreeMap<String, u64>, names: &dyn Fn(&str) -> bool| {
            let some = counters.iter().filter(|(name, count)| **count > 0 && names(name));
            some.map(|(name, count)| format!("{name} {count}")).collect::<Vec<_>>().join(", ")
        };
        let shown = |name: &str| !matches!(name, "rx-packets" | "rx-bytes" | "tx-packets" | "tx-bytes");
        let dropped = |name: &str| {
            !matches!(name, "rx-frames" | "rx-bytes" | "tx-frames" | "tx-bytes" | "rx-dropped" | "tx-dropped")
        };
        for (what, told) in [
            ("neighbor discovery", told(&row.counters, &shown)),
            ("driver drops", told(&row.device_counters, &dropped)),
            ("deferred", told(&row.netisr, &|_| true)),
        ] {
            if !told.is_empty() {
                let _ = write!(text, "\n    {what}: {told}");
            }
        }
    }
    if !rows.is_empty() {
        text.push('\n');
    }
    text
}

fn neighbors(rows: Vec<NeighborRow>) -> String {
    let mut table = Table::new(&["ADDRESS", "INTERFACE", "MAC", "STATE", ">SINCE/s", "FLAGS", ">HELD-PKTS"]);
    for row in rows {
        let flags = [(row.router, "router"), (row.fixed, "static")];
        let flags: Vec<&str> = flags.into_iter().filter(|(set, _)| *set).map(|(_, name)| name).collect();
        let mac = row.mac.unwrap_or_else(|| "-".into());
        let state = if row.fixed { "PERMANENT".into() } else { row.state };
        table.row([
            row.address.to_string(),
            row.interface,
            mac,
            state,
            (row.in_state_ns / 1_000_000_000).to_string(),
            flags.join(","),
            row.held.to_string(),
        ]);
    }
    table.to_string()
}

/// What FreeBSD's `netstat -Q` tells, and more: one table of queues, one of fates, one of waiting times.
fn netisr(rows: &[TypeRow]) -> String {
    let mut queues = Table::new(&[
        "TYPE",
        "WORKER",
        ">LIMIT",
        ">QUEUED",
        ">RESERVED",
        ">HIGH-WATER",
        ">OLDEST/us",
        ">P50/us",
        ">P99/us",
        ">MAX/us",
    ]);
    let mut fates = Table::new(&[
        "TYPE",
        "WORKER",
        ">ACCEPTED",
        ">HANDLED",
        ">DEPARTED",
        ">FLUSHED",
        ">DROP-OLDEST",
        ">QUEUED",
        ">PANICS",
        "ADDS-UP",
    ]);
    let causes: Vec<&String> = rows.first().map(|row| row.total.refused.keys().collect()).unwrap_or_default();
    let headers: Vec<String> = causes.iter().map(|cause| cause.to_uppercase()).collect();
    let mut refused = vec!["TYPE".to_owned(), "WORKER".to_owned()];
    refused.extend(headers);
    let mut refusals: Vec<Vec<String>> = Vec::new();
    for row in rows {
        let all = [("all".to_owned(), &row.total)];
        let each = row.workers.iter().enumerate().map(|(worker, lane)| (worker.to_string(), lane));
        // One worker is all of them.
        let each = each.filter(|_| row.workers.len() > 1);
        for (worker, lane) in all.into_iter().chain(each) {
            queues.row(queue_row(row, &worker, lane));
            fates.row(fate_row(row, &worker, lane));
            let mut cells = vec![row.name.clone(), worker];
            cells.extend(lane.refused.values().map(u64::to_string));
            refusals.push(cells);
        }
    }
    let refused = refusal_table(&refused, refusals);
    format!(
        "Every dispatch is deferred; packets of one flow stay in order, and a full queue refuses the newest.\n\n\
         Queues (packets) and residence:\n{queues}\nFates (packets accepted = handled + departed + flushed + drop-oldest + queued):\n\
         {fates}\nRefused and handed back (packets, by cause):\n{refused}"
    )
}

fn queue_row(row: &TypeRow, worker: &str, lane: &LaneRow) -> [String; 10] {
    [
        row.name.clone(),
        worker.to_owned(),
        row.limit.to_string(),
        lane.resident.to_string(),
        lane.reserved.to_string(),
        lane.high_water.to_string(),
        micros(lane.oldest_age_ns),
        micros(lane.residence_p50_ns),
        micros(lane.residence_p99_ns),
        micros(lane.residence_max_ns),
    ]
}

fn fate_row(row: &TypeRow, worker: &str, lane: &LaneRow) -> [String; 10] {
    [
        row.name.clone(),
        worker.to_owned(),
        lane.accepted.to_string(),
        lane.handled.to_string(),
        lane.departed.to_string(),
        lane.flushed.to_string(),
        lane.dropped_oldest.to_string(),
        lane.resident.to_string(),
        lane.panicked.to_string(),
        // Of a moment: packets may be on their way between two counters.
        if lane.conserved { "yes" } else { "not now" }.into(),
    ]
}

/// The causes are the daemon's: their names come with its answer.
fn refusal_table(header: &[String], rows: Vec<Vec<String>>) -> String {
    let mut table =
        Table::new(&["TYPE", "WORKER", ">", ">", ">", ">", ">", ">", ">", ">"][..header.len().min(10)]);
    table.row(header.iter().cloned());
    rows.into_iter().for_each(|row| table.row(row));
    // The first line is the header that a table with fixed names would have.
    table.to_string().lines().skip(1).map(|line| format!("{line}\n")).collect()
}

fn workers(rows: &[WorkerRow]) -> String {
    let mut table = Table::new(&[
        "WORKER",
        "CORE",
        "STATE",
        ">TURNS",
        ">BUSY-TURNS",
        ">RX-FRAMES",
        ">SLEEPS",
        ">WOKEN-BY-OTHERS",
    ]);
    for row in rows {
        table.row([
            row.worker.to_string(),
            row.core.map_or("any".into(), |core| core.to_string()),
            if row.sleeping { "asleep" } else { "awake" }.into(),
            row.turns.to_string(),
            row.busy.to_string(),
            row.received.to_string(),
            row.sleeps.to_string(),
            row.wakeups.to_string(),
        ]);
    }
    table.to_string()
}

fn limits(rows: Vec<LimitRow>) -> String {
    let mut table = Table::new(&["LIMIT", "INTERFACE", ">MOST", ">USED", ">HIGHEST", ">REFUSED"]);
    for row in rows {
        table.row([
            row.limit,
            row.interface.unwrap_or_else(|| "-".into()),
            row.most.to_string(),
            row.used.to_string(),
            row.highest.map_or_else(|| "-".into(), |highest| highest.to_string()),
            row.refused.to_string(),
        ]);
    }
    table.to_string()
}

#[cfg(test)]
mod tests;
