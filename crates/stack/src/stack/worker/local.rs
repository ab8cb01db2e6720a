//! What one worker owns, lent to every handler that runs on it.

use std::net::IpAddr;
use std::net::Ipv6Addr;
use std::sync::Arc;

use siding_lockorder::Ctx;
use siding_lockorder::Unlocked;
use siding_mbuf::Cache;
use siding_mbuf::Mbuf;
use siding_netisr::IfId;
use siding_netisr::Instant;
use siding_wire::EtherType;
use siding_wire::Mac;
use siding_wire::ether::Ether;
use siding_wire::ether::HEADER_LEN;

use super::Port;
use super::Timed;
use crate::common::PATIENCE;
use crate::common::Word;
use crate::config::Config;
use crate::drops::DropReason;
use crate::event::Event;
use crate::filter;
use crate::ifnet::Forwarded;
use crate::ifnet::IfCounter;
use crate::ifnet::Interface;
use crate::ifnet::Kind;
use crate::ifnet::Met;
use crate::ifnet::Use;
use crate::ifnet::Version;
use crate::ip6::path_mtu::PathMtus;
use crate::lltable::Direct;
use crate::lltable::Evicted;
use crate::lltable::Lle;
use crate::nd6::nud::Nud;
use crate::nd6::nud::NudState;
use crate::offload;
use crate::reassembly::Held;
use crate::reassembly::Reassembly;
use crate::snapshot::Mine;
use crate::snapshot::Reader;
use crate::stack::Shared;
use crate::trace::Step;
use crate::trace::Tracer;
use siding_machines::chance::Chance;

/// A worker's own state.
pub(crate) struct Local {
    pub(crate) shared: Arc<Shared>,
    pub(crate) index: usize,
    /// The moment of this turn.
    pub(crate) now: Instant,
    /// What had arrived before it every worker has read, as far as this turn knows: what may be decided by silence.
    pub(crate) heard: Instant,
    pub(crate) cache: Cache,
    pub(crate) chance: Chance,
    /// Neighbours found without a lock.
    pub(crate) direct: Direct,
    /// Packets that this worker puts together.
    pub(crate) reassembly: Reassembly<Held>,
    pub(crate) paths: Reader<PathMtus>,
    pub(crate) filter: filter::Keeper,
    /// Who watches packets.
    pub(crate) trace: Tracer,
    pub(crate) timed: Timed,
    config: Reader<Config>,
    /// The configuration whose groups have been reported.
    followed: Mine<Config>,
    /// Devices, by the slot of their interface.
    pub(super) ports: Vec<Option<Port>>,
    events: Vec<Event>,
    /// When a device is to be told again what to let in.
    pub(crate) next_filter: Instant,
    /// Last words that lie in a device's queue.
    words: Vec<(Instant, Word)>,
    /// Interfaces with a first hop that has become reachable or ceased to be, and the one that was found silent.
    first_hops: Vec<(IfId, Option<Ipv6Addr>)>,
    pub(super) forwarded: [Forwarded; 2],
}

impl Local {
    pub(crate) fn new(shared: Arc<Shared>, index: usize, now: Instant) -> Local {
        let mut cache = shared.pool.cache(256);
        cache.set_large(shared.large.clone());
        let mut local = Local {
            cache,
            chance: Chance::new(shared.seed ^ (index as u64 + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15)),
            direct: Direct::new(),
            reassembly: Reassembly::new(shared.fragments),
            paths: shared.paths.reader(),
            filter: filter::Keeper::new(&shared.filter),
            trace: Tracer::new(&shared.trace, index),
            timed: Timed::new(shared.clock.clone()),
            config: shared.config.reader(),
            followed: Mine::default(),
            ports: Vec::new(),
            events: Vec::new(),
            next_filter: Instant::NEVER,
            words: Vec::new(),
            first_hops: Vec::new(),
            forwarded: Default::default(),
            now,
            heard: now,
            index,
            shared,
        };
        // Those of interfaces that were attached before anybody claimed this worker: no change will tell of them.
        local.take_devices();
        local.set_filters();
        local
    }

    /// Last words have been put into a device's queue.
    pub(crate) fn said(&mut self, word: Word) {
        self.words.push((self.now, word));
    }

