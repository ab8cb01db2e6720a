//! A router in memory that filters as the example says, and both its sides.

use std::net::IpAddr;
use std::panic::Location;
use std::sync::Arc;
use std::time::Duration;

use siding_filter::Program;
use siding_filter::Ruleset;
use siding_filter::Setup;
use siding_judge::Rules;
use siding_lockorder::Ctx;
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
use siding_stack::route::Refusal;
use siding_stack::route::Route;
use siding_wire::EtherType;
use siding_wire::Mac;
use siding_wire::ether::Ether;

use super::packets::addr;
use crate::filter_kernel::wire::Wire;
use crate::filter_kernel::wire::control;

/// The rules that are shipped.
pub(super) const RULES: &str = include_str!("../../../../examples/firewall.nft");

/// A host inside, and the same with an address of the prefix that the example's configuration has, and with a local one.
pub(super) const IN: &str = "2a00:5:0:1::10";
pub(super) const EXAMPLE: &str = "2001:db8:1:1::10";
pub(super) const LOCAL: &str = "fd00:5:0:1::10";
/// The router's own addresses inside, each of a /64, and the one outside.
pub(super) const LAN: [&str; 3] = ["2a00:5:0:1::1", "2001:db8:1:1::1", "fd00:5:0:1::1"];
/// Behind the host inside, where nobody has addresses by right.
pub(super) const BEHIND: &str = "2001:db8:77::1";
pub(super) const WAN: &str = "2a00:1::2";
/// The provider's router, and a host far behind it.
pub(super) const PROVIDER: &str = "2a00:1::1";
pub(super) const OUT: &str = "2a00:2::20";

/// What an item's test says: nothing, or what is wrong.
pub(super) type Said = Result<(), String>;

/// Which side of the router.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Side {
    Outside = 0,
    Inside = 1,
}

pub(super) struct Edge {
    pub(super) stack: Stack,
    worker: StackWorker,
    wires: [Wire; 2],
    now: Instant,
}

/// What came of a packet.
#[derive(Debug)]
pub(super) struct Came {
    /// It left by the other side, as it was.
    pub(super) passed: bool,
    /// What was sent back to where it came from.
    pub(super) back: Vec<Vec<u8>>,
    /// What left by the other side.
    pub(super) on: Vec<Vec<u8>>,
}

fn mac(side: Side, host: u8) -> Mac {
    Mac([2, 0, 0, 0, side as u8, host])
}

