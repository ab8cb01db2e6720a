//! What a table says that any table of an interface can say, whatever carries its frames.

use std::net::IpAddr;
use std::net::Ipv6Addr;
use std::time::Duration;

use siding_drivers::kernel::Cidr;
use siding_stack::NeighborLimits;
use toml::Spanned;

use crate::config::file::Own;
use crate::means::Whole;
use crate::means::addressing::Addressing;
use crate::means::advertise;
use crate::means::advertise::Advertise;
use crate::means::autoconf;
use crate::means::autoconf::Autoconf;
use crate::means::meant::Learnt;
use crate::means::neighbors::Neighbors;
use crate::words::value;
use crate::words::wrong::Wrong;
use crate::words::wrong::at;
use crate::words::wrong::ranged;
use crate::words::wrong::wrong;

/// The [`Words`] of a table, which are the same in each kind of it.
macro_rules! words {
    ($table:ident) => {
        $crate::config::check::common::Words {
            addresses: $table.addresses,
            link_local: $table.link_local,
            dad: $table.dad,
            up: $table.up,
            hop_limit: $table.hop_limit,
            point_to_point: $table.point_to_point,
            anycast: $table.anycast,
            times: ($table.reachable_time_ms, $table.retrans_timer_ms),
            neighbors: $table.neighbors,
            autoconf: $table.autoconf,
            advertise: $table.advertise,
        }
    };
}

pub(super) use words;

/// What a table says that any table of an interface can say.
pub(super) struct Words {
    pub(super) addresses: Vec<Spanned<String>>,
    pub(super) link_local: bool,
    pub(super) dad: bool,
    pub(super) up: bool,
    pub(super) hop_limit: Option<Spanned<u8>>,
    pub(super) point_to_point: bool,
    pub(super) anycast: Vec<Spanned<Ipv6Addr>>,
    pub(super) times: (Option<Spanned<u64>>, Option<Spanned<u64>>),
    pub(super) neighbors: Neighbors,
    pub(super) autoconf: Option<Spanned<Autoconf>>,
    pub(super) advertise: Option<Advertise>,
}

impl Words {
    /// `mtu` is the interface's own, if it is given.
    pub(super) fn check(self, mtu: Option<u16>, whole: &Whole) -> Result<Addressing, Wrong> {
        let (reachable, retrans) = self.times;
        let advertise = |said| advertise::check(said, mtu, whole);
        let (addresses, otherwise) = addresses(&self.addresses, self.dad)?;
        Ok(Addressing {
            addresses,
            otherwise,
            link_local: self.link_local,
            dad: self.dad,
            up: self.up,
            hop_limit: hop_limit(self.hop_limit)?,
            point_to_point: self.point_to_point,
            anycast: anycast(self.anycast)?,
            times: (time(reachable)?, time(retrans)?),
            neighbors: bounds(self.neighbors, whole)?,
            autoconf: autoconf(self.autoconf, self.dad)?,
            advertise: self.advertise.map(advertise).transpose()?,
        })
    }
}

/// Anycast addresses, each once.
fn anycast(list: Vec<Spanned<Ipv6Addr>>) -> Result<Vec<Ipv6Addr>, Wrong> {
    let mut all = Vec::new();
    for address in list {
        let at = address.span();
        let address = address.into_inner();
        value::unicast(address.into()).map_err(|message| Wrong::new(at.clone(), message))?;
        if all.contains(&address) {
            return Err(Wrong::new(at, format!("{address} is given a second time: leave one out")));
        }
        all.push(address);
    }
    Ok(all)
}

/// A time of an interface's neighbours, in milliseconds.
fn time(given: Option<Spanned<u64>>) -> Result<Option<Duration>, Wrong> {
    if given.is_none() {
        return Ok(None);
    }
    ranged(given, 1, 1..=3_600_000, "milliseconds").map(|ms| Some(Duration::from_millis(ms)))
}

/// Bounds of its neighbours, if it says any.
fn bounds(table: Neighbors, whole: &Whole) -> Result<Option<NeighborLimits>, Wrong> {
    let says = table != Neighbors::default();
    says.then(|| table.check(whole.neighbors)).transpose()
}

fn hop_limit(given: Option<Spanned<u8>>) -> Result<Option<u8>, Wrong> {
    given.map(|given| ranged(Some(given), 1, 1..=u8::MAX, "hops")).transpose()
}

/// What an interface is as a host.
fn autoconf(table: Option<Spanned<Autoconf>>, detect: bool) -> Result<Option<Learnt>, Wrong> {
    let learnt = |table: Spanned<Autoconf>| {
        let means = at(&table, autoconf::resolve(table.get_ref(), detect))?;
        Ok(Learnt { said: table.into_inner(), means })
    };
    table.map(learnt).transpose()
}

/// A list of addresses with the lengths of their prefixes; of these, those that are tested otherwise than `dad` says.
fn addresses(list: &[Spanned<String>], dad: bool) -> Result<(Vec<Cidr>, Vec<IpAddr>), Wrong> {
    let (mut addresses, mut otherwise): (Vec<Cidr>, Vec<IpAddr>) = (Vec::new(), Vec::new());
    for place in list {
        let own: Own = at(place, place.get_ref().parse())?;
        let cidr = own.cidr;
        otherwise.extend(own.dad.filter(|own| *own != dad).map(|_| cidr.address()));
        at(place, value::unicast(cidr.address()))?;
        at(place, value::somebodys(cidr.address(), cidr))?;
        if addresses.iter().any(|other| other.address() == cidr.address()) {
            return wrong(place, format!("{} a second time: leave one out", cidr.address()));
        }
        addresses.push(cidr);
    }
    Ok((addresses, otherwise))
}
