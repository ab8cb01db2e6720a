//! Why a device could not be opened, in words that say what to do.

use std::io;

/// Why a device could not be opened. Names the interface and what to do.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DriverError {
    /// There is no TUN driver.
    #[error(
        "{interface}: cannot open /dev/net/tun: {why}; load the driver (`modprobe tun`), or in a container pass \
         the device in (`--device /dev/net/tun`)"
    )]
    NoTun {
        /// The interface that was to be opened.
        interface: String,
        /// What the system said.
        why: io::Error,
    },
    /// The process lacks a capability.
    #[error(
        "{interface}: not permitted to {doing}; run as root or with {capability} (`setcap {capability}+ep <program>`)"
    )]
    NotPermitted {
        /// The interface that was to be opened.
        interface: String,
        /// What was being done.
        doing: &'static str,
        /// The capability that allows it, as setcap(8) spells it.
        capability: &'static str,
    },
    /// There is no interface of that name.
    #[error("{interface}: no such interface in this network namespace; `ip link` lists those that there are")]
    NoInterface {
        /// The name that was asked for.
        interface: String,
    },
    /// The name cannot be an interface's.
    #[error(
        "{interface:?}: an interface's name has 1 to 15 bytes, none of them NUL, `/`, `:` or white space"
    )]
    BadName {
        /// The name that was asked for.
        interface: String,
    },
    /// Somebody else has the TAP interface, or it was made for a single queue.
    #[error(
        "{interface}: in use by another program, or not made for several queues; end that program, or make the \
         interface anew (`ip tuntap del {interface} mode tap; ip tuntap add {interface} mode tap multi_queue`)"
    )]
    Busy {
        /// The interface that was to be opened.
        interface: String,
    },
    /// A setting makes no sense.
    #[error("{interface}: {what}")]
    Config {
        /// The interface that was to be opened.
        interface: String,
        /// Which, and what would.
        what: &'static str,
    },
    /// A system call failed.
    #[error("{interface}: cannot {doing}: {why}")]
    System {
        /// The interface that was to be opened.
        interface: String,
        /// What was being done.
        doing: &'static str,
        /// What the system said.
        why: io::Error,
    },
}

impl DriverError {
    /// The error for a call that failed with `source` while `doing` something that `capability` allows.
    pub(crate) fn system(
        interface: &str,
        doing: &'static str,
        capability: &'static str,
        source: impl Into<io::Error>,
    ) -> DriverError {
        let interface = interface.to_owned();
        let source = source.into();
        match source.kind() {
            io::ErrorKind::PermissionDenied => DriverError::NotPermitted { interface, doing, capability },
            _ => DriverError::System { interface, doing, why: source },
        }
    }
}

/// Refuses what cannot be an interface's name (the kernel's own rule).
pub(crate) fn check_name(name: &str) -> Result<(), DriverError> {
    let bad = |byte: u8| byte == 0 || byte == b'/' || byte == b':' || byte.is_ascii_whitespace();
    if name.is_empty() || name.len() > 15 || name == "." || name == ".." || name.bytes().any(bad) {
        return Err(DriverError::BadName { interface: name.to_owned() });
    }
    Ok(())
}

/// An error met while running, with the interface's name in front.
pub(crate) fn named(interface: &str, doing: &str, source: impl Into<io::Error>) -> io::Error {
    let source = source.into();
    io::Error::new(source.kind(), format!("{interface}: cannot {doing}: {source}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_checked_as_the_kernel_does() {
        for good in ["a", "eth0", "veth0.100", "fifteen-bytes-x", "ä"] {
            assert!(check_name(good).is_ok(), "{good}");
        }
        for bad in ["", ".", "..", "sixteen-bytes-xx", "a/b", "a b", "a:b", "a\0"] {
            assert!(check_name(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn a_lack_of_rights_names_the_capability() {
        let error =
            DriverError::system("eth7", "open a packet socket", "cap_net_raw", rustix::io::Errno::PERM);
        let text = error.to_string();
        assert!(text.contains("eth7") && text.contains("setcap cap_net_raw+ep"), "{text}");
    }
}