impl Edge {
    /// Filters by these rules. Panics if they do not load.
    pub(super) fn new(rules: &str) -> Edge {
        let pool = Pool::new(PoolConfig { buffers: 512, size: 2048, headroom: 128 }).unwrap();
        let now = Instant::from_nanos(1_000_000_000_000);
        let mut config = StackConfig::new(pool, move || now);
        config.mld.enabled = false;
        let stack = Stack::new(config).unwrap();
        let worker = stack.worker(0).unwrap();
        let wires: [Wire; 2] = Default::default();
        control(|ctx| {
            stack.set_forwarding(ctx, true);
            let attach = |ctx: &mut Ctx<'_, Unlocked>, side: Side, name: &str| {
                let spec = InterfaceSpec { name: name.to_owned(), mac: mac(side, 1), mtu: 1500 };
                stack.attach(ctx, spec, vec![Box::new(wires[side as usize].clone())]).unwrap()
            };
            let wan = attach(ctx, Side::Outside, "wan");
            let lan = attach(ctx, Side::Inside, "lan");
            stack.add_address(ctx, wan, addr(WAN).into(), 64, false).unwrap();
            for own in LAN {
                stack.add_address(ctx, lan, addr(own).into(), 64, false).unwrap();
            }
            stack.add_neighbor(ctx, wan, addr(PROVIDER).into(), mac(Side::Outside, 2)).unwrap();
            for host in [IN, EXAMPLE, LOCAL] {
                stack.add_neighbor(ctx, lan, addr(host).into(), mac(Side::Inside, 2)).unwrap();
            }
            let route = |to: &str, bits, next_hop: &str, interface| Route {
                prefix: Prefix::covering(addr(to), bits),
                next_hop: Some(addr(next_hop)),
                interface,
                metric: 0,
                origin: Origin::Static,
            };
            let behind = route(BEHIND, 48, IN, lan);
            stack.add_routes6(ctx, [route("::", 0, PROVIDER, wan), behind]).unwrap();
        });
        let mut edge = Edge { stack, worker, wires, now };
        edge.load(rules);
        edge
    }

    /// Filters by these rules from now on.
    pub(super) fn load(&mut self, rules: &str) {
        let ruleset = Ruleset::load(&[("firewall.nft", rules)], &mut |path| Err(format!("no file {path}")))
            .unwrap_or_else(|errors| panic!("{errors}"));
        let setup = Setup { now: self.now.as_nanos(), ..Setup::default() };
        let program = Program::compile(ruleset, &setup, None).unwrap_or_else(|errors| panic!("{errors}"));
        let inside: Vec<(IpAddr, u8)> = LAN.iter().map(|own| (addr(own).into(), 64)).collect();
        let program = program.set_prefixes("lan", &inside).unwrap_or(program);
        let limits = StateLimits { states: 1024, half_open: 512, ..StateLimits::default() };
        let setup =
            FilterSetup { judge: Arc::new(Rules(Arc::new(program))), limits, timeouts: Timeouts::default() };
        control(|ctx| self.stack.set_filter(ctx, Some(setup)));
        self.turns();
    }

    /// Filters nothing.
    pub(super) fn unfiltered(&mut self) {
        control(|ctx| self.stack.set_filter(ctx, None));
        self.turns();
    }

    /// Refuses what nothing leads to of a prefix, and says so.
    pub(super) fn refuse(&mut self, prefix: &str, bits: u8) {
        let prefix = Prefix::covering(addr(prefix), bits);
        control(|ctx| self.stack.add_refusal6(ctx, prefix, Refusal::Reject, 0)).unwrap();
        self.turns();
    }

    /// How many packets the rules have dropped.
    pub(super) fn filtered(&self) -> u64 {
        let rows = self.stack.drops();
        rows.iter().filter(|row| row.cause.to_string() == "filtered").map(|row| row.count).sum()
    }

    /// What the router itself sends outside now.
    pub(super) fn sent_outside(&mut self) -> Option<Vec<u8>> {
        self.wires[0].sent.lock().unwrap().clear();
        self.turns();
        self.wires[0].sent.lock().unwrap().pop()
    }

    /// Time passes.
    pub(super) fn wait(&mut self, time: Duration) {
        self.now += time;
        self.turns();
    }

    /// What comes of a packet that comes in on this side.
    pub(super) fn send(&mut self, from: Side, packet: &[u8]) -> Came {
        let mut frame = vec![0; 14];
        let ether = Ether { dst: mac(from, 1), src: mac(from, 2), ethertype: EtherType::IPV6 };
        ether.emit(&mut frame).unwrap();
        frame.extend(packet);
        for wire in &self.wires {
            wire.sent.lock().unwrap().clear();
        }
        self.wires[from as usize].inbound.lock().unwrap().push_back(frame);
        self.turns();
        let mut forwarded = packet.to_vec();
        forwarded[7] = forwarded[7].saturating_sub(1);
        let sent = |side: usize| std::mem::take(&mut *self.wires[side].sent.lock().unwrap());
        let (on, back) = (sent(1 - from as usize), sent(from as usize));
        Came { passed: on.contains(&forwarded), back, on }
    }

    /// A packet from outside passes.
    #[track_caller]
    pub(super) fn comes_in(&mut self, packet: &[u8]) -> Said {
        self.passes(Side::Outside, packet, Location::caller())
    }

    /// A packet from inside passes.
    #[track_caller]
    pub(super) fn goes_out(&mut self, packet: &[u8]) -> Said {
        self.passes(Side::Inside, packet, Location::caller())
    }

    /// A packet from outside does not pass, and nobody is told.
    #[track_caller]
    pub(super) fn stays_out(&mut self, packet: &[u8]) -> Said {
        let (at, came) = (Location::caller(), self.send(Side::Outside, packet));
        match !came.passed && came.back.is_empty() {
            true => Ok(()),
            false => Err(format!("{at}: from outside, {packet:02x?}: {came:02x?}")),
        }
    }

    /// A packet from inside does not pass, and its source, wherever that is, is told by Destination Unreachable with this
    /// code.
    #[track_caller]
    pub(super) fn is_refused(&mut self, packet: &[u8], code: u8) -> Said {
        let (at, came) = (Location::caller(), self.send(Side::Inside, packet));
        let told = came
            .back
            .iter()
            .chain(&came.on)
            .any(|told| told[6] == 58 && told[24..40] == packet[8..24] && told[40..42] == [1, code]);
        match !came.passed && told {
            true => Ok(()),
            false => Err(format!("{at}: from inside, {packet:02x?}, not told {code}: {came:02x?}")),
        }
    }

    fn passes(&mut self, from: Side, packet: &[u8], at: &Location<'_>) -> Said {
        let came = self.send(from, packet);
        let drops = self.drops();
        match came.passed {
            true => Ok(()),
            false => Err(format!("{at}: {from:?}, {packet:02x?} does not pass: {came:02x?}; {drops}")),
        }
    }

    fn turns(&mut self) {
        for _ in 0..6 {
            self.worker.turn(self.now);
        }
    }

    fn drops(&self) -> String {
        let rows = self.stack.drops();
        rows.iter().filter(|row| row.count > 0).map(|row| format!("{}={} ", row.cause, row.count)).collect()
    }
}
