use super::*;

fn put(ring: &Ring<u32>, item: u32) -> bool {
    let Ok(mut claim) = ring.claim(1) else { panic!("there is room") };
    let idle = claim.idle;
    ring.publish(&mut claim, item);
    idle
}

#[test]
fn a_void_is_passed_and_counts_as_no_packet() {
    let ring = Ring::new(4, false, 64);
    let mut claim = ring.claim(3).unwrap();
    ring.publish(&mut claim, 1);
    ring.publish_void(&mut claim);
    ring.publish(&mut claim, 3);
    assert_eq!(ring.take().map(|taken| taken.0), Some(1));
    assert!(ring.has_ready());
    assert_eq!(ring.take().map(|taken| taken.0), Some(3));
    assert!(ring.take().is_none());
    assert_eq!(ring.accepted(), 2);
    assert_eq!(ring.claim(9).map(|claim| claim.count), Ok(4), "the void's room is free again");
}

#[test]
fn a_void_is_passed_by_those_who_drop_the_oldest() {
    let ring = Ring::new(2, true, 64);
    let mut claim = ring.claim(2).unwrap();
    ring.publish_void(&mut claim);
    ring.publish(&mut claim, 2);
    assert_eq!(ring.take_shared().map(|taken| taken.0), Some(2));
    assert!(ring.take_shared().is_none());
}

#[test]
fn the_first_claim_of_a_ring_at_rest_calls_and_the_next_does_not() {
    let ring = Ring::new(4, false, 64);
    assert!(put(&ring, 1), "nobody looked here yet");
    assert!(!put(&ring, 2));
    assert!(!ring.rest(), "two items wait");
    ring.take();
    let claim = ring.claim(1).unwrap();
    ring.take();
    assert!(!ring.rest(), "one place is claimed");
    let mut claim = claim;
    ring.publish(&mut claim, 3);
    ring.take();
    assert!(ring.rest() && ring.rest());
    assert!(put(&ring, 4) && !put(&ring, 5));
}

#[test]
fn the_limit_is_exact_however_old_the_producers_view_is() {
    let ring = Ring::new(3, false, 64);
    for lap in 0..20 {
        (0..3).for_each(|item| _ = put(&ring, lap + item));
        assert_eq!(ring.claim(1).err(), Some(NoRoom::Full));
        ring.take();
        assert!(!put(&ring, lap));
        assert_eq!(ring.reserve(), Err(NoRoom::Full));
        ring.take();
        assert_eq!(ring.reserve(), Ok(()));
        assert_eq!(ring.claim(1).err(), Some(NoRoom::Full), "room that is reserved is not free");
        ring.publish(&mut ring.claim_reserved(), lap);
        (0..3).for_each(|_| assert!(ring.take().is_some()));
    }
    assert_eq!(ring.high_water(), 3);
}

#[test]
fn high_water_is_the_highest_level() {
    let ring = Ring::new(100, false, 64);
    for level in [2, 7, 3, 7, 1] {
        (0..level).for_each(|item| _ = put(&ring, item));
        (0..level).for_each(|_| _ = ring.take());
    }
    assert_eq!(ring.high_water(), 7);
}

#[test]
fn only_every_so_many_items_are_stamped() {
    let ring = Ring::new(16, false, 4);
    for position in 0u32..32 {
        let mut claim = ring.claim(1).unwrap();
        assert_eq!(ring.is_timed(claim.first), position % 4 == 0);
        if ring.is_timed(claim.first) {
            ring.set_stamp(&claim, 100 + u64::from(position));
        }
        ring.publish(&mut claim, position);
        if position >= 10 {
            let oldest = (position - 10).next_multiple_of(4);
            assert_eq!(ring.oldest_stamp(), Some(100 + u64::from(oldest)));
            let (item, stamp) = ring.take().unwrap();
            assert_eq!(stamp, if item % 4 == 0 { 100 + u64::from(item) } else { 0 });
        }
    }
}
