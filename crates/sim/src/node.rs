//! One stack of a world.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::net::Ipv6Addr;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::PoisonError;

use siding_lockorder::Ctx;
use siding_lockorder::Root;
use siding_lockorder::Unlocked;
use siding_mbuf::Mbuf;
use siding_mbuf::Pool;
use siding_netisr::IfId;
use siding_stack::Detached;
use siding_stack::Event;
use siding_stack::Observer;
use siding_stack::Stack;
use siding_stack::StackWorker;
use siding_wire::Mac;

use crate::link::LinkId;

/// What a node is made of.
#[derive(Debug, Clone)]
pub struct NodeSpec {
    /// Its name in the log.
    pub name: String,
    /// Packet buffers.
    pub buffers: u32,
    /// Buffers for packets that are larger.
    pub large_buffers: u32,
    /// Timers of its neighbours.
    pub nud: siding_stack::nd6::nud::NudConfig,
    /// Bounds of its neighbours.
    pub neighbors: siding_stack::NeighborLimits,
    /// Bounds of all its neighbours together; `None` as its buffers allow.
    pub neighbor_totals: Option<siding_stack::NeighborTotals>,
    /// Its duplicate address detection.
    pub dad: siding_stack::nd6::dad::DadConfig,
    /// Its multicast listener discovery.
    pub mld: siding_stack::mld::MldConfig,
    /// Its conflict detection of IPv4 addresses.
    pub acd: siding_stack::arp::acd::AcdConfig,
    /// Packets of each deferred type that wait.
    pub queue_limit: u32,
}

impl NodeSpec {
    /// A node by its name: 512 buffers, 4 large ones, RFC timers.
    pub fn new(name: &str) -> NodeSpec {
        NodeSpec {
            name: name.to_string(),
            buffers: 512,
            large_buffers: 4,
            nud: Default::default(),
            neighbors: Default::default(),
            neighbor_totals: None,
            dad: Default::default(),
            mld: Default::default(),
            acd: Default::default(),
            queue_limit: 256,
        }
    }
}

/// A node: its stack, its worker, and what the world knows of it.
pub struct Node {
    /// Its name in the log.
    pub name: String,
    /// Its stack.
    pub stack: Stack,
    /// Its buffers.
    pub pool: Pool,
    pub(crate) worker: StackWorker,
    pub(crate) plugs: BTreeMap<IfId, Plug>,
    /// Detaches under way.
    pub(crate) leaving: Vec<(IfId, Detached)>,
    pub(crate) events: Arc<Events>,
    /// It takes no turns.
    pub(crate) held_up: bool,
    /// Buffers that were taken to make the pool run dry.
    pub(crate) hoard: Vec<Mbuf>,
    pub(crate) pings: u64,
}

/// Where an interface is plugged in.
#[derive(Debug, Clone)]
pub(crate) struct Plug {
    pub(crate) name: String,
    pub(crate) link: LinkId,
    pub(crate) port: usize,
    pub(crate) mac: Mac,
}

/// Keeps events until the world fetches them.
#[derive(Debug, Default)]
pub(crate) struct Events(Mutex<Vec<Event>>);

impl Observer for Events {
    fn event(&self, event: &Event) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(event.clone());
    }
}

impl Events {
    pub(crate) fn take(&self) -> Vec<Event> {
        std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Node {
    /// Runs `work` with a token: what an operator would do.
    pub fn control<O>(&self, work: impl FnOnce(&Stack, &mut Ctx<'_, Unlocked>) -> O) -> O {
        let mut root = Root::new();
        // The world is driven by one thread, which holds no other token here: workers enter only in their turns.
        let mut entered = root
            .enter()
            .unwrap_or_else(|error| panic!("the world is stepped from within a handler: {error}"));
        work(&self.stack, &mut entered.ctx())
    }

    /// Its interfaces that are attached.
    pub fn interfaces(&self) -> Vec<IfId> {
        self.plugs.keys().copied().collect()
    }

    /// The link-layer address of one of its interfaces.
    pub fn mac(&self, id: IfId) -> Option<Mac> {
        self.plugs.get(&id).map(|plug| plug.mac)
    }

    /// The first IPv6 address of an interface that is not link-local and out of duplicate address detection.
    pub fn global(&self, id: IfId) -> Option<Ipv6Addr> {
        let config = self.stack.config();
        let interface = config.interface(id)?;
        let usable = |addr: &&siding_stack::ifnet::Addr6| {
            !siding_wire::ip6::is_link_local(addr.addr) && interface.may_source(IpAddr::V6(addr.addr))
        };
        interface.addrs6.iter().find(usable).map(|addr| addr.addr)
    }
}
