//! What a subscriber is told of: events of the stack as they happen, and differences between what was and what is.
//!
//! Interfaces, addresses, routes and limits are looked at by the subscriber's own thread, and only when the stack's
//! configuration is another than it was: what has changed there is told whoever changed it, and nothing of it can be lost, only
//! told together (an address that comes and goes between two looks was never there). A look at much takes long: there is a
//! pause after each, of ten times as long as it took, so that nobody who changes something without end has all
//! subscribers compare without end.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::Weak;
use std::time::Duration;
use std::time::Instant;

use siding_stack::config::Config;

use crate::control::Answer;
use crate::control::CarryOut;
use crate::control::Code;
use crate::control::EventKind;
use crate::control::EventRow;
use crate::control::Failure;
use crate::control::Feed;
use crate::control::Reply;
use crate::control::Request;
use crate::control::SubscribeRequest;
use crate::state::daemon::Daemon;
use crate::state::events::Subscription;
use crate::state::events::row;

/// Tables of more routes are not followed route by route.
const MOST_ROUTES: usize = 50_000;

/// Between two looks at limits.
const PAUSE: Duration = Duration::from_secs(1);

/// Between two looks at the configuration, at the least; and so many times as long as one took, up to the last.
const REST: Duration = Duration::from_millis(50);
const TIMES: u32 = 10;
const LONGEST_REST: Duration = Duration::from_secs(10);

/// By what something is known: its interface, and itself.
type Name = (Option<String>, Option<String>);

/// What there was when it was last looked at: the state of each by its name.
type States = BTreeMap<Name, String>;

struct Told<'d> {
    daemon: &'d Daemon,
    subscription: Subscription,
    /// The configuration that was looked at: it is not kept, however long a subscriber takes to read.
    config: Weak<Config>,
    /// How often routes had changed, and how many there were.
    routes: (u64, usize),
    seen: BTreeMap<EventKind, States>,
    refusals: BTreeMap<Name, u64>,
    looked: Instant,
    rests: Rests,
}

/// Until when nothing is compared.
#[derive(Debug, Default)]
struct Rests(Option<Instant>);

impl Rests {
    fn is_over(&self, now: Instant) -> bool {
        self.0.is_none_or(|until| until <= now)
    }

    /// How long it lasts, if that is shorter than this.
    fn left(&self, now: Instant, within: Duration) -> Duration {
        self.0
            .map(|until| until.saturating_duration_since(now))
            .filter(|left| !left.is_zero())
            .map_or(within, |left| left.min(within))
    }

    /// A look has begun then and ends now.
    fn begin(&mut self, begun: Instant, now: Instant) {
        let took = now.saturating_duration_since(begun);
        self.0 = Some(now + (took * TIMES).clamp(REST, LONGEST_REST));
    }
}

impl Daemon {
    /// What somebody is told who has asked for it, from now on.
    ///
    /// # Errors
    ///
    /// There are as many as there may be, or the daemon stops.
    pub(super) fn feed(
        &self,
        request: SubscribeRequest,
        ask: &mut dyn CarryOut,
        only_looks: bool,
    ) -> Result<Box<dyn Feed + '_>, Failure> {
        let subscription = self.log.events.subscribe(request.kinds, only_looks)?;
        let mut told = Told {
            daemon: self,
            subscription,
            config: Arc::downgrade(&self.stack.config()),
            routes: self.stack.route_changes(),
            seen: BTreeMap::new(),
            refusals: BTreeMap::new(),
            looked: Instant::now(),
            rests: Rests::default(),
        };
        // As it is now.
        told.configured(ask)?;
        told.routed(ask)?;
        told.limited(ask)?;
        Ok(Box::new(told))
    }
}

