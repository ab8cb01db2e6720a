//! Our own stack on the chosen wire, from the first attachment to the last.
//!
//! # Teardown
//!
//! [`Scene::close`]: the last interface has been detached, workers stop, the conservation identity is checked,
//! the stack goes, and then every buffer must be in the pool.

use std::net::Ipv6Addr;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering;
use std::sync::mpsc;
use std::sync::mpsc::Receiver;
use std::time::Duration;
use std::time::Instant;
use std::time::SystemTime;

use anyhow::Context;
use siding_drivers::PcapFile;
use siding_drivers::PcapInterface;
use siding_drivers::PcapTap;
use siding_drivers::Tap;
use siding_lockorder::Ctx;
use siding_lockorder::Unlocked;
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
use siding_stack::nd6::dad::DadConfig;
use siding_stack::nd6::nud::NudConfig;

use super::echo::with_ctx;
use super::given::DETACH_TIMEOUT;
use super::given::OURS;
use super::given::PEER;
use super::given::PREFIX_LEN;
use super::given::SILENT;
use super::options::Options;
use super::outcome::Remains;
use super::place::Home;
use super::place::Lent;
use super::place::Place;
use super::watch::Watch;

/// RFC 4861's timers are made for patience; a demonstration has none. The proportions are kept where they matter:
/// a probe has time to be answered even on a busy machine.
pub(super) const NUD: NudConfig = NudConfig {
    retrans_timer: Duration::from_millis(200),
    reachable_time: Duration::from_millis(400),
    delay_first_probe: Duration::from_millis(150),
    max_multicast_solicit: 3,
    max_unicast_solicit: 3,
    refused_retry: Duration::from_millis(50),
    unreachable: None,
};

/// Enough for a thousand held packets, their solicitations and a flood at one time.
const POOL: PoolConfig = PoolConfig { buffers: 8192, size: 2048, headroom: 128 };

const INTERFACE: &str = "siding0";

/// A stack of ours, its workers, and the wire.
pub(super) struct Scene {
    pub(super) place: Box<dyn Place>,
    pub(super) stack: Stack,
    pub(super) watch: Arc<Watch>,
    runtime: Runtime,
    pool: Pool,
    pcap: Option<(PcapFile, PcapInterface)>,
    home: Home,
    at_home: Receiver<(usize, Box<dyn Device>)>,
}

/// An interface that is attached.
pub(super) struct Attached {
    pub(super) id: IfId,
    /// Its detach has returned: no frame may pass any more.
    gone: Arc<AtomicBool>,
}

impl Scene {
    /// Builds the stack and starts its workers, which `wake` rouses.
    ///
    /// # Errors
    ///
    /// The system has no memory, threads or descriptors left, or the capture cannot be written.
    pub(super) fn new(
        place: Box<dyn Place>,
        wake: Arc<EventWake>,
        options: &Options,
    ) -> anyhow::Result<Scene> {
        let pcap = match &options.pcap {
            Some(path) => {
                let pcap =
                    PcapFile::open(path).with_context(|| format!("cannot write {}", path.display()))?;
                let interface = pcap.interface(INTERFACE)?;
                Some((pcap, interface))
            }
            None => None,
        };
        let pool = Pool::new(POOL)?;
        let watch = Arc::new(Watch::new(PEER, SILENT));
        let mut config = StackConfig::new(pool.clone(), runtime::clock());
        config.workers = place.workers();
        config.wake = Some(wake.clone());
        config.observer = watch.clone();
        config.nud = NUD;
        config.dad = DadConfig { retrans_timer: Duration::from_millis(200), ..DadConfig::default() };
        config.seed = SystemTime::UNIX_EPOCH.elapsed().map_or(0, |since| since.as_nanos() as u64);
        let stack = Stack::new(config)?;
        let runtime = Runtime::start(&stack, wake, RuntimeConfig::default())?;
        let (home, at_home) = mpsc::channel();
        Ok(Scene { place, stack, watch, runtime, pool, pcap, home, at_home })
    }

