//! Requests and answers on the configuration as a whole.

use std::path::PathBuf;

use serde::Deserialize;
use serde::Serialize;

/// What can be asked of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "action", rename_all = "kebab-case", deny_unknown_fields)]
pub enum ReloadRequest {
    /// What runs, as a file.
    Show {},
    /// Puts a file into effect in place of what runs.
    Load {
        /// The file that the run began with if it is not given.
        file: Option<FileText>,
        /// Tell what would be done, and do nothing.
        dry_run: bool,
        /// Go back after so many seconds, unless it is confirmed.
        confirm_s: Option<u64>,
    },
    /// Keeps what was loaded last.
    Confirm {},
    /// Goes back to what ran before that.
    Back {},
}

/// A file as somebody has read it, who may be somebody else than the daemon.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FileText {
    /// For messages.
    pub path: PathBuf,
    /// What it says.
    pub text: String,
}

/// What runs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ConfigRow {
    /// As a file that would make it again.
    pub text: String,
    /// What no file can say, and why: what lies on an interface that is not there, groups that wait on a port.
    pub left_out: Vec<String>,
    /// The file that the run began with.
    pub file: PathBuf,
    /// What waits to be confirmed, and when it is gone back.
    #[serde(default)]
    pub waits: Option<String>,
}

/// What `siding config save --json` has done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct SavedRow {
    /// The file that says what runs.
    pub file: PathBuf,
    /// Where what stood there before is kept.
    pub kept: Option<PathBuf>,
}

/// What a reload has done, or would do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ReloadRow {
    /// In their order: `-` goes, `+` comes, `~` is changed.
    pub steps: Vec<String>,
    /// What the file says otherwise, but takes effect at the next start only.
    pub later: Vec<String>,
    /// What waits to be confirmed, and when it is gone back.
    #[serde(default)]
    pub waits: Option<String>,
}
