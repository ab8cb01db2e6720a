//! What can be asked, and what is answered.

use std::net::IpAddr;
use std::net::Ipv6Addr;
use std::path::PathBuf;

use serde::Deserialize;
use serde::Serialize;

use super::bridge::*;
use super::filter::*;
use super::group::*;
use super::host::*;
use super::nested::*;
use super::reload::*;
use super::report::*;
use crate::config::Driver;
use crate::config::advertise::Advertise;
use crate::config::file::ParsedCidr;
use crate::config::file::ParsedMac;
use crate::config::refuse::How;

/// One line from the client.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "request", rename_all = "kebab-case", deny_unknown_fields)]
pub(crate) enum Request {
    ShowInterfaces {},
    ShowAddresses {},
    ShowNeighbors {},
    ShowRoutes {},
    ShowNetisr {},
    ShowDrops {},
    ShowWorkers {},
    ShowLimits {},
    ShowAdvertisers {},
    ShowPathMtus {},
    InterfaceAttach(AttachRequest),
    InterfaceDetach { name: String, timeout_ms: u64 },
    InterfaceSet { name: String, up: bool },
    AddressAdd(AddressRequest),
    InterfaceTune(TuneRequest),
    AddressDel { interface: String, address: IpAddr },
    AddressRetry { interface: Option<String>, address: Option<IpAddr> },
    RouteAdd(RouteRequest),
    RouteDel(RouteRequest),
    RouteRefuse(RefuseRequest),
    RouteGet { address: IpAddr },
    Vlan(VlanRequest),
    Lagg(LaggRequest),
    Bridge(BridgeRequest),
    Group(GroupRequest),
    Host(HostRequest),
    Stack(StackRequest),
    Reload(ReloadRequest),
    Filter(FilterRequest),
    NeighborAdd { interface: String, address: IpAddr, mac: ParsedMac },
    NeighborFlush { interface: Option<String>, address: Option<IpAddr> },
    AdvertiseStart { interface: String, advertise: Box<Advertise> },
    AdvertiseStop { interface: String },
    PingSend { address: IpAddr, interface: Option<String>, seq: u16, size: u16 },
    PingWait { timeout_ms: u64 },
    Panic(PanicRequest),
}

impl Request {
    /// Whether it changes what is configured. A reload, of rules too, says so by itself, when files have been read.
    pub(crate) fn changes(&self) -> bool {
        match self {
            Request::InterfaceAttach(_)
            | Request::InterfaceDetach { .. }
            | Request::InterfaceSet { .. }
            | Request::AddressAdd(_)
            | Request::InterfaceTune(_)
            | Request::AddressDel { .. }
            | Request::RouteAdd(_)
            | Request::RouteDel(_)
            | Request::RouteRefuse(_)
            | Request::Vlan(VlanRequest::Add(_) | VlanRequest::Delete { .. })
            | Request::Stack(_)
            | Request::NeighborAdd { .. }
            | Request::NeighborFlush { .. }
            | Request::AdvertiseStart { .. }
            | Request::AdvertiseStop { .. } => true,
            Request::Lagg(request) => !matches!(request, LaggRequest::Show {}),
            Request::Bridge(request) => !matches!(request, BridgeRequest::Show {}),
            Request::Group(request) => !matches!(request, GroupRequest::Show {}),
            Request::Host(request) => {
                matches!(request, HostRequest::Start { .. } | HostRequest::Stop { .. })
            }
            _ => false,
        }
    }
}

impl Request {
    /// Whether it tells what everybody may know who watches: it changes nothing, sends nothing, and has no secrets in its
    /// answer.
    pub(crate) fn only_looks(&self) -> bool {
        match self {
            Request::ShowInterfaces {}
            | Request::ShowAddresses {}
            | Request::ShowNeighbors {}
            | Request::ShowRoutes {}
            | Request::ShowNetisr {}
            | Request::ShowDrops {}
            | Request::ShowWorkers {}
            | Request::ShowLimits {}
            | Request::ShowAdvertisers {}
            | Request::ShowPathMtus {}
            | Request::RouteGet { .. }
            | Request::Vlan(VlanRequest::Show {})
            | Request::Lagg(LaggRequest::Show {})
            | Request::Bridge(BridgeRequest::Show {})
            | Request::Group(GroupRequest::Show {})
            | Request::Host(
                HostRequest::ShowRouters {} | HostRequest::ShowPrefixes {} | HostRequest::Ready { .. },
            )
            | Request::Filter(FilterRequest::Show {}) => true,
            Request::Filter(FilterRequest::States { flush, .. }) => !flush,
            _ => false,
        }
    }
}

