//! IPv6 extension headers: RFC 8200 s4.
//!
//! [`Walker`] goes from header to header up to the upper-layer protocol. Each step consumes at least eight
//! octets, so a walk is bounded by the payload. All *pointers* count from the first octet of the IPv6 header,
//! as ICMPv6 Parameter Problem wants them; all *offsets* count from the first octet of the payload.

use zerocopy::FromBytes;
use zerocopy::Immutable;
use zerocopy::IntoBytes;
use zerocopy::KnownLayout;
use zerocopy::Unaligned;
use zerocopy::network_endian::U16;
use zerocopy::network_endian::U32;

use crate::IpProto;
use crate::Malformed;
use crate::error::room;
use crate::ip6;

/// Bytes of a fragment header.
pub const FRAGMENT_LEN: usize = 8;

/// An iterator over the extension headers of a packet. After the last one, [`Walker::upper`] says what
/// follows.
#[derive(Debug, Clone)]
pub struct Walker<'a> {
    payload: &'a [u8],
    next: IpProto,
    at: usize,
    /// Where the field stands that says `next`.
    pointer: usize,
    fragment: Option<FragmentRepr>,
    done: bool,
}

impl<'a> Walker<'a> {
    /// Begins at `payload`, which follows a fixed header that announced `next_header`.
    pub const fn new(next_header: IpProto, payload: &'a [u8]) -> Walker<'a> {
        Walker { payload, next: next_header, at: 0, pointer: 6, fragment: None, done: false }
    }

    /// What follows the headers that have been walked: the upper layer, once the iterator has ended.
    pub const fn upper(&self) -> Upper {
        Upper { proto: self.next, offset: self.at, pointer: self.pointer, fragment: self.fragment }
    }

    fn step(&mut self) -> Result<Option<ExtHeader<'a>>, ExtError> {
        //= RFC 8200 s4 [8200-1]: headers are taken as they stand, in any order and number
        match self.next {
            IpProto::HOP_BY_HOP if self.at != 0 => {
                //= RFC 8200 s4 [8200-1]: hop-by-hop options elsewhere than first are an unknown next header
                Err(ExtError { cause: Malformed::HopByHopNotFirst, pointer: self.pointer })
            }
            IpProto::HOP_BY_HOP | IpProto::ROUTING | IpProto::FRAGMENT | IpProto::DST_OPTS => {
                self.header().map(Some)
            }
            // ESP and AH end the walk: they have lengths of their own, and what follows is theirs to say.
            _ => Ok(None),
        }
    }

    fn header(&mut self) -> Result<ExtHeader<'a>, ExtError> {
        let pointer = ip6::HEADER_LEN + self.at;
        let truncated = ExtError { cause: Malformed::Truncated, pointer };
        let rest = self.payload.get(self.at..).ok_or(truncated)?;
        let (&[next, len_field], _) = rest.split_first_chunk::<2>().ok_or(truncated)?;
        let len = match self.next {
            IpProto::FRAGMENT => FRAGMENT_LEN,
            _ => 8 + 8 * usize::from(len_field),
        };
        let bytes = rest.get(..len).ok_or(truncated)?;
        let kind = match self.next {
            IpProto::HOP_BY_HOP => ExtKind::HopByHop(Options::new(bytes, pointer)),
            IpProto::DST_OPTS => ExtKind::DstOpts(Options::new(bytes, pointer)),
            IpProto::ROUTING => {
                ExtKind::Routing { kind: bytes[2], segments_left: bytes[3], data: &bytes[4..] }
            }
            _ => {
                let (fragment, _) = FragmentRepr::parse(bytes).map_err(|_| truncated)?;
                self.fragment = Some(fragment);
                // What follows a later fragment is no header but the middle of something.
                self.done = fragment.offset != 0;
                ExtKind::Fragment(fragment)
            }
        };
        let header = ExtHeader { kind, next_header: IpProto(next), offset: self.at, len };
        self.next = IpProto(next);
        self.pointer = pointer;
        self.at += len;
        Ok(header)
    }
}

impl<'a> Iterator for Walker<'a> {
    type Item = Result<ExtHeader<'a>, ExtError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.done {
            return None;
        }
        let step = self.step();
        if !matches!(step, Ok(Some(_))) {
            self.done = true;
        }
        step.transpose()
    }
}

/// Shows every extension header to `each` and returns what follows them.
///
/// # Errors
/// [`ExtError`] where a header is cut short or hop-by-hop options stand in the wrong place. The headers
/// before it have been shown.
pub fn walk<'a>(
    next_header: IpProto,
    payload: &'a [u8],
    mut each: impl FnMut(&ExtHeader<'a>),
) -> Result<Upper, ExtError> {
    let mut walker = Walker::new(next_header, payload);
    for header in &mut walker {
        each(&header?);
    }
    Ok(walker.upper())
}

