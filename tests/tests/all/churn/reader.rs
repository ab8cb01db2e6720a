//! Who reads the log, and is killed now and then: the daemon writes into a pipe without a reader until the next comes.

use std::path::Path;
use std::path::PathBuf;
use std::process::Child;
use std::process::Command;
use std::process::Stdio;

#[derive(Debug)]
pub(super) struct Reader {
    pipe: PathBuf,
    kept: PathBuf,
    cat: Option<Child>,
}

impl Reader {
    /// Makes the pipe, and reads it into a file.
    pub(super) fn start(directory: &Path, number: u32) -> Reader {
        let pipe = directory.join(format!("log-{number}"));
        let kept = directory.join(format!("log-{number}.kept"));
        let made = Command::new("mkfifo").arg(&pipe).status().unwrap();
        assert!(made.success());
        let mut reader = Reader { pipe, kept, cat: None };
        reader.read_again();
        reader
    }

    pub(super) fn pipe(&self) -> &Path {
        &self.pipe
    }

    pub(super) fn kill(&mut self) {
        if let Some(mut cat) = self.cat.take() {
            let _ = cat.kill();
            let _ = cat.wait();
        }
    }

    pub(super) fn read_again(&mut self) {
        if self.cat.is_none() {
            let kept = std::fs::File::options().append(true).create(true).open(&self.kept).unwrap();
            let cat = Command::new("cat").arg(&self.pipe).stdin(Stdio::null()).stdout(kept).spawn();
            self.cat = Some(cat.unwrap());
        }
    }

    /// What was read.
    pub(super) fn text(&self) -> String {
        String::from_utf8_lossy(&std::fs::read(&self.kept).unwrap_or_default()).into_owned()
    }
}

impl Drop for Reader {
    fn drop(&mut self) {
        self.kill();
    }
}