    /// Takes up a newer configuration, and the devices of interfaces that were attached.
    ///
    /// A turn begins with it, and so does each handler: what was dispatched, or armed as a timer, after a change was
    /// published must not be handled by a configuration of before, which does not know the route or the interface.
    /// It is one load when nothing has changed.
    #[inline]
    pub(crate) fn refresh(&mut self) {
        if self.config.refresh(&self.shared.config) {
            self.take_devices();
            self.set_filters();
        }
        self.filter.refresh(&self.shared.filter, self.index, self.now);
    }

    /// Sends an IP packet in a frame to `mac`.
    pub(crate) fn transmit_ip(
        &mut self,
        ctx: &mut Ctx<'_, Unlocked>,
        out: &Interface,
        mac: Mac,
        packet: Mbuf,
    ) {
        match self.trace.is_on() {
            false => self.transmit_ip_as::<false>(ctx, out, mac, packet),
            true => self.transmit_ip_as::<true>(ctx, out, mac, packet),
        }
    }

    /// The same for who has looked whether somebody watches.
    pub(crate) fn transmit_ip_as<const SEEN: bool>(
        &mut self,
        ctx: &mut Ctx<'_, Unlocked>,
        out: &Interface,
        mac: Mac,
        mut packet: Mbuf,
    ) {
        if !out.is_fit(Use::IpPassage) {
            return self.drop_on(out.ifnet.id, packet, DropReason::InterfaceGone);
        }
        let ethertype = match packet.data().first() {
            Some(first) if first >> 4 == 4 => EtherType::IPV4,
            _ => EtherType::IPV6,
        };
        let header = Ether { dst: mac, src: out.mac, ethertype };
        // As an array, of a length that is known here: as a slice it is a call.
        match packet.prepend(HEADER_LEN).and_then(|place| place.first_chunk_mut()) {
            Some(place) => *place = header.to_bytes(),
            None => match self.unshare(packet) {
                Some(copy) => return self.transmit_ip(ctx, out, mac, copy),
                None => return,
            },
        }
        match &out.kind {
            // The way of most, which there is no need to look up.
            Kind::Device if SEEN => self.transmit_port_seen(ctx, out.ifnet.id, packet),
            Kind::Device => self.transmit_port_unseen(ctx, out.ifnet.id, packet),
            _ => self.transmit(ctx, out.ifnet.id, packet),
        }
    }

    /// Sends a whole frame by an interface, whatever carries it.
    // Nested interfaces are looked up in the snapshot, one below the other: no lock, hence no order among them.
    pub(crate) fn transmit(&mut self, ctx: &mut Ctx<'_, Unlocked>, out: IfId, frame: Mbuf) {
        let interface = self.config.value().interface(out).filter(|interface| interface.is_fit(Use::Passage));
        let Some(interface) = interface else { return self.drop_on(out, frame, DropReason::InterfaceGone) };
        match &interface.kind {
            Kind::Device => self.transmit_port(ctx, out, frame),
            Kind::Vlan(vlan) => {
                let vlan = *vlan;
                if self.trace.is_on() {
                    self.trace.leaves(out, &frame, Step::Over { out });
                }
                (self.shared.over.vlan)(ctx, self, out, vlan, frame);
            }
            Kind::Lagg(_) | Kind::Bridge(_) => self.transmit_over_ports(ctx, out, frame),
        }
    }

    fn transmit_over_ports(&mut self, ctx: &mut Ctx<'_, Unlocked>, out: IfId, frame: Mbuf) {
        if self.trace.is_on() {
            self.trace.leaves(out, &frame, Step::Over { out });
        }
        let config = self.config.value().clone();
        match config.interface(out).map(|interface| &interface.kind) {
            Some(Kind::Lagg(view)) => (self.shared.over.lagg)(ctx, self, out, view, frame),
            Some(Kind::Bridge(view)) => (self.shared.over.bridge)(ctx, self, out, view, frame),
            _ => self.drop_on(out, frame, DropReason::InterfaceGone),
        }
    }

