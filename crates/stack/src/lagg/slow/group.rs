//! A lagg's group of machines, kept as the lagg is configured.

use siding_lockorder::Ctx;
use siding_netisr::IfId;
use siding_netisr::Instant;
use siding_wire::lacp::Lacpdu;

use super::Outbox;
use crate::config::Config;
use crate::event::Event;
use crate::ifnet::Use;
use crate::lagg::due::Timed;
use crate::lagg::lacp;
use crate::lagg::lacp::PortConfig;
use crate::lagg::lacp::PortNumber;
use crate::lagg::lacp::Refused;
use crate::ports::lagg::Joined;
use crate::ports::lagg::Member;
use crate::ports::lagg::joined::number;
use crate::ports::lagg::joined::slot;
use crate::ranks;
use crate::stack::Shared;

impl Joined {
    /// Makes the group as the lagg is: its ports, their links, what is configured. Nothing happens to what is so
    /// already, and the partners of other ports see nothing.
    pub(crate) fn follow(&mut self, now: Instant, config: &Config, ports: &[Member], out: &mut Outbox<'_>) {
        let there: Vec<_> = self.group.ports().iter().map(lacp::Port::number).collect();
        for gone in there {
            if !ports.iter().any(|member| number(member.id) == Some(gone)) {
                self.say_farewell(gone, out);
                // It is there: the list is the group's own.
                let _ = self.group.remove(now, gone, sender(out));
            }
        }
        //= IEEE 802.1AX s6.3.2 [LACP-12]: the identity is taken once; ports come and go, the lagg's address
        //= changes, and it stays
        if self.mac.is_none() {
            self.mac =
                ports.first().and_then(|first| config.interface(first.id)).map(|first| first.permanent_mac);
        }
        let wanted = self.config(self.group.config().system.mac);
        if wanted != *self.group.config() {
            self.group.configure(now, wanted, sender(out));
        }
        let lagg_up = config.interface(out.lagg()).is_some_and(|lagg| lagg.is_fit(Use::Passage));
        for member in ports {
            let Some(number) = number(member.id) else { continue };
            let up = lagg_up && config.interface(member.id).is_some_and(|port| port.is_fit(Use::Frames));
            if member.silent {
                self.say_farewell(number, out);
            }
            let up = up && !member.silent;
            self.follow_port(now, member, up, out);
        }
    }

    /// Tells a port's partner that it aggregates no longer, if there is anybody to tell.
    fn say_farewell(&self, port: PortNumber, out: &mut Outbox<'_>) {
        if let Some(pdu) = self.group.port(port).and_then(lacp::Port::farewell) {
            // Without room or buffer the partner finds out by our silence.
            let _ = out.put_last(port, &pdu.to_bytes());
        }
    }

    /// The timer queue is to come by at the machines' deadline.
    pub(crate) fn arm(&mut self, ctx: &mut Ctx<'_, ranks::Lagg>, shared: &Shared, lagg: IfId) {
        shared.timers.set(ctx, &mut self.alarm, self.group.deadline(), || Timed(lagg));
    }

    /// What happened since it was asked last.
    pub(crate) fn take_events(&mut self, config: &Config, lagg: IfId) -> Vec<Event> {
        let of = |port| config.in_slot(slot(port)).map_or(IfId::NONE, |port| port.ifnet.id);
        let (events, _) = self.group.take_events();
        let told = events.into_iter().map(|event| match event {
            lacp::Event::Port { port, change, cause } => {
                Event::LacpPort { interface: lagg, port: of(port), change, cause }
            }
            lacp::Event::Aggregator { old, new } => {
                Event::LacpAggregator { interface: lagg, from: old, to: new }
            }
        });
        told.collect()
    }

    fn follow_port(&mut self, now: Instant, member: &Member, up: bool, out: &mut Outbox<'_>) {
        let Some(number) = number(member.id) else { return };
        let wanted = PortConfig {
            priority: member.priority,
            activity: self.spec.activity,
            rate: self.spec.rate,
            ..PortConfig::new(number, self.wanted_key())
        };
        // Each of these fails for a port that is not there alone, or is there already.
        let Some(port) = self.group.port(number) else {
            let _ = self.group.add(now, wanted, up, sender(out));
            return;
        };
        let (enabled, retiring, config) = (port.is_enabled(), port.is_retiring(), *port.config());
        if config != wanted {
            let _ = self.group.configure_port(now, wanted, sender(out));
        }
        if enabled != up {
            let _ = self.group.set_enabled(now, number, up, sender(out));
        }
        if member.leaving && !retiring {
            let _ = self.group.retire(now, number, sender(out));
        }
    }
}

/// What the machines send by.
pub(super) fn sender<'a>(
    out: &'a mut Outbox<'_>,
) -> impl FnMut(PortNumber, Lacpdu) -> Result<(), Refused> + 'a {
    |port, pdu| out.put(port, &pdu.to_bytes())
}
