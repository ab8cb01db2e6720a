//! From the text's shape to its meaning.

mod nested;
mod once;
mod ways;

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
use toml::de::DeTable;

use super::Config;
use super::GroupConfig;
use super::InterfaceConfig;
use super::Learnt;
use super::NeighborConfig;
use super::Nested;
use super::RouteConfig;
use super::StackConfig;
use super::acd::Acd;
use super::advertise;
use super::autoconf;
use super::autoconf::Autoconf;
use super::file;
use super::file::Own;
use super::filter::Filter;
use super::limits::Limits;
use super::mld;
use super::mld::Mld;
use super::neighbors::Neighbors;
use super::refuse::Refuse;
use super::value;
use super::wrong::Lacks;
use super::wrong::STAND_IN;
use super::wrong::Wrong;
use super::wrong::at;
use super::wrong::ranged;
use super::wrong::wrong;

/// Each worker's cache holds back this many buffers; a ring of drivers and queues wants as many again.
const BUFFERS_PER_WORKER: u32 = 1024;

const MOST_WORKERS: usize = 256;

/// How long a stop may take.
const STOP_TIMEOUT: Duration = Duration::from_secs(120);

/// An interface that routes and neighbors can name, whatever carries it.
struct Named<'c> {
    name: &'c str,
    addresses: &'c [Cidr],
}

pub(super) fn check(file: file::File, tree: &DeTable<'_>) -> Result<Config, Wrong> {
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
        let place = advertise::Place { tree, section: "interface", at };
        interface.advertise =
            advertise.map(|table| advertise::check(place, table, interface.mtu, &stack)).transpose()?;
        interfaces.push(interface);
    }
    let nested = nested::nested(file.vlan, file.lagg, file.bridge, &interfaces, (tree, &stack))?;
    let names: Vec<Named<'_>> = interfaces
        .iter()
        .map(|one| Named { name: &one.name, addresses: &one.addresses })
        .chain(nested.iter().map(|one| Named { name: one.name(), addresses: &one.addressing().addresses }))
        .collect();
    let routes = file.route.into_iter().map(|route| -> Result<_, Wrong> {
        Ok((route.get_ref().to.span(), self::route(route, &names, &nested)?))
    });
    let (places, routes): (Vec<_>, Vec<_>) = routes.collect::<Result<_, _>>()?;
    ways::check(&places, &routes, &names)?;
    let refusals = file.refuse.into_iter().map(Refuse::check).collect::<Result<_, _>>()?;
    let neighbors = file.neighbor.into_iter().map(|neighbor| self::neighbor(neighbor, &names, &nested));
    let neighbors = neighbors.collect::<Result<_, _>>()?;
    let groups = file.group.into_iter().map(|group| self::group(group, &names, &nested));
    let groups = groups.collect::<Result<_, _>>()?;
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