    /// An interface that lies on others receives a frame.
    pub(crate) fn receives(&self, above: &Interface, frame: &mut Mbuf) {
        above.receives(self.index, frame);
        if self.trace.is_on() {
            self.trace.received(above.ifnet.id, frame);
        }
    }

    /// Counts a frame that a nested interface sends.
    pub(crate) fn count_sent(&self, out: IfId, len: usize) {
        if let Some(interface) = self.config.value().interface(out) {
            interface.ifnet.counters.add(self.index, IfCounter::TxPackets, 1);
            interface.ifnet.counters.add(self.index, IfCounter::TxBytes, len as u64);
        }
    }

    fn transmit_port(&mut self, ctx: &mut Ctx<'_, Unlocked>, out: IfId, frame: Mbuf) {
        match self.trace.is_on() {
            false => self.transmit_port_unseen(ctx, out, frame),
            true => self.transmit_port_seen(ctx, out, frame),
        }
    }

    /// The same while somebody watches; apart, so that it costs nobody else anything.
    #[cold]
    #[inline(never)]
    fn transmit_port_seen(&mut self, ctx: &mut Ctx<'_, Unlocked>, out: IfId, frame: Mbuf) {
        self.trace.leaves(out, &frame, Step::Leaves { out });
        if self.trace.watches_fate_of(&frame)
            && let Some(port) = self.ports.get_mut(out.slot()).and_then(Option::as_mut)
        {
            port.watch();
        }
        self.transmit_port_unseen(ctx, out, frame);
    }

    #[inline(always)] // Two places call it, of which one is cold.
    fn transmit_port_unseen(&mut self, ctx: &mut Ctx<'_, Unlocked>, out: IfId, frame: Mbuf) {
        let port = self.ports.get_mut(out.slot()).and_then(Option::as_mut);
        let Some(port) = port.filter(|port| port.ifnet.id == out) else {
            return self.drop_on(out, frame, DropReason::InterfaceGone);
        };
        if let Err(frame) = port.push(ctx, self.now, (&mut self.cache, &mut self.timed), frame) {
            port.ifnet.counters.add(self.index, IfCounter::TxDropped, 1);
            self.drop_on(out, frame, DropReason::TxFull);
        }
    }

    /// A packet has been heard, and is needed no more.
    #[inline(never)]
    pub(crate) fn done(&mut self, packet: Mbuf) {
        self.trace.note(&packet, || Step::Done);
        self.cache.free(packet);
    }

    /// Drops a packet and counts why, on the account of the interface that it came in by.
    pub(crate) fn drop_packet(&mut self, packet: Mbuf, cause: DropReason) {
        self.drop_on(packet.rcvif(), packet, cause);
    }

    /// Drops a packet on an interface's account: that of the one that it was to leave by, if that is where it failed.
    pub(crate) fn drop_on(&mut self, on: IfId, packet: Mbuf, cause: DropReason) {
        self.count(on, cause);
        if let Some(met) = Met::of_output(cause)
            && let Some(out) = self.config.value().interface(on)
        {
            // What waits for its neighbour has no other header in front yet.
            out.ifnet.mib.add(self.index, Version::of(packet.data()), met, 1);
        }
        if self.trace.is_on() {
            self.trace.dropped(on, &packet, cause);
        }
        self.cache.free(packet);
    }

    /// Counts a drop on an interface's account.
    pub(crate) fn count(&self, on: IfId, cause: DropReason) {
        let drops = match self.config.value().interface(on) {
            Some(interface) => &interface.ifnet.drops,
            None => self.shared.drops.none(),
        };
        drops.add(self.index, cause, 1);
    }

    /// Keeps an event until the end of the turn: an observer is never called with a lock held.
    pub(crate) fn tell(&mut self, event: Event) {
        self.events.push(event);
    }

    pub(crate) fn note_neighbor(&mut self, lle: &Lle, from: Option<NudState>, to: Option<&Nud>) {
        let (to, lladdr) = (to.map(Nud::state), to.and_then(Nud::usable));
        self.note_first_hop(lle, from, to);
        self.tell(Event::Neighbor { interface: lle.interface, addr: lle.addr, from, to, lladdr });
    }

