//! The mux machine: how a port comes to take and send frames, and how it stops (IEEE 802.1AX-2014 s6.4.15).

use core::fmt;

use super::Cause;
use super::Selected;

/// Where the mux machine stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum MuxState {
    /// Belongs to no aggregator.
    Detached,
    /// Selected or standby; waits for others that may join with it.
    Waiting,
    /// Belongs to its aggregator: in sync.
    Attached,
    /// Takes frames.
    Collecting,
    /// Takes and sends frames.
    Distributing,
    /// The same, where both begin and end together (coupled control).
    CollectingDistributing,
}

/// What the machine looks at.
#[derive(Debug, Clone, Copy)]
pub(super) struct Inputs {
    pub(super) selected: Selected,
    /// Why it is selected, or not.
    pub(super) why: Cause,
    /// Every port that joins this aggregator has waited long enough.
    pub(super) ready: bool,
    pub(super) partner_sync: bool,
    /// Why the partner is not in sync, if it is not.
    pub(super) unsync: Cause,
    pub(super) partner_collecting: bool,
    pub(super) coupled: bool,
    /// The port is on its way out: it may still take frames and sends none.
    pub(super) retiring: bool,
}

impl MuxState {
    /// One step, or none from here.
    //= IEEE 802.1AX s6.4.15 [LACP-10]: detached, waiting, attached, collecting, distributing, one at a time
    pub(super) fn next(self, inputs: &Inputs) -> Option<(MuxState, Cause)> {
        let selected = inputs.selected == Selected::Selected;
        let stop = if !selected {
            Some(inputs.why)
        } else if !inputs.partner_sync {
            Some(inputs.unsync)
        } else {
            None
        };
        let use_it = if inputs.coupled && !inputs.retiring {
            MuxState::CollectingDistributing
        } else {
            MuxState::Collecting
        };
        match (self, stop) {
            (MuxState::Detached, _) => {
                (inputs.selected != Selected::Unselected).then_some((MuxState::Waiting, inputs.why))
            }
            (MuxState::Waiting, _) if inputs.selected == Selected::Unselected => {
                Some((MuxState::Detached, inputs.why))
            }
            (MuxState::Waiting, _) => {
                (selected && inputs.ready).then_some((MuxState::Attached, Cause::WaitOver))
            }
            (MuxState::Attached, _) if !selected => Some((MuxState::Detached, inputs.why)),
            (MuxState::Attached, Some(_)) => None,
            (MuxState::Attached, None) => Some((use_it, Cause::PartnerInSync)),

            (MuxState::Collecting, Some(cause)) => Some((MuxState::Attached, cause)),
            (MuxState::Collecting, None) if inputs.retiring => None,
            (MuxState::Collecting, None) if inputs.coupled => Some((use_it, Cause::Configured)),
            //= IEEE 802.1AX s6.4.15 [LACP-10]: distributing needs a partner that is in sync and collecting
            (MuxState::Collecting, None) => {
                inputs.partner_collecting.then_some((MuxState::Distributing, Cause::PartnerCollecting))
            }

            //= IEEE 802.1AX s6.4.15 [LACP-10]: distributing stops before collecting does
            (MuxState::Distributing, Some(cause)) => Some((MuxState::Collecting, cause)),
            (MuxState::Distributing, None) if inputs.retiring => Some((MuxState::Collecting, Cause::Retired)),
            (MuxState::Distributing, None) => {
                (!inputs.partner_collecting).then_some((MuxState::Collecting, Cause::PartnerNotCollecting))
            }

            (MuxState::CollectingDistributing, Some(cause)) => Some((MuxState::Attached, cause)),
            (MuxState::CollectingDistributing, None) if inputs.retiring => {
                Some((MuxState::Collecting, Cause::Retired))
            }
            (MuxState::CollectingDistributing, None) => {
                (!inputs.coupled).then_some((MuxState::Distributing, Cause::Configured))
            }
        }
    }

