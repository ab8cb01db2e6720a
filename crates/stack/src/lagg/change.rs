//! Changes of a lagg: each touches one port, publishes one snapshot, and announces what it moved.

use std::sync::Arc;

use siding_lockorder::Ctx;
use siding_lockorder::Mutex;
use siding_lockorder::Unlocked;
use siding_netisr::IfId;
use siding_wire::Mac;

use super::LacpSpec;
use super::LaggSpec;
use super::LaggTuning;
use super::Mode;
use super::View;
use super::step::step_lagg;
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
use crate::ports::lagg::Joined;
use crate::ports::lagg::Lagg;
use crate::ports::lagg::Member;
use crate::ports::lagg::joined;
use crate::ports::lagg::state::State;
use crate::ports::lagg::view::RoundRobin;
use crate::ranks;
use crate::stack::Change;
use crate::stack::Control;

/// Why a lagg was not changed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LaggError {
    /// There is no such interface.
    #[error("interface {0} is not attached")]
    NoInterface(IfId),
    /// The interface is something else.
    #[error("'{0}' is not a lagg")]
    NotALagg(String),
    /// The interface cannot be made.
    #[error(transparent)]
    Attach(#[from] AttachError),
    /// It has a lagg already.
    #[error("'{0}' is a port of a lagg already: remove it from there first")]
    IsPort(String),
    /// It is no port of this lagg.
    #[error("'{0}' is not a port of this lagg")]
    NotAPort(String),
    /// These belong on the lagg.
    #[error("'{0}' has {1} of its own: move them to the lagg first")]
    Has(String, Belongings),
    /// The lagg would lie on itself.
    #[error("'{0}' lies on this lagg: a lagg cannot lie on itself")]
    Loop(String),
    /// Too deep.
    #[error("interfaces may lie {DEEPEST} deep on each other, and this would be deeper")]
    TooDeep,
    /// LACP is spoken on the wire itself.
    #[error("'{0}' cannot speak LACP: give a device, not a VLAN or a lagg")]
    NotPhysical(String),
    /// The lagg is in another mode.
    #[error("the lagg does not speak LACP: make it with the mode 'lacp'")]
    NotLacp,
    /// Not an address that one station can have.
    #[error("{0} cannot be an interface's address: it is zero or a group's")]
    Mac(Mac),
}

impl Stack {
    /// Makes a lagg without ports. It is up, and has a link as soon as a port of it can be used.
    ///
    /// # Errors
    ///
    /// The name is taken, a value is out of its range, or there is no slot.
    pub fn add_lagg(&self, ctx: &mut Ctx<'_, Unlocked>, spec: LaggSpec) -> Result<IfId, LaggError> {
        let shared = &self.shared;
        if spec.mtu < 1280 {
            return Err(AttachError::Mtu(spec.mtu).into());
        }
        let given = [spec.mac, spec.lacp.system_mac];
        if let Some(mac) = given.into_iter().flatten().find(|mac| !mac.is_unicast()) {
            return Err(LaggError::Mac(mac));
        }
        self.change(ctx, |control, ctx, _told| {
            let ifnet = self.new_ifnet(ctx, control, spec.name.clone())?;
            let id = ifnet.id;
            // Locally administered, until the first port gives its own.
            let [_, a, b, c, d, e, ..] = control.chance.next_u64().to_be_bytes();
            let mac = spec.mac.unwrap_or(Mac([2, a, b, c, d, e]));
            let lacp = (spec.mode == Mode::Lacp).then(|| Joined::new(id, &spec, mac));
            let tuning = spec.tuning();
            let state = State { own_mac: spec.mac.is_some(), tuning, lacp, ..State::default() };
            let mtu = spec.mtu;
            let turns = RoundRobin::new(if spec.mode == Mode::RoundRobin { shared.workers } else { 0 });
            let lagg = Arc::new(Lagg { id, settings: spec, turns, state: Mutex::new(state) });
            let none: Arc<[IfId]> = Arc::new([]);
            let view = View {
                lagg,
                hash: tuning.hash,
                ports: none.clone(),
                usable: none.clone(),
                sending: none.clone(),
                receiving: none,
            };
            shared.change(control, |config| {
                config.put_new(Interface::new(
                    ifnet,
                    mac,
                    mtu,
                    Kind::Lagg(Arc::new(view)),
                    shared.defaults(),
                ));
            });
            Ok(id)
        })
    }

