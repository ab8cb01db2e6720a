//! What steps the addresses of one interface, in tests.

use core::net::Ipv6Addr;
use core::time::Duration;

use siding_netisr::Instant;
use siding_wire::Mac;
use siding_wire::nd::PrefixInfo;

use super::address::AddrOrigin;
use super::address::Owned;
use super::config::HostConfig;
use super::event::HostEvent;
use super::routers::Full;
use super::slaac::Maker;
use super::slaac::Slaac;
use super::slaac::Step;
use crate::chance::Chance;

pub(super) const S: Duration = Duration::from_secs(1);
pub(super) const T0: Instant = Instant::from_nanos(1_000_000_000);
/// How long the detection of duplicates takes.
pub(super) const DETECTION: Duration = Duration::from_secs(3);

/// So much earlier; neither before [`T0`].
pub(super) fn before(at: Instant, by: Duration) -> Instant {
    T0 + (at.since(T0) - by)
}

/// What is advertised of prefix number `n`; lifetimes in seconds.
pub(super) fn info(n: u16, preferred: u32, valid: u32) -> PrefixInfo {
    PrefixInfo {
        prefix: Ipv6Addr::new(0x2001, 0xdb8, 0, n, 0, 0, 0, 0),
        prefix_len: 64,
        on_link: true,
        autonomous: true,
        router_address: None,
        valid,
        preferred,
    }
}

/// The addresses of one interface, and what they are made with.
pub(super) struct Bench {
    pub(super) slaac: Slaac,
    pub(super) config: HostConfig,
    pub(super) events: Vec<HostEvent>,
    chance: Chance,
}

impl Bench {
    pub(super) fn new(config: HostConfig) -> Bench {
        Bench { slaac: Slaac::default(), config, events: Vec::new(), chance: Chance::new(1) }
    }

    /// An advertisement by nobody in particular.
    pub(super) fn hear(&mut self, now: Instant, info: &PrefixInfo) -> Result<bool, Full> {
        self.hear_from(None, now, info)
    }

    pub(super) fn hear_from(
        &mut self,
        from: Option<Ipv6Addr>,
        now: Instant,
        info: &PrefixInfo,
    ) -> Result<bool, Full> {
        let Bench { slaac, config, chance, events } = self;
        slaac.heard(info, from, maker(config), Step { now, chance, events })
    }

    pub(super) fn settle(&mut self, now: Instant, addr: Ipv6Addr, passed: bool) {
        let Bench { slaac, config, chance, events } = self;
        slaac.settled(addr, passed, maker(config), Step { now, chance, events });
    }

    pub(super) fn time(&mut self, now: Instant) -> Result<bool, Full> {
        let Bench { slaac, config, chance, events } = self;
        slaac.on_timer(maker(config), Step { now, chance, events })
    }

    pub(super) fn deadline(&self, now: Instant) -> Option<Instant> {
        self.slaac.deadline(now, maker(&self.config))
    }

    /// What it has told since it was last asked.
    pub(super) fn told(&mut self) -> Vec<HostEvent> {
        core::mem::take(&mut self.events)
    }

    pub(super) fn make_link_local(&mut self) -> Ipv6Addr {
        self.slaac.make_link_local(maker(&self.config))
    }

    /// All of this origin, in the order in which they were made.
    pub(super) fn all(&self, origin: AddrOrigin) -> Vec<Owned> {
        self.slaac.iter().filter(|own| own.origin == origin).cloned().collect()
    }

    /// The only one of this origin.
    pub(super) fn only(&self, origin: AddrOrigin) -> Owned {
        let all = self.all(origin);
        assert_eq!(all.len(), 1, "{all:?}");
        all[0].clone()
    }
}

fn maker(config: &HostConfig) -> Maker<'_> {
    Maker { config, name: "em0", mac: Mac([2, 0, 0, 0, 0, 1]), secret: &[7; 16], detection: DETECTION }
}
