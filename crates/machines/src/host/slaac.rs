//! Addresses from advertised prefixes (RFC 4862 s5.5), temporary ones among them (RFC 8981).

use core::net::Ipv6Addr;
use core::time::Duration;

use siding_netisr::Instant;
use siding_wire::Mac;
use siding_wire::ip6;
use siding_wire::nd::PrefixInfo;

use super::address::Owned;
use super::address::Phase;
use super::address::until;
use super::config::HostConfig;
use super::config::Identifier;
use super::event::Gone;
use super::event::HostEvent;
use super::identifier;
use super::routers::Full;
use crate::chance::Chance;
use crate::host::AddrOrigin;
use crate::route::Prefix;

/// Bits of the identifiers that we make: those of Ethernet (RFC 2464 s4).
const IDENTIFIER_LEN: u8 = 64;
/// How often a duplicate is replaced by another address (RFC 7217 s7 IDGEN_RETRIES, RFC 8981 s3.8
/// TEMP_IDGEN_RETRIES).
const IDGEN_RETRIES: u8 = 3;
/// The pause before a stable-private address is replaced (RFC 7217 s7).
const IDGEN_DELAY: Duration = Duration::from_secs(1);

/// What addresses are made with.
#[derive(Clone, Copy)]
pub(super) struct Maker<'a> {
    pub(super) config: &'a HostConfig,
    /// The interface's name.
    pub(super) name: &'a str,
    pub(super) mac: Mac,
    /// What temporary addresses are made with.
    pub(super) secret: &'a [u8; 16],
    /// How long duplicate address detection takes at the most, for temporary addresses.
    pub(super) detection: Duration,
}

/// One step: when it is taken, by what chance, and where it tells of what has come of it.
pub(super) struct Step<'a> {
    pub(super) now: Instant,
    pub(super) chance: &'a mut Chance,
    pub(super) events: &'a mut Vec<HostEvent>,
}

/// All addresses that we made.
#[derive(Debug, Default)]
pub(super) struct Slaac {
    list: Vec<Owned>,
    /// Temporary addresses in a row that were duplicates.
    temporary_failures: u8,
}

impl Slaac {
    /// A prefix for addresses, from a default router or any other. True if an address that is of no use any more had to
    /// make room.
    pub(super) fn heard(
        &mut self,
        info: &PrefixInfo,
        from: Option<Ipv6Addr>,
        maker: Maker<'_>,
        mut step: Step<'_>,
    ) -> Result<bool, Full> {
        let Step { now, events, .. } = &mut step;
        let now = *now;
        //= RFC 4862 s5.5.3 a-d [4862-7]: not without the A flag, not the link-local prefix, not one preferred for longer
        //= than valid, nor one that leaves no room for an identifier, or too much.
        let fits = info.prefix_len + IDENTIFIER_LEN == 128;
        if !info.autonomous || ip6::is_link_local(info.prefix) || info.preferred > info.valid || !fits {
            return Ok(false);
        }
        let mut made_room = false;
        let prefix = Prefix::covering(info.prefix, info.prefix_len);
        let mut known = false;
        for own in self.list.iter_mut().filter(|own| own.prefix == prefix) {
            known |= own.origin == AddrOrigin::Autoconf;
            if own.refresh(now, info.preferred, info.valid) {
                events.push(HostEvent::AddressPreferred(own.addr));
            }
            if let Some(from) = from.filter(|from| !own.advertised_by.contains(from)) {
                own.advertised_by.push(from);
            }
        }
        if !known && info.valid != 0 {
            if self.len() >= maker.config.limits.addresses {
                // Of two that are deprecated neither is of more use.
                if info.preferred == 0 || !self.make_room(events) {
                    return Err(Full);
                }
                made_room = true;
            }
            let addr = identifier::address(&maker.config.identifier, prefix, maker.name, maker.mac, 0);
            let own = Owned {
                addr,
                prefix,
                origin: AddrOrigin::Autoconf,
                preferred_until: until(now, info.preferred),
                valid_until: until(now, info.valid),
                deprecated: info.preferred == 0,
                phase: Phase::Testing,
                counter: 0,
                cap: (Instant::NEVER, Instant::NEVER),
                advertised_by: from.into_iter().collect(),
            };
            self.list.push(own);
            events.push(HostEvent::AddressMade(addr, false));
        }
        let made_room = self.make_temporaries(maker, &mut step)? || made_room;
        self.check(maker);
        Ok(made_room)
    }

