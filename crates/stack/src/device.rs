//! What the stack asks of a driver.

use std::io;
use std::os::fd::BorrowedFd;

use siding_mbuf::Cache;
use siding_mbuf::Mbuf;
use siding_mbuf::Offload;
use siding_mbuf::SegmentKind;
use siding_wire::Mac;

/// The most frames that one call moves in either direction.
pub const BATCH: usize = 64;

/// Which frames a device is to let in, besides broadcasts. The stack looks at every frame again: a device that lets in
/// more does no harm, one that lets in less makes the stack deaf.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Filter {
    /// The addresses of the interface, and of what lies on it; sorted.
    pub unicast: Vec<Mac>,
    /// The groups that are listened to; sorted.
    pub multicast: Vec<Mac>,
    /// Everything, for somebody above passes frames on.
    pub promiscuous: bool,
}

/// What became of the frames that a call of [`Device::transmit`] took.
#[derive(Debug, Default)]
pub struct Sent {
    /// Frames that went out.
    pub frames: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Frames that were lost: the system refused them, or has dropped them. The device counts them by cause.
    pub lost: u64,
    /// What somebody should be told of, at most once in a call: an error that is nobody's everyday business.
    pub error: Option<io::Error>,
}

impl Sent {
    /// These frames went out.
    pub fn all(frames: &[Mbuf]) -> Sent {
        let bytes = frames.iter().map(|frame| frame.len() as u64).sum();
        Sent { frames: frames.len() as u64, bytes, ..Sent::default() }
    }

    /// Adds what became of more frames. The first error stays.
    pub fn and(self, more: Sent) -> Sent {
        Sent {
            frames: self.frames + more.frames,
            bytes: self.bytes + more.bytes,
            lost: self.lost + more.lost,
            error: self.error.or(more.error),
        }
    }
}

/// What a device can do to the frames that it is given to send. A frame that wants more is finished before.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Offloads {
    /// It completes checksums.
    pub checksum: bool,
    /// It cuts super-frames of TCP.
    pub tcp: bool,
    /// It cuts super-frames of UDP.
    pub udp: bool,
}

impl Offloads {
    /// Whatever there is.
    pub const ALL: Offloads = Offloads { checksum: true, tcp: true, udp: true };

    /// Whether nothing is left undone by a device that can do this.
    pub fn take(self, offload: &Offload) -> bool {
        self.checksum
            && match offload.segments {
                None => true,
                Some(cut) if cut.kind == SegmentKind::Udp => self.udp,
                Some(_) => self.tcp,
            }
    }
}

/// What is known of the frames that a device has yet to give.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Unread {
    /// Frames that were taken off the wire so far, those that were dropped on the way among them.
    pub taken: u64,
    /// How many wait at this moment, at the most; 0 if there are none.
    pub waiting: u64,
}

/// One worker's pair of queues on one interface.
///
/// An interface has one device for each worker that serves it, and each worker owns its own: nothing here
/// is shared, so nothing here is locked. The worker polls it, and drops it when the interface departs.
pub trait Device: Send {
    /// Takes up to `max` (at most [`BATCH`]) frames off the wire and appends them to `into`. Zero frames
    /// is not an error; neither is a pool that has run dry (the cache counts that, the frame is lost).
    fn receive(&mut self, cache: &mut Cache, into: &mut Vec<Mbuf>, max: usize) -> io::Result<usize>;

    /// What waits to be received. Whoever knows it spares the stack a look; it must be right that nothing waits, and a
    /// bound. `None` if it is not known: then a call of [`receive`](Self::receive) that gives fewer frames than were asked
    /// for has taken all that there were.
    fn unread(&self) -> Option<Unread> {
        None
    }

    /// Puts frames on the wire, oldest first, and removes from the front of `frames` those whose fate is settled:
    /// they went out, or they are lost, and [`Sent`] says how many of each. What is left found no room, and nothing
    /// else: a frame that the system will not send, or has dropped already, is lost and does not keep those behind it
    /// waiting. The caller tries what is left again, for a while.
    ///
    /// The buffers of what has gone are best given to `cache`, the worker's own, by [`Cache::free_all`]: one that is merely
    /// dropped goes to the pool, whose every use is shared with the other workers.
    fn transmit(&mut self, cache: &mut Cache, frames: &mut Vec<Mbuf>) -> Sent;

    /// Lets in what `filter` names, and need not let in more. Called by the worker that owns the device, before it sends
    /// or receives by a configuration that needs it, and again after an error. A device that lets in everything has
    /// nothing to do.
    fn set_filter(&mut self, filter: &Filter) -> io::Result<()> {
        let _ = filter;
        Ok(())
    }

    /// What it can do to the frames that it is given to send. One that says nothing of it gets frames of which nothing is
    /// left undone ([`Mbuf::offload`]).
    fn offloads(&self) -> Offloads {
        Offloads::default()
    }

    /// What becomes readable when [`receive`](Self::receive) has something, for a worker that sleeps in
    /// poll(2). `None` for a device that must be polled or wakes the worker by itself.
    fn readable(&self) -> Option<BorrowedFd<'_>> {
        None
    }
}
