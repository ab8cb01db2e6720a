//! One port: its machines and what they share (IEEE 802.1AX-2014 s6.4.7, s6.4.8).

use core::fmt;

use siding_netisr::Instant;
use siding_wire::lacp::LacpInfo;
use siding_wire::lacp::LacpState;
use siding_wire::lacp::LacpSystem;
use siding_wire::lacp::Lacpdu;
use siding_wire::lacp::Marker;

use super::Activity;
use super::Cause;
use super::Change;
use super::FAST_PERIODIC_TIME;
use super::GroupConfig;
use super::LagId;
use super::MAX_HEARD;
use super::MAX_LACPDUS;
use super::MAX_MARKERS;
use super::MuxState;
use super::PeriodicState;
use super::PortConfig;
use super::PortNumber;
use super::Rate;
use super::ReceiveState;
use super::Refused;
use super::Selected;
use super::churn::Churn;
use super::event::Log;
use super::limit::Limit;
use super::mux;
use super::periodic::Periodic;

/// Why a slow-protocol PDU was not acted on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Ignored {
    /// The group has no such port.
    NoSuchPort,
    /// The port's link is down.
    PortDown,
    /// The port does not speak LACP.
    LacpDisabled,
    /// A marker response; we never ask.
    MarkerResponse,
    /// More markers than may be answered in a second.
    TooManyMarkers,
    /// More LACPDUs than are looked at in a second.
    TooManyPdus,
}

impl fmt::Display for Ignored {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Ignored::NoSuchPort => "no such port",
            Ignored::PortDown => "port down",
            Ignored::LacpDisabled => "LACP disabled",
            Ignored::MarkerResponse => "marker response that nobody asked for",
            Ignored::TooManyMarkers => "too many markers",
            Ignored::TooManyPdus => "too many LACPDUs",
        })
    }
}

/// What a port counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct PortCounters {
    /// LACPDUs acted on.
    pub received: u64,
    /// LACPDUs and markers not acted on.
    pub ignored: u64,
    /// LACPDUs that `send` accepted.
    pub sent: u64,
    /// LACPDUs that `send` refused; each was tried again.
    pub refused: u64,
    /// Markers answered.
    pub markers: u64,
}

/// One port's side of the protocol. `Clone`, so that a snapshot of it can be shown without the lagg's lock.
#[derive(Debug, Clone)]
pub struct Port {
    pub(super) config: PortConfig,
    system: LacpSystem,
    pub(super) enabled: bool,

    pub(super) rx: ReceiveState,
    pub(super) current_while: Option<Instant>,
    /// Partner_Oper: what was heard, or configured.
    pub(super) partner: LacpInfo,
    pub(super) defaulted: bool,

    pub(super) selected: Selected,
    why: Cause,
    /// Where it was selected for; `None` exactly while UNSELECTED.
    pub(super) lag: Option<LagId>,

    mux: MuxState,
    /// wait_while; `None` outside WAITING and when it is over.
    wait_until: Option<Instant>,
    pub(super) waited: bool,
    pub(super) retiring: Option<Retiring>,

    periodic: Periodic,
    /// Need to transmit.
    pub(super) ntt: bool,
    limit: Limit<MAX_LACPDUS>,
    retry_at: Option<Instant>,
    markers: Limit<MAX_MARKERS>,
    heard: Limit<MAX_HEARD>,

    actor_churn: Churn,
    partner_churn: Churn,
    pub(super) counters: PortCounters,
}

/// A port on its way out.
#[derive(Debug, Clone, Copy)]
pub(super) struct Retiring {
    /// Until then the partner is not told, so that queued frames leave while it still takes them.
    tell_at: Instant,
    /// Then it is out, whether or not the partner has stopped.
    give_up_at: Instant,
    /// The partner is to know.
    told: bool,
    /// It has been sent.
    sent: bool,
}

/// What one run of the mux machine did.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Moved {
    pub(super) any: bool,
    /// Whether the port takes or sends frames has changed.
    pub(super) usage: bool,
}

