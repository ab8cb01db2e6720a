//! Who judges packets.

use std::fmt;

use siding_machines::filter::CtState;
use siding_machines::filter::Timeouts;
use siding_netisr::Instant;

use super::Asks;
use crate::ifnet::Version;

/// Where a packet is judged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Hook {
    /// It has come in, and nobody has looked where it goes.
    Prerouting,
    /// It is for us.
    Input,
    /// It is for others, and its way is known.
    Forward,
    /// It is our own.
    Output,
}

impl Hook {
    /// As rules name it.
    pub fn name(self) -> &'static str {
        match self {
            Hook::Prerouting => "prerouting",
            Hook::Input => "input",
            Hook::Forward => "forward",
            Hook::Output => "output",
        }
    }
}

/// Which of a hook's rules.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Part {
    /// Those before states are looked up: nothing is known of the packet's flow, and it may be left so.
    BeforeStates,
    /// All others.
    AfterStates,
}

/// What is to become of a packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Verdict {
    /// It goes on.
    Accept,
    /// It is dropped in silence.
    Drop,
    /// It is dropped, and its sender told so.
    Reject(Reject),
}

/// How a sender is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Reject {
    /// By a reset; packets that are not TCP are dropped in silence.
    Reset,
    /// By Destination Unreachable of this code, in the packet's own family.
    Unreachable(u8),
}

/// Times of silence that some flows have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Policy {
    /// What it is, whatever its times are: flows keep it over a reload if its number is that of the same name still. Nothing for a
    /// number that is nobody's.
    pub name: String,
    /// The times.
    pub times: Timeouts,
}

/// Judges packets: a ruleset, compiled.
///
/// It is asked by all workers at once, and by each for one packet at a time.
pub trait Judge: fmt::Debug + Send + Sync {
    /// Whether it has rules of this kind. Asked when it is loaded.
    fn has_rules(&self, hook: Hook, part: Part) -> bool;

    /// Whether any rule asks for states; if none does, none are kept.
    fn needs_states(&self) -> bool;

    /// Whether any rule asks for the [frame](Asks::frame) that a packet came in.
    fn sees_frames(&self) -> bool {
        false
    }

    /// At how many places [a flow may be counted](Asks::count_connection): room is kept for so many of each.
    fn places(&self) -> usize {
        1
    }

    /// Times of silence that some flows have in place of those of `all`. The first is number 1
    /// ([`Asks::set_policy`]); there are no more than [`POLICIES`](siding_machines::filter::POLICIES).
    fn policies(&self, _all: &Timeouts) -> Vec<Policy> {
        Vec::new()
    }

    /// Judges a packet, which begins with its IP header. What it wants to know it asks of `asks`.
    fn judge(&self, worker: usize, hook: Hook, part: Part, packet: &[u8], asks: &mut Asks<'_>) -> Verdict;

    /// Whether every packet of this version that is this to its flow passes all rules of a hook, whatever else it has. Then
    /// they are not asked, but told of it by [`count_passed`](Self::count_passed). Asked when it is loaded; who says no is
    /// asked for each packet.
    fn lets_pass(&self, _hook: Hook, _version: Version, _state: CtState) -> bool {
        false
    }

    /// Packets that it [lets pass](Self::lets_pass) have come to a hook, so many with so many bytes: of this worker, in the turn
    /// of this moment. What its rules would have counted is counted.
    fn count_passed(
        &self,
        _: (usize, Instant),
        _hook: Hook,
        _: (Version, CtState),
        (_packets, _bytes): (u64, u64),
    ) {
    }

    /// What would become of a packet that nobody has sent: the first of a flow that is known. Flows are judged anew by it
    /// when rules have been replaced. Nothing is to be counted, and no limit to be used: one that has been reached says
    /// nothing of a flow that has begun.
    fn rehearse(&self, hook: Hook, part: Part, packet: &[u8], asks: &mut Asks<'_>) -> Verdict;
}
