//! What is known of a packet on its way through the hooks.

use siding_machines::filter::Known;
use siding_machines::filter::Packet;
use siding_machines::filter::Tracked;
use siding_machines::filter::Upper;

use super::asks::FrameEnds;
use super::fragments::First;
use crate::next::Framed;

/// The packet between its hooks.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Between {
    /// There is none, or nobody has judged it.
    Nothing,
    /// It is of a flow that is known, and rules have let it pass for that alone.
    Known(Brief),
    Judged(Passing),
}

impl Between {
    /// Whether an error that we send is about this packet, which begins a flow and goes no further: as in Linux it is related to that, though
    /// there is no state of it, nor will be.
    pub(crate) fn begins(&self, error: &Packet) -> bool {
        let Upper::Error(about, _) = error.upper else { return false };
        let Between::Judged(Passing { tracked: Some(Tracked { fresh: Some(fresh), .. }), .. }) = self else {
            return false;
        };
        about.src == error.tuple.dst && fresh.original() == about
    }
}

/// A packet of a flow that is known.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Brief {
    pub(crate) known: Known,
    pub(crate) framed: Framed,
}

/// What is known of a packet between its hooks.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Passing {
    pub(crate) tracked: Option<Tracked>,
    pub(crate) mark: u32,
    pub(crate) untracked: bool,
    pub(crate) first: Option<First>,
    /// A later fragment of one that has passed.
    pub(crate) follows: bool,
    pub(crate) framed: Framed,
    /// The ends of its frame, if rules ask for them.
    pub(crate) frame: Option<FrameEnds>,
}

impl From<Brief> for Passing {
    fn from(brief: Brief) -> Passing {
        let Brief { known, framed } = brief;
        Passing { tracked: Some(known.into()), framed, ..Passing::NEW }
    }
}

impl Passing {
    pub(crate) const NEW: Passing = Passing {
        tracked: None,
        mark: 0,
        untracked: false,
        first: None,
        follows: false,
        framed: Framed::OWN,
        frame: None,
    };
}
