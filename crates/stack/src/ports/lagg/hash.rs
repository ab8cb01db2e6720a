//! The flow hash: frames of one flow keep to one port.

/// Which headers a flow is told apart by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HashLayers {
    /// Link-layer addresses and VLAN.
    pub l2: bool,
    /// IP addresses.
    pub l3: bool,
    /// Ports of TCP and UDP. Later fragments have none, and go by their addresses.
    pub l4: bool,
}

impl Default for HashLayers {
    fn default() -> HashLayers {
        HashLayers { l2: true, l3: true, l4: true }
    }
}

/// A hash of the frame's flow, spread over 32 bits.
pub(crate) fn flow(frame: &[u8], layers: HashLayers) -> u32 {
    let mut hash = 0xcbf2_9ce4_8422_2325u64;
    let mut mix = |bytes: &[u8]| {
        for chunk in bytes.chunks(8) {
            let mut word = [0; 8];
            word[..chunk.len()].copy_from_slice(chunk);
            hash = (hash ^ u64::from_be_bytes(word)).wrapping_mul(0x9e37_79b9_7f4a_7c15);
            hash ^= hash >> 29;
        }
    };
    if layers.l2 {
        mix(frame.get(..12).unwrap_or_default());
    }
    let mut at = 12;
    let mut ethertype = u16_at(frame, at);
    while matches!(ethertype, Some(0x8100 | 0x88a8)) {
        if layers.l2 {
            mix(frame.get(at + 2..at + 4).unwrap_or_default());
        }
        at += 4;
        ethertype = u16_at(frame, at);
    }
    let ip = frame.get(at + 2..).unwrap_or_default();
    let (addresses, proto, payload, first) = match ethertype {
        Some(0x86dd) => (ip.get(8..40), ip.get(6), 40, true),
        Some(0x0800) => {
            let header = ip.first().map_or(0, |first| usize::from(first & 0xf) * 4);
            (ip.get(12..20), ip.get(9), header, u16_at(ip, 6).is_some_and(|word| word & 0x3fff == 0))
        }
        _ => (None, None, 0, false),
    };
    if layers.l3 {
        mix(addresses.unwrap_or_default());
    }
    if layers.l4 && first && matches!(proto, Some(6 | 17)) {
        mix(ip.get(payload..payload + 4).unwrap_or_default());
    }
    (hash >> 32) as u32
}

fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    bytes.get(at..)?.first_chunk().map(|pair| u16::from_be_bytes(*pair))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(src_port: u16, host: u8, mac: u8) -> Vec<u8> {
        let mut bytes = vec![0; 14 + 40 + 8];
        bytes[5] = mac;
        bytes[12..14].copy_from_slice(&[0x86, 0xdd]);
        bytes[14] = 0x60;
        bytes[20] = 17;
        bytes[14 + 39] = host;
        bytes[54..56].copy_from_slice(&src_port.to_be_bytes());
        bytes
    }

    #[test]
    fn each_layer_counts_only_if_it_is_asked_for() {
        let all = HashLayers::default();
        let none = HashLayers { l2: false, l3: false, l4: false };
        let base = frame(1, 1, 1);
        for (other, layers) in [
            (frame(2, 1, 1), HashLayers { l4: true, ..none }),
            (frame(1, 2, 1), HashLayers { l3: true, ..none }),
            (frame(1, 1, 2), HashLayers { l2: true, ..none }),
        ] {
            assert_ne!(flow(&base, layers), flow(&other, layers), "{layers:?}");
            assert_ne!(flow(&base, all), flow(&other, all));
            assert_eq!(flow(&base, none), flow(&other, none));
        }
    }

    #[test]
    fn flows_spread_over_ports() {
        let mut counts = [0u32; 3];
        for port in 0..3000 {
            counts[((u64::from(flow(&frame(port, 1, 1), HashLayers::default())) * 3) >> 32) as usize] += 1;
        }
        assert!(counts.iter().all(|count| (800..1200).contains(count)), "{counts:?}");
    }
}
