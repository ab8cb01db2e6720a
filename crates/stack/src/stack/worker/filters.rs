//! What a worker has its devices let in.

use siding_netisr::Instant;

use super::Local;
use super::Port;
use crate::event::Event;

impl Local {
    /// Has each device let in what the configuration needs, before anything is sent or received by it.
    pub(super) fn set_filters(&mut self) {
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
}
