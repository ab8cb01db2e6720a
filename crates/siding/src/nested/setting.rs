//! Interfaces that lie on others, with nothing on them yet.

use std::fmt;
use std::time::Duration;

use siding_netisr::IfId;
use siding_stack::Announce;
use siding_stack::BridgeSpec;
use siding_stack::HashLayers;
use siding_stack::LacpSpec;
use siding_stack::LaggSpec;
use siding_stack::Mode;
use siding_stack::Reselect;
use siding_stack::lagg::lacp::Activity;
use siding_stack::lagg::lacp::Rate;
use siding_wire::Mac;
use toml::Table;
use toml::Value;

use crate::interface::detach::PATIENCE;
use crate::means::addressing::Addressing;
use crate::nested::means::BridgeConfig;
use crate::nested::means::LaggConfig;
use crate::nested::means::Nested;
use crate::nested::means::VlanConfig;
use crate::nested::means::ethertype;
use crate::nested::means::tag_name;
use crate::nested::port::Port;
use crate::nested::port::Primary;
use crate::state::daemon::Daemon;
use crate::state::daemon::Free;
use crate::state::page::Page;
use crate::state::page::table;
use crate::state::setting::Any;
use crate::state::setting::Setting;
use crate::state::setting::Slot;
use siding_client::lagg::Tag;

/// A VLAN.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Tagged(VlanConfig);

/// A lagg without ports.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Lagged(LaggSpec);

/// A bridge without ports.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Bridged(BridgeSpec);

/// What is wanted of a VLAN's MTU, which otherwise is that of what it lies on.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct VlanMtu {
    pub(crate) on: String,
    pub(crate) mtu: u16,
}

/// What makes it, and its ports.
pub(crate) fn made(nested: &Nested) -> Vec<Any> {
    match nested {
        Nested::Vlan(vlan) => {
            let VlanConfig { name, parent, vid, tag, mtu, .. } = vlan.clone();
            let addressing = Addressing::default();
            let mtu = mtu.map(|mtu| VlanMtu { on: name.clone(), mtu }.into());
            let made = Tagged(VlanConfig { name, parent, vid, tag, mtu: None, addressing }).into();
            std::iter::once(made).chain(mtu).collect()
        }
        Nested::Lagg(LaggConfig { spec, ports, primary, .. }) => {
            let mut all: Vec<Any> = vec![Lagged(spec.clone()).into()];
            for (port, priority) in ports {
                let owner = spec.name.clone();
                all.push(Port { owner: owner.clone(), port: port.clone(), priority: Some(*priority) }.into());
                // Before there are others: the primary is to be the first in use.
                if primary.as_ref() == Some(port) {
                    all.push(Primary { lagg: owner, port: port.clone() }.into());
                }
            }
            all
        }
        Nested::Bridge(BridgeConfig { spec, ports, .. }) => {
            let port =
                |port: &String| Port { owner: spec.name.clone(), port: port.clone(), priority: None }.into();
            std::iter::once(Bridged(spec.clone()).into()).chain(ports.iter().map(port)).collect()
        }
    }
}

impl Setting for Tagged {
    fn slot(&self) -> Slot {
        Slot::of_one("interface", &self.0.name)
    }

    fn on(&self) -> Vec<&str> {
        vec![&self.0.name]
    }

    fn makes(&self) -> Option<&str> {
        Some(&self.0.name)
    }

    fn lies_on(&self) -> Option<&str> {
        Some(&self.0.parent)
    }

    fn set_mtu(&self, daemon: &Daemon, ctx: &mut Free<'_>, on: IfId, mtu: Option<u16>) -> anyhow::Result<()> {
        daemon.set_mtu(ctx, on, mtu)?;
        let name = &self.0.name;
        match mtu {
            Some(mtu) => daemon.note(VlanMtu { on: name.clone(), mtu }),
            None => daemon.unnote(|there| there.is(|mtu: &VlanMtu| mtu.on == *name)),
        }
        Ok(())
    }

