//! What earlier runs have left changed in the kernel, and how captures fare.

use siding_drivers::PcapLoss;
use siding_drivers::kernel::Records;

use crate::state::daemon::Daemon;
use crate::state::lock::lock;

impl Daemon {
    /// Puts back what runs that were killed have left changed in the kernel, on interfaces that we do not use.
    pub(crate) fn restore_leftovers(&self) {
        for left in self.opener.records.iter().flat_map(Records::restore_leftovers) {
            let interface = left.interface;
            match left.result {
                Ok(()) => tracing::info!("{interface}: as it was before an earlier run that was killed"),
                Err(error) => {
                    tracing::warn!("{interface}: what an earlier run has changed stays changed: {error}")
                }
            }
        }
    }

    /// How captures fare: that of all interfaces, and those of single ones by name.
    pub(crate) fn captures(&self) -> Vec<(Option<String>, PcapLoss)> {
        let all = self.opener.pcap.iter().map(|file| (None, file.loss()));
        let ports = lock(&self.ports);
        let own =
            ports.iter().filter_map(|(name, port)| Some((Some(name.clone()), port.pcap.as_ref()?.loss())));
        all.chain(own).collect()
    }
}
