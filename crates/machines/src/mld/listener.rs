//! The listener of one interface: what is reported, and when (RFC 3810 s6, RFC 2710 s4 and s5).
//!
//! As in `nud`, a report counts only when it was accepted by the queue. Every group is listened to from whatever
//! source: source filters are for applications, and there are none here.

use core::net::Ipv6Addr;
use core::time::Duration;
use std::collections::BTreeMap;

use siding_netisr::Instant;
use siding_wire::mld::MldV1;
use siding_wire::mld::QueryV2;
use siding_wire::mld::Record;
use siding_wire::mld::RecordKind;
use siding_wire::mld::is_reported;

use crate::chance::Chance;
use crate::mld::MldConfig;
use crate::nud::REFUSED_RETRY;
use crate::nud::Refused;

/// QI (RFC 3810 s9.2), until a querier tells its own.
pub const QUERY_INTERVAL: Duration = Duration::from_secs(125);
/// The longest query interval that is learnt: what a querier says decides how long we keep to version 1.
pub const MAX_QUERY_INTERVAL: Duration = Duration::from_secs(3600);
/// The longest random pause between two reports of one change in version 1 (RFC 2710 s7.10).
pub const UNSOLICITED_INTERVAL_V1: Duration = Duration::from_secs(10);
/// Sources of one group that queries may ask for before the whole group is reported instead.
pub const MAX_SOURCES: usize = 32;
/// Groups that were left and are still to be told of; the rest are left to the querier to find out.
pub const MAX_LEAVING: usize = 256;

/// The longest random pause between two reports of a change when it is the last: who goes does not wait for long.
pub const LAST_INTERVAL: Duration = Duration::from_millis(10);

/// The least delay of an answer: never at once.
const LEAST_DELAY: Duration = Duration::from_millis(1);

/// A message to send.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Message<'a> {
    /// A report of version 2, to ff02::16.
    Report(&'a [Record<'a>]),
    /// A report of version 1, to the group itself, or a done, to ff02::2.
    V1(MldV1),
}

/// One interface's listener.
#[derive(Debug, Clone)]
pub struct Listener {
    config: MldConfig,
    groups: BTreeMap<Ipv6Addr, Group>,
    /// When changes are reported, for the first time or again.
    changes_at: Option<Instant>,
    /// When a general query is answered.
    general_at: Option<Instant>,
    /// Until when a querier of version 1 is taken to be there.
    version1_until: Option<Instant>,
    /// Something was refused: nothing is sent before.
    retry_at: Option<Instant>,
    robustness: u8,
    query_interval: Duration,
}

#[derive(Debug, Clone, Default)]
struct Group {
    /// Listened to; otherwise it was left, and that is still to be told.
    joined: bool,
    /// A report that it is listened to was accepted.
    told: bool,
    /// Reports of its last change that are still to be sent.
    changes: u8,
    /// One of them is due.
    change_due: bool,
    /// When a query about it is answered.
    answer_at: Option<Instant>,
    answer_due: bool,
    /// The sources that were asked for; none for all.
    sources: Vec<[u8; 16]>,
    /// In version 1: nobody else has reported it since we did.
    last_reporter: bool,
}

impl Listener {
    /// Listens to nothing yet.
    pub fn new(config: MldConfig) -> Listener {
        Listener {
            config,
            groups: BTreeMap::new(),
            changes_at: None,
            general_at: None,
            version1_until: None,
            retry_at: None,
            robustness: config.robustness.max(2),
            query_interval: QUERY_INTERVAL,
        }
    }

