//! What can be asked, and what is answered.

use std::fmt;
use std::net::IpAddr;
use std::net::Ipv6Addr;

use serde::Deserialize;
use serde::Serialize;

use crate::advertise::Advertise;
use crate::bridge::*;
use crate::code::*;
use crate::event::*;
use crate::filter::*;
use crate::filter_set::*;
use crate::filter_test::*;
use crate::group::*;
use crate::host::*;
use crate::neighbor::Neighbor;
use crate::nested::*;
use crate::refuse::Refuse;
use crate::reload::*;
use crate::report::*;
use crate::route::Route;
use crate::section::*;
use crate::session::*;
use crate::table::*;
use crate::trace::*;
use crate::value::Driver;
use crate::value::ParsedCidr;
use crate::value::ParsedMac;

/// One line from the client.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "request", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Request {
    /// Says which version of the protocol is spoken.
    Hello(HelloRequest),
    /// Many requests at once.
    Batch(BatchRequest),
    /// Events, from now on; the connection has nothing else then.
    Subscribe(SubscribeRequest),
    /// Interfaces, with their counters.
    ShowInterfaces {},
    /// Addresses of ours.
    ShowAddresses {},
    /// Neighbours.
    ShowNeighbors {},
    /// Routes.
    ShowRoutes {},
    /// Deferred packets, by type and worker.
    ShowNetisr {},
    /// Dropped packets, by interface and cause.
    ShowDrops {},
    /// Workers.
    ShowWorkers {},
    /// How workers spend their time.
    ShowPerformance {},
    /// Bounds, and what has come of them.
    ShowLimits {},
    /// Interfaces that advertise us as a router.
    ShowAdvertisers {},
    /// Paths that take less than their first links.
    ShowPathMtus {},
    /// Tables that protocols have to show.
    ShowTables {},
    /// One of them, as it is now.
    ShowTable {
        /// Its name.
        table: String,
    },
    /// What protocols are configured by.
    ShowSections {},
    /// Changes values of a protocol's section.
    SetSection(SetSectionRequest),
    /// Attaches an interface.
    InterfaceAttach(AttachRequest),
    /// Detaches an interface, and waits until nothing of it is left.
    InterfaceDetach {
        /// Of the interface.
        name: String,
        /// So long it is waited.
        timeout_ms: u64,
    },
    /// Takes an interface up or down.
    InterfaceSet {
        /// Of the interface.
        name: String,
        /// Up or down.
        up: bool,
    },
    /// Gives an interface an address.
    AddressAdd(AddressRequest),
    /// Changes settings of an interface.
    InterfaceTune(TuneRequest),
    /// Takes an address from an interface.
    AddressDel {
        /// On which interface.
        interface: String,
        /// Which address.
        address: IpAddr,
    },
    /// Tests duplicate addresses again.
    AddressRetry {
        /// On which interface.
        interface: Option<String>,
        /// Which address.
        address: Option<IpAddr>,
    },
    /// Adds a route.
    RouteAdd(Route),
    /// Removes a route, or a refusal.
    RouteDel(Route),
    /// Refuses destinations.
    RouteRefuse(Refuse),
    /// The way that packets to an address take.
    RouteGet {
        /// Which address.
        address: IpAddr,
    },
    /// VLANs.
    Vlan(VlanRequest),
    /// Link aggregations.
    Lagg(LaggRequest),
    /// Bridges.
    Bridge(BridgeRequest),
    /// Multicast groups.
    Group(GroupRequest),
    /// What routers tell us as a host.
    Host(HostRequest),
    /// The stack as a whole.
    Stack(StackRequest),
    /// The configuration as a whole.
    Reload(ReloadRequest),
    /// The firewall.
    Filter(FilterRequest),
    /// The lives of packets, and frames as they pass.
    Watch(WatchRequest),
    /// Adds a neighbour that stays.
    NeighborAdd(Neighbor),
    /// Forgets neighbours.
    NeighborFlush {
        /// On which interface.
        interface: Option<String>,
        /// Which address.
        address: Option<IpAddr>,
    },
    /// Advertises us as a router on an interface.
    AdvertiseStart {
        /// On which interface.
        interface: String,
        /// What it is to say.
        advertise: Box<Advertise>,
    },
    /// Ceases to.
    AdvertiseStop {
        /// On which interface.
        interface: String,
    },
    /// Sends an echo request; its identifier is the connection's.
    PingSend {
        /// Which address.
        address: IpAddr,
        /// On which interface.
        interface: Option<String>,
        /// The sequence number.
        seq: u16,
        /// Bytes of data.
        size: u16,
    },
    /// What has come for this connection's echo requests, as soon as something has.
    PingWait {
        /// So long it is waited.
        timeout_ms: u64,
    },
    /// For tests of the daemon alone.
    Panic(PanicRequest),
}

