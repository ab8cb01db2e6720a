//! From the text's shape to its meaning.

use std::net::IpAddr;
use std::ops::Range;
use std::time::Duration;

use siding_drivers::kernel::Cidr;
use siding_stack::nd6::dad::DadConfig;
use siding_stack::nd6::nud::NudConfig;
use siding_stack::route::Address;
use siding_stack::route::Prefix;
use toml::Spanned;

use super::Config;
use super::InterfaceConfig;
use super::MAX_MTU;
use super::NeighborConfig;
use super::RouteConfig;
use super::StackConfig;
use super::file;
use super::file::ParsedCidr;

/// What makes no sense, and where in the text.
pub(super) struct Wrong {
    pub(super) span: Range<usize>,
    pub(super) message: String,
}

/// Each worker's cache holds back this many buffers; a ring of drivers and queues wants as many again.
const BUFFERS_PER_WORKER: u32 = 1024;

const MOST_WORKERS: usize = 256;

pub(super) fn check(file: file::File) -> Result<Config, Wrong> {
    let stack = stack(file.stack)?;
    let mut interfaces: Vec<InterfaceConfig> = Vec::new();
    for interface in file.interface {
        let name = interface.name.clone();
        if interfaces.iter().any(|other| other.name == *name.get_ref()) {
            return wrong(
                &name,
                format!("a second interface named {:?}: give each a name of its own", name.get_ref()),
            );
        }
        interfaces.push(self::interface(interface)?);
    }
    let routes = file.route.into_iter().map(|route| self::route(route, &interfaces));
    let routes = routes.collect::<Result<_, _>>()?;
    let neighbors = file.neighbor.into_iter().map(|neighbor| self::neighbor(neighbor, &interfaces));
    let neighbors = neighbors.collect::<Result<_, _>>()?;
    Ok(Config { stack, interfaces, routes, neighbors })
}

fn stack(stack: file::Stack) -> Result<StackConfig, Wrong> {
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
    Ok(StackConfig {
        workers,
        buffers,
        queue_limit,
        forwarding: stack.forwarding,
        control: stack.control,
        log: stack.log,
        pcap: stack.pcap,
        spin: Duration::from_micros(spin),
        pin: stack.pin.unwrap_or(true),
        nud: NudConfig {
            retrans_timer,
            reachable_time: millis(stack.reachable_time_ms, nud.reachable_time)?,
            delay_first_probe: millis(stack.delay_first_probe_ms, nud.delay_first_probe)?,
            ..nud
        },
        // RFC 4862 s5.1: detection waits RetransTimer between its solicitations.
        dad: DadConfig { retrans_timer, transmits: stack.dad_transmits.unwrap_or(dad.transmits), ..dad },
    })
}

fn interface(interface: file::Interface) -> Result<InterfaceConfig, Wrong> {
    let name = &interface.name;
    interface_name(name, name.get_ref())?;
    let device = interface.device.unwrap_or_else(|| name.clone());
    if interface.driver != file::Driver::Memory {
        interface_name(&device, device.get_ref())?;
    }
    if let Some(mac) = interface.mac.as_ref().filter(|mac| !mac.get_ref().0.is_unicast()) {
        let text = mac.get_ref().0;
        return wrong(
            mac,
            format!("{text} cannot be a station's address: the first byte must be even, and not all zero"),
        );
    }
    if let Some(mtu) = &interface.mtu
        && !(1280..=MAX_MTU).contains(mtu.get_ref())
    {
        let message =
            format!("an MTU of {} bytes: give 1280 (the least for IPv6) to {MAX_MTU}", mtu.get_ref());
        return wrong(mtu, message);
    }
    let mut addresses: Vec<Cidr> = Vec::new();
    for place in &interface.addresses {
        let parsed = ParsedCidr::try_from(place.get_ref().clone());
        let cidr = parsed.map_err(|message| Wrong { span: place.span(), message })?.0;
        let address = cidr.address();
        if !is_assignable(address) {
            let message = format!(
                "{address} cannot be an interface's address: it is unspecified, loopback, multicast or broadcast"
            );
            return wrong(place, message);
        }
        if addresses.iter().any(|other| other.address() == address) {
            return wrong(place, format!("{address} a second time: leave one out"));
        }
        addresses.push(cidr);
    }
    Ok(InterfaceConfig {
        name: interface.name.into_inner(),
        driver: interface.driver,
        device: device.into_inner(),
        mac: interface.mac.map(|mac| mac.into_inner().0),
        mtu: interface.mtu.map(Spanned::into_inner),
        addresses,
        link_local: interface.link_local,
        dad: interface.dad,
        pcap: interface.pcap,
    })
}

fn route(route: Spanned<file::Route>, interfaces: &[InterfaceConfig]) -> Result<RouteConfig, Wrong> {
    let span = route.span();
    let file::Route { to, via, interface, metric } = route.into_inner();
    let destination = destination(&to, via.as_ref().map(|via| *via.get_ref()))?;
    if let Some(via) = &via {
        let next_hop = *via.get_ref();
        if next_hop.is_ipv4() != destination.address().is_ipv4() {
            return wrong(
                via,
                format!("{next_hop} cannot lead to {destination}: one is IPv4 and the other IPv6"),
            );
        }
        let fit = match next_hop {
            IpAddr::V6(addr) => addr.is_next_hop(),
            IpAddr::V4(addr) => addr.is_next_hop(),
        };
        if !fit {
            return wrong(via, format!("{next_hop} cannot be a next hop: give a router's unicast address"));
        }
    }
    let interface = match (&interface, &via) {
        (Some(interface), _) => known(interface, interfaces, "a route")?,
        (None, None) => {
            return Err(Wrong {
                span,
                message: "a route that leads nowhere: give `via`, `interface` or both".into(),
            });
        }
        (None, Some(via)) => on_link(via, interfaces)?,
    };
    Ok(RouteConfig {
        to: destination,
        via: via.map(Spanned::into_inner),
        interface,
        metric: metric.unwrap_or(1024),
    })
}