    /// From now on exactly `groups` are listened to. Changes are due at once; those that are never reported are
    /// passed over.
    pub fn listen(&mut self, now: Instant, groups: &[Ipv6Addr]) {
        //= RFC 3810 s6 [3810-3]: nothing is said of all nodes, or of scopes 0 and 1.
        let wanted = || groups.iter().copied().filter(|group| is_reported(*group));
        let robustness = self.robustness;
        let version1 = self.version1_until.is_some();
        let mut changed = false;
        for group in wanted() {
            let entry = self.groups.entry(group).or_default();
            if !entry.joined {
                *entry = Group { joined: true, ..Group::default() };
                entry.changes = robustness;
                changed = true;
            }
        }
        let left: Vec<Ipv6Addr> =
            self.joined().filter(|group| !wanted().any(|other| other == *group)).collect();
        for group in left {
            let Some(entry) = self.groups.get_mut(&group) else { continue };
            let last_reporter = entry.last_reporter;
            let told = entry.told;
            *entry = Group { last_reporter, ..Group::default() };
            //= RFC 2710 s4 [2710-1]: who has heard another report the group need not say that it is done.
            if told && (!version1 || last_reporter) {
                // One done is enough: the querier asks whether others are left.
                entry.changes = if version1 { 1 } else { robustness };
                changed = true;
            } else {
                self.groups.remove(&group);
            }
        }
        self.bound_leaving();
        if changed {
            //= RFC 3810 s6.1 [3810-3]: a change is reported at once, along with others that are under way.
            self.changes_at = Some(now);
        }
    }

    /// Every group is left, and that is all there is to tell from now on: repeated as any change, but sooner.
    pub fn leave_all(&mut self, now: Instant) {
        self.config.unsolicited_interval = self.config.unsolicited_interval.min(LAST_INTERVAL);
        self.listen(now, &[]);
    }

    /// Whether nothing is listened to, and nothing left to be told.
    pub fn is_silent(&self) -> bool {
        self.groups.is_empty()
    }

    /// Reports every group anew, as if it had just been joined: the interface has come up, or got the address that
    /// routers take reports from.
    pub fn report_all(&mut self, now: Instant) {
        let robustness = self.robustness;
        for group in self.groups.values_mut().filter(|group| group.joined) {
            group.changes = robustness;
            self.changes_at = Some(now);
        }
    }

    /// A query of version 1 asks for `group`, or with `::` for all, within `max_response`.
    pub fn on_query_v1(
        &mut self,
        now: Instant,
        max_response: Duration,
        group: Ipv6Addr,
        chance: &mut Chance,
    ) {
        if self.version1_until.is_none() {
            self.switch();
        }
        //= RFC 3810 s8.2.1, s9.12 [3810-4]: a query of 24 octets makes a listener of version 1, for Robustness times
        //= the query interval and one response interval.
        let timeout = self.query_interval * u32::from(self.robustness) + max_response;
        self.version1_until = Some(now + timeout);
        self.answer_v1(now, max_response, group, chance);
    }

    /// A query of version 2.
    pub fn on_query_v2(&mut self, now: Instant, query: &QueryV2<'_>, chance: &mut Chance) {
        //= RFC 3810 s5.1.8, s5.1.9, s9.1, s9.2 [3810-4]: robustness and query interval are the querier's, if it tells
        //= them; robustness is never 0 or 1.
        self.robustness =
            if query.robustness == 0 { self.config.robustness } else { query.robustness }.max(2);
        self.query_interval = match query.interval {
            0 => QUERY_INTERVAL,
            seconds => Duration::from_secs(u64::from(seconds)).min(MAX_QUERY_INTERVAL),
        };
        let max_response = Duration::from_millis(u64::from(query.max_response));
        if self.version1_until.is_some() {
            return self.answer_v1(now, max_response, query.group, chance);
        }
        //= RFC 3810 s6.2 [3810-3]: at a random moment within the maximum response delay, never at once; an answer
        //= to all that comes sooner will do.
        let at = now + delay(max_response, chance);
        if self.general_at.is_some_and(|general| general <= at) {
            return;
        }
        if query.group.is_unspecified() {
            self.general_at = Some(at);
            return;
        }
        let Some(group) = self.groups.get_mut(&query.group).filter(|group| group.joined) else { return };
        match group.answer_at {
            None => {
                group.sources.clear();
                group.add_sources(query.sources);
                group.answer_at = Some(at);
            }
            //= RFC 3810 s6.2 [3810-3]: queries about one group are answered by one report, at the earliest of their
            //= moments; whoever asks for the group as a whole is told of it as a whole.
            Some(pending) => {
                match query.sources.is_empty() || group.sources.is_empty() {
                    true => group.sources.clear(),
                    false => group.add_sources(query.sources),
                }
                group.answer_at = Some(pending.min(at));
            }
        }
    }

