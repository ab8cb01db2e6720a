//! A worker knows what was changed before: a packet that is dispatched after a change was published is handled with
//! the change, even if the turn had begun before it; and an interface that was attached before the worker was claimed is
//! served like any other.

use std::io;
use std::net::IpAddr;
use std::net::Ipv6Addr;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering;
use std::thread;

use siding_lockorder::Ctx;
use siding_lockorder::Root;
use siding_lockorder::Unlocked;
use siding_mbuf::Cache;
use siding_mbuf::Mbuf;
use siding_mbuf::Pool;
use siding_mbuf::PoolConfig;
use siding_netisr::IfId;
use siding_netisr::Instant;
use siding_stack::BATCH;
use siding_stack::Device;
use siding_stack::InterfaceSpec;
use siding_stack::Sent;
use siding_stack::Stack;
use siding_stack::StackConfig;
use siding_stack::drops::DropReason;
use siding_stack::route::Origin;
use siding_stack::route::Prefix;
use siding_stack::route::Route;
use siding_wire::EtherType;
use siding_wire::IpProto;
use siding_wire::Mac;
use siding_wire::ether::Ether;
use siding_wire::ip6::Ip6Repr;

/// What comes in the middle of a turn, when the worker has taken up the configuration.
type Interlude = Arc<Mutex<Option<Box<dyn FnOnce() + Send>>>>;

/// A device that receives nothing, keeps what it sends, and runs an interlude once, when it receives or when it sends.
#[derive(Clone, Default)]
struct Probe {
    receiving: Interlude,
    sending: Interlude,
    /// Takes no frame.
    blocked: Arc<AtomicBool>,
    sent: Arc<Mutex<Vec<Vec<u8>>>>,
}

impl Device for Probe {
    fn receive(&mut self, _: &mut Cache, _: &mut Vec<Mbuf>, _: usize) -> io::Result<usize> {
        run(&self.receiving);
        Ok(0)
    }

    fn transmit(&mut self, _: &mut Cache, frames: &mut Vec<Mbuf>) -> Sent {
        if self.blocked.load(Ordering::Relaxed) {
            return Sent::default();
        }
        run(&self.sending);
        let sent = Sent::all(frames);
        self.sent.lock().unwrap().extend(frames.drain(..).map(|frame| frame.data().to_vec()));
        sent
    }
}

/// On a thread of its own, as control does: this one is a worker's.
fn run(interlude: &Interlude) {
    if let Some(interlude) = interlude.lock().unwrap().take() {
        thread::spawn(interlude).join().unwrap();
    }
}

