//! Requests and answers on the connection itself: its version and its bounds.

use serde::Deserialize;
use serde::Serialize;

/// The version of the protocol that this crate speaks. Grows when a program that speaks the one before would
/// misunderstand; what is added (requests, keys, codes, kinds of events) does not count.
pub const VERSION: u32 = 1;

/// Requests of a batch, at the most.
pub const MOST_REQUESTS: usize = 1024;

/// The longest request, in bytes; a batch is one.
pub const LONGEST_REQUEST: usize = 1 << 20;

/// Says which version of the protocol is spoken from now on. Who does not say so speaks the first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HelloRequest {
    /// Which.
    pub version: u32,
}

/// Who answers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct HelloRow {
    /// The version that is spoken from now on.
    pub version: u32,
    /// The newest that could be.
    pub newest: u32,
    /// The program's own version, for people.
    pub siding: String,
    /// Whether this socket only tells.
    pub only_looks: bool,
}
