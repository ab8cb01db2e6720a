//! Types of packets, and dispatching.

use std::ffi::c_char;
use std::ffi::c_int;
use std::ffi::c_void;
use std::time::Duration;

use siding_netisr::Overflow;
use siding_netisr::PacketType;
use siding_netisr::Pending;
use siding_netisr::TypeSpec;
use siding_netisr::Unregistering;

use crate::callback;
use crate::callback::waiting;
use crate::callback::with_token;
use crate::error::*;
use crate::facility::SidingNetisr;
use crate::handle::Handle;
use crate::handle::Single;
use crate::handle::give_back;
use crate::held::free_of_all;
use crate::packet::Owned;
use crate::packet::SidingDrop;
use crate::packet::SidingPacket;
use crate::pointers::*;
use crate::state::State;

/// A registered type of packet.
#[derive(Debug)]
pub struct SidingType {
    pub(crate) kind: PacketType<Owned, (), State>,
    drop: SidingDrop,
    arg: Arg,
}

/// A type that is being unregistered.
#[derive(Debug)]
pub struct SidingUnregistering {
    leaving: Single<Unregistering<Owned, State>>,
}

impl Handle for SidingUnregistering {
    type What = Unregistering<Owned, State>;

    fn single(&self) -> &Single<Self::What> {
        &self.leaving
    }
}

/// Handles a packet, on the worker, with no lock held. The packet is the handler's for good.
pub type SidingHandler =
    Option<unsafe extern "C" fn(arg: *mut c_void, state: *mut c_void, packet: *const SidingPacket)>;

/// A type of packet, before it is registered.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct SidingTypeSpec {
    /// Unique among the types of a facility. Copied.
    pub name: *const c_char,
    /// How many packets may wait for each worker, 1 to 32,767; 0 for 256. Which worker that is, the page says.
    pub limit: u32,
    /// How many of them one interface may have, at each worker; 0 for all, as if it were the limit.
    pub share: u32,
    /// At the limit, drop the packet that has waited longest, not refuse the newest.
    pub drop_oldest: bool,
    /// Packets of one `key` go to one worker, and are handled in the order of their dispatch.
    pub by_flow: bool,
    /// Called for each packet.
    pub handler: SidingHandler,
    /// Called for each packet that was accepted and is not handled. NULL if nobody needs to know.
    pub drop: SidingDrop,
    /// For both.
    pub arg: *mut c_void,
}

/// The C side's argument.
#[derive(Clone, Copy, Debug)]
struct Arg(*mut c_void);

// SAFETY: it is only passed on; that it is fit for all threads that poll is what the C side is told to see to.
unsafe impl Send for Arg {}
// SAFETY: as above.
unsafe impl Sync for Arg {}

impl Arg {
    fn get(self) -> *mut c_void {
        self.0
    }
}

impl SidingType {
    /// Who takes what is not handled.
    pub(crate) fn end(&self) -> (SidingDrop, *mut c_void) {
        (self.drop, self.arg.get())
    }

    pub(crate) fn own(&self, view: SidingPacket) -> Owned {
        Owned { view, drop: self.drop, arg: self.arg.get() }
    }
}

/// Registers a type of packet.
///
/// # Safety
///
/// Pointers are NULL or good; the functions may be called with `arg` on every thread that polls.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn siding_register(
    netisr: *const SidingNetisr,
    spec: *const SidingTypeSpec,
    kind: *mut *mut SidingType,
) -> c_int {
    guarded(|| {
        // SAFETY: as promised.
        let (netisr, given, kind) = unsafe { (given(netisr)?, given(spec)?, place(kind)?) };
        // SAFETY: as promised.
        let mut spec = TypeSpec::<Owned, ()>::new(unsafe { text(given.name) }?)
            .on_drop(|fate, packet: Owned, ()| packet.end(fate.into()));
        let handler = given.handler.ok_or_else(|| Failure::argument("a type needs a handler"))?;
        if given.limit != 0 {
            spec = spec.limit(given.limit);
        }
        if given.share != 0 {
            spec = spec.share(given.share);
        }
        if given.drop_oldest {
            spec = spec.overflow(Overflow::DropOldest);
        }
        if given.by_flow {
            spec = spec.flow_key(|packet, ()| packet.view.key);
        }
        let arg = Arg(given.arg);
        let registered = netisr.netisr.register(spec, move |ctx, state: &mut State, packet: Owned, ()| {
            let view = packet.into_view();
            // SAFETY: function and argument were given for this, and the state with the worker.
            callback::call("handler", Some(ctx), || unsafe { handler(arg.get(), state.state, &view) });
        });
        let registered = registered.map_err(|why| match why {
            siding_netisr::RegisterError::TooManyTypes => Failure(SIDING_E_NO_ROOM, why.to_string()),
            _ => Failure::argument(&why.to_string()),
        })?;
        kind.hand_out(SidingType { kind: registered, drop: given.drop, arg });
        Ok(())
    })
}

