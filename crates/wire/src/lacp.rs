//! Slow protocols: the LACPDU and the Marker PDU of link aggregation (IEEE 802.1AX-2014 s6.4.2, s6.5.3;
//! 802.3ad-2000 s43.4.2, s43.5.3).
//!
//! Both have the same 110 bytes after the Ethernet header whatever they say. [`SlowPdu::parse`] tells them
//! apart; a subtype of another protocol is not an error, but it is nothing to read here.

use core::fmt;

use zerocopy::FromBytes;
use zerocopy::Immutable;
use zerocopy::IntoBytes;
use zerocopy::KnownLayout;
use zerocopy::Unaligned;
use zerocopy::network_endian::U16;
use zerocopy::network_endian::U32;

use crate::Mac;
use crate::Malformed;
use crate::error::room;

/// Where frames of slow protocols go. No bridge forwards this group.
//= IEEE 802.1AX s6.4.2 [LACP-1]: the group that LACP and marker frames are sent to
pub const SLOW_MAC: Mac = Mac([0x01, 0x80, 0xc2, 0x00, 0x00, 0x02]);

/// Bytes of an LACPDU and of a Marker PDU, Ethernet header and check sequence not counted.
pub const SLOW_LEN: usize = 110;

/// The eight bits of a port's state, as in an LACPDU.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct LacpState(pub u8);

//= IEEE 802.1AX s6.4.2.3 [LACP-4]: which bit says what
impl LacpState {
    /// Active LACP: it speaks without having been spoken to. Clear: passive.
    pub const ACTIVITY: LacpState = LacpState(0x01);
    /// It wants an LACPDU each second (short timeout). Clear: every 30 seconds (long timeout).
    pub const TIMEOUT: LacpState = LacpState(0x02);
    /// It may share an aggregator with other ports. Clear: individual.
    pub const AGGREGATION: LacpState = LacpState(0x04);
    /// It is attached to the right aggregator.
    pub const SYNCHRONIZATION: LacpState = LacpState(0x08);
    /// It takes frames.
    pub const COLLECTING: LacpState = LacpState(0x10);
    /// It sends frames.
    pub const DISTRIBUTING: LacpState = LacpState(0x20);
    /// What it says of its partner was configured, not heard.
    pub const DEFAULTED: LacpState = LacpState(0x40);
    /// It has not heard its partner for too long.
    pub const EXPIRED: LacpState = LacpState(0x80);

    /// Whether all the bits of `bits` are set.
    pub const fn has(self, bits: LacpState) -> bool {
        self.0 & bits.0 == bits.0
    }

    /// With the bits of `bits` set as well.
    pub const fn with(self, bits: LacpState) -> LacpState {
        LacpState(self.0 | bits.0)
    }

    /// With the bits of `bits` cleared.
    pub const fn without(self, bits: LacpState) -> LacpState {
        LacpState(self.0 & !bits.0)
    }

    /// With the bits of `bits` set or cleared.
    pub const fn set(self, bits: LacpState, on: bool) -> LacpState {
        if on { self.with(bits) } else { self.without(bits) }
    }

    /// What the bits say, in full words: the first four whichever way they stand, the others when set.
    pub fn words(self) -> impl Iterator<Item = &'static str> {
        let named = [
            (Self::ACTIVITY, "active", "passive"),
            (Self::TIMEOUT, "short timeout", "long timeout"),
            (Self::AGGREGATION, "aggregatable", "individual"),
            (Self::SYNCHRONIZATION, "in sync", "out of sync"),
            (Self::COLLECTING, "collecting", ""),
            (Self::DISTRIBUTING, "distributing", ""),
            (Self::DEFAULTED, "defaulted", ""),
            (Self::EXPIRED, "expired", ""),
        ];
        named
            .into_iter()
            .map(move |(bit, set, clear)| if self.has(bit) { set } else { clear })
            .filter(|word| !word.is_empty())
    }
}

impl fmt::Display for LacpState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, word) in self.words().enumerate() {
            if i > 0 {
                f.write_str(", ")?;
            }
            f.write_str(word)?;
        }
        Ok(())
    }
}

/// A system's identity. The lower is the better one and decides where two disagree.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct LacpSystem {
    /// Lower is better.
    pub priority: u16,
    /// Decides between equal priorities.
    pub mac: Mac,
}

impl fmt::Display for LacpSystem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.priority, self.mac)
    }
}