    fn say(&self, page: &mut Page) {
        let VlanConfig { name, parent, vid, tag, .. } = &self.0;
        let mut said = table([
            ("name", name.clone().into()),
            ("parent", parent.clone().into()),
            ("vid", i64::from(*vid).into()),
        ]);
        if *tag != Tag::default() {
            said.insert("protocol".into(), tag_name(ethertype(*tag)).into());
        }
        page.push_interface("vlan", said);
    }

    fn apply(&self, daemon: &Daemon, ctx: &mut Free<'_>) -> anyhow::Result<()> {
        daemon.make(ctx, &Nested::Vlan(self.0.clone())).map(drop)
    }

    fn replaces(&self, _before: &Tagged) -> bool {
        false
    }

    fn withdraw(&self, daemon: &Daemon, ctx: &mut Free<'_>) -> anyhow::Result<()> {
        daemon.detach(ctx, &self.0.name, PATIENCE).map(drop)
    }
}

impl fmt::Display for Tagged {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let VlanConfig { name, parent, vid, tag, .. } = &self.0;
        write!(f, "interface {name}, VLAN {vid} ({}) on {parent}", tag_name(ethertype(*tag)))
    }
}

impl Setting for VlanMtu {
    fn slot(&self) -> Slot {
        Slot::of_one("mtu", &self.on)
    }

    fn on(&self) -> Vec<&str> {
        vec![&self.on]
    }

    fn is_of_one(&self) -> bool {
        true
    }

    fn say(&self, page: &mut Page) {
        page.tell(&self.on, "mtu", i64::from(self.mtu));
    }

    fn apply(&self, daemon: &Daemon, ctx: &mut Free<'_>) -> anyhow::Result<()> {
        let id = daemon.interface(&self.on)?;
        daemon.stack.ask_mtu(ctx, id, Some(self.mtu)).map_err(|error| daemon.named(id, error))
    }

    fn replaces(&self, _before: &VlanMtu) -> bool {
        true
    }

    fn withdraw(&self, daemon: &Daemon, ctx: &mut Free<'_>) -> anyhow::Result<()> {
        let id = daemon.interface(&self.on)?;
        daemon.stack.ask_mtu(ctx, id, None).map_err(|error| daemon.named(id, error))
    }
}

impl fmt::Display for VlanMtu {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: mtu {} bytes", self.on, self.mtu)
    }
}

impl Lagged {
    /// With this address.
    pub(crate) fn with_mac(&self, mac: Mac) -> Lagged {
        Lagged(LaggSpec { mac: Some(mac), ..self.0.clone() })
    }

    /// With this MTU, `None` for the usual one.
    fn with_mtu(&self, mtu: Option<u16>) -> Lagged {
        let usual = LaggSpec::new(&self.0.name, self.0.mode).mtu;
        Lagged(LaggSpec { mtu: mtu.unwrap_or(usual), ..self.0.clone() })
    }

    fn table(&self) -> Table {
        let LaggSpec { name, mode, mac, mtu, reselect, hash, announce, lacp } = &self.0;
        let usual = LaggSpec::new(name, *mode);
        let mut said = table([("name", name.clone().into()), ("mode", mode_word(*mode).into())]);
        let mut unless = |usual: bool, key: &str, value: Value| {
            if !usual {
                said.insert(key.to_owned(), value);
            }
        };
        unless(mac.is_none(), "mac", mac.map(|mac| mac.to_string()).unwrap_or_default().into());
        unless(*mtu == usual.mtu, "mtu", i64::from(*mtu).into());
        let word = match reselect {
            Reselect::Always => "always",
            Reselect::Better => "better",
            Reselect::Failure => "failure",
        };
        unless(*reselect == usual.reselect, "reselect", word.into());
        let HashLayers { l2, l3, l4 } = *hash;
        let layers = [(l2, "l2"), (l3, "l3"), (l4, "l4")].into_iter().filter(|(used, _)| *used);
        let layers: Vec<Value> = layers.map(|(_, name)| name.into()).collect();
        unless(*hash == usual.hash, "hash", layers.into());
        let Announce { count, interval } = *announce;
        unless(count == usual.announce.count, "announce_count", i64::from(count).into());
        unless(interval == usual.announce.interval, "announce_interval_ms", millis(interval).into());
        let lacp_table = lacp_table(lacp);
        unless(lacp_table.is_empty(), "lacp", lacp_table.into());
        said
    }
}