/// Gives the handle back. The type stays registered.
///
/// # Safety
///
/// NULL, or a handle that is not in use and not given back yet.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn siding_type_free(kind: *mut SidingType) {
    guarded(|| {
        // SAFETY: as promised.
        drop(unsafe { take_back(kind) });
        Ok(())
    });
}

/// Queues a packet, to be handled later by a worker with no lock held. Under any locks; never runs a handler, blocks,
/// locks or allocates. 0, and the packet is the facility's; or why it is refused, and it stays the caller's.
///
/// # Safety
///
/// Pointers are NULL or good.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn siding_dispatch(kind: *const SidingType, packet: *const SidingPacket) -> c_int {
    let mut refused = SIDING_OK;
    let outcome = guarded(|| {
        // SAFETY: as promised.
        let (kind, packet) = unsafe { (given(kind)?, given(packet)?) };
        let result = with_token(|token| kind.kind.dispatch(token, kind.own(*packet), ()))?;
        if let Err(back) = result {
            refused = refusal(back.cause);
            back.packet.into_view();
        }
        Ok(())
    });
    or_refused(outcome, refused)
}

/// Stops intake of a type, at once; what waits is handled, or with `flush` dropped. Does not wait. May be called under any
/// locks and in the type's own handler. As with a departure, one that was given back early is taken up again, and may be
/// flushed after all.
///
/// # Safety
///
/// Pointers are NULL or good.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn siding_unregister(
    netisr: *const SidingNetisr,
    kind: *const SidingType,
    flush: bool,
    unregistering: *mut *mut SidingUnregistering,
) -> c_int {
    guarded(|| {
        // SAFETY: as promised.
        let (netisr, kind, place) = unsafe { (given(netisr)?, given(kind)?, place(unregistering)?) };
        let pending = if flush { Pending::Flush } else { Pending::Drain };
        let leaving = with_token(|token| netisr.netisr.unregister(token, &kind.kind, pending))?;
        let leaving = leaving.map_err(|why| Failure(SIDING_E_GONE, why.to_string()))?;
        place.hand_out(SidingUnregistering { leaving: Single::new(leaving) });
        Ok(())
    })
}

/// Waits until the type is gone: its handler does not run, and will not run again. 0 milliseconds: only asks. Not under a
/// lock, nor in a callback.
///
/// # Safety
///
/// Pointers are NULL or good; `here` is a text that ends in a zero byte.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn siding_unregistering_wait(
    unregistering: *mut SidingUnregistering,
    milliseconds: u64,
    here: *const c_char,
) -> c_int {
    guarded(|| {
        // SAFETY: as promised.
        let (unregistering, here) = unsafe { (given(unregistering)?, text(here)?) };
        free_of_all(here)?;
        let timeout = Duration::from_millis(milliseconds);
        let mut leaving = unregistering.leaving.take()?;
        let outcome = waiting(|token| leaving.wait(token, timeout))?;
        outcome.map_err(|held| Failure(SIDING_E_TIMEOUT, held.to_string()))
    })
}

/// Gives the handle back; not while it is in use, which is answered. The unregistering goes on.
///
/// # Safety
///
/// NULL, or a handle that is not given back yet.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn siding_unregistering_free(unregistering: *mut SidingUnregistering) -> c_int {
    guarded(|| {
        // SAFETY: as promised.
        unsafe { give_back(unregistering) }
    })
}
