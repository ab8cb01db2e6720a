//! Names that lie on names: resolved in any order, and put into the order in which they can be made.

use std::collections::BTreeMap;
use std::net::IpAddr;

use siding_client as asked;
use siding_client::Bridge;
use siding_client::Lagg;
use siding_client::Vlan;
use siding_stack::Belongings;
use siding_stack::DEEPEST;
use siding_wire::ip6;

use crate::means::Whole;
use crate::means::addressing::Addressing;
use crate::means::interface::InterfaceConfig;
use crate::means::said::On;
use crate::means::said::Said;
use crate::nested::check;
use crate::nested::check::Preferred;
use crate::nested::means::Nested;
use crate::words::wrong::Key;
use crate::words::wrong::Lacks;
use crate::words::wrong::STAND_IN;
use crate::words::wrong::Wrong;

/// One that is to be made, and where it names what it lies on.
struct Item {
    config: Nested,
    /// What it lies on.
    below: Vec<Below>,
}

/// What something lies on.
struct Below {
    name: String,
    /// What leads to that name in the file.
    keys: Vec<Key>,
}

impl Below {
    fn wrong(&self, message: String) -> Wrong {
        Wrong::of(self.keys.clone(), message)
    }
}

/// How far the order has come with an item.
#[derive(Clone, Copy, PartialEq)]
enum Mark {
    New,
    /// Its lower ones are being put before it: whoever meets it now lies on itself.
    Open,
    /// Done, so many interfaces deep.
    Done(usize),
}

/// Everything that lies on other interfaces, lowest first.
pub(super) fn nested(
    vlans: Vec<Said<Vlan>>,
    laggs: Vec<Said<Lagg, Preferred>>,
    bridges: Vec<Said<Bridge>>,
    interfaces: &[InterfaceConfig],
    whole: &Whole,
) -> Result<Vec<Nested>, Wrong> {
    let mut items: Vec<Item> = Vec::new();
    let mut names: Vec<String> = interfaces.iter().map(|interface| interface.name.clone()).collect();
    for (at, said) in vlans.into_iter().enumerate() {
        let vlan = vlan(said, whole).map_err(|wrong| wrong.in_section("vlan", at))?;
        add(&mut items, &mut names, ("vlan", at), vlan)?;
    }
    for (at, said) in laggs.into_iter().enumerate() {
        let lagg = lagg(said, whole).map_err(|wrong| wrong.in_section("lagg", at))?;
        add(&mut items, &mut names, ("lagg", at), lagg)?;
    }
    for (at, said) in bridges.into_iter().enumerate() {
        let bridge = bridge(said, whole).map_err(|wrong| wrong.in_section("bridge", at))?;
        add(&mut items, &mut names, ("bridge", at), bridge)?;
    }
    for below in items.iter().flat_map(|item| &item.below) {
        if !names.contains(&below.name) {
            let names = names.iter().map(String::as_str).filter(|name| !name.starts_with(STAND_IN));
            let names = names.collect::<Vec<_>>().join(", ");
            let message = format!("unknown interface {:?}: this file has {names}", below.name);
            return Err(below.wrong(message).lacking(Lacks::Name(below.name.clone())));
        }
    }
    let owners = owners(&items)?;
    ports_are_free(&items, &owners, interfaces)?;
    let mut order = Vec::new();
    let mut marks = vec![Mark::New; items.len()];
    for at in 0..items.len() {
        visit(&items, at, &mut marks, &mut order)?;
    }
    let mut items: Vec<Option<Item>> = items.into_iter().map(Some).collect();
    Ok(order.into_iter().filter_map(|at| items[at].take()).map(|item| item.config).collect())
}

