//! What RFC 4293 counts of each interface, by its names: datagrams (`ipIfStatsTable`) and ICMP messages (`icmpMsgStatsTable`).
//!
//! Most packets are forwarded, from one interface to another, many in a row: a worker counts those in a word of its own
//! ([`Forwarded`]), and puts it down when the way is another or the turn ends.

use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering;

use siding_netisr::IfId;
use siding_wire::IpProto;
use siding_wire::ip6;

use crate::drops::DropReason;

/// Versions of IP, as the MIB has them: two rows for each interface.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum Version {
    V4,
    V6,
}

impl Version {
    /// How long its header is, without options.
    pub(crate) fn header_len(self) -> usize {
        match self {
            Version::V4 => siding_wire::ip4::HEADER_LEN,
            Version::V6 => siding_wire::ip6::HEADER_LEN,
        }
    }

    /// That of a packet which begins with its IP header.
    pub(crate) fn of(packet: &[u8]) -> Version {
        if packet.first().is_some_and(|first| first >> 4 == 4) { Version::V4 } else { Version::V6 }
    }
}

/// What is counted of datagrams. What the MIB has besides is made of these when somebody reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Met {
    /// Received, and not passed on at once: to be delivered, dropped, or judged by another worker.
    Other,
    /// For others, and a way was found.
    ForwardedIn,
    /// Begun anew at the worker that judges them: they have been counted as other before, and are counted again.
    Judged,
    /// Given to what is above IP.
    Delivered,
    /// Our own, to be sent.
    Requested,
    /// Others', which leave by it.
    ForwardedOut,
    /// For others, a way was looked for, and they do not leave all the same.
    SentNowhere,
    /// There was no way, or one that refuses.
    NoRoute,
    /// Their header is at fault, or their time is over.
    HdrError,
    /// Their ends are at fault, or are nobody's here.
    AddrError,
    /// For us, and of a protocol that nobody speaks.
    UnknownProto,
    /// Fragments for us.
    ReasmReqd,
    /// Put together of fragments.
    ReasmOk,
    /// Not to be put together any more; fragments that nothing can be made of.
    ReasmFail,
    /// To leave, and given up for want of their neighbour.
    OutDiscard,
    /// To leave, and not at once: made to wait for their neighbour, or given up.
    Waits,
    /// Those of them that do leave after all.
    Waited,
    /// To leave, and cut.
    FragOk,
    /// Others', too big to leave.
    TooBig,
    /// To leave and to be cut for that, which was not possible.
    Uncut,
    /// Made by cutting.
    FragCreate,
}

const MET: usize = Met::FragCreate as usize + 1;

impl Met {
    /// What becomes of a datagram that is dropped for this cause before it is anybody's: at most two things are counted.
    pub(crate) fn of_input(cause: DropReason) -> [Option<Met>; 2] {
        match cause {
            DropReason::Malformed(_) | DropReason::HopLimit | DropReason::Option => {
                [Some(Met::HdrError), None]
            }
            DropReason::BadSource | DropReason::NotForUs | DropReason::NotJoined => {
                [Some(Met::AddrError), None]
            }
            DropReason::NoRoute | DropReason::RouteRefuses => [Some(Met::NoRoute), Some(Met::SentNowhere)],
            DropReason::TooBig | DropReason::PointToPoint | DropReason::BeyondScope => {
                [Some(Met::SentNowhere), None]
            }
            _ => [None, None],
        }
    }

    /// The same for one that is ours.
    pub(crate) fn of_delivery(cause: DropReason) -> Option<Met> {
        match cause {
            DropReason::UnknownProtocol => Some(Met::UnknownProto),
            DropReason::Option => Some(Met::HdrError),
            _ => None,
        }
    }

    /// The same for one that was to leave.
    pub(crate) fn of_output(cause: DropReason) -> Option<Met> {
        match cause {
            DropReason::Unresolved
            | DropReason::HoldOverflow
            | DropReason::HoldTotal
            | DropReason::TableFull
            | DropReason::TableTotal
            | DropReason::ResolvingFull
            | DropReason::SolicitLimited => Some(Met::OutDiscard),
            _ => None,
        }
    }
}

