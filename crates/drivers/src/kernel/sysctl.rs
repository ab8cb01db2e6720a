//! Settings under `/proc/sys/net`, changed and put back.
//!
//! `/proc/sys/net` shows the namespace of the *thread* that looks. All here must run on a thread that is in the
//! interface's namespace.

use std::fs;
use std::io;

use super::Error;

/// A setting per interface: `/proc/sys/net/FAMILY/conf/INTERFACE/KEY`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Setting {
    /// `ipv4` or `ipv6`.
    pub(super) family: &'static str,
    /// The file's name.
    pub(super) key: &'static str,
}

impl Setting {
    /// Reads the setting; `None` if there is none: that IP version is not on the interface at all (switched off
    /// at boot, or the MTU is too small for it).
    pub(super) fn read(self, interface: &str) -> Result<Option<String>, Error> {
        match fs::read_to_string(self.path(interface)) {
            Ok(text) => Ok(Some(text.trim_end().to_owned())),
            Err(error) if is_absent(&error) => Ok(None),
            Err(error) => Err(Error::system(format_args!("read {}", self.path(interface)), error)),
        }
    }

    /// Writes it; false if there is no such setting.
    pub(super) fn write(self, interface: &str, value: &str) -> Result<bool, Error> {
        // No `fs::write`: that would try to make the file if it is not there, and say "permission denied".
        let mut options = fs::OpenOptions::new();
        let result = options.write(true).open(self.path(interface)).and_then(|mut file| {
            use std::io::Write;
            file.write_all(value.as_bytes())
        });
        match result {
            Ok(()) => Ok(true),
            Err(error) if is_absent(&error) => Ok(false),
            Err(error) => {
                Err(Error::system(format_args!("write {value} to {}", self.path(interface)), error))
            }
        }
    }

    fn path(self, interface: &str) -> String {
        format!("/proc/sys/net/{}/conf/{interface}/{}", self.family, self.key)
    }
}

fn is_absent(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::NotFound || error.raw_os_error() == Some(libc::ENODEV)
}
