//! The station behind the switch: a second stack of ours, for a bare kernel has no VLANs.
//!
//! # Teardown
//!
//! [`Far::close`]: its interfaces are detached, its worker stops, and its counters and its pool must add up.

use std::net::Ipv6Addr;
use std::sync::Arc;

use anyhow::Context;
use siding_lockorder::Ctx;
use siding_lockorder::Unlocked;
use siding_mbuf::Pool;
use siding_mbuf::PoolConfig;
use siding_netisr::IfId;
use siding_runtime as runtime;
use siding_runtime::EventWake;
use siding_runtime::Runtime;
use siding_runtime::RuntimeConfig;
use siding_stack::BridgeSpec;
use siding_stack::Device;
use siding_stack::InterfaceSpec;
use siding_stack::Stack;
use siding_stack::StackConfig;
use siding_stack::ifnet::Vlan;
use siding_wire::EtherType;
use siding_wire::Mac;

use super::echo::StackEcho;
use super::echo::with_ctx;
use super::given::DETACH_TIMEOUT;
use super::given::PREFIX_LEN;
use super::given::UNTAGGED;

/// The VLANs on the lagg.
pub(super) const VLANS: [u16; 2] = [10, 20];

/// A stack with VLANs.
pub(super) struct Far {
    pool: Pool,
    stack: Stack,
    runtime: Runtime,
}

/// Our address in a VLAN, and the other's.
pub(super) fn in_vlan(vid: u16, host: u16) -> Ipv6Addr {
    Ipv6Addr::new(0x2001, 0xdb8, 1, vid, 0, 0, 0, host)
}

impl Far {
    /// Builds it on the devices that `open` gives: on one, or on a bridge of several, which then is the switch. A bridge
    /// has the address [`UNTAGGED`].
    ///
    /// # Errors
    ///
    /// A device cannot be opened, or the system has no descriptors, threads or memory left.
    pub(super) fn new(
        open: impl FnOnce(&Arc<EventWake>) -> anyhow::Result<Vec<(Mac, Box<dyn Device>)>>,
    ) -> anyhow::Result<Far> {
        let pool = Pool::new(PoolConfig { buffers: 4096, size: 2048, headroom: 128 })?;
        let wake = EventWake::new(1)?;
        let mut config = StackConfig::new(pool.clone(), runtime::clock());
        config.wake = Some(wake.clone());
        let stack = Stack::new(config)?;
        // Two stacks pinned alike would share a core and leave the other idle.
        let pinned = RuntimeConfig { pin: false, ..RuntimeConfig::default() };
        let runtime = Runtime::start(&stack, wake.clone(), pinned)?;
        let devices = open(&wake)?;
        with_ctx(|ctx| furnish(&stack, ctx, devices))??;
        Ok(Far { pool, stack, runtime })
    }

    /// Pings `dst`.
    ///
    /// # Errors
    ///
    /// All identifiers are in use.
    pub(super) fn pinger(&self, dst: Ipv6Addr) -> anyhow::Result<StackEcho> {
        Ok(StackEcho::open(&self.stack, dst)?)
    }

    /// Ends it.
    ///
    /// # Errors
    ///
    /// What is not as it should be.
    pub(super) fn close(self) -> anyhow::Result<()> {
        let Far { pool, stack, runtime } = self;
        with_ctx(|ctx| detach_all(&stack, ctx))??;
        runtime.stop()?;
        stack.check_conservation().context("behind the switch")?;
        drop(stack);
        anyhow::ensure!(pool.is_full(), "the pool behind the switch misses {} buffers", pool.live());
        Ok(())
    }
}

/// Detaches every interface of a stack, the highest first.
///
/// # Errors
///
/// One does not go.
pub(super) fn detach_all(stack: &Stack, ctx: &mut Ctx<'_, Unlocked>) -> anyhow::Result<()> {
    let mut ids: Vec<IfId> = stack.config().interfaces().map(|there| there.ifnet.id).collect();
    ids.reverse();
    for id in ids {
        stack.detach(ctx, id)?.wait(ctx, DETACH_TIMEOUT)?;
    }
    Ok(())
}

/// Makes the VLANs on an interface, with their addresses.
///
/// # Errors
///
/// The stack refuses.
pub(super) fn add_vlans(
    stack: &Stack,
    ctx: &mut Ctx<'_, Unlocked>,
    parent: IfId,
    host: u16,
) -> anyhow::Result<()> {
    for vid in VLANS {
        let vlan = Vlan { parent, vid, ethertype: EtherType::VLAN };
        let id = stack.add_vlan(ctx, &format!("vlan{vid}"), vlan)?;
        stack.add_address(ctx, id, in_vlan(vid, host).into(), PREFIX_LEN, false)?;
    }
    Ok(())
}

fn furnish(
    stack: &Stack,
    ctx: &mut Ctx<'_, Unlocked>,
    devices: Vec<(Mac, Box<dyn Device>)>,
) -> anyhow::Result<()> {
    let mut ports = Vec::new();
    for (number, (mac, device)) in devices.into_iter().enumerate() {
        let spec = InterfaceSpec { name: format!("far{number}"), mac, mtu: 1500 };
        ports.push(stack.attach(ctx, spec, vec![device])?);
    }
    let base = match ports[..] {
        [only] => only,
        _ => {
            let bridge = stack.add_bridge(ctx, BridgeSpec::new("switch0"))?;
            for port in ports {
                stack.bridge_add_port(ctx, bridge, port)?;
            }
            stack.add_address(ctx, bridge, UNTAGGED.into(), PREFIX_LEN, false)?;
            bridge
        }
    };
    add_vlans(stack, ctx, base, 2)
}
