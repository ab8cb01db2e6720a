//! Interfaces with devices of their own, and what every kind of interface can be told.

use std::fmt;
use std::time::Duration;

use siding_netisr::IfId;
use siding_stack::NeighborLimits;
use siding_stack::ifnet::DEFAULT_HOP_LIMIT;
use toml::Table;

use crate::interface::detach::PATIENCE;
use crate::means::addressing::Addressing;
use crate::means::interface::InterfaceConfig;
use crate::state::daemon::Daemon;
use crate::state::daemon::Free;
use crate::state::page::Page;
use crate::state::page::table;
use crate::state::setting::Any;
use crate::state::setting::Setting;
use crate::state::setting::Slot;

/// An interface with a device of its own, with nothing on it yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Attached(InterfaceConfig);

impl Attached {
    pub(crate) fn new(config: &InterfaceConfig) -> Attached {
        Attached(config.bare())
    }
}

impl Setting for Attached {
    fn slot(&self) -> Slot {
        Slot::of_one("interface", &self.0.name)
    }

    fn on(&self) -> Vec<&str> {
        vec![&self.0.name]
    }

    fn makes(&self) -> Option<&str> {
        Some(&self.0.name)
    }

    fn set_mtu(&self, daemon: &Daemon, ctx: &mut Free<'_>, on: IfId, mtu: Option<u16>) -> anyhow::Result<()> {
        daemon.set_mtu(ctx, on, mtu)?;
        daemon.note(Attached(InterfaceConfig { mtu, ..self.0.clone() }));
        Ok(())
    }

    fn say(&self, page: &mut Page) {
        let InterfaceConfig { name, driver, device, mac, mtu, wait, pcap, .. } = &self.0;
        let mut said = table([("name", name.clone().into()), ("driver", driver.name().into())]);
        if device != name {
            said.insert("device".into(), device.clone().into());
        }
        said.extend(mac.map(|mac| ("mac".into(), mac.to_string().into())));
        said.extend(mtu.map(|mtu| ("mtu".into(), i64::from(mtu).into())));
        if *wait {
            said.insert("wait".into(), true.into());
        }
        said.extend(pcap.as_ref().map(|path| ("pcap".into(), path.to_string_lossy().into_owned().into())));
        page.push_interface("interface", said);
    }

    fn apply(&self, daemon: &Daemon, ctx: &mut Free<'_>) -> anyhow::Result<()> {
        daemon.attach(ctx, &self.0)
    }

    fn replace(&self, daemon: &Daemon, ctx: &mut Free<'_>, _before: &Attached) -> anyhow::Result<()> {
        daemon.retune(ctx, &self.0)
    }

    fn replaces(&self, before: &Attached) -> bool {
        let InterfaceConfig { mac, mtu, wait, .. } = self.0;
        self.0 == InterfaceConfig { mac, mtu, wait, ..before.0.clone() }
    }

    fn withdraw(&self, daemon: &Daemon, ctx: &mut Free<'_>) -> anyhow::Result<()> {
        daemon.detach(ctx, &self.0.name, PATIENCE).map(drop)
    }
}

impl fmt::Display for Attached {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let InterfaceConfig { name, driver, device, mac, mtu, wait, pcap, .. } = &self.0;
        write!(f, "interface {name}, {} {device}", driver.name())?;
        if let Some(mac) = mac {
            write!(f, ", mac {mac}")?;
        }
        if let Some(mtu) = mtu {
            write!(f, ", mtu {mtu} bytes")?;
        }
        if *wait {
            write!(f, ", waits for its device")?;
        }
        if let Some(pcap) = pcap {
            write!(f, ", captured into {}", pcap.display())?;
        }
        Ok(())
    }
}

/// It was taken down.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Down {
    pub(crate) on: String,
}

/// The hop limit of what starts at it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct HopLimit {
    pub(crate) on: String,
    pub(crate) hop_limit: u8,
}

/// Its link has but two ends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct PointToPoint {
    pub(crate) on: String,
}

