//! A state as another firewall may read it: what a pair would share.
//!
//! A record says all that is needed to go on with a flow, and nothing of the machine that wrote it: no slot, bucket or secret, and
//! no interface, for these have other numbers elsewhere; the next packet of each direction tells them anew. Policies have other numbers
//! elsewhere, too: who takes over says which is its own, by what is told of their names before any record.
//!
//! | octets | version 1, numbers in network order |
//! |---|---|
//! | 0 | version |
//! | 1 | 0: the state is as follows; 1: it has gone |
//! | 2, 3 | length of all; a later minor change may add to the end, which is passed over |
//! | 4 | protocol |
//! | 5 | phase, by its place in [`Phase::ALL`] |
//! | 6 | 1: answered; 2: windows are known |
//! | 7 | whose times of silence it has, by the number that its writer has for that policy, at most 63; 0 for those of all |
//! | 8 to 43 | the first packet's source, destination (IPv4 mapped), source port, destination port |
//! | 44 to 47 | mark |
//! | 48 to 51 | how long it has been silent, in milliseconds |
//! | 52 to 91 | of each end, who began first: end, furthest end, largest window, last acknowledgment, scale, flags, nothing |

use std::net::Ipv6Addr;

use siding_netisr::Instant;
use siding_wire::IpProto;

use super::Full;
use super::NUMBERS;
use super::Phase;
use super::Slot;
use super::State;
use super::States;
use super::Tuple;
use super::track::Fresh;
use super::window::SIDE;
use super::window::Side;

/// How long a record is.
pub const RECORD: usize = 52 + 2 * SIDE;

const VERSION: u8 = 1;
const GONE: u8 = 1;
const ANSWERED: u8 = 1;
const KNOWN: u8 = 2;

/// A flow's state, or that it has none any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Record {
    /// What it is known by: the direction of its first packet.
    pub tuple: Tuple,
    /// Nothing if the state has gone.
    pub state: Option<Progress>,
}

/// How far a flow has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    /// In the steps of its protocol.
    pub phase: Phase,
    /// Whether there was traffic both ways.
    pub answered: bool,
    /// Whether its windows are followed.
    pub known: bool,
    /// Whose times of silence it has, as the writer numbers policies; 0 for those of all.
    pub policy: u8,
    /// Its mark.
    pub mark: u32,
    /// How long it has been silent, in milliseconds.
    pub silent: u32,
    /// What its ends have said.
    pub sides: [Side; 2],
}

/// Why octets are no record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Unread {
    /// Written by a program that is too new.
    #[error("a record of version {0}: this program reads version {VERSION}")]
    Version(u8),
    /// Cut short, or longer or shorter than it says.
    #[error("a record of {0} octets")]
    Length(usize),
    /// A value that nobody writes.
    #[error("a record whose octet {0} says what there is not")]
    Value(usize),
}

impl Record {
    /// As octets.
    pub fn encode(&self) -> [u8; RECORD] {
        let mut octets = [0; RECORD];
        let tuple = &self.tuple;
        octets[0] = VERSION;
        octets[2..4].copy_from_slice(&(RECORD as u16).to_be_bytes());
        octets[4] = tuple.proto.0;
        octets[8..24].copy_from_slice(&tuple.src.octets());
        octets[24..40].copy_from_slice(&tuple.dst.octets());
        octets[40..42].copy_from_slice(&tuple.src_port.to_be_bytes());
        octets[42..44].copy_from_slice(&tuple.dst_port.to_be_bytes());
        let Some(state) = &self.state else {
            octets[1] = GONE;
            return octets;
        };
        octets[5] = state.phase as u8;
        octets[6] = if state.answered { ANSWERED } else { 0 } | if state.known { KNOWN } else { 0 };
        octets[7] = state.policy;
        octets[44..48].copy_from_slice(&state.mark.to_be_bytes());
        octets[48..52].copy_from_slice(&state.silent.to_be_bytes());
        for (side, octets) in state.sides.iter().zip(octets[52..].chunks_exact_mut(SIDE)) {
            octets.copy_from_slice(&side.octets());
        }
        octets
    }

    /// What octets say.
    ///
    /// # Errors
    /// They are no record of this version.
    pub fn decode(octets: &[u8]) -> Result<Record, Unread> {
        let length = Unread::Length(octets.len());
        let (&[version, what, high, low], _) = octets.split_first_chunk().ok_or(length)?;
        if version != VERSION {
            return Err(Unread::Version(version));
        }
        let record = octets.first_chunk::<RECORD>().ok_or(length)?;
        if usize::from(u16::from_be_bytes([high, low])) != octets.len() {
            return Err(length);
        }
        let word =
            |at: usize| u32::from_be_bytes([record[at], record[at + 1], record[at + 2], record[at + 3]]);
        let port = |at: usize| u16::from_be_bytes([record[at], record[at + 1]]);
        let addr = |at: usize| {
            let mut addr = [0; 16];
            addr.copy_from_slice(&record[at..at + 16]);
            Ipv6Addr::from(addr)
        };
        let tuple = Tuple {
            src: addr(8),
            dst: addr(24),
            src_port: port(40),
            dst_port: port(42),
            proto: IpProto(record[4]),
        };
        let state = match what {
            0 => Some(Progress {
                phase: *Phase::ALL.get(usize::from(record[5])).ok_or(Unread::Value(5))?,
                answered: record[6] & ANSWERED != 0,
                known: record[6] & KNOWN != 0,
                policy: Some(record[7]).filter(|at| usize::from(*at) <= NUMBERS).ok_or(Unread::Value(7))?,
                mark: word(44),
                silent: word(48),
                sides: [0, 1].map(|side| Side::from_octets(&record[52 + side * SIDE..])),
            }),
            GONE => None,
            _ => return Err(Unread::Value(1)),
        };
        Ok(Record { tuple, state })
    }
}

impl States {
    /// A state as a record.
    pub fn record(&self, now: Instant, state: &State) -> Record {
        let progress = Progress {
            phase: state.phase(),
            answered: state.is_answered(),
            known: state.knows_windows(),
            policy: state.policy(),
            mark: state.mark,
            silent: self.silent(now, state),
            sides: state.sides,
        };
        Record { tuple: state.original(), state: Some(progress) }
    }

    /// Takes over what another table has recorded, in place of what is known of the flow; one that has gone goes. `policies` are the
    /// numbers that policies have here, in the places of those that they have there: 0 for one that is not here.
    ///
    /// # Errors
    /// There is no room for it.
    pub fn take_over(
        &mut self,
        now: Instant,
        record: &Record,
        policies: &[u8; NUMBERS + 1],
    ) -> Result<Option<Slot>, Full> {
        let (key, from_low) = record.tuple.key();
        let Some(progress) = &record.state else {
            let bucket = self.bucket(&key);
            if let Some(slot) = self.find_any(bucket, &key) {
                self.remove(slot);
            }
            return Ok(None);
        };
        let fresh = Fresh::recorded(key, from_low, progress);
        let slot = self.insert(now, &fresh)?;
        let touched = self.millis(now).wrapping_sub(progress.silent);
        let state = &mut self.slots[slot.0 as usize];
        state.touched = touched;
        state.set_policy(policies.get(usize::from(progress.policy)).copied().unwrap_or(0));
        if progress.answered {
            state.set_answered();
        }
        self.settle(slot);
        Ok(Some(slot))
    }
}

#[cfg(test)]
mod tests;