impl Port {
    pub(super) fn new(config: PortConfig, system: LacpSystem) -> Port {
        Port {
            config,
            system,
            enabled: false,
            rx: ReceiveState::Initialize,
            current_while: None,
            partner: config.partner_admin,
            defaulted: true,
            selected: Selected::Unselected,
            why: Cause::Added,
            lag: None,
            mux: MuxState::Detached,
            wait_until: None,
            waited: false,
            retiring: None,
            periodic: Periodic::new(),
            ntt: false,
            limit: Limit::new(FAST_PERIODIC_TIME),
            retry_at: None,
            markers: Limit::new(FAST_PERIODIC_TIME),
            heard: Limit::new(FAST_PERIODIC_TIME),
            actor_churn: Churn::Idle,
            partner_churn: Churn::Idle,
            counters: PortCounters::default(),
        }
    }

    /// Another configuration, of the same number, or another system.
    pub(super) fn configure(&mut self, now: Instant, config: PortConfig, system: LacpSystem, log: &mut Log) {
        let old = core::mem::replace(&mut self.config, config);
        let moved = core::mem::replace(&mut self.system, system) != system;
        self.ntt = true;
        self.prolong(now);
        if old.lacp != config.lacp || self.defaulted && old.partner_admin != config.partner_admin {
            self.initialize(now, Cause::Configured, log);
        } else if moved || old.key != config.key || old.aggregatable != config.aggregatable {
            //= IEEE 802.1AX s6.4.14.1 [LACP-9]: another key is another aggregator
            self.unselect(Cause::Configured, log);
        }
    }

    pub(super) fn select(&mut self, new: Selected, why: Cause, lag: LagId, log: &mut Log) -> bool {
        let old = core::mem::replace(&mut self.selected, new);
        self.lag = (new != Selected::Unselected).then_some(lag);
        if old == new {
            return false;
        }
        self.why = why;
        log.port(self.config.number, Change::Selected { old, new }, why);
        true
    }

    pub(super) fn unselect(&mut self, why: Cause, log: &mut Log) -> bool {
        self.select(Selected::Unselected, why, LagId::of(self), log)
    }

    pub(super) fn retire(&mut self, now: Instant, group: &GroupConfig) {
        let tell_at = now + group.retire_grace;
        let give_up_at = tell_at + group.retire_patience;
        self.retiring.get_or_insert(Retiring { tell_at, give_up_at, told: false, sent: false });
    }

    /// Is the aggregate wait over?
    pub(super) fn run_wait(&mut self, now: Instant) {
        if self.wait_until.is_some_and(|until| now >= until) {
            self.wait_until = None;
            self.waited = true;
        }
    }

    /// Takes the mux machine, and a retirement, as far as they go. `ready` is the whole aggregator's.
    pub(super) fn run_mux(&mut self, now: Instant, ready: bool, group: &GroupConfig, log: &mut Log) -> Moved {
        let mut moved = Moved { any: self.run_retirement(now, log), usage: false };
        while let Some((new, cause)) = self.mux.next(&self.mux_inputs(ready, group)) {
            let old = core::mem::replace(&mut self.mux, new);
            log.port(self.config.number, Change::Mux { old, new }, cause);
            moved.any = true;
            moved.usage |= old.is_collecting() != new.is_collecting();
            moved.usage |= old.is_distributing() != new.is_distributing();
            self.waited = false;
            self.wait_until = None;
            if new == MuxState::Waiting {
                //= IEEE 802.1AX s6.4.15 [LACP-10]: wait for ports that may join at the same time
                self.wait_until = Some(now + super::AGGREGATE_WAIT_TIME);
            } else {
                self.ntt = true;
            }
        }
        moved
    }

    /// Periodic transmission, churn, and what has to be sent.
    pub(super) fn finish(
        &mut self,
        now: Instant,
        group: &GroupConfig,
        log: &mut Log,
        send: &mut impl FnMut(PortNumber, Lacpdu) -> Result<(), Refused>,
    ) {
        self.run_periodic(now, log);
        self.run_churn(now, log);
        self.transmit(now, group, send);
    }

