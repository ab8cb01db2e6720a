//! What becomes of our own packets when a worker has them.

use siding_lockorder::Ctx;
use siding_lockorder::Unlocked;
use siding_mbuf::Mbuf;
use siding_netisr::IfId;
use siding_netisr::RegisterError;

use crate::drops::DropReason;
use crate::ip4;
use crate::ip6;
use crate::neighbor;
use crate::own::IpOut;
use crate::own::LocalIn;
use crate::queues::Queue;
use crate::queues::Registrar;
use crate::stack::Protocol;
use crate::stack::worker::Local;
use crate::trace::Step;
use crate::walk::walk;

/// Our own packets.
pub(crate) struct Own;

impl Protocol for Own {
    fn queues(&self, make: &mut Registrar<'_, Local>) -> Result<(), RegisterError> {
        make.add::<LocalIn>(|spec| spec, local_in)?;
        make.add::<IpOut>(|spec| spec, ip_out)
    }
}

/// The handler of packets to ourselves.
fn local_in(ctx: &mut Ctx<'_, Unlocked>, local: &mut Local, packet: Mbuf, on: IfId) {
    local.refresh();
    local.trace.note(&packet, || Step::Handled { queue: LocalIn::NAME });
    let config = local.config().clone();
    let next = match packet.data().first().is_some_and(|first| first >> 4 == 4) {
        true => ip4::local_input(&config, packet, on),
        false => ip6::local_input(&config, packet, on),
    };
    walk(ctx, local, &config, next);
}

/// The handler of our own packets that were made outside of workers.
pub(crate) fn ip_out(ctx: &mut Ctx<'_, Unlocked>, local: &mut Local, mut packet: Mbuf, scope: IfId) {
    local.refresh();
    if local.trace.is_on() {
        local.trace.made(&mut packet);
    }
    let config = local.config().clone();
    //= RFC 6724, RFC 4862 s5.5.4 [6724-4]: the source was chosen when it was queued, and may be gone by now.
    if neighbor::source_of(&packet).is_some_and(|source| !config.routing_at(scope).may_source(source)) {
        return local.drop_packet(packet, DropReason::Stale);
    }
    if let Ok((header, _)) = siding_wire::ip6::Ip6Repr::parse(packet.data()) {
        return ip6::output(ctx, local, &config, header.dst, scope, packet);
    }
    match siding_wire::ip4::Ip4Repr::parse(packet.data()) {
        Ok((header, _)) => ip4::output(ctx, local, &config, (header.dst, scope), packet),
        Err(why) => local.drop_packet(packet, DropReason::Malformed(why)),
    }
}
