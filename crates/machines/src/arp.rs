//! What a received ARP message does: RFC 826's order of reception, and the neighbour machine under it.
//!
//! An IPv4 neighbour's entry *is* a [`Nud`]: INCOMPLETE with broadcast requests, REACHABLE, STALE, DELAY,
//! PROBE with unicast requests (RFC 1122 s2.3.2.1's unicast poll) before it is dropped, at most one request
//! per RetransTimer. This module maps messages to its events; timers and packets go to it directly.

use core::net::Ipv4Addr;

use siding_netisr::Instant;
use siding_wire::Mac;

use crate::nud::Advert;
use crate::nud::Change;
use crate::nud::Nud;
use crate::nud::NudConfig;
use siding_wire::ends;

/// An Ethernet/IPv4 ARP message; the caller has checked hardware and protocol type and lengths [826-1].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ArpSeen {
    /// The opcode is request (1); otherwise it is reply (2). Others go no further than the caller.
    pub is_request: bool,
    /// ar$sha.
    pub sender_hw: Mac,
    /// ar$spa.
    pub sender_ip: Ipv4Addr,
    /// ar$tpa. (ar$tha says nothing that anybody needs.)
    pub target_ip: Ipv4Addr,
}

/// What to do with the sender's pair of addresses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Learn {
    /// Nothing.
    No,
    /// Update the entry, if there is one.
    Update,
    /// Update the entry or make one.
    Insert,
}

/// What a message asks of us.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub struct Verdict {
    /// For the neighbour table; comes before the reply.
    pub learn: Learn,
    /// Send a reply to this address, out of the interface on which the request came, saying that
    /// [`ArpSeen::target_ip`] is at the interface's own.
    pub reply: Option<Mac>,
    /// The sender claims this address of ours: defend it (RFC 5227 s2.4).
    pub conflict: Option<Ipv4Addr>,
}

/// Judges a message received on an interface with the addresses `our_ips` and `our_macs` (more than one when
/// it is a port or has VLANs on it). Addresses that are still being probed are not ours.
//= RFC 826, packet reception [826-1]: the sender is learned first, and the opcode looked at last.
pub fn judge(seen: &ArpSeen, our_ips: &[Ipv4Addr], our_macs: &[Mac]) -> Verdict {
    let mut verdict = Verdict { learn: Learn::No, reply: None, conflict: None };
    if our_macs.contains(&seen.sender_hw) {
        // Our own, echoed by a hub or an access point (RFC 5227 s2.1.1).
        return verdict;
    }
    if our_ips.contains(&seen.sender_ip) {
        //= RFC 5227 s2.4, s2.5 [5227-3]: a conflicting message is for the defence, and is not answered.
        verdict.conflict = Some(seen.sender_ip);
        return verdict;
    }
    let for_us = our_ips.contains(&seen.target_ip);
    if may_learn(seen) {
        //= RFC 826, packet reception [826-1]: only who talks to us gets a new entry.
        verdict.learn = if for_us { Learn::Insert } else { Learn::Update };
    }
    //= RFC 826 [826-1], RFC 5227 s2.5 [5227-3]: a probe (sender 0.0.0.0) is answered too, so that it fails.
    if seen.is_request && for_us && seen.sender_hw.is_unicast() {
        //= RFC 5227 s2.6 [5227-3]: not by broadcast.
        verdict.reply = Some(seen.sender_hw);
    }
    verdict
}

/// Steps an existing entry with a message that [`judge`] lets be learned. `for_us`: the target is ours.
pub fn apply(entry: &mut Nud, now: Instant, config: &NudConfig, seen: &ArpSeen, for_us: bool) -> Change {
    if for_us && !seen.is_request && entry.awaits_answer() {
        // The answer to our request: what a solicited advertisement with O is to ND.
        let answer = Advert { solicited: true, override_: true, router: false, tlla: Some(seen.sender_hw) };
        return entry.on_advert(now, config, &answer);
    }
    // Requests and announcements tell where the sender is, not that we reach it.
    entry.on_learned(Some(seen.sender_hw), None)
}

/// The entry for a sender that had none.
pub fn learned(seen: &ArpSeen) -> Nud {
    Nud::new_learned(seen.sender_hw, false)
}

//= RFC 826, RFC 5227 s1.1 [826-2]: a pair that cannot be a station's is never learned.
fn may_learn(seen: &ArpSeen) -> bool {
    let ip = seen.sender_ip;
    seen.sender_hw.is_unicast() && ends::is_host4(ip)
}

#[cfg(test)]
mod tests {
    use core::time::Duration;

    use super::*;
    use crate::nud::NudState;
    use crate::nud::Outcome;
    use crate::nud::Solicit;

