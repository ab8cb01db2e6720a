//! Frames: plain ones, and whatever else may come.

use std::net::Ipv4Addr;
use std::net::Ipv6Addr;

use siding_stack::Chance;
use siding_wire::EtherType;
use siding_wire::IpProto;
use siding_wire::Mac;
use siding_wire::arp::ArpOp;
use siding_wire::arp::ArpRepr;
use siding_wire::checksum;
use siding_wire::ether::Ether;
use siding_wire::ip4::Ip4Repr;
use siding_wire::ip6;
use siding_wire::ip6::Ip6Repr;
use siding_wire::nd::NeighborAdvert;
use siding_wire::nd::RouterAdvert;

use super::twin::ANSWERING;
use super::twin::FURTHER;
use super::twin::KNOWN;
use super::twin::ON;
use super::twin::ROUTER;
use super::twin::SHARING;
use super::twin::SUBNETS;
use super::twin::addr4;
use super::twin::addr6;
use super::twin::behind4;
use super::twin::behind6;
use super::twin::further_mac;
use super::twin::mac;
use super::twin::own_mac;
use super::twin::shared4;
use super::twin::shared6;

/// A frame, and by which device it comes.
pub struct Arriving {
    pub device: usize,
    pub frame: Vec<u8>,
    /// For others, whole, by a known way to a known neighbour, and nothing is special about it.
    pub plain: bool,
}

pub fn pick(chance: &mut Chance, below: usize) -> usize {
    (chance.next_u64() >> 20) as usize % below
}

fn one_in(chance: &mut Chance, many: usize) -> bool {
    pick(chance, many) == 0
}

/// Ends of a packet.
struct Ends {
    from: usize,
    to: usize,
    plain: bool,
}

/// Where a packet comes from, and where it may go.
fn ends(chance: &mut Chance) -> Ends {
    // What has two tags comes by a VLAN that is not looked through: it is walked.
    let from = [0, 1, 2, 3, 5][pick(chance, 5)];
    let to = pick(chance, SUBNETS.len());
    Ends { from, to, plain: from != to }
}

/// A frame that is plain, unless chance has it that it is not.
pub fn frame(chance: &mut Chance, odd: bool) -> Arriving {
    let Ends { from, to, mut plain } = ends(chance);
    let (here, there) = (SUBNETS[from], SUBNETS[to]);
    let host = 2 + pick(chance, KNOWN.into()) as u16;
    let sender = 40 + pick(chance, 20) as u16;
    let payload: Vec<u8> = (0..pick(chance, 200)).map(|byte| byte as u8).collect();
    let four = one_in(chance, 3);
    let behind = one_in(chance, 2);
    // It may go where it came from: by chance, which does not say whether it is plain.
    let shared = sender.is_multiple_of(6) && (odd || SHARING.iter().all(|sharing| sharing.0 != from));
    let (ethertype, mut packet) = if four {
        let dst = if behind { behind4(there, host) } else { addr4(there, host) };
        let dst = if shared { shared4(host % 2) } else { dst };
        (EtherType::IPV4, packet4(addr4(here, sender), dst, &payload))
    } else {
        let dst = if behind { behind6(there, host) } else { addr6(there, host) };
        let dst = if shared { shared6(host % 2) } else { dst };
        (EtherType::IPV6, packet6(addr6(here, sender), dst, &payload))
    };
    if odd && one_in(chance, 2) {
        plain = false;
        spoil(chance, &mut packet, (here, there));
    }
    if one_in(chance, 4) {
        // A link pads what is short.
        packet.resize(packet.len() + pick(chance, 46), 0xee);
    }
    let (device, tags) = way_in(chance, from);
    // Two interfaces of one device may have it, or one of them.
    let virtually = FURTHER.contains(&from) && one_in(chance, 3);
    let dst = if virtually { further_mac(ON[from].1) } else { own_mac(ON[from].1) };
    let mut frame = Ether { dst, src: mac(here, sender), ethertype }.to_bytes().to_vec();
    frame.splice(12..12, tags);
    frame.extend_from_slice(&packet);
    if odd && one_in(chance, 12) {
        plain = false;
        spoil_frame(chance, &mut frame);
    }
    Arriving { device, frame, plain }
}

