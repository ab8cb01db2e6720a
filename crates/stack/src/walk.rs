//! The way of a packet through the stack: from stage to stage, until it ends.

use std::net::IpAddr;

use siding_lockorder::Ctx;
use siding_lockorder::Unlocked;
use siding_mbuf::Mbuf;

use crate::config::Config;
use crate::drops::DropReason;
use crate::ether;
use crate::icmp6;
use crate::ifnet::Interface;
use crate::ifnet::Met;
use crate::ifnet::Version;
use crate::ip4;
use crate::ip6;
use crate::mld;
use crate::nd6;
use crate::neighbor;
use crate::next::Arrival;
use crate::next::Frame;
use crate::next::Layer;
use crate::next::Next;
use crate::next::Upper6;
use crate::stack::worker::Local;
use crate::stack::worker::TimedStep;
use crate::tcp;
use crate::trace::Step;

/// Takes a packet from where it is to its end.
#[inline]
pub(crate) fn walk<'c>(ctx: &mut Ctx<'_, Unlocked>, local: &mut Local, config: &'c Config, first: Next<'c>) {
    walk_as::<false>(ctx, local, config, first);
}

/// The same with a frame in a turn that is timed. Each look at whether it is would cost every packet some instructions: so it
/// is code of its own.
#[inline(never)]
pub(crate) fn walk_timed<'c>(
    ctx: &mut Ctx<'_, Unlocked>,
    local: &mut Local,
    config: &'c Config,
    first: Next<'c>,
) {
    local.timed.enter(TimedStep::Link);
    walk_as::<true>(ctx, local, config, first);
}

#[inline(always)]
fn walk_as<'c, const TIMED: bool>(
    ctx: &mut Ctx<'_, Unlocked>,
    local: &mut Local,
    config: &'c Config,
    first: Next<'c>,
) {
    let mut next = first;
    loop {
        next = match next {
            Next::Up(on, frame) => ether::input(ctx, local, config, on, frame),
            Next::Ip6(on, framed, packet) => {
                if TIMED {
                    local.timed.enter(TimedStep::Ip);
                }
                match ip6::input(ctx, local, Arrival { config, on }, framed, packet) {
                    // Most go this way: it is gone without what the loop would have to keep.
                    Next::Neighbor(out, addr, packet) => {
                        if TIMED {
                            local.timed.enter(TimedStep::Neighbor);
                        }
                        local.note_forwarded(Version::V6, &packet, out);
                        return neighbor::output(ctx, local, out, addr, packet);
                    }
                    other => received(local, on, Version::V6, other),
                }
            }
            Next::Ip4(on, link, packet) => {
                if TIMED {
                    local.timed.enter(TimedStep::Ip);
                }
                match ip4::input(ctx, local, Arrival { config, on }, link, packet) {
                    Next::Neighbor(out, addr, packet) => {
                        if TIMED {
                            local.timed.enter(TimedStep::Neighbor);
                        }
                        local.note_forwarded(Version::V4, &packet, out);
                        return neighbor::output(ctx, local, out, addr, packet);
                    }
                    other => received(local, on, Version::V4, other),
                }
            }
            Next::Neighbor(out, addr, packet) => return neighbor::output(ctx, local, out, addr, packet),
            Next::Ours6(on, about, packet) => {
                let next = ip6::deliver(ctx, local, Arrival { config, on }, about, packet);
                delivered(local, on, Version::V6, next)
            }
            Next::Ours4(on, header, packet) => {
                let next = ip4::deliver(ctx, local, Arrival { config, on }, header, packet);
                delivered(local, on, Version::V4, next)
            }
            Next::Upper6(on, upper, packet) => upper6(ctx, local, Arrival { config, on }, upper, packet),
            Next::Tcp4(on, upper, packet) => {
                on.ifnet.mib.add(local.index, Version::V4, Met::Delivered, 1);
                return tcp::input4(ctx, local, Arrival { config, on }, &upper, packet);
            }
            Next::Own(IpAddr::V6(dst), scope, packet) => {
                return ip6::output(ctx, local, config, dst, scope, packet);
            }
            Next::Own(IpAddr::V4(dst), by, packet) => {
                return ip4::output(ctx, local, config, (dst, by), packet);
            }
            Next::Frame(frame) => other(ctx, local, config, frame),
            Next::Transmit(out, frame) => return local.transmit(ctx, out, frame),
            Next::Done(packet) => return local.done(packet),
            Next::Drop(packet, cause) => return local.drop_packet(packet, cause),
            Next::Taken | Next::Forwarded => return,
        }
    }
}

/// Counts a datagram that is not forwarded, or not as it is.
#[inline(never)]
fn received<'c>(local: &mut Local, on: &Interface, version: Version, next: Next<'c>) -> Next<'c> {
    local.timed.enter(TimedStep::Local);
    let count = |met| on.ifnet.mib.add(local.index, version, met, 1);
    // One that has been cut has been counted as what it is.
    if !matches!(next, Next::Forwarded) {
        count(Met::Other);
    }
    if let Next::Drop(_, cause) = next {
        Met::of_input(cause).into_iter().flatten().for_each(count);
    }
    next
}

/// The same of one that is ours.
fn delivered<'c>(local: &Local, on: &Interface, version: Version, next: Next<'c>) -> Next<'c> {
    if let Next::Drop(_, cause) = next
        && let Some(met) = Met::of_delivery(cause)
    {
        on.ifnet.mib.add(local.index, version, met, 1);
    }
    next
}

/// What is above IPv6: rare, so apart from the loop.
#[inline(never)]
fn upper6<'c>(
    ctx: &mut Ctx<'_, Unlocked>,
    local: &mut Local,
    arrival: Arrival<'c>,
    upper: Upper6,
    packet: Mbuf,
) -> Next<'c> {
    local.trace.note(&packet, || Step::Stage { name: upper.layer.name() });
    if matches!(upper.layer, Layer::Icmp | Layer::Tcp) {
        arrival.on.ifnet.mib.add(local.index, Version::V6, Met::Delivered, 1);
    }
    match upper.layer {
        Layer::Icmp => return icmp6::input(ctx, local, arrival, upper, packet),
        Layer::Nd => nd6::input(ctx, local, arrival, &upper, packet),
        Layer::Mld => mld::input(ctx, local, arrival.on, &upper, packet),
        Layer::Tcp => tcp::input6(ctx, local, arrival, &upper, packet),
    }
    Next::Taken
}

/// What is not IP: whoever has registered its ethertype looks at it.
#[inline(never)]
fn other<'c>(
    ctx: &mut Ctx<'_, Unlocked>,
    local: &mut Local,
    config: &'c Config,
    frame: Frame<'c>,
) -> Next<'c> {
    local.timed.enter(TimedStep::Local);
    let protocols = local.shared.protocols;
    match protocols.iter().find(|protocol| protocol.ethertypes().contains(&frame.ethertype)) {
        Some(protocol) => protocol.input(ctx, local, config, frame),
        None => Next::Drop(frame.packet, DropReason::UnknownProtocol),
    }
}
