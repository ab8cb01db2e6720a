//! `examples/firewall.nft` as it is shipped, item by item of RFC 4890, 6092 and 7084: a stack in memory filters by it, and
//! packets come from outside and from inside. Without any one of its rules some item fails.

/// Tests of items, each over an edge of its own; and the list of them, for rules that lack something.
macro_rules! items {
    ($($(#[doc = $doc:literal])* #[test] fn $name:ident($edge:ident: &mut Edge) -> Said $body:block)*) => {
        mod checks {
            use super::*;
            $($(#[doc = $doc])* pub(super) fn $name($edge: &mut Edge) -> Said $body)*
        }
        $(#[test]
        fn $name() {
            checks::$name(&mut Edge::new(crate::firewall::edge::RULES)).unwrap();
        })*
        pub(super) const ITEMS: &[(&str, fn(&mut Edge) -> Said)] = &[$((stringify!($name), checks::$name)),*];
    };
}

mod connections;
mod edge;
mod icmp;
mod others;
mod packets;
mod shipped;
mod simple;
