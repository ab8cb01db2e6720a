//! G1 to G4: the promises that need no race to be broken, and those of the slot.

use std::sync::Arc;

use siding_lockorder::AlreadyEntered;
use siding_lockorder::Root;
use siding_lockorder::RwLock;
use siding_lockorder::rank;
use siding_netisr::Cause;
use siding_netisr::NoWake;
use siding_netisr::sync::mutant;

use crate::checker::sync::Mutex;
use crate::checker::sync::atomic::AtomicU32;
use crate::checker::sync::atomic::Ordering;
use crate::checker::thread;
use crate::rig::LONG;
use crate::rig::Own;
use crate::rig::Rig;
use crate::rig::Spec;
use crate::rig::outside;
use crate::rig::pick;

/// A failover announces under the lagg's lock, which the transmit path takes too. There is room for one packet.
///
/// The lock is a plain one: with a ranked one the mutant, which sends inline, does not compile.
pub(crate) fn dispatch_under_a_lock() {
    let lagg = Arc::new(Mutex::new(0));
    let transmit = {
        let lagg = lagg.clone();
        move || *lagg.lock().expect("no panic") += 1
    };
    let inline = transmit.clone();
    let rig = Rig::with(1, Spec::new("announce").limit(1), Arc::new(NoWake), move |_ctx| transmit());
    let failover = rig.clone();
    let control = thread::spawn(move || {
        let primary = lagg.lock().expect("no panic");
        for number in 0..pick(2, 3) {
            if mutant("announcement-sent-inline") {
                inline();
            }
            let result = outside(|ctx| failover.dispatch(ctx, number, None));
            assert!(matches!(result, Ok(()) | Err(Cause::Full)), "{result:?}");
        }
        drop(primary);
    });
    let mut worker = rig.worker();
    worker.poll(&mut Own::default(), 64);
    drop(worker);
    control.join().expect("no panic");
    rig.finish();
}

rank!(Told after Unlocked);

/// One thread changes two words under the ranked lock for many who look, while others look: whoever looks sees both as one.
/// The words are relaxed, so it is the lock alone that orders them.
pub(crate) fn read_write() {
    let both = Arc::new(RwLock::<Told, _>::new([AtomicU32::new(0), AtomicU32::new(0)]));
    let look = |both: &RwLock<Told, [AtomicU32; 2]>| {
        outside(|ctx| {
            let (words, _ctx) = ctx.read(both);
            let [one, other] = [0, 1].map(|word| words[word].load(Ordering::Relaxed));
            assert_eq!(one, other, "half a change was seen");
            one
        })
    };
    let changed = both.clone();
    let writer = thread::spawn(move || {
        let change =
            |words: &[AtomicU32; 2]| words.iter().for_each(|word| _ = word.fetch_add(1, Ordering::Relaxed));
        for _ in 0..pick(1, 2) {
            outside(|ctx| match mutant("changed-under-a-look") {
                true => change(&ctx.read(&changed).0),
                false => change(&ctx.write(&changed).0),
            });
        }
    });
    let readers: Vec<_> = (0..pick(1, 2))
        .map(|_| {
            let both = both.clone();
            thread::spawn(move || {
                let first = look(&both);
                // Who only tries is refused, or sees as much.
                let second = outside(|ctx| {
                    Some(ctx.try_read(&both)?.0.each_ref().map(|word| word.load(Ordering::Relaxed)))
                });
                assert!(
                    second.is_none_or(|[one, other]| one == other && one >= first),
                    "{second:?} after {first}"
                );
            })
        })
        .collect();
    look(&both);
    writer.join().expect("no panic");
    readers.into_iter().for_each(|reader| reader.join().expect("no panic"));
    assert_eq!(look(&both), pick(1, 2));
}

/// A handler may not forge a token.
pub(crate) fn second_root() {
    let rig = Rig::with(1, Spec::new("forger"), Arc::new(NoWake), |_ctx| {
        assert_eq!(Root::new().enter().map(drop), Err(AlreadyEntered), "a handler has forged a token");
    });
    let sending = rig.clone();
    let producer = thread::spawn(move || outside(|ctx| sending.dispatch(ctx, 1, None)).expect("room"));
    let mut worker = rig.worker();
    worker.poll(&mut Own::default(), 64);
    drop(worker);
    producer.join().expect("no panic");
    rig.finish();
}

