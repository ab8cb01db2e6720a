//! When a detach is complete, nothing of the interface is left: its device is dropped by the worker that owned it, and
//! nothing refers to it.

use std::io;
use std::sync::Arc;

use siding_lockorder::Root;
use siding_mbuf::Cache;
use siding_mbuf::Mbuf;
use siding_mbuf::Pool;
use siding_mbuf::PoolConfig;
use siding_netisr::IfId;
use siding_netisr::Instant;
use siding_stack::Device;
use siding_stack::InterfaceSpec;
use siding_stack::Sent;
use siding_stack::Stack;
use siding_stack::StackConfig;
use siding_wire::Mac;

/// A device that is known to be there by what it holds.
struct Held(#[allow(dead_code)] Arc<()>);

impl Device for Held {
    fn receive(&mut self, _: &mut Cache, _: &mut Vec<Mbuf>, _: usize) -> io::Result<usize> {
        Ok(0)
    }

    fn transmit(&mut self, _: &mut Cache, frames: &mut Vec<Mbuf>) -> Sent {
        let sent = Sent::all(frames);
        frames.clear();
        sent
    }
}

#[test]
fn g5_a_complete_departure_has_let_go_of_device_and_interface() {
    let pool = Pool::new(PoolConfig::default()).unwrap();
    let now = Instant::from_nanos(1);
    let stack = Stack::new(StackConfig::new(pool.clone(), move || now)).unwrap();
    let mut worker = stack.worker(0).unwrap();
    let device = Arc::new(());
    let spec = InterfaceSpec { name: "em0".into(), mac: Mac([2, 0, 0, 0, 0, 1]), mtu: 1500 };
    let control = |work: &mut dyn FnMut(&mut siding_lockorder::Ctx<'_, siding_lockorder::Unlocked>)| {
        let mut root = Root::new();
        work(&mut root.enter().unwrap().ctx());
    };
    let mut id = IfId::NONE;
    control(&mut |ctx| {
        id = stack.attach(ctx, spec.clone(), vec![Box::new(Held(device.clone()))]).unwrap();
        stack.add_address(ctx, id, "2001:db8::1".parse().unwrap(), 64, false).unwrap();
        // A neighbour that the worker remembers, and one whose timer pends.
        stack.add_neighbor(ctx, id, "2001:db8::2".parse().unwrap(), Mac([2, 0, 0, 0, 0, 2])).unwrap();
        let ping = stack.open_ping(ctx).unwrap();
        for host in [2, 3] {
            let dst = format!("2001:db8::{host}").parse().unwrap();
            stack.ping(ctx, &ping, dst, IfId::NONE, 1, b"").unwrap();
        }
    });
    while worker.turn(now).handled > 0 {}
    let interface = Arc::downgrade(&stack.config().interface(id).unwrap().ifnet);
    assert_eq!(Arc::strong_count(&device), 2);

    let mut detached = None;
    control(&mut |ctx| detached = Some(stack.detach(ctx, id).unwrap()));
    worker.turn(now);
    assert!(detached.unwrap().is_complete());
    assert_eq!(Arc::strong_count(&device), 1, "the worker still has the device");
    assert!(interface.upgrade().is_none(), "something still refers to the interface");
    assert!(pool.is_full());
}
