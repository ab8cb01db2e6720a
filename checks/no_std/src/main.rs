//! Registers a type, dispatches, drains and departs: with `core`, `alloc` and a C library for memory, and no std.
//!
//! A leak of std into the libraries fails the build (E0152: two panic handlers). The exit status says which step
//! failed; 0 is success.
#![no_std]
#![no_main]

extern crate alloc;

mod rt;

use core::ffi::c_int;
use core::time::Duration;

use siding_lockorder::Mutex;
use siding_lockorder::Root;
use siding_lockorder::rank;
use siding_netisr::Cause;
use siding_netisr::IfId;
use siding_netisr::Local;
use siding_netisr::Netisr;
use siding_netisr::NoClock;
use siding_netisr::Packet;
use siding_netisr::Pending;
use siding_netisr::TypeSpec;

rank!(Table after Unlocked);

struct Frame(u32);

impl Packet for Frame {
    fn interfaces(&self, _visit: &mut impl FnMut(IfId)) {}
}

/// What the worker owns: here, a sum of what was sent, and how often an interface departed.
#[derive(Default)]
struct Wire {
    sent: u32,
    departures: u32,
}

impl Local for Wire {
    fn depart(&mut self, _stays: &dyn Fn(IfId) -> bool) {
        self.departures += 1;
    }
}

/// The step that failed.
type Step = c_int;

#[unsafe(no_mangle)]
extern "C" fn main(_argc: c_int, _argv: *const *const u8) -> c_int {
    run().err().unwrap_or(0)
}

fn run() -> Result<(), Step> {
    let netisr = Netisr::<Frame, Wire>::builder().interfaces(4).clock(NoClock).build().map_err(|_| 10)?;
    let output = netisr
        .register(TypeSpec::new("output").limit(4), |_ctx, wire: &mut Wire, frame, _out: IfId| {
            wire.sent += frame.0
        })
        .map_err(|_| 11)?;
    let (stays, goes) = (netisr.attach().ok_or(12)?, netisr.attach().ok_or(12)?);
    let mut worker = netisr.worker(0).ok_or(13)?;
    let mut wire = Wire::default();

    // Dispatched under a lock, and from a thread that is no worker.
    let table = Mutex::<Table, _>::new(1);
    // SAFETY: the only root that is entered on this thread while it is.
    let mut root = unsafe { Root::unchecked(None) };
    {
        let mut entered = root.enter().map_err(|_| 20)?;
        let mut ctx = entered.ctx();
        let (number, ctx) = ctx.lock(&table);
        output.dispatch(&ctx, Frame(*number), stays).map_err(|_| 21)?;
        output.dispatch(&ctx, Frame(10), goes).map_err(|_| 22)?;
        output.dispatch(&ctx, Frame(100), stays).map_err(|_| 23)?;
    }
    expect(wire.sent == 0, 24)?;

    let mut departure = worker.with_ctx(|ctx| netisr.detach(ctx, goes)).map_err(|_| 30)?;
    let late = worker.with_ctx(|ctx| output.dispatch(ctx, Frame(1000), goes));
    expect(late.is_err_and(|refused| refused.cause == Cause::Departed), 31)?;
    expect(!departure.is_complete(), 32)?;
    let polled = worker.poll(&mut wire, 64);
    expect(departure.is_complete(), 33)?;
    expect(polled.handled == 2 && wire.sent == 101 && wire.departures > 0, 34)?;
    netisr.check_conservation().map_err(|_| 35)?;

    let mut leaving =
        worker.with_ctx(|ctx| netisr.unregister(ctx, &output, Pending::Drain)).map_err(|_| 40)?;
    worker.poll(&mut wire, 64);
    drop(worker);
    let mut entered = root.enter().map_err(|_| 41)?;
    leaving.wait(&mut entered.ctx(), Duration::from_secs(1)).map_err(|_| 42)?;
    drop((leaving, departure, output, netisr));
    expect(rt::live() == 0, 50)
}

fn expect(holds: bool, step: Step) -> Result<(), Step> {
    if holds { Ok(()) } else { Err(step) }
}
