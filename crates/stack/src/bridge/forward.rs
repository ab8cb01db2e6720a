//! Frames that come in by a bridge's ports, and frames that it sends.

use std::sync::atomic::Ordering;

use siding_lockorder::Ctx;
use siding_lockorder::Unlocked;
use siding_mbuf::Mbuf;
use siding_netisr::IfId;
use siding_wire::Mac;
use siding_wire::ether::Ether;
use siding_wire::ether::HEADER_LEN;
use siding_wire::ether::VLAN_LEN;

use super::View;
use crate::drops::DropReason;
use crate::ifnet::Interface;
use crate::ifnet::Use;
use crate::next::Next;
use crate::ports::bridge::table::Learnt;
use crate::stack::worker::Local;

/// Tags that a frame may carry on top of the MTU.
const TAGS: usize = 2;

/// A bridge, and its port that a frame has come by.
pub(crate) struct ByPort<'c> {
    pub(crate) port: &'c Interface,
    pub(crate) bridge: &'c Interface,
    pub(crate) view: &'c View,
}

/// Whom a frame is for, and the port that it must not go back by; [`IfId::NONE`] for one of our own.
#[derive(Clone, Copy)]
struct Journey {
    from: IfId,
    dst: Mac,
}

/// A frame from a port: for whoever it is addressed to.
pub(crate) fn input<'c>(
    ctx: &mut Ctx<'_, Unlocked>,
    local: &mut Local,
    ByPort { port, bridge, view }: ByPort<'c>,
    header: Ether,
    mut frame: Mbuf,
) -> Next<'c> {
    if !bridge.is_fit(Use::Passage) {
        return Next::Drop(frame, DropReason::InterfaceGone);
    }
    let from = port.ifnet.id;
    let Some(number) = view.port(from).filter(|port| port.forwarding).map(|port| port.number) else {
        return Next::Drop(frame, DropReason::InactivePort);
    };
    if is_for_one_link(header.dst) {
        return Next::Drop(frame, DropReason::LinkGroup);
    }
    // A frame of our own that comes back says nothing about where we are.
    if !header.src.is_unicast() || header.src == bridge.mac {
        return Next::Drop(frame, DropReason::BadSource);
    }
    let most = HEADER_LEN + TAGS * VLAN_LEN + usize::from(bridge.mtu);
    if frame.len() > most && frame.longest() > most {
        return Next::Drop(frame, DropReason::TooBig);
    }
    let counts = &view.bridge.counts;
    let stands = |number| view.numbered(number).is_some();
    match view.bridge.stations.learn(header.src, number, local.now, stands) {
        Learnt::Known | Learnt::New => {}
        Learnt::Moved => _ = counts.moved.fetch_add(1, Ordering::Relaxed),
        Learnt::Refused => _ = counts.refused.fetch_add(1, Ordering::Relaxed),
    }
    let ours = bridge.has_mac(header.dst);
    if header.dst.is_multicast() {
        flood(ctx, local, view, from, &frame);
    } else if !ours {
        return forward(ctx, local, view, Journey { from, dst: header.dst }, frame);
    }
    local.receives(bridge, &mut frame);
    Next::Up(bridge, frame)
}

/// Sends a frame of our own.
pub(crate) fn output(ctx: &mut Ctx<'_, Unlocked>, local: &mut Local, out: IfId, view: &View, frame: Mbuf) {
    let dst = match Ether::parse(frame.data()) {
        Ok((header, _)) => header.dst,
        Err(why) => return local.drop_on(out, frame, DropReason::Malformed(why)),
    };
    local.count_sent(out, frame.len());
    match forward(ctx, local, view, Journey { from: IfId::NONE, dst }, frame) {
        Next::Transmit(port, frame) => local.transmit(ctx, port, frame),
        Next::Drop(frame, cause) => local.drop_on(out, frame, cause),
        Next::Done(frame) => local.cache.free(frame),
        _ => {}
    }
}

/// By the port behind which `dst` was heard, else by all but the one that it came `from`.
fn forward(
    ctx: &mut Ctx<'_, Unlocked>,
    local: &mut Local,
    view: &View,
    Journey { from, dst }: Journey,
    frame: Mbuf,
) -> Next<'static> {
    let known = match dst.is_multicast() {
        true => None,
        false => view.bridge.stations.find(dst, local.now).and_then(|number| view.numbered(number)),
    };
    match known {
        Some(port) if port.id == from => Next::Drop(frame, DropReason::SamePort),
        Some(port) => {
            view.bridge.counts.forwarded.fetch_add(1, Ordering::Relaxed);
            Next::Transmit(port.id, frame)
        }
        None => match flood(ctx, local, view, from, &frame) {
            0 => Next::Drop(frame, DropReason::NoPort),
            _ => Next::Done(frame),
        },
    }
}

/// A copy for each port but the one that it came `from`: what lies below may put a tag in. Gives how many ports.
fn flood(ctx: &mut Ctx<'_, Unlocked>, local: &mut Local, view: &View, from: IfId, frame: &Mbuf) -> usize {
    view.bridge.counts.flooded.fetch_add(1, Ordering::Relaxed);
    let mut ports = 0;
    for port in view.ports.iter().filter(|port| port.forwarding && port.id != from) {
        ports += 1;
        match frame.copy(&mut local.cache) {
            Some(copy) => local.transmit(ctx, port.id, copy),
            None => local.count(from, DropReason::NoBuffer),
        }
    }
    ports
}

/// The groups that reach over one link only, whatever is at its other end (IEEE 802.1D table 7-10).
fn is_for_one_link(dst: Mac) -> bool {
    matches!(dst.0, [0x01, 0x80, 0xc2, 0, 0, 0..=0x0f])
}