    /// Lets go of the address that is of the least use, if there is one of none: a duplicate, or one that is deprecated.
    /// True if one went.
    //= RFC 6724 rule 3: while there is another, a deprecated one is no source for what is new.
    fn make_room(&mut self, events: &mut Vec<HostEvent>) -> bool {
        let failed = |own: &Owned| own.phase == Phase::Failed;
        let of_no_use = |own: &&Owned| !own.is_link_local() && (own.deprecated || failed(own));
        let goes = self.list.iter().filter(of_no_use);
        let goes =
            goes.min_by_key(|own| (!failed(own), own.origin != AddrOrigin::Temporary, own.valid_until));
        let Some(goes) = goes.map(|own| own.addr) else { return false };
        self.list.retain(|own| own.addr != goes);
        events.push(HostEvent::AddressRemoved(goes, Gone::MadeRoom));
        true
    }

    /// A link-local address with a stable-private identifier.
    pub(super) fn make_link_local(&mut self, maker: Maker<'_>) -> Ipv6Addr {
        let prefix = Prefix::covering(ip6::eui64_link_local(maker.mac), 64);
        let addr = identifier::address(&maker.config.identifier, prefix, maker.name, maker.mac, 0);
        self.list.retain(|own| own.prefix != prefix);
        self.list.push(Owned {
            addr,
            prefix,
            origin: AddrOrigin::Autoconf,
            preferred_until: Instant::NEVER,
            valid_until: Instant::NEVER,
            deprecated: false,
            phase: Phase::Testing,
            counter: 0,
            cap: (Instant::NEVER, Instant::NEVER),
            advertised_by: Vec::new(),
        });
        addr
    }

    /// The timer fired: deprecates, lets go, and makes anew what is due.
    pub(super) fn on_timer(&mut self, maker: Maker<'_>, mut step: Step<'_>) -> Result<bool, Full> {
        let Step { now, events, .. } = &mut step;
        let now = *now;
        //= RFC 4862 s5.5.4 [4862-9]: deprecated when no longer preferred, gone when no longer valid.
        for gone in self.list.extract_if(.., |own| own.valid_until <= now) {
            events.push(HostEvent::AddressRemoved(gone.addr, Gone::Expired));
        }
        for own in &mut self.list {
            if !own.deprecated && own.preferred_until <= now {
                own.deprecated = true;
                events.push(HostEvent::AddressDeprecated(own.addr));
            }
            if matches!(own.phase, Phase::Again(at) if at <= now) {
                //= RFC 7217 s6: the next address, made with the number of duplicates so far.
                own.counter += 1;
                own.addr = identifier::address(
                    &maker.config.identifier,
                    own.prefix,
                    maker.name,
                    maker.mac,
                    own.counter,
                );
                own.phase = Phase::Testing;
                events.push(HostEvent::AddressMade(own.addr, false));
            }
        }
        let made_room = self.make_temporaries(maker, &mut step)?;
        self.check(maker);
        Ok(made_room)
    }

    /// Duplicate address detection of one has come to an end.
    pub(super) fn settled(&mut self, addr: Ipv6Addr, passed: bool, maker: Maker<'_>, mut step: Step<'_>) {
        let Some(at) = self.list.iter().position(|own| own.addr == addr) else { return };
        let own = &mut self.list[at];
        if passed {
            own.phase = Phase::Ready;
            if own.origin == AddrOrigin::Temporary {
                self.temporary_failures = 0;
            }
            return;
        }
        if own.origin == AddrOrigin::Temporary {
            //= RFC 8981 s3.4: another one, and after three duplicates none any more. So those that there are serve, or will.
            self.list.remove(at);
            self.temporary_failures += 1;
            if self.temporary_failures >= IDGEN_RETRIES {
                step.events.push(HostEvent::AddressGivenUp(addr));
            }
            // There is room: it takes the place of the one that went.
            let _ = self.make_temporaries(maker, &mut step);
            self.check(maker);
            return;
        }
        let stable = matches!(maker.config.identifier, Identifier::Stable(_));
        //= RFC 7217 s6: a duplicate is replaced after a pause, a few times.
        own.phase = match stable && own.counter < IDGEN_RETRIES {
            true => Phase::Again(step.now + IDGEN_DELAY),
            false => {
                step.events.push(HostEvent::AddressGivenUp(addr));
                Phase::Failed
            }
        };
    }

    /// Everything is tested anew: the interface begins again.
    pub(super) fn retest(&mut self) {
        self.temporary_failures = 0;
        self.list.iter_mut().for_each(|own| own.phase = Phase::Testing);
    }

    /// The operator removes one. The next advertisement of its prefix makes it again.
    pub(super) fn removed(&mut self, addr: Ipv6Addr) {
        self.list.retain(|own| own.addr != addr);
    }