    /// Whether one more LACPDU may be looked at.
    pub(super) fn admit(&mut self, now: Instant) -> Result<(), Ignored> {
        if now < self.heard.free_at() {
            return Err(Ignored::TooManyPdus);
        }
        self.heard.record(now);
        Ok(())
    }

    /// Answers a marker.
    //= IEEE 802.1AX s6.5.4 [LACP-11]: every port answers, whatever state it is in
    pub(super) fn answer(&mut self, now: Instant, marker: &Marker) -> Result<Marker, Ignored> {
        if !self.enabled {
            return Err(Ignored::PortDown);
        }
        let response = marker.response().ok_or(Ignored::MarkerResponse)?;
        if now < self.markers.free_at() {
            return Err(Ignored::TooManyMarkers);
        }
        self.markers.record(now);
        self.counters.markers += 1;
        Ok(response)
    }

    /// What is configured.
    pub fn config(&self) -> &PortConfig {
        &self.config
    }

    /// Its number.
    pub fn number(&self) -> PortNumber {
        self.config.number
    }

    /// What our PDUs say of us (Actor_Oper).
    pub fn actor(&self) -> LacpInfo {
        let sync = self.mux.is_attached() && !self.retiring.is_some_and(|retiring| retiring.told);
        let state = LacpState::default()
            .set(LacpState::ACTIVITY, self.config.activity == Activity::Active)
            .set(LacpState::TIMEOUT, self.config.rate == Rate::Fast)
            .set(LacpState::AGGREGATION, self.config.aggregatable && self.config.lacp)
            .set(LacpState::SYNCHRONIZATION, sync)
            .set(LacpState::COLLECTING, self.mux.is_collecting())
            .set(LacpState::DISTRIBUTING, self.mux.is_distributing())
            .set(LacpState::DEFAULTED, self.defaulted)
            .set(LacpState::EXPIRED, self.rx == ReceiveState::Expired);
        LacpInfo {
            system: self.system,
            key: self.config.key,
            port_priority: self.config.priority,
            port: self.config.number.get(),
            state,
        }
    }

    /// What to tell the partner when the port is about to leave: that it aggregates no longer, is not in sync, and neither
    /// takes nor sends frames. `None` if there is nobody to tell: the port is down, or has never spoken.
    pub fn farewell(&self) -> Option<Lacpdu> {
        if !self.enabled || !self.config.lacp || self.counters.sent == 0 {
            return None;
        }
        let mut actor = self.actor();
        for over in [
            LacpState::AGGREGATION,
            LacpState::SYNCHRONIZATION,
            LacpState::COLLECTING,
            LacpState::DISTRIBUTING,
        ] {
            actor.state = actor.state.set(over, false);
        }
        Some(Lacpdu { actor, partner: self.partner, collector_max_delay: 0 })
    }

    /// What is known of the partner (Partner_Oper): port 0 for nobody.
    pub fn partner(&self) -> LacpInfo {
        self.partner
    }

    /// Whether the link is up.
    pub fn is_enabled(&self) -> bool {
        self.enabled
    }

    /// Frames that come in on it belong to the lagg.
    pub fn is_collecting(&self) -> bool {
        self.mux.is_collecting()
    }

    /// Frames may go out on it.
    pub fn is_distributing(&self) -> bool {
        self.mux.is_distributing()
    }

    /// It is on its way out.
    pub fn is_retiring(&self) -> bool {
        self.retiring.is_some()
    }

    /// A retirement is over: the port may be removed and nothing is lost.
    pub fn is_retired(&self) -> bool {
        self.retiring.is_some() && self.mux == MuxState::Detached
    }

    /// The receive machine's state.
    pub fn receive(&self) -> ReceiveState {
        self.rx
    }

    /// The mux machine's state.
    pub fn mux(&self) -> MuxState {
        self.mux
    }

    /// The periodic machine's state.
    pub fn periodic(&self) -> PeriodicState {
        self.periodic.state()
    }

