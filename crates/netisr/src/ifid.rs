//! The identity of an interface.

use core::fmt;

/// An interface's identity: 64 bits, never used again once the interface has gone.
///
/// The low 16 bits are the slot in the gate table, the upper 48 count how often that slot has been
/// used (from 1). A slot comes back, an identity does not: one that outlives its interface matches no
/// gate, so a late packet can never reach a newcomer in the same slot.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(transparent)]
pub struct IfId(u64);

impl IfId {
    /// No interface. Names nothing, so a packet that carries it departs with nobody.
    pub const NONE: IfId = IfId(0);

    pub(crate) const fn new(slot: usize, generation: u64) -> IfId {
        IfId(generation << 16 | slot as u64)
    }

    /// Position in the gate table: below the number of interfaces that the facility was built for.
    pub const fn slot(self) -> usize {
        (self.0 & 0xffff) as usize
    }

    /// How often the slot had been used when this identity was given out; 0 only for [`IfId::NONE`].
    pub const fn generation(self) -> u64 {
        self.0 >> 16
    }

    /// Whether this is [`IfId::NONE`].
    pub const fn is_none(self) -> bool {
        self.0 == 0
    }

    /// The identity that [`as_u64`](Self::as_u64) has told, for who has kept it as a number. One that nobody was given
    /// names no interface, and is refused as one that has gone.
    pub const fn from_u64(number: u64) -> IfId {
        IfId(number)
    }

    /// The identity as a number, for logs and tables.
    pub const fn as_u64(self) -> u64 {
        self.0
    }
}

impl fmt::Display for IfId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_none() { f.write_str("none") } else { write!(f, "{}.{}", self.slot(), self.generation()) }
    }
}

impl fmt::Debug for IfId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "if{self}")
    }
}
