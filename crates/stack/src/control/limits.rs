//! Every bound of the stack, with its use.

use siding_lockorder::Ctx;
use siding_lockorder::Unlocked;
use siding_mbuf::Pool;
use siding_netisr::Cause;

use crate::Stack;
use crate::limits::LimitReport;

impl Stack {
    /// Every bound: of the whole stack first, then interface by interface.
    pub fn limits(&self, ctx: &mut Ctx<'_, Unlocked>) -> Vec<LimitReport> {
        let config = self.config();
        let protocols = self.shared.protocols;
        let mut reports = self.own_limits(config.interfaces().count());
        reports.extend(protocols.iter().flat_map(|protocol| protocol.limits(self, ctx)));
        reports.extend(self.queue_limits());
        for on in config.interfaces() {
            let limits = protocols.iter().flat_map(|protocol| protocol.limits_on(self, ctx, on));
            reports.extend(limits.map(|report| report.on(on.ifnet.id)));
        }
        reports
    }

    /// Those that are no protocol's.
    fn own_limits(&self, interfaces: usize) -> Vec<LimitReport> {
        let shared = &self.shared;
        let buffers = |name, pool: &Pool| LimitReport {
            refused: pool.refused(),
            ..LimitReport::new(name, pool.capacity(), pool.live())
        };
        let mut reports = vec![
            LimitReport::new("interfaces", shared.interfaces, interfaces),
            buffers("packet-buffers", &shared.pool),
        ];
        reports.extend(shared.large.iter().map(|large| buffers("large-buffers", large)));
        reports.extend(self.route_limits());
        reports
    }

    /// Those of the tables of routes, by family. What one destination has is that of the routing instance where it is the most;
    /// refused is what all have.
    fn route_limits(&self) -> Vec<LimitReport> {
        let config = self.config();
        let mut reports: Vec<LimitReport> = Vec::new();
        for (_, vrf) in config.vrfs.iter() {
            let of = |family: &str, limits: [LimitReport; 3]| {
                limits.map(|limit| LimitReport { name: format!("{}-{family}", limit.name), ..limit })
            };
            let (six, four) = (vrf.routes.rib6().limits(), vrf.routes.rib4().limits());
            for limit in of("ipv6", six).into_iter().chain(of("ipv4", four)) {
                match reports.iter_mut().find(|there| there.name == limit.name) {
                    Some(there) => {
                        there.used = there.used.max(limit.used);
                        there.highest = there.highest.max(limit.highest);
                        there.refused += limit.refused;
                    }
                    None => reports.push(limit),
                }
            }
        }
        reports
    }

    fn queue_limits(&self) -> Vec<LimitReport> {
        let report = |kind: siding_netisr::TypeReport| {
            // A lane each: the bound is each worker's, and so is the highest use.
            let fullest = kind.workers.iter().map(|lane| lane.resident).max().unwrap_or(0);
            let total = kind.total();
            LimitReport {
                highest: Some(total.high_water),
                refused: total.refused.of(Cause::Full) + total.refused.of(Cause::Share),
                ..LimitReport::new(format!("queue {}", kind.name), kind.limit as usize, fullest as usize)
            }
        };
        self.netisr_types().into_iter().map(report).collect()
    }
}
