//! What the stack asks of each protocol, whatever that does.
//!
//! A protocol answers in its own folder; `protocols.rs` names those that there are. To each question there is an answer that
//! says nothing, so that a protocol says only what it has to.
//!
//! # Locks
//!
//! Each question says what is held when it is asked.

use std::net::IpAddr;

use siding_lockorder::Ctx;
use siding_lockorder::Unlocked;
use siding_mbuf::Mbuf;
use siding_netisr::IfId;
use siding_netisr::Instant;
use siding_netisr::RegisterError;
use siding_wire::EtherType;

use super::Change;
use super::Control;
use super::Stack;
use crate::bridge;
use crate::config::Config;
use crate::drops::DropReason;
use crate::event::Event;
use crate::ifnet::Back;
use crate::ifnet::IfCounter;
use crate::ifnet::Ifnet;
use crate::ifnet::Interface;
use crate::ifnet::Vlan;
use crate::lagg;
use crate::limits::LimitReport;
use crate::nd6::nud::Refused;
use crate::nd6::nud::Solicit;
use crate::next::Frame;
use crate::next::Next;
use crate::queues::Registrar;
use crate::ranks;
use crate::remains::Remains;
use crate::section::Section;
use crate::section::SectionError;
use crate::section::SectionSpec;
use crate::stack::worker::Local;
use crate::table::Table;
use crate::table::TableSpec;

/// One protocol.
pub(crate) trait Protocol: Sync {
    /// Why it drops packets, besides what others drop them for.
    fn causes(&self) -> &'static [DropReason] {
        &[]
    }

    /// What it counts for each interface.
    fn counters(&self) -> &'static [IfCounter] {
        &[]
    }

    /// A stack is built: the protocol's types of deferred packets, and what handles them. Nobody else is there yet.
    ///
    /// # Errors
    ///
    /// A limit is out of its range.
    fn queues(&self, _make: &mut Registrar<'_, Local>) -> Result<(), RegisterError> {
        Ok(())
    }

    /// The ethertypes that are its own.
    fn ethertypes(&self) -> &'static [EtherType] {
        &[]
    }

    /// A frame of one of them has come in. A stage: no lock is held, and it sends nothing.
    fn input<'c>(
        &self,
        _ctx: &mut Ctx<'_, Unlocked>,
        _local: &mut Local,
        _config: &'c Config,
        frame: Frame<'c>,
    ) -> Next<'c> {
        Next::Drop(frame.packet, DropReason::UnknownProtocol)
    }

    /// An interface has been given its identity, and is not in the snapshot yet. The control lock is held.
    fn attached(
        &self,
        _stack: &Stack,
        _control: &mut Control,
        _ctx: &mut Ctx<'_, ranks::Control>,
        _ifnet: &Ifnet,
    ) {
    }

    /// An interface is taken up, which may have been up all the time: `itself`, or what this one lies on. The control lock is
    /// held.
    fn taken_up(&self, _moment: &mut Moment<'_, '_>, _itself: bool) {}

    /// An interface is to be taken up or down, or its link comes or goes. Who has more to change in the same step than
    /// `change` does, does both and says true. The control lock is held.
    fn alters(
        &self,
        _moment: &mut Moment<'_, '_>,
        _what: Altered,
        _change: &mut dyn FnMut(&mut Config),
    ) -> bool {
        false
    }

    /// The snapshot is not as it was `before`: what has to follow in it does so, before anybody looks at single interfaces.
    /// Gives what is to be told when the lock is free. The control lock is held.
    fn follows(
        &self,
        _stack: &Stack,
        _control: &mut Control,
        _ctx: &mut Ctx<'_, ranks::Control>,
        _before: &Config,
    ) -> Vec<Event> {
        Vec::new()
    }

    /// What an interface can be used for has changed. Asked in the reverse order of the list. The control lock is held.
    fn turns(&self, _moment: &mut Moment<'_, '_>, _turn: Turn) {}

    /// The device of an interface has another address, or what the interface lies on. The control lock is held.
    fn readdressed(&self, _moment: &mut Moment<'_, '_>) {}

    /// An interface is about to leave the snapshot, and is marked: nothing new can name it. What the protocol knows of it
    /// under the control lock is to go. Asked in the order of the list.
    fn departs(&self, _moment: &mut Moment<'_, '_>) {}

    /// The interface has left the snapshot. What the protocol keeps elsewhere is to go; no lock is held. Of much memory the
    /// remains take care.
    fn departed(
        &self,
        _stack: &Stack,
        _ctx: &mut Ctx<'_, Unlocked>,
        _gone: &Interface,
        _remains: &mut Remains,
    ) {
    }

    /// A worker comes by while interfaces depart: what it holds that names one which does not stay is to go. No lock is held.
    fn let_go(&self, _local: &mut Local, _stays: &dyn Fn(IfId) -> bool) {}

    /// Its section of a configuration, if it has one, and what may be said there.
    fn section(&self) -> Option<&'static SectionSpec> {
        None
    }

    /// It is configured anew, by a section that has all keys, with values that they take; `told` when the lock is free is what
    /// comes of it. The control lock is held.
    ///
    /// # Errors
    ///
    /// Values do not go together; nothing is changed then.
    fn configure(
        &self,
        _change: &mut Change<'_, '_>,
        _told: &mut Vec<Event>,
        section: &Section,
    ) -> Result<(), SectionError> {
        Err(SectionError::NoSection(section.name.clone()))
    }

    /// What it has to show, in words.
    fn tables(&self) -> &'static [Shown] {
        &[]
    }

    /// Its bounds for the stack as a whole. No lock is held.
    fn limits(&self, _stack: &Stack, _ctx: &mut Ctx<'_, Unlocked>) -> Vec<LimitReport> {
        Vec::new()
    }

    /// Its bounds for one interface. No lock is held.
    fn limits_on(&self, _stack: &Stack, _ctx: &mut Ctx<'_, Unlocked>, _on: &Interface) -> Vec<LimitReport> {
        Vec::new()
    }
}

