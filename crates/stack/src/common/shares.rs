//! What peers can make us send is limited, and limited so that nobody uses up what others need (RFC 4443 s2.4(f)).
//!
//! Each kind of message has tokens of its own: path MTU discovery goes on while somebody scans. Each interface and
//! family has them to itself. Of these, one sender may have all as long as nobody else asks; who has asked for little
//! finds some left that no one who asks for much can touch.
//!
//! # Locks
//!
//! A leaf for each kind. # Teardown: the tokens of an interface that has gone go when there are new ones.

use std::collections::HashMap;
use std::hash::Hasher;
use std::net::IpAddr;

use siding_lockorder::After;
use siding_lockorder::Ctx;
use siding_lockorder::Mutex;
use siding_netisr::IfId;
use siding_netisr::Instant;
use siphasher::sip::SipHasher13;

use crate::limits::LimitReport;
use crate::limits::Limits;
use crate::limits::Usage;
use crate::ranks;
use siding_machines::bucket::TokenBucket;

/// What is limited by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Sending {
    /// An ICMP error, but for the next.
    Error,
    /// Packet Too Big, and IPv4's Fragmentation Needed: connections hang without.
    TooBig,
    /// A TCP reset.
    Reset,
    /// A redirect.
    Redirect,
}

/// Who is to be sent something.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Towards {
    /// What it is about came in by this interface.
    pub(crate) on: IfId,
    pub(crate) to: IpAddr,
}

/// The tokens of every kind.
pub(crate) struct Sends {
    kinds: [Kind; 4],
}

struct Kind {
    name: &'static str,
    tokens: Mutex<ranks::Leaf, Tokens>,
    usage: Usage,
}

impl Sends {
    pub(crate) fn new(now: Instant, limits: &Limits, secret: u64) -> Sends {
        let kind = |name, burst, rate| {
            let each = HashMap::new();
            let tokens = Mutex::new(Tokens { burst, rate, secret, each, made: now });
            Kind { name, tokens, usage: Usage::default() }
        };
        Sends {
            kinds: [
                kind("icmp-error-burst", limits.error_burst, limits.error_rate),
                kind("too-big-burst", limits.too_big_burst, limits.too_big_rate),
                kind("tcp-reset-burst", limits.error_burst, limits.error_rate),
                kind("redirect-burst", limits.redirect_burst, limits.redirect_rate),
            ],
        }
    }

    /// Whether one more of a kind may be sent. `attached` tells whether an interface is still there.
    //= RFC 4443 s2.4(f) [4443-4]: a token bucket for each source of trouble, so that none speaks for all.
    //= RFC 4861 s8.2 [4861-15]: redirects are rate limited, apart from errors.
    pub(crate) fn take<L>(
        &self,
        ctx: &mut Ctx<'_, L>,
        now: Instant,
        (what, towards): (Sending, Towards),
        attached: impl Fn(IfId) -> bool,
    ) -> bool
    where
        ranks::Leaf: After<L>,
    {
        let kind = &self.kinds[what as usize];
        let (mut tokens, _ctx) = ctx.lock(&kind.tokens);
        let taken = tokens.take(now, towards, attached);
        if !taken {
            kind.usage.refuse();
        }
        taken
    }

