//! What is said to people: names, reasons, and how things show in a log.

use std::collections::HashSet;
use std::time::Duration;

use siding_netisr::BuildError;
use siding_netisr::Cause;
use siding_netisr::DetachError;
use siding_netisr::IfId;
use siding_netisr::Imbalance;
use siding_netisr::LaneReport;
use siding_netisr::Netisr;
use siding_netisr::Overflow;
use siding_netisr::Pending;
use siding_netisr::RegisterError;
use siding_netisr::StillHeld;

use super::rig::Facility;
use super::rig::Frame;
use super::rig::Seen;
use super::rig::Spec;
use super::rig::outside;
use super::rig::register;

fn facility() -> Facility {
    Netisr::builder().workers(2).interfaces(4).build().unwrap()
}

#[test]
fn causes_have_names_and_reasons() {
    assert_eq!((Cause::Departed.name(), Cause::Full.name()), ("departed", "full"));
    assert_eq!((Cause::Share.name(), Cause::Closed.name()), ("share", "closed"));
    assert_eq!(Cause::TooManyInterfaces.name(), "too-many-interfaces");
    assert!(Cause::Full.to_string().contains("limit") && Cause::Departed.to_string().contains("departing"));
    let different =
        |said: &dyn Fn(Cause) -> String| Cause::ALL.map(said).iter().collect::<HashSet<_>>().len();
    assert_eq!(different(&|cause| cause.name().to_string()), Cause::ALL.len());
    assert_eq!(different(&|cause| cause.to_string()), Cause::ALL.len());
}

#[test]
fn identities_show_their_slot_and_how_often_it_was_used() {
    let netisr = facility();
    let ids = [netisr.attach().unwrap(), netisr.attach().unwrap()];
    assert_eq!(ids.map(IfId::slot), [0, 1]);
    assert_eq!(ids.map(|id| id.to_string()), ["0.1", "1.1"]);
    assert_eq!(ids.map(|id| format!("{id:?}")), ["if0.1", "if1.1"]);
    assert_eq!(ids.map(IfId::generation), [1, 1]);
    assert_eq!(ids.map(IfId::as_u64), [1 << 16, 1 << 16 | 1]);
    assert_eq!((IfId::NONE.to_string(), IfId::NONE.as_u64()), ("none".to_string(), 0));
    assert!(IfId::NONE.is_none() && !ids[0].is_none());
}

#[test]
fn errors_say_what_is_wrong() {
    let said = [
        (RegisterError::NoName.to_string(), "name"),
        (RegisterError::DuplicateName("nd6".into()).to_string(), "'nd6'"),
        (RegisterError::ZeroLimit.to_string(), "at least 1"),
        (RegisterError::LimitTooLarge(40_000).to_string(), "40000"),
        (RegisterError::ZeroShare.to_string(), "share"),
        (RegisterError::TooManyTypes.to_string(), "62"),
        (BuildError::Workers(0).to_string(), "0 workers"),
        (BuildError::Interfaces(70_000).to_string(), "70000 interfaces"),
        (BuildError::NoClock.to_string(), "clock"),
        (DetachError::NotAttached(IfId::NONE).to_string(), "none"),
        (StillHeld { holders: Vec::new() }.to_string(), "let go"),
        (StillHeld { holders: vec!["a".into(), "b".into()] }.to_string(), "a; b"),
        (String::from(StillHeld { holders: vec!["c".into()] }), "held by c"),
    ];
    for (text, words) in said {
        assert!(text.contains(words), "'{words}' is not in '{text}'");
    }
    let lane = LaneReport { accepted: 17, handled: 5, departed: 4, ..LaneReport::default() };
    let text = Imbalance { name: "nd6".into(), worker: 3, lane }.to_string();
    for words in ["'nd6'", "worker 3", "17 accepted", "5 handled", "4 departed"] {
        assert!(text.contains(words), "'{words}' is not in '{text}'");
    }
}

#[test]
fn sizes_are_refused_at_their_ends() {
    let build = |workers, interfaces| {
        Netisr::<Frame, Seen>::builder()
            .workers(workers)
            .interfaces(interfaces)
            .build()
            .map(|built| built.workers())
    };
    assert_eq!(build(1, 1), Ok(1));
    assert_eq!(build(3, 65_536), Ok(3));
    assert_eq!(build(0, 1), Err(BuildError::Workers(0)));
    assert_eq!(build(1_025, 1), Err(BuildError::Workers(1_025)));
    assert_eq!(build(1, 0), Err(BuildError::Interfaces(0)));
    assert_eq!(build(1, 65_537), Err(BuildError::Interfaces(65_537)));
    let netisr = facility();
    let refused = |spec: Spec| netisr.register(spec, |_, _, _, _| {}).map(drop);
    assert_eq!(refused(Spec::new("")), Err(RegisterError::NoName));
    assert_eq!(refused(Spec::new("most").limit(32_767)), Ok(()));
    assert_eq!(refused(Spec::new("more").limit(32_768)), Err(RegisterError::LimitTooLarge(32_768)));
    assert_eq!(refused(Spec::new("one").limit(1).share(1)), Ok(()));
}

#[test]
fn a_refusal_says_why() {
    let netisr = facility();
    let kind = register(&netisr, Spec::new("nd6").limit(1));
    assert_eq!(kind.name(), "nd6");
    let refused = outside(|ctx| {
        kind.dispatch(ctx, Frame(1), IfId::NONE).unwrap();
        kind.dispatch(ctx, Frame(2), IfId::NONE).unwrap_err()
    });
    assert_eq!(refused.to_string(), format!("packet refused: {}", Cause::Full));
    assert!(format!("{refused:?}").contains("Full"));
    let leaving = outside(|ctx| netisr.unregister(ctx, &kind, Pending::Drain)).unwrap();
    let twice = outside(|ctx| netisr.unregister(ctx, &kind, Pending::Drain)).unwrap_err();
    assert!(twice.to_string().contains("'nd6'"), "{twice}");
    assert!(format!("{leaving:?}").contains("Unregistering"), "{leaving:?}");
}

#[test]
fn things_show_what_they_are() {
    let netisr = facility();
    let spec = Spec::new("nd6").limit(77).share(5).overflow(Overflow::DropOldest);
    let text = format!("{spec:?}");
    for words in ["nd6", "77", "5", "DropOldest"] {
        assert!(text.contains(words), "'{words}' is not in '{text}'");
    }
    let kind = register(&netisr, spec);
    assert!(format!("{kind:?}").contains("nd6"));
    assert!(format!("{netisr:?}").contains("workers: 2"));
    assert!(format!("{:?}", Facility::builder().interfaces(9)).contains("interfaces: 9"));
    assert!(format!("{:?}", netisr.worker(1).unwrap()).contains("index: 1"));
    let id = netisr.attach().unwrap();
    let pin = netisr.pin(id, "the test").unwrap();
    assert!(format!("{pin:?}").contains("if0.1"));
    outside(|ctx| {
        let permit = kind.reserve(ctx, None).unwrap();
        assert!(format!("{permit:?}").contains("nd6"));
        let mut departure = netisr.detach(ctx, id).unwrap();
        assert!(format!("{departure:?}").contains("if0.1"));
        let twice = netisr.detach(ctx, id).unwrap_err();
        assert!(twice.to_string().contains("0.1"));
        let held = departure.wait(ctx, Duration::ZERO).unwrap_err();
        assert!(String::from(held).contains("'the test'"));
    });
}
