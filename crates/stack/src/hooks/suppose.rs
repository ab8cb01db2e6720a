//! Packets that nobody has sent: what would be asked about one, and where.

use std::net::IpAddr;
use std::sync::Arc;

use siding_machines::filter::StateLimits;
use siding_machines::filter::States;
use siding_machines::filter::Timeouts;
use siding_machines::filter::Tracked;
use siding_netisr::Instant;

use crate::Stack;
use crate::config::Config;
use crate::filter::Asks;
use crate::filter::Connection;
use crate::filter::Counted;
use crate::filter::Counting;
use crate::filter::FrameEnds;
use crate::filter::Hook;
use crate::filter::NOBODYS;
use crate::filter::Part;
use crate::filter::Rehearsed;
use crate::filter::StateReport;
use crate::filter::read;
use crate::filter::read::Astray;
use crate::filter::read::Read;
use crate::icmp6::LinkCast;
use crate::ifnet::Interface;

/// A packet that is only thought of.
#[derive(Debug, Clone, Copy)]
pub struct Supposed<'a> {
    /// From its IP header on.
    pub packet: &'a [u8],
    /// The interface that it would come in by; our own if none.
    pub iif: Option<&'a str>,
    /// The interface that it would go out of; as the routes say if none.
    pub oif: Option<&'a str>,
    /// To whom its frame would be.
    pub link: LinkCast,
    /// Of its frame, if that came in.
    pub frame: Option<FrameEnds>,
    /// Its mark.
    pub mark: u32,
    /// What it would be to its flow; as the first that is seen of it if none.
    pub connection: Option<Connection>,
    /// Its flow's state, if there is one: it is counted where that is.
    pub flow: Option<&'a StateReport>,
}

/// Why nobody would be asked.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unasked {
    /// No such interface.
    #[error("no interface `{0}`: name one that there is")]
    Interface(String),
    /// No way to its destination.
    #[error("no way to {0}, and no rule is asked behind prerouting: add a route, or say `oif`")]
    NoWay(IpAddr),
    /// No packet.
    #[error("its headers cannot be: no receiver takes it, and `ct state` is invalid")]
    Malformed,
    /// Dropped before anybody is asked.
    #[error("dropped before any rule is asked, as filter-headers: rules would not see its upper layer")]
    Hidden,
    /// A later fragment.
    #[error("a later fragment has what its first one has, and no rule is asked about it")]
    Later,
}

/// What a packet is to its flow if it is the first that is seen of it: TCP's in the middle of a connection with `loose`
/// or without.
///
/// # Errors
///
/// No rule is asked about it.
pub fn first_seen(packet: &[u8], loose: bool) -> Result<Connection, Unasked> {
    let tracked = tracked(packet, &look(packet)?, loose);
    Ok(Connection { state: tracked.state, way: tracked.way, mark: 0 })
}

fn look(packet: &[u8]) -> Result<Read, Unasked> {
    match read::read(packet) {
        Ok(read) if read.piece.is_some_and(|piece| piece.offset > 0) => Err(Unasked::Later),
        Ok(read) if read.piece.is_some() && !read.is_whole(packet) => Err(Unasked::Hidden),
        Ok(read) => Ok(read),
        Err(Astray::Hidden) => Err(Unasked::Hidden),
        Err(Astray::Malformed) => Err(Unasked::Malformed),
    }
}

/// By a table that knows no flow.
fn tracked(bytes: &[u8], read: &Read, loose: bool) -> Tracked {
    let limits = StateLimits { states: 1024, half_open: 1024, loose, ..StateLimits::default() };
    let mut states = States::new(Instant::ZERO, limits, Timeouts::default(), 0, 1024);
    let Some(packet) = read.packet(bytes) else { return Tracked::INVALID };
    let bucket = packet.flow().map_or(0, |key| states.bucket(&key));
    states.track(Instant::ZERO, bucket, &packet)
}

