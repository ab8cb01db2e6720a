//! The way of a packet through the stack: from stage to stage, until it ends.

use std::net::IpAddr;

use siding_lockorder::Ctx;
use siding_lockorder::Unlocked;
use siding_mbuf::Mbuf;

use crate::arp;
use crate::config::Config;
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
use crate::next::Layer;
use crate::next::Next;
use crate::next::Packet6;
use crate::next::Upper;
use crate::tcp;
use crate::trace::Step;
use crate::worker::Local;

/// Takes a packet from where it is to its end.
#[inline]
pub(crate) fn walk<'c>(ctx: &mut Ctx<'_, Unlocked>, local: &mut Local, config: &'c Config, first: Next<'c>) {
    let mut next = first;
    loop {
        next = match next {
            Next::Up(on, frame) => ether::input(ctx, local, config, on, frame),
            Next::Ip6(on, from, link, packet) => {
                match ip6::input(ctx, local, config, on, from, link, packet) {
                    // Most go this way: it is gone without what the loop would have to keep.
                    Next::Neighbor(out, addr, packet) => {
                        local.note_forwarded(Version::V6, &packet, out);
                        return neighbor::output(ctx, local, out, addr, packet);
                    }
                    other => {
                        on.ifnet.mib.add(local.index, Version::V6, Met::Other, 1);
                        other
                    }
                }
            }
            Next::Ip4(on, link, packet) => match ip4::input(ctx, local, config, on, link, packet) {
                Next::Neighbor(out, addr, packet) => {
                    local.note_forwarded(Version::V4, &packet, out);
                    return neighbor::output(ctx, local, out, addr, packet);
                }
                other => {
                    on.ifnet.mib.add(local.index, Version::V4, Met::Other, 1);
                    other
                }
            },
            Next::Neighbor(out, addr, packet) => return neighbor::output(ctx, local, out, addr, packet),
            Next::Ours6(on, about, joined, packet) => {
                ip6::deliver(ctx, local, config, on, about, joined, packet)
            }
            Next::Ours4(on, header, packet) => ip4::deliver(ctx, local, config, on, header, packet),
            Next::Upper6(on, about, upper, packet) => upper6(ctx, local, config, (on, about, upper, packet)),
            Next::Tcp4(on, header, at, packet) => {
                on.ifnet.mib.add(local.index, Version::V4, Met::Delivered, 1);
                return tcp::input4(ctx, local, config, on, &header, at, packet);
            }
            Next::Own(IpAddr::V6(dst), scope, packet) => {
                return ip6::output(ctx, local, config, dst, scope, packet);
            }
            Next::Own(IpAddr::V4(dst), _, packet) => return ip4::output(ctx, local, config, dst, packet),
            Next::Arp(on, from, packet) => return arp::input(ctx, local, on, from, packet),
            Next::Transmit(out, frame) => return local.transmit(ctx, out, frame),
            Next::Done(packet) => return local.done(packet),
            Next::Drop(packet, cause) => return local.drop_packet(packet, cause),
            Next::Taken => return,
        }
    }
}

/// What is above IPv6: rare, so apart from the loop.
#[inline(never)]
fn upper6<'c>(
    ctx: &mut Ctx<'_, Unlocked>,
    local: &mut Local,
    config: &'c Config,
    (on, about, upper, packet): (&'c Interface, Packet6, Upper, Mbuf),
) -> Next<'c> {
    let Upper { layer, at, fragmented } = upper;
    local.trace.note(&packet, || Step::Stage { name: layer.name() });
    if matches!(layer, Layer::Icmp | Layer::Tcp) {
        on.ifnet.mib.add(local.index, Version::V6, Met::Delivered, 1);
    }
    match layer {
        Layer::Icmp => return icmp6::input(ctx, local, config, on, about, (at, fragmented), packet),
        Layer::Nd => nd6::input(ctx, local, config, on, about, at, fragmented, packet),
        Layer::Mld => mld::input(ctx, local, on, &about, at, packet),
        Layer::Tcp => tcp::input6(ctx, local, config, on, &about, at, packet),
    }
    Next::Taken
}
