//! The announcer: after a change, everybody on the links is told where every address now is.
//!
//! Each round announces every address on the lagg and on every device nested on it: gratuitous ARP, unsolicited
//! neighbour advertisements, and the groups that are listened to, for switches that snoop. Rounds are repeated, and
//! each goes out a burst at a time. A new change begins anew: its rounds replace what is left of the last ones.
//!
//! # Locks
//!
//! Permits are reserved before the lagg's lock is taken; under it the frames are built, from what is true at this
//! moment, and dispatched. An announcement for which there is no permit or no buffer waits for the next burst: none
//! is lost.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use siding_lockorder::After;
use siding_lockorder::Ctx;
use siding_mbuf::Mbuf;
use siding_netisr::IfId;
use siding_netisr::Instant;
use siding_netisr::Permit;
use siding_netisr::sync::mutant;
use siding_wire::EtherType;
use siding_wire::IpProto;
use siding_wire::Mac;
use siding_wire::arp::ARP_LEN;
use siding_wire::arp::ArpRepr;
use siding_wire::ether;
use siding_wire::ether::Ether;
use siding_wire::ether::multicast_mac;
use siding_wire::ip6;
use siding_wire::ip6::Ip6Repr;
use siding_wire::mld::Record;
use siding_wire::nd;
use siding_wire::nd::NeighborAdvert;

use super::due::Timed;
use crate::bridge;
use crate::config::Config;
use crate::drops::DropReason;
use crate::ifnet::IfCounter;
use crate::ifnet::Interface;
use crate::ifnet::Use;
use crate::mld;
use crate::nd6::dad::DadState;
use crate::neighbor::Announcing;
use crate::neighbor::LinkOut;
use crate::neighbor::What as Out;
use crate::ports::lagg::Announce;
use crate::ports::lagg::Lagg;
use crate::ports::lagg::state::State;
use crate::ports::lagg::state::What;
use crate::ranks;
use crate::stack::Shared;
use crate::stack::worker::Local;

/// Announcements in one burst, and the pause between two: at most 64,000 a second on one lagg.
const BURST: usize = 64;
const PAUSE: Duration = Duration::from_millis(1);

/// Room for announcements, reserved before the lock.
type Permits = Vec<Permit<Mbuf, LinkOut, Local>>;

/// Reserves room for a burst, as far as there is room.
fn reserve<L>(shared: &Shared, ctx: &Ctx<'_, L>) -> Permits {
    (0..BURST).map_while(|_| shared.queues.of::<Announcing>().reserve(ctx, None).ok()).collect()
}

/// Begins to announce, from the first round.
pub(crate) fn begin(config: &Config, lagg: IfId, state: &mut State, settings: Announce, now: Instant) {
    if settings.count == 0 {
        return;
    }
    state.announcing.rounds = settings.count - 1;
    state.announcing.next = Some(now + settings.interval);
    state.announcing.round = round(config, lagg, now).collect();
}

/// Dispatches what is due of a lagg's announcements, and has the timer queue come back for the rest.
pub(crate) fn run<L>(ctx: &mut Ctx<'_, L>, shared: &Shared, config: &Config, lagg: &Arc<Lagg>, now: Instant)
where
    ranks::Lagg: After<L>,
{
    let permits = reserve(shared, ctx);
    let (mut state, mut ctx) = ctx.lock(&lagg.state);
    // It may have come by for LACP.
    if !state.announcing.alarm.rings(now) {
        return;
    }
    let settings = state.tuning.announce;
    let announcing = &mut state.announcing;
    if announcing.round.is_empty() && announcing.rounds > 0 && announcing.next.is_some_and(|next| next <= now)
    {
        announcing.rounds -= 1;
        announcing.next = Some(now + settings.interval);
        announcing.round = round(config, lagg.id, now).collect();
    }
    for permit in permits {
        let Some((on, what)) = announcing.round.front().copied() else { break };
        // An address that has gone meanwhile has nothing to announce.
        if let Some(out) = config.interface(on)
            && is_current(config, out, what)
        {
            let Some((frame, what)) = build(shared, config, out, what) else { break };
            if mutant("announcement-sent-inline") {
                super::inline::transmit(config, on);
            }
            let meta = LinkOut { out: on, key: 0, what };
            match permit.dispatch(&ctx, frame, meta) {
                Ok(()) => announcing.dispatched += 1,
                // Only a departing interface refuses a permit, and it announces nothing any more.
                Err(refused) => {
                    out.ifnet.drops.count(DropReason::InterfaceGone);
                    drop(refused);
                }
            }
        }
        announcing.round.pop_front();
    }
    let due = match announcing.round.is_empty() {
        false => Some(now + PAUSE),
        true if announcing.rounds > 0 => announcing.next,
        true => None,
    };
    shared.timers.set(&mut ctx, &mut announcing.alarm, due, || Timed(lagg.id));
}

/// Announces once what lies on an interface, and the interface's own: its address has changed.
pub(crate) fn once<L>(ctx: &Ctx<'_, L>, shared: &Shared, id: IfId, now: Instant) {
    let config = shared.config.load();
    for (on, what) in round(&config, id, now) {
        let Some(out) = config.interface(on) else { continue };
        // One for which there is no room is not sent: whoever asks is answered.
        let Ok(permit) = shared.queues.of::<Announcing>().reserve(ctx, None) else { return };
        let Some((frame, what)) = build(shared, &config, out, what) else { return };
        if let Err(refused) = permit.dispatch(ctx, frame, LinkOut { out: on, key: 0, what }) {
            out.ifnet.drops.count(DropReason::InterfaceGone);
            drop(refused);
        }
    }
}

/// Everything that one round announces.
fn round(config: &Config, lagg: IfId, now: Instant) -> impl Iterator<Item = (IfId, What)> + '_ {
    let nest = config.nest(lagg);
    let stations = bridge::beyond(config, &nest, now);
    let stations = stations.into_iter().map(|(port, station)| (port, What::Station(station)));
    let own = nest
        .into_iter()
        .filter_map(|id| config.interface(id))
        .filter(|there| there.is_fit(Use::Ip6) || there.is_fit(Use::Ip4));
    let own = own.flat_map(|interface| {
        let id = interface.ifnet.id;
        let addrs6 = interface.addrs6.iter().filter(|own| own.state == DadState::Preferred);
        let addrs6 = addrs6.map(move |own| (id, What::Address(own.addr.into())));
        let addrs4 = interface.addrs4.iter().filter(|own| own.is_assigned());
        let addrs4 = addrs4.map(move |own| (id, What::Address(own.addr.into())));
        let reports = groups(config, interface).chunks(records_each(interface)).len();
        let groups = (0..reports).map(move |part| (id, What::Groups(part)));
        addrs6.chain(addrs4).chain(groups)
    });
    own.chain(stations)
}

