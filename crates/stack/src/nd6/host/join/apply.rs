//! What a host knows becomes addresses, routes and parameters of the snapshot.

mod reroute;

use std::collections::BTreeMap;
use std::net::Ipv6Addr;
use std::sync::Arc;
use std::time::Duration;

use siding_netisr::IfId;
use siding_netisr::Instant;
use siding_wire::Mac;
use siding_wire::ip6;

use reroute::reroute;

use super::disconnect;
use crate::alarm::Alarm;
use crate::event::Event;
use crate::ifnet::Addr6;
use crate::ifnet::AddrOrigin;
use crate::ifnet::Back;
use crate::ifnet::FirstHops;
use crate::ifnet::Interface;
use crate::ifnet::Use;
use crate::nd6::dad::Dad;
use crate::nd6::dad::DadConfig;
use crate::nd6::dad::DadState;
use crate::nd6::dad::MAX_RTR_SOLICITATION_DELAY;
use crate::nd6::due::Hosting;
use crate::nd6::due::Probed;
use crate::nd6::host::Accept;
use crate::nd6::host::Gone;
use crate::nd6::host::Host;
use crate::nd6::host::HostConfig;
use crate::nd6::host::HostEvent;
use crate::nd6::host::Link;
use crate::nd6::host::Owned;
use crate::nd6::host::Params;
use crate::nd6::host::Phase;
use crate::nd6::router;
use crate::route::Route;
use crate::stack::Change;
use crate::stack::Control;
use crate::stack::Shared;
use siding_machines::chance::Chance;

/// A change of a lifetime that is not worth a snapshot of its own. The machine has the exact time.
const UNNOTICED: Duration = Duration::from_secs(1);

/// All of them, as control keeps them.
pub(crate) type Hosts = BTreeMap<IfId, HostState>;

/// One interface's host.
#[derive(Debug)]
pub(crate) struct HostState {
    pub(crate) host: Host,
    pub(crate) alarm: Alarm,
    /// The routes that it has put into the table.
    routes: Vec<Route<Ipv6Addr>>,
    /// Those that it wanted there the last time.
    wanted: Vec<Route<Ipv6Addr>>,
    /// What the table had no room for, as it was told. Tried again when the host is looked at and the table has changed.
    amiss: Vec<String>,
    /// Some gave way to somebody else's. They, too, are tried again.
    gave_way: bool,
    /// How often the table had changed when they were tried.
    tried: u64,
    /// Its own times, in place of the stack's.
    pub(crate) times: Times,
    /// Somebody else has changed the table: learnt routes that had to give way may come back.
    pub(crate) overlaid: bool,
}

/// Times of an interface's neighbours; `None` is the stack's. What a router advertises goes before either.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Times {
    /// BaseReachableTime.
    pub(crate) reachable: Option<Duration>,
    /// RetransTimer.
    pub(crate) retrans: Option<Duration>,
}

impl HostState {
    /// A new interface's: it learns nothing until it is told to.
    pub(crate) fn listening_to_nobody(name: &str, dad: DadConfig) -> HostState {
        // The rest of the link is looked up whenever it is needed.
        let link = Link {
            name: name.to_string(),
            mac: Mac::ZERO,
            mtu: 0,
            reachable_time: Duration::ZERO,
            secret: [0; 16],
            dad,
        };
        // Chance has no part in what does nothing.
        let host = Host::new(HostConfig::off(), link, false, Instant::ZERO, &mut Chance::new(0));
        HostState {
            host,
            alarm: Alarm::default(),
            routes: Vec::new(),
            wanted: Vec::new(),
            amiss: Vec::new(),
            gave_way: false,
            tried: 0,
            times: Times::default(),
            overlaid: false,
        }
    }
}

