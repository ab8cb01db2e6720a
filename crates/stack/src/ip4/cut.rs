//! Cutting a packet of somebody else's into fragments (RFC 791 s3.2): it may have options, and be a fragment itself.

use std::ops::Range;

use siding_wire::checksum;
use siding_wire::ip4;
use siding_wire::ip4::HEADER_LEN;

/// A fragment: its header, and which part of the packet follows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Cut {
    pub(super) header: Vec<u8>,
    pub(super) data: Range<usize>,
}

const MORE: u16 = 0x2000;
const OFFSET: u16 = 0x1fff;

/// Set in the type of an option that goes into every fragment.
const COPIED: u8 = 0x80;

/// Cuts a whole packet into fragments of at most `mtu` bytes. `None` if its header makes no sense, or the MTU has no
/// room for it and eight octets.
pub(super) fn cut(packet: &[u8], mtu: usize) -> Option<Vec<Cut>> {
    let header_len = ip4::header_len(packet).ok()?;
    let (header, options) = packet.get(..header_len)?.split_at(HEADER_LEN);
    let word = u16::from_be_bytes([header[6], header[7]]);
    let copied = copied(options)?;
    let mut cuts = Vec::new();
    let mut at = header_len;
    while at < packet.len() {
        let options = if cuts.is_empty() { options } else { &copied };
        let room = mtu.checked_sub(HEADER_LEN + options.len())? & !7;
        if room == 0 {
            return None;
        }
        let end = packet.len().min(at + room);
        // The last one is the packet's last only if the packet was.
        let more = if end < packet.len() { MORE } else { word & MORE };
        let offset = (word & OFFSET) + ((at - header_len) / 8) as u16;
        let word = word & !(MORE | OFFSET) | more | (offset & OFFSET);
        cuts.push(Cut { header: make(header, options, end - at, word)?, data: at..end });
        at = end;
    }
    Some(cuts)
}

fn make(header: &[u8], options: &[u8], len: usize, word: u16) -> Option<Vec<u8>> {
    let mut made = [header, options].concat();
    made[0] = 0x40 | u8::try_from(made.len() / 4).ok()?;
    let total = u16::try_from(made.len() + len).ok()?;
    made[2..4].copy_from_slice(&total.to_be_bytes());
    made[6..8].copy_from_slice(&word.to_be_bytes());
    made[10..12].fill(0);
    let checksum = checksum::of(&made);
    made[10..12].copy_from_slice(&checksum.to_be_bytes());
    Some(made)
}

/// The options that go into every fragment, padded to whole words.
fn copied(mut options: &[u8]) -> Option<Vec<u8>> {
    let mut copied = Vec::new();
    while let Some(kind) = options.first() {
        let len = match kind {
            0 => break,
            1 => 1,
            _ => usize::from(*options.get(1)?).max(2),
        };
        let (option, rest) = options.split_at_checked(len)?;
        if kind & COPIED != 0 {
            copied.extend_from_slice(option);
        }
        options = rest;
    }
    copied.resize(copied.len().next_multiple_of(4), 0);
    Some(copied)
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use siding_wire::IpProto;
    use siding_wire::ip4::Ip4Repr;

    use super::*;

    fn packet(options: &[u8], data: usize, change: impl FnOnce(&mut Ip4Repr)) -> Vec<u8> {
        let (src, dst) = (Ipv4Addr::new(192, 0, 2, 1), Ipv4Addr::new(198, 51, 100, 1));
        let mut header = Ip4Repr::new(src, dst, IpProto::UDP, 9, data as u16);
        (header.dont_fragment, header.ident) = (false, 0x1234);
        change(&mut header);
        let mut bytes = vec![0; HEADER_LEN];
        header.emit(&mut bytes).unwrap();
        let word = u16::from_be_bytes([bytes[6], bytes[7]]);
        let made = make(&bytes, options, data, word).unwrap();
        [made, (0..data).map(|n| n as u8).collect()].concat()
    }

    /// Each fragment parsed: where it belongs, whether more follow, and its data.
    fn parsed(packet: &[u8], mtu: usize) -> Vec<(u16, bool, Vec<u8>, usize)> {
        let all = cut(packet, mtu).unwrap().into_iter().map(|cut| {
            let bytes = [&cut.header, &packet[cut.data]].concat();
            assert!(bytes.len() <= mtu);
            let (header, data) = Ip4Repr::parse(&bytes).unwrap();
            assert_eq!((header.ident, header.ttl, header.dont_fragment), (0x1234, 9, false));
            (header.frag_offset, header.more_fragments, data.to_vec(), bytes.len() - data.len())
        });
        all.collect()
    }

    #[test]
    fn pieces_of_eights_that_make_up_the_whole() {
        let whole = packet(&[], 3000, |_| {});
        let pieces = parsed(&whole, 1400);
        let places: Vec<_> = pieces.iter().map(|(at, more, data, _)| (*at, *more, data.len())).collect();
        assert_eq!(places, [(0, true, 1376), (1376, true, 1376), (2752, false, 248)]);
        let data: Vec<u8> = pieces.into_iter().flat_map(|(_, _, data, _)| data).collect();
        assert_eq!(data, whole[20..]);
    }

    #[test]
    fn a_fragment_is_cut_into_fragments_of_its_whole() {
        let middle = packet(&[], 2000, |header| (header.more_fragments, header.frag_offset) = (true, 800));
        let places: Vec<_> = parsed(&middle, 1400).into_iter().map(|(at, more, ..)| (at, more)).collect();
        assert_eq!(places, [(800, true), (2176, true)]);
        let last = packet(&[], 2000, |header| header.frag_offset = 800);
        assert_eq!(parsed(&last, 1400).last().map(|(at, more, ..)| (*at, *more)), Some((2176, false)));
    }

    #[test]
    fn only_options_that_say_so_go_into_every_fragment() {
        // A no-operation, a record of the route that stays in the first, a stream identifier that is copied.
        let options = [1, 7, 3, 4, 136, 4, 0, 9];
        let whole = packet(&options, 100, |_| {});
        let lens: Vec<_> =
            parsed(&whole, 68).into_iter().map(|(_, _, data, header)| (header, data.len())).collect();
        assert_eq!(lens, [(28, 40), (24, 40), (24, 20)]);
        let cuts = cut(&whole, 68).unwrap();
        assert_eq!((&cuts[0].header[20..], &cuts[1].header[20..]), (&options[..], &options[4..]));
    }

    #[test]
    fn nonsense_is_not_cut() {
        assert_eq!(cut(&[], 1400), None);
        assert_eq!(cut(&packet(&[], 100, |_| {}), 27), None, "no room for eight octets");
        // An option that runs beyond the header.
        assert_eq!(cut(&packet(&[7, 9, 4, 0], 100, |_| {}), 60), None);
    }
}
