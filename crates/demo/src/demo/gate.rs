//! The firewall of its act: a stack of ours between two Linux namespaces.
//!
//! # Teardown
//!
//! [`Gate::close`]: its interfaces are detached, its worker stops, and its counters and its pool must add up.

use std::net::Ipv6Addr;
use std::path::PathBuf;

use anyhow::Context;
use siding_judge::Filter;
use siding_judge::FilterConfig;
use siding_judge::Texts;
use siding_lockorder::Ctx;
use siding_lockorder::Unlocked;
use siding_mbuf::Pool;
use siding_mbuf::PoolConfig;
use siding_runtime as runtime;
use siding_runtime::EventWake;
use siding_runtime::Runtime;
use siding_runtime::RuntimeConfig;
use siding_stack::InterfaceSpec;
use siding_stack::Stack;
use siding_stack::StackConfig;
use siding_stack::filter::StateLimits;
use siding_stack::filter::StateUsage;
use siding_stack::filter::Timeouts;
use siding_stack::route::Origin;
use siding_stack::route::Prefix;
use siding_stack::route::Route;

use super::echo::with_ctx;
use super::far::detach_all;
use super::given::PREFIX_LEN;
use super::place::Port;

/// Its sides; the number of each is part of its addresses.
pub(super) const SIDES: [&str; 2] = ["inside", "outside"];
/// Who floods has addresses of this prefix.
pub(super) const FLOOD: Ipv6Addr = Ipv6Addr::new(0x2001, 0xdb8, 0xf, 0, 0, 0, 0, 0);

/// So few that a flood fills them at once. A connection whose state is lost is lost: nothing is picked up in its middle.
const LIMITS: StateLimits =
    StateLimits { states: 1024, half_open: 512, per_source: None, source_bits: 64, loose: false };

/// A firewall with an interface on each side.
pub(super) struct Gate {
    pool: Pool,
    stack: Stack,
    runtime: Runtime,
    filter: Filter,
}

/// An address on this side: 1 is ours, 2 the host's.
pub(super) fn on_side(side: usize, host: u16) -> Ipv6Addr {
    Ipv6Addr::new(0x2001, 0xdb8, 0xa, side as u16, 0, 0, 0, host)
}

impl Gate {
    /// Builds it on a device for each of [`SIDES`].
    ///
    /// # Errors
    ///
    /// The system has no descriptors, threads or memory left, or the stack refuses.
    pub(super) fn new(devices: [Port; 2]) -> anyhow::Result<Gate> {
        let pool = Pool::new(PoolConfig { buffers: 4096, size: 2048, headroom: 128 })?;
        let wake = EventWake::new(1)?;
        let mut config = StackConfig::new(pool.clone(), runtime::clock());
        config.wake = Some(wake.clone());
        let stack = Stack::new(config)?;
        // The other stack's workers have their cores.
        let anywhere = RuntimeConfig { pin: false, ..RuntimeConfig::default() };
        let runtime = Runtime::start(&stack, wake, anywhere)?;
        let gate = Gate { pool, stack, runtime, filter: Filter::new(1, [0; 2]) };
        with_ctx(|ctx| gate.furnish(ctx, devices))??;
        Ok(gate)
    }

    fn furnish(&self, ctx: &mut Ctx<'_, Unlocked>, devices: [Port; 2]) -> anyhow::Result<()> {
        let Gate { stack, .. } = self;
        stack.set_forwarding(ctx, true);
        for (side, (mac, device)) in devices.into_iter().enumerate() {
            let spec = InterfaceSpec { name: SIDES[side].to_owned(), mac, mtu: 1500 };
            let on = stack.attach(ctx, spec, vec![device])?;
            stack.add_address(ctx, on, on_side(side, 1).into(), PREFIX_LEN, false)?;
            if side == 1 {
                // Answers to a flood go where they seem to have come from.
                let route = Route {
                    prefix: Prefix::covering(FLOOD, 48),
                    next_hop: Some(on_side(side, 2)),
                    interface: on,
                    metric: 0,
                    origin: Origin::Static,
                };
                stack.add_routes6(ctx, [route])?;
            }
        }
        Ok(())
    }

    /// Filters by these rules from now on, in one step.
    ///
    /// # Errors
    ///
    /// What is wrong with them.
    pub(super) fn load(&self, rules: &str) -> anyhow::Result<()> {
        let paths = vec![PathBuf::from("firewall.nft")];
        let texts = Texts::read(&paths, |_| Ok(rules.to_owned())).map_err(anyhow::Error::msg)?;
        let (limits, timeouts) = (LIMITS, Timeouts::default());
        let config = FilterConfig { rules: paths, texts, built_in: true, limits, timeouts };
        with_ctx(|ctx| self.filter.set(&self.stack, ctx, &config))?
    }

    /// What the table of states has had to do.
    pub(super) fn usage(&self) -> StateUsage {
        self.stack.state_usage().first().copied().unwrap_or_default()
    }

    /// Ends it.
    ///
    /// # Errors
    ///
    /// What is not as it should be.
    pub(super) fn close(self) -> anyhow::Result<()> {
        let Gate { pool, stack, runtime, filter } = self;
        with_ctx(|ctx| {
            filter.stop(&stack, ctx);
            detach_all(&stack, ctx)
        })??;
        runtime.stop()?;
        stack.check_conservation().context("in the firewall")?;
        drop(stack);
        anyhow::ensure!(pool.is_full(), "the firewall's pool misses {} buffers", pool.live());
        Ok(())
    }
}