/// Times of its neighbours, in place of the stack's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Times {
    pub(crate) on: String,
    pub(crate) reachable: Option<Duration>,
    pub(crate) retrans: Option<Duration>,
}

/// Bounds of its neighbour table, in place of the stack's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Bounds {
    pub(crate) on: String,
    pub(crate) limits: NeighborLimits,
}

/// What is said of an interface, whatever carries its frames.
pub(crate) fn all(name: &str, said: &Addressing) -> Vec<Any> {
    let on = || name.to_owned();
    let mut all: Vec<Any> = Vec::new();
    if !said.up {
        all.push(Down { on: on() }.into());
    }
    all.extend(said.neighbors.map(|limits| Bounds { on: on(), limits }.into()));
    if said.point_to_point {
        all.push(PointToPoint { on: on() }.into());
    }
    all.extend(said.hop_limit.map(|hop_limit| HopLimit { on: on(), hop_limit }.into()));
    let (reachable, retrans) = said.times;
    if reachable.is_some() || retrans.is_some() {
        all.push(Times { on: on(), reachable, retrans }.into());
    }
    all
}

impl Setting for Down {
    fn slot(&self) -> Slot {
        Slot::of_one("down", &self.on)
    }

    fn on(&self) -> Vec<&str> {
        vec![&self.on]
    }

    fn is_of_one(&self) -> bool {
        true
    }

    fn say(&self, page: &mut Page) {
        page.tell(&self.on, "up", false);
    }

    fn apply(&self, daemon: &Daemon, ctx: &mut Free<'_>) -> anyhow::Result<()> {
        daemon.set_up(ctx, &self.on, false)
    }

    fn replaces(&self, _before: &Down) -> bool {
        true
    }

    fn withdraw(&self, daemon: &Daemon, ctx: &mut Free<'_>) -> anyhow::Result<()> {
        daemon.set_up(ctx, &self.on, true)
    }
}

impl fmt::Display for Down {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: taken down", self.on)
    }
}

impl Setting for HopLimit {
    fn slot(&self) -> Slot {
        Slot::of_one("hop-limit", &self.on)
    }

    fn on(&self) -> Vec<&str> {
        vec![&self.on]
    }

    fn is_of_one(&self) -> bool {
        true
    }

    fn say(&self, page: &mut Page) {
        page.tell(&self.on, "hop_limit", i64::from(self.hop_limit));
    }

    fn apply(&self, daemon: &Daemon, ctx: &mut Free<'_>) -> anyhow::Result<()> {
        let id = daemon.interface(&self.on)?;
        daemon.stack.set_hop_limit(ctx, id, self.hop_limit).map_err(|error| daemon.named(id, error))
    }

    fn replaces(&self, _before: &HopLimit) -> bool {
        true
    }

    fn withdraw(&self, daemon: &Daemon, ctx: &mut Free<'_>) -> anyhow::Result<()> {
        HopLimit { hop_limit: DEFAULT_HOP_LIMIT, ..self.clone() }.apply(daemon, ctx)
    }
}

impl fmt::Display for HopLimit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: hop limit {}", self.on, self.hop_limit)
    }
}

impl PointToPoint {
    fn set(&self, daemon: &Daemon, ctx: &mut Free<'_>, to: bool) -> anyhow::Result<()> {
        let id = daemon.interface(&self.on)?;
        Ok(daemon.stack.set_point_to_point(ctx, id, to)?)
    }
}

impl Setting for PointToPoint {
    fn slot(&self) -> Slot {
        Slot::of_one("point-to-point", &self.on)
    }

    fn on(&self) -> Vec<&str> {
        vec![&self.on]
    }

    fn is_of_one(&self) -> bool {
        true
    }

    fn say(&self, page: &mut Page) {
        page.tell(&self.on, "point_to_point", true);
    }

    fn apply(&self, daemon: &Daemon, ctx: &mut Free<'_>) -> anyhow::Result<()> {
        self.set(daemon, ctx, true)
    }

    fn replaces(&self, _before: &PointToPoint) -> bool {
        true
    }

