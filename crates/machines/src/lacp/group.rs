//! The ports of one lagg, stepped together.

use core::fmt;

use siding_netisr::Instant;
use siding_wire::lacp::Lacpdu;
use siding_wire::lacp::Marker;

use super::Cause;
use super::Event;
use super::GroupConfig;
use super::Ignored;
use super::LagId;
use super::Port;
use super::PortConfig;
use super::PortNumber;
use super::Refused;
use super::event::Log;
use super::selection;

/// What cannot be done with a port.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PortError {
    /// The group has a port with this number.
    NumberTaken,
    /// The group has no port with this number.
    NoSuchPort,
}

impl fmt::Display for PortError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            PortError::NumberTaken => "the port number is taken",
            PortError::NoSuchPort => "no such port",
        })
    }
}

impl core::error::Error for PortError {}

/// LACP for one lagg. What happens to one port touches the others only as far as selection says.
#[derive(Debug, Clone)]
pub struct Group {
    config: GroupConfig,
    /// Ascending by number.
    ports: Vec<Port>,
    in_use: Option<LagId>,
    generation: u64,
    log: Log,
}

impl Group {
    /// A group without ports.
    pub fn new(config: GroupConfig) -> Group {
        Group { config, ports: Vec::new(), in_use: None, generation: 0, log: Log::default() }
    }

    /// Another configuration. Only a new [`GroupConfig::system`] makes the ports start again.
    pub fn configure(
        &mut self,
        now: Instant,
        config: GroupConfig,
        mut send: impl FnMut(PortNumber, Lacpdu) -> Result<(), Refused>,
    ) {
        //= IEEE 802.1AX s6.3.2 [LACP-12]: while the identity stays, the partner sees nothing
        if config.system != self.config.system {
            for port in &mut self.ports {
                port.configure(now, port.config, config.system, &mut self.log);
            }
        }
        self.config = config;
        self.settle(now, &mut send);
    }

    /// A new port, whose link is up or not.
    ///
    /// # Errors
    /// [`PortError::NumberTaken`].
    pub fn add(
        &mut self,
        now: Instant,
        config: PortConfig,
        up: bool,
        mut send: impl FnMut(PortNumber, Lacpdu) -> Result<(), Refused>,
    ) -> Result<(), PortError> {
        let Err(at) = self.find(config.number) else {
            return Err(PortError::NumberTaken);
        };
        let mut port = Port::new(config, self.config.system);
        port.initialize(now, Cause::Added, &mut self.log);
        port.link(now, up, &mut self.log);
        self.ports.insert(at, port);
        self.generation += 1;
        self.settle(now, &mut send);
        Ok(())
    }

    /// Another configuration for the port of its number.
    ///
    /// # Errors
    /// [`PortError::NoSuchPort`].
    pub fn configure_port(
        &mut self,
        now: Instant,
        config: PortConfig,
        mut send: impl FnMut(PortNumber, Lacpdu) -> Result<(), Refused>,
    ) -> Result<(), PortError> {
        let at = self.find(config.number).map_err(|_| PortError::NoSuchPort)?;
        if self.ports[at].config != config {
            self.ports[at].configure(now, config, self.config.system, &mut self.log);
        }
        self.settle(now, &mut send);
        Ok(())
    }

    /// Begins to take a port out without loss: it sends no more from now on, and stops taking frames when the
    /// partner has stopped sending. [`Port::is_retired`] tells when to [`remove`](Self::remove) it.
    ///
    /// # Errors
    /// [`PortError::NoSuchPort`].
    pub fn retire(
        &mut self,
        now: Instant,
        port: PortNumber,
        mut send: impl FnMut(PortNumber, Lacpdu) -> Result<(), Refused>,
    ) -> Result<(), PortError> {
        let at = self.find(port).map_err(|_| PortError::NoSuchPort)?;
        self.ports[at].retire(now, &self.config);
        self.settle(now, &mut send);
        Ok(())
    }

    /// Takes a port out at once. Others may take its place.
    ///
    /// # Errors
    /// [`PortError::NoSuchPort`].
    pub fn remove(
        &mut self,
        now: Instant,
        port: PortNumber,
        mut send: impl FnMut(PortNumber, Lacpdu) -> Result<(), Refused>,
    ) -> Result<(), PortError> {
        let at = self.find(port).map_err(|_| PortError::NoSuchPort)?;
        self.ports.remove(at);
        self.generation += 1;
        self.settle(now, &mut send);
        Ok(())
    }

    /// A port's link came up or went down. Down puts it out of use at once.
    ///
    /// # Errors
    /// [`PortError::NoSuchPort`].
    pub fn set_enabled(
        &mut self,
        now: Instant,
        port: PortNumber,
        up: bool,
        mut send: impl FnMut(PortNumber, Lacpdu) -> Result<(), Refused>,
    ) -> Result<(), PortError> {
        let at = self.find(port).map_err(|_| PortError::NoSuchPort)?;
        self.ports[at].link(now, up, &mut self.log);
        self.settle(now, &mut send);
        Ok(())
    }

    /// Whether one more LACPDU of a port may be looked at; to be asked before [`on_pdu`](Self::on_pdu) by whoever must
    /// go to some expense for that.
    ///
    /// # Errors
    /// There were too many, or there is no such port.
    pub fn admit(&mut self, now: Instant, port: PortNumber) -> Result<(), Ignored> {
        let at = self.find(port).map_err(|_| Ignored::NoSuchPort)?;
        let admitted = self.ports[at].admit(now);
        if admitted.is_err() {
            self.ports[at].counters.ignored += 1;
        }
        admitted
    }

