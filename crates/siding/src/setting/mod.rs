//! The list of all settings: which kinds there are, and what of a configuration they are.
//!
//! A configuration is a list of settings, in the order in which they can be put into effect ([`all`]). The start applies all
//! of them; a command adds, replaces or takes away some; a reload compares two lists ([`plan`]).
//!
//! # Teardown: that of each kind.

mod exchange;
pub(crate) mod plan;

use std::any::TypeId;
use std::mem::take;

use toml::Table;

use crate::address::setting::Address;
use crate::address::setting::Anycast;
use crate::address::setting::LinkLocal;
use crate::address::setting::NoDetection;
use crate::config::Config;
use crate::filter::setting::Filtered;
use crate::group::setting::Joined;
use crate::host::setting::Advertises;
use crate::host::setting::Learns;
use crate::interface::setting::Attached;
use crate::interface::setting::Bounds;
use crate::interface::setting::Down;
use crate::interface::setting::HopLimit;
use crate::interface::setting::PointToPoint;
use crate::interface::setting::Times;
use crate::means::addressing::Addressing;
use crate::neighbor::setting::StaticNeighbor;
use crate::nested::means::Nested;
use crate::nested::port::Port;
use crate::nested::port::Primary;
use crate::nested::setting::Bridged;
use crate::nested::setting::Lagged;
use crate::nested::setting::Tagged;
use crate::nested::setting::VlanMtu;
use crate::protocol::setting::Configured;
use crate::route::setting::Refused;
use crate::route::setting::Routed;
use crate::state::page::Page;
use crate::state::running::Loaded;
use crate::state::setting::Any;
use crate::switch::Switch;

/// The kinds, in the order in which a file says them.
fn kinds() -> [TypeId; 25] {
    [
        TypeId::of::<Switch>(),
        TypeId::of::<Configured>(),
        TypeId::of::<Attached>(),
        TypeId::of::<Tagged>(),
        TypeId::of::<Lagged>(),
        TypeId::of::<Bridged>(),
        TypeId::of::<VlanMtu>(),
        TypeId::of::<Port>(),
        TypeId::of::<Primary>(),
        TypeId::of::<Down>(),
        TypeId::of::<HopLimit>(),
        TypeId::of::<PointToPoint>(),
        TypeId::of::<Times>(),
        TypeId::of::<Bounds>(),
        TypeId::of::<NoDetection>(),
        TypeId::of::<Learns>(),
        TypeId::of::<LinkLocal>(),
        TypeId::of::<Address>(),
        TypeId::of::<Anycast>(),
        TypeId::of::<Refused>(),
        TypeId::of::<Advertises>(),
        TypeId::of::<Routed>(),
        TypeId::of::<Joined>(),
        TypeId::of::<StaticNeighbor>(),
        TypeId::of::<Filtered>(),
    ]
}

/// All of these as a file says them, and what holds from the start to the end of a run.
pub(crate) fn page<'s>(begun: &Table, settings: impl Iterator<Item = &'s Any>) -> Page {
    let mut page = Page::new(begun);
    // Whatever the order in which they came: an interface is said before what is on it.
    let (makers, mut others): (Vec<&Any>, Vec<&Any>) = settings.partition(|one| one.makes().is_some());
    // The same is said in the same words.
    let kinds = kinds();
    others.sort_by_key(|one| kinds.iter().position(|kind| *kind == one.kind()));
    makers.into_iter().chain(others).for_each(|one| one.say(&mut page));
    page
}

impl Loaded {
    /// Takes apart what makes sense, and has `begun` in it for what is of the start. Lists that may be long stand among the
    /// settings alone.
    pub(crate) fn new((mut config, begun): (Config, Table)) -> Loaded {
        Loaded { settings: all(&mut config), config, begun }
    }
}

/// Everything that a configuration says and that can be changed while it runs, in an order in which it can be applied.
/// Lists that may be long are moved out of it.
pub(crate) fn all(config: &mut Config) -> Vec<Any> {
    let mut all: Vec<Any> = Vec::new();
    // Before any interface, so that nothing passes unfiltered.
    all.extend(config.filter.iter().map(|filter| Filtered(filter.clone()).into()));
    all.extend(crate::switch::all(&config.stack).map(Any::from));
    all.extend(config.sections.iter().cloned().map(|said| Configured(said).into()));
    for interface in &config.interfaces {
        all.push(Attached::new(interface).into());
        all.extend(on(&interface.name, &interface.addressing));
    }
    for nested in &config.nested {
        all.extend(of_nested(nested));
    }
    // When a port is one: it has no use for an address before it is released.
    let is_ports = |setting: &Any| {
        (setting.get::<LinkLocal>().is_some() || setting.get::<Address>().is_some())
            && setting.on().iter().any(|on| config.nested.iter().any(|owner| owner.has_port(on)))
    };
    let (ports, others): (Vec<Any>, Vec<Any>) = all.into_iter().partition(is_ports);
    all = others.into_iter().chain(ports).collect();
    all.extend(take(&mut config.refusals).into_iter().map(|refusal| Refused(refusal).into()));
    let addressings = config.interfaces.iter().map(|one| (one.name.clone(), one.addressing.clone()));
    let nested = config.nested.iter().map(|one| (one.name().to_owned(), one.addressing().clone()));
    for (name, addressing) in addressings.chain(nested) {
        all.extend(addressing.advertise.map(|advertise| Advertises { on: name, advertise }.into()));
    }
    all.extend(take(&mut config.routes).into_iter().map(|route| Routed(route).into()));
    all.extend(take(&mut config.groups).into_iter().map(|group| Joined(group).into()));
    all.extend(take(&mut config.neighbors).into_iter().map(|neighbor| StaticNeighbor(neighbor).into()));
    all
}

/// What makes an interface on others, and what is on it, but for what it advertises.
pub(crate) fn of_nested(nested: &Nested) -> Vec<Any> {
    let name = nested.name();
    let mut all = crate::nested::setting::made(nested);
    all.extend(on(name, nested.addressing()));
    all
}

/// What is on an interface, but for what it advertises: that comes when all are there.
pub(crate) fn on(name: &str, addressing: &Addressing) -> Vec<Any> {
    let mut all = crate::interface::setting::all(name, addressing);
    let learns = |autoconf| Learns { on: name.to_owned(), autoconf }.into();
    // Before the link-local address, which may be made of its secret.
    all.extend(addressing.autoconf.clone().map(learns));
    all.extend(crate::address::setting::all(name, addressing));
    all
}

#[cfg(test)]
mod tests;
