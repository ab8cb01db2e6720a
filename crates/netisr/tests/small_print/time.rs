//! Moments and clocks.

use std::time::Duration;

use siding_netisr::Clock;
use siding_netisr::Instant;
use siding_netisr::NoClock;
use siding_netisr::SystemClock;

#[test]
fn moments_and_what_lies_between_them() {
    let (one, three) = (Instant::from_nanos(1_000), Instant::from_nanos(3_500));
    assert_eq!(three.as_nanos(), 3_500);
    assert_eq!(three - one, Duration::from_nanos(2_500));
    assert_eq!(three.since(one), Duration::from_nanos(2_500));
    assert_eq!(one.since(three), Duration::ZERO, "not yet");
    assert_eq!(one + Duration::from_nanos(2_500), three);
    let mut moving = one;
    moving += Duration::from_nanos(2_500);
    assert_eq!(moving, three);
    assert_eq!(Instant::NEVER + Duration::from_secs(1), Instant::NEVER);
    assert_eq!(one + Duration::MAX, Instant::NEVER);
    assert_eq!(format!("{:?}", Instant::from_nanos(12_000_000_034)), "12.000000034s");
}

#[test]
fn the_systems_clock_goes_on_and_no_clock_stands_still() {
    let clock = SystemClock::default();
    let before = clock.now();
    std::thread::sleep(Duration::from_millis(2));
    assert!(clock.now() - before >= Duration::from_millis(2));
    assert_eq!((NoClock.now(), NoClock.now()), (Instant::ZERO, Instant::ZERO));
}