impl Feed for Told<'_> {
    fn next(&mut self, within: Duration, ask: &mut dyn CarryOut) -> Result<Vec<EventRow>, Failure> {
        if self.daemon.closing.has_begun() {
            return Err(Failure::new(Code::Stopping, "this siding is stopping"));
        }
        let mut rows = self.subscription.take(self.rests.left(Instant::now(), within));
        let begun = Instant::now();
        if !self.rests.is_over(begun) {
            return Ok(rows);
        }
        let (config, routes) =
            (Arc::downgrade(&self.daemon.stack.config()), self.daemon.stack.route_changes());
        let (is_other, has_changed) = (!config.ptr_eq(&self.config), routes != self.routes);
        if is_other {
            self.config = config;
            rows.extend(self.configured(ask)?);
        }
        if has_changed {
            self.routes = routes;
            rows.extend(self.routed(ask)?);
        }
        if is_other || has_changed {
            self.rests.begin(begun, Instant::now());
        }
        if self.looked.elapsed() >= PAUSE {
            self.looked = Instant::now();
            rows.extend(self.limited(ask)?);
        }
        Ok(rows)
    }
}

impl Told<'_> {
    fn configured(&mut self, ask: &mut dyn CarryOut) -> Result<Vec<EventRow>, Failure> {
        let mut rows = Vec::new();
        if self.subscription.wants(EventKind::Interface)
            && let Answer::Interfaces(all) = answer(ask, Request::ShowInterfaces {})?
        {
            let states = all.into_iter().map(|row| ((Some(row.name), Some(row.id)), row.state));
            rows.extend(self.differences(EventKind::Interface, states.collect()));
        }
        if self.subscription.wants(EventKind::Address)
            && let Answer::Addresses(all) = answer(ask, Request::ShowAddresses {})?
        {
            let states = all.into_iter().map(|row| ((Some(row.interface), Some(row.address)), row.state));
            rows.extend(self.differences(EventKind::Address, states.collect()));
        }
        Ok(rows)
    }

    fn routed(&mut self, ask: &mut dyn CarryOut) -> Result<Vec<EventRow>, Failure> {
        if !self.subscription.wants(EventKind::Route) {
            return Ok(Vec::new());
        }
        let (_, count) = self.routes;
        if count > MOST_ROUTES {
            let text = format!("routes have changed: {count} now, too many to tell of each");
            // Nothing to compare with, when they are fewer again.
            self.seen.remove(&EventKind::Route);
            return Ok(vec![EventRow { count: Some(count as u64), ..row(EventKind::Route, text) }]);
        }
        let Answer::Routes(all) = answer(ask, Request::ShowRoutes {})? else { return Ok(Vec::new()) };
        let mut states = States::new();
        for route in all {
            let via = route.via.map(|via| format!(" via {via}")).unwrap_or_default();
            let name = (Some(route.interface), Some(route.to + &via));
            let how = route.refuse.map(|how| format!("{how}, ")).unwrap_or_default();
            let weight = route.weight.map(|weight| format!(", weight {weight}")).unwrap_or_default();
            let state = format!("{how}{}, metric {}{weight}", route.origin, route.metric);
            states.insert(name, state);
        }
        Ok(self.differences(EventKind::Route, states))
    }

    fn limited(&mut self, ask: &mut dyn CarryOut) -> Result<Vec<EventRow>, Failure> {
        let mut rows = Vec::new();
        if !self.subscription.wants(EventKind::Limit) {
            return Ok(rows);
        }
        let Answer::Limits(all) = answer(ask, Request::ShowLimits {})? else { return Ok(rows) };
        let begins = self.refusals.is_empty();
        for limit in all {
            let before =
                self.refusals.insert((limit.interface.clone(), Some(limit.limit.clone())), limit.refused);
            let more = limit.refused.saturating_sub(before.unwrap_or(0));
            if begins || more == 0 {
                continue;
            }
            let text =
                format!("{}: {more} refused or pushed out, at most {} may be", limit.limit, limit.most);
            rows.push(EventRow {
                interface: limit.interface,
                subject: Some(limit.limit),
                count: Some(more),
                ..row(EventKind::Limit, text)
            });
        }
        Ok(rows)
    }

    /// What of a kind is otherwise than it was; nothing at the first look.
    fn differences(&mut self, kind: EventKind, now: States) -> Vec<EventRow> {
        match self.seen.insert(kind, now.clone()) {
            Some(before) => differences(kind, &before, &now),
            None => Vec::new(),
        }
    }
}

