//! Requests and answers on the firewall.

use std::net::IpAddr;
use std::path::PathBuf;

use serde::Deserialize;
use serde::Serialize;

/// What can be asked of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "action", rename_all = "kebab-case", deny_unknown_fields)]
pub(crate) enum FilterRequest {
    /// The rules that run.
    Show {},
    /// Puts the rules of these files, by their absolute names, in the place of those that run.
    Load { files: Vec<PathBuf> },
    /// Reads again the files that run.
    Reload {},
    /// States, or has them forgotten.
    States { which: StatesWanted, flush: bool },
}

/// Which states; all, unless it says otherwise.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct StatesWanted {
    /// With this end.
    pub(crate) address: Option<IpAddr>,
    /// With this port at one end.
    pub(crate) port: Option<u16>,
    /// Of this protocol, by its number.
    pub(crate) protocol: Option<u8>,
    /// In this phase.
    pub(crate) phase: Option<String>,
    /// So many are told.
    #[serde(default)]
    pub(crate) most: usize,
}

/// The rules that run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct FilterRow {
    pub(crate) files: Vec<PathBuf>,
    pub(crate) rules: Vec<RuleRow>,
    pub(crate) counters: Vec<CounterRow>,
}

/// A rule, and what came to its end.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct RuleRow {
    pub(crate) family: String,
    pub(crate) table: String,
    pub(crate) chain: String,
    pub(crate) handle: u64,
    pub(crate) rule: String,
    /// `FILE:LINE:COLUMN`.
    pub(crate) place: String,
    pub(crate) packets: u64,
    pub(crate) bytes: u64,
    /// How long ago the last one was; `None` if there was none.
    pub(crate) last_ms: Option<u64>,
}

/// A counter that has a name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct CounterRow {
    pub(crate) family: String,
    pub(crate) table: String,
    pub(crate) counter: String,
    pub(crate) packets: u64,
    pub(crate) bytes: u64,
}

/// States, and how many there are of the kind that was asked for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct StatesRow {
    pub(crate) states: Vec<StateRow>,
    pub(crate) all: usize,
}

/// One flow's.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct StateRow {
    pub(crate) protocol: u8,
    pub(crate) source: IpAddr,
    pub(crate) destination: IpAddr,
    /// Or an echo's identifier.
    pub(crate) source_port: u16,
    pub(crate) destination_port: u16,
    pub(crate) phase: String,
    /// Whether there was traffic the other way.
    pub(crate) answered: bool,
    pub(crate) mark: u32,
    /// The way it began, and the other.
    pub(crate) packets: [u32; 2],
    pub(crate) bytes: [u64; 2],
    pub(crate) silent_ms: u64,
    /// For how long it may be silent yet.
    pub(crate) left_ms: u64,
    pub(crate) worker: usize,
}