    /// Notes that a host has to choose its routers anew. It does so at the end of the turn, with no lock held.
    fn note_first_hop(&mut self, lle: &Lle, from: Option<NudState>, to: Option<NudState>) {
        let IpAddr::V6(addr) = lle.addr else { return };
        let interface = self.config.value().interface(lle.interface);
        let concerns = interface.and_then(|interface| interface.first_hops.concerns(addr, from, to));
        if let Some(failed) = concerns {
            self.first_hops.push((lle.interface, failed.then_some(addr)));
        }
    }

    pub(crate) fn take_first_hops(&mut self) -> Vec<(IfId, Option<Ipv6Addr>)> {
        std::mem::take(&mut self.first_hops)
    }

    /// Idle neighbours that had to make room, or that nobody has used for long.
    pub(crate) fn note_evicted(&mut self, evicted: impl IntoIterator<Item = Evicted>) {
        for (lle, state) in evicted {
            self.note_neighbor(&lle, Some(state), None);
        }
    }

    /// Whether there is something to be told at the end of the turn.
    #[inline]
    pub(crate) fn has_events(&self) -> bool {
        !self.events.is_empty()
    }

    pub(crate) fn take_events(&mut self) -> Vec<Event> {
        std::mem::take(&mut self.events)
    }

    pub(crate) fn config(&self) -> &Mine<Config> {
        self.config.value()
    }

    /// A number that is another for each configuration.
    #[inline]
    pub(crate) fn version(&self) -> u64 {
        self.config.generation()
    }

    /// The configuration, and the one of the last call, if they differ.
    pub(crate) fn newer_config(&mut self) -> Option<(Mine<Config>, Mine<Config>)> {
        if self.config.value().is(&self.followed) {
            return None;
        }
        let now = self.config.value().clone();
        Some((std::mem::replace(&mut self.followed, now.clone()), now))
    }

    pub(crate) fn ports(&self) -> impl Iterator<Item = &Port> {
        self.ports.iter().flatten()
    }

    /// Takes frames off the wire of the port in `slot`.
    #[inline(always)] // Two places call it, of which one is cold: as a call it costs each turn 50 instructions.
    pub(crate) fn receive(
        &mut self,
        slot: usize,
        into: &mut Vec<Mbuf>,
        max: usize,
    ) -> std::io::Result<usize> {
        match self.ports.get_mut(slot).and_then(Option::as_mut) {
            Some(port) => port.receive(self.now, &mut self.cache, into, max),
            None => Ok(0),
        }
    }

    /// Says up to when this worker has read. Whether something may wait yet.
    pub(crate) fn note_read(&self) -> bool {
        let (mut until, mut behind) = (self.now, false);
        for port in self.ports() {
            until = until.min(port.reading().until());
            behind |= port.reading().is_behind();
        }
        self.shared.heard.note(self.index, until);
        behind
    }

    pub(crate) fn slots(&self) -> usize {
        self.ports.len()
    }

    pub(crate) fn port(&self, slot: usize) -> Option<&Port> {
        self.ports.get(slot)?.as_ref()
    }

    /// An empty packet with room for `len` bytes, a large one if need be.
    pub(crate) fn alloc(&mut self, len: usize) -> Option<Mbuf> {
        self.cache.alloc_for(len)
    }

    /// A packet that is read here, and does not pass on, with its checksum completed. `None` if there is no buffer for that;
    /// it is dropped then.
    #[inline]
    pub(crate) fn finish(&mut self, packet: Mbuf) -> Option<Mbuf> {
        if packet.is_unfinished() { self.finish_it(packet) } else { Some(packet) }
    }

    #[cold]
    fn finish_it(&mut self, mut packet: Mbuf) -> Option<Mbuf> {
        if packet.is_shared() {
            packet = self.unshare(packet)?;
        }
        offload::complete(&mut packet);
        Some(packet)
    }

    /// A copy that is ours alone, with fresh headroom.
    pub(crate) fn unshare(&mut self, packet: Mbuf) -> Option<Mbuf> {
        let copy = packet.copy(&mut self.cache);
        if copy.is_none() {
            self.drop_packet(packet, DropReason::NoBuffer);
            return None;
        }
        self.cache.free(packet);
        copy
    }

