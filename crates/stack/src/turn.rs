//! One turn of a worker: receive, handle, time, send.

use std::os::fd::BorrowedFd;
use std::sync::Arc;
use std::time::Duration;

use siding_mbuf::Mbuf;
use siding_netisr::Instant;
use siding_netisr::Worker;
use siding_netisr::sync::mutant;

use crate::BATCH;
use crate::Stack;
use crate::event::Event;
use crate::express::Express;
use crate::hooks;
use crate::ifnet::Use;
use crate::mld;
use crate::nd6;
use crate::next::Next;
use crate::resume;
use crate::stack::Shared;
use crate::stack::worker::Local;
use crate::stack::worker::TimedStep;
use crate::walk::walk;
use crate::walk::walk_timed;

/// A worker that an embedder's loop drives: one [`turn`](Self::turn) after another.
pub struct StackWorker {
    worker: Worker<Mbuf, Local>,
    /// Both are large: boxed, they are moved with the worker at no cost, also on a small stack.
    local: Box<Local>,
    received: Vec<Mbuf>,
    /// Room for what is plain of a batch.
    express: Box<Express>,
    /// Since when timers are due that other workers' reading holds up.
    held_up: Option<Instant>,
    /// Turns in a row that left something of what was dispatched.
    left: usize,
    /// It has turned: what its predecessor has left in its queue of timers is its own.
    has_turned: bool,
}

/// What a turn did, and what is left.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Turn {
    /// Frames received.
    pub received: usize,
    /// Dispatched packets handled.
    pub handled: usize,
    /// Timers run.
    pub timers: usize,
    /// Whether work is left that can be done at once.
    pub more: bool,
    /// When the next timer is due; [`Instant::NEVER`] for never.
    pub next: Instant,
}

impl StackWorker {
    /// Packets that were dispatched, handled in one turn at the most.
    const BUDGET: usize = 256;

    /// How soon a worker looks again whether others have read what timers wait for. After that it calls them.
    const LOOK_AGAIN: Duration = Duration::from_millis(1);

    fn new(shared: &Arc<Shared>, index: usize, now: Instant) -> Option<StackWorker> {
        let worker = shared.netisr.worker(index)?;
        let local = Box::new(Local::new(shared.clone(), index, now));
        let (received, express) = (Vec::with_capacity(BATCH), Box::default());
        Some(StackWorker { worker, local, received, express, held_up: None, left: 0, has_turned: false })
    }

    /// Takes a batch from each interface, handles what was dispatched, runs the timers that are due at `now`, and sends
    /// what has come of it. A timer waits until all workers have read what had arrived by its deadline. A worker runs those that it has armed
    /// itself, those of control, and, when it has time, those of all.
    pub fn turn(&mut self, now: Instant) -> Turn {
        self.local.now = now;
        if !self.has_turned {
            self.begin();
        }
        match self.local.timed.begin() {
            false => self.turn_as::<false>(now),
            true => self.turn_timed(now),
        }
    }

    /// From now on others leave its timers to it. Not before: who has claimed the seat may be long in coming.
    #[cold]
    fn begin(&mut self) {
        self.has_turned = true;
        self.local.shared.timers.enter(self.local.index);
    }

    /// A turn that is timed: as code of its own, for each look at whether it is would cost other turns, or each packet, some
    /// instructions.
    #[cold]
    #[inline(never)]
    fn turn_timed(&mut self, now: Instant) -> Turn {
        self.turn_as::<true>(now)
    }