/// The interface whose prefix has the next hop in it.
fn on_link(via: &Spanned<IpAddr>, interfaces: &[InterfaceConfig]) -> Result<String, Wrong> {
    let next_hop = *via.get_ref();
    let near =
        interfaces.iter().find(|interface| interface.addresses.iter().any(|own| covers(*own, next_hop)));
    match near {
        Some(interface) => Ok(interface.name.clone()),
        None => wrong(
            via,
            format!("no interface has a prefix with {next_hop} in it: say which by `interface = \"...\"`"),
        ),
    }
}

fn neighbor(neighbor: file::Neighbor, interfaces: &[InterfaceConfig]) -> Result<NeighborConfig, Wrong> {
    let interface = known(&neighbor.interface, interfaces, "a neighbor")?;
    let mac = neighbor.mac.get_ref().0;
    if !mac.is_unicast() {
        return wrong(
            &neighbor.mac,
            format!("{mac} cannot be a neighbor's address: it is zero or a group's"),
        );
    }
    let address = *neighbor.address.get_ref();
    if !is_assignable(address) {
        return wrong(&neighbor.address, format!("{address} cannot be a neighbor: give a unicast address"));
    }
    Ok(NeighborConfig { interface, address, mac })
}

/// The prefix that a route leads to. `default` is of the next hop's IP version.
fn destination(to: &Spanned<String>, via: Option<IpAddr>) -> Result<Cidr, Wrong> {
    let text = to.get_ref().as_str();
    let parsed = match (text, via) {
        ("default", Some(IpAddr::V4(_))) => "0.0.0.0/0".parse(),
        ("default", Some(IpAddr::V6(_))) => "::/0".parse(),
        ("default", None) => {
            return wrong(to, "`default` of which IP version? Give `via`, or write ::/0 or 0.0.0.0/0".into());
        }
        (text, _) => text.parse::<Cidr>(),
    };
    let cidr = parsed.map_err(|why| Wrong { span: to.span(), message: why.to_string() })?;
    let network = network(cidr);
    if network != cidr {
        return wrong(to, format!("{cidr} has bits set behind its prefix: did you mean {network}?"));
    }
    Ok(cidr)
}

fn known(name: &Spanned<String>, interfaces: &[InterfaceConfig], of: &str) -> Result<String, Wrong> {
    if interfaces.iter().any(|interface| interface.name == *name.get_ref()) {
        return Ok(name.get_ref().clone());
    }
    let names: Vec<&str> = interfaces.iter().map(|interface| interface.name.as_str()).collect();
    let there = match names.is_empty() {
        true => "this file has none".to_owned(),
        false => format!("this file has {}", names.join(", ")),
    };
    wrong(name, format!("unknown interface {:?} in {of}: {there}", name.get_ref()))
}

fn interface_name(place: &Spanned<String>, name: &str) -> Result<(), Wrong> {
    let bad = |c: char| c == '/' || c == ':' || c == '%' || c.is_whitespace() || c.is_control();
    if name.is_empty() || name.len() > 15 || name.chars().any(bad) {
        let message =
            format!("{name:?} is no interface name: give 1 to 15 bytes without `/`, `:`, `%` or blanks");
        return wrong(place, message);
    }
    Ok(())
}

fn ranged<T: PartialOrd + Copy + std::fmt::Display>(
    value: Option<Spanned<T>>,
    default: T,
    range: std::ops::RangeInclusive<T>,
    what: &str,
) -> Result<T, Wrong> {
    match value {
        None => Ok(default),
        Some(value) if range.contains(value.get_ref()) => Ok(value.into_inner()),
        Some(value) => {
            let message = format!("{} {what}: give {} to {}", value.get_ref(), range.start(), range.end());
            wrong(&value, message)
        }
    }
}

fn is_assignable(address: IpAddr) -> bool {
    let broadcast = matches!(address, IpAddr::V4(address) if address.is_broadcast());
    !(address.is_unspecified() || address.is_loopback() || address.is_multicast() || broadcast)
}

/// The prefix alone.
pub(crate) fn network(cidr: Cidr) -> Cidr {
    let address = match cidr.address() {
        IpAddr::V6(address) => IpAddr::V6(Prefix::covering(address, cidr.length()).addr()),
        IpAddr::V4(address) => IpAddr::V4(Prefix::covering(address, cidr.length()).addr()),
    };
    // The length is one that this family has: it came from a prefix of the same.
    Cidr::new(address, cidr.length()).unwrap_or(cidr)
}

fn covers(cidr: Cidr, address: IpAddr) -> bool {
    match (cidr.address(), address) {
        (IpAddr::V6(own), IpAddr::V6(other)) => Prefix::covering(own, cidr.length()).contains(other),
        (IpAddr::V4(own), IpAddr::V4(other)) => Prefix::covering(own, cidr.length()).contains(other),
        _ => false,
    }
}

fn wrong<T, S>(place: &Spanned<S>, message: String) -> Result<T, Wrong> {
    Err(Wrong { span: place.span(), message })
}