/// What an LACPDU says of one end of the link.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct LacpInfo {
    /// Whose port it is.
    pub system: LacpSystem,
    /// Only ports of one key may share an aggregator.
    pub key: u16,
    /// Lower is better.
    pub port_priority: u16,
    /// The port's number in its system; 0 when unknown.
    pub port: u16,
    /// How the port stands.
    pub state: LacpState,
}

/// A message of the Link Aggregation Control Protocol.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Lacpdu {
    /// Who speaks.
    pub actor: LacpInfo,
    /// What the speaker knows of the one that it speaks to.
    pub partner: LacpInfo,
    /// How long the speaker may keep a frame before it delivers it, in tens of microseconds.
    pub collector_max_delay: u16,
}

impl Lacpdu {
    /// Writes the message to the front of `out` and says how many bytes it took.
    ///
    /// # Errors
    /// [`Malformed::NoRoom`] below 110 bytes.
    pub fn emit(&self, out: &mut [u8]) -> Result<usize, Malformed> {
        *room::<SLOW_LEN>(out)? = self.to_bytes();
        Ok(SLOW_LEN)
    }

    /// The message as it goes on the wire, after the Ethernet header.
    //= IEEE 802.1AX s6.4.2.3 [LACP-1]: subtype 1, version 1, actor, partner, collector, terminator: 110 octets
    pub fn to_bytes(&self) -> [u8; SLOW_LEN] {
        zerocopy::transmute!(RawLacpdu {
            subtype: SUBTYPE_LACP,
            version: VERSION,
            actor: RawInfo::new(TLV_ACTOR, &self.actor),
            partner: RawInfo::new(TLV_PARTNER, &self.partner),
            collector_type: TLV_COLLECTOR,
            collector_len: COLLECTOR_LEN,
            collector_max_delay: U16::new(self.collector_max_delay),
            collector_reserved: [0; 12],
            terminator: [0; 2],
            reserved: [0; 50],
        })
    }

    /// Bytes that [`Lacpdu::emit`] writes.
    pub const fn buffer_len(&self) -> usize {
        SLOW_LEN
    }

    //= IEEE 802.1AX s6.4.12 [LACP-2]: version, TLV types and reserved octets may have any value
    fn parse(raw: &RawLacpdu) -> Result<Lacpdu, Malformed> {
        // A later version may add information after the fields that we know, but moves none of them.
        if raw.actor.len != INFO_LEN || raw.partner.len != INFO_LEN {
            return Err(Malformed::BadLength);
        }
        // Nothing depends on the collector's delay: not worth a link.
        let has_delay = raw.collector_len == COLLECTOR_LEN;
        Ok(Lacpdu {
            actor: raw.actor.info(),
            partner: raw.partner.info(),
            collector_max_delay: if has_delay { raw.collector_max_delay.get() } else { 0 },
        })
    }
}

/// Whether a Marker PDU asks or answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum MarkerKind {
    /// "Send this back when you have delivered what came before it."
    Information,
    /// The answer.
    Response,
}

/// A message of the marker protocol (IEEE 802.1AX-2014 s6.5).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Marker {
    /// Question or answer.
    pub kind: MarkerKind,
    /// The port that asked.
    pub requester_port: u16,
    /// The system that asked.
    pub requester_system: Mac,
    /// Which of its questions.
    pub transaction: u32,
}

impl Marker {
    /// The answer to a question; an answer has none.
    //= IEEE 802.1AX s6.5.4 [LACP-11]: the same contents go back as a response
    pub const fn response(&self) -> Option<Marker> {
        match self.kind {
            MarkerKind::Information => Some(Marker { kind: MarkerKind::Response, ..*self }),
            MarkerKind::Response => None,
        }
    }

    /// Writes the message to the front of `out` and says how many bytes it took.
    ///
    /// # Errors
    /// [`Malformed::NoRoom`] below 110 bytes.
    pub fn emit(&self, out: &mut [u8]) -> Result<usize, Malformed> {
        *room::<SLOW_LEN>(out)? = self.to_bytes();
        Ok(SLOW_LEN)
    }

    /// The message as it goes on the wire, after the Ethernet header.
    pub fn to_bytes(&self) -> [u8; SLOW_LEN] {
        zerocopy::transmute!(RawMarker {
            subtype: SUBTYPE_MARKER,
            version: VERSION,
            kind: match self.kind {
                MarkerKind::Information => TLV_MARKER,
                MarkerKind::Response => TLV_MARKER_RESPONSE,
            },
            len: MARKER_LEN,
            requester_port: U16::new(self.requester_port),
            requester_system: self.requester_system,
            transaction: U32::new(self.transaction),
            pad: [0; 2],
            terminator: [0; 2],
            reserved: [0; 90],
        })
    }

