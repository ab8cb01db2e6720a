//! Multicast groups.

use std::net::Ipv6Addr;

use anyhow::anyhow;
use siding_client::Group;

use super::setting::Joined;
use crate::control::Answer;
use crate::control::GroupRequest;
use crate::control::GroupRow;
use crate::state::daemon::Daemon;
use crate::state::daemon::Free;

impl Daemon {
    pub(crate) fn ask_group(&self, ctx: &mut Free<'_>, request: GroupRequest) -> anyhow::Result<Answer> {
        match request {
            GroupRequest::Show {} => return Ok(Answer::Groups(self.show_groups(ctx))),
            GroupRequest::Join(group) => self.put(ctx, Joined(group))?,
            GroupRequest::Leave(group) => {
                let joined = Joined(group);
                let left = self.leave(ctx, &joined.0);
                self.removed(left, |there| there.is(|there| joined == *there))?;
            }
        }
        Ok(Answer::Done)
    }

    /// Joins a group on the interface of this name.
    pub(crate) fn join(&self, ctx: &mut Free<'_>, name: &str, group: Ipv6Addr) -> anyhow::Result<()> {
        let joined = self.stack.join_group(ctx, self.interface(name)?, group);
        joined.map_err(|error| anyhow!("{name}: {error}"))
    }

    fn leave(&self, ctx: &mut Free<'_>, left: &Group) -> anyhow::Result<()> {
        let Group { interface, group } = left;
        let left = self.stack.leave_group(ctx, self.interface(interface)?, *group);
        left.map_err(|error| anyhow!("{interface}: {error}"))
    }

    fn show_groups(&self, ctx: &mut Free<'_>) -> Vec<GroupRow> {
        let now = self.stack.now();
        let row = |report: siding_stack::mld::GroupReport| GroupRow {
            interface: self.name_of(report.interface),
            group: report.group,
            why: report.why.name().to_owned(),
            reported: report.told,
            version1_left_ms: report
                .version1_until
                .map(|until| u64::try_from((until.max(now) - now).as_millis()).unwrap_or(u64::MAX)),
        };
        let mut rows: Vec<GroupRow> = self.stack.groups(ctx).into_iter().map(row).collect();
        rows.sort_by(|a, b| (&a.interface, a.group).cmp(&(&b.interface, b.group)));
        rows
    }
}