/// What follows the extension headers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Upper {
    /// The upper-layer protocol, [`IpProto::NO_NEXT`], or one that the walk does not enter ([`IpProto::ESP`]
    /// ...).
    pub proto: IpProto,
    /// Where it begins in the payload; at most the payload's length.
    pub offset: usize,
    /// Where the next header field stands that announced it: the pointer for "unrecognised next header".
    pub pointer: usize,
    /// The fragment header, if there was one. Unless its offset is 0, no upper-layer header begins at
    /// `offset`.
    pub fragment: Option<FragmentRepr>,
}

/// One extension header.
#[derive(Debug, Clone)]
pub struct ExtHeader<'a> {
    /// Which one, and what it says.
    pub kind: ExtKind<'a>,
    /// What it says follows.
    pub next_header: IpProto,
    /// Where it begins in the payload.
    pub offset: usize,
    /// Its length in octets, a multiple of 8.
    pub len: usize,
}

impl ExtHeader<'_> {
    /// Where the header begins, from the start of the IPv6 header.
    pub const fn pointer(&self) -> usize {
        ip6::HEADER_LEN + self.offset
    }
}

/// The contents of an extension header.
#[derive(Debug, Clone)]
pub enum ExtKind<'a> {
    /// Options for every node on the way.
    HopByHop(Options<'a>),
    /// Options for the destination.
    DstOpts(Options<'a>),
    /// A routing header. Its type stands at [`ExtHeader::pointer`] + 2.
    Routing {
        /// Routing type.
        kind: u8,
        /// Nodes still to visit. A node that does not know the type skips the header if this is 0 (RFC 8200
        /// s4.4).
        segments_left: u8,
        /// The type's own data.
        data: &'a [u8],
    },
    /// A fragment header.
    Fragment(FragmentRepr),
}

/// An iterator over the TLV options of one header; padding is passed over.
#[derive(Debug, Clone)]
pub struct Options<'a> {
    bytes: &'a [u8],
    at: usize,
    base: usize,
}

impl<'a> Options<'a> {
    /// The options of `header`, which begins `pointer` octets into the packet.
    pub const fn new(header: &'a [u8], pointer: usize) -> Options<'a> {
        Options { bytes: header, at: 2, base: pointer }
    }

    /// Whether a router alert for MLD is among the options (RFC 2711, RFC 3810 s5).
    pub fn has_mld_router_alert(&self) -> bool {
        self.clone().map_while(Result::ok).any(|opt| opt.kind == OPT_ROUTER_ALERT && opt.data == [0, 0])
    }
}

impl<'a> Iterator for Options<'a> {
    type Item = Result<Opt<'a>, ExtError>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let at = self.at;
            let (&kind, rest) = self.bytes.get(at..)?.split_first()?;
            if kind == OPT_PAD1 {
                self.at += 1;
                continue;
            }
            let Some(data) = rest.split_first().and_then(|(len, rest)| rest.get(..usize::from(*len))) else {
                self.at = self.bytes.len();
                return Some(Err(ExtError { cause: Malformed::BadOption, pointer: self.base + at }));
            };
            self.at += 2 + data.len();
            if kind != OPT_PADN {
                return Some(Ok(Opt { kind, data, pointer: self.base + at }));
            }
        }
    }
}

/// One option of a hop-by-hop or destination options header.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Opt<'a> {
    /// Option type, action bits included.
    pub kind: u8,
    /// What follows its length field.
    pub data: &'a [u8],
    /// Where its type stands, from the start of the IPv6 header.
    pub pointer: usize,
}

impl Opt<'_> {
    /// What a node does with the packet that does not know this option.
    pub const fn action(&self) -> OptAction {
        //= RFC 8200 s4.2 [8200-2]: the two highest bits of the type say what becomes of the packet
        match self.kind >> 6 {
            0 => OptAction::Skip,
            1 => OptAction::Discard,
            2 => OptAction::Report,
            _ => OptAction::ReportUnlessMulticast,
        }
    }
}

/// What the type of an unknown option asks for (RFC 8200 s4.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OptAction {
    /// Passed over.
    Skip,
    /// The packet is dropped in silence.
    Discard,
    /// Dropped, with Parameter Problem code 2, even if sent to a group.
    Report,
    /// Dropped, with Parameter Problem code 2 unless sent to a group.
    ReportUnlessMulticast,
}