    /// Makes an interface a port of a lagg, with a priority (more is better, but in LACP less is). Its link-local address goes, until it
    /// is released: a port has no addresses of its own.
    ///
    /// # Errors
    ///
    /// It has a lagg already, or something that a port [has not](Belongings), or lies on this lagg itself.
    pub fn lagg_add_port(
        &self,
        ctx: &mut Ctx<'_, Unlocked>,
        lagg: IfId,
        port: IfId,
        priority: u16,
    ) -> Result<(), LaggError> {
        self.change(ctx, |control, ctx, told| {
            let config = self.shared.config.load();
            let interface = may_join(&config, lagg, port)?;
            if let Some(what) = belongings(&config, control, ctx, interface, self.now()).first().copied() {
                return Err(LaggError::Has(interface.ifnet.name.clone(), what));
            }
            //= RFC 3810 s6.1 [3810-3]: whoever stops listening says so.
            mld::end(control, ctx, &self.shared, interface, self.now());
            let change = &mut Change { shared: &self.shared, control, ctx, now: self.now() };
            told.extend(join_lagg(change, lagg, port, priority)?);
            Ok(())
        })
    }

    /// Takes a port out of its lagg, and gives it its own address back.
    ///
    /// In LACP a port that is in use stays until its partner has stopped sending to it, two seconds at most, so that
    /// nothing is lost: it sends no more, its report says that it leaves, and to remove it once more takes it out
    /// at once.
    ///
    /// # Errors
    ///
    /// It is no port of this lagg.
    pub fn lagg_remove_port(
        &self,
        ctx: &mut Ctx<'_, Unlocked>,
        lagg: IfId,
        port: IfId,
    ) -> Result<(), LaggError> {
        self.change_lagg(ctx, lagg, (port, "port removed"), |config, state| {
            let name = config.interface(port).map_or(port.to_string(), |interface| interface.ifnet.name.clone());
            let State { ports, lacp, .. } = &mut *state;
            let member = ports.iter_mut().find(|member| member.id == port);
            let member = member.ok_or(LaggError::NotAPort(name))?;
            let in_use = lacp.as_ref().is_some_and(|lacp| lacp.is_collecting(port));
            if in_use && !std::mem::replace(&mut member.leaving, true) {
                return Ok(false);
            }
            let sent = matches!(config.interface(lagg).map(|lagg| &lagg.kind), Some(Kind::Lagg(view)) if view.sending.contains(&port));
            release(config, state, port);
            Ok(sent)
        })
    }

    /// Prefers a port, or none.
    ///
    /// # Errors
    ///
    /// It is no port of this lagg.
    pub fn lagg_set_primary(
        &self,
        ctx: &mut Ctx<'_, Unlocked>,
        lagg: IfId,
        port: Option<IfId>,
    ) -> Result<(), LaggError> {
        self.change_lagg(ctx, lagg, (port.unwrap_or(IfId::NONE), "primary changed"), |config, state| {
            if let Some(port) = port.filter(|port| !state.ports.iter().any(|member| member.id == *port)) {
                let name =
                    config.interface(port).map_or(port.to_string(), |interface| interface.ifnet.name.clone());
                return Err(LaggError::NotAPort(name));
            }
            state.primary = port;
            Ok(false)
        })
    }

    /// Gives a lagg another link-layer address. Ports and nested devices that had the old one follow, in one step;
    /// then it is announced.
    ///
    /// # Errors
    ///
    /// The address cannot be an interface's.
    pub fn lagg_set_mac(&self, ctx: &mut Ctx<'_, Unlocked>, lagg: IfId, mac: Mac) -> Result<(), LaggError> {
        if !mac.is_unicast() {
            return Err(LaggError::Mac(mac));
        }
        self.change_lagg(ctx, lagg, (IfId::NONE, "address changed"), |config, state| {
            state.own_mac = true;
            Ok(set_mac(config, lagg, mac))
        })
    }

    /// Configures LACP anew. The partner sees what has changed, and starts again on a port only if our identity or the
    /// key did.
    ///
    /// # Errors
    ///
    /// It is not in that mode.
    pub fn lagg_set_lacp(
        &self,
        ctx: &mut Ctx<'_, Unlocked>,
        lagg: IfId,
        spec: LacpSpec,
    ) -> Result<(), LaggError> {
        if let Some(mac) = spec.system_mac.filter(|mac| !mac.is_unicast()) {
            return Err(LaggError::Mac(mac));
        }
        self.change_lagg(ctx, lagg, (IfId::NONE, "LACP configured"), |_config, state| {
            state.lacp.as_mut().ok_or(LaggError::NotLacp)?.spec = spec;
            Ok(false)
        })
    }

    /// Gives a lagg other settings, while frames pass.
    ///
    /// # Errors
    ///
    /// It is no lagg.
    pub fn lagg_tune(
        &self,
        ctx: &mut Ctx<'_, Unlocked>,
        lagg: IfId,
        tuning: LaggTuning,
    ) -> Result<(), LaggError> {
        // The view, at which frames look, is made anew in each such step.
        self.change_lagg(ctx, lagg, (IfId::NONE, "settings changed"), |_config, state| {
            state.tuning = tuning;
            Ok(false)
        })
    }

