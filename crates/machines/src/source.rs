//! Which of our addresses a packet is sent from (RFC 6724 s4 and s5).
//!
//! A pure function of the destination, the outgoing interface and the addresses: the caller selects under
//! whatever lock makes its list of candidates true, and checks the result again with [`check`] when the
//! packet is sent later.

use core::cmp::Ordering;
use core::net::Ipv6Addr;

use siding_netisr::IfId;

use crate::route::Prefix;

/// An address assigned to one of our interfaces. Tentative, duplicate and invalid addresses are assigned to
/// nothing (RFC 4862 s2), so the caller does not list them. `I` names an interface.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Candidate<I = IfId> {
    /// The address.
    pub addr: Ipv6Addr,
    /// Length of its prefix in bits, which bounds rule 8.
    pub prefix_len: u8,
    /// The interface that it is assigned to.
    pub interface: I,
    /// Its preferred lifetime is over.
    pub deprecated: bool,
    /// It is a temporary address (RFC 8981).
    pub temporary: bool,
    /// What it is to a mobile node; [`Mobility::Both`] everywhere else.
    pub mobility: Mobility,
    /// Its prefix was advertised by the router that is this packet's next hop.
    pub next_hop_match: bool,
}

/// An address's part in Mobile IPv6 (RFC 6724 s3.5).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Mobility {
    /// Home and care-of address at once: at home, or never away.
    #[default]
    Both,
    /// Home address only.
    Home,
    /// Care-of address only.
    CareOf,
}

/// What an application may reverse, for itself (RFC 6724 rules 4 and 7, RFC 5014).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Preferences {
    /// Prefer temporary addresses to public ones.
    pub temporary: bool,
    /// Prefer home addresses to care-of addresses.
    pub home: bool,
}

impl Default for Preferences {
    fn default() -> Preferences {
        Preferences { temporary: true, home: true }
    }
}

/// One line of the policy table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PolicyEntry {
    /// The addresses that it is about.
    pub prefix: Prefix<Ipv6Addr>,
    /// For the choice between destinations: higher is better.
    pub precedence: u8,
    /// Sources and destinations with one label belong together.
    pub label: u8,
}

/// The policy table (RFC 6724 s2.1).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Policy {
    /// Longest prefix first, so that the first match is the longest.
    entries: Vec<PolicyEntry>,
}

impl Default for Policy {
    //= RFC 6724 s2.1 [6724-3]: the table that holds unless another is configured.
    fn default() -> Policy {
        let seg = |a, b, len, precedence, label| {
            let prefix = Prefix::<Ipv6Addr>::covering(Ipv6Addr::new(a, b, 0, 0, 0, 0, 0, 0), len);
            PolicyEntry { prefix, precedence, label }
        };
        let low = |addr, len, precedence, label| {
            let prefix = Prefix::<Ipv6Addr>::covering(addr, len);
            PolicyEntry { prefix, precedence, label }
        };
        Policy::new(vec![
            low(Ipv6Addr::LOCALHOST, 128, 50, 0),
            seg(0, 0, 0, 40, 1),
            low(Ipv6Addr::new(0, 0, 0, 0, 0, 0xffff, 0, 0), 96, 35, 4),
            seg(0x2002, 0, 16, 30, 2),
            seg(0x2001, 0, 32, 5, 5),
            seg(0xfc00, 0, 7, 3, 13),
            low(Ipv6Addr::UNSPECIFIED, 96, 1, 3),
            seg(0xfec0, 0, 10, 1, 11),
            seg(0x3ffe, 0, 16, 1, 12),
        ])
    }
}

impl Policy {
    /// A table of these lines, in any order. Of two lines with one prefix the first counts.
    pub fn new(mut entries: Vec<PolicyEntry>) -> Policy {
        entries.sort_by_key(|entry| core::cmp::Reverse(entry.prefix.prefix_len()));
        Policy { entries }
    }

    /// The line for an address. Addresses that no line matches count as of one label.
    pub fn entry(&self, addr: Ipv6Addr) -> Option<&PolicyEntry> {
        self.entries.iter().find(|entry| entry.prefix.contains(addr))
    }

    /// The label of an address.
    pub fn label(&self, addr: Ipv6Addr) -> Option<u8> {
        self.entry(addr).map(|entry| entry.label)
    }

    /// The lines, longest prefix first.
    pub fn entries(&self) -> &[PolicyEntry] {
        &self.entries
    }
}

/// The source asked for may not be used towards this destination.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{0} is no source address for this destination")]
pub struct NotACandidate(pub Ipv6Addr);

