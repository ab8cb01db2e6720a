//! Rulesets by chance: of each row of the language's table something, in words that both readers take.

use std::time::Duration;

use super::chance::Chance;

/// A ruleset, and the words that it has.
pub(super) struct Rules {
    pub(super) text: String,
    pub(super) words: Vec<&'static str>,
    /// Whether flows have states.
    pub(super) states: bool,
    /// Whether rules look at frames.
    pub(super) frames: bool,
    /// Whether some flows are forgotten after [`BRIEF`].
    pub(super) brief: bool,
}

/// How long flows may be silent that rules say so of.
pub(super) const BRIEF: Duration = Duration::from_secs(3);

/// What a match begins with, and what may follow. Those of `FRAGMENTS` see something else where the kernel has put a
/// packet together: not with states.
const MATCHES: &[(&str, &[&str])] = &[
    ("iifname", &["\"inner\"", "\"outer\"", "\"in*\"", "!= \"inner\"", "{ \"inner\", \"other\" }"]),
    ("oifname", &["\"inner\"", "\"out*\"", "!= \"outer\"", "{ \"outer\", \"x\" }"]),
    (
        "ip6 saddr",
        &[
            "2001:db8:1::/48",
            "2001:db8:2::2-2001:db8:2::3",
            "!= 2001:db8:1::2",
            "{ 2001:db8:1::2, 2001:db8:2::/64 }",
            "@nets6",
            "& ::3 == ::2",
        ],
    ),
    (
        "ip6 daddr",
        &[
            "2001:db8:1::2",
            "!= 2001:db8:2::/48",
            "@nets6",
            "> 2001:db8:1::3",
            "{ 2001:db8:1::2-2001:db8:1::3 }",
        ],
    ),
    ("ip saddr", &["192.0.2.0/24", "!= 192.0.2.2", "{ 198.51.100.2, 198.51.100.3 }", "192.0.2.3-192.0.2.4"]),
    ("ip daddr", &["198.51.100.2", "!= 192.0.2.0/24", "{ 192.0.2.2, 198.51.100.0/25 }"]),
    ("ip6 nexthdr", &["tcp", "!= udp", "{ 0, 43, 60 }", "58"]),
    ("ip protocol", &["tcp", "{ udp, icmp }", "!= tcp"]),
    ("ip6 hoplimit", &["< 32", "> 32", "!= 255"]),
    ("ip ttl", &["< 32", "> 32"]),
    ("ip6 dscp", &["af11", "!= cs0", "{ cs0, ef }"]),
    ("ip dscp", &["af11", "!= cs0"]),
    ("ip6 flowlabel", &["5", "!= 0"]),
    ("meta l4proto", &["tcp", "{ udp, icmp }", "!= udp", "ipv6-icmp", "{ 47, 51, 89 }"]),
    ("meta nfproto", &["ipv4", "ipv6"]),
    ("meta pkttype", &["host", "broadcast", "!= host"]),
    ("meta mark", &["0", "7", "!= 7", "& 0x3 == 0x3"]),
    ("tcp dport", &["22", "22-80", "!= 22", "{ 22, 443 }", "@ports", "> 79"]),
    ("tcp sport", &["22", "1024-1100", "{ 22, 1030-1040 }"]),
    ("udp dport", &["53", "!= 53", "{ 53, 123 }", "@ports"]),
    ("udp sport", &["53", "< 1040", ">= 1040"]),
    ("th dport", &["53", "22-80", "{ 22, 53 }"]),
    ("tcp flags", &["syn", "& (syn|ack) == syn", "== ack", "!= syn", "fin,rst"]),
    (
        "icmpv6 type",
        &["echo-request", "{ echo-request, packet-too-big }", "!= echo-reply", "destination-unreachable"],
    ),
    ("icmpv6 code", &["0", "1", "!= 0"]),
    ("icmp type", &["echo-request", "{ echo-reply, destination-unreachable }"]),
    ("icmpv6 id", &["1", "!= 1"]),
    ("exthdr hbh", &["exists", "missing"]),
    ("exthdr rt", &["exists", "missing"]),
    ("exthdr dst", &["exists", "missing"]),
    ("exthdr mh", &["exists", "missing"]),
    ("rt type", &["4", "!= 4"]),
    ("rt seg-left", &["0", "1"]),
    ("dst hdrlength", &["0", "1"]),
    ("hbh nexthdr", &["tcp", "60"]),
    ("mh type", &["5", "!= 5"]),
    ("fib saddr . iif oif", &["exists", "missing"]),
    ("fib daddr type", &["unicast", "local", "!= unicast"]),
    ("fib daddr . iif type", &["unicast", "local", "unreachable"]),
    ("fib saddr type", &["local", "unicast"]),
    ("iifname . tcp dport", &["{ \"inner\" . 22, \"outer\" . 80 }"]),
    ("ip6 saddr . ip6 daddr", &["{ 2001:db8:1::/64 . 2001:db8:2::2-2001:db8:2::3 }"]),
    ("ip6 daddr . udp dport", &["{ 2001:db8:1::2 . 53, 2001:db8:2::2 . 123 }"]),
    ("limit rate", &["1/day burst 5 packets", "over 1/day burst 5 packets"]),
    ("quota", &["600 bytes", "over 600 bytes"]),
    ("ip6 saddr @full", &[""]),
];

