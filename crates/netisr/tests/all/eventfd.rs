//! A worker that sleeps in poll(2), and is woken by its eventfd.

use std::time::Duration;

use rustix::event::PollFd;
use rustix::event::PollFlags;
use rustix::event::Timespec;
use siding_netisr::BuildError;
use siding_netisr::IfId;
use siding_netisr::Netisr;
use siding_netisr::Packet;
use siding_netisr::Root;
use siding_netisr::TypeSpec;
use siding_netisr::eventfd::EventFdWake;

struct Frame;

impl Packet for Frame {
    fn interfaces(&self, _visit: &mut impl FnMut(IfId)) {}
}

fn can_be_read(wake: &EventFdWake, within: Duration) -> bool {
    let fd = wake.fd(0).unwrap();
    let timeout = Timespec { tv_sec: within.as_secs() as i64, tv_nsec: i64::from(within.subsec_nanos()) };
    rustix::event::poll(&mut [PollFd::new(&fd, PollFlags::IN)], Some(&timeout)).unwrap() == 1
}

#[test]
fn g9_a_sleeper_is_woken_by_its_descriptor() {
    let wake = EventFdWake::new(1).unwrap();
    let netisr = Netisr::<Frame>::builder().wake(wake.clone()).build().unwrap();
    let kind = netisr.register(TypeSpec::new("test"), |_ctx, _local, _frame, ()| {}).unwrap();
    let mut worker = netisr.worker(0).unwrap();
    worker.poll(&mut (), 64);
    assert!(worker.prepare_sleep() && !can_be_read(&wake, Duration::ZERO));
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let mut root = Root::new();
            kind.dispatch(&root.enter().unwrap().ctx(), Frame, ()).unwrap();
        });
        assert!(can_be_read(&wake, Duration::from_secs(60)), "nobody has called");
    });
    worker.awake();
    assert!(wake.clear(0) && !wake.clear(0));
    assert_eq!(worker.poll(&mut (), 64).handled, 1);
    assert!(wake.fd(1).is_none() && !wake.clear(1));
}

/// A worker without a descriptor would sleep for good.
#[test]
fn g9_a_facility_with_more_workers_than_descriptors_is_not_built() {
    let build = |places| {
        let built = Netisr::<Frame>::builder().workers(2).wake(EventFdWake::new(places).unwrap()).build();
        built.map(|netisr| netisr.workers())
    };
    assert_eq!((build(1), build(2), build(3)), (Err(BuildError::Places(1, 2)), Ok(2), Ok(2)));
    assert!(BuildError::Places(1, 2).to_string().contains("1 of 2 workers"));
}