    const ME: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 1);
    const PEER: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 2);
    const OTHER: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 3);
    const MY_MAC: Mac = Mac([2, 0, 0, 0, 0, 1]);
    const A: Mac = Mac([2, 0, 0, 0, 0, 0xa]);
    const B: Mac = Mac([2, 0, 0, 0, 0, 0xb]);
    const T0: Instant = Instant::from_nanos(1_000_000_000);

    fn request(sender_hw: Mac, sender_ip: Ipv4Addr, target_ip: Ipv4Addr) -> ArpSeen {
        ArpSeen { is_request: true, sender_hw, sender_ip, target_ip }
    }

    fn reply(sender_hw: Mac, sender_ip: Ipv4Addr, target_ip: Ipv4Addr) -> ArpSeen {
        ArpSeen { is_request: false, sender_hw, sender_ip, target_ip }
    }

    fn judged(seen: ArpSeen) -> (Learn, Option<Mac>, Option<Ipv4Addr>) {
        let verdict = judge(&seen, &[ME], &[MY_MAC]);
        (verdict.learn, verdict.reply, verdict.conflict)
    }

    #[test]
    fn learned_before_the_opcode_is_read_826_1() {
        assert_eq!(judged(request(A, PEER, ME)), (Learn::Insert, Some(A), None));
        assert_eq!(judged(reply(A, PEER, ME)), (Learn::Insert, None, None));
        assert_eq!(judged(request(A, PEER, OTHER)), (Learn::Update, None, None));
        assert_eq!(judged(request(A, PEER, PEER)), (Learn::Update, None, None), "announcement");
        assert_eq!(judged(reply(A, PEER, PEER)), (Learn::Update, None, None), "announcement by reply");
    }

    #[test]
    fn impossible_pairs_are_never_learned_826_2() {
        for (hw, ip) in [
            (Mac::BROADCAST, PEER),
            (Mac::ZERO, PEER),
            (Mac([1, 0, 0x5e, 0, 0, 1]), PEER),
            (A, Ipv4Addr::BROADCAST),
            (A, Ipv4Addr::new(224, 0, 0, 1)),
            (A, Ipv4Addr::LOCALHOST),
        ] {
            assert_eq!(judged(reply(hw, ip, ME)), (Learn::No, None, None), "{hw} {ip}");
        }
        assert_eq!(judged(request(Mac::BROADCAST, PEER, ME)).1, None, "no reply to a group");
        assert_eq!(judged(request(MY_MAC, PEER, ME)), (Learn::No, None, None), "our own echo");
    }

    #[test]
    fn own_address_is_a_conflict_and_never_learned_826_2_5227_3() {
        assert_eq!(judged(request(A, ME, ME)), (Learn::No, None, Some(ME)));
        assert_eq!(judged(reply(A, ME, PEER)), (Learn::No, None, Some(ME)));
        assert_eq!(judged(request(MY_MAC, ME, ME)), (Learn::No, None, None), "our announcement, echoed");
    }

    #[test]
    fn probe_is_answered_and_not_learned_5227_3_826_2() {
        assert_eq!(judged(request(A, Ipv4Addr::UNSPECIFIED, ME)), (Learn::No, Some(A), None));
    }

    #[test]
    fn the_answer_confirms_and_an_announcement_only_tells_826_1() {
        let config = NudConfig::default();
        let mut entry = Nud::new_for_packet(T0, &config, |_| Ok(()));
        assert!(apply(&mut entry, T0, &config, &reply(A, PEER, ME), true).resolved);
        assert_eq!((entry.state(), entry.usable()), (NudState::Reachable, Some(A)));

        let change = apply(&mut entry, T0, &config, &request(B, PEER, PEER), false);
        assert!(change.lladdr_changed && !change.resolved);
        assert_eq!((entry.state(), entry.usable()), (NudState::Stale, Some(B)));

        let _ = apply(&mut entry, T0, &config, &reply(B, PEER, ME), true);
        assert_eq!(entry.state(), NudState::Stale, "nobody asked, so it confirms nothing");

        let mut waiting = Nud::new_for_packet(T0, &config, |_| Ok(()));
        assert!(apply(&mut waiting, T0, &config, &request(A, PEER, ME), true).resolved);
        assert_eq!(waiting.state(), NudState::Stale, "their question resolves, and confirms nothing");
        assert_eq!((learned(&request(A, PEER, ME)).state(), waiting.usable()), (NudState::Stale, Some(A)));
    }

    #[test]
    fn broadcast_three_times_or_unicast_three_times_before_giving_up() {
        let config = NudConfig::default();
        let mut asked = Vec::new();
        let mut entry = Nud::new_for_packet(T0, &config, |kind| {
            asked.push(kind);
            Ok(())
        });
        let mut run = |entry: &mut Nud| loop {
            let now = entry.deadline().expect("asking");
            if entry.on_timer(now, &config, |kind| {
                asked.push(kind);
                Ok(())
            }) == Outcome::Failed
            {
                return now;
            }
        };
        assert_eq!(run(&mut entry), T0 + Duration::from_secs(3));
        let mut old = learned(&request(A, PEER, ME));
        assert!(old.on_packet(T0, &config));
        assert_eq!(run(&mut old), T0 + Duration::from_secs(8));
        assert_eq!(asked, [[Solicit::Multicast; 3], [Solicit::Unicast(A); 3]].concat());
    }
}
