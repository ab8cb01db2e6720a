//! The facility for C: programs in C, and the header.

mod c;
mod header;
