//! How far a flow has come, and TCP's steps.

use super::Kind;
use super::Way;

/// How far a flow has come. For TCP these are the states of RFC 9293 s3.3.2 as somebody sees them who stands between
/// the two ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Phase {
    /// A SYN has gone.
    SynSent,
    /// SYNs have gone both ways: a simultaneous open.
    SynSent2,
    /// SYN and ACK have come back.
    SynReceived,
    /// The handshake is done.
    Established,
    /// One side has said its last.
    FinWait,
    /// That has been acknowledged.
    CloseWait,
    /// Both sides have said their last.
    LastAck,
    /// And that is acknowledged.
    TimeWait,
    /// Reset.
    Closed,
    /// UDP, one way so far.
    UdpAsked,
    /// UDP, both ways.
    UdpStream,
    /// An echo request, not answered yet.
    EchoAsked,
    /// Answered.
    Echo,
    /// Another protocol, one way so far.
    OtherAsked,
    /// Both ways.
    OtherStream,
}

/// What a segment does to its connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// This is where it leads.
    To(Phase),
    /// It may pass and moves nothing: the receiver knows what to say to it (RFC 5961 s4).
    Pass,
    /// Nobody who takes part sends that now.
    Invalid,
    /// A new connection on the ports of one that is over.
    Reopen,
}

impl Phase {
    /// All phases.
    pub const ALL: [Phase; 15] = [
        Phase::SynSent,
        Phase::SynSent2,
        Phase::SynReceived,
        Phase::Established,
        Phase::FinWait,
        Phase::CloseWait,
        Phase::LastAck,
        Phase::TimeWait,
        Phase::Closed,
        Phase::UdpAsked,
        Phase::UdpStream,
        Phase::EchoAsked,
        Phase::Echo,
        Phase::OtherAsked,
        Phase::OtherStream,
    ];

    /// Whether the flow is only beginning: such a state goes first when room is needed.
    pub fn is_half_open(self) -> bool {
        matches!(
            self,
            Phase::SynSent
                | Phase::SynSent2
                | Phase::SynReceived
                | Phase::UdpAsked
                | Phase::EchoAsked
                | Phase::OtherAsked
        )
    }

