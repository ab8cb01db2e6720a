//! Last words that are on their way.
//!
//! A [`Word`] goes with each message that is to leave before something ends: from the request to its dispatch, as metadata
//! through the facility, and then with the worker that has put it into a device's queue, until that queue is empty. It
//! cannot be lost: what is refused or departs drops it, too.

use std::sync::Arc;
use std::time::Duration;

/// A message that is to leave before something ends.
#[derive(Debug, Clone)]
pub(crate) struct Word {
    _counted: Arc<()>,
}

/// All that are on their way.
#[derive(Debug, Default)]
pub(crate) struct Words(Arc<()>);

impl Words {
    pub(crate) fn begin(&self) -> Word {
        Word { _counted: self.0.clone() }
    }

    /// Whether none is on its way any more.
    pub(crate) fn are_said(&self) -> bool {
        Arc::strong_count(&self.0) == 1
    }
}

/// How long a worker waits for a wire to take last words.
pub(crate) const PATIENCE: Duration = Duration::from_millis(100);
