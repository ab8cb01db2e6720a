//! Who is in the way of what somebody waits for.

use alloc::string::String;
use alloc::string::ToString;
use alloc::vec::Vec;
use core::fmt;

/// Why a wait ended before what it waited for: who is still in the way.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct StillHeld {
    /// Each holder, in words: a worker and what it runs, or a pin and where it was taken.
    pub holders: Vec<String>,
}

impl fmt::Display for StillHeld {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.holders.is_empty() {
            return f.write_str("still held, by somebody who let go at this moment");
        }
        write!(f, "still held by {}", self.holders.join("; "))
    }
}

impl core::error::Error for StillHeld {}

impl From<StillHeld> for String {
    fn from(held: StillHeld) -> String {
        held.to_string()
    }
}
