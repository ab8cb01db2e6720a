//! Drivers: what carries frames between the stack and a wire.
//!
//! A driver implements [`siding_stack::Device`]: one worker's pair of queues on one interface. The worker polls it,
//! in batches of at most [`siding_stack::BATCH`], and owns it alone.
//!
//! | | |
//! |---|---|
//! | [`mem`] | a wire in memory, for tests, the simulator and benchmarks |
//! | [`tap`] | an interface of the kernel's whose other end is this process |
//! | [`packet`] | any Ethernet interface of the kernel, by AF_PACKET with shared rings |
//! | [`observe`], [`pcap`] | round another device: shows each frame to a closure, or captures it into a file |
//! | [`fault`] | round another device: drops, doubles, swaps and corrupts |
//! | [`kernel`] | what we ask of the kernel that is no frame: links, addresses, namespaces |
//!
//! # Promises
//!
//! * **Nothing blocks.** A device that has nothing to give gives nothing; one that has no room leaves the rest.
//! * **No allocation per frame**, and no lock but on the in-memory wire.
//! * **Every drop has a cause and a counter** ([`Count`]), read from any thread ([`Counters`]).
//! * **Frames are as on a cable**: VLAN tags in place, no FCS; but for a checksum that the sender's kernel has not finished,
//!   and super-frames that it has not cut. Of these the packet says what is left undone ([`siding_mbuf::Offload`]).
//! * **Errors name the interface and say what to do** ([`DriverError`]).
//!
//! # What it does not do
//!
//! No offloads of a card's own: what the kernel leaves undone is handed on to the kernel. No interrupt moderation, no AF_XDP. Drivers do not bring interfaces up or down nor watch their link state: see
//! [`kernel`].

mod counters;
mod error;
mod fate;

pub mod fault;
pub mod kernel;
pub mod mem;
pub mod observe;
pub mod packet;
pub mod pcap;
pub mod tap;
mod vnet;

pub use counters::Count;
pub use counters::Counters;
pub use counters::DeviceStats;
pub use error::DriverError;
pub use fault::FaultConfig;
pub use fault::FaultStats;
pub use fault::Faulty;
pub use mem::MemDevice;
pub use mem::PortId;
pub use mem::Wire;
pub use mem::WireStats;
pub use observe::Direction;
pub use observe::Tap;
pub use packet::PacketConfig;
pub use packet::PacketDevice;
pub use pcap::PcapFile;
pub use pcap::PcapInterface;
pub use pcap::PcapLoss;
pub use pcap::PcapNote;
pub use pcap::PcapTap;
pub use tap::TapDevice;