    /// Somebody else reports `group`, in version 1.
    //= RFC 2710 s4, s5 [2710-1]: one report is enough, and who heard it was not the last to report. Version 2 has no
    //= suppression.
    pub fn on_report_v1(&mut self, group: Ipv6Addr) {
        if self.version1_until.is_none() {
            return;
        }
        if let Some(group) = self.groups.get_mut(&group).filter(|group| group.joined) {
            group.answer_at = None;
            group.last_reporter = false;
            if group.told {
                group.changes = 0;
            }
        }
    }

    /// The timer fired; nothing happens before the deadline. `room` is what the records of one report may take, in
    /// bytes. `send` may refuse, and is asked again later.
    pub fn on_timer(
        &mut self,
        now: Instant,
        room: usize,
        chance: &mut Chance,
        mut send: impl FnMut(Message<'_>) -> Result<(), Refused>,
    ) {
        if self.retry_at.is_some_and(|retry| now < retry) {
            return;
        }
        self.retry_at = None;
        if self.version1_until.is_some_and(|until| until <= now) {
            //= RFC 3810 s8.2.1 [3810-4]: no query of version 1 for long enough, and version 2 is spoken again.
            self.version1_until = None;
            self.switch();
        }
        self.mark(now);
        let sent = match self.version1_until {
            None => self.send_v2(true, room, &mut send).and_then(|()| self.send_v2(false, room, &mut send)),
            Some(_) => self.send_v1(&mut send),
        };
        if sent.is_err() {
            self.retry_at = Some(now + REFUSED_RETRY);
        } else if self.changes_at.is_none() && self.groups.values().any(|group| group.changes > 0) {
            //= RFC 3810 s6.1 [3810-3]: again, Robustness - 1 times, each after a random pause of at most the
            //= unsolicited report interval.
            let longest = match self.version1_until {
                None => self.config.unsolicited_interval,
                Some(_) => UNSOLICITED_INTERVAL_V1,
            };
            self.changes_at = Some(now + delay(longest, chance));
        }
    }

    /// When [`on_timer`](Self::on_timer) wants to be called.
    pub fn deadline(&self) -> Option<Instant> {
        let answers = self.groups.values().filter_map(|group| group.answer_at);
        let due = [self.changes_at, self.general_at, self.version1_until]
            .into_iter()
            .flatten()
            .chain(answers)
            .min();
        match self.retry_at {
            Some(retry) => Some(retry),
            None => due,
        }
    }

    /// Whether a report of the group was accepted; `None` for one that is not listened to, or never reported.
    pub fn is_told(&self, group: Ipv6Addr) -> Option<bool> {
        self.groups.get(&group).filter(|group| group.joined).map(|group| group.told)
    }

    /// Until when a querier of version 1 is taken to be there.
    pub fn version1_until(&self) -> Option<Instant> {
        self.version1_until
    }

    /// How often a change is reported.
    pub fn robustness(&self) -> u8 {
        self.robustness
    }

    fn joined(&self) -> impl Iterator<Item = Ipv6Addr> + '_ {
        self.groups.iter().filter(|(_, group)| group.joined).map(|(group, _)| *group)
    }

    /// Marks what is due.
    fn mark(&mut self, now: Instant) {
        let general = self.general_at.take_if(|at| *at <= now).is_some();
        let changes = self.changes_at.take_if(|at| *at <= now).is_some();
        for group in self.groups.values_mut() {
            group.change_due |= changes && group.changes > 0;
            if group.answer_at.take_if(|at| *at <= now).is_some() {
                group.answer_due = true;
            }
            if general && group.joined {
                group.answer_due = true;
                group.sources.clear();
            }
        }
    }

