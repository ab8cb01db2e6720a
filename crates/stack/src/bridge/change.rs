//! Changes of a bridge: each makes one snapshot.

use std::sync::Arc;

use siding_lockorder::Ctx;
use siding_lockorder::Unlocked;
use siding_netisr::IfId;
use siding_wire::Mac;

use super::BridgeSpec;
use super::View;
use crate::AttachError;
use crate::Belongings;
use crate::Stack;
use crate::config::Config;
use crate::config::DEEPEST;
use crate::control::belongings;
use crate::event::Event;
use crate::ifnet::Interface;
use crate::ifnet::Kind;
use crate::mld;
use crate::ranks;
use crate::stack::Control;

/// Why a bridge was not made or changed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BridgeError {
    /// There is no such interface.
    #[error("interface {0} is not attached")]
    NoInterface(IfId),
    /// The interface is something else.
    #[error("'{0}' is not a bridge")]
    NotABridge(String),
    /// The interface cannot be made.
    #[error(transparent)]
    Attach(#[from] AttachError),
    /// Out of range.
    #[error("a bridge cannot remember {0} stations: give 1 to {most}", most = BridgeSpec::MOST_STATIONS)]
    Stations(usize),
    /// It has a lagg or a bridge already.
    #[error("'{0}' is a port of '{1}' already: remove it from there first")]
    IsPort(String, String),
    /// It is no port of this bridge.
    #[error("'{0}' is not a port of this bridge")]
    NotAPort(String),
    /// These belong on the bridge.
    #[error("'{0}' has {1} of its own: move them to the bridge first")]
    Has(String, Belongings),
    /// Two bridges that share a port are one.
    #[error("'{0}' is a bridge: give its ports to this one instead")]
    IsBridge(String),
    /// The bridge would lie on itself.
    #[error("'{0}' lies on this bridge: a bridge cannot lie on itself")]
    Loop(String),
    /// Too deep.
    #[error("interfaces may lie {DEEPEST} deep on each other, and this would be deeper")]
    TooDeep,
    /// Too many ports.
    #[error("a bridge has {most} ports at most", most = BridgeSpec::MOST_PORTS)]
    TooManyPorts,
    /// What fits into the bridge would not fit into the port.
    #[error(
        "'{0}' has an MTU of {1}, and the bridge one of {2}: give the bridge a smaller one, or the port a larger one"
    )]
    Mtu(String, u16, u16),
}

impl Stack {
    /// Makes a bridge without ports. It is up, and has a link as soon as frames pass through a port of it.
    ///
    /// # Errors
    ///
    /// The name is taken, a value is out of its range, or there is no slot.
    pub fn add_bridge(&self, ctx: &mut Ctx<'_, Unlocked>, spec: BridgeSpec) -> Result<IfId, BridgeError> {
        let shared = &self.shared;
        if spec.mtu < 1280 {
            return Err(AttachError::Mtu(spec.mtu).into());
        }
        if let Some(mac) = spec.mac.filter(|mac| !mac.is_unicast()) {
            return Err(AttachError::Mac(mac).into());
        }
        if !(1..=BridgeSpec::MOST_STATIONS).contains(&spec.stations) {
            return Err(BridgeError::Stations(spec.stations));
        }
        self.change(ctx, |control, ctx, _told| {
            let ifnet = self.new_ifnet(ctx, control, spec.name.clone())?;
            let id = ifnet.id;
            let [_, a, b, c, d, e, ..] = control.chance.next_u64().to_be_bytes();
            let mac = spec.mac.unwrap_or(Mac([2, a, b, c, d, e]));
            let mtu = spec.mtu;
            let secret = (control.chance.next_u64(), control.chance.next_u64());
            shared.change(control, |config| {
                config.put_new(Interface::new(
                    ifnet,
                    mac,
                    mtu,
                    Kind::Bridge(Arc::new(View::new(spec, secret))),
                    shared.defaults(),
                ));
            });
            Ok(id)
        })
    }

    /// Gives a bridge other settings, while frames pass: its MTU, its ageing time, how many stations it remembers. Its name
    /// and address stay.
    ///
    /// # Errors
    ///
    /// It is no bridge, a value is out of its range, or a port takes less than the MTU.
    pub fn bridge_tune(
        &self,
        ctx: &mut Ctx<'_, Unlocked>,
        bridge: IfId,
        spec: BridgeSpec,
    ) -> Result<(), BridgeError> {
        if spec.mtu < 1280 {
            return Err(AttachError::Mtu(spec.mtu).into());
        }
        if !(1..=BridgeSpec::MOST_STATIONS).contains(&spec.stations) {
            return Err(BridgeError::Stations(spec.stations));
        }
        self.change(ctx, |control, _ctx, _told| {
            let config = self.config();
            let view = view_of(&config, bridge)?;
            let mut ports = view.ports.iter().filter_map(|port| config.interface(port.id));
            if let Some(port) = ports.find(|port| port.mtu < spec.mtu) {
                return Err(BridgeError::Mtu(port.ifnet.name.clone(), port.mtu, spec.mtu));
            }
            let mtu = spec.mtu;
            let secret = (control.chance.next_u64(), control.chance.next_u64());
            let tuned = Arc::new(view.tuned(spec, secret));
            self.shared.change(control, |config| {
                if let Some(interface) = config.interface_mut(bridge) {
                    (interface.link_mtu, interface.asked_mtu) = (mtu, None);
                    interface.kind = Kind::Bridge(tuned);
                }
            });
            Ok(())
        })
    }

