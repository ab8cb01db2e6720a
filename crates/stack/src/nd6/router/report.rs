//! Interfaces that advertise, for tables.

use siding_lockorder::Ctx;
use siding_lockorder::Unlocked;

use super::AdvertiserReport;
use super::Advertisers;
use crate::Stack;

impl Stack {
    /// Every interface that advertises, or still takes its leave.
    pub fn advertisers(&self, ctx: &mut Ctx<'_, Unlocked>) -> Vec<AdvertiserReport> {
        let now = self.now();
        let (mut control, _ctx) = ctx.lock(&self.shared.control);
        let mut reports: Vec<AdvertiserReport> = control
            .rooms
            .of::<Advertisers>()
            .iter()
            .map(|(id, advertiser)| advertiser.report(*id, now))
            .collect();
        reports.sort_by_key(|report| report.interface);
        reports
    }
}