impl Request {
    /// Whether it changes what is configured. A reload, of rules too, says so by itself, when files have been read.
    pub fn changes(&self) -> bool {
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
            | Request::SetSection(_)
            | Request::NeighborAdd(_)
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
    pub fn only_looks(&self) -> bool {
        match self {
            // Of a batch, each is asked for by itself.
            Request::Hello(_) | Request::Batch(_) | Request::Subscribe(_) => true,
            Request::ShowInterfaces {}
            | Request::ShowAddresses {}
            | Request::ShowNeighbors {}
            | Request::ShowRoutes {}
            | Request::ShowNetisr {}
            | Request::ShowDrops {}
            | Request::ShowWorkers {}
            | Request::ShowPerformance {}
            | Request::ShowLimits {}
            | Request::ShowAdvertisers {}
            | Request::ShowPathMtus {}
            | Request::ShowTables {}
            | Request::ShowTable { .. }
            | Request::ShowSections {}
            | Request::RouteGet { .. }
            | Request::Vlan(VlanRequest::Show {})
            | Request::Lagg(LaggRequest::Show {})
            | Request::Bridge(BridgeRequest::Show {})
            | Request::Group(GroupRequest::Show {})
            | Request::Host(
                HostRequest::ShowRouters {} | HostRequest::ShowPrefixes {} | HostRequest::Ready { .. },
            )
            | Request::Filter(
                FilterRequest::Show {}
                | FilterRequest::Test { .. }
                | FilterRequest::Set { set: SetRequest::Names {} | SetRequest::List { .. } },
            ) => true,
            Request::Filter(FilterRequest::States { flush, .. }) => !flush,
            _ => false,
        }
    }
}

/// A thread that is to panic, by its name, or to do nothing any more: for tests of what happens then, and only in their
/// builds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PanicRequest {
    /// Its name.
    pub thread: String,
    /// It is to do nothing any more, instead.
    #[serde(default)]
    pub stall: bool,
}

/// An interface with a device of its own: `[[interface]]`, and the same in requests and on the command line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "clap", derive(clap::Args))]
#[serde(deny_unknown_fields)]
pub struct Interface {
    /// Its name: 1 to 15 bytes without `/`, `:`, `%` or blanks.
    #[cfg_attr(
        feature = "clap",
        arg(help = "One that the configuration has gets all that stands there of it")
    )]
    pub name: String,
    /// What carries its frames; a file has to say it.
    #[serde(default)]
    #[cfg_attr(
        feature = "clap",
        arg(long, help = "What carries its frames [default: as the configuration says]")
    )]
    pub driver: Option<Driver>,
    /// The kernel's interface, or the name of a wire in memory [default: `name`].
    #[cfg_attr(
        feature = "clap",
        arg(long, help = "The kernel's interface, or the name of a wire in memory [default: NAME]")
    )]
    pub device: Option<String>,
    /// Its link-layer address [default: the device's; a TAP's and a wire's is made of the name].
    #[cfg_attr(feature = "clap", arg(long))]
    pub mac: Option<ParsedMac>,
    /// The largest packet in bytes: 1,280 to 9,216 [default: the device's, 1,500 for a wire].
    #[cfg_attr(feature = "clap", arg(long, value_name = "BYTES"))]
    pub mtu: Option<u16>,
}

