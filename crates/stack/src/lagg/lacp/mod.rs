//! The Link Aggregation Control Protocol: IEEE 802.1AX-2014 s6.4 (802.3ad-2000 s43.4).
