//! How a stack is built: of what, and with which protocols.

use std::collections::HashMap;
use std::sync::Arc;

use siding_lockorder::Mutex;
use siding_machines::chance::Chance;
use siding_mbuf::Pool;
use siding_mbuf::PoolConfig;
use siding_mbuf::PoolError;
use siding_netisr::Instant;
use siding_netisr::Netisr;
use siding_netisr::RegisterError;
use siding_netisr::Wake;

use crate::Stack;
use crate::arp;
use crate::arp::acd::AcdConfig;
use crate::common;
use crate::common::Words;
use crate::config::Config;
use crate::drops;
use crate::drops::Ledger;
use crate::event::Deaf;
use crate::event::Observer;
use crate::filter;
use crate::flow_hash::FlowKey;
use crate::ifnet;
use crate::limits::LONGEST_PACKET;
use crate::limits::Limits;
use crate::lltable::NeighborLimits;
use crate::lltable::NeighborTotals;
use crate::mld::MldConfig;
use crate::nd6::dad::DadConfig;
use crate::nd6::nud::NudConfig;
use crate::ping::Pings;
use crate::protocols::ASK;
use crate::protocols::OVER;
use crate::protocols::PROTOCOLS;
use crate::queues::Registrar;
use crate::reassembly;
use crate::rooms::Rooms;
use crate::section::SectionSpec;
use crate::snapshot::Snapshot;
use crate::stack::Control;
use crate::stack::Shared;
use crate::stack::worker::Heard;
use crate::timer::Timers;
use crate::trace;

/// Bytes that a link's header may have: Ethernet's, and two VLAN tags.
const LINK_HEADER: u32 = 22;

/// How a stack is built.
pub struct StackConfig {
    /// Where packets live.
    pub pool: Pool,
    /// Workers, 1 to 1,024.
    pub workers: usize,
    /// Interfaces at a time, 1 to 65,536.
    pub interfaces: usize,
    /// Chance.
    pub seed: u64,
    /// What nobody may guess: temporary addresses are made with it. `None` makes one of the seed.
    pub secret: Option<[u8; 16]>,
    /// The facility's clock; it must be the one that the workers' turns are told.
    pub clock: Box<dyn Fn() -> Instant + Send + Sync>,
    /// What rouses sleeping workers; `None` if they never sleep.
    pub wake: Option<Arc<dyn Wake>>,
    /// Who is told of events.
    pub observer: Arc<dyn Observer>,
    /// Timers of neighbours on new interfaces.
    pub nud: NudConfig,
    /// Bounds of the neighbours of new interfaces.
    pub neighbors: NeighborLimits,
    /// Bounds of all neighbours together.
    pub neighbor_totals: NeighborTotals,
    /// Duplicate address detection on new interfaces.
    pub dad: DadConfig,
    /// Bounds of the stack as a whole.
    pub limits: Limits,
    /// Multicast listener discovery on new interfaces.
    pub mld: MldConfig,
    /// Conflict detection of IPv4 addresses.
    pub acd: AcdConfig,
    /// Packets of each type that wait for each worker.
    pub queue_limit: u32,
    /// Whether packets for others that are plain go by express: they do unless this says otherwise. Frames, events and counters
    /// are the same without.
    pub express: bool,
}

impl StackConfig {
    /// One worker, 256 interfaces, RFC timers, nobody told.
    pub fn new(pool: Pool, clock: impl Fn() -> Instant + Send + Sync + 'static) -> StackConfig {
        StackConfig {
            neighbor_totals: NeighborTotals::for_pool(pool.capacity()),
            pool,
            workers: 1,
            interfaces: 256,
            seed: 0,
            secret: None,
            clock: Box::new(clock),
            wake: None,
            observer: Arc::new(Deaf),
            nud: NudConfig::default(),
            neighbors: NeighborLimits::default(),
            dad: DadConfig::default(),
            limits: Limits::default(),
            mld: MldConfig::default(),
            acd: AcdConfig::default(),
            queue_limit: 4096,
            express: true,
        }
    }
}

/// The sections of a configuration that protocols have, whether there is a stack or not: what may be said in each.
pub fn sections() -> impl Iterator<Item = &'static SectionSpec> {
    PROTOCOLS.iter().filter_map(|protocol| protocol.section())
}

