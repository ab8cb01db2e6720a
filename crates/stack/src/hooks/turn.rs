//! What the filter does in each turn of a worker.

use super::anew;
use crate::drops::DropReason;
use crate::stack::worker::Local;

/// What the filter has to do in a turn of a worker. Whether there is more.
#[inline]
pub(crate) fn turn(local: &mut Local) -> bool {
    (local.filter.is_on() || is_asked(local)) && turn_of_keeper(local)
}

/// Whether this worker has something to answer.
#[inline]
fn is_asked(local: &Local) -> bool {
    local.shared.filter.mailboxes[local.index].is_asked()
}

#[inline(never)]
fn turn_of_keeper(local: &mut Local) -> bool {
    let Local { filter, shared, now, index, .. } = &mut *local;
    let asked = shared.filter.mailboxes[*index].answer(filter, *now, *index);
    if !local.filter.is_on() {
        return asked;
    }
    let anew = anew::step(local);
    let Local { filter, index, now, shared, .. } = local;
    let more = filter.tidy(*index, *now) || anew;
    if let Some(states) = &filter.states {
        shared.filter.gauges[*index].note(&states.usage());
    }
    while let Some(held) = local.filter.fragments.expired(local.now) {
        local.drop_packet(held, DropReason::FilterFragment);
    }
    for line in std::mem::take(&mut local.filter.lines) {
        local.tell(line);
    }
    more || asked
}