const FRAGMENTS: &[(&str, &[&str])] = &[
    ("meta length", &["< 100", "> 70", "60"]),
    ("ip6 length", &["< 60", "> 30"]),
    ("ip length", &["< 60", "40"]),
    ("ip id", &["0", "!= 0"]),
    ("ip frag-off & 0x1fff", &["0", "!= 0"]),
    ("exthdr frag", &["exists", "missing"]),
    ("frag more-fragments", &["1", "0"]),
    ("frag frag-off", &["0", "!= 0"]),
    ("frag nexthdr", &["udp", "tcp"]),
];

const FLOWS: &[(&str, &[&str])] = &[
    (
        "ct state",
        &[
            "new",
            "established",
            "established,related",
            "invalid",
            "!= established",
            "{ new, related }",
            "untracked",
            "related",
        ],
    ),
    ("ct direction", &["original", "reply"]),
    ("ct mark", &["5", "!= 5", "0"]),
];

/// What is looked at of the frame. No frame has a tag here, and in Linux no rule of these families meets one.
const FRAMES: &[(&str, &[&str])] = &[
    (
        "ether saddr",
        &["02:00:00:00:00:02", "!= 02:00:00:00:01:03", "{ 02:00:00:00:00:03, 02:00:00:00:01:02 }"],
    ),
    ("ether daddr", &["02:00:00:00:00:01", "!= 02:00:00:00:00:01", "02:00:00:00:01:01"]),
    ("vlan id", &["5", "!= 5"]),
];

const ACTS: &[(&str, &str)] = &[
    ("accept", "accept"),
    ("accept", "accept"),
    ("drop", "drop"),
    ("drop", "drop"),
    ("counter", "counter accept"),
    ("reject", "reject"),
    ("jump", "jump more"),
    ("goto", "goto more"),
    ("return", "return"),
    ("mark set", "meta mark set 7"),
    ("mark set", "meta mark set meta mark or 0x3"),
    ("map", "meta mark set udp dport map { 53 : 7, 123 : 3 }"),
    ("vmap", "tcp dport vmap { 22 : accept, 80-443 : drop }"),
    ("vmap", "udp dport vmap { 53 : jump more, 123 : drop }"),
    ("add @set", "add @full { ip6 saddr }"),
    ("delete @set", "delete @full { ip6 daddr }"),
    ("add @set limit", "add @each { ip6 saddr limit rate over 1/day burst 3 packets } drop"),
];

impl Rules {
    pub(super) fn new(chance: &mut Chance) -> Rules {
        Rules::made(chance, false)
    }

    /// Rules that look at frames, too, and give some flows other times.
    pub(super) fn with_frames(chance: &mut Chance) -> Rules {
        Rules::made(chance, true)
    }

    fn made(chance: &mut Chance, frames: bool) -> Rules {
        let states = chance.percent(60);
        let brief = frames && states;
        let mut rules = Rules { text: String::new(), words: Vec::new(), states, frames, brief };
        let policy = chance.of(&["accept", "drop", "drop"]);
        let policy = if brief { "drop" } else { policy };
        let mut forward: Vec<String> = (0..2 + chance.below(8)).map(|_| rules.rule(chance, true)).collect();
        if states {
            let first = chance.of(&[
                "ct state established,related accept",
                "ct state vmap { established : accept, invalid : drop }",
                "ct state invalid drop",
                "ct state new ct mark set 5",
            ]);
            // What was forgotten shows where an answer passes as one, and by nothing else.
            let first = if brief { "ct state vmap { established : accept, invalid : drop }" } else { first };
            rules.words.push("ct state");
            forward.insert(0, first.to_owned());
        }
        let (mut policies, times) = (String::new(), BRIEF.as_secs());
        if brief {
            let tcp = [
                "syn_sent",
                "syn_recv",
                "established",
                "fin_wait",
                "close_wait",
                "last_ack",
                "time_wait",
                "close",
            ];
            for (proto, phases) in [("tcp", &tcp[..]), ("udp", &["unreplied", "replied"])] {
                let phases: Vec<String> = phases.iter().map(|phase| format!("{phase} : {times}")).collect();
                policies += &format!(
                    " ct timeout {proto}6 {{\n protocol {proto}; l3proto ip6\n policy = {{ {} }}\n }}\n",
                    phases.join(", ")
                );
            }
            let what = chance.of(&[
                "meta nfproto ipv6 meta l4proto udp ct timeout set \"udp6\"",
                "meta nfproto ipv6 tcp dport { 22, 80 } ct timeout set \"tcp6\"",
            ]);
            rules.words.push("ct timeout");
            forward.insert(0, what.to_owned());
        }
        if policy == "drop" {
            // Something is to pass.
            forward.push(rules.words_of(chance, true) + " accept");
            forward.push(
                chance
                    .of(&[
                        "tcp dport { 22, 80 } accept",
                        "udp dport 53 accept",
                        "ip6 daddr 2001:db8:2::/48 accept",
                        "iifname \"inner\" accept",
                    ])
                    .to_owned(),
            );
        }
        let more: Vec<String> = (0..1 + chance.below(3)).map(|_| rules.rule(chance, false)).collect();
        let before: Vec<String> = match chance.percent(40) {
            true => (0..1 + chance.below(2)).map(|_| rules.early(chance)).collect(),
            false => Vec::new(),
        };
        let priority = chance.of(&["-300", "-150", "0"]);
        rules.text = format!(
            "table inet t {{\n{policies} set nets6 {{\n type ipv6_addr; flags interval; elements = {{ 2001:db8:1::/127, 2001:db8:2::3-2001:db8:2::9 }}\n }}\n \
             set ports {{\n type inet_service; elements = {{ 22, 53 }}\n }}\n \
             set full {{\n type ipv6_addr; size 64; flags dynamic,timeout; timeout 1h\n }}\n \
             set each {{\n type ipv6_addr; size 64; flags dynamic\n }}\n \
             chain more {{\n {}\n }}\n chain pre {{\n type filter hook prerouting priority {priority}; policy accept;\n {}\n }}\n \
             chain onward {{\n type filter hook forward priority 0; policy {policy};\n {}\n }}\n}}\n",
            more.join("\n "),
            before.join("\n "),
            forward.join("\n "),
        );
        rules
    }

