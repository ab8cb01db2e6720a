//! The routes as control keeps them, and changes them for the data path.

use core::fmt;
use std::collections::BTreeSet;
use std::collections::HashMap;

use siding_fib::Full;
use siding_fib::Keeper;
use siding_fib::Meaning;
use siding_fib::Value;
use siding_netisr::IfId;

use super::fib::Fib;
use super::groups::Groups;
use super::groups::MOST_GROUPS;
use super::prefix::Address;
use super::prefix::Prefix;
use super::refusal::Refusal;
use super::spread::MOST_HOPS;
use super::table::MOST_WAYS;
use super::table::Origin;
use super::table::Route;
use super::table::RouteError;
use super::table::Table;
use super::way::Handle;
use super::way::Way;
use super::way::hops_of;
use crate::limits::LimitReport;
use crate::limits::Usage;

/// All routes and refusals of a family, and the [`Fib`] that follows each of their changes at once.
///
/// For each prefix the ways are kept in order, the best first. Prefixes with the same ways share them, so the data path has
/// as many ways before it as there are next hops, and few of them at that.
pub struct Rib<A: Address, I = IfId> {
    routes: Table<A, I>,
    refusals: Table<A, Refusal>,
    pub(super) groups: Groups<A, I>,
    pub(super) keeper: Keeper<A>,
    /// Ways in use, and by how many prefixes or other ways.
    ways: HashMap<Meaning, (Value, usize)>,
    /// The prefixes of each interface's routes; those that its addresses made apart.
    by_interface: BTreeSet<(I, bool, Prefix<A>)>,
    /// Routes that one prefix had, and what was refused of them.
    usage: Usage,
    /// How often something changed.
    changes: u64,
}

impl<A: Address, I: Handle> Default for Rib<A, I> {
    fn default() -> Self {
        Rib {
            routes: Table::new(),
            refusals: Table::new(),
            groups: Groups::default(),
            keeper: Keeper::new(),
            ways: HashMap::new(),
            by_interface: BTreeSet::new(),
            usage: Usage::default(),
            changes: 0,
        }
    }
}

fn is_connected<A, I>(route: &Route<A, I>) -> bool {
    route.origin == Origin::Connected
}

impl<A: Address, I: Handle> Rib<A, I> {
    /// An empty one, whose table for the data path has at most so many lines of 64 bytes besides its root.
    pub fn with_lines(most: usize) -> Rib<A, I> {
        Rib { keeper: Keeper::with_lines(most), ..Rib::default() }
    }

    /// What the data path reads.
    pub fn fib(&self) -> Fib<A, I> {
        Fib::new(self.keeper.trie().clone())
    }

    /// Adds a route. One with the same prefix, next hop and interface is replaced, and returned.
    ///
    /// # Errors
    /// [`RouteError`]; nothing has changed then.
    pub fn insert(&mut self, route: Route<A, I>) -> Result<Option<Route<A, I>>, RouteError<A>> {
        let replaced = self.routes.insert(route)?;
        if let Err(error) = self.publish(&route.prefix) {
            self.routes.remove(&route.prefix, route.next_hop, route.interface);
            if let Some(replaced) = replaced {
                self.routes.insert(replaced)?;
            }
            return Err(error);
        }
        self.index(&route);
        if let Some(replaced) = replaced {
            self.index(&replaced);
        }
        Ok(replaced)
    }

