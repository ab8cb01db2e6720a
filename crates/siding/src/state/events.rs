//! What happens, on its way to those who have subscribed.
//!
//! Each subscriber has a queue of his own. Whoever tells of something puts it there, or, if the queue is full, counts it as
//! lost: nobody who tells ever waits for somebody who reads. Whether somebody wants to know of a kind is one load.
//!
//! # Locks
//!
//! The list of subscribers, for reading by who tells, for a few instructions. # Teardown: a queue goes with its subscriber.

use std::sync::Arc;
use std::sync::PoisonError;
use std::sync::RwLock;
use std::sync::atomic::AtomicU32;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering;
use std::sync::mpsc::Receiver;
use std::sync::mpsc::SyncSender;
use std::sync::mpsc::sync_channel;
use std::time::Duration;
use std::time::SystemTime;
use std::time::UNIX_EPOCH;

use crate::control::Code;
use crate::control::EventKind;
use crate::control::EventRow;
use crate::control::Failure;
use crate::control::Kinds;
use crate::control::LimitRow;

/// So many may subscribe, and so many of them by the socket of those who only look: who has to change something sees what
/// happens, however many watch.
const MOST: usize = 16;
const MOST_WATCHERS: usize = 12;

/// Events that wait for a subscriber.
const WAITING: usize = 1024;

/// Those who have subscribed.
#[derive(Debug, Default)]
pub(crate) struct Events {
    all: RwLock<Vec<Arc<Sender>>>,
    /// Kinds that one of them wants, each as a bit.
    wanted: AtomicU32,
    highest: AtomicUsize,
    refused: AtomicU64,
    /// Events that were lost, of all of them.
    lost: AtomicU64,
}

/// The near end of a subscriber's queue.
#[derive(Debug)]
struct Sender {
    kinds: Kinds,
    only_looks: bool,
    queue: SyncSender<(u64, Arc<EventRow>)>,
    /// Lost since something was put into the queue.
    lost: AtomicU64,
}

/// The far end.
#[derive(Debug)]
pub(crate) struct Subscription {
    events: Arc<Events>,
    sender: Arc<Sender>,
    queue: Receiver<(u64, Arc<EventRow>)>,
}

impl Events {
    /// Whether somebody wants to know of this: if not, it need not be put into words.
    pub(crate) fn wants(&self, kind: EventKind) -> bool {
        self.wanted.load(Ordering::Acquire) & bit(kind) != 0
    }

    /// Tells of something. Never waits.
    pub(crate) fn tell(&self, row: EventRow) {
        let row = Arc::new(row);
        for one in self.read().iter().filter(|one| one.kinds.has(row.kind)) {
            let before = one.lost.swap(0, Ordering::Relaxed);
            if one.queue.try_send((before, row.clone())).is_err() {
                one.lost.fetch_add(before + 1, Ordering::Relaxed);
                self.lost.fetch_add(1, Ordering::Relaxed);
            }
        }
    }

    /// From now on; without kinds: of all. `only_looks` is by which socket.
    ///
    /// # Errors
    ///
    /// There are as many as there may be.
    pub(crate) fn subscribe(
        self: &Arc<Events>,
        kinds: Kinds,
        only_looks: bool,
    ) -> Result<Subscription, Failure> {
        let (queue, far) = sync_channel(WAITING);
        let sender = Arc::new(Sender { kinds, only_looks, queue, lost: AtomicU64::new(0) });
        let mut all = self.all.write().unwrap_or_else(PoisonError::into_inner);
        let watchers = all.iter().filter(|one| one.only_looks).count();
        // Of those whose number it is: all there may be, or those who only look.
        let full = [(all.len(), MOST, true), (watchers, MOST_WATCHERS, only_looks)];
        if let Some((there, ..)) = full.into_iter().find(|(there, most, counts)| *counts && there >= most) {
            self.refused.fetch_add(1, Ordering::Relaxed);
            let why = format!("{there} have subscribed to events here already: end one, or come back later");
            return Err(Failure::new(Code::TooMany, why));
        }
        all.push(sender.clone());
        self.wanted.store(wanted(&all), Ordering::Release);
        self.highest.fetch_max(all.len(), Ordering::Relaxed);
        Ok(Subscription { events: self.clone(), sender, queue: far })
    }

    /// As `siding show limits` has them: subscribers, and events that wait for all of them.
    pub(crate) fn limits(&self) -> [LimitRow; 2] {
        let now = self.read().len() as u64;
        let row = |limit: &str, most, used, highest, refused| LimitRow {
            limit: limit.into(),
            interface: None,
            most,
            used,
            highest,
            refused,
        };
        let highest = self.highest.load(Ordering::Relaxed) as u64;
        let (refused, lost) = (self.refused.load(Ordering::Relaxed), self.lost.load(Ordering::Relaxed));
        [
            row("event-subscribers", MOST as u64, now, Some(highest), refused),
            row("waiting-events", WAITING as u64 * now.max(1), 0, None, lost),
        ]
    }

    fn read(&self) -> std::sync::RwLockReadGuard<'_, Vec<Arc<Sender>>> {
        self.all.read().unwrap_or_else(PoisonError::into_inner)
    }
}

fn bit(kind: EventKind) -> u32 {
    1 << kind as u32
}

/// All that one of them wants.
fn wanted(all: &[Arc<Sender>]) -> u32 {
    let is_wanted = |kind: &EventKind| all.iter().any(|one| one.kinds.has(*kind));
    EventKind::ALL.into_iter().filter(is_wanted).fold(0, |all, kind| all | bit(kind))
}

