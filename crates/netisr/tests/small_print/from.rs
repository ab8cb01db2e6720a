//! Packets of one metadata that are made where they wait.

use std::panic::AssertUnwindSafe;
use std::panic::catch_unwind;

use siding_netisr::Cause;
use siding_netisr::IfId;
use siding_netisr::Nameless;
use siding_netisr::Netisr;
use siding_netisr::Overflow;
use siding_netisr::Pending;

use super::rig::Facility;
use super::rig::Frame;
use super::rig::Kind;
use super::rig::Seen;
use super::rig::Spec;
use super::rig::outside;
use super::rig::poll;
use super::rig::register;
use super::rig::settled;

impl Nameless for Frame {}

fn facility(workers: usize) -> Facility {
    Netisr::builder().workers(workers).interfaces(4).build().unwrap()
}

/// What comes of so many packets from a thread that is no worker, and which of them are left.
fn send(kind: &Kind, id: IfId, numbers: std::ops::Range<u32>) -> (Result<usize, Cause>, Vec<u32>) {
    let mut packets = numbers.map(Frame);
    let outcome = outside(|ctx| kind.dispatch_from(ctx, &id, &mut packets));
    (outcome, packets.map(|frame| frame.0).collect())
}

#[test]
fn they_are_handled_in_order_and_those_without_room_are_not_made() {
    let netisr = facility(1);
    let (id, kind) = (netisr.attach().unwrap(), register(&netisr, Spec::new("from").limit(5)));
    let mut worker = settled(&netisr, 0);
    assert_eq!(send(&kind, id, 0..3), (Ok(3), vec![]));
    assert_eq!(send(&kind, id, 3..9), (Ok(2), vec![5, 6, 7, 8]));
    assert_eq!(send(&kind, id, 9..11), (Err(Cause::Full), vec![9, 10]));
    assert_eq!(send(&kind, id, 0..0), (Ok(0), vec![]), "nothing is nobody's refusal");
    assert_eq!(poll(&mut worker, 64).0, [0, 1, 2, 3, 4]);
    // The worker itself, too.
    let mut packets = (20..27).map(Frame);
    let own = worker.with_ctx(|ctx| kind.dispatch_from(ctx, &id, &mut packets));
    assert_eq!((own, packets.len()), (Ok(5), 2));
    assert_eq!(poll(&mut worker, 64).0, [20, 21, 22, 23, 24]);
    let (total, interface) = (netisr.types()[0].total(), netisr.interface(id));
    assert_eq!((total.accepted, total.refused.of(Cause::Full), total.high_water), (10, 8, 5));
    assert_eq!((interface.handled, interface.refused.of(Cause::Full)), (10, 8));
    netisr.check_conservation().unwrap();
}

#[test]
fn an_interface_that_goes_takes_them_along() {
    let netisr = facility(1);
    let (goes, stays) = (netisr.attach().unwrap(), netisr.attach().unwrap());
    let kind = register(&netisr, Spec::new("from"));
    let mut worker = settled(&netisr, 0);
    assert_eq!((send(&kind, goes, 0..3).0, send(&kind, stays, 3..5).0), (Ok(3), Ok(2)));
    let mut departure = outside(|ctx| netisr.detach(ctx, goes)).unwrap();
    assert_eq!(send(&kind, goes, 5..7), (Err(Cause::Departed), vec![5, 6]));
    let mut packets = (7..8).map(Frame);
    assert_eq!(worker.with_ctx(|ctx| kind.dispatch_from(ctx, &goes, &mut packets)), Err(Cause::Departed));
    assert_eq!(poll(&mut worker, 64).0, [3, 4]);
    assert!(departure.is_complete());
    let total = netisr.types()[0].total();
    assert_eq!((total.departed, total.refused.of(Cause::Departed), total.resident), (3, 3, 0));
    netisr.check_conservation().unwrap();
}

/// The mark comes while the first packet is made: those are on the ring before the line, and depart.
#[test]
fn a_mark_while_they_are_made_is_seen_by_the_sweep() {
    let netisr = facility(1);
    let (id, kind) = (netisr.attach().unwrap(), register(&netisr, Spec::new("from")));
    let mut worker = settled(&netisr, 0);
    let mut departure = None;
    let mut packets = (0..3).map(|number| {
        if number == 1 {
            let marks = || outside(|ctx| netisr.detach(ctx, id).unwrap());
            departure = std::thread::scope(|scope| Some(scope.spawn(marks).join().unwrap()));
            // The sweep waits for what is claimed and not there yet.
            let mut seen = Seen::default();
            std::thread::scope(|scope| scope.spawn(|| worker.poll(&mut seen, 64)).join().unwrap());
            assert!(!departure.as_mut().unwrap().is_complete() && seen.0.is_empty());
        }
        Frame(number)
    });
    assert_eq!(outside(|ctx| kind.dispatch_from(ctx, &id, &mut packets)), Ok(3));
    drop(packets);
    assert_eq!(poll(&mut worker, 64).0, [0; 0]);
    assert!(departure.unwrap().is_complete());
    assert_eq!(netisr.types()[0].total().departed, 3);
    netisr.check_conservation().unwrap();
}

