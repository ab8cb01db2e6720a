//! The redirected part of the destination cache (RFC 4861 s5.1, s8.3).

use core::net::Ipv6Addr;
use std::collections::VecDeque;

/// A destination with a better first hop.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Redirected {
    pub(super) destination: Ipv6Addr,
    /// The next hop; the destination itself if it is on-link.
    pub(super) target: Ipv6Addr,
    /// The router that said so.
    pub(super) from: Ipv6Addr,
}

/// All of them, oldest first.
#[derive(Debug, Default)]
pub(super) struct Redirects(VecDeque<Redirected>);

impl Redirects {
    /// Notes one, in place of what was known of its destination. True if the oldest had to go for it.
    //= RFC 4861 s8.3 [4861-36]: the destination cache is updated, or gets a new entry.
    pub(super) fn learn(&mut self, redirected: Redirected, most: usize) -> bool {
        self.0.retain(|known| known.destination != redirected.destination);
        let full = self.0.len() >= most.max(1);
        if full {
            self.0.pop_front();
        }
        self.0.push_back(redirected);
        full
    }

    /// Lets go of those that go by `router`, or came from it.
    pub(super) fn forget_router(&mut self, router: Ipv6Addr) {
        self.0.retain(|known| known.from != router && known.target != router);
    }

    /// Lets go of those that go by `router`, which does not answer.
    //= RFC 7048 s3 [7048-1]: what a redirect made is not used while its next hop is unreachable.
    pub(super) fn forget_target(&mut self, router: Ipv6Addr) {
        self.0.retain(|known| known.target != router);
    }

    pub(super) fn flush(&mut self) {
        self.0.clear();
    }

    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Redirected> {
        self.0.iter()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn redirected(destination: u16, target: u16, from: u16) -> Redirected {
        let addr = |n| Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, n);
        Redirected { destination: addr(destination), target: addr(target), from: addr(from) }
    }

    #[test]
    fn the_newest_word_counts_and_the_oldest_goes_4861_36() {
        let mut redirects = Redirects::default();
        assert!(!redirects.learn(redirected(1, 8, 9), 2));
        assert!(!redirects.learn(redirected(2, 8, 9), 2));
        assert!(!redirects.learn(redirected(1, 7, 9), 2), "known already");
        assert!(redirects.learn(redirected(3, 6, 9), 2));
        let left: Vec<_> = redirects.iter().copied().collect();
        assert_eq!(left, [redirected(1, 7, 9), redirected(3, 6, 9)]);
    }

    #[test]
    fn they_go_with_their_routers_4861_21() {
        let mut redirects = Redirects::default();
        for one in [redirected(1, 7, 9), redirected(2, 8, 9), redirected(3, 6, 5)] {
            redirects.learn(one, 9);
        }
        redirects.forget_target(redirected(0, 8, 0).target);
        assert_eq!(redirects.len(), 2);
        redirects.forget_target(redirected(0, 5, 0).target);
        assert_eq!(redirects.len(), 2, "who told of it may be silent");
        redirects.forget_router(redirected(0, 5, 0).target);
        redirects.forget_router(redirected(0, 7, 0).target);
        assert_eq!(redirects.len(), 0);
    }
}
