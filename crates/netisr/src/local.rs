//! What a worker has of its own, and what it is told.

use siding_lockorder::Ctx;
use siding_lockorder::Unlocked;

use crate::IfId;

/// A worker's own state, lent to the handlers that run on it.
pub trait Local: 'static {
    /// Something has changed, and some interfaces may be departing: let go of everything that names one for
    /// which `stays` is false. Called on the worker between handlers; departures complete after it has returned.
    fn depart(&mut self, stays: &dyn Fn(IfId) -> bool);

    /// A poll has handled `handled` packets of the type `name`, and goes on to the next type. Called with no lock held;
    /// what is dispatched here is handled later, as from a handler. If it panics, that is
    /// [as if](crate::OnPanic) the handler had. Costs nothing unless it is written.
    fn drained(&mut self, _ctx: &mut Ctx<'_, Unlocked>, _name: &str, _handled: usize) {}

    /// A poll has handled packets, and ends, be it by a handler's panic: the moment to send off what the handlers have put
    /// together. As [`drained`](Self::drained) otherwise; but if it panics, what was chosen for
    /// [the facility](crate::Builder::on_panic) is done, where no type is there to be stopped.
    fn polled(&mut self, _ctx: &mut Ctx<'_, Unlocked>, _polled: Polled) {}
}

/// No state, nothing to let go of.
impl Local for () {
    fn depart(&mut self, _stays: &dyn Fn(IfId) -> bool) {}
}

/// What one [`Worker::poll`](crate::Worker::poll) did.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Polled {
    /// Packets that were handled.
    pub handled: usize,
    /// Whether packets may still be waiting: poll again before sleeping.
    pub more: bool,
}