/// A fragment header (RFC 8200 s4.5).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FragmentRepr {
    /// What follows; for a later fragment, what the first one began with.
    pub next_header: IpProto,
    /// Where this fragment belongs, in octets; a multiple of 8, at most 65 528.
    pub offset: u16,
    /// Not the last fragment.
    pub more: bool,
    /// Which packet this is a piece of.
    pub ident: u32,
}

impl FragmentRepr {
    /// Reads the header; returns it and what follows.
    ///
    /// # Errors
    /// [`Malformed::Truncated`] below 8 bytes.
    pub fn parse(bytes: &[u8]) -> Result<(FragmentRepr, &[u8]), Malformed> {
        let (raw, rest) = RawFragment::ref_from_prefix(bytes).map_err(|_| Malformed::Truncated)?;
        let field = raw.offset_more.get();
        let repr = FragmentRepr {
            next_header: IpProto(raw.next_header),
            // The thirteen bits stand where they would have to be shifted to, to count octets.
            offset: field & !7,
            more: field & 1 != 0,
            ident: raw.ident.get(),
        };
        Ok((repr, rest))
    }

    /// Writes the header to the front of `out` and says how many bytes it took.
    ///
    /// # Errors
    /// [`Malformed::NoRoom`] below 8 bytes.
    pub fn emit(&self, out: &mut [u8]) -> Result<usize, Malformed> {
        *room::<FRAGMENT_LEN>(out)? = zerocopy::transmute!(RawFragment {
            next_header: self.next_header.0,
            reserved: 0,
            offset_more: U16::new(self.offset & !7 | u16::from(self.more)),
            ident: U32::new(self.ident),
        });
        Ok(FRAGMENT_LEN)
    }

    /// Bytes that [`FragmentRepr::emit`] writes.
    pub const fn buffer_len(&self) -> usize {
        FRAGMENT_LEN
    }

    /// Whether the packet is whole in spite of its fragment header (RFC 6946).
    pub const fn is_atomic(&self) -> bool {
        self.offset == 0 && !self.more
    }
}

/// Where and why a walk ended early.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ExtError {
    /// What is wrong.
    pub cause: Malformed,
    /// The octet at fault, from the start of the IPv6 header.
    pub pointer: usize,
}

impl core::fmt::Display for ExtError {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "{}, at octet {}", self.cause, self.pointer)
    }
}

impl core::error::Error for ExtError {}

/// One octet of padding.
pub const OPT_PAD1: u8 = 0;
/// Padding of two octets or more.
pub const OPT_PADN: u8 = 1;
/// Router alert (RFC 2711).
pub const OPT_ROUTER_ALERT: u8 = 5;

#[derive(FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C)]
struct RawFragment {
    next_header: u8,
    reserved: u8,
    offset_more: U16,
    ident: U32,
}

#[cfg(test)]
mod tests {
    use super::*;

    extern crate std;
    use std::vec::Vec;

    const HBH_ALERT: [u8; 8] = [60, 0, 5, 2, 0, 0, 1, 0];
    const DST: [u8; 16] = [43, 1, 0, 0xc2, 1, 7, 0x8f, 2, 1, 2, 0x45, 0, 1, 2, 0, 0];
    const ROUTING: [u8; 8] = [44, 0, 4, 1, 9, 9, 9, 9];
    const FIRST: [u8; 8] = [58, 0, 0, 1, 0, 0, 0xab, 0xcd];

    fn chain() -> Vec<u8> {
        [&HBH_ALERT[..], &DST, &ROUTING, &FIRST, &[128, 0, 1, 2]].concat()
    }

    #[test]
    fn a_chain_by_hand_8200_1() {
        let payload = chain();
        let mut seen = Vec::new();
        let upper = walk(IpProto::HOP_BY_HOP, &payload, |header| {
            seen.push((header.offset, header.len, header.pointer(), header.next_header.0));
        })
        .unwrap();
        assert_eq!(seen, [(0, 8, 40, 60), (8, 16, 48, 43), (24, 8, 64, 44), (32, 8, 72, 58)]);
        let fragment = FragmentRepr { next_header: IpProto::ICMP6, offset: 0, more: true, ident: 0xabcd };
        assert_eq!(upper, Upper { proto: IpProto::ICMP6, offset: 40, pointer: 72, fragment: Some(fragment) });
    }

    #[test]
    fn without_extension_headers_the_pointer_is_the_fixed_headers_8200_1() {
        let upper = walk(IpProto(200), &[1, 2, 3], |_| panic!("no extension header")).unwrap();
        assert_eq!(upper, Upper { proto: IpProto(200), offset: 0, pointer: 6, fragment: None });
        for proto in [IpProto::NO_NEXT, IpProto::ESP, IpProto::AH] {
            assert_eq!(walk(proto, &[], |_| {}).map(|upper| upper.proto), Ok(proto));
        }
    }