/// What is said of LACP.
fn lacp_table(lacp: &LacpSpec) -> Table {
    let usual = LacpSpec::default();
    let mut said = Table::new();
    if lacp.rate != usual.rate {
        said.insert("rate".into(), if lacp.rate == Rate::Fast { "fast" } else { "slow" }.into());
    }
    if lacp.activity != usual.activity {
        let word = if lacp.activity == Activity::Passive { "passive" } else { "active" };
        said.insert("activity".into(), word.into());
    }
    if lacp.system_priority != usual.system_priority {
        said.insert("system_priority".into(), i64::from(lacp.system_priority).into());
    }
    said.extend(lacp.system_mac.map(|mac| ("system_mac".into(), mac.to_string().into())));
    said.extend(lacp.key.map(|key| ("key".into(), i64::from(key).into())));
    let many = |number: usize| Value::from(i64::try_from(number).unwrap_or(i64::MAX));
    if lacp.min_links != usual.min_links {
        said.insert("min_links".into(), many(lacp.min_links));
    }
    if lacp.max_links != usual.max_links {
        said.extend(lacp.max_links.map(|most| ("max_links".into(), many(most))));
    }
    said
}

/// A mode as files have it.
fn mode_word(mode: Mode) -> &'static str {
    match mode {
        Mode::Failover => "failover",
        Mode::LoadBalance => "loadbalance",
        Mode::RoundRobin => "roundrobin",
        Mode::Broadcast => "broadcast",
        Mode::Lacp => "lacp",
    }
}

impl Setting for Lagged {
    fn slot(&self) -> Slot {
        Slot::of_one("interface", &self.0.name)
    }

    fn on(&self) -> Vec<&str> {
        vec![&self.0.name]
    }

    fn makes(&self) -> Option<&str> {
        Some(&self.0.name)
    }

    /// No link says how much it takes: what it is made with does.
    fn set_mtu(&self, daemon: &Daemon, ctx: &mut Free<'_>, on: IfId, mtu: Option<u16>) -> anyhow::Result<()> {
        let after = self.with_mtu(mtu);
        after.replace(daemon, ctx, self)?;
        if let Some(Err(error)) = mtu.map(|mtu| daemon.stack.set_mtu(ctx, on, mtu)) {
            self.replace(daemon, ctx, &after)?;
            return Err(daemon.named(on, error));
        }
        daemon.stack.ask_mtu(ctx, on, None).map_err(|error| daemon.named(on, error))?;
        daemon.note(after);
        Ok(())
    }

    fn say(&self, page: &mut Page) {
        page.push_interface("lagg", self.table());
    }

    fn apply(&self, daemon: &Daemon, ctx: &mut Free<'_>) -> anyhow::Result<()> {
        let addressing = Addressing::default();
        let bare = LaggConfig { spec: self.0.clone(), ports: Vec::new(), primary: None, addressing };
        daemon.make(ctx, &Nested::Lagg(bare)).map(drop)
    }

    fn replace(&self, daemon: &Daemon, ctx: &mut Free<'_>, before: &Lagged) -> anyhow::Result<()> {
        let id = daemon.interface(&self.0.name)?;
        if let Some(mac) = self.0.mac.filter(|mac| before.0.mac != Some(*mac)) {
            daemon.lagg_set_mac(ctx, &self.0.name, mac)?;
        }
        if self.0.lacp != before.0.lacp {
            daemon.stack.lagg_set_lacp(ctx, id, self.0.lacp)?;
        }
        if self.0.tuning() != before.0.tuning() {
            daemon.stack.lagg_tune(ctx, id, self.0.tuning())?;
        }
        if self.0.mtu != before.0.mtu {
            daemon.stack.set_link_mtu(ctx, id, self.0.mtu)?;
        }
        Ok(())
    }

