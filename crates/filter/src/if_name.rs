//! An interface by its name.

/// The name of an interface as a number: its characters from the top, so that `eth*` is a prefix.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct IfName(u128);

impl IfName {
    /// The first 16 octets of a name.
    pub fn new(name: &str) -> IfName {
        let mut bytes = [0; 16];
        bytes.iter_mut().zip(name.bytes()).for_each(|(into, byte)| *into = byte);
        IfName(u128::from_be_bytes(bytes))
    }

    /// As a number.
    pub const fn bits(self) -> u128 {
        self.0
    }
}
