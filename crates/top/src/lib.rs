//! A live view of a running Siding in a terminal: `siding top`.
//!
//! | | |
//! |---|---|
//! | [`Sample`] | what the daemon says of itself at one moment |
//! | [`Model`] | two samples make rates, many make histories; counters that begin anew grow from nothing |
//! | [`View`] | what of that is looked at: the panel, how far it is scrolled, its order |
//! | [`draw()`] | all of it as cells of a screen, of whatever size; a function of the two, and of nothing else |
//! | [`live()`], [`once()`] | the loop, and one screen as text |
//! | [`Screen`], [`spark`], [`si`], [`wait`] | parts, for others who show something that lives |
//!
//! It asks by the control protocol alone, and only what the read-only socket answers, too.
#![forbid(unsafe_code)]
#![cfg_attr(test, allow(clippy::unwrap_used))]

mod draw;
mod figures;
mod grow;
mod keys;
mod live;
mod model;
mod panels;
mod sample;
mod sampler;
mod screen;
mod table;
mod view;

pub use draw::draw;
pub use draw::text;
pub use figures::si;
pub use figures::spark;
pub use figures::wait;
pub use live::Ended;
pub use live::Options;
pub use live::live;
pub use live::once;
pub use model::Model;
pub use sample::Sample;
pub use sampler::Connect;
pub use screen::Screen;
pub use screen::heard;
pub use view::Panel;
pub use view::View;
