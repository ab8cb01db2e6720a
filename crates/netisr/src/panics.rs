//! What becomes of a panic in a handler.
//!
//! A panic never goes unnoticed: it is counted, told to whoever asked for reports ([`Builder::report_panics`]), and
//! then dealt with as the embedder chose, for the facility or for one type. Whatever the choice, the packet that the
//! handler was given counts as handled, and the others of its type wait in their order. The choice holds also when
//! the report panics in its turn, or what was thrown does when it is dropped: that second panic goes no further.
//!
//! A panic of [`Local::drained`] is its type's, as one of the handler is; one of [`Local::polled`] is no type's, so what was
//! chosen for the facility is done. Both hooks are called for what was handled, also when a handler's panic ends the poll.
//!
//! Without `std` nothing can catch a panic: it unwinds, or ends the program where the target has it so.
//!
//! [`Builder::report_panics`]: crate::Builder::report_panics
//! [`Local::drained`]: crate::Local::drained
//! [`Local::polled`]: crate::Local::polled

use alloc::boxed::Box;

use crate::counters::Single;

/// What a worker does about a panic in a handler, or in the code of a packet that it is about to hand to one.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum OnPanic {
    /// It goes on out of [`Worker::poll`](crate::Worker::poll), and ends the worker's thread unless that catches it.
    /// The worker may be polled again.
    #[default]
    Unwind,
    /// It ends the process.
    Abort,
    /// It is reported, and the worker goes on with the next packet.
    #[cfg(feature = "std")]
    GoOn,
    /// It is reported, and the type is stopped: further packets are refused with
    /// [`Cause::Stopped`](crate::Cause::Stopped), those that wait are flushed. It stays registered until it is
    /// unregistered.
    #[cfg(feature = "std")]
    StopType,
}

/// A panic in a handler.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Panicked<'a> {
    /// The type of the packet; `Local::polled`, if it was [that](crate::Local::polled) which panicked.
    pub name: &'a str,
    /// The worker.
    pub worker: usize,
    /// What the panic said, if that was words.
    pub message: Option<&'a str>,
    /// What is done about it when this report has been taken.
    pub policy: OnPanic,
}

/// Whom to tell.
pub(crate) type Report = Box<dyn Fn(&Panicked<'_>) + Send + Sync>;

/// The choice for all types that do not choose for themselves, and whom to tell.
#[derive(Default)]
pub(crate) struct Panics {
    pub(crate) policy: OnPanic,
    pub(crate) report: Option<Report>,
}

pub(crate) use imp::Payload;
pub(crate) use imp::catch;
pub(crate) use imp::discard;
pub(crate) use imp::resume;

#[cfg(feature = "std")]
mod imp {
    use std::any::Any;
    use std::boxed::Box;
    use std::panic;
    use std::string::String;

    pub(crate) type Payload = Box<dyn Any + Send>;

    /// Runs `work`. What it may leave half done is its own affair: all state that outlives it here is settled before
    /// user code runs, or by guards.
    #[inline(always)]
    pub(crate) fn catch<O>(_aborts: bool, work: impl FnOnce() -> O) -> Result<O, Payload> {
        panic::catch_unwind(panic::AssertUnwindSafe(work))
    }

    /// Runs what deals with a panic, and is the embedder's: a report, or the drop of what was thrown. The choice holds
    /// whatever that does, and what it throws in its turn is not asked for more.
    pub(crate) fn settle(work: impl FnOnce()) {
        if let Err(another) = catch(false, work) {
            core::mem::forget(another);
        }
    }

    pub(crate) fn discard(payload: Payload) {
        settle(|| drop(payload));
    }

    pub(crate) fn message(payload: &Payload) -> Option<&str> {
        payload
            .downcast_ref::<&str>()
            .copied()
            .or_else(|| payload.downcast_ref::<String>().map(String::as_str))
    }

    pub(crate) fn resume(payload: Payload) -> ! {
        panic::resume_unwind(payload)
    }

    pub(crate) fn abort() -> ! {
        std::process::abort()
    }
}

#[cfg(not(feature = "std"))]
mod imp {
    /// There is none.
    pub(crate) type Payload = core::convert::Infallible;

    struct Fuse;

    impl Drop for Fuse {
        fn drop(&mut self) {
            abort(); // A panic within a panic, which no program survives.
        }
    }

    /// Runs `work`. A panic passes, or ends the program where it is to.
    #[inline(always)]
    pub(crate) fn catch<O>(aborts: bool, work: impl FnOnce() -> O) -> Result<O, Payload> {
        // Not by `then_some`: that makes one, and drops it, where there is to be none.
        let fuse = if aborts { Some(Fuse) } else { None };
        let done = work();
        core::mem::forget(fuse);
        Ok(done)
    }

    pub(crate) fn settle(work: impl FnOnce()) {
        work();
    }

    pub(crate) fn discard(payload: Payload) {
        match payload {}
    }

    pub(crate) fn message(payload: &Payload) -> Option<&str> {
        match *payload {}
    }

    pub(crate) fn resume(payload: Payload) -> ! {
        match payload {}
    }

    pub(crate) fn abort() -> ! {
        panic!("a handler panicked, and the embedder chose to end the process")
    }
}

impl Panics {
    /// Runs [`Local::polled`](crate::Local::polled) on worker `worker`, at the end of a poll; where that is `unwinding`, a
    /// second panic goes no further.
    #[inline(always)]
    pub(crate) fn contain_polled(
        &self,
        worker: usize,
        panicked: &Single,
        unwinding: bool,
        polled: impl FnOnce(),
    ) {
        if let Err(payload) = catch(self.policy == OnPanic::Abort, polled) {
            panicked.add(1);
            self.polled_panicked(worker, unwinding, payload);
        }
    }

    #[cold]
    fn polled_panicked(&self, worker: usize, unwinding: bool, payload: Payload) {
        self.tell("Local::polled", worker, self.policy, &payload);
        match self.policy {
            OnPanic::Unwind if !unwinding => resume(payload),
            _ => discard(payload),
        }
    }

    /// Reports a panic; ends the process, if that was chosen.
    pub(crate) fn tell(&self, name: &str, worker: usize, policy: OnPanic, payload: &Payload) {
        if let Some(report) = &self.report {
            let message = imp::message(payload);
            imp::settle(|| report(&Panicked { name, worker, message, policy }));
        }
        if policy == OnPanic::Abort {
            imp::abort();
        }
    }
}