    /// An interface departs: it leaves its lagg, or lets its ports go. Gives what is to be told, with no lock held.
    pub(crate) fn leave_nest(
        &self,
        control: &mut Control,
        ctx: &mut Ctx<'_, ranks::Control>,
        interface: &Interface,
    ) -> Vec<Event> {
        let id = interface.ifnet.id;
        if let Kind::Lagg(view) = &interface.kind {
            let (mut state, _ctx) = ctx.lock(&view.lagg.state);
            self.shared.change(control, |config| {
                for port in state.ports.clone() {
                    release(config, &mut state, port.id);
                }
            });
            state.lacp = None;
        }
        if interface.member_of.is_none() {
            return Vec::new();
        }
        let change = &mut Change { shared: &self.shared, control, ctx, now: self.now() };
        let left = step_lagg(change, interface.member_of, (id, "port departed"), |config, state| {
            release(config, state, id);
            Ok(false)
        });
        // A lagg that has departed before its port has nothing to tell.
        left.unwrap_or_default()
    }
}

/// Makes a port of an interface that [may be one](may_join). Gives what is to be told, with no lock held.
fn join_lagg(
    change: &mut Change<'_, '_>,
    lagg: IfId,
    port: IfId,
    priority: u16,
) -> Result<Vec<Event>, LaggError> {
    step_lagg(change, lagg, (port, "port added"), |config, state| {
        let interface = config.interface(port).ok_or(LaggError::NoInterface(port))?;
        let first = state.ports.is_empty().then_some(interface.mac);
        state.ports.push(Member { id: port, priority, usable: false, leaving: false, silent: false });
        if let Some(mac) = first.filter(|_| !state.own_mac) {
            set_mac(config, lagg, mac);
        }
        let mac = config.interface(lagg).map(|lagg| lagg.mac);
        if let (Some(interface), Some(mac)) = (config.interface_mut(port), mac) {
            interface.member_of = lagg;
            interface.mac = mac;
            interface.set_aside = std::mem::replace(&mut interface.addrs6, Arc::new([]));
        }
        Ok(false)
    })
}

/// The interface, if it may become a port of the lagg.
fn may_join(config: &Config, lagg: IfId, port: IfId) -> Result<&Interface, LaggError> {
    let above = config.interface(lagg).ok_or(LaggError::NoInterface(lagg))?;
    let Kind::Lagg(view) = &above.kind else { return Err(LaggError::NotALagg(above.ifnet.name.clone())) };
    let interface = config.interface(port).ok_or(LaggError::NoInterface(port))?;
    let name = || interface.ifnet.name.clone();
    let physical = matches!(interface.kind, Kind::Device) && joined::is_port(port);
    if view.lagg.settings.mode == Mode::Lacp && !physical {
        return Err(LaggError::NotPhysical(name()));
    }
    if !interface.member_of.is_none() {
        return Err(LaggError::IsPort(name()));
    }
    if config.nest(lagg).contains(&port) {
        return Err(LaggError::Loop(name()));
    }
    if config.would_be_too_deep(lagg, port) {
        return Err(LaggError::TooDeep);
    }
    Ok(interface)
}

/// A port is a port no more.
pub(super) fn release(config: &mut Config, state: &mut State, port: IfId) {
    state.ports.retain(|member| member.id != port);
    if state.primary == Some(port) {
        state.primary = None;
    }
    if let Some(interface) = config.interface_mut(port) {
        interface.release();
    }
}

/// Gives an interface an address, and all that had the old one because they lie on it or under it. True if it changed.
fn set_mac(config: &mut Config, id: IfId, mac: Mac) -> bool {
    // Not `mac`: a lagg that is a port has its owner's there, which is not its own to change.
    let Some(old) = config.interface(id).map(|interface| interface.permanent_mac) else { return false };
    if old == mac {
        return false;
    }
    let ports = config.below(id);
    // It is the lagg's own, and that of what lies on it: as ports they would get it back. Its ports have others.
    for above in config.nest(id) {
        let Some(interface) = config.interface_mut(above) else { continue };
        if interface.permanent_mac == old {
            interface.permanent_mac = mac;
        }
    }
    for other in config.nest(id).into_iter().chain(ports) {
        if let Some(interface) = config.interface_mut(other).filter(|interface| interface.mac == old) {
            (interface.mac, interface.stopped) = (mac, None);
        }
    }
    true
}

/// The link of an interface. What lies on it follows when the configuration is published.
pub(super) fn set_link(config: &mut Config, id: IfId, link: bool) {
    if let Some(interface) = config.interface_mut(id) {
        interface.link = link;
    }
}