    /// What selection decided, and why.
    pub fn selected(&self) -> (Selected, Cause) {
        (self.selected, self.why)
    }

    /// Whether we have failed to come in sync for a minute. A standby port is out of sync on purpose.
    pub fn actor_churn(&self) -> bool {
        self.actor_churn.churned()
    }

    /// Whether the partner has failed to come in sync for a minute.
    pub fn partner_churn(&self) -> bool {
        self.partner_churn.churned()
    }

    /// What it counted.
    pub fn counters(&self) -> PortCounters {
        self.counters
    }

    /// When [`Group::on_timer`](super::Group::on_timer) wants to be called for this port.
    pub fn deadline(&self) -> Option<Instant> {
        let retiring = self
            .retiring
            .filter(|_| self.mux != MuxState::Detached)
            .map(|retiring| if retiring.told { retiring.give_up_at } else { retiring.tell_at });
        let transmit = self.ntt.then(|| self.free_at().max(self.retry_at.unwrap_or(Instant::ZERO)));
        [
            self.current_while,
            self.periodic.deadline(),
            self.wait_until,
            self.actor_churn.deadline(),
            self.partner_churn.deadline(),
            retiring,
            transmit,
        ]
        .into_iter()
        .flatten()
        .min()
    }

    /// What holds after each step of the group.
    pub(super) fn check(&self) {
        let unselected = self.selected == Selected::Unselected;
        debug_assert_eq!(self.lag.is_none(), unselected, "{self:?}");
        debug_assert_eq!(
            self.mux == MuxState::Detached,
            unselected,
            "who is not selected is detached: {self:?}"
        );
        let selected = self.selected == Selected::Selected;
        let sync = self.partner.state.has(LacpState::SYNCHRONIZATION);
        debug_assert!(!self.mux.is_attached() || selected, "nothing is attached unselected: {self:?}");
        debug_assert!(
            !self.mux.is_collecting() || sync,
            "nothing is taken from who is out of sync: {self:?}"
        );
        debug_assert!(
            !self.mux.is_distributing() || self.retiring.is_none(),
            "who goes sends nothing: {self:?}"
        );
        let waits = self.wait_until.is_some() || self.waited;
        debug_assert!(!waits || self.mux == MuxState::Waiting, "{self:?}");
        debug_assert_eq!(self.enabled, self.rx != ReceiveState::PortDisabled, "{self:?}");
        debug_assert_ne!(self.rx, ReceiveState::Initialize, "it is passed through: {self:?}");
        let hears = matches!(self.rx, ReceiveState::Current | ReceiveState::Expired);
        debug_assert_eq!(self.current_while.is_some(), hears, "silence ends either: {self:?}");
    }

    /// A partner that may be worked with: it speaks, or is configured.
    pub(super) fn hears_partner(&self) -> bool {
        match self.rx {
            ReceiveState::Current => true,
            ReceiveState::Defaulted | ReceiveState::LacpDisabled => {
                self.partner.state.has(LacpState::SYNCHRONIZATION)
            }
            _ => false,
        }
    }

    fn run_retirement(&mut self, now: Instant, log: &mut Log) -> bool {
        let Some(retiring) = &mut self.retiring else {
            return false;
        };
        if now >= retiring.tell_at && !retiring.told {
            retiring.told = true;
            self.ntt = true;
        }
        let stopped = retiring.told && !self.partner.state.has(LacpState::DISTRIBUTING);
        if stopped || now >= retiring.give_up_at || !self.mux.is_collecting() {
            return self.unselect(Cause::Retired, log);
        }
        false
    }

