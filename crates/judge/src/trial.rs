//! What would become of a packet, and why.

use siding_filter::CtState;
use siding_filter::Hook;
use siding_filter::Host;
use siding_filter::Link;
use siding_filter::Outcome;
use siding_filter::Packet;
use siding_filter::Program;
use siding_filter::Verdict;
use siding_stack::filter::Asks;

use crate::judge::Node;
use siding_client::HookRow;
use siding_client::MetRow;
use siding_client::TestRow;

/// So many rules are told of one packet.
const MOST: usize = 10_000;

/// A packet's way through the hooks.
#[derive(Debug)]
pub struct Trial<'a> {
    program: &'a Program,
    packet: &'a [u8],
    hooks: Vec<HookRow>,
    end: Option<(String, String)>,
    met: usize,
}

impl<'a> Trial<'a> {
    /// Of a packet that nobody has judged yet.
    pub fn new(program: &'a Program, packet: &'a [u8]) -> Trial<'a> {
        Trial { program, packet, hooks: Vec::new(), end: None, met: 0 }
    }

    /// Has it judged at a hook, by the rules before states are looked up or by the others; `link` is the frame that it would
    /// have come in. Whether it goes on.
    pub fn judge(&mut self, (hook, before): (Hook, bool), link: Option<Link>, host: &mut impl Host) -> bool {
        let Ok(packet) = Packet::parse(self.packet, link) else {
            self.end = Some(("drop".to_owned(), "no rule could read it".to_owned()));
            return false;
        };
        let (verdict, steps) = self.program.test_part(hook, before, &packet, host);
        let name = hook.text();
        if self.hooks.last().is_none_or(|last| last.hook != name) {
            self.hooks.push(HookRow { hook: name.to_owned(), rules: Vec::new() });
        }
        let room = MOST.saturating_sub(self.met);
        self.met += steps.len();
        let met: Vec<MetRow> = steps.iter().take(room).filter_map(|step| self.met(step)).collect();
        if let Some(last) = self.hooks.last_mut() {
            last.rules.extend(met);
        }
        let (word, at) = match verdict {
            Verdict::Accept => return true,
            Verdict::Drop { at } => ("drop", at),
            Verdict::Reject { at, .. } => ("reject", at),
            Verdict::SynProxy { at, .. } => ("synproxy", at),
        };
        self.end = Some((word.to_owned(), format!("by {}, at {name}", self.program.describe(at))));
        false
    }

    fn met(&self, step: &siding_filter::Step) -> Option<MetRow> {
        let info = self.program.rule(step.rule)?;
        let outcome = match step.outcome {
            Outcome::Passed => "passed",
            Outcome::Done => "done",
            Outcome::Accepted => "accepted",
            Outcome::Ended => "ended",
            Outcome::Went => "went",
        };
        let at = (step.outcome == Outcome::Passed).then(|| self.program.statement(step.rule, step.at));
        Some(MetRow {
            family: info.family.text().to_owned(),
            table: info.table.clone(),
            chain: info.chain.clone(),
            handle: info.handle,
            rule: info.text.clone(),
            place: info.place.to_string(),
            outcome: outcome.to_owned(),
            at: at.flatten(),
        })
    }

    /// Nobody is asked, or nobody any more.
    pub fn stop(&mut self, why: String) {
        self.end = Some(("not asked".to_owned(), why));
    }

    /// What has come of it.
    pub fn done(self, state: Option<CtState>, assumed: Vec<String>) -> TestRow {
        let accepted = self.hooks.iter().flat_map(|hook| hook.rules.iter().map(move |rule| (hook, rule)));
        let accepted: Vec<String> = accepted
            .filter(|(_, rule)| rule.outcome == "accepted")
            .map(|(hook, rule)| {
                format!(
                    "{} {} {} handle {} at {}",
                    rule.family, rule.table, rule.chain, rule.handle, hook.hook
                )
            })
            .collect();
        let passes = || {
            let why = match accepted.is_empty() {
                true => "no rule decided otherwise, and no policy drops it".to_owned(),
                false => format!("by {}", accepted.join(", ")),
            };
            ("accept".to_owned(), why)
        };
        let (verdict, why) = self.end.unwrap_or_else(passes);
        TestRow {
            packet: siding_filter::words_of(self.packet),
            state: state.map_or("-", state_name).to_owned(),
            hooks: self.hooks,
            verdict,
            why,
            assumed,
        }
    }
}

/// The stack's word for them.
pub fn stacks_state(state: CtState) -> siding_stack::filter::CtState {
    match state {
        CtState::NEW => siding_stack::filter::CtState::New,
        CtState::ESTABLISHED => siding_stack::filter::CtState::Established,
        CtState::RELATED => siding_stack::filter::CtState::Related,
        CtState::UNTRACKED => siding_stack::filter::CtState::Untracked,
        _ => siding_stack::filter::CtState::Invalid,
    }
}

/// Has somebody else ask what rules may ask about a packet.
pub fn with_asks<T>(
    asks: &mut Asks<'_>,
    packet: &[u8],
    ask: impl FnOnce(&mut Node<'_, '_>) -> T,
) -> Option<T> {
    let packet = Packet::parse(packet, None).ok()?;
    Some(ask(&mut Node { asks, src: packet.src(), dst: packet.dst() }))
}

/// Octets from hexadecimal, with spaces wherever.
///
/// # Errors
///
/// It is none, or longer than a packet can be.
pub fn from_hex(text: &str) -> Result<Vec<u8>, String> {
    let digits: Option<Vec<u32>> =
        text.chars().filter(|c| !c.is_whitespace() && *c != ':').map(|c| c.to_digit(16)).collect();
    let digits = digits.filter(|digits| digits.len() % 2 == 0 && (2..=2 * 65_575).contains(&digits.len()));
    let digits = digits.ok_or("no packet in hexadecimal: give its octets from the IP header on, as 6000…")?;
    Ok(digits.chunks(2).map(|pair| (pair[0] << 4 | pair[1]) as u8).collect())
}

fn state_name(state: CtState) -> &'static str {
    match state {
        CtState::NEW => "new",
        CtState::ESTABLISHED => "established",
        CtState::RELATED => "related",
        CtState::UNTRACKED => "untracked",
        _ => "invalid",
    }
}
