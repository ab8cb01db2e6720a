//! How many ways there may be to one destination, and each of them once.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::net::IpAddr;

use siding_drivers::kernel::Cidr;
use siding_stack::route::MOST_GROUPS;
use siding_stack::route::MOST_HOPS;
use siding_stack::route::MOST_WAYS;
use siding_stack::route::Prefix;
use siding_wire::ip6;

use super::means::RouteConfig;
use crate::words::known::Known;
use crate::words::wrong::Wrong;
use crate::words::wrong::of;

/// What leads to a prefix: what there may be of either is counted by itself.
#[derive(Default)]
struct Ways {
    alone: usize,
    sharing: usize,
}

/// Whose a way is.
#[derive(PartialEq)]
enum By {
    Address,
    Route,
}

/// Checks a file's routes together.
pub(super) fn check(routes: &[RouteConfig], known: &Known<'_>) -> Result<(), Wrong> {
    let mut ways: HashMap<(Cidr, Option<IpAddr>, &str), By> = HashMap::new();
    let mut to: HashMap<Cidr, Ways> = HashMap::new();
    // Each address has its prefix on its link, as a route without a next hop would have.
    for (name, addresses) in &known.interfaces {
        for prefix in addresses.iter().filter_map(|own| on_link(*own)) {
            if ways.insert((prefix, None, name), By::Address).is_none() {
                to.entry(prefix).or_default().alone += 1;
            }
        }
    }
    let mut shared = [0, 0];
    for (at, route) in routes.iter().enumerate() {
        let wrong = |message| of("to", Err(message)).map_err(|wrong| wrong.in_section("route", at));
        let prefix = route.to;
        let is_new = match ways.entry((prefix, route.via, &route.interface)) {
            Entry::Occupied(there) if *there.get() == By::Route => {
                return wrong(format!("a second route to {prefix} by the same way: leave one out"));
            }
            // It takes the place of the address's.
            Entry::Occupied(mut there) => there.insert(By::Route) != By::Address,
            Entry::Vacant(place) => {
                place.insert(By::Route);
                true
            }
        };
        let there = to.entry(prefix).or_default();
        if route.weight.is_none() {
            there.alone += usize::from(is_new);
        } else {
            there.sharing += 1;
        }
        if there.alone > MOST_WAYS {
            return wrong(format!(
                "there are more than {MOST_WAYS} routes to {prefix}, those of addresses included: leave some out"
            ));
        }
        if there.sharing > MOST_HOPS {
            return wrong(format!("{prefix} is shared by more than {MOST_HOPS} routers: leave some out"));
        }
        if there.sharing == 1 && route.weight.is_some() {
            let of_family = &mut shared[usize::from(prefix.address().is_ipv6())];
            *of_family += 1;
            if *of_family > MOST_GROUPS {
                let family = if prefix.address().is_ipv6() { "IPv6" } else { "IPv4" };
                return wrong(format!(
                    "more than {MOST_GROUPS} destinations of {family} are shared by several routers: leave some out"
                ));
            }
        }
    }
    Ok(())
}

/// The destinations that an address has on its link; link-local ones need no route.
fn on_link(own: Cidr) -> Option<Cidr> {
    let network = match own.address() {
        IpAddr::V6(address) if ip6::is_link_local(address) => return None,
        IpAddr::V6(address) => Prefix::covering(address, own.length()).addr().into(),
        IpAddr::V4(address) => Prefix::covering(address, own.length()).addr().into(),
    };
    Cidr::new(network, own.length()).ok()
}

#[cfg(test)]
mod tests {
    use std::ops::Range;
    use std::path::Path;

    use super::*;
    use crate::config::Config;

    const BASE: &str = "[[interface]]\nname = \"a\"\ndriver = \"memory\"\n\
                        addresses = [\"2001:db8::1/64\", \"192.0.2.1/24\"]\n";

    fn check(text: &str) -> Result<(), String> {
        let read = Config::parse(Path::new("host.toml"), &(BASE.to_owned() + text));
        read.map(|_| ()).map_err(|error| error.to_string())
    }

    /// Routes by a router each, of four lines.
    fn by(to: &str, routers: Range<u32>, more: &str) -> String {
        let route = |at| format!("[[route]]\nto = \"{to}\"\nvia = \"2001:db8::{at:x}\"\n{more}\n");
        routers.map(route).collect()
    }

    #[test]
    fn as_many_ways_to_one_destination_as_the_table_takes() {
        let most = MOST_WAYS as u32;
        let many = |to, count: u32| by(to, 2..2 + count, "");
        assert_eq!(check(&many("2001:db8:9::/48", most)), Ok(()));
        // Others are told of by themselves: those that share flows, and those of another prefix.
        let others = by("2001:db8:9::/48", 0x1000..0x1040, "weight = 1") + &many("2001:db8:8::/48", most);
        assert_eq!(check(&(many("2001:db8:9::/48", most) + &others)), Ok(()));
        let told = check(&(many("2001:db8:9::/48", most + 1) + &others)).expect_err("one too many");
        let place =
            format!("host.toml:{}:6: there are more than 256 routes to 2001:db8:9::/48", 4 + 4 * 256 + 2);
        assert!(told.starts_with(&place) && !told.contains("mistakes"), "{told}");
        // The address's own is one of them, unless a route by the same way takes its place.
        let place = "[[route]]\nto = \"2001:db8::/64\"\ninterface = \"a\"\n";
        assert_eq!(check(&(many("2001:db8::/64", most - 1) + place)), Ok(()));
        let told = check(&(many("2001:db8::/64", most))).expect_err("one too many");
        assert!(told.contains("256 routes to 2001:db8::/64, those of addresses included"), "{told}");
    }

    #[test]
    fn as_many_destinations_may_be_shared_as_the_table_takes_of_each_family() {
        let most = MOST_GROUPS as u32;
        let shared6 = |count: u32| -> String {
            let to = |at: u32| format!("2001:db8:{at:x}::/48");
            (0..count).map(|at| by(&to(at + 1), 7..8, "weight = 1")).collect()
        };
        let shared4 = |count: u32| -> String {
            let to = |at: u32| format!("10.{}.{}.0/24", at / 256, at % 256);
            let route = |at| format!("[[route]]\nto = \"{}\"\nvia = \"192.0.2.7\"\nweight = 1\n", to(at));
            (0..count).map(route).collect()
        };
        // A second router of one that is shared already is none more.
        let right = shared6(most) + &by("2001:db8:1::/48", 8..9, "weight = 1") + &shared4(most);
        assert_eq!(check(&right), Ok(()));
        for (text, family) in [(shared6(most + 1), "IPv6"), (shared4(most + 1), "IPv4")] {
            let told = check(&text).expect_err("one too many");
            let line = 4 + 4 * most + 2;
            let expected = format!(
                "host.toml:{line}:6: more than 16384 destinations of {family} are shared by several routers"
            );
            assert!(told.starts_with(&expected) && !told.contains("mistakes"), "{told}");
        }
    }

    #[test]
    fn the_same_way_is_the_same_whoever_says_its_interface() {
        let route = "[[route]]\nto = \"::/0\"\nvia = \"2001:db8::9\"\n";
        let named = route.to_owned() + "interface = \"a\"\n";
        let told = check(&(route.to_owned() + &named)).expect_err("twice");
        assert!(told.starts_with("host.toml:9:6: a second route to ::/0 by the same way"), "{told}");
    }
}