    /// Bytes that [`Marker::emit`] writes.
    pub const fn buffer_len(&self) -> usize {
        SLOW_LEN
    }

    fn parse(raw: &RawMarker) -> Result<Marker, Malformed> {
        let kind = match raw.kind {
            TLV_MARKER => MarkerKind::Information,
            TLV_MARKER_RESPONSE => MarkerKind::Response,
            _ => return Err(Malformed::UnknownType),
        };
        if raw.len != MARKER_LEN {
            return Err(Malformed::BadLength);
        }
        Ok(Marker {
            kind,
            requester_port: raw.requester_port.get(),
            requester_system: raw.requester_system,
            transaction: raw.transaction.get(),
        })
    }
}

/// What a frame of [`EtherType::SLOW`](crate::EtherType::SLOW) carries.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum SlowPdu {
    /// Subtype 1.
    Lacp(Lacpdu),
    /// Subtype 2.
    Marker(Marker),
    /// Another slow protocol's subtype (3 is Ethernet OAM, 10 the organizations' own): not for link
    /// aggregation, whatever follows.
    Other(u8),
}

impl SlowPdu {
    /// Reads what follows the Ethernet header; bytes beyond the 110th are padding or of a later version.
    ///
    /// # Errors
    /// [`Malformed::Truncated`] when empty, or an LACPDU or Marker PDU below 110 bytes;
    /// [`Malformed::BadLength`] when the actor's, the partner's or the marker's TLV has a length other than
    /// its own; [`Malformed::UnknownType`] for a Marker PDU that neither asks nor answers.
    pub fn parse(bytes: &[u8]) -> Result<SlowPdu, Malformed> {
        //= IEEE 802.1AX s6.4.2.3 [LACP-2]: only subtypes 1 and 2 are ours
        match bytes.first() {
            None => Err(Malformed::Truncated),
            Some(&SUBTYPE_LACP) => {
                let (raw, _) = RawLacpdu::ref_from_prefix(bytes).map_err(|_| Malformed::Truncated)?;
                Lacpdu::parse(raw).map(SlowPdu::Lacp)
            }
            Some(&SUBTYPE_MARKER) => {
                let (raw, _) = RawMarker::ref_from_prefix(bytes).map_err(|_| Malformed::Truncated)?;
                Marker::parse(raw).map(SlowPdu::Marker)
            }
            Some(&other) => Ok(SlowPdu::Other(other)),
        }
    }
}

const SUBTYPE_LACP: u8 = 1;
const SUBTYPE_MARKER: u8 = 2;
const VERSION: u8 = 1;
const TLV_ACTOR: u8 = 1;
const TLV_PARTNER: u8 = 2;
const TLV_COLLECTOR: u8 = 3;
const TLV_MARKER: u8 = 1;
const TLV_MARKER_RESPONSE: u8 = 2;
const INFO_LEN: u8 = 20;
const COLLECTOR_LEN: u8 = 16;
const MARKER_LEN: u8 = 16;

#[derive(FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C)]
struct RawInfo {
    kind: u8,
    len: u8,
    system_priority: U16,
    system: Mac,
    key: U16,
    port_priority: U16,
    port: U16,
    state: u8,
    reserved: [u8; 3],
}

impl RawInfo {
    fn new(kind: u8, info: &LacpInfo) -> RawInfo {
        RawInfo {
            kind,
            len: INFO_LEN,
            system_priority: U16::new(info.system.priority),
            system: info.system.mac,
            key: U16::new(info.key),
            port_priority: U16::new(info.port_priority),
            port: U16::new(info.port),
            state: info.state.0,
            reserved: [0; 3],
        }
    }

    fn info(&self) -> LacpInfo {
        LacpInfo {
            system: LacpSystem { priority: self.system_priority.get(), mac: self.system },
            key: self.key.get(),
            port_priority: self.port_priority.get(),
            port: self.port.get(),
            state: LacpState(self.state),
        }
    }
}

#[derive(FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C)]
struct RawLacpdu {
    subtype: u8,
    version: u8,
    actor: RawInfo,
    partner: RawInfo,
    collector_type: u8,
    collector_len: u8,
    collector_max_delay: U16,
    collector_reserved: [u8; 12],
    terminator: [u8; 2],
    reserved: [u8; 50],
}

#[derive(FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C)]
struct RawMarker {
    subtype: u8,
    version: u8,
    kind: u8,
    len: u8,
    requester_port: U16,
    requester_system: Mac,
    transaction: U32,
    pad: [u8; 2],
    terminator: [u8; 2],
    reserved: [u8; 90],
}

