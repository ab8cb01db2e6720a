//! T37: interfaces come and go on real threads, under traffic, while others look, flap and change. Two seconds each, or
//! `SIDING_STRESS_SECS`. What must hold afterwards: no packet lives, nothing refers to what has gone, every packet
//! had one fate. In this build the witness is on: a lock taken in another order ends the test.

use std::io;
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::Weak;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering;
use std::thread;
use std::time::Duration;

use siding_lockorder::Ctx;
use siding_lockorder::Root;
use siding_lockorder::Unlocked;
use siding_mbuf::Cache;
use siding_mbuf::Mbuf;
use siding_mbuf::Pool;
use siding_mbuf::PoolConfig;
use siding_netisr::IfId;
use siding_netisr::Instant;
use siding_stack::Announce;
use siding_stack::BridgeSpec;
use siding_stack::Chance;
use siding_stack::Device;
use siding_stack::InterfaceSpec;
use siding_stack::LaggSpec;
use siding_stack::Mode;
use siding_stack::Sent;
use siding_stack::Stack;
use siding_stack::StackConfig;
use siding_stack::ifnet::Ifnet;
use siding_stack::ifnet::Vlan;
use siding_wire::EtherType;
use siding_wire::Mac;
use siding_wire::arp::ArpRepr;
use siding_wire::ether::Ether;

const WORKERS: usize = 2;
const MODES: [Mode; 5] = [Mode::Failover, Mode::LoadBalance, Mode::RoundRobin, Mode::Broadcast, Mode::Lacp];

/// A device on a noisy link: questions for our addresses, tagged and not, from ever new stations.
struct Noise {
    chance: Chance,
    mac: Mac,
}

impl Device for Noise {
    fn receive(&mut self, cache: &mut Cache, into: &mut Vec<Mbuf>, max: usize) -> io::Result<usize> {
        let before = into.len();
        for _ in 0..(self.chance.next_u64() % 4).min(max as u64) {
            let [tag, group, host, a, b, ..] = self.chance.next_u64().to_be_bytes();
            let src = Mac([2, 0xee, 0, 0, a, b]);
            let question =
                ArpRepr::request(src, [10, 0, 0, 100 + a % 100].into(), [10, 0, 0, host % 4].into());
            let dst = if group.is_multiple_of(2) { Mac::BROADCAST } else { self.mac };
            let header = Ether { dst, src, ethertype: EtherType::ARP }.to_bytes();
            let mut frame = header.to_vec();
            if tag.is_multiple_of(2) {
                frame.splice(12..12, [0x81, 0, 0, 10]);
            }
            frame.extend_from_slice(&question.to_bytes());
            if let Some(mut mbuf) = cache.alloc()
                && mbuf.extend_from_slice(&frame)
            {
                into.push(mbuf);
            }
        }
        Ok(into.len() - before)
    }

    fn transmit(&mut self, _: &mut Cache, frames: &mut Vec<Mbuf>) -> Sent {
        let sent = Sent::all(frames);
        frames.clear();
        sent
    }
}

/// A stack with its workers on threads of their own.
struct Bench {
    stack: Stack,
    pool: Pool,
    stop: Arc<AtomicBool>,
    workers: Vec<thread::JoinHandle<()>>,
    /// Every interface that there ever was.
    known: Mutex<Vec<Weak<Ifnet>>>,
    made: AtomicU64,
}

/// Two devices in a lagg, a VLAN on it, and a bridge of that and a third device, with a VLAN on it.
struct Built {
    ports: [IfId; 3],
    lagg: IfId,
    on_lagg: IfId,
    bridge: IfId,
    on_bridge: IfId,
}

impl Bench {
    fn new() -> Bench {
        let pool = Pool::new(PoolConfig { buffers: 4096, ..PoolConfig::default() }).unwrap();
        let begun = std::time::Instant::now();
        let now = move || Instant::from_nanos(1 + begun.elapsed().as_nanos() as u64);
        let mut config = StackConfig::new(pool.clone(), now);
        config.workers = WORKERS;
        config.interfaces = 32;
        let stack = Stack::new(config).unwrap();
        let stop = Arc::new(AtomicBool::new(false));
        let workers = (0..WORKERS)
            .map(|index| {
                let mut worker = stack.worker(index).unwrap();
                let stop = stop.clone();
                thread::spawn(move || {
                    while !stop.load(Ordering::Relaxed) {
                        worker.turn(now());
                        thread::yield_now();
                    }
                })
            })
            .collect();
        Bench { stack, pool, stop, workers, known: Mutex::default(), made: AtomicU64::new(0) }
    }

