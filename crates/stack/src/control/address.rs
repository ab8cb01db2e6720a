//! Adding and removing addresses.

use std::net::IpAddr;
use std::net::Ipv4Addr;
use std::net::Ipv6Addr;
use std::time::Duration;

use siding_lockorder::Ctx;
use siding_lockorder::Unlocked;
use siding_netisr::IfId;
use siding_netisr::Instant;
use siding_wire::Mac;
use siding_wire::ends::is_everybody4;
use siding_wire::ip6;

use crate::Stack;
use crate::arp;
use crate::arp::Conflicts;
use crate::config::Config;
use crate::config::OnPort;
use crate::ifnet::Addr4;
use crate::ifnet::Addr6;
use crate::ifnet::Interface;
use crate::nd6::dad::DadState;
use crate::nd6::dad::MAX_RTR_SOLICITATION_DELAY;
use crate::nd6::host;
use crate::nd6::host::Hosts;
use crate::nd6::router;
use crate::route::Origin;
use crate::route::Prefix;
use crate::route::Route;
use crate::route::RouteError;
use crate::stack::Change;
use crate::stack::Control;
use crate::stack::Shared;

/// Why an address was not added or removed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AddressError {
    /// There is no such interface.
    #[error("interface {0} is not attached")]
    NoInterface(IfId),
    /// It is a port.
    #[error(transparent)]
    OnPort(#[from] OnPort),
    /// The interface has it.
    #[error("{0} is assigned to this interface already")]
    Assigned(IpAddr),
    /// The interface does not have it.
    #[error("{0} is not an address of this interface")]
    NotAssigned(IpAddr),
    /// Nobody can have it.
    #[error(
        "{0} cannot be an interface's address: it is unspecified, loopback, multicast, broadcast or reserved"
    )]
    NotUnicast(IpAddr),
    /// Preferred for longer than valid.
    #[error("an address cannot be preferred for longer than it is valid: make the valid lifetime the longer")]
    Lifetimes,
    /// Its prefix cannot be on-link; the address was not added for that.
    #[error("its prefix cannot be on-link: {0}")]
    Route6(RouteError<Ipv6Addr>),
    /// The same of an IPv4 address.
    #[error("its prefix cannot be on-link: {0}")]
    Route4(RouteError<Ipv4Addr>),
    /// Longer than the address.
    #[error("a prefix of {0} bits is longer than the address: give at most {1}")]
    PrefixTooLong(u8, u8),
    /// It is to be answered for by what the interface has not.
    #[error("{0} is no link-layer address of this interface: add it to the interface first")]
    NotItsMac(Mac),
}

/// How an address is to be had.
#[derive(Debug, Default)]
pub(super) struct How {
    /// Whether it is tested for others who have it.
    detect: bool,
    lifetimes: Lifetimes,
    /// Where others are told that it is; `None` for the interface's own link-layer address.
    mac: Option<Mac>,
}

impl How {
    /// At a link-layer address that others may have, too, as they may have the address.
    pub(super) fn at(mac: Mac) -> How {
        How { mac: Some(mac), ..How::default() }
    }
}

/// How long an address is to live. The default is for ever.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Lifetimes {
    /// Until it is no source for what is new; `None` is for ever.
    pub preferred: Option<Duration>,
    /// Until it is ours no more; `None` is for ever.
    pub valid: Option<Duration>,
}

impl Stack {
    /// Adds an address. An IPv6 address is tentative until duplicate address detection has passed (RFC 4862 s5.4), an
    /// IPv4 address until it was probed and announced (RFC 5227), unless `detect` is false.
    ///
    /// Its prefix becomes on-link: the operator says so by giving its length. (RFC 5942 s4 forbids to take that
    /// from an address that came by itself.)
    ///
    /// # Errors
    ///
    /// The address cannot be, or is there already, or its prefix finds no place among the routes.
    pub fn add_address(
        &self,
        ctx: &mut Ctx<'_, Unlocked>,
        on: IfId,
        addr: IpAddr,
        prefix_len: u8,
        detect: bool,
    ) -> Result<(), AddressError> {
        self.add_address_for(ctx, on, addr, prefix_len, detect, Lifetimes::default())
    }

    /// The same, for a while: an IPv6 address is deprecated when its preferred lifetime is over, and removed when it is
    /// no longer valid. IPv4 addresses have no lifetimes.
    ///
    /// # Errors
    ///
    /// As [`add_address`](Self::add_address), or it would be preferred for longer than valid.
    pub fn add_address_for(
        &self,
        ctx: &mut Ctx<'_, Unlocked>,
        on: IfId,
        addr: IpAddr,
        prefix_len: u8,
        detect: bool,
        lifetimes: Lifetimes,
    ) -> Result<(), AddressError> {
        self.put_address(ctx, on, (addr, prefix_len), &How { detect, lifetimes, mac: None })
    }