#[cfg(test)]
mod tests {
    extern crate alloc;

    use alloc::string::ToString;

    use proptest::prelude::*;

    use super::*;

    const PDU: Lacpdu = Lacpdu {
        actor: LacpInfo {
            system: LacpSystem { priority: 0x8000, mac: Mac([2, 0, 0, 0, 0, 1]) },
            key: 0x0011,
            port_priority: 0x00ff,
            port: 3,
            state: LacpState(0x3d),
        },
        partner: LacpInfo {
            system: LacpSystem { priority: 0x7fff, mac: Mac([2, 0, 0, 0, 0, 2]) },
            key: 0x0a0b,
            port_priority: 0x8001,
            port: 0x0102,
            state: LacpState(0xc7),
        },
        collector_max_delay: 0x1234,
    };

    #[rustfmt::skip]
    const HEAD: [u8; 60] = [
        1, 1,
        1, 20, 0x80, 0x00, 2, 0, 0, 0, 0, 1, 0x00, 0x11, 0x00, 0xff, 0x00, 0x03, 0x3d, 0, 0, 0,
        2, 20, 0x7f, 0xff, 2, 0, 0, 0, 0, 2, 0x0a, 0x0b, 0x80, 0x01, 0x01, 0x02, 0xc7, 0, 0, 0,
        3, 16, 0x12, 0x34, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
        0, 0,
    ];

    #[rustfmt::skip]
    const MARKER_HEAD: [u8; 20] = [
        2, 1,
        1, 16, 0x00, 0x07, 2, 0, 0, 0, 0, 9, 0xde, 0xad, 0xbe, 0xef, 0, 0,
        0, 0,
    ];

    fn padded<const N: usize>(head: [u8; N]) -> [u8; SLOW_LEN] {
        let mut bytes = [0; SLOW_LEN];
        bytes[..N].copy_from_slice(&head);
        bytes
    }

    #[test]
    fn an_lacpdu_by_hand_lacp_1() {
        let bytes = padded(HEAD);
        assert_eq!(PDU.to_bytes(), bytes);
        assert_eq!(SlowPdu::parse(&bytes), Ok(SlowPdu::Lacp(PDU)));
        let mut out = [9; 120];
        assert_eq!(PDU.emit(&mut out), Ok(110));
        assert_eq!(out[..110], bytes);
        assert_eq!(PDU.emit(&mut out[..109]), Err(Malformed::NoRoom));
        assert_eq!(SlowPdu::parse(&bytes[..109]), Err(Malformed::Truncated));
        assert_eq!(SlowPdu::parse(&[]), Err(Malformed::Truncated));
        assert_eq!(SLOW_MAC.to_string(), "01:80:c2:00:00:02");
    }

    #[test]
    fn version_types_and_reserved_octets_do_not_matter_lacp_2() {
        let mut bytes = [0; 128];
        bytes[..SLOW_LEN].copy_from_slice(&padded(HEAD));
        bytes[1] = 2;
        for at in [2, 19, 20, 21, 22, 39, 40, 41, 42, 46, 57, 58, 59].into_iter().chain(60..128) {
            bytes[at] = 0xa5;
        }
        assert_eq!(SlowPdu::parse(&bytes), Ok(SlowPdu::Lacp(PDU)));
        // A collector TLV of another length has no delay to read.
        bytes[43] = 8;
        assert_eq!(SlowPdu::parse(&bytes), Ok(SlowPdu::Lacp(Lacpdu { collector_max_delay: 0, ..PDU })));
    }

    #[test]
    fn lengths_that_would_move_the_fields_are_refused_lacp_2() {
        for at in [3, 23] {
            let mut bytes = padded(HEAD);
            bytes[at] = 21;
            assert_eq!(SlowPdu::parse(&bytes), Err(Malformed::BadLength), "octet {at}");
        }
    }

    #[test]
    fn other_subtypes_are_told_apart_lacp_2() {
        for subtype in [0, 3, 10, 255] {
            assert_eq!(SlowPdu::parse(&[subtype]), Ok(SlowPdu::Other(subtype)));
        }
    }