    fn run_periodic(&mut self, now: Instant, log: &mut Log) {
        //= IEEE 802.1AX s6.4.13 [LACP-7]: between two passive ends nobody ever speaks
        let speaks = self.config.activity == Activity::Active || self.partner.state.has(LacpState::ACTIVITY);
        let up = self.enabled && self.config.lacp;
        let short = self.partner.state.has(LacpState::TIMEOUT);
        let old = self.periodic.state();
        if self.periodic.step(now, up && speaks, short) {
            self.ntt = true;
        }
        let new = self.periodic.state();
        if old != new {
            let cause = match (old, new) {
                (_, PeriodicState::None) if !self.enabled => Cause::LinkDown,
                (_, PeriodicState::None) if !self.config.lacp => Cause::Configured,
                (_, PeriodicState::None) => Cause::BothPassive,
                (PeriodicState::None, _) if self.rx == ReceiveState::Current => Cause::Heard,
                (PeriodicState::None, _) => Cause::LinkUp,
                _ => Cause::PartnerRate,
            };
            log.port(self.config.number, Change::Periodic { old, new }, cause);
        }
    }

    fn run_churn(&mut self, now: Instant, log: &mut Log) {
        let port = self.config.number;
        let cause = |churned: bool, up: bool| match (churned, up) {
            (true, _) => Cause::NotInSync,
            (false, true) => Cause::InSync,
            (false, false) => Cause::LinkDown,
        };
        let on_purpose = self.selected == Selected::Standby || self.retiring.is_some();
        if self.actor_churn.step(now, !self.enabled || on_purpose, self.mux.is_attached()) {
            let new = self.actor_churn.churned();
            log.port(port, Change::ActorChurn { old: !new, new }, cause(new, self.enabled));
        }
        let sync = self.partner.state.has(LacpState::SYNCHRONIZATION);
        if self.partner_churn.step(now, !self.enabled, sync) {
            let new = self.partner_churn.churned();
            log.port(port, Change::PartnerChurn { old: !new, new }, cause(new, self.enabled));
        }
    }

    /// From when on a PDU may be sent. That we leave is said once without regard to what was said in the second before, as a
    /// farewell is: until then the partner sends.
    fn free_at(&self) -> Instant {
        let urgent = self.retiring.is_some_and(|retiring| retiring.told && !retiring.sent);
        if urgent { Instant::ZERO } else { self.limit.free_at() }
    }

    /// The transmit machine (s6.4.16).
    fn transmit(
        &mut self,
        now: Instant,
        group: &GroupConfig,
        send: &mut impl FnMut(PortNumber, Lacpdu) -> Result<(), Refused>,
    ) {
        if self.periodic.state() == PeriodicState::None {
            self.ntt = false;
        }
        //= IEEE 802.1AX s6.4.16 [LACP-3]: at most three in any second; what is due is then said once, as it is
        if !self.ntt || now < self.free_at() || self.retry_at.is_some_and(|at| now < at) {
            return;
        }
        let pdu = Lacpdu { actor: self.actor(), partner: self.partner, collector_max_delay: 0 };
        match send(self.config.number, pdu) {
            Ok(()) => {
                self.ntt = false;
                self.retry_at = None;
                self.limit.record(now);
                self.counters.sent += 1;
                self.retiring.iter_mut().for_each(|retiring| retiring.sent = retiring.told);
            }
            Err(Refused) => {
                self.retry_at = Some(now + group.refused_retry);
                self.counters.refused += 1;
            }
        }
    }

    /// A partner that does not hear us takes no frames yet, whatever else it says. Open vSwitch says "collecting" from its
    /// first PDU after a link has come back, and drops what comes in until it has heard us: up to a second's frames.
    fn partner_is_deaf(&self) -> bool {
        self.partner.state.has(LacpState::EXPIRED) || self.partner.state.has(LacpState::DEFAULTED)
    }

    fn mux_inputs(&self, ready: bool, group: &GroupConfig) -> mux::Inputs {
        mux::Inputs {
            selected: self.selected,
            why: self.why,
            ready: ready && self.waited,
            partner_sync: self.partner.state.has(LacpState::SYNCHRONIZATION),
            unsync: self.unsync_cause(),
            partner_collecting: self.partner.state.has(LacpState::COLLECTING) && !self.partner_is_deaf(),
            coupled: group.coupled,
            retiring: self.retiring.is_some(),
        }
    }
}