/// ICMP types that are told apart, the last one but for those that are not.
const TYPES: [&[u8]; 2] =
    [&[0, 3, 4, 5, 8, 11, 12, 13, 14], &[1, 2, 3, 4, 128, 129, 130, 131, 132, 133, 134, 135, 136, 137, 143]];

const MOST_TYPES: usize = 16;

/// One interface's counters: each worker has its own and adds to them, whoever reads sums them.
#[derive(Debug)]
pub struct Mib {
    /// A line for each worker, and one for control threads.
    lines: Box<[Line]>,
    /// The most datagrams that anybody was told to have left. Who reads while they are counted may find fewer, and what was
    /// told is not taken back.
    left: [AtomicU64; 2],
}

#[derive(Debug)]
#[repr(align(128))]
struct Line {
    ip: [[AtomicU64; MET]; 2],
    /// In and out.
    icmp: [[[AtomicU64; MOST_TYPES]; 2]; 2],
}

/// Datagrams of one version at one interface. Named and counted as `ipIfStatsTable` has them.
#[derive(Debug, Clone, PartialEq, Eq)]
#[allow(missing_docs, reason = "RFC 4293 says it")]
pub struct IpStats {
    pub version: Version,
    pub in_receives: u64,
    pub in_hdr_errors: u64,
    pub in_no_routes: u64,
    pub in_addr_errors: u64,
    pub in_unknown_protos: u64,
    /// A way was looked for.
    pub in_forw_datagrams: u64,
    pub reasm_reqds: u64,
    pub reasm_oks: u64,
    pub reasm_fails: u64,
    pub in_delivers: u64,
    /// But for those to ourselves. What a card is to cut is one; if it has to wait, each of its segments is.
    pub out_requests: u64,
    pub out_forw_datagrams: u64,
    /// Given up for want of their neighbour; of a packet that waits in segments, each segment.
    pub out_discards: u64,
    /// That is, those that were cut, and those that could not be.
    pub out_frag_reqds: u64,
    pub out_frag_oks: u64,
    /// With others' that are too big, and may not be cut.
    pub out_frag_fails: u64,
    pub out_frag_creates: u64,
    /// Of what was cut, each piece. It never becomes less.
    pub out_transmits: u64,
    /// Messages by type; those that were not met are left out.
    pub icmp: Vec<IcmpStats>,
}

/// Messages of one type.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs, reason = "RFC 4293 says it")]
pub struct IcmpStats {
    /// `None` for all that are not told apart.
    pub kind: Option<u8>,
    pub in_pkts: u64,
    pub out_pkts: u64,
}

fn add(value: &AtomicU64, by: u64) {
    // A seat has one holder at a time, so nobody else writes it, and no locked instruction is needed.
    value.store(value.load(Ordering::Relaxed).wrapping_add(by), Ordering::Relaxed);
}

impl Mib {
    pub(crate) fn new(workers: usize) -> Mib {
        let zeros = || std::array::from_fn(|_| AtomicU64::new(0));
        let two = || [[zeros(), zeros()], [zeros(), zeros()]];
        let line = |_| Line {
            ip: [std::array::from_fn(|_| 0.into()), std::array::from_fn(|_| 0.into())],
            icmp: two(),
        };
        Mib { lines: (0..=workers).map(line).collect(), left: [0.into(), 0.into()] }
    }

    /// Counts datagrams. To be called by that worker only, as the others.
    pub(crate) fn add(&self, worker: usize, version: Version, met: Met, by: u64) {
        add(&self.lines[worker].ip[version as usize][met as usize], by);
    }

    /// A packet that was to leave is given up by a control thread, of which there may be several.
    pub(crate) fn discarded(&self, packet: &[u8]) {
        let line = &self.lines[self.lines.len() - 1].ip[Version::of(packet) as usize];
        line[Met::OutDiscard as usize].fetch_add(1, Ordering::Relaxed);
    }

    /// A datagram was cut for the link, into so many; `None` if that was not possible, or not for all of it.
    pub(crate) fn cut(&self, worker: usize, version: Version, pieces: Option<u64>) {
        self.add(worker, version, if pieces.is_some() { Met::FragOk } else { Met::Uncut }, 1);
        self.add(worker, version, Met::FragCreate, pieces.unwrap_or(0));
    }

