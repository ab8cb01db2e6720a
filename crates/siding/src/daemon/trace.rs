//! Packets and frames that somebody watches: one for each connection, until that ends.

use std::collections::HashMap;
use std::sync::Arc;
use std::thread;
use std::time::Duration;
use std::time::Instant;
use std::time::SystemTime;
use std::time::UNIX_EPOCH;

use anyhow::Context;
use anyhow::anyhow;
use siding_judge::Match;
use siding_netisr::IfId;
use siding_stack::drops::DropReason;
use siding_stack::trace::Record;
use siding_stack::trace::Step;
use siding_stack::trace::Subject;
use siding_stack::trace::Watch;
use siding_stack::trace::WatchSpec;

use crate::control::Answer;
use crate::control::MomentRow;
use crate::control::WatchRequest;
use crate::control::WatchRow;
use crate::state::daemon::Daemon;

/// What one connection watches.
pub(super) struct Watching {
    watch: Watch,
    matching: Arc<Match>,
    /// From the stack's clock to the time since 1970, in nanoseconds.
    epoch: u64,
}

/// Moments that wait to be taken, and bytes of their frames.
const ROOM: usize = 16 * 1024;
const BYTES: usize = 8 << 20;

/// In one answer.
const AT_ONCE: usize = 1024;

/// Lives that begin in a second, if nobody says otherwise.
const PER_SECOND: u32 = 100;

/// Bytes of a frame that are shown, if nobody says otherwise: of a life its headers, of a capture all.
const HEADERS: usize = 128;
const ALL: usize = 1 << 16;

/// The longest wait for something to be seen, and how often is looked.
const LONGEST_WAIT: Duration = Duration::from_secs(1);
const LOOK: Duration = Duration::from_millis(5);

impl Daemon {
    /// Begins to watch, tells what was seen, or ends it.
    pub(super) fn ask_watch(
        &self,
        own: &mut Option<Watching>,
        request: WatchRequest,
    ) -> anyhow::Result<Answer> {
        let begin = |subject, matching: Option<String>, snaplen, per_second| {
            let matching = Arc::new(Match::read(matching.as_deref()).map_err(|why| anyhow!(why))?);
            let wants = matching.clone();
            let spec = WatchSpec { subject, wants, room: ROOM, bytes: BYTES, snaplen, per_second };
            self.names(&matching);
            let since_1970 = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
            let epoch = (since_1970.as_nanos() as u64).saturating_sub(self.stack.now().as_nanos());
            let watch = self.stack.watch(spec).context("end another trace or capture first")?;
            anyhow::Ok(Watching { watch, matching, epoch })
        };
        match request {
            WatchRequest::Trace { matching, per_second, snaplen } => {
                *own = None;
                let per_second = per_second.unwrap_or(PER_SECOND);
                *own = Some(begin(Subject::Lives, matching, snaplen.unwrap_or(HEADERS), per_second)?);
            }
            WatchRequest::Capture { interface, matching, causes, snaplen } => {
                *own = None;
                let on = interface.map(|name| self.interface(&name)).transpose()?;
                let subject = match causes.is_empty() {
                    true => Subject::Frames(on),
                    false => Subject::Drops(on, named(&causes)?),
                };
                *own = Some(begin(subject, matching, snaplen.unwrap_or(ALL), 0)?);
            }
            WatchRequest::Stop {} => *own = None,
            WatchRequest::Take { timeout_ms } => {
                let own = own.as_ref().context("nothing is watched: ask for a trace or a capture first")?;
                return Ok(Answer::Watched(self.take(own, Duration::from_millis(timeout_ms))));
            }
        }
        Ok(Answer::Done)
    }

    fn take(&self, own: &Watching, timeout: Duration) -> WatchRow {
        let deadline = Instant::now() + timeout.min(LONGEST_WAIT);
        loop {
            let (records, missed) = own.watch.take(AT_ONCE);
            let left = deadline.saturating_duration_since(Instant::now());
            if records.is_empty() && !left.is_zero() {
                thread::sleep(left.min(LOOK));
                continue;
            }
            let names = self.names(&own.matching);
            return WatchRow {
                moments: records.iter().map(|record| moment(record, own.epoch, &names)).collect(),
                now_ns: own.epoch + self.stack.now().as_nanos(),
                packets_left_out: missed.packets,
                records_lost: missed.records,
            };
        }
    }

    /// Interfaces by their identities; told to the match, too.
    fn names(&self, matching: &Match) -> HashMap<IfId, String> {
        let config = self.stack.config();
        let names: HashMap<IfId, String> =
            config.interfaces().map(|there| (there.ifnet.id, there.ifnet.name.to_string())).collect();
        matching.name(names.iter().map(|(id, name)| (*id, name.as_str())));
        names
    }
}

