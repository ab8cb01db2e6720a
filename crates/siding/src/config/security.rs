//! `[security]`: what the daemon may do, and who may speak to it.

use std::path::PathBuf;

use serde::Deserialize;
use toml::Spanned;

use crate::words::wrong::Wrong;

/// The table's text.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Security {
    /// Give up, at the start, all that the work does not need: see SECURITY.md [default: true].
    confine: Option<bool>,
    /// The group that may use the control socket, besides the daemon's own user, and is as good as that user for files, too
    /// (captures, rules): a name or a number [default: nobody].
    control_group: Option<Spanned<String>>,
    /// A second socket, that tells and changes nothing [default: none].
    monitor: Option<Spanned<PathBuf>>,
    /// The group that may use it: a name or a number [default: nobody].
    monitor_group: Option<Spanned<String>>,
    /// Files and folders that a confined daemon may read besides its own: rules that are loaded by hand, say [default: none].
    #[serde(default)]
    may_read: Vec<Spanned<PathBuf>>,
    /// Files and folders that it may write besides its own: captures that a later file asks for [default: none].
    #[serde(default)]
    may_write: Vec<Spanned<PathBuf>>,
}

/// What it means.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct SecurityConfig {
    pub(crate) confine: bool,
    pub(crate) control_group: Option<String>,
    pub(crate) monitor: Option<PathBuf>,
    pub(crate) monitor_group: Option<String>,
    pub(crate) may_read: Vec<PathBuf>,
    pub(crate) may_write: Vec<PathBuf>,
}

impl Default for SecurityConfig {
    fn default() -> SecurityConfig {
        SecurityConfig {
            confine: true,
            control_group: None,
            monitor: None,
            monitor_group: None,
            may_read: Vec::new(),
            may_write: Vec::new(),
        }
    }
}

impl Security {
    pub(super) fn check(self) -> Result<SecurityConfig, Wrong> {
        if let (Some(group), None) = (&self.monitor_group, &self.monitor) {
            return Err(Wrong::new(group.span(), "a group for no socket: add `monitor`".into()));
        }
        // Where the daemon stands is nobody's concern.
        let relative = self.may_read.iter().chain(&self.may_write).find(|path| path.get_ref().is_relative());
        if let Some(path) = relative {
            let shown = path.get_ref().display().to_string();
            return Err(Wrong::new(
                path.span(),
                format!("{shown:?} depends on where it is started: give the whole path"),
            ));
        }
        let paths = |given: Vec<Spanned<PathBuf>>| given.into_iter().map(Spanned::into_inner).collect();
        let word = |given: Option<Spanned<String>>| given.map(Spanned::into_inner);
        Ok(SecurityConfig {
            confine: self.confine.unwrap_or(true),
            control_group: word(self.control_group),
            monitor: self.monitor.map(Spanned::into_inner),
            monitor_group: word(self.monitor_group),
            may_read: paths(self.may_read),
            may_write: paths(self.may_write),
        })
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use crate::config::Config;

    #[test]
    fn what_may_be_reached_is_a_whole_path() {
        let check = |text: &str| Config::parse(Path::new("a.toml"), &format!("[security]\n{text}\n"));
        assert!(check("may_read = [\"/srv\"]\nmay_write = [\"/srv/a\"]").is_ok());
        for text in ["may_read = [\"/srv\", \"rules\"]", "may_write = [\"./captures\"]"] {
            let told = check(text).unwrap_err().to_string();
            assert!(told.contains("give the whole path"), "{told}");
        }
    }
}
