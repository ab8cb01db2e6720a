//! `siding filter test`: what would become of a packet, and why. Nothing is sent, and no state is made.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context;
use anyhow::bail;
use clap::Args as ClapArgs;
use siding_filter::AddrType;
use siding_filter::Composed;
use siding_filter::CountId;
use siding_filter::Ct;
use siding_filter::CtState;
use siding_filter::Direction;
use siding_filter::FibQuery;
use siding_filter::FlowtableId;
use siding_filter::Hook;
use siding_filter::Host;
use siding_filter::IfName;
use siding_filter::Interface;
use siding_filter::LogLine;
use siding_filter::PktType;
use siding_filter::Program;
use siding_filter::Setup;
use siding_judge::Texts;
use siding_judge::Trial;
use siding_judge::state_of;
use siding_output as output;
use siding_wire::Mac;

use super::capture;
use crate::control::Answer;
use crate::control::Client;
use crate::control::EtherRow;
use crate::control::FilterRequest;
use crate::control::Request;
use crate::control::TestRequest;
use crate::control::TestRow;

/// What is to be tested, and by what.
#[derive(Debug, ClapArgs)]
pub(in crate::cli) struct Test {
    /// By these files of rules: no daemon is asked, and its interfaces and routes are not known
    #[arg(long, value_name = "FILE")]
    rules: Vec<PathBuf>,
    /// The packet in hexadecimal, from its IP header on, instead of in words
    #[arg(long, value_name = "HEX", conflicts_with = "pcap")]
    hex: Option<String>,
    /// The packets of a capture, instead of in words
    #[arg(long, value_name = "FILE")]
    pcap: Option<PathBuf>,
    /// How many packets of a capture, at most 10000
    #[arg(long, value_name = "COUNT", default_value_t = 100)]
    most: usize,
    /// As JSON, with every rule that is met
    #[arg(long)]
    json: bool,
    /// As rules have it: iif lan oif wan ip6 saddr 2001:db8::1 daddr 2001:db8::2 tcp dport 443 flags syn; what is not said is as in the
    /// first packet of a flow. Also: mark, pkttype, length, ct state, ct direction, ct mark, hook
    #[arg(value_name = "PACKET")]
    words: Vec<String>,
}

pub(super) fn test(connect: impl FnOnce() -> anyhow::Result<Client>, test: Test) -> anyhow::Result<ExitCode> {
    let words: Vec<&str> = test.words.iter().flat_map(|word| word.split_whitespace()).collect();
    let said = Composed::parse(&words).map_err(anyhow::Error::msg)?;
    if let Some(wrong) = in_vain(&said, &test) {
        bail!("{wrong}");
    }
    let packets = match (&test.hex, &test.pcap) {
        (Some(hex), _) => vec![siding_judge::from_hex(hex).map_err(anyhow::Error::msg)?],
        (_, Some(file)) => {
            let bytes = std::fs::read(file).with_context(|| format!("no capture {}", file.display()))?;
            capture::packets(&bytes, test.most.min(10_000)).map_err(anyhow::Error::msg)?
        }
        _ if said.bytes.is_empty() => {
            bail!("no packet: write one, as ip6 saddr 2001:db8::1 daddr 2001:db8::2 tcp dport 443")
        }
        _ => vec![said.bytes.clone()],
    };
    let mut rows = Vec::with_capacity(packets.len());
    if test.rules.is_empty() {
        let mut client = connect()?;
        for packet in &packets {
            match client.ask(&Request::Filter(FilterRequest::Test { test: request(&said, packet) }))? {
                Answer::Tested(row) => rows.push(row),
                _ => bail!("the daemon answers something else: is it of another version?"),
            }
        }
    } else {
        let program = Texts::read(&test.rules, |path| std::fs::read_to_string(path))
            .map_err(anyhow::Error::msg)?
            .compile(&Setup::default(), None)?;
        rows.extend(packets.iter().map(|packet| alone(&program, &said, packet)));
    }
    match test.json {
        true => output::print(serde_json::to_string_pretty(&rows)? + "\n")?,
        false => output::print(rows.iter().map(text).collect::<Vec<String>>().join("\n"))?,
    }
    Ok(ExitCode::SUCCESS)
}