/// Causes by their names.
fn named(causes: &[String]) -> anyhow::Result<Vec<DropReason>> {
    if causes.iter().any(|cause| cause == "any") {
        return Ok(Vec::new());
    }
    let of = |name: &String| {
        let found = DropReason::all().find(|cause| cause.to_string() == *name);
        found.with_context(|| {
            let all: Vec<String> = DropReason::all().map(|cause| cause.to_string()).collect();
            format!("no cause '{name}': there is any, {}", all.join(", "))
        })
    };
    causes.iter().map(of).collect()
}

fn moment(record: &Record, epoch: u64, names: &HashMap<IfId, String>) -> MomentRow {
    let name = |id: IfId| names.get(&id).map_or("an interface that has gone", |name| name.as_str());
    let (mut about, mut cause, mut by) = (None, None, None);
    let (stage, what) = match &record.step {
        Step::Received { on } => {
            about = Some(*on);
            ("received", format!("by {}", name(*on)))
        }
        Step::Made => ("made", "by this node".into()),
        Step::Stage { name } => (*name, String::new()),
        Step::ForUs { .. } => ("for-us", "its destination is this node's".into()),
        Step::Judged { hook, passed, by: rule } => {
            let verdict = if *passed { "accepted" } else { "refused" };
            by = (!rule.is_empty()).then(|| rule.clone());
            ("filter", format!("{hook}: {verdict}"))
        }
        Step::Way { out, next_hop } => {
            about = Some(*out);
            ("route", format!("by {} to {next_hop}", name(*out)))
        }
        Step::Held { out, neighbor } => {
            about = Some(*out);
            ("held", format!("until {neighbor} on {} is resolved", name(*out)))
        }
        Step::Awaits => ("fragment", "until all others of its packet are there".into()),
        Step::Joined { fragments, .. } => ("joined", format!("one of {fragments} fragments, now one packet")),
        Step::Queued { queue } => ("queued", format!("for {queue}")),
        Step::Handled { queue } => ("handled", format!("from {queue}")),
        Step::Over { out } => {
            about = Some(*out);
            ("over", format!("{}, which lies on others", name(*out)))
        }
        Step::Leaves { out } => {
            about = Some(*out);
            ("transmit", format!("queue of {}", name(*out)))
        }
        Step::Sent { out } => {
            about = Some(*out);
            ("sent", format!("taken by {}", name(*out)))
        }
        Step::Done => ("done", "it was heard, and is needed no more".into()),
        Step::Dropped { on, cause: why } => {
            about = Some(*on).filter(|on| *on != IfId::NONE);
            cause = Some(why.to_string());
            by = asked_by(*why).map(str::to_owned);
            ("dropped", why.to_string())
        }
    };
    let waits =
        matches!(record.step, Step::Held { .. } | Step::Awaits | Step::Queued { .. } | Step::Leaves { .. });
    MomentRow {
        packet: record.packet,
        at_ns: epoch + record.at.as_nanos(),
        worker: record.worker,
        stage: stage.into(),
        what,
        interface: about.map(|id| name(id).to_owned()),
        waits,
        ends: record.step.is_end(),
        cause,
        by,
        out: matches!(record.step, Step::Leaves { .. } | Step::Over { .. }),
        len: record.len,
        frame: hex(&record.frame),
    }
}

/// What asks that such packets be dropped; `None` where nothing but our own bounds does.
fn asked_by(cause: DropReason) -> Option<&'static str> {
    Some(match cause {
        DropReason::HopLimit => "RFC 8200 s3, RFC 1812 s5.3.1",
        DropReason::TooBig => "RFC 4443 s3.2, RFC 1812 s5.2.5",
        DropReason::NoRoute | DropReason::RouteRefuses => "RFC 4443 s3.1",
        DropReason::PointToPoint | DropReason::BeyondScope => "RFC 4443 s3.1",
        DropReason::Unresolved | DropReason::HoldOverflow => "RFC 4861 s7.2.2",
        DropReason::Nd(_) => "RFC 4861 s6.1, s7.1",
        DropReason::Mld(_) => "RFC 3810 s6.2",
        DropReason::Fragment => "RFC 8200 s4.5",
        DropReason::Option => "RFC 8200 s4.2",
        DropReason::Stale => "RFC 6724",
        // What is one protocol's own is a constant, and goes by its name.
        DropReason::Own(own) => match own.name() {
            "fragment-overlap" | "fragment-timeout" => "RFC 8200 s4.5",
            "filter-headers" => "RFC 7112",
            "silenced" => "RFC 4443 s2.4(e)",
            "rate-limited" => "RFC 4443 s2.4(f)",
            "link-group" => "IEEE 802.1D table 7-10",
            "unknown-vlan" => "IEEE 802.1Q",
            _ => return None,
        },
        _ => return None,
    })
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn causes_have_names_and_unknown_ones_are_told_which_there_are() {
        let both = ["hop-limit".to_owned(), "no-route".to_owned()];
        assert_eq!(named(&both).unwrap(), [DropReason::HopLimit, DropReason::NoRoute]);
        assert_eq!(named(&["any".to_owned()]).unwrap(), []);
        let error = named(&["hops".to_owned()]).unwrap_err().to_string();
        assert!(error.contains("'hops'") && error.contains("hop-limit"), "{error}");
    }
}
