//! The crash of the design: a neighbour's timer sends while its interface is detached.
//!
//! A model of the stack in miniature round the shipped facility. The old orders are kept as mutants.

use std::sync::Arc;

use siding_lockorder::Mutex;
use siding_lockorder::rank;
use siding_netisr::NoWake;
use siding_netisr::sync::mutant;

use crate::checker::sync;
use crate::checker::thread;
use crate::rig::Interface;
use crate::rig::LONG;
use crate::rig::Own;
use crate::rig::Rig;
use crate::rig::Spec;
use crate::rig::outside;
use crate::rig::pick;

rank!(Entry after Unlocked);

struct Neighbour {
    tries: u32,
    purged: bool,
}

/// What `ifp->if_addr` points at, until it does not.
struct IfAddr(sync::Mutex<Option<[u8; 6]>>);

impl IfAddr {
    fn read(&self) -> [u8; 6] {
        self.0.lock().expect("no panic").expect("if_addr is read after if_detach() has cleared it")
    }
}

pub(crate) fn crash() {
    let if_addr = Arc::new(IfAddr(sync::Mutex::new(Some([2, 0, 0, 0, 0, 1]))));
    let entry = Arc::new(Mutex::<Entry, _>::new(Neighbour { tries: 3, purged: false }));
    let mac = if_addr.clone();
    let rig = Rig::with(1, Spec::new("nd6 output"), Arc::new(NoWake), move |_ctx| _ = mac.read());
    let interface = rig.attach();
    let timer = {
        let (rig, interface, entry, if_addr) =
            (rig.clone(), interface.clone(), entry.clone(), if_addr.clone());
        thread::spawn(move || {
            (0..pick(1, 3)).for_each(|number| fire(number, &rig, &interface, &entry, &if_addr))
        })
    };
    let mut worker = rig.worker();
    let polling =
        thread::spawn(move || (0..pick(1, 3)).for_each(|_| _ = worker.poll(&mut Own::default(), 64)));
    let purge = || {
        outside(|ctx| ctx.lock(&entry).0.purged = true);
        *if_addr.0.lock().expect("no panic") = None;
    };
    if mutant("purge-before-mark") {
        purge();
    }
    outside(|ctx| {
        let mut departure = rig.netisr.detach(ctx, interface.id).expect("attached until now");
        departure.wait(ctx, LONG).expect("a wait without a time limit");
    });
    purge();
    timer.join().expect("no panic");
    polling.join().expect("no panic");
    rig.finish();
}

/// The neighbour's timer: solicits once more.
fn fire(number: u32, rig: &Rig, interface: &Interface, entry: &Mutex<Entry, Neighbour>, if_addr: &IfAddr) {
    outside(|ctx| {
        if mutant("timer-drops-the-lock-to-send") {
            let purged = ctx.lock(entry).0.purged;
            if !purged {
                let _mac = if_addr.read(); // nd6_ns_output(), step 5.
            }
            return;
        }
        // The entry's lock is held throughout: the state moves with its solicitation, or not at all.
        let (mut neighbour, ctx) = ctx.lock(entry);
        if !neighbour.purged && rig.dispatch(&ctx, number, Some(interface)).is_ok() {
            neighbour.tries -= 1;
        }
    });
}