    /// An ICMP message of this type has come.
    pub(crate) fn heard(&self, worker: usize, version: Version, kind: u8) {
        add(&self.lines[worker].icmp[version as usize][0][place(version, kind)], 1);
    }

    /// A datagram of our own is to leave: whole, before it is cut.
    pub(crate) fn sends(&self, worker: usize, packet: &[u8]) {
        let Some((version, kind)) = nature(packet) else { return };
        self.add(worker, version, Met::Requested, 1);
        if let Some(kind) = kind {
            add(&self.lines[worker].icmp[version as usize][1][place(version, kind)], 1);
        }
    }

    /// What all workers have counted.
    pub fn stats(&self, version: Version) -> IpStats {
        let sum = |of: &dyn Fn(&Line) -> &AtomicU64| {
            self.lines.iter().map(|line| of(line).load(Ordering::Relaxed)).sum::<u64>()
        };
        let ip = |met: Met| sum(&|line: &Line| &line.ip[version as usize][met as usize]);
        let icmp = |way: usize, at: usize| sum(&|line: &Line| &line.icmp[version as usize][way][at]);
        let kinds = TYPES[version as usize];
        let all = (0..=kinds.len()).map(|at| IcmpStats {
            kind: kinds.get(at).copied(),
            in_pkts: icmp(0, at),
            out_pkts: icmp(1, at),
        });
        let (forwarded, judged) = (ip(Met::ForwardedIn), ip(Met::Judged));
        let (requests, out, uncut) = (ip(Met::Requested), ip(Met::ForwardedOut), ip(Met::Uncut));
        let (cut, pieces, fails) = (ip(Met::FragOk), ip(Met::FragCreate), ip(Met::TooBig) + uncut);
        // As RFC 4293 s3.2.3 draws it: what is cut goes, its pieces come. What waits has not left.
        let gone = cut + uncut + ip(Met::Waits);
        let left = (requests + out + pieces + ip(Met::Waited)).saturating_sub(gone);
        let told = self.left[version as usize].fetch_max(left, Ordering::Relaxed);
        IpStats {
            version,
            in_receives: (ip(Met::Other) + forwarded).saturating_sub(judged),
            in_hdr_errors: ip(Met::HdrError),
            in_no_routes: ip(Met::NoRoute),
            in_addr_errors: ip(Met::AddrError),
            in_unknown_protos: ip(Met::UnknownProto),
            in_forw_datagrams: forwarded + ip(Met::SentNowhere),
            reasm_reqds: ip(Met::ReasmReqd),
            reasm_oks: ip(Met::ReasmOk),
            reasm_fails: ip(Met::ReasmFail),
            in_delivers: ip(Met::Delivered),
            out_requests: requests,
            out_forw_datagrams: out,
            out_discards: ip(Met::OutDiscard),
            out_frag_reqds: cut + fails,
            out_frag_oks: cut,
            out_frag_fails: fails,
            out_frag_creates: pieces,
            out_transmits: left.max(told),
            icmp: all.filter(|stats| stats.in_pkts + stats.out_pkts > 0).collect(),
        }
    }
}

fn place(version: Version, kind: u8) -> usize {
    let kinds = TYPES[version as usize];
    kinds.iter().position(|known| *known == kind).unwrap_or(kinds.len())
}

/// Which version a packet of ours is, and of which type if it is an ICMP message, or the first piece of one.
fn nature(packet: &[u8]) -> Option<(Version, Option<u8>)> {
    let version = packet.first()? >> 4;
    if version == 4 {
        let header = usize::from(packet[0] & 0xf) * 4;
        let is_first =
            packet.get(6..8).is_some_and(|place| u16::from_be_bytes([place[0], place[1]]) & 0x1fff == 0);
        let is_icmp = packet.get(9) == Some(&IpProto::ICMP.0) && is_first;
        return Some((Version::V4, packet.get(header).copied().filter(|_| is_icmp)));
    }
    // No ARP.
    if version != 6 {
        return None;
    }
    // Ours have no header before it but options, as MLD has them.
    let mut at = ip6::HEADER_LEN;
    let mut next = *packet.get(6)?;
    if next == IpProto::HOP_BY_HOP.0 {
        (next, at) = (*packet.get(at)?, at + 8 + 8 * usize::from(*packet.get(at + 1)?));
    }
    Some((Version::V6, packet.get(at).copied().filter(|_| next == IpProto::ICMP6.0)))
}