    fn withdraw(&self, daemon: &Daemon, ctx: &mut Free<'_>) -> anyhow::Result<()> {
        self.set(daemon, ctx, false)
    }
}

impl fmt::Display for PointToPoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: point-to-point", self.on)
    }
}

impl Setting for Times {
    fn slot(&self) -> Slot {
        Slot::of_one("times", &self.on)
    }

    fn on(&self) -> Vec<&str> {
        vec![&self.on]
    }

    fn is_of_one(&self) -> bool {
        true
    }

    fn say(&self, page: &mut Page) {
        for (key, time) in [("reachable_time_ms", self.reachable), ("retrans_timer_ms", self.retrans)] {
            if let Some(time) = time {
                page.tell(&self.on, key, millis(time));
            }
        }
    }

    fn apply(&self, daemon: &Daemon, ctx: &mut Free<'_>) -> anyhow::Result<()> {
        let id = daemon.interface(&self.on)?;
        let set = daemon.stack.set_neighbor_times(ctx, id, self.reachable, self.retrans);
        set.map_err(|error| daemon.named(id, error))
    }

    fn replaces(&self, _before: &Times) -> bool {
        true
    }

    fn withdraw(&self, daemon: &Daemon, ctx: &mut Free<'_>) -> anyhow::Result<()> {
        Times { reachable: None, retrans: None, ..self.clone() }.apply(daemon, ctx)
    }
}

impl fmt::Display for Times {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: neighbors", self.on)?;
        if let Some(time) = self.reachable {
            write!(f, " reachable for {} ms", time.as_millis())?;
        }
        if let Some(time) = self.retrans {
            write!(f, " asked again after {} ms", time.as_millis())?;
        }
        Ok(())
    }
}

impl Bounds {
    fn table(&self) -> Table {
        let NeighborLimits {
            entries,
            resolving,
            forwarded,
            held,
            solicit_rate,
            solicit_burst,
            gc_stale_time,
            forget_on_link_loss,
        } = self.limits;
        let many = |number: usize| i64::try_from(number).unwrap_or(i64::MAX).into();
        let stale = gc_stale_time.unwrap_or_default().as_secs();
        table([
            ("entries", many(entries)),
            ("resolving", many(resolving)),
            ("forwarded_percent", i64::from(forwarded).into()),
            ("held", many(held)),
            ("solicit_rate", i64::from(solicit_rate).into()),
            ("solicit_burst", i64::from(solicit_burst).into()),
            ("forget_stale_s", i64::try_from(stale).unwrap_or(i64::MAX).into()),
            ("forget_on_link_loss", forget_on_link_loss.into()),
        ])
    }
}

impl Setting for Bounds {
    fn slot(&self) -> Slot {
        Slot::of_one("bounds", &self.on)
    }

    fn on(&self) -> Vec<&str> {
        vec![&self.on]
    }

    fn is_of_one(&self) -> bool {
        true
    }

    fn say(&self, page: &mut Page) {
        page.tell(&self.on, "neighbors", self.table());
    }

    fn apply(&self, daemon: &Daemon, ctx: &mut Free<'_>) -> anyhow::Result<()> {
        let id = daemon.interface(&self.on)?;
        Ok(daemon.stack.set_neighbor_limits(ctx, id, self.limits)?)
    }

    fn replaces(&self, _before: &Bounds) -> bool {
        true
    }

    fn withdraw(&self, daemon: &Daemon, ctx: &mut Free<'_>) -> anyhow::Result<()> {
        Bounds { limits: daemon.begun.stack.neighbors, ..self.clone() }.apply(daemon, ctx)
    }
}

impl fmt::Display for Bounds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let told: Vec<String> = self.table().iter().map(|(key, value)| format!("{key} {value}")).collect();
        write!(f, "{}: bounds of neighbors: {}", self.on, told.join(", "))
    }
}

fn millis(time: Duration) -> i64 {
    i64::try_from(time.as_millis()).unwrap_or(i64::MAX)
}
