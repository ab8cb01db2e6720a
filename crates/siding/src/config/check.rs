//! From the text's shape to its meaning.

mod nested;
mod once;

use std::net::IpAddr;
use std::net::Ipv6Addr;
use std::time::Duration;

use siding_drivers::kernel::Cidr;
use siding_stack::NeighborLimits;
use siding_stack::arp::acd::AcdConfig;
use siding_stack::nd6::dad::DUPLICATE_RETRY;
use siding_stack::nd6::dad::DadConfig;
use siding_stack::nd6::nud::Backoff;
use siding_stack::nd6::nud::NudConfig;
use toml::Spanned;

use super::Config;
use super::InterfaceConfig;
use super::Learnt;
use super::StackConfig;
use super::acd::Acd;
use super::advertise;
use super::autoconf;
use super::autoconf::Autoconf;
use super::file;
use super::file::Own;
use super::filter::Filter;
use super::limits::Limits;
use super::mld::Mld;
use super::neighbors::Neighbors;
use crate::group;
use crate::neighbor;
use crate::route;
use crate::words::known::Known;
use crate::words::value;
use crate::words::wrong::Wrong;
use crate::words::wrong::at;
use crate::words::wrong::ranged;
use crate::words::wrong::wrong;

/// Each worker's cache holds back this many buffers; a ring of drivers and queues wants as many again.
const BUFFERS_PER_WORKER: u32 = 1024;

const MOST_WORKERS: usize = 256;

/// How long a stop may take.
const STOP_TIMEOUT: Duration = Duration::from_secs(120);

pub(super) fn check(file: file::File) -> Result<Config, Wrong> {
    once::check(&file)?;
    let mut stack = stack(file.stack, file.limits, file.acd, file.mld)?;
    stack.metrics = file.metrics.listen;
    stack.security = file.security.check()?;
    let mut interfaces: Vec<InterfaceConfig> = Vec::new();
    for (at, mut interface) in file.interface.into_iter().enumerate() {
        let name = interface.name.clone();
        if interfaces.iter().any(|other| other.name == *name.get_ref()) {
            return wrong(
                &name,
                format!("a second interface named {:?}: give each a name of its own", name.get_ref()),
            );
        }
        let advertise = interface.advertise.take();
        let mut interface = self::interface(interface, &stack)?;
        let advertise = advertise.map(|table| advertise::check(table, interface.mtu, &stack)).transpose();
        interface.advertise = advertise.map_err(|wrong| wrong.in_section("interface", at))?;
        interfaces.push(interface);
    }
    let nested = nested::nested(file.vlan, file.lagg, file.bridge, &interfaces, &stack)?;
    let devices = interfaces.iter().map(|one| (one.name.as_str(), &one.addresses[..]));
    let others = nested.iter().map(|one| (one.name(), &one.addressing().addresses[..]));
    let ports = nested.iter().flat_map(|owner| owner.ports().into_iter().map(|port| (port, owner.name())));
    let known = Known { interfaces: devices.chain(others).collect(), ports: ports.collect() };
    let routes = route::check::routes(file.route, &known)?;
    let refusals = route::check::refusals(file.refuse)?;
    neighbor::check::neighbors(&file.neighbor, &known)?;
    group::check::groups(&file.group, &known)?;
    let (neighbors, groups) = (file.neighbor, file.group);
    let filter = file.filter.map(Filter::check).transpose()?;
    Ok(Config { stack, interfaces, nested, routes, refusals, neighbors, groups, filter })
}

/// Anycast addresses, each once.
fn anycast(list: Vec<Spanned<Ipv6Addr>>) -> Result<Vec<Ipv6Addr>, Wrong> {
    let mut all = Vec::new();
    for address in list {
        let at = address.span();
        let address = address.into_inner();
        value::unicast(address.into()).map_err(|message| Wrong::new(at.clone(), message))?;
        if all.contains(&address) {
            return Err(Wrong::new(at, format!("{address} is given a second time: leave one out")));
        }
        all.push(address);
    }
    Ok(all)
}