    /// Adds routes as [`insert`](Self::insert) does, for less than they cost one by one: of all those to one prefix the data
    /// path sees only what comes of them, and that together with what lies near. They are in order of their prefixes.
    ///
    /// # Errors
    /// [`RouteError`], for the first prefix whose routes cannot be. Those to the prefixes before have been added, and no others.
    pub fn insert_all(&mut self, routes: &[Route<A, I>]) -> Result<(), RouteError<A>> {
        let mut replaced = Vec::with_capacity(routes.len());
        let (mut prefixes, mut many) = (Vec::new(), Vec::new());
        let mut result = Ok(());
        for of_one in routes.chunk_by(|a, b| a.prefix == b.prefix) {
            let begin = replaced.len();
            let put = of_one.iter().try_for_each(|route| {
                replaced.push((*route, self.routes.insert(*route)?));
                Ok(())
            });
            let prefix = of_one[0].prefix;
            match put.and_then(|()| self.best(&prefix)) {
                Ok((Some(best), of_it)) => {
                    prefixes.push((prefix.addr(), prefix.prefix_len(), best));
                    many.push(of_it);
                }
                // A prefix with routes has a way.
                Ok((None, _)) => {}
                Err(error) => {
                    self.restore(replaced.drain(begin..));
                    result = Err(error);
                    break;
                }
            }
        }
        let mut had = Vec::new();
        if let Err(there) = self.keeper.insert_all(&prefixes, &mut had) {
            let first = prefixes.get(there).map(|(addr, len, _)| Prefix::covering(*addr, *len));
            let fits = replaced.iter().position(|(route, _)| Some(route.prefix) == first);
            self.restore(replaced.drain(fits.unwrap_or(replaced.len())..));
            prefixes.drain(there..).for_each(|(.., best)| self.let_go(Some(best)));
            many.truncate(there);
            result = Err(RouteError::Full);
        }
        many.into_iter().for_each(|of_it| self.usage.note(of_it));
        self.changes += had.len() as u64;
        had.into_iter().for_each(|old| self.let_go(old));
        for (route, replaced) in replaced {
            // It is there; unless another of these has taken its place, which is seen then.
            self.by_interface.insert((route.interface, is_connected(&route), route.prefix));
            replaced.iter().for_each(|replaced| self.index(replaced));
        }
        result
    }

    /// Takes routes out of control's table that have just come, and puts those back that they replaced.
    fn restore(&mut self, replaced: impl DoubleEndedIterator<Item = (Route<A, I>, Option<Route<A, I>>)>) {
        for (route, replaced) in replaced.rev() {
            self.routes.remove(&route.prefix, route.next_hop, route.interface);
            // It was there a moment ago, so nothing about it can be refused.
            if let Some(replaced) = replaced {
                let _ = self.routes.insert(replaced);
            }
        }
    }

    /// Takes out the route to `prefix` by `next_hop` on `interface`; `None` if there is none.
    ///
    /// # Errors
    /// [`RouteError::Full`]: a node may need more room when it has less in it, and there is none. The route stays.
    pub fn remove(
        &mut self,
        prefix: &Prefix<A>,
        next_hop: Option<A>,
        interface: I,
    ) -> Result<Option<Route<A, I>>, RouteError<A>> {
        let Some(removed) = self.routes.remove(prefix, next_hop, interface) else { return Ok(None) };
        if let Err(error) = self.publish(prefix) {
            self.routes.insert(removed)?;
            return Err(error);
        }
        self.index(&removed);
        Ok(Some(removed))
    }

    /// Takes out all routes of an interface.
    ///
    /// # Errors
    /// As [`remove`](Self::remove), for the first that stays; all others have gone.
    pub fn remove_interface(&mut self, interface: I) -> Result<(), RouteError<A>> {
        let mut result = self.remove_hops(interface);
        for of_addresses in [true, false] {
            for prefix in self.prefixes(interface, of_addresses) {
                result = result.and(self.retain(&prefix, |route| route.interface != interface));
            }
        }
        result
    }

    /// Takes out those routes that the interface's addresses made and whose prefix `keep` does not want.
    ///
    /// # Errors
    /// As [`remove`](Self::remove), for the first that stays; all others have gone.
    pub fn disconnect(
        &mut self,
        interface: I,
        keep: impl Fn(&Prefix<A>) -> bool,
    ) -> Result<(), RouteError<A>> {
        let mut result = Ok(());
        for prefix in self.prefixes(interface, true).into_iter().filter(|prefix| !keep(prefix)) {
            let stays = |route: &Route<A, I>| route.interface != interface || !is_connected(route);
            result = result.and(self.retain(&prefix, stays));
        }
        result
    }

    //= RFC 7084 s4.2 [7084-WPD-5]: what is ours and not in use goes nowhere.
    /// Refuses a prefix; a refusal of the same prefix is replaced.
    ///
    /// # Errors
    /// [`RouteError`]; nothing has changed then.
    pub fn refuse(&mut self, prefix: Prefix<A>, how: Refusal, metric: u32) -> Result<(), RouteError<A>> {
        let before = self.refusals.routes_to(&prefix).next().copied();
        self.unlist(before);
        self.refusals.insert(Route {
            prefix,
            next_hop: None,
            interface: how,
            metric,
            origin: Origin::Static,
        })?;
        if let Err(error) = self.publish(&prefix) {
            self.refusals.remove(&prefix, None, how);
            if let Some(before) = before {
                self.refusals.insert(before)?;
            }
            return Err(error);
        }
        Ok(())
    }

