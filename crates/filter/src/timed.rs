//! How long connections may be silent, where rules say so.

use crate::packet::Family;

/// How long connections of a protocol may be silent, where it is not as long as all others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CtTimeout {
    /// The protocol.
    pub protocol: TimedProtocol,
    /// The only family whose connections are meant, if there is one.
    pub family: Option<Family>,
    /// Seconds, for each of [`TimedProtocol::steps`].
    pub seconds: [Option<u32>; TimedProtocol::MOST_STEPS],
}

/// A protocol whose connections may have times of their own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TimedProtocol {
    /// TCP.
    Tcp,
    /// UDP.
    Udp,
}

impl TimedProtocol {
    /// None has more steps.
    pub const MOST_STEPS: usize = 8;

    /// All of them.
    pub const ALL: [TimedProtocol; 2] = [TimedProtocol::Tcp, TimedProtocol::Udp];

    /// Its word.
    pub const fn text(self) -> &'static str {
        match self {
            TimedProtocol::Tcp => "tcp",
            TimedProtocol::Udp => "udp",
        }
    }

    /// Its number.
    pub const fn number(self) -> u8 {
        match self {
            TimedProtocol::Tcp => 6,
            TimedProtocol::Udp => 17,
        }
    }

    /// Its steps in nftables' words, and in those of the program's own times.
    pub const fn steps(self) -> &'static [(&'static str, &'static str)] {
        match self {
            TimedProtocol::Tcp => &[
                ("syn_sent", "tcp-syn-sent"),
                ("syn_recv", "tcp-syn-received"),
                ("established", "tcp-established"),
                ("fin_wait", "tcp-fin-wait"),
                ("close_wait", "tcp-close-wait"),
                ("last_ack", "tcp-last-ack"),
                ("time_wait", "tcp-time-wait"),
                ("close", "tcp-closed"),
            ],
            TimedProtocol::Udp => &[("unreplied", "udp"), ("replied", "udp-stream")],
        }
    }
}

impl CtTimeout {
    /// What it says: each step in nftables' word, in the program's own, and seconds.
    pub fn said(&self) -> impl Iterator<Item = (&'static str, &'static str, u32)> {
        let steps = self.protocol.steps().iter().zip(self.seconds);
        steps.filter_map(|((word, own), seconds)| Some((*word, *own, seconds?)))
    }
}
