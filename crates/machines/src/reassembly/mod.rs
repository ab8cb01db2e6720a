//! Putting fragments together, for IPv6 (RFC 8200 s4.5) and IPv4 (RFC 791) alike: the table, and one datagram in it.

mod datagram;
mod table;

pub use datagram::Added;
pub use datagram::Datagram;
pub use datagram::Piece;
pub use table::Key;
pub use table::LetGo;
pub use table::Reassembly;
pub use table::ReassemblyLimits;
pub use table::TIMEOUT;

/// A fragment that knows its data: what is to be put together with that of others.
pub trait Data {
    /// The octets.
    fn data(&self) -> &[u8];
}

impl Data for Vec<u8> {
    fn data(&self) -> &[u8] {
        self
    }
}
