//! What a ruleset asks of whoever runs it.

use crate::if_name::IfName;
use crate::model::Level;
use crate::rule_id::RuleId;

/// An interface.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Interface {
    /// Its number.
    pub index: u32,
    /// Its name.
    pub name: IfName,
}

/// To whom a frame was sent; the numbers are Linux's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PktType {
    /// This node.
    Host = 0,
    /// Everybody.
    Broadcast = 1,
    /// A group.
    Multicast = 2,
    /// Somebody else.
    Other = 3,
}

/// The states that a packet's connection may be in, as Linux's bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct CtState(pub u8);

impl CtState {
    /// Not of any connection that could be.
    pub const INVALID: CtState = CtState(1);
    /// Of a connection whose other side has answered.
    pub const ESTABLISHED: CtState = CtState(2);
    /// Not of a connection itself but about one.
    pub const RELATED: CtState = CtState(4);
    /// The first of a connection, or before an answer.
    pub const NEW: CtState = CtState(8);
    /// Nobody looks.
    pub const UNTRACKED: CtState = CtState(64);
}

/// Which way a packet goes in its connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// As its first packet did.
    Original = 0,
    /// The other way.
    Reply = 1,
}

/// What is known of a packet's connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Ct {
    /// Its state, for this packet; none at all before anybody has looked.
    pub state: CtState,
    /// The packet's direction; none without a connection.
    pub direction: Option<Direction>,
    /// The connection's mark.
    pub mark: u32,
}

/// A place that counts connections.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct CountId(pub u64);

/// A flowtable, as a number in its program.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct FlowtableId(pub u32);

/// A question to the routes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FibQuery {
    /// About the source, not the destination.
    pub source: bool,
    /// The way must go by the interface that the packet came in by.
    pub iif: bool,
    /// The way must go by the interface that the packet goes out of.
    pub oif: bool,
    /// The packet's mark takes part.
    pub mark: bool,
}

/// What an address is to the routes; the numbers are Linux's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "the routes' own words")]
pub enum AddrType {
    Unspec = 0,
    Unicast = 1,
    Local = 2,
    Broadcast = 3,
    Anycast = 4,
    Multicast = 5,
    Blackhole = 6,
    Unreachable = 7,
    Prohibit = 8,
}

/// A line for the log, beyond which nobody writes more: the rule's own limit has been passed.
#[derive(Debug, Clone, Copy)]
pub struct LogLine<'a> {
    /// What it begins with.
    pub prefix: &'a str,
    /// How grave.
    pub level: Level,
    /// The most octets of the packet.
    pub snaplen: Option<u32>,
    /// To which listeners.
    pub group: Option<u16>,
    /// Which rule writes it.
    pub at: RuleId,
}

/// What a ruleset asks of whoever runs it. Everything but the time and the interfaces has a default, which is what a
/// node answers that keeps no connections and has no routes.
pub trait Host {
    /// Nanoseconds from any moment on, never back.
    fn now(&self) -> u64;

    /// The interface that the packet came in by.
    fn iif(&self) -> Option<Interface>;

    /// The interface that it goes out of.
    fn oif(&self) -> Option<Interface>;

    /// The VLAN that the interface is that the packet came in by, if it is one.
    fn vlan(&self) -> Option<u16> {
        None
    }

    /// To whom the frame was sent.
    fn pkttype(&self) -> PktType {
        PktType::Host
    }

    /// The packet's mark.
    fn mark(&self) -> u32 {
        0
    }

    /// Sets the packet's mark.
    fn set_mark(&mut self, _mark: u32) {}

    /// The packet's connection. Asked only by rules that look at it.
    fn ct(&mut self) -> Ct {
        Ct { state: CtState::INVALID, direction: None, mark: 0 }
    }

    /// Sets the connection's mark.
    fn set_ct_mark(&mut self, _mark: u32) {}

    /// Gives the connection that this packet begins the times of a policy of the program's: its number, from 1 on.
    fn set_ct_timeout(&mut self, _policy: u8) {}

    /// Counts this packet's connection at a place, if it is not counted there, and says how many live ones are. More
    /// than `most` + 1 need not be told apart.
    fn ct_count(&mut self, _at: CountId, _most: u32) -> u32 {
        0
    }

    /// No connection shall be made of this packet.
    fn notrack(&mut self) {}

    /// The interface that the way to an address goes by; nothing if there is none.
    fn fib_oif(&mut self, _query: FibQuery) -> Option<Interface> {
        None
    }

    /// What an address is.
    fn fib_type(&mut self, _query: FibQuery) -> AddrType {
        AddrType::Unicast
    }

    /// The fast ways may take this flow.
    fn flow_add(&mut self, _table: FlowtableId) {}

    /// Takes a line of the log.
    fn log(&mut self, _line: &LogLine<'_>) {}
}
