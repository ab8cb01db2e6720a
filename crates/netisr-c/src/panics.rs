//! A panic never crosses into C, wherever in an exported function it begins: it is answered, and nothing is left half done.

use std::cell::Cell;
use std::ffi::CStr;
use std::ffi::c_int;
use std::ffi::c_void;
use std::ptr::null;
use std::ptr::null_mut;

use siding_netisr::Netisr;

use crate::packet::Owned;
use crate::trip::wire;
use crate::*;

const HERE: &CStr = c"a test";

/// What an exported function answers: nothing, if it has no number to answer.
type Answer = Option<c_int>;

/// A facility with one of everything, and all that calls need. It is given back to nobody: what a panic has left of it is not
/// to be guessed.
struct Rig {
    /// Not by the functions that are tried.
    inside: Netisr<Owned, State>,
    netisr: *mut SidingNetisr,
    kind: *mut SidingType,
    worker: Cell<*mut SidingWorker>,
    id: u64,
    packet: SidingPacket,
    counted: &'static Counted,
}

#[derive(Default)]
struct Counted {
    handled: Cell<u32>,
    dropped: Cell<u32>,
}

unsafe extern "C" fn handler(arg: *mut c_void, _state: *mut c_void, _packet: *const SidingPacket) {
    // SAFETY: the rig gave it.
    let counted = unsafe { &*arg.cast::<Counted>() };
    counted.handled.set(counted.handled.get() + 1);
}

unsafe extern "C" fn dropped(arg: *mut c_void, _packet: *const SidingPacket, _fate: SidingFate) {
    // SAFETY: the rig gave it.
    let counted = unsafe { &*arg.cast::<Counted>() };
    counted.dropped.set(counted.dropped.get() + 1);
}

fn spec(name: &'static CStr, counted: &'static Counted) -> SidingTypeSpec {
    SidingTypeSpec {
        name: name.as_ptr(),
        limit: 4,
        share: 0,
        drop_oldest: false,
        by_flow: false,
        handler: Some(handler),
        drop: Some(dropped),
        arg: std::ptr::from_ref(counted).cast_mut().cast(),
    }
}

const CONFIG: SidingConfig = SidingConfig { workers: 1, interfaces: 4, wake: None, wake_arg: null_mut() };

/// Calls an exported function. All of them are unsafe for the pointers that they are given.
macro_rules! call {
    ($function:ident($($argument:expr),*)) => {
        // SAFETY: the rig's pointers are good, and its thread is the only one that uses them.
        unsafe { $function($($argument),*) }
    };
}

impl Rig {
    fn new() -> Rig {
        let counted: &'static Counted = Box::leak(Box::default());
        let (mut netisr, mut kind, mut worker, mut id) = (null_mut(), null_mut(), null_mut(), 0);
        assert_eq!(call!(siding_netisr_new(&CONFIG, &mut netisr)), SIDING_OK);
        assert_eq!(call!(siding_register(netisr, &spec(c"tried", counted), &mut kind)), SIDING_OK);
        assert_eq!(call!(siding_attach(netisr, &mut id)), SIDING_OK);
        assert_eq!(call!(siding_worker_claim(netisr, 0, null_mut(), None, &mut worker)), SIDING_OK);
        let packet = SidingPacket { data: null_mut(), interfaces: [id, 0, 0, 0], key: 0, meta: [0; 4] };
        // SAFETY: it was handed out just now.
        let inside = unsafe { &*netisr }.netisr.clone();
        let worker = Cell::new(worker);
        let rig = Rig { inside, netisr, kind, worker, id, packet, counted };
        assert_eq!(rig.poll(), SIDING_OK);
        rig
    }

    fn poll(&self) -> c_int {
        call!(siding_worker_poll(self.worker.get(), 64, null_mut(), HERE.as_ptr()))
    }

    fn dispatch(&self) -> c_int {
        call!(siding_dispatch(self.kind, &self.packet))
    }

    fn permit(&self) -> *mut SidingPermit {
        let mut permit = null_mut();
        assert_eq!(call!(siding_reserve(self.kind, null(), &mut permit)), SIDING_OK);
        permit
    }

    fn departure(&self) -> *mut SidingDeparture {
        let mut departure = null_mut();
        assert_eq!(call!(siding_detach(self.netisr, self.id, &mut departure)), SIDING_OK);
        assert_eq!(self.poll(), SIDING_OK);
        departure
    }

    fn unregistering(&self) -> *mut SidingUnregistering {
        let mut leaving = null_mut();
        assert_eq!(call!(siding_unregister(self.netisr, self.kind, true, &mut leaving)), SIDING_OK);
        assert_eq!(self.poll(), SIDING_OK);
        leaving
    }

