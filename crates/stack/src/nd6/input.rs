//! Neighbour discovery messages that come in.

use std::net::IpAddr;
use std::net::Ipv6Addr;

use siding_lockorder::Ctx;
use siding_lockorder::Unlocked;
use siding_machines::host::HeardAdvert;
use siding_mbuf::Mbuf;
use siding_wire::Mac;
use siding_wire::ip6;
use siding_wire::nd;
use siding_wire::nd::NdMessage;
use siding_wire::nd::NeighborAdvert;
use siding_wire::nd::NeighborSolicit;

use super::answer;
use super::detect;
use super::host;
use super::ns::Addressed;
use super::router;
use crate::drops::DropReason;
use crate::ends;
use crate::event::Event;
use crate::ifnet::IfCounter;
use crate::ifnet::Interface;
use crate::lltable::Found;
use crate::lltable::Newcomer;
use crate::lltable::Terms;
use crate::nd6::dad::DadState;
use crate::nd6::nud::Advert;
use crate::nd6::nud::Nud;
use crate::neighbor;
use crate::next::Arrival;
use crate::next::Packet6;
use crate::next::Upper6;
use crate::stack::worker::Local;

/// A message of neighbour discovery.
pub(crate) fn input(
    ctx: &mut Ctx<'_, Unlocked>,
    local: &mut Local,
    arrival: Arrival<'_>,
    Upper6 { about, at, fragmented, .. }: &Upper6,
    packet: Mbuf,
) {
    let Arrival { config, on } = arrival;
    let (src, dst) = (about.header.src, about.header.dst);
    let bytes = packet.data().get(*at..).unwrap_or_default();
    let message = match nd::validate(about.header.hop_limit, src, dst, bytes, *fragmented) {
        Ok(message) => message,
        Err(why) => return local.drop_packet(packet, DropReason::Nd(why)),
    };
    // From our own address there is but one thing to hear: that somebody else has it.
    let conflict = matches!(&message, NdMessage::NeighborAdvert(advert) if on.addr6(advert.target).is_some());
    if on.accepts(src) && !conflict {
        return local.drop_packet(packet, DropReason::BadSource);
    }
    let counters = &on.ifnet.counters;
    let heard = match message {
        NdMessage::NeighborSolicit(solicit) => {
            counters.add(local.index, IfCounter::NsIn, 1);
            solicited(ctx, local, arrival, about, &solicit)
        }
        NdMessage::NeighborAdvert(advert) => {
            counters.add(local.index, IfCounter::NaIn, 1);
            advertised(ctx, local, arrival, about, &advert)
        }
        NdMessage::RouterSolicit(solicit) => {
            counters.add(local.index, IfCounter::RsIn, 1);
            //= RFC 4861 s6.1.1 [4861-1]: hosts discard it.
            if config.forwarding {
                //= RFC 4861 s6.2.6 [4861-13]: from `::` it teaches nothing; whoever asks is no router.
                if !src.is_unspecified() {
                    learn(ctx, local, on, &Station { addr: src, lladdr: solicit.slla, router: Some(false) });
                }
                router::solicited(ctx, local, arrival, about, &solicit)
            } else {
                Err(DropReason::Ignored)
            }
        }
        NdMessage::RouterAdvert(advert, options) => {
            counters.add(local.index, IfCounter::RaIn, 1);
            let heard_advert = HeardAdvert { from: src, advert: &advert, options };
            let compared = router::heard_advert(ctx, local, arrival, heard_advert);
            //= RFC 4861 s6.3.4 [4861-19]: its address is noted, and that it is a router, with the address or without.
            let (noted, heard) = host::heard_advert(ctx, local, on, heard_advert);
            let learnt = noted
                && learn(ctx, local, on, &Station { addr: src, lladdr: advert.slla, router: Some(true) });
            //= RFC 4861 s6.2.7 [4861-14]: a router that nobody wants to configure itself has heard what there is for it.
            let is_for_hosts = heard == Err(DropReason::AutoconfOff);
            if is_for_hosts && config.forwarding && !on.first_hops.accepts_as_host && (compared || learnt) {
                Ok(())
            } else {
                heard
            }
        }
        NdMessage::Redirect(redirect) => {
            counters.add(local.index, IfCounter::RedirectIn, 1);
            host::heard_redirect(ctx, local, arrival, src, &redirect).map(|()| {
                //= RFC 4861 s8.3 [4861-36]: the target's address is noted; one that is not the destination is a router.
                let router = (redirect.target != redirect.destination).then_some(true);
                learn(ctx, local, on, &Station { addr: redirect.target, lladdr: redirect.tlla, router });
            })
        }
    };
    match heard {
        Ok(()) => local.done(packet),
        Err(cause) => local.drop_on(on.ifnet.id, packet, cause),
    }
}

