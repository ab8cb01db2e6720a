//! Requests and answers about the lives of packets, and captures of frames.

use serde::Deserialize;
use serde::Serialize;

/// What can be asked: to watch, what has been seen, and to watch no more. One connection watches one thing, until it asks
/// for another or ends.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "action", rename_all = "kebab-case", deny_unknown_fields)]
pub enum WatchRequest {
    /// Follow packets from the wire to their end.
    Trace {
        /// Which, as a rule of the filter would match them; all if it is not given.
        #[serde(default, rename = "match")]
        matching: Option<String>,
        /// How many in a second at the most.
        #[serde(default)]
        per_second: Option<u32>,
        /// Bytes of each that are shown.
        #[serde(default)]
        snaplen: Option<usize>,
    },
    /// See frames as they pass, or as they are dropped.
    Capture {
        /// By this interface; by all if it is not given.
        #[serde(default)]
        interface: Option<String>,
        /// Which, as for lives.
        #[serde(default, rename = "match")]
        matching: Option<String>,
        /// Those that are dropped for these causes, `any` for all, instead of those that pass.
        #[serde(default)]
        causes: Vec<String>,
        /// Bytes of each that are shown.
        #[serde(default)]
        snaplen: Option<usize>,
    },
    /// What has been seen since the last time, as soon as there is something.
    Take {
        /// How long to wait for it: a second at the most.
        timeout_ms: u64,
    },
    /// Watch no more.
    Stop {},
}

/// What has been seen.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct WatchRow {
    /// In their order.
    pub moments: Vec<MomentRow>,
    /// When this was told, by the clock of the moments: in nanoseconds since 1970, as of when it began to watch.
    #[serde(default)]
    pub now_ns: u64,
    /// So many packets were not followed, since it began: there were more in a second than may be, or another trace
    /// follows them.
    pub packets_left_out: u64,
    /// So many moments or frames had no room, for they were not taken in time.
    pub records_lost: u64,
}

/// A moment of a packet's life, or a frame.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct MomentRow {
    /// Which packet; numbers come again after thousands. 0 in captures.
    pub packet: u16,
    /// When, in nanoseconds since 1970. A clock that is set meanwhile does not move it.
    pub at_ns: u64,
    /// The worker that had it.
    pub worker: u16,
    /// What became of it, in a word.
    pub stage: String,
    /// The same in more words.
    pub what: String,
    /// The interface that it is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub interface: Option<String>,
    /// It waits from now on: until the packet's next moment.
    #[serde(default, skip_serializing_if = "is_false")]
    pub waits: bool,
    /// Nothing more comes of it, unless it was copied or cut.
    #[serde(default, skip_serializing_if = "is_false")]
    pub ends: bool,
    /// Why it was dropped, as `show drops` has it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cause: Option<String>,
    /// What asks for that.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<String>,
    /// The frame leaves, rather than comes.
    #[serde(default, skip_serializing_if = "is_false")]
    pub out: bool,
    /// Its length.
    #[serde(default)]
    pub len: usize,
    /// Its first bytes, in hexadecimal digits.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub frame: String,
}

/// The life of one packet, as `siding trace --json` puts it together of moments: a line for each.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct LifeRow {
    /// Its number in this trace.
    pub packet: u64,
    /// What it was when it began, in a line.
    pub summary: String,
    /// What became of it, in order.
    pub steps: Vec<LifeStepRow>,
    /// Whether it is known how it ended.
    pub ended: bool,
}

/// A moment of a life.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct LifeStepRow {
    /// The moment.
    #[serde(flatten)]
    pub moment: MomentRow,
    /// For how long it waited before, if it did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub waited_ns: Option<u64>,
}

fn is_false(what: &bool) -> bool {
    !what
}