    /// Rules that count connections, at one place or at several, and of each source.
    pub(super) fn counting(chance: &mut Chance) -> Rules {
        let mut rules =
            Rules { text: String::new(), words: Vec::new(), states: true, frames: false, brief: false };
        let mut lines =
            vec![chance.of(&["ct state invalid drop", "ct state established counter", "counter"]).to_owned()];
        for _ in 0..1 + chance.below(3) {
            let most = chance.of(&["0", "1", "2", "3"]);
            let what = chance.of(&[
                "meta l4proto tcp",
                "meta l4proto udp",
                "ct state new",
                "ct state established",
                "counter",
            ]);
            let (word, rule) = match chance.below(4) {
                0 => ("ct count", format!("{what} ct count {most} accept")),
                1 => ("add @set ct count", format!("{what} add @each {{ ip6 saddr ct count over 2 }} drop")),
                _ => ("ct count over", format!("{what} ct count over {most} drop")),
            };
            rules.words.push(word);
            lines.push(rule);
        }
        rules.text = format!(
            "table inet t {{\n set each {{\n type ipv6_addr; size 64; flags dynamic\n }}\n \
             chain onward {{\n type filter hook forward priority 0; policy accept;\n {}\n }}\n}}\n",
            lines.join("\n "),
        );
        rules
    }

    fn rule(&mut self, chance: &mut Chance, jumps: bool) -> String {
        let what = self.words_of(chance, true);
        loop {
            let (word, act) = chance.of(ACTS);
            if !jumps && act.contains("more") {
                continue;
            }
            self.words.push(word);
            return format!("{what} {act}");
        }
    }

    /// A rule of prerouting: there is no way out yet.
    fn early(&mut self, chance: &mut Chance) -> String {
        let what = self.words_of(chance, false);
        let untracked = self.states && chance.percent(50);
        let act = if untracked { "notrack" } else { chance.of(&["drop", "meta mark set 7", "accept"]) };
        self.words.push(if untracked { "notrack" } else { "prerouting" });
        format!("{what} {act}")
    }

    fn words_of(&mut self, chance: &mut Chance, late: bool) -> String {
        let many = if chance.percent(30) { 2 } else { 1 };
        loop {
            let all: Vec<String> = (0..many).map(|_| self.word(chance, late)).collect();
            let all = all.join(" ");
            // Only echoes have an identifier, and `nft` refuses what asks for that of others.
            let no_echo = ["destination-unreachable", "packet-too-big }"];
            if !no_echo.iter().any(|kind| all.contains(&format!("{kind} icmpv6 id"))) {
                return all;
            }
        }
    }

    fn word(&mut self, chance: &mut Chance, late: bool) -> String {
        loop {
            let of_frames = self.frames && chance.percent(35);
            let (word, all) = match (self.states, chance.percent(35)) {
                _ if of_frames => chance.of(FRAMES),
                (true, true) if late => chance.of(FLOWS),
                (false, true) => chance.of(FRAGMENTS),
                _ => chance.of(MATCHES),
            };
            if !late && word.starts_with("oif") {
                continue;
            }
            self.words.push(word);
            return format!("{word} {}", chance.of(all));
        }
    }
}