/// Somebody asks for an address. An error is why it is not listened to.
fn solicited(
    ctx: &mut Ctx<'_, Unlocked>,
    local: &mut Local,
    arrival: Arrival<'_>,
    about: &Packet6,
    solicit: &NeighborSolicit,
) -> Result<(), DropReason> {
    let Arrival { config, on } = arrival;
    //= RFC 4861 s7.2.3 [4861-28]: only if it is ours.
    let source = about.header.src;
    let Some(own) = on.addr6(solicit.target) else {
        if !on.is_anycast(solicit.target, config.forwarding) || on.has_mac(about.framed.from) {
            return Err(DropReason::NotForUs);
        }
        if !source.is_unspecified() {
            learn(ctx, local, on, &Station { addr: source, lladdr: solicit.slla, router: None });
        }
        answer::anycast_asked(ctx, local, on, source, solicit);
        return Ok(());
    };
    match own.state {
        //= RFC 4862 s5.4.3 [4862-4]: a tentative address is not answered for; it may be a duplicate.
        DadState::Tentative => {
            detect::heard_solicit(ctx, local, on, about, solicit);
            return Ok(());
        }
        DadState::Duplicate => return Err(DropReason::NotForUs),
        //= RFC 4429 s3.3 [4429-1]: an optimistic address gives way to another's test, and answers a resolver.
        DadState::Optimistic if about.header.src.is_unspecified() => {
            detect::heard_solicit(ctx, local, on, about, solicit);
            return Ok(());
        }
        DadState::Optimistic | DadState::Preferred => {}
    }
    if on.has_mac(about.framed.from) {
        return Err(DropReason::Ignored); // Our own, looped back.
    }
    let (to, solicited) = if source.is_unspecified() {
        //= RFC 4861 s7.2.4 [4861-29]: to all nodes, not solicited, when the asker has no address yet.
        (Addressed::to_group(solicit.target, ip6::ALL_NODES), false)
    } else {
        //= RFC 4861 s7.2.3 [4861-28]: who asks tells its address.
        learn(ctx, local, on, &Station { addr: source, lladdr: solicit.slla, router: None });
        (Addressed { source: solicit.target, dst: source, mac: solicit.slla }, true)
    };
    let advert = NeighborAdvert {
        //= RFC 4861 s7.2.4 [4861-29]: Router as we forward, Override as the address is ours alone.
        router: config.forwarding,
        solicited,
        //= RFC 4429 s3.3 [4429-1]: nobody's entry is overwritten for an address that may be another's.
        override_: own.state != DadState::Optimistic,
        target: solicit.target,
        tlla: Some(on.mac_of(solicit.target.into())),
    };
    //= RFC 6583 s7.1 [6583-1]: answering for our own addresses comes first: at once, to the address that the
    //= question gave, with no look at any table.
    answer::send(ctx, local, on, &to, &advert);
    Ok(())
}