/// A thread that is to panic, by its name, or to do nothing any more: for tests of what happens then, and only in their
/// builds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct PanicRequest {
    pub(crate) thread: String,
    #[serde(default)]
    pub(crate) stall: bool,
}

/// An interface to attach.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct AttachRequest {
    pub(crate) name: String,
    /// As the configuration says of this name, if it is not given; so is all else.
    #[serde(default)]
    pub(crate) driver: Option<Driver>,
    /// The kernel's interface; the same as `name` if it is not given.
    pub(crate) device: Option<String>,
    pub(crate) mac: Option<ParsedMac>,
    pub(crate) mtu: Option<u16>,
    #[serde(default)]
    pub(crate) addresses: Vec<ParsedCidr>,
    pub(crate) link_local: bool,
    pub(crate) dad: bool,
    #[serde(default)]
    pub(crate) point_to_point: bool,
}

/// Settings of an interface to change; what is not given stays.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct TuneRequest {
    pub(crate) name: String,
    pub(crate) mtu: Option<u16>,
    pub(crate) hop_limit: Option<u8>,
    /// 0: the stack's.
    #[serde(default)]
    pub(crate) reachable_time_ms: Option<u64>,
    /// The same.
    #[serde(default)]
    pub(crate) retrans_timer_ms: Option<u64>,
}

/// What can be asked of the stack as a whole.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "action", rename_all = "kebab-case", deny_unknown_fields)]
pub(crate) enum StackRequest {
    Forwarding { on: bool },
    LearnAnnounced { on: bool },
    ExamineOptions { on: bool },
    FlushPathMtus { interface: Option<String> },
    AnycastAdd { interface: String, address: Ipv6Addr },
    AnycastDel { interface: String, address: Ipv6Addr },
}

/// An address to add.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct AddressRequest {
    pub(crate) interface: String,
    pub(crate) address: ParsedCidr,
    pub(crate) dad: bool,
    /// Seconds for which it is preferred; for ever if it is not given.
    #[serde(default)]
    pub(crate) preferred_s: Option<u64>,
    /// Seconds for which it is ours; for ever if it is not given.
    #[serde(default)]
    pub(crate) valid_s: Option<u64>,
}

/// A route to add or remove.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RouteRequest {
    /// The prefix, without host bits.
    pub(crate) to: ParsedCidr,
    pub(crate) via: Option<IpAddr>,
    pub(crate) interface: Option<String>,
    pub(crate) metric: Option<u32>,
}

/// Destinations to refuse.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RefuseRequest {
    /// The prefix, without host bits.
    pub(crate) to: ParsedCidr,
    pub(crate) how: How,
    pub(crate) metric: Option<u32>,
}

/// One line from the daemon.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "answer", content = "value", rename_all = "kebab-case")]
pub(crate) enum Answer {
    Interfaces(Vec<InterfaceRow>),
    Addresses(Vec<AddressRow>),
    Neighbors(Vec<NeighborRow>),
    Routes(Vec<RouteRow>),
    Netisr(Vec<TypeRow>),
    Advertisers(Vec<AdvertiserRow>),
    Drops(Vec<DropRow>),
    Workers(Vec<WorkerRow>),
    Limits(Vec<LimitRow>),
    Vlans(Vec<VlanRow>),
    Laggs(Vec<LaggRow>),
    Bridges(Vec<BridgeRow>),
    Groups(Vec<GroupRow>),
    PathMtus(Vec<PathMtuRow>),
    Way(WayRow),
    Routers(Vec<RouterRow>),
    Prefixes(Vec<PrefixRow>),
    /// The rules of the filter, with what they have counted.
    Filter(FilterRow),
    /// States of flows.
    States(StatesRow),
    /// Whether an interface's addresses are all out of detection.
    Ready(bool),
    /// It is done, and there is nothing to tell.
    Done,
    /// An interface has gone.
    Detached {
        /// From the request until nothing of it was left, in nanoseconds.
        took_ns: u64,
    },
    /// What was done, or would be.
    Reload(ReloadRow),
    /// What runs.
    Config {
        /// As a file that would make it again.
        text: String,
        /// Interfaces that no file can say, as what they lie on is not there.
        left_out: Vec<String>,
        /// The file that the run began with.
        file: PathBuf,
        /// What waits to be confirmed, and when it is gone back.
        #[serde(default)]
        waits: Option<String>,
    },
    /// So many neighbours, routers or prefixes were forgotten.
    Flushed(usize),
    /// An echo request was sent.
    PingSent {
        /// When, in nanoseconds on the daemon's clock.
        at_ns: u64,
    },
    /// What has come for this connection's echo requests.
    PingAnswers(Vec<PingRow>),
    /// It could not be done: why, and what to do.
    Error(String),
}
