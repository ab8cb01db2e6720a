use core::net::Ipv4Addr;
use core::net::Ipv6Addr;

use proptest::prelude::*;

use super::*;
use crate::EtherType;
use crate::ether;
use crate::tcp::TcpRepr;
use crate::udp::UdpRepr;

extern crate std;
use std::vec;
use std::vec::Vec;

/// A super-frame, as a host's kernel makes it but that its checksum is 0.
#[derive(Debug, Clone)]
struct Whole {
    ip6: bool,
    tcp: bool,
    tags: usize,
    /// Words of options of the IPv4 header, or of 8 octets in front of the upper layer in IPv6.
    between: usize,
    /// Words of TCP's options.
    options: usize,
    seq: u32,
    flags: u8,
    data: Vec<u8>,
    /// Bytes behind the packet that belong to nothing.
    padding: usize,
}

impl Whole {
    fn l3(&self) -> usize {
        ether::HEADER_LEN + self.tags * ether::VLAN_LEN
    }

    fn header(&self) -> usize {
        if self.tcp { 20 + self.options * 4 } else { 8 }
    }

    fn l4(&self) -> usize {
        self.l3() + if self.ip6 { 40 + self.between * 8 } else { 20 + self.between * 4 }
    }

    fn proto(&self) -> IpProto {
        if self.tcp { IpProto::TCP } else { IpProto::UDP }
    }

    fn frame(&self) -> Vec<u8> {
        let mut frame = vec![2; 12];
        for n in 0..self.tags {
            frame.extend(if n == 0 { [0x88, 0xa8, 0, 7] } else { [0x81, 0, 0, 9] });
        }
        let ethertype = if self.ip6 { EtherType::IPV6 } else { EtherType::IPV4 };
        frame.extend(ethertype.0.to_be_bytes());
        let upper = self.header() + self.data.len();
        if self.ip6 {
            let ext = IpProto(60); // Destination options.
            let next = if self.between > 0 { ext } else { self.proto() };
            let (src, dst): (Ipv6Addr, _) = ("2001:db8::1".parse().unwrap(), "2001:db8::2".parse().unwrap());
            let header = Ip6Repr::new(src, dst, next, 9, (self.between * 8 + upper) as u16);
            let mut bytes = [0; 40];
            header.emit(&mut bytes).unwrap();
            frame.extend(bytes);
            for n in 0..self.between {
                let next = if n + 1 < self.between { ext } else { self.proto() };
                frame.extend([next.0, 0, 1, 4, 0, 0, 0, 0]);
            }
        } else {
            let (src, dst) = (Ipv4Addr::new(192, 0, 2, 1), Ipv4Addr::new(192, 0, 2, 2));
            let mut header = Ip4Repr::new(src, dst, self.proto(), 9, upper as u16);
            (header.ident, header.dont_fragment) = (0xfffe, true);
            let mut bytes = vec![0; 20];
            header.emit(&mut bytes).unwrap();
            bytes[0] += self.between as u8;
            bytes.extend(vec![1; self.between * 4]);
            let total = bytes.len() + upper;
            bytes[2..4].copy_from_slice(&(total as u16).to_be_bytes());
            bytes[10..12].fill(0);
            let sum = checksum::of(&bytes);
            bytes[10..12].copy_from_slice(&sum.to_be_bytes());
            frame.extend(bytes);
        }
        let mut header = vec![0; self.header()];
        header[..4].copy_from_slice(&[0x10, 0, 0x20, 0]);
        if self.tcp {
            header[4..8].copy_from_slice(&self.seq.to_be_bytes());
            header[12] = (self.header() * 4) as u8;
            header[13] = self.flags;
            header[20..].fill(1);
        } else {
            header[4..6].copy_from_slice(&(upper as u16).to_be_bytes());
        }
        frame.extend(header);
        frame.extend(&self.data);
        frame.extend(vec![0xee; self.padding]);
        frame
    }

    fn segments(&self, size: usize) -> Result<Vec<Vec<u8>>, Malformed> {
        let frame = self.frame();
        let cutter = Cutter::new(&frame, self.l3(), self.l4(), size)?;
        let mut all = Vec::new();
        for n in 0..cutter.count() {
            let mut out = vec![0xaa; cutter.frame_len(n)];
            assert_eq!(cutter.emit(n, &mut out), Ok(out.len()));
            let len = out.len();
            assert_eq!(cutter.emit(n, &mut out[..len - 1]), Err(Malformed::NoRoom));
            cutter.emit(n, &mut out)?;
            all.push(out);
        }
        Ok(all)
    }

    /// The data of a segment that is right in itself, having looked at what each has of its own.
    fn check(&self, n: usize, last: bool, at: usize, segment: &[u8]) -> Vec<u8> {
        assert_eq!(segment[..self.l3()], self.frame()[..self.l3()], "the link's header and its tags");
        let packet = &segment[self.l3()..];
        let (ends, payload) = if self.ip6 {
            let (header, payload) = Ip6Repr::parse(packet).unwrap();
            (Ends::V6 { src: header.src, dst: header.dst }, &payload[self.between * 8..])
        } else {
            let (header, payload) = Ip4Repr::parse(packet).unwrap();
            assert_eq!(header.ident, 0xfffeu16.wrapping_add(n as u16));
            assert!(header.dont_fragment);
            (Ends::V4 { src: header.src, dst: header.dst }, payload)
        };
        assert_eq!(segment.len(), self.l4() + payload.len(), "nothing pads it");
        if !self.tcp {
            let (header, data) = UdpRepr::parse(ends, payload).unwrap();
            assert_eq!((header.src_port, header.dst_port), (0x1000, 0x2000));
            assert_ne!(payload[6..8], [0, 0], "there is a checksum");
            return data.to_vec();
        }
        let (header, data) = TcpRepr::parse(ends, payload).unwrap();
        assert_eq!(header.seq, self.seq.wrapping_add(at as u32));
        let mut flags = self.flags;
        if !last {
            flags &= !0x09;
        }
        if n > 0 {
            flags &= !0x80;
        }
        assert_eq!(header.flags.0, flags);
        data.to_vec()
    }
}

