//! The protocols that there are. Their order is the order in which they let go of an interface that departs: what others
//! are told by comes after what tells.

#[cfg(test)]
mod echo;

use crate::arp::Arp;
use crate::bridge;
use crate::bridge::Bridges;
use crate::hooks::Filter;
use crate::icmp6::Errors;
use crate::ip6::Paths6;
use crate::lagg;
use crate::lagg::Laggs;
use crate::mld::Listeners;
use crate::nd6::Discovery;
use crate::neighbor::Tables;
use crate::resume::Fragments;
use crate::resume::Own;
use crate::solicit::solicit;
use crate::stack::Ask;
use crate::stack::Over;
use crate::stack::Protocol;
use crate::vlan;
use crate::vlan::Vlans;

/// All of them.
pub(crate) const PROTOCOLS: &[&dyn Protocol] = &[
    &Discovery,
    &Listeners,
    &Arp,
    &Laggs,
    &Vlans,
    &Bridges,
    &Tables,
    &Paths6,
    &Fragments,
    &Errors,
    &Filter,
    &Own,
    #[cfg(test)]
    &echo::Echo,
];

/// What lies on others, on a frame's way out.
pub(crate) static OVER: Over = Over { vlan: vlan::output, lagg: lagg::output, bridge: bridge::output };

/// Who asks for neighbours, of both families.
pub(crate) static ASK: Ask = Ask { table: solicit, entry: solicit, unlocked: solicit };

#[cfg(all(test, not(any(siding_loom, siding_shuttle))))]
#[allow(clippy::unwrap_used)] // The helpers of tests say what they expect by unwrapping it, as tests do.
mod tests {
    use std::collections::BTreeSet;
    use std::net::IpAddr;

    use siding_lockorder::Ctx;
    use siding_lockorder::Root;
    use siding_lockorder::Unlocked;
    use siding_mbuf::Cache;
    use siding_mbuf::Mbuf;
    use siding_mbuf::Pool;
    use siding_mbuf::PoolConfig;
    use siding_netisr::IfId;
    use siding_netisr::Instant;
    use siding_wire::EtherType;
    use siding_wire::Mac;

    use crate::BridgeSpec;
    use crate::Device;
    use crate::InterfaceSpec;
    use crate::LaggSpec;
    use crate::MOST_ROWS;
    use crate::Mode;
    use crate::Section;
    use crate::Sent;
    use crate::Stack;
    use crate::StackConfig;
    use crate::arp::Conflicts;
    use crate::arp::acd::AcdConfig;
    use crate::ifnet::Vlan;
    use crate::mld::MldConfig;
    use crate::nd6::host::Hosts;
    use crate::sections;

    struct Nothing;

    impl Device for Nothing {
        fn receive(&mut self, _: &mut Cache, _: &mut Vec<Mbuf>, _: usize) -> std::io::Result<usize> {
            Ok(0)
        }

        fn transmit(&mut self, _: &mut Cache, frames: &mut Vec<Mbuf>) -> Sent {
            let sent = Sent::all(frames);
            frames.clear();
            sent
        }
    }

