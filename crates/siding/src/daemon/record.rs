//! What commands have changed, noted as the settings that it is: so that a file can say it, and a reload knows.

use std::net::IpAddr;
use std::net::Ipv6Addr;

use siding_wire::ip6;

use crate::address::setting::Address;
use crate::address::setting::Anycast;
use crate::address::setting::LinkLocal;
use crate::config::Advertised;
use crate::config::GroupConfig;
use crate::config::NeighborConfig;
use crate::config::advertise;
use crate::control::AddressRequest;
use crate::control::BridgeRequest;
use crate::control::GroupRequest;
use crate::control::HostRequest;
use crate::control::LaggRequest;
use crate::control::Request;
use crate::control::RouteRequest;
use crate::control::StackRequest;
use crate::control::VlanRequest;
use crate::group::setting::Joined;
use crate::host::setting::Advertises;
use crate::host::setting::Learns;
use crate::interface::setting::Down;
use crate::neighbor::setting::StaticNeighbor;
use crate::nested::port::Port;
use crate::nested::port::Primary;
use crate::nested::setting::Lagged;
use crate::route::setting::Refused;
use crate::route::setting::Routed;
use crate::state::daemon::Daemon;
use crate::state::daemon::Free;
use crate::state::lock::lock;
use crate::state::setting::Any;
use crate::switch::Switch;
use crate::switch::Which;

/// Whether a setting is meant.
type Meant<'r> = Box<dyn Fn(&Any) -> bool + 'r>;

fn is_address(on: &str, address: IpAddr) -> Meant<'_> {
    Box::new(move |there| there.is(|own: &Address| own.on == on && own.address.address() == address))
}

fn is_route(request: &RouteRequest) -> Meant<'_> {
    let RouteRequest { to, via, interface, .. } = request;
    let is_meant = |Routed(route): &Routed| {
        route.to == to.0
            && (via.is_none() || *via == route.via)
            && interface.as_ref().is_none_or(|name| *name == route.interface)
    };
    let is_refused = |Refused(refused): &Refused| refused.to == to.0 && via.is_none() && interface.is_none();
    Box::new(move |there| there.is(is_meant) || there.is(is_refused))
}

fn is_advertised(on: &str) -> Meant<'_> {
    Box::new(move |there| there.is(|tells: &Advertises| tells.on == on))
}

fn is_learnt(on: &str) -> Meant<'_> {
    Box::new(move |there| there.is(|learns: &Learns| learns.on == on))
}

fn is_joined(left: &GroupConfig) -> Meant<'_> {
    Box::new(move |there| there.is(|joined: &Joined| joined.0 == *left))
}

fn is_anycast(on: &str, address: Ipv6Addr) -> Meant<'_> {
    Box::new(move |there| there.is(|own: &Anycast| own.on == on && own.address == address))
}

/// A port, and that it is the one preferred.
fn is_port<'r>(owner: &'r str, port: &'r str) -> Meant<'r> {
    Box::new(move |there| {
        there.is(|there: &Port| there.owner == owner && there.port == port)
            || there.is(|there: &Primary| there.lagg == owner && there.port == port)
    })
}

impl Daemon {
    /// Notes what a request has changed that was carried out. What makes interfaces or routes, or tunes an interface,
    /// notes that itself: it knows what was left to it.
    pub(super) fn record(&self, ctx: &mut Free<'_>, request: Request) {
        match request {
            Request::InterfaceSet { name, up: false } => self.note(Down { on: name }),
            Request::InterfaceSet { name, up: true } => {
                self.unnote(|there| there.is(|down: &Down| down.on == name));
            }
            Request::AddressAdd(request) => self.record_address(request),
            Request::AddressDel { interface, address } => self.record_removed(&interface, address),
            Request::RouteDel(request) => self.record_no_route(&request),
            Request::Lagg(request) => self.record_lagg(ctx, request),
            Request::Bridge(BridgeRequest::AddPort { bridge, port }) => {
                self.note(Port { owner: bridge, port, priority: None });
            }
            Request::Bridge(BridgeRequest::RemovePort { bridge, port }) => {
                self.unnote(is_port(&bridge, &port));
            }
            Request::Group(GroupRequest::Join { interface, group }) => {
                self.note(Joined(GroupConfig { interface, group }));
            }
            Request::Group(GroupRequest::Leave { interface, group }) => {
                self.unnote(is_joined(&GroupConfig { interface, group }));
            }
            Request::Host(HostRequest::Stop { interface }) => self.unnote(is_learnt(&interface)),
            Request::AdvertiseStart { interface, advertise } => {
                if let Ok(means) = advertise::resolve(&advertise, u16::MAX) {
                    self.note(Advertises {
                        on: interface,
                        advertise: Advertised { said: *advertise, means },
                    });
                }
            }
            Request::AdvertiseStop { interface } => self.unnote(is_advertised(&interface)),
            Request::NeighborAdd { interface, address, mac } => {
                self.note(StaticNeighbor(NeighborConfig { interface, address, mac: mac.0 }));
            }
            Request::NeighborFlush { interface, address } => self.unnote(|there| {
                there.is(|StaticNeighbor(neighbor): &StaticNeighbor| {
                    interface.as_ref().is_none_or(|name| *name == neighbor.interface)
                        && address.is_none_or(|address| address == neighbor.address)
                })
            }),
            Request::Stack(request) => self.record_stack(request),
            _ => {}
        }
    }

