//! What a router needs for itself passes a policy without a rule.
//!
//! RFC 4890 s4.4: neighbour discovery and multicast listener discovery must not be dropped on their way to and from
//! the firewall itself. They are known by the hop limit that their RFCs ask for, so nobody from afar can send them. A
//! rule that drops them is obeyed: only the policy of a chain is overruled, and that only on input and output (and
//! before both). They never pass *through* a router, so nothing is said of forwarding.

use crate::Family;
use crate::Packet;
use crate::model::Hook;
use crate::program::Program;

//= RFC 4890 s4.4.1 [4890-8]: what a router needs for itself.
const ICMP6: u8 = 58;

/// What [`Program::built_in`] lets pass, as a rule would say it.
pub const BUILT_IN: [&str; 2] = [
    "icmpv6 type { nd-router-solicit, nd-router-advert, nd-neighbor-solicit, nd-neighbor-advert, nd-redirect } \
     icmpv6 code 0 ip6 hoplimit 255 accept",
    "icmpv6 type { mld-listener-query, mld-listener-report, mld-listener-done, mld2-listener-report } \
     ip6 saddr { ::, fe80::/10 } ip6 hoplimit 1 accept",
];

impl Program {
    /// Whether a packet is one of those that pass a policy of `drop` without a rule.
    pub fn built_in(&self, packet: &Packet<'_>, hook: Hook) -> bool {
        if hook == Hook::Forward || packet.family() != Family::V6 || packet.protocol() != Some(ICMP6) {
            return false;
        }
        let link_local = || packet.src_bits() >> 118 == 0xfe80 >> 6 || packet.src_bits() == 0;
        match (packet.icmp(), packet.hop_limit()) {
            (Some((133..=137, 0)), 255) => true,
            (Some((130..=132 | 143, _)), 1) => link_local(),
            _ => false,
        }
    }
}