/// What the daemon answers to itself.
fn answer(ask: &mut dyn CarryOut, request: Request) -> Result<Answer, Failure> {
    Reply::into_result(ask.one(request))
}

/// What goes comes first: an interface that is made anew has gone before it comes.
fn differences(kind: EventKind, before: &States, now: &States) -> Vec<EventRow> {
    let gone = before.iter().filter(|(name, _)| !now.contains_key(*name));
    let gone = gone.map(|(name, state)| difference(kind, name, Some(state), None));
    let others = now.iter().filter(|(name, state)| before.get(*name) != Some(*state));
    gone.chain(others.map(|(name, state)| difference(kind, name, before.get(name), Some(state)))).collect()
}

fn difference(kind: EventKind, name: &Name, from: Option<&String>, to: Option<&String>) -> EventRow {
    let (interface, subject) = name.clone();
    let what = subject.as_deref().unwrap_or("-");
    let none = || "none".to_owned();
    let text = match (kind, from, to) {
        // An interface is known by its name; its identity tells it from another of the same.
        (EventKind::Interface, None, Some(to)) => format!("attached, {to}"),
        (EventKind::Interface, Some(_), None) => "detached".to_owned(),
        (EventKind::Interface, Some(from), Some(to)) => format!("{from} -> {to}"),
        _ => format!(
            "{} {what}: {} -> {}",
            kind.name(),
            from.cloned().unwrap_or_else(none),
            to.cloned().unwrap_or_else(none)
        ),
    };
    EventRow { interface, subject, from: from.cloned(), to: to.cloned(), ..row(kind, text) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn states(all: &[(&str, &str, &str)]) -> States {
        all.iter()
            .map(|(on, what, state)| ((Some((*on).into()), Some((*what).into())), (*state).into()))
            .collect()
    }

    #[test]
    fn who_looks_at_much_looks_seldom() {
        let ms = Duration::from_millis;
        let (begun, mut rests) = (Instant::now(), Rests::default());
        assert!(rests.is_over(begun) && rests.left(begun, ms(200)) == ms(200));
        for (took, rest) in [(0, 50), (4, 50), (30, 300), (100_000, 10_000)] {
            let now = begun + ms(took);
            rests.begin(begun, now);
            assert!(!rests.is_over(now + ms(rest - 1)) && rests.is_over(now + ms(rest)), "{took}");
            assert_eq!(rests.left(now, ms(200)), ms(rest.min(200)), "{took}");
            assert_eq!(rests.left(now + ms(rest), ms(200)), ms(200), "{took}");
        }
    }

    #[test]
    fn what_went_what_came_and_what_changed() {
        let before = states(&[("a", "0.1", "up"), ("b", "1.1", "up"), ("c", "2.1", "up")]);
        let now = states(&[("a", "0.1", "no carrier"), ("b", "1.2", "up"), ("c", "2.1", "up")]);
        let texts = |kind, before: &States, now: &States| -> Vec<String> {
            let line = |row: EventRow| format!("{}: {}", row.interface.unwrap_or_default(), row.text);
            differences(kind, before, now).into_iter().map(line).collect()
        };
        let told = texts(EventKind::Interface, &before, &now);
        assert_eq!(told, ["b: detached", "a: up -> no carrier", "b: attached, up"]);
        assert!(differences(EventKind::Interface, &now, &now).is_empty());
        let address = states(&[("a", "2001:db8::1/64", "tentative")]);
        let told = texts(EventKind::Address, &States::new(), &address);
        assert_eq!(told, ["a: address 2001:db8::1/64: none -> tentative"]);
    }
}
