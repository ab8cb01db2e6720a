//! What is said of any interface, whatever carries its frames, and what it means.

use std::net::IpAddr;
use std::net::Ipv6Addr;
use std::time::Duration;

use serde::Deserialize;
use siding_client as asked;
use siding_client::advertise::Advertise;
use siding_client::autoconf::Autoconf;
use siding_drivers::kernel::Cidr;
use siding_stack::NeighborLimits;
use toml::Spanned;

use super::Whole;
use super::addressing::Addressing;
use super::advertise;
use super::autoconf;
use super::meant::Learnt;
use super::neighbors::Neighbors;
use crate::words::value;
use crate::words::wrong::Key;
use crate::words::wrong::Wrong;
use crate::words::wrong::at;
use crate::words::wrong::ranged;

/// What a file says of an interface in one table. Each part has its keys written down once: those that requests and the command
/// line have, too, are the same structs there.
#[derive(Debug, Deserialize)]
#[serde(expecting = "a table")]
pub(crate) struct Said<T, F = Nothing> {
    /// What is of its kind.
    pub(crate) own: T,
    /// What is of its kind, and a file says alone.
    pub(crate) file: F,
    /// Its addresses.
    pub(crate) addressing: asked::Addressing,
    /// What else is said of it.
    pub(crate) on: On,
}

/// A file says no more than others can.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Nothing {}

/// What a file says of any interface besides. Requests have this in commands of their own, for an interface that is there.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct On {
    /// Whether it is not taken down [default: true].
    #[serde(default = "yes")]
    up: bool,
    /// Of what starts at it: 1 to 255 [default: 64].
    hop_limit: Option<Spanned<u8>>,
    /// Addresses that others have, too (RFC 4291 s2.6).
    #[serde(default)]
    pub(crate) anycast: Vec<Spanned<Ipv6Addr>>,
    /// As in `[stack]`, for this interface.
    reachable_time_ms: Option<Spanned<u64>>,
    /// As in `[stack]`, for this interface.
    retrans_timer_ms: Option<Spanned<u64>>,
    /// Bounds of its neighbors: see `neighbors` below [default: `[limits.neighbors]`].
    #[serde(default)]
    neighbors: Neighbors,
    /// What it is as a host: see `autoconf` below [default: it listens to no router].
    autoconf: Option<Spanned<Autoconf>>,
    /// What it advertises as a router: see `advertise` below [default: nothing].
    advertise: Option<Advertise>,
}

fn yes() -> bool {
    true
}

impl Addressing {
    /// What is asked for means this.
    ///
    /// # Errors
    ///
    /// An address cannot be an interface's, or is there twice.
    pub(crate) fn asked(said: &asked::Addressing) -> Result<Addressing, Wrong> {
        let asked::Addressing { addresses, link_local, dad, point_to_point } = said;
        let (addresses, otherwise) = self::addresses(addresses, *dad)?;
        Ok(Addressing {
            addresses,
            otherwise,
            link_local: *link_local,
            dad: *dad,
            point_to_point: *point_to_point,
            ..Addressing::default()
        })
    }

    /// What a file says means this. `mtu` is the interface's own, if it is given.
    ///
    /// # Errors
    ///
    /// The first thing that cannot be.
    pub(crate) fn said(
        said: &asked::Addressing,
        on: On,
        mtu: Option<u16>,
        whole: &Whole,
    ) -> Result<Addressing, Wrong> {
        let advertise = |said| advertise::check(said, mtu, whole);
        let asked = Addressing::asked(said)?;
        Ok(Addressing {
            up: on.up,
            hop_limit: hop_limit(on.hop_limit)?,
            anycast: anycast(on.anycast)?,
            times: (time(on.reachable_time_ms)?, time(on.retrans_timer_ms)?),
            neighbors: bounds(on.neighbors, whole)?,
            autoconf: autoconf(on.autoconf, asked.dad)?,
            advertise: on.advertise.map(advertise).transpose()?,
            ..asked
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
fn addresses(list: &[asked::value::OwnAddress], dad: bool) -> Result<(Vec<Cidr>, Vec<IpAddr>), Wrong> {
    let (mut addresses, mut otherwise): (Vec<Cidr>, Vec<IpAddr>) = (Vec::new(), Vec::new());
    for (at, own) in list.iter().enumerate() {
        let wrong = |message| Wrong::of(vec![Key::Name("addresses"), Key::At(at)], message);
        let cidr = own.cidr;
        otherwise.extend(own.dad.filter(|own| *own != dad).map(|_| cidr.address()));
        value::unicast(cidr.address()).map_err(wrong)?;
        value::somebodys(cidr.address(), cidr).map_err(wrong)?;
        if addresses.iter().any(|other| other.address() == cidr.address()) {
            return Err(wrong(format!("{} a second time: leave one out", cidr.address())));
        }
        addresses.push(cidr);
    }
    Ok((addresses, otherwise))
}
