//! What a rule looks at and does.

use super::Cursor;
use super::element::Shape;
use crate::lex::Tok;
use crate::model::BitOp;
use crate::model::DataType;
use crate::model::Expr;
use crate::model::ExprBase;
use crate::model::MapRef;
use crate::model::Match;
use crate::model::Op;
use crate::model::Part;
use crate::model::Right;
use crate::model::Statement;
use crate::model::Update;
use crate::model::UpdateOp;
use crate::place::Wrong;
use crate::select::CtKey;
use crate::select::FibResult;
use crate::select::Meta;
use crate::select::Selector;
use crate::types::Type;

/// What is out for now, and what to write instead.
const OUT: [(&str, &str); 12] = [
    ("dnat", "NAT is out for now: route instead, or remove the rule"),
    ("snat", "NAT is out for now: route instead, or remove the rule"),
    ("masquerade", "NAT is out for now: route instead, or remove the rule"),
    ("redirect", "NAT is out for now: route instead, or remove the rule"),
    ("tproxy", "NAT is out for now: route instead, or remove the rule"),
    ("queue", "queues to other programs are out for now: write the verdict itself"),
    ("dup", "copies of packets are out for now: remove it"),
    ("fwd", "the netdev family is out for now: route instead"),
    ("nftrace", "traces are asked for by `filter test`: remove it"),
    ("set", "the old form: write `add @SET { KEY }` or `update @SET { KEY }`"),
    ("xt", "iptables' own matches are out: write the nftables form"),
    ("tcp-option", "TCP options are out for now: remove it"),
];