/// A frame with a packet of IPv6 that comes by the first VLAN, or by a device.
pub fn plain(from: usize, dst: Ipv6Addr, hops: u8) -> Vec<u8> {
    let here = SUBNETS[from];
    let mut packet = packet6(addr6(here, 40), dst, &[7; 8]);
    packet[7] = hops;
    let (dst, src) = (own_mac(ON[from].1), mac(here, 40));
    let mut frame = Ether { dst, src, ethertype: EtherType::IPV6 }.to_bytes().to_vec();
    frame.splice(12..12, [0x81, 0, 0, 10].into_iter().filter(|_| from == 2));
    [frame, packet].concat()
}

/// The device that frames of an interface come by, and the tags that they have.
pub fn way_in(chance: &mut Chance, from: usize) -> (usize, Vec<u8>) {
    match from {
        2 => (2, vec![0x81, 0, (pick(chance, 16) as u8) << 4, 10]),
        3 => (2, vec![0x81, 0, 0, 20]),
        // One port of the lagg or the other.
        5 => (3 + pick(chance, 2), Vec::new()),
        _ => (ON[from].1, Vec::new()),
    }
}

fn packet6(src: Ipv6Addr, dst: Ipv6Addr, payload: &[u8]) -> Vec<u8> {
    let header = Ip6Repr::new(src, dst, IpProto::UDP, 64, payload.len() as u16);
    [&header.to_bytes()[..], payload].concat()
}

fn packet4(src: Ipv4Addr, dst: Ipv4Addr, payload: &[u8]) -> Vec<u8> {
    let mut packet = vec![0; 20];
    Ip4Repr::new(src, dst, IpProto::UDP, 64, payload.len() as u16).emit(&mut packet).unwrap();
    packet.extend_from_slice(payload);
    packet
}

/// Addresses that nobody should send to, or from, or not all of the way.
fn odd6(chance: &mut Chance, here: u8, there: u8) -> Ipv6Addr {
    let host = 2 + pick(chance, 60) as u16;
    let all = [
        addr6(there, 1),
        addr6(here, 1),
        addr6(there, 0),
        addr6(there, host),
        addr6(here, host),
        behind6(here, host % 8 + 2),
        Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, host),
        Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 0, 1),
        Ipv6Addr::new(0xff0e, 0, 0, 0, 0, 0, 0, 0x1234),
        Ipv6Addr::new(0xff01, 0, 0, 0, 0, 0, 0, 1),
        Ipv6Addr::UNSPECIFIED,
        Ipv6Addr::LOCALHOST,
        Ipv6Addr::new(0, 0, 0, 0, 0, 0xffff, 0xc000, 0x201),
        Ipv6Addr::new(0x2001, 0xdb8, 0xdead, 0, 0, 0, 0, host),
        Ipv6Addr::new(0x2003, 0, 0, 0, 0, 0, 0, host),
        Ipv6Addr::new(0xfec0, 0, 0, 0, 0, 0, 0, host),
    ];
    all[pick(chance, all.len())]
}

fn odd4(chance: &mut Chance, here: u8, there: u8) -> Ipv4Addr {
    let host = 2 + pick(chance, 60) as u16;
    let all = [
        addr4(there, 1),
        addr4(here, 1),
        addr4(there, 255),
        addr4(there, 0),
        addr4(there, host),
        addr4(here, host),
        addr4(here, 255),
        behind4(here, host % 8 + 2),
        Ipv4Addr::new(169, 254, 1, 1),
        Ipv4Addr::new(127, 0, 0, 1),
        Ipv4Addr::new(0, 0, 0, 0),
        Ipv4Addr::new(224, 0, 0, 1),
        Ipv4Addr::new(255, 255, 255, 255),
        Ipv4Addr::new(240, 0, 0, 1),
        Ipv4Addr::new(198, 51, 100, 1),
    ];
    all[pick(chance, all.len())]
}

/// Makes something else of a packet that goes from one subnet to another.
pub fn spoil(chance: &mut Chance, packet: &mut Vec<u8>, (here, there): (u8, u8)) {
    match packet[0] >> 4 {
        4 => spoil4(chance, packet, here, there),
        _ => spoil6(chance, packet, here, there),
    }
}

