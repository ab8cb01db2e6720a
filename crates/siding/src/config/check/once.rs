//! What may be in a file only once, or only so often, wherever it stands.

use std::collections::HashMap;
use std::hash::Hash;
use std::net::IpAddr;

use siding_client::Addressing;
use siding_client::Interface;
use siding_client::Vlan;
use siding_client::value::Driver;
use siding_wire::ip6;

use crate::config::MOST_INTERFACES;
use crate::config::file::File;
use crate::means::said::Said;
use crate::words::wrong::Key;
use crate::words::wrong::Lacks;
use crate::words::wrong::Wrong;
use crate::words::wrong::wrong;

/// Whose each thing is.
struct Owners<'f, T>(HashMap<T, &'f str>);

impl<'f, T: Hash + Eq> Owners<'f, T> {
    fn new() -> Owners<'f, T> {
        Owners(HashMap::new())
    }

    /// Whose it is already; `owner`'s from now on if nobody's.
    fn other(&mut self, what: T, owner: &'f str) -> Option<&'f str> {
        let first = *self.0.entry(what).or_insert(owner);
        // Of a list with two of the same, the list's own check tells.
        (first != owner).then_some(first)
    }
}

/// What cannot be read here is told of elsewhere.
pub(super) fn check(file: &File) -> Result<(), Wrong> {
    room(file)?;
    devices(file)?;
    addresses(file)?;
    vlans(file)?;
    Ok(())
}

/// Every interface's section, place there and name, in the order in which they are made.
fn names(file: &File) -> impl Iterator<Item = (&'static str, usize, &str)> {
    fn of<'f, T, F>(
        section: &'static str,
        all: &'f [Said<T, F>],
        name: impl Fn(&'f T) -> &'f str,
    ) -> impl Iterator<Item = (&'static str, usize, &'f str)> {
        all.iter().enumerate().map(move |(at, one)| (section, at, name(&one.own)))
    }
    let devices = of("interface", &file.interface, |one| &one.name);
    let vlans = of("vlan", &file.vlan, |one| &one.name);
    let laggs = of("lagg", &file.lagg, |one| &one.name);
    devices.chain(vlans).chain(laggs).chain(of("bridge", &file.bridge, |one| &one.name))
}

/// What is said of the addresses of each, in the same order.
fn addressings(file: &File) -> impl Iterator<Item = &Addressing> {
    let devices = file.interface.iter().map(|one| &one.addressing);
    let vlans = file.vlan.iter().map(|one| &one.addressing);
    let laggs = file.lagg.iter().map(|one| &one.addressing);
    devices.chain(vlans).chain(laggs).chain(file.bridge.iter().map(|one| &one.addressing))
}

fn room(file: &File) -> Result<(), Wrong> {
    let all = names(file).count();
    match names(file).nth(MOST_INTERFACES) {
        None => Ok(()),
        Some((section, at, _)) => {
            let message = format!("{all} interfaces, and there may be {MOST_INTERFACES}: leave some out");
            Err(Wrong::of(vec![Key::Name("name")], message).in_section(section, at).lacking(Lacks::Room))
        }
    }
}

fn devices(file: &File) -> Result<(), Wrong> {
    let mut owners = Owners::new();
    for (at, said) in file.interface.iter().enumerate() {
        let Interface { name, driver, device, .. } = &said.own;
        // Wires in memory are there to be shared.
        if driver.is_none_or(|driver| driver == Driver::Memory) {
            continue;
        }
        let (key, device) = device.as_ref().map_or(("name", name), |device| ("device", device));
        if let Some(other) = owners.other(device, name) {
            let message =
                format!("{device} carries {other} already: give each interface a `device` of its own");
            return Err(Wrong::of(vec![Key::Name(key)], message).in_section("interface", at));
        }
    }
    Ok(())
}

fn addresses(file: &File) -> Result<(), Wrong> {
    let mut owners = Owners::new();
    for ((section, at, name), said) in names(file).zip(addressings(file)) {
        for (place, own) in said.addresses.iter().enumerate() {
            let address = own.cidr.address();
            // These are of one link.
            if matches!(address, IpAddr::V6(address) if ip6::is_link_local(address)) {
                continue;
            }
            if let Some(other) = owners.other(address, name) {
                let message = format!("{address} is {other}'s already: leave one out");
                let keys = vec![Key::Name("addresses"), Key::At(place)];
                return Err(Wrong::of(keys, message).in_section(section, at));
            }
        }
    }
    for one in &file.interface {
        for address in &one.on.anycast {
            if let Some(owner) = owners.0.get(&IpAddr::V6(*address.get_ref())) {
                let message =
                    format!("{} is among the `addresses` of {owner}: leave one out", address.get_ref());
                return wrong(address, message);
            }
        }
    }
    Ok(())
}

