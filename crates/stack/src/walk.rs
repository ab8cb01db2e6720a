//! The way of a packet through the stack: from stage to stage, until it ends.

use siding_lockorder::Ctx;
use siding_lockorder::Unlocked;

use crate::arp;
use crate::config::Config;
use crate::ether;
use crate::ip4;
use crate::ip6;
use crate::next::Next;
use crate::worker::Local;

/// Takes a packet from where it is to its end.
#[inline]
pub(crate) fn walk<'c>(ctx: &mut Ctx<'_, Unlocked>, local: &mut Local, config: &'c Config, first: Next<'c>) {
    let mut next = first;
    loop {
        next = match next {
            Next::Up(on, frame) => ether::input(ctx, local, config, on, frame),
            Next::Ip6(on, from, link, packet) => {
                return ip6::input(ctx, local, config, on, from, link, packet);
            }
            Next::Ip4(on, link, packet) => return ip4::input(ctx, local, config, on, link, packet),
            Next::Arp(on, from, packet) => return arp::input(ctx, local, on, from, packet),
            Next::Transmit(out, frame) => return local.transmit(ctx, out, frame),
            Next::Done(packet) => return local.cache.free(packet),
            Next::Drop(packet, cause) => return local.drop_packet(packet, cause),
            Next::Taken => return,
        }
    }
}
