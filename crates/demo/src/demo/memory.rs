//! The wire in memory: a second stack of ours is the peer. For where no namespace can be made.

use std::net::IpAddr;
use std::sync::Arc;

use anyhow::Context;
use siding_drivers::Wire;
use siding_mbuf::Pool;
use siding_mbuf::PoolConfig;
use siding_netisr::IfId;
use siding_runtime as runtime;
use siding_runtime::EventWake;
use siding_runtime::Runtime;
use siding_runtime::RuntimeConfig;
use siding_stack::Device;
use siding_stack::InterfaceSpec;
use siding_stack::Stack;
use siding_stack::StackConfig;
use siding_wire::Mac;

use super::echo::Echo;
use super::echo::StackEcho;
use super::echo::with_ctx;
use super::far::Far;
use super::given::DETACH_TIMEOUT;
use super::given::LAGG;
use super::given::OURS;
use super::given::PEER;
use super::given::PREFIX_LEN;
use super::given::SILENT;
use super::place::Place;
use super::place::Trunk;
use super::place::Yard;

/// A hub with two stacks on it.
pub(super) struct Memory {
    why: String,
    wire: Wire,
    wake: Arc<EventWake>,
    pool: Pool,
    stack: Stack,
    runtime: Runtime,
    on: IfId,
}

/// Frames that wait for one receiver at most.
const QUEUE: usize = 1024;

impl Memory {
    /// Builds the wire and the peer. `why` says why this is not the real wire; `wake` is what rouses the workers of
    /// our own stack.
    ///
    /// # Errors
    ///
    /// The system has no descriptors, threads or memory left.
    pub(super) fn new(why: String, wake: Arc<EventWake>) -> anyhow::Result<Memory> {
        let wire = Wire::new(QUEUE);
        let pool = Pool::new(PoolConfig { buffers: 4096, size: 2048, headroom: 128 })?;
        let own_wake = EventWake::new(1)?;
        let mut config = StackConfig::new(pool.clone(), runtime::clock());
        config.wake = Some(own_wake.clone());
        let stack = Stack::new(config)?;
        // Two stacks pinned alike would share a core and leave the other idle.
        let pinned = RuntimeConfig { pin: false, ..RuntimeConfig::default() };
        let runtime = Runtime::start(&stack, own_wake.clone(), pinned)?;
        let device = own_wake.rouse(0, wire.attach());
        let spec = InterfaceSpec { name: "peer0".to_owned(), mac: Mac([2, 0, 0, 0, 0, 2]), mtu: 1500 };
        let on = with_ctx(|ctx| -> anyhow::Result<IfId> {
            let on = stack.attach(ctx, spec, vec![device])?;
            for addr in [PEER, SILENT] {
                stack.add_address(ctx, on, IpAddr::V6(addr), PREFIX_LEN, false)?;
            }
            Ok(on)
        })??;
        Ok(Memory { why, wire, wake, pool, stack, runtime, on })
    }
}

impl Place for Memory {
    fn describe(&self) -> String {
        format!("the in-memory wire, a second Siding at the other end ({})", self.why)
    }

    fn peer(&self) -> &'static str {
        "peer"
    }

    fn workers(&self) -> usize {
        // The hub gives each frame to each device: two workers would each answer.
        1
    }

    fn mac(&self) -> Mac {
        Mac([2, 0, 0, 0, 0, 1])
    }

    fn open(&mut self) -> anyhow::Result<Vec<Box<dyn Device>>> {
        Ok(vec![self.wake.rouse(0, self.wire.attach())])
    }

    fn keeps_devices(&self) -> bool {
        false
    }

    fn pinger(&self, _ident: u16) -> anyhow::Result<Box<dyn Echo>> {
        Ok(Box::new(StackEcho::open(&self.stack, OURS)?))
    }

    fn silence(&mut self) -> anyhow::Result<()> {
        Ok(with_ctx(|ctx| self.stack.remove_address(ctx, self.on, SILENT.into()))??)
    }

    fn trunk(&mut self) -> anyhow::Result<Trunk> {
        let wires = [Wire::new(QUEUE), Wire::new(QUEUE)];
        let mac = |end: u8, port: usize| Mac([2, 0, 0, 0, end, port as u8]);
        let devices = wires.iter().enumerate();
        let far = Far::new(|wake| {
            let far = devices.clone().map(|(port, wire)| (mac(2, port), wake.rouse(0, wire.attach())));
            Ok(far.collect())
        })?;
        let ours = devices.map(|(port, wire)| (mac(1, port), vec![self.wake.rouse(0, wire.attach())]));
        let pinger = far.pinger(LAGG)?;
        Ok(Trunk { ports: ours.collect(), far, untagged: ("the switch", Box::new(pinger)) })
    }

    fn yard(&mut self) -> anyhow::Result<Yard> {
        anyhow::bail!("it stands between two Linux namespaces")
    }

    fn sent(&self) -> Option<u64> {
        None
    }

    fn close(self: Box<Self>) -> anyhow::Result<()> {
        let Memory { stack, runtime, on, pool, .. } = *self;
        with_ctx(|ctx| -> anyhow::Result<()> {
            let mut detached = stack.detach(ctx, on)?;
            Ok(detached.wait(ctx, DETACH_TIMEOUT)?)
        })??;
        runtime.stop()?;
        stack.check_conservation().context("at the peer")?;
        drop(stack);
        anyhow::ensure!(pool.is_full(), "the peer's pool misses {} buffers", pool.live());
        Ok(())
    }
}
