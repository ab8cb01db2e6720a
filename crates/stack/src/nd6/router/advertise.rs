//! Advertisements: the schedule and the contents joined to the stack.
//!
//! # Locks
//!
//! Each interface's state lies under [`ranks::Control`], as that of duplicate address detection does; what is sent is
//! built and dispatched under it. # Teardown: the state goes with the interface, before its departure is waited for.

use std::net::IpAddr;
use std::net::Ipv6Addr;
use std::time::Duration;

use siding_lockorder::Ctx;
use siding_lockorder::Unlocked;
use siding_machines::host::HeardAdvert;
use siding_mbuf::Mbuf;
use siding_netisr::IfId;
use siding_netisr::Instant;
use siding_wire::ether;
use siding_wire::ip6;
use siding_wire::nd::PrefixInfo;
use siding_wire::nd::RouterSolicit;

use super::AdvertConfig;
use super::Advertisers;
use super::Contents;
use super::Kind;
use super::Ledger;
use super::Own;
use super::Scene;
use super::difference;
use super::schedule::Asker;
use super::schedule::Heard;
use super::schedule::MAX_FINAL_RTR_ADVERTISEMENTS;
use super::schedule::MAX_RA_DELAY_TIME;
use super::schedule::Phase;
use super::schedule::Say;
use super::schedule::Schedule;
use crate::alarm::Alarm;
use crate::common::Word;
use crate::drops::DropReason;
use crate::event::Event;
use crate::ifnet::Addr6;
use crate::ifnet::AddrOrigin;
use crate::ifnet::IfCounter;
use crate::ifnet::Interface;
use crate::ifnet::Use;
use crate::ifnet::Wants;
use crate::nd6::dad::DadState;
use crate::nd6::due::Advertising;
use crate::nd6::ns;
use crate::nd6::ns::Addressed;
use crate::nd6::nud::Refused;
use crate::neighbor;
use crate::neighbor::LinkOut;
use crate::neighbor::What;
use crate::next::Arrival;
use crate::next::Packet6;
use crate::ranks;
use crate::stack::Change;
use crate::stack::Control;
use crate::stack::Shared;
use crate::stack::worker::Local;

/// How often it is looked whether there is an address to speak from.
const NO_SOURCE_RETRY: Duration = Duration::from_secs(1);

/// Between two reports of what other routers on one link say otherwise.
const DIFFERENCE_PAUSE: Duration = Duration::from_secs(60);

/// One interface that advertises.
#[derive(Debug)]
pub(crate) struct Advertiser {
    config: AdvertConfig,
    schedule: Schedule,
    /// Since when it advertises this: lifetimes may count down from here.
    since: Instant,
    /// The link-local address that hosts know us by.
    source: Option<Ipv6Addr>,
    /// The one before.
    old: Option<Ipv6Addr>,
    /// What was told last, and when.
    last: (Contents, Instant),
    /// What is to be taken back.
    gone: Ledger,
    /// Which of several messages to everybody comes next.
    part: usize,
    alarm: Alarm,
    /// Advertisements that were dispatched.
    sent: u64,
    told_difference: Option<Instant>,
    /// Somebody waits until it has taken its leave.
    word: Option<Word>,
}

/// An interface that advertises, for tables.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AdvertiserReport {
    /// The interface.
    pub interface: IfId,
    /// What it advertises.
    pub config: AdvertConfig,
    /// Where it stands.
    pub phase: Phase,
    /// The link-local address that hosts know us by; `None` before the first advertisement.
    pub source: Option<Ipv6Addr>,
    /// Until everybody is told next.
    pub next: Option<Duration>,
    /// Advertisements so far.
    pub sent: u64,
    /// The prefixes as they were told last.
    pub prefixes: Vec<PrefixInfo>,
    /// Messages that it takes to tell everything.
    pub messages: usize,
}

