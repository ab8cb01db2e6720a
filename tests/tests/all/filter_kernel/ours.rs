//! Siding as the router: a stack with two workers, and rules compiled as the program does.

use std::sync::Arc;
use std::time::Duration;

use siding_filter::Program;
use siding_filter::Ruleset;
use siding_filter::Setup;
use siding_judge::Rules;
use siding_mbuf::Pool;
use siding_mbuf::PoolConfig;
use siding_netisr::Instant;
use siding_stack::Device;
use siding_stack::InterfaceSpec;
use siding_stack::Stack;
use siding_stack::StackConfig;
use siding_stack::StackWorker;
use siding_stack::filter::FilterSetup;
use siding_stack::filter::StateLimits;
use siding_stack::filter::Timeouts;
use siding_wire::Mac;

use super::wire::Wire;
use super::wire::control;

pub(super) const WORKERS: usize = 2;

pub(super) struct Ours {
    stack: Stack,
    workers: Vec<StackWorker>,
    wires: [[Wire; WORKERS]; 2],
    now: Instant,
}

impl Ours {
    pub(super) fn new() -> Ours {
        let pool = Pool::new(PoolConfig { buffers: 4096, size: 2048, headroom: 128 }).unwrap();
        let now = Instant::from_nanos(1_000_000_000);
        let mut config = StackConfig::new(pool, move || now);
        config.workers = WORKERS;
        config.mld.enabled = false;
        let stack = Stack::new(config).unwrap();
        let workers = (0..WORKERS).map(|index| stack.worker(index).unwrap()).collect();
        let wires: [[Wire; WORKERS]; 2] = Default::default();
        control(|ctx| {
            stack.set_forwarding(ctx, true);
            for (side, wires) in wires.iter().enumerate() {
                let name = super::compare::NAMES[side].to_owned();
                let mac = Mac(super::compare::ROUTER_MACS[side]);
                let devices = wires.iter().map(|wire| Box::new(wire.clone()) as Box<dyn Device>).collect();
                let id = stack.attach(ctx, InterfaceSpec { name, mac, mtu: 1500 }, devices).unwrap();
                for (prefix_len, v6) in [(64, true), (24, false)] {
                    let addr = super::compare::addr(side, 1, v6);
                    stack.add_address(ctx, id, addr, prefix_len, false).unwrap();
                    for host in super::compare::HOSTS {
                        let mac = Mac(super::compare::host_mac(side, host));
                        stack.add_neighbor(ctx, id, super::compare::addr(side, host, v6), mac).unwrap();
                    }
                }
            }
        });
        Ours { stack, workers, wires, now }
    }

    /// These rules, or what we have against them.
    pub(super) fn program(&self, text: &str) -> Result<Program, String> {
        let ruleset = Ruleset::load(&[("r.nft", text)], &mut |path| Err(format!("no file {path}")));
        let setup = Setup { workers: WORKERS, now: self.now.as_nanos(), built_in: false, ..Setup::default() };
        ruleset
            .and_then(|ruleset| Program::compile(ruleset, &setup, None))
            .map_err(|errors| errors.to_string())
    }

    /// Time goes by.
    pub(super) fn wait(&mut self, time: Duration) {
        self.now += time;
        self.turns();
    }

    /// Filters as these rules say. No flow is known.
    pub(super) fn load(&mut self, text: &str, with_states: bool) {
        let program = self.program(text).unwrap_or_else(|errors| panic!("{errors}\n{text}"));
        assert!(program.needs_ct() || !with_states, "{text}");
        let limits = StateLimits { states: 1024, half_open: 1024, ..StateLimits::default() };
        let setup =
            FilterSetup { judge: Arc::new(Rules(Arc::new(program))), limits, timeouts: Timeouts::default() };
        control(|ctx| self.stack.set_filter(ctx, None));
        self.turns();
        control(|ctx| self.stack.set_filter(ctx, Some(setup)));
        self.turns();
    }

    /// What leaves by the other side when a frame comes by this one.
    pub(super) fn pass(&mut self, side: usize, worker: usize, frame: &[u8]) -> Vec<Vec<u8>> {
        self.wires[side][worker].inbound.lock().unwrap().push_back(frame.to_vec());
        self.turns();
        let mut out = Vec::new();
        for wire in &self.wires[1 - side] {
            out.append(&mut wire.sent.lock().unwrap());
        }
        self.wires[side].iter().for_each(|wire| wire.sent.lock().unwrap().clear());
        out
    }

    fn turns(&mut self) {
        for _ in 0..6 {
            for worker in &mut self.workers {
                worker.turn(self.now);
            }
        }
    }

    /// Why packets were dropped, for messages.
    pub(super) fn drops(&self) -> String {
        let rows = self.stack.drops();
        rows.iter().filter(|row| row.count > 0).map(|row| format!("{}={} ", row.cause, row.count)).collect()
    }
}
