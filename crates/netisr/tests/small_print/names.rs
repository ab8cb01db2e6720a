//! Which interfaces a packet names, and how many.

use siding_netisr::Cause;
use siding_netisr::IfId;
use siding_netisr::Metadata;
use siding_netisr::Netisr;
use siding_netisr::TypeSpec;

use super::rig::Facility;
use super::rig::Frame;
use super::rig::Seen;
use super::rig::Spec;
use super::rig::outside;
use super::rig::poll;
use super::rig::register;
use super::rig::send;
use super::rig::settled;

struct Named(Vec<IfId>);

impl Metadata for Named {
    fn interfaces(&self, visit: &mut impl FnMut(IfId)) {
        self.0.iter().for_each(|id| visit(*id));
    }
}

#[test]
fn no_interface_is_not_counted_among_those_that_are_named() {
    let netisr: Facility = Netisr::builder().interfaces(9).build().unwrap();
    let kind = netisr
        .register(TypeSpec::new("test"), |_ctx, seen: &mut Seen, frame: Frame, _: Named| seen.0.push(frame.0))
        .unwrap();
    let ids: Vec<_> = (0..9).map(|_| netisr.attach().unwrap()).collect();
    let mut worker = settled(&netisr, 0);
    let meta = |count: usize| Named(ids[..count].iter().flat_map(|id| [*id, IfId::NONE]).collect());
    outside(|ctx| {
        assert!(kind.dispatch(ctx, Frame(1), meta(8)).is_ok(), "eight, and nothing eight times");
        let refused = kind.dispatch(ctx, Frame(2), meta(9)).unwrap_err();
        assert_eq!(refused.cause, Cause::TooManyInterfaces);
    });
    assert_eq!(poll(&mut worker, 64).0, [1]);
}

/// A lane knows interfaces by 64 bits: these two have one.
#[test]
fn two_that_are_known_by_one_bit_may_depart_at_once() {
    let netisr: Facility = Netisr::builder().interfaces(65).build().unwrap();
    let kind = register(&netisr, Spec::new("test"));
    let ids: Vec<_> = (0..65).map(|_| netisr.attach().unwrap()).collect();
    let mut worker = settled(&netisr, 0);
    for (number, id) in [(0, ids[0]), (1, ids[1]), (64, ids[64])] {
        send(&kind, number, id).unwrap();
    }
    let mut departures: Vec<_> =
        [ids[0], ids[64]].iter().map(|id| outside(|ctx| netisr.detach(ctx, *id)).unwrap()).collect();
    poll(&mut worker, 0);
    assert!(departures.iter_mut().all(|departure| departure.is_complete()));
    let total = netisr.types()[0].total();
    assert_eq!((total.departed, total.resident), (2, 1), "complete is complete");
    assert_eq!(poll(&mut worker, 64).0, [1]);
}

/// What is known of the interface that the last packet named says nothing of another.
#[test]
fn each_that_is_named_is_looked_at_before_the_handler_is_called() {
    let netisr: Facility = Netisr::builder().interfaces(2).build().unwrap();
    let (stays, goes) = (netisr.attach().unwrap(), netisr.attach().unwrap());
    let inside = netisr.clone();
    let kind = netisr
        .register(TypeSpec::new("test"), move |ctx, seen: &mut Seen, frame: Frame, _: Named| {
            seen.0.push(frame.0);
            if frame.0 == 2 {
                drop(inside.detach(ctx, goes).unwrap());
            }
        })
        .unwrap();
    let mut worker = settled(&netisr, 0);
    for number in 0..6 {
        let meta = Named(if number < 5 { vec![stays, goes] } else { vec![stays] });
        outside(|ctx| kind.dispatch(ctx, Frame(number), meta)).map_err(|refused| refused.cause).unwrap();
    }
    assert_eq!(poll(&mut worker, 64).0, [0, 1, 2, 5]);
    assert_eq!(netisr.types()[0].total().departed, 2);
}