impl Advertiser {
    /// Begins to advertise; `delay` is random.
    pub(crate) fn new(now: Instant, delay: Duration, config: AdvertConfig) -> Advertiser {
        Advertiser {
            schedule: Schedule::new(now, delay, config.audience),
            config,
            since: now,
            source: None,
            old: None,
            last: (Contents::default(), now),
            gone: Ledger::default(),
            part: 0,
            alarm: Alarm::default(),
            sent: 0,
            told_difference: None,
            word: None,
        }
    }

    /// Advertises something else from now on.
    pub(crate) fn replace(&mut self, now: Instant, delay: Duration, config: AdvertConfig) {
        self.since = now;
        self.word = None;
        self.config = config;
        self.part = 0;
        self.schedule.resume(now, delay, self.config.audience);
    }

    /// Makes known soon what has changed, or that we are back.
    pub(crate) fn renew(&mut self, now: Instant) {
        self.part = 0;
        self.word = None;
        self.schedule.resume(now, Duration::ZERO, self.config.audience);
    }

    pub(crate) fn stop(&mut self, now: Instant) {
        self.schedule.stop(now);
    }

    pub(crate) fn suspend(&mut self, now: Instant) {
        self.schedule.suspend(now);
    }

    /// Has the timer queue look at it at its deadline.
    pub(crate) fn arm(&mut self, ctx: &mut Ctx<'_, ranks::Control>, shared: &Shared, id: IfId) {
        shared.timers.set(ctx, &mut self.alarm, self.schedule.deadline(), || Advertising(id));
    }

    pub(crate) fn phase(&self) -> Phase {
        self.schedule.phase()
    }

    pub(crate) fn report(&self, interface: IfId, now: Instant) -> AdvertiserReport {
        AdvertiserReport {
            interface,
            config: self.config.clone(),
            phase: self.phase(),
            source: self.source,
            next: self.schedule.due().map(|due| due.since(now)),
            sent: self.sent,
            prefixes: self.last.0.prefixes.clone(),
            messages: self.last.0.parts().len(),
        }
    }

    /// Says what is due.
    fn step(&mut self, speaker: &mut Speaker<'_, '_>) {
        let now = speaker.local.now;
        let current = link_local(speaker.out);
        match current {
            Some(current) => {
                if let Some(old) = self.source.replace(current).filter(|old| *old != current) {
                    self.old = Some(old);
                    self.schedule.moved(now);
                }
            }
            None if self.phase() == Phase::Advertising => {
                return self.schedule.postpone(now + NO_SOURCE_RETRY);
            }
            None => {}
        }
        let interval = speaker.local.chance.between(self.config.min_interval(), self.config.max_interval);
        let mut schedule = self.schedule.clone();
        let mut goes_on = false;
        schedule.on_timer(now, interval, |say| {
            goes_on |= self.say(speaker, current, say)?;
            Ok(())
        });
        if goes_on {
            schedule.goes_on(now);
        }
        self.schedule = schedule;
    }