/// An interface to attach.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "clap", derive(clap::Args))]
#[serde(deny_unknown_fields)]
pub struct AttachRequest {
    /// What it is. One that the configuration has gets all that stands there of it.
    #[serde(flatten)]
    #[cfg_attr(feature = "clap", command(flatten))]
    pub interface: Interface,
    /// What is on it.
    #[serde(flatten)]
    #[cfg_attr(feature = "clap", command(flatten))]
    pub addressing: Addressing,
}

/// Settings of an interface to change; what is not given stays.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "clap", derive(clap::Args))]
#[serde(deny_unknown_fields)]
pub struct TuneRequest {
    /// Of the interface.
    pub name: String,
    /// Largest IP packet, in bytes: 1280 to what the link takes; 0 for as much as that is.
    #[cfg_attr(feature = "clap", arg(long, value_name = "BYTES"))]
    pub mtu: Option<u16>,
    /// Of packets that start here: 1 to 255; 0 for the usual 64.
    #[cfg_attr(feature = "clap", arg(long))]
    pub hop_limit: Option<u8>,
    /// How long a neighbor counts as reachable, before chance; 0 for the stack's.
    #[serde(default)]
    #[cfg_attr(feature = "clap", arg(long = "reachable-time", value_name = "MS"))]
    pub reachable_time_ms: Option<u64>,
    /// Between two questions to a neighbor; 0 for the stack's.
    #[serde(default)]
    #[cfg_attr(feature = "clap", arg(long = "retrans-timer", value_name = "MS"))]
    pub retrans_timer_ms: Option<u64>,
}

/// What can be asked of the stack as a whole.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "action", rename_all = "kebab-case", deny_unknown_fields)]
pub enum StackRequest {
    /// Whether packets are routed for others.
    Forwarding {
        /// Whether it does.
        on: bool,
    },
    /// Whether a router notes who announces itself unasked (RFC 9131).
    LearnAnnounced {
        /// Whether it does.
        on: bool,
    },
    /// Whether hop-by-hop options of packets for others are obeyed.
    ExamineOptions {
        /// Whether it does.
        on: bool,
    },
    /// Forgets what paths take; without an interface: of all.
    FlushPathMtus {
        /// On which interface.
        interface: Option<String>,
    },
    /// Gives an interface an anycast address.
    AnycastAdd {
        /// On which interface.
        interface: String,
        /// Which address.
        address: Ipv6Addr,
    },
    /// Takes it away.
    AnycastDel {
        /// On which interface.
        interface: String,
        /// Which address.
        address: Ipv6Addr,
    },
}

/// An address to add.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "clap", derive(clap::Args))]
#[serde(deny_unknown_fields)]
pub struct AddressRequest {
    /// On which interface.
    #[cfg_attr(feature = "clap", arg(long = "dev", value_name = "NAME"))]
    pub interface: String,
    /// With the length of its prefix.
    #[cfg_attr(feature = "clap", arg(value_name = "ADDR/LEN"))]
    pub address: ParsedCidr,
    /// Whether it is tested for a duplicate before it is used.
    #[cfg_attr(feature = "clap", arg(long = "no-dad", action = clap::ArgAction::SetFalse, help = "Use it at once, without looking for duplicates"))]
    pub dad: bool,
    /// Seconds for which it is a source of what is new [default: for ever].
    #[serde(default)]
    #[cfg_attr(feature = "clap", arg(long = "preferred", value_name = "SECONDS"))]
    pub preferred_s: Option<u64>,
    /// Seconds for which it is ours [default: for ever].
    #[serde(default)]
    #[cfg_attr(feature = "clap", arg(long = "valid", value_name = "SECONDS"))]
    pub valid_s: Option<u64>,
}