/// What has been said and would be passed over.
fn in_vain(said: &Composed, test: &Test) -> Option<&'static str> {
    let given = test.hex.is_some() || test.pcap.is_some();
    let is_ours = said.hook.map_or(said.iif.is_none(), |hook| hook == Hook::Output);
    if is_ours && (said.link.is_some() || said.vlan.is_some()) {
        return Some(
            "our own packets come in no frame: say `iif` beside `ether` and `vlan`, or leave them out",
        );
    }
    if test.rules.is_empty() && said.vlan.is_some() {
        return Some("the daemon knows which VLAN an interface is: leave `vlan` out, or give `--rules FILE`");
    }
    if given && !said.bytes.is_empty() {
        return Some(
            "a packet in words and another one: give one of them, and only iif, oif, mark, pkttype and ct beside it",
        );
    }
    (test.rules.is_empty() && said.hook.is_some())
        .then_some("the daemon knows which hooks a packet comes by: leave `hook` out, or give `--rules FILE`")
}

fn request(said: &Composed, packet: &[u8]) -> TestRequest {
    TestRequest {
        packet: packet.iter().map(|byte| format!("{byte:02x}")).collect(),
        iif: said.iif.clone(),
        oif: said.oif.clone(),
        pkttype: said.pkttype as u8,
        ether: said
            .link
            .map(|link| EtherRow { saddr: Mac(link.src).to_string(), daddr: Mac(link.dst).to_string() }),
        mark: said.mark,
        state: said.state.map(|state| state.0),
        reply: said.direction == Some(Direction::Reply),
        ct_mark: said.ct_mark,
    }
}

/// What is not known without a daemon, as it is taken to be.
struct Alone<'a> {
    said: &'a Composed,
    hook: Hook,
    mark: u32,
    ct: Ct,
    asked_routes: bool,
}

fn alone(program: &Program, said: &Composed, packet: &[u8]) -> TestRow {
    let mut trial = Trial::new(program, packet);
    let seen = match siding_stack::hooks::first_seen(packet, true) {
        Ok(seen) => seen,
        Err(unasked) => {
            trial.stop(unasked.to_string());
            return trial.done(None, Vec::new());
        }
    };
    let state = said.state.unwrap_or_else(|| state_of(seen.state));
    let direction = match state {
        CtState::INVALID | CtState::UNTRACKED => None,
        _ => Some(said.direction.unwrap_or(Direction::Original)),
    };
    let hooks: Vec<Hook> = match (said.hook, &said.iif, &said.oif) {
        (Some(hook), ..) => vec![hook],
        (_, Some(_), Some(_)) => vec![Hook::Prerouting, Hook::Forward],
        (_, Some(_), None) => vec![Hook::Prerouting, Hook::Input],
        (_, None, _) => vec![Hook::Output],
    };
    let mut host = Alone {
        said,
        hook: Hook::Prerouting,
        mark: said.mark,
        ct: Ct { state, direction, mark: said.ct_mark },
        asked_routes: false,
    };
    'all: for hook in hooks {
        host.hook = hook;
        for before in [true, false] {
            let link = said.link.filter(|_| hook != Hook::Output);
            if !trial.judge((hook, before), link, &mut host) {
                break 'all;
            }
        }
    }
    let mut assumed = Vec::new();
    if said.state.is_none() {
        assumed.push("it is the first packet of its flow: say `ct state established` for another".to_owned());
    }
    if host.asked_routes {
        assumed.push("the way to its source goes by iif, and that to its destination by oif".to_owned());
    }
    trial.done(Some(state), assumed)
}

impl Alone<'_> {
    fn named(name: Option<&String>, index: u32) -> Option<Interface> {
        name.map(|name| Interface { index, name: IfName::new(name) })
    }
}

