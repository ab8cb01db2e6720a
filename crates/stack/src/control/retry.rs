//! Duplicates that somebody wants to have tested again at once: who had them may have gone.

use std::net::IpAddr;

use siding_lockorder::Ctx;
use siding_lockorder::Unlocked;
use siding_netisr::IfId;

use crate::Stack;
use crate::arp;
use crate::ifnet::Interface;
use crate::nd6;
use crate::nd6::dad::DadState;
use crate::stack::Change;

impl Stack {
    /// Tests duplicates anew, of both families: those that `meant` picks by interface and address. Where IP is stopped for a
    /// duplicate, everything is tested anew with it. Gives how many there were.
    pub fn retry_duplicates(
        &self,
        ctx: &mut Ctx<'_, Unlocked>,
        meant: impl Fn(IfId, IpAddr) -> bool,
    ) -> usize {
        let mut retried = 0;
        self.change_always(ctx, |control, ctx, told| {
            let (shared, now) = (&self.shared, self.now());
            let all = shared.config.load();
            for (on, addr) in all.interfaces().flat_map(duplicates).filter(|(on, addr)| meant(*on, *addr)) {
                retried += 1;
                // Tested with another by now?
                let config = shared.config.load();
                if config.interface(on).is_none_or(|there| duplicates(there).all(|other| other != (on, addr)))
                {
                    continue;
                }
                let change = &mut Change { shared, control, ctx, now };
                match addr {
                    IpAddr::V6(addr) => told.extend(nd6::try_again(change, (on, addr))),
                    IpAddr::V4(addr) => arp::try_again(change, (on, addr)),
                }
            }
        });
        retried
    }
}

fn duplicates(interface: &Interface) -> impl Iterator<Item = (IfId, IpAddr)> {
    let id = interface.ifnet.id;
    let six =
        interface.addrs6.iter().filter(|own| own.state == DadState::Duplicate).map(|own| own.addr.into());
    let four =
        interface.addrs4.iter().filter(|own| own.state == DadState::Duplicate).map(|own| own.addr.into());
    six.chain(four).map(move |addr| (id, addr))
}
