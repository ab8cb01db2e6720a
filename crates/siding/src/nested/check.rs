//! What may be said of interfaces on others, and what it means: the same for files and requests.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::Deserialize;
use siding_client::Bridge;
use siding_client::Lagg;
use siding_client::Vlan;
use siding_client::value::ParsedMac;
use siding_stack::Announce;
use siding_stack::BridgeSpec;
use siding_stack::LaggSpec;
use siding_wire::Mac;
use toml::Spanned;

use crate::means::addressing::Addressing;
use crate::nested::means;
use crate::nested::means::BridgeConfig;
use crate::nested::means::LaggConfig;
use crate::nested::means::MOST_AGEING;
use crate::nested::means::MOST_ANNOUNCEMENTS;
use crate::nested::means::VlanConfig;
use crate::words::value;
use crate::words::wrong::Lacks;
use crate::words::wrong::Wrong;
use crate::words::wrong::in_range;
use crate::words::wrong::of;

/// What a VLAN means, with nothing on it.
///
/// # Errors
///
/// A value is out of its range.
pub(crate) fn vlan(said: Vlan) -> Result<VlanConfig, Wrong> {
    let Vlan { name, parent, vid, protocol, mtu } = said;
    of("name", value::interface_name(&name))?;
    of("vid", means::vid(vid))?;
    let mtu = self::mtu(mtu)?;
    Ok(VlanConfig { name, parent, vid, tag: protocol, mtu, addressing: Addressing::default() })
}

/// What a lagg means, with nothing on it.
///
/// # Errors
///
/// A value cannot be.
pub(crate) fn lagg(said: Lagg) -> Result<LaggConfig, Wrong> {
    of("name", value::interface_name(&said.name))?;
    let usual = LaggSpec::new(&said.name, means::mode(said.mode));
    let mode = usual.mode;
    let spec = LaggSpec {
        mac: mac(said.mac)?,
        mtu: mtu(said.mtu)?.unwrap_or(usual.mtu),
        reselect: means::reselect(said.reselect),
        hash: means::hash_layers(said.hash.as_deref()),
        announce: announce(said.announce_count, said.announce_interval_ms)?,
        lacp: match &said.lacp {
            Some(lacp) => of("lacp", means::lacp(mode, lacp))?,
            None => usual.lacp,
        },
        ..usual
    };
    let ports = said.ports.into_iter().enumerate();
    let ports = ports.map(|(place, port)| (port, means::priority(mode, place)));
    Ok(LaggConfig { spec, ports: ports.collect(), primary: None, addressing: Addressing::default() })
}

/// Which of its ports a lagg uses rather than others. Commands say so of one port at a time.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Preferred {
    /// A table of ports and their priorities: more is better, but in LACP, where less is [default: each port is
    /// better than those that follow].
    #[serde(default)]
    priorities: BTreeMap<Spanned<String>, Spanned<u16>>,
    /// The port that is preferred.
    primary: Option<Spanned<String>>,
}

/// What it means for a lagg.
///
/// # Errors
///
/// One of these is no port.
pub(crate) fn preferred(mut lagg: LaggConfig, said: Preferred) -> Result<LaggConfig, Wrong> {
    let is_port = |name: &str| lagg.ports.iter().any(|(port, _)| port == name);
    let mut named = said.priorities.keys().chain(&said.primary);
    if let Some(stranger) = named.find(|stranger| !is_port(stranger.get_ref())) {
        let (place, stranger) = (stranger.span(), stranger.get_ref());
        let message = format!("{stranger:?} is not among the `ports` of {}: add it there", lagg.spec.name);
        return Err(Wrong::new(place, message).lacking(Lacks::Port(stranger.clone())));
    }
    for (port, priority) in &mut lagg.ports {
        let given = said.priorities.iter().find(|(name, _)| name.get_ref() == port);
        *priority = given.map_or(*priority, |(_, given)| *given.get_ref());
    }
    lagg.primary = said.primary.map(Spanned::into_inner);
    Ok(lagg)
}

fn announce(count: Option<u32>, interval_ms: Option<u64>) -> Result<Announce, Wrong> {
    let usual = Announce::default();
    let count = count.unwrap_or(usual.count);
    let interval = interval_ms.map(|ms| in_range(ms, &(1..=60_000), "milliseconds")).transpose();
    Ok(Announce {
        count: of("announce_count", in_range(count, &(0..=MOST_ANNOUNCEMENTS), "announcements"))?,
        interval: of("announce_interval_ms", interval)?.map_or(usual.interval, Duration::from_millis),
    })
}

/// An address of its own, for whatever has one.
fn mac(said: Option<ParsedMac>) -> Result<Option<Mac>, Wrong> {
    of("mac", said.map_or(Ok(()), |mac| value::station(mac.0)))?;
    Ok(said.map(|mac| mac.0))
}

fn mtu(said: Option<u16>) -> Result<Option<u16>, Wrong> {
    of("mtu", said.map_or(Ok(()), value::mtu))?;
    Ok(said)
}

/// What a bridge means, with nothing on it.
///
/// # Errors
///
/// A value cannot be.
pub(crate) fn bridge(said: Bridge) -> Result<BridgeConfig, Wrong> {
    of("name", value::interface_name(&said.name))?;
    let usual = BridgeSpec::new(&said.name);
    let ageing = said.ageing_s.unwrap_or(usual.ageing.as_secs());
    let stations = said.stations.unwrap_or(usual.stations);
    let spec = BridgeSpec {
        mac: mac(said.mac)?,
        mtu: mtu(said.mtu)?.unwrap_or(usual.mtu),
        ageing: Duration::from_secs(of("ageing_s", in_range(ageing, &(0..=MOST_AGEING), "seconds"))?),
        stations: of("stations", in_range(stations, &(1..=BridgeSpec::MOST_STATIONS), "stations"))?,
        ..usual
    };
    Ok(BridgeConfig { spec, ports: said.ports, addressing: Addressing::default() })
}