/// One line from the daemon.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "answer", content = "value", rename_all = "kebab-case")]
pub enum Answer {
    /// To `hello`.
    Hello(HelloRow),
    /// To `batch`: as many as were asked for, in their order.
    Batch(Vec<Reply>),
    /// To `subscribe`; events follow.
    Subscribed {
        /// Of which kinds; of all if there are none.
        kinds: Vec<EventKind>,
    },
    /// Something happened.
    Event(EventRow),
    /// To `show-interfaces`.
    Interfaces(Vec<InterfaceRow>),
    /// To `show-addresses`.
    Addresses(Vec<AddressRow>),
    /// To `show-neighbors`.
    Neighbors(Vec<NeighborRow>),
    /// To `show-routes`.
    Routes(Vec<RouteRow>),
    /// To `show-netisr`.
    Netisr(Vec<TypeRow>),
    /// To `show-advertisers`.
    Advertisers(Vec<AdvertiserRow>),
    /// To `show-drops`.
    Drops(Vec<DropRow>),
    /// To `show-workers`.
    Workers(Vec<WorkerRow>),
    /// To `show-performance`.
    Performance(Vec<PerformanceRow>),
    /// To `show-limits`.
    Limits(Vec<LimitRow>),
    /// To `show` of VLANs.
    Vlans(Vec<VlanRow>),
    /// To `show` of laggs.
    Laggs(Vec<LaggRow>),
    /// To `show` of bridges.
    Bridges(Vec<BridgeRow>),
    /// To `show` of groups.
    Groups(Vec<GroupRow>),
    /// To `show-path-mtus`.
    PathMtus(Vec<PathMtuRow>),
    /// To `show-tables`.
    Tables(Vec<TableRow>),
    /// To `show-table`.
    Table(TableTextRow),
    /// To `show-sections`.
    Sections(Vec<SectionRow>),
    /// To `route-get`.
    Way(WayRow),
    /// To `show-routers`.
    Routers(Vec<RouterRow>),
    /// To `show-prefixes`.
    Prefixes(Vec<PrefixRow>),
    /// The rules of the filter, with what they have counted.
    Filter(FilterRow),
    /// States of flows.
    States(StatesRow),
    /// What would become of a packet.
    Tested(TestRow),
    /// The sets of the filter's rules.
    Sets(Vec<SetRow>),
    /// What is in one.
    Set(SetContentRow),
    /// Whether an interface's addresses are all out of detection.
    Ready(bool),
    /// What was seen of what is watched.
    Watched(WatchRow),
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
    Config(ConfigRow),
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

/// Requests that are carried out one behind the other, and answered together.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BatchRequest {
    /// In their order; no batch among them, and no subscription.
    pub requests: Vec<Request>,
    /// What becomes of the others when one fails.
    #[serde(default)]
    pub on_error: OnError,
}

/// What becomes of the rest of a batch when a request of it fails. What was done before stays done.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum OnError {
    /// It is skipped, and answered so.
    #[default]
    Stop,
    /// It is carried out all the same.
    GoOn,
}

/// An answer as it is written: with a code, if it is an error.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Reply {
    /// What is answered.
    #[serde(flatten)]
    pub answer: Answer,
    /// Of an error; daemons before version 0.2 told none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<Code>,
}

impl Reply {
    /// An error.
    pub fn refused(code: Code, why: impl fmt::Display) -> Reply {
        Reply { answer: Answer::Error(why.to_string()), code: Some(code) }
    }

    /// Whether it is an error.
    pub fn is_error(&self) -> bool {
        matches!(self.answer, Answer::Error(_))
    }

    /// What was answered, or why nothing was done.
    ///
    /// # Errors
    ///
    /// It was an error.
    pub fn into_result(self) -> Result<Answer, Failure> {
        match self.answer {
            Answer::Error(text) => Err(Failure { code: self.code.unwrap_or(Code::Refused), text }),
            answer => Ok(answer),
        }
    }
}

impl From<Answer> for Reply {
    fn from(answer: Answer) -> Reply {
        let code = matches!(answer, Answer::Error(_)).then_some(Code::Refused);
        Reply { answer, code }
    }
}
