//! What may be said of interfaces on others, and what it means: the same for files and requests.

use std::time::Duration;

use siding_client as asked;
use siding_client::Vlan;
use siding_stack::Announce;
use siding_stack::BridgeSpec;
use siding_stack::LaggSpec;

use crate::control::BridgeAdd;
use crate::control::LaggAdd;
use crate::means::addressing::Addressing;
use crate::nested::means;
use crate::nested::means::BridgeConfig;
use crate::nested::means::LaggConfig;
use crate::nested::means::MOST_AGEING;
use crate::nested::means::VlanConfig;
use crate::words::value;
use crate::words::wrong::Wrong;
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
    of("mtu", mtu.map_or(Ok(()), value::mtu))?;
    Ok(VlanConfig { name, parent, vid, tag: protocol, mtu, addressing: Addressing::default() })
}

/// A lagg as asked for, checked as one of a file is.
pub(crate) fn lagg(add: LaggAdd) -> Result<LaggConfig, String> {
    value::interface_name(&add.name)?;
    let mut spec = LaggSpec::new(&add.name, means::mode(add.mode));
    if let Some(mac) = add.mac {
        value::station(mac.0)?;
        spec.mac = Some(mac.0);
    }
    if let Some(mtu) = add.mtu {
        value::mtu(mtu)?;
        spec.mtu = mtu;
    }
    let usual = Announce::default();
    spec.announce = Announce {
        count: add.announce_count.unwrap_or(usual.count),
        interval: add.announce_interval_ms.map_or(usual.interval, Duration::from_millis),
    };
    means::announcements(spec.announce)?;
    spec.reselect = means::reselect(add.reselect);
    spec.hash = means::hash_layers(add.hash.as_deref());
    if let Some(lacp) = &add.lacp {
        spec.lacp = means::lacp(spec.mode, lacp)?;
    }
    let mode = spec.mode;
    let ports = add.ports.into_iter().enumerate();
    let ports = ports.map(|(place, port)| (port, means::priority(mode, place)));
    Ok(LaggConfig { spec, ports: ports.collect(), primary: None, addressing: addressing(&add.addressing)? })
}

/// A bridge as asked for, checked as one of a file is.
pub(crate) fn bridge(add: BridgeAdd) -> Result<BridgeConfig, String> {
    value::interface_name(&add.name)?;
    let mut spec = BridgeSpec::new(&add.name);
    if let Some(mac) = add.mac {
        value::station(mac.0)?;
        spec.mac = Some(mac.0);
    }
    if let Some(mtu) = add.mtu {
        value::mtu(mtu)?;
        spec.mtu = mtu;
    }
    if let Some(ageing) = add.ageing_s {
        if ageing > MOST_AGEING {
            return Err(format!("{ageing} seconds: give 0 to {MOST_AGEING}"));
        }
        spec.ageing = Duration::from_secs(ageing);
    }
    spec.stations = add.stations.unwrap_or(spec.stations);
    Ok(BridgeConfig { spec, ports: add.ports, addressing: addressing(&add.addressing)? })
}

fn addressing(said: &asked::Addressing) -> Result<Addressing, String> {
    Addressing::asked(said).map_err(|wrong| wrong.to_string())
}