/// Packets of one version that a worker has forwarded from one interface to another, and not put down yet.
#[derive(Debug)]
pub(crate) struct Forwarded {
    from: IfId,
    to: IfId,
    packets: u64,
}

impl Default for Forwarded {
    fn default() -> Forwarded {
        Forwarded { from: IfId::NONE, to: IfId::NONE, packets: 0 }
    }
}

impl Forwarded {
    /// So many more. Gives what is to be put down if the way is another.
    #[inline]
    pub(crate) fn note(&mut self, from: IfId, to: IfId, packets: u64) -> Option<Forwarded> {
        if self.from == from && self.to == to {
            self.packets += packets;
            return None;
        }
        Some(std::mem::replace(self, Forwarded { from, to, packets }))
    }

    /// What there is to be put down.
    #[inline]
    pub(crate) fn take(&mut self) -> Option<Forwarded> {
        (self.packets > 0).then(|| std::mem::take(self))
    }

    /// Puts it down, where the interfaces are that `mib` finds.
    pub(crate) fn put<'m>(self, worker: usize, version: Version, mib: impl Fn(IfId) -> Option<&'m Mib>) {
        if let Some(from) = mib(self.from) {
            from.add(worker, version, Met::ForwardedIn, self.packets);
        }
        if let Some(to) = mib(self.to) {
            to.add(worker, version, Met::ForwardedOut, self.packets);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_have_places_of_their_own() {
        for version in [Version::V4, Version::V6] {
            let mut places: Vec<usize> =
                TYPES[version as usize].iter().map(|kind| place(version, *kind)).collect();
            places.push(place(version, 250));
            assert_eq!(places, (0..places.len()).collect::<Vec<_>>());
            assert!(places.len() <= MOST_TYPES);
        }
    }

    #[test]
    fn what_is_forwarded_is_put_down_when_the_way_changes() {
        let [a, b] = [1, 2].map(|slot| IfId::from_u64(1 << 16 | slot));
        let (mut forwarded, mibs) = (Forwarded::default(), [Mib::new(2), Mib::new(2)]);
        let mib = |id: IfId| if id == a { Some(&mibs[0]) } else { (id == b).then_some(&mibs[1]) };
        for (from, to, packets) in [(a, b, 1), (b, a, 1), (a, b, 2)] {
            if let Some(before) = forwarded.note(from, to, packets) {
                before.put(1, Version::V6, mib);
            }
        }
        forwarded.take().unwrap().put(1, Version::V6, mib);
        assert!(forwarded.take().is_none());
        let [a, b] = [0, 1].map(|at: usize| mibs[at].stats(Version::V6));
        assert_eq!((a.in_forw_datagrams, a.out_forw_datagrams, a.in_receives), (3, 1, 3));
        assert_eq!((b.in_forw_datagrams, b.out_forw_datagrams), (1, 3));
    }

    #[test]
    fn messages_of_ours_by_their_type() {
        let mut mld = [0; 60];
        (mld[0], mld[6], mld[40], mld[48]) = (0x60, 0, 58, 143);
        let mut echo = [0; 48];
        (echo[0], echo[6], echo[40]) = (0x60, 58, 129);
        let mut old = [0; 28];
        (old[0], old[9], old[20]) = (0x45, 1, 8);
        let mut piece = old;
        piece[7] = 1;
        let mib = Mib::new(1);
        for packet in [&mld[..], &echo, &old, &piece, &[0x60; 3], &[], &[0, 1, 8, 0]] {
            mib.sends(0, packet);
        }
        mib.heard(0, Version::V6, 200);
        let told = |version: Version| {
            let stats = mib.stats(version);
            let kinds =
                stats.icmp.iter().map(|icmp| (icmp.kind, icmp.in_pkts, icmp.out_pkts)).collect::<Vec<_>>();
            (stats.out_requests, kinds)
        };
        assert_eq!(told(Version::V6), (2, vec![(Some(129), 0, 1), (Some(143), 0, 1), (None, 1, 0)]));
        assert_eq!(told(Version::V4), (2, vec![(Some(8), 0, 1)]));
    }
}