    /// Nothing is half done: sums hold, no handle stays in use, and this thread may do all that it might before.
    fn is_whole(&self, name: &str) {
        assert_eq!(self.inside.check_conservation(), Ok(()), "{name}");
        if name.starts_with("siding_lock") {
            // Whether that was noted before the panic or not.
            siding_lock_released(self.netisr.cast());
        }
        // Either nobody has the worker, or it can be polled.
        if self.inside.worker(0).is_none() {
            assert_eq!(self.poll(), SIDING_OK, "{name}: the worker stays in use");
        }
        assert_eq!(call!(siding_may_send(HERE.as_ptr())), SIDING_OK, "{name}: a lock stays taken");
        let other = Rig::new();
        assert_eq!((other.dispatch(), other.poll()), (SIDING_OK, SIDING_OK), "{name}: the thread is spoilt");
        assert_eq!((other.counted.handled.get(), other.counted.dropped.get()), (1, 0), "{name}");
    }
}

/// Each exported function: what is to be there before it is called, and the call, as one that is to succeed.
type Case = (&'static str, fn(&Rig) -> Box<dyn FnOnce() -> Answer + '_>);

/// Waits end at once: what they wait for has come.
const CASES: &[Case] = &[
    ("siding_netisr_new", |_| Box::new(|| Some(call!(siding_netisr_new(&CONFIG, &mut null_mut()))))),
    ("siding_netisr_free", |rig| {
        Box::new(|| {
            call!(siding_netisr_free(rig.netisr));
            None
        })
    }),
    ("siding_register", |rig| {
        Box::new(|| Some(call!(siding_register(rig.netisr, &spec(c"other", rig.counted), &mut null_mut()))))
    }),
    ("siding_type_free", |rig| {
        Box::new(|| {
            call!(siding_type_free(rig.kind));
            None
        })
    }),
    ("siding_dispatch", |rig| Box::new(|| Some(rig.dispatch()))),
    ("siding_dispatch_batch", |rig| {
        Box::new(|| {
            let mut batch = [rig.packet; 2];
            Some(call!(siding_dispatch_batch(rig.kind, batch.as_mut_ptr(), &mut 2)))
        })
    }),
    ("siding_unregister", |rig| {
        Box::new(|| Some(call!(siding_unregister(rig.netisr, rig.kind, true, &mut null_mut()))))
    }),
    ("siding_unregistering_wait", |rig| {
        let leaving = rig.unregistering();
        Box::new(move || Some(call!(siding_unregistering_wait(leaving, 1000, HERE.as_ptr()))))
    }),
    ("siding_unregistering_free", |rig| {
        let leaving = rig.unregistering();
        Box::new(move || Some(call!(siding_unregistering_free(leaving))))
    }),
    ("siding_reserve", |rig| Box::new(|| Some(call!(siding_reserve(rig.kind, null(), &mut null_mut()))))),
    ("siding_permit_dispatch", |rig| {
        let permit = rig.permit();
        Box::new(move || Some(call!(siding_permit_dispatch(permit, &rig.packet))))
    }),
    ("siding_permit_free", |rig| {
        let permit = rig.permit();
        Box::new(move || {
            call!(siding_permit_free(permit));
            None
        })
    }),
    ("siding_worker_claim", |rig| {
        assert_eq!(call!(siding_worker_release(rig.worker.get())), SIDING_OK);
        Box::new(|| Some(call!(siding_worker_claim(rig.netisr, 0, null_mut(), None, rig.worker.as_ptr()))))
    }),
    ("siding_worker_poll", |rig| {
        assert_eq!(rig.dispatch(), SIDING_OK);
        Box::new(|| Some(rig.poll()))
    }),
    ("siding_worker_prepare_sleep", |rig| {
        Box::new(|| Some(call!(siding_worker_prepare_sleep(rig.worker.get(), &mut false, HERE.as_ptr()))))
    }),
    ("siding_worker_awake", |rig| Box::new(|| Some(call!(siding_worker_awake(rig.worker.get()))))),
    ("siding_worker_release", |rig| Box::new(|| Some(call!(siding_worker_release(rig.worker.get()))))),
    ("siding_attach", |rig| Box::new(|| Some(call!(siding_attach(rig.netisr, &mut 0))))),
    ("siding_detach", |rig| Box::new(|| Some(call!(siding_detach(rig.netisr, rig.id, &mut null_mut()))))),
    ("siding_departure_wait", |rig| {
        let departure = rig.departure();
        Box::new(move || Some(call!(siding_departure_wait(departure, 1000, HERE.as_ptr()))))
    }),
    ("siding_departure_free", |rig| {
        let departure = rig.departure();
        Box::new(move || Some(call!(siding_departure_free(departure))))
    }),
    ("siding_type_report", |rig| {
        Box::new(|| {
            let mut counters = SidingCounters::default();
            Some(call!(siding_type_report(rig.netisr, c"tried".as_ptr(), &mut counters)))
        })
    }),
    ("siding_type_counters", |rig| {
        Box::new(|| Some(call!(siding_type_counters(rig.kind, &mut SidingCounters::default()))))
    }),
    ("siding_interface_report", |rig| {
        Box::new(|| {
            let mut counters = SidingCounters::default();
            Some(call!(siding_interface_report(rig.netisr, rig.id, &mut counters)))
        })
    }),
    ("siding_check_conservation", |rig| Box::new(|| Some(call!(siding_check_conservation(rig.netisr))))),
    ("siding_may_send", |_| Box::new(|| Some(call!(siding_may_send(HERE.as_ptr()))))),
    ("siding_lock_taken", |rig| {
        Box::new(|| Some(call!(siding_lock_taken(rig.netisr.cast(), HERE.as_ptr()))))
    }),
    ("siding_lock_released", |rig| {
        assert_eq!(call!(siding_lock_taken(rig.netisr.cast(), HERE.as_ptr())), SIDING_OK);
        Box::new(|| Some(siding_lock_released(rig.netisr.cast())))
    }),
];

