//! What may be said of groups.

use std::collections::HashSet;

use siding_client::Group;

use crate::words::known::Known;
use crate::words::wrong::Wrong;
use crate::words::wrong::of;

/// A file's, each once.
pub(crate) fn groups(all: &[Group], known: &Known<'_>) -> Result<(), Wrong> {
    let mut there = HashSet::new();
    let mut one = |said: &Group| {
        let Group { interface, group } = said;
        if !group.is_multicast() {
            return of("group", Err(format!("{group} is no group: give a multicast address")));
        }
        known.may_name(interface, "a group")?;
        match there.insert((interface.clone(), *group)) {
            true => Ok(()),
            false => of("group", Err(format!("{group} is joined on {interface} already: leave one out"))),
        }
    };
    all.iter().enumerate().try_for_each(|(at, said)| one(said).map_err(|wrong| wrong.in_section("group", at)))
}