fn spoil6(chance: &mut Chance, packet: &mut Vec<u8>, here: u8, there: u8) {
    match pick(chance, 11) {
        0 => packet[7] = pick(chance, 3) as u8,
        1 => packet[8..24].copy_from_slice(&odd6(chance, here, there).octets()),
        2 | 3 => packet[24..40].copy_from_slice(&odd6(chance, here, there).octets()),
        4 => packet[0] ^= 1 << (4 + pick(chance, 4)),
        // A length that is too large, or leaves padding.
        5 => packet[4 + pick(chance, 2)] ^= 1 << pick(chance, 8),
        6 => {
            // Too big for one interface, and nearly for the others.
            let payload = [1240, 1241, 1460, 1461, 1500][pick(chance, 5)];
            packet.resize(40 + payload, 7);
            packet[4..6].copy_from_slice(&(payload as u16).to_be_bytes());
        }
        7 => options(chance, packet),
        8 => packet.truncate(pick(chance, packet.len())),
        9 => packet[6] = [0, 43, 44, 58, 59, 60, 6][pick(chance, 7)],
        _ => {
            let at = pick(chance, packet.len());
            packet[at] ^= 1 << pick(chance, 8);
        }
    }
}

/// Hop-by-hop options, one of which may be unknown.
fn options(chance: &mut Chance, packet: &mut Vec<u8>) {
    let kind = [1, 0x3e, 0x7e, 0xbe, 0xfe, 5][pick(chance, 6)];
    packet.splice(40..40, [packet[6], 0, kind, 4, 0, 0, 0, 0]);
    packet[6] = 0;
    let len = packet.len() - 40;
    packet[4..6].copy_from_slice(&(len as u16).to_be_bytes());
}

fn spoil4(chance: &mut Chance, packet: &mut Vec<u8>, here: u8, there: u8) {
    let mut mend = true;
    match pick(chance, 11) {
        0 => packet[8] = pick(chance, 3) as u8,
        1 => packet[12..16].copy_from_slice(&odd4(chance, here, there).octets()),
        2 | 3 => packet[16..20].copy_from_slice(&odd4(chance, here, there).octets()),
        4 => packet[0] ^= 1 << pick(chance, 8),
        5 => packet[2 + pick(chance, 2)] ^= 1 << pick(chance, 8),
        6 => {
            let len = [1280, 1281, 1500, 1501, 1540][pick(chance, 5)];
            packet.resize(len, 7);
            packet[2..4].copy_from_slice(&(len as u16).to_be_bytes());
            packet[6] = [0, 0x40][pick(chance, 2)];
        }
        7 => {
            // Record route, or a source route.
            packet.splice(20..20, [[7, 131, 137, 148][pick(chance, 4)], 7, 4, 10, 0, 2, 2, 0]);
            packet[0] = 0x47;
            let len = packet.len();
            packet[2..4].copy_from_slice(&(len as u16).to_be_bytes());
        }
        8 => packet.truncate(pick(chance, packet.len())),
        9 => packet[6..8].copy_from_slice(&(pick(chance, 0x3fff) as u16).to_be_bytes()),
        _ => {
            mend = false;
            let at = pick(chance, 20);
            packet[at] ^= 1 << pick(chance, 8);
        }
    }
    let header = usize::from(packet.first().map_or(0, |first| first & 0xf)) * 4;
    if mend && (20..=packet.len()).contains(&header) {
        packet[10..12].fill(0);
        let sum = checksum::of(&packet[..header]);
        packet[10..12].copy_from_slice(&sum.to_be_bytes());
    }
}

fn spoil_frame(chance: &mut Chance, frame: &mut Vec<u8>) {
    match pick(chance, 8) {
        0 => frame[..6].copy_from_slice(&Mac::BROADCAST.0),
        1 => frame[..6].copy_from_slice(&[0x33, 0x33, 0, 0, 0, 1]),
        2 => frame[5] ^= 1 << pick(chance, 8),
        3 => frame.truncate(pick(chance, 40)),
        7 => frame[..6].copy_from_slice(&further_mac(pick(chance, 4)).0),
        // A VLAN of its own, a tag that says but a priority, or one that nobody has.
        4 => frame.splice(12..12, [0x81, 0, 0x60, [0, 10, 20, 31, 99][pick(chance, 5)]]).for_each(drop),
        5 => frame.splice(12..12, [0x88, 0xa8, 0, [0, 30][pick(chance, 2)], 0x81, 0, 0, 31]).for_each(drop),
        _ => frame[12..14].copy_from_slice(&[[0x12, 0x34], [0x88, 0x09], [0x08, 0x06]][pick(chance, 3)]),
    }
}

/// Frames for the trunk by which a router of one VLAN comes and goes, with packets between that want to go by it.
pub fn router(chance: &mut Chance) -> Vec<Vec<u8>> {
    (0..10)
        .map(|_| match pick(chance, 4) {
            0 => advertises([0, 1800][pick(chance, 2)]),
            _ => {
                let dst = Ipv6Addr::new(0x2003, 0, 0, 0, 0, 0, 0, pick(chance, 8) as u16);
                tagged(20, mac(20, 40), packet6(addr6(20, 40), dst, &[7; 8]), own_mac(2))
            }
        })
        .collect()
}