/// Makes the snapshot say what the host has come to, has the timer come by for what is next, and gives what is to be
/// told once no lock is held.
pub(crate) fn settle(change: &mut Change<'_, '_>, id: IfId) -> Vec<Event> {
    let (shared, now) = (change.shared, change.now);
    let config = shared.config.load();
    // A port has no addresses, and goes on when it is released.
    let Some(interface) = config.interface(id).filter(|there| there.member_of.is_none()) else {
        return Vec::new();
    };
    let Some(mut state) = change.control.rooms.of::<Hosts>().remove(&id) else { return Vec::new() };
    state.host.set_link(interface.mac, interface.own_mtu);
    let addrs = addresses(change, &mut state.host, interface);
    let wanted = with_parameters(interface, &state.host, addrs);
    let routes = state.host.routes(id);
    let manual: Vec<Addr6> =
        wanted.addrs6.iter().filter(|own| own.origin == AddrOrigin::Manual).copied().collect();
    let manuals = |addrs: &[Addr6]| addrs.iter().filter(|own| own.origin == AddrOrigin::Manual).count();
    // One that was given by hand takes the prefix that came with it along.
    let expired = manuals(&wanted.addrs6) < manuals(&interface.addrs6);
    state.overlaid |= expired;
    // A router tells its hosts at once.
    let fresh = |addrs: &[Addr6]| {
        addrs.iter().filter(|own| own.origin == AddrOrigin::Manual && !own.deprecated).count()
    };
    let aged = expired || fresh(&wanted.addrs6) < fresh(&interface.addrs6);
    // Without a change in between, what found no place finds none now: whoever sends advertisements could have all that is
    // there put in again, and the snapshot made anew, with each.
    let waiting = state.gave_way || !state.amiss.is_empty();
    let retried = waiting && state.tried != config.routing_at(id).routes().rib6().changes();
    let rerouted = std::mem::take(&mut state.overlaid) || retried || state.wanted != routes;
    let mut amiss = Vec::new();
    if rerouted || differs(interface, &wanted) {
        shared.change(change.control, |config| {
            if let Some(interface) = config.interface_mut(id) {
                *interface = wanted;
            }
        });
        let config = shared.config.load();
        if expired {
            amiss = disconnect(&config, id);
        }
        if rerouted {
            let (there, failed, gave_way) = reroute(&config, id, &state.routes, &routes);
            state.routes = there;
            state.wanted = routes;
            state.gave_way = gave_way;
            state.tried = config.routing_at(id).routes().rib6().changes();
            let new = failed.iter().filter(|what| !state.amiss.contains(what));
            amiss.extend(new.map(|what| Event::RouteAmiss { interface: id, what: what.clone() }));
            state.amiss = failed;
        }
    }
    let ages = |own: &Addr6| own.next_age(now);
    let deadline = manual.iter().map(ages).chain(state.host.deadline(now)).min();
    let deadline = deadline.filter(|deadline| *deadline < Instant::NEVER);
    shared.timers.set(change.ctx, &mut state.alarm, deadline, || Hosting(id));
    let events = state.host.take_events().into_iter().map(|what| Event::Host { interface: id, what });
    let events = events.chain(amiss).collect();
    change.control.rooms.of::<Hosts>().insert(id, state);
    if aged {
        router::renew(change, id);
    }
    events
}

/// Begins duplicate address detection of an address, with the first question at `first`; gives the state to begin with.
pub(crate) fn begin_detection(
    change: &mut Change<'_, '_>,
    (on, addr): (IfId, Ipv6Addr),
    rules: &DadConfig,
    optimistic: bool,
    first: Instant,
) -> DadState {
    let Change { shared, control, ctx, .. } = change;
    let begin = if optimistic { Dad::new_optimistic } else { Dad::new };
    let dad = begin(first, Duration::ZERO, rules);
    control.dads.remove(&(on, addr));
    if let Some(deadline) = dad.deadline() {
        control.dads.insert((on, addr), dad);
        shared.timers.arm(ctx, deadline, Probed(on, addr));
    }
    dad.state()
}

/// Duplicate address detection of an address has come to an end. To be called when the snapshot says so.
pub(crate) fn detected(
    change: &mut Change<'_, '_>,
    (on, addr): (IfId, Ipv6Addr),
    before: DadState,
    passed: bool,
) -> Vec<Event> {
    let (shared, now) = (change.shared, change.now);
    let Control { rooms, chance, .. } = &mut *change.control;
    let Some(state) = rooms.of::<Hosts>().get_mut(&on) else { return Vec::new() };
    state.host.on_detected(now, addr, passed, chance);
    //= RFC 4862 s5.4.5 [4862-6]: with IP stopped, nobody is asked for and nothing announced.
    if shared.config.load().interface(on).is_none_or(|interface| !interface.is_fit(Use::Ip6)) {
        state.host.went_down();
    }
    // An optimistic one was announced when it was made.
    if passed && before == DadState::Tentative {
        state.host.on_usable(now, addr);
    }
    settle(change, on)
}

