//! Changes of a lagg: each touches one port, publishes one snapshot, and announces what it moved.

use std::sync::Arc;

use siding_lockorder::Ctx;
use siding_lockorder::Mutex;
use siding_lockorder::Unlocked;
use siding_netisr::IfId;
use siding_wire::Mac;

use super::LaggReport;
use super::LaggSpec;
use super::Mode;
use super::PortReport;
use super::View;
use super::announce;
use super::select;
use super::state::Lagg;
use super::state::Member;
use super::state::State;
use super::view::RoundRobin;
use crate::AttachError;
use crate::Stack;
use crate::config::Config;
use crate::event::Event;
use crate::ifnet::Interface;
use crate::ifnet::Kind;
use crate::ranks;
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
    /// Addresses belong on the lagg.
    #[error("'{0}' has addresses of its own: move them to the lagg first")]
    HasAddresses(String),
    /// The lagg would lie on itself.
    #[error("'{0}' lies on this lagg: a lagg cannot lie on itself")]
    Loop(String),
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
        if let Some(mac) = spec.mac.filter(|mac| !mac.is_unicast()) {
            return Err(LaggError::Mac(mac));
        }
        let (mut control, _ctx) = ctx.lock(&shared.control);
        let ifnet = self.new_ifnet(&mut control, spec.name.clone())?;
        let id = ifnet.id;
        // Locally administered, until the first port gives its own.
        let [_, a, b, c, d, e, ..] = control.chance.next_u64().to_be_bytes();
        let mac = spec.mac.unwrap_or(Mac([2, a, b, c, d, e]));
        let state = State { own_mac: spec.mac.is_some(), ..State::default() };
        let mtu = spec.mtu;
        let lagg =
            Arc::new(Lagg { id, settings: spec, turn: RoundRobin::default(), state: Mutex::new(state) });
        let none: Arc<[IfId]> = Arc::new([]);
        let view = View { lagg, ports: none.clone(), sending: none.clone(), receiving: none };
        shared.change(&mut control, |config| {
            config.put(Interface {
                ifnet,
                mac,
                mtu,
                up: true,
                link: false,
                kind: Kind::Lagg(Arc::new(view)),
                member_of: IfId::NONE,
                permanent_mac: mac,
                addrs6: Arc::new([]),
                addrs4: Arc::new([]),
                nud: shared.nud,
                hop_limit: 64,
            });
        });
        Ok(id)
    }

    /// Makes an interface a port of a lagg, with a priority (more is better). Its link-local address goes: a port
    /// has no addresses of its own.
    ///
    /// # Errors
    ///
    /// It has a lagg or addresses, or lies on this lagg itself.
    pub fn lagg_add_port(
        &self,
        ctx: &mut Ctx<'_, Unlocked>,
        lagg: IfId,
        port: IfId,
        priority: u16,
    ) -> Result<(), LaggError> {
        self.change_lagg(ctx, lagg, "port added", |config, state| {
            let interface = config.interface(port).ok_or(LaggError::NoInterface(port))?;
            let name = || interface.ifnet.name.clone();
            if !interface.member_of.is_none() {
                return Err(LaggError::IsPort(name()));
            }
            if config.nest(lagg).contains(&port) {
                return Err(LaggError::Loop(name()));
            }
            let global = interface.addrs6.iter().any(|own| !siding_wire::ip6::is_link_local(own.addr));
            if global || !interface.addrs4.is_empty() {
                return Err(LaggError::HasAddresses(name()));
            }
            let first = state.ports.is_empty().then_some(interface.mac);
            state.ports.push(Member { id: port, priority, usable: false });
            if let Some(mac) = first.filter(|_| !state.own_mac) {
                set_mac(config, lagg, mac);
            }
            let mac = config.interface(lagg).map(|lagg| lagg.mac);
            if let (Some(interface), Some(mac)) = (config.interface_mut(port), mac) {
                interface.member_of = lagg;
                interface.mac = mac;
                interface.addrs6 = Arc::new([]);
            }
            Ok(false)
        })
    }

    /// Takes a port out of its lagg, and gives it its own address back.
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
        self.change_lagg(ctx, lagg, "port removed", |config, state| {
            let name = config.interface(port).map_or(port.to_string(), |interface| interface.ifnet.name.clone());
            if !state.ports.iter().any(|member| member.id == port) {
                return Err(LaggError::NotAPort(name));
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
        self.change_lagg(ctx, lagg, "primary changed", |config, state| {
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
        self.change_lagg(ctx, lagg, "address changed", |config, state| {
            state.own_mac = true;
            Ok(set_mac(config, lagg, mac))
        })
    }

    /// Tells that the link of an interface has come or gone.
    ///
    /// # Errors
    ///
    /// It is not attached.
    pub fn set_link(&self, ctx: &mut Ctx<'_, Unlocked>, id: IfId, link: bool) -> Result<(), LaggError> {
        let config = self.config();
        let interface = config.interface(id).ok_or(LaggError::NoInterface(id))?;
        if interface.link == link {
            return Ok(());
        }
        let is_lagg = |above: &Interface| matches!(above.kind, Kind::Lagg(_));
        if config.interface(interface.member_of).is_some_and(is_lagg) {
            let cause = if link { "link came up" } else { "link went down" };
            return self.change_lagg(ctx, interface.member_of, cause, |config, _state| {
                set_link(config, id, link);
                Ok(false)
            });
        }
        let (mut control, _ctx) = ctx.lock(&self.shared.control);
        self.shared.change(&mut control, |config| set_link(config, id, link));
        Ok(())
    }

    /// Every lagg.
    pub fn laggs(&self, ctx: &mut Ctx<'_, Unlocked>) -> Vec<LaggReport> {
        let config = self.config();
        config
            .interfaces()
            .filter_map(|interface| match &interface.kind {
                Kind::Lagg(view) => Some((interface, view)),
                _ => None,
            })
            .map(|(interface, view)| {
                let (state, _ctx) = ctx.lock(&view.lagg.state);
                let port = |member: &Member| PortReport {
                    id: member.id,
                    name: config
                        .interface(member.id)
                        .map_or_else(String::new, |port| port.ifnet.name.clone()),
                    priority: member.priority,
                    usable: member.usable,
                    sending: view.sending.contains(&member.id),
                };
                LaggReport {
                    id: interface.ifnet.id,
                    name: interface.ifnet.name.clone(),
                    mode: view.lagg.settings.mode,
                    ports: state.ports.iter().map(port).collect(),
                    primary: state.primary,
                    active: state.active,
                    announced: state.announcing.dispatched,
                }
            })
            .collect()
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
        }
        if interface.member_of.is_none() {
            return Vec::new();
        }
        let left = self.step_lagg(control, ctx, interface.member_of, "port departed", |config, state| {
            release(config, state, id);
            Ok(false)
        });
        // A lagg that has departed before its port has nothing to tell.
        left.unwrap_or_default()
    }

    /// Changes a lagg under its lock, does what follows, and tells.
    fn change_lagg(
        &self,
        ctx: &mut Ctx<'_, Unlocked>,
        lagg: IfId,
        cause: &'static str,
        change: impl FnOnce(&mut Config, &mut State) -> Result<bool, LaggError>,
    ) -> Result<(), LaggError> {
        let (mut control, mut ctx) = ctx.lock(&self.shared.control);
        let events = self.step_lagg(&mut control, &mut ctx, lagg, cause, change)?;
        drop(control);
        self.shared.netisr.call_workers();
        events.iter().for_each(|event| self.shared.observer.event(event));
        Ok(())
    }

    /// One step of a lagg: `change`, a new view, announcements. `change` says whether to announce in any case.
    fn step_lagg(
        &self,
        control: &mut Control,
        ctx: &mut Ctx<'_, ranks::Control>,
        lagg: IfId,
        cause: &'static str,
        change: impl FnOnce(&mut Config, &mut State) -> Result<bool, LaggError>,
    ) -> Result<Vec<Event>, LaggError> {
        let shared = &self.shared;
        let now = self.now();
        let before = shared.config.load();
        let interface = before.interface(lagg).ok_or(LaggError::NoInterface(lagg))?;
        let Kind::Lagg(view) = &interface.kind else {
            return Err(LaggError::NotALagg(interface.ifnet.name.clone()));
        };
        // Before the lock: with permits in hand no announcement meets a full queue under it.
        let permits = announce::reserve(shared, ctx, announce::size(&before, lagg, now) + 16);
        let lagg_lock = view.lagg.clone();
        let (mut state, mut ctx) = ctx.lock(&lagg_lock.state);
        let mut config = (*before).clone();
        let must = change(&mut config, &mut state)?;
        let was = state.active;
        review(&mut config, &lagg_lock, &mut state);
        let now_view = match config.interface(lagg).map(|interface| &interface.kind) {
            Some(Kind::Lagg(view)) => view.clone(),
            _ => return Err(LaggError::NoInterface(lagg)),
        };
        // Published before anything is dispatched: what is announced goes out by the new port.
        shared.publish(config);
        let moved = now_view.sending.first() != view.sending.first() && !now_view.sending.is_empty();
        let came = view.sending.is_empty() && !now_view.sending.is_empty();
        if must || moved || came {
            let config = shared.config.load();
            announce::begin(&config, lagg, &mut state, lagg_lock.settings.announce, now);
            announce::emit(&mut ctx, shared, &config, &lagg_lock, &mut state, now, permits);
        }
        drop(state);
        let _ = control;
        Ok(vec![Event::Lagg { interface: lagg, cause, from: was, to: now_view.sending.first().copied() }])
    }
}

/// Makes the view anew from the ports and their links.
fn review(config: &mut Config, lagg: &Arc<Lagg>, state: &mut State) {
    for member in &mut state.ports {
        member.usable = config.interface(member.id).is_some_and(|port| port.up && port.link);
    }
    state.active = select::active(state, lagg.settings.reselect);
    let usable: Arc<[IfId]> = state.ports.iter().filter(|port| port.usable).map(|port| port.id).collect();
    let sending = match lagg.settings.mode {
        Mode::Failover => state.active.into_iter().collect(),
        _ => usable.clone(),
    };
    let ports = state.ports.iter().map(|port| port.id).collect();
    let link = !usable.is_empty();
    // A standby port's frames are copies of what the active one gets, or stray: not taken.
    let receiving = if lagg.settings.mode == Mode::Failover { Arc::clone(&sending) } else { usable };
    if let Some(interface) = config.interface_mut(lagg.id) {
        interface.kind = Kind::Lagg(Arc::new(View { lagg: lagg.clone(), ports, sending, receiving }));
    }
    set_link(config, lagg.id, link);
}

/// A port is a port no more.
fn release(config: &mut Config, state: &mut State, port: IfId) {
    state.ports.retain(|member| member.id != port);
    if state.primary == Some(port) {
        state.primary = None;
    }
    if let Some(interface) = config.interface_mut(port) {
        interface.member_of = IfId::NONE;
        interface.mac = interface.permanent_mac;
    }
}

/// Gives an interface an address, and all that had the old one because they lie on it or under it. True if it changed.
fn set_mac(config: &mut Config, id: IfId, mac: Mac) -> bool {
    let Some(old) = config.interface(id).map(|interface| interface.mac) else { return false };
    let ports = config.below(id);
    for other in config.nest(id).into_iter().chain(ports) {
        if let Some(interface) = config.interface_mut(other).filter(|interface| interface.mac == old) {
            interface.mac = mac;
        }
    }
    old != mac
}

/// The link of an interface, and of the VLANs on it.
fn set_link(config: &mut Config, id: IfId, link: bool) {
    if let Some(interface) = config.interface_mut(id) {
        interface.link = link;
    }
    for above in config.nest(id).into_iter().skip(1) {
        if let Some(interface) =
            config.interface_mut(above).filter(|above| matches!(above.kind, Kind::Vlan(_)))
        {
            interface.link = link;
        }
    }
}
