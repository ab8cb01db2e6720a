//! What the facility tells of itself.

use alloc::boxed::Box;
use alloc::string::String;
use alloc::string::ToString;
use alloc::vec::Vec;

use super::Netisr;
use crate::IfId;
use crate::Local;
use crate::Packet;
use crate::report::Imbalance;
use crate::report::InterfaceReport;
use crate::report::TypeReport;
use crate::report::WorkerReport;

impl<P: Packet, W: Local> Netisr<P, W> {
    /// Every type that is registered, in order of registration. Of one that is gone its [handle](crate::PacketType::report) tells.
    pub fn types(&self) -> Vec<TypeReport> {
        let report = |kind: &alloc::sync::Arc<dyn crate::any_type::AnyType<P, W>>| TypeReport {
            name: kind.name().to_string(),
            limit: kind.limit(),
            workers: (0..self.workers()).map(|worker| kind.report(worker)).collect(),
        };
        self.inner.types().iter().map(report).collect()
    }

    /// Every worker.
    pub fn worker_reports(&self) -> Vec<WorkerReport> {
        let workers = self.inner.core.workers.iter().map(|padded| &padded.0);
        workers
            .map(|worker| WorkerReport {
                polls: worker.polls.value(),
                sleeps: worker.sleeps.value(),
                wakeups: worker.wakeups.value(),
                panicked: worker.panicked.value(),
                sleeping: worker.pending.0.is_sleeping(),
                claimed: worker.claimed.load(crate::sync::atomic::Ordering::Relaxed),
                ended: false,
            })
            .enumerate()
            .map(|(index, report)| WorkerReport { ended: self.end_of_worker(index).is_some(), ..report })
            .collect()
    }

    /// By what panic the [thread](crate::threads) of a worker has ended, if it has, and nobody runs the worker since.
    pub fn end_of_worker(&self, worker: usize) -> Option<String> {
        (worker < self.workers()).then(|| self.inner.core.end_of(worker)).flatten()
    }

    /// What became of an interface's packets. Of one that has gone, too, until another one has its slot; zeros from then on, and for one
    /// that there never was.
    pub fn interface(&self, id: IfId) -> InterfaceReport {
        let mut report = InterfaceReport::default();
        if !self.inner.core.gates.is_current(id) {
            return report;
        }
        for fates in self.inner.core.workers.iter().filter_map(|worker| worker.0.interfaces.of(id)) {
            report.handled += fates.handled.value();
            report.departed += fates.departed.value();
            report.flushed += fates.flushed.value();
            report.dropped_oldest += fates.dropped_oldest.value();
            report.refused.add(&fates.refusals());
        }
        report
    }

    /// Checks the conservation identity of every type at every worker. To be called when nothing is under
    /// way.
    ///
    /// # Errors
    ///
    /// The first lane whose counters do not add up.
    pub fn check_conservation(&self) -> Result<(), Box<Imbalance>> {
        for kind in self.types() {
            if let Some(worker) = kind.workers.iter().position(|lane| !lane.is_conserved()) {
                let lane = kind.workers[worker].clone();
                return Err(Box::new(Imbalance { name: kind.name, worker, lane }));
            }
        }
        Ok(())
    }
}

#[cfg(all(test, not(any(siding_loom, siding_shuttle))))]
mod tests {
    use crate::Netisr;
    use crate::Packet;
    use crate::TypeSpec;

    struct Nothing;

    impl Packet for Nothing {
        fn interfaces(&self, _visit: &mut impl FnMut(crate::IfId)) {}
    }

    #[test]
    fn a_packet_with_two_fates_is_told_of() {
        let netisr = Netisr::<Nothing>::builder().workers(2).build().expect("sizes in range");
        let register = |name| netisr.register(TypeSpec::new(name), |_ctx, _: &mut (), _, ()| {});
        let kinds = ["one", "two"].map(|name| register(name).expect("a name of its own"));
        assert_eq!(netisr.check_conservation(), Ok(()));
        kinds[1].shared.lanes[1].fates.handled.add(1);
        let imbalance = netisr.check_conservation().expect_err("nothing was accepted");
        assert_eq!((imbalance.name.as_str(), imbalance.worker, imbalance.lane.handled), ("two", 1, 1));
    }
}
