//! The receive machine: what is known of the partner (IEEE 802.1AX-2014 s6.4.12).

use core::fmt;
use core::time::Duration;

use siding_netisr::Instant;
use siding_wire::lacp::LacpInfo;
use siding_wire::lacp::LacpState;
use siding_wire::lacp::LacpSystem;
use siding_wire::lacp::Lacpdu;

use super::Cause;
use super::Change;
use super::Ignored;
use super::LONG_TIMEOUT_TIME;
use super::Port;
use super::Rate;
use super::SHORT_TIMEOUT_TIME;
use super::event::Log;

/// Where the receive machine stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ReceiveState {
    /// Nothing is known yet. A port passes through it at once.
    Initialize,
    /// The link is down.
    PortDisabled,
    /// The partner is silent; it has 3 more seconds and is asked to be quick.
    Expired,
    /// The port does not speak LACP.
    LacpDisabled,
    /// There is no partner; what was configured of one holds.
    Defaulted,
    /// The partner speaks.
    Current,
}

impl fmt::Display for ReceiveState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            ReceiveState::Initialize => "initialize",
            ReceiveState::PortDisabled => "port disabled",
            ReceiveState::Expired => "expired",
            ReceiveState::LacpDisabled => "LACP disabled",
            ReceiveState::Defaulted => "defaulted",
            ReceiveState::Current => "current",
        })
    }
}

//= IEEE 802.1AX s6.4.12 [LACP-5]: the six states and what each does on entry
impl Port {
    /// INITIALIZE, then PORT_DISABLED, and from there on if the link is up.
    pub(super) fn initialize(&mut self, now: Instant, cause: Cause, log: &mut Log) {
        self.unselect(cause, log);
        self.record_default();
        self.receive_to(ReceiveState::Initialize, cause, log);
        self.disable(cause, log);
        if self.enabled {
            self.start(now, cause, log);
        }
    }

    /// The link came up or went down.
    pub(super) fn link(&mut self, now: Instant, up: bool, log: &mut Log) {
        if up == self.enabled {
            return;
        }
        self.enabled = up;
        if up {
            self.start(now, Cause::LinkUp, log);
        } else {
            self.disable(Cause::LinkDown, log);
        }
    }

    /// A PDU came.
    pub(super) fn hear(&mut self, now: Instant, pdu: &Lacpdu, log: &mut Log) -> Result<(), Ignored> {
        if !self.enabled {
            return Err(Ignored::PortDown);
        }
        if !self.config.lacp {
            return Err(Ignored::LacpDisabled);
        }
        let mine = self.actor();
        //= IEEE 802.1AX s6.4.9 update_Selected [LACP-9]: a partner that changed is attached anew
        if identity(&pdu.actor) != identity(&self.partner) {
            self.unselect(Cause::PartnerChanged, log);
        }
        //= IEEE 802.1AX s6.4.9 update_NTT [LACP-8]: whoever knows us wrongly hears from us
        if identity(&pdu.partner) != identity(&mine)
            || pdu.partner.state.0 & NTT_BITS.0 != mine.state.0 & NTT_BITS.0
        {
            self.ntt = true;
        }
        self.record(pdu, &mine);
        self.current_while = Some(now + self.timeout());
        self.receive_to(ReceiveState::Current, Cause::Heard, log);
        Ok(())
    }

    /// Our rate may have changed: a partner that is asked to speak less often is not gone because it does, and one that
    /// is asked to speak more often has not been told yet.
    pub(super) fn prolong(&mut self, now: Instant) {
        if self.rx == ReceiveState::Current {
            self.current_while = self.current_while.max(Some(now + self.timeout()));
        }
    }

