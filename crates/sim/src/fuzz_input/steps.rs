//! What the bytes of an input say: one step after another.

use std::net::IpAddr;
use std::net::Ipv4Addr;
use std::net::Ipv6Addr;
use std::time::Duration;

/// One thing that happens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step<'a> {
    /// A stranger puts a frame on a link.
    Frame {
        /// Which of the two links.
        link: usize,
        /// Its checksums are made right, so that what lies behind them is reached.
        repair: bool,
        /// Its lengths are made right, too.
        lengths: bool,
        /// Its destination is made this interface's, counted over those of the link, unless it is for a group.
        aim: Option<usize>,
        /// Everybody has a turn before the next step.
        settle: bool,
        /// The frame.
        bytes: &'a [u8],
    },
    /// Time goes by, with everybody taking part.
    Run(Duration),
    /// Time goes by in one jump.
    Jump(Duration),
    /// A node sends an echo request.
    Ping {
        /// Which node.
        node: usize,
        /// To whom.
        dst: IpAddr,
    },
    /// An interface is detached.
    Unplug(usize),
    /// A node gets a new interface on a link.
    Plug {
        /// Which node.
        node: usize,
        /// Which link.
        link: usize,
    },
    /// A node forgets the neighbours of an interface.
    Flush(usize),
    /// An interface is taken up or down.
    Up(usize, bool),
    /// A node's pool runs dry, or recovers.
    Hoard(usize),
    /// An interface's global address is removed, and added to be detected anew.
    Readdress(usize),
}

/// The steps of an input. Bytes that say nothing more end it; no bytes are wrong.
#[derive(Debug, Clone)]
pub struct Steps<'a> {
    bytes: &'a [u8],
}

impl<'a> Steps<'a> {
    /// The steps that `bytes` say.
    pub const fn new(bytes: &'a [u8]) -> Steps<'a> {
        Steps { bytes }
    }

    fn byte(&mut self) -> Option<u8> {
        let (first, rest) = self.bytes.split_first()?;
        self.bytes = rest;
        Some(*first)
    }

    fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (first, rest) = self.bytes.split_first_chunk::<N>()?;
        self.bytes = rest;
        Some(*first)
    }

    fn frame(&mut self, op: u8) -> Option<Step<'a>> {
        let len = usize::from(u16::from_be_bytes(self.array()?));
        // Longer than there is: what there is. Mutation then need not keep lengths and bytes together.
        let (bytes, rest) = self.bytes.split_at(len.min(self.bytes.len()));
        self.bytes = rest;
        Some(Step::Frame {
            link: usize::from(op & 1),
            repair: op & 2 != 0,
            lengths: op & 4 != 0,
            aim: (op & 8 != 0).then_some(usize::from(op >> 4 & 1)),
            settle: op & 0x20 != 0,
            bytes,
        })
    }
}

impl<'a> Iterator for Steps<'a> {
    type Item = Step<'a>;

    fn next(&mut self) -> Option<Step<'a>> {
        let op = self.byte()?;
        if op < 0x80 {
            return self.frame(op);
        }
        let which = usize::from(op & 3);
        Some(match op >> 2 & 0xf {
            0 => Step::Run(Duration::from_millis(10) * u32::from(self.byte()?)),
            1 => Step::Run(Duration::from_secs(1) * u32::from(self.byte()?)),
            2 => Step::Jump(Duration::from_secs(1) * u32::from(self.byte()?)),
            3 => Step::Ping { node: which, dst: Ipv6Addr::from(self.array::<16>()?).into() },
            4 => Step::Ping { node: which, dst: Ipv4Addr::from(self.array::<4>()?).into() },
            5 => Step::Unplug(which),
            6 => Step::Plug { node: which & 1, link: which >> 1 },
            7 => Step::Flush(which),
            8 => Step::Up(which, true),
            9 => Step::Up(which, false),
            10 => Step::Hoard(which),
            _ => Step::Readdress(which),
        })
    }
}

impl Step<'_> {
    /// Writes the step as an input has it. A frame beyond 65,535 bytes is cut; time is rounded down to 10 ms, beyond
    /// 2.55 s to whole seconds, at most 255.
    pub fn write(&self, out: &mut Vec<u8>) {
        let op = |kind: u8, which: usize| 0x80 | kind << 2 | which as u8 & 3;
        match self {
            Step::Frame { link, repair, lengths, aim, settle, bytes } => {
                let aim = aim.map_or(0, |aim| 8 | (aim as u8 & 1) << 4);
                let flags = u8::from(*repair) << 1 | u8::from(*lengths) << 2 | u8::from(*settle) << 5;
                let len = bytes.len().min(usize::from(u16::MAX));
                out.push(*link as u8 & 1 | flags | aim);
                out.extend((len as u16).to_be_bytes());
                out.extend(&bytes[..len]);
            }
            Step::Run(time) if time.as_millis() <= 2550 => {
                out.extend([op(0, 0), (time.as_millis() / 10) as u8]);
            }
            Step::Run(time) => out.extend([op(1, 0), time.as_secs().min(255) as u8]),
            Step::Jump(time) => out.extend([op(2, 0), time.as_secs().min(255) as u8]),
            Step::Ping { node, dst: IpAddr::V6(dst) } => {
                out.push(op(3, *node));
                out.extend(dst.octets());
            }
            Step::Ping { node, dst: IpAddr::V4(dst) } => {
                out.push(op(4, *node));
                out.extend(dst.octets());
            }
            Step::Unplug(interface) => out.push(op(5, *interface)),
            Step::Plug { node, link } => out.push(op(6, node & 1 | (link & 1) << 1)),
            Step::Flush(interface) => out.push(op(7, *interface)),
            Step::Up(interface, up) => out.push(op(if *up { 8 } else { 9 }, *interface)),
            Step::Hoard(node) => out.push(op(10, *node)),
            Step::Readdress(interface) => out.push(op(11, *interface)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_reads_back() {
        let steps = [
            Step::Frame { link: 1, repair: true, lengths: false, aim: Some(1), settle: true, bytes: b"abc" },
            Step::Frame { link: 0, repair: false, lengths: true, aim: None, settle: false, bytes: b"" },
            Step::Run(Duration::from_millis(20)),
            Step::Run(Duration::from_secs(30)),
            Step::Jump(Duration::from_secs(40)),
            Step::Ping { node: 1, dst: IpAddr::V6(Ipv6Addr::LOCALHOST) },
            Step::Ping { node: 0, dst: IpAddr::V4(Ipv4Addr::LOCALHOST) },
            Step::Unplug(2),
            Step::Plug { node: 1, link: 1 },
            Step::Flush(1),
            Step::Up(0, true),
            Step::Up(1, false),
            Step::Hoard(1),
            Step::Readdress(2),
        ];
        let mut bytes = Vec::new();
        steps.iter().for_each(|step| step.write(&mut bytes));
        assert_eq!(Steps::new(&bytes).collect::<Vec<_>>(), steps);
    }

    #[test]
    fn a_frame_that_is_cut_short_is_what_there_is() {
        let steps: Vec<_> = Steps::new(&[0x00, 0xff, 0xff, 1, 2]).collect();
        assert!(matches!(&steps[..], [Step::Frame { bytes: [1, 2], .. }]));
        assert_eq!(Steps::new(&[0x00, 0xff]).count(), 0);
    }
}