    /// Says it. True if a further message to everybody is to follow: what there is to tell did not fit into one.
    fn say(
        &mut self,
        speaker: &mut Speaker<'_, '_>,
        current: Option<Ipv6Addr>,
        say: Say,
    ) -> Result<bool, Refused> {
        let kind = match say {
            Say::Advert | Say::Answer(_) => Kind::Regular,
            Say::Final => Kind::Final,
            Say::FinalFromOld => Kind::FinalFromOld,
        };
        let from = match say {
            Say::FinalFromOld => self.old,
            _ => current.or(self.source),
        };
        // There is one: nothing is said before there is, and farewells only by who has spoken.
        let Some(source) = from else { return Err(Refused) };
        let (out, now) = (speaker.out, speaker.local.now);
        let plain = self.contents(out, now, Kind::Regular);
        let mut contents = self.contents(out, now, kind);
        if kind != Kind::FinalFromOld {
            self.gone.note(&self.last.0, self.last.1, &plain);
            self.last = (plain, now);
            self.gone.add_to(&mut contents, out.own_mtu.into());
        }
        let parts = contents.parts();
        // What an address that we no longer have says last needs not be ours any more (RFC 4861 s6.2.8).
        let ours = current.filter(|current| *current == source).map(IpAddr::V6);
        match say {
            // One host has them all at once.
            Say::Answer(asker) => {
                for part in &parts {
                    speaker.answer(source, asker, part)?;
                    self.sent += 1;
                }
                Ok(false)
            }
            // So has everybody when it is the last word.
            Say::Final | Say::FinalFromOld => {
                for (at, part) in parts.iter().enumerate() {
                    let what = match self.word.clone().filter(|_| say == Say::Final) {
                        Some(word) => What::LastWords(ours, IfCounter::RaOut, word),
                        None => What::Message(ours, IfCounter::RaOut),
                    };
                    speaker.everybody(source, what, part)?;
                    self.sent += 1;
                    if say == Say::Final {
                        self.gone.told(part, at == 0, now);
                    }
                }
                if say == Say::Final {
                    self.word = None;
                }
                Ok(false)
            }
            Say::Advert => {
                let at = if self.part < parts.len() { self.part } else { 0 };
                let Some(part) = parts.get(at) else { return Ok(false) };
                let what = What::Message(ours, IfCounter::RaOut);
                speaker.everybody(source, what, part)?;
                self.sent += 1;
                self.gone.told(part, at == 0, now);
                self.part = if at + 1 < parts.len() { at + 1 } else { 0 };
                Ok(self.part > 0)
            }
        }
    }

    fn contents(&self, out: &Interface, now: Instant, kind: Kind) -> Contents {
        let left = |until: Instant| {
            let seconds = |until: Instant| u32::try_from(until.since(now).as_secs()).unwrap_or(u32::MAX);
            (until < Instant::NEVER).then(|| seconds(until))
        };
        let own: Vec<Own> = out
            .addrs6
            .iter()
            .filter(|own| own.origin == AddrOrigin::Manual && !ip6::is_link_local(own.addr))
            .map(|own| Own {
                addr: own.addr,
                len: own.prefix_len,
                usable: own.is_assigned(),
                valid: left(own.valid_until),
                preferred: if own.deprecated { Some(0) } else { left(own.preferred_until) },
            })
            .collect();
        let scene = Scene { lladdr: out.mac, own: &own, age: now.since(self.since) };
        let mut contents = Contents::new(&self.config, &scene, kind);
        // Configured when the link took more: hosts must not send what it takes no longer.
        contents.advert.mtu = contents.advert.mtu.map(|mtu| mtu.min(out.own_mtu.into()));
        contents
    }
}

/// An interface's time has come: advertise, answer, take leave.
pub(super) fn look(ctx: &mut Ctx<'_, Unlocked>, local: &mut Local, id: IfId) {
    let shared = local.shared.clone();
    let config = local.config().clone();
    let Some(out) = config.interface(id) else { return };
    let (mut control, mut ctx) = ctx.lock(&shared.control);
    let Some(advertiser) = control.rooms.of::<Advertisers>().get_mut(&id) else { return };
    if !advertiser.alarm.rings(local.heard) {
        return;
    }
    // Nobody hears what is said on an interface that is down, or without a link; it begins anew when the link is there.
    if !out.is_fit(Use::Ip6) {
        advertiser.word = None;
        return;
    }
    advertiser.step(&mut Speaker { ctx: &ctx, local, out });
    advertiser.arm(&mut ctx, &shared, id);
    if advertiser.phase() == Phase::Ceased {
        forget(&shared, &mut control, id);
    }
}

