//! Which packets somebody wants to see, in the words of a rule's matches.

use std::collections::HashMap;
use std::sync::Mutex;
use std::sync::PoisonError;

use siding_filter::Hook;
use siding_filter::Host;
use siding_filter::IfName;
use siding_filter::Interface;
use siding_filter::Link;
use siding_filter::Packet;
use siding_filter::PktType;
use siding_filter::Program;
use siding_filter::Ruleset;
use siding_filter::Setup;
use siding_filter::Verdict;
use siding_filter::model::Statement;
use siding_filter::select::Meta;
use siding_filter::select::Selector;
use siding_netisr::IfId;
use siding_stack::trace::Wants;
use siding_wire::EtherType;
use siding_wire::Mac;
use siding_wire::ether;

/// Which packets somebody wants to see.
#[derive(Debug)]
pub struct Match {
    what: What,
    /// Interfaces as rules know them. Asked by workers, each for a moment.
    names: Mutex<HashMap<IfId, Interface>>,
}

#[derive(Debug)]
enum What {
    All,
    /// Those of the ARP, which no rule is about.
    Arp,
    /// Those that this ruleset's only rule drops.
    Rule(Box<Program>),
}

/// Where a packet is when it is looked at: at an interface, and nowhere else; and the frame that it is in.
struct At {
    interface: Option<Interface>,
    link: Option<Link>,
    vlan: Option<u16>,
}

impl Match {
    /// Reads an expression: what stands before the verdict in a rule. Without one it is every frame.
    ///
    /// # Errors
    ///
    /// What is wrong with it.
    pub fn read(text: Option<&str>) -> Result<Match, String> {
        let what = match text.map(str::trim) {
            None | Some("") => What::All,
            Some("arp") => What::Arp,
            Some(text) => What::Rule(Box::new(compile(text)?)),
        };
        Ok(Match { what, names: Mutex::default() })
    }

    /// Tells it of the interfaces that there are.
    pub fn name<'n>(&self, interfaces: impl Iterator<Item = (IfId, &'n str)>) {
        let names = interfaces
            .map(|(id, name)| (id, Interface { index: id.slot() as u32, name: IfName::new(name) }))
            .collect();
        *self.names.lock().unwrap_or_else(PoisonError::into_inner) = names;
    }
}

fn compile(text: &str) -> Result<Program, String> {
    let example = "for example `ip6 saddr 2001:db8::/32 tcp dport 443`, or `arp`";
    let wrong = |errors: siding_filter::Errors| {
        let what: Vec<&str> = errors.0.iter().map(|error| error.what.as_str()).collect();
        format!("'{text}' is no match of a rule: {}; {example}", what.join("; "))
    };
    let rules = format!(
        "table inet watch {{ chain match {{ type filter hook prerouting priority 0; policy accept; {text} drop; }}; }}"
    );
    let ruleset = Ruleset::load(&[("match", &rules[..])], &mut |_| Err("nothing is included here".into()))
        .map_err(wrong)?;
    let setup = Setup { built_in: false, ..Setup::default() };
    let program = Program::compile(ruleset, &setup, None).map_err(wrong)?;
    if program.needs_ct() {
        return Err(format!(
            "'{text}' asks for a connection, which is not looked up before a packet is followed"
        ));
    }
    let rules =
        program.ruleset().tables.iter().flat_map(|table| &table.chains).flat_map(|chain| &chain.rules);
    let rules: Vec<_> = rules.collect();
    if let Some(why) = rules.iter().flat_map(|rule| &rule.statements).find_map(unseen) {
        return Err(format!("'{text}' {why}"));
    }
    let [rule] = rules[..] else { return Err(format!("'{text}' is more than one match; {example}")) };
    // The last one is the verdict that was put there.
    let matches = rule.statements.iter().rev().skip(1);
    match matches.clone().all(|statement| matches!(statement, Statement::Match(_))) {
        true => Ok(program),
        false => Err(format!("'{text}' is more than a match; {example}")),
    }
}

/// What of a match cannot be seen of a frame alone.
fn unseen(statement: &Statement) -> Option<&'static str> {
    let Statement::Match(relation) = statement else { return None };
    relation.left.iter().find_map(|part| match part.selector {
        Selector::Meta(Meta::Mark) => {
            Some("asks for a mark, which rules give, and no packet has before it is followed: match what the rule does")
        }
        Selector::Fib(_) => {
            Some("asks the routes, which are not looked up before a packet is followed: match addresses or `iifname`")
        }
        _ => None,
    })
}

/// The frame's own header, and the VLAN of its outermost tag.
fn link(frame: &[u8]) -> Option<(Link, Option<u16>)> {
    let (dst, rest) = frame.split_first_chunk::<6>()?;
    let (src, rest) = rest.split_first_chunk::<6>()?;
    let tag = rest.first_chunk::<4>().filter(|tag| EtherType(u16::from_be_bytes([tag[0], tag[1]])).is_vlan());
    let vlan = tag.map(|tag| u16::from_be_bytes([tag[2], tag[3]]) & 0xfff);
    Some((Link { src: *src, dst: *dst }, vlan))
}

