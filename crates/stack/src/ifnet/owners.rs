//! Whose our addresses are: looked up for each packet that comes in, so found out once for each configuration.

use std::collections::HashMap;
use std::collections::HashSet;
use std::net::Ipv4Addr;
use std::net::Ipv6Addr;
use std::sync::OnceLock;

use siding_netisr::IfId;

use crate::config::Config;
use crate::ifnet::Addr6;

/// The index of a configuration's addresses, made by the first worker that asks.
#[derive(Debug, Default)]
pub(crate) struct Owners(OnceLock<Index>);

/// Only addresses of ours are in here, so nobody else can make a look-up slow.
#[derive(Debug, Default)]
pub(crate) struct Index {
    /// An address may be on several interfaces, a link-local one usually is; the first slot's comes first.
    pub(crate) addrs6: HashMap<Ipv6Addr, Vec<IfId>>,
    pub(crate) addrs4: HashMap<Ipv4Addr, IfId>,
    /// Anycast addresses of ours, as above.
    pub(crate) anycast6: HashMap<Ipv6Addr, Vec<IfId>>,
    /// Addresses that are known to be several nodes': ours, and those of the routers of our subnets.
    pub(crate) shared6: HashSet<Ipv6Addr>,
}

/// A copy of a configuration is made to be changed.
impl Clone for Owners {
    fn clone(&self) -> Owners {
        Owners::default()
    }
}

impl Owners {
    /// The index of `config`, which has these owners.
    pub(crate) fn of(&self, config: &Config) -> &Index {
        self.0.get_or_init(|| {
            let mut index = Index::default();
            for interface in config.interfaces() {
                let id = interface.ifnet.id;
                for own in interface.addrs6.iter().filter(|own| own.is_assigned()) {
                    index.addrs6.entry(own.addr).or_default().push(id);
                }
                for addr in interface.anycast(config.forwarding) {
                    index.anycast6.entry(addr).or_default().push(id);
                    index.shared6.insert(addr);
                }
                let subnets = interface.addrs6.iter().filter_map(Addr6::subnet_router);
                index.shared6.extend(subnets.filter(|subnet| interface.addr6(*subnet).is_none()));
                for own in interface.addrs4.iter().filter(|own| own.is_assigned()) {
                    index.addrs4.entry(own.addr).or_insert(id);
                }
            }
            index
        })
    }
}
