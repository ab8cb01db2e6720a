//! What is told of links.

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::sync::Mutex;

use super::port::Told;

/// What the thread that watches links leaves to others.
#[derive(Debug, Default)]
pub(crate) struct LinkNews {
    /// Held by who tells the stack of a link: what was read later is told later.
    pub(crate) order: Mutex<()>,
    /// Interfaces of ours whose device the kernel has no more.
    pub(crate) gone: Mutex<Vec<String>>,
    /// Those whose device it has again.
    pub(crate) back: Mutex<Vec<String>>,
    /// Those whose device is otherwise than before.
    pub(crate) changed: Mutex<Vec<(String, Told)>>,
    /// Those whose device may have been given offloads again.
    pub(crate) looked: Mutex<BTreeSet<String>>,
    /// What was told last of devices that cannot be used again yet.
    pub(crate) told: Mutex<BTreeMap<String, String>>,
}
