//! Moments put together to lives: what became of one packet, in order, with how long it waited where.

use std::collections::BTreeMap;
use std::collections::HashMap;

use super::clock;
use super::summary;
use super::unhex;
use crate::control::LifeRow;
use crate::control::LifeStepRow;
use crate::control::MomentRow;

/// Lives under way, by the numbers that the stack gives them.
#[derive(Default)]
pub(super) struct Lives {
    begun: HashMap<u16, LifeRow>,
    count: u64,
}

/// After so long without a moment a packet is told as it is: one that waits for a neighbour does so for 3 s.
const QUIET_NS: u64 = 5_000_000_000;

impl Lives {
    /// Adds a moment; gives the life that has ended by it. A packet that was copied or cut may go on, as what it is in its
    /// other places: that is a life of its own, without a beginning, and is not told.
    pub(super) fn add(&mut self, moment: MomentRow) -> Option<LifeRow> {
        let number = moment.packet;
        let begins = !moment.frame.is_empty() && !moment.out;
        if begins {
            self.count += 1;
            let summary = summary(&unhex(&moment.frame), moment.len);
            self.begun.insert(number, LifeRow { packet: self.count, summary, ..LifeRow::default() });
        }
        let life = self.begun.get_mut(&number)?;
        let waited_ns = life
            .steps
            .last()
            .filter(|last| last.moment.waits)
            .map(|last| moment.at_ns.saturating_sub(last.moment.at_ns));
        let ends = moment.ends;
        life.steps.push(LifeStepRow { moment, waited_ns });
        if !ends {
            return None;
        }
        let mut life = self.begun.remove(&number)?;
        life.ended = true;
        Some(life)
    }

    /// Those of which nothing has been heard for long, at `now_ns`; all of them if there is no more to come.
    pub(super) fn quiet(&mut self, now_ns: Option<u64>) -> Vec<LifeRow> {
        let is_quiet = |life: &LifeRow| {
            let last = life.steps.last().map_or(0, |step| step.moment.at_ns);
            now_ns.is_none_or(|now| now.saturating_sub(last) > QUIET_NS)
        };
        let gone: Vec<u16> = self.begun.iter().filter(|(_, life)| is_quiet(life)).map(|(n, _)| *n).collect();
        let lives: BTreeMap<u64, LifeRow> = gone
            .iter()
            .filter_map(|number| self.begun.remove(number))
            .map(|life| (life.packet, life))
            .collect();
        lives.into_values().collect()
    }
}

/// A life in lines, the first of which says what it is.
pub(super) fn text(life: &LifeRow) -> String {
    let begin = life.steps.first().map_or(0, |step| step.moment.at_ns);
    let mut text = format!("#{} {} {}\n", life.packet, clock(begin), life.summary);
    let mut worker = None;
    for LifeStepRow { moment, waited_ns } in &life.steps {
        let after = span(moment.at_ns.saturating_sub(begin));
        text += &format!("  {after:>10}  {:<9} {}", moment.stage, moment.what);
        if let Some(by) = &moment.by {
            text += &format!(" ({by})");
        }
        if let Some(waited) = waited_ns {
            text += &format!(", after a wait of {}", span(*waited));
        }
        if worker.replace(moment.worker) != Some(moment.worker) {
            text += &format!(" [worker {}]", moment.worker);
        }
        text = text.trim_end().to_owned() + "\n";
    }
    if !life.ended {
        text += "              nothing more was heard of it\n";
    }
    text
}

/// A time in three digits.
fn span(ns: u64) -> String {
    match ns {
        0..1_000_000 => format!("{:.1} us", ns as f64 / 1e3),
        1_000_000..1_000_000_000 => format!("{:.2} ms", ns as f64 / 1e6),
        _ => format!("{:.2} s", ns as f64 / 1e9),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn moment(at_ns: u64, stage: &str) -> MomentRow {
        let (waits, ends) = (stage == "held", stage == "dropped");
        let frame = if stage == "received" { "00".repeat(14) } else { String::new() };
        MomentRow {
            packet: 7,
            at_ns,
            stage: stage.into(),
            waits,
            ends,
            frame,
            len: 60,
            ..MomentRow::default()
        }
    }

    #[test]
    fn a_life_is_told_when_it_ends_with_what_it_waited() {
        let mut lives = Lives::default();
        for (at, stage) in [(1_000, "received"), (2_500, "held")] {
            assert!(lives.add(moment(at, stage)).is_none());
        }
        let end = MomentRow {
            by: Some("RFC 4861 s7.2.2".into()),
            what: "unresolved".into(),
            worker: 1,
            ..moment(3_000_002_500, "dropped")
        };
        let life = lives.add(end).unwrap();
        assert_eq!(
            text(&life),
            "#1 00:00:00.000001 ethertype 0x0000, 60 bytes\n\
             \x20     0.0 us  received   [worker 0]\n\
             \x20     1.5 us  held\n\
             \x20     3.00 s  dropped   unresolved (RFC 4861 s7.2.2), after a wait of 3.00 s [worker 1]\n"
        );
        assert!(lives.add(moment(4_000, "held")).is_none(), "what comes of a copy has no beginning");
        assert!(lives.quiet(None).is_empty());
    }

    #[test]
    fn what_nobody_hears_of_any_more_is_told_as_it_is() {
        let mut lives = Lives::default();
        lives.add(moment(1_000, "received"));
        assert!(lives.quiet(Some(QUIET_NS)).is_empty());
        let told = lives.quiet(Some(QUIET_NS + 1_001));
        assert_eq!(told.len(), 1);
        assert!(!told[0].ended && text(&told[0]).contains("nothing more"));
    }
}
