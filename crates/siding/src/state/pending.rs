//! A reload that waits to be confirmed.

use std::time::Duration;
use std::time::Instant;

use super::running::Loaded;
use super::setting::Any;

/// What is gone back to unless somebody confirms what came after it.
#[derive(Debug)]
pub(crate) struct Pending {
    pub(crate) until: Instant,
    pub(crate) before: Vec<Any>,
    pub(crate) said: Loaded,
    /// Why it could not be gone back, the last time that this was tried.
    pub(crate) failed: Option<String>,
    /// When it is tried again, if that fails too.
    pub(crate) pause: Duration,
    /// The file was to be read meanwhile because a signal said so, and was not: what `systemctl status` says of it.
    pub(crate) refused: bool,
}
