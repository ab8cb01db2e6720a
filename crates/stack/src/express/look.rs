//! A batch seen by its headers.

use std::net::Ipv4Addr;
use std::net::Ipv6Addr;

use siding_mbuf::Mbuf;
use siding_wire::EtherType;
use siding_wire::ip4;
use siding_wire::ip6;

use super::Asked;
use super::arrival::Arrivals;
use super::plain;
use super::plain::Plain;
use crate::config::Config;
use crate::filter::Keeper;
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
    /// The place of its flow, while anything is filtered.
    pub(super) flow: Option<u8>,
    /// Bytes of the packet, without the link's header and padding.
    pub(super) len: u32,
}

impl Look {
    const LEFT: Look = Look { version: None, arrival: 0, asked: 0, flow: None, len: 0 };
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
        let look = |frame: &Mbuf| match judge(config, arrivals, asked, frame.data()) {
            Some((look, _)) => look,
            None => Look::LEFT,
        };
        self.all.extend(frames.iter().take(crate::BATCH).map(look));
    }

    /// The same while anything is filtered: notes their flows, too.
    pub(super) fn look_filtered(
        &mut self,
        (config, filter): (&Config, &mut Keeper),
        arrivals: &mut Arrivals,
        asked: &mut Asked,
        frames: &[Mbuf],
    ) {
        self.next = 0;
        self.all.clear();
        filter.begin();
        let look = |frame: &Mbuf| match judge(config, arrivals, asked, frame.data()) {
            Some((look, bears)) => Look { flow: bears.note(filter).map(|place| place as u8), ..look },
            None => {
                filter.note_frame(frame.data());
                Look::LEFT
            }
        };
        self.all.extend(frames.iter().take(crate::BATCH).map(look));
        filter.glance();
    }

    /// What was seen of the next frame.
    #[inline]
    pub(super) fn next(&mut self) -> Option<Look> {
        let look = self.all.get(self.next).copied();
        self.next += 1;
        look
    }
}

/// What a plain packet bears, and between whom.
enum Bears<'f> {
    Six(Plain<Ipv6Addr>, &'f [u8]),
    Four(Plain<Ipv4Addr>, &'f [u8]),
}

impl Bears<'_> {
    /// Notes its flow, and gives the place of that.
    #[inline]
    fn note(&self, filter: &mut Keeper) -> Option<usize> {
        match self {
            Bears::Six(plain, upper) => filter.note6([plain.src, plain.dst], plain.next?, upper),
            Bears::Four(plain, upper) => filter.note4([plain.src, plain.dst], plain.next?, upper),
        }
    }
}

/// Judges a frame by its headers.
#[inline(always)] // Two places call it, for each frame.
fn judge<'f>(
    config: &Config,
    arrivals: &mut Arrivals,
    asked: &mut Asked,
    frame: &'f [u8],
) -> Option<(Look, Bears<'f>)> {
    let place = arrivals.find(config, frame)?;
    let arrival = arrivals.get(place)?;
    let (ethertype, packet) = arrival.packet(frame)?;
    let (version, asked, len, bears) = match ethertype {
        EtherType::IPV6 => {
            let plain = plain::six(config, packet)?;
            let upper = packet.get(ip6::HEADER_LEN..)?;
            (Version::V6, asked.six.ask(plain.dst), plain.len, Bears::Six(plain, upper))
        }
        EtherType::IPV4 => {
            let plain = plain::four(config, config.interface(arrival.id)?, packet)?;
            let upper = packet.get(ip4::HEADER_LEN..)?;
            (Version::V4, asked.four.ask(plain.dst), plain.len, Bears::Four(plain, upper))
        }
        _ => return None,
    };
    Some((Look { version: Some(version), arrival: place as u8, asked, flow: None, len: len as u32 }, bears))
}