impl Host for Alone<'_> {
    fn now(&self) -> u64 {
        1_000_000_000
    }
    fn iif(&self) -> Option<Interface> {
        Alone::named(self.said.iif.as_ref(), 1)
    }
    fn oif(&self) -> Option<Interface> {
        let known = !matches!(self.hook, Hook::Prerouting | Hook::Input);
        Alone::named(self.said.oif.as_ref().filter(|_| known), 2)
    }
    fn vlan(&self) -> Option<u16> {
        self.said.vlan
    }
    fn pkttype(&self) -> PktType {
        self.said.pkttype
    }
    fn mark(&self) -> u32 {
        self.mark
    }
    fn set_mark(&mut self, mark: u32) {
        self.mark = mark;
    }
    fn ct(&mut self) -> Ct {
        self.ct
    }
    fn set_ct_mark(&mut self, mark: u32) {
        self.ct.mark = mark;
    }
    fn ct_count(&mut self, _at: CountId, _most: u32) -> u32 {
        1
    }
    fn notrack(&mut self) {
        self.ct = Ct { state: CtState::UNTRACKED, direction: None, mark: 0 };
    }
    fn fib_oif(&mut self, query: FibQuery) -> Option<Interface> {
        self.asked_routes = true;
        match query.source {
            true => Alone::named(self.said.iif.as_ref(), 1),
            false => Alone::named(self.said.oif.as_ref(), 2),
        }
    }
    fn fib_type(&mut self, query: FibQuery) -> AddrType {
        self.asked_routes = true;
        let ours = match query.source {
            true => self.hook == Hook::Output,
            false => self.said.oif.is_none(),
        };
        if ours { AddrType::Local } else { AddrType::Unicast }
    }
    fn flow_add(&mut self, _table: FlowtableId) {}
    fn log(&mut self, _line: &LogLine<'_>) {}
}