fn vlans(file: &File) -> Result<(), Wrong> {
    let mut owners = Owners::new();
    for (at, said) in file.vlan.iter().enumerate() {
        let Vlan { name, parent, vid, protocol, .. } = &said.own;
        if let Some(other) = owners.other((parent, *vid, *protocol), name) {
            let message = format!("VLAN {vid} on {parent} is {other} already: give another `vid`");
            return Err(Wrong::of(vec![Key::Name("vid")], message).in_section("vlan", at));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use crate::config::Config;

    fn error(text: &str) -> String {
        Config::parse(Path::new("host.toml"), text).unwrap_err().to_string()
    }

    fn interface(name: &str, more: &str) -> String {
        format!("[[interface]]\nname = \"{name}\"\ndriver = \"packet\"\n{more}\n")
    }

    #[test]
    fn what_may_be_there_once() {
        let a = interface("a", "addresses = [\"2001:db8::1/64\", \"fe80::1/64\", \"192.0.2.1/24\"]");
        let route = "[[route]]\nto = \"default\"\nvia = \"2001:db8::9\"\n";
        let neighbor =
            "[[neighbor]]\ninterface = \"a\"\naddress = \"192.0.2.9\"\nmac = \"02:00:00:00:00:09\"\n";
        let vlan = |name: &str| format!("[[vlan]]\nname = \"{name}\"\nparent = \"a\"\nvid = 5\n");
        for (more, expected) in [
            (
                interface("b", "device = \"a\""),
                "a carries a already: give each interface a `device` of its own",
            ),
            (interface("b", "addresses = [\"2001:db8::1/48\"]"), "2001:db8::1 is a's already"),
            (interface("b", "addresses = [\"192.0.2.1/32\"]"), "192.0.2.1 is a's already"),
            (interface("b", "anycast = [\"2001:db8::1\"]"), "2001:db8::1 is among the `addresses` of a"),
            (vlan("v") + "addresses = [\"192.0.2.1/24\"]", "192.0.2.1 is a's already"),
            (vlan("v") + &vlan("w"), "VLAN 5 on a is v already"),
            (route.repeat(2), "a second route to ::/0 by the same way"),
            (route.to_owned() + &route.replace("default", "::/0") + "metric = 7", "a second route to ::/0"),
            (neighbor.repeat(2), "192.0.2.9 is a neighbor on a already"),
            ("[[refuse]]\nto = \"2001:db8:9::/48\"\n".repeat(2), "is refused already"),
            (
                "[[group]]\ninterface = \"a\"\ngroup = \"ff05::5\"\n".repeat(2),
                "ff05::5 is joined on a already",
            ),
            (route.to_owned() + "weight = 0", "a weight of 0"),
            (
                route
                    .replace("via = \"2001:db8::9\"", "interface = \"a\"\nweight = 1")
                    .replace("default", "::/0"),
                "a weight is a router's",
            ),
            (
                (2..67).map(|n| route.replace("::9", &format!("::{n}")) + "weight = 1\n").collect(),
                "::/0 is shared by more than 64 routers",
            ),
            (route.replace("default", "2001:db8::9/128"), "2001:db8::9 would be reached by itself"),
            (vlan("v") + "[vlan.advertise]\n", "hosts do not advertise: give `forwarding = true`"),
        ] {
            let error = error(&(a.clone() + &more));
            assert!(error.contains(expected) && !error.contains("mistakes"), "{more}: {error}");
        }
        // A link-local address is of each link, and a wire in memory has many ends.
        let memory = "[[interface]]\nname = \"m\"\ndriver = \"memory\"\ndevice = \"a\"\naddresses = [\"fe80::1/64\"]\n";
        let right = a + memory + &memory.replace("\"m\"", "\"n\"") + route;
        assert!(Config::parse(Path::new("host.toml"), &right).is_ok());
    }

    #[test]
    fn there_is_room_for_so_many() {
        let many = |count: usize| (0..count).map(|n| interface(&format!("i{n}"), "")).collect::<String>();
        assert!(Config::parse(Path::new("host.toml"), &many(256)).is_ok());
        let vlan = "[[vlan]]\nname = \"v\"\nparent = \"i0\"\nvid = 5\n";
        let text = error(&(many(257) + vlan));
        assert!(text.contains("258 interfaces, and there may be 256: leave some out"), "{text}");
        assert!(text.starts_with("host.toml:1026:8: ") && !text.contains("mistakes"), "{text}");
    }
}