    pub(super) fn put_address(
        &self,
        ctx: &mut Ctx<'_, Unlocked>,
        on: IfId,
        (addr, prefix_len): (IpAddr, u8),
        &How { detect, lifetimes, mac }: &How,
    ) -> Result<(), AddressError> {
        check(addr, prefix_len)?;
        let shared = &self.shared;
        let now = self.now();
        let ends = |lifetime: Option<Duration>| lifetime.map_or(Instant::NEVER, |lifetime| now + lifetime);
        let (preferred_until, valid_until) = (ends(lifetimes.preferred), ends(lifetimes.valid));
        if preferred_until > valid_until {
            return Err(AddressError::Lifetimes);
        }
        self.change(ctx, |control, ctx, told| {
            let change = &mut Change { shared, control, ctx, now };
            let config = shared.config.load();
            let interface = config.interface(on).ok_or(AddressError::NoInterface(on))?;
            config.no_port(interface)?;
            if let Some(mac) = mac.filter(|mac| !interface.has_mac(*mac)) {
                return Err(AddressError::NotItsMac(mac));
            }
            match addr {
                IpAddr::V6(addr6) => {
                    if interface.addr6(addr6).is_some() {
                        return Err(AddressError::Assigned(addr));
                    }
                    let first = interface.addrs6.is_empty();
                    let state = begin_test(change, (on, addr6), first, detect);
                    shared.change(change.control, |config| {
                        let own = Addr6::manual(addr6, prefix_len, state);
                        add6(config, on, Addr6 { detect, preferred_until, valid_until, mac, ..own });
                    });
                    if let Err(full) = connect6(&shared.config.load(), on, (addr6, prefix_len)) {
                        change.control.dads.remove(&(on, addr6));
                        take_out(shared, change.control, on, addr)?;
                        return Err(AddressError::Route6(full));
                    }
                    if state == DadState::Preferred
                        && let Some(host) = change.control.rooms.of::<Hosts>().get_mut(&on)
                    {
                        host.host.on_usable(now, addr6);
                    }
                    told.extend(host::settle(change, on));
                    router::renew(change, on);
                }
                IpAddr::V4(addr4) => {
                    if interface.addrs4.iter().any(|own| own.addr == addr4) {
                        return Err(AddressError::Assigned(addr));
                    }
                    let state = arp::begin(change, (on, addr4), detect);
                    shared.change(change.control, |config| {
                        add4(config, on, Addr4 { addr: addr4, prefix_len, state, mac })
                    });
                    if let Err(full) = connect4(&shared.config.load(), on, (addr4, prefix_len)) {
                        change.control.rooms.of::<Conflicts>().remove(on, addr4);
                        take_out(shared, change.control, on, addr)?;
                        return Err(AddressError::Route4(full));
                    }
                }
            }
            Ok(())
        })
    }

    /// Adds the link-local address that the interface's MAC makes (RFC 4862 s5.3), or its secret, if it has been
    /// [set to](Self::set_autoconf) have one (RFC 7217).
    ///
    /// # Errors
    ///
    /// As [`add_address`](Self::add_address).
    pub fn add_link_local(
        &self,
        ctx: &mut Ctx<'_, Unlocked>,
        on: IfId,
        detect: bool,
    ) -> Result<Ipv6Addr, AddressError> {
        let config = self.shared.config.load();
        let interface = config.interface(on).ok_or(AddressError::NoInterface(on))?;
        config.no_port(interface)?;
        let mac = interface.mac;
        let shared = &self.shared;
        let stable = self.change_always(ctx, |control, ctx, told| {
            let made =
                control.rooms.of::<Hosts>().get_mut(&on).and_then(|state| state.host.make_link_local());
            told.extend(host::settle(&mut Change { shared, control, ctx, now: self.now() }, on));
            made
        });
        if let Some(addr) = stable {
            return Ok(addr);
        }
        let addr = ip6::eui64_link_local(mac);
        self.add_address(ctx, on, addr.into(), 64, detect)?;
        Ok(addr)
    }

