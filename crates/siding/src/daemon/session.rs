//! One connection to the control socket: its requests, and its echo requests' identifier.

use std::sync::PoisonError;
use std::thread;
use std::time::Duration;
use std::time::Instant;

use anyhow::Context;
use anyhow::bail;
use siding_lockorder::Root;
use siding_netisr::IfId;
use siding_runtime::trip;
use siding_stack::Lifetimes;
use siding_stack::Ping;

use super::trace::Watching;
use crate::address::change::Given;
use crate::config::refuse;
use crate::config::refuse::RefuseConfig;
use crate::control::AddressRequest;
use crate::control::Answer;
use crate::control::CarryOut;
use crate::control::Code;
use crate::control::Failure;
use crate::control::Feed;
use crate::control::PingRow;
use crate::control::RefuseRequest;
use crate::control::Reply;
use crate::control::Request;
use crate::control::RouteRequest;
use crate::control::Serve;
use crate::control::Sessions;
use crate::control::SubscribeRequest;
use crate::route::setting::Refused;
use crate::route::setting::Routed;
use crate::state::codes;
use crate::state::daemon::Daemon;
use crate::state::daemon::Free;

/// A request waits no longer than this for answers to echo requests, so that the daemon can stop.
const LONGEST_WAIT: Duration = Duration::from_secs(1);

/// Between two looks whether an answer has come: short beside the interval of any ping.
const LOOK: Duration = Duration::from_micros(250);

impl Serve for Daemon {
    fn session(&self, each: &mut dyn FnMut(&mut dyn CarryOut)) {
        let mut root = Root::new();
        // A fresh thread has entered no other.
        let Ok(mut entered) = root.enter() else { return };
        let mut ctx = entered.ctx();
        let mut session = Session { daemon: self, ctx: &mut ctx, own: Own::default() };
        each(&mut session);
        if let Some(ping) = session.own.ping {
            ping.close(&mut ctx);
        }
    }

    fn sessions(&self) -> &Sessions {
        &self.sessions
    }

    fn subscribe(
        &self,
        request: SubscribeRequest,
        ask: &mut dyn CarryOut,
    ) -> Result<Box<dyn Feed + '_>, Failure> {
        self.feed(request, ask, false)
    }
}

/// One connection at work.
struct Session<'d, 'c, 'r> {
    daemon: &'d Daemon,
    ctx: &'c mut Free<'r>,
    own: Own,
}

impl Session<'_, '_, '_> {
    /// Does what changes something: whoever reloads waits until it is noted, too, for he compares with what is noted.
    fn change<T>(&mut self, work: impl FnOnce(&mut Self) -> T) -> T {
        let daemon = self.daemon;
        let _changes = daemon.changes.read().unwrap_or_else(PoisonError::into_inner);
        trip::at("changing");
        work(self)
    }
}

impl CarryOut for Session<'_, '_, '_> {
    fn one(&mut self, request: Request) -> Reply {
        let daemon = self.daemon;
        let Some(_entered) = daemon.closing.enter() else {
            return Reply::refused(Code::Stopping, "this siding is stopping");
        };
        let answer = match request.changes().then(|| request.clone()) {
            None => daemon.carry_out(self.ctx, &mut self.own, request),
            Some(changes) => self.change(|session| {
                let answer = daemon.carry_out(session.ctx, &mut session.own, request);
                match &answer {
                    Ok(_) => daemon.record(session.ctx, changes),
                    Err(_) => daemon.waive(&changes),
                }
                answer
            }),
        };
        match answer {
            Ok(answer) => answer.into(),
            Err(error) => Reply::refused(codes::of(&error), format_args!("{error:#}")),
        }
    }

    fn routes(&mut self, requests: &[Request]) -> bool {
        let daemon = self.daemon;
        let Some(_entered) = daemon.closing.enter() else { return false };
        self.change(|session| daemon.add_asked_routes(session.ctx, requests))
    }
}

/// What one connection has for itself, until it ends.
#[derive(Default)]
struct Own {
    ping: Option<Ping>,
    watching: Option<Watching>,
}

