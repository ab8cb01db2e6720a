//! The timer queue does not grow with what neighbours say.

use std::collections::VecDeque;
use std::io;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering;

use siding_lockorder::Root;
use siding_mbuf::Cache;
use siding_mbuf::Mbuf;
use siding_mbuf::Pool;
use siding_mbuf::PoolConfig;
use siding_netisr::IfId;
use siding_netisr::Instant;
use siding_stack::Device;
use siding_stack::InterfaceSpec;
use siding_stack::Sent;
use siding_stack::Stack;
use siding_stack::StackConfig;
use siding_stack::StackWorker;
use siding_wire::Mac;
use siding_wire::ether::multicast_mac;
use siding_wire::ip6;
use siding_wire::nd::NeighborAdvert;
use siding_wire::nd::NeighborSolicit;

use crate::common::*;

const MAC: Mac = Mac([2, 0, 0, 0, 0, 1]);

/// A device that receives what the test puts there, and sends into the void.
struct Script(Arc<Mutex<VecDeque<Vec<u8>>>>);

impl Device for Script {
    fn receive(&mut self, cache: &mut Cache, into: &mut Vec<Mbuf>, max: usize) -> io::Result<usize> {
        let mut frames = self.0.lock().unwrap();
        let count = max.min(frames.len());
        for frame in frames.drain(..count) {
            let mut mbuf = cache.alloc().unwrap();
            assert!(mbuf.extend_from_slice(&frame));
            into.push(mbuf);
        }
        Ok(count)
    }

    fn transmit(&mut self, _: &mut Cache, frames: &mut Vec<Mbuf>) -> Sent {
        let sent = Sent::all(frames);
        frames.clear();
        sent
    }
}

/// A stack with one worker and one interface, driven by hand.
struct Rig {
    stack: Stack,
    worker: StackWorker,
    root: Root,
    inbox: Arc<Mutex<VecDeque<Vec<u8>>>>,
    clock: Arc<AtomicU64>,
}

impl Rig {
    fn new(dad_transmits: u32) -> Rig {
        let clock = Arc::new(AtomicU64::new(1_000_000_000));
        let reader = clock.clone();
        let pool = Pool::new(PoolConfig { buffers: 256, ..PoolConfig::default() }).unwrap();
        let mut config = StackConfig::new(pool, move || Instant::from_nanos(reader.load(Ordering::Relaxed)));
        config.dad.transmits = dad_transmits;
        config.mld.enabled = false; // Its timers are not what is counted here.
        let stack = Stack::new(config).unwrap();
        let worker = stack.worker(0).unwrap();
        let mut root = Root::new();
        let inbox = Arc::new(Mutex::new(VecDeque::new()));
        let mut entered = root.enter().unwrap();
        let ctx = &mut entered.ctx();
        let spec = InterfaceSpec { name: "em0".into(), mac: MAC, mtu: 1500 };
        let id = stack.attach(ctx, spec, vec![Box::new(Script(inbox.clone()))]).unwrap();
        stack.add_address(ctx, id, HOST.into(), 64, true).unwrap();
        drop(entered);
        Rig { stack, worker, root, inbox, clock }
    }

    fn hear(&mut self, to: Mac, packet: &[u8]) {
        self.inbox.lock().unwrap().push_back(frame6(to, packet));
    }

    /// Lets a tenth of a second pass; gives the number of timers that ran.
    fn tick(&mut self) -> usize {
        let timers = self.worker.turn(self.stack.now()).timers;
        self.clock.fetch_add(100_000_000, Ordering::Relaxed);
        timers
    }
}

#[test]
fn a_neighbor_whose_address_keeps_changing_has_no_more_timers_than_others() {
    let mut rig = Rig::new(0);
    let ping = rig.stack.open_ping(&mut rig.root.enter().unwrap().ctx()).unwrap();
    rig.hear(MAC, &solicit(PEER, HOST, &NeighborSolicit::new(HOST, PEER_MAC)));
    // Timers that ran in each round.
    let mut rounds = Vec::new();
    for round in 0..40u16 {
        // It says of itself that it is elsewhere: STALE. A packet goes there: DELAY, and after 5 s a probe.
        let mac = Mac([2, 0xee, 0, 0, 1, round as u8]);
        let elsewhere = NeighborAdvert {
            router: false,
            solicited: false,
            override_: true,
            target: PEER,
            tlla: Some(mac),
        };
        rig.hear(MAC, &advert(PEER, HOST, &elsewhere));
        rig.worker.turn(rig.stack.now());
        let mut entered = rig.root.enter().unwrap();
        rig.stack.ping(&entered.ctx(), &ping, PEER.into(), IfId::NONE, round, b"siding").unwrap();
        drop(entered);
        let mut ran = 0;
        for tick in 0..80 {
            if tick == 55 {
                rig.hear(MAC, &answer(PEER, HOST, mac)); // The probe is answered: REACHABLE.
            }
            ran += rig.tick();
        }
        rounds.push(ran);
    }
    let (early, late) = (rounds[9], rounds[39]);
    assert!(late <= early && late <= 4, "{rounds:?}");
}

#[test]
fn questions_about_a_tentative_address_arm_no_timers_4862_4() {
    let mut rig = Rig::new(1);
    let group = ip6::solicited_node(HOST);
    let question = solicit(PEER, group, &NeighborSolicit::new(HOST, PEER_MAC));
    (0..50).for_each(|_| rig.hear(multicast_mac(group), &question));
    let ran: usize = (0..40).map(|_| rig.tick()).sum();
    assert_eq!(ran, 2, "the question and its end");
}
