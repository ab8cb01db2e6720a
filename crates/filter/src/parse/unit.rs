//! Times, amounts and rates.

use super::Cursor;
use crate::model::Limit;
use crate::model::Quota;
use crate::place::Wrong;

const NANOS: u64 = 1_000_000_000;
const TIMES: [(&str, u64); 6] = [
    ("ms", NANOS / 1000),
    ("s", NANOS),
    ("m", 60 * NANOS),
    ("h", 3600 * NANOS),
    ("d", 86_400 * NANOS),
    ("w", 604_800 * NANOS),
];
/// Octets in a unit of a rate or a quota.
const UNITS: [(&str, u64); 3] = [("bytes", 1), ("kbytes", 1 << 10), ("mbytes", 1 << 20)];
pub(crate) const PERIODS: [(&str, u64); 5] =
    [("second", 1), ("minute", 60), ("hour", 3600), ("day", 86_400), ("week", 604_800)];

impl Cursor<'_> {
    /// A time as `1h30m`, `10s` or `500ms`; a bare number is seconds. In ns.
    pub(crate) fn time(&mut self, what: &str) -> Result<u64, Wrong> {
        match time(self.peek_word()) {
            Some(ns) => {
                self.skip();
                Ok(ns)
            }
            None => self.expected(&format!("{what}: a time as 500ms, 10s, 5m, 1h30m or 2d")),
        }
    }

    /// What follows `quota`.
    pub(crate) fn quota(&mut self) -> Result<Quota, Wrong> {
        let over = self.over();
        let bytes = self.amount("a quota")?;
        let used = if self.eat("used") { self.amount("what is used of the quota")? } else { 0 };
        Ok(Quota { bytes, used, over })
    }

    /// What follows `limit`.
    pub(crate) fn limit(&mut self) -> Result<Limit, Wrong> {
        self.need("rate")?;
        let over = self.over();
        let right = "a rate as 10/second, or as 10 mbytes/second";
        let spot = self.spot();
        let word = self.peek_word();
        let (number, mut rest) = word.split_once('/').map_or((word, None), |(n, rest)| (n, Some(rest)));
        let Some(mut rate) = crate::types::number(number).and_then(|n| u64::try_from(n).ok()) else {
            return self.expected(right);
        };
        if rate == 0 {
            return self
                .wrong("a rate of 0 lets nothing pass: write `drop` instead, or a rate of at least 1");
        }
        self.skip();
        let mut bytes = false;
        if rest.is_none() {
            let word = self.peek_word();
            let (unit, after) = word.split_once('/').map_or((word, None), |(u, rest)| (u, Some(rest)));
            if let Some((_, octets)) = UNITS.iter().find(|(name, _)| *name == unit) {
                bytes = true;
                rate = self.fits(rate.checked_mul(*octets))?;
                self.skip();
                rest = after;
            } else if unit == "packets" {
                self.skip();
                rest = after;
            }
        }
        // `10 / second` may be written apart.
        if rest.is_none() && self.eat("/") {
            rest = Some("");
        }
        let period = match rest {
            Some("") => {
                let word = self.peek_word();
                self.skip();
                word
            }
            Some(period) => period,
            None => return self.expected(right),
        };
        let Some((_, per)) = PERIODS.iter().find(|(name, _)| *name == period) else {
            let what =
                format!("`{period}` is no period: write second, minute, hour, day or week after the `/`");
            return Err(Wrong::at(spot, what));
        };
        // As nft: five packets at once, no octets beyond the rate.
        let mut burst = if bytes { 0 } else { 5 };
        if self.eat("burst") {
            burst = if bytes { self.amount("a burst")? } else { self.packets()? };
        }
        Ok(Limit { rate, per: *per, burst, bytes, over })
    }

    fn packets(&mut self) -> Result<u64, Wrong> {
        let packets = self.number("a burst", u64::from(u32::MAX))?;
        self.eat("packets");
        if packets == 0 {
            return self.wrong("a burst of 0 packets lets nothing pass: write at least 1");
        }
        Ok(packets)
    }

    fn over(&mut self) -> bool {
        let over = self.eat("over");
        if !over {
            self.eat("until");
        }
        over
    }

    /// Octets as `10 mbytes`.
    fn amount(&mut self, what: &str) -> Result<u64, Wrong> {
        let number = self.number(what, u64::MAX)?;
        let Some((_, octets)) = UNITS.iter().find(|(name, _)| *name == self.peek_word()) else {
            return self.expected("bytes, kbytes or mbytes after the number");
        };
        self.skip();
        self.fits(number.checked_mul(*octets))
    }

    fn fits(&self, amount: Option<u64>) -> Result<u64, Wrong> {
        match amount.filter(|bytes| *bytes < 1 << 60) {
            Some(bytes) => Ok(bytes),
            None => self.wrong("so many octets cannot be counted: write fewer than 2^60"),
        }
    }
}

fn time(word: &str) -> Option<u64> {
    let mut rest = word;
    let mut total = 0_u64;
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
        let number: u64 = rest[..digits].parse().ok()?;
        let after = &rest[digits..];
        let end = after.find(|c: char| c.is_ascii_digit()).unwrap_or(after.len());
        let unit = match &after[..end] {
            "" if total == 0 => NANOS,
            unit => TIMES.iter().find(|(name, _)| *name == unit)?.1,
        };
        total = total.checked_add(number.checked_mul(unit)?)?;
        rest = &after[end..];
    }
    // Later than this no clock of ours counts.
    (!word.is_empty() && total < 1 << 62).then_some(total)
}

/// A time as it is written.
pub(crate) fn print_time(ns: u64) -> String {
    let mut left = ns;
    let mut text = String::new();
    for (name, unit) in TIMES.iter().rev().filter(|(name, _)| *name != "w") {
        if left >= *unit {
            text.push_str(&format!("{}{name}", left / unit));
            left %= unit;
        }
    }
    if text.is_empty() { "0s".to_owned() } else { text }
}

/// Octets as they are written.
pub(crate) fn print_amount(bytes: u64) -> String {
    let unit = UNITS.iter().rev().find(|(_, octets)| bytes > 0 && bytes.is_multiple_of(*octets));
    let (name, octets) = unit.unwrap_or(&UNITS[0]);
    format!("{} {name}", bytes / octets)
}