    /// Makes an interface a port of a bridge: a device, a lagg or a VLAN. It keeps its link-layer address, which
    /// nobody needs any more; its link-local address goes, until it is released: a port has no addresses of its own.
    ///
    /// # Errors
    ///
    /// It is a port already, has something that a port [has not](Belongings), or would lie on itself or too deep.
    pub fn bridge_add_port(
        &self,
        ctx: &mut Ctx<'_, Unlocked>,
        bridge: IfId,
        port: IfId,
    ) -> Result<(), BridgeError> {
        self.change_bridge(ctx, bridge, (port, "port added"), |control, ctx, config, view| {
            let interface = config.interface(port).ok_or(BridgeError::NoInterface(port))?;
            let name = interface.ifnet.name.clone();
            if !interface.member_of.is_none() {
                return Err(BridgeError::IsPort(name, name_of(config, interface.member_of)));
            }
            if config.nest(bridge).contains(&port) {
                return Err(BridgeError::Loop(name));
            }
            if matches!(interface.kind, Kind::Bridge(_)) {
                return Err(BridgeError::IsBridge(name));
            }
            if config.would_be_too_deep(bridge, port) {
                return Err(BridgeError::TooDeep);
            }
            if let Some(what) = belongings(config, control, ctx, interface, self.now()).first().copied() {
                return Err(BridgeError::Has(name, what));
            }
            if interface.mtu < view.spec.mtu {
                return Err(BridgeError::Mtu(name, interface.mtu, view.spec.mtu));
            }
            if view.ports.len() >= BridgeSpec::MOST_PORTS {
                return Err(BridgeError::TooManyPorts);
            }
            //= RFC 3810 s6.1 [3810-3]: whoever stops listening says so.
            mld::end(control, ctx, &self.shared, interface, self.now());
            if let Some(interface) = config.interface_mut(port) {
                interface.member_of = bridge;
                interface.set_aside = std::mem::replace(&mut interface.addrs6, Arc::new([]));
            }
            control.dads.retain(|(on, _), _| *on != port);
            if let Some(interface) = config.interface_mut(bridge) {
                interface.kind = Kind::Bridge(Arc::new(view.with(port)));
            }
            Ok(())
        })
    }

    /// Takes a port out of its bridge. What was learnt there is forgotten.
    ///
    /// # Errors
    ///
    /// It is no port of this bridge.
    pub fn bridge_remove_port(
        &self,
        ctx: &mut Ctx<'_, Unlocked>,
        bridge: IfId,
        port: IfId,
    ) -> Result<(), BridgeError> {
        self.change_bridge(ctx, bridge, (port, "port removed"), |_control, _ctx, config, view| {
            if view.port(port).is_none() {
                return Err(BridgeError::NotAPort(name_of(config, port)));
            }
            // The bridge follows when the snapshot is reviewed.
            config.interface_mut(port).into_iter().for_each(Interface::release);
            Ok(())
        })
    }

    /// Forgets the stations that were learnt: those behind `port`, or all. Gives how many.
    ///
    /// # Errors
    ///
    /// There is no such bridge, or no such port of it.
    pub fn bridge_flush(&self, bridge: IfId, port: Option<IfId>) -> Result<usize, BridgeError> {
        let config = self.config();
        let view = view_of(&config, bridge)?;
        let number = match port {
            None => None,
            Some(port) => {
                let found = view.port(port).ok_or_else(|| BridgeError::NotAPort(name_of(&config, port)))?;
                Some(found.number)
            }
        };
        Ok(view.bridge.stations.forget(|other| number.is_none_or(|number| number == other)))
    }

    /// An interface departs: it leaves its bridge, or lets its ports go. Gives what is to be told, with no lock held.
    pub(crate) fn leave_bridge(&self, control: &mut Control, interface: &Interface) -> Option<Event> {
        let id = interface.ifnet.id;
        if let Kind::Bridge(view) = &interface.kind {
            self.shared.change(control, |config| {
                for port in view.ports.iter() {
                    config.interface_mut(port.id).into_iter().for_each(Interface::release);
                }
            });
        }
        let bridge = interface.member_of;
        view_of(&self.config(), bridge).ok()?;
        self.shared.change(control, |config| {
            config.interface_mut(id).into_iter().for_each(Interface::release);
        });
        Some(Event::Bridge { interface: bridge, port: id, cause: "port departed" })
    }

    /// Changes a copy of the configuration, publishes it, and tells.
    fn change_bridge(
        &self,
        ctx: &mut Ctx<'_, Unlocked>,
        bridge: IfId,
        (port, cause): (IfId, &'static str),
        change: impl FnOnce(
            &mut Control,
            &mut Ctx<'_, ranks::Control>,
            &mut Config,
            &View,
        ) -> Result<(), BridgeError>,
    ) -> Result<(), BridgeError> {
        let shared = &self.shared;
        self.change(ctx, |control, ctx, told| {
            let mut config = (*shared.config.load()).clone();
            let view = view_of(&config, bridge)?.clone();
            change(control, ctx, &mut config, &view)?;
            shared.publish(config);
            told.push(Event::Bridge { interface: bridge, port, cause });
            Ok(())
        })
    }
}

pub(super) fn view_of(config: &Config, bridge: IfId) -> Result<&Arc<View>, BridgeError> {
    let interface = config.interface(bridge).ok_or(BridgeError::NoInterface(bridge))?;
    match &interface.kind {
        Kind::Bridge(view) => Ok(view),
        _ => Err(BridgeError::NotABridge(interface.ifnet.name.clone())),
    }
}

fn name_of(config: &Config, id: IfId) -> String {
    config.interface(id).map_or_else(|| id.to_string(), |interface| interface.ifnet.name.clone())
}
