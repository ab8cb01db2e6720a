use std::net::Ipv6Addr;

use proptest::prelude::*;
use siding_mbuf::Pool;
use siding_mbuf::PoolConfig;
use siding_wire::ip4::Ip4Repr;
use siding_wire::ip6::Ip6Repr;

use super::*;

const L4: usize = 14 + 40;

/// A frame of TCP or UDP over IPv6, or over IPv4, with so many bytes of data.
fn frame(proto: IpProto, ip6: bool, data: usize) -> Vec<u8> {
    let header = if proto == IpProto::TCP { 20 } else { 8 };
    let len = (header + data) as u16;
    let mut frame = vec![2; 12];
    let mut ip = vec![0; if ip6 { 40 } else { 20 }];
    if ip6 {
        let (src, dst) = (Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 1), Ipv6Addr::LOCALHOST);
        Ip6Repr::new(src, dst, proto, 64, len).emit(&mut ip).unwrap();
    } else {
        Ip4Repr::new([10, 0, 0, 1].into(), [10, 0, 0, 2].into(), proto, 64, len).emit(&mut ip).unwrap();
    }
    frame.extend(if ip6 { [0x86, 0xdd] } else { [8, 0] });
    frame.extend(ip);
    let mut upper = vec![0; header];
    if proto == IpProto::TCP {
        upper[12] = 0x50;
    }
    frame.extend(upper);
    frame.extend((0..data).map(|n| n as u8));
    frame
}

fn said(flags: u8, gso: u8, size: u16, start: usize, field: u16) -> [u8; LEN] {
    let ([z0, z1], [s0, s1], [f0, f1]) =
        (size.to_ne_bytes(), (start as u16).to_ne_bytes(), field.to_ne_bytes());
    [flags, gso, 0, 0, z0, z1, s0, s1, f0, f1]
}

fn mbuf(frame: &[u8]) -> Mbuf {
    let pool = Pool::new(PoolConfig { buffers: 1, size: 70_000, headroom: 0 }).unwrap();
    let mut mbuf = pool.alloc().unwrap();
    assert!(mbuf.extend_from_slice(frame));
    mbuf
}

fn noted(header: [u8; LEN], frame: &[u8]) -> Result<Option<Offload>, Fault> {
    let mut mbuf = mbuf(frame);
    note(&header, 0, &mut mbuf).map(|()| mbuf.offload())
}

#[test]
fn what_is_left_undone_is_noted_and_said_again() {
    let kinds = [
        (IpProto::TCP, false, GSO_TCPV4, SegmentKind::Tcp4),
        (IpProto::TCP, false, GSO_TCPV4 | GSO_ECN, SegmentKind::Tcp4Ecn),
        (IpProto::TCP, true, GSO_TCPV6, SegmentKind::Tcp6),
        (IpProto::TCP, true, GSO_TCPV6 | GSO_ECN, SegmentKind::Tcp6Ecn),
        (IpProto::UDP, false, GSO_UDP_L4, SegmentKind::Udp),
        (IpProto::UDP, true, GSO_UDP_L4, SegmentKind::Udp),
    ];
    for (proto, ip6, gso, kind) in kinds {
        let start = if ip6 { L4 } else { L4 - 20 };
        let (field, header_len) = if proto == IpProto::TCP { (16, 20) } else { (6, 8) };
        let frame = frame(proto, ip6, 3000);
        let mut mbuf = mbuf(&frame);
        note(&said(1, gso, 1000, start, field), 0, &mut mbuf).unwrap();
        let cut = Segments { kind, size: 1000, header: header_len };
        assert_eq!(mbuf.offload(), Some(Offload { start, field: field as u8, segments: Some(cut) }));
        // With the length of the headers, which the kernel keeps together.
        let mut again = said(1, gso, 1000, start, field);
        again[2..4].copy_from_slice(&(start as u16 + u16::from(header_len)).to_ne_bytes());
        assert_eq!(header(&mbuf), again);
        // One that leaves it whole is to be completed only.
        let whole = said(1, gso, 3000, start, field);
        assert_eq!(noted(whole, &frame), Ok(Some(Offload { start, field: field as u8, segments: None })));
    }
    let udp = frame(IpProto::UDP, true, 100);
    let offload = Offload { start: L4, field: 6, segments: None };
    assert_eq!(noted(said(1, 0, 0, L4, 6), &udp), Ok(Some(offload)));
    assert_eq!(noted(said(0, 0, 0, L4, 6), &udp), Ok(None));
    assert_eq!(noted(said(2, 0, 0, L4, 6), &udp), Ok(None), "known to be right");
    assert_eq!(header(&mbuf(&udp)), NOTHING);
}