/// Two producers hand over batches at a time. Each packet keeps its own metadata; what does not fit stays behind.
pub(crate) fn batches() {
    let rig = Rig::new(Spec::new("test").limit(pick(2, 5)));
    let producers: Vec<_> = [0, 10]
        .map(|first| {
            let rig = rig.clone();
            thread::spawn(move || {
                let numbers = first..first + pick(2, 4);
                let mut batch: Vec<_> = numbers.map(|number| Some(rig.packet(number, None))).collect();
                let accepted = outside(|ctx| rig.kind.dispatch_batch(ctx, &mut batch));
                assert_eq!(batch.iter().filter(|entry| entry.is_none()).count(), accepted);
                rig.note_accepted(accepted as u64);
            })
        })
        .into_iter()
        .collect();
    let mut worker = rig.worker();
    worker.poll(&mut Own::default(), 1);
    drop(worker);
    producers.into_iter().for_each(|producer| producer.join().expect("no panic"));
    rig.finish();
}

/// One producer has its packets made in their places, and has announced more than it makes; another one dispatches beside
/// it, and the worker polls. What was announced and not made is nobody's packet, and takes up no room for good.
pub(crate) fn made_in_place() {
    let rig = Rig::new(Spec::new("test").limit(2));
    let (making, sending) = (rig.clone(), rig.clone());
    let maker = thread::spawn(move || {
        let result = outside(|ctx| making.dispatch_from(ctx, 7, None, (1, 2)));
        assert!(matches!(result, Ok(1) | Err(Cause::Full)), "{result:?}");
    });
    let sender = thread::spawn(move || {
        for number in 0..pick(1, 2) {
            let result = outside(|ctx| sending.dispatch(ctx, number, None));
            assert!(matches!(result, Ok(()) | Err(Cause::Full)), "{result:?}");
        }
    });
    let mut worker = rig.worker();
    worker.poll(&mut Own::default(), 1);
    [maker, sender].into_iter().for_each(|producer| producer.join().expect("no panic"));
    worker.poll(&mut Own::default(), 64);
    assert_eq!(outside(|ctx| rig.dispatch_from(ctx, 8, None, (2, 2))), Ok(2), "all of it is free again");
    drop(worker);
    rig.finish();
}

/// A handler reads what the packet was sent with, not what has become of it since: the metadata is a copy.
pub(crate) fn captured() {
    let address = Arc::new(AtomicU32::new(1));
    let late = address.clone();
    let rig = Rig::with(1, Spec::new("test"), Arc::new(NoWake), |_ctx| {});
    let sending = rig.clone();
    let control = thread::spawn(move || {
        let number = address.load(Ordering::Relaxed);
        outside(|ctx| sending.dispatch(ctx, number, None)).expect("room");
        address.store(2, Ordering::Relaxed);
    });
    let mut worker = rig.worker();
    worker.poll(&mut Own::default(), 64);
    drop(worker);
    control.join().expect("no panic");
    let meant = rig.handled().first().copied();
    let read =
        if mutant("metadata-captured-late") { meant.map(|_| late.load(Ordering::Relaxed)) } else { meant };
    assert!(matches!(read, None | Some(1)), "the handler reads a state of later: {read:?}");
    rig.finish();
}

/// Everybody goes away while packets wait.
pub(crate) fn left_behind() {
    let rig = Rig::new(Spec::new("test").limit(3));
    let producers = [1, 2].map(|number| {
        let rig = rig.clone();
        thread::spawn(move || outside(|ctx| rig.dispatch(ctx, number, None)).expect("room"))
    });
    producers.into_iter().for_each(|producer| producer.join().expect("no panic"));
    rig.abandon();
}

/// An identity outlives its interface, whose slot has a newcomer.
pub(crate) fn stale_identity() {
    let rig = Rig::new(Spec::new("test").limit(4));
    let _elsewhere = rig.attach();
    let old = rig.attach();
    let (late, named) = (rig.clone(), old.clone());
    let producer = thread::spawn(move || {
        let result = outside(|ctx| late.dispatch(ctx, 1, Some(&named)));
        assert!(matches!(result, Ok(()) | Err(Cause::Departed)), "{result:?}");
    });
    outside(|ctx| {
        let mut departure = rig.netisr.detach(ctx, old.id).expect("attached until now");
        departure.wait(ctx, LONG).expect("a wait without a time limit");
        old.resource.tear_down();
        let newcomer = rig.attach();
        assert_eq!(newcomer.id.slot(), old.id.slot());
        assert_eq!(rig.dispatch(ctx, 2, Some(&old)), Err(Cause::Departed), "the newcomer gets the old one's");
        assert_eq!(rig.dispatch(ctx, 3, Some(&newcomer)), Ok(()));
    });
    producer.join().expect("no panic");
    rig.finish();
}