    /// How much is spent at this moment: of each kind, on the interface that has spent most.
    pub(crate) fn report<L>(&self, ctx: &mut Ctx<'_, L>, now: Instant) -> Vec<LimitReport>
    where
        ranks::Leaf: After<L>,
    {
        let report = |kind: &Kind| {
            let (tokens, _ctx) = ctx.lock(&kind.tokens);
            let left = tokens.each.values().map(|share| share.common.available(now)).min();
            let used = tokens.burst - left.unwrap_or(tokens.burst);
            let report = LimitReport::new(kind.name, tokens.burst as usize, used as usize);
            LimitReport { highest: None, ..report.with(&kind.usage) }
        };
        self.kinds.iter().map(report).collect()
    }
}

/// One kind's tokens.
struct Tokens {
    burst: u32,
    rate: u32,
    secret: u64,
    each: HashMap<(IfId, bool), Share>,
    made: Instant,
}

/// Those of one interface and family.
struct Share {
    /// For everybody.
    common: TokenBucket,
    /// As many again, for who has not had a tenth of its own.
    reserve: TokenBucket,
    /// What each sender has had; some share a place, which a secret decides.
    senders: Box<[TokenBucket]>,
}

/// Places for senders.
const SENDERS: usize = 128;

/// The part of all tokens that one sender has for certain.
const PART: u32 = 10;

impl Tokens {
    fn take(&mut self, now: Instant, Towards { on, to }: Towards, attached: impl Fn(IfId) -> bool) -> bool {
        let key = (on, to.is_ipv6());
        if !self.each.contains_key(&key) {
            self.each.retain(|(id, _), _| attached(*id));
        }
        let (burst, rate, made) = (self.burst, self.rate, self.made);
        let share = self.each.entry(key).or_insert_with(|| Share::new(made, burst, rate));
        let mut hasher = SipHasher13::new_with_keys(self.secret, 3);
        match to {
            IpAddr::V6(addr) => hasher.write_u128(addr.to_bits()),
            IpAddr::V4(addr) => hasher.write_u32(addr.to_bits()),
        }
        let place = hasher.finish() as usize % SENDERS;
        let modest = share.senders[place].take(now);
        share.common.take(now) || (modest && share.reserve.take(now))
    }
}

impl Share {
    fn new(now: Instant, burst: u32, rate: u32) -> Share {
        // What is never earned again is not given twice.
        let spare = if rate == 0 { 0 } else { burst };
        let own = TokenBucket::new(now, (burst / PART).max(1), rate.div_ceil(PART));
        Share {
            common: TokenBucket::new(now, burst, rate),
            reserve: TokenBucket::new(now, spare, rate),
            senders: vec![own; SENDERS].into(),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    const T0: Instant = Instant::from_nanos(1_000_000_000);

    fn tokens(burst: u32, rate: u32) -> Tokens {
        Tokens { burst, rate, secret: 7, each: HashMap::new(), made: T0 }
    }

    fn addr(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    /// How many of a thousand are sent.
    fn flood(tokens: &mut Tokens, now: Instant, on: IfId, to: IpAddr) -> usize {
        (0..1000).filter(|_| tokens.take(now, Towards { on, to }, |_| true)).count()
    }

    #[test]
    fn one_who_asks_for_all_leaves_some_to_others_4443_4() {
        let mut tokens = tokens(100, 1000);
        let (greedy, modest) = (addr("2001:db8::66"), addr("2001:db8::1"));
        assert_eq!(flood(&mut tokens, T0, IfId::NONE, greedy), 100);
        assert_eq!(flood(&mut tokens, T0, IfId::NONE, modest), 10);
        // Flooding on takes what comes, and no more of the modest one's.
        let later = T0 + Duration::from_millis(20);
        assert_eq!(flood(&mut tokens, later, IfId::NONE, greedy), 20);
        assert_eq!(flood(&mut tokens, later, IfId::NONE, modest), 2);
        // However many ask, there is an end.
        let all: usize = (0..1000u32)
            .map(|host| {
                flood(&mut tokens, later, IfId::NONE, IpAddr::V6((1u128 << 100 | u128::from(host)).into()))
            })
            .sum();
        assert!(all <= 100, "{all}");
    }

    #[test]
    fn neither_families_nor_interfaces_share_4443_4() {
        let mut tokens = tokens(5, 0);
        let other = {
            let netisr = siding_netisr::Netisr::<siding_mbuf::Mbuf>::builder().build().unwrap();
            netisr.attach().unwrap()
        };
        for on in [IfId::NONE, other] {
            for to in [addr("2001:db8::1"), addr("192.0.2.1")] {
                assert_eq!(flood(&mut tokens, T0, on, to), 5, "each has its own");
                let later = T0 + Duration::from_secs(99);
                assert_eq!(flood(&mut tokens, later, on, to), 0, "a rate of 0 sends no more, ever");
            }
        }
        assert_eq!(tokens.each.len(), 4);
        // A new one clears away those of interfaces that have gone.
        tokens.each.remove(&(other, true));
        assert!(tokens.take(T0, Towards { on: other, to: addr("2001:db8::1") }, |id| id == other));
        assert_eq!(tokens.each.len(), 2);
    }
}
