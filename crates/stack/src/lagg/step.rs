//! One step of a lagg: what changes, the view that follows, what is to be told. Everything that changes a lagg, from
//! outside or from the wire, comes through here.

use std::borrow::Cow;
use std::sync::Arc;

use siding_lockorder::Ctx;
use siding_lockorder::Unlocked;
use siding_netisr::IfId;
use siding_netisr::Instant;

use super::LaggError;
use super::Mode;
use super::View;
use super::announce;
use super::change::release;
use super::change::set_link;
use super::due::Timed;
use super::late;
use super::select;
use super::slow::Outbox;
use crate::Stack;
use crate::config::Config;
use crate::event::Event;
use crate::ifnet::Kind;
use crate::ifnet::Use;
use crate::ports::lagg::Joined;
use crate::ports::lagg::Lagg;
use crate::ports::lagg::state::State;
use crate::stack::Change;

impl Stack {
    /// Changes a lagg under its lock, does what follows, and tells. The cause names its port, if it is about one.
    pub(crate) fn change_lagg(
        &self,
        ctx: &mut Ctx<'_, Unlocked>,
        lagg: IfId,
        (port, cause): (IfId, &'static str),
        change: impl FnOnce(&mut Config, &mut State) -> Result<bool, LaggError>,
    ) -> Result<(), LaggError> {
        self.change(ctx, |control, ctx, told| {
            let under_way = &mut Change { shared: &self.shared, control, ctx, now: self.now() };
            told.extend(step_lagg(under_way, lagg, (port, cause), change)?);
            Ok(())
        })
    }

    /// One step of LACP's machines: a PDU, or their time. Gives what is to be told, with no lock held.
    pub(super) fn step_lacp(
        &self,
        ctx: &mut Ctx<'_, Unlocked>,
        lagg: IfId,
        now: Instant,
        work: impl FnOnce(Instant, &mut Joined, &mut Outbox<'_>),
    ) -> Vec<Event> {
        let (mut control, mut control_ctx) = ctx.lock(&self.shared.control);
        let before = self.shared.config.load();
        let mut change = Change { shared: &self.shared, control: &mut control, ctx: &mut control_ctx, now };
        let told = step(&mut change, lagg, None, |_config, state, out| {
            if let Some(joined) = &mut state.lacp {
                work(now, joined, out);
            }
            Ok(false)
        });
        // A lagg that has departed meanwhile has nothing to tell.
        let mut told = told.unwrap_or_default();
        if !Arc::ptr_eq(&before, &self.shared.config.load()) {
            told.extend(self.follow(&mut control, &mut control_ctx, &before, now));
            drop(control);
            self.forget_lost(ctx, &before);
        }
        told
    }
}

/// One change of a lagg's configuration. `work` says whether to announce in any case.
pub(super) fn step_lagg(
    change: &mut Change<'_, '_>,
    lagg: IfId,
    (port, cause): (IfId, &'static str),
    work: impl FnOnce(&mut Config, &mut State) -> Result<bool, LaggError>,
) -> Result<Vec<Event>, LaggError> {
    step(change, lagg, Some((port, cause)), |config, state, _| work(config.to_mut(), state))
}

/// `work`, then, if it changed anything, the machines follow the configuration and a new view is published; then
/// what the machines said is dispatched, and what has moved is announced.
fn step(
    change: &mut Change<'_, '_>,
    id: IfId,
    cause: Option<(IfId, &'static str)>,
    work: impl FnOnce(&mut Cow<'_, Config>, &mut State, &mut Outbox<'_>) -> Result<bool, LaggError>,
) -> Result<Vec<Event>, LaggError> {
    let (shared, now) = (change.shared, change.now);
    let ctx = &mut *change.ctx;
    let before = shared.config.load();
    let interface = before.interface(id).ok_or(LaggError::NoInterface(id))?;
    let Kind::Lagg(view) = &interface.kind else {
        return Err(LaggError::NotALagg(interface.ifnet.name.clone()));
    };
    let lagg = view.lagg.clone();
    // Before the lock, and as much as there can be to say under it: a port speaks once or twice in a step, and once
    // more if it leaves.
    let most = if lagg.settings.mode == Mode::Lacp { 3 * view.ports.len() + 2 } else { 0 };
    let mut out = Outbox::reserve(shared, ctx, &before, id, most);
    let (mut state, mut lagg_ctx) = ctx.lock(&lagg.state);
    let mut config = Cow::Borrowed(&*before);
    let must = work(&mut config, &mut state, &mut out)?;
    let left = follow(&mut config, &mut state, now, &mut out);
    let mut told = state.lacp.as_mut().map_or_else(Vec::new, |joined| joined.take_events(&before, id));
    let mut announce = false;
    if let Cow::Owned(mut config) = config {
        review(&mut config, &lagg, &mut state);
        let Some(Kind::Lagg(now_view)) = config.interface(id).map(|interface| interface.kind.clone()) else {
            return Err(LaggError::NoInterface(id));
        };
        if let Some(until) = late::open(&before, &mut config, (view, &now_view), id, now) {
            shared.timers.arm(&mut lagg_ctx, until, Timed(id));
        }
        // Published before anything is dispatched: what is announced goes out by the new port, and a partner that
        // hears of our collecting may send at once.
        shared.publish(config);
        let moved = match lagg.settings.mode {
            Mode::Lacp => now_view.sending != view.sending,
            _ => now_view.sending.first() != view.sending.first(),
        };
        announce = must || moved && !now_view.sending.is_empty();
        let (from, to) = (view.sending.first().copied(), now_view.sending.first().copied());
        let agreed = moved.then_some((IfId::NONE, "LACP changed the ports in use"));
        let cause = if left { Some((IfId::NONE, "port left")) } else { cause.or(agreed) };
        told.extend(cause.map(|(port, cause)| {
            let port = (!port.is_none()).then_some(port);
            Event::Lagg { interface: id, port, cause, from, to }
        }));
    }
    out.dispatch(&lagg_ctx);
    if let Some(joined) = &mut state.lacp {
        joined.arm(&mut lagg_ctx, shared, id);
    }
    if !announce {
        return Ok(told);
    }
    let config = shared.config.load();
    let settings = state.tuning.announce;
    announce::begin(&config, id, &mut state, settings, now);
    drop((state, lagg_ctx));
    announce::run(ctx, shared, &config, &lagg, now);
    Ok(told)
}

/// LACP's machines follow what has changed, and what they have moved will be looked at. True if a port that was to
/// leave has left.
fn follow(config: &mut Cow<'_, Config>, state: &mut State, now: Instant, out: &mut Outbox<'_>) -> bool {
    let State { lacp: Some(joined), ports, .. } = &mut *state else { return false };
    if matches!(config, Cow::Owned(_)) {
        joined.follow(now, config, ports, out);
    }
    let gone: Vec<_> =
        ports.iter().filter(|port| port.leaving && joined.is_retired(port.id)).copied().collect();
    for port in &gone {
        release(config.to_mut(), state, port.id);
    }
    let State { lacp: Some(joined), ports, .. } = &mut *state else { return false };
    if !gone.is_empty() {
        joined.follow(now, config, ports, out);
    }
    if joined.has_moved() {
        config.to_mut();
    }
    !gone.is_empty()
}

/// Makes the view anew from the ports and their links.
fn review(config: &mut Config, lagg: &Arc<Lagg>, state: &mut State) {
    for member in &mut state.ports {
        member.usable = config.interface(member.id).is_some_and(|port| port.is_fit(Use::Frames));
    }
    state.active = match lagg.settings.mode {
        Mode::Failover => select::active(state, state.tuning.reselect),
        _ => None,
    };
    let usable: Arc<[IfId]> = state.ports.iter().filter(|port| port.usable).map(|port| port.id).collect();
    let in_use = |uses: fn(&Joined, IfId) -> bool| -> Arc<[IfId]> {
        let uses = |id| state.lacp.as_ref().is_some_and(|joined| uses(joined, id));
        state.ports.iter().map(|port| port.id).filter(|id| uses(*id)).collect()
    };
    let (sending, receiving) = match lagg.settings.mode {
        Mode::Failover => {
            // A standby port's frames are copies of what the active one gets, or stray: not taken.
            let active: Arc<[IfId]> = state.active.into_iter().collect();
            (active.clone(), active)
        }
        //= IEEE 802.1AX s6.4.15 [LACP-10]: frames go out by the ports that distribute, and are taken from those
        //= that collect
        Mode::Lacp => (in_use(Joined::is_sending), in_use(Joined::is_collecting)),
        Mode::LoadBalance | Mode::RoundRobin | Mode::Broadcast => (usable.clone(), usable.clone()),
    };
    let link = match lagg.settings.mode {
        Mode::Lacp => !sending.is_empty(),
        _ => !usable.is_empty(),
    };
    let ports = state.ports.iter().map(|port| port.id).collect();
    if let Some(interface) = config.interface_mut(lagg.id) {
        let hash = state.tuning.hash;
        let view = View { lagg: lagg.clone(), hash, ports, usable, sending, receiving };
        interface.kind = Kind::Lagg(Arc::new(view));
    }
    set_link(config, lagg.id, link);
}
