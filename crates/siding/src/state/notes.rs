//! What is in effect and what is owed, noted by everybody who changes something.

use std::time::Instant;

use super::daemon::Daemon;
use super::lock::lock;
use super::setting::Any;
use super::setting::Slot;

impl Daemon {
    /// Notes that a setting is in effect, perhaps in place of another value of it. Nothing else is owed of it then, nor of
    /// an interface that it makes: that is what is wanted.
    pub(crate) fn note(&self, setting: impl Into<Any>) {
        let setting = setting.into();
        let slot = setting.slot();
        let is_made = |on: &&str| setting.makes() == Some(*on);
        let mut owed = lock(&self.owed);
        owed.forget_at(&slot);
        if setting.makes().is_some() {
            owed.forget(|owed| owed.on().iter().any(is_made));
        }
        drop(owed);
        lock(&self.running).put(setting);
    }

    /// The same of many, none of which makes an interface.
    pub(crate) fn note_all(&self, settings: Vec<Any>) {
        let mut owed = lock(&self.owed);
        if !owed.is_empty() {
            settings.iter().for_each(|setting| owed.forget_at(&setting.slot()));
        }
        drop(owed);
        let mut running = lock(&self.running);
        settings.into_iter().for_each(|setting| running.put(setting));
    }

    /// The same of what was owed: what else is owed of an interface that it makes is so still.
    pub(crate) fn note_paid(&self, setting: Any) {
        lock(&self.owed).forget_at(&setting.slot());
        lock(&self.running).put(setting);
    }

    /// Notes that these are in effect no more; nor are they owed.
    pub(crate) fn unnote(&self, goes: impl Fn(&Any) -> bool) {
        lock(&self.owed).forget(&goes);
        lock(&self.running).remove(goes);
    }

    /// What it took to remove something. Once it is done, what `goes` means is in effect no more; see also [`waive`](Self::waive).
    ///
    /// # Errors
    ///
    /// As it was.
    pub(crate) fn removed<T>(
        &self,
        done: anyhow::Result<T>,
        goes: impl Fn(&Any) -> bool,
    ) -> anyhow::Result<T> {
        match done {
            Ok(_) => self.unnote(goes),
            Err(_) => self.waive(goes),
        }
        done
    }

    /// Whoever removes what is not there, but is owed, wants it not to be: it is set back no more.
    pub(crate) fn waive(&self, goes: impl Fn(&Any) -> bool) {
        if lock(&self.owed).forget(goes) {
            self.log.command(format_args!("what a reload could not set back is not wanted any more"));
        }
    }

    /// Notes that what is at this place is in effect no more.
    pub(crate) fn unnote_at(&self, slot: &Slot) {
        lock(&self.owed).forget_at(slot);
        lock(&self.running).take(slot);
    }

    /// What is in effect at that place.
    pub(crate) fn noted(&self, slot: &Slot) -> Option<Any> {
        lock(&self.running).at(slot).cloned()
    }

    /// Notes that an interface has gone, with all that was on it.
    pub(crate) fn note_gone(&self, name: &str) {
        self.unnote(|there| there.on().contains(&name));
    }

    /// The first that is such.
    pub(crate) fn first(&self, is_it: impl Fn(&Any) -> bool) -> Option<Any> {
        lock(&self.running).iter().find(|there| is_it(there)).cloned()
    }

    /// What makes the interface of this name.
    pub(crate) fn maker(&self, name: &str) -> Option<Any> {
        self.first(|there| there.makes() == Some(name))
    }

    /// Something is to be in effect again, as soon as it can be.
    pub(crate) fn owe(&self, settings: Vec<Any>) {
        // Put into words before: the main thread looks at the list.
        let settings = settings.into_iter().map(|one| (one.slot(), one)).collect();
        lock(&self.owed).add(settings, Instant::now());
    }
}