impl Wants for Match {
    fn wants(&self, on: IfId, frame: &[u8]) -> bool {
        let (rule, ethertype, at) = match (&self.what, ether::network(frame)) {
            (What::All, _) => return true,
            (_, None) => return false,
            (What::Arp, Some((ethertype, _))) => return ethertype == EtherType::ARP,
            (What::Rule(rule), Some((ethertype, at))) => (rule, ethertype, at),
        };
        if ethertype != EtherType::IPV6 && ethertype != EtherType::IPV4 {
            return false;
        }
        let (link, vlan) = link(frame).unzip();
        let Ok(packet) = Packet::parse(&frame[at..], link) else { return false };
        let interface = self.names.lock().unwrap_or_else(PoisonError::into_inner).get(&on).copied();
        // Nothing is counted, and it is of a priority behind the look-up of connections.
        let verdict = rule.rehearse(
            Hook::Prerouting,
            false,
            &packet,
            &mut At { interface, link, vlan: vlan.flatten() },
        );
        matches!(verdict, Verdict::Drop { .. })
    }
}

impl Host for At {
    fn now(&self) -> u64 {
        0
    }

    fn iif(&self) -> Option<Interface> {
        self.interface
    }

    fn oif(&self) -> Option<Interface> {
        self.interface
    }

    fn vlan(&self) -> Option<u16> {
        self.vlan
    }

    fn pkttype(&self) -> PktType {
        match self.link.map(|link| Mac(link.dst)) {
            Some(Mac::BROADCAST) => PktType::Broadcast,
            Some(dst) if dst.is_multicast() => PktType::Multicast,
            _ => PktType::Host,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// UDP from 2001:db8::1 port 53 to 2001:db8:1::2 port 1024, in a frame with a VLAN tag.
    fn frame() -> Vec<u8> {
        let mut frame = vec![2; 12];
        frame.extend([0x81, 0, 0, 7, 0x86, 0xdd]);
        frame.extend([0x60, 0, 0, 0, 0, 8, 17, 64]);
        frame.extend("2001:db8::1".parse::<std::net::Ipv6Addr>().unwrap().octets());
        frame.extend("2001:db8:1::2".parse::<std::net::Ipv6Addr>().unwrap().octets());
        frame.extend([0, 53, 4, 0, 0, 8, 0, 0]);
        frame
    }

    fn wants(text: &str) -> bool {
        Match::read(Some(text)).unwrap().wants(IfId::NONE, &frame())
    }

    #[test]
    fn matches_of_rules_say_which_packets() {
        assert!(Match::read(None).unwrap().wants(IfId::NONE, &frame()));
        for text in ["ip6 saddr 2001:db8::/48", "udp sport 53", "meta l4proto udp", "udp dport { 7, 1024 }"] {
            assert!(wants(text), "{text}");
        }
        for text in ["ip6 saddr 2001:db8:1::/48", "tcp dport 443", "ip saddr 192.0.2.0/24", "arp"] {
            assert!(!wants(text), "{text}");
        }
    }

    #[test]
    fn what_stands_in_the_frames_header_is_seen() {
        for text in [
            "ether saddr 02:02:02:02:02:02",
            "vlan id 7",
            "meta pkttype host",
            "ether daddr . vlan id { 02:02:02:02:02:02 . 7 }",
        ] {
            assert!(wants(text), "{text}");
        }
        for text in ["ether saddr 02:02:02:02:02:03", "vlan id 8", "meta pkttype { broadcast, multicast }"] {
            assert!(!wants(text), "{text}");
        }
        let to_a_group = Match::read(Some("meta pkttype multicast")).unwrap();
        let mut frame = frame();
        frame[..2].copy_from_slice(&[0x33, 0x33]);
        assert!(to_a_group.wants(IfId::NONE, &frame));
        let untagged = [&frame[..12], &frame[16..]].concat();
        assert!(!Match::read(Some("vlan id 7")).unwrap().wants(IfId::NONE, &untagged));
    }

    #[test]
    fn what_cannot_be_seen_of_a_frame_is_refused_with_the_reason() {
        for (text, why) in [
            ("meta mark 7", "asks for a mark"),
            ("udp dport 53 mark != 7", "asks for a mark"),
            ("fib daddr type local", "asks the routes"),
            ("fib saddr . iif oif missing", "asks the routes"),
            ("ct mark 7", "asks for a connection"),
        ] {
            let error = Match::read(Some(text)).unwrap_err();
            assert!(error.contains(text) && error.contains(why), "{error}");
        }
    }

    #[test]
    fn what_is_no_match_is_refused_with_the_reason() {
        for text in
            ["frobnicate", "tcp dport", "tcp dport 443 accept", "ct state new", "accept; udp dport 53"]
        {
            let error = Match::read(Some(text)).unwrap_err();
            assert!(error.contains(text), "{error}");
        }
    }

    #[test]
    fn interfaces_are_known_by_name() {
        let by_name = Match::read(Some("iifname \"em0\"")).unwrap();
        assert!(!by_name.wants(IfId::NONE, &frame()), "nobody has said which that is");
        by_name.name([(IfId::NONE, "em0")].into_iter());
        assert!(by_name.wants(IfId::NONE, &frame()));
    }
}
