//! What happened, for log lines: each transition with its cause, its old and its new state.

use core::fmt;

use super::LagId;
use super::MuxState;
use super::PeriodicState;
use super::PortNumber;
use super::ReceiveState;
use super::Selected;

/// A transition.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Event {
    /// Of one port.
    Port {
        /// Whose.
        port: PortNumber,
        /// From where to where.
        change: Change,
        /// Why.
        cause: Cause,
    },
    /// The lagg uses another aggregator.
    Aggregator {
        /// The one before.
        old: Option<LagId>,
        /// The one from now on.
        new: Option<LagId>,
    },
}

/// From where to where one machine went.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "`old` and `new` say it")]
pub enum Change {
    /// Receive machine.
    Receive { old: ReceiveState, new: ReceiveState },
    /// Periodic transmission machine.
    Periodic { old: PeriodicState, new: PeriodicState },
    /// Selection.
    Selected { old: Selected, new: Selected },
    /// Mux machine.
    Mux { old: MuxState, new: MuxState },
    /// We have, or no longer have, failed to come in sync for [`super::CHURN_DETECTION_TIME`].
    ActorChurn { old: bool, new: bool },
    /// The same of the partner.
    PartnerChurn { old: bool, new: bool },
}

/// Why a machine moved.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Cause {
    /// The port joined the lagg.
    Added,
    /// The link came up.
    LinkUp,
    /// The link went down.
    LinkDown,
    /// Somebody changed the configuration.
    Configured,
    /// The port is being taken out of the lagg.
    Retired,
    /// A PDU came.
    Heard,
    /// No PDU came for the timeout.
    Silent,
    /// Our partner was heard on another port while this one was down.
    Moved,
    /// The partner became another, or described itself in another way.
    PartnerChanged,
    /// It is the partner's wish.
    PartnerRate,
    /// Nobody speaks first.
    BothPassive,
    /// The port fits the aggregator in use.
    Fits,
    /// The lagg uses another aggregator.
    OtherAggregator,
    /// As many ports as may be are in use.
    TooManyLinks,
    /// The cable leads to another port of the same lagg, or back to itself.
    LoopedBack,
    /// The aggregate wait is over for every port that joins.
    WaitOver,
    /// The partner is in sync.
    PartnerInSync,
    /// The partner is no longer in sync.
    PartnerOutOfSync,
    /// The partner takes frames.
    PartnerCollecting,
    /// The partner no longer takes frames.
    PartnerNotCollecting,
    /// Sync was reached.
    InSync,
    /// Sync was lost and did not come back in time.
    NotInSync,
}

/// Events that are kept until somebody takes them.
const MAX_EVENTS: usize = 1024;

/// Events that wait to be taken.
#[derive(Debug, Clone, Default)]
pub(super) struct Log {
    pub(super) events: Vec<Event>,
    pub(super) lost: u64,
}

impl Log {
    pub(super) fn push(&mut self, event: Event) {
        // Whoever never takes them must not fill the memory.
        if self.events.len() < MAX_EVENTS {
            self.events.push(event);
        } else {
            self.lost += 1;
        }
    }

    pub(super) fn port(&mut self, port: PortNumber, change: Change, cause: Cause) {
        self.push(Event::Port { port, change, cause });
    }
}

impl fmt::Display for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Event::Port { port, change, cause } => write!(f, "port {port}: {change}: {cause}"),
            Event::Aggregator { old: Some(old), new: Some(new) } => {
                write!(f, "aggregator: {old} -> {new}")
            }
            Event::Aggregator { new: Some(new), .. } => write!(f, "aggregator: none -> {new}"),
            Event::Aggregator { old: Some(old), .. } => write!(f, "aggregator: {old} -> none"),
            Event::Aggregator { .. } => f.write_str("aggregator: none"),
        }
    }
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let churn = |churned: &bool| if *churned { "churned" } else { "quiet" };
        match self {
            Change::Receive { old, new } => write!(f, "receive machine {old} -> {new}"),
            Change::Periodic { old, new } => write!(f, "periodic machine {old} -> {new}"),
            Change::Selected { old, new } => write!(f, "selection {old} -> {new}"),
            Change::Mux { old, new } => write!(f, "mux machine {old} -> {new}"),
            Change::ActorChurn { old, new } => write!(f, "actor {} -> {}", churn(old), churn(new)),
            Change::PartnerChurn { old, new } => write!(f, "partner {} -> {}", churn(old), churn(new)),
        }
    }
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Cause::Added => "port added",
            Cause::LinkUp => "link up",
            Cause::LinkDown => "link down",
            Cause::Configured => "configuration changed",
            Cause::Retired => "port is being removed",
            Cause::Heard => "partner heard",
            Cause::Silent => "partner silent for too long",
            Cause::Moved => "partner heard on another port",
            Cause::PartnerChanged => "partner is another or changed",
            Cause::PartnerRate => "partner's timeout asks for it",
            Cause::BothPassive => "both ends passive",
            Cause::Fits => "fits the aggregator in use",
            Cause::OtherAggregator => "lagg uses another aggregator",
            Cause::TooManyLinks => "enough links in use",
            Cause::LoopedBack => "link leads back to this lagg",
            Cause::WaitOver => "aggregate wait over",
            Cause::PartnerInSync => "partner in sync",
            Cause::PartnerOutOfSync => "partner out of sync",
            Cause::PartnerCollecting => "partner collecting",
            Cause::PartnerNotCollecting => "partner not collecting",
            Cause::InSync => "in sync",
            Cause::NotInSync => "out of sync for too long",
        })
    }
}