    /// Has the partner been silent for too long?
    //= IEEE 802.1AX s6.4.12 [LACP-13]: expired after 3 s or 90 s of silence, defaulted 3 s later
    pub(super) fn receive_timer(&mut self, now: Instant, log: &mut Log) {
        if self.current_while.is_none_or(|until| now < until) {
            return;
        }
        if self.rx == ReceiveState::Expired {
            self.current_while = None;
            //= IEEE 802.1AX s6.4.9 update_Default_Selected [LACP-9]
            if identity(&self.config.partner_admin) != identity(&self.partner) {
                self.unselect(Cause::Silent, log);
            }
            self.record_default();
            self.receive_to(ReceiveState::Defaulted, Cause::Silent, log);
        } else {
            self.expire(now, Cause::Silent, log);
        }
    }

    /// Why the partner does not count as in sync, if it does not.
    pub(super) fn unsync_cause(&self) -> Cause {
        match self.rx {
            ReceiveState::PortDisabled | ReceiveState::Initialize => Cause::LinkDown,
            ReceiveState::Expired | ReceiveState::Defaulted => Cause::Silent,
            ReceiveState::Current | ReceiveState::LacpDisabled => Cause::PartnerOutOfSync,
        }
    }

    fn timeout(&self) -> Duration {
        match self.config.rate {
            Rate::Fast => SHORT_TIMEOUT_TIME,
            Rate::Slow => LONG_TIMEOUT_TIME,
        }
    }

    fn start(&mut self, now: Instant, cause: Cause, log: &mut Log) {
        if self.config.lacp {
            self.expire(now, cause, log);
        } else {
            self.unselect(cause, log);
            self.record_default();
            self.partner.state = self.partner.state.without(LacpState::AGGREGATION);
            self.receive_to(ReceiveState::LacpDisabled, cause, log);
        }
    }

    fn disable(&mut self, cause: Cause, log: &mut Log) {
        // The rest of what is known stays: if the link comes back with the same partner, the port is in use
        // again as soon as that is heard.
        self.partner.state = self.partner.state.without(LacpState::SYNCHRONIZATION);
        self.current_while = None;
        self.receive_to(ReceiveState::PortDisabled, cause, log);
    }

    fn expire(&mut self, now: Instant, cause: Cause, log: &mut Log) {
        self.partner.state = self.partner.state.without(LacpState::SYNCHRONIZATION).with(LacpState::TIMEOUT);
        self.current_while = Some(now + SHORT_TIMEOUT_TIME);
        self.receive_to(ReceiveState::Expired, cause, log);
    }

    /// recordPDU (s6.4.9).
    fn record(&mut self, pdu: &Lacpdu, mine: &LacpInfo) {
        let theirs = pdu.actor.state;
        let knows_us = identity(&pdu.partner) == identity(mine) || !theirs.has(LacpState::AGGREGATION);
        let keeps_on = theirs.has(LacpState::ACTIVITY)
            || mine.state.has(LacpState::ACTIVITY) && pdu.partner.state.has(LacpState::ACTIVITY);
        let sync = theirs.has(LacpState::SYNCHRONIZATION) && knows_us && keeps_on;
        self.partner = LacpInfo { state: theirs.set(LacpState::SYNCHRONIZATION, sync), ..pdu.actor };
        self.defaulted = false;
    }

    /// recordDefault (s6.4.9).
    fn record_default(&mut self) {
        self.partner = self.config.partner_admin;
        self.defaulted = true;
    }

    fn receive_to(&mut self, new: ReceiveState, cause: Cause, log: &mut Log) {
        let old = core::mem::replace(&mut self.rx, new);
        if old != new {
            log.port(self.config.number, Change::Receive { old, new }, cause);
        }
    }
}

/// The bits of our state that the partner must have right.
const NTT_BITS: LacpState = LacpState::ACTIVITY
    .with(LacpState::TIMEOUT)
    .with(LacpState::AGGREGATION)
    .with(LacpState::SYNCHRONIZATION);

/// What makes a port the one that it is.
fn identity(info: &LacpInfo) -> (LacpSystem, u16, u16, u16, bool) {
    let aggregation = info.state.has(LacpState::AGGREGATION);
    (info.system, info.key, info.port_priority, info.port, aggregation)
}
