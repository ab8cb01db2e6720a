//! Path MTU discovery in the stack: Packet Too Big that is heard, and what output asks.
//!
//! # Locks
//!
//! A leaf while an estimate changes. Workers read a [snapshot](crate::snapshot); packets that any link takes do not
//! even look. # Teardown: estimates of an interface's own scope go with it.

use std::hash::Hasher;
use std::net::Ipv6Addr;

use siding_lockorder::After;
use siding_lockorder::Ctx;
use siding_lockorder::Mutex;
use siding_lockorder::Unlocked;
use siding_netisr::IfId;
use siding_netisr::Instant;
use siding_netisr::sync::atomic::AtomicU64;
use siding_netisr::sync::atomic::Ordering;
use siding_wire::IpProto;
use siding_wire::ext6;
use siding_wire::icmp6::Icmp6Type;
use siding_wire::ip6;
use siding_wire::ip6::HEADER_LEN;
use siding_wire::ip6::Ip6Repr;
use siphasher::sip::SipHasher13;

use super::output::route;
use super::path_mtu::Heard;
use super::path_mtu::Path;
use super::path_mtu::PathMtuReport;
use super::path_mtu::PathMtus;
use crate::config::Config;
use crate::drops::DropReason;
use crate::event::Event;
use crate::ifnet::Interface;
use crate::limits::LimitReport;
use crate::limits::Usage;
use crate::ranks;
use crate::snapshot::Reader;
use crate::snapshot::Snapshot;
use crate::worker::Local;

/// All that is known of paths.
pub(crate) struct Paths {
    current: Snapshot<PathMtus>,
    /// Held while the snapshot is replaced.
    change: Mutex<ranks::Leaf, ()>,
    /// What we sent that some links would not take, by its hash: who complains of other packets lies.
    sent: Box<[AtomicU64]>,
    secret: u64,
    limit: usize,
    usage: Usage,
}

/// Large packets that are remembered as having been sent. Of two that share a place the later counts.
const SENT: usize = 1024;

/// Octets behind the fixed header by which a packet is known again: an echo's checksum, identifier and number, or a
/// fragment's number.
const MARK: usize = 8;

impl Paths {
    pub(crate) fn new(limit: usize, secret: u64) -> Paths {
        Paths {
            current: Snapshot::new(PathMtus::new(limit)),
            change: Mutex::new(()),
            sent: (0..SENT).map(|_| AtomicU64::new(0)).collect(),
            secret,
            limit: limit.max(1),
            usage: Usage::default(),
        }
    }

    pub(crate) fn reader(&self) -> Reader<PathMtus> {
        self.current.reader()
    }

    /// Every estimate that holds.
    pub(crate) fn report(&self, now: Instant) -> Vec<PathMtuReport> {
        self.current.load().report(now)
    }

    pub(crate) fn limits(&self) -> LimitReport {
        LimitReport::new("path-mtus", self.limit, self.current.load().len()).with(&self.usage)
    }