    #[test]
    fn a_marker_by_hand_and_its_answer_lacp_11() {
        let marker = Marker {
            kind: MarkerKind::Information,
            requester_port: 7,
            requester_system: Mac([2, 0, 0, 0, 0, 9]),
            transaction: 0xdead_beef,
        };
        let bytes = padded(MARKER_HEAD);
        assert_eq!(marker.to_bytes(), bytes);
        assert_eq!(SlowPdu::parse(&bytes), Ok(SlowPdu::Marker(marker)));
        assert_eq!(SlowPdu::parse(&bytes[..109]), Err(Malformed::Truncated));

        let mut answer = bytes;
        answer[2] = 2;
        let response = marker.response().unwrap();
        assert_eq!(response.to_bytes(), answer);
        assert_eq!(SlowPdu::parse(&answer), Ok(SlowPdu::Marker(response)));
        assert_eq!(response.response(), None, "an answer is not answered");

        answer[2] = 3;
        assert_eq!(SlowPdu::parse(&answer), Err(Malformed::UnknownType));
        let mut long = bytes;
        long[3] = 20;
        assert_eq!(SlowPdu::parse(&long), Err(Malformed::BadLength));
        // Version, pad and what follows do not matter.
        let mut strange = bytes;
        strange[1] = 9;
        strange[16..].fill(0xa5);
        assert_eq!(SlowPdu::parse(&strange), Ok(SlowPdu::Marker(marker)));
    }

    #[test]
    fn the_bits_in_full_words_lacp_4() {
        assert_eq!(LacpState(0).to_string(), "passive, long timeout, individual, out of sync");
        assert_eq!(
            LacpState(0xff).to_string(),
            "active, short timeout, aggregatable, in sync, collecting, distributing, defaulted, expired"
        );
        assert_eq!(
            LacpState(0x3d).to_string(),
            "active, long timeout, aggregatable, in sync, collecting, distributing"
        );
        let bits = [
            LacpState::ACTIVITY,
            LacpState::TIMEOUT,
            LacpState::AGGREGATION,
            LacpState::SYNCHRONIZATION,
            LacpState::COLLECTING,
            LacpState::DISTRIBUTING,
            LacpState::DEFAULTED,
            LacpState::EXPIRED,
        ];
        for (i, bit) in bits.into_iter().enumerate() {
            assert_eq!(bit.0, 1 << i);
            assert!(LacpState(0xff).has(bit) && !LacpState(0xff).without(bit).has(bit));
            assert_eq!(LacpState(0).set(bit, true), bit);
            assert_eq!(bit.set(bit, false), LacpState(0));
        }
    }

    #[test]
    fn the_better_system_is_the_lower_one() {
        let (a, b) = (PDU.actor.system, PDU.partner.system);
        assert!(b < a, "priority comes first");
        assert!(LacpSystem { priority: 1, ..a } < LacpSystem { priority: 1, ..b }, "then the address");
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_without_a_panic_lacp_2(
            mut bytes in proptest::collection::vec(any::<u8>(), 0..160),
            subtype in 0u8..4,
            good_lengths: bool,
        ) {
            if let Some(first) = bytes.first_mut() {
                *first = subtype;
            }
            // Random bytes alone would hardly ever pass the lengths.
            if good_lengths && bytes.len() >= 24 {
                bytes[2] = 1 + bytes[2] % 2;
                bytes[3] = if subtype == 1 { 20 } else { 16 };
                bytes[23] = 20;
            }
            match SlowPdu::parse(&bytes) {
                Ok(SlowPdu::Lacp(pdu)) => {
                    prop_assert_eq!(subtype, 1);
                    prop_assert_eq!(SlowPdu::parse(&pdu.to_bytes()), Ok(SlowPdu::Lacp(pdu)));
                }
                Ok(SlowPdu::Marker(marker)) => {
                    prop_assert_eq!(subtype, 2);
                    prop_assert_eq!(SlowPdu::parse(&marker.to_bytes()), Ok(SlowPdu::Marker(marker)));
                }
                Ok(SlowPdu::Other(other)) => prop_assert_eq!(other, subtype),
                Err(_) => prop_assert!(bytes.is_empty() || subtype == 1 || subtype == 2),
            }
        }

        #[test]
        fn whatever_is_in_the_fields_reads_back_lacp_1(fields in any::<[u8; 32]>(), delay: u16) {
            let word = |at: usize| u16::from_be_bytes([fields[at], fields[at + 1]]);
            let info = |at: usize| LacpInfo {
                system: LacpSystem {
                    priority: word(at),
                    mac: Mac([1, 2, fields[at + 2], fields[at + 3], fields[at + 4], fields[at + 5]]),
                },
                key: word(at + 6),
                port_priority: word(at + 8),
                port: word(at + 10),
                state: LacpState(fields[at + 12]),
            };
            let pdu = Lacpdu { actor: info(0), partner: info(16), collector_max_delay: delay };
            prop_assert_eq!(SlowPdu::parse(&pdu.to_bytes()), Ok(SlowPdu::Lacp(pdu)));
        }
    }
}