    fn control<O>(work: impl FnOnce(&mut Ctx<'_, Unlocked>) -> O) -> O {
        let mut root = Root::new();
        let mut entered = root.enter().unwrap();
        work(&mut entered.ctx())
    }

    /// A stack with one interface that has addresses of both families, a group, and a neighbour.
    fn stack() -> (Stack, IfId) {
        let now = Instant::from_nanos(1);
        let pool = Pool::new(PoolConfig::default()).unwrap();
        let stack = Stack::new(StackConfig::new(pool, move || now)).unwrap();
        let id = control(|ctx| {
            let spec = InterfaceSpec { name: "em0".into(), mac: Mac([2, 0, 0, 0, 0, 1]), mtu: 1500 };
            let id = stack.attach(ctx, spec, vec![Box::new(Nothing)]).unwrap();
            for (addr, len) in [("2001:db8::1", 64), ("192.0.2.1", 24)] {
                stack.add_address(ctx, id, addr.parse().unwrap(), len, true).unwrap();
            }
            let neighbor: IpAddr = "2001:db8::2".parse().unwrap();
            stack.add_neighbor(ctx, id, neighbor, Mac([2, 0, 0, 0, 0, 2])).unwrap();
            id
        });
        (stack, id)
    }

    #[test]
    fn g5_no_protocol_remembers_an_interface_that_has_departed() {
        let (stack, id) = stack();
        let known = |stack: &Stack| {
            control(|ctx| {
                let neighbors = stack.neighbors(ctx).len();
                let (mut control, _ctx) = ctx.lock(&stack.shared.control);
                (
                    control.rooms.of::<Hosts>().len(),
                    control.dads.len(),
                    control.rooms.of::<Conflicts>().len(),
                    neighbors,
                )
            })
        };
        assert_eq!(known(&stack), (1, 1, 1, 1), "each has something to forget");
        let ifnet = stack.config().interface(id).unwrap().ifnet.clone();
        control(|ctx| stack.detach(ctx, id)).unwrap();
        assert_eq!(known(&stack), (0, 0, 0, 0));
        assert_eq!(
            control(|ctx| ifnet.neighbors.len(ctx)),
            0,
            "its table is kept by whoever still refers to it"
        );
        assert_eq!(control(|ctx| stack.shared.timers.len(ctx)), 0);
    }

    /// Each is asked for, with an interface of each kind there: whose rows are of another width than its head stops it.
    #[test]
    fn each_protocol_shows_what_it_knows_in_words() {
        let (stack, id) = stack();
        control(|ctx| {
            for name in ["em1", "em2"] {
                let spec = InterfaceSpec { name: name.into(), mac: Mac([2, 0, 0, 0, 0, 2]), mtu: 1500 };
                stack.attach(ctx, spec, vec![Box::new(Nothing)]).unwrap();
            }
            let of = |name: &str| stack.config().by_name(name).unwrap().ifnet.id;
            let lagg = stack.add_lagg(ctx, LaggSpec::new("lagg0", Mode::Failover)).unwrap();
            stack.lagg_add_port(ctx, lagg, of("em1"), 1).unwrap();
            let spec = BridgeSpec { mac: Some(Mac([2, 0, 0, 0, 0, 9])), ..BridgeSpec::new("br0") };
            let bridge = stack.add_bridge(ctx, spec).unwrap();
            stack.bridge_add_port(ctx, bridge, of("em2")).unwrap();
            let vlan = Vlan { parent: of("em0"), vid: 5, ethertype: EtherType::VLAN };
            stack.add_vlan(ctx, "em0.5", vlan).unwrap();
        });
        let names: Vec<&str> = stack.tables().map(|table| table.name).collect();
        let different: BTreeSet<&str> = names.iter().copied().collect();
        assert_eq!(different.len(), names.len(), "two of one name: {names:?}");
        let rows = |name: &str| {
            let table = control(|ctx| stack.table(ctx, name)).unwrap();
            assert_eq!((table.spec.name, table.left_out), (name, 0));
            assert!(table.rows.iter().all(|row| row.len() == table.spec.columns.len()), "{table:?}");
            table.rows.iter().map(|row| row.join(" ")).collect::<Vec<_>>()
        };
        let told: Vec<String> = names.iter().flat_map(|name| rows(name)).collect();
        for row in [
            "em0 2001:db8::2 02:00:00:00:00:02 reachable 0 no yes 0",
            "em0 2001:db8::1 tentative",
            "em0 192.0.2.1 tentative",
            "em0 ff02::1:ff00:1 address - 2",
            "lagg0 failover 1 - em1 0 -",
            "lagg0 em1 1 yes yes yes no - - -",
            "br0 02:00:00:00:00:09 1 0 8192 0 0 0 0",
            "br0 em2 yes 0",
            "em0.5 em0 5 802.1q 1500 yes",
            "0 0 512 0 1024 0",
            "0 0 0 0 0 0 0 0 0",
        ] {
            assert!(told.iter().any(|told| told == row), "{row}: {told:#?}");
        }
        assert_eq!(control(|ctx| stack.table(ctx, "nothing")), None);
        // Of many some are shown: of the interface that fills the table, and of those behind it none.
        control(|ctx| {
            for number in 0..MOST_ROWS as u16 {
                let neighbor = IpAddr::from([0x2001, 0xdb8, 0, 0, 0, 0, 1, number]);
                stack.add_neighbor(ctx, id, neighbor, Mac([2, 0, 0, 0, 0, 3])).unwrap();
            }
            let last = stack.config().by_name("em0.5").unwrap().ifnet.id;
            for neighbor in ["fe80::5", "fe80::6"] {
                stack.add_neighbor(ctx, last, neighbor.parse().unwrap(), Mac([2, 0, 0, 0, 0, 3])).unwrap();
            }
        });
        let many = control(|ctx| stack.table(ctx, "neighbors")).unwrap();
        assert_eq!((many.rows.len(), many.left_out), (MOST_ROWS, 3));
    }

    /// What is said to be usual is so: a stack that is built without a word, and one that is configured by empty sections.
    #[test]
    fn each_protocol_is_by_an_empty_section_as_it_is_by_default() {
        let mut names = BTreeSet::new();
        for section in sections() {
            assert!(names.insert(section.name), "two of one name: {section:?}");
            for key in section.keys {
                assert_eq!(key.check(key.usual), Ok(()), "{key:?}");
            }
        }
        let (stack, _id) = stack();
        let set = |name: &str, key: &str, value: &str| {
            let values = (!key.is_empty()).then(|| (key.to_owned(), value.to_owned())).into_iter().collect();
            let section = Section { name: name.to_owned(), values };
            control(|ctx| stack.configure(ctx, &section)).unwrap();
        };
        let rules = || {
            control(|ctx| {
                let (mut control, _ctx) = ctx.lock(&stack.shared.control);
                (control.mld, control.rooms.of::<Conflicts>().rules())
            })
        };
        let usual = (MldConfig::default(), AcdConfig::default());
        assert_eq!(rules(), usual);
        for (name, key, value) in
            [("mld", "robustness", "7"), ("mld", "groups", "7"), ("acd", "defence", "once")]
        {
            set(name, key, value);
            assert_ne!(rules(), usual, "{key}");
            set(name, "", "");
            assert_eq!(rules(), usual, "{key}");
        }
        names.iter().for_each(|name| set(name, "", ""));
        assert_eq!(rules(), usual);
    }

    #[test]
    fn each_protocol_tells_its_bounds_once() {
        let (stack, id) = stack();
        let limits = control(|ctx| stack.limits(ctx));
        let told: BTreeSet<(u64, &str)> =
            limits.iter().map(|limit| (limit.interface.as_u64(), limit.name.as_str())).collect();
        assert_eq!(told.len(), limits.len(), "one is told twice");
        for name in ["interfaces", "neighbors", "path-mtus", "icmp-error-burst", "reassembly-fragments"] {
            assert!(told.contains(&(IfId::NONE.as_u64(), name)), "{name}: {told:?}");
        }
        for name in ["joined-groups", "neighbors", "learnt-routers"] {
            assert!(told.contains(&(id.as_u64(), name)), "{name}: {told:?}");
        }
    }
}