    #[inline(always)] // Two places call it, of which one is cold.
    fn turn_as<const TIMED: bool>(&mut self, now: Instant) -> Turn {
        self.local.refresh();
        self.local.trace.refresh();
        self.local.retry_filters();
        let mut received = self.receive_late::<TIMED>();
        for slot in 0..self.local.slots() {
            received += self.receive::<TIMED>(slot);
        }
        if TIMED {
            self.local.timed.enter_whole(TimedStep::Deferred);
        }
        let behind = self.local.note_read();
        let polled = self.worker.poll(&mut self.local, Self::BUDGET);
        self.left = if polled.more { self.left + 1 } else { 0 };
        if TIMED {
            self.local.timed.resume(polled.handled);
            self.local.timed.enter_whole(TimedStep::Timers);
        }
        // Who has time looks at what others have armed, too.
        let spare = !behind && !polled.more;
        let timers = self.timers(now, spare) + self.expire();
        if TIMED {
            self.local.timed.resume(timers);
        }
        self.first_hops();
        let filtering = hooks::turn(&mut self.local);
        let local = &mut self.local;
        let (again, taken) = self.worker.with_ctx(|ctx| {
            // Last, so that what timers have changed is followed before anybody sleeps.
            mld::follow(ctx, local);
            if TIMED {
                local.timed.back(TimedStep::Transmit);
            }
            local.flush(ctx)
        });
        if TIMED {
            self.local.timed.count(taken);
            self.local.timed.back(TimedStep::Other);
        }
        self.local.put_all_forwarded();
        if self.local.has_events() {
            for event in self.local.take_events() {
                self.local.shared.observer.event(&event);
            }
        }
        let Local { timed: times, shared, index, .. } = &mut *self.local;
        match TIMED {
            true => times.end(&shared.steps[*index], received + polled.handled),
            false => times.passed(received + polled.handled),
        }
        let more = behind || polled.more || filtering || timers >= BATCH || (again.is_some() && received > 0);
        let next = self.local.timers().next(spare).min(self.local.reassembly.deadline());
        let next = if self.held_up.is_some() { next.max(now + Self::LOOK_AGAIN) } else { next };
        let next = next.min(self.local.next_filter).min(self.local.filter.next());
        // A backlog waits for the wire to drain: a moment, not a wake-up.
        let next = again.map_or(next, |again| next.min(again));
        Turn { received, handled: polled.handled, timers, more, next }
    }

    /// Gets ready to sleep. True if nothing is pending: the caller may block until something that
    /// [`readable`](Self::readable) names is, the facility's [`Wake`](siding_netisr::Wake) is called, or the next
    /// timer is due; it calls [`awake`](Self::awake) afterwards.
    pub fn prepare_sleep(&mut self) -> bool {
        self.worker.prepare_sleep()
    }

    /// Ends a sleep.
    pub fn awake(&mut self) {
        self.worker.awake();
    }