impl Daemon {
    fn carry_out(&self, ctx: &mut Free<'_>, own: &mut Own, request: Request) -> anyhow::Result<Answer> {
        Ok(match request {
            Request::Hello(_) | Request::Batch(_) | Request::Subscribe(_) => {
                bail!("this is of the connection, and is answered there")
            }
            Request::ShowInterfaces {} => Answer::Interfaces(self.show_interfaces(ctx)),
            Request::ShowAddresses {} => Answer::Addresses(self.show_addresses()),
            Request::ShowNeighbors {} => Answer::Neighbors(self.show_neighbors(ctx)),
            Request::ShowRoutes {} => Answer::Routes(self.show_routes()),
            Request::ShowNetisr {} => Answer::Netisr(self.show_netisr()),
            Request::ShowAdvertisers {} => Answer::Advertisers(self.show_advertisers(ctx)),
            Request::AdvertiseStart { interface, advertise } => {
                self.advertise(ctx, &interface, &advertise).map(done)?
            }
            Request::AdvertiseStop { interface } => self.stop_advertising(ctx, &interface).map(done)?,
            Request::ShowDrops {} => Answer::Drops(self.show_drops()),
            Request::ShowWorkers {} => Answer::Workers(self.show_workers()),
            Request::ShowPerformance {} => Answer::Performance(self.show_performance()),
            Request::ShowPathMtus {} => Answer::PathMtus(self.show_path_mtus()),
            Request::ShowLimits {} => Answer::Limits(self.show_limits(ctx)),
            Request::InterfaceAttach(request) => self.attach_by_hand(ctx, request).map(done)?,
            Request::InterfaceDetach { name, timeout_ms } => {
                let took = self.detach(ctx, &name, Duration::from_millis(timeout_ms))?;
                Answer::Detached { took_ns: u64::try_from(took.as_nanos()).unwrap_or(u64::MAX) }
            }
            Request::InterfaceTune(request) => self.tune(ctx, request).map(done)?,
            Request::Filter(request) => self.ask_filter(ctx, request)?,
            Request::Reload(request) => self.ask_reload(ctx, request)?,
            Request::Stack(request) => self.ask_stack(ctx, request)?,
            Request::InterfaceSet { name, up } => self.set_up(ctx, &name, up).map(done)?,
            Request::AddressAdd(AddressRequest { interface, address, dad, preferred_s, valid_s }) => {
                let lifetimes = Lifetimes {
                    preferred: preferred_s.map(Duration::from_secs),
                    valid: valid_s.map(Duration::from_secs),
                };
                self.add_address(ctx, &interface, Given { cidr: address.0, detect: dad, lifetimes })
                    .map(done)?
            }
            Request::AddressDel { interface, address } => {
                self.remove_address(ctx, &interface, address).map(done)?
            }
            Request::AddressRetry { interface, address } => {
                self.retry_duplicates(ctx, interface.as_deref(), address).map(done)?
            }
            Request::RouteAdd(request) => {
                let route = self.asked_route(&request)?;
                self.add_route(ctx, &route)?;
                self.note(Routed(route));
                Answer::Done
            }
            Request::RouteGet { address } => Answer::Way(self.show_way(address)),
            Request::RouteDel(RouteRequest { to, via, interface, .. }) => {
                self.remove_route(ctx, to.0, via, interface.as_deref()).map(done)?
            }
            Request::RouteRefuse(RefuseRequest { to, how, metric }) => {
                let metric = metric.unwrap_or(refuse::METRIC);
                let refusal = RefuseConfig { to: to.0, how, metric };
                self.add_refusal(ctx, &refusal)?;
                self.note(Refused(refusal));
                Answer::Done
            }
            Request::Vlan(request) => self.ask_vlan(ctx, request)?,
            Request::Lagg(request) => self.ask_lagg(ctx, request)?,
            Request::Bridge(request) => self.ask_bridge(ctx, request)?,
            Request::Group(request) => self.ask_group(ctx, request)?,
            Request::Host(request) => self.ask_host(ctx, request)?,
            Request::NeighborAdd { interface, address, mac } => {
                let id = self.interface(&interface)?;
                let added = self.stack.add_neighbor(ctx, id, address, mac.0);
                added.map(done).with_context(|| interface)?
            }
            Request::NeighborFlush { interface, address } => {
                let all = self.stack.config().interfaces().map(|there| there.ifnet.id).collect();
                let on: Vec<IfId> = match interface {
                    Some(name) => vec![self.interface(&name)?],
                    None => all,
                };
                let goes = |addr| address.is_none_or(|address| address == addr);
                Answer::Flushed(on.into_iter().map(|id| self.stack.flush_neighbors(ctx, id, goes)).sum())
            }
            Request::Watch(request) => self.ask_watch(&mut own.watching, request)?,
            Request::Panic(request) if trip::arm(&request.thread, request.stall) => {
                trip::here();
                Answer::Done
            }
            Request::Panic(_) => bail!("not in this build"),
            Request::PingSend { address, interface, seq, size } => {
                let scope = interface.map(|name| self.interface(&name)).transpose()?.unwrap_or(IfId::NONE);
                if own.ping.is_none() {
                    own.ping = self.stack.open_ping(ctx);
                }
                let ping = own.ping.as_ref().context("too many pings at a time: end one")?;
                let data: Vec<u8> = (0..size).map(|at| at as u8).collect();
                let at_ns = self.stack.now().as_nanos();
                let sent = self.stack.ping(ctx, ping, address, scope, seq, &data);
                sent.map_err(|error| self.explain_send(error))?;
                Answer::PingSent { at_ns }
            }
            Request::PingWait { timeout_ms } => Answer::PingAnswers(match &own.ping {
                Some(ping) => wait(ctx, ping, Duration::from_millis(timeout_ms)),
                None => Vec::new(),
            }),
        })
    }
}

/// What has come, as soon as something has.
fn wait(ctx: &mut Free<'_>, ping: &Ping, timeout: Duration) -> Vec<PingRow> {
    let deadline = Instant::now() + timeout.min(LONGEST_WAIT);
    loop {
        let answers: Vec<PingRow> = std::iter::from_fn(|| ping.answer(ctx)).map(row).collect();
        let left = deadline.saturating_duration_since(Instant::now());
        if !answers.is_empty() || left.is_zero() {
            return answers;
        }
        thread::sleep(left.min(LOOK));
    }
}

fn row(reply: siding_stack::PingReply) -> PingRow {
    let (from, hop_limit, error) = match reply.answer {
        siding_stack::Answer::Reply { from, hop_limit } => (from, Some(hop_limit), None),
        siding_stack::Answer::Error { from, what } => (from, None, Some(what)),
    };
    PingRow { seq: reply.seq, at_ns: reply.at.as_nanos(), from, hop_limit, error }
}

fn done(_: ()) -> Answer {
    Answer::Done
}