    /// An LACPDU came in on a port, untagged and to [`siding_wire::lacp::SLOW_MAC`].
    ///
    /// # Errors
    /// Why nothing was done with it, for the drop counter.
    pub fn on_pdu(
        &mut self,
        now: Instant,
        port: PortNumber,
        pdu: &Lacpdu,
        mut send: impl FnMut(PortNumber, Lacpdu) -> Result<(), Refused>,
    ) -> Result<(), Ignored> {
        let at = self.find(port).map_err(|_| Ignored::NoSuchPort)?;
        let heard = self.ports[at].hear(now, pdu, &mut self.log);
        self.count(at, heard.is_ok());
        heard?;
        //= IEEE 802.1AX s6.4.12 [LACP-5]: a partner heard here was not left behind on a port that is down
        for other in &mut self.ports {
            let partner = other.partner;
            if !other.enabled
                && !other.defaulted
                && (partner.system, partner.port) == (pdu.actor.system, pdu.actor.port)
            {
                other.initialize(now, Cause::Moved, &mut self.log);
            }
        }
        self.settle(now, &mut send);
        Ok(())
    }

    /// A Marker PDU came in on a port: what to send back on that port.
    ///
    /// # Errors
    /// Why there is no answer, for the drop counter.
    pub fn on_marker(&mut self, now: Instant, port: PortNumber, marker: &Marker) -> Result<Marker, Ignored> {
        let at = self.find(port).map_err(|_| Ignored::NoSuchPort)?;
        let answer = self.ports[at].answer(now, marker);
        if answer.is_err() {
            self.ports[at].counters.ignored += 1;
        }
        answer
    }

    /// The timer fired. It may come early, late or twice; PDUs that have come in go first.
    pub fn on_timer(
        &mut self,
        now: Instant,
        mut send: impl FnMut(PortNumber, Lacpdu) -> Result<(), Refused>,
    ) {
        for port in &mut self.ports {
            port.receive_timer(now, &mut self.log);
        }
        self.settle(now, &mut send);
    }

    /// The events since they were last taken, oldest first, and how many were lost because nobody took them.
    pub fn take_events(&mut self) -> (Vec<Event>, u64) {
        let log = core::mem::take(&mut self.log);
        (log.events, log.lost)
    }

    /// When [`on_timer`](Self::on_timer) wants to be called; `None` for not at all.
    pub fn deadline(&self) -> Option<Instant> {
        self.ports.iter().filter_map(Port::deadline).min()
    }

    /// Moves whenever a port joins, leaves, or begins or ceases to take or to send frames.
    pub fn generation(&self) -> u64 {
        self.generation
    }

    /// Whether enough ports distribute.
    pub fn carrier(&self) -> bool {
        self.distributing().count() >= self.config.min_links.max(1)
    }

    /// The ports that send frames, ascending.
    pub fn distributing(&self) -> impl Iterator<Item = PortNumber> {
        self.ports.iter().filter(|port| port.is_distributing()).map(Port::number)
    }

    /// The ports that take frames, ascending.
    pub fn collecting(&self) -> impl Iterator<Item = PortNumber> {
        self.ports.iter().filter(|port| port.is_collecting()).map(Port::number)
    }

    /// Every port, ascending by number.
    pub fn ports(&self) -> &[Port] {
        &self.ports
    }

    /// The port of this number.
    pub fn port(&self, number: PortNumber) -> Option<&Port> {
        self.find(number).ok().map(|at| &self.ports[at])
    }

    /// The aggregator that the lagg uses, or used last.
    pub fn in_use(&self) -> Option<LagId> {
        self.in_use
    }

    /// What is configured.
    pub fn config(&self) -> &GroupConfig {
        &self.config
    }

    fn find(&self, port: PortNumber) -> Result<usize, usize> {
        self.ports.binary_search_by_key(&port, Port::number)
    }

    fn count(&mut self, at: usize, taken: bool) {
        let counters = &mut self.ports[at].counters;
        if taken {
            counters.received += 1;
        } else {
            counters.ignored += 1;
        }
    }

    /// Every machine as far as it goes, then what has to be sent.
    fn settle(&mut self, now: Instant, send: &mut impl FnMut(PortNumber, Lacpdu) -> Result<(), Refused>) {
        // All first: one port's wait may hold up the others.
        for port in &mut self.ports {
            port.run_wait(now);
        }
        // Whoever lost its place is detached before selection looks, and whoever got one moves after it.
        let mut changed = true;
        let mut rounds = 0;
        while changed && rounds < MAX_ROUNDS {
            let moved = self.run_mux(now);
            changed = selection::run(&mut self.ports, &self.config, &mut self.in_use, &mut self.log) || moved;
            rounds += 1;
        }
        debug_assert!(!changed, "selection and mux do not agree: {self:?}");
        for port in &mut self.ports {
            port.finish(now, &self.config, &mut self.log, send);
            port.check();
        }
    }

    fn run_mux(&mut self, now: Instant) -> bool {
        let mut any = false;
        for at in 0..self.ports.len() {
            let ready = selection::ready(&self.ports, self.ports[at].lag);
            let moved = self.ports[at].run_mux(now, ready, &self.config, &mut self.log);
            any |= moved.any;
            self.generation += u64::from(moved.usage);
        }
        any
    }
}

/// Being unselected, detached, selected again and waiting takes four; the rest is a fence.
const MAX_ROUNDS: usize = 8;