    /// What to wait for: each interface's descriptor. False if an interface must be polled instead.
    pub fn readable<'a>(&'a self, into: &mut Vec<BorrowedFd<'a>>) -> bool {
        let mut all = true;
        for port in self.local.ports() {
            match port.readable() {
                Some(fd) => into.push(fd),
                None => all = false,
            }
        }
        all
    }

    /// The worker's number, from 0.
    pub fn index(&self) -> usize {
        self.worker.index()
    }

    /// Packets so far that have gone by express: plain ones, for others, a batch at a time. All others have gone by the way that
    /// can do everything, and fared no worse. Those of whoever had this seat before are among them.
    pub fn expressed(&self) -> u64 {
        self.local.shared.frames[self.local.index].report().expressed
    }

    /// Takes what was sent to ports that have just gone out of use, before what is sent to those in use now: so that
    /// the frames of a flow stay in order.
    fn receive_late<const TIMED: bool>(&mut self) -> usize {
        if self.local.config().late.is_empty() {
            return 0;
        }
        let (config, mut received) = (self.local.config().clone(), 0);
        for port in config.late.ports(self.local.heard) {
            // As many as a ring has: one that is filled as fast as it is emptied does not keep the others waiting.
            for _ in 0..64 {
                let got = self.receive::<TIMED>(port.slot());
                received += got;
                if got < BATCH {
                    break;
                }
            }
        }
        received
    }

    fn receive<const TIMED: bool>(&mut self, slot: usize) -> usize {
        let Some(id) = self.local.port(slot).map(|port| port.ifnet.id) else { return 0 };
        let local = &mut self.local;
        if TIMED {
            local.timed.back(TimedStep::Receive);
        }
        let got = match local.receive(slot, &mut self.received, BATCH) {
            Ok(got) => got,
            Err(error) => {
                local.tell(Event::DeviceError { interface: id, error: error.to_string() });
                self.received.len()
            }
        };
        if TIMED {
            local.timed.count(got);
        }
        if self.received.is_empty() {
            if TIMED {
                local.timed.back(TimedStep::Other);
            }
            return got;
        }
        let (received, express) = (&mut self.received, &mut self.express);
        if local.trace.is_on() {
            local.trace.batch(id, received);
        }
        let config = local.config().clone();
        self.worker.with_ctx(|ctx| {
            let Some(interface) = config.interface(id).filter(|interface| interface.is_fit(Use::Passage))
            else {
                for frame in received.drain(..) {
                    local.drop_on(id, frame, crate::drops::DropReason::InterfaceGone);
                }
                return;
            };
            let (all, mut walked) = (received.len() as u64, 0);
            let mut batch = express.begin(local, &config, interface, received);
            let mut frames = received.drain(..);
            while let Some(mut frame) = batch.next(ctx, local, &mut frames) {
                frame.set_rcvif(id);
                match TIMED {
                    true => walk_timed(ctx, local, &config, Next::Up(interface, frame)),
                    false => walk(ctx, local, &config, Next::Up(interface, frame)),
                }
                walked += 1;
            }
            batch.end(local);
            if TIMED {
                local.timed.count_at(TimedStep::Express, (all - walked) as usize);
            }
            local.shared.frames[local.index].add(all - walked, walked);
        });
        if TIMED {
            self.local.timed.back(TimedStep::Other);
        }
        got
    }

    #[inline(always)] // Two places call it, of which one is cold.
    fn timers(&mut self, now: Instant, all: bool) -> usize {
        if !self.may_decide(now, all) {
            return 0;
        }
        let local = &mut self.local;
        let heard = local.heard;
        self.worker.with_ctx(|ctx| {
            let mut run = 0;
            while run < BATCH {
                let Some(due) = local.timers().pop(ctx, heard, all) else { break };
                local.refresh();
                due.run(ctx, local);
                run += 1;
            }
            run
        })
    }

    /// Whether something is due for which nothing waits unread. If only other workers are behind, they are called: one
    /// that sleeps has nothing to read, as far as it knows, and says so when it has looked.
    #[inline(always)] // As above.
    fn may_decide(&mut self, now: Instant, all: bool) -> bool {
        let local = &mut self.local;
        let next = local.timers().next(all).min(local.reassembly.deadline());
        if next > now {
            self.held_up = None;
            return false;
        }
        local.heard = if mutant("decides-before-reading") { now } else { local.shared.heard.all().min(now) };
        if next <= local.heard {
            self.held_up = None;
            return true;
        }
        let since = *self.held_up.get_or_insert(now);
        if now.since(since) >= Self::LOOK_AGAIN {
            self.held_up = Some(now);
            local.shared.netisr.call_workers();
        }
        false
    }

    /// Has hosts choose their routers anew, if neighbours that these are have changed.
    #[inline(always)] // Two places call it, of which one is cold.
    fn first_hops(&mut self) {
        let local = &mut self.local;
        let changes = local.take_first_hops();
        if !changes.is_empty() {
            self.worker.with_ctx(|ctx| {
                for (interface, failed) in changes {
                    nd6::host::reachability(ctx, local, interface, failed);
                }
            });
        }
    }

    /// Gives up packets whose fragments did not all come.
    #[inline(always)] // Two places call it, of which one is cold.
    fn expire(&mut self) -> usize {
        // Fragments may come by way of another worker, which has dispatched them before it said that it has read them. In
        // so many turns all that can have waited has been handled.
        let most = self.local.shared.room / Self::BUDGET + 1;
        if self.local.reassembly.deadline() > self.local.heard || (1..most).contains(&self.left) {
            return 0;
        }
        let local = &mut self.local;
        self.worker.with_ctx(|ctx| resume::expire(ctx, local))
    }
}

impl Stack {
    /// Claims worker `index`, to be driven turn by turn. `None` if there is no such worker or it is taken.
    pub fn worker(&self, index: usize) -> Option<StackWorker> {
        StackWorker::new(&self.shared, index, self.now())
    }
}

impl Drop for StackWorker {
    fn drop(&mut self) {
        let (shared, index) = (&self.local.shared, self.worker.index());
        let leaves_some = shared.timers.leave(index);
        shared.heard.leave(index);
        // Those who sleep do so until what they knew of is due.
        if leaves_some && !mutant("leaver-calls-nobody") {
            shared.netisr.call_workers();
        }
    }
}

impl std::fmt::Debug for StackWorker {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("StackWorker").field("worker", &self.worker).finish_non_exhaustive()
    }
}

#[cfg(all(test, not(any(siding_loom, siding_shuttle))))]
mod timers;