impl Cursor<'_> {
    /// One statement.
    pub(crate) fn statement(&mut self) -> Result<Statement, Wrong> {
        if let Some(action) = self.action()? {
            return Ok(Statement::Verdict(action));
        }
        let word = self.peek_word();
        if let Some((_, what)) = OUT.iter().find(|(name, _)| *name == word) {
            return self.wrong(format!("`{word}` is not in: {what}"));
        }
        match word {
            "counter" | "quota" | "limit" => self.stateful(),
            "log" => {
                self.skip();
                self.log().map(Statement::Log)
            }
            "reject" => {
                self.skip();
                self.reject().map(Statement::Reject)
            }
            "notrack" => {
                self.skip();
                Ok(Statement::NoTrack)
            }
            "synproxy" => {
                self.skip();
                if self.eat("name") {
                    return self.name("a synproxy").map(Statement::NamedSynProxy);
                }
                self.synproxy().map(Statement::SynProxy)
            }
            "flow" => {
                self.skip();
                if !self.eat("add") {
                    self.need("offload")?;
                }
                match self.peek_tok() {
                    Some(Tok::Set(name)) => {
                        self.skip();
                        Ok(Statement::FlowAdd(name.clone()))
                    }
                    _ => self.expected("`@` and the name of a flowtable"),
                }
            }
            "ct" if self.word_at(1) == "timeout" => self.set_ct_timeout(),
            "add" | "update" | "delete" => self.update(),
            _ if self.at_set() => self.set_mark(),
            "ct" if self.word_at(1) == "count" => self.stateful(),
            _ if self.at_key() => self.relation(),
            _ => self.expected(
                "what the rule looks at or does, as `ip6 saddr`, `tcp dport`, `counter` or `accept`",
            ),
        }
    }

    /// What an element of a set may have for itself, too.
    pub(crate) fn stateful(&mut self) -> Result<Statement, Wrong> {
        let word = self.peek_word();
        self.skip();
        let named = matches!(word, "counter" | "quota" | "limit") && self.eat("name");
        Ok(match word {
            "counter" if named => Statement::NamedCounter(self.name("a counter")?),
            "quota" if named => Statement::NamedQuota(self.name("a quota")?),
            "limit" if named => Statement::NamedLimit(self.name("a limit")?),
            "counter" => Statement::Counter(self.count()?),
            "quota" => Statement::Quota(self.quota()?),
            "limit" => Statement::Limit(self.limit()?),
            _ => {
                self.need("count")?;
                let over = self.eat("over");
                let count = self.number("a number of connections", u64::from(u32::MAX))? as u32;
                Statement::CtCount { over, count }
            }
        })
    }

    fn at_set(&self) -> bool {
        let ahead = match self.peek_word() {
            "meta" | "ct" => 2,
            "mark" => 1,
            "ip" | "ip6" | "tcp" | "udp" | "icmp" | "icmpv6" | "ether" | "vlan" => 2,
            _ => return false,
        };
        self.word_at(ahead) == "set"
    }

    fn set_mark(&mut self) -> Result<Statement, Wrong> {
        let key = self.key()?;
        let selector = key.first().map(|part| part.selector);
        match selector {
            Some(Selector::Meta(Meta::Mark)) => {
                self.need("set")?;
                self.expr().map(Statement::SetMark)
            }
            Some(Selector::Ct(CtKey::Mark)) => {
                self.need("set")?;
                self.expr().map(Statement::SetCtMark)
            }
            _ => self
                .wrong("only marks are set, no headers are changed: write `meta mark set` or `ct mark set`"),
        }
    }

    fn expr(&mut self) -> Result<Expr, Wrong> {
        let base = if self.at_key() {
            // What is done with the field's bits is read below, all in one place.
            let key = self.key()?;
            if self.eat("map") {
                let spot = self.spot();
                let map = match self.peek_tok() {
                    Some(Tok::Set(name)) => {
                        self.skip();
                        MapRef::Named(name.clone(), spot)
                    }
                    _ => MapRef::Inline(self.braces(&Shape::keyed(&key, Some(DataType::Value(Type::Mark))))?),
                };
                ExprBase::Map(key, map)
            } else {
                match key.as_slice() {
                    [part] if part.ty().bits() <= 32 && part.ty() != Type::Presence => ExprBase::Part(*part),
                    _ => {
                        return self
                            .wrong("a mark has 32 bits: write one field of at most so many, or a `map`");
                    }
                }
            }
        } else {
            ExprBase::Value(self.exact(Type::Mark)? as u32)
        };
        let mut ops = Vec::new();
        loop {
            let op = if self.eat_mark("&") || self.eat("and") {
                BitOp::And
            } else if self.eat_mark("|") || self.eat("or") {
                BitOp::Or
            } else if self.eat_mark("^") || self.eat("xor") {
                BitOp::Xor
            } else {
                return Ok(Expr { base, ops });
            };
            ops.push((op, self.exact(Type::Mark)? as u32));
        }
    }

    fn update(&mut self) -> Result<Statement, Wrong> {
        let op = match self.peek_word() {
            "add" => UpdateOp::Add,
            "update" => UpdateOp::Update,
            _ => UpdateOp::Delete,
        };
        self.skip();
        let spot = self.spot();
        let Some(Tok::Set(set)) = self.peek_tok() else {
            return self.expected("`@`, the set's name, and `{ KEY }`");
        };
        self.skip();
        self.need_mark("{")?;
        self.lines();
        let key = self.key()?;
        let mut timeout = None;
        let mut each = Vec::new();
        loop {
            self.lines();
            match self.peek_word() {
                "timeout" => {
                    self.skip();
                    timeout = Some(self.time("a timeout")?);
                }
                "counter" | "quota" | "limit" | "ct" => each.push(self.stateful()?),
                _ => break,
            }
        }
        if self.is_mark(":") {
            return self.wrong("rules add to sets, not to maps: remove the data");
        }
        self.need_mark("}")?;
        let named = each.iter().any(|statement| {
            matches!(
                statement,
                Statement::NamedCounter(_) | Statement::NamedQuota(_) | Statement::NamedLimit(_)
            )
        });
        if named {
            return Err(Wrong::at(spot, "each element has its own: write what it is instead of a name"));
        }
        Ok(Statement::Update(Update { op, set: set.clone(), spot, key, timeout, each }))
    }

    /// A field, and what it is compared with.
    fn relation(&mut self) -> Result<Statement, Wrong> {
        let mut left = self.key()?;
        if self.eat("vmap") {
            let spot = self.spot();
            let map = match self.peek_tok() {
                Some(Tok::Set(name)) => {
                    self.skip();
                    MapRef::Named(name.clone(), spot)
                }
                _ => MapRef::Inline(self.braces(&Shape::keyed(&left, Some(DataType::Verdict)))?),
            };
            return Ok(Statement::Vmap(left, map));
        }
        let op = self.op();
        if let [part] = left.as_mut_slice() {
            presence(part, self.peek_word());
        }
        let right = match self.peek_tok() {
            Some(Tok::Mark("{")) => Right::Set(self.braces(&Shape::keyed(&left, None))?),
            Some(Tok::Set(name)) => {
                let spot = self.spot();
                self.skip();
                Right::Named(name.clone(), spot)
            }
            _ => return self.plain(left, op).map(Statement::Match),
        };
        match op {
            None | Some(Op::Eq) => Ok(Statement::Match(Match { left, op: Op::Eq, right })),
            Some(Op::Ne) => Ok(Statement::Match(Match { left, op: Op::Ne, right })),
            Some(_) => self.wrong("a set is not less or greater: write `==` or `!=`"),
        }
    }

    fn op(&mut self) -> Option<Op> {
        let op = match self.peek_tok() {
            Some(Tok::Mark("==")) => Op::Eq,
            Some(Tok::Mark("!=")) => Op::Ne,
            Some(Tok::Mark("<")) => Op::Lt,
            Some(Tok::Mark(">")) => Op::Gt,
            Some(Tok::Mark("<=")) => Op::Le,
            Some(Tok::Mark(">=")) => Op::Ge,
            Some(Tok::Word(word)) => match word.as_str() {
                "eq" => Op::Eq,
                "ne" => Op::Ne,
                "lt" => Op::Lt,
                "gt" => Op::Gt,
                "le" => Op::Le,
                "ge" => Op::Ge,
                _ => return None,
            },
            _ => return None,
        };
        self.skip();
        Some(op)
    }

    /// Values, no set.
    fn plain(&mut self, mut left: Vec<Part>, op: Option<Op>) -> Result<Match, Wrong> {
        let types: Vec<Type> = left.iter().map(Part::ty).collect();
        if let ([part], [ty]) = (left.as_mut_slice(), types.as_slice())
            && ty.is_flags()
        {
            let flags = self.flag_list(*ty)?;
            let mut op = op.unwrap_or(if part.and.is_some() { Op::Eq } else { Op::Any });
            // `syn / syn,ack` looks at both and wants the first alone.
            if self.eat("/") {
                part.and = Some(self.flag_list(*ty)?);
                op = if op == Op::Any { Op::Eq } else { op };
            }
            let right = Right::Values(vec![crate::types::Value::Exact(flags)]);
            return Ok(Match { left, op, right });
        }
        let op = op.unwrap_or(Op::Eq);
        let values = self.values(&types)?;
        if self.is_mark(",") {
            return self.wrong("several values stand in braces: write `{ A, B }`");
        }
        let ordered = matches!(op, Op::Lt | Op::Gt | Op::Le | Op::Ge);
        let single = matches!(values.as_slice(), [crate::types::Value::Exact(_)]);
        if ordered && !single {
            return self.wrong("less or greater than one value only: write `==` or `!=` before this");
        }
        Ok(Match { left, op, right: Right::Values(values) })
    }
}

/// `fib … oif missing` asks whether there is a way, not which.
fn presence(part: &mut Part, word: &str) {
    if let Selector::Fib(fib) = &mut part.selector
        && fib.result == FibResult::Interface
        && matches!(word, "exists" | "missing" | "0" | "1")
    {
        fib.result = FibResult::Exists;
    }
}