#[test]
fn what_makes_no_sense_is_refused() {
    let tcp = frame(IpProto::TCP, true, 3000);
    let len = tcp.len();
    let malformed = [
        said(1, 0, 0, 0xffff, 0),
        said(1, 0, 0, L4, 0xffff),
        said(1, 0, 0, L4, 256),
        said(1, 0, 0, len - 1, 0),
        said(1, 0, 0, 13, 0),
        said(1, GSO_TCPV6, 0, L4, 16),
        said(1, GSO_TCPV6, 1, L4, 16),
        said(1, GSO_TCPV6, 1000, L4 + 1, 16),
        said(1, GSO_TCPV6, 1000, L4, 6),
        said(1, GSO_TCPV4, 1000, L4, 16),
        said(1, GSO_UDP_L4, 1000, L4, 6),
    ];
    for header in malformed {
        assert_eq!(noted(header, &tcp), Err(Fault::Malformed), "{header:?}");
    }
    let udp = frame(IpProto::UDP, true, 3000);
    assert_eq!(noted(said(1, GSO_UDP_L4 | GSO_ECN, 1000, L4, 6), &udp), Err(Fault::Malformed));
    // In ways that nobody knows, or does any more (UFO), and without a word about the checksum.
    for (flags, gso) in [(1, 3), (1, 2), (1, 0x7f), (0, GSO_TCPV6), (2, GSO_TCPV6), (0, 3)] {
        assert_eq!(noted(said(flags, gso, 1000, L4, 16), &tcp), Err(Fault::Offload), "{flags} {gso}");
    }
    for len in 0..L4 + 20 {
        let noted = noted(said(1, GSO_TCPV6, 1000, L4, 16), &tcp[..len]);
        assert_eq!(noted, Err(Fault::Malformed), "{len} bytes of it");
    }
}

#[test]
fn a_tag_that_was_put_back_has_moved_everything() {
    let plain = frame(IpProto::TCP, true, 3000);
    let tagged = [&plain[..12], &[0x81, 0, 0, 5], &plain[12..]].concat();
    let mut mbuf = mbuf(&tagged);
    note(&said(1, GSO_TCPV6, 1000, L4, 16), 4, &mut mbuf).unwrap();
    assert_eq!(mbuf.offload().map(|offload| offload.start), Some(L4 + 4));
}

#[test]
fn what_is_no_checksum_of_tcp_or_udp_is_completed_before_anybody_looks() {
    // The port, an address, the hop limit, the link's header; and what a fragment, or the wrong protocol, begins with.
    for (start, field) in [(L4, 2), (14, 8), (14, 24), (20, 1), (14, 7), (L4, 6), (L4 + 20, 16)] {
        let tcp = frame(IpProto::TCP, true, 100);
        let mut mbuf = mbuf(&tcp);
        note(&said(1, 0, 0, start, field), 0, &mut mbuf).unwrap();
        assert_eq!(mbuf.offload(), None, "{start} + {field}");
        let mut completed = tcp.clone();
        checksum::complete(&mut completed, start, field.into()).unwrap();
        assert_eq!(mbuf.data(), completed, "{start} + {field}");
    }
}

#[test]
fn a_tunnel_s_super_frame_is_one_that_nobody_here_cuts() {
    let inner = frame(IpProto::TCP, true, 3000)[14..].to_vec();
    let mut outer = frame(IpProto(41), true, 0)[..L4].to_vec();
    outer[18..20].copy_from_slice(&(inner.len() as u16).to_be_bytes());
    let tunnelled = [outer, inner].concat();
    assert_eq!(noted(said(1, GSO_TCPV6, 1000, L4 + 40, 16), &tunnelled), Err(Fault::Offload));
}

proptest! {
    /// A guest says what it likes of a frame that is what it likes.
    #[test]
    fn no_word_is_believed(
        header_bytes in any::<[u8; LEN]>(), gso in prop::sample::select(vec![0u8, 1, 4, 5, 0x81, 0x84, 0x85]),
        near in any::<bool>(), ip6 in any::<bool>(), tcp in any::<bool>(), tag in prop::sample::select(vec![0usize, 4]),
        data in 0usize..3000, changes in prop::collection::vec((0usize..100, any::<u8>()), 0..3), cut in 0usize..4000,
    ) {
        let proto = if tcp { IpProto::TCP } else { IpProto::UDP };
        let mut bytes = frame(proto, ip6, data);
        for (at, byte) in changes {
            if let Some(place) = bytes.get_mut(at) {
                *place = byte;
            }
        }
        bytes.truncate(cut);
        let mut said_bytes = header_bytes;
        if near {
            let start = if ip6 { L4 } else { L4 - 20 };
            let size = u16::from_ne_bytes([header_bytes[4], header_bytes[5]]) % 2000;
            said_bytes = said(1, gso, size, start, if tcp { 16 } else { 6 });
        }
        let mut mbuf = mbuf(&bytes);
        if note(&said_bytes, tag, &mut mbuf).is_ok() && let Some(offload) = mbuf.offload() {
            prop_assert!(offload.start + usize::from(offload.field) + 2 <= bytes.len());
            prop_assert!(mbuf.longest() <= mbuf.len());
            // Whatever is done later changes the checksum of TCP or UDP, and nothing else.
            let (_, l3) = ether::network(&bytes).unwrap();
            let upper = Upper::find(&bytes, l3).unwrap();
            let field = if upper.proto == IpProto::TCP { 16 } else { 6 };
            prop_assert_eq!((offload.start, usize::from(offload.field)), (upper.at, field));
            header(&mbuf);
            if let Some(cut) = offload.segments {
                let (_, l3) = ether::network(&bytes).unwrap();
                let cutter = Cutter::new(&bytes, l3, offload.start, cut.size.into()).unwrap();
                prop_assert!(cutter.count() > 1);
                prop_assert_eq!(cutter.header_len(), usize::from(cut.header));
            }
        }
    }
}
