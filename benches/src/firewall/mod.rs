//! The stack as a firewall in memory: what a state costs beside forwarding, and what rules do.
//!
//! One worker; two ends that make up packets of 64 bytes, and take what comes. The inner one sends what begins a flow, the
//! outer one the answers. Rules are compiled and asked as the program does it.

mod ends;
mod rules;

use std::error::Error;
use std::fs;
use std::net::Ipv6Addr;
use std::sync::Arc;

use rustix::time::ClockId;
use rustix::time::clock_gettime;
use siding_filter::Program;
use siding_filter::Ruleset;
use siding_filter::Setup;
use siding_judge::Rules;
use siding_lockorder::Ctx;
use siding_lockorder::Root;
use siding_lockorder::Unlocked;
use siding_mbuf::Pool;
use siding_mbuf::PoolConfig;
use siding_netisr::Instant;
use siding_stack::InterfaceSpec;
use siding_stack::Stack;
use siding_stack::StackConfig;
use siding_stack::StackWorker;
use siding_stack::filter::FilterSetup;
use siding_stack::filter::StateLimits;
use siding_stack::filter::Timeouts;
use siding_stack::route::Origin;
use siding_stack::route::Prefix;
use siding_stack::route::Route;

use ends::End;
use ends::Shared;
pub use rules::in_sets;
pub use rules::many;
pub use rules::many_beside;
use siding_wire::Mac;

/// Packets in a turn.
pub const BATCH: usize = 64;

/// Who sends in the next turns.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    /// What begins flows, one after the other; beyond the last of them the first again.
    Out(u64),
    /// Answers, in the same order.
    Back(u64),
}

/// A firewall, or a router without one.
pub struct Wall {
    stack: Stack,
    worker: StackWorker,
    shared: Arc<Shared>,
    turns: u64,
    clock: fn() -> u64,
}

/// What some turns came to.
#[derive(Debug, Clone, Copy)]
pub struct Cost {
    /// Packets that came in.
    pub packets: u64,
    /// Nanoseconds of processor time for each.
    pub each: f64,
    /// Of all turns the one of a hundred that took longest, in nanoseconds for each packet.
    pub p99: f64,
}

fn addr(link: u16, host: u16) -> Ipv6Addr {
    Ipv6Addr::new(0xfd00, link, 0, 0, 0, 0, 0, host)
}

fn mac(link: u16, host: u8) -> Mac {
    Mac([2, 0, 0, 0, link as u8, host])
}

