//! IP packets of a capture: pcap and pcapng, of Ethernet or from the IP header on.

/// Frames of Ethernet.
const ETHERNET: u32 = 1;
/// From the IP header on.
const RAW: [u32; 4] = [12, 14, 101, 228];

/// The first packets of a capture.
///
/// # Errors
///
/// It is none, or of a link that is not known.
pub(super) fn packets(file: &[u8], most: usize) -> Result<Vec<Vec<u8>>, String> {
    let mut read = Read { file, at: 0, big: false };
    let mut out = Vec::new();
    match read.file.first_chunk::<4>() {
        Some([0x0a, 0x0d, 0x0d, 0x0a]) => read.blocks(most, &mut out)?,
        Some([0xd4, 0xc3, 0xb2, 0xa1] | [0x4d, 0x3c, 0xb2, 0xa1]) => read.records(most, &mut out)?,
        Some([0xa1, 0xb2, 0xc3, 0xd4] | [0xa1, 0xb2, 0x3c, 0x4d]) => {
            read.big = true;
            read.records(most, &mut out)?;
        }
        _ => return Err("no capture: give a file of pcap or pcapng".to_owned()),
    }
    Ok(out)
}

struct Read<'a> {
    file: &'a [u8],
    at: usize,
    big: bool,
}

impl Read<'_> {
    fn word(&self, at: usize) -> Option<u32> {
        let word = *self.file.get(at..)?.first_chunk::<4>()?;
        Some(if self.big { u32::from_be_bytes(word) } else { u32::from_le_bytes(word) })
    }

    fn bytes(&self, at: usize, len: u32) -> Option<&[u8]> {
        self.file.get(at..at.checked_add(len as usize)?)
    }

    fn records(&mut self, most: usize, out: &mut Vec<Vec<u8>>) -> Result<(), String> {
        let link = self.word(20).ok_or("cut short")? & 0xffff;
        self.at = 24;
        while out.len() < most
            && let Some(len) = self.word(self.at + 8)
            && let Some(frame) = self.bytes(self.at + 16, len)
        {
            out.extend(packet(link, frame)?);
            self.at += 16 + len as usize;
        }
        Ok(())
    }

    fn blocks(&mut self, most: usize, out: &mut Vec<Vec<u8>>) -> Result<(), String> {
        let mut links = Vec::new();
        while out.len() < most && self.at + 12 <= self.file.len() {
            if self.file.get(self.at..self.at + 4) == Some(&[0x0a, 0x0d, 0x0d, 0x0a]) {
                self.big = self.file.get(self.at + 8) == Some(&0x1a);
                links.clear();
            }
            let kind = self.word(self.at).unwrap_or(0);
            let Some(size) = self.word(self.at + 4).filter(|size| *size >= 12) else { return Ok(()) };
            match kind {
                1 => links.push(self.word(self.at + 8).map_or(0, |word| match self.big {
                    true => word >> 16,
                    false => word & 0xffff,
                })),
                6 => {
                    let link = self.word(self.at + 8).and_then(|at| links.get(at as usize)).copied();
                    let frame = self.word(self.at + 20).and_then(|len| self.bytes(self.at + 28, len));
                    if let (Some(link), Some(frame)) = (link, frame) {
                        out.extend(packet(link, frame)?);
                    }
                }
                _ => {}
            }
            self.at = self.at.saturating_add(size as usize);
        }
        Ok(())
    }
}

/// The IP packet of a frame, if it has one.
fn packet(link: u32, frame: &[u8]) -> Result<Option<Vec<u8>>, String> {
    if RAW.contains(&link) {
        return Ok(Some(frame.to_vec()));
    }
    if link != ETHERNET {
        return Err(format!("frames of link type {link}: give a capture of Ethernet or of IP"));
    }
    let mut at = 12;
    loop {
        let Some(kind) = frame.get(at..).and_then(|rest| rest.first_chunk::<2>()) else { return Ok(None) };
        at += match kind {
            [0x81, 0x00] | [0x88, 0xa8] => 4,
            [0x08, 0x00] | [0x86, 0xdd] => return Ok(Some(frame[at + 2..].to_vec())),
            _ => return Ok(None),
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(tagged: bool, kind: [u8; 2]) -> Vec<u8> {
        let mut frame = vec![2; 12];
        if tagged {
            frame.extend([0x81, 0, 0, 7]);
        }
        frame.extend(kind);
        frame.extend([0x45, 1, 2, 3]);
        frame
    }

    #[test]
    fn packets_of_both_kinds_of_captures_in_both_orders_of_octets() {
        let frames = [frame(false, [8, 0]), frame(true, [0x86, 0xdd]), frame(false, [8, 6])];
        for big in [false, true] {
            let word = |n: u32| if big { n.to_be_bytes() } else { n.to_le_bytes() };
            let mut old = word(0xa1b2_c3d4).to_vec();
            old.extend([[0; 4]; 4].concat());
            old.extend(word(1));
            let mut new = vec![0x0a, 0x0d, 0x0d, 0x0a];
            new.extend([word(28), word(0x1a2b_3c4d), [0; 4], [0; 4], [0; 4], word(28)].concat());
            let link = if big { [0, 1, 0, 0] } else { [1, 0, 0, 0] };
            new.extend([word(1), word(20), link, [0; 4], word(20)].concat());
            for frame in &frames {
                let len = word(frame.len() as u32);
                old.extend([[0; 4], [0; 4], len, len].concat());
                old.extend(frame);
                let pad = vec![0; frame.len().next_multiple_of(4) - frame.len()];
                let size = word((32 + frame.len() + pad.len()) as u32);
                new.extend([word(6), size, [0; 4], [0; 4], [0; 4], len, len].concat());
                new.extend(frame);
                new.extend(pad);
                new.extend(size);
            }
            for file in [&old, &new] {
                assert_eq!(packets(file, 9), Ok(vec![vec![0x45, 1, 2, 3]; 2]), "{big}");
                assert_eq!(packets(file, 1).map(|all| all.len()), Ok(1));
                // Cut anywhere it has fewer.
                for cut in 0..file.len() {
                    let _ = packets(&file[..cut], 9);
                }
            }
        }
        assert!(packets(b"something", 9).is_err_and(|error| error.contains("pcap")));
    }
}
