//! What may be said of neighbours.

use std::collections::HashSet;

use siding_client::neighbor::Neighbor;

use crate::words::known::Known;
use crate::words::value;
use crate::words::wrong::Wrong;
use crate::words::wrong::of;

/// A file's, each once.
pub(crate) fn neighbors(all: &[Neighbor], known: &Known<'_>) -> Result<(), Wrong> {
    let mut there = HashSet::new();
    let mut one = |said: &Neighbor| {
        let Neighbor { interface, address, mac } = said;
        of("mac", value::station(mac.0))?;
        of("address", value::unicast(*address))?;
        // Last, as nothing else of it can be looked at without.
        known.may_name(interface, "a neighbor")?;
        known.addresses(interface).try_for_each(|own| of("address", value::somebodys(*address, *own)))?;
        match there.insert((interface.clone(), *address)) {
            true => Ok(()),
            false => {
                of("address", Err(format!("{address} is a neighbor on {interface} already: leave one out")))
            }
        }
    };
    all.iter()
        .enumerate()
        .try_for_each(|(at, said)| one(said).map_err(|wrong| wrong.in_section("neighbor", at)))
}
