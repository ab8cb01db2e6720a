//! One connection to the control socket: its requests, each carried out, noted and answered by its feature.

use std::sync::PoisonError;
use std::time::Duration;

use anyhow::bail;
use siding_lockorder::Root;
use siding_runtime::trip;
use siding_stack::Ping;

use super::trace::Watching;
use crate::address::setting::Anycast;
use crate::control::Answer;
use crate::control::CarryOut;
use crate::control::Code;
use crate::control::Failure;
use crate::control::Feed;
use crate::control::Reply;
use crate::control::Request;
use crate::control::Serve;
use crate::control::Sessions;
use crate::control::StackRequest;
use crate::control::SubscribeRequest;
use crate::nested::ask::Asked;
use crate::ping;
use crate::ping::Echo;
use crate::state::codes;
use crate::state::daemon::Daemon;
use crate::state::daemon::Free;
use crate::switch::Which;

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
        let answer = match request.changes() {
            false => daemon.carry_out(self.ctx, &mut self.own, request),
            true => self.change(|session| daemon.carry_out(session.ctx, &mut session.own, request)),
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
    /// Which request goes to which feature.
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
            Request::ShowDrops {} => Answer::Drops(self.show_drops()),
            Request::ShowWorkers {} => Answer::Workers(self.show_workers()),
            Request::ShowPerformance {} => Answer::Performance(self.show_performance()),
            Request::ShowPathMtus {} => Answer::PathMtus(self.show_path_mtus()),
            Request::ShowTables {} => Answer::Tables(self.show_tables()),
            Request::ShowTable { table } => Answer::Table(self.show_table(ctx, &table)?),
            Request::ShowSections {} => Answer::Sections(self.show_sections()),
            Request::SetSection(request) => self.ask_section(ctx, request)?,
            Request::ShowLimits {} => Answer::Limits(self.show_limits(ctx)),
            Request::InterfaceAttach(request) => self.attach_by_hand(ctx, request)?,
            Request::InterfaceDetach { name, timeout_ms } => self.ask_detach(ctx, &name, timeout_ms)?,
            Request::InterfaceTune(request) => self.tune(ctx, request)?,
            Request::InterfaceSet { name, up } => self.ask_up(ctx, name, up)?,
            Request::AddressAdd(request) => self.ask_address(ctx, request)?,
            Request::AddressDel { interface, address } => self.ask_no_address(ctx, &interface, address)?,
            Request::AddressRetry { interface, address } => {
                self.retry_duplicates(ctx, interface.as_deref(), address)?
            }
            Request::AdvertiseStart { interface, advertise } => {
                self.ask_advertising(ctx, interface, *advertise)?
            }
            Request::AdvertiseStop { interface } => self.ask_no_advertising(ctx, &interface)?,
            Request::Host(request) => self.ask_host(ctx, request)?,
            Request::RouteAdd(request) => self.ask_route(ctx, &request)?,
            Request::RouteDel(request) => self.ask_no_route(ctx, request)?,
            Request::RouteRefuse(request) => self.ask_refusal(ctx, request)?,
            Request::RouteGet { address } => Answer::Way(self.show_way(address)),
            Request::Vlan(request) => {
                let asked = self.ask_vlan(ctx, request)?;
                self.make_asked(ctx, asked)?
            }
            Request::Lagg(request) => {
                let asked = self.ask_lagg(ctx, request)?;
                self.make_asked(ctx, asked)?
            }
            Request::Bridge(request) => {
                let asked = self.ask_bridge(ctx, request)?;
                self.make_asked(ctx, asked)?
            }
            Request::Group(request) => self.ask_group(ctx, request)?,
            Request::NeighborAdd(neighbor) => self.ask_neighbor(ctx, neighbor)?,
            Request::NeighborFlush { interface, address } => {
                self.flush_neighbors(ctx, interface.as_deref(), address)?
            }
            Request::Filter(request) => self.ask_filter(ctx, request)?,
            Request::Reload(request) => self.ask_reload(ctx, request)?,
            Request::Stack(request) => self.ask_stack(ctx, request)?,
            Request::Watch(request) => self.ask_watch(&mut own.watching, request)?,
            Request::Panic(request) if trip::arm(&request.thread, request.stall) => {
                trip::here();
                Answer::Done
            }
            Request::Panic(_) => bail!("not in this build"),
            Request::PingSend { address, interface, seq, size } => {
                self.ask_ping(ctx, &mut own.ping, Echo { address, interface, seq, size })?
            }
            Request::PingWait { timeout_ms } => Answer::PingAnswers(match &own.ping {
                Some(ping) => ping::wait(ctx, ping, Duration::from_millis(timeout_ms)),
                None => Vec::new(),
            }),
        })
    }

    fn ask_stack(&self, ctx: &mut Free<'_>, request: StackRequest) -> anyhow::Result<Answer> {
        match request {
            StackRequest::Forwarding { on } => self.ask_switch(ctx, Which::Forwarding, on),
            StackRequest::LearnAnnounced { on } => self.ask_switch(ctx, Which::LearnAnnounced, on),
            StackRequest::ExamineOptions { on } => self.ask_switch(ctx, Which::ExamineOptions, on),
            StackRequest::AnycastAdd { interface: on, address } => {
                self.put(ctx, Anycast { on, address }).map(|()| Answer::Done)
            }
            StackRequest::AnycastDel { interface: on, address } => {
                self.take_back(ctx, &Anycast { on, address }).map(|()| Answer::Done)
            }
            StackRequest::FlushPathMtus { interface } => self.flush_path_mtus(ctx, interface.as_deref()),
        }
    }

    /// What is to be made has on it all that the configuration says of it, of whatever feature.
    fn make_asked(&self, ctx: &mut Free<'_>, asked: Asked) -> anyhow::Result<Answer> {
        match asked {
            Asked::Done(answer) => Ok(answer),
            Asked::Wanted(nested) => self.add_nested_by_hand(ctx, *nested),
        }
    }
}
