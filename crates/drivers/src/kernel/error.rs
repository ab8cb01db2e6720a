//! What can go wrong between us and the kernel, and the way out of it.

use std::fmt;
use std::io;
use std::net::IpAddr;

use super::Cidr;

/// A request that the kernel did not grant. Its text names the operation, the interface and the way out.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The kernel said no, or a system call failed.
    #[error("cannot {operation}: {why}{}{}", Said(.reason), WayOut(.why))]
    Refused {
        /// What was asked, in words that follow "cannot", with the interface's name.
        operation: String,
        /// The kernel's error number. The text has it: it is no source of its own, or it would be told twice.
        why: io::Error,
        /// The kernel's own words on it (netlink's extended acknowledgement), where it had any.
        reason: Option<String>,
    },

    /// There is no such interface in this namespace.
    #[error("cannot {operation}: no interface {interface:?} in this network namespace; `ip link` lists them")]
    NoInterface {
        /// What was asked, in words that follow "cannot".
        operation: String,
        /// The name (or index) that was looked for.
        interface: String,
    },

    /// What was given as an interface's name cannot be one.
    #[error("{0:?} is no interface name: give 1 to 15 bytes without `/`, `:`, blanks or control characters")]
    BadName(String),

    /// The kernel answered with something that we cannot read.
    #[error("cannot {operation}: the kernel's answer is malformed: {problem}")]
    Malformed {
        /// What was asked, in words that follow "cannot".
        operation: String,
        /// What is wrong with the answer.
        problem: String,
    },

    /// The kernel uses the interface itself: it has addresses on it.
    #[error(
        "cannot claim {interface}: the kernel has {} on it, and two stacks on one interface answer each other's \
         neighbours; take them off with `ip addr flush dev {interface}`, or claim an interface that is not in use",
        Listed(.addresses)
    )]
    HasAddresses {
        /// The interface's name.
        interface: String,
        /// The addresses that are in the way.
        addresses: Vec<Cidr>,
    },

    /// The kernel uses the interface itself: it has routes out of it.
    #[error(
        "cannot claim {interface}: the kernel has routes out of it, to {}, and would lose or use them; take them off \
         with `ip route flush dev {interface}`, or claim an interface that is not in use",
        Listed(.destinations)
    )]
    HasRoutes {
        /// The interface's name.
        interface: String,
        /// Where the routes in the way lead to.
        destinations: Vec<Cidr>,
    },

    /// The interface belongs to a bridge, a bond or the like, which takes its frames before we see them.
    #[error(
        "cannot claim {interface}: it is a port of the kernel's interface {controller}; take it out with \
         `ip link set {interface} nomaster`"
    )]
    IsPort {
        /// The interface's name.
        interface: String,
        /// The bridge or bond, by name if it has one here, else by index.
        controller: String,
    },

    /// A Siding, this one or another, has the interface already.
    #[error(
        "cannot claim {interface}: another Siding in this network namespace has it already; stop that one first"
    )]
    AlreadyClaimed {
        /// The interface's name.
        interface: String,
    },

    /// A route's destination and next hop are of different IP versions.
    #[error("cannot add a route to {destination} via {via}: one is IPv4 and the other IPv6")]
    MixedFamilies {
        /// The route's destination.
        destination: Cidr,
        /// The next hop.
        via: IpAddr,
    },
}

impl Error {
    /// A system call failed while doing what `operation` says.
    pub(super) fn system(operation: impl fmt::Display, source: impl Into<io::Error>) -> Self {
        Self::Refused { operation: operation.to_string(), why: source.into(), reason: None }
    }

    /// The kernel's error number as the standard library knows it, if it was the kernel that said no.
    #[must_use]
    pub fn kind(&self) -> Option<io::ErrorKind> {
        match self {
            Self::Refused { why, .. } => Some(why.kind()),
            _ => None,
        }
    }

    /// True if the interface is not there, whichever way that was found out.
    #[must_use]
    pub fn is_gone(&self) -> bool {
        match self {
            Self::NoInterface { .. } => true,
            Self::Refused { why, .. } => {
                matches!(why.raw_os_error(), Some(libc::ENODEV | libc::ENXIO | libc::ENOENT))
            }
            _ => false,
        }
    }
}

/// The kernel's own words, if any.
struct Said<'a>(&'a Option<String>);

impl fmt::Display for Said<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Some(text) => write!(f, ": {text}"),
            None => Ok(()),
        }
    }
}

/// What the operator can do about an error number that has one obvious cure.
struct WayOut<'a>(&'a io::Error);

impl fmt::Display for WayOut<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let hint = match self.0.raw_os_error() {
            Some(libc::EPERM | libc::EACCES) => "run as root or with CAP_NET_ADMIN",
            Some(libc::EROFS) => {
                "/proc/sys is mounted read-only here: remount it, or run outside the container"
            }
            Some(libc::EEXIST) => "choose another, or delete the one that is there",
            Some(libc::EBUSY) => "something else is using it: stop that first",
            Some(libc::EOPNOTSUPP) => "the driver or the kernel cannot do that: use another interface",
            Some(libc::ENOSPC) => "a limit of the kernel is reached: see /proc/sys/user/max_net_namespaces",
            Some(libc::EMFILE | libc::ENFILE) => "too many open files: raise `ulimit -n`",
            _ => return Ok(()),
        };
        write!(f, "; {hint}")
    }
}

/// Addresses in a row.
struct Listed<'a>(&'a [Cidr]);

impl fmt::Display for Listed<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, address) in self.0.iter().enumerate() {
            write!(f, "{}{address}", if index == 0 { "" } else { ", " })?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_names_operation_reason_and_way_out() {
        let error = Error::Refused {
            operation: "set the MTU of eth7".to_owned(),
            why: io::Error::from_raw_os_error(libc::EPERM),
            reason: Some("not yours".to_owned()),
        };
        let text = error.to_string();
        assert!(text.starts_with("cannot set the MTU of eth7: "), "{text}");
        assert!(text.ends_with(": not yours; run as root or with CAP_NET_ADMIN"), "{text}");
    }

    #[test]
    fn addresses_in_the_way_are_listed_with_the_cure() {
        let addresses = vec!["192.0.2.1/24".parse().unwrap(), "2001:db8::1/64".parse().unwrap()];
        let text = Error::HasAddresses { interface: "eth7".to_owned(), addresses }.to_string();
        assert!(text.contains("192.0.2.1/24, 2001:db8::1/64"), "{text}");
        assert!(text.contains("`ip addr flush dev eth7`"), "{text}");
    }
}