    /// Does not refuse a prefix any more. False if it was not refused.
    ///
    /// # Errors
    /// As [`remove`](Self::remove): it is refused as before.
    pub fn admit(&mut self, prefix: &Prefix<A>) -> Result<bool, RouteError<A>> {
        let Some(before) = self.refusals.routes_to(prefix).next().copied() else { return Ok(false) };
        self.unlist(Some(before));
        if let Err(error) = self.publish(prefix) {
            self.refusals.insert(before)?;
            return Err(error);
        }
        Ok(true)
    }

    /// All routes.
    pub fn routes(&self) -> &Table<A, I> {
        &self.routes
    }

    /// All refusals, each as a route whose "interface" is the way in which it refuses.
    pub fn refusals(&self) -> &Table<A, Refusal> {
        &self.refusals
    }

    /// Whether a route by this interface was put in by `origin`, which is not an address's. A group is the operator's.
    pub fn has_by(&self, interface: I, origin: Origin) -> bool {
        if origin == Origin::Static && self.has_hop_by(interface) {
            return true;
        }
        let from = (interface, false, Prefix::covering(A::of_left_justified(0), 0));
        let mut its =
            self.by_interface.range(from..).take_while(|(on, which, _)| (*on, *which) == (interface, false));
        its.any(|(_, _, prefix)| {
            self.routes.routes_to(prefix).any(|route| route.interface == interface && route.origin == origin)
        })
    }

    /// Bytes of the data path's table: in use, and kept for what comes.
    pub fn bytes(&self) -> (usize, usize) {
        self.keeper.bytes()
    }

    /// How often something changed, ever; what was refused has changed nothing. Who has seen all at one number has seen all as
    /// long as it is that.
    pub fn changes(&self) -> u64 {
        self.changes
    }

    /// Its bounds: how many routes one prefix may have, and has who has the most; the same of the routers that share a prefix's flows;
    /// and how many prefixes may have such.
    pub fn limits(&self) -> [LimitReport; 3] {
        let [groups, hops] = &self.groups.usage;
        [
            LimitReport::new("routes-to-one", MOST_WAYS, self.routes.most_to_one()).with(&self.usage),
            LimitReport::new("nexthops-to-one", MOST_HOPS, self.most_hops()).with(hops),
            LimitReport::new("nexthop-groups", MOST_GROUPS, self.group_count()).with(groups),
        ]
    }

    /// Ways that the data path has before it.
    pub fn ways(&self) -> usize {
        self.ways.len()
    }

    fn unlist(&mut self, refusal: Option<Route<A, Refusal>>) {
        if let Some(refusal) = refusal {
            self.refusals.remove(&refusal.prefix, None, refusal.interface);
        }
    }

    fn prefixes(&self, interface: I, of_addresses: bool) -> Vec<Prefix<A>> {
        let from = (interface, of_addresses, Prefix::covering(A::of_left_justified(0), 0));
        let its = self
            .by_interface
            .range(from..)
            .take_while(|(on, which, _)| (*on, *which) == (interface, of_addresses));
        its.map(|(_, _, prefix)| *prefix).collect()
    }

    fn retain(
        &mut self,
        prefix: &Prefix<A>,
        keep: impl Fn(&Route<A, I>) -> bool,
    ) -> Result<(), RouteError<A>> {
        let gone: Vec<Route<A, I>> =
            self.routes.routes_to(prefix).filter(|route| !keep(route)).copied().collect();
        let mut result = Ok(());
        for route in gone {
            result = result.and(self.remove(prefix, route.next_hop, route.interface).map(|_| ()));
        }
        result
    }

    /// Has control's table hold these routes in the place of those.
    pub(super) fn put_routes(&mut self, before: &[Route<A, I>], after: &[Route<A, I>]) {
        for route in before {
            self.routes.remove(&route.prefix, route.next_hop, route.interface);
        }
        for route in after {
            // It was checked, or has been there.
            let _ = self.routes.insert(*route);
        }
    }

    /// Notes whether the interface has such a route to the prefix.
    pub(super) fn index(&mut self, route: &Route<A, I>) {
        let entry = (route.interface, is_connected(route), route.prefix);
        let same = |other: &Route<A, I>| other.interface == entry.0 && is_connected(other) == entry.1;
        if self.routes.routes_to(&route.prefix).any(same) {
            self.by_interface.insert(entry);
        } else {
            self.by_interface.remove(&entry);
        }
    }