fn is_current(config: &Config, out: &Interface, what: What) -> bool {
    match what {
        What::Address(addr) => out.may_source(addr),
        What::Groups(part) => groups(config, out).chunks(records_each(out)).nth(part).is_some(),
        // Looked at when it is sent: it may move at any time.
        What::Station(_) => true,
    }
}

/// The announcement's frame; `None` if no buffer is free.
fn build(shared: &Shared, config: &Config, out: &Interface, what: What) -> Option<(Mbuf, Out)> {
    match what {
        What::Address(IpAddr::V6(addr)) => {
            //= RFC 4861 s7.2.6 [4861-32]: not solicited, to all nodes; Override, for the address has moved; Router
            //= as we forward.
            let advert = NeighborAdvert {
                router: config.forwarding,
                solicited: false,
                override_: true,
                target: addr,
                tlla: Some(out.mac_of(addr.into())),
            };
            let header =
                Ip6Repr::new(addr, ip6::ALL_NODES, IpProto::ICMP6, nd::HOP_LIMIT, advert.buffer_len() as u16);
            let frame =
                frame6(shared, out, &header, |payload| advert.emit(addr, ip6::ALL_NODES, payload).is_ok())?;
            Some((frame, Out::Message(Some(addr.into()), IfCounter::NaOut)))
        }
        What::Address(IpAddr::V4(addr)) => {
            //= RFC 5227 s2.3 [5227-3]: an ARP announcement, to everybody.
            let mut frame = start(shared, out, Mac::BROADCAST, EtherType::ARP)?;
            ArpRepr::announcement(out.mac_of(addr.into()), addr).emit(frame.append(ARP_LEN)?).ok()?;
            Some((frame, Out::Message(Some(addr.into()), IfCounter::ArpRequestOut)))
        }
        //= RFC 3810 s6 [3810-3, 4541]: the groups, as they are: switches learn groups by port, and the port is another.
        What::Groups(part) => {
            let groups = groups(config, out);
            let records = groups.chunks(records_each(out)).nth(part)?;
            let frame = mld::build(shared.pool.alloc()?, out, &mld::listener::Message::Report(records))?;
            let source = mld::report_source(out).map(IpAddr::V6);
            Some((frame, Out::Message(source, IfCounter::MldOut)))
        }
        What::Station(station) => Some((bridge::learning_frame(shared, station)?, Out::Station(station))),
    }
}

/// What an interface listens to and reports.
fn groups(config: &Config, out: &Interface) -> Vec<Record<'static>> {
    mld::reported(config, out).into_iter().map(Record::present).collect()
}

/// Groups in one report.
fn records_each(out: &Interface) -> usize {
    mld::room(out) / Record::present(ip6::ALL_NODES).buffer_len()
}

fn frame6(
    shared: &Shared,
    out: &Interface,
    header: &Ip6Repr,
    emit: impl FnOnce(&mut [u8]) -> bool,
) -> Option<Mbuf> {
    let mut frame = start(shared, out, multicast_mac(header.dst), EtherType::IPV6)?;
    let place = frame.append(ip6::HEADER_LEN + usize::from(header.payload_len))?;
    let (front, payload) = place.split_at_mut(ip6::HEADER_LEN);
    header.emit(front).ok()?;
    emit(payload).then_some(frame)
}

fn start(shared: &Shared, out: &Interface, dst: Mac, ethertype: EtherType) -> Option<Mbuf> {
    let mut frame = shared.pool.alloc()?;
    Ether { dst, src: out.mac, ethertype }.emit(frame.append(ether::HEADER_LEN)?).ok()?;
    Some(frame)
}