    /// A default router has gone.
    pub(super) fn forget_router(&mut self, router: Ipv6Addr) {
        self.list.iter_mut().for_each(|own| own.advertised_by.retain(|by| *by != router));
    }

    /// Lets go of all that came from prefixes.
    pub(super) fn flush(&mut self, events: &mut Vec<HostEvent>) -> usize {
        let before = self.list.len();
        for gone in self.list.extract_if(.., |own| !own.is_link_local()) {
            events.push(HostEvent::AddressRemoved(gone.addr, Gone::Flushed));
        }
        before - self.list.len()
    }

    pub(super) fn deadline(&self, now: Instant, maker: Maker<'_>) -> Option<Instant> {
        let ages = self.list.iter().map(Owned::deadline);
        let successors = self.list.iter().filter(|own| own.origin == AddrOrigin::Temporary);
        // One in the past is none: it was looked at, and there was no room or no use.
        let successors = successors.map(|own| earlier(own.preferred_until, maker.advance()));
        let successors = successors.filter(|due| *due > now);
        ages.chain(successors).filter(|due| *due < Instant::NEVER).min()
    }

    /// All addresses, also those that failed.
    pub(super) fn iter(&self) -> impl Iterator<Item = &Owned> {
        self.list.iter()
    }

    /// How many count against the limit.
    pub(super) fn len(&self) -> usize {
        self.list.iter().filter(|own| !own.is_link_local()).count()
    }

    /// What holds after each step.
    fn check(&self, maker: Maker<'_>) {
        debug_assert!(self.len() <= maker.config.limits.addresses, "more than may be: {self:?}");
        for (at, own) in self.list.iter().enumerate() {
            debug_assert!(
                own.preferred_until <= own.valid_until,
                "it is ours while it is preferred: {own:?}"
            );
            let twice = self.list[..at].iter().any(|other| other.addr == own.addr);
            debug_assert!(!twice, "made twice: {own:?}");
        }
    }

    /// Makes a temporary address for each prefix that lacks one, or whose last one ends soon.
    //= RFC 8981 s3.4, s3.5: one is made with each public address, and a successor in good time before it is deprecated.
    fn make_temporaries(
        &mut self,
        maker: Maker<'_>,
        Step { now, chance, events }: &mut Step<'_>,
    ) -> Result<bool, Full> {
        let now = *now;
        let Some(lifetimes) = maker.config.temporary else { return Ok(false) };
        if self.temporary_failures >= IDGEN_RETRIES {
            return Ok(false);
        }
        let mut made_room = false;
        let soon = now + maker.advance();
        let is_public = |own: &&Owned| own.origin == AddrOrigin::Autoconf && !own.is_link_local();
        let public: Vec<Owned> = self.list.iter().filter(is_public).cloned().collect();
        for public in public {
            let fresh = self.list.iter().any(|own| {
                own.origin == AddrOrigin::Temporary
                    && own.prefix == public.prefix
                    && own.preferred_until > soon
            });
            if fresh {
                continue;
            }
            //= RFC 8981 s3.4, s3.8: not all for as long, lest all hosts change theirs at once.
            let most =
                lifetimes.preferred.mul_f64(0.4).min(lifetimes.preferred.saturating_sub(maker.advance()));
            let desync = chance.between(Duration::ZERO, most);
            let cap = (now + (lifetimes.preferred - desync), now + lifetimes.valid);
            //= RFC 8981 s3.4: only if it lives long enough to be worth it.
            if public.preferred_until.min(cap.0) <= soon {
                continue;
            }
            if self.len() >= maker.config.limits.addresses {
                if !self.make_room(events) {
                    return Err(Full);
                }
                made_room = true;
            }
            let mut own = Owned {
                addr: identifier::temporary(maker.secret, public.prefix, chance),
                origin: AddrOrigin::Temporary,
                phase: Phase::Testing,
                deprecated: false,
                counter: 0,
                cap,
                ..public
            };
            own.clamp();
            events.push(HostEvent::AddressMade(own.addr, true));
            self.list.push(own);
        }
        Ok(made_room)
    }
}

impl Maker<'_> {
    /// REGEN_ADVANCE: how long before the end of one temporary address the next is made.
    //= RFC 8981 s3.8: two seconds, and as long as the detection of three duplicates takes.
    fn advance(&self) -> Duration {
        Duration::from_secs(2) + self.detection * u32::from(IDGEN_RETRIES)
    }
}

fn earlier(at: Instant, by: Duration) -> Instant {
    if at == Instant::NEVER { at } else { Instant::ZERO + at.since(Instant::ZERO).saturating_sub(by) }
}
