//! The table beside a plain one, and beside those who read while it changes.

mod oracle;
mod readers;
mod util;
