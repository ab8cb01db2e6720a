//! An interface's part as a host: how it behaves, what it has learnt, and to have that forgotten.

use siding_lockorder::Ctx;
use siding_lockorder::Unlocked;
use siding_netisr::IfId;
use siding_wire::ip6;

use super::AddressError;
use super::NoInterface;
use crate::Stack;
use crate::arp;
use crate::config::OnPort;
use crate::ifnet::AddrOrigin;
use crate::ifnet::Back;
use crate::ifnet::Unfit;
use crate::ifnet::Use;
use crate::nd6::dad::DadState;
use crate::nd6::host;
use crate::nd6::host::Accept;
use crate::nd6::host::Host;
use crate::nd6::host::HostConfig;
use crate::nd6::host::HostConfigError;
use crate::nd6::host::Hosts;
use crate::nd6::router;
use crate::stack::Change;

/// Why an interface's part as a host was not changed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AutoconfError {
    /// There is no such interface.
    #[error(transparent)]
    NoInterface(#[from] NoInterface),
    /// It is a port.
    #[error(transparent)]
    OnPort(#[from] OnPort),
    /// It makes no sense.
    #[error(transparent)]
    Config(#[from] HostConfigError),
    /// The link-local address could not be made anew.
    #[error(transparent)]
    LinkLocal(#[from] AddressError),
}

impl Stack {
    /// Sets how an interface behaves as a host. What it had learnt so far is forgotten, and routers are asked for. A new
    /// interface learns nothing until this is called, and a link-local address has a stable-private identifier only
    /// if this was called before.
    ///
    /// # Errors
    ///
    /// The interface is not attached, or the configuration makes no sense.
    pub fn set_autoconf(
        &self,
        ctx: &mut Ctx<'_, Unlocked>,
        on: IfId,
        config: HostConfig,
    ) -> Result<(), AutoconfError> {
        config.check()?;
        let (shared, now) = (&self.shared, self.now());
        let made_link_local = self.change(ctx, |control, ctx, told| {
            let snapshot = shared.config.load();
            let interface = snapshot.interface(on).ok_or(NoInterface(on))?;
            if config.accept != Accept::Never {
                snapshot.no_port(interface)?;
            }
            let link = host::link(interface, shared.nud.reachable_time, control);
            let state = control.rooms.of::<Hosts>().get_mut(&on).ok_or(NoInterface(on))?;
            let learnt = *state.host.params();
            state.host = Host::new(config, link, snapshot.forwarding, now, &mut control.chance);
            state.overlaid = true;
            let ours = |own: &&crate::ifnet::Addr6| {
                ip6::is_link_local(own.addr) && own.origin == AddrOrigin::Autoconf
            };
            let made =
                interface.addrs6.iter().any(|own| ours(&own)) && state.host.make_link_local().is_none();
            host::unlearn(shared, control, on, &learnt);
            told.extend(host::settle(&mut Change { shared, control, ctx, now }, on));
            Ok::<_, AutoconfError>(made)
        })?;
        if made_link_local {
            self.add_link_local(ctx, on, true)?;
        }
        Ok(())
    }

    /// How an interface behaves as a host.
    pub fn autoconf(&self, ctx: &mut Ctx<'_, Unlocked>, on: IfId) -> Option<HostConfig> {
        let (mut control, _ctx) = ctx.lock(&self.shared.control);
        control.rooms.of::<Hosts>().get(&on).map(|state| state.host.config().clone())
    }

    /// Forgets the routers that were learnt on an interface, and what they redirected; says how many there were. The
    /// next advertisement of each brings it back.
    pub fn flush_routers(&self, ctx: &mut Ctx<'_, Unlocked>, on: IfId) -> usize {
        self.on_host(ctx, on, Host::flush_routers)
    }

    /// Forgets the prefixes that were learnt on an interface, and the addresses made from them; says how many there
    /// were.
    pub fn flush_prefixes(&self, ctx: &mut Ctx<'_, Unlocked>, on: IfId) -> usize {
        self.on_host(ctx, on, Host::flush_prefixes)
    }

    /// Begins anew on an interface, as if it had just been attached: what was learnt and resolved is forgotten, every
    /// address tested, and routers asked for. Addresses, routes and neighbours given by hand stay. It goes on after this
    /// has returned; see [`is_ready`](Self::is_ready).
    ///
    /// # Errors
    ///
    /// It is not attached.
    pub fn restart(&self, ctx: &mut Ctx<'_, Unlocked>, on: IfId) -> Result<(), NoInterface> {
        self.set_up(ctx, on, true)?;
        self.change(ctx, |control, ctx, told| {
            let (shared, now) = (&self.shared, self.now());
            let state = control.rooms.of::<Hosts>().get_mut(&on).ok_or(NoInterface(on))?;
            let learnt = *state.host.params();
            state.host.reset(now, &mut control.chance);
            host::unlearn(shared, control, on, &learnt);
            let change = &mut Change { shared, control, ctx, now };
            told.extend(host::settle(change, on));
            arp::restart(change, on, Back::Another);
            told.extend(host::came_up(change, on, Back::Another));
            router::resume(change, on);
            Ok(())
        })?;
        self.flush_learned_neighbors(ctx, on);
        self.flush_path_mtus_on(ctx, on);
        Ok(())
    }

    /// Whether an interface can be used and none of its addresses is being tested.
    pub fn is_ready(&self, on: IfId) -> bool {
        let testing = |state| matches!(state, DadState::Tentative | DadState::Optimistic);
        let config = self.config();
        let interface = config.interface(on).filter(|interface| interface.is_fit(Use::Ip6));
        interface.is_some_and(|interface| {
            let tested4 = interface.addrs4.iter().all(|own| !testing(own.state));
            tested4 && interface.addrs6.iter().all(|own| !testing(own.state))
        })
    }

    /// Why IP is not at work on an interface, if it is not.
    pub fn unfit(&self, on: IfId) -> Option<Unfit> {
        self.config().interface(on).and_then(|interface| interface.fit(Use::Ip6).err())
    }

    fn flush_learned_neighbors(&self, ctx: &mut Ctx<'_, Unlocked>, on: IfId) {
        let fixed: Vec<_> =
            self.neighbors(ctx).into_iter().filter(|one| one.interface == on && one.fixed).collect();
        self.flush_neighbors(ctx, on, |addr| fixed.iter().all(|one| one.addr != addr));
    }

    fn on_host(&self, ctx: &mut Ctx<'_, Unlocked>, on: IfId, work: impl FnOnce(&mut Host) -> usize) -> usize {
        let shared = &self.shared;
        self.change_always(ctx, |control, ctx, told| {
            let Some(state) = control.rooms.of::<Hosts>().get_mut(&on) else { return 0 };
            let count = work(&mut state.host);
            told.extend(host::settle(&mut Change { shared, control, ctx, now: self.now() }, on));
            count
        })
    }
}