    /// Notes a link-local address that a port is to have when it is released. False if it is no port.
    ///
    /// # Errors
    ///
    /// It is not attached, or the address is none for it.
    pub fn set_aside_link_local(
        &self,
        ctx: &mut Ctx<'_, Unlocked>,
        on: IfId,
        (addr, prefix_len): (Ipv6Addr, u8),
        detect: bool,
    ) -> Result<bool, AddressError> {
        check(addr.into(), prefix_len)?;
        if !ip6::is_link_local(addr) {
            let config = self.shared.config.load();
            config.no_port(config.interface(on).ok_or(AddressError::NoInterface(on))?)?;
            return Ok(false);
        }
        let shared = &self.shared;
        self.change(ctx, |control, _ctx, _told| {
            let config = shared.config.load();
            if config.interface(on).ok_or(AddressError::NoInterface(on))?.member_of.is_none() {
                return Ok(false);
            }
            shared.try_change(control, |config| {
                let interface = config.interface_mut(on).ok_or(AddressError::NoInterface(on))?;
                if !interface.set_aside.iter().any(|own| own.addr == addr) {
                    let state = if detect { DadState::Tentative } else { DadState::Preferred };
                    let own = Addr6 { detect, ..Addr6::manual(addr, prefix_len, state) };
                    interface.set_aside = interface.set_aside.iter().copied().chain([own]).collect();
                }
                Ok::<_, AddressError>(())
            })?;
            Ok(true)
        })
    }

    /// Removes an address, and the on-link route that came with it unless another address shares it. Of a port, the
    /// address that it would have when it is released.
    ///
    /// # Errors
    ///
    /// It is not there.
    pub fn remove_address(
        &self,
        ctx: &mut Ctx<'_, Unlocked>,
        on: IfId,
        addr: IpAddr,
    ) -> Result<(), AddressError> {
        let shared = &self.shared;
        let now = self.now();
        self.change(ctx, |control, ctx, told| {
            take_out(shared, control, on, addr)?;
            told.extend(host::disconnect(&shared.config.load(), on));
            if let IpAddr::V4(addr) = addr {
                control.rooms.of::<Conflicts>().remove(on, addr);
            }
            if let IpAddr::V6(addr) = addr {
                control.dads.remove(&(on, addr));
                if let Some(state) = control.rooms.of::<Hosts>().get_mut(&on) {
                    state.host.on_removed(addr);
                    // Its prefix may have been advertised as well.
                    state.overlaid = true;
                }
                router::renew(&mut Change { shared, control, ctx, now }, on);
            }
            told.extend(host::settle(&mut Change { shared, control, ctx, now }, on));
            Ok(())
        })
    }
}

/// Begins duplicate address detection of an address given by hand; gives the state to begin with.
fn begin_test(change: &mut Change<'_, '_>, key: (IfId, Ipv6Addr), first: bool, detect: bool) -> DadState {
    if !detect {
        return DadState::Preferred;
    }
    //= RFC 4862 s5.4.2 [4862-2]: the interface's first message waits a random while.
    let delay = match first {
        true => change.control.chance.between(Duration::ZERO, MAX_RTR_SOLICITATION_DELAY),
        false => Duration::ZERO,
    };
    let rules = host::dad_config(change.control, key.0);
    //= RFC 4429 s3.1 [4429-1]: one given by hand is not optimistic: its owner may well have given it twice.
    host::begin_detection(change, key, &rules, false, change.now + delay)
}

fn check(addr: IpAddr, prefix_len: u8) -> Result<(), AddressError> {
    let bits = if addr.is_ipv6() { 128 } else { 32 };
    if prefix_len > bits {
        return Err(AddressError::PrefixTooLong(prefix_len, bits));
    }
    let everybody = matches!(addr, IpAddr::V4(addr) if is_everybody4(addr, prefix_len));
    if !siding_wire::ends::is_host(addr) || everybody {
        return Err(AddressError::NotUnicast(addr));
    }
    Ok(())
}

/// Takes an address out of the configuration, or out of what is set aside.
fn take_out(shared: &Shared, control: &mut Control, on: IfId, addr: IpAddr) -> Result<(), AddressError> {
    shared.try_change(control, |config| {
        let interface = config.interface_mut(on).ok_or(AddressError::NoInterface(on))?;
        let count = |there: &Interface| there.addrs6.len() + there.addrs4.len() + there.set_aside.len();
        let before = count(interface);
        let others = |all: &[Addr6]| all.iter().filter(|own| IpAddr::V6(own.addr) != addr).copied().collect();
        interface.addrs6 = others(&interface.addrs6);
        interface.set_aside = others(&interface.set_aside);
        interface.addrs4 =
            interface.addrs4.iter().filter(|own| IpAddr::V4(own.addr) != addr).copied().collect();
        if count(interface) == before { Err(AddressError::NotAssigned(addr)) } else { Ok(()) }
    })
}