/// Why a stack was not built.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BuildError {
    /// A size is out of its range.
    #[error(transparent)]
    Netisr(#[from] siding_netisr::BuildError),
    /// A queue's limit is out of its range.
    #[error(transparent)]
    Register(#[from] RegisterError),
    /// No memory for the large buffers.
    #[error("large buffers: {0}")]
    Large(PoolError),
}

/// A closure is a clock.
struct FnClock(Arc<dyn Fn() -> Instant + Send + Sync>);

impl siding_netisr::Clock for FnClock {
    fn now(&self) -> Instant {
        (self.0)()
    }
}

impl Stack {
    /// Builds a stack without interfaces.
    ///
    /// # Errors
    ///
    /// A size is out of its range.
    pub fn new(config: StackConfig) -> Result<Stack, BuildError> {
        let clock: Arc<dyn Fn() -> Instant + Send + Sync> = config.clock.into();
        let builder = Netisr::builder()
            .workers(config.workers)
            .interfaces(config.interfaces)
            .clock(FnClock(clock.clone()));
        let netisr = match config.wake {
            Some(wake) => builder.wake(wake),
            None => builder,
        }
        .build()?;
        drops::settle(PROTOCOLS.iter().flat_map(|protocol| protocol.causes().iter().copied()));
        ifnet::settle(PROTOCOLS.iter().flat_map(|protocol| protocol.counters().iter().copied()));
        let mut registrar = Registrar::new(&netisr, config.queue_limit);
        PROTOCOLS.iter().try_for_each(|protocol| protocol.queues(&mut registrar))?;
        let queues = registrar.done();
        let large = match config.limits.large_buffers {
            0 => None,
            buffers => {
                // A super-frame comes in one of these with its link header, and gets another, as any frame.
                let headroom = config.pool.headroom() as u16;
                let size = LONGEST_PACKET + LINK_HEADER + u32::from(headroom);
                let shape = PoolConfig { buffers, size, headroom };
                Some(Pool::new(shape).map_err(BuildError::Large)?)
            }
        };
        let buffers = config.pool.capacity();
        let mut chance = Chance::new(config.seed);
        let mut hidden = Chance::new(config.seed ^ 0x5ec2_e75e_c2e7_5ec2);
        let secret = config.secret.unwrap_or_else(|| {
            (u128::from(hidden.next_u64()) << 64 | u128::from(hidden.next_u64())).to_be_bytes()
        });
        let mut rooms = Rooms::default();
        rooms.put(arp::Conflicts::new(config.acd));
        let flow_key = FlowKey([hidden.next_u64(), hidden.next_u64()]);
        let shared = Shared {
            workers: config.workers,
            room: queues.len() * config.queue_limit as usize,
            queues,
            config: Snapshot::new(Config::empty(config.express, flow_key)),
            control: Mutex::new(Control {
                dads: HashMap::new(),
                dad: config.dad,
                mld: config.mld,
                lost: HashMap::new(),
                rooms,
                chance: Chance::new(chance.next_u64()),
                secret,
            }),
            timers: Timers::new(config.workers),
            heard: Heard::new(config.workers),
            pings: Pings::new(),
            pool: config.pool,
            drops: Ledger::new(config.workers),
            observer: config.observer,
            seed: chance.next_u64(),
            nud: config.nud,
            neighbors: config.neighbors,
            neighbor_totals: config.neighbor_totals,
            neighbors_used: Arc::default(),
            interfaces: config.interfaces,
            large,
            fragments: reassembly::share(config.limits.reassembly, config.workers, buffers),
            reassembly: (0..config.workers).map(|_| Default::default()).collect(),
            paths: common::Paths::new(config.limits.path_mtus, chance.next_u64()),
            idents: common::Idents::new(chance.next_u64()),
            sends: common::Sends::new(clock(), &config.limits, chance.next_u64()),
            protocols: PROTOCOLS,
            over: &OVER,
            ask: &ASK,
            words: Words::default(),
            filter: filter::Shared::new(config.workers, chance.next_u64()),
            devices: siding_netisr::sync::Mutex::new((0..config.workers).map(|_| Vec::new()).collect()),
            steps: (0..config.workers).map(|_| Default::default()).collect(),
            frames: (0..config.workers).map(|_| Default::default()).collect(),
            trace: Arc::new(trace::Shared::new(clock.clone())),
            netisr,
            clock,
        };
        Ok(Stack { shared: Arc::new(shared) })
    }
}