    /// ATTACHED or beyond: in sync.
    pub fn is_attached(self) -> bool {
        self >= MuxState::Attached
    }

    /// Takes frames.
    pub fn is_collecting(self) -> bool {
        self >= MuxState::Collecting
    }

    /// Sends frames.
    pub fn is_distributing(self) -> bool {
        self >= MuxState::Distributing
    }
}

impl fmt::Display for MuxState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            MuxState::Detached => "detached",
            MuxState::Waiting => "waiting",
            MuxState::Attached => "attached",
            MuxState::Collecting => "collecting",
            MuxState::Distributing => "distributing",
            MuxState::CollectingDistributing => "collecting and distributing",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: Inputs = Inputs {
        selected: Selected::Selected,
        why: Cause::Fits,
        ready: true,
        partner_sync: true,
        unsync: Cause::PartnerOutOfSync,
        partner_collecting: true,
        coupled: false,
        retiring: false,
    };

    fn walk(mut state: MuxState, inputs: &Inputs) -> Vec<MuxState> {
        let mut way = vec![];
        while let Some((next, _)) = state.next(inputs) {
            state = next;
            way.push(state);
            assert!(way.len() < 10, "goes round in circles: {way:?}");
        }
        way
    }

    #[test]
    fn up_and_down_one_at_a_time_lacp_10() {
        use MuxState::*;
        assert_eq!(walk(Detached, &GOOD), [Waiting, Attached, Collecting, Distributing]);
        let unsync = Inputs { partner_sync: false, ..GOOD };
        assert_eq!(walk(Distributing, &unsync), [Collecting, Attached]);
        let unselected = Inputs { selected: Selected::Unselected, ..GOOD };
        assert_eq!(walk(Distributing, &unselected), [Collecting, Attached, Detached]);
        let standby = Inputs { selected: Selected::Standby, ..GOOD };
        assert_eq!(walk(Distributing, &standby), [Collecting, Attached, Detached, Waiting]);
        assert_eq!(walk(Waiting, &Inputs { ready: false, ..GOOD }), []);
        assert_eq!(walk(Waiting, &unselected), [Detached]);
        let deaf = Inputs { partner_collecting: false, ..GOOD };
        assert_eq!(walk(Attached, &deaf), [Collecting]);
        assert_eq!(walk(Distributing, &deaf), [Collecting]);
    }

    #[test]
    fn coupled_goes_together_lacp_10() {
        use MuxState::*;
        let coupled = Inputs { coupled: true, partner_collecting: false, ..GOOD };
        assert_eq!(walk(Detached, &coupled), [Waiting, Attached, CollectingDistributing]);
        let unsync = Inputs { partner_sync: false, ..coupled };
        assert_eq!(walk(CollectingDistributing, &unsync), [Attached]);
        assert_eq!(walk(CollectingDistributing, &Inputs { retiring: true, ..coupled }), [Collecting]);
    }

    #[test]
    fn every_state_settles_whatever_the_inputs_lacp_10() {
        use MuxState::*;
        for state in [Detached, Waiting, Attached, Collecting, Distributing, CollectingDistributing] {
            for selected in [Selected::Unselected, Selected::Standby, Selected::Selected] {
                for bits in 0..32u8 {
                    let bit = |n: u8| bits & (1 << n) != 0;
                    let inputs = Inputs {
                        selected,
                        ready: bit(0),
                        partner_sync: bit(1),
                        partner_collecting: bit(2),
                        coupled: bit(3),
                        retiring: bit(4),
                        ..GOOD
                    };
                    let end = walk(state, &inputs).last().copied().unwrap_or(state);
                    let may = selected == Selected::Selected && inputs.partner_sync && !inputs.retiring;
                    assert!(!end.is_distributing() || may && (inputs.coupled || inputs.partner_collecting));
                    assert!(!end.is_collecting() || selected == Selected::Selected && inputs.partner_sync);
                }
            }
        }
    }
}