/// What has no code that could panic: a number is looked up, or a text that is there.
const PLAIN: [&str; 2] = ["siding_error_text", "siding_last_error"];

/// What may be called by a `depart` alone, and is tried there.
const IN_A_POLL: [&str; 1] = ["siding_stays"];

/// Tries one function with a panic at each of its steps; gives how many it has.
fn try_all((name, prepare): &Case) -> usize {
    for step in 0.. {
        let rig = Rig::new();
        let call = prepare(&rig);
        let (answer, tripped) = wire::after(step, call);
        if !tripped {
            assert!(answer.is_none_or(|answer| answer == SIDING_OK), "{name} fails by itself");
            rig.is_whole(name);
            return step;
        }
        assert!(answer.is_none_or(|answer| answer == SIDING_E_PANIC), "{name}, step {step}: {answer:?}");
        // SAFETY: valid until the next call that fails.
        let said = unsafe { CStr::from_ptr(siding_last_error()) };
        assert_eq!(said.to_str(), Ok(wire::SAID), "{name}");
        assert!(rig.counted.handled.get() + rig.counted.dropped.get() <= 2, "{name}: a packet has two fates");
        rig.is_whole(name);
    }
    unreachable!("a function has an end")
}

#[test]
fn a_panic_anywhere_in_an_exported_function_is_answered_and_leaves_nothing_half_done() {
    for case in CASES {
        let steps = try_all(case);
        println!("{}: a panic at each of {steps} steps", case.0);
        assert!(steps >= 2, "{} does not come through `guarded`", case.0);
    }
}

/// Asks what stays with a panic in the question: in a poll, which goes on.
#[test]
fn a_panic_in_what_a_callback_asks_does_not_end_the_poll() {
    unsafe extern "C" fn depart(state: *mut c_void, stays: *const SidingStays) {
        // SAFETY: the test gave it.
        let said = unsafe { &*state.cast::<Cell<Option<(bool, bool)>>>() };
        // SAFETY: `stays` is what this was given, until it returns.
        said.set(Some(wire::after(0, || unsafe { siding_stays(stays, 0) })));
    }
    let rig = Rig::new();
    assert_eq!(call!(siding_worker_release(rig.worker.get())), SIDING_OK);
    let (said, mut worker) = (Cell::new(None), null_mut());
    let state = std::ptr::from_ref(&said).cast_mut().cast();
    assert_eq!(call!(siding_worker_claim(rig.netisr, 0, state, Some(depart), &mut worker)), SIDING_OK);
    rig.inside.call_workers();
    assert_eq!(call!(siding_worker_poll(worker, 64, null_mut(), HERE.as_ptr())), SIDING_OK);
    assert_eq!(said.get(), Some((false, true)), "what cannot be told has gone");
}

/// What the header declares is tried, all of it: who adds a function says here how it is called.
#[test]
fn every_exported_function_is_tried() {
    let header = include_str!("../include/siding_netisr.h");
    let code: String = header.split("/*").map(|part| part.rsplit("*/").next().unwrap_or_default()).collect();
    let mut declared: Vec<_> = code
        .split(|letter: char| !letter.is_ascii_alphanumeric() && !"_(".contains(letter))
        .filter_map(|word| word.split_once('('))
        .map(|(name, _)| name)
        .filter(|name| name.starts_with("siding_"))
        .collect();
    declared.sort_unstable();
    declared.dedup();
    let mut tried: Vec<_> = CASES.iter().map(|case| case.0).chain(PLAIN).chain(IN_A_POLL).collect();
    tried.sort_unstable();
    assert_eq!(declared, tried);
}