/// A table, and what puts rows into it when somebody asks for it; no lock is held then. It makes them of what the protocol
/// reports besides: words are not known better than numbers.
#[derive(Debug)]
pub(crate) struct Shown {
    pub(crate) table: TableSpec,
    pub(crate) fill: fn(&Stack, &mut Ctx<'_, Unlocked>, &mut Table),
}

/// How a frame leaves by an interface that lies on others, for each kind of these. Whoever sends knows but this.
pub(crate) struct Over {
    pub(crate) vlan: fn(&mut Ctx<'_, Unlocked>, &mut Local, IfId, Vlan, Mbuf),
    pub(crate) lagg: fn(&mut Ctx<'_, Unlocked>, &mut Local, IfId, &lagg::View, Mbuf),
    pub(crate) bridge: fn(&mut Ctx<'_, Unlocked>, &mut Local, IfId, &bridge::View, Mbuf),
}

/// A question for a neighbour's link-layer address, or whether it is still there.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Question {
    /// Whose.
    pub(crate) addr: IpAddr,
    pub(crate) how: Solicit,
    /// The source of the packet that waits for the answer.
    pub(crate) prompting: Option<IpAddr>,
}

/// How a neighbour on an interface is asked for while this lock is held: the question is built with what is true now, and
/// dispatched.
pub(crate) type AskUnder<L> = fn(&Ctx<'_, L>, &mut Local, &Interface, &Question) -> Result<(), Refused>;

/// The same for each lock that is held when somebody is asked for. Whoever keeps neighbours knows but this.
pub(crate) struct Ask {
    /// That of a table, when an entry is made.
    pub(crate) table: AskUnder<ranks::NeighborTable>,
    /// That of an entry, when its time has come.
    pub(crate) entry: AskUnder<ranks::Neighbor>,
    /// None, as the checkers' wrong version has it.
    pub(crate) unlocked: AskUnder<Unlocked>,
}

/// What is done to an interface.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Altered {
    /// It is taken up, or down.
    Up(bool),
    /// Its link comes, or goes.
    Link(bool),
}

/// What has changed about an interface's use.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Turn {
    /// IPv4 can be used again, or no more; `None` as before.
    pub(crate) ip4: Option<bool>,
    /// IPv6.
    pub(crate) ip6: Option<bool>,
    /// It takes packets of another size.
    pub(crate) mtu: bool,
    /// Which link it has, if it has one again.
    pub(crate) back: Back,
    /// The moment: that of the step that has brought it about, which may decide by what has been read.
    pub(crate) now: Instant,
}

/// A moment in the life of an interface, with the control lock held.
pub(crate) struct Moment<'a, 'l> {
    pub(crate) stack: &'a Stack,
    pub(crate) control: &'a mut Control,
    pub(crate) ctx: &'a mut Ctx<'l, ranks::Control>,
    /// As it stood before; if a protocol is asked about what has changed, as it was when the first was asked.
    pub(crate) interface: &'a Interface,
    /// What is to be told when the lock is free.
    pub(crate) told: &'a mut Vec<Event>,
}

impl<'l> Moment<'_, 'l> {
    /// What is done to the stack in it, as of `now`.
    pub(crate) fn change(&mut self, now: Instant) -> Change<'_, 'l> {
        Change { shared: &self.stack.shared, control: self.control, ctx: self.ctx, now }
    }

    /// Changes the interface: by whoever has more to change in the same step, else alone.
    pub(crate) fn alter(&mut self, what: Altered, change: &mut dyn FnMut(&mut Config)) {
        let shared = &self.stack.shared;
        if !shared.protocols.iter().any(|protocol| protocol.alters(self, what, change)) {
            shared.change(self.control, change);
        }
    }
}