fn whole() -> impl Strategy<Value = Whole> {
    let data = proptest::collection::vec(any::<u8>(), 1..4000);
    let shape = (any::<bool>(), any::<bool>(), 0usize..3, 0usize..4, 0usize..=10);
    (shape, any::<u32>(), any::<u8>(), data, 0usize..20).prop_map(
        |((ip6, tcp, tags, between, options), seq, flags, data, padding)| Whole {
            ip6,
            tcp,
            tags,
            between,
            options,
            seq,
            flags,
            data,
            padding,
        },
    )
}

proptest! {
    #[test]
    fn segments_make_up_the_whole(whole in whole(), size in 4usize..1500) {
        let segments = whole.segments(size).unwrap();
        prop_assert_eq!(segments.len(), whole.data.len().div_ceil(size));
        let mut data = Vec::new();
        for (n, segment) in segments.iter().enumerate() {
            let last = n + 1 == segments.len();
            let part = whole.check(n, last, data.len(), segment);
            prop_assert!(part.len() == size || last);
            data.extend(part);
        }
        prop_assert_eq!(data, whole.data);
    }

    /// Whoever made it chose all of it.
    #[test]
    fn nothing_that_is_said_of_a_frame_is_believed(
        whole in whole(), l3 in 0usize..40, l4 in 0usize..140, size in 0usize..70_000,
        changes in proptest::collection::vec((0usize..140, any::<u8>()), 0..4), cut in 0usize..200,
    ) {
        let mut frame = whole.frame();
        for (at, byte) in changes {
            if let Some(place) = frame.get_mut(at) {
                *place = byte;
            }
        }
        frame.truncate(if cut < 150 { cut } else { frame.len() });
        // As it is said, and where it would be right but for the change.
        for (l3, l4) in [(l3, l4), (whole.l3(), whole.l4()), (whole.l3(), l4)] {
            let Ok(cutter) = Cutter::new(&frame, l3, l4, size) else { continue };
            prop_assert!((1..=MOST).contains(&cutter.count()));
            prop_assert!((8..=60).contains(&cutter.header_len()));
            for n in [0, cutter.count() - 1] {
                let mut out = vec![0; cutter.frame_len(n)];
                prop_assert_eq!(cutter.emit(n, &mut out), Ok(out.len()));
                prop_assert!(out.len() <= frame.len());
            }
            for n in [cutter.count(), usize::MAX] {
                prop_assert_eq!(cutter.emit(n, &mut frame.clone()), Err(Malformed::BadLength));
            }
        }
    }
}

fn plain() -> Whole {
    let data = vec![7; 3000];
    let (tags, between, options, seq, flags) = (0, 0, 3, 1, 0x18);
    Whole { ip6: false, tcp: true, tags, between, options, seq, flags, data, padding: 0 }
}

#[test]
fn what_makes_no_sense_is_not_cut() {
    let whole = plain();
    let frame = whole.frame();
    let (l3, l4) = (whole.l3(), whole.l4());
    let cut = |frame: &[u8], l3, l4, size| Cutter::new(frame, l3, l4, size).map(|cutter| cutter.count());
    assert_eq!(cut(&frame, l3, l4, 1448), Ok(3));
    assert_eq!(cut(&frame, l3, l4, 0), Err(Malformed::BadLength), "segments without data");
    assert_eq!(cut(&frame, l3, l4, 2), Err(Malformed::BadLength), "1,500 segments");
    assert_eq!(cut(&frame, l3, l4 + 4, 1448), Err(Malformed::BadLength), "the header is elsewhere");
    assert_eq!(cut(&frame, l3 + 1, l4, 1448), Err(Malformed::BadVersion));
    assert_eq!(cut(&frame[..l4], l3, l4, 1448), Err(Malformed::BadLength), "shorter than it says");
    let with = |at: usize, byte: u8| {
        let mut frame = frame.clone();
        frame[at] = byte;
        frame[l3 + 10..l3 + 12].fill(0);
        let sum = checksum::of(&frame[l3..l4]);
        frame[l3 + 10..l3 + 12].copy_from_slice(&sum.to_be_bytes());
        cut(&frame, l3, l4, 1448)
    };
    assert_eq!(with(l3 + 9, 1), Err(Malformed::UnknownType), "ICMP");
    assert_eq!(with(l3 + 6, 0x20), Err(Malformed::BadLength), "a fragment");
    assert_eq!(with(l4 + 12, 0x40), Err(Malformed::BadLength), "a TCP header of 16 bytes");
    let empty = Whole { data: Vec::new(), ..plain() };
    assert_eq!(cut(&empty.frame(), l3, l4, 1448), Err(Malformed::BadLength), "nothing to cut");
}

#[test]
fn a_frame_of_64_kib_is_cut() {
    for ip6 in [false, true] {
        let header = if ip6 { 32 } else { 52 };
        let data = (0..65_535 - header).map(|n| n as u8).collect();
        let whole = Whole { ip6, data, ..plain() };
        let segments = whole.segments(1448).unwrap();
        assert_eq!(segments.len(), 46);
        let mut data = Vec::new();
        for (n, segment) in segments.iter().enumerate() {
            data.extend(whole.check(n, n == 45, data.len(), segment));
        }
        assert_eq!(data, whole.data);
    }
}
