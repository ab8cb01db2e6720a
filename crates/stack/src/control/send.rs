//! Packets that are made outside of workers: echo requests.

use std::net::IpAddr;
use std::net::Ipv4Addr;
use std::net::Ipv6Addr;

use siding_lockorder::Ctx;
use siding_lockorder::Unlocked;
use siding_mbuf::Mbuf;
use siding_netisr::Cause;
use siding_netisr::IfId;
use siding_wire::IpProto;
use siding_wire::icmp4::Icmp4Repr;
use siding_wire::icmp6::Icmp6Repr;
use siding_wire::ip4;
use siding_wire::ip4::Ip4Repr;
use siding_wire::ip6;
use siding_wire::ip6::Ip6Repr;

use crate::Stack;
use crate::arp;
use crate::config::Config;
use crate::ends;
use crate::ifnet::Interface;
use crate::ifnet::Unfit;
use crate::ifnet::Use;
use crate::own::IpOut;
use crate::ping::Ping;
use crate::routes::meant;

/// Why a packet was not sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SendError {
    /// No route.
    #[error("no route to {0}: add one, or give the interface for a link-local address")]
    NoRoute(IpAddr),
    /// No host on any link has it.
    #[error("{0} is no address that a packet can be sent to")]
    NoDestination(IpAddr),
    /// What would lead there cannot be used now.
    #[error("the way to {0} is by '{1}', which cannot be used now: {2}")]
    Unfit(IpAddr, IfId, Unfit),
    /// No source address serves.
    #[error("no source address for {0}: the interface has none that is out of duplicate address detection")]
    NoSource(IpAddr),
    /// The pool is dry.
    #[error("no packet buffer is free")]
    NoBuffer,
    /// Larger than a buffer.
    #[error("{0} bytes of data do not fit into a packet")]
    TooLarge(usize),
    /// The facility refused it.
    #[error("the packet was refused: {0}")]
    Refused(Cause),
}

/// An echo request, as whoever answers gives it back.
struct Echo<'d> {
    ident: u16,
    seq: u16,
    data: &'d [u8],
}

impl Stack {
    /// Somebody who will ping. `None` if all identifiers are in use.
    pub fn open_ping(&self, ctx: &mut Ctx<'_, Unlocked>) -> Option<Ping> {
        self.shared.pings.open(ctx)
    }

    /// Sends an echo request with `data` to `dst`; `scope` is the interface that a link-local or multicast
    /// destination is meant on ([`IfId::NONE`] otherwise). To any other it is sent in the routing instance of that
    /// interface, in the default one for none.
    ///
    /// # Errors
    ///
    /// It cannot be sent, or the queue is full.
    pub fn ping<L>(
        &self,
        ctx: &Ctx<'_, L>,
        ping: &Ping,
        dst: IpAddr,
        scope: IfId,
        seq: u16,
        data: &[u8],
    ) -> Result<(), SendError> {
        let packet = match dst {
            IpAddr::V6(dst) => self.echo6(dst, scope, Echo { ident: ping.ident(), seq, data })?,
            IpAddr::V4(dst) => self.echo4((dst, scope), Echo { ident: ping.ident(), seq, data })?,
        };
        self.shared
            .queues
            .of::<IpOut>()
            .dispatch(ctx, packet, scope)
            .map_err(|refused| SendError::Refused(refused.cause))
    }

