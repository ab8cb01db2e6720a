//! What a reload that failed could not set back, yet: an interface that takes long to go cannot be made again before it has
//! gone, nor one whose device is not there. It is tried again until it is there, or another reload says what is wanted.

use std::time::Duration;
use std::time::Instant;

/// Between two attempts.
const PAUSE: Duration = Duration::from_secs(1);

/// Settings that are to be in effect and are not, in the order in which they can be.
#[derive(Debug)]
pub(super) struct Owed<T> {
    settings: Vec<T>,
    tried: Option<Instant>,
}

impl<T> Default for Owed<T> {
    fn default() -> Owed<T> {
        Owed { settings: Vec::new(), tried: None }
    }
}

impl<T> Owed<T> {
    /// These are to be, too; none of them is tried at once.
    pub(super) fn add(&mut self, settings: Vec<T>) {
        self.settings.extend(settings);
        self.tried = Some(Instant::now());
    }

    /// All of them: nothing is owed any more.
    pub(super) fn take(&mut self) -> Vec<T> {
        std::mem::take(&mut self.settings)
    }

    /// Whether it is time to try again.
    pub(super) fn is_due(&self) -> bool {
        !self.settings.is_empty() && self.tried.is_none_or(|tried| tried.elapsed() >= PAUSE)
    }
}
