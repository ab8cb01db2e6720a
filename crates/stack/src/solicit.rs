//! Asking for a neighbour, of either family.

use std::net::IpAddr;

use siding_lockorder::Ctx;

use crate::arp;
use crate::ifnet::Interface;
use crate::nd6;
use crate::nd6::nud::Refused;
use crate::stack::Question;
use crate::stack::worker::Local;

/// Asks for a neighbour: builds the solicitation under the caller's locks, with what is true now, and
/// dispatches it.
pub(crate) fn solicit<L>(
    ctx: &Ctx<'_, L>,
    local: &mut Local,
    out: &Interface,
    question: &Question,
) -> Result<(), Refused> {
    match (question.addr, question.prompting) {
        (IpAddr::V6(target), Some(IpAddr::V6(source))) => {
            nd6::ns_output(ctx, local, out, (target, question.how), Some(source))
        }
        (IpAddr::V6(target), _) => nd6::ns_output(ctx, local, out, (target, question.how), None),
        (IpAddr::V4(target), _) => arp::request_output(ctx, local, out, target, question.how),
    }
}