impl Stack {
    /// Has `ask` asked where a packet would be judged, one hook and part after the other, as long as it says that the
    /// packet goes on. Nothing is sent, counted or remembered. Gives what the packet was to its flow.
    ///
    /// # Errors
    ///
    /// Nobody is asked, or nobody any more.
    pub fn suppose(
        &self,
        supposed: &Supposed<'_>,
        ask: &mut dyn FnMut(Hook, Part, &mut Asks<'_>) -> bool,
    ) -> Result<Connection, Unasked> {
        let read = look(supposed.packet)?;
        let config: Arc<Config> = self.config();
        let named = |name: Option<&str>| match name {
            Some(name) => config.by_name(name).map(Some).ok_or_else(|| Unasked::Interface(name.to_owned())),
            None => Ok(None),
        };
        let (iif, oif) = (named(supposed.iif)?, named(supposed.oif)?);
        let rules = self.shared.filter.rules.load();
        let tables = rules.as_ref().as_ref().and_then(|rules| rules.tables.clone());
        let loose = rules.as_ref().as_ref().and_then(|rules| rules.state_limits()).is_none_or(|l| l.loose);
        let mut tracked = tracked(supposed.packet, &read, loose);
        if let Some(connection) = supposed.connection {
            tracked = Tracked { state: connection.state, way: connection.way, ..tracked };
        }
        let mut rehearsed = Rehearsed {
            mark: supposed.connection.map(|connection| connection.mark),
            policy: None,
            counted: supposed.flow.map(|flow| flow.counted.clone()).unwrap_or_default(),
        };
        let mut own = Counted::default();
        let told = Connection { state: tracked.state, way: tracked.way, mark: 0 };
        let mut at = At { supposed, mark: supposed.mark, untracked: false, lines: Vec::new() };
        let mut both = |hook: Hook, iif: Option<&Interface>, oif: Option<&Interface>| {
            let splits = matches!(hook, Hook::Prerouting | Hook::Output);
            [Part::BeforeStates, Part::AfterStates].into_iter().all(|part| {
                if part == Part::AfterStates && at.untracked {
                    tracked = Tracked::UNTRACKED;
                }
                let known = !(splits && part == Part::BeforeStates) && tables.is_some();
                let mut asks = Asks {
                    now: self.now(),
                    config: &config,
                    iif,
                    oif,
                    link: at.supposed.link,
                    frame: at.supposed.frame.filter(|_| iif.is_some()),
                    mark: at.mark,
                    tracked: known.then_some(&mut tracked),
                    states: None,
                    counting: tables
                        .as_ref()
                        .map(|tables| Counting { counts: &tables.counts, own: &mut own }),
                    numbers: NOBODYS,
                    untracked: false,
                    rehearsed: Some(&mut rehearsed),
                    lines: &mut at.lines,
                    decided: None,
                };
                let goes_on = ask(hook, part, &mut asks);
                let (mark, untracked) = (asks.mark, asks.untracked);
                at.mark = mark;
                at.untracked |= untracked;
                goes_on
            })
        };
        let routing = iif.map_or_else(|| config.default_routing(), |iif| config.routing(iif));
        let out = || match (oif, read.dst) {
            (Some(oif), _) => Ok(oif),
            (None, IpAddr::V6(dst)) => routing
                .way6(dst, || config.flow_key.six(supposed.packet))
                .map(|(out, _)| out)
                .map_err(|_| Unasked::NoWay(read.dst)),
            (None, IpAddr::V4(dst)) => routing
                .way4(dst, || config.flow_key.four(supposed.packet))
                .map(|(out, _)| out)
                .map_err(|_| Unasked::NoWay(read.dst)),
        };
        let Some(on) = iif else {
            both(Hook::Output, None, Some(out()?));
            return Ok(told);
        };
        if !both(Hook::Prerouting, Some(on), None) {
            return Ok(told);
        }
        let ours = match read.dst {
            IpAddr::V6(dst) => dst.is_multicast() || config.local6(dst, on.ifnet.id).is_some(),
            IpAddr::V4(dst) => dst.is_multicast() || dst.is_broadcast() || routing.owner4(dst).is_some(),
        };
        match ours {
            true => both(Hook::Input, Some(on), None),
            false => both(Hook::Forward, Some(on), Some(out()?)),
        };
        Ok(told)
    }
}

/// What a packet has on its way.
struct At<'a> {
    supposed: &'a Supposed<'a>,
    mark: u32,
    untracked: bool,
    lines: Vec<crate::event::Event>,
}
