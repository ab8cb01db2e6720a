//! The drivers' loop below a whole stack: what one refused frame does to those behind it, and what is told of it.

use std::io;
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::PoisonError;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering;
use std::time::Duration;

use siding_lockorder::Ctx;
use siding_lockorder::Root;
use siding_lockorder::Unlocked;
use siding_mbuf::Cache;
use siding_mbuf::Pool;
use siding_mbuf::PoolConfig;
use siding_netisr::IfId;
use siding_netisr::Instant;
use siding_stack::Device;
use siding_stack::Event;
use siding_stack::Filter;
use siding_stack::InterfaceSpec;
use siding_stack::Observer;
use siding_stack::Ping;
use siding_stack::Stack;
use siding_stack::StackConfig;
use siding_stack::StackWorker;
use siding_stack::drops::DropReason as Cause;
use siding_stack::ifnet::IfCounter;
use siding_wire::Mac;

use super::*;

/// What the kernel is to answer, and what has gone out.
#[derive(Default)]
struct Kernel {
    /// Echo requests of this number are answered so, for ever.
    refused: Mutex<Option<(u16, Errno)>>,
    /// No frame is taken, for want of room.
    full: AtomicBool,
    out: Mutex<Vec<u16>>,
    counters: Counters,
    filters: AtomicU64,
    /// So many filters are refused.
    no_filter: AtomicU64,
    told: Mutex<Vec<Event>>,
}

/// A device whose system calls are answered by [`Kernel`]; the loop is the drivers' own.
struct Shim(Arc<Kernel>, fn(Errno) -> Fate);

impl Device for Shim {
    fn receive(&mut self, _: &mut Cache, _: &mut Vec<Mbuf>, _: usize) -> io::Result<usize> {
        Ok(0)
    }

    fn transmit(&mut self, cache: &mut Cache, frames: &mut Vec<Mbuf>) -> Sent {
        let kernel = &self.0;
        send(Batch { name: "shim", frames, cache, counters: &kernel.counters }, self.1, |frames| {
            if kernel.full.load(Ordering::Relaxed) {
                return Err(Errno::AGAIN);
            }
            let bad = *lock(&kernel.refused);
            let mut out = lock(&kernel.out);
            let mut taken = 0;
            for frame in frames {
                let number = number(frame.data());
                match bad {
                    Some((bad, error)) if number == Some(bad) => {
                        return if taken > 0 { Ok(taken) } else { Err(error) };
                    }
                    _ => out.extend(number),
                }
                taken += 1;
            }
            Ok(taken)
        })
    }

    fn set_filter(&mut self, _: &Filter) -> io::Result<()> {
        self.0.filters.fetch_add(1, Ordering::Relaxed);
        let refuses = self.0.no_filter.load(Ordering::Relaxed);
        if refuses > 0 {
            self.0.no_filter.store(refuses - 1, Ordering::Relaxed);
            return Err(Errno::NOMEM.into());
        }
        Ok(())
    }
}

impl Observer for Kernel {
    fn event(&self, event: &Event) {
        lock(&self.told).push(event.clone());
    }
}