/// Puts it to the others; its table is so far down the list of its section.
fn add(
    items: &mut Vec<Item>,
    names: &mut Vec<String>,
    (section, at): (&'static str, usize),
    config: Nested,
) -> Result<(), Wrong> {
    let name = config.name();
    if names.iter().any(|other| other == name) {
        let message = format!("a second interface named {name:?}: give each a name of its own");
        return Err(Wrong::of(vec![Key::Name("name")], message).in_section(section, at));
    }
    names.push(name.to_owned());
    let below = |(name, keys): (&str, Vec<Key>)| Below {
        name: name.to_owned(),
        keys: [Key::Name(section), Key::At(at)].into_iter().chain(keys).collect(),
    };
    let below = config.below().into_iter().map(below).collect();
    items.push(Item { config, below });
    Ok(())
}

/// With what is said of it as of any interface.
fn addressed(mut nested: Nested, said: &asked::Addressing, on: On, whole: &Whole) -> Result<Nested, Wrong> {
    *nested.addressing_mut() = Addressing::said(said, on, nested.mtu(), whole)?;
    Ok(nested)
}

fn vlan(said: Said<Vlan>, whole: &Whole) -> Result<Nested, Wrong> {
    addressed(Nested::Vlan(check::vlan(said.own)?), &said.addressing, said.on, whole)
}

fn lagg(said: Said<Lagg, Preferred>, whole: &Whole) -> Result<Nested, Wrong> {
    let lagg = check::preferred(check::lagg(said.own)?, said.file)?;
    addressed(Nested::Lagg(lagg), &said.addressing, said.on, whole)
}

fn bridge(said: Said<Bridge>, whole: &Whole) -> Result<Nested, Wrong> {
    addressed(Nested::Bridge(check::bridge(said.own)?), &said.addressing, said.on, whole)
}

/// Each port, and whose it is.
fn owners(items: &[Item]) -> Result<BTreeMap<String, String>, Wrong> {
    let mut owners: BTreeMap<String, String> = BTreeMap::new();
    for item in items.iter().filter(|item| item.config.has_ports()) {
        for port in &item.below {
            if let Some(other) = owners.insert(port.name.clone(), item.config.name().to_owned()) {
                return Err(port.wrong(format!("{} is a port of {other} already: leave one out", port.name)));
            }
        }
    }
    Ok(owners)
}

fn is_link_local(address: IpAddr) -> bool {
    matches!(address, IpAddr::V6(address) if ip6::is_link_local(address))
}

/// What a table says that a port cannot have. Routes, groups and neighbours have tables of their own.
fn belongings(own: &Addressing) -> Option<Belongings> {
    let has = [
        // Link-local ones it has when it is released.
        (Belongings::Addresses, !own.addresses.iter().all(|own| is_link_local(own.address()))),
        (Belongings::Anycast, !own.anycast.is_empty()),
        (Belongings::Autoconf, own.autoconf.is_some()),
        (Belongings::Advertisements, own.advertise.is_some()),
    ];
    has.into_iter().find(|(_, has)| *has).map(|(what, _)| what)
}

/// Ports have no addresses and no VLANs of their own.
fn ports_are_free(
    items: &[Item],
    owners: &BTreeMap<String, String>,
    interfaces: &[InterfaceConfig],
) -> Result<(), Wrong> {
    let belongings = |name: &str| {
        let device = interfaces.iter().find(|one| one.name == name).map(|one| one.addressing.clone());
        let nested = items.iter().find(|one| one.config.name() == name);
        device.or_else(|| nested.map(|one| one.config.addressing().clone())).as_ref().and_then(belongings)
    };
    for item in items {
        for below in &item.below {
            let (name, above) = (below.name.as_str(), item.config.name());
            if let Some(what) = belongings(name).filter(|_| item.config.has_ports()) {
                return Err(
                    below.wrong(format!("{name} has {what}, and a port has none: move them to {above}"))
                );
            }
            let is_bridge = |one: &Item| one.config.name() == name && matches!(one.config, Nested::Bridge(_));
            if item.config.has_ports() && items.iter().any(is_bridge) {
                return Err(
                    below.wrong(format!("{name} is a bridge, and no port: give its ports to {above}"))
                );
            }
            if let (false, Some(owner)) = (item.config.has_ports(), owners.get(name)) {
                let message = format!("{name} is a port of {owner}: put {above} on {owner} instead");
                return Err(below.wrong(message));
            }
        }
    }
    Ok(())
}

/// Puts what `at` lies on before it, then itself; gives how deep it lies.
fn visit(items: &[Item], at: usize, marks: &mut [Mark], order: &mut Vec<usize>) -> Result<usize, Wrong> {
    if let Mark::Done(depth) = marks[at] {
        return Ok(depth);
    }
    marks[at] = Mark::Open;
    let mut depth = 0;
    for below in &items[at].below {
        let Some(lower) = items.iter().position(|item| item.config.name() == below.name) else {
            depth = depth.max(1);
            continue;
        };
        if marks[lower] == Mark::Open {
            let name = &below.name;
            let message =
                format!("{name} lies on {} already, and nothing can lie on itself", items[at].config.name());
            return Err(below.wrong(message + ": name another interface here or there"));
        }
        depth = depth.max(1 + visit(items, lower, marks, order)?);
        if depth > DEEPEST {
            let message =
                format!("interfaces may lie {DEEPEST} deep on each other, and this would be deeper");
            return Err(below.wrong(message + ": leave one level out"));
        }
    }
    marks[at] = Mark::Done(depth);
    order.push(at);
    Ok(depth)
}