/// The interface's addresses as they ought to be. Begins the detection of new ones, and ends that of those that go.
fn addresses(change: &mut Change<'_, '_>, host: &mut Host, interface: &Interface) -> Arc<[Addr6]> {
    let now = change.now;
    let id = interface.ifnet.id;
    let is_wanted = |own: &Addr6| {
        let lives = |owned: &Owned| owned.addr == own.addr && !matches!(owned.phase, Phase::Again(_));
        match own.origin {
            AddrOrigin::Manual => own.valid_until > now,
            AddrOrigin::Autoconf | AddrOrigin::Temporary => host.owned().any(lives),
        }
    };
    let (mut addrs, gone): (Vec<Addr6>, Vec<Addr6>) = interface.addrs6.iter().partition(|own| is_wanted(own));
    for own in gone {
        change.control.dads.remove(&(id, own.addr));
        host.on_gone(own.addr);
        if own.origin == AddrOrigin::Manual {
            host.tell(HostEvent::AddressRemoved(own.addr, Gone::Expired));
        }
    }
    //= RFC 4862 s5.5.4 [4862-9]: addresses given by hand may have lifetimes as well.
    for own in addrs.iter_mut().filter(|own| own.origin == AddrOrigin::Manual && !own.deprecated) {
        if own.preferred_until <= now {
            own.deprecated = true;
            host.tell(HostEvent::AddressDeprecated(own.addr));
        }
    }
    let owned: Vec<Owned> =
        host.owned().filter(|owned| !matches!(owned.phase, Phase::Again(_))).cloned().collect();
    for owned in owned {
        let lifetimes = |own: Addr6| Addr6 {
            deprecated: owned.deprecated,
            preferred_until: owned.preferred_until,
            valid_until: owned.valid_until,
            ..own
        };
        match addrs.iter_mut().find(|own| own.addr == owned.addr) {
            // The operator has given the same one: it is the operator's.
            Some(own) if own.origin == AddrOrigin::Manual => {}
            Some(own) => *own = lifetimes(*own),
            None => {
                //= RFC 4862 s5.4.2 [4862-2]: after a multicast advertisement all hosts would speak at once.
                let first = now + change.control.chance.between(Duration::ZERO, MAX_RTR_SOLICITATION_DELAY);
                let (rules, optimistic) = (host.dad_config(), host.is_optimistic());
                let key = (id, owned.addr);
                let state = begin_detection(change, key, &rules, optimistic, first);
                let manual = Addr6::manual(owned.addr, owned.prefix.prefix_len(), state);
                addrs.push(lifetimes(Addr6 { origin: owned.origin, ..manual }));
                if state == DadState::Preferred {
                    host.on_detected(now, owned.addr, true, &mut change.control.chance);
                }
                if state != DadState::Tentative {
                    host.on_usable(now, owned.addr);
                }
            }
        }
    }
    addrs.sort_by_key(|own| !ip6::is_link_local(own.addr));
    addrs.into()
}

/// The interface with what routers say of the link.
fn with_parameters(interface: &Interface, host: &Host, addrs6: Arc<[Addr6]>) -> Interface {
    let params = host.params();
    let mut wanted = Interface { addrs6, ..interface.clone() };
    if let Some(hop_limit) = params.hop_limit {
        wanted.hop_limit = hop_limit;
    }
    if let Some(mtu) = params.mtu {
        wanted.mtu = mtu.min(interface.own_mtu);
    }
    if let Some(retrans_timer) = params.retrans_timer {
        wanted.nud.retrans_timer = retrans_timer;
    }
    if let Some(reachable_time) = params.reachable_time {
        wanted.nud.reachable_time = reachable_time;
    }
    let mut advertised: Vec<_> = host
        .owned()
        .flat_map(|owned| owned.advertised_by.iter().map(|router| (owned.prefix, *router)))
        .collect();
    advertised.sort();
    advertised.dedup();
    let first_hops = FirstHops {
        watched: host.next_hops(),
        advertised,
        accepts: host.accepts(),
        accepts_as_host: host.config().accept == Accept::UnlessForwarding && !host.accepts(),
        accepts_redirects: host.accepts_redirects(),
        full: host.is_full(),
    };
    if *wanted.first_hops != first_hops {
        wanted.first_hops = Arc::new(first_hops);
    }
    wanted
}

fn differs(is: &Interface, wanted: &Interface) -> bool {
    let near = |a: Instant, b: Instant| a.since(b).max(b.since(a)) < UNNOTICED;
    let same = |a: &Addr6, b: &Addr6| {
        let lifetimes =
            |own: &Addr6| Addr6 { preferred_until: a.preferred_until, valid_until: a.valid_until, ..*own };
        near(a.preferred_until, b.preferred_until)
            && near(a.valid_until, b.valid_until)
            && lifetimes(a) == lifetimes(b)
    };
    let addrs = is.addrs6.len() == wanted.addrs6.len()
        && is.addrs6.iter().zip(wanted.addrs6.iter()).all(|(a, b)| same(a, b));
    !addrs
        || (is.hop_limit, is.mtu, is.nud) != (wanted.hop_limit, wanted.mtu, wanted.nud)
        || is.first_hops != wanted.first_hops
}

/// The rules for duplicate address detection on an interface.
pub(crate) fn dad_config(control: &mut Control, on: IfId) -> DadConfig {
    let usual = control.dad;
    control.rooms.of::<Hosts>().get(&on).map_or(usual, |state| state.host.dad_config())
}