#[test]
fn places_that_are_not_filled_are_nobodys() {
    let netisr = facility(1);
    let kind = register(&netisr, Spec::new("from").limit(8));
    let mut worker = settled(&netisr, 0);
    let mut packets = (0..6).map(|number| match number {
        2 => std::panic::resume_unwind(Box::new("made badly")),
        _ => Frame(number),
    });
    let sends = || outside(|ctx| kind.dispatch_from(ctx, &IfId::NONE, &mut packets));
    assert!(catch_unwind(AssertUnwindSafe(sends)).is_err());
    assert_eq!(poll(&mut worker, 64).0, [0, 1]);
    // One that says that it has more than it has.
    struct Short(usize);
    impl Iterator for Short {
        type Item = Frame;

        fn next(&mut self) -> Option<Frame> {
            self.0 = self.0.checked_sub(4)?;
            Some(Frame(9))
        }

        fn size_hint(&self) -> (usize, Option<usize>) {
            (self.0, Some(self.0))
        }
    }
    impl ExactSizeIterator for Short {}
    assert_eq!(outside(|ctx| kind.dispatch_from(ctx, &IfId::NONE, &mut Short(7))), Ok(1));
    assert_eq!(poll(&mut worker, 64).0, [9]);
    assert_eq!(send(&kind, IfId::NONE, 0..9).0, Ok(8), "all the room is there again");
    assert_eq!(poll(&mut worker, 64).0.len(), 8);
    netisr.check_conservation().unwrap();
}

#[test]
fn shares_and_the_oldest_are_kept_to() {
    let netisr = facility(1);
    let (one, other) = (netisr.attach().unwrap(), netisr.attach().unwrap());
    let shared = register(&netisr, Spec::new("shared").limit(5).share(2));
    let oldest = register(&netisr, Spec::new("oldest").limit(3).overflow(Overflow::DropOldest));
    let mut worker = settled(&netisr, 0);
    assert_eq!(send(&shared, one, 0..4), (Ok(2), vec![2, 3]));
    assert_eq!(send(&shared, one, 4..5), (Err(Cause::Share), vec![4]));
    assert_eq!(send(&shared, other, 5..7), (Ok(2), vec![]));
    assert_eq!(poll(&mut worker, 64).0, [0, 1, 5, 6]);
    assert_eq!(send(&oldest, one, 10..15), (Ok(5), vec![]));
    assert_eq!(poll(&mut worker, 64).0, [12, 13, 14]);
    assert_eq!(netisr.types()[0].total().refused.of(Cause::Share), 3);
    netisr.check_conservation().unwrap();
}

#[test]
fn they_go_where_one_by_one_they_would_go() {
    let netisr = facility(3);
    let ids: Vec<_> = (0..3).map(|_| netisr.attach().unwrap()).collect();
    let kinds = [
        register(&netisr, Spec::new("by interface")),
        register(&netisr, Spec::new("at one").at_worker(2)),
        register(&netisr, Spec::new("by key").flow_key(|frame, _| u64::from(frame.0))),
    ];
    let mut workers: Vec<_> = (0..3).map(|index| settled(&netisr, index)).collect();
    for kind in &kinds[..2] {
        for id in &ids {
            assert_eq!(send(kind, *id, 0..2).0, Ok(2));
            let together: Vec<_> = workers.iter_mut().map(|worker| poll(worker, 64).0).collect();
            outside(|ctx| (0..2).for_each(|number| kind.dispatch(ctx, Frame(number), *id).unwrap()));
            let apart: Vec<_> = workers.iter_mut().map(|worker| poll(worker, 64).0).collect();
            assert_eq!(together, apart);
        }
    }
    assert_eq!(send(&kinds[2], ids[0], 0..2), (Err(Cause::OtherFlow), vec![0, 1]));
    let leaving = outside(|ctx| netisr.unregister(ctx, &kinds[0], Pending::Drain)).unwrap();
    assert_eq!(send(&kinds[0], ids[0], 0..2), (Err(Cause::Closed), vec![0, 1]));
    drop(leaving);
}