/// Somebody asks for an advertisement. An error is why that is not listened to.
pub(crate) fn solicited(
    ctx: &mut Ctx<'_, Unlocked>,
    local: &mut Local,
    arrival: Arrival<'_>,
    about: &Packet6,
    solicit: &RouterSolicit,
) -> Result<(), DropReason> {
    let Arrival { config, on } = arrival;
    //= RFC 4861 s6.2.2, s6.2.6 [4861-9, 4861-12]: only an advertising interface answers.
    if !config.is_advertising(on.ifnet.id) {
        return Err(DropReason::Ignored);
    }
    if !on.ifnet.intake.admits(local.now, Wants::Advert) {
        return Err(DropReason::MessageLimit);
    }
    let (shared, addr) = (local.shared.clone(), about.header.src);
    let delay = local.chance.between(Duration::ZERO, MAX_RA_DELAY_TIME);
    let asker = (!addr.is_unspecified()).then_some(Asker { addr, lladdr: solicit.slla });
    let (mut control, mut ctx) = ctx.lock(&shared.control);
    if let Some(advertiser) = control.rooms.of::<Advertisers>().get_mut(&on.ifnet.id)
        && let Heard::Answered = advertiser.schedule.on_solicit(local.now, delay, asker)
    {
        advertiser.arm(&mut ctx, &shared, on.ifnet.id);
        return Ok(());
    }
    Err(DropReason::Ignored)
}

/// Another router on a link that we advertise on says what it thinks. False if that was not looked at.
//= RFC 4861 s6.2.7 [4861-14]: what it says otherwise is told, once in a while.
pub(in crate::nd6) fn heard_advert(
    ctx: &mut Ctx<'_, Unlocked>,
    local: &mut Local,
    Arrival { config, on }: Arrival<'_>,
    HeardAdvert { from: router, advert, options }: HeardAdvert<'_>,
) -> bool {
    let (id, wants) = (on.ifnet.id, Wants::Comparison);
    if !config.is_advertising(id) || on.addr6(router).is_some() || !on.ifnet.intake.admits(local.now, wants) {
        return false;
    }
    let shared = local.shared.clone();
    let (mut control, _ctx) = ctx.lock(&shared.control);
    let Some(advertiser) = control.rooms.of::<Advertisers>().get_mut(&id) else { return false };
    let now = local.now;
    if advertiser.told_difference.is_some_and(|last| now.since(last) < DIFFERENCE_PAUSE) {
        return false;
    }
    let ours = advertiser.contents(on, now, Kind::Regular);
    if let Some(what) = difference(&ours, advert, options) {
        advertiser.told_difference = Some(now);
        local.tell(Event::RouterDiffers { interface: id, router, what });
    }
    true
}

/// Forgets an interface that has ceased to advertise, or goes.
pub(crate) fn forget(shared: &Shared, control: &mut Control, id: IfId) {
    if control.rooms.of::<Advertisers>().remove(&id).is_some() {
        shared.change(control, |config| _ = config.advertising.set(id.slot(), None));
    }
}

/// The interface's addresses have changed: what is advertised may have, too.
pub(crate) fn renew(change: &mut Change<'_, '_>, id: IfId) {
    let Change { shared, control, ctx, now } = change;
    let advertiser = control.rooms.of::<Advertisers>().get_mut(&id);
    if let Some(advertiser) = advertiser.filter(|advertiser| advertiser.phase() == Phase::Advertising) {
        advertiser.renew(*now);
        advertiser.arm(ctx, shared, id);
    }
}

/// The interface came up: hosts on its link are told as if it had just begun.
pub(crate) fn resume(change: &mut Change<'_, '_>, id: IfId) {
    let Change { shared, control, ctx, now } = change;
    if let Some(advertiser) = control.rooms.of::<Advertisers>().get_mut(&id)
        && !matches!(advertiser.phase(), Phase::Ceasing(_) | Phase::Ceased)
    {
        advertiser.renew(*now);
        advertiser.arm(ctx, shared, id);
    }
}

