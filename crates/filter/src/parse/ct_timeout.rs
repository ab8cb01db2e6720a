//! How long connections may be silent: `ct timeout NAME { … }`.

use super::Cursor;
use crate::Family;
use crate::model::CtTimeout;
use crate::model::ObjectKind;
use crate::model::Statement;
use crate::model::TimedProtocol;
use crate::place::Spot;
use crate::place::Wrong;

/// As long as a state's clock tells apart.
const LONGEST: u64 = 20 * 24 * 3600;

const SECOND: u64 = 1_000_000_000;

/// A step's word, where it stands, and seconds.
type Said = (String, Spot, u32);

impl Cursor<'_> {
    /// What follows `ct` in a table.
    pub(super) fn ct_object(&mut self) -> Result<&'static str, Wrong> {
        match self.eat("timeout") {
            true => Ok("ct timeout"),
            false => self.expected("`timeout`: helpers and expectations are out for now"),
        }
    }

    /// What follows its name.
    pub(super) fn ct_timeout(&mut self) -> Result<(ObjectKind, Option<String>), Wrong> {
        let (mut protocol, mut family, mut policy, mut comment) = (None, None, Vec::new(), None);
        let begin = self.spot();
        self.need_mark("{")?;
        loop {
            self.separators();
            if self.eat_mark("}") {
                break;
            }
            let said = match self.peek_word() {
                "protocol" => protocol.is_some(),
                "l3proto" => family.is_some(),
                "policy" => !policy.is_empty(),
                "comment" => comment.is_some(),
                _ => false,
            };
            if said {
                return self.expected("each of protocol, l3proto, policy and comment once");
            }
            match self.peek_word() {
                "protocol" => {
                    self.skip();
                    protocol = Some(self.timed_protocol()?);
                }
                "l3proto" => {
                    self.skip();
                    family = Some(self.timed_family()?);
                }
                "policy" => {
                    self.skip();
                    self.need_mark("=")?;
                    self.policy_times(&mut policy)?;
                }
                "comment" => {
                    self.skip();
                    comment = Some(self.text("a comment")?);
                }
                _ => return self.expected("protocol, l3proto, policy, comment, or `}` for the end"),
            }
        }
        let Some(protocol) = protocol else {
            return Err(Wrong::at(
                begin,
                "of which protocol is not said: write `protocol tcp` or `protocol udp`",
            ));
        };
        let mut seconds = [None; TimedProtocol::MOST_STEPS];
        for (word, spot, time) in policy {
            let steps = protocol.steps();
            let Some(at) = steps.iter().position(|(step, _)| *step == word) else {
                let right: Vec<&str> = steps.iter().map(|(step, _)| *step).collect();
                let what =
                    format!("`{word}` is no step of {}: write one of {}", protocol.text(), right.join(" "));
                return Err(Wrong::at(spot, what));
            };
            if seconds[at].replace(time).is_some() {
                return Err(Wrong::at(spot, format!("`{word}` has a time already: say it once")));
            }
        }
        if seconds.iter().all(Option::is_none) {
            return Err(Wrong::at(begin, "no time is said: write `policy = { STEP : TIME }`"));
        }
        Ok((ObjectKind::CtTimeout(CtTimeout { protocol, family: family.flatten(), seconds }), comment))
    }

    /// `ct timeout set NAME`.
    pub(super) fn set_ct_timeout(&mut self) -> Result<Statement, Wrong> {
        self.need("ct")?;
        self.need("timeout")?;
        self.need("set")?;
        self.name("a ct timeout").map(Statement::SetCtTimeout)
    }

    fn timed_protocol(&mut self) -> Result<TimedProtocol, Wrong> {
        let found = TimedProtocol::ALL.into_iter().find(|protocol| protocol.text() == self.peek_word());
        match found {
            Some(protocol) => {
                self.skip();
                Ok(protocol)
            }
            None => self.expected("`tcp` or `udp`: no others have times of their own"),
        }
    }

    fn timed_family(&mut self) -> Result<Option<Family>, Wrong> {
        let family = match self.peek_word() {
            "ip" => Some(Family::V4),
            "ip6" => Some(Family::V6),
            "inet" => None,
            _ => return self.expected("`ip`, `ip6` or `inet`"),
        };
        self.skip();
        Ok(family)
    }

    fn policy_times(&mut self, policy: &mut Vec<Said>) -> Result<(), Wrong> {
        self.need_mark("{")?;
        loop {
            self.lines();
            if self.eat_mark("}") {
                return Ok(());
            }
            let spot = self.spot();
            let word = self.name("a step")?;
            self.need_mark(":")?;
            let at = self.spot();
            let time = self.time("how long")?;
            let seconds = time / SECOND;
            if !time.is_multiple_of(SECOND) || !(1..=LONGEST).contains(&seconds) {
                return Err(Wrong::at(
                    at,
                    "a time in whole seconds, no longer than 20 days: write 1s to 20d",
                ));
            }
            policy.push((word, spot, seconds as u32));
            self.lines();
            if !self.eat_mark(",") && !self.is_mark("}") {
                return self.expected("`,` or `}`");
            }
        }
    }
}