    fn echo6(
        &self,
        dst: Ipv6Addr,
        scope: IfId,
        Echo { ident, seq, data }: Echo<'_>,
    ) -> Result<Mbuf, SendError> {
        if !ends::may_be_destination6(dst) {
            return Err(SendError::NoDestination(dst.into()));
        }
        let config = self.shared.config.load();
        let scoped = ip6::is_link_local(dst) || dst.is_multicast();
        let out = match config.local6(dst, scope) {
            Some(own) => Some(own),
            None if scoped => config.interface(scope),
            None => config.routing_at(scope).route6(dst).map(|(out, _)| out),
        };
        let meant = || meant(&config.routing_at(scope).routes().six, dst).filter(|_| !scoped);
        let out = out.ok_or_else(|| no_way(&config, dst.into(), meant()))?;
        if config.owner6(dst, scope).is_none() {
            fit(out, dst.into())?;
        }
        let source = config.source6(dst, out.ifnet.id).ok_or(SendError::NoSource(dst.into()))?;
        let repr = Icmp6Repr::EchoRequest { ident, seq };
        let len = message_len(repr.buffer_len(), data)?;
        self.build(ip6::HEADER_LEN, len.into(), data, |header, message| {
            repr.emit(source, dst, message)?;
            Ip6Repr::new(source, dst, IpProto::ICMP6, out.hop_limit, len).emit(header)
        })
    }

    fn echo4(
        &self,
        (dst, scope): (Ipv4Addr, IfId),
        Echo { ident, seq, data }: Echo<'_>,
    ) -> Result<Mbuf, SendError> {
        let config = self.shared.config.load();
        let routing = config.routing_at(scope);
        let (out, next_hop) = match routing.owner4(dst) {
            Some(own) => (own, dst),
            None => {
                let meant = || meant(&routing.routes().four, dst);
                routing.route4(dst).ok_or_else(|| no_way(&config, dst.into(), meant()))?
            }
        };
        if !ends::may_send4(out, dst) {
            return Err(SendError::NoDestination(dst.into()));
        }
        let source = arp::source(out, next_hop).ok_or(SendError::NoSource(dst.into()))?;
        let repr = Icmp4Repr::EchoRequest { ident, seq };
        let len = message_len(repr.buffer_len(), data)?;
        self.build(ip4::HEADER_LEN, len.into(), data, |header, message| {
            repr.emit(message)?;
            Ip4Repr::new(source, dst, IpProto::ICMP, out.hop_limit, len).emit(header)
        })
    }

    fn build(
        &self,
        header_len: usize,
        len: usize,
        data: &[u8],
        emit: impl FnOnce(&mut [u8], &mut [u8]) -> Result<usize, siding_wire::Malformed>,
    ) -> Result<Mbuf, SendError> {
        let mut packet = self.buffer(header_len + len, data.len())?;
        let place = packet.append(header_len + len).ok_or(SendError::TooLarge(data.len()))?;
        let (header, message) = place.split_at_mut(header_len);
        message[len - data.len()..].copy_from_slice(data);
        emit(header, message).map_err(|_| SendError::TooLarge(data.len()))?;
        Ok(packet)
    }

    /// A buffer for a packet of `len` bytes, `data` of them the caller's: a large one if need be.
    fn buffer(&self, len: usize, data: usize) -> Result<Mbuf, SendError> {
        let pool = &self.shared.pool;
        if len <= pool.room() {
            return pool.alloc().ok_or(SendError::NoBuffer);
        }
        let large = self.shared.large.as_ref().filter(|large| len <= large.room());
        large.ok_or(SendError::TooLarge(data))?.alloc().ok_or(SendError::NoBuffer)
    }
}

/// Why nothing leads to `dst`: there is no route, or the one that is meant is by an interface that cannot be used.
fn no_way(config: &Config, dst: IpAddr, meant: Option<IfId>) -> SendError {
    let out = meant.and_then(|id| config.interface(id));
    out.and_then(|out| fit(out, dst).err()).unwrap_or(SendError::NoRoute(dst))
}

/// How long a message of `header` bytes and `data` is, if a packet's header can tell of it.
fn message_len(header: usize, data: &[u8]) -> Result<u16, SendError> {
    u16::try_from(header + data.len()).map_err(|_| SendError::TooLarge(data.len()))
}

fn fit(out: &Interface, dst: IpAddr) -> Result<(), SendError> {
    let what = if dst.is_ipv6() { Use::Ip6 } else { Use::Ip4 };
    out.fit(what).map_err(|why| SendError::Unfit(dst, out.ifnet.id, why))
}
