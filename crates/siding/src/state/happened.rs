//! Events of the stack, in the words of the control protocol.

use siding_netisr::IfId;
use siding_stack::Event;
use siding_stack::nd6::host::HostEvent;

use super::events;
use crate::control::EventKind;
use crate::control::EventRow;

/// What it is about; `None` for what subscribers see by comparing: states of addresses and routes.
pub(crate) fn kind(event: &Event) -> Option<EventKind> {
    Some(match event {
        Event::Neighbor { .. } => EventKind::Neighbor,
        Event::AddressPreferred { .. } | Event::AddressDuplicate { .. } => return None,
        Event::IpStopped { .. } | Event::AddressConflict { .. } => EventKind::Address,
        Event::RouterDiffers { .. } => EventKind::Router,
        Event::Host { what, .. } => match what {
            HostEvent::RouteAdded(..)
            | HostEvent::RouteRemoved(..)
            | HostEvent::AddressMade(..)
            | HostEvent::AddressDeprecated(_)
            | HostEvent::AddressPreferred(_)
            | HostEvent::AddressRemoved(..) => return None,
            HostEvent::AddressGivenUp(_) => EventKind::Address,
            HostEvent::LimitReached(..) => EventKind::Limit,
            HostEvent::RouterAdded(_)
            | HostEvent::RouterRemoved(..)
            | HostEvent::RouterChosen { .. }
            | HostEvent::PrefixAdded(_)
            | HostEvent::PrefixRemoved(..)
            | HostEvent::Redirected { .. }
            | HostEvent::HopLimitTooLow(..) => EventKind::Router,
        },
        Event::Lagg { .. } | Event::LacpPort { .. } | Event::LacpAggregator { .. } => EventKind::Lagg,
        Event::Bridge { .. } => EventKind::Bridge,
        Event::FilterLog { .. } => EventKind::Filter,
        Event::PathMtu { .. } => EventKind::Path,
        Event::RouteAmiss { .. } => EventKind::Limit,
        Event::TxStalled { .. }
        | Event::TxMoves { .. }
        | Event::FilterSet { .. }
        | Event::DeviceError { .. } => EventKind::Device,
    })
}

/// The whole of it; `name` knows interfaces.
pub(crate) fn row(kind: EventKind, event: &Event, name: impl Fn(IfId) -> String) -> EventRow {
    let port = |port: &Option<IfId>| port.map(&name);
    let plain = events::row(kind, event.to_string());
    let (subject, from, to) = match event {
        Event::Neighbor { addr, from, to, .. } => {
            (Some(addr.to_string()), from.map(|state| state.to_string()), to.map(|state| state.to_string()))
        }
        Event::AddressPreferred { addr, .. }
        | Event::AddressDuplicate { addr, .. }
        | Event::AddressConflict { addr, .. } => (Some(addr.to_string()), None, None),
        Event::IpStopped { addr, .. } => (Some(addr.to_string()), None, None),
        Event::RouterDiffers { router, .. } => (Some(router.to_string()), None, None),
        Event::Lagg { port: about, from, to, cause, interface } => {
            let (about, from, to) = (port(about), port(from), port(to));
            let none = || "none".to_owned();
            let before = about.as_ref().map(|about| format!("{about}: ")).unwrap_or_default();
            let text = format!(
                "lagg: {before}{cause}; port in use: {} -> {}",
                from.clone().unwrap_or_else(none),
                to.clone().unwrap_or_else(none)
            );
            return EventRow { interface: Some(name(*interface)), subject: about, from, to, text, ..plain };
        }
        Event::Bridge { port, cause, interface } => {
            let port = name(*port);
            let text = format!("bridge: {cause}: {port}");
            return EventRow { interface: Some(name(*interface)), subject: Some(port), text, ..plain };
        }
        Event::LacpPort { port, change, cause, interface } => {
            let port = name(*port);
            let text = format!("lacp: port {port}: {change}: {cause}");
            return EventRow { interface: Some(name(*interface)), subject: Some(port), text, ..plain };
        }
        Event::PathMtu { addr, from, to } => {
            (Some(addr.to_string()), Some(from.to_string()), Some(to.to_string()))
        }
        Event::Host { .. }
        | Event::LacpAggregator { .. }
        | Event::FilterLog { .. }
        | Event::TxStalled { .. }
        | Event::TxMoves { .. }
        | Event::RouteAmiss { .. }
        | Event::FilterSet { .. }
        | Event::DeviceError { .. } => (None, None, None),
    };
    EventRow { interface: on(event).map(name), subject, from, to, ..plain }
}

/// On which interface it was.
fn on(event: &Event) -> Option<IfId> {
    match event {
        Event::Neighbor { interface, .. }
        | Event::AddressPreferred { interface, .. }
        | Event::AddressDuplicate { interface, .. }
        | Event::IpStopped { interface, .. }
        | Event::AddressConflict { interface, .. }
        | Event::RouterDiffers { interface, .. }
        | Event::Host { interface, .. }
        | Event::Lagg { interface, .. }
        | Event::Bridge { interface, .. }
        | Event::LacpPort { interface, .. }
        | Event::LacpAggregator { interface, .. }
        | Event::TxStalled { interface, .. }
        | Event::TxMoves { interface, .. }
        | Event::RouteAmiss { interface, .. }
        | Event::FilterSet { interface }
        | Event::DeviceError { interface, .. } => Some(*interface),
        Event::FilterLog { .. } | Event::PathMtu { .. } => None,
    }
}
