//! A bridge, as it is kept.

mod spec;
pub(crate) mod table;
mod view;

pub use spec::BridgeSpec;
pub use view::Port;
pub use view::View;
