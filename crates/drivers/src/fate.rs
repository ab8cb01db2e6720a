//! What becomes of a frame that the kernel did not take: one frame, one fate.
//!
//! By most errors the kernel says that it has dropped the frame already, or that it will never take it. Either way the
//! frame is lost, and it alone: those behind it are tried next, and a counter tells why. What is kept and tried again is
//! a frame that found no room. `docs/drivers.md` has the table of errors.

use rustix::io::Errno;
use siding_mbuf::Cache;
use siding_mbuf::Mbuf;
use siding_stack::Sent;

use crate::Count;
use crate::Counters;
use crate::error::named;

/// What an error of a sending system call says of the first frame that it was given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fate {
    /// Nothing: the call was interrupted.
    Interrupted,
    /// Not taken, for there is no room yet.
    NoRoom,
    /// Lost, for this cause, and only this frame.
    Lost(Count),
    /// Lost, for a cause that nobody has foreseen.
    Unknown,
    /// Lost, for the interface is down.
    Down,
    /// Lost, and so are all that follow: the interface is there no more.
    Gone,
}

/// Interrupted calls in a row after which a frame counts as one that found no room.
const MOST_INTERRUPTIONS: u32 = 8;

impl Fate {
    /// By what a packet socket says (the kernel's packet_snd).
    pub(crate) fn of_packet(error: Errno) -> Fate {
        match error {
            Errno::INTR => Fate::Interrupted,
            // The socket's own buffer: what it has sent has not left the machine yet.
            Errno::AGAIN => Fate::NoRoom,
            // Not "no room": by then the kernel has dropped the frame. So say the queueing discipline, a rule of tc or
            // nftables, a device such as veth whose far end takes less, and a card whose ring is full.
            Errno::NOBUFS => Fate::Lost(Count::TxKernelDropped),
            Errno::NOMEM => Fate::Lost(Count::TxNoMemory),
            Errno::MSGSIZE => Fate::Lost(Count::TxTooBig),
            Errno::INVAL => Fate::Lost(Count::TxRefused),
            Errno::NETDOWN => Fate::Down,
            Errno::NXIO | Errno::NODEV => Fate::Gone,
            _ => Fate::Unknown,
        }
    }

    /// By what a TAP queue says (the kernel's tun_get_user).
    pub(crate) fn of_tap(error: Errno) -> Fate {
        match error {
            Errno::INTR => Fate::Interrupted,
            // Of the queue's send buffer, which is bounded only if somebody has set a bound.
            Errno::AGAIN => Fate::NoRoom,
            Errno::NOBUFS => Fate::Lost(Count::TxKernelDropped),
            Errno::NOMEM => Fate::Lost(Count::TxNoMemory),
            Errno::MSGSIZE => Fate::Lost(Count::TxTooBig),
            Errno::INVAL => Fate::Lost(Count::TxRefused),
            Errno::IO | Errno::NETDOWN => Fate::Down,
            // The file is no queue of an interface any more.
            Errno::BADFD | Errno::NXIO | Errno::NODEV => Fate::Gone,
            _ => Fate::Unknown,
        }
    }
}

/// Frames that are to go, and where their buffers go then; whose they are, and who counts them.
pub(crate) struct Batch<'a> {
    /// The device's name, for what goes wrong.
    pub(crate) name: &'a str,
    pub(crate) frames: &'a mut Vec<Mbuf>,
    pub(crate) cache: &'a mut Cache,
    pub(crate) counters: &'a Counters,
}

/// Sends from the front of the batch by `call`, which is given those that are left and says how many of them have gone,
/// at least one. What is left in the end found no room, and the others' buffers go to the cache.
pub(crate) fn send(
    Batch { name, frames, cache, counters }: Batch<'_>,
    fate: impl Fn(Errno) -> Fate,
    mut call: impl FnMut(&[Mbuf]) -> Result<usize, Errno>,
) -> Sent {
    let mut all = Sent::default();
    let (mut done, mut interrupted, mut down) = (0, 0, 0);
    while done < frames.len() {
        let error = match call(&frames[done..]) {
            Ok(count) => {
                let gone = &frames[done..(done + count.max(1)).min(frames.len())];
                let bytes = gone.iter().map(Mbuf::len).sum();
                counters.sent(gone.len(), bytes);
                all.frames += gone.len() as u64;
                all.bytes += bytes as u64;
                done += gone.len();
                (interrupted, down) = (0, 0);
                continue;
            }
            Err(error) => error,
        };
        let left = frames.len() - done;
        let mut lose = |count: usize, why: Count| {
            counters.add(why, count as u64);
            all.lost += count as u64;
            done += count;
        };
        match fate(error) {
            Fate::Interrupted if interrupted < MOST_INTERRUPTIONS => interrupted += 1,
            Fate::Interrupted | Fate::NoRoom => break,
            Fate::Lost(why) => lose(1, why),
            Fate::Unknown => {
                lose(1, Count::TxRefused);
                all.error.get_or_insert_with(|| named(name, "transmit", error));
            }
            // A socket may tell of what is over, once: the frame gets a second try. If it and the next one fare alike,
            // it is as with a pulled cable, and nobody asks for each of the others.
            Fate::Down => {
                down += 1;
                match down {
                    1 => {}
                    2 => lose(1, Count::TxDown),
                    _ => lose(left, Count::TxDown),
                }
            }
            Fate::Gone => {
                lose(left, Count::TxGone);
                all.error.get_or_insert_with(|| named(name, "transmit", error));
            }
        }
    }
    cache.free_all(frames.drain(..done));
    all
}

#[cfg(test)]
mod in_stack;
#[cfg(test)]
mod tests;