/// The router of the first VLAN says for how many seconds it is one.
pub fn advertises(router_lifetime: u16) -> Vec<u8> {
    let message = RouterAdvert { router_lifetime, slla: Some(mac(10, 0x99)), ..RouterAdvert::default() };
    let mut bytes = vec![0; message.buffer_len(&[])];
    message.emit(&[], ROUTER, ip6::ALL_NODES, &mut bytes).unwrap();
    let header = Ip6Repr::new(ROUTER, ip6::ALL_NODES, IpProto::ICMP6, 255, bytes.len() as u16);
    let packet = [&header.to_bytes()[..], &bytes].concat();
    tagged(10, mac(10, 0x99), packet, Mac([0x33, 0x33, 0, 0, 0, 1]))
}

fn tagged(vid: u8, src: Mac, packet: Vec<u8>, dst: Mac) -> Vec<u8> {
    let mut frame = Ether { dst, src, ethertype: EtherType::IPV6 }.to_bytes().to_vec();
    frame.splice(12..12, [0x81, 0, 0, vid]);
    [frame, packet].concat()
}

/// UDP from the third host on one interface to that on another; both are known.
pub fn between(from: usize, to: usize) -> Vec<u8> {
    between_hosts((from, 3), (to, 3))
}

/// The same from one host to another, each of an interface.
pub fn between_hosts((from, host): (usize, u16), (to, other): (usize, u16)) -> Vec<u8> {
    let [here, there] = [from, to].map(|on| SUBNETS[on]);
    let packet = packet6(addr6(here, host), addr6(there, other), &[7; 8]);
    let (dst, src) = (own_mac(ON[from].1), mac(here, host));
    let mut frame = Ether { dst, src, ethertype: EtherType::IPV6 }.to_bytes().to_vec();
    frame.splice(12..12, [0x81, 0, 0, 10].into_iter().filter(|_| from == 2));
    [frame, packet].concat()
}

/// The answer of a host to what a router has asked on a wire, if it is of those that answer.
pub fn answer(sent: &[u8]) -> Option<Vec<u8>> {
    let mut at = 12;
    while matches!(sent.get(at..at + 2)?, [0x81, 0] | [0x88, 0xa8]) {
        at += 4;
    }
    let asker = Mac(*sent.get(6..)?.first_chunk()?);
    let rest = sent.get(at + 2..)?;
    let (who, body) = match sent[at..at + 2] {
        [0x86, 0xdd] => {
            // A solicitation, with the target behind the ICMPv6 header.
            let target: [u8; 16] = *rest.get(48..)?.first_chunk()?;
            let is_asked = rest.get(6) == Some(&58) && rest.get(40) == Some(&135);
            let src: [u8; 16] = *rest.get(8..)?.first_chunk()?;
            let who = host(target[5], Ipv6Addr::from(target).segments()[7]).filter(|_| is_asked)?;
            (who, advert(target.into(), src.into(), mac(who.0, who.1)))
        }
        [0x08, 0x06] => {
            let request = ArpRepr::parse(rest).ok().filter(|request| request.op == ArpOp::REQUEST)?;
            let target = request.tpa.octets();
            let who = host(target[2], target[3].into())?;
            (who, request.reply(mac(who.0, who.1)).to_bytes().to_vec())
        }
        _ => return None,
    };
    let mut frame = sent[..at + 2].to_vec();
    frame[..6].copy_from_slice(&asker.0);
    frame[6..12].copy_from_slice(&mac(who.0, who.1).0);
    frame.extend_from_slice(&body);
    Some(frame)
}

fn host(subnet: u8, host: u16) -> Option<(u8, u16)> {
    (SUBNETS.contains(&subnet) && (2..ANSWERING).contains(&host)).then_some((subnet, host))
}

fn advert(target: Ipv6Addr, to: Ipv6Addr, tlla: Mac) -> Vec<u8> {
    let message =
        NeighborAdvert { router: false, solicited: true, override_: true, target, tlla: Some(tlla) };
    let mut bytes = vec![0; message.buffer_len()];
    message.emit(target, to, &mut bytes).unwrap();
    let header = Ip6Repr::new(target, to, IpProto::ICMP6, 255, bytes.len() as u16);
    [&header.to_bytes()[..], &bytes].concat()
}