    /// Sends what is due, several records in one report: of changes, or in answer.
    fn send_v2(
        &mut self,
        changes: bool,
        room: usize,
        send: &mut impl FnMut(Message<'_>) -> Result<(), Refused>,
    ) -> Result<(), Refused> {
        loop {
            let (mut records, mut told, mut left) = (Vec::new(), Vec::new(), room);
            let due = |group: &&Group| if changes { group.change_due } else { group.answer_due };
            for (addr, group) in self.groups.iter().filter(|(_, group)| due(group)) {
                let record = if changes { group.change_record(*addr) } else { group.answer_record(*addr) };
                if record.buffer_len() > left && !records.is_empty() {
                    break;
                }
                left = left.saturating_sub(record.buffer_len());
                records.push(record);
                told.push(*addr);
            }
            if records.is_empty() {
                return Ok(());
            }
            send(Message::Report(&records))?;
            told.into_iter().for_each(|group| self.accepted(group, changes));
        }
    }

    fn send_v1(&mut self, send: &mut impl FnMut(Message<'_>) -> Result<(), Refused>) -> Result<(), Refused> {
        let due: Vec<(Ipv6Addr, bool)> =
            self.groups.iter().map(|(addr, group)| (*addr, group.change_due)).collect();
        for (addr, change) in due {
            let Some(group) = self.groups.get_mut(&addr) else { continue };
            if !group.change_due && !group.answer_due {
                continue;
            }
            //= RFC 2710 s4 [2710-1]: who leaves as the last to have reported says so to all routers.
            let message = match group.joined {
                true => MldV1::Report { group: addr },
                false => MldV1::Done { group: addr },
            };
            send(Message::V1(message))?;
            // One report tells both.
            group.last_reporter = group.joined;
            group.answer_due = false;
            self.accepted(addr, change);
        }
        Ok(())
    }

    fn accepted(&mut self, addr: Ipv6Addr, change: bool) {
        let Some(group) = self.groups.get_mut(&addr) else { return };
        group.told |= group.joined;
        if !change {
            group.answer_due = false;
            return;
        }
        group.change_due = false;
        group.changes = group.changes.saturating_sub(1);
        if !group.joined && group.changes == 0 {
            self.groups.remove(&addr);
        }
    }

    //= RFC 2710 s4 [2710-1]: each group has a timer of its own, which a query only ever makes shorter.
    fn answer_v1(&mut self, now: Instant, max_response: Duration, group: Ipv6Addr, chance: &mut Chance) {
        for (addr, entry) in &mut self.groups {
            if !entry.joined || !(group.is_unspecified() || *addr == group) {
                continue;
            }
            if entry.answer_at.is_none_or(|at| at > now + max_response) {
                entry.sources.clear();
                entry.answer_at = Some(now + delay(max_response, chance));
            }
        }
    }

    /// The version spoken has changed.
    //= RFC 3810 s8.2.1 [3810-4]: then answers and repetitions that are under way are cancelled.
    fn switch(&mut self) {
        self.general_at = None;
        self.groups.retain(|_, group| group.joined);
        for group in self.groups.values_mut() {
            group.answer_at = None;
            group.answer_due = false;
            if group.told {
                group.changes = 0;
                group.change_due = false;
            }
        }
    }

    fn bound_leaving(&mut self) {
        let leaving = self.groups.values().filter(|group| !group.joined).count();
        let mut excess = leaving.saturating_sub(MAX_LEAVING);
        self.groups.retain(|_, group| {
            let forget = !group.joined && excess > 0;
            excess -= usize::from(forget);
            !forget
        });
    }
}

impl Group {
    fn change_record(&self, group: Ipv6Addr) -> Record<'_> {
        if self.joined { Record::join(group) } else { Record::leave(group) }
    }

    //= RFC 3810 s6.3 [3810-3]: who asked for some sources is told that those are listened to.
    fn answer_record(&self, group: Ipv6Addr) -> Record<'_> {
        match self.sources.is_empty() {
            true => Record::present(group),
            false => Record { kind: RecordKind::ModeIsInclude, group, sources: &self.sources },
        }
    }

    fn add_sources(&mut self, sources: &[[u8; 16]]) {
        for source in sources {
            if !self.sources.contains(source) {
                self.sources.push(*source);
            }
            if self.sources.len() > MAX_SOURCES {
                return self.sources.clear();
            }
        }
    }
}

/// A random delay up to `longest`.
fn delay(longest: Duration, chance: &mut Chance) -> Duration {
    chance.between(LEAST_DELAY, longest.max(LEAST_DELAY))
}
