//! siding-mbuf