    /// Whoever removes what is not there, but is owed, wants it not to be: it is set back no more.
    pub(super) fn waive(&self, request: &Request) {
        let group;
        let goes: Meant<'_> = match request {
            Request::RouteDel(request) => is_route(request),
            Request::AddressDel { interface, address } => is_address(interface, *address),
            Request::InterfaceDetach { name, .. }
            | Request::Vlan(VlanRequest::Delete { name, .. })
            | Request::Lagg(LaggRequest::Delete { name, .. })
            | Request::Bridge(BridgeRequest::Delete { name, .. }) => {
                Box::new(|owed| owed.on().contains(&name.as_str()))
            }
            Request::AdvertiseStop { interface } => is_advertised(interface),
            Request::Host(HostRequest::Stop { interface }) => is_learnt(interface),
            Request::Group(GroupRequest::Leave { interface, group: left }) => {
                group = GroupConfig { interface: interface.clone(), group: *left };
                is_joined(&group)
            }
            Request::Stack(StackRequest::AnycastDel { interface, address }) => {
                is_anycast(interface, *address)
            }
            Request::Lagg(LaggRequest::RemovePort { lagg: owner, port })
            | Request::Bridge(BridgeRequest::RemovePort { bridge: owner, port }) => is_port(owner, port),
            _ => return,
        };
        if lock(&self.owed).forget(goes) {
            self.log.command(format_args!("what a reload could not set back is not wanted any more"));
        }
    }

    fn record_address(&self, request: AddressRequest) {
        let AddressRequest { interface: on, address, dad: detect, preferred_s, valid_s } = request;
        // What is there for a while is no configuration.
        if preferred_s.is_none() && valid_s.is_none() {
            self.note(Address { on, address: address.0, detect });
        }
    }

    fn record_removed(&self, on: &str, address: IpAddr) {
        let is_it = is_address(on, address);
        match self.first(&is_it) {
            Some(_) => self.unnote(is_it),
            None if matches!(address, IpAddr::V6(address) if ip6::is_link_local(address)) => {
                self.unnote(|there| there.is(|local: &LinkLocal| local.on == on));
            }
            None => {}
        }
    }

    fn record_no_route(&self, request: &RouteRequest) {
        self.unnote(is_route(request));
    }

    fn record_lagg(&self, ctx: &mut Free<'_>, request: LaggRequest) {
        match request {
            LaggRequest::AddPort { lagg, port, .. } => {
                let laggs = self.stack.laggs(ctx);
                let ports = laggs.iter().filter(|there| there.name == lagg).flat_map(|there| &there.ports);
                let priority = ports.into_iter().find(|there| there.name == port).map(|there| there.priority);
                self.note(Port { owner: lagg, port, priority });
            }
            LaggRequest::RemovePort { lagg, port } => self.unnote(is_port(&lagg, &port)),
            LaggRequest::SetPrimary { lagg, port: Some(port) } => self.note(Primary { lagg, port }),
            LaggRequest::SetPrimary { lagg, port: None } => {
                self.unnote(|there| there.is(|primary: &Primary| primary.lagg == lagg));
            }
            LaggRequest::SetMac { lagg, mac } => {
                if let Some(there) = self.maker(&lagg).as_ref().and_then(Any::get::<Lagged>) {
                    self.note(there.with_mac(mac.0));
                }
            }
            LaggRequest::Show {} | LaggRequest::Add(_) | LaggRequest::Delete { .. } => {}
        }
    }

    fn record_stack(&self, request: StackRequest) {
        let switch = |which, on| self.note(Switch { which, on });
        match request {
            StackRequest::Forwarding { on } => {
                switch(Which::Forwarding, on);
                if !on {
                    // Who ceases to be a router ceases to advertise.
                    self.unnote(|there| there.get::<Advertises>().is_some());
                }
            }
            StackRequest::LearnAnnounced { on } => switch(Which::LearnAnnounced, on),
            StackRequest::ExamineOptions { on } => switch(Which::ExamineOptions, on),
            StackRequest::AnycastAdd { interface, address } => {
                self.note(Anycast { on: interface, address });
            }
            StackRequest::AnycastDel { interface, address } => {
                self.unnote(is_anycast(&interface, address));
            }
            StackRequest::FlushPathMtus { .. } => {}
        }
    }
}
