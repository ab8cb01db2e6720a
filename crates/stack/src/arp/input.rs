//! ARP messages that come in.

use std::net::IpAddr;
use std::net::Ipv4Addr;

use siding_lockorder::Ctx;
use siding_lockorder::Unlocked;
use siding_mbuf::Mbuf;
use siding_wire::Mac;
use siding_wire::arp::ArpOp;
use siding_wire::arp::ArpRepr;

use super::detect;
use super::machine;
use super::machine::ArpSeen;
use super::machine::Learn;
use super::output::build;
use crate::drops::DropReason;
use crate::ends;
use crate::event::Event;
use crate::ifnet::IfCounter;
use crate::ifnet::Interface;
use crate::lltable::Found;
use crate::lltable::Newcomer;
use crate::lltable::Terms;
use crate::neighbor;
use crate::stack::worker::Local;
use crate::trace::Step;

/// A message from the link of `on`.
pub(crate) fn input(ctx: &mut Ctx<'_, Unlocked>, local: &mut Local, on: &Interface, from: Mac, packet: Mbuf) {
    local.trace.note(&packet, || Step::Stage { name: "arp" });
    let message = match ArpRepr::parse(packet.data()) {
        Ok(message) => message,
        Err(why) => return local.drop_packet(packet, DropReason::Malformed(why)),
    };
    let counter = match message.op {
        ArpOp::REQUEST => IfCounter::ArpRequestIn,
        ArpOp::REPLY => IfCounter::ArpReplyIn,
        _ => return local.drop_packet(packet, DropReason::Ignored),
    };
    on.ifnet.counters.add(local.index, counter, 1);
    //= RFC 1122 s3.2.1.3: everybody's address is nobody's.
    if ends::is_directed_broadcast(on, message.spa) {
        return local.drop_packet(packet, DropReason::BadSource);
    }
    let seen = ArpSeen {
        is_request: message.op == ArpOp::REQUEST,
        sender_hw: message.sha,
        sender_ip: message.spa,
        target_ip: message.tpa,
    };
    // Addresses that are being probed are not ours yet, and those that somebody else has are not ours at all.
    let ours = on.addrs4.iter().filter(|own| own.is_assigned());
    let our_ips: Vec<Ipv4Addr> = ours.map(|own| own.addr).collect();
    let our_macs: Vec<Mac> = on.macs().collect();
    let verdict = machine::judge(&seen, &our_ips, &our_macs);
    let handled = detect::claimed(on, &seen).is_some_and(|addr| detect::heard(ctx, local, on, addr, &seen));
    if let Some(addr) = verdict.conflict.filter(|_| !handled) {
        local.tell(Event::AddressConflict { interface: on.ifnet.id, addr: addr.into(), lladdr: Some(from) });
    }
    let for_us = our_ips.contains(&seen.target_ip);
    learn(ctx, local, on, Heard { seen: &seen, how: verdict.learn, for_us });
    if let Some(to) = verdict.reply {
        match build(local, on, to, &message.reply(on.mac_of(seen.target_ip.into()))) {
            Some(frame) => {
                on.ifnet.counters.add(local.index, IfCounter::ArpReplyOut, 1);
                local.transmit(ctx, on.ifnet.id, frame);
            }
            None => local.count(on.ifnet.id, DropReason::NoBuffer),
        }
    }
    local.done(packet);
}

/// A message, and what it is worth.
struct Heard<'s> {
    seen: &'s ArpSeen,
    how: Learn,
    /// It asks for an address of ours, or answers one.
    for_us: bool,
}

fn learn(
    ctx: &mut Ctx<'_, Unlocked>,
    local: &mut Local,
    on: &Interface,
    Heard { seen, how, for_us }: Heard<'_>,
) {
    let addr = IpAddr::V4(seen.sender_ip);
    let found = match how {
        Learn::No => return,
        Learn::Update => match on.ifnet.neighbors.find(ctx, addr) {
            Some(lle) => Ok(Found { lle, new: false, evicted: None }),
            None => return,
        },
        Learn::Insert => {
            let terms = Terms { now: local.now, limits: &on.neighbors, newcomer: Newcomer::Learned };
            on.ifnet.neighbors.find_or_insert(ctx, addr, terms, |_ctx| Ok(machine::learned(seen)))
        }
    };
    let now = local.now;
    match found {
        Ok(Found { lle, new: true, evicted }) => {
            local.note_evicted(evicted);
            local.note_neighbor(&lle, None, Some(&machine::learned(seen)));
        }
        Ok(Found { lle, new: false, .. }) => {
            let _change =
                neighbor::settle(ctx, local, on, &lle, |nud| machine::apply(nud, now, &on.nud, seen, for_us));
        }
        Err(why) => local.count(on.ifnet.id, why.into()),
    }
}
