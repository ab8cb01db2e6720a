//! A facility of its own for each node's sake: types come and go under load, with interfaces departing.

use siding_lockorder::Root;
use siding_netisr::IfId;
use siding_netisr::Local;
use siding_netisr::Netisr;
use siding_netisr::NoClock;
use siding_netisr::Overflow;
use siding_netisr::Packet;
use siding_netisr::PacketType;
use siding_netisr::Pending;
use siding_netisr::TypeSpec;
use siding_netisr::Unregistering;
use siding_netisr::Worker;
use siding_stack::Chance;

/// A packet that is only a number.
struct Number(u64);

impl Packet for Number {
    fn interfaces(&self, _visit: &mut impl FnMut(IfId)) {}
}

/// What each handler has seen.
#[derive(Default)]
struct Seen {
    last: u64,
    gone: Vec<IfId>,
    wrong: Option<String>,
}

impl Local for Seen {
    fn depart(&mut self, _stays: &dyn Fn(IfId) -> bool) {}
}

/// Registers, dispatches, detaches and unregisters at random, and checks what must hold.
pub(crate) struct Exercise {
    netisr: Netisr<Number, Seen>,
    worker: Worker<Number, Seen>,
    seen: Seen,
    kind: Option<PacketType<Number, IfId, Seen>>,
    leaving: Option<Unregistering<Number, Seen>>,
    interfaces: Vec<IfId>,
    registered: u64,
    next: u64,
}

impl Exercise {
    pub(crate) fn new() -> Option<Exercise> {
        let netisr = Netisr::builder().interfaces(4).clock(NoClock).build().ok()?;
        let worker = netisr.worker(0)?;
        Some(Exercise {
            netisr,
            worker,
            seen: Seen::default(),
            kind: None,
            leaving: None,
            interfaces: Vec::new(),
            registered: 0,
            next: 1,
        })
    }

    /// Does one thing.
    pub(crate) fn step(&mut self, chance: &mut Chance) {
        match chance.next_u64() % 8 {
            0 => self.register(chance),
            1 => self.unregister(chance),
            2 => self.interfaces.extend(self.netisr.attach()),
            3 => self.detach(chance),
            4 => {
                self.worker.poll(&mut self.seen, (chance.next_u64() % 5) as usize);
            }
            _ => self.dispatch(chance),
        }
        if let Some(leaving) = &mut self.leaving
            && leaving.is_complete()
        {
            self.leaving = None;
        }
    }

    /// Lets everything come to rest, and tells what is wrong, if anything.
    pub(crate) fn finish(mut self) -> Result<(), String> {
        for _ in 0..4 {
            while self.worker.poll(&mut self.seen, 64).more {}
            if let Some(leaving) = &mut self.leaving {
                leaving.is_complete();
            }
        }
        if let Some(wrong) = self.seen.wrong {
            return Err(wrong);
        }
        self.netisr.check_conservation().map_err(|error| error.to_string())
    }

    fn register(&mut self, chance: &mut Chance) {
        if self.kind.is_some() || self.leaving.is_some() {
            return;
        }
        let overflow =
            if chance.next_u64().is_multiple_of(2) { Overflow::DropOldest } else { Overflow::RefuseNewest };
        let spec = TypeSpec::new("number").limit(1 + (chance.next_u64() % 8) as u32).overflow(overflow);
        self.registered += 1;
        let kind = self.netisr.register(spec, |_ctx, seen: &mut Seen, number: Number, meta: IfId| {
            if number.0 <= seen.last {
                seen.wrong = Some(format!("number {} was handled after {}", number.0, seen.last));
            }
            if seen.gone.contains(&meta) {
                seen.wrong = Some(format!("number {} was handled for {meta}, which had gone", number.0));
            }
            seen.last = number.0;
        });
        self.kind = kind.ok();
    }

    fn unregister(&mut self, chance: &mut Chance) {
        let Some(kind) = self.kind.take() else { return };
        let pending = if chance.next_u64().is_multiple_of(2) { Pending::Drain } else { Pending::Flush };
        let netisr = self.netisr.clone();
        self.leaving = self.worker.with_ctx(|ctx| netisr.unregister(ctx, &kind, pending)).ok();
    }

    fn detach(&mut self, chance: &mut Chance) {
        if self.interfaces.is_empty() {
            return;
        }
        let at = (chance.next_u64() % self.interfaces.len() as u64) as usize;
        let id = self.interfaces.swap_remove(at);
        let mut root = Root::new();
        let departure = match root.enter() {
            Ok(mut entered) => self.netisr.detach(&entered.ctx(), id),
            Err(_) => return,
        };
        if let Ok(mut departure) = departure {
            self.worker.poll(&mut self.seen, 0);
            if departure.is_complete() {
                self.seen.gone.push(id);
            } else {
                self.seen.wrong =
                    Some(format!("the worker came by, but the departure of {id} is not complete"));
            }
        }
    }

    fn dispatch(&mut self, chance: &mut Chance) {
        let Some(kind) = &self.kind else { return };
        let id = match self.interfaces.len() as u64 {
            0 => IfId::NONE,
            n => self.interfaces[(chance.next_u64() % n) as usize],
        };
        let number = Number(self.next);
        self.next += 1;
        // A refusal is an answer; the counters know.
        let _ = self.worker.with_ctx(|ctx| kind.dispatch(ctx, number, id));
    }
}
