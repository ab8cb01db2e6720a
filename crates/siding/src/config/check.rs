//! From the text's shape to its meaning.

mod nested;
mod once;

use std::time::Duration;

use siding_stack::NeighborLimits;
use siding_stack::nd6::dad::DUPLICATE_RETRY;
use siding_stack::nd6::dad::DadConfig;
use siding_stack::nd6::nud::Backoff;
use siding_stack::nd6::nud::NudConfig;

use super::Config;
use super::StackConfig;
use super::file;
use crate::filter::check::Filter;
use crate::group;
use crate::interface;
use crate::limits::check::Limits;
use crate::means::Whole;
use crate::means::interface::InterfaceConfig;
use crate::neighbor;
use crate::protocol::check::Said;
use crate::protocol::check::most_groups;
use crate::route;
use crate::words::known::Known;
use crate::words::wrong::Key;
use crate::words::wrong::Wrong;
use crate::words::wrong::ranged;

/// Each worker's cache holds back this many buffers; a ring of drivers and queues wants as many again.
const BUFFERS_PER_WORKER: u32 = 1024;

const MOST_WORKERS: usize = 256;

/// How long a stop may take.
const STOP_TIMEOUT: Duration = Duration::from_secs(120);

pub(super) fn check(file: file::File, sections: Vec<Said>) -> Result<Config, Wrong> {
    once::check(&file)?;
    let mut stack = stack(file.stack, file.limits)?;
    stack.metrics = file.metrics.listen;
    stack.security = file.security.check()?;
    let whole = Whole { forwarding: stack.forwarding, neighbors: stack.neighbors };
    let mut interfaces: Vec<InterfaceConfig> = Vec::new();
    for (at, said) in file.interface.into_iter().enumerate() {
        let in_section = |wrong: Wrong| wrong.in_section("interface", at);
        let name = &said.own.name;
        if interfaces.iter().any(|other| other.name == *name) {
            let message = format!("a second interface named {name:?}: give each a name of its own");
            return Err(in_section(Wrong::of(vec![Key::Name("name")], message)));
        }
        interfaces.push(interface::check::said(said, &whole).map_err(in_section)?);
    }
    let nested = nested::nested(file.vlan, file.lagg, file.bridge, &interfaces, &whole)?;
    let devices = interfaces.iter().map(|one| (one.name.as_str(), &one.addressing.addresses[..]));
    let others = nested.iter().map(|one| (one.name(), &one.addressing().addresses[..]));
    let ports = nested.iter().flat_map(|owner| owner.ports().into_iter().map(|port| (port, owner.name())));
    let known = Known { interfaces: devices.chain(others).collect(), ports: ports.collect() };
    let routes = route::check::routes(file.route, &known)?;
    let refusals = route::check::refusals(file.refuse)?;
    neighbor::check::neighbors(&file.neighbor, &known)?;
    group::check::groups(&file.group, &known, most_groups(&sections))?;
    let (neighbors, groups) = (file.neighbor, file.group);
    let filter = file.filter.map(Filter::check).transpose()?;
    Ok(Config { stack, sections, interfaces, nested, routes, refusals, neighbors, groups, filter })
}

fn stack(stack: file::Stack, mut limits: Limits) -> Result<StackConfig, Wrong> {
    let neighbors = std::mem::take(&mut limits.neighbors).check(NeighborLimits::default())?;
    let all_neighbors = std::mem::take(&mut limits.all_neighbors);
    let workers = ranged(stack.workers, 1, 1..=MOST_WORKERS, "workers")?;
    let least = BUFFERS_PER_WORKER * workers as u32;
    let buffers = ranged(stack.buffers, least.max(16_384), least..=1 << 22, "packet buffers")?;
    let queue_limit = ranged(stack.queue_limit, 4096, 1..=1 << 20, "packets in a queue")?;
    let spin = ranged(stack.spin_us, 20, 0..=1_000_000, "microseconds")?;
    let (nud, dad) = (NudConfig::default(), DadConfig::default());
    let millis = |value, default: Duration| {
        let default = u64::try_from(default.as_millis()).unwrap_or(u64::MAX);
        ranged(value, default, 1..=3_600_000, "milliseconds").map(Duration::from_millis)
    };
    let retrans_timer = millis(stack.retrans_timer_ms, nud.retrans_timer)?;
    let usual = DUPLICATE_RETRY.as_secs();
    let duplicate_retry = ranged(stack.duplicate_retry_s, usual, 0..=86_400, "seconds (0 is never)")?;
    let duplicate_retry = (duplicate_retry > 0).then(|| Duration::from_secs(duplicate_retry));
    Ok(StackConfig {
        workers,
        buffers,
        queue_limit,
        forwarding: stack.forwarding,
        learn_announced: stack.learn_announced.unwrap_or(true),
        examine_options: stack.examine_options,
        express: stack.express.unwrap_or(true),
        control: stack.control,
        log: stack.log,
        pcap: stack.pcap,
        spin: Duration::from_micros(spin),
        pin: stack.pin.unwrap_or(true),
        stop_timeout: millis(stack.stop_timeout_ms, STOP_TIMEOUT)?,
        nud: NudConfig {
            retrans_timer,
            reachable_time: millis(stack.reachable_time_ms, nud.reachable_time)?,
            delay_first_probe: millis(stack.delay_first_probe_ms, nud.delay_first_probe)?,
            //= RFC 7048 s3 [7048-1]: the operator's choice.
            unreachable: stack.keep_unreachable.then(Backoff::default),
            ..nud
        },
        // RFC 4862 s5.1: detection waits RetransTimer between its solicitations.
        dad: DadConfig {
            retrans_timer,
            transmits: stack.dad_transmits.unwrap_or(dad.transmits),
            duplicate_retry,
            stops: stack.duplicate_stops_ip.unwrap_or(dad.stops),
            ..dad
        },
        limits: limits.check()?,
        neighbors,
        neighbor_totals: all_neighbors.check(buffers as usize)?,
        metrics: None,
        security: super::SecurityConfig::default(),
    })
}