/// The interface is about to go: one farewell, unless it has been said.
pub(crate) fn take_leave(change: &mut Change<'_, '_>, id: IfId) {
    let Change { shared, control, ctx, now } = change;
    let Some(advertiser) = control.rooms.of::<Advertisers>().get_mut(&id) else { return };
    advertiser.suspend(*now);
    // What is still to be said, of one that is ceasing anyway as well.
    let passes = shared.config.load().interface(id).is_some_and(|on| on.is_fit(Use::Ip6));
    let owes = passes
        && matches!(advertiser.phase(), Phase::Suspending | Phase::Ceasing(MAX_FINAL_RTR_ADVERTISEMENTS));
    advertiser.word = owes.then(|| shared.words.begin());
    advertiser.arm(ctx, shared, id);
}

/// We forward no longer: every interface takes its leave.
//= RFC 4861 s6.2.5 [4861-11]: a router that becomes a host says so.
pub(crate) fn stop_all(change: &mut Change<'_, '_>) {
    let ids = Vec::from_iter(change.control.rooms.of::<Advertisers>().keys().copied());
    ids.into_iter().for_each(|id| stop(change, id));
}

/// The interface takes its leave; one that is down or has said nothing is done at once.
pub(crate) fn stop(change: &mut Change<'_, '_>, id: IfId) {
    let Change { shared, control, ctx, now } = change;
    let Some(advertiser) = control.rooms.of::<Advertisers>().get_mut(&id) else { return };
    advertiser.stop(*now);
    let heard = shared.config.load().interface(id).is_some_and(|interface| interface.is_fit(Use::Ip6));
    if !heard || advertiser.phase() == Phase::Ceased {
        return forget(shared, control, id);
    }
    advertiser.arm(ctx, shared, id);
}

/// The address that advertisements and redirects come from.
//= RFC 4861 s6.1.2 [4861-2]: a link-local one, or hosts discard them.
pub(in crate::nd6) fn link_local(out: &Interface) -> Option<Ipv6Addr> {
    let usable = |own: &&Addr6| ip6::is_link_local(own.addr) && own.state == DadState::Preferred;
    out.addrs6.iter().find(usable).map(|own| own.addr)
}

/// Who speaks: a worker, by an interface, while the control lock is held.
struct Speaker<'a, 'l> {
    ctx: &'a Ctx<'l, ranks::Control>,
    local: &'a mut Local,
    out: &'a Interface,
}

impl Speaker<'_, '_> {
    fn everybody(&mut self, source: Ipv6Addr, what: What, contents: &Contents) -> Result<(), Refused> {
        let to = Addressed::to_group(source, ip6::ALL_NODES);
        let frame = self.build(&to, contents)?;
        neighbor::dispatch(self.ctx, self.local, frame, LinkOut::new(self.out.ifnet.id, to.dst.into(), what))
    }

    /// An advertisement to one host: to the address that it told, or else by way of the neighbour table.
    fn answer(&mut self, source: Ipv6Addr, asker: Asker, contents: &Contents) -> Result<(), Refused> {
        let to = Addressed { source, dst: asker.addr, mac: asker.lladdr };
        let mut frame = self.build(&to, contents)?;
        let Speaker { ctx, local, out } = self;
        if to.mac.is_some() {
            let what = What::Message(Some(IpAddr::V6(source)), IfCounter::RaOut);
            return neighbor::dispatch(ctx, local, frame, LinkOut::new(out.ifnet.id, to.dst.into(), what));
        }
        frame.trim_front(ether::HEADER_LEN);
        local.shared.queues.of::<crate::own::IpOut>().dispatch(ctx, frame, out.ifnet.id).map_err(
            |refused| {
                local.drop_packet(refused.packet, DropReason::Refused);
                Refused
            },
        )?;
        out.ifnet.counters.add(local.index, IfCounter::RaOut, 1);
        Ok(())
    }

    fn build(&mut self, to: &Addressed, contents: &Contents) -> Result<Mbuf, Refused> {
        let frame = ns::build(self.local, self.out, to, contents.len(), |bytes| {
            contents.emit(to.source, to.dst, bytes)
        });
        frame.ok_or_else(|| {
            self.local.count(self.out.ifnet.id, DropReason::NoBuffer);
            Refused
        })
    }
}
