//! What is the same in every act: addresses, and how long a detach may take.

use std::net::Ipv6Addr;
use std::time::Duration;

/// Our address.
pub(super) const OURS: Ipv6Addr = Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 1);
/// The peer's.
pub(super) const PEER: Ipv6Addr = Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 2);
/// Another of the peer's, which it gives up.
pub(super) const SILENT: Ipv6Addr = Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 3);
/// Ours on the lagg itself, and whoever's is behind the switch without a VLAN.
pub(super) const LAGG: Ipv6Addr = Ipv6Addr::new(0x2001, 0xdb8, 1, 0, 0, 0, 0, 1);
pub(super) const UNTAGGED: Ipv6Addr = Ipv6Addr::new(0x2001, 0xdb8, 1, 0, 0, 0, 0, 2);
/// Length of the prefix of all of them, in bits.
pub(super) const PREFIX_LEN: u8 = 64;

/// A detach that takes longer names who is in its way, and the demonstration has failed.
pub(super) const DETACH_TIMEOUT: Duration = Duration::from_secs(5);
