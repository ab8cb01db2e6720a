//! Multicast groups.

use std::collections::HashMap;
use std::net::Ipv6Addr;

use anyhow::anyhow;
use siding_client::Group;

use super::check;
use super::setting::Joined;
use crate::control::Answer;
use crate::control::Code;
use crate::control::Failure;
use crate::control::GroupRequest;
use crate::control::GroupRow;
use crate::protocol::check::Said;
use crate::state::daemon::Daemon;
use crate::state::daemon::Free;
use crate::state::lock::lock;

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

    /// Whether what is joined is no more than a section would allow: else what runs could not be said as a file.
    pub(crate) fn may_allow(&self, section: &Said) -> anyhow::Result<()> {
        let most = match section.of.name {
            "mld" => check::most(std::slice::from_ref(section)),
            _ => return Ok(()),
        };
        let mut joined: HashMap<String, usize> = HashMap::new();
        for Joined(group) in lock(&self.running).iter().filter_map(|there| there.get::<Joined>()) {
            *joined.entry(group.interface.clone()).or_default() += 1;
        }
        match joined.into_iter().find(|(_, many)| *many > most) {
            None => Ok(()),
            Some((on, many)) => Err(Failure::new(
                Code::Invalid,
                format!("[mld] groups: {many} are joined on {on}: leave some first, or allow as many"),
            )
            .into()),
        }
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
