//! G9: a worker sleeps when it is idle, and is woken when it is not.

use std::sync::Arc;

use siding_netisr::Cause;
use siding_netisr::Overflow;
use siding_netisr::Wake;
use siding_netisr::Worker;

use crate::checker::sync::Condvar;
use crate::checker::sync::Mutex;
use crate::checker::thread;
use crate::rig::Frame;
use crate::rig::Interface;
use crate::rig::Own;
use crate::rig::Rig;
use crate::rig::Spec;
use crate::rig::outside;
use crate::rig::pick;

/// A bell that the checker sees: a worker that nobody wakes is a deadlock.
struct Bell {
    rung: Mutex<bool>,
    heard: Condvar,
}

impl Bell {
    fn new() -> Arc<Bell> {
        Arc::new(Bell { rung: Mutex::new(false), heard: Condvar::new() })
    }

    fn wait(&self) {
        let mut rung = self.rung.lock().expect("no panic");
        while !*rung {
            rung = self.heard.wait(rung).expect("no panic");
        }
        *rung = false;
    }
}

impl Wake for Bell {
    fn wake(&self, _worker: usize) {
        *self.rung.lock().expect("no panic") = true;
        self.heard.notify_one();
    }
}

/// Polls, and sleeps when idle, until `done`.
fn serve(
    worker: &mut Worker<Frame, Own>,
    own: &mut Own,
    bell: &Bell,
    mut done: impl FnMut(&Own, usize) -> bool,
) {
    let mut handled = 0;
    loop {
        let polled = worker.poll(own, 64);
        handled += polled.handled;
        if done(own, handled) {
            break;
        }
        if !polled.more && worker.prepare_sleep() {
            bell.wait();
            worker.awake();
        } else {
            // A producer stands between claiming and filling: no sleep, but no progress without it either.
            thread::yield_now();
        }
    }
}

/// So many producers on threads of their own, while the worker serves; the worker's thread dispatches `first` packets
/// as a stranger before it does.
fn producers(count: u32, each: u32, first: u32) {
    let bell = Bell::new();
    let rig = Rig::with(1, Spec::new("test").limit(16), bell.clone(), |_ctx| {});
    let worker = rig.worker();
    producers_of(rig, worker, &bell, (count, each, first));
}

fn producers_of(
    rig: Rig,
    mut worker: Worker<Frame, Own>,
    bell: &Bell,
    (count, each, first): (u32, u32, u32),
) {
    let producers: Vec<_> = (1..=count)
        .map(|producer| {
            let rig = rig.clone();
            thread::spawn(move || {
                outside(|ctx| {
                    (0..each)
                        .for_each(|number| rig.dispatch(ctx, producer * 10 + number, None).expect("room"));
                });
            })
        })
        .collect();
    outside(|ctx| (0..first).for_each(|number| rig.dispatch(ctx, number, None).expect("room")));
    let all = (count * each + first) as usize;
    serve(&mut worker, &mut Own::default(), bell, |_, handled| handled == all);
    producers.into_iter().for_each(|producer| producer.join().expect("no panic"));
    drop(worker);
    rig.finish();
}

/// One producer.
pub(crate) fn one() {
    producers(1, pick(1, 4), 0);
}

/// One producer, to a queue that was in use before.
pub(crate) fn quick() {
    let bell = Bell::new();
    let rig = Rig::with(1, Spec::new("test").limit(16), bell.clone(), |_ctx| {});
    let mut worker = rig.worker();
    rig.use_it(&mut worker);
    producers_of(rig, worker, &bell, (1, pick(1, 4), 0));
}

/// Two producers, of whom one may have claimed a slot before the other's and not filled it yet. The other has come
/// back from its dispatch when the worker looks.
pub(crate) fn two() {
    producers(1, pick(1, 3), pick(1, 3));
}

/// Two producers and the worker, all at a time.
pub(crate) fn two_apart() {
    producers(2, pick(1, 3), 0);
}

/// Producers take packets out of a full queue while its worker sleeps and wakes. The last packet is handled.
pub(crate) fn drop_oldest() {
    let bell = Bell::new();
    let spec = Spec::new("test").limit(pick(1, 2)).overflow(Overflow::DropOldest);
    let rig = Rig::with(1, spec, bell.clone(), |_ctx| {});
    let mut worker = rig.worker();
    let serving = rig.clone();
    let polling = thread::spawn(move || {
        serve(&mut worker, &mut Own::default(), &bell, |_, _| serving.handled().last() == Some(&99));
        drop(worker);
    });
    let producers: Vec<_> = (0..pick(1, 2))
        .map(|producer| {
            let rig = rig.clone();
            thread::spawn(move || {
                for number in producer * 10..producer * 10 + pick(1, 4) {
                    let result = outside(|ctx| rig.dispatch(ctx, number, None));
                    assert!(matches!(result, Ok(()) | Err(Cause::Full)), "{result:?}");
                }
            })
        })
        .collect();
    producers.into_iter().for_each(|producer| producer.join().expect("no panic"));
    // Refused only while the worker takes the oldest one out.
    while outside(|ctx| rig.dispatch(ctx, 99, None)).is_err() {
        thread::yield_now();
    }
    polling.join().expect("no panic");
    rig.finish();
}

/// Control's orders wake a sleeper too: the worker waits for a departure to reach its own state.
pub(crate) fn departure() {
    let bell = Bell::new();
    let rig = Rig::with(1, Spec::new("test").limit(4), bell.clone(), |_ctx| {});
    let interface: Interface = rig.attach();
    let mut worker = rig.worker();
    let mut own = Own::keeping(std::slice::from_ref(&interface));
    let control = rig.clone();
    let detaching = thread::spawn(move || {
        // Dropped before it is complete: it completes by itself.
        outside(|ctx| drop(control.netisr.detach(ctx, interface.id).expect("attached")));
    });
    serve(&mut worker, &mut own, &bell, |own, _| own.keeps.is_empty());
    detaching.join().expect("no panic");
    drop(worker);
    rig.finish();
}
