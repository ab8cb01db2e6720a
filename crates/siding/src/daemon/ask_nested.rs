//! Requests on VLANs and laggs, carried out.

use std::time::Duration;

use siding_stack::Announce;
use siding_stack::LaggSpec;
use siding_stack::ifnet::Kind;

use super::state::Daemon;
use super::state::Free;
use crate::config::Addressing;
use crate::config::LaggConfig;
use crate::config::Nested;
use crate::config::VlanConfig;
use crate::config::nested;
use crate::config::value;
use crate::control::AddressingRequest;
use crate::control::Answer;
use crate::control::LaggAdd;
use crate::control::LaggRequest;
use crate::control::VlanAdd;
use crate::control::VlanRequest;
use crate::control::VlanRow;

impl Daemon {
    pub(super) fn ask_vlan(&self, ctx: &mut Free<'_>, request: VlanRequest) -> anyhow::Result<Answer> {
        match request {
            VlanRequest::Show {} => Ok(Answer::Vlans(self.show_vlans())),
            VlanRequest::Add(add) => {
                let nested = Nested::Vlan(vlan(add).map_err(anyhow::Error::msg)?);
                self.add_nested_by_hand(ctx, nested)?;
                Ok(Answer::Done)
            }
            VlanRequest::Delete { name, timeout_ms } => {
                let is_it = |kind: &Kind| matches!(kind, Kind::Vlan(_));
                let timeout = Duration::from_millis(timeout_ms);
                self.delete_nested(ctx, &name, is_it, "VLAN", timeout).map(detached)
            }
        }
    }

    pub(super) fn ask_lagg(&self, ctx: &mut Free<'_>, request: LaggRequest) -> anyhow::Result<Answer> {
        match request {
            LaggRequest::Show {} => return Ok(Answer::Laggs(self.show_laggs(ctx))),
            LaggRequest::Add(add) => {
                let nested = Nested::Lagg(lagg(add).map_err(anyhow::Error::msg)?);
                self.add_nested_by_hand(ctx, nested)?;
            }
            LaggRequest::Delete { name, timeout_ms } => {
                let is_it = |kind: &Kind| matches!(kind, Kind::Lagg(_));
                let timeout = Duration::from_millis(timeout_ms);
                return self.delete_nested(ctx, &name, is_it, "lagg", timeout).map(detached);
            }
            LaggRequest::AddPort { lagg, port, priority } => {
                self.lagg_add_port(ctx, &lagg, &port, priority)?;
            }
            LaggRequest::RemovePort { lagg, port } => self.lagg_remove_port(ctx, &lagg, &port)?,
            LaggRequest::SetPrimary { lagg, port } => self.lagg_set_primary(ctx, &lagg, port.as_deref())?,
            LaggRequest::SetMac { lagg, mac } => self.lagg_set_mac(ctx, &lagg, mac.0)?,
        }
        Ok(Answer::Done)
    }

    fn show_vlans(&self) -> Vec<VlanRow> {
        let config = self.stack.config();
        let vlans = config.interfaces().filter_map(|there| match &there.kind {
            Kind::Vlan(vlan) => Some((there, vlan)),
            _ => None,
        });
        let row = |(there, vlan): (&siding_stack::ifnet::Interface, &siding_stack::ifnet::Vlan)| VlanRow {
            name: there.ifnet.name.clone(),
            parent: there.parent_name().unwrap_or("-").to_owned(),
            vid: vlan.vid,
            protocol: nested::tag_name(vlan.ethertype).to_owned(),
            link: there.link,
            mac: there.mac.to_string(),
            addresses: super::show::addresses(there),
        };
        vlans.map(row).collect()
    }
}

/// A VLAN as asked for, checked as one of a file is.
fn vlan(add: VlanAdd) -> Result<VlanConfig, String> {
    let VlanAdd { name, parent, vid, protocol, addressing } = add;
    value::interface_name(&name)?;
    nested::vid(vid)?;
    Ok(VlanConfig { name, parent, vid, tag: protocol, mtu: None, addressing: self::addressing(addressing)? })
}

/// A lagg as asked for, checked as one of a file is.
fn lagg(add: LaggAdd) -> Result<LaggConfig, String> {
    value::interface_name(&add.name)?;
    let mut spec = LaggSpec::new(&add.name, nested::mode(add.mode));
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
    nested::announcements(spec.announce)?;
    spec.reselect = nested::reselect(add.reselect);
    spec.hash = nested::hash_layers(add.hash.as_deref());
    if let Some(lacp) = &add.lacp {
        spec.lacp = nested::lacp(spec.mode, lacp)?;
    }
    let mode = spec.mode;
    let ports = add.ports.into_iter().enumerate();
    let ports = ports.map(|(place, port)| (port, nested::priority(mode, place)));
    Ok(LaggConfig { spec, ports: ports.collect(), primary: None, addressing: addressing(add.addressing)? })
}

pub(super) fn addressing(request: AddressingRequest) -> Result<Addressing, String> {
    let AddressingRequest { addresses, link_local, dad } = request;
    let addresses: Vec<_> = addresses.into_iter().map(|cidr| cidr.0).collect();
    addresses.iter().try_for_each(|own| value::unicast(own.address()))?;
    Ok(Addressing { addresses, link_local, dad, ..Addressing::default() })
}

pub(super) fn detached(took: Duration) -> Answer {
    Answer::Detached { took_ns: u64::try_from(took.as_nanos()).unwrap_or(u64::MAX) }
}