/// The best source towards `dst` out of `out_if`, or `None` if no candidate may be used. Of equals the first in
/// the list, so the choice does not waver.
pub fn select<'a, I: Copy + Eq>(
    dst: Ipv6Addr,
    out_if: I,
    candidates: &'a [Candidate<I>],
    policy: &Policy,
    prefer: Preferences,
) -> Option<&'a Candidate<I>> {
    let wanted = Wanted { dst, out_if, policy, prefer };
    let mut best: Option<&Candidate<I>> = None;
    for candidate in candidates.iter().filter(|candidate| is_candidate(dst, out_if, candidate)) {
        let better = best.is_none_or(|best| wanted.compare(candidate, best) == Ordering::Greater);
        if better {
            best = Some(candidate);
        }
    }
    best
}

/// Whether `source`, which an application gave or an earlier selection chose, may be used now.
///
/// # Errors
/// [`NotACandidate`] if it is not, or no longer, in the candidate set.
//= RFC 6724 s4 [6724-1]: a given source is respected if it is a candidate, and an error otherwise.
//= RFC 4862 s5.5.4 [6724-4]: an address that has gone since a packet was queued is no source for it.
pub fn check<I: Copy + Eq>(
    dst: Ipv6Addr,
    out_if: I,
    candidates: &[Candidate<I>],
    source: Ipv6Addr,
) -> Result<&Candidate<I>, NotACandidate> {
    let mut all = candidates.iter().filter(|candidate| is_candidate(dst, out_if, candidate));
    all.find(|candidate| candidate.addr == source).ok_or(NotACandidate(source))
}

/// The scope of an address on the scale of multicast scopes: 2 link-local to 14 global (RFC 6724 s3.1, s3.4).
pub fn scope(addr: Ipv6Addr) -> u8 {
    if addr.is_multicast() {
        (addr.segments()[0] & 0xf) as u8
    } else if addr.is_unicast_link_local() || addr.is_loopback() {
        2
    } else if addr.segments()[0] & 0xffc0 == 0xfec0 {
        5
    } else {
        14
    }
}

//= RFC 6724 s4 [6724-1]: groups and :: never; towards a group or a link-local address only this link's own.
fn is_candidate<I: Copy + Eq>(dst: Ipv6Addr, out_if: I, candidate: &Candidate<I>) -> bool {
    let addr = candidate.addr;
    if addr.is_multicast() || addr.is_unspecified() {
        return false;
    }
    candidate.interface == out_if || !(dst.is_multicast() || dst.is_unicast_link_local())
}

/// What a source is wanted for.
struct Wanted<'p, I> {
    dst: Ipv6Addr,
    out_if: I,
    policy: &'p Policy,
    prefer: Preferences,
}

impl<I: Copy + Eq> Wanted<'_, I> {
    /// `Greater` when `a` is the better source.
    //= RFC 6724 s5 [6724-2]: the rules in order; the first that is no tie decides.
    fn compare(&self, a: &Candidate<I>, b: &Candidate<I>) -> Ordering {
        let Wanted { dst, out_if, policy, prefer } = *self;
        let by = |wins: &dyn Fn(&Candidate<I>) -> bool| wins(a).cmp(&wins(b));
        // Rule 1: the same address.
        by(&|c| c.addr == dst)
            // Rule 2: appropriate scope.
            .then_with(|| by_scope(scope(a.addr), scope(b.addr), scope(dst)))
            // Rule 3: avoid deprecated.
            .then_with(|| by(&|c| !c.deprecated))
            // Rule 4: home addresses.
            .then_with(|| by_mobility(a.mobility, prefer).cmp(&by_mobility(b.mobility, prefer)))
            // Rule 5: the outgoing interface.
            .then_with(|| by(&|c| c.interface == out_if))
            // Rule 5.5: a prefix that the next hop advertised.
            .then_with(|| by(&|c| c.next_hop_match))
            // Rule 6: matching label.
            .then_with(|| by(&|c| policy.label(c.addr) == policy.label(dst)))
            // Rule 7: temporary addresses, or public ones.
            .then_with(|| by(&|c| c.temporary == prefer.temporary))
            // Rule 8: longest common prefix.
            .then_with(|| common_prefix_len(a, dst).cmp(&common_prefix_len(b, dst)))
    }
}

/// The smallest scope that reaches the destination wins; if neither does, the larger.
fn by_scope(a: u8, b: u8, dst: u8) -> Ordering {
    match a.cmp(&b) {
        Ordering::Less if a < dst => Ordering::Less,
        Ordering::Less => Ordering::Greater,
        Ordering::Greater if b < dst => Ordering::Greater,
        Ordering::Greater => Ordering::Less,
        Ordering::Equal => Ordering::Equal,
    }
}

fn by_mobility(mobility: Mobility, prefer: Preferences) -> u8 {
    match mobility {
        Mobility::Both => 2,
        Mobility::Home => u8::from(prefer.home),
        Mobility::CareOf => u8::from(!prefer.home),
    }
}

fn common_prefix_len<I>(source: &Candidate<I>, dst: Ipv6Addr) -> u32 {
    let same = (source.addr.to_bits() ^ dst.to_bits()).leading_zeros();
    same.min(u32::from(source.prefix_len))
}