    /// All but its mode, and an address of its own that is to be its first port's again.
    fn replaces(&self, before: &Lagged) -> bool {
        let mac = self.0.mac.is_some() || before.0.mac.is_none();
        mac && self.0.mode == before.0.mode
    }

    fn withdraw(&self, daemon: &Daemon, ctx: &mut Free<'_>) -> anyhow::Result<()> {
        daemon.detach(ctx, &self.0.name, PATIENCE).map(drop)
    }
}

impl fmt::Display for Lagged {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "interface {}, lagg", self.0.name)?;
        told(f, &self.table())
    }
}

impl Bridged {
    /// With this MTU, `None` for the usual one.
    fn with_mtu(&self, mtu: Option<u16>) -> Bridged {
        let usual = BridgeSpec::new(&self.0.name).mtu;
        Bridged(BridgeSpec { mtu: mtu.unwrap_or(usual), ..self.0.clone() })
    }

    fn table(&self) -> Table {
        let BridgeSpec { name, mac, mtu, ageing, stations } = &self.0;
        let usual = BridgeSpec::new(name);
        let mut said = table([("name", name.clone().into())]);
        said.extend(mac.map(|mac| ("mac".into(), mac.to_string().into())));
        if *mtu != usual.mtu {
            said.insert("mtu".into(), i64::from(*mtu).into());
        }
        if *ageing != usual.ageing {
            let seconds = i64::try_from(ageing.as_secs()).unwrap_or(i64::MAX);
            said.insert("ageing_s".into(), seconds.into());
        }
        if *stations != usual.stations {
            said.insert("stations".into(), i64::try_from(*stations).unwrap_or(i64::MAX).into());
        }
        said
    }
}

impl Setting for Bridged {
    fn slot(&self) -> Slot {
        Slot::of_one("interface", &self.0.name)
    }

    fn on(&self) -> Vec<&str> {
        vec![&self.0.name]
    }

    fn makes(&self) -> Option<&str> {
        Some(&self.0.name)
    }

    /// As of a lagg.
    fn set_mtu(
        &self,
        daemon: &Daemon,
        ctx: &mut Free<'_>,
        _on: IfId,
        mtu: Option<u16>,
    ) -> anyhow::Result<()> {
        let after = self.with_mtu(mtu);
        after.replace(daemon, ctx, self)?;
        daemon.note(after);
        Ok(())
    }

    fn say(&self, page: &mut Page) {
        page.push_interface("bridge", self.table());
    }

    fn apply(&self, daemon: &Daemon, ctx: &mut Free<'_>) -> anyhow::Result<()> {
        let addressing = Addressing::default();
        let bare = BridgeConfig { spec: self.0.clone(), ports: Vec::new(), addressing };
        daemon.make(ctx, &Nested::Bridge(bare)).map(drop)
    }

    fn replace(&self, daemon: &Daemon, ctx: &mut Free<'_>, before: &Bridged) -> anyhow::Result<()> {
        daemon.tune_bridge(ctx, &self.0, &before.0)
    }

    /// Everything of it can be changed; one that has no address of its own keeps the one that it has.
    fn replaces(&self, _before: &Bridged) -> bool {
        true
    }

    fn withdraw(&self, daemon: &Daemon, ctx: &mut Free<'_>) -> anyhow::Result<()> {
        daemon.detach(ctx, &self.0.name, PATIENCE).map(drop)
    }
}

impl fmt::Display for Bridged {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "interface {}, bridge", self.0.name)?;
        told(f, &self.table())
    }
}

fn told(f: &mut fmt::Formatter<'_>, table: &Table) -> fmt::Result {
    let all = table.iter().filter(|(key, _)| *key != "name");
    all.into_iter().try_for_each(|(key, value)| write!(f, ", {key} {value}"))
}

fn millis(time: Duration) -> i64 {
    i64::try_from(time.as_millis()).unwrap_or(i64::MAX)
}