/// Somebody tells where an address is. An error is why it is not listened to.
fn advertised(
    ctx: &mut Ctx<'_, Unlocked>,
    local: &mut Local,
    arrival: Arrival<'_>,
    about: &Packet6,
    advert: &NeighborAdvert,
) -> Result<(), DropReason> {
    let Arrival { config, on } = arrival;
    if let Some(own) = on.addr6(advert.target) {
        if on.has_mac(about.framed.from) {
            return Err(DropReason::Ignored);
        }
        match own.state {
            //= RFC 4862 s5.4.4 [4862-5]: an advertisement for a tentative address makes it a duplicate.
            DadState::Tentative | DadState::Optimistic => detect::heard_advert(ctx, local, on, advert.target),
            DadState::Preferred if own.retested => detect::heard_advert(ctx, local, on, advert.target),
            _ => local.tell(Event::AddressConflict {
                interface: on.ifnet.id,
                addr: advert.target.into(),
                lladdr: Some(about.framed.from),
            }),
        }
        return Ok(());
    }
    //= RFC 4862 s5.4, RFC 4861 s7.2.7: that others have an anycast address of ours is what it is for.
    if on.is_anycast(advert.target, config.forwarding) {
        return Err(DropReason::Ignored);
    }
    let what = Advert {
        solicited: advert.solicited,
        override_: advert.override_,
        router: advert.router,
        tlla: advert.tlla,
    };
    let now = local.now;
    match on.ifnet.neighbors.find(ctx, advert.target.into()) {
        Some(lle) => {
            let change = neighbor::settle(ctx, local, on, &lle, |nud| nud.on_advert(now, &on.nud, &what));
            if change.ceased_router {
                host::ceased(ctx, local, on, advert.target);
            }
        }
        //= RFC 9131 s6.1.1 [9131-1]: a router notes who announces itself with its address; a host does not.
        None if config.forwarding && !config.ignore_announced && advert.tlla.is_some() => {
            learn(ctx, local, on, &Station { addr: advert.target, lladdr: advert.tlla, router: None });
        }
        //= RFC 4861 s7.2.5 [4861-30]: nobody asked.
        None => return Err(DropReason::Ignored),
    }
    Ok(())
}

/// What a message says of a station on the link.
struct Station {
    addr: Ipv6Addr,
    /// Where it is.
    lladdr: Option<Mac>,
    /// Whether it is a router.
    router: Option<bool>,
}

/// Notes the link-layer address that a neighbour gave of itself. False if there is nothing to note, or no room.
fn learn(ctx: &mut Ctx<'_, Unlocked>, local: &mut Local, on: &Interface, station: &Station) -> bool {
    let Station { addr, lladdr, router } = *station;
    // Nobody is where a group is, and we know where we are.
    if !ends::is_host6(addr) || on.addr6(addr).is_some() {
        return false;
    }
    let lladdr = lladdr.filter(Mac::is_unicast).filter(|mac| !on.has_mac(*mac));
    let addr = IpAddr::V6(addr);
    let neighbors = &on.ifnet.neighbors;
    let found = match (neighbors.find(ctx, addr), lladdr) {
        (Some(lle), _) => Ok(Found { lle, new: false, evicted: None }),
        (None, Some(mac)) => {
            let terms = Terms { now: local.now, limits: &on.neighbors, newcomer: Newcomer::Learned };
            neighbors.find_or_insert(ctx, addr, terms, |_ctx| Ok(Nud::new_learned(mac, router == Some(true))))
        }
        //= RFC 4861 Appendix C [4861-28]: without an address there is nothing to note.
        (None, None) => return false,
    };
    match found {
        Ok(Found { lle, new: true, evicted }) => {
            local.note_evicted(evicted);
            let to = Nud::new_learned(lladdr.unwrap_or(Mac::ZERO), false);
            local.note_neighbor(&lle, None, Some(&to));
        }
        Ok(Found { lle, new: false, .. }) => {
            let _change = neighbor::settle(ctx, local, on, &lle, |nud| nud.on_learned(lladdr, router));
        }
        Err(why) => {
            local.count(on.ifnet.id, why.into());
            return false;
        }
    }
    true
}
