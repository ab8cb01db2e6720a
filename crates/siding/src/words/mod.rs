//! Words of files and requests: single values, what is wrong with them and where it stands, and what they can name.

pub(crate) mod known;
pub(crate) mod value;
pub(crate) mod wrong;