    /// Whether the flow is over, and what comes of it are late copies: it counts no more.
    #[inline]
    pub fn has_ended(self) -> bool {
        matches!(self, Phase::TimeWait | Phase::Closed)
    }

    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Phase::SynSent => "syn-sent",
            Phase::SynSent2 => "syn-sent-both",
            Phase::SynReceived => "syn-received",
            Phase::Established => "established",
            Phase::FinWait => "fin-wait",
            Phase::CloseWait => "close-wait",
            Phase::LastAck => "last-ack",
            Phase::TimeWait => "time-wait",
            Phase::Closed => "closed",
            Phase::UdpAsked => "asked",
            Phase::UdpStream => "stream",
            Phase::EchoAsked => "echo-asked",
            Phase::Echo => "echo",
            Phase::OtherAsked => "other-asked",
            Phase::OtherStream => "other",
        }
    }

    /// Where traffic the other way leads, of what is not TCP.
    #[must_use]
    pub(super) fn answered(self) -> Phase {
        match self {
            Phase::UdpAsked => Phase::UdpStream,
            Phase::EchoAsked => Phase::Echo,
            Phase::OtherAsked => Phase::OtherStream,
            other => other,
        }
    }

    /// What a segment of TCP does. Where it stands in the window is asked elsewhere.
    ///
    /// A SYN on a connection that lives moves nothing and passes: the receiver answers with a challenge, and a peer
    /// that has lost the connection resets it by that (RFC 5961 s4.2). Were it dropped, such a peer would not get a
    /// new connection until the old one is forgotten. If the receiver has lost it, too, it grants the SYN: that is
    /// remembered by who keeps the state.
    pub fn step(self, way: Way, kind: Kind) -> Step {
        use Phase::*;
        use Step::To;
        let original = way == Way::Original;
        match (self, kind) {
            (_, Kind::Rst) => To(Closed),

            (TimeWait | Closed, Kind::Syn) if original => Step::Reopen,
            (TimeWait, Kind::Syn) => Step::Reopen,
            (SynSent, Kind::Syn) => To(if original { SynSent } else { SynSent2 }),
            (SynSent2, Kind::Syn) => To(SynSent2),
            // The server's end does not begin.
            (_, Kind::Syn) if !original => Step::Invalid,
            (_, Kind::Syn) => Step::Pass,

            (SynSent, Kind::SynAck) if !original => To(SynReceived),
            (SynSent2, Kind::SynAck) => To(SynReceived),
            (SynReceived, Kind::SynAck) if original => To(SynReceived),
            (_, Kind::SynAck) if original => Step::Invalid,
            (_, Kind::SynAck) => Step::Pass,

            (SynSent | SynSent2, Kind::Fin) => Step::Invalid,
            (SynReceived | Established, Kind::Fin) => To(FinWait),
            (FinWait | CloseWait | LastAck, Kind::Fin) => To(LastAck),

            // An answer without a SYN to one: of a connection of before that the receiver has lost.
            (SynSent | SynSent2, Kind::Ack) if !original => Step::Pass,
            (SynSent | SynSent2, Kind::Ack) => Step::Invalid,
            (SynReceived, Kind::Ack) if !original => To(SynReceived),
            (SynReceived | Established, Kind::Ack) => To(Established),
            (FinWait | CloseWait, Kind::Ack) => To(CloseWait),
            (LastAck, Kind::Ack) => To(TimeWait),

            (TimeWait | Closed, _) => To(self),
            // What is not TCP has no steps.
            (UdpAsked | UdpStream | EchoAsked | Echo | OtherAsked | OtherStream, _) => Step::Invalid,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Walks through segments, each from one side.
    fn walk(mut phase: Phase, segments: &[(Way, Kind)]) -> Phase {
        for (way, kind) in segments {
            match phase.step(*way, *kind) {
                Step::To(to) => phase = to,
                step => panic!("{phase:?} {way:?} {kind:?}: {step:?}"),
            }
        }
        phase
    }

    #[test]
    fn a_connection_lives_and_ends() {
        use Kind::*;
        use Way::*;
        let up = walk(Phase::SynSent, &[(Reply, SynAck), (Original, Ack)]);
        assert_eq!(up, Phase::Established);
        let one = walk(up, &[(Original, Fin), (Reply, Ack)]);
        assert_eq!(one, Phase::CloseWait, "the other side may still talk");
        assert_eq!(walk(one, &[(Reply, Ack), (Reply, Fin), (Original, Ack)]), Phase::TimeWait);
        assert_eq!(walk(up, &[(Reply, Fin), (Original, Fin), (Reply, Ack)]), Phase::TimeWait);
        assert_eq!(walk(up, &[(Reply, Rst)]), Phase::Closed);
        // Both at once.
        assert_eq!(
            walk(Phase::SynSent, &[(Reply, Syn), (Original, SynAck), (Reply, Ack), (Original, Ack)]),
            Phase::Established
        );
    }

    #[test]
    fn a_syn_does_not_move_what_lives_and_opens_what_is_over() {
        for phase in
            [Phase::SynReceived, Phase::Established, Phase::FinWait, Phase::CloseWait, Phase::LastAck]
        {
            assert_eq!(phase.step(Way::Original, Kind::Syn), Step::Pass, "{phase:?}");
            assert_eq!(phase.step(Way::Reply, Kind::Syn), Step::Invalid, "{phase:?}");
        }
        for phase in [Phase::TimeWait, Phase::Closed] {
            assert_eq!(phase.step(Way::Original, Kind::Syn), Step::Reopen, "{phase:?}");
        }
    }

    #[test]
    fn each_phase_has_its_place_and_name() {
        for (place, phase) in Phase::ALL.iter().enumerate() {
            assert_eq!(*phase as usize, place);
        }
        let mut names: Vec<_> = Phase::ALL.iter().map(|phase| phase.name()).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), Phase::ALL.len());
    }
}