    /// Has each device let in what the configuration needs, before anything is sent or received by it.
    fn set_filters(&mut self) {
        let config = self.config().clone();
        for port in self.ports.iter_mut().flatten() {
            let id = port.ifnet.id;
            if let Some(filter) = config.filter(id)
                && let Err(error) = port.set_filter(self.now, filter)
            {
                self.events.push(Event::DeviceError { interface: id, error: error.to_string() });
            }
        }
        self.note_filters();
    }

    /// Tries again what devices would not let in, if it is time.
    #[inline(always)] // Two places call it, of which one is cold.
    pub(crate) fn retry_filters(&mut self) {
        if self.next_filter > self.now {
            return;
        }
        for port in self.ports.iter_mut().flatten() {
            let (interface, due) = (port.ifnet.id, port.next_filter() <= self.now);
            match port.retry_filter(self.now) {
                Ok(()) if due => self.events.push(Event::FilterSet { interface }),
                Ok(()) => {}
                Err(error) => {
                    self.events.push(Event::DeviceError { interface, error: error.to_string() });
                }
            }
        }
        self.note_filters();
    }

    fn note_filters(&mut self) {
        self.next_filter = self.ports().map(Port::next_filter).min().unwrap_or(Instant::NEVER);
    }

    /// Sends what is queued. When to try again what the wire did not take, `None` if it took everything; and how many frames it
    /// took.
    #[inline(always)] // Two places call it, of which one is cold.
    pub(crate) fn flush(&mut self, ctx: &mut Ctx<'_, Unlocked>) -> (Option<Instant>, usize) {
        let (now, worker, mut again, mut taken) = (self.now, self.index, None, 0);
        for port in self.ports.iter_mut().flatten().filter(|port| !port.is_idle()) {
            // What the wire does not take is looked at again in the next turn: it is counted when it goes.
            taken += port.flush(ctx, now, &mut self.cache);
            if let Some(outcome) = port.take_outcome() {
                port.ifnet.drops.add(worker, DropReason::TxLost, outcome.lost);
                outcome.uncut.into_iter().for_each(|cause| port.ifnet.drops.add(worker, cause, 1));
                self.events.extend(outcome.events);
                for (frame, cause) in outcome.unsent {
                    port.ifnet.drops.add(worker, cause, 1);
                    if self.trace.is_on() {
                        self.trace.dropped(port.ifnet.id, &frame, cause);
                    }
                    self.cache.free(frame);
                }
                if !outcome.taken.is_empty() {
                    self.trace.taken(port.ifnet.id, &outcome.taken);
                }
            }
            again = port.next_try(now).into_iter().chain(again).min();
        }
        // Last words have left when the wires have taken everything.
        if !self.words.is_empty() {
            self.words.retain(|(since, _)| again.is_some() && now.since(*since) < PATIENCE);
        }
        (again, taken)
    }

    fn take_devices(&mut self) {
        for (ifnet, device) in self.shared.take_devices(self.index) {
            let (id, slot) = (ifnet.id, ifnet.id.slot());
            if self.ports.len() <= slot {
                self.ports.resize_with(slot + 1, || None);
            }
            // One that departed before this worker came by has no gate any more: its device goes with it.
            if self.shared.netisr.is_attached(id) {
                let port = device.map(|device| Port::new(ifnet, device, self.index, self.now));
                let before = std::mem::replace(&mut self.ports[slot], port);
                for frame in before.into_iter().flat_map(Port::into_queue) {
                    self.drop_on(id, frame, DropReason::InterfaceGone);
                }
            }
        }
    }
}

impl siding_netisr::Local for Local {
    fn depart(&mut self, stays: &dyn Fn(IfId) -> bool) {
        self.refresh();
        let protocols = self.shared.protocols;
        protocols.iter().for_each(|protocol| protocol.let_go(self, stays));
        for slot in 0..self.ports.len() {
            let gone = self.ports[slot].take_if(|port| !stays(port.ifnet.id));
            for frame in gone.into_iter().flat_map(Port::into_queue) {
                self.drop_packet(frame, DropReason::InterfaceGone);
            }
        }
    }
}
