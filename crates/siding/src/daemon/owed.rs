//! What a reload that failed could not set back, yet: an interface that takes long to go cannot be made again before it has
//! gone, nor one whose device is not there. It is tried again until it is there, or another reload says what is wanted.
//!
//! # Locks
//!
//! `owed` is held for moments, `changes` for writing while something is set back, as by a reload.

use std::time::Duration;
use std::time::Instant;

use super::state::Daemon;
use super::state::Free;
use super::state::lock;
use crate::setting::Any;
use crate::setting::Setting;

/// Between two attempts.
const PAUSE: Duration = Duration::from_secs(1);

/// Settings that are to be in effect and are not, in the order in which they can be.
#[derive(Debug, Default)]
pub(super) struct Owed {
    settings: Vec<Any>,
    tried: Option<Instant>,
}

impl Daemon {
    /// Something is to be in effect again.
    pub(crate) fn owe(&self, settings: Vec<Any>) {
        let mut owed = lock(&self.owed);
        owed.settings.extend(settings);
        owed.tried = Some(Instant::now());
    }

    /// Something else is wanted by now.
    pub(super) fn owe_nothing(&self) {
        lock(&self.owed).settings.clear();
    }

    /// Whether it is time to try again.
    pub(super) fn is_to_pay(&self) -> bool {
        let owed = lock(&self.owed);
        !owed.settings.is_empty() && owed.tried.is_none_or(|tried| tried.elapsed() >= PAUSE)
    }

    /// Sets back what can be.
    pub(super) fn pay(&self, ctx: &mut Free<'_>) {
        let _alone = self.alone();
        let settings = std::mem::take(&mut lock(&self.owed).settings);
        // Somebody may have made another of it meanwhile: that is what he wants, and nothing else on it.
        let is_there = |owed: &Any| self.noted(&owed.slot()).is_some();
        let others: Vec<String> = settings
            .iter()
            .filter(|owed| is_there(owed))
            .filter_map(|owed| owed.makes().map(str::to_owned))
            .collect();
        let is_missing = |owed: &Any| {
            !is_there(owed) && !owed.on().iter().any(|on| others.iter().any(|other| other == on))
        };
        let missing: Vec<Any> = settings.into_iter().filter(is_missing).collect();
        let mut left = Vec::new();
        for setting in missing {
            match setting.apply(self, ctx) {
                Ok(()) => {
                    self.log.command(format_args!("set back at last: {setting}"));
                    self.note(setting);
                }
                Err(_) => left.push(setting),
            }
        }
        self.owe(left);
    }
}