    /// Forgets estimates: those that `goes` picks.
    pub(crate) fn forget<L>(&self, ctx: &mut Ctx<'_, L>, goes: impl Fn(&Path) -> bool) -> usize
    where
        ranks::Leaf: After<L>,
    {
        let (_change, _ctx) = ctx.lock(&self.change);
        let mut paths = (*self.current.load()).clone();
        let before = paths.len();
        paths.retain(|path| !goes(path));
        let gone = before - paths.len();
        if gone > 0 {
            self.current.publish(paths);
        }
        gone
    }

    fn hear<L>(&self, ctx: &mut Ctx<'_, L>, now: Instant, path: Path, reported: u32, link: u16) -> Heard
    where
        ranks::Leaf: After<L>,
    {
        // Most say nothing new, and cost no copy.
        if let Some(nothing) = self.current.load().nothing_new(now, &path, reported, link) {
            return nothing;
        }
        let (_change, _ctx) = ctx.lock(&self.change);
        let mut paths = (*self.current.load()).clone();
        let (heard, evicted) = paths.hear(now, path, reported, link);
        if evicted {
            self.usage.refuse();
        }
        if matches!(heard, Heard::Lowered { .. }) {
            self.usage.note(paths.len());
            self.current.publish(paths);
        }
        heard
    }

    /// Remembers a packet of ours that is larger than every link takes, or a piece of one.
    pub(super) fn note_sent(&self, header: &Ip6Repr, payload: &[u8]) {
        if let Some(hash) = self.hash(header, payload) {
            self.sent[hash as usize % SENT].store(hash, Ordering::Relaxed);
        }
    }

    /// Whether a quoted packet is one that we sent, whoever waits for its answer by now.
    fn was_sent(&self, header: &Ip6Repr, payload: &[u8]) -> bool {
        let hash = self.hash(header, payload);
        hash.is_some_and(|hash| self.sent[hash as usize % SENT].load(Ordering::Relaxed) == hash)
    }

    fn hash(&self, header: &Ip6Repr, payload: &[u8]) -> Option<u64> {
        let mut mark = *payload.first_chunk::<MARK>()?;
        if header.next_header == IpProto::FRAGMENT {
            // Of a packet's fragments any may be the one that is too big: where it belongs does not count.
            mark[2..4].fill(0);
        }
        let mut hasher = SipHasher13::new_with_keys(self.secret, 1);
        hasher.write_u128(header.src.to_bits());
        hasher.write_u128(header.dst.to_bits());
        hasher.write_u8(header.next_header.0);
        hasher.write(&mark);
        // 0 stands for nothing.
        Some(hasher.finish() | 1 << 63)
    }
}

/// The largest packet of our own that may go to `dst` by `out`, in bytes. To be asked for packets above the least MTU.
pub(crate) fn mtu(local: &mut Local, dst: Ipv6Addr, out: &Interface) -> usize {
    local.paths.refresh(&local.shared.paths.current);
    let estimate = local.paths.value().mtu(local.now, &path(dst, out.ifnet.id));
    usize::from(estimate.map_or(out.mtu, |mtu| mtu.min(out.mtu)))
}

/// A router tells that a packet of ours was too big. False if that cannot be.
//= RFC 8201 s4 [8201-1]: only if it quotes what we can have sent, and only above the least MTU.
pub(crate) fn too_big(
    ctx: &mut Ctx<'_, Unlocked>,
    local: &mut Local,
    config: &Config,
    on: &Interface,
    reported: u32,
    quoted: &[u8],
) -> bool {
    let learnt = plausible(local, config, on, reported, quoted).and_then(|dst| {
        let (out, _) = route(config, dst, on.ifnet.id)?;
        let path = path(dst, out.ifnet.id);
        Some((dst, local.shared.paths.hear(ctx, local.now, path, reported, out.mtu)))
    });
    match learnt {
        Some((addr, Heard::Lowered { from, to })) => {
            local.tell(Event::PathMtu { addr, from, to });
            true
        }
        Some((_, Heard::NotLower)) => true,
        Some((_, Heard::TooSmall)) | None => {
            local.count(on.ifnet.id, DropReason::BadPacketTooBig);
            false
        }
    }
}

/// The destination of the quoted packet, if it was one of ours that was too big.
//= RFC 8201 s3, s4: each of several that a packet to a group brings counts, also when nobody waits any more.
fn plausible(
    local: &Local,
    config: &Config,
    on: &Interface,
    reported: u32,
    quoted: &[u8],
) -> Option<Ipv6Addr> {
    let (header, payload) = quoted_header(quoted)?;
    let len = HEADER_LEN + usize::from(header.payload_len);
    let ours = config.owner6(header.src, on.ifnet.id).is_some();
    let theirs = config.local6(header.dst, on.ifnet.id).is_none();
    let sent = || local.shared.paths.was_sent(&header, payload);
    (ours && theirs && len > reported as usize && sent()).then_some(header.dst)
}

/// The fixed header of a packet that an error quotes in part, and what there is behind it.
pub(crate) fn quoted_header(quoted: &[u8]) -> Option<(Ip6Repr, &[u8])> {
    let (bytes, payload) = quoted.split_first_chunk::<HEADER_LEN>()?;
    let mut bytes = *bytes;
    let payload_len = u16::from_be_bytes([bytes[4], bytes[5]]);
    // The packet was cut to fit the error: its length promises more than came.
    bytes[4..6].fill(0);
    let (header, _) = Ip6Repr::parse(&bytes).ok()?;
    Some((Ip6Repr { payload_len, ..header }, payload))
}

/// Identifier and number of a quoted echo request, if it is one and its header is there.
pub(crate) fn echo_request(header: &Ip6Repr, payload: &[u8]) -> Option<(u16, u16)> {
    let upper = ext6::walk(header.next_header, payload, |_| {}).ok()?;
    let begins = upper.fragment.is_none_or(|fragment| fragment.offset == 0);
    if upper.proto != IpProto::ICMP6 || !begins {
        return None;
    }
    match payload.get(upper.offset..)? {
        [kind, _, _, _, a, b, c, d, ..] if Icmp6Type(*kind) == Icmp6Type::ECHO_REQUEST => {
            Some((u16::from_be_bytes([*a, *b]), u16::from_be_bytes([*c, *d])))
        }
        _ => None,
    }
}

fn path(destination: Ipv6Addr, out: IfId) -> Path {
    let scoped = ip6::is_link_local(destination) || destination.is_multicast();
    Path { destination, zone: if scoped { out } else { IfId::NONE } }
}
