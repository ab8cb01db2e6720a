//! The firewall's rules, loaded and shown, and its states.

use std::path::PathBuf;
use std::sync::PoisonError;
use std::thread;
use std::time::Duration;
use std::time::Instant;

use anyhow::Context;
use anyhow::bail;
use siding_judge::FilterConfig;
use siding_judge::Texts;
use siding_stack::filter::StateLimits;
use siding_stack::filter::StateQuery;
use siding_stack::filter::StateReport;
use siding_stack::filter::Timeouts;
use siding_wire::IpProto;

use crate::control::Answer;
use crate::control::CounterRow;
use crate::control::EventKind;
use crate::control::FilterRequest;
use crate::control::FilterRow;
use crate::control::RuleRow;
use crate::control::StateRow;
use crate::control::StatesRow;
use crate::control::StatesWanted;
use crate::filter::setting::Filtered;
use crate::state::daemon::Daemon;
use crate::state::daemon::Free;
use crate::state::events;
use crate::state::setting::Setting;

/// Workers answer within this, or do not.
const LONGEST_WAIT: Duration = Duration::from_secs(5);

/// Between two looks whether they have.
const LOOK: Duration = Duration::from_millis(1);

/// So many states are told at once: an answer has its bounds.
const MOST: usize = 10_000;

impl Daemon {
    pub(crate) fn ask_filter(&self, ctx: &mut Free<'_>, request: FilterRequest) -> anyhow::Result<Answer> {
        Ok(match request {
            FilterRequest::Show {} => Answer::Filter(self.show_filter()?),
            FilterRequest::Load { files } => {
                if files.is_empty() {
                    bail!("no file of rules: name one");
                }
                self.load_rules(ctx, files)?
            }
            FilterRequest::Reload {} => {
                let running = self.filter.config().context(NONE)?;
                self.load_rules(ctx, running.rules)?
            }
            FilterRequest::Test { test } => self.test_packet(&test)?,
            FilterRequest::Set { set } => self.ask_set(ctx, set)?,
            FilterRequest::States { which, flush } => Answer::States(self.ask_states(which, flush)?),
        })
    }

    /// Puts the rules of these files in the place of those that run; all else about the filter stays.
    fn load_rules(&self, ctx: &mut Free<'_>, rules: Vec<PathBuf>) -> anyhow::Result<Answer> {
        let running = self.filter.config().unwrap_or_else(|| FilterConfig {
            rules: Vec::new(),
            texts: Texts::default(),
            built_in: true,
            limits: StateLimits::default(),
            timeouts: Timeouts::default(),
        });
        let wanted =
            FilterConfig { rules, ..running }.read(crate::read::regular).map_err(anyhow::Error::msg)?;
        let wanted = Filtered(wanted);
        // Now that files have been read.
        let _changes = self.changes.read().unwrap_or_else(PoisonError::into_inner);
        wanted.apply(self, ctx)?;
        self.log.command(format_args!("{wanted}"));
        if self.log.events.wants(EventKind::Filter) {
            self.log.events.tell(events::row(EventKind::Filter, wanted.to_string()));
        }
        self.note(wanted);
        Ok(Answer::Done)
    }

    fn show_filter(&self) -> anyhow::Result<FilterRow> {
        let (program, config) = self.filter.program().zip(self.filter.config()).context(NONE)?;
        let now = self.stack.now().as_nanos();
        let rule = |info: &siding_filter::RuleInfo| {
            let count = program.count(info.id);
            RuleRow {
                family: info.family.text().to_owned(),
                table: info.table.clone(),
                chain: info.chain.clone(),
                handle: info.handle,
                rule: info.text.clone(),
                place: info.place.to_string(),
                packets: count.packets,
                bytes: count.bytes,
                last_ms: (count.last_hit > 0).then(|| now.saturating_sub(count.last_hit) / 1_000_000),
            }
        };
        let counter = |(family, table, name, count): (siding_filter::TableFamily, &str, &str, _)| {
            let siding_filter::Count { packets, bytes, .. } = count;
            let (table, counter) = (table.to_owned(), name.to_owned());
            CounterRow { family: family.text().to_owned(), table, counter, packets, bytes }
        };
        Ok(FilterRow {
            files: config.rules,
            rules: program.rules().iter().map(rule).collect(),
            counters: program.named_counters().into_iter().map(counter).collect(),
        })
    }

    fn ask_states(&self, which: StatesWanted, flush: bool) -> anyhow::Result<StatesRow> {
        let StatesWanted { address, port, protocol, phase, most } = which;
        let asked = self.stack.ask_states(StateQuery {
            addr: address,
            port,
            proto: protocol.map(IpProto),
            flow: None,
            phase,
            flush,
            most: most.min(MOST),
        });
        let end = Instant::now() + LONGEST_WAIT;
        loop {
            if let Some((states, all)) = asked.take() {
                return Ok(StatesRow { states: states.into_iter().map(row).collect(), all });
            }
            if Instant::now() > end {
                bail!("a worker has not answered within {} s: ask again", LONGEST_WAIT.as_secs());
            }
            thread::sleep(LOOK);
        }
    }
}

pub(crate) const NONE: &str =
    "nothing is filtered: `siding filter load FILE` loads rules, or `[filter]` in the configuration";

fn row(state: StateReport) -> StateRow {
    let millis = |time: Duration| u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
    StateRow {
        protocol: state.proto.0,
        source: state.src,
        destination: state.dst,
        source_port: state.src_port,
        destination_port: state.dst_port,
        phase: state.phase.to_owned(),
        answered: state.answered,
        mark: state.mark,
        packets: state.traffic.map(|(packets, _)| packets),
        bytes: state.traffic.map(|(_, bytes)| bytes),
        silent_ms: millis(state.silent),
        left_ms: millis(state.left),
        worker: state.worker,
    }
}
