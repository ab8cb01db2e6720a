//! Each field of each header: the rule is about its value, its whole value and nothing else.

use siding_filter::Program;
use siding_filter::select::Base;
use siding_filter::select::EXTENSIONS;
use siding_filter::select::FIELDS;
use siding_filter::select::Field;
use siding_filter::select::Selector;
use siding_filter::types::Value;

use crate::ignored::fates;
use crate::ignored::without_field;
use crate::util::*;

/// Whoever reads a packet needs these as they are.
fn is_given(field: &Field) -> bool {
    matches!((field.header, field.name), ("ip" | "ip6", "version" | "length") | ("ip", "hdrlength"))
}

/// A value with ones and zeros side by side, as far as it can be any.
fn value(field: &Field) -> u128 {
    match (field.header, field.name) {
        ("ip", "version" | "hdrlength") => 4 + u128::from(field.name == "hdrlength"),
        ("ip6", "version") => 6,
        ("ip", "length") => 28,
        ("ip6", "length") => 8,
        (_, "nexthdr" | "protocol") => 59,
        _ => 0x5555_5555_5555_5555_5555_5555_5555_5555 & field.ty.max(),
    }
}

/// A packet whose field has this value.
fn packet(field: &Field, value: u128) -> String {
    let said = format!("{} {value:#x}", field.name);
    let said = match field.ty {
        siding_filter::types::Type::Ipv4
        | siding_filter::types::Type::Ipv6
        | siding_filter::types::Type::Ether => {
            format!("{} {}", field.name, field.ty.print(Value::Exact(value)))
        }
        _ => said,
    };
    let header = field.header;
    match field.base {
        Base::Ether | Base::Vlan => format!("{header} {said} ip6 udp"),
        Base::Transport => format!("ip6 l4proto udp th {said}"),
        Base::Icmp(_, kinds) => format!("{header} type {} {said}", kinds[0]),
        Base::Ext(135) => format!("ip6 mh {said}"),
        Base::Ext(_) => format!("{header} {said} udp"),
        Base::Ip4 | Base::Ip6 => format!("{header} {said} udp"),
        Base::Proto(_) => format!("{header} {said}"),
    }
}

/// A packet without that header.
fn stranger(field: &Field) -> &'static str {
    match field.base {
        Base::Ip6 | Base::Ext(_) | Base::Icmp(58, _) | Base::Proto(58) => "ip tcp",
        Base::Transport => "ip6 l4proto 59",
        Base::Proto(6) => "ip6 udp",
        Base::Ip4 | Base::Proto(1) | Base::Icmp(..) => "ip6 tcp",
        _ => "ip6 tcp",
    }
}

fn dropped(program: &Program, packet: &str) -> bool {
    !fates(program, &[packet])[0].contains("Accept")
}

#[test]
fn a_field_is_all_of_its_bits_and_no_others() {
    let mut packets = 0;
    for field in FIELDS {
        let value = value(field);
        let name = format!("{} {}", field.header, field.name);
        let rule = format!("{name} == {} drop", field.ty.print(Value::Exact(value)));
        let program = rules(&rule);
        assert!(dropped(&program, &packet(field, value)), "{rule}");
        assert!(!dropped(&program, stranger(field)), "{rule}: a packet without it");
        packets += 2;
        for bit in 0..field.ty.bits() {
            if !is_given(field) {
                assert!(!dropped(&program, &packet(field, value ^ 1 << bit)), "{rule}: bit {bit} counts");
                packets += 1;
            }
        }
        // Another version of it: the comparison is not there.
        let text = format!("table inet t {{ chain c {{ type filter hook forward priority 0; {rule}; }} }}");
        let mut wrong = load(&text).unwrap_or_else(|errors| panic!("{errors}"));
        without_field(&mut wrong, |selector| selector == Selector::Field(field));
        let wrong = Program::compile(wrong, &siding_filter::Setup::default(), None);
        let wrong = wrong.unwrap_or_else(|errors| panic!("{errors}"));
        assert!(dropped(&wrong, stranger(field)), "{name} may be ignored, and nobody notices");
    }
    println!("{} fields, {packets} packets", FIELDS.len());
}

#[test]
fn what_stands_beside_a_field_says_nothing() {
    for field in FIELDS {
        let beside: Vec<&Field> = FIELDS
            .iter()
            .filter(|other| other.header == field.header && **other != *field && !is_given(other))
            .filter(|other| {
                (other.at + u16::from(other.ty.bits()) <= field.at)
                    || other.at >= field.at + u16::from(field.ty.bits())
            })
            .filter(|other| !matches!(field.base, Base::Icmp(..)) || other.name != "type")
            .filter(|other| !matches!(other.base, Base::Icmp(..)) || other.base == field.base)
            .filter(|other| !matches!(other.name, "nexthdr" | "protocol" | "hdrlength" | "frag-off"))
            .collect();
        let value = value(field);
        let program = rules(&format!(
            "{} {} == {} drop",
            field.header,
            field.name,
            field.ty.print(Value::Exact(value))
        ));
        for other in beside {
            let base = packet(field, value);
            let said = match other.ty {
                siding_filter::types::Type::Ipv4
                | siding_filter::types::Type::Ipv6
                | siding_filter::types::Type::Ether => other.ty.print(Value::Exact(other.ty.max())),
                _ => format!("{:#x}", other.ty.max()),
            };
            let packet = format!("{base} {} {} {said}", other.header, other.name);
            assert!(
                dropped(&program, &packet),
                "{} {} and {}: {packet}",
                field.header,
                field.name,
                other.name
            );
        }
    }
}

#[test]
fn each_extension_header_is_there_or_missing() {
    for (name, _) in EXTENSIONS {
        let program = rules(&format!("exthdr {name} exists drop"));
        let there = if *name == "mh" { "ip6 mh type 1".to_owned() } else { format!("{name} udp") };
        assert!(dropped(&program, &there) && !dropped(&program, "ip6 udp"), "{name}");
        let program = rules(&format!("exthdr {name} missing drop"));
        assert!(!dropped(&program, &there) && dropped(&program, "ip6 udp"), "{name}");
        for (other, _) in EXTENSIONS.iter().filter(|(other, _)| other != name && *other != "mh") {
            assert!(dropped(&program, &format!("{other} udp")), "{name}, not {other}");
        }
    }
}
