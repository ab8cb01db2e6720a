//! What all workers share, whichever protocol asks: what is known of paths, numbers for what is cut, tokens for what others
//! can make us send, and last words that are on their way.
//!
//! It knows no protocol, and no packet.

mod idents;
mod paths;
mod shares;
mod words;

pub(crate) use idents::Idents;
pub(crate) use paths::Paths;
pub(crate) use paths::TooBig;
pub(crate) use shares::Sending;
pub(crate) use shares::Sends;
pub(crate) use shares::Towards;
pub(crate) use words::PATIENCE;
pub(crate) use words::Word;
pub(crate) use words::Words;