    /// Has the data path see a prefix as it is now.
    pub(super) fn publish(&mut self, prefix: &Prefix<A>) -> Result<(), RouteError<A>> {
        let (best, many) = self.best(prefix)?;
        let before = match best {
            Some(best) => self.keeper.insert(prefix.addr(), prefix.prefix_len(), best),
            None => self.keeper.remove(prefix.addr(), prefix.prefix_len()),
        };
        match before {
            Ok(before) => {
                self.changes += 1;
                self.let_go(before);
                self.usage.note(many);
                self.groups.note(prefix);
            }
            Err(_) => self.let_go(best),
        }
        before.map(|_| ()).map_err(|Full| RouteError::Full)
    }

    /// The best way to a prefix as it is now, with the others behind it, held once more; `None` if there is none. And how many
    /// routes it has, to be noted when they are there to stay.
    fn best(&mut self, prefix: &Prefix<A>) -> Result<(Option<Value>, usize), RouteError<A>> {
        let ways = self.in_order(prefix)?;
        let many = ways.iter().filter(|way| matches!(way, Some(Way::Out { .. }))).count();
        let mut best = None;
        for step in ways.into_iter().rev() {
            let held = match step {
                Some(way) => self.hold(way.meaning(best)),
                None => self.hold_group(prefix, best),
            };
            match held {
                // The one before is held by this one now.
                Ok(value) => best = Some(value),
                Err(Full) => {
                    self.let_go(best);
                    return Err(RouteError::Full);
                }
            }
        }
        Ok((best, many))
    }

    /// All ways to a prefix, the best first; `None` stands for its group.
    fn in_order(&self, prefix: &Prefix<A>) -> Result<Vec<Option<Way<A, I>>>, RouteError<A>> {
        // Of those of one metric a refusal is better than all, and a group than what is no address's.
        let route = |route: &Route<A, I>| {
            let way = Way::Out { interface: route.interface, next_hop: route.next_hop };
            ((route.metric, if is_connected(route) { 1 } else { 3 }), Some(way))
        };
        let mut all: Vec<_> = self.routes.routes_to(prefix).map(route).collect();
        if all.len() > MOST_WAYS {
            self.usage.refuse();
            return Err(RouteError::Ways);
        }
        let refusal = self.refusals.routes_to(prefix).next();
        all.extend(refusal.map(|there| ((there.metric, 0), Some(Way::Refused(there.interface)))));
        all.extend(self.groups.get(prefix).map(|group| ((group.metric(), 2), None)));
        // Routes are in order, and stay so.
        all.sort_by_key(|(rank, _)| *rank);
        Ok(all.into_iter().map(|(_, way)| way).collect())
    }

    /// The value of a way, which has one more user; who that way leads on to has one fewer if it was known.
    pub(super) fn hold(&mut self, meaning: Meaning) -> Result<Value, Full> {
        if let Some((value, users)) = self.ways.get_mut(&meaning) {
            *users += 1;
            let value = *value;
            self.let_go(Way::<A, I>::other(meaning));
            return Ok(value);
        }
        let value = self.keeper.make(meaning)?;
        self.ways.insert(meaning, (value, 1));
        Ok(value)
    }

    /// One user fewer. A way that nobody uses goes, and whatever only it led on to.
    pub(super) fn let_go(&mut self, mut value: Option<Value>) {
        while let Some(there) = value.take() {
            let meaning = self.keeper.trie().read(|table| table.meaning(there));
            let is_last = match hops_of(meaning) {
                Some(_) => self.let_go_group(there, meaning),
                None => self.let_go_way(there, meaning),
            };
            value = Way::<A, I>::other(meaning).filter(|_| is_last);
        }
    }

    /// One user of a single way fewer. Whether it goes.
    fn let_go_way(&mut self, way: Value, meaning: Meaning) -> bool {
        let Some((_, users)) = self.ways.get_mut(&meaning) else { return false };
        *users -= 1;
        if *users > 0 {
            return false;
        }
        self.ways.remove(&meaning);
        self.keeper.release(way);
        true
    }
}

impl<A: Address, I> fmt::Debug for Rib<A, I> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Rib").field("ways", &self.ways.len()).finish_non_exhaustive()
    }
}
