//! What a rule looks at: one field, or several side by side.

use super::Cursor;
use crate::model::Part;
use crate::place::Wrong;
use crate::select::CtKey;
use crate::select::EXTENSIONS;
use crate::select::FIELDS;
use crate::select::Fib;
use crate::select::FibResult;
use crate::select::Meta;
use crate::select::Selector;
use crate::select::find;
use crate::select::is_header;

/// A key has at most so many parts.
pub(crate) const MOST_PARTS: usize = 5;

impl Cursor<'_> {
    /// Whether a field begins here.
    pub(crate) fn at_key(&self) -> bool {
        let word = self.peek_word();
        is_header(word)
            || matches!(
                word,
                "meta" | "ct" | "fib" | "exthdr" | "iif" | "oif" | "iifname" | "oifname" | "mark"
            )
    }

    /// One field, or several with ` . ` between them.
    pub(crate) fn key(&mut self) -> Result<Vec<Part>, Wrong> {
        let mut parts = vec![self.part()?];
        while self.eat(".") {
            parts.push(self.part()?);
        }
        if parts.len() > MOST_PARTS {
            return self.wrong(format!("more than {MOST_PARTS} fields side by side: write fewer"));
        }
        Ok(parts)
    }

    fn part(&mut self) -> Result<Part, Wrong> {
        let selector = self.selector()?;
        let and = match self.eat_mark("&") || self.eat("and") {
            true => Some(self.exact(selector.ty())?),
            false => None,
        };
        Ok(Part { selector, and })
    }

    fn selector(&mut self) -> Result<Selector, Wrong> {
        let word = self.peek_word();
        if let "iif" | "oif" | "iifname" | "oifname" | "mark" = word {
            self.skip();
            return Ok(Selector::Meta(Meta::parse(word).unwrap_or(Meta::Mark)));
        }
        match word {
            "meta" => {
                self.skip();
                let Some(meta) = Meta::parse(self.peek_word()) else {
                    return self
                        .expected("iifname, oifname, nfproto, l4proto, protocol, length, pkttype or mark");
                };
                self.skip();
                Ok(Selector::Meta(meta))
            }
            "ct" => {
                self.skip();
                self.ct_key()
            }
            "fib" => {
                self.skip();
                self.fib().map(Selector::Fib)
            }
            "exthdr" => {
                self.skip();
                let Some((name, kind)) = EXTENSIONS.iter().find(|(name, _)| *name == self.peek_word()) else {
                    return self.expected("hbh, rt, frag, dst or mh");
                };
                self.skip();
                Ok(Selector::Exists(name, *kind))
            }
            header if is_header(header) => {
                self.skip();
                self.field(header)
            }
            _ => self.expected("a field, as `ip6 saddr`, `tcp dport` or `iifname`"),
        }
    }

    fn field(&mut self, header: &str) -> Result<Selector, Wrong> {
        let name = self.peek_word();
        if header == "ether" && name == "type" {
            self.skip();
            return Ok(Selector::Meta(Meta::EtherType));
        }
        let Some(field) = find(header, name) else {
            let right: Vec<&str> =
                FIELDS.iter().filter(|field| field.header == header).map(|field| field.name).collect();
            return self.expected(&format!("a field of `{header}`: {}", right.join(", ")));
        };
        self.skip();
        Ok(Selector::Field(field))
    }

    fn ct_key(&mut self) -> Result<Selector, Wrong> {
        let key = match self.peek_word() {
            "state" => CtKey::State,
            "direction" => CtKey::Direction,
            "mark" => CtKey::Mark,
            _ => {
                return self
                    .expected("state, direction, mark or count: no more of a connection is looked at");
            }
        };
        self.skip();
        Ok(Selector::Ct(key))
    }

    fn fib(&mut self) -> Result<Fib, Wrong> {
        let mut fib = Fib { source: false, iif: false, oif: false, mark: false, result: FibResult::Exists };
        let mut address = None;
        loop {
            match self.peek_word() {
                "saddr" if address.is_none() => address = Some(true),
                "daddr" if address.is_none() => address = Some(false),
                "mark" => fib.mark = true,
                "iif" => fib.iif = true,
                "oif" => fib.oif = true,
                _ => {
                    return self
                        .expected("saddr or daddr, and what else the routes are asked by: mark, iif, oif");
                }
            }
            self.skip();
            if !self.eat(".") {
                break;
            }
        }
        let Some(source) = address else {
            return self.expected("`saddr .` or `daddr .` before it");
        };
        fib.source = source;
        fib.result = match self.peek_word() {
            "type" => FibResult::Type,
            "oif" | "oifname" => FibResult::Interface,
            _ => return self.expected("what the routes are asked: oif, oifname or type"),
        };
        self.skip();
        if fib.iif && fib.oif {
            return self.wrong("a way cannot be asked for by both interfaces: write `iif` or `oif`");
        }
        Ok(fib)
    }
}