/// A time of an interface's neighbours, in milliseconds.
fn time(given: Option<Spanned<u64>>) -> Result<Option<Duration>, Wrong> {
    if given.is_none() {
        return Ok(None);
    }
    ranged(given, 1, 1..=3_600_000, "milliseconds").map(|ms| Some(Duration::from_millis(ms)))
}

fn stack(stack: file::Stack, mut limits: Limits, acd: Acd, mld: Mld) -> Result<StackConfig, Wrong> {
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
        acd: AcdConfig { duplicate_retry, ..acd.check() },
        metrics: None,
        security: super::SecurityConfig::default(),
        mld: mld.check()?,
    })
}

fn interface(interface: file::Interface, stack: &StackConfig) -> Result<InterfaceConfig, Wrong> {
    let name = &interface.name;
    at(name, value::interface_name(name.get_ref()))?;
    let device = interface.device.unwrap_or_else(|| name.clone());
    if interface.driver != file::Driver::Memory {
        at(&device, value::device_name(device.get_ref()))?;
    }
    if let Some(mac) = &interface.mac {
        at(mac, value::station(mac.get_ref().0))?;
    }
    if let Some(mtu) = &interface.mtu {
        at(mtu, value::mtu(*mtu.get_ref()))?;
    }
    let (addresses, otherwise) = addresses(&interface.addresses, interface.dad)?;
    Ok(InterfaceConfig {
        name: interface.name.into_inner(),
        driver: interface.driver,
        device: device.into_inner(),
        mac: interface.mac.map(|mac| mac.into_inner().0),
        mtu: interface.mtu.map(Spanned::into_inner),
        addresses,
        otherwise,
        link_local: interface.link_local,
        dad: interface.dad,
        up: interface.up,
        hop_limit: hop_limit(interface.hop_limit)?,
        point_to_point: interface.point_to_point,
        anycast: anycast(interface.anycast)?,
        times: (time(interface.reachable_time_ms)?, time(interface.retrans_timer_ms)?),
        wait: interface.wait,
        pcap: interface.pcap,
        neighbors: bounds(interface.neighbors, stack)?,
        advertise: None,
        autoconf: autoconf(interface.autoconf, interface.dad)?,
    })
}

/// Bounds of its neighbours, if it says any.
fn bounds(table: Neighbors, stack: &StackConfig) -> Result<Option<NeighborLimits>, Wrong> {
    let says = table != Neighbors::default();
    says.then(|| table.check(stack.neighbors)).transpose()
}

fn hop_limit(given: Option<Spanned<u8>>) -> Result<Option<u8>, Wrong> {
    given.map(|given| ranged(Some(given), 1, 1..=u8::MAX, "hops")).transpose()
}

/// What an interface is as a host.
fn autoconf(table: Option<Spanned<Autoconf>>, detect: bool) -> Result<Option<Learnt>, Wrong> {
    let learnt = |table: Spanned<Autoconf>| {
        let means = at(&table, autoconf::resolve(table.get_ref(), detect))?;
        Ok(Learnt { said: table.into_inner(), means })
    };
    table.map(learnt).transpose()
}

/// A list of addresses with the lengths of their prefixes; of these, those that are tested otherwise than `dad` says.
fn addresses(list: &[Spanned<String>], dad: bool) -> Result<(Vec<Cidr>, Vec<IpAddr>), Wrong> {
    let (mut addresses, mut otherwise): (Vec<Cidr>, Vec<IpAddr>) = (Vec::new(), Vec::new());
    for place in list {
        let own: Own = at(place, place.get_ref().parse())?;
        let cidr = own.cidr;
        otherwise.extend(own.dad.filter(|own| *own != dad).map(|_| cidr.address()));
        at(place, value::unicast(cidr.address()))?;
        at(place, value::somebodys(cidr.address(), cidr))?;
        if addresses.iter().any(|other| other.address() == cidr.address()) {
            return wrong(place, format!("{} a second time: leave one out", cidr.address()));
        }
        addresses.push(cidr);
    }
    Ok((addresses, otherwise))
}