/// The number of an ICMPv6 echo request.
fn number(frame: &[u8]) -> Option<u16> {
    let echo = frame.len() > 61 && frame[20] == 58 && frame[54] == 128;
    echo.then(|| u16::from_be_bytes([frame[60], frame[61]]))
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

struct Bench {
    kernel: Arc<Kernel>,
    clock: Arc<AtomicU64>,
    pool: Pool,
    stack: Stack,
    worker: Option<StackWorker>,
    ping: Option<Ping>,
    on: IfId,
    sent: u16,
}

fn peer() -> IpAddr {
    "2001:db8::2".parse().unwrap()
}

fn control<O>(work: impl FnOnce(&mut Ctx<'_, Unlocked>) -> O) -> O {
    let mut root = Root::new();
    work(&mut root.enter().expect("no other token on this thread").ctx())
}

impl Bench {
    fn new(fate: fn(Errno) -> Fate, no_filter: u64) -> Bench {
        let (kernel, clock) = (Arc::new(Kernel::default()), Arc::new(AtomicU64::new(1_000_000_000)));
        kernel.no_filter.store(no_filter, Ordering::Relaxed);
        let pool = Pool::new(PoolConfig { buffers: 4096, ..PoolConfig::default() }).unwrap();
        let reader = clock.clone();
        let mut config =
            StackConfig::new(pool.clone(), move || Instant::from_nanos(reader.load(Ordering::Relaxed)));
        config.observer = kernel.clone();
        config.mld.enabled = false;
        let stack = Stack::new(config).unwrap();
        let worker = stack.worker(0).unwrap();
        let (ping, on) = control(|ctx| {
            let spec = InterfaceSpec { name: "em0".into(), mac: Mac([2, 0, 0, 0, 0, 1]), mtu: 1500 };
            let on = stack.attach(ctx, spec, vec![Box::new(Shim(kernel.clone(), fate))]).unwrap();
            stack.add_address(ctx, on, "2001:db8::1".parse().unwrap(), 64, false).unwrap();
            stack.add_neighbor(ctx, on, peer(), Mac([2, 0, 0, 0, 0, 2])).unwrap();
            (stack.open_ping(ctx).unwrap(), on)
        });
        let mut bench =
            Bench { kernel, clock, pool, stack, worker: Some(worker), ping: Some(ping), on, sent: 0 };
        bench.pass(Duration::from_millis(1));
        bench
    }

    fn send(&mut self, count: u16) {
        for _ in 0..count {
            let ping = self.ping.as_ref().unwrap();
            control(|ctx| self.stack.ping(ctx, ping, peer(), IfId::NONE, self.sent, b"")).unwrap();
            self.sent += 1;
        }
    }

    fn turn(&mut self) -> siding_stack::Turn {
        let now = self.stack.now();
        let turn = self.worker.as_mut().unwrap().turn(now);
        assert!(turn.next > now || turn.more, "it asks for another turn at once, for ever");
        turn
    }

    /// Lets time pass as a worker's thread would: from turn to turn.
    fn pass(&mut self, time: Duration) {
        let end = self.stack.now() + time;
        loop {
            let mut turn = self.turn();
            while turn.more || turn.handled > 0 {
                turn = self.turn();
            }
            self.clock.store(turn.next.min(end).as_nanos(), Ordering::Relaxed);
            if turn.next > end {
                return;
            }
        }
    }

    fn out(&self) -> Vec<u16> {
        lock(&self.kernel.out).clone()
    }

    fn counter(&self, counter: IfCounter) -> u64 {
        self.stack.config().interface(self.on).unwrap().ifnet.counters.of(counter)
    }

    fn told(&self, what: impl Fn(&Event) -> bool) -> usize {
        lock(&self.kernel.told).iter().filter(|event| what(event)).count()
    }

    fn stalled(&self) -> Option<Duration> {
        control(|ctx| self.stack.interfaces(ctx))[0].tx_stalled
    }
}

impl Drop for Bench {
    fn drop(&mut self) {
        if std::thread::panicking() {
            return;
        }
        let ping = self.ping.take().unwrap();
        let mut detached = control(|ctx| {
            ping.close(ctx);
            self.stack.detach(ctx, self.on).unwrap()
        });
        self.turn();
        assert!(detached.is_complete());
        self.worker = None;
        assert!(self.pool.is_full(), "{} buffers are missing", self.pool.live());
    }
}

#[test]
fn one_frame_that_is_refused_costs_itself_alone_whatever_the_error() {
    for fate in [Fate::of_packet as fn(Errno) -> Fate, Fate::of_tap] {
        for error in (1..134).map(Errno::from_raw_os_error) {
            if matches!(fate(error), Fate::Gone) {
                continue;
            }
            let mut bench = Bench::new(fate, 0);
            *lock(&bench.kernel.refused) = Some((3, error));
            bench.send(8);
            bench.pass(Duration::from_millis(1));
            bench.send(100);
            bench.pass(Duration::from_millis(250));
            let rest: Vec<u16> = (0..108).filter(|number| *number != 3).collect();
            assert_eq!(bench.out(), rest, "{error}: the others go, in order");
            let waits = matches!(fate(error), Fate::NoRoom | Fate::Interrupted);
            let causes =
                [Cause::TxStalled, Cause::TxLost, Cause::TxFull].map(|cause| bench.stack.dropped(cause));
            assert_eq!(causes, if waits { [1, 0, 0] } else { [0, 1, 0] }, "{error}");
            assert_eq!(bench.counter(IfCounter::TxDropped), 1, "{error}");
            assert_eq!(bench.counter(IfCounter::TxPackets), 107, "{error}");
            assert_eq!(bench.counter(IfCounter::TxBytes), bench.kernel.counters.stats().tx_bytes, "{error}");
            assert_eq!(bench.kernel.counters.stats().tx_dropped(), u64::from(!waits), "{error}");
            assert_eq!(bench.stalled(), None);
            let told = bench.told(|event| matches!(event, Event::DeviceError { .. }));
            assert_eq!(told, usize::from(fate(error) == Fate::Unknown), "{error}");
        }
    }
}

#[test]
fn a_frame_for_which_there_is_never_room_goes_after_100_ms_and_no_other_waits_longer() {
    let mut bench = Bench::new(Fate::of_packet, 0);
    *lock(&bench.kernel.refused) = Some((0, Errno::AGAIN));
    bench.send(5);
    bench.pass(Duration::from_millis(99));
    assert_eq!(bench.out(), [0u16; 0]);
    assert_eq!(bench.stalled(), None);
    bench.pass(Duration::from_millis(2));
    assert_eq!(bench.out(), [1, 2, 3, 4]);
    assert_eq!(bench.stack.dropped(Cause::TxStalled), 1);
}

#[test]
fn a_wire_that_stops_is_told_once_and_shown_and_moves_again() {
    let mut bench = Bench::new(Fate::of_packet, 0);
    bench.send(10);
    bench.pass(Duration::from_millis(1));
    bench.kernel.full.store(true, Ordering::Relaxed);
    bench.send(10);
    bench.pass(Duration::from_millis(90));
    assert_eq!((bench.stalled(), bench.told(|_| true)), (None, 0));
    bench.pass(Duration::from_millis(20));
    assert!(bench.stalled().unwrap() >= Duration::from_millis(100));
    assert_eq!(bench.stack.dropped(Cause::TxStalled), 10);
    // Others come and wait in vain; the log is spared, and so is the processor.
    let before = bench.stack.now();
    for _ in 0..20 {
        bench.send(10);
        bench.pass(Duration::from_millis(100));
    }
    assert_eq!(bench.told(|_| true), 1);
    assert_eq!(bench.told(|event| matches!(event, Event::TxStalled { waiting: 10, untold: 0, .. })), 1);
    let mut turns = 0;
    let end = bench.stack.now() + Duration::from_secs(1);
    bench.send(1);
    while bench.stack.now() < end {
        let next = bench.turn().next.min(end);
        bench.clock.store(next.as_nanos(), Ordering::Relaxed);
        turns += 1;
    }
    assert!(turns < 300, "{turns} turns in a second");
    let stalled = bench.stack.dropped(Cause::TxStalled);
    bench.kernel.full.store(false, Ordering::Relaxed);
    bench.send(3);
    bench.pass(Duration::from_millis(20));
    assert_eq!(bench.stalled(), None);
    assert_eq!(bench.out().len(), 10 + 3);
    let moves = lock(&bench.kernel.told).iter().find_map(|event| match event {
        Event::TxMoves { after, lost, .. } => Some((*after, *lost)),
        _ => None,
    });
    let (after, lost) = moves.unwrap();
    assert_eq!(lost, stalled);
    assert!(after >= bench.stack.now().since(before));
    assert_eq!(bench.told(|_| true), 2);
    assert_eq!(bench.counter(IfCounter::TxPackets) + bench.counter(IfCounter::TxDropped), bench.sent.into());
}

#[test]
fn an_interface_that_has_gone_loses_what_is_sent_by_it_and_stops_nothing() {
    let mut bench = Bench::new(Fate::of_packet, 0);
    *lock(&bench.kernel.refused) = Some((2, Errno::NXIO));
    bench.send(6);
    bench.pass(Duration::from_millis(1));
    assert_eq!(bench.out(), [0, 1]);
    assert_eq!(bench.stack.dropped(Cause::TxLost), 4);
    assert_eq!(bench.told(|event| matches!(event, Event::DeviceError { .. })), 1);
    // As if it were there again.
    *lock(&bench.kernel.refused) = None;
    bench.send(1);
    bench.pass(Duration::from_millis(1));
    assert_eq!(bench.out(), [0, 1, 6]);
}

#[test]
fn a_filter_that_is_refused_is_tried_again_until_it_is_set() {
    let mut bench = Bench::new(Fate::of_packet, 3);
    let filters = |bench: &Bench| bench.kernel.filters.load(Ordering::Relaxed);
    let before = filters(&bench);
    assert!(before >= 1);
    bench.pass(Duration::from_secs(5));
    let after = filters(&bench);
    assert_eq!(bench.told(|event| matches!(event, Event::DeviceError { .. })), 3);
    assert_eq!(bench.told(|event| matches!(event, Event::FilterSet { .. })), 1);
    // Once it is set it is left alone.
    bench.pass(Duration::from_secs(60));
    assert_eq!(filters(&bench), after);
}