fn route(
    route: Spanned<file::Route>,
    interfaces: &[Named<'_>],
    nested: &[Nested],
) -> Result<RouteConfig, Wrong> {
    let span = route.span();
    let file::Route { to, via, interface, metric, weight } = route.into_inner();
    let by = |interface: Spanned<String>| {
        let name = known(&interface, interfaces, "a route")?;
        no_port(&interface, nested).map(|()| name)
    };
    let interface = interface.map(by).transpose()?;
    let destination = destination(&to, via.as_ref().map(|via| *via.get_ref()))?;
    if let Some(via) = &via {
        at(via, value::next_hop(*via.get_ref(), destination))?;
        at(via, value::not_itself(*via.get_ref(), destination))?;
    }
    if let Some(weight) = &weight {
        at(weight, value::weight(*weight.get_ref(), via.is_some()))?;
    }
    let interface = match (interface, &via) {
        (Some(interface), _) => interface,
        (None, None) => {
            let message = "a route that leads nowhere: give `via`, `interface` or both".into();
            return Err(Wrong::new(span, message).lacking(Lacks::Key(&["via", "interface"])));
        }
        (None, Some(via)) => on_link(via, interfaces)?,
    };
    Ok(RouteConfig {
        to: destination,
        via: via.map(Spanned::into_inner),
        interface,
        metric: metric.unwrap_or(super::refuse::METRIC),
        weight: weight.map(Spanned::into_inner),
    })
}

/// The interface whose prefix has the next hop in it.
fn on_link(via: &Spanned<IpAddr>, interfaces: &[Named<'_>]) -> Result<String, Wrong> {
    let next_hop = *via.get_ref();
    let near = interfaces
        .iter()
        .find(|interface| interface.addresses.iter().any(|own| value::covers(*own, next_hop)));
    match near {
        Some(interface) => Ok(interface.name.to_owned()),
        None => {
            let message = format!(
                "no interface has a prefix with {next_hop} in it: say which by `interface = \"...\"`"
            );
            Err(Wrong::new(via.span(), message).lacking(Lacks::Prefix(next_hop)))
        }
    }
}

fn neighbor(
    neighbor: file::Neighbor,
    interfaces: &[Named<'_>],
    nested: &[Nested],
) -> Result<NeighborConfig, Wrong> {
    let mac = neighbor.mac.get_ref().0;
    at(&neighbor.mac, value::station(mac))?;
    let address = *neighbor.address.get_ref();
    at(&neighbor.address, value::unicast(address))?;
    // Last, as nothing else of it can be looked at without.
    let interface = known(&neighbor.interface, interfaces, "a neighbor")?;
    no_port(&neighbor.interface, nested)?;
    for own in interfaces.iter().filter(|one| one.name == interface).flat_map(|one| one.addresses) {
        at(&neighbor.address, value::somebodys(address, *own))?;
    }
    Ok(NeighborConfig { interface, address, mac })
}

/// What has IP is no port.
fn no_port(name: &Spanned<String>, nested: &[Nested]) -> Result<(), Wrong> {
    match nested.iter().find(|owner| owner.has_port(name.get_ref())) {
        None => Ok(()),
        Some(owner) => {
            let (port, owner) = (name.get_ref(), owner.name());
            wrong(name, format!("{port} is a port of {owner}, which all its frames belong to: give {owner}"))
        }
    }
}

fn group(group: mld::Group, interfaces: &[Named<'_>], nested: &[Nested]) -> Result<GroupConfig, Wrong> {
    let address = *group.group.get_ref();
    if !address.is_multicast() {
        return wrong(&group.group, format!("{address} is no group: give a multicast address"));
    }
    let interface = known(&group.interface, interfaces, "a group")?;
    no_port(&group.interface, nested)?;
    Ok(GroupConfig { interface, group: address })
}

/// The prefix that a route leads to. `default` is of the next hop's IP version.
fn destination(to: &Spanned<String>, via: Option<IpAddr>) -> Result<Cidr, Wrong> {
    let text = to.get_ref().as_str();
    let parsed = match (text, via) {
        ("default", Some(IpAddr::V4(_))) => siding_client::value::cidr("0.0.0.0/0"),
        ("default", Some(IpAddr::V6(_))) => siding_client::value::cidr("::/0"),
        ("default", None) => {
            let message = "`default` of which IP version? Give `via`, or write ::/0 or 0.0.0.0/0".into();
            return Err(Wrong::new(to.span(), message).lacking(Lacks::Key(&["via"])));
        }
        (text, _) => siding_client::value::cidr(text),
    };
    let cidr = at(to, parsed)?;
    at(to, value::without_host_bits(cidr))?;
    Ok(cidr)
}

fn known(name: &Spanned<String>, interfaces: &[Named<'_>], of: &str) -> Result<String, Wrong> {
    if interfaces.iter().any(|interface| interface.name == *name.get_ref()) {
        return Ok(name.get_ref().clone());
    }
    let names = interfaces.iter().map(|interface| interface.name);
    let names: Vec<&str> = names.filter(|name| !name.starts_with(STAND_IN)).collect();
    let there = match names.is_empty() {
        true => "this file has none".to_owned(),
        false => format!("this file has {}", names.join(", ")),
    };
    let message = format!("unknown interface {:?} in {of}: {there}", name.get_ref());
    Err(Wrong::new(name.span(), message).lacking(Lacks::Name(name.get_ref().clone())))
}
