//! Requests and answers on what would become of a packet.

use serde::Deserialize;
use serde::Serialize;

/// A packet that is only thought of.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TestRequest {
    /// Its octets from the IP header on, in hexadecimal.
    pub packet: String,
    /// The interface that it would come in by; our own if none.
    pub iif: Option<String>,
    /// The interface that it would go out of; as the routes say if none.
    pub oif: Option<String>,
    /// To whom its frame would be: Linux's number.
    #[serde(default)]
    pub pkttype: u8,
    /// The ends of its frame, if rules are to see them.
    #[serde(default)]
    pub ether: Option<EtherRow>,
    /// Its mark.
    #[serde(default)]
    pub mark: u32,
    /// What it would be to its flow, as Linux's bits; as the states say if none.
    #[serde(default)]
    pub state: Option<u8>,
    /// The way of an answer.
    #[serde(default)]
    pub reply: bool,
    /// The flow's mark.
    #[serde(default)]
    pub ct_mark: u32,
}

/// From whom a frame would be, and to whom.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EtherRow {
    /// From whom, as 02:00:00:00:00:01.
    pub saddr: String,
    /// To whom.
    pub daddr: String,
}

/// What would become of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct TestRow {
    /// The packet, in the words of rules.
    pub packet: String,
    /// What it is to its flow.
    pub state: String,
    /// The hooks that it would come by.
    pub hooks: Vec<HookRow>,
    /// `accept`, `drop`, `reject`, or `not asked`.
    pub verdict: String,
    /// What decided: a rule or a policy; or why nobody is asked.
    pub why: String,
    /// What was taken to be so.
    pub assumed: Vec<String>,
}

/// What rules of a hook would do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct HookRow {
    /// Its word.
    pub hook: String,
    /// The rules that it would meet, in order: not all of them, if there are very many.
    pub rules: Vec<MetRow>,
}

/// A rule, and what came of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct MetRow {
    /// The table's family.
    pub family: String,
    /// The table.
    pub table: String,
    /// The chain.
    pub chain: String,
    /// Its number in the table.
    pub handle: u64,
    /// As it is written.
    pub rule: String,
    /// `FILE:LINE:COLUMN`.
    pub place: String,
    /// `passed`, `done`, `accepted`, `ended` or `went`.
    pub outcome: String,
    /// The statement at which a rule was left that is not about this packet.
    pub at: Option<String>,
}

/// What `siding filter check --json` has found, where no daemon runs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct CheckedRow {
    /// What is wrong; there are no rules then.
    pub errors: Vec<WrongRow>,
    /// The rules, in order.
    pub rules: Vec<CheckedRuleRow>,
}

/// A mistake in rules.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct WrongRow {
    /// The file.
    pub file: String,
    /// The line in it, from 1.
    pub line: u32,
    /// The column, from 1.
    pub column: u32,
    /// What is wrong, and what to do.
    pub what: String,
}

/// A rule that is in order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct CheckedRuleRow {
    /// The table's family.
    pub family: String,
    /// The table.
    pub table: String,
    /// The chain.
    pub chain: String,
    /// Its number in the table.
    pub handle: u64,
    /// As it is written.
    pub rule: String,
    /// The file that it is in.
    pub file: String,
    /// The line in it, from 1.
    pub line: u32,
    /// The column, from 1.
    pub column: u32,
}