    fn build(&self, mode: Mode) -> Built {
        let number = self.made.fetch_add(1, Ordering::Relaxed);
        let name = |what: &str| format!("{what}.{number}");
        let stack = &self.stack;
        let built = control(|ctx| {
            let ports = [1, 2, 3].map(|port| {
                let [.., a, b] = number.to_be_bytes();
                let mac = Mac([2, 0, 0, a, b, port]);
                let spec = InterfaceSpec { name: name(&format!("em{port}")), mac, mtu: 1500 };
                let device = |worker| -> Box<dyn Device> {
                    Box::new(Noise { chance: Chance::new(number * 8 + worker), mac })
                };
                stack.attach(ctx, spec, (0..WORKERS as u64).map(device).collect()).unwrap()
            });
            let mut spec = LaggSpec::new(&name("lagg"), mode);
            spec.announce = Announce { count: 3, interval: Duration::from_millis(1) };
            let lagg = stack.add_lagg(ctx, spec).unwrap();
            ports[..2].iter().for_each(|port| stack.lagg_add_port(ctx, lagg, *port, 0).unwrap());
            let vlan = |parent| Vlan { parent, vid: 10, ethertype: EtherType::VLAN };
            let on_lagg = stack.add_vlan(ctx, &name("vlan"), vlan(lagg)).unwrap();
            let spec = BridgeSpec { stations: 64, ..BridgeSpec::new(&name("bridge")) };
            let bridge = stack.add_bridge(ctx, spec).unwrap();
            [on_lagg, ports[2]].iter().for_each(|port| stack.bridge_add_port(ctx, bridge, *port).unwrap());
            let on_bridge = stack.add_vlan(ctx, &name("on-bridge"), vlan(bridge)).unwrap();
            Built { ports, lagg, on_lagg, bridge, on_bridge }
        });
        let config = stack.config();
        let all = built.all().map(|id| Arc::downgrade(&config.interface(id).unwrap().ifnet));
        self.known.lock().unwrap().extend(all);
        built
    }

    /// Gives addresses to what may have them, and sends to neighbours that nobody has.
    fn use_it(&self, built: &Built, host: u8) {
        let network = (self.made.load(Ordering::Relaxed) % 200) as u16;
        control(|ctx| {
            for (place, on) in [built.lagg, built.bridge, built.on_bridge].into_iter().enumerate() {
                let four = IpAddr::from([10, 0, 0, 1 + place as u8]);
                let six = IpAddr::from([0x2001, 0xdb8, network, place as u16, 0, 0, 0, 1]);
                // It may be gone already, or an interface of before may still have the address.
                let _ = self.stack.add_address(ctx, on, four, 24, false);
                let _ = self.stack.add_address(ctx, on, six, 64, place == 1);
            }
            let Some(ping) = self.stack.open_ping(ctx) else { return };
            for place in 0..3 {
                let dst = [0x2001, 0xdb8, network, place, 0, 0, 0, u16::from(host)];
                let _ = self.stack.ping(ctx, &ping, dst.into(), IfId::NONE, 1, b"");
                let _ = self.stack.ping(ctx, &ping, [10, 0, 0, host].into(), IfId::NONE, 1, b"");
            }
            ping.close(ctx);
        });
    }

    /// Detaches everything, in an order that chance picks, and waits for each.
    fn destroy(&self, built: &Built, chance: &mut Chance) {
        let mut left = built.all().to_vec();
        while !left.is_empty() {
            let id = left.swap_remove(chance.next_u64() as usize % left.len());
            control(|ctx| {
                let mut detached = self.stack.detach(ctx, id).unwrap();
                detached.wait(ctx, Duration::from_secs(30)).unwrap();
            });
        }
    }

    /// Runs `others` while `work` is done again and again.
    fn run(self, others: &[&(dyn Fn(&Bench) + Sync)], mut work: impl FnMut(&Bench)) {
        let secs = std::env::var("SIDING_STRESS_SECS").ok().and_then(|secs| secs.parse().ok());
        let end = std::time::Instant::now() + Duration::from_secs(secs.unwrap_or(2));
        let (mut rounds, looks) = (0, AtomicU64::new(0));
        let done = AtomicBool::new(false);
        thread::scope(|scope| {
            for other in others {
                scope.spawn(|| {
                    while !done.load(Ordering::Relaxed) {
                        other(&self);
                        looks.fetch_add(1, Ordering::Relaxed);
                        thread::yield_now();
                    }
                });
            }
            let _ends_the_others = OnDrop(&done);
            while std::time::Instant::now() < end {
                work(&self);
                rounds += 1;
            }
        });
        assert!(rounds > 0 && looks.load(Ordering::Relaxed) > 0);
        self.finish();
    }

