//! What may be said of groups.

use std::collections::HashMap;
use std::collections::HashSet;
use std::net::Ipv6Addr;

use siding_client::Group;
use siding_wire::ip6;
use siding_wire::ip6::Scope;

use crate::words::known::Known;
use crate::words::wrong::Wrong;
use crate::words::wrong::of;

/// A file's, each once, and on each interface no more than so many.
pub(crate) fn groups(all: &[Group], known: &Known<'_>, most: usize) -> Result<(), Wrong> {
    let mut there: HashMap<&str, HashSet<Ipv6Addr>> = HashMap::new();
    all.iter().enumerate().try_for_each(|(at, said)| {
        let joined = there.entry(&said.interface).or_default();
        group(said, known, joined, most).map_err(|wrong| wrong.in_section("group", at))
    })
}

fn group(said: &Group, known: &Known<'_>, joined: &mut HashSet<Ipv6Addr>, most: usize) -> Result<(), Wrong> {
    let Group { interface, group } = said;
    if ip6::multicast_scope(*group).is_none_or(|scope| scope < Scope::INTERFACE) {
        return of("group", Err(format!("{group} is no group: give a multicast address of scope 1 or more")));
    }
    known.may_name(interface, "a group")?;
    if !joined.insert(*group) {
        return of("group", Err(format!("{group} is joined on {interface} already: leave one out")));
    }
    if joined.len() > most {
        let message = format!("more than {most} groups on {interface}: raise `groups` of [mld]");
        return of("group", Err(message));
    }
    Ok(())
}
