//! Descriptors that nobody needs until the daemon ends: then it may have no others left, and has to speak to the kernel to
//! give back what is its own.

use std::fs::File;
use std::sync::Mutex;
use std::sync::PoisonError;

/// So many: a socket for links and one for offloads, a file of settings, one for the record, and some more for those beside.
const MANY: usize = 8;

/// Descriptors that are kept.
#[derive(Debug)]
pub(crate) struct Spare(Mutex<Vec<File>>);

impl Spare {
    /// As many as there can be.
    pub(crate) fn keep() -> Spare {
        Spare(Mutex::new((0..MANY).map_while(|_| File::open("/dev/null").ok()).collect()))
    }

    /// There are so many more from now on.
    pub(crate) fn give_up(&self) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }
}