fn add6(config: &mut Config, on: IfId, own: Addr6) {
    if let Some(interface) = config.interface_mut(on) {
        let mut all: Vec<Addr6> = interface.addrs6.iter().copied().chain([own]).collect();
        all.sort_by_key(|own| !ip6::is_link_local(own.addr));
        interface.addrs6 = all.into();
    }
}

/// Puts in the route that comes with an address. After the address is there: it is not to be asked for on its link.
fn connect6(
    config: &Config,
    on: IfId,
    (addr, prefix_len): (Ipv6Addr, u8),
) -> Result<(), RouteError<Ipv6Addr>> {
    // Link-local destinations need no route: they are meant on the interface that the caller names.
    if ip6::is_link_local(addr) {
        return Ok(());
    }
    let prefix = Prefix::covering(addr, prefix_len);
    let route = Route { prefix, next_hop: None, interface: on, metric: 256, origin: Origin::Connected };
    config.routing_at(on).routes().rib6().insert(route).map(|_| ())
}

fn connect4(
    config: &Config,
    on: IfId,
    (addr, prefix_len): (Ipv4Addr, u8),
) -> Result<(), RouteError<Ipv4Addr>> {
    let prefix = Prefix::covering(addr, prefix_len);
    let route = Route { prefix, next_hop: None, interface: on, metric: 256, origin: Origin::Connected };
    config.routing_at(on).routes().rib4().insert(route).map(|_| ())
}

fn add4(config: &mut Config, on: IfId, own: Addr4) {
    if let Some(interface) = config.interface_mut(on) {
        interface.addrs4 = interface.addrs4.iter().copied().chain([own]).collect();
    }
}

#[cfg(all(test, not(any(siding_loom, siding_shuttle))))]
mod tests {
    use siding_lockorder::Root;
    use siding_mbuf::Pool;
    use siding_mbuf::PoolConfig;
    use siding_wire::Mac;

    use super::*;
    use crate::InterfaceSpec;
    use crate::StackConfig;
    use crate::route::MOST_WAYS;

    #[test]
    fn an_address_whose_prefix_finds_no_place_is_not_added() {
        let pool = Pool::new(PoolConfig::default()).unwrap();
        let stack = Stack::new(StackConfig::new(pool, || Instant::from_nanos(1))).unwrap();
        let mut root = Root::new();
        let mut entered = root.enter().unwrap();
        let ctx = &mut entered.ctx();
        let mut attach = |link: u8| {
            let spec =
                InterfaceSpec { name: format!("em{link}"), mac: Mac([2, 0, 0, 0, 0, link]), mtu: 1500 };
            stack.attach_absent(ctx, spec).unwrap()
        };
        let (on, other) = (attach(1), attach(2));
        let (own6, own4) = (Ipv6Addr::new(0x2001, 0xdb8, 7, 0, 0, 0, 0, 1), Ipv4Addr::new(192, 0, 2, 1));
        let (to6, to4) = (Prefix::covering(own6, 64), Prefix::covering(own4, 24));
        let (interface, metric, origin) = (other, 1, Origin::Static);
        for hop in 1..=MOST_WAYS as u16 {
            let next_hop = Some(Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, hop));
            stack.add_routes6(ctx, [Route { prefix: to6, next_hop, interface, metric, origin }]).unwrap();
            let next_hop = Some(Ipv4Addr::from_bits(0x0a00_0000 | u32::from(hop)));
            stack.add_route4(ctx, Route { prefix: to4, next_hop, interface, metric, origin }).unwrap();
        }
        for detect in [true, false] {
            let added = stack.add_address(ctx, on, own6.into(), 64, detect);
            assert_eq!(added, Err(AddressError::Route6(RouteError::Ways)));
            let added = stack.add_address(ctx, on, own4.into(), 24, detect);
            assert_eq!(added, Err(AddressError::Route4(RouteError::Ways)));
            let config = stack.config();
            let there = config.interface(on).unwrap();
            assert!(there.addrs6.is_empty() && there.addrs4.is_empty());
            let routing = config.routing_at(on);
            assert!(routing.holders(own6.into()).is_empty() && routing.holders(own4.into()).is_empty());
            let (control, _) = ctx.lock(&stack.shared.control);
            assert!(control.dads.is_empty());
        }
        // With room for it, it is.
        let hop = Some(Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, 9));
        assert_eq!(stack.remove_route6(ctx, &to6, hop, other), Ok(true));
        assert_eq!(stack.add_address(ctx, on, own6.into(), 64, false), Ok(()));
        assert_eq!(stack.routes6_to(&to6).iter().filter(|route| route.interface == on).count(), 1);
    }
}