    #[test]
    fn hop_by_hop_only_first_8200_1() {
        let payload = [0, 0, 1, 4, 0, 0, 0, 0, 58, 0, 1, 4, 0, 0, 0, 0];
        let err = walk(IpProto::DST_OPTS, &payload, |_| {}).unwrap_err();
        assert_eq!(err, ExtError { cause: Malformed::HopByHopNotFirst, pointer: 40 });
        let mut walker = Walker::new(IpProto::HOP_BY_HOP, &payload);
        assert!(walker.next().unwrap().is_ok());
        assert!(walker.next().unwrap().is_err());
        assert!(walker.next().is_none(), "the walk ends at its first error");
    }

    #[test]
    fn a_cut_chain_is_told_with_its_place() {
        let payload = chain();
        for (cut, at) in [(7, 40), (8, 48), (23, 48), (24, 64), (31, 64), (33, 72), (39, 72)] {
            let err = walk(IpProto::HOP_BY_HOP, &payload[..cut], |_| {}).unwrap_err();
            assert_eq!(err, ExtError { cause: Malformed::Truncated, pointer: at }, "{cut}");
        }
        assert_eq!(walk(IpProto::HOP_BY_HOP, &payload[..40], |_| {}).unwrap().offset, 40);
    }

    #[test]
    fn nothing_is_read_behind_a_later_fragment() {
        // Announces destination options, but what follows is the middle of a packet.
        let payload = [60, 0, 0x05, 0xa8, 0, 0, 0, 1, 0xff, 0xff, 0xff];
        let upper = walk(IpProto::FRAGMENT, &payload, |_| {}).unwrap();
        assert_eq!((upper.proto, upper.offset), (IpProto::DST_OPTS, 8));
        assert_eq!(upper.fragment.map(|fragment| fragment.offset), Some(0x5a8));
    }

    #[test]
    fn options_and_their_actions_8200_2() {
        let mut walker = Walker::new(IpProto::DST_OPTS, &DST);
        let ExtKind::DstOpts(options) = walker.next().unwrap().unwrap().kind else { panic!() };
        let options: Vec<Opt<'_>> = options.map(Result::unwrap).collect();
        assert_eq!(
            options,
            [
                Opt { kind: 0xc2, data: &[7], pointer: 43 },
                Opt { kind: 0x8f, data: &[1, 2], pointer: 46 },
                Opt { kind: 0x45, data: &[], pointer: 50 },
            ]
        );
        let actions: Vec<OptAction> = options.iter().map(Opt::action).collect();
        assert_eq!(actions, [OptAction::ReportUnlessMulticast, OptAction::Report, OptAction::Discard]);
        assert_eq!(Opt { kind: 0x3e, data: &[], pointer: 0 }.action(), OptAction::Skip);
    }

    #[test]
    fn an_option_beyond_its_header_ends_the_options() {
        for bad in [[58, 0, 0, 0, 0, 9, 3, 0], [58, 0, 0, 0, 0, 1, 9, 0], [58, 0, 0, 0, 0, 0, 0, 1]] {
            let at = bad[2..].iter().position(|octet| *octet != 0).unwrap() + 2;
            let mut options = Options::new(&bad, 40);
            assert_eq!(options.next(), Some(Err(ExtError { cause: Malformed::BadOption, pointer: 40 + at })));
            assert_eq!(options.next(), None);
        }
    }

    #[test]
    fn router_alert_3810_1() {
        assert!(Options::new(&HBH_ALERT, 40).has_mld_router_alert());
        assert!(!Options::new(&DST, 40).has_mld_router_alert());
        // RSVP's alert is another one.
        assert!(!Options::new(&[58, 0, 5, 2, 0, 1, 1, 0], 40).has_mld_router_alert());
    }

    #[test]
    fn fragment_headers_by_hand() {
        let bytes = [17, 0, 0xff, 0xf9, 1, 2, 3, 4];
        let repr = FragmentRepr { next_header: IpProto::UDP, offset: 65_528, more: true, ident: 0x0102_0304 };
        assert_eq!(FragmentRepr::parse(&bytes), Ok((repr, &[][..])));
        let mut out = [0xee; 8];
        assert_eq!(repr.emit(&mut out), Ok(8));
        assert_eq!(out, bytes);
        assert!(!repr.is_atomic());
        assert!(FragmentRepr { offset: 0, more: false, ..repr }.is_atomic());
        assert_eq!(repr.emit(&mut out[..7]), Err(Malformed::NoRoom));
    }
}