fn control<T>(work: impl FnOnce(&mut Ctx<'_, Unlocked>) -> T) -> Result<T, Box<dyn Error>> {
    let mut root = Root::new();
    let mut entered = root.enter()?;
    Ok(work(&mut entered.ctx()))
}

impl Wall {
    /// Builds one that filters nothing yet.
    ///
    /// # Errors
    /// What the stack refuses.
    pub fn new() -> Result<Wall, Box<dyn Error>> {
        let pool = Pool::new(PoolConfig { buffers: 4096, ..PoolConfig::default() })?;
        let stack = Stack::new(StackConfig::new(pool, || Instant::from_nanos(1)))?;
        let worker = stack.worker(0).ok_or("no worker")?;
        let shared = Arc::new(Shared::default());
        control(|ctx| -> Result<(), Box<dyn Error>> {
            stack.set_forwarding(ctx, true);
            let mut routes = Vec::new();
            for (link, name, prefix) in [(1, "lan", ends::INNER), (2, "wan", ends::OUTER)] {
                let spec = InterfaceSpec { name: name.to_owned(), mac: mac(link, 1), mtu: 1500 };
                let end = End::new(link == 1, mac(link, 1), mac(link, 2), shared.clone())?;
                let interface = stack.attach(ctx, spec, vec![Box::new(end)])?;
                stack.add_address(ctx, interface, addr(link, 1).into(), 64, false)?;
                stack.add_neighbor(ctx, interface, addr(link, 2).into(), mac(link, 2))?;
                let prefix = Prefix::covering(prefix, 32);
                let next_hop = Some(addr(link, 2));
                routes.push(Route { prefix, next_hop, interface, metric: 0, origin: Origin::Static });
            }
            Ok(stack.add_routes6(ctx, routes)?)
        })??;
        Ok(Wall { stack, worker, shared, turns: 0, clock: processor_time })
    }

    /// The same, where nothing is timed: callgrind does not give programs the kernel's clock.
    #[must_use]
    pub fn without_clock(self) -> Wall {
        Wall { clock: || 0, ..self }
    }

    /// Filters by these rules, with room for so many states.
    ///
    /// # Errors
    /// What is wrong with the rules.
    pub fn filter(&mut self, rules: &str, states: usize) -> Result<(), Box<dyn Error>> {
        load(&self.stack, rules, states)?;
        self.shared.send(None);
        self.turn();
        Ok(())
    }

    /// What each of so many turns takes, in nanoseconds by the clock and of processor time, while packets pass; and what each takes from
    /// then on that another thread begins to load these rules, until it has done so and as many turns have gone by again.
    ///
    /// # Errors
    /// What is wrong with the rules; or not all packets left again.
    pub fn load_under_way(
        &mut self,
        rules: &str,
        states: usize,
        way: Way,
        turns: u64,
    ) -> Result<[Vec<[u64; 2]>; 2], Box<dyn Error>> {
        self.shared.send(Some(way));
        let sent = self.shared.sent();
        let mut received = 0;
        let mut times = [Vec::with_capacity(turns as usize), Vec::with_capacity(8 * turns as usize)];
        let mut timed = |wall: &mut Wall, times: &mut Vec<[u64; 2]>| {
            let (whole, begin) = (std::time::Instant::now(), (wall.clock)());
            received += wall.turn();
            let own = (wall.clock)() - begin;
            times.push([whole.elapsed().as_nanos() as u64, own]);
        };
        for _ in 0..turns {
            timed(self, &mut times[0]);
        }
        let stack = self.stack.clone();
        std::thread::scope(|scope| -> Result<(), Box<dyn Error>> {
            let loader = scope.spawn(move || {
                let pinned = crate::affinity::pin(1).map_err(|error| error.to_string());
                pinned.and_then(|()| load(&stack, rules, states).map_err(|error| error.to_string()))
            });
            while !loader.is_finished() {
                timed(self, &mut times[1]);
            }
            for _ in 0..turns {
                timed(self, &mut times[1]);
            }
            Ok(loader.join().map_err(|_| "it panicked")??)
        })?;
        let left = self.shared.sent() - sent;
        match left == received {
            true => Ok(times),
            false => Err(format!("{left} of {received} packets have left beside the load").into()),
        }
    }

    /// Has so many packets pass.
    ///
    /// # Errors
    /// Not all of them left again: the figure would mean nothing.
    pub fn run(&mut self, way: Way, packets: u64) -> Result<Cost, Box<dyn Error>> {
        self.shared.send(Some(way));
        let sent = self.shared.sent();
        let turns = packets.div_ceil(BATCH as u64);
        let mut each = Vec::with_capacity(turns as usize / 16 + 1);
        let begin = (self.clock)();
        let mut last = begin;
        let mut received = 0;
        for turn in 1..=turns {
            received += self.turn();
            if turn % 16 == 0 {
                let now = (self.clock)();
                each.push((now - last) as f64 / (16 * BATCH) as f64);
                last = now;
            }
        }
        let took = (self.clock)() - begin;
        let left = self.shared.sent() - sent;
        if left != received || received == 0 {
            return Err(format!("{left} of {received} packets have left, {way:?}").into());
        }
        each.sort_by(f64::total_cmp);
        let p99 = each.get(each.len() * 99 / 100).copied().unwrap_or(f64::NAN);
        Ok(Cost { packets: received, each: took as f64 / received as f64, p99 })
    }

    /// States that there are.
    pub fn states(&self) -> usize {
        self.stack.state_usage().iter().map(|usage| usage.states).sum()
    }

    /// States that there ever were.
    pub fn inserted(&self) -> u64 {
        self.stack.state_usage().iter().map(|usage| usage.inserted).sum()
    }

    fn turn(&mut self) -> u64 {
        self.turns += 1;
        self.worker.turn(Instant::from_nanos(self.turns * 1000)).received as u64
    }
}

/// Filters by these rules from the worker's next turn on.
fn load(stack: &Stack, rules: &str, states: usize) -> Result<(), Box<dyn Error>> {
    let ruleset = Ruleset::load(&[("bench.nft", rules)], &mut |path| Err(format!("no file {path}")))?;
    let program = Program::compile(ruleset, &Setup { now: 1, ..Setup::default() }, None)?;
    let judge = Arc::new(Rules(Arc::new(program)));
    let limits = StateLimits { states, half_open: states, ..StateLimits::default() };
    let setup = FilterSetup { judge, limits, timeouts: Timeouts::default() };
    control(|ctx| stack.set_filter(ctx, Some(setup)))
}

/// Nanoseconds of this thread's processor time.
fn processor_time() -> u64 {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    time.tv_sec as u64 * 1_000_000_000 + time.tv_nsec as u64
}

/// Bytes of memory that this process has.
pub fn resident() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kib = line.and_then(|line| line.split_whitespace().next()?.parse::<u64>().ok());
    kib.unwrap_or(0) * 1024
}
