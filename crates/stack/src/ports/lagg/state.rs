//! A lagg: its settings, its ports, and what is still to be announced.

use std::collections::VecDeque;
use std::net::IpAddr;
use std::time::Duration;

use siding_lockorder::Mutex;
use siding_netisr::IfId;
use siding_netisr::Instant;
use siding_wire::Mac;

use super::HashLayers;
use super::Joined;
use super::LacpPortReport;
use super::LacpReport;
use super::LacpSpec;
use super::view::RoundRobin;
use crate::alarm::Alarm;
use crate::ranks;

/// How a lagg uses its ports.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// One port, the others stand by.
    Failover,
    /// Each flow keeps to a port.
    LoadBalance,
    /// Each frame by the next port.
    RoundRobin,
    /// Each frame by every port.
    Broadcast,
    /// Each flow keeps to a port, of those that the partner agreed to (IEEE 802.1AX).
    Lacp,
}

impl Mode {
    /// The mode in a word, as configuration has it.
    pub const fn name(self) -> &'static str {
        match self {
            Mode::Failover => "failover",
            Mode::LoadBalance => "loadbalance",
            Mode::RoundRobin => "roundrobin",
            Mode::Broadcast => "broadcast",
            Mode::Lacp => "lacp",
        }
    }
}

/// When a failover lagg goes back to a better port.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Reselect {
    /// As soon as the primary, or a port of higher priority, has a link.
    #[default]
    Always,
    /// Only to a port of higher priority than the active one's; the primary counts as one among others.
    Better,
    /// Never while the active port works.
    Failure,
}

/// How a change is announced.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Announce {
    /// How often each address is announced; 0 for not at all.
    pub count: u32,
    /// Time between two announcements of an address.
    pub interval: Duration,
}

impl Default for Announce {
    //= RFC 4861 s7.2.6 [4861-32]: at most 3 unsolicited advertisements, a RetransTimer apart.
    fn default() -> Announce {
        Announce { count: 3, interval: Duration::from_secs(1) }
    }
}

/// A lagg that is to be made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LaggSpec {
    /// The operator's name for it.
    pub name: String,
    /// How it uses its ports.
    pub mode: Mode,
    /// Its address; the first port's if none is given.
    pub mac: Option<Mac>,
    /// The largest IP packet, in bytes.
    pub mtu: u16,
    /// When it goes back to a better port.
    pub reselect: Reselect,
    /// What tells flows apart.
    pub hash: HashLayers,
    /// How its changes are announced.
    pub announce: Announce,
    /// LACP, in that mode.
    pub lacp: LacpSpec,
}

impl LaggSpec {
    /// A lagg by its name and mode, with an MTU of 1500.
    pub fn new(name: &str, mode: Mode) -> LaggSpec {
        LaggSpec {
            name: name.to_string(),
            mode,
            mac: None,
            mtu: 1500,
            reselect: Reselect::default(),
            hash: HashLayers::default(),
            announce: Announce::default(),
            lacp: LacpSpec::default(),
        }
    }
}

/// What can be changed of a lagg while frames pass.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct LaggTuning {
    /// When it goes back to a better port.
    pub reselect: Reselect,
    /// What tells flows apart.
    pub hash: HashLayers,
    /// How its changes are announced.
    pub announce: Announce,
}

impl LaggSpec {
    /// What can be changed of it while frames pass.
    pub fn tuning(&self) -> LaggTuning {
        LaggTuning { reselect: self.reselect, hash: self.hash, announce: self.announce }
    }
}

/// A lagg, for life.
#[derive(Debug)]
pub(crate) struct Lagg {
    pub(crate) id: IfId,
    /// As it was made: what [can be changed](LaggTuning) is in its state.
    pub(crate) settings: LaggSpec,
    /// Nobody has any in other modes.
    pub(crate) turns: RoundRobin,
    pub(crate) state: Mutex<ranks::Lagg, State>,
}

/// What its lock guards.
#[derive(Debug, Default)]
pub(crate) struct State {
    /// In order of joining.
    pub(crate) ports: Vec<Member>,
    pub(crate) primary: Option<IfId>,
    /// In failover, the port in use.
    pub(crate) active: Option<IfId>,
    /// Whether the address was given, rather than taken from the first port.
    pub(crate) own_mac: bool,
    pub(crate) announcing: Announcing,
    pub(crate) tuning: LaggTuning,
    /// The machines, in that mode.
    pub(crate) lacp: Option<Joined>,
}

/// A port of a lagg.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Member {
    pub(crate) id: IfId,
    /// More is better; in LACP less is better, as its standard has it.
    pub(crate) priority: u16,
    /// Whether its link is there and it is up.
    pub(crate) usable: bool,
    /// It is to go as soon as its partner has stopped sending to it.
    pub(crate) leaving: bool,
    /// It has taken its leave, and is not spoken on until it is taken up.
    pub(crate) silent: bool,
}

/// What is still to be announced.
#[derive(Debug, Default)]
pub(crate) struct Announcing {
    /// Rounds after the present one.
    pub(crate) rounds: u32,
    /// When the next round begins.
    pub(crate) next: Option<Instant>,
    /// What is left of the present round.
    pub(crate) round: VecDeque<(IfId, What)>,
    pub(crate) alarm: Alarm,
    /// Announcements that were dispatched, ever.
    pub(crate) dispatched: u64,
}

/// One announcement.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum What {
    /// That an address is here.
    Address(IpAddr),
    /// Which groups are listened to: this part of them, for one report has not room for any number.
    Groups(usize),
    /// That a station behind another port of a bridge is this way.
    Station(Mac),
}

/// A lagg, for tables.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LaggReport {
    /// Its identity.
    pub id: IfId,
    /// Its name.
    pub name: String,
    /// How it uses its ports.
    pub mode: Mode,
    /// Its ports, in order of joining.
    pub ports: Vec<PortReport>,
    /// The port that the operator prefers.
    pub primary: Option<IfId>,
    /// In failover, the port in use.
    pub active: Option<IfId>,
    /// Announcements that were dispatched, ever.
    pub announced: u64,
    /// LACP, in that mode.
    pub lacp: Option<LacpReport>,
}

/// A port of a lagg, for tables.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PortReport {
    /// Its identity.
    pub id: IfId,
    /// Its name.
    pub name: String,
    /// More is better; in LACP less is better, as its standard has it.
    pub priority: u16,
    /// Whether it can be used: up, with a link.
    pub usable: bool,
    /// Whether it sends.
    pub sending: bool,
    /// Whether its frames are taken.
    pub receiving: bool,
    /// Whether it is on its way out: it goes when its partner has stopped sending to it.
    pub leaving: bool,
    /// LACP, in that mode.
    pub lacp: Option<LacpPortReport>,
}