    /// Attaches the wire by devices that were opened for it. With `keep` they come [home](Self::returned) when the
    /// interface is detached, else they are closed by the worker that has them.
    ///
    /// # Errors
    ///
    /// The stack refuses.
    pub(super) fn attach(
        &self,
        ctx: &mut Ctx<'_, Unlocked>,
        devices: Vec<Box<dyn Device>>,
        keep: bool,
    ) -> anyhow::Result<Attached> {
        let gone = Arc::new(AtomicBool::new(false));
        let devices = devices.into_iter().enumerate().map(|(worker, device)| {
            let lent = Lent::new(device, worker, keep.then(|| self.home.clone()));
            let (watch, gone) = (self.watch.clone(), gone.clone());
            let look = move |direction, frame: &[u8]| watch.frame(direction, frame, &gone);
            match &self.pcap {
                Some((_, interface)) => {
                    let captured = PcapTap::new(lent, interface.clone(), nanoseconds);
                    Box::new(Tap::new(captured, look)) as Box<dyn Device>
                }
                None => Box::new(Tap::new(lent, look)),
            }
        });
        let devices = devices.collect();
        let spec = InterfaceSpec { name: INTERFACE.to_owned(), mac: self.place.mac(), mtu: 1500 };
        let id = self.stack.attach(ctx, spec, devices)?;
        Ok(Attached { id, gone })
    }

    /// Gives the interface our address, looking for a duplicate or not.
    ///
    /// # Errors
    ///
    /// The stack refuses.
    pub(super) fn add_address(
        &self,
        ctx: &mut Ctx<'_, Unlocked>,
        on: &Attached,
        addr: Ipv6Addr,
        detect: bool,
    ) -> anyhow::Result<()> {
        Ok(self.stack.add_address(ctx, on.id, addr.into(), PREFIX_LEN, detect)?)
    }

    /// Detaches an interface, and says how long that took, from the call until nothing of it is left.
    ///
    /// # Errors
    ///
    /// It takes longer than [`DETACH_TIMEOUT`]: who is in the way.
    pub(super) fn detach(
        &self,
        ctx: &mut Ctx<'_, Unlocked>,
        attached: &Attached,
    ) -> anyhow::Result<Duration> {
        let begin = Instant::now();
        let mut detached = self.stack.detach(ctx, attached.id)?;
        detached.wait(ctx, DETACH_TIMEOUT)?;
        let took = begin.elapsed();
        // From here on the wire is watched for what must not come.
        attached.gone.store(true, Ordering::SeqCst);
        Ok(took)
    }

    /// The devices of an interface that has been detached, in order of workers.
    ///
    /// # Errors
    ///
    /// One has not come back: the detach returned and somebody still holds it.
    pub(super) fn returned(&self) -> anyhow::Result<Vec<Box<dyn Device>>> {
        let mut devices = Vec::new();
        for _ in 0..self.place.workers() {
            let device = self.at_home.try_recv();
            devices.push(device.context("a detach returned, and a worker still holds the device")?);
        }
        devices.sort_by_key(|(worker, _)| *worker);
        Ok(devices.into_iter().map(|(_, device)| device).collect())
    }

    /// Ends everything, and says what was found.
    pub(super) fn close(self) -> Remains {
        let Scene { place, stack, runtime, pool, pcap, home: _home, at_home, .. } = self;
        let mut remains = Remains { buffers: pool.capacity(), ..Remains::default() };
        remains.panic = runtime.stop().err().map(|error| error.to_string());
        remains.imbalance = stack.check_conservation().err().map(|error| error.to_string());
        remains.types = stack.netisr_types();
        drop(stack);
        drop(at_home);
        let closed = place.close().err().map(|error| format!("{error:#}"));
        remains.left_behind = closed.into_iter().collect();
        remains.uncaptured = pcap.and_then(|(pcap, _)| pcap.flush().err()).map(|error| error.to_string());
        remains.missing = pool.live();
        remains.refused = pool.refused();
        remains
    }

    /// Whether a worker has ended although nobody stopped it.
    pub(super) fn has_failed(&self) -> bool {
        self.runtime.has_failed()
    }

    /// Neighbours that the stack knows now; each of those that are being resolved has a timer.
    pub(super) fn neighbors(&self, ctx: &mut Ctx<'_, Unlocked>) -> usize {
        self.stack.interfaces(ctx).iter().map(|interface| interface.neighbors).sum()
    }

    /// Forgets whom we know on an interface.
    ///
    /// # Errors
    ///
    /// This thread has a token already.
    pub(super) fn forget(&self, on: &Attached) -> anyhow::Result<usize> {
        Ok(with_ctx(|ctx| self.stack.flush_neighbors(ctx, on.id, |_| true))?)
    }

    /// Adds our addresses to a fresh interface, with duplicate address detection.
    ///
    /// # Errors
    ///
    /// The stack refuses.
    pub(super) fn add_addresses(&self, ctx: &mut Ctx<'_, Unlocked>, on: &Attached) -> anyhow::Result<()> {
        self.stack.add_link_local(ctx, on.id, true)?;
        self.add_address(ctx, on, OURS, true)
    }
}

/// Since 1970, for captures.
fn nanoseconds() -> u64 {
    SystemTime::UNIX_EPOCH.elapsed().map_or(0, |since| since.as_nanos() as u64)
}
