use std::net::IpAddr;
use std::thread::sleep;

use siding_drivers::Wire;
use siding_lockorder::Root;
use siding_mbuf::Pool;
use siding_mbuf::PoolConfig;
use siding_netisr::IfId;
use siding_stack::Answer;
use siding_stack::InterfaceSpec;
use siding_stack::StackConfig;
use siding_wire::Mac;

use super::*;

const CONFIG: RuntimeConfig = RuntimeConfig { spin: Duration::from_micros(20), pin: true };

struct Node {
    stack: Stack,
    runtime: Runtime,
    pool: Pool,
    on: IfId,
}

fn node(wire: &Wire, number: u8, workers: usize) -> Node {
    let pool = Pool::new(PoolConfig { buffers: 4096, size: 2048, headroom: 128 }).unwrap();
    let wake = EventWake::new(workers).unwrap();
    let mut config = StackConfig::new(pool.clone(), clock());
    config.workers = workers;
    config.wake = Some(wake.clone());
    let stack = Stack::new(config).unwrap();
    let runtime = Runtime::start(&stack, wake.clone(), CONFIG).unwrap();
    let mut root = Root::new();
    let mut entered = root.enter().unwrap();
    let mut ctx = entered.ctx();
    let spec = InterfaceSpec { name: "mem0".into(), mac: Mac([2, 0, 0, 0, 0, number]), mtu: 1500 };
    // A hub gives each frame to every worker's device: whoever sends has one worker.
    let devices = (0..workers).map(|worker| wake.rouse(worker, wire.attach())).collect();
    let on = stack.attach(&mut ctx, spec, devices).unwrap();
    let addr: IpAddr = format!("2001:db8::{number}").parse().unwrap();
    stack.add_address(&mut ctx, on, addr, 64, false).unwrap();
    Node { stack, runtime, pool, on }
}

impl Node {
    fn finish(self) {
        let mut root = Root::new();
        let mut entered = root.enter().unwrap();
        let mut ctx = entered.ctx();
        let mut detached = self.stack.detach(&mut ctx, self.on).unwrap();
        detached.wait(&mut ctx, Duration::from_secs(5)).unwrap();
        self.runtime.stop().unwrap();
        self.stack.check_conservation().unwrap();
        drop(self.stack);
        assert!(self.pool.is_full(), "{} buffers are missing", self.pool.live());
    }
}

#[test]
fn two_stacks_ping_each_other_and_sleep_between() {
    let wire = Wire::new(1024);
    let (left, right) = (node(&wire, 1, 1), node(&wire, 2, 1));
    let mut root = Root::new();
    {
        let mut entered = root.enter().unwrap();
        let mut ctx = entered.ctx();
        let ping = left.stack.open_ping(&mut ctx).unwrap();
        let dst = "2001:db8::2".parse().unwrap();
        for seq in 0..100 {
            left.stack.ping(&ctx, &ping, dst, IfId::NONE, seq, b"payload").unwrap();
            let deadline = left.stack.now() + Duration::from_secs(2);
            let reply = loop {
                if let Some(reply) = ping.answer(&mut ctx) {
                    break reply;
                }
                assert!(left.stack.now() < deadline, "no answer to {seq}");
                sleep(Duration::from_micros(50));
            };
            assert_eq!(reply.seq, seq);
            assert!(matches!(reply.answer, Answer::Reply { from, .. } if from == dst), "{reply:?}");
        }
        ping.close(&mut ctx);
    }
    assert!(left.runtime.stats()[0].sleeps > 0, "{:?}", left.runtime);
    // Each turn but the one that is under way has its time, by how many packets it had: a hundred answers, and no fewer. It may
    // be at work while it is read.
    let deadline = std::time::Instant::now() + Duration::from_secs(10);
    loop {
        let stats = left.runtime.stats()[0];
        let sum = |of: fn(&super::Turns) -> u64| stats.by_size.iter().map(of).sum::<u64>();
        let each = stats.by_size.iter().all(|size| (size.turns > 0) == (size.nanos > 0));
        let all = stats.turns.abs_diff(sum(|size| size.turns)) <= 1 && sum(|size| size.packets) >= 100;
        if each && all {
            break;
        }
        assert!(std::time::Instant::now() < deadline, "{stats:?}");
        sleep(Duration::from_millis(1));
    }
    assert!(!left.runtime.has_failed());
    left.finish();
    right.finish();
}

#[test]
fn an_idle_worker_sleeps() {
    let wire = Wire::new(16);
    let node = node(&wire, 1, 1);
    sleep(Duration::from_millis(50));
    let before = node.runtime.stats()[0];
    sleep(Duration::from_millis(200));
    let after = node.runtime.stats()[0];
    assert!(after.turns - before.turns < 10, "{before:?} {after:?}");
    node.finish();
}

#[test]
fn workers_are_pinned_to_cores_they_may_use() {
    let wire = Wire::new(16);
    let node = node(&wire, 1, 3);
    let cores = thread::cores();
    let wanted: Vec<Option<usize>> = (0..3).map(|worker| Some(cores[worker % cores.len()])).collect();
    let found = || node.runtime.stats().into_iter().map(|stats| stats.core).collect::<Vec<_>>();
    // A thread pins itself when it first gets a core.
    let deadline = std::time::Instant::now() + Duration::from_secs(10);
    while found() != wanted && std::time::Instant::now() < deadline {
        sleep(Duration::from_millis(1));
    }
    assert_eq!(found(), wanted);
    node.finish();
}
