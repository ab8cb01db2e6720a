//! What the interface lets in on behalf of a socket: addresses of ours, groups, or everything.
//!
//! The kernel counts the memberships of all sockets, and ends a socket's when it is closed.

use std::ffi::c_int;
use std::io;
use std::os::fd::AsFd;
use std::os::fd::BorrowedFd;

use siding_stack::Filter;
use siding_wire::Mac;

use super::socket::set_option;

/// The filter that a socket has set.
#[derive(Debug)]
pub(super) struct Membership {
    index: u32,
    now: Filter,
}

impl Membership {
    /// None yet, on the interface of this index.
    pub(super) fn new(index: u32) -> Membership {
        Membership { index, now: Filter::default() }
    }

    /// Has the interface let in what `filter` names. What is new is added before what is old goes, so that nothing is
    /// missed in between. After an error it is tried again as a whole.
    pub(super) fn set(&mut self, socket: &impl AsFd, filter: &Filter) -> io::Result<()> {
        let socket = socket.as_fd();
        let kinds = [
            (libc::PACKET_MR_UNICAST, macs(&self.now.unicast), macs(&filter.unicast)),
            (libc::PACKET_MR_MULTICAST, macs(&self.now.multicast), macs(&filter.multicast)),
            (libc::PACKET_MR_PROMISC, all(&self.now), all(filter)),
        ];
        for (kind, now, then) in &kinds {
            for added in then.iter().filter(|mac| !now.contains(mac)) {
                self.change(socket, libc::PACKET_ADD_MEMBERSHIP, *kind, *added)?;
            }
        }
        for (kind, now, then) in &kinds {
            for gone in now.iter().filter(|mac| !then.contains(mac)) {
                self.change(socket, libc::PACKET_DROP_MEMBERSHIP, *kind, *gone)?;
            }
        }
        self.now = filter.clone();
        Ok(())
    }

    /// Adds or drops one membership.
    pub(super) fn change(
        &self,
        socket: BorrowedFd<'_>,
        how: c_int,
        kind: c_int,
        mac: Option<Mac>,
    ) -> io::Result<()> {
        let mut address = [0; 8];
        if let Some(mac) = mac {
            address[..mac.0.len()].copy_from_slice(&mac.0);
        }
        let request = libc::packet_mreq {
            mr_ifindex: self.index as c_int,
            mr_type: kind as u16,
            mr_alen: mac.map_or(0, |mac| mac.0.len() as u16),
            mr_address: address,
        };
        match set_option(socket, how, &request) {
            // An interface that has gone lets nothing in any more, and no membership of it is left to be dropped.
            Err(error) if how == libc::PACKET_DROP_MEMBERSHIP && is_gone(&error) => Ok(()),
            result => result,
        }
    }
}

fn is_gone(error: &io::Error) -> bool {
    matches!(error.raw_os_error(), Some(libc::EADDRNOTAVAIL | libc::ENODEV))
}

fn macs(macs: &[Mac]) -> Vec<Option<Mac>> {
    macs.iter().copied().map(Some).collect()
}

fn all(filter: &Filter) -> Vec<Option<Mac>> {
    if filter.promiscuous { vec![None] } else { Vec::new() }
}
