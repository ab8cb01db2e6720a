//! What is asked of the rules about a packet, from where it is.

use siding_machines::filter::CtState;
use siding_machines::filter::Tracked;
use siding_machines::filter::Way;
use siding_netisr::Instant;

use crate::config::Config;
use crate::filter::Asks;
use crate::filter::Counting;
use crate::filter::Hook;
use crate::filter::Keeper;
use crate::filter::Part;
use crate::filter::Passing;
use crate::filter::Rehearsed;
use crate::filter::Verdict;
use crate::ifnet::Interface;

/// Where a packet is, and when.
pub(super) struct At<'a> {
    worker: usize,
    now: Instant,
    config: &'a Config,
    hook: Hook,
    iif: Option<&'a Interface>,
    oif: Option<&'a Interface>,
}

impl<'a> At<'a> {
    pub(super) fn new(
        worker: usize,
        now: Instant,
        config: &'a Config,
        hook: Hook,
        (iif, oif): (Option<&'a Interface>, Option<&'a Interface>),
    ) -> At<'a> {
        At { worker, now, config, hook, iif, oif }
    }

    /// Judges by the rules before states are looked up, looks them up, and judges by the others.
    pub(super) fn both(
        &self,
        filter: &mut Keeper,
        bytes: &[u8],
        flow: Option<(siding_machines::filter::Packet, usize)>,
        passing: &mut Passing,
    ) -> Verdict {
        match self.ask(filter, Part::BeforeStates, bytes, passing) {
            Verdict::Accept => {}
            refused => return refused,
        }
        if let Some(states) = &mut filter.states {
            passing.tracked = Some(match flow {
                _ if passing.untracked => Tracked::UNTRACKED,
                Some((packet, bucket)) => match states.track(self.now, bucket, &packet) {
                    Tracked { state: CtState::Invalid, .. }
                        if self.hook == Hook::Output && filter.between.begins(&packet) =>
                    {
                        Tracked { state: CtState::Related, way: Some(Way::Reply), ..Tracked::INVALID }
                    }
                    tracked => tracked,
                },
                None => Tracked::INVALID,
            });
        }
        self.ask(filter, Part::AfterStates, bytes, passing)
    }

    pub(super) fn ask(
        &self,
        filter: &mut Keeper,
        part: Part,
        bytes: &[u8],
        passing: &mut Passing,
    ) -> Verdict {
        self.ask_of(filter, part, bytes, (passing, None))
    }

    /// Of a packet that nobody has sent: nothing is counted.
    pub(super) fn rehearse(
        &self,
        filter: &mut Keeper,
        part: Part,
        bytes: &[u8],
        (passing, rehearsed): (&mut Passing, &mut Rehearsed),
    ) -> Verdict {
        self.ask_of(filter, part, bytes, (passing, Some(rehearsed)))
    }

    #[inline(always)] // As many registers as before there were two ways to come here.
    fn ask_of(
        &self,
        filter: &mut Keeper,
        part: Part,
        bytes: &[u8],
        (passing, rehearsed): (&mut Passing, Option<&mut Rehearsed>),
    ) -> Verdict {
        let rehearsal = rehearsed.is_some();
        let Some(rules) = filter.rules.value().as_ref() else { return Verdict::Accept };
        if !rules.has(self.hook, part) {
            return Verdict::Accept;
        }
        let mut asks = Asks {
            now: self.now,
            config: self.config,
            iif: self.iif,
            oif: self.oif,
            link: passing.framed.link,
            frame: passing.frame,
            mark: passing.mark,
            tracked: passing.tracked.as_mut(),
            states: filter.states.as_deref_mut(),
            counting: filter
                .tables
                .as_ref()
                .map(|tables| Counting { counts: &tables.counts, own: &mut filter.counted }),
            numbers: filter.numbers.ours(),
            untracked: false,
            rehearsed,
            lines: &mut filter.lines,
            decided: filter.decided.as_mut().filter(|_| !rehearsal),
        };
        let verdict = match rehearsal {
            false => rules.judge.judge(self.worker, self.hook, part, bytes, &mut asks),
            true => rules.judge.rehearse(self.hook, part, bytes, &mut asks),
        };
        let (mark, untracked) = (asks.mark, asks.untracked);
        passing.mark = mark;
        passing.untracked |= untracked;
        verdict
    }
}
