//! Addresses, as they are told.

use siding_stack::ifnet::Interface;

/// The addresses of an interface, with the lengths of their prefixes.
pub(crate) fn addresses(there: &Interface) -> Vec<String> {
    let v6 = there.addrs6.iter().map(|own| format!("{}/{}", own.addr, own.prefix_len));
    v6.chain(there.addrs4.iter().map(|own| format!("{}/{}", own.addr, own.prefix_len))).collect()
}
