//! How the demonstration is run.

use std::path::PathBuf;

/// How the demonstration is run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Options {
    /// How long the interface is detached and attached again, in seconds. All the rest takes about 11 more.
    pub(crate) seconds: u64,
    /// Captures what passes our end of the wire into this file (pcapng).
    pub(crate) pcap: Option<PathBuf>,
}

impl Default for Options {
    /// Five seconds of churn, 16 in all; no capture.
    fn default() -> Options {
        Options { seconds: 5, pcap: None }
    }
}
