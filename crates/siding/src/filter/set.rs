//! Sets of the firewall, changed and listed.

use std::sync::PoisonError;

use anyhow::Context;
use anyhow::bail;
use siding_filter::Name;
use siding_filter::SetInfo;

use super::ask::NONE;
use crate::control::Answer;
use crate::control::ElementRow;
use crate::control::SetContentRow;
use crate::control::SetRequest;
use crate::control::SetRow;
use crate::control::WhichSet;
use crate::state::daemon::Daemon;
use crate::state::daemon::Free;

/// So many elements are told at once: an answer has its bounds.
const MOST: usize = 10_000;

impl Daemon {
    pub(crate) fn ask_set(&self, ctx: &mut Free<'_>, request: SetRequest) -> anyhow::Result<Answer> {
        match request {
            SetRequest::Add { which, elements } => self.change_set(ctx, which, elements, true),
            SetRequest::Delete { which, elements } => self.change_set(ctx, which, elements, false),
            SetRequest::Names {} => {
                let program = self.filter.program().context(NONE)?;
                Ok(Answer::Sets(program.sets().into_iter().map(row).collect()))
            }
            SetRequest::List { which, most } => {
                let program = self.filter.program().context(NONE)?;
                let name =
                    program.find_set(which.table.as_deref(), &which.name).map_err(anyhow::Error::msg)?;
                let now = self.stack.now().as_nanos();
                let listed = program.set_list(&name, now).map_err(anyhow::Error::msg)?;
                let element = |element: siding_filter::SetElement| ElementRow {
                    element: element.text,
                    left_ms: element.expires.map(|at| at.saturating_sub(now) / 1_000_000),
                    by_command: element.by_command,
                };
                Ok(Answer::Set(SetContentRow {
                    set: row(listed.info),
                    content: listed.elements.into_iter().take(most.min(MOST)).map(element).collect(),
                    taken_out: listed.taken_out.into_iter().take(MOST).collect(),
                }))
            }
        }
    }

    fn change_set(
        &self,
        ctx: &mut Free<'_>,
        which: WhichSet,
        elements: Vec<String>,
        add: bool,
    ) -> anyhow::Result<Answer> {
        if elements.is_empty() {
            bail!("no element: name one, as 2001:db8::1");
        }
        // A reload goes before or after it.
        let _changes = self.changes.read().unwrap_or_else(PoisonError::into_inner);
        let (count, text) = (elements.len(), elements.join(", "));
        let mut changed = None;
        self.filter.change(&self.stack, ctx, |program, now| {
            let name = program.find_set(which.table.as_deref(), &which.name)?;
            let next = match add {
                true => program.set_add(&name, &text, now),
                false => program.set_delete(&name, &text, now),
            };
            changed = Some(name);
            next
        })?;
        if let Some(name) = changed {
            let what = if add { "put in" } else { "taken out" };
            self.log.command(format_args!("filter: set {name}: {count} element(s) {what}"));
        }
        Ok(Answer::Done)
    }
}

fn row(info: SetInfo) -> SetRow {
    let Name { family, table, name } = info.name;
    SetRow {
        family: family.text().to_owned(),
        table,
        set: name,
        kind: if info.map { "map" } else { "set" }.to_owned(),
        changing: info.changing,
        elements: info.len,
        size: info.size,
    }
}