impl Subscription {
    pub(crate) fn wants(&self, kind: EventKind) -> bool {
        self.sender.kinds.has(kind)
    }

    /// What has come, and what was lost in between; if there is nothing, what comes within this.
    pub(crate) fn take(&self, within: Duration) -> Vec<EventRow> {
        let mut rows = Vec::new();
        let mut put = |(lost, row): (u64, Arc<EventRow>)| {
            rows.extend((lost > 0).then(|| lost_row(lost)));
            rows.push(Arc::unwrap_or_clone(row));
        };
        match self.queue.recv_timeout(within) {
            Ok(first) => put(first),
            // Nothing came behind what was lost.
            Err(_) => {
                let lost = self.sender.lost.swap(0, Ordering::Relaxed);
                rows.extend((lost > 0).then(|| lost_row(lost)));
                return rows;
            }
        }
        // No more than were there: whoever tells much is not to be listened to for ever.
        self.queue.try_iter().take(WAITING).for_each(put);
        rows
    }
}

impl Drop for Subscription {
    fn drop(&mut self) {
        let mut all = self.events.all.write().unwrap_or_else(PoisonError::into_inner);
        all.retain(|one| !Arc::ptr_eq(one, &self.sender));
        self.events.wanted.store(wanted(&all), Ordering::Release);
    }
}

/// An event of now, with nothing but its text.
pub(crate) fn row(kind: EventKind, text: String) -> EventRow {
    let at = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    EventRow {
        at_ms: u64::try_from(at.as_millis()).unwrap_or(u64::MAX),
        kind,
        interface: None,
        subject: None,
        from: None,
        to: None,
        count: None,
        text,
    }
}

fn lost_row(count: u64) -> EventRow {
    let text = format!("{count} event(s) were lost: they came faster than they were read");
    EventRow { count: Some(count), ..row(EventKind::Lost, text) }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Duration = Duration::ZERO;

    fn told(events: &Events, kind: EventKind, texts: std::ops::Range<usize>) {
        texts.for_each(|number| events.tell(row(kind, number.to_string())));
    }

    #[test]
    fn a_subscriber_who_does_not_read_loses_events_and_is_told_how_many_and_where() {
        let events = Arc::new(Events::default());
        assert!(!events.wants(EventKind::Neighbor), "nobody does");
        let slow = events.subscribe(Kinds::default(), false).unwrap();
        assert!(events.wants(EventKind::Neighbor));
        told(&events, EventKind::Neighbor, 0..WAITING + 10);
        assert_eq!(slow.take(NOW).len(), WAITING);
        told(&events, EventKind::Neighbor, 7..8);
        let rows = slow.take(NOW);
        let texts: Vec<_> = rows.iter().map(|row| (row.kind, row.count, row.text.as_str())).collect();
        let lost = "10 event(s) were lost: they came faster than they were read";
        assert_eq!(texts, [(EventKind::Lost, Some(10), lost), (EventKind::Neighbor, None, "7")]);
        // Also if nothing comes behind them.
        told(&events, EventKind::Neighbor, 0..WAITING + 3);
        assert_eq!(slow.take(NOW).len(), WAITING);
        assert_eq!(slow.take(NOW).first().and_then(|row| row.count), Some(3));
        assert_eq!(slow.take(NOW), []);
        assert_eq!(events.limits()[1].refused, 13);
    }

    #[test]
    fn everybody_is_told_what_he_asked_for_and_nobody_when_he_has_gone() {
        let events = Arc::new(Events::default());
        let both = events.subscribe(Kinds::default(), false).unwrap();
        let one = events.subscribe([EventKind::Route].into_iter().collect(), false).unwrap();
        assert!(one.wants(EventKind::Route) && !one.wants(EventKind::Lagg));
        told(&events, EventKind::Route, 0..1);
        told(&events, EventKind::Lagg, 1..2);
        assert_eq!((both.take(NOW).len(), one.take(NOW).len()), (2, 1));
        drop(both);
        assert!(events.wants(EventKind::Route) && !events.wants(EventKind::Lagg));
        drop(one);
        assert!(!events.wants(EventKind::Route));
    }

    #[test]
    fn there_are_so_many_subscribers() {
        let events = Arc::new(Events::default());
        let subscribe = |only_looks| events.subscribe(Kinds::default(), only_looks);
        // Those who only look leave room for the others.
        let mut all: Vec<_> = (0..12).map(|_| subscribe(true).unwrap()).collect();
        assert_eq!(subscribe(true).unwrap_err().code, Code::TooMany);
        all.extend((0..4).map(|_| subscribe(false).unwrap()));
        assert_eq!(subscribe(false).unwrap_err().code, Code::TooMany);
        all.remove(0);
        all.push(subscribe(false).unwrap());
        all.remove(0);
        assert!(subscribe(true).is_ok());
        let [subscribers, _] = events.limits();
        assert_eq!((subscribers.most, subscribers.highest, subscribers.refused), (16, Some(16), 2));
        // Whose number is full is told: of those who only look there may be none.
        drop(all);
        let _all: Vec<_> = (0..16).map(|_| subscribe(false).unwrap()).collect();
        for only_looks in [false, true] {
            assert!(subscribe(only_looks).unwrap_err().text.starts_with("16 have subscribed"));
        }
    }
}
