//! The timer queues: one entry for each deadline, whoever moves it and whoever runs it, and nobody sleeps past one.

use std::sync::Arc;

use siding_stack::checked::Queues;

use crate::checker::thread;
use crate::rig::outside;

/// Two workers move a machine's deadline, which control has set, and each runs what is due then.
pub(crate) fn moved() {
    let queues = Arc::new(Queues::new(2));
    outside(|ctx| queues.set(ctx, None, 60));
    let also = queues.clone();
    let first = thread::spawn(move || {
        outside(|ctx| {
            also.set(ctx, Some(0), 30);
            also.run(ctx, 0, 35, false)
        })
    });
    let rung = outside(|ctx| {
        queues.set(ctx, Some(1), 40);
        queues.run(ctx, 1, 35, true)
    });
    let rung = rung + first.join().expect("no panic");
    outside(|ctx| {
        let left = queues.entries(ctx);
        assert!(rung + left >= 1, "the deadline at 30 is lost");
        assert!(left <= 1, "one machine has {left} entries");
        assert_eq!(queues.next(0) == u64::MAX, left == 0, "what is told of the first is not so");
        assert!(queues.next(1) >= 40, "what was due by 35 has not been run");
        assert_eq!(queues.run(ctx, 1, 100, true), left, "an entry that nobody meant");
        assert_eq!((queues.entries(ctx), queues.next(0)), (0, u64::MAX));
    });
}
