//! A host's time has come: what is due is sent, and what has run out is let go of.

use std::net::Ipv6Addr;

use siding_lockorder::Ctx;
use siding_lockorder::Unlocked;
use siding_netisr::IfId;
use siding_wire::ip6;
use siding_wire::nd::NeighborAdvert;
use siding_wire::nd::RouterSolicit;

use super::Hosts;
use super::known;
use super::settle;
use crate::drops::DropReason;
use crate::ifnet::IfCounter;
use crate::ifnet::Interface;
use crate::ifnet::Use;
use crate::nd6::dad::DadState;
use crate::nd6::due::Hosting;
use crate::nd6::host::Message;
use crate::nd6::ns;
use crate::nd6::ns::Addressed;
use crate::nd6::nud::Change;
use crate::nd6::nud::Refused;
use crate::neighbor;
use crate::neighbor::LinkOut;
use crate::neighbor::What;
use crate::ranks;
use crate::stack;
use crate::stack::worker::Local;
use crate::timer::Due;

impl Due<Local> for Hosting {
    fn interface(&self) -> IfId {
        self.0
    }

    fn run(self: Box<Self>, ctx: &mut Ctx<'_, Unlocked>, local: &mut Local) {
        timer(ctx, local, self.0);
    }
}

/// The timer of an interface's host.
fn timer(ctx: &mut Ctx<'_, Unlocked>, local: &mut Local, id: IfId) {
    let config = local.config().clone();
    let Some(out) = config.interface(id) else { return };
    // Lifetimes end by what has been read: what was said before they ended may have prolonged them.
    let (shared, now) = (local.shared.clone(), local.heard);
    let (mut guard, mut control_ctx) = ctx.lock(&shared.control);
    let control = &mut *guard;
    let Some(state) = control.rooms.of::<Hosts>().get_mut(&id) else { return };
    if !state.alarm.rings(now) {
        return;
    }
    let known = known(&mut control_ctx, out, &state.host.next_hops());
    let mut probed = None;
    let is_known = |addr| known.contains(&addr);
    state.host.on_timer(now, &is_known, &mut control.chance, |message| match message {
        Message::Solicit => solicit_routers(&control_ctx, local, out),
        Message::Announce(addr) => announce(&control_ctx, local, out, addr),
        Message::Probe(router) => {
            probed = Some(router);
            Ok(())
        }
    });
    let events = settle(&mut stack::Change { shared: &shared, control, ctx: &mut control_ctx, now }, id);
    drop(guard);
    events.into_iter().for_each(|event| local.tell(event));
    if let Some(router) = probed
        && let Some(lle) = out.ifnet.neighbors.find(ctx, router.into())
    {
        let local_now = local.now;
        // As if a packet went there: its own machine asks, as often as it may.
        let _ = neighbor::settle(ctx, local, out, &lle, |nud| {
            nud.on_packet(local_now, &out.nud);
            Change::default()
        });
    }
    local.refresh();
}

fn solicit_routers(ctx: &Ctx<'_, ranks::Control>, local: &mut Local, out: &Interface) -> Result<(), Refused> {
    // Nobody hears it: all are asked anew when the link is there.
    if !out.is_fit(Use::Ip6) {
        return Ok(());
    }
    let own = out.addrs6.iter().find(|own| ip6::is_link_local(own.addr));
    //= RFC 4861 s6.3.7, s4.1 [4861-23]: from our link-local address with the link-layer address, or from `::` without.
    //= RFC 4429 s3.2 [4429-1]: an optimistic address goes without, too.
    let (source, slla) = match own.map(|own| (own.addr, own.state)) {
        Some((addr, DadState::Preferred)) => (addr, Some(out.mac_of(addr.into()))),
        Some((addr, DadState::Optimistic)) => (addr, None),
        // It is a moment until it may be used, and the answer can then be for us alone.
        Some((_, DadState::Tentative)) => return Err(Refused),
        Some((_, DadState::Duplicate)) | None => (Ipv6Addr::UNSPECIFIED, None),
    };
    let (message, to) = (RouterSolicit { slla }, ip6::ALL_ROUTERS);
    let frame = ns::build(local, out, &Addressed::to_group(source, to), message.buffer_len(), |bytes| {
        message.emit(source, to, bytes)
    });
    let Some(frame) = frame else {
        local.count(out.ifnet.id, DropReason::NoBuffer);
        return Err(Refused);
    };
    let source = (!source.is_unspecified()).then_some(source.into());
    let what = What::Message(source, IfCounter::RsOut);
    neighbor::dispatch(ctx, local, frame, LinkOut::new(out.ifnet.id, to.into(), what))
}

//= RFC 9131 s6.1.2 [9131-2]: to all routers, not solicited and without Override: it must not replace what they know.
fn announce(
    ctx: &Ctx<'_, ranks::Control>,
    local: &mut Local,
    out: &Interface,
    addr: Ipv6Addr,
) -> Result<(), Refused> {
    if !out.accepts(addr) {
        return Ok(()); // It has gone meanwhile, and is forgotten with its next turn.
    }
    let message = NeighborAdvert {
        router: local.config().forwarding,
        solicited: false,
        override_: false,
        target: addr,
        tlla: Some(out.mac_of(addr.into())),
    };
    let to = ip6::ALL_ROUTERS;
    let frame = ns::build(local, out, &Addressed::to_group(addr, to), message.buffer_len(), |bytes| {
        message.emit(addr, to, bytes)
    });
    let Some(frame) = frame else {
        local.count(out.ifnet.id, DropReason::NoBuffer);
        return Err(Refused);
    };
    let what = What::Message(Some(addr.into()), IfCounter::NaOut);
    neighbor::dispatch(ctx, local, frame, LinkOut::new(out.ifnet.id, to.into(), what))
}
