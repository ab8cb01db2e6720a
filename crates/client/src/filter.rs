//! Requests and answers on the firewall.

use std::net::IpAddr;
use std::path::PathBuf;

use serde::Deserialize;
use serde::Serialize;

use super::filter_set::SetRequest;
use super::filter_test::TestRequest;

/// What can be asked of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "action", rename_all = "kebab-case", deny_unknown_fields)]
pub enum FilterRequest {
    /// The rules that run.
    Show {},
    /// Puts the rules of these files, by their absolute names, in the place of those that run.
    Load {
        /// By their absolute names.
        files: Vec<PathBuf>,
    },
    /// Reads again the files that run.
    Reload {},
    /// States, or has them forgotten.
    States {
        /// Of which flows.
        which: StatesWanted,
        /// They are forgotten.
        flush: bool,
    },
    /// What would become of a packet.
    Test {
        /// The packet.
        test: TestRequest,
    },
    /// Sets of the rules.
    Set {
        /// What of them.
        set: SetRequest,
    },
}

/// Which states; all, unless it says otherwise.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StatesWanted {
    /// With this end.
    pub address: Option<IpAddr>,
    /// With this port at one end.
    pub port: Option<u16>,
    /// Of this protocol, by its number.
    pub protocol: Option<u8>,
    /// In this phase.
    pub phase: Option<String>,
    /// So many are told.
    #[serde(default)]
    pub most: usize,
}

/// The rules that run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct FilterRow {
    /// Where the rules are from.
    pub files: Vec<PathBuf>,
    /// All of them, in their order.
    pub rules: Vec<RuleRow>,
    /// Counters that have names.
    pub counters: Vec<CounterRow>,
}

/// A rule, and what came to its end.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct RuleRow {
    /// Of which family of tables.
    pub family: String,
    /// In which table.
    pub table: String,
    /// In which chain.
    pub chain: String,
    /// What tells rules apart.
    pub handle: u64,
    /// Its text.
    pub rule: String,
    /// `FILE:LINE:COLUMN`.
    pub place: String,
    /// That came to it, ever.
    pub packets: u64,
    /// Of those.
    pub bytes: u64,
    /// How long ago the last one was; `None` if there was none.
    pub last_ms: Option<u64>,
}

/// A counter that has a name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct CounterRow {
    /// Of which family of tables.
    pub family: String,
    /// In which table.
    pub table: String,
    /// Its name.
    pub counter: String,
    /// That came to it, ever.
    pub packets: u64,
    /// Of those.
    pub bytes: u64,
}

/// States, and how many there are of the kind that was asked for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct StatesRow {
    /// As many as were wanted.
    pub states: Vec<StateRow>,
    /// So many there are of that kind.
    pub all: usize,
}

/// One flow's.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct StateRow {
    /// The IP protocol, by its number.
    pub protocol: u8,
    /// Who began.
    pub source: IpAddr,
    /// With whom.
    pub destination: IpAddr,
    /// Or an echo's identifier.
    pub source_port: u16,
    /// Of the destination.
    pub destination_port: u16,
    /// How far the flow is.
    pub phase: String,
    /// Whether there was traffic the other way.
    pub answered: bool,
    /// What rules have written on it.
    pub mark: u32,
    /// The way it began, and the other.
    pub packets: [u32; 2],
    /// As `packets`.
    pub bytes: [u64; 2],
    /// Since the last packet.
    pub silent_ms: u64,
    /// For how long it may be silent yet.
    pub left_ms: u64,
    /// Which has the state.
    pub worker: usize,
}