    fn finish(mut self) {
        // Workers come by once more: their snapshots are the last ones with what has gone.
        thread::sleep(Duration::from_millis(50));
        self.stop.store(true, Ordering::Relaxed);
        for worker in self.workers.drain(..) {
            assert!(worker.join().is_ok(), "a worker has panicked");
        }
        assert_eq!(self.stack.config().interfaces().count(), 0);
        let known = self.known.lock().unwrap();
        let alive: Vec<_> = known.iter().filter_map(Weak::upgrade).map(|ifnet| ifnet.name.clone()).collect();
        assert!(alive.is_empty(), "of {} interfaces, something still refers to {alive:?}", known.len());
        self.stack.check_conservation().unwrap();
        assert!(self.stack.netisr_types().iter().all(|kind| kind.total().resident == 0));
        assert_eq!(self.pool.live(), 0, "packets live");
    }
}

impl Built {
    fn all(&self) -> [IfId; 7] {
        let [a, b, c] = self.ports;
        [a, b, c, self.lagg, self.on_lagg, self.bridge, self.on_bridge]
    }
}

/// So that a panic in the middle does not leave the others running for ever.
struct OnDrop<'a>(&'a AtomicBool);

impl Drop for OnDrop<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

fn control<O>(work: impl FnOnce(&mut Ctx<'_, Unlocked>) -> O) -> O {
    let mut root = Root::new();
    let mut entered = root.enter().unwrap();
    work(&mut entered.ctx())
}

#[test]
fn t37_create_and_destroy_against_status_reads() {
    let mut chance = Chance::new(1);
    let look = |bench: &Bench| {
        let stack = &bench.stack;
        control(|ctx| {
            let interfaces = stack.interfaces(ctx);
            let laggs = stack.laggs(ctx);
            assert!(laggs.len() <= interfaces.len() + 32);
            stack.neighbors(ctx);
            for bridge in stack.bridges() {
                assert!(bridge.stations.len() <= bridge.limit);
                // The bridge may be gone by now.
                let _ = stack.bridge_flush(bridge.id, None);
            }
            stack.drops();
            stack.netisr_types();
            stack.workers();
        });
    };
    Bench::new().run(&[&look], |bench| {
        let built = bench.build(MODES[chance.next_u64() as usize % MODES.len()]);
        bench.use_it(&built, 77);
        thread::sleep(chance.between(Duration::ZERO, Duration::from_millis(5)));
        bench.destroy(&built, &mut chance);
    });
}

#[test]
fn t37_up_against_destroy_at_random_offsets() {
    let mut chance = Chance::new(2);
    let now: Mutex<Vec<IfId>> = Mutex::default();
    let switch = |bench: &Bench| {
        for id in now.lock().unwrap().clone() {
            for up in [false, true] {
                // It may be gone by now.
                let _ = control(|ctx| bench.stack.set_up(ctx, id, up));
            }
        }
    };
    Bench::new().run(&[&switch, &switch], |bench| {
        let built = bench.build(MODES[chance.next_u64() as usize % MODES.len()]);
        *now.lock().unwrap() = built.all().to_vec();
        bench.use_it(&built, 78);
        thread::sleep(chance.between(Duration::ZERO, Duration::from_millis(3)));
        bench.destroy(&built, &mut chance);
    });
}

#[test]
fn t37_links_flap_while_the_lagg_is_destroyed() {
    let mut chance = Chance::new(3);
    let now: Mutex<Vec<IfId>> = Mutex::default();
    let flap = |bench: &Bench| {
        for id in now.lock().unwrap().clone() {
            for link in [false, true] {
                let _ = control(|ctx| bench.stack.set_link(ctx, id, link));
            }
        }
    };
    let change = |bench: &Bench| {
        let stack = &bench.stack;
        let [first, second, third, lagg, on_lagg, bridge, ..] = now.lock().unwrap()[..] else { return };
        // Whatever is gone by now, or is not so any more, is refused.
        control(|ctx| {
            let _ = stack.lagg_set_primary(ctx, lagg, Some(second));
            let _ = stack.lagg_set_mac(ctx, lagg, Mac([2, 9, 9, 9, 9, 9]));
            let _ = stack.lagg_remove_port(ctx, lagg, first);
            let _ = stack.lagg_add_port(ctx, lagg, first, 5);
            for port in [on_lagg, third] {
                let _ = stack.bridge_remove_port(ctx, bridge, port);
                let _ = stack.bridge_add_port(ctx, bridge, port);
            }
        });
    };
    Bench::new().run(&[&flap, &change], |bench| {
        let built = bench.build(MODES[chance.next_u64() as usize % MODES.len()]);
        *now.lock().unwrap() = built.all().to_vec();
        bench.use_it(&built, 79);
        thread::sleep(chance.between(Duration::ZERO, Duration::from_millis(3)));
        bench.destroy(&built, &mut chance);
    });
}
