//! smoltcp's buffers and packets, with what smoltcp alone has not: timers on threads of their own that send under their
//! locks, and interfaces that depart meanwhile.
//!
//! smoltcp makes the packets (a Neighbor Solicitation, by its own representation) and owns the device that the worker
//! sends them by. A timer holds the neighbour's lock while it dispatches. Interfaces come and go; a packet of one that
//! has gone is never sent.

use std::error::Error;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering;
use std::time::Duration;

use siding_netisr::Cause;
use siding_netisr::IfId;
use siding_netisr::Local;
use siding_netisr::Mutex;
use siding_netisr::Netisr;
use siding_netisr::Packet;
use siding_netisr::PacketType;
use siding_netisr::Pending;
use siding_netisr::Root;
use siding_netisr::TypeSpec;
use siding_netisr::rank;
use siding_netisr::threads;
use siding_netisr::threads::ParkWake;
use smoltcp::phy::ChecksumCapabilities;
use smoltcp::phy::Device;
use smoltcp::phy::Loopback;
use smoltcp::phy::Medium;
use smoltcp::phy::TxToken;
use smoltcp::time::Instant;
use smoltcp::wire::Icmpv6Packet;
use smoltcp::wire::Icmpv6Repr;
use smoltcp::wire::Ipv6Address;
use smoltcp::wire::NdiscRepr;

/// How often the interface is replaced.
const ROUNDS: u32 = 50;

/// A packet in a buffer that smoltcp has filled.
struct Frame(Vec<u8>);

impl Packet for Frame {
    fn interfaces(&self, _visit: &mut impl FnMut(IfId)) {}
}

/// What the worker owns: smoltcp's device.
struct Wire {
    device: Loopback,
    sent: u64,
}

impl Local for Wire {
    fn depart(&mut self, _stays: &dyn Fn(IfId) -> bool) {}
}

rank!(Table after Unlocked);
rank!(Neighbor after Table);

type Output = PacketType<Frame, IfId, Wire>;

fn solicitation(target: Ipv6Address) -> Frame {
    let repr = Icmpv6Repr::Ndisc(NdiscRepr::NeighborSolicit { target_addr: target, lladdr: None });
    let mut bytes = vec![0; repr.buffer_len()];
    let source = Ipv6Address::new(0xfe80, 0, 0, 0, 0, 0, 0, 1);
    repr.emit(
        &source,
        &target,
        &mut Icmpv6Packet::new_unchecked(&mut bytes),
        &ChecksumCapabilities::default(),
    );
    Frame(bytes)
}

/// The neighbour's timer: state and packet change in one step, under both locks.
fn tick(output: &Output, table: &Mutex<Table, Option<IfId>>, tries: &Mutex<Neighbor, u64>, root: &mut Root) {
    let Ok(mut entered) = root.enter() else { return };
    let mut ctx = entered.ctx();
    let (interface, mut ctx) = ctx.lock(table);
    let (mut tries, ctx) = ctx.lock(tries);
    let Some(out) = *interface else { return };
    let target = Ipv6Address::new(0xfe80, 0, 0, 0, 0, 0, 0, 2);
    match output.dispatch(&ctx, solicitation(target), out) {
        Ok(()) => *tries += 1,
        Err(refused) => assert!(matches!(refused.cause, Cause::Full | Cause::Departed), "{refused}"),
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    let wake = ParkWake::new(1);
    let netisr = Netisr::<Frame, Wire>::builder().wake(wake.clone()).build()?;
    let output =
        netisr.register(TypeSpec::new("output"), |_ctx, wire: &mut Wire, frame: Frame, _out: IfId| {
            if let Some(token) = wire.device.transmit(Instant::ZERO) {
                token.consume(frame.0.len(), |buffer| buffer.copy_from_slice(&frame.0));
                wire.sent += 1;
            }
            // Nobody is at the other end of this one.
            while wire.device.receive(Instant::ZERO).is_some() {}
        })?;
    let workers = threads::run(&netisr, &wake, |_| Wire { device: Loopback::new(Medium::Ethernet), sent: 0 });

    let table = Arc::new(Mutex::<Table, _>::new(netisr.attach()));
    let tries = Arc::new(Mutex::<Neighbor, _>::new(0u64));
    let stop = Arc::new(AtomicBool::new(false));
    let timer = std::thread::spawn({
        let (output, table, tries, stop) = (output.clone(), table.clone(), tries.clone(), stop.clone());
        move || {
            let mut root = Root::new();
            while !stop.load(Ordering::Relaxed) {
                tick(&output, &table, &tries, &mut root);
                std::thread::yield_now();
            }
        }
    });

    let mut root = Root::new();
    for _ in 0..ROUNDS {
        std::thread::sleep(Duration::from_millis(1));
        let mut entered = root.enter()?;
        let mut ctx = entered.ctx();
        let gone = {
            let (mut interface, _ctx) = ctx.lock(&table);
            interface.take()
        };
        if let Some(gone) = gone {
            netisr.detach(&ctx, gone)?.wait(&mut ctx, Duration::from_secs(60))?;
            assert!(!netisr.is_attached(gone));
        }
        *ctx.lock(&table).0 = netisr.attach();
    }
    stop.store(true, Ordering::Relaxed);
    timer.join().map_err(|_| "the timer has panicked")?;
    let mut entered = root.enter()?;
    let mut ctx = entered.ctx();
    // Before the type may be gone; all that dispatches has ended.
    let total = netisr.types().first().map(|kind| kind.total()).unwrap_or_default();
    let mut leaving = netisr.unregister(&ctx, &output, Pending::Drain)?;
    leaving.wait(&mut ctx, Duration::from_secs(60))?;
    drop(entered);
    workers.stop()?;
    let tried = Arc::into_inner(tries).ok_or("somebody has the neighbour")?.into_inner();
    assert_eq!(total.accepted, tried, "a try is a packet that was accepted");
    println!("{tried} solicitations under locks, over {ROUNDS} departures");
    Ok(())
}

#[test]
fn ends_well() {
    main().expect("the example");
}
