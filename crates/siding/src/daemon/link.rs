//! The admin state of a kernel interface that we use: up while we do.

use siding_drivers::kernel::Error;
use siding_drivers::kernel::Link;
use siding_drivers::kernel::Netlink;

/// An interface that is up, and taken down again if it was found down.
#[derive(Debug)]
pub(super) struct LinkUp {
    index: u32,
    was_down: bool,
}

impl LinkUp {
    /// Takes the interface up if it is not.
    pub(super) fn new(netlink: &mut Netlink, link: &Link) -> Result<LinkUp, Error> {
        if !link.up {
            netlink.set_up(&link.name)?;
        }
        Ok(LinkUp { index: link.index, was_down: !link.up })
    }

    /// Leaves the interface as it was found. One that has gone is none of our business any more.
    pub(super) fn release(mut self) -> Result<(), Error> {
        self.restore()
    }

    fn restore(&mut self) -> Result<(), Error> {
        if !std::mem::take(&mut self.was_down) {
            return Ok(());
        }
        let mut netlink = Netlink::open()?;
        let link = match netlink.link_by_index(self.index) {
            Err(error) if error.is_gone() => return Ok(()),
            link => link?,
        };
        match netlink.set_down(&link.name) {
            Err(error) if error.is_gone() => Ok(()),
            result => result,
        }
    }
}

impl Drop for LinkUp {
    fn drop(&mut self) {
        // Whoever wants to know calls `release`.
        let _ = self.restore();
    }
}
