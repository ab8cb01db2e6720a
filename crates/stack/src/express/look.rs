//! A batch seen by its headers.

use siding_mbuf::Mbuf;
use siding_wire::EtherType;

use super::Asked;
use super::arrival::Arrivals;
use super::plain;
use crate::config::Config;
use crate::ifnet::Version;

/// What was found out about the frames of a batch.
#[derive(Default)]
pub(super) struct Looks {
    all: Vec<Look>,
    /// The place of the next frame.
    next: usize,
}

// Places are bytes.
const _: () = assert!(crate::BATCH <= 1 << u8::BITS);

/// What was found out about a frame.
#[derive(Clone, Copy)]
pub(super) struct Look {
    /// `None` for one that is not plain.
    pub(super) version: Option<Version>,
    /// The place of what it came by.
    pub(super) arrival: u8,
    /// The place of its destination among those that were asked for.
    pub(super) asked: u8,
    /// Bytes of the packet, without the link's header and padding.
    pub(super) len: u32,
}

impl Look {
    const LEFT: Look = Look { version: None, arrival: 0, asked: 0, len: 0 };
}

impl Looks {
    /// Looks at frames, and notes where those go that are plain.
    pub(super) fn look(
        &mut self,
        config: &Config,
        arrivals: &mut Arrivals,
        asked: &mut Asked,
        frames: &[Mbuf],
    ) {
        self.next = 0;
        self.all.clear();
        // There are no more in a batch.
        let look = |frame: &Mbuf| judge(config, arrivals, asked, frame.data()).unwrap_or(Look::LEFT);
        self.all.extend(frames.iter().take(crate::BATCH).map(look));
    }

    /// What was seen of the next frame.
    #[inline]
    pub(super) fn next(&mut self) -> Option<Look> {
        let look = self.all.get(self.next).copied();
        self.next += 1;
        look
    }
}

/// Judges a frame by its headers.
#[inline]
fn judge(config: &Config, arrivals: &mut Arrivals, asked: &mut Asked, frame: &[u8]) -> Option<Look> {
    let place = arrivals.find(config, frame)?;
    let arrival = arrivals.get(place)?;
    let (ethertype, packet) = arrival.packet(frame)?;
    let (version, asked, len) = match ethertype {
        EtherType::IPV6 => {
            let plain = plain::six(config, packet)?;
            (Version::V6, asked.six.ask(plain.dst), plain.len)
        }
        EtherType::IPV4 => {
            let plain = plain::four(config, config.interface(arrival.id)?, packet)?;
            (Version::V4, asked.four.ask(plain.dst), plain.len)
        }
        _ => return None,
    };
    Some(Look { version: Some(version), arrival: place as u8, asked, len: len as u32 })
}