fn with_ctx<T>(work: impl FnOnce(&mut Ctx<'_, Unlocked>) -> T) -> T {
    let mut root = Root::new();
    let mut entered = root.enter().unwrap();
    work(&mut entered.ctx())
}

fn attach(stack: &Stack, name: &str, number: u8, device: &Probe) -> IfId {
    with_ctx(|ctx| {
        let spec = InterfaceSpec { name: name.into(), mac: Mac([2, 0, 0, 0, 0, number]), mtu: 1500 };
        let on = stack.attach(ctx, spec, vec![Box::new(device.clone())]).unwrap();
        let addr: IpAddr = format!("2001:db8:{number}::1").parse().unwrap();
        stack.add_address(ctx, on, addr, 64, false).unwrap();
        on
    })
}

fn ping(stack: &Stack, dst: &str, times: usize) {
    with_ctx(|ctx| {
        let ping = stack.open_ping(ctx).unwrap();
        (0..times).for_each(|_| stack.ping(ctx, &ping, dst.parse().unwrap(), IfId::NONE, 0, b"").unwrap());
        ping.close(ctx);
    });
}

#[test]
fn a_packet_finds_the_interface_that_was_attached_before_it() {
    let pool = Pool::new(PoolConfig { buffers: 256, size: 2048, headroom: 128 }).unwrap();
    let mut config = StackConfig::new(pool.clone(), || Instant::ZERO);
    config.mld.enabled = false; // Nothing leaves but what the test sends.
    let stack = Stack::new(config).unwrap();
    let mut worker = stack.worker(0).unwrap();
    let (first, second) = (Probe::default(), Probe::default());
    let on = attach(&stack, "eth0", 1, &first);
    let neighbor = "2001:db8:1::2";
    with_ctx(|ctx| stack.add_neighbor(ctx, on, neighbor.parse().unwrap(), Mac([2, 0, 0, 0, 0, 9]))).unwrap();
    worker.turn(Instant::ZERO);

    let (inner, device) = (stack.clone(), second.clone());
    let interlude = move || {
        attach(&inner, "eth1", 2, &device);
        ping(&inner, "2001:db8:2::2", 1);
    };
    *first.sending.lock().unwrap() = Some(Box::new(interlude));
    // Half a batch waits for the wire. The rest of it fills the batch, which is sent from inside the handler, in the
    // middle of the worker's turn.
    first.blocked.store(true, Ordering::Relaxed);
    ping(&stack, neighbor, BATCH / 2);
    worker.turn(Instant::ZERO);
    first.blocked.store(false, Ordering::Relaxed);
    ping(&stack, neighbor, BATCH / 2);
    worker.turn(Instant::ZERO);
    // What was dispatched in that turn may be left to the next.
    worker.turn(Instant::ZERO);

    assert_eq!(first.sent.lock().unwrap().len(), BATCH);
    assert_eq!(stack.dropped(DropReason::NoRoute), 0, "the packet is newer than its route");
    assert_eq!(stack.dropped(DropReason::InterfaceGone), 0);
    let sent = second.sent.lock().unwrap();
    assert_eq!(sent.len(), 1, "one solicitation for the neighbor");
    assert_eq!(sent[0][54], 135);
    drop(sent);
    drop((worker, stack));
    assert!(pool.is_full(), "{} buffers are missing", pool.live());
}

/// A device that has a frame whenever it is asked, before which something happens.
struct Feeds<F>(F);

impl<F: FnMut() -> Vec<u8> + Send> Device for Feeds<F> {
    fn receive(&mut self, cache: &mut Cache, into: &mut Vec<Mbuf>, _: usize) -> io::Result<usize> {
        let bytes = (self.0)();
        let mut frame = cache.alloc().unwrap();
        assert!(frame.extend_from_slice(&bytes));
        into.push(frame);
        Ok(1)
    }

    fn transmit(&mut self, _: &mut Cache, frames: &mut Vec<Mbuf>) -> Sent {
        frames.clear();
        Sent::default()
    }
}

/// The worker's turn has begun, and with it this configuration. A frame comes after somebody was told that the routes are
/// changed, all of a list: it goes by them.
#[test]
fn a_packet_that_is_younger_than_a_change_of_routes_goes_by_it() {
    const ROUNDS: u16 = 60;
    let pool = Pool::new(PoolConfig { buffers: 256, size: 2048, headroom: 128 }).unwrap();
    let mut config = StackConfig::new(pool, || Instant::ZERO);
    config.mld.enabled = false;
    let stack = Stack::new(config).unwrap();
    let mut worker = stack.worker(0).unwrap();
    let out = Probe::default();
    let on = attach(&stack, "eth1", 1, &out);
    let hop = |round: u16| Ipv6Addr::new(0x2001, 0xdb8, 1, 0, 0, 0, 1, round % 7);
    with_ctx(|ctx| {
        stack.set_forwarding(ctx, true);
        for round in 0..7 {
            stack.add_neighbor(ctx, on, hop(round).into(), Mac([2, 0, 0, 0, 1, round as u8])).unwrap();
        }
    });
    let dst = |net: u16| Ipv6Addr::new(0x2001, 0xdb8, 0x8000 | net, 0, 0, 0, 0, 9);
    let mut round = 0;
    let inner = stack.clone();
    let feeds = Feeds(move || {
        round += 1;
        let stack = inner.clone();
        let change = move || {
            with_ctx(|ctx| {
                let route = |net: u16, round: u16| Route {
                    prefix: Prefix::covering(dst(net), 48),
                    next_hop: Some(hop(round)),
                    interface: on,
                    metric: 1,
                    origin: Origin::Static,
                };
                // In pieces, with the one that is asked for in any of them; the ones before go.
                stack.add_routes6(ctx, (0..3000).map(|net| route(net, round))).unwrap();
                for net in (0..3000).filter(|_| round > 1) {
                    let before = route(net, round - 1);
                    assert_eq!(stack.remove_route6(ctx, &before.prefix, before.next_hop, on), Ok(true));
                }
            });
        };
        thread::spawn(change).join().unwrap();
        let net = round * 47 % 3000;
        let (src, dst) = (Ipv6Addr::new(0x2001, 0xdb8, 2, 0, 0, 0, 0, 5), dst(net));
        let mut frame = vec![0; 54 + 8];
        Ether { dst: Mac([2, 0, 0, 0, 0, 2]), src: Mac([2, 0, 0, 0, 0, 8]), ethertype: EtherType::IPV6 }
            .emit(&mut frame)
            .unwrap();
        Ip6Repr::new(src, dst, IpProto::UDP, 64, 8).emit(&mut frame[14..]).unwrap();
        frame
    });
    with_ctx(|ctx| {
        let spec = InterfaceSpec { name: "eth0".into(), mac: Mac([2, 0, 0, 0, 0, 2]), mtu: 1500 };
        stack.attach(ctx, spec, vec![Box::new(feeds)]).unwrap();
    });
    // The first only takes up the device.
    let received: usize = (0..ROUNDS).map(|_| worker.turn(Instant::ZERO).received).sum();
    let sent = out.sent.lock().unwrap();
    assert_eq!((sent.len(), stack.dropped(DropReason::NoRoute)), (received, 0));
    for (round, frame) in (1..).zip(sent.iter()) {
        assert_eq!(frame[..6], [2, 0, 0, 0, 1, (round % 7) as u8], "round {round}");
    }
}

#[test]
fn a_worker_serves_interfaces_that_were_attached_before_it_was_claimed() {
    let pool = Pool::new(PoolConfig { buffers: 256, size: 2048, headroom: 128 }).unwrap();
    let stack = Stack::new(StackConfig::new(pool, || Instant::ZERO)).unwrap();
    let device = Probe::default();
    attach(&stack, "eth0", 1, &device);
    let polled = Arc::new(Mutex::new(false));
    let seen = polled.clone();
    *device.receiving.lock().unwrap() = Some(Box::new(move || *seen.lock().unwrap() = true));
    let mut worker = stack.worker(0).unwrap();
    worker.turn(Instant::ZERO);
    assert!(*polled.lock().unwrap());
}
