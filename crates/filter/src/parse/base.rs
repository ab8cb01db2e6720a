//! What makes a chain a base chain: its hook, priority and policy.

use super::Cursor;
use crate::model::BaseChain;
use crate::model::Hook;
use crate::place::Wrong;

impl Cursor<'_> {
    /// `type filter hook forward priority 0`.
    pub(super) fn base(&mut self) -> Result<BaseChain, Wrong> {
        let words = self;
        words.need("type")?;
        match words.peek_word() {
            "filter" => words.skip(),
            "nat" => return words.expected("`filter`: NAT is out for now"),
            _ => return words.expected("`filter`: chains of other types are out for now"),
        }
        words.need("hook")?;
        let Some(hook) = Hook::ALL.iter().find(|hook| hook.text() == words.peek_word()) else {
            return words.expected("prerouting, input, forward, output or postrouting");
        };
        words.skip();
        if words.peek_word() == "device" {
            return words.expected("`priority`: devices belong to the netdev family, which is out for now");
        }
        words.need("priority")?;
        let priority = words.priority()?;
        Ok(BaseChain { hook: *hook, priority, drop: false })
    }

    pub(super) fn policy(&mut self) -> Result<bool, Wrong> {
        self.need("policy")?;
        if self.eat("accept") {
            return Ok(false);
        }
        if self.eat("drop") { Ok(true) } else { self.expected("`accept` or `drop`") }
    }
}
