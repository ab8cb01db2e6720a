//! A lagg's group of machines, kept as the lagg is configured.

use siding_lockorder::Ctx;
use siding_netisr::IfId;
use siding_netisr::Instant;
use siding_wire::Mac;
use siding_wire::lacp::LacpSystem;
use siding_wire::lacp::Lacpdu;

use super::LacpPortReport;
use super::LacpReport;
use super::LacpSpec;
use super::Outbox;
use crate::alarm::Alarm;
use crate::config::Config;
use crate::event::Event;
use crate::ifnet::Use;
use crate::lagg::LaggSpec;
use crate::lagg::due::Timed;
use crate::lagg::lacp;
use crate::lagg::lacp::Group;
use crate::lagg::lacp::GroupConfig;
use crate::lagg::lacp::Ignored;
use crate::lagg::lacp::PortConfig;
use crate::lagg::lacp::PortNumber;
use crate::lagg::lacp::Refused;
use crate::lagg::state::Member;
use crate::ranks;
use crate::stack::Shared;

/// The machines of one lagg, and what joins them to it.
#[derive(Debug)]
pub(crate) struct Joined {
    pub(super) group: Group,
    pub(crate) spec: LacpSpec,
    key: u16,
    /// Our identity's address, once it has one that stays.
    mac: Option<Mac>,
    /// The generation that the lagg's view was made of.
    shown: u64,
    pub(super) alarm: Alarm,
}

/// Whether an interface can be a port of an LACP lagg by its number.
pub(crate) fn is_port(id: IfId) -> bool {
    number(id).is_some()
}

/// A port's number: one more than its slot, so that no two ports of this stack have the same.
//= IEEE 802.1AX s6.3.4 [LACP-12]: 1 to 65535, and the port's own whichever lagg it is in
pub(super) fn number(id: IfId) -> Option<PortNumber> {
    u16::try_from(id.slot() + 1).ok().and_then(PortNumber::new)
}

/// The slot of the port of that number.
pub(super) fn slot(number: PortNumber) -> usize {
    usize::from(number.get()) - 1
}

impl Joined {
    /// The machines of a new lagg, whose address is `mac` for now.
    pub(crate) fn new(id: IfId, settings: &LaggSpec, mac: Mac) -> Joined {
        let spec = settings.lacp;
        // Slots are this stack's, so are laggs' keys; the last slot's wraps to 0, which is a key like others.
        let key = (id.slot() as u16).wrapping_add(1);
        let mut joined = Joined {
            group: Group::new(GroupConfig::new(LacpSystem { priority: spec.system_priority, mac })),
            spec,
            key,
            mac: settings.mac,
            shown: 0,
            alarm: Alarm::default(),
        };
        joined.group = Group::new(joined.config(mac));
        joined
    }

    /// Makes the group as the lagg is: its ports, their links, what is configured. Nothing happens to what is so
    /// already, and the partners of other ports see nothing.
    pub(crate) fn follow(
        &mut self,
        now: Instant,
        config: &Config,
        lagg: IfId,
        ports: &[Member],
        out: &mut Outbox<'_>,
    ) {
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
        let lagg_up = config.interface(lagg).is_some_and(|lagg| lagg.up);
        for member in ports {
            let Some(number) = number(member.id) else { continue };
            let up = lagg_up && config.interface(member.id).is_some_and(|port| port.is_fit(Use::Frames));
            if member.silent {
                self.say_farewell(number, out);
            }
            let up = up && !member.silent;
            self.follow_port(now, number, member, up, out);
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

    /// Whether the view is of before the last step; it is made anew when this says so.
    pub(crate) fn has_moved(&mut self) -> bool {
        std::mem::replace(&mut self.shown, self.group.generation()) != self.group.generation()
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

    /// Whether one more PDU of a port may be looked at.
    pub(super) fn admit(&mut self, now: Instant, port: PortNumber) -> Result<(), Ignored> {
        self.group.admit(now, port)
    }

    /// Whether frames that come in on a port belong to the lagg: it cannot go without the partner's knowing.
    pub(crate) fn is_collecting(&self, port: IfId) -> bool {
        self.port(port).is_some_and(lacp::Port::is_collecting)
    }

    /// Whether the port is on its way out and may go.
    pub(crate) fn is_retired(&self, port: IfId) -> bool {
        self.port(port).is_some_and(lacp::Port::is_retired)
    }

    /// Whether the port sends frames, and the lagg has enough that do.
    pub(crate) fn is_sending(&self, port: IfId) -> bool {
        self.group.carrier() && self.port(port).is_some_and(lacp::Port::is_distributing)
    }

    pub(crate) fn report(&self) -> LacpReport {
        LacpReport::of(&self.group, self.spec, self.wanted_key())
    }

    pub(crate) fn report_port(&self, port: IfId) -> Option<LacpPortReport> {
        self.port(port).map(LacpPortReport::of)
    }

    fn follow_port(
        &mut self,
        now: Instant,
        number: PortNumber,
        member: &Member,
        up: bool,
        out: &mut Outbox<'_>,
    ) {
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

    fn config(&self, provisional: Mac) -> GroupConfig {
        let mac = self.spec.system_mac.or(self.mac).unwrap_or(provisional);
        GroupConfig {
            min_links: self.spec.min_links,
            max_links: self.spec.max_links,
            ..GroupConfig::new(LacpSystem { priority: self.spec.system_priority, mac })
        }
    }

    fn wanted_key(&self) -> u16 {
        self.spec.key.unwrap_or(self.key)
    }

    fn port(&self, id: IfId) -> Option<&lacp::Port> {
        self.group.port(number(id)?)
    }
}

/// What the machines send by.
pub(super) fn sender<'a>(
    out: &'a mut Outbox<'_>,
) -> impl FnMut(PortNumber, Lacpdu) -> Result<(), Refused> + 'a {
    |port, pdu| out.put(port, &pdu.to_bytes())
}