/// What a machine is to know of its interface.
pub(crate) fn link(interface: &Interface, reachable_time: Duration, control: &mut Control) -> Link {
    let times =
        control.rooms.of::<Hosts>().get(&interface.ifnet.id).map(|state| state.times).unwrap_or_default();
    Link {
        name: interface.ifnet.name.clone(),
        mac: interface.mac,
        mtu: interface.own_mtu,
        reachable_time: times.reachable.unwrap_or(reachable_time),
        secret: control.secret,
        dad: DadConfig { retrans_timer: times.retrans.unwrap_or(control.dad.retrans_timer), ..control.dad },
    }
}

/// Begins to test those of an interface's addresses that are tentative and of which nobody has begun to.
pub(crate) fn retest(change: &mut Change<'_, '_>, id: IfId) -> Vec<Event> {
    let config = change.shared.config.load();
    let Some(interface) = config.interface(id) else { return Vec::new() };
    let there = |addr| interface.addr6(addr).is_some();
    change.control.dads.retain(|(on, addr), _| *on != id || there(*addr));
    let rules = dad_config(change.control, id);
    for own in interface.addrs6.iter().filter(|own| own.detect && own.state == DadState::Tentative) {
        if !change.control.dads.contains_key(&(id, own.addr)) {
            let wait = change.control.chance.between(Duration::ZERO, MAX_RTR_SOLICITATION_DELAY);
            begin_detection(change, (id, own.addr), &rules, false, change.now + wait);
        }
    }
    settle(change, id)
}

/// An interface has come up: its addresses are tested, and routers asked for. On the same link as a moment ago, what was in
/// use stays so meanwhile.
pub(crate) fn came_up(change: &mut Change<'_, '_>, id: IfId, back: Back) -> Vec<Event> {
    let (shared, now) = (change.shared, change.now);
    let config = shared.config.load();
    let Some(interface) = config.interface(id) else { return Vec::new() };
    let Control { rooms, chance, .. } = &mut *change.control;
    let Some(state) = rooms.of::<Hosts>().get_mut(&id) else { return Vec::new() };
    state.host.came_up(now, chance);
    let (rules, optimistic) = (state.host.dad_config(), state.host.is_optimistic());
    //= RFC 4862 s5.4.2 [4862-2]: an interface that begins again waits a random while before its first message.
    let first = now + chance.between(Duration::ZERO, MAX_RTR_SOLICITATION_DELAY);
    let addrs: Vec<Addr6> = interface
        .addrs6
        .iter()
        .map(|own| {
            if !own.detect {
                return *own;
            }
            let key = (id, own.addr);
            let optimistic = optimistic && own.origin != AddrOrigin::Manual;
            let state = begin_detection(change, key, &rules, optimistic, first);
            match own.state == DadState::Preferred && back == Back::Same {
                true => Addr6 { retested: state != DadState::Preferred, ..*own },
                false => Addr6 { state, retested: false, ..*own },
            }
        })
        .collect();
    shared.change(change.control, |config| {
        if let Some(interface) = config.interface_mut(id) {
            interface.addrs6 = addrs.into();
            interface.stopped = None;
        }
    });
    settle(change, id)
}

/// Sets back what routers said of the link.
pub(crate) fn unlearn(shared: &Shared, control: &mut Control, id: IfId, learnt: &Params) {
    let times = control.rooms.of::<Hosts>().get(&id).map(|state| state.times).unwrap_or_default();
    shared.change(control, |config| {
        let Some(interface) = config.interface_mut(id) else { return };
        if learnt.mtu.is_some() {
            interface.mtu = interface.own_mtu;
        }
        if learnt.hop_limit.is_some() {
            interface.hop_limit = interface.own_hop_limit;
        }
        if learnt.retrans_timer.is_some() {
            interface.nud.retrans_timer = times.retrans.unwrap_or(shared.nud.retrans_timer);
        }
        interface.nud.reachable_time = times.reachable.unwrap_or(shared.nud.reachable_time);
    });
}

/// The stack forwards from now on, or no longer: hosts become routers, or hosts again.
pub(crate) fn forwarding_changed(change: &mut Change<'_, '_>) -> Vec<Event> {
    let forwarding = change.shared.config.load().forwarding;
    let ids: Vec<IfId> = change.control.rooms.of::<Hosts>().keys().copied().collect();
    let mut events = Vec::new();
    for id in ids {
        let Control { rooms, chance, .. } = &mut *change.control;
        if let Some(state) = rooms.of::<Hosts>().get_mut(&id) {
            state.host.set_forwarding(forwarding, change.now, chance);
        }
        events.extend(settle(change, id));
    }
    events
}

#[cfg(all(test, not(any(siding_loom, siding_shuttle))))]
mod tests;