fn text(row: &TestRow) -> String {
    let mut text = format!("{}\nct state {}\n", row.packet, row.state);
    for hook in &row.hooks {
        text += &format!("{}: {}\n", hook.hook, if hook.rules.is_empty() { "no rules" } else { "" })
            .replace(": \n", ":\n");
        let mut chain = String::new();
        for met in &hook.rules {
            let of = format!("{} {} {}", met.family, met.table, met.chain);
            if of != chain {
                text += &format!("  {of}\n");
                chain = of;
            }
            let what = match &met.at {
                Some(at) => format!("passed at `{at}`"),
                None => met.outcome.clone(),
            };
            text += &format!("    {:>4}  {}: {what}\n", met.handle, met.rule);
        }
    }
    for assumed in &row.assumed {
        text += &format!("assumed: {assumed}\n");
    }
    text + &format!("{}: {}\n", row.verdict, row.why)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(rules: &str, packet: &str) -> TestRow {
        let text = format!(
            "table inet fw {{ chain c {{ type filter hook forward priority 0; policy drop;\n{rules}\n}} }}"
        );
        let ruleset = siding_filter::Ruleset::load(&[("a.nft", &text)], &mut |_| Err("none".into()));
        let ruleset = ruleset.unwrap_or_else(|errors| panic!("{errors}"));
        let program = Program::compile(ruleset, &Setup::default(), None).unwrap_or_else(|e| panic!("{e}"));
        let words: Vec<&str> = packet.split_whitespace().collect();
        let said = Composed::parse(&words).unwrap_or_else(|error| panic!("{error}"));
        alone(&program, &said, &said.bytes)
    }

    const SYN: &str = "iif lan oif wan ip6 saddr 2001:db8::1 daddr 2001:db8::2 tcp sport 4000 dport 443";

    #[test]
    fn a_packet_in_words_has_its_verdict_and_the_rule_and_the_statement_that_decided() {
        let rules = "ct state established accept\niifname lan tcp dport 22 accept\nfib saddr . iif oif missing drop\n\
                     tcp dport 443 meta mark set 7\nmeta mark 7 accept";
        let expected = "\
ip6 saddr 2001:db8::1 daddr 2001:db8::2 tcp sport 4000 dport 443 flags syn length 60
ct state new
prerouting: no rules
forward:
  inet fw c
       2  ct state established accept: passed at `ct state established`
       3  iifname \"lan\" tcp dport 22 accept: passed at `tcp dport 22`
       4  fib saddr . iif oif missing drop: passed at `fib saddr . iif oif missing`
       5  tcp dport 443 meta mark set 0x00000007: done
       6  meta mark 0x00000007 accept: accepted
assumed: it is the first packet of its flow: say `ct state established` for another
assumed: the way to its source goes by iif, and that to its destination by oif
accept: by inet fw c handle 6 at forward
";
        assert_eq!(text(&told(rules, SYN)), expected);
        let row = told(rules, &format!("{SYN} flags ack ct state established"));
        assert_eq!((&row.verdict[..], &row.why[..]), ("accept", "by inet fw c handle 2 at forward"));
        let row = told(rules, "iif lan oif wan ip6 udp dport 9");
        assert_eq!((&row.verdict[..], &row.why[..]), ("drop", "by inet fw c policy drop, at forward"));
        let row = told("reject", SYN);
        assert_eq!((&row.verdict[..], &row.why[..]), ("reject", "by inet fw c handle 2, at forward"));
        let frame = "ether saddr 02:00:00:00:00:07 vlan id 5";
        for (rule, verdict) in [
            ("ether saddr 02:00:00:00:00:07 vlan id 5 accept", "accept"),
            ("ether saddr 02:00:00:00:00:08 accept", "drop"),
            ("vlan id 6 accept", "drop"),
        ] {
            let row = told(rule, &format!("iif lan oif wan {frame} ip6 udp dport 9"));
            assert_eq!(row.verdict, verdict, "{rule}");
        }
        let row = told("drop", "iif lan ip6 udp dport 9");
        assert_eq!((&row.verdict[..], row.hooks.len()), ("accept", 2), "input has no rule");
        let row = told("accept", "iif lan oif wan ip6 frag frag-off 100 udp dport 9");
        assert_eq!((&row.verdict[..], row.hooks.len()), ("not asked", 0));
        assert!(row.why.contains("what its first one has"), "{}", row.why);
    }

    #[test]
    fn what_would_be_passed_over_is_refused() {
        let said = |text: &str| Composed::parse(&text.split_whitespace().collect::<Vec<&str>>()).unwrap();
        let test = |rules: usize, hex: Option<&str>| Test {
            rules: vec![PathBuf::from("a.nft"); rules],
            hex: hex.map(str::to_owned),
            pcap: None,
            most: 1,
            json: false,
            words: Vec::new(),
        };
        for (text, rules, hex, vain) in [
            ("iif a ip6 udp", 0, None, false),
            ("iif a ip6 udp hook input", 0, None, true),
            ("iif a ip6 udp hook input", 1, None, false),
            ("iif a", 0, Some("45"), false),
            ("iif a ip6 udp", 0, Some("45"), true),
            ("vlan id 7 ip6 udp", 1, None, true),
            ("ether saddr 02:00:00:00:00:07 ip6 udp hook output", 1, None, true),
            ("iif a vlan id 7 ip6 udp hook output", 1, None, true),
            ("vlan id 7 ip6 udp hook forward", 1, None, false),
            ("iif a vlan id 7 ip6 udp", 1, None, false),
            ("iif a vlan id 7 ip6 udp", 0, None, true),
            ("iif a ether saddr 02:00:00:00:00:07 ip6 udp", 0, None, false),
            ("oif a ether saddr 02:00:00:00:00:07 ip6 udp", 0, None, true),
        ] {
            assert_eq!(in_vain(&said(text), &test(rules, hex)).is_some(), vain, "{text}");
        }
    }

    #[test]
    fn what_is_asked_of_the_daemon_bears_every_word() {
        let words: Vec<&str> =
            "iif a oif b ether saddr 02:00:00:00:00:07 mark 5 pkttype multicast ct state established ct direction reply ct mark 6 ip udp"
                .split(' ')
                .collect();
        let said = Composed::parse(&words).unwrap();
        let asked = request(&said, &[0x45, 0x0a]);
        let expected = TestRequest {
            packet: "450a".into(),
            iif: Some("a".into()),
            oif: Some("b".into()),
            pkttype: 2,
            ether: Some(EtherRow { saddr: "02:00:00:00:00:07".into(), daddr: "02:00:00:00:00:02".into() }),
            mark: 5,
            state: Some(2),
            reply: true,
            ct_mark: 6,
        };
        assert_eq!(asked, expected);
    }
}
