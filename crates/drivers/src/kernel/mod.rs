//! What Siding asks of the Linux kernel, without the `ip` program.
