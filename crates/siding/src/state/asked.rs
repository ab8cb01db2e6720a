//! What somebody asks for that is one setting, no more and no less.

use super::daemon::Daemon;
use super::daemon::Free;
use super::setting::Any;
use super::setting::Setting;

impl Daemon {
    /// Puts a setting into effect, and notes it.
    ///
    /// # Errors
    ///
    /// It cannot be.
    pub(crate) fn put<S>(&self, ctx: &mut Free<'_>, setting: S) -> anyhow::Result<()>
    where
        S: Setting + Into<Any>,
    {
        setting.apply(self, ctx)?;
        self.note(setting);
        Ok(())
    }

    /// Takes one back.
    ///
    /// # Errors
    ///
    /// It cannot be, or is not there.
    pub(crate) fn take_back<S>(&self, ctx: &mut Free<'_>, setting: &S) -> anyhow::Result<()>
    where
        S: Setting + PartialEq,
    {
        let done = setting.withdraw(self, ctx);
        self.removed(done, |there| there.is(|there: &S| setting == there))
    }
}
