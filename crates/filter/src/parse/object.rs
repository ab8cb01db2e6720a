//! Counters, logs, rejects and SYN proxies: what has a form of its own.

use super::Cursor;
use crate::lex::Tok;
use crate::model::BaseChain;
use crate::model::Count;
use crate::model::Hook;
use crate::model::Level;
use crate::model::Log;
use crate::model::ObjectKind;
use crate::model::RejectWith;
use crate::model::SynProxy;
use crate::names;
use crate::place::Wrong;
use crate::types::Type;

impl Cursor<'_> {
    /// What follows `counter`.
    pub(crate) fn count(&mut self) -> Result<Count, Wrong> {
        let mut count = Count::default();
        if self.eat("packets") {
            count.packets = self.number("packets", u64::MAX)?;
            self.need("bytes")?;
            count.bytes = self.number("octets", u64::MAX)?;
        }
        Ok(count)
    }

    /// What follows `log`.
    pub(crate) fn log(&mut self) -> Result<Log, Wrong> {
        let mut log = Log { prefix: String::new(), level: Level::Warn, snaplen: None, group: None };
        loop {
            match self.peek_word() {
                "prefix" => {
                    self.skip();
                    log.prefix = self.text("the prefix")?;
                    if log.prefix.len() > 127 {
                        return self.wrong("a prefix of more than 127 characters: write fewer");
                    }
                }
                "level" => {
                    self.skip();
                    let word = match self.peek_word() {
                        "warning" => "warn",
                        "error" => "err",
                        word => word,
                    };
                    let Some((_, level)) = Level::ALL.iter().find(|(name, _)| *name == word) else {
                        return self.expected("emerg, alert, crit, err, warn, notice, info or debug");
                    };
                    self.skip();
                    log.level = *level;
                }
                "snaplen" => {
                    self.skip();
                    log.snaplen = Some(self.number("a number of octets", u64::from(u32::MAX))? as u32);
                }
                "group" => {
                    self.skip();
                    log.group = Some(self.number("a group", u64::from(u16::MAX))? as u16);
                }
                "flags" | "queue-threshold" => {
                    return self.expected("prefix, level, snaplen or group: no more of `log` is in");
                }
                _ => return Ok(log),
            }
        }
    }

    /// What follows `reject`.
    pub(crate) fn reject(&mut self) -> Result<RejectWith, Wrong> {
        if !self.eat("with") {
            return Ok(RejectWith::Icmpx(1));
        }
        let right = "`tcp reset`, `icmp CODE`, `icmpv6 CODE` or `icmpx CODE`";
        match self.peek_word() {
            "tcp" => {
                self.skip();
                self.need("reset")?;
                Ok(RejectWith::TcpReset)
            }
            "icmp" => {
                self.skip();
                self.eat("type");
                Ok(RejectWith::Icmp(self.exact(Type::IcmpCode)? as u8))
            }
            "icmpv6" => {
                self.skip();
                self.eat("type");
                Ok(RejectWith::Icmp6(self.exact(Type::Icmp6Code)? as u8))
            }
            "icmpx" => {
                self.skip();
                self.eat("type");
                let found = names::ICMPX_CODES.iter().find(|(name, _)| *name == self.peek_word());
                let numbered = crate::types::number(self.peek_word()).filter(|code| *code < 4);
                match found.map(|(_, code)| *code).or(numbered) {
                    Some(code) => {
                        self.skip();
                        Ok(RejectWith::Icmpx(code as u8))
                    }
                    None => self.expected("no-route, port-unreachable, host-unreachable or admin-prohibited"),
                }
            }
            _ => self.expected(right),
        }
    }

    /// What follows `synproxy`.
    pub(crate) fn synproxy(&mut self) -> Result<SynProxy, Wrong> {
        let mut proxy = SynProxy { mss: 0, wscale: 0, timestamp: false, sack: false };
        loop {
            match self.peek_word() {
                "mss" => {
                    self.skip();
                    proxy.mss = self.number("a segment's size", 65_535)? as u16;
                }
                "wscale" => {
                    self.skip();
                    proxy.wscale = self.number("a window's shift", 14)? as u8;
                }
                "timestamp" => {
                    self.skip();
                    proxy.timestamp = true;
                }
                "sack-perm" => {
                    self.skip();
                    proxy.sack = true;
                }
                _ => return Ok(proxy),
            }
        }
    }

    /// What a name stands for: `{ … }` after `counter NAME` and the like, or the same on one line.
    pub(crate) fn object(&mut self, kind: &str) -> Result<(ObjectKind, Option<String>), Wrong> {
        let braces = self.eat_mark("{");
        let mut comment = None;
        let mut read = None;
        loop {
            if braces {
                self.separators();
            }
            if self.eat("comment") {
                comment = Some(self.text("a comment")?);
                continue;
            }
            let over = self.is_mark("}") || read.is_some() || (!braces && self.at_separator());
            if over && (braces || read.is_some() || kind == "counter" || kind == "synproxy") {
                break;
            }
            read = Some(match kind {
                "counter" => ObjectKind::Counter(self.count()?),
                "quota" => ObjectKind::Quota(self.quota()?),
                "limit" => ObjectKind::Limit(self.limit()?),
                _ => ObjectKind::SynProxy(self.synproxy_lines(braces)?),
            });
        }
        let read = match (read, kind) {
            (Some(read), _) => read,
            (None, "counter") => ObjectKind::Counter(Count::default()),
            (None, "synproxy") => {
                ObjectKind::SynProxy(SynProxy { mss: 0, wscale: 0, timestamp: false, sack: false })
            }
            _ => return self.expected(&format!("what the {kind} is")),
        };
        if braces {
            self.separators();
            self.need_mark("}")?;
        }
        Ok((read, comment))
    }

    // nft prints each of them on a line.
    fn synproxy_lines(&mut self, braces: bool) -> Result<SynProxy, Wrong> {
        let mut proxy = self.synproxy()?;
        while braces && matches!(self.peek_tok(), Some(Tok::Line | Tok::Mark(";"))) {
            self.separators();
            let more = self.synproxy()?;
            proxy = SynProxy {
                mss: proxy.mss.max(more.mss),
                wscale: proxy.wscale.max(more.wscale),
                timestamp: proxy.timestamp | more.timestamp,
                sack: proxy.sack | more.sack,
            };
        }
        Ok(proxy)
    }
}

/// What makes a chain a base chain: its hook, priority and policy.
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