#[cfg(all(test, not(any(siding_loom, siding_shuttle))))]
mod tests {
    use siding_lockorder::Ctx;
    use siding_lockorder::Root;
    use siding_lockorder::Unlocked;
    use siding_mbuf::Cache;
    use siding_mbuf::Pool;
    use siding_mbuf::PoolConfig;
    use siding_netisr::IfId;
    use siding_wire::Mac;

    use super::*;
    use crate::Device;
    use crate::InterfaceSpec;
    use crate::Sent;
    use crate::StackConfig;

    struct Nothing;

    impl Device for Nothing {
        fn receive(&mut self, _: &mut Cache, _: &mut Vec<Mbuf>, _: usize) -> std::io::Result<usize> {
            Ok(0)
        }

        fn transmit(&mut self, _: &mut Cache, frames: &mut Vec<Mbuf>) -> Sent {
            let sent = Sent::all(frames);
            frames.clear();
            sent
        }
    }

    fn control<O>(work: impl FnOnce(&mut Ctx<'_, Unlocked>) -> O) -> O {
        let mut root = Root::new();
        let mut entered = root.enter().expect("no other token on this thread");
        work(&mut entered.ctx())
    }

    /// Has one frame, again and again.
    struct Talks;

    impl Device for Talks {
        fn receive(&mut self, cache: &mut Cache, into: &mut Vec<Mbuf>, _: usize) -> std::io::Result<usize> {
            into.extend(cache.alloc());
            Ok(1)
        }

        fn transmit(&mut self, _: &mut Cache, _: &mut Vec<Mbuf>) -> Sent {
            Sent::default()
        }
    }

    #[test]
    fn what_comes_by_an_interface_that_is_down_is_on_its_account() {
        let now = Instant::from_nanos(1);
        let pool = Pool::new(PoolConfig::default()).unwrap();
        let stack = Stack::new(StackConfig::new(pool, move || now)).unwrap();
        let mut worker = stack.worker(0).unwrap();
        let id = control(|ctx| {
            let spec = InterfaceSpec { name: "em0".into(), mac: Mac([2, 0, 0, 0, 0, 1]), mtu: 1500 };
            let id = stack.attach(ctx, spec, vec![Box::new(Talks)]).unwrap();
            stack.set_up(ctx, id, false).unwrap();
            id
        });
        (0..3).for_each(|_| assert_eq!(worker.turn(now).received, 1));
        let config = stack.config();
        let drops = &config.interface(id).unwrap().ifnet.drops;
        let cause = crate::drops::DropReason::InterfaceGone;
        assert_eq!((drops.of(cause), stack.shared.drops.none().of(cause)), (3, 0));
    }

    #[test]
    fn g5_a_worker_forgets_the_neighbours_of_an_interface_that_departs() {
        let now = Instant::from_nanos(1);
        let pool = Pool::new(PoolConfig::default()).unwrap();
        let stack = Stack::new(StackConfig::new(pool, move || now)).unwrap();
        let mut worker = stack.worker(0).unwrap();
        let ids: Vec<IfId> = control(|ctx| {
            let ping = stack.open_ping(ctx).unwrap();
            let attach = |link: u8| {
                let spec =
                    InterfaceSpec { name: format!("em{link}"), mac: Mac([2, 0, 0, 0, 0, link]), mtu: 1500 };
                let id = stack.attach(ctx, spec, vec![Box::new(Nothing)]).unwrap();
                let addr =
                    |host| std::net::Ipv6Addr::new(0x2001, 0xdb8, link.into(), 0, 0, 0, 0, host).into();
                stack.add_address(ctx, id, addr(1), 64, false).unwrap();
                stack.add_neighbor(ctx, id, addr(2), Mac([2, 0, 0, 0, 1, link])).unwrap();
                stack.ping(ctx, &ping, addr(2), IfId::NONE, 1, b"").unwrap();
                id
            };
            [1, 2].map(attach).to_vec()
        });
        while worker.turn(now).handled > 0 {}
        assert_eq!(worker.local.direct.count(), 2);
        let mut detached = control(|ctx| stack.detach(ctx, ids[0])).unwrap();
        worker.turn(now);
        assert!(detached.is_complete());
        assert_eq!(
            worker.local.direct.count(),
            1,
            "the other interface's neighbour, and it alone, is remembered"
        );
    }
}
